package db

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change   func(*world)
		want     snapshot.Status
		complete int64 // certifications
	}{
		"all complete":       {func(*world) {}, snapshot.Sealed, 2},
		"one forbidden list": {func(w *world) { w.certs["a"].outcome[snapshot.Reviewers] = snapshot.Forbidden }, snapshot.Partial, 1},
		"an accepted gap": {func(w *world) {
			w.certs["a"].outcome[snapshot.ReviewItems] = snapshot.Unsupported
			w.gaps = []string{"a"}
		}, snapshot.Sealed, 1},
		"a gap beside the accepted": {func(w *world) {
			w.certs["a"].outcome[snapshot.ReviewItems] = snapshot.Unsupported
			w.gaps = []string{"b"}
		}, snapshot.Partial, 1},
		"a list of the run":       {func(w *world) { w.outcome[snapshot.Tasks] = snapshot.Incomplete }, snapshot.Partial, 2},
		"deleted":                 {func(w *world) { delete(w.certs, "a") }, snapshot.Sealed, 1},
		"one list not found":      {func(w *world) { w.certs["a"].outcome[snapshot.Reviewers] = snapshot.NotFound }, snapshot.Partial, 1},
		"out of scope":            {func(w *world) { w.certs["a"].outside = true }, snapshot.Sealed, 1},
		"permissions not asked":   {func(w *world) { w.params[snapshot.Permissions] = noPermissions }, snapshot.Sealed, 2},
		"sealed earlier":          {func(w *world) { w.certs["a"].outcome[snapshot.CertificationHeader] = snapshot.SealedEarlier }, snapshot.Sealed, 2},
		"certifications unlisted": {func(w *world) { w.outcome[snapshot.Certifications] = snapshot.Failed }, snapshot.Partial, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			w := spring()
			first := o.night(w)
			test.change(w)
			run := o.night(w)
			if run.Status != test.want || *run.CertificationsComplete != test.complete {
				t.Errorf("%s with %d complete, want %s with %d", run.Status, *run.CertificationsComplete, test.want, test.complete)
			}
			if diff := cmp.Diff(first.RootSHA256, run.PreviousRootSHA256); diff != "" {
				t.Errorf("root of the run before (-want +got):\n%s", diff)
			}
			checkTotals(t, o.after[run.ID], run)
		})
	}
}

// roots seals two nights, the second one changed, in a database of its own.
func roots(t *testing.T, change func(*office, *world, int64)) (first, second string) {
	t.Helper()
	o := newOffice(t)
	w := spring()
	one := o.night(w)
	run := o.open(ResumeNever)
	change(o, w, run.ID)
	o.walk(w, run.ID, -1)
	two := o.seal(w, run.ID)
	return *one.RootSHA256, *two.RootSHA256
}

func TestRootTellsEverything(t *testing.T) {
	t.Parallel()
	first, second := roots(t, func(*office, *world, int64) {})
	update := func(sql string) func(*office, *world, int64) {
		return func(o *office, _ *world, run int64) {
			_, err := o.store.pool.Exec(o.Context(), `UPDATE history.run SET `+sql+` WHERE run_id = $1`, run)
			o.fatal(err)
		}
	}
	tests := map[string]struct {
		change func(*office, *world, int64)
		same   bool
	}{
		"nothing":      {func(*office, *world, int64) {}, true},
		"a decision":   {func(_ *office, w *world, _ int64) { w.certs["a"].decide("i", "APPROVE") }, false},
		"a permission": {func(_ *office, w *world, _ int64) { w.certs["a"].grant("i") }, false},
		"a header":     {func(_ *office, w *world, _ int64) { w.certs["a"].sign() }, false},
		"a task":       {func(_ *office, w *world, _ int64) { delete(w.tasks, "t") }, false},
		"how a task ended": {func(_ *office, w *world, _ int64) {
			w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new("ERROR"), CertificationID: new("a")})
		}, false},
		"a campaign":          {func(_ *office, w *world, _ int64) { w.campaigns[0] = campaign(snapshot.Campaign{ID: "spring"}) }, false},
		"an outcome":          {func(_ *office, w *world, _ int64) { w.certs["a"].outcome[snapshot.Reviewers] = snapshot.Failed }, false},
		"parameters":          {func(_ *office, w *world, _ int64) { w.params[snapshot.Reviewers] = "other" }, false},
		"the scope":           {update(`scope = '{"ids": ["x"]}'`), false},
		"the start":           {update(`started_at = started_at + interval '1 microsecond'`), false},
		"requests":            {update(`requests = 1`), false},
		"the tool":            {update(`tool_version = 'other'`), false},
		"the provenance":      {update(`provenance = '[1]'`), false},
		"the report settings": {update(`report_settings = '{"formats": []}'`), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := roots(t, test.change)
			if a != first {
				t.Errorf("equal first nights have roots %s and %s", first, a)
			}
			if (b == second) != test.same {
				t.Errorf("root %s, unchanged %s", b, second)
			}
		})
	}
}

func TestSealRefusesARunThatHasNotSettledItsLists(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.open(ResumeNever)
	o.walk(spring(), run.ID, 1) // died before the tasks
	if _, err := o.store.Seal(t.Context(), o.tenant, run.ID, firstNight, nil); err == nil || !strings.Contains(err.Error(), "not settled") {
		t.Errorf("sealed: %v", err)
	}
	got, err := o.store.Run(t.Context(), o.tenant, run.ID)
	o.fatal(err)
	if got.Status != snapshot.Running || got.RootSHA256 != nil || got.FinishedAt != nil {
		t.Errorf("run %+v", got)
	}
}

func TestSealSurvivesAnEndedContext(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.open(ResumeNever)
	o.walk(spring(), run.ID, -1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// The closing write survives; reading the run back is not part of it.
	if _, err := o.store.Seal(ctx, o.tenant, run.ID, firstNight.Add(time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	got, err := o.store.Run(t.Context(), o.tenant, run.ID)
	o.fatal(err)
	if got.Status != snapshot.Sealed || !got.FinishedAt.Equal(firstNight.Add(time.Hour)) {
		t.Errorf("run %+v", got)
	}
}

func TestSealedRunIsNotSealedAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.night(spring())
	if _, err := o.store.Seal(t.Context(), o.tenant, run.ID, firstNight, nil); err == nil {
		t.Error("sealed twice")
	}
	if err := o.store.Abandon(t.Context(), o.tenant, run.ID, snapshot.RunFailed, firstNight, "late"); err == nil {
		t.Error("abandoned after it was sealed")
	}
}
