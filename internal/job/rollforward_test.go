package job_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"exporter/internal/job"
	"exporter/internal/report"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

// rendered renders a run again, against the one before.
func (b *bench) rendered(t *testing.T, id int64) report.Result {
	t.Helper()
	acme, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	run, err := b.store.Run(t.Context(), acme, id)
	if err != nil {
		t.Fatal(err)
	}
	previous, err := job.ParseBaseline("previous")
	if err != nil {
		t.Fatal(err)
	}
	r, err := job.Render(t.Context(), b.store, acme, run, job.Report{Dir: t.TempDir(), Baseline: previous}, []string{report.FormatXLSX, report.FormatCSV})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// completeness is what the Summary says of it, and why.
func completeness(t *testing.T, workbook string) (said []string) {
	t.Helper()
	xl, err := excelize.OpenFile(workbook)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = xl.Close() }()
	rows, err := xl.GetRows("Summary")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if len(row) > 1 && (row[0] == "Completeness" || row[0] == "Why" || row[0] == "" && len(said) > 0) {
			said = append(said, row[1])
		} else if len(said) > 0 {
			break
		}
	}
	return said
}

// Tasks stay when their certification is deleted or leaves the scope. A report
// that shows them has what was stored.
func TestReportOfTasksThatOutliveTheirCertification(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(b *bench, id string){
		"deleted": func(b *bench, id string) {
			b.tenant.Edit(func(w *simulator.World) {
				w.Certifications = slices.DeleteFunc(w.Certifications, func(c *simulator.Certification) bool { return c.ID == id })
			})
		},
		"out of scope": func(b *bench, id string) {
			b.o.Scope.IDs = slices.DeleteFunc(ids(b.tenant), func(other string) bool { return other == id })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, small())
			b.o.Facts.APIVersion = "beta" // which tells of tasks by certification
			id := ids(b.tenant)[0]
			b.tenant.Edit(func(w *simulator.World) {
				w.Tasks = append(w.Tasks, &simulator.Task{ID: "task", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: id, Status: simulator.Queued})
			})
			b.mustNight(t, snapshot.Sealed)
			lose(b, id)
			run := b.mustNight(t, snapshot.Sealed).Run.ID
			if tasks := b.rows(t, run, "tasks", "task_id", "captured_run_id"); len(tasks) != 1 || tasks[0][1] != int64(1) {
				t.Fatalf("tasks %v, want the one, as captured by run 1", tasks)
			}
			for _, row := range b.rows(t, run, "coverage", "certification_id", "collection", "stored") {
				if row[0] == id && row[1] == "tasks" && row[2] != int64(1) {
					t.Errorf("coverage %v: want the one task as stored", row)
				}
			}
			if said := completeness(t, b.rendered(t, run).Workbook); said[0] != "PASS" {
				t.Errorf("completeness %q", said)
			}
		})
	}
}

// taskLines are the lines of tasks in the roll-forward, a text each.
func taskLines(t *testing.T, folder string) (lines []string) {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, "roll_forward.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	object := slices.Index(rows[0], "object")
	for _, row := range rows[1:] {
		if row[object] == "task" {
			lines = append(lines, strings.Join(row[object-1:], "|"))
		}
	}
	return lines
}

// What a version of the API does not tell of is not printed as proved.
func TestRollForwardOfACampaignsTasks(t *testing.T) {
	t.Parallel()
	const campaign = "Access Review 000|task|all|"
	for versions, want := range map[string]string{
		"v1 v1":        campaign + "1|0|0|1|0|foots|",
		"v1 beta":      campaign + "1|||||not stated: lists of the tenant not proved in this run: tasks not read|",
		"v1 beta beta": campaign + "|||||not stated: lists of the tenant not proved in the baseline: tasks not read; lists of the tenant not proved in this run: tasks not read|",
		"beta v1":      campaign + "|||1||not stated: lists of the tenant not proved in the baseline: tasks not read|",
		"beta v1 v1":   campaign + "1|0|0|1|0|foots|",
	} {
		t.Run(versions, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, small())
			b.tenant.Edit(func(w *simulator.World) {
				w.Tasks = append(w.Tasks, &simulator.Task{
					ID: "task", Type: "COMPLETE_CERTIFICATION", TargetType: "CAMPAIGN", TargetID: w.Certifications[0].Campaign.ID, Status: simulator.Queued,
				})
			})
			var last int64
			for _, b.o.Facts.APIVersion = range strings.Fields(versions) {
				last = b.mustNight(t, snapshot.Sealed).Run.ID
			}
			got := taskLines(t, b.rendered(t, last).Folder)
			if diff := cmp.Diff([]string{want}, got); diff != "" {
				t.Errorf("lines of tasks (-want +got):\n%s", diff)
			}
		})
	}
}

// The night of a change from one version of the API to another tells of tasks
// that cannot be compared; those after it do not.
func TestTasksAreComparableAgainAfterAChangeOfVersion(t *testing.T) {
	t.Parallel()
	for versions, want := range map[string][]int{ // NOT_COMPARABLE rows of each night: of each certification, or of the one list
		"beta v1 v1 v1":     {0, 3, 0, 0},
		"v1 beta beta beta": {0, 1, 0, 0},
	} {
		t.Run(versions, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, small())
			id := ids(b.tenant)[0]
			b.tenant.Edit(func(w *simulator.World) {
				w.Tasks = append(w.Tasks, &simulator.Task{ID: "task", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: id, Status: simulator.Queued})
			})
			var got []int
			for _, b.o.Facts.APIVersion = range strings.Fields(versions) {
				run := b.mustNight(t, snapshot.Sealed).Run.ID
				n := 0
				for _, row := range b.rows(t, run, "changes", "class", "field") {
					if row[0] == "NOT_COMPARABLE" && row[1] == "tasks" {
						n++
					}
				}
				got = append(got, n)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
