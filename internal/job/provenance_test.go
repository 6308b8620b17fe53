package job_test

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"exporter/internal/job"
	"exporter/internal/report"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
	"exporter/migrations"
)

func TestReportTellsHowTheRunWasMade(t *testing.T) {
	t.Parallel()
	tenant := small()
	tenant.Edit(func(w *simulator.World) {
		w.NextGeneration = []*simulator.NextGenerationCampaign{{ID: "n1", Name: "New"}, {ID: "n2", Name: "Newer"}}
		w.Campaigns[0].Extra = map[string]any{"colour": "blue"}
	})
	b := newBench(t, tenant)
	var log bytes.Buffer
	b.o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	none, err := job.ParseBaseline("none")
	if err != nil {
		t.Fatal(err)
	}
	b.o.Settings.Formats = []string{report.FormatXLSX}
	b.o.Report = &job.Report{Dir: t.TempDir(), Baseline: none}
	r := b.mustNight(t, snapshot.Sealed)

	if !strings.Contains(log.String(), "next-generation campaigns; they are not exported\"") || !strings.Contains(log.String(), "campaigns=2") {
		t.Errorf("no warning of next-generation campaigns:\n%s", &log)
	}
	book, err := excelize.OpenFile(r.Report.Workbook)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	rows, err := book.GetRows("Provenance")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range rows {
		got[row[0]] = row[1]
	}
	files, err := migrations.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Exporter version": "test", "Schema version": strconv.Itoa(len(files)), "API version": "v1", "Client id": "demo-client", "Page size": "10",
		"Permissions mode": "flagged", "Resumed": "no", "Processes": "1", "Requests": strconv.FormatInt(r.Run.Requests, 10),
		"Next-generation campaigns": "2, not in this report", "unknown field: campaigns colour": "1 time",
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if !strings.HasSuffix(got["Clock offset to the tenant"], "s") && !strings.Contains(got["Clock offset to the tenant"], "s, the tenant is ") {
		t.Errorf("clock offset %q", got["Clock offset to the tenant"])
	}
}
