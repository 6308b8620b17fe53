package job_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"exporter/internal/db"
	"exporter/internal/job"
	"exporter/internal/report"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

// A report shows the decisions of the runs up to its own, and is the same when later ones are there.
func TestReportShowsTheDecisionsOfTheLastRuns(t *testing.T) {
	t.Parallel()
	tenant := simulator.NewDemo(simulator.Options{})
	b := newBench(t, tenant)
	baseline, err := job.ParseBaseline("previous")
	if err != nil {
		t.Fatal(err)
	}
	render := func(acme db.Tenant, id int64) report.Result {
		t.Helper()
		run, err := b.store.Run(t.Context(), acme, id)
		if err != nil {
			t.Fatal(err)
		}
		r, err := job.Render(t.Context(), b.store, acme, run, job.Report{Dir: t.TempDir(), Baseline: baseline}, []string{report.FormatXLSX})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	manifest := func(r report.Result) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(r.Folder, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	b.mustNight(t, snapshot.Sealed)
	acme, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	before := manifest(render(acme, 1))
	tenant.DemoNight(2)
	b.mustNight(t, snapshot.Partial)
	if d := cmp.Diff(before, manifest(render(acme, 1))); d != "" {
		t.Errorf("report of run 1 (-before +after run 2):\n%s", d)
	}

	xl, err := excelize.OpenFile(render(acme, 2).Workbook)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = xl.Close() }()
	rows, err := xl.GetRows("Summary")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"Decisions by state over the last 2 runs", "Started (UTC)", "Status", "Approved", "Revoked", "Undecided"}}
	for id, label := range []string{1: "Run 1", 2: "Run 2 PARTIAL"} {
		if label == "" {
			continue
		}
		run, err := b.store.Run(t.Context(), acme, int64(id))
		if err != nil {
			t.Fatal(err)
		}
		// None has a thousand, which the Summary would set apart.
		want = append(want, []string{label, run.StartedAt.Round(time.Second).Format(time.DateTime), string(run.Status), fmt.Sprint(*run.Approved), fmt.Sprint(*run.Revoked), fmt.Sprint(*run.Undecided)})
	}
	var got [][]string
	for i, row := range rows {
		if len(row) > 0 && row[0] == want[0][0] {
			got = rows[i : i+len(want)]
			break
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("decisions (-runs +Summary):\n%s", d)
	}
}
