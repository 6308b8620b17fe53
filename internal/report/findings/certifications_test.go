package findings

import (
	"testing"
	"time"
)

func certification() Certification {
	return Certification{
		ID: "c1", Name: "Q1 – Amara", Phase: "ACTIVE", ReviewerID: "p1", ReviewerName: "Amara Okafor", Due: night1, AsOf: night2,
	}
}

func TestOverdue(t *testing.T) {
	t.Parallel()
	grace := func(t *Thresholds) { t.Overdue.Grace = 24 * time.Hour }
	check(t, Overdue, certification(), map[string]test[Certification]{
		"fires": {want: "Certification Q1 – Amara of reviewer Amara Okafor was due 2026-03-01 02:15:00 UTC and is not signed (phase ACTIVE), " +
			"1 day later, at the start of the run."},
		"due as the run starts":   {change: func(c *Certification) { c.Due = night2 }},
		"due a moment before":     {change: func(c *Certification) { c.Due = night2.Add(-time.Second) }, want: "1 s later"},
		"at the end of the grace": {thresholds: grace},
		"after the grace":         {change: func(c *Certification) { c.AsOf = night2.Add(time.Minute) }, thresholds: grace, want: "1 day 1 min later"},
		"captured earlier":        {change: func(c *Certification) { c.FromRun = 3 }, want: "As captured in run 3."},
		"signed":                  {change: func(c *Certification) { c.Signed = night2 }},
		"signed, not dated":       {change: func(c *Certification) { c.Phase = "SIGNED" }},
		"no phase":                {change: func(c *Certification) { c.Phase = "" }, want: "(phase not given)"},
		"no due date":             {change: func(c *Certification) { c.Due = time.Time{} }},
		"no start of the run":     {change: func(c *Certification) { c.AsOf = time.Time{} }},
	})
}

func TestSignedLate(t *testing.T) {
	t.Parallel()
	late := certification()
	late.Phase, late.Signed = "SIGNED", night1.Add(27*time.Hour)
	check(t, SignedLate, late, map[string]test[Certification]{
		"fires":            {want: "Certification Q1 – Amara of reviewer Amara Okafor was due 2026-03-01 02:15:00 UTC and signed 2026-03-02 05:15:00 UTC, 1 day 3 h later."},
		"signed when due":  {change: func(c *Certification) { c.Signed = c.Due }},
		"within the grace": {thresholds: func(t *Thresholds) { t.SignedLate.Grace = 27 * time.Hour }},
		"after the grace":  {thresholds: func(t *Thresholds) { t.SignedLate.Grace = 27*time.Hour - 1 }, want: "1 day 3 h later"},
		"captured earlier": {change: func(c *Certification) { c.FromRun = 3 }, want: "As captured in run 3."},
		"not signed":       {change: func(c *Certification) { c.Signed = time.Time{} }},
		"no due date":      {change: func(c *Certification) { c.Due = time.Time{} }},
	})
}

func TestCertificationError(t *testing.T) {
	t.Parallel()
	broken := certification()
	broken.HasErrors, broken.ErrorMessage = true, "The certification has an error"
	check(t, CertificationError, broken, map[string]test[Certification]{
		"fires":      {want: "Certification Q1 – Amara of reviewer Amara Okafor: the tenant reports an error (The certification has an error)."},
		"no message": {change: func(c *Certification) { c.ErrorMessage = "" }, want: "(no message given)"},
		"no flag":    {change: func(c *Certification) { c.HasErrors = false }, want: "(The certification has an error)"},
		"no error":   {change: func(c *Certification) { c.HasErrors, c.ErrorMessage = false, "" }},
	})
}

func TestGovernanceGroupUnreadable(t *testing.T) {
	t.Parallel()
	refused := Coverage{
		CertificationID: "c1", CertificationName: "Q1 – Finance", ReviewerType: "GOVERNANCE_GROUP", ReviewerName: "Finance Approvers",
		Unsupported: []string{"review_items", "permissions"},
	}
	check(t, GovernanceGroupUnreadable, refused, map[string]test[Coverage]{
		"fires": {want: "Certification Q1 – Finance of governance group Finance Approvers was not served (review_items, permissions); " +
			"not among the known gaps."},
		"accepted":            {change: func(c *Coverage) { c.Accepted = true }, want: "accepted as a known gap"},
		"without names":       {change: func(c *Coverage) { c.CertificationName, c.ReviewerName = "", "" }, want: "Certification c1 of governance group not named"},
		"served":              {change: func(c *Coverage) { c.Unsupported = nil }},
		"an identity":         {change: func(c *Coverage) { c.ReviewerType = "IDENTITY" }},
		"type not known":      {change: func(c *Coverage) { c.ReviewerType = "" }},
		"nothing is known":    {change: func(c *Coverage) { *c = Coverage{} }},
		"accepted but served": {change: func(c *Coverage) { c.Unsupported, c.Accepted = []string{}, true }},
	})
}

func reassignment() Reassignment {
	return Reassignment{
		CertificationID: "c2", FromID: "p1", FromName: "Amara Okafor", ToID: "p2", ToName: "Chen Wei", NotBefore: night1, NotAfter: night2,
		Due: night2.Add(24 * time.Hour), OwnItems: 2,
	}
}

func TestReassignedNearDue(t *testing.T) {
	t.Parallel()
	due := func(d time.Duration) func(*Reassignment) {
		return func(r *Reassignment) { r.Due = night2.Add(d) }
	}
	check(t, ReassignedNearDue, reassignment(), map[string]test[Reassignment]{
		"fires": {want: "Handed from Amara Okafor to Chen Wei, observed between 2026-03-01 02:15:00 UTC and 2026-03-02 02:15:00 UTC; " +
			"due 2026-03-03 02:15:00 UTC, the later bound is 1 day before it."},
		"by the later bound only":  {change: due(48 * time.Hour), want: "2 days before it. By the earlier bound it may have been before the threshold."},
		"just earlier":             {change: due(48*time.Hour + time.Second)},
		"earlier than configured":  {thresholds: func(t *Thresholds) { t.ReassignedNearDue.Within = 23 * time.Hour }},
		"after the due date":       {change: due(-36 * time.Hour), want: "the later bound is 1 day 12 h after it."},
		"when due":                 {change: due(0), want: "the later bound is 0 s before it."},
		"no due date":              {change: func(r *Reassignment) { r.Due = time.Time{} }},
		"no earlier run precedes":  {change: func(r *Reassignment) { r.NotBefore = time.Time{} }},
		"no later bound":           {change: func(r *Reassignment) { r.NotAfter = time.Time{} }},
		"reviewers without a name": {change: func(r *Reassignment) { r.FromName, r.FromID, r.ToName = "", "", "" }, want: "Handed from not named to p2"},
	})
}

func TestReassignedToSubject(t *testing.T) {
	t.Parallel()
	check(t, ReassignedToSubject, reassignment(), map[string]test[Reassignment]{
		"fires": {want: "Handed from Amara Okafor to Chen Wei, observed between 2026-03-01 02:15:00 UTC and 2026-03-02 02:15:00 UTC; " +
			"2 items of the certification review the new reviewer's own access."},
		"one item":             {change: func(r *Reassignment) { r.OwnItems = 1 }, want: "1 item of the certification reviews"},
		"no dates":             {change: func(r *Reassignment) { r.NotBefore, r.NotAfter = time.Time{}, time.Time{} }, want: "at a time that no run bounds"},
		"no earlier bound":     {change: func(r *Reassignment) { r.NotBefore = time.Time{} }, want: "observed by 2026-03-02 02:15:00 UTC"},
		"nothing of their own": {change: func(r *Reassignment) { r.OwnItems = 0 }},
		"no new reviewer":      {change: func(r *Reassignment) { r.ToID = "" }},
	})
}

func TestTaskError(t *testing.T) {
	t.Parallel()
	task := Task{
		ID: "t1", CertificationID: "c1", Type: "REASSIGN", Status: "ERROR", Errors: []string{"The item is decided", "x"}, FirstSeen: night1, LastSeen: night2,
	}
	check(t, TaskError, task, map[string]test[Task]{
		"fires": {want: "Task of type REASSIGN ended in an error (The item is decided; and 1 more); the task was observed between " +
			"2026-03-01 02:15:00 UTC and 2026-03-02 02:15:00 UTC."},
		"no text":          {change: func(t *Task) { t.Errors = nil }, want: "ended in an error (no text given)"},
		"one text":         {change: func(t *Task) { t.Errors = t.Errors[:1] }, want: "(The item is decided)"},
		"no dates":         {change: func(t *Task) { t.FirstSeen, t.LastSeen = time.Time{}, time.Time{} }, want: "at a time that no run bounds"},
		"ended well":       {change: func(t *Task) { t.Status = "SUCCESS" }},
		"not ended":        {change: func(t *Task) { t.Status = "IN_PROGRESS" }},
		"status not given": {change: func(t *Task) { t.Status = "" }},
	})
}
