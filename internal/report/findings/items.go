package findings

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

var selfReview = rule{Rule: Rule{
	ID: "SELF_REVIEW", Version: 1, Severity: High,
	Tests: "The reviewer of the certification is the identity whose access the item reviews.",
	Limit: "The tenant does not tell who made a decision: another reviewer of the certification may have. Only one identity is " +
		"compared; a second identity of the same person is not recognised.",
}}

// SelfReview finds items whose reviewer is the reviewed identity, decided or not. HIGH: a review by somebody else is
// what the control consists of.
func SelfReview(i Item, t Thresholds) (Finding, bool) {
	if i.ReviewerID == "" || i.ReviewerID != i.IdentityID {
		return Finding{}, false
	}
	return selfReview.found(t, i.finding("%s is the reviewer and the reviewed identity; access %s, %s.",
		who(i.IdentityName, i.IdentityID), who(i.AccessName, i.AccessID), i.decided())), true
}

var privilegedApprovedWithoutComment = rule{
	Rule: Rule{
		ID: "PRIVILEGED_APPROVED_WITHOUT_COMMENT", Version: 1, Severity: Medium,
		Tests: "Privileged access was approved without a comment of the length asked for.",
		Limit: "A reason may be recorded elsewhere. The mark is the tenant's, as of the capture, and access without it is not looked at. " +
			"A comment long enough may still say nothing.",
	},
	threshold: func(t Thresholds) string {
		return fmt.Sprintf("comment of fewer than %s", plural(int64(t.PrivilegedApprovedWithoutComment.Characters), "character"))
	},
}

// PrivilegedApprovedWithoutComment finds approvals of privileged access that give no reason. MEDIUM: the review
// happened, but why the access is needed cannot be read from it.
func PrivilegedApprovedWithoutComment(i Item, t Thresholds) (Finding, bool) {
	length := utf8.RuneCountInString(strings.TrimSpace(i.Comments))
	if !i.Privileged || i.Decision != approve || length >= t.PrivilegedApprovedWithoutComment.Characters {
		return Finding{}, false
	}
	comment := "no comment"
	if length > 0 {
		comment = "a comment of " + plural(int64(length), "character")
	}
	return privilegedApprovedWithoutComment.found(t, i.finding("Privileged access %s of %s, with %s; %s.",
		who(i.AccessName, i.AccessID), who(i.IdentityName, i.IdentityID), comment, i.decided())), true
}

var autoCompleted = rule{Rule: Rule{
	ID: "AUTO_COMPLETED", Version: 1, Severity: High,
	Tests: "The item was undecided in the last run that saw its campaign under way, and decided in the first that saw it completed.",
	Limit: "A reviewer may have decided between these two runs, before the campaign ended: the tenant gives neither the date of a decision nor " +
		"who made it. Items whose campaign was not seen before its end are not found.",
}}

// AutoCompleted finds decisions that came with the end of the campaign. HIGH: such a decision may be the tenant's
// default, which nobody reviewed.
func AutoCompleted(i Item, t Thresholds) (Finding, bool) {
	if i.Origin != OriginAuto || i.Decision == "" {
		return Finding{}, false
	}
	return autoCompleted.found(t, i.finding("Access %s of %s, reviewer %s; the campaign ended in the interval; %s.",
		who(i.AccessName, i.AccessID), who(i.IdentityName, i.IdentityID), who(i.ReviewerName, i.ReviewerID), i.decided())), true
}

// finding is what all findings about an item have in common.
func (i Item) finding(format string, args ...any) Finding {
	return Finding{
		Object: objectItem, CertificationID: i.CertificationID, ObjectID: i.ID, Where: sheetItems,
		Detail: fmt.Sprintf(format, args...) + fromRun(i.FromRun),
	}
}

// decided tells the decision, its origin and when it was observed.
func (i Item) decided() string {
	if i.Decision == "" {
		return "undecided"
	}
	origin := ""
	if i.Origin != "" {
		origin = " of origin " + string(i.Origin)
	}
	return "decision " + i.Decision + origin + ", " + observed(i.LastUndecided, i.FirstDecided)
}

var bulkApproval = rule{
	Rule: Rule{
		ID: "BULK_APPROVAL", Version: 1, Severity: Medium,
		Tests: "Of the items of one certification that were decided in the same interval between two runs, nearly all were approved.",
		Limit: "The interval is the time between two runs: nothing shows how long the decisions took within it, or how they were prepared. " +
			"Counted are decisions with origin REVIEWER that were seen undecided before; each interval by itself.",
	},
	threshold: func(t Thresholds) string {
		return fmt.Sprintf("%s approved of at least %s", percent(t.BulkApproval.Share), plural(int64(t.BulkApproval.Items), "item"))
	},
}

// BulkApproval finds many decisions of one interval of which nearly all are approvals. MEDIUM: that is usual where
// access is right, so it asks for a sample, and proves nothing.
func BulkApproval(i Interval, t Thresholds) (Finding, bool) {
	b := t.BulkApproval
	if i.LastUndecided.IsZero() || i.FirstDecided.IsZero() || i.Origin != OriginReviewer ||
		i.Decided < 1 || i.Decided < int64(b.Items) || float64(i.Approved)/float64(i.Decided) < b.Share-rounding {
		return Finding{}, false
	}
	return bulkApproval.found(t, Finding{
		Object: objectCertification, CertificationID: i.CertificationID, ObjectID: i.CertificationID, Where: sheetItems,
		Detail: fmt.Sprintf("%d of %s approved in certification %s, reviewer %s; decisions %s, which is %s.",
			i.Approved, plural(i.Decided, "item"), who(i.CertificationName, i.CertificationID), who(i.ReviewerName, i.ReviewerID),
			observed(i.LastUndecided, i.FirstDecided), span(i.FirstDecided.Sub(i.LastUndecided))),
	}), true
}

var flippedAfterDecision = rule{Rule: Rule{
	ID: "FLIPPED_AFTER_DECISION", Version: 1, Severity: Medium,
	Tests: "An item that was decided in the baseline has another decision in this run.",
	Limit: "Only the decisions at the two runs are compared: one that changed and changed back between them does not show, nor one that was " +
		"taken back and made anew over several runs. Who changed it is not told. A reviewer may change a decision until sign-off.",
}}

// FlippedAfterDecision finds decisions that became another one. MEDIUM: it is allowed until sign-off; the reason is
// worth asking for.
func FlippedAfterDecision(c Change, t Thresholds) (Finding, bool) {
	if c.Class != classFlipped {
		return Finding{}, false
	}
	return flippedAfterDecision.found(t, Finding{
		Object: objectItem, CertificationID: c.CertificationID, ObjectID: c.ObjectID, Where: sheetChanges,
		Detail: fmt.Sprintf("Decision %s became %s, %s (runs %d and %d).",
			who(c.Before, ""), who(c.After, ""), observed(c.NotBefore, c.NotAfter), c.BaselineID, c.RunID),
	}), true
}

var revokedStillPresent = rule{
	Rule: Rule{
		ID: "REVOKED_STILL_PRESENT", Version: 1, Severity: High,
		Tests: "Access that was to be revoked was seen again in a later complete capture.",
		Limit: "Seen are the review items of certifications, not the accounts themselves: the access may have been removed and granted anew, or " +
			"the later certification may show a state from before the removal. Access that no later certification reviews is UNKNOWN and not found.",
	},
	threshold: func(t Thresholds) string {
		return "seen " + t.RevokedStillPresent.after("sign-off")
	},
}

// RevokedStillPresent finds revoked access that was seen again. A grace needs both dates; without a grace the state is
// enough. HIGH: the decision may not have taken effect.
func RevokedStillPresent(r Revocation, t Thresholds) (Finding, bool) {
	grace := t.RevokedStillPresent.Grace
	dated := !r.Signed.IsZero() && !r.SeenAt.IsZero()
	if r.State != StillPresent || (dated && !r.SeenAt.After(r.Signed.Add(grace))) || (!dated && grace > 0) {
		return Finding{}, false
	}
	signed, seen := "sign-off not dated", "seen again in a run that is not dated"
	if !r.Signed.IsZero() {
		signed = "signed " + instant(r.Signed)
	}
	if !r.SeenAt.IsZero() {
		seen = "seen again in the run of " + instant(r.SeenAt)
	}
	if r.SeenCertificationID != "" {
		seen += ", certification " + r.SeenCertificationID
	}
	if dated {
		seen += ", " + span(r.SeenAt.Sub(r.Signed)) + " after sign-off"
	}
	return revokedStillPresent.found(t, Finding{
		Object: objectItem, CertificationID: r.CertificationID, ObjectID: r.ItemID, Where: sheetRevocations,
		Detail: fmt.Sprintf("Access %s of %s was to be revoked, reviewer %s, %s; %s.",
			who(r.AccessName, r.AccessID), who(r.IdentityName, r.IdentityID), who(r.ReviewerName, r.ReviewerID), signed, seen),
	}), true
}
