package job_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/db"
	"exporter/internal/job"
	"exporter/internal/report"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

// reports are the report folders in dir, by their names.
func reports(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "acme", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

func TestPruneRemovesReportsToo(t *testing.T) {
	t.Parallel()
	tenant := simulator.NewDemo(simulator.Options{})
	b := newBench(t, tenant)
	dir := t.TempDir()
	baseline, err := job.ParseBaseline("previous")
	if err != nil {
		t.Fatal(err)
	}
	b.o.Report = &job.Report{Dir: dir, Baseline: baseline}
	for night, status := range []snapshot.Status{snapshot.Sealed, snapshot.Partial, snapshot.Sealed} {
		if night > 0 {
			tenant.DemoNight(night + 1)
		}
		b.mustNight(t, status)
	}
	acme, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Hold(t.Context(), acme, 1, "case 7", time.Now()); err != nil {
		t.Fatal(err)
	}
	// The manifest holds the hash of every file.
	manifest := func(baseline string) string {
		t.Helper()
		base, err := job.ParseBaseline(baseline)
		if err != nil {
			t.Fatal(err)
		}
		three, err := b.store.Run(t.Context(), acme, 3)
		if err != nil {
			t.Fatal(err)
		}
		r, err := job.Render(t.Context(), b.store, acme, three, job.Report{Dir: t.TempDir(), Baseline: base}, []string{report.FormatXLSX, report.FormatCSV})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(r.Folder, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := map[string]string{"1": manifest("1"), "none": manifest("none")}

	since := time.Now().Add(time.Hour)
	prune := func(dryRun bool) job.Pruning {
		t.Helper()
		done, err := job.Prune(t.Context(), b.store, acme, since, dir, dryRun)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	dry := prune(true)
	if got := reports(t, dir); len(got) != 3 {
		t.Errorf("after a dry run there are reports %v", got)
	}
	done := prune(false)
	if diff := cmp.Diff(dry, done); diff != "" {
		t.Errorf("dry run and pruning (-dry +pruned):\n%s", diff)
	}
	if !slices.Equal(done.Runs, []int64{2}) || !slices.Equal(done.Held, []int64{1}) {
		t.Errorf("pruned %v, held %v; want run 2, and 1", done.Runs, done.Held)
	}
	if got := reports(t, dir); !slices.Equal(got, []string{"run-000001", "run-000003"}) {
		t.Errorf("reports after pruning: %v", got)
	}

	// A report that would need what is gone is refused; others are as before, to
	// the byte.
	for baseline, want := range before {
		if diff := cmp.Diff(want, manifest(baseline)); diff != "" {
			t.Errorf("report of run 3 with baseline %s (-before +after pruning):\n%s", baseline, diff)
		}
	}
	three, err := b.store.Run(t.Context(), acme, 3)
	if err != nil {
		t.Fatal(err)
	}
	for baseline, refused := range map[string]bool{"previous": true, "2": true, "1": false, "none": false} {
		base, err := job.ParseBaseline(baseline)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := job.Render(t.Context(), b.store, acme, three, job.Report{Dir: t.TempDir(), Baseline: base}, nil); errors.Is(err, db.ErrPruned) != refused {
			t.Errorf("report of run 3 with baseline %s: %v", baseline, err)
		}
	}
	two, err := b.store.Run(t.Context(), acme, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := job.Render(t.Context(), b.store, acme, two, job.Report{Dir: t.TempDir(), Baseline: baseline}, nil); !errors.Is(err, db.ErrPruned) {
		t.Errorf("report of pruned run 2: %v", err)
	}

	unlock, err := b.store.Lock(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := job.Prune(t.Context(), b.store, acme, time.Now(), dir, false); !errors.Is(err, db.ErrLocked) {
		t.Errorf("prune while a run is under way: %v", err)
	}
	if _, err := job.Erase(t.Context(), b.store, acme, "x", "", dir, false); !errors.Is(err, db.ErrLocked) {
		t.Errorf("erasure while a run is under way: %v", err)
	}
}

// Erased from the demo's history, by each person's id, nobody is named there
// beside it.
func TestErasePersonOfTheDemo(t *testing.T) {
	t.Parallel()
	tenant := simulator.NewDemo(simulator.Options{})
	b := newBench(t, tenant)
	b.mustNight(t, snapshot.Sealed)
	tenant.DemoNight(3)
	b.mustNight(t, snapshot.Sealed)
	acme, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	item := b.rows(t, 2, "review_items", "identity_id", "identity_name")[0]
	id, name := item[0].(string), item[1].(string)
	done, err := job.Erase(t.Context(), b.store, acme, id, "request 12", t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	if done.Total() == 0 {
		t.Error("nothing was erased")
	}
	for _, run := range []int64{1, 2} {
		for _, row := range b.rows(t, run, "review_items", "identity_id", "identity_name", "item_id") {
			if row[0] == id && row[1] != "[erased]" {
				t.Errorf("run %d, item %s: named %v", run, row[2], row[1])
			}
			if row[0] != id && row[1] == "[erased]" {
				t.Errorf("run %d, item %s: another person was erased", run, row[2])
			}
		}
		for _, row := range b.rows(t, run, "certifications", "certification_id", "reviewer_id", "reviewer_name", "name") {
			if row[1] == id && (row[2] != "[erased]" || row[3] == name) {
				t.Errorf("run %d, certification %v: named %v", run, row[0], row[2])
			}
		}
	}
	b.mustNight(t, snapshot.Sealed)
}
