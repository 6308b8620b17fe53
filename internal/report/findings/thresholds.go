package findings

import (
	"fmt"
	"time"
)

// Thresholds say from where on a rule makes a finding. The fields are named as the keys of report.findings in the
// configuration, where each is explained. Defaults makes them; zero thresholds are the strictest, not the usual ones.
type Thresholds struct {
	Disabled                         []string // ids of rules that make no findings
	Overdue                          Grace
	SignedLate                       Grace
	BulkApproval                     Bulk
	PrivilegedApprovedWithoutComment Comment
	RevokedStillPresent              Grace
	ReassignedNearDue                Within
	PopulationDrop                   Drop
}

// Grace is how long after a date nothing is found yet.
type Grace struct{ Grace time.Duration }

// Bulk is how many decisions of one interval make a bulk, and what share of them is approved.
type Bulk struct {
	Share float64 // 0 to 1
	Items int
}

// Comment is how many characters a comment has at least, spaces around it not counted.
type Comment struct{ Characters int }

// Within is how close to a date something is found.
type Within struct{ Within time.Duration }

// Drop is the share of a total that may be gone, 0 to 1.
type Drop struct{ Share float64 }

// Defaults are the thresholds that hold where nothing else is configured.
func Defaults() Thresholds {
	return Thresholds{
		BulkApproval:                     Bulk{Share: 0.98, Items: 20},
		PrivilegedApprovedWithoutComment: Comment{Characters: 1},
		ReassignedNearDue:                Within{Within: 48 * time.Hour},
		PopulationDrop:                   Drop{Share: 0.2},
	}
}

// after says in words what a grace after a date means.
func (g Grace) after(date string) string {
	if g.Grace == 0 {
		return "after " + date
	}
	return fmt.Sprintf("more than %s after %s", span(g.Grace), date)
}
