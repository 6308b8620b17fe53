package findings

import (
	"strings"
	"testing"
	"time"
)

var (
	night1 = time.Date(2026, 3, 1, 2, 15, 0, 0, time.UTC)
	night2 = night1.AddDate(0, 0, 1)
)

// test is one case of a rule: an input that differs from one that makes a finding, and what becomes of it.
type test[T any] struct {
	change     func(*T)
	thresholds func(*Thresholds)
	want       string // the detail; empty: no finding
}

// check runs the cases of a rule, each on its own copy of an input that makes a finding. The wanted detail may be a
// part of it that tells enough.
func check[T any](t *testing.T, rule func(T, Thresholds) (Finding, bool), fires T, tests map[string]test[T]) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input, thresholds := fires, Defaults()
			if tt.change != nil {
				tt.change(&input)
			}
			if tt.thresholds != nil {
				tt.thresholds(&thresholds)
			}
			got, ok := rule(input, thresholds)
			if ok != (tt.want != "") {
				t.Fatalf("found: %t, want %t; %+v", ok, tt.want != "", got)
			}
			if !strings.Contains(got.Detail, tt.want) {
				t.Errorf("detail:\n got %q\nwant %q", got.Detail, tt.want)
			}
			if !ok && got != (Finding{}) {
				t.Errorf("no finding, and yet %+v", got)
			}
		})
	}
}

func item() Item {
	return Item{
		CertificationID: "c1", ID: "i1", ReviewerID: "p1", ReviewerName: "Amara Okafor", IdentityID: "p1", IdentityName: "Amara Okafor",
		AccessID: "a1", AccessName: "Domain Admins", Privileged: true, Decision: "APPROVE", LastUndecided: night1, FirstDecided: night2,
		Origin: OriginAuto,
	}
}

func TestSelfReview(t *testing.T) {
	t.Parallel()
	check(t, SelfReview, item(), map[string]test[Item]{
		"fires": {want: "Amara Okafor is the reviewer and the reviewed identity; access Domain Admins, decision APPROVE of origin AUTO, " +
			"observed between 2026-03-01 02:15:00 UTC and 2026-03-02 02:15:00 UTC."},
		"undecided":           {change: func(i *Item) { i.Decision = "" }, want: "access Domain Admins, undecided."},
		"without names":       {change: func(i *Item) { i.IdentityName, i.AccessName = "", "" }, want: "p1 is the reviewer and the reviewed identity; access a1"},
		"captured earlier":    {change: func(i *Item) { i.FromRun = 7 }, want: " As captured in run 7."},
		"no lower bound":      {change: func(i *Item) { i.LastUndecided = time.Time{} }, want: "observed by 2026-03-02 02:15:00 UTC, with no earlier bound"},
		"no bounds":           {change: func(i *Item) { i.LastUndecided, i.FirstDecided = time.Time{}, time.Time{} }, want: "at a time that no run bounds"},
		"somebody else":       {change: func(i *Item) { i.ReviewerID = "p2" }},
		"same name, other id": {change: func(i *Item) { i.ReviewerID = "P1" }},
		"no reviewer":         {change: func(i *Item) { i.ReviewerID = "" }},
		"neither is known":    {change: func(i *Item) { i.ReviewerID, i.IdentityID = "", "" }},
	})
}

func TestPrivilegedApprovedWithoutComment(t *testing.T) {
	t.Parallel()
	ten := func(t *Thresholds) { t.PrivilegedApprovedWithoutComment.Characters = 10 }
	check(t, PrivilegedApprovedWithoutComment, item(), map[string]test[Item]{
		"fires":                   {want: "Privileged access Domain Admins of Amara Okafor, with no comment; decision APPROVE of origin AUTO, observed between"},
		"a comment of spaces":     {change: func(i *Item) { i.Comments = " \n\t" }, want: "with no comment"},
		"a comment":               {change: func(i *Item) { i.Comments = "x" }},
		"shorter than configured": {change: func(i *Item) { i.Comments = " ééééééééé " }, thresholds: ten, want: "with a comment of 9 characters"},
		"as long as configured":   {change: func(i *Item) { i.Comments = "éééééééééé" }, thresholds: ten},
		"not privileged":          {change: func(i *Item) { i.Privileged = false }},
		"revoked":                 {change: func(i *Item) { i.Decision = "REVOKE" }},
		"undecided":               {change: func(i *Item) { i.Decision = "" }},
		"no dates":                {change: func(i *Item) { i.LastUndecided, i.FirstDecided = time.Time{}, time.Time{} }, want: "at a time that no run bounds"},
	})
}

func TestAutoCompleted(t *testing.T) {
	t.Parallel()
	check(t, AutoCompleted, item(), map[string]test[Item]{
		"fires": {want: "Access Domain Admins of Amara Okafor, reviewer Amara Okafor; the campaign ended in the interval; " +
			"decision APPROVE of origin AUTO, observed between 2026-03-01 02:15:00 UTC and 2026-03-02 02:15:00 UTC."},
		"a revocation":     {change: func(i *Item) { i.Decision = "REVOKE" }, want: "decision REVOKE"},
		"by a reviewer":    {change: func(i *Item) { i.Origin = OriginReviewer }},
		"not known":        {change: func(i *Item) { i.Origin = OriginUnknown }},
		"no origin":        {change: func(i *Item) { i.Origin = "" }},
		"without decision": {change: func(i *Item) { i.Decision = "" }},
	})
}

func TestBulkApproval(t *testing.T) {
	t.Parallel()
	interval := Interval{
		CertificationID: "c1", CertificationName: "Q1 – Amara", ReviewerID: "p1", ReviewerName: "Amara Okafor", LastUndecided: night1, FirstDecided: night2,
		Origin: OriginReviewer, Approved: 49, Decided: 50,
	}
	check(t, BulkApproval, interval, map[string]test[Interval]{
		"fires at the share": {want: "49 of 50 items approved in certification Q1 – Amara, reviewer Amara Okafor; decisions observed between " +
			"2026-03-01 02:15:00 UTC and 2026-03-02 02:15:00 UTC, which is 1 day."},
		"just below the share":   {change: func(i *Interval) { i.Approved, i.Decided = 979, 1000 }},
		"at the number of items": {change: func(i *Interval) { i.Approved, i.Decided = 20, 20 }, want: "20 of 20 items"},
		"one item short":         {change: func(i *Interval) { i.Approved, i.Decided = 19, 19 }},
		"a share that is no binary fraction": {
			change:     func(i *Interval) { i.Approved, i.Decided = 999, 1000 },
			thresholds: func(t *Thresholds) { t.BulkApproval.Share = 99.9 / 100 }, want: "999 of 1000",
		},
		"fewer items configured": {
			change:     func(i *Interval) { i.Approved, i.Decided = 1, 1 },
			thresholds: func(t *Thresholds) { t.BulkApproval.Items = 1 }, want: "1 of 1 item approved",
		},
		"never seen undecided":  {change: func(i *Interval) { i.LastUndecided = time.Time{} }},
		"no later bound":        {change: func(i *Interval) { i.FirstDecided = time.Time{} }},
		"at the campaign's end": {change: func(i *Interval) { i.Origin = OriginAuto }},
		"origin not known":      {change: func(i *Interval) { i.Origin = OriginUnknown }},
		"nothing decided": {
			change:     func(i *Interval) { i.Approved, i.Decided = 0, 0 },
			thresholds: func(t *Thresholds) { t.BulkApproval = Bulk{} },
		},
	})
}

func TestFlippedAfterDecision(t *testing.T) {
	t.Parallel()
	change := Change{
		Class: "FLIPPED", Object: "review_item", CertificationID: "c1", ObjectID: "i1", Before: "REVOKE", After: "APPROVE",
		BaselineID: 1, NotBefore: night1, RunID: 2, NotAfter: night2,
	}
	check(t, FlippedAfterDecision, change, map[string]test[Change]{
		"fires": {want: "Decision REVOKE became APPROVE, observed between 2026-03-01 02:15:00 UTC and 2026-03-02 02:15:00 UTC (runs 1 and 2)."},
		"no dates": {
			change: func(c *Change) { c.NotBefore, c.NotAfter = time.Time{}, time.Time{} },
			want:   "became APPROVE, at a time that no run bounds (runs 1 and 2).",
		},
		"taken back": {change: func(c *Change) { c.Class = "REOPENED" }},
		"decided":    {change: func(c *Change) { c.Class = "DECIDED" }},
		"no class":   {change: func(c *Change) { c.Class = "" }},
	})
}

func TestRevokedStillPresent(t *testing.T) {
	t.Parallel()
	signed := night2.AddDate(0, 0, -5)
	revocation := Revocation{
		CertificationID: "c1", ItemID: "i1", IdentityID: "p2", IdentityName: "Chen Wei", AccessID: "a1", AccessName: "Domain Admins",
		ReviewerID: "p1", ReviewerName: "Amara Okafor", Signed: signed, State: StillPresent, SeenAt: night2, SeenCertificationID: "c9",
	}
	grace := func(d time.Duration) func(*Thresholds) {
		return func(t *Thresholds) { t.RevokedStillPresent.Grace = d }
	}
	check(t, RevokedStillPresent, revocation, map[string]test[Revocation]{
		"fires": {want: "Access Domain Admins of Chen Wei was to be revoked, reviewer Amara Okafor, signed 2026-02-25 02:15:00 UTC; " +
			"seen again in the run of 2026-03-02 02:15:00 UTC, certification c9, 5 days after sign-off."},
		"seen before sign-off":         {change: func(r *Revocation) { r.SeenAt = signed }},
		"after the grace":              {thresholds: grace(5*24*time.Hour - time.Second), want: "5 days after sign-off"},
		"within the grace":             {thresholds: grace(5 * 24 * time.Hour)},
		"no sign-off, no grace":        {change: func(r *Revocation) { r.Signed = time.Time{} }, want: "sign-off not dated; seen again in the run of"},
		"no sign-off, a grace":         {change: func(r *Revocation) { r.Signed = time.Time{} }, thresholds: grace(1)},
		"not dated when seen, grace":   {change: func(r *Revocation) { r.SeenAt = time.Time{} }, thresholds: grace(1)},
		"not dated when seen at all":   {change: func(r *Revocation) { r.SeenAt = time.Time{} }, want: "in a run that is not dated, certification c9."},
		"gone":                         {change: func(r *Revocation) { r.State = ProvedGone }},
		"not known whether it is gone": {change: func(r *Revocation) { r.State = StateUnknown }},
		"no state":                     {change: func(r *Revocation) { r.State = "" }},
	})
}
