package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

func beginning(after time.Duration) Beginning {
	return Beginning{
		Trigger: "run", StartedAt: firstNight.Add(after), APIVersion: "v1", Scope: map[string]any{"ids": []string{"a"}}, ScopeSHA256: "scope",
		ConfigSHA256: "config", ToolVersion: "test", ReportSettings: map[string]any{"formats": []string{"csv"}},
	}
}

func TestOpenRun(t *testing.T) {
	t.Parallel()
	otherScope, otherVersion := beginning(time.Hour), beginning(time.Hour)
	otherScope.ScopeSHA256, otherVersion.APIVersion = "another", "beta"
	tests := map[string]struct {
		left    snapshot.Status // of the last run
		next    Beginning
		resume  Resume
		resumed bool
		err     error
		last    snapshot.Status // of the last run, afterwards
	}{
		"goes on with a killed run":       {left: snapshot.Running, next: beginning(time.Hour), resumed: true, last: snapshot.Running},
		"goes on with an interrupted run": {left: snapshot.Interrupted, next: beginning(23 * time.Hour), resumed: true, last: snapshot.Running},
		"insists and may":                 {left: snapshot.Interrupted, next: beginning(time.Hour), resume: ResumeInsist, resumed: true, last: snapshot.Running},
		"too old":                         {left: snapshot.Running, next: beginning(24 * time.Hour), last: snapshot.Interrupted},
		"another scope":                   {left: snapshot.Running, next: otherScope, last: snapshot.Interrupted},
		"another version of the API":      {left: snapshot.Running, next: otherVersion, last: snapshot.Interrupted},
		"never resumes":                   {left: snapshot.Running, next: beginning(time.Hour), resume: ResumeNever, last: snapshot.Interrupted},
		"insists with another scope":      {left: snapshot.Running, next: otherScope, resume: ResumeInsist, err: ErrNothingToResume, last: snapshot.Running},
		"insists after a failed run":      {left: snapshot.RunFailed, next: beginning(time.Hour), resume: ResumeInsist, err: ErrNothingToResume, last: snapshot.RunFailed},
		"begins after a failed run":       {left: snapshot.RunFailed, next: beginning(time.Hour), last: snapshot.RunFailed},
		"begins after a sealed run":       {left: snapshot.Sealed, next: beginning(time.Hour), last: snapshot.Sealed},
		"insists after a sealed run":      {left: snapshot.Sealed, next: beginning(time.Hour), resume: ResumeInsist, err: ErrNothingToResume, last: snapshot.Sealed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			first, resumed, err := o.store.OpenRun(t.Context(), o.tenant, beginning(0), ResumeIfFit)
			if err != nil || resumed {
				t.Fatalf("first run: resumed %v, error %v", resumed, err)
			}
			o.now.started[first.ID] = first.StartedAt
			switch test.left {
			case snapshot.Running:
			case snapshot.Sealed:
				o.walk(newWorld(), first.ID, -1)
				o.seal(newWorld(), first.ID)
			default:
				o.fatal(o.store.Abandon(t.Context(), o.tenant, first.ID, test.left, first.StartedAt, "why"))
			}
			_, err = o.store.pool.Exec(t.Context(), `INSERT INTO staging.item_permissions VALUES ($1, 1, $2, 'i', '')`, o.tenant.ID, first.ID)
			o.fatal(err)

			run, resumed, err := o.store.OpenRun(t.Context(), o.tenant, test.next, test.resume)
			if !errors.Is(err, test.err) || resumed != test.resumed {
				t.Fatalf("resumed %v, error %v; want %v, %v", resumed, err, test.resumed, test.err)
			}
			last, err2 := o.store.Run(t.Context(), o.tenant, first.ID)
			o.fatal(err2)
			if last.Status != test.last {
				t.Errorf("the last run is %s, want %s", last.Status, test.last)
			}
			if (last.FinishedAt == nil) != (test.last == snapshot.Running) {
				t.Errorf("the last run is %s and ended at %v", last.Status, last.FinishedAt)
			}
			if err != nil {
				return
			}
			if (run.ID == first.ID) != test.resumed || run.Status != snapshot.Running {
				t.Errorf("run %d is %s", run.ID, run.Status)
			}
			staged := one[int64](t, o.store, `SELECT count(*) FROM staging.item_permissions`)
			if (staged == 1) != test.resumed {
				t.Errorf("%d rows staged", staged)
			}
		})
	}
}

func TestRunTellsWhatItWasBegunWith(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run, _, err := o.store.OpenRun(t.Context(), o.tenant, beginning(0), ResumeIfFit)
	o.fatal(err)
	o.fatal(o.store.AddEffort(t.Context(), o.tenant, run.ID, Effort{Requests: 3, Retries: 2, Throttled: 1}, map[string]int{"process": 1}))
	o.fatal(o.store.AddEffort(t.Context(), o.tenant, run.ID, Effort{Requests: 4}, []string{"process", "2"}))
	got, err := o.store.Run(t.Context(), o.tenant, run.ID)
	o.fatal(err)
	want := Run{
		ID: 1, Tenant: "acme", Status: snapshot.Running, Trigger: "run", StartedAt: firstNight, APIVersion: "v1", Scope: []byte(`{"ids": ["a"]}`),
		ScopeSHA256: "scope", ConfigSHA256: "config", ToolVersion: "test", Requests: 7, Retries: 2, Throttled: 1,
		Provenance: []byte(`[{"process": 1}, ["process", "2"]]`), ReportSettings: []byte(`{"formats": ["csv"]}`),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if _, err := o.store.Run(t.Context(), o.tenant, 99); !errors.Is(err, ErrNoRun) {
		t.Errorf("no such run: %v", err)
	}
	if _, err := o.store.Run(t.Context(), bind(t, o.store, "other"), run.ID); !errors.Is(err, ErrNoRun) {
		t.Errorf("another tenant's run: %v", err)
	}
}

func TestFindingRuns(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.store.LatestFinished(t.Context(), o.tenant); !errors.Is(err, ErrNoRun) {
		t.Errorf("latest of none: %v", err)
	}
	sealed := o.night(newWorld())
	officeOf(t, o.store, "other").night(newWorld())
	o.open(ResumeNever) // left behind
	w := newWorld()
	w.outcome[snapshot.Tasks] = snapshot.Failed
	partial := o.night(w)
	latest, err := o.store.LatestFinished(t.Context(), o.tenant)
	o.fatal(err)
	previous, err := o.store.Previous(t.Context(), o.tenant, partial.ID)
	o.fatal(err)
	runs, err := o.store.Runs(t.Context(), o.tenant)
	o.fatal(err)
	var statuses []snapshot.Status
	for _, r := range runs {
		statuses = append(statuses, r.Status)
	}
	if latest.ID != partial.ID || previous.ID != sealed.ID {
		t.Errorf("latest %d, previous %d; want %d, %d", latest.ID, previous.ID, partial.ID, sealed.ID)
	}
	if diff := cmp.Diff([]snapshot.Status{snapshot.Sealed, snapshot.Interrupted, snapshot.Partial}, statuses); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if _, err := o.store.Previous(t.Context(), o.tenant, sealed.ID); !errors.Is(err, ErrNoRun) {
		t.Errorf("before the first: %v", err)
	}
}

func TestTenantNameIsBoundToItsHost(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	first, again := bind(t, s, "acme"), bind(t, s, "acme")
	if first != again {
		t.Errorf("bound to %v, then to %v", first, again)
	}
	if _, err := s.BindTenant(t.Context(), "acme", "elsewhere.example.com"); !errors.Is(err, ErrTenantHost) {
		t.Errorf("another host: %v", err)
	}
	if found, err := s.FindTenant(t.Context(), "acme"); err != nil || found != first {
		t.Errorf("found %v, error %v", found, err)
	}
	if _, err := s.FindTenant(t.Context(), "nobody"); !errors.Is(err, ErrNoTenant) {
		t.Errorf("unknown tenant: %v", err)
	}
	other := bind(t, s, "Other")
	got, err := s.Tenants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Tenant{other, first}, got); diff != "" {
		t.Errorf("tenants (-want +got):\n%s", diff)
	}
}

func TestLockExcludesOneTenantOnly(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	acme, other := bind(t, s, "acme"), bind(t, s, "other")
	lock := func(tenant Tenant) func() {
		t.Helper()
		unlock, err := s.Lock(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		return unlock
	}
	unlock := lock(acme)
	if _, err := s.Lock(t.Context(), acme); !errors.Is(err, ErrLocked) {
		t.Errorf("a second holder: %v", err)
	}
	lock(other)()
	unlock()
	lock(acme)()

	// A lock dies with its connection.
	unlock = lock(acme)
	defer unlock()
	killed := query[bool](t, s, `
		SELECT pg_terminate_backend(pid, 10000)
		FROM pg_locks
		WHERE locktype = 'advisory' AND classid = $1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, lockSpace)
	if diff := cmp.Diff([]bool{true}, killed); diff != "" {
		t.Fatalf("killed (-want +got):\n%s", diff)
	}
	lock(acme)()
}

func TestAbandonSurvivesAnEndedContext(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.open(ResumeNever)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o.fatal(o.store.AddEffort(ctx, o.tenant, run.ID, Effort{Requests: 1}, "facts"))
	o.fatal(o.store.Abandon(ctx, o.tenant, run.ID, snapshot.RunFailed, firstNight.Add(time.Minute), "it broke"))
	got, err := o.store.Run(t.Context(), o.tenant, run.ID)
	o.fatal(err)
	if got.Status != snapshot.RunFailed || value(got.Error) != "it broke" || !got.FinishedAt.Equal(firstNight.Add(time.Minute)) || got.Requests != 1 {
		t.Errorf("run %+v", got)
	}
}

// A run that goes on finds the permission lists it had, of items that are
// still flagged, and asks history for the items it has merged.
func TestResumedRunFindsWhatItStaged(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.open(ResumeNever)
	n := o.store.Night(o.tenant, run.ID)
	c, err := n.Capture(t.Context(), "a")
	o.fatal(err)
	kept := permissions(t, "i", []snapshot.Permission{permission("x"), permission("y")})
	o.fatal(c.StagePermissions(t.Context(), kept))
	o.fatal(c.StagePermissions(t.Context(), permissions(t, "unflagged since", nil)))
	o.fatal(c.Reviewers().Page(t.Context(), []snapshot.Reviewer{reviewer(snapshot.Reviewer{ID: "r"})}))
	o.fatal(c.Discard(t.Context()))

	o.nights--
	if again := o.open(ResumeInsist); again.ID != run.ID {
		t.Fatalf("run %d was begun instead of resuming %d", again.ID, run.ID)
	}
	c, err = n.Capture(t.Context(), "a")
	o.fatal(err)
	for range 2 { // what it drops it does not need again
		lists, total, err := c.StagedPermissions(t.Context(), []snapshot.FlaggedItem{{ID: "i"}, {ID: "never asked"}})
		o.fatal(err)
		if diff := cmp.Diff([]snapshot.Entry{{ID: "i", Digest: kept.Digest}}, lists); diff != "" || total != 2 {
			t.Errorf("%d permissions staged (-want +got):\n%s", total, diff)
		}
	}
	if n := one[int64](t, o.store, `SELECT count(*) FROM staging.reviewer`); n != 0 {
		t.Errorf("%d reviewers are still staged", n)
	}
}

func TestFlaggedItems(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := newCert("a", newItem("flagged"), newItem("entitlement"), newItem("role"))
	c.grant("flagged")
	c.editItem("role", func(v *snapshot.ReviewItem) { v.AccessType = new("ROLE") })
	run := o.night(newWorld(c))
	capture, err := o.store.Night(o.tenant, run.ID).Capture(t.Context(), "a")
	o.fatal(err)
	for all, want := range map[bool][]snapshot.FlaggedItem{
		false: {{ID: "flagged"}},
		true:  {{ID: "entitlement"}, {ID: "flagged"}},
	} {
		got, err := capture.FlaggedItems(t.Context(), all)
		o.fatal(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("all %v (-want +got):\n%s", all, diff)
		}
	}
}

func TestCountedRuns(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := newCert("c", newItem("i1"), newItem("i2"), newItem("i3"))
	w := newWorld(c)
	first := o.night(w)
	c.decide("i1", "APPROVE")
	c.decide("i2", "REVOKE")
	second := o.night(w)
	officeOf(t, o.store, "other").night(newWorld())
	o.open(ResumeNever) // left behind
	w.outcome[snapshot.Tasks] = snapshot.Failed
	partial := o.night(w)
	o.night(w)
	_, err := o.store.pool.Exec(t.Context(), `ALTER TABLE history.run DISABLE TRIGGER ALL`)
	o.fatal(err)
	_, err = o.store.pool.Exec(t.Context(), `UPDATE history.run SET approved = NULL, revoked = NULL, undecided = NULL WHERE run_id = $1`, first.ID)
	o.fatal(err)

	shown := func(upTo int64, n int) string {
		t.Helper()
		runs, err := o.store.Counted(t.Context(), o.tenant, upTo, n)
		o.fatal(err)
		var all []string
		for _, r := range runs {
			all = append(all, fmt.Sprintf("%d %s %d %d %d", r.ID, r.Status, *r.Approved, *r.Revoked, *r.Undecided))
		}
		return strings.Join(all, ", ")
	}
	two, three := fmt.Sprintf("%d SEALED 1 1 1", second.ID), fmt.Sprintf("%d PARTIAL 1 1 1", partial.ID)
	for _, tt := range []struct {
		upTo int64
		n    int
		want string
	}{
		{first.ID, 12, ""}, // sealed before they were counted
		{second.ID, 12, two},
		{partial.ID, 12, two + ", " + three},
		{partial.ID, 1, three},
	} {
		if d := cmp.Diff(tt.want, shown(tt.upTo, tt.n)); d != "" {
			t.Errorf("up to run %d, at most %d (-want +got):\n%s", tt.upTo, tt.n, d)
		}
	}
	before := shown(partial.ID, 12)
	if done := o.prune(at, false); len(done.Runs) == 0 {
		t.Error("nothing was pruned")
	}
	if d := cmp.Diff(before, shown(partial.ID, 12)); d != "" {
		t.Errorf("after pruning (-before +after):\n%s", d)
	}
}
