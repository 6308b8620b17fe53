// Package findings holds the rules of the sheet and file Findings: what a reader should look at, and what the data can
// and cannot show about it.
//
// A rule is a pure function of one input and the thresholds. It keeps nothing, so a report may pass any number of rows
// through it, and reads no clock: dates come from the rows or from the run. What is not given makes no finding. The
// marks of a review item are the ids of the findings that OfItem gives.
//
// It is not a judgement of people: a finding states a rule, its threshold and where the evidence is. It imports nothing
// of the module and may be imported by internal/report, internal/job and the command.
package findings

import "slices"

// Severity says how soon a finding should be looked at.
type Severity string

// The severities.
const (
	High   Severity = "HIGH"   // bears on whether a review happened, took effect or is in the report at all
	Medium Severity = "MEDIUM" // the review happened; ask how
	Low    Severity = "LOW"    // explains other findings
	Info   Severity = "INFO"   // good to know
)

// Finding is one row of the sheet Findings.
type Finding struct {
	Rule            string // id of the rule
	Version         int    // of the rule; it grows when the same rows would give other findings
	Severity        Severity
	Object          string // kind of object: certification, reviewer, review_item, permission, task or campaign
	CertificationID string // empty: concerns the whole run
	ObjectID        string // empty: concerns a whole population
	Detail          string
	Threshold       string // in force; empty: the rule has none
	Where           string // sheet that has the evidence
}

// Rule is what is to be said about a rule apart from any finding.
type Rule struct {
	ID        string
	Version   int
	Severity  Severity
	Threshold string // the default in words, or "none"
	Tests     string // what makes a finding
	Limit     string // what the data cannot show
}

// rule is a Rule with its threshold as a function, so that the default and the one in force read alike.
type rule struct {
	Rule
	threshold func(Thresholds) string // nil: none
}

// found completes a finding of the rule.
func (r *rule) found(t Thresholds, f Finding) Finding {
	f.Rule, f.Version, f.Severity = r.ID, r.Version, r.Severity
	if r.threshold != nil {
		f.Threshold = r.threshold(t)
	}
	return f
}

// all are the rules in the order they are listed for readers.
var all = []*rule{
	&selfReview,
	&overdue,
	&signedLate,
	&bulkApproval,
	&privilegedApprovedWithoutComment,
	&flippedAfterDecision,
	&autoCompleted,
	&revokedStillPresent,
	&reassignedNearDue,
	&reassignedToSubject,
	&taskError,
	&certificationError,
	&governanceGroupUnreadable,
	&populationDrop,
	&nextGenerationNotExported,
}

// Rules lists all rules, each with its default threshold.
func Rules() []Rule {
	list := make([]Rule, len(all))
	for i, r := range all {
		list[i] = r.Rule
		list[i].Threshold = "none"
		if r.threshold != nil {
			list[i].Threshold = r.threshold(Defaults())
		}
	}
	return list
}

// OfRun gives the findings about a run as a whole.
func OfRun(r Run, t Thresholds) []Finding {
	var found []Finding
	for _, p := range r.populations() {
		found = append(found, apply(p, t, PopulationDrop)...)
	}
	return append(found, apply(r, t, NextGenerationNotExported)...)
}

// OfCertification gives the findings about a certification.
func OfCertification(c Certification, t Thresholds) []Finding {
	return apply(c, t, Overdue, SignedLate, CertificationError)
}

// OfCoverage gives the findings about what could be read of a certification.
func OfCoverage(c Coverage, t Thresholds) []Finding {
	return apply(c, t, GovernanceGroupUnreadable)
}

// OfItem gives the findings about a review item.
func OfItem(i Item, t Thresholds) []Finding {
	return apply(i, t, SelfReview, PrivilegedApprovedWithoutComment, AutoCompleted)
}

// OfInterval gives the findings about the decisions of one interval.
func OfInterval(i Interval, t Thresholds) []Finding {
	return apply(i, t, BulkApproval)
}

// OfChange gives the findings about a change.
func OfChange(c Change, t Thresholds) []Finding {
	return apply(c, t, FlippedAfterDecision)
}

// OfTask gives the findings about a task.
func OfTask(task Task, t Thresholds) []Finding {
	return apply(task, t, TaskError)
}

// OfReassignment gives the findings about a reassignment.
func OfReassignment(r Reassignment, t Thresholds) []Finding {
	return apply(r, t, ReassignedNearDue, ReassignedToSubject)
}

// OfRevocation gives the findings about a revocation.
func OfRevocation(r Revocation, t Thresholds) []Finding {
	return apply(r, t, RevokedStillPresent)
}

// apply runs rules over one input and leaves out those that are disabled.
func apply[T any](input T, t Thresholds, rules ...func(T, Thresholds) (Finding, bool)) []Finding {
	var found []Finding
	for _, rule := range rules {
		if f, ok := rule(input, t); ok && !slices.Contains(t.Disabled, f.Rule) {
			found = append(found, f)
		}
	}
	return found
}
