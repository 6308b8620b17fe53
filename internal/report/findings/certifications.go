package findings

import (
	"fmt"
	"strings"
)

var overdue = rule{
	Rule: Rule{
		ID: "OVERDUE", Version: 1, Severity: High,
		Tests: "The due date had passed when the run began, and the certification is not signed.",
		Limit: "Compared is the due date as of the capture: one that was moved shows in Changes. Where the certification is as captured in an earlier " +
			"run, a sign-off since then is not known.",
	},
	threshold: func(t Thresholds) string { return "not signed " + t.Overdue.after("the due date") },
}

// Overdue finds certifications that are past their due date and not signed, as of the start of the run. HIGH: the
// review was not finished in the time set for it.
func Overdue(c Certification, t Thresholds) (Finding, bool) {
	if c.Due.IsZero() || c.AsOf.IsZero() || !c.Signed.IsZero() || c.Phase == phaseSigned || !c.AsOf.After(c.Due.Add(t.Overdue.Grace)) {
		return Finding{}, false
	}
	phase := "phase " + c.Phase
	if c.Phase == "" {
		phase = "phase not given"
	}
	return overdue.found(t, c.finding("Certification %s of reviewer %s was due %s and is not signed (%s), %s later, at the start of the run.",
		who(c.Name, c.ID), who(c.ReviewerName, c.ReviewerID), instant(c.Due), phase, span(c.AsOf.Sub(c.Due)))), true
}

var signedLate = rule{
	Rule: Rule{
		ID: "SIGNED_LATE", Version: 1, Severity: Medium,
		Tests: "The certification was signed after its due date.",
		Limit: "Both dates are the tenant's, as of the capture. The due date may have been moved before or after the sign-off; an earlier one shows only in " +
			"the Changes of the runs between which it was moved.",
	},
	threshold: func(t Thresholds) string { return "signed " + t.SignedLate.after("the due date") },
}

// SignedLate finds certifications that were signed after their due date. MEDIUM: the review was finished, after the
// time set for it.
func SignedLate(c Certification, t Thresholds) (Finding, bool) {
	if c.Due.IsZero() || c.Signed.IsZero() || !c.Signed.After(c.Due.Add(t.SignedLate.Grace)) {
		return Finding{}, false
	}
	return signedLate.found(t, c.finding("Certification %s of reviewer %s was due %s and signed %s, %s later.",
		who(c.Name, c.ID), who(c.ReviewerName, c.ReviewerID), instant(c.Due), instant(c.Signed), span(c.Signed.Sub(c.Due)))), true
}

var certificationError = rule{Rule: Rule{
	ID: "CERTIFICATION_ERROR", Version: 1, Severity: Medium,
	Tests: "The tenant reports an error on the certification.",
	Limit: "The tenant's own statement, as of the capture. It does not say which items or decisions are concerned, or since when.",
}}

// CertificationError finds certifications on which the tenant reports an error. MEDIUM: the review may be short of
// items, or a decision without effect.
func CertificationError(c Certification, t Thresholds) (Finding, bool) {
	if !c.HasErrors && c.ErrorMessage == "" {
		return Finding{}, false
	}
	message := c.ErrorMessage
	if message == "" {
		message = "no message given"
	}
	return certificationError.found(t, c.finding("Certification %s of reviewer %s: the tenant reports an error (%s).",
		who(c.Name, c.ID), who(c.ReviewerName, c.ReviewerID), message)), true
}

// finding is what all findings about a certification have in common.
func (c Certification) finding(format string, args ...any) Finding {
	return Finding{
		Object: objectCertification, CertificationID: c.ID, ObjectID: c.ID, Where: sheetCertifications,
		Detail: fmt.Sprintf(format, args...) + fromRun(c.FromRun),
	}
}

var governanceGroupUnreadable = rule{Rule: Rule{
	ID: "GOVERNANCE_GROUP_UNREADABLE", Version: 1, Severity: High,
	Tests: "The reviewer of the certification is a governance group, and the tenant refused to serve the certification or one of its lists.",
	Limit: "What was reviewed and decided in it cannot be seen here; that says nothing about the review itself. A certification that the tenant leaves out " +
		"of its list is not found.",
}}

// GovernanceGroupUnreadable finds certifications of governance groups that the API does not serve. HIGH: a part of
// the population is not in the report, whether or not that was accepted beforehand.
func GovernanceGroupUnreadable(c Coverage, t Thresholds) (Finding, bool) {
	if c.ReviewerType != governanceGroup || len(c.Unsupported) == 0 {
		return Finding{}, false
	}
	accepted := "not among the known gaps"
	if c.Accepted {
		accepted = "accepted as a known gap"
	}
	return governanceGroupUnreadable.found(t, Finding{
		Object: objectCertification, CertificationID: c.CertificationID, ObjectID: c.CertificationID, Where: sheetCoverage,
		Detail: fmt.Sprintf("Certification %s of governance group %s was not served (%s); %s. What is shown of these lists, if anything, is from an earlier run.",
			who(c.CertificationName, c.CertificationID), who(c.ReviewerName, ""), strings.Join(c.Unsupported, ", "), accepted),
	}), true
}

var reassignedNearDue = rule{
	Rule: Rule{
		ID: "REASSIGNED_NEAR_DUE", Version: 1, Severity: Low,
		Tests: "Handed to another reviewer shortly before the due date, or after it.",
		Limit: "The hand-over is bounded by two runs and counted as of the later one: it may have been earlier, by up to the time between them. One that " +
			"no earlier run precedes is not found. A hand-over may have good reasons, such as an absence.",
	},
	threshold: func(t Thresholds) string { return span(t.ReassignedNearDue.Within) + " or less before the due date" },
}

// ReassignedNearDue finds hand-overs that left the new reviewer little time. LOW: it explains other findings about the
// certification more than it says by itself.
func ReassignedNearDue(r Reassignment, t Thresholds) (Finding, bool) {
	if r.Due.IsZero() || r.NotBefore.IsZero() || r.NotAfter.IsZero() {
		return Finding{}, false
	}
	near := r.Due.Add(-t.ReassignedNearDue.Within)
	if r.NotAfter.Before(near) {
		return Finding{}, false
	}
	left := span(r.Due.Sub(r.NotAfter)) + " before it"
	if r.NotAfter.After(r.Due) {
		left = span(r.NotAfter.Sub(r.Due)) + " after it"
	}
	detail := fmt.Sprintf("Handed from %s to %s, %s; due %s, the later bound is %s.",
		who(r.FromName, r.FromID), who(r.ToName, r.ToID), observed(r.NotBefore, r.NotAfter), instant(r.Due), left)
	if r.NotBefore.Before(near) {
		detail += " By the earlier bound it may have been before the threshold."
	}
	return reassignedNearDue.found(t, r.finding(detail)), true
}

var reassignedToSubject = rule{Rule: Rule{
	ID: "REASSIGNED_TO_SUBJECT", Version: 1, Severity: High,
	Tests: "A certification was handed to an identity whose own access it reviews.",
	Limit: "The items are those of this run; which of them were part of the hand-over is not told. Nor is whether the new reviewer decided them, or " +
		"handed them on.",
}}

// ReassignedToSubject finds hand-overs to somebody whose own access is under review. HIGH: as SELF_REVIEW, and it came
// about by a step that somebody took.
func ReassignedToSubject(r Reassignment, t Thresholds) (Finding, bool) {
	if r.ToID == "" || r.OwnItems < 1 {
		return Finding{}, false
	}
	return reassignedToSubject.found(t, r.finding(fmt.Sprintf("Handed from %s to %s, %s; %s of the certification %s the new reviewer's own access.",
		who(r.FromName, r.FromID), who(r.ToName, r.ToID), observed(r.NotBefore, r.NotAfter), plural(r.OwnItems, "item"), verb(r.OwnItems, "reviews", "review")))), true
}

func verb(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// finding is what all findings about a reassignment have in common.
func (r Reassignment) finding(detail string) Finding {
	return Finding{
		Object: objectCertification, CertificationID: r.CertificationID, ObjectID: r.CertificationID, Where: sheetReassignments, Detail: detail,
	}
}

var taskError = rule{Rule: Rule{
	ID: "TASK_ERROR", Version: 1, Severity: Low,
	Tests: "A task of the tenant, such as a reassignment, ended in an error.",
	Limit: "The tenant's own statement. Part of the work may have been done, or done again by a later task. A finished task stays listed, and so does " +
		"its finding; one that began and ended between two runs was never seen.",
}}

// TaskError finds tasks that ended in an error. LOW: what was left undone shows where it matters, in the certification.
func TaskError(task Task, t Thresholds) (Finding, bool) {
	if task.Status != statusError {
		return Finding{}, false
	}
	message := "no text given"
	if n := len(task.Errors); n > 0 {
		message = task.Errors[0]
		if n > 1 {
			message += fmt.Sprintf("; and %d more", n-1)
		}
	}
	return taskError.found(t, Finding{
		Object: objectTask, CertificationID: task.CertificationID, ObjectID: task.ID, Where: sheetTasks,
		Detail: fmt.Sprintf("Task of type %s ended in an error (%s); the task was %s.", who(task.Type, ""), message, observed(task.FirstSeen, task.LastSeen)),
	}), true
}
