// Package delta is the vocabulary of change: the classes of changes between
// two runs, what each says and does not say, and which ones a reader should
// see first. The changes themselves are computed where the history is, by
// audit.changes_between; a second computation here would be a second truth.
//
// It is a leaf: it imports nothing of the module. The command and package
// report use it.
package delta

import (
	"cmp"
	"slices"
)

// Class is the class of one change, as audit.changes spells it.
type Class string

// Meaning is what a class says about a change.
type Meaning struct {
	Class Class
	Text  string
}

// classes are all classes, those that a reader should look at first at the
// top: what may be wrong, then what was granted or taken, then what was decided,
// then the rest.
var classes = []Meaning{
	{"NOT_COMPARABLE", "One side shows rows older than its run: nothing can be said between the two."},
	{"CAPTURE_GAP", "Came or went as one side could not be read at all; says nothing about the access."},
	{"FLIPPED", "A decision became another decision."},
	{"REOPENED", "A decision was taken back; the item is undecided again."},
	{"PRIVILEGE_CHANGED", "The privileged flag of the access changed."},
	{"PERMISSION_ADDED", "The entitlement grants a target that it did not grant before."},
	{"PERMISSION_REMOVED", "The entitlement does not grant a target any more."},
	{"RIGHTS_CHANGED", "Same target, other rights."},
	{"ADDED", "New, and both sides are complete."},
	{"REMOVED", "Gone, and both sides are complete. Not in the certification any more; not revoked."},
	{"DELETED_IN_TENANT", "Gone because the tenant deleted the certification. Says nothing about the access."},
	{"LEFT_SCOPE", "Gone because this run was asked for less."},
	{"ENTERED_SCOPE", "Appeared because this run was asked for more."},
	{"REASSIGNED", "Handed to another reviewer, or moved to the certification made for one."},
	{"REVIEWER_ADDED", "A reviewer joined the certification."},
	{"REVIEWER_REMOVED", "A reviewer left the certification."},
	{"TASK_FAILED", "A task of the tenant ended in an error."},
	{"TASK_FINISHED", "A task of the tenant ended well."},
	{"SIGNED", "The certification was signed off."},
	{"DECIDED", "An undecided item was decided."},
	{"COMMENT_CHANGED", "The comment of a review item changed."},
	{"RENAMED", "The same object has another name."},
	{"CHANGED", "Any other field changed."},
}

// Classes returns all classes with their meanings, the ones to look at first
// at the top.
func Classes() []Meaning { return slices.Clone(classes) }

// Compare orders classes, as audit.changes spells them, by Rank, and unknown ones
// by name.
func Compare(a, b string) int {
	return cmp.Or(cmp.Compare(Rank(Class(a)), Rank(Class(b))), cmp.Compare(a, b))
}

// Rank is a class's place in Classes; unknown ones come last.
func Rank(c Class) int {
	i := slices.IndexFunc(classes, func(m Meaning) bool { return m.Class == c })
	if i < 0 {
		return len(classes)
	}
	return i
}
