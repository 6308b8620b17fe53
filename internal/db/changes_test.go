package db

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"exporter/internal/snapshot"
)

func TestChangeClasses(t *testing.T) {
	t.Parallel()
	editItem := func(edit func(*snapshot.ReviewItem)) func(*world) {
		return func(w *world) { w.certs["a"].editItem("k", edit) }
	}
	editHeader := func(edit func(*snapshot.Certification)) func(*world) {
		return func(w *world) { w.certs["a"].editHeader(edit) }
	}
	setTask := func(v snapshot.Task) func(*world) {
		return func(w *world) { v.ID, v.CertificationID = "t", new("a"); w.tasks["t"] = task(v) }
	}
	decided := func(w *world) { w.certs["a"].decide("k", "APPROVE") }
	tests := map[string]struct {
		before func(*world) // what the first night sees
		change func(*world)
		want   []string
	}{
		"nothing":        {nil, func(*world) {}, []string{}},
		"item added":     {nil, func(w *world) { w.certs["a"].items = append(w.certs["a"].items, newItem("l")) }, []string{"ADDED / review_item / a / l"}},
		"item removed":   {nil, func(w *world) { w.certs["a"].take("k") }, []string{"REMOVED / review_item / a / k"}},
		"reviewer added": {nil, func(w *world) { w.certs["b"].reviewers = w.certs["a"].reviewers }, []string{"REVIEWER_ADDED / reviewer / b / r"}},
		"reviewer gone":  {nil, func(w *world) { w.certs["a"].reviewers = nil }, []string{"REVIEWER_REMOVED / reviewer / a / r"}},
		"reviewer renamed": {nil, func(w *world) {
			w.certs["a"].reviewers = []snapshot.Reviewer{reviewer(snapshot.Reviewer{ID: "r", Name: new("Rina")})}
		}, []string{"CHANGED / reviewer / a / r / email / rita@example.com / -", "RENAMED / reviewer / a / r / name / Rita / Rina"}},
		"permission added": {nil, func(w *world) { w.certs["a"].grant("j", permission("y")) }, []string{"PERMISSION_ADDED / permission / a / j"}},
		"one of two equal permissions removed": {nil, func(w *world) { w.certs["a"].grant("i", permission("x", "read"), snapshot.Permission{}) },
			[]string{"PERMISSION_REMOVED / permission / a / i"}},
		"permissions in another order": {nil, func(w *world) { slices.Reverse(w.certs["a"].permissions["i"]) }, []string{}},
		"rights changed on one of two equal targets": {nil, func(w *world) { w.certs["a"].permissions["i"][0] = permission("x", "read", "write") },
			[]string{`RIGHTS_CHANGED / permission / a / i / rights / {"rights": ["read"], "target": "x"} / {"rights": ["read", "write"], "target": "x"}`}},
		"rights changed of no target": {nil, func(w *world) { w.certs["a"].permissions["i"][2].Rights = []string{} },
			[]string{`RIGHTS_CHANGED / permission / a / i / rights / {"rights": null, "target": null} / {"rights": [], "target": null}`}},
		"certification added": {nil, func(w *world) { w.certs["c"] = newCert("c", newItem("i")) },
			[]string{"ADDED / certification / c / c", "ADDED / review_item / c / i"}},
		"deleted in the tenant": {nil, func(w *world) { delete(w.certs, "b") }, []string{
			"DELETED_IN_TENANT / certification / b / b", "DELETED_IN_TENANT / permission / b / i", "DELETED_IN_TENANT / permission / b / i",
			"DELETED_IN_TENANT / permission / b / i", "DELETED_IN_TENANT / review_item / b / i"}},
		"comes back from deletion": {func(w *world) { delete(w.certs, "b") }, func(w *world) { w.certs["b"] = newCert("b") }, []string{"ADDED / certification / b / b"}},
		"left the scope": {func(w *world) { w.certs["b"] = newCert("b", newItem("i")) }, func(w *world) { w.certs["b"].outside = true },
			[]string{"LEFT_SCOPE / certification / b / b", "LEFT_SCOPE / review_item / b / i"}},
		"entered the scope again": {func(w *world) { w.certs["b"] = newCert("b", newItem("i")); w.certs["b"].outside = true },
			func(w *world) { w.certs["b"].outside = false }, []string{"ENTERED_SCOPE / certification / b / b", "ENTERED_SCOPE / review_item / b / i"}},
		"the scope grew": {nil, func(w *world) { w.params[snapshot.Certifications] = "more"; w.certs["c"] = newCert("c", newItem("i")) },
			[]string{"ENTERED_SCOPE / certification / c / c", "ENTERED_SCOPE / review_item / c / i"}},
		"another filter for reviewers": {nil, func(w *world) { w.params[snapshot.Reviewers] = "filter"; w.certs["a"].reviewers = nil },
			[]string{"LEFT_SCOPE / reviewer / a / r"}},
		"permissions are no longer read": {nil, func(w *world) { w.params[snapshot.Permissions] = noPermissions },
			slices.Concat(slices.Repeat([]string{"LEFT_SCOPE / permission / a / i"}, 3), slices.Repeat([]string{"LEFT_SCOPE / permission / b / i"}, 3))},
		"never captured before": {func(w *world) {
			w.certs["c"] = newCert("c", newItem("i"))
			w.certs["c"].outcome[snapshot.ReviewItems] = snapshot.Forbidden
		},
			func(w *world) { clear(w.certs["c"].outcome) },
			[]string{"NOT_COMPARABLE / permission / c / - / permissions / FORBIDDEN / COMPLETE", "CAPTURE_GAP / review_item / c / i",
				"NOT_COMPARABLE / review_item / c / - / review_items / FORBIDDEN / COMPLETE"}},
		"new while the list could not be proved": {func(w *world) { w.outcome[snapshot.Certifications] = snapshot.Incomplete },
			func(w *world) { clear(w.outcome); w.certs["c"] = newCert("c") }, []string{"CAPTURE_GAP / certification / c / c"}},
		"not readable tonight": {nil, func(w *world) {
			w.certs["a"].take("k")
			w.certs["a"].outcome[snapshot.ReviewItems] = snapshot.Forbidden
		},
			[]string{"NOT_COMPARABLE / permission / a / - / permissions / COMPLETE / FORBIDDEN", "NOT_COMPARABLE / review_item / a / - / review_items / COMPLETE / FORBIDDEN"}},
		"signed and sealed": {func(w *world) { w.certs["a"].sign() }, func(w *world) { w.certs["a"].take("k") }, []string{}},
		"tasks not readable": {nil, func(w *world) { w.outcome[snapshot.Tasks] = snapshot.Failed },
			[]string{"NOT_COMPARABLE / task / - / - / tasks / COMPLETE / FAILED"}},
		"decided": {nil, decided, []string{"CHANGED / review_item / a / k / completed / false / true", "DECIDED / review_item / a / k / decision / - / APPROVE"}},
		"flipped": {decided, func(w *world) { w.certs["a"].decide("k", "REVOKE") }, []string{"FLIPPED / review_item / a / k / decision / APPROVE / REVOKE"}},
		"reopened": {decided, func(w *world) { w.certs["a"].decide("k", "") },
			[]string{"CHANGED / review_item / a / k / completed / true / false", "REOPENED / review_item / a / k / decision / APPROVE / -"}},
		"commented":  {nil, editItem(func(v *snapshot.ReviewItem) { v.Comments = new("ok") }), []string{"COMMENT_CHANGED / review_item / a / k / comments / - / ok"}},
		"privileged": {nil, editItem(func(v *snapshot.ReviewItem) { v.Privileged = new(true) }), []string{"PRIVILEGE_CHANGED / review_item / a / k / privileged / false / true"}},
		"identity renamed": {nil, editItem(func(v *snapshot.ReviewItem) { v.IdentityName = new("New") }),
			[]string{"RENAMED / review_item / a / k / identity_name / Person k / New"}},
		"another identity": {nil, editItem(func(v *snapshot.ReviewItem) { v.IdentityID, v.IdentityName = new("q"), new("Q") }),
			[]string{"CHANGED / review_item / a / k / identity_id / p-k / q", "CHANGED / review_item / a / k / identity_name / Person k / Q"}},
		"any other field": {nil, editItem(func(v *snapshot.ReviewItem) { v.Attribute = new("memberOf") }), []string{"CHANGED / review_item / a / k / attribute / - / memberOf"}},
		"certification reassigned": {nil, editHeader(func(v *snapshot.Certification) { v.ReviewerID, v.ReviewerName = new("deputy"), new("De Puty") }),
			[]string{"CHANGED / certification / a / a / reviewer_name / Bo Boss / De Puty", "REASSIGNED / certification / a / a / reviewer_id / boss / deputy"}},
		"certification signed": {nil, func(w *world) { w.certs["a"].sign() },
			[]string{"CHANGED / certification / a / a / signed / - / 2026-03-01T02:15:00Z", "SIGNED / certification / a / a / phase / ACTIVE / SIGNED"}},
		"certification in another phase": {nil, editHeader(func(v *snapshot.Certification) { v.Phase = new("STAGED") }), []string{"CHANGED / certification / a / a / phase / ACTIVE / STAGED"}},
		"certification renamed":          {nil, editHeader(func(v *snapshot.Certification) { v.Name = nil }), []string{"RENAMED / certification / a / a / name / Review a / -"}},
		"task finished":                  {nil, setTask(snapshot.Task{Status: new("SUCCESS")}), []string{"TASK_FINISHED / task / a / t / status / PENDING / SUCCESS"}},
		"task failed": {nil, setTask(snapshot.Task{Status: new("ERROR"), Errors: []string{"no", `"way"`}}),
			[]string{`CHANGED / task / a / t / errors / - / ["no", "\"way\""]`, "TASK_FAILED / task / a / t / status / PENDING / ERROR"}},
		"task went on": {nil, setTask(snapshot.Task{Status: new("IN_PROGRESS")}), []string{"CHANGED / task / a / t / status / PENDING / IN_PROGRESS"}},
		"task gone":    {nil, func(w *world) { clear(w.tasks) }, []string{"REMOVED / task / a / t"}},
		"task added":   {nil, func(w *world) { w.tasks["u"] = task(snapshot.Task{ID: "u"}) }, []string{"ADDED / task / - / u"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			w := spring()
			w.certs["a"].reviewers = slices.Clone(w.certs["a"].reviewers)
			o.night(w)
			if test.before != nil {
				test.before(w)
			}
			a := o.night(w)
			for _, c := range w.certs { // the ledger keeps what it was given
				c.items = slices.Clone(c.items)
				for id, list := range c.permissions {
					c.permissions[id] = slices.Clone(list)
				}
			}
			test.change(w)
			b := o.night(w)
			o.checkChanges(a.ID, b.ID, test.want...)
			o.check(b.ID)

			// The view says the same as the function.
			got := one[int64](t, o.store, `SELECT count(*) FROM audit.changes WHERE run_id = $1 AND baseline_run_id = $2`, b.ID, a.ID)
			if got != int64(len(test.want)) {
				t.Errorf("audit.changes has %d rows, want %d", got, len(test.want))
			}
		})
	}
}

// What no column shows is told as a change of raw.
func TestChangeWithoutAColumn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := newWorld(newCert("a", newItem("i")))
	a := o.night(w)
	w.certs["a"].items = []snapshot.ReviewItem{itemWith(newItem("i"), "new")}
	b := o.night(w)
	rows := changes(t, o.store, a.ID, b.ID)
	if len(rows) != 1 || rows[0].Class != "CHANGED" || value(rows[0].Field) != "raw" {
		t.Fatalf("changes %v", rows)
	}
	if before, after := decode(t, *rows[0].Before)["Extra"], decode(t, *rows[0].After)["Extra"]; before != "" || after != "new" {
		t.Errorf("raw changed from %q to %q", before, after)
	}
}

func TestChangesOfTheFirstRun(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.night(spring())
	officeOf(t, o.store, "other").night(spring())
	if n := one[int64](t, o.store, `SELECT count(*) FROM audit.changes`); n != 0 {
		t.Errorf("%d changes without a run before", n)
	}
	if got := changes(t, o.store, run.ID, run.ID); len(got) != 0 {
		t.Errorf("from a run to itself: %v", got)
	}
}

// What an unfinished run did not come to is not known to be absent.
func TestChangesFromAnUnfinishedRun(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := newWorld(newCert("a"), newCert("b", newItem("i")))
	killed := o.open(ResumeNever)
	o.walk(w, killed.ID, 1)
	b := o.night(w)
	o.checkChanges(killed.ID, b.ID, "CAPTURE_GAP / certification / b / b", "CAPTURE_GAP / review_item / b / i")
}

func TestChangesBetweenRefuses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.night(newWorld())
	other := officeOf(t, o.store, "other").night(newWorld())
	tests := map[string]struct {
		from, to int64
		want     string
	}{
		"from a run that is not":  {99, run.ID, "run 99 does not exist"},
		"to a run that is not":    {run.ID, 99, "run 99 does not exist"},
		"runs of another tenant":  {run.ID, other.ID, fmt.Sprintf("runs %d and %d belong to different tenants", run.ID, other.ID)},
		"and in the other order":  {other.ID, run.ID, fmt.Sprintf("runs %d and %d belong to different tenants", other.ID, run.ID)},
		"neither of the two runs": {98, 99, "run 98 does not exist"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := o.store.pool.Exec(t.Context(), `SELECT FROM audit.changes_between($1, $2)`, test.from, test.to)
			e, ok := errors.AsType[*pgconn.PgError](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(test.want, e.Message); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
