package job_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/db"
	"exporter/internal/db/dbtest"
	"exporter/internal/fetch"
	"exporter/internal/job"
	"exporter/internal/report"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
	"exporter/internal/walk"
	"exporter/migrations"
)

// bench is a tenant, a database, and what a run of the one into the other
// takes.
type bench struct {
	tenant *simulator.Tenant
	store  *db.Store
	o      job.Options
	base   string // URL of the tenant
	url    string // of the database

	pageSize int
}

func newBench(t testing.TB, tenant *simulator.Tenant) *bench {
	t.Helper()
	url := dbtest.New(t, migrations.Files, func(ctx context.Context, url string) error {
		_, err := db.Migrate(ctx, url)
		return err
	})
	store, err := db.Open(t.Context(), url, 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	verifiesAtEnd(t, store)
	base, stop, err := simulator.Serve(t.Context(), "127.0.0.1:0", tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &bench{tenant: tenant, store: store, base: base, url: url, pageSize: 10, o: job.Options{
		Store: store, Tenant: "acme", Scope: walk.Scope{Permissions: walk.PermissionsFlagged},
		Certifications: 2, Requests: 3, Trigger: "test", Logger: slog.New(slog.DiscardHandler),
		Settings: report.Settings{Formats: []string{report.FormatCSV}, FormulaGuard: true},
		Facts:    job.Facts{ToolVersion: "test", APIVersion: "v1", ClientID: "demo-client", PageSize: 10},
	}}
}

// night does one run. Its client retries once, so that a fault that stays does
// not take long.
func (b *bench) night(ctx context.Context, t testing.TB) (job.Result, error) {
	t.Helper()
	api, err := fetch.New(fetch.Options{
		BaseURL: b.base, ClientID: "demo-client", ClientSecret: "demo-secret", APIVersion: b.o.Facts.APIVersion,
		RateRequests: 1_000_000, RatePer: time.Second, Timeout: 10 * time.Second, Retries: 1, PageSize: b.pageSize, InFlight: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	o := b.o
	o.API = api
	return job.Run(ctx, o)
}

func (b *bench) mustNight(t *testing.T, want snapshot.Status) job.Result {
	t.Helper()
	r, err := b.night(t.Context(), t)
	if err != nil {
		t.Fatal(err)
	}
	if r.Run.Status != want {
		t.Fatalf("run %d is %s, want %s: %v", r.Run.ID, r.Run.Status, want, b.gaps(t, r.Run.ID))
	}
	return r
}

// rows reads columns of a view as a run sees it.
func (b *bench) rows(t *testing.T, run int64, view string, columns ...string) [][]any {
	t.Helper()
	tenant, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]any
	err = b.store.Read(t.Context(), tenant, run, nil, func(r *db.Reader) error {
		for row, err := range r.Rows(t.Context(), view, columns) {
			if err != nil {
				return err
			}
			out = append(out, slices.Clone(row))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// classes counts the changes from one run to another by class.
func (b *bench) classes(t *testing.T, from, to int64) map[string]int {
	t.Helper()
	tenant, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	err = b.store.Read(t.Context(), tenant, to, &from, func(r *db.Reader) error {
		for row, err := range r.Changes(t.Context(), []string{"object", "class"}) {
			if err != nil {
				return err
			}
			out[row[0].(string)+" "+row[1].(string)]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// gaps lists the coverage rows of a run that are not COMPLETE, as
// certification/collection=outcome.
func (b *bench) gaps(t *testing.T, run int64) []string {
	t.Helper()
	var out []string
	for _, r := range b.rows(t, run, "coverage", "certification_id", "collection", "outcome") {
		if r[2] != "COMPLETE" {
			out = append(out, fmt.Sprintf("%v/%v=%v", r[0], r[1], r[2]))
		}
	}
	return out
}

// content is all that the views show of a run, less what tells runs apart.
func (b *bench) content(t *testing.T, run int64) map[string][][]any {
	t.Helper()
	out := map[string][][]any{}
	for view, columns := range map[string][]string{
		"campaigns":      {"campaign_id", "name", "status", "total_certifications", "completed_certifications"},
		"certifications": {"certification_id", "name", "phase", "reviewer_name", "decisions_made", "decisions_total", "modified"},
		"reviewers":      {"certification_id", "reviewer_id", "name", "email", "type"},
		"review_items":   {"certification_id", "item_id", "identity_id", "access_id", "decision", "comments", "raw"},
		"permissions":    {"certification_id", "item_id", "position", "target", "rights"},
		"tasks":          {"task_id", "type", "status", "errors"},
		"coverage":       {"certification_id", "collection", "outcome", "expected", "read", "distinct_read", "params_sha256"},
	} {
		out[view] = b.rows(t, run, view, columns...)
	}
	return out
}

// small is a tenant whose night takes a few dozen requests: several pages a
// certification, flagged items, a task, a signed certification.
func small() *simulator.Tenant {
	return simulator.Generate(simulator.Options{}, simulator.Size{
		Campaigns: 1, CertificationsPerCampaign: 3, ItemsPerCertification: 23, ReviewersPerCertification: 2,
		Entitlements: 12, EntitlementsWithPermissions: 0.25, PermissionsPerEntitlement: 3, Seed: 7,
	})
}

func TestWalkCancelledAtEveryRequestNeverSeals(t *testing.T) {
	t.Parallel()
	whole := newBench(t, small())
	want := whole.content(t, whole.mustNight(t, snapshot.Sealed).Run.ID)
	total := len(whole.tenant.Requests())
	if total < 20 {
		t.Fatalf("only %d requests: too few to say anything", total)
	}
	b := newBench(t, small())
	b.o.Resume = db.ResumeNever
	for n := range total {
		ctx, cancel := context.WithCancel(t.Context())
		remove := b.tenant.Inject(simulator.Fault{After: n, Times: 1, Before: func(*simulator.World) { cancel() }, Hang: true})
		r, err := b.night(ctx, t)
		remove()
		cancel()
		if n == 0 && err == nil {
			t.Fatal("cancelled at the first request, and no error")
		}
		if err == nil && r.Run.Status != snapshot.Running {
			// The request that was cut short was not needed any more.
			t.Errorf("cancelled at request %d of %d: ended %s", n, total, r.Run.Status)
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at request %d: error %v", n, err)
		}
		stored, serr := b.store.Run(t.Context(), db.Tenant{ID: 1, Name: "acme"}, r.Run.ID)
		if serr != nil {
			t.Fatal(serr)
		}
		if stored.Status != snapshot.Interrupted || stored.RootSHA256 != nil || stored.FinishedAt == nil || stored.Error == nil {
			t.Errorf("cancelled at request %d: stored as %s, root %v, error %v", n, stored.Status, stored.RootSHA256, stored.Error)
		}
	}
	r := b.mustNight(t, snapshot.Sealed)
	if diff := cmp.Diff(want, b.content(t, r.Run.ID)); diff != "" {
		t.Errorf("a night after %d interrupted ones differs from an undisturbed one (-want +got):\n%s", total, diff)
	}
}

func TestInterruptedNightIsResumed(t *testing.T) {
	t.Parallel()
	whole := newBench(t, small())
	want := whole.content(t, whole.mustNight(t, snapshot.Sealed).Run.ID)
	total := len(whole.tenant.Requests())
	for _, n := range []int{1, total / 4, total / 2, total * 3 / 4, total - 2} {
		t.Run(fmt.Sprintf("after %d of %d requests", n, total), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, small())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			remove := b.tenant.Inject(simulator.Fault{After: n, Times: 1, Before: func(*simulator.World) { cancel() }, Hang: true})
			first, err := b.night(ctx, t)
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("interrupted night: error %v", err)
			}
			remove()
			proved := b.proved(t, first.Run.ID)
			b.tenant.ResetRequests()
			r := b.mustNight(t, snapshot.Sealed)
			if !r.Resumed || r.Run.ID != first.Run.ID {
				t.Errorf("run %d, resumed %v; want run %d gone on with", r.Run.ID, r.Resumed, first.Run.ID)
			}
			if diff := cmp.Diff(want, b.content(t, r.Run.ID)); diff != "" {
				t.Errorf("a resumed night differs from an undisturbed one (-want +got):\n%s", diff)
			}
			for _, q := range b.tenant.Requests() {
				for _, id := range proved {
					if strings.Contains(q.Path, id) {
						t.Errorf("certification %s was proved before, and walked again: %s", id, q.Path)
					}
				}
			}
		})
	}
}

// proved lists the certifications that a run has settled whole.
func (b *bench) proved(t *testing.T, run int64) []string {
	t.Helper()
	collections := map[string]int{}
	for _, r := range b.rows(t, run, "coverage", "certification_id", "outcome") {
		if id, ok := r[0].(string); ok && r[1] == "COMPLETE" {
			collections[id]++
		}
	}
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, int) bool) {
		for id, n := range collections {
			if n == len(snapshot.CertificationCollections()) && !yield(id, n) {
				return
			}
		}
	})))
}

func TestFaultsEndInProofOrInAnHonestRow(t *testing.T) {
	t.Parallel()
	retryAfterDate := func() string { return time.Now().Add(time.Second).UTC().Format(http.TimeFormat) }
	for _, tc := range []struct {
		name  string
		fault simulator.Fault
		want  map[string]string // outcomes that are not COMPLETE by collection; nil: SEALED
		fatal bool
	}{
		{name: "401 once is renewed", fault: simulator.Fault{Operation: simulator.OpItems, Times: 1, Status: 401}},
		{name: "401 that stays ends the run", fault: simulator.Fault{Operation: simulator.OpItems, Status: 401}, fatal: true},
		{name: "429 with seconds", fault: simulator.Fault{Operation: simulator.OpItems, Times: 1, Status: 429, RetryAfter: "1"}},
		{name: "429 with a date", fault: simulator.Fault{Operation: simulator.OpReviewers, Times: 1, Status: 429, RetryAfter: retryAfterDate()}},
		{name: "500 once", fault: simulator.Fault{Operation: simulator.OpItems, Times: 1, Status: 500}},
		{name: "503 once", fault: simulator.Fault{Operation: simulator.OpCertifications, Times: 1, Status: 503}},
		{name: "cut body once", fault: simulator.Fault{Operation: simulator.OpItems, After: 1, Times: 1, Cut: true}},
		{name: "wrong JSON once", fault: simulator.Fault{Operation: simulator.OpPermissions, Times: 1, BadJSON: true}},
		{name: "total that changes once", fault: simulator.Fault{Operation: simulator.OpItems, Times: 1, Total: func(n int) int { return n + 1 }}},
		{name: "repeated row once", fault: simulator.Fault{Operation: simulator.OpItems, After: 1, Times: 1, RepeatRow: true}},
		{name: "dropped row once", fault: simulator.Fault{Operation: simulator.OpItems, After: 1, Times: 1, DropRow: true}},
		{name: "dropped permission once", fault: simulator.Fault{Operation: simulator.OpPermissions, Times: 1, DropRow: true}},

		{name: "403 of the items", fault: simulator.Fault{Operation: simulator.OpItems, Status: 403},
			want: map[string]string{"review_items": "FORBIDDEN", "permissions": "FORBIDDEN"}},
		{name: "404 of the reviewers", fault: simulator.Fault{Operation: simulator.OpReviewers, Status: 404},
			want: map[string]string{"reviewers": "NOT_FOUND"}},
		{name: "500 of the permissions stays", fault: simulator.Fault{Operation: simulator.OpPermissions, Status: 500},
			want: map[string]string{"permissions": "FAILED"}},
		{name: "400 of the items", fault: simulator.Fault{Operation: simulator.OpItems, Status: 400},
			want: map[string]string{"review_items": "FAILED", "permissions": "FAILED"}},
		{name: "cut body stays", fault: simulator.Fault{Operation: simulator.OpReviewers, Cut: true},
			want: map[string]string{"reviewers": "FAILED"}},
		{name: "wrong JSON stays", fault: simulator.Fault{Operation: simulator.OpItems, BadJSON: true},
			want: map[string]string{"review_items": "FAILED", "permissions": "FAILED"}},
		{name: "repeated row stays", fault: simulator.Fault{Operation: simulator.OpItems, RepeatRow: true},
			want: map[string]string{"review_items": "INCOMPLETE", "permissions": "INCOMPLETE"}},
		{name: "dropped row stays", fault: simulator.Fault{Operation: simulator.OpItems, DropRow: true},
			want: map[string]string{"review_items": "INCOMPLETE", "permissions": "INCOMPLETE"}},
		{name: "dropped permission stays", fault: simulator.Fault{Operation: simulator.OpPermissions, DropRow: true},
			want: map[string]string{"permissions": "INCOMPLETE"}},
		{name: "total too large stays", fault: simulator.Fault{Operation: simulator.OpItems, Total: func(n int) int { return n + 1 }},
			want: map[string]string{"review_items": "INCOMPLETE", "permissions": "INCOMPLETE"}},
		{name: "tasks forbidden", fault: simulator.Fault{Operation: simulator.OpTasks, Status: 403},
			want: map[string]string{"tasks": "FORBIDDEN"}},
		{name: "campaigns forbidden", fault: simulator.Fault{Operation: simulator.OpCampaigns, Status: 403},
			want: map[string]string{"campaigns": "FORBIDDEN"}},
		{name: "list of certifications drops rows", fault: simulator.Fault{Operation: simulator.OpCertifications, DropRow: true},
			want: map[string]string{"certifications": "INCOMPLETE"}},
		{name: "list of certifications fails", fault: simulator.Fault{Operation: simulator.OpCertifications, Status: 500},
			want: map[string]string{"certifications": "FAILED", "certification": "FAILED", "reviewers": "FAILED", "review_items": "FAILED", "permissions": "FAILED"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, small())
			before := b.mustNight(t, snapshot.Sealed)
			b.tenant.Inject(tc.fault)
			after, err := b.night(t.Context(), t)
			if tc.fatal {
				if !errors.Is(err, fetch.ErrAuth) || after.Run.Status != snapshot.RunFailed {
					t.Fatalf("run is %s, error %v; want it FAILED for lack of authentication", after.Run.Status, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, r := range b.rows(t, after.Run.ID, "coverage", "collection", "outcome", "captured_run_id", "error") {
				if r[1] == "COMPLETE" || r[1] == "SEALED_EARLIER" {
					continue
				}
				got[r[0].(string)] = r[1].(string)
				if r[3] == nil {
					t.Errorf("%s is %s, and does not say why", r[0], r[1])
				}
				if r[2] != before.Run.ID {
					t.Errorf("%s is %s and shows run %v, want %d", r[0], r[1], r[2], before.Run.ID)
				}
			}
			want := tc.want
			status := snapshot.Partial
			if want == nil {
				want, status = map[string]string{}, snapshot.Sealed
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			if after.Run.Status != status {
				t.Errorf("run is %s, want %s", after.Run.Status, status)
			}
			// The tenant did not change, so nothing may have come or gone.
			for class, n := range b.classes(t, before.Run.ID, after.Run.ID) {
				if !strings.HasSuffix(class, "NOT_COMPARABLE") {
					t.Errorf("%d changes %s of a tenant that did not change", n, class)
				}
			}
			if !cmp.Equal(b.content(t, before.Run.ID)["review_items"], b.content(t, after.Run.ID)["review_items"]) {
				t.Error("the review items shown differ, though the tenant did not change")
			}
		})
	}
}

func TestReportThatFailsLeavesTheRunStored(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	previous, err := job.ParseBaseline("previous")
	if err != nil {
		t.Fatal(err)
	}
	b.o.Report = &job.Report{Dir: filepath.Join(blocked, "reports"), Baseline: previous}
	r, err := b.night(t.Context(), t)
	if !errors.Is(err, job.ErrReport) || r.Run.Status != snapshot.Sealed {
		t.Fatalf("run is %s, error %v; want it SEALED and ErrReport", r.Run.Status, err)
	}
	tenant, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rendered, err := job.Render(t.Context(), b.store, tenant, r.Run, job.Report{Dir: dir, Baseline: previous}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(rendered.Folder, "review_items.csv")); err != nil {
		t.Error(err)
	}
}

func TestLockedTenantBeginsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	b.mustNight(t, snapshot.Sealed)
	tenant, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := b.store.Lock(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	b.tenant.ResetRequests()
	if _, err := b.night(t.Context(), t); !errors.Is(err, db.ErrLocked) {
		t.Errorf("error %v, want ErrLocked", err)
	}
	if n := len(b.tenant.Requests()); n > 0 {
		t.Errorf("%d requests while another run held the lock", n)
	}
	unlock()
	b.mustNight(t, snapshot.Sealed)
}
