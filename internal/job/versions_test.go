package job_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

func TestEveryVersionStoresTheSame(t *testing.T) {
	t.Parallel()
	v1 := newBench(t, small())
	want := v1.content(t, v1.mustNight(t, snapshot.Sealed).Run.ID)
	for _, version := range []string{"v3", "v2024", "v2025", "v2026", "beta"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, small())
			b.o.Facts.APIVersion = version
			got := b.content(t, b.mustNight(t, snapshot.Sealed).Run.ID)
			if version == "beta" { // which has tasks among the collections of a certification
				got["coverage"] = slices.DeleteFunc(got["coverage"], func(r []any) bool { return r[1] == "tasks" })
				want := slices.DeleteFunc(slices.Clone(want["coverage"]), func(r []any) bool { return r[1] == "tasks" })
				if diff := cmp.Diff(want, got["coverage"]); diff != "" {
					t.Errorf("coverage (-v1 +beta):\n%s", diff)
				}
				got["coverage"] = nil
			}
			for view, rows := range got {
				if rows == nil && view == "coverage" {
					continue
				}
				if diff := cmp.Diff(want[view], rows); diff != "" {
					t.Errorf("%s (-v1 +%s):\n%s", view, version, diff)
				}
			}
		})
	}
}

func TestBetaFollowsTasksByCertification(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	b.o.Facts.APIVersion = "beta"
	all := ids(b.tenant)
	b.tenant.Edit(func(w *simulator.World) {
		for i, status := range []string{simulator.Queued, simulator.Queued, simulator.InProgress} {
			w.Tasks = append(w.Tasks, &simulator.Task{ID: "task-" + string(rune('a'+i)), Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: all[i%2], Status: status})
		}
	})
	first := b.mustNight(t, snapshot.Sealed)
	if got := b.rows(t, first.Run.ID, "tasks", "task_id", "status"); len(got) != 3 {
		t.Errorf("tasks %v, want three", got)
	}
	b.tenant.Edit(func(w *simulator.World) {
		w.Task("task-a").Status = simulator.Success
		w.Task("task-c").Status = simulator.Failed
		w.Task("task-c").Errors = []simulator.ErrorMessage{{Text: "no such reviewer"}}
		w.Tasks = slices.DeleteFunc(w.Tasks, func(t *simulator.Task) bool { return t.ID == "task-b" })
	})
	second := b.mustNight(t, snapshot.Sealed)
	got := b.rows(t, second.Run.ID, "tasks", "task_id", "status", "errors", "captured_run_id")
	want := [][]any{
		{"task-a", "SUCCESS", []string(nil), second.Run.ID},
		{"task-c", "ERROR", []string{"no such reviewer"}, second.Run.ID},
	}
	for _, row := range got {
		if row[2] == nil {
			row[2] = []string(nil)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	classes := b.classes(t, first.Run.ID, second.Run.ID)
	if classes["task TASK_FINISHED"] != 1 || classes["task TASK_FAILED"] != 1 || classes["task REMOVED"] != 1 {
		t.Errorf("changes %v", classes)
	}
	remove := b.tenant.Inject(simulator.Fault{Operation: simulator.OpTasks, CertificationID: all[0], Status: 403})
	third := b.mustNight(t, snapshot.Partial)
	remove()
	if gaps := b.gaps(t, third.Run.ID); len(gaps) != 1 || !strings.HasSuffix(gaps[0], "/tasks=FORBIDDEN") {
		t.Errorf("gaps %v, want the tasks of one certification FORBIDDEN", gaps)
	}
	if got := b.classes(t, second.Run.ID, third.Run.ID); got["task NOT_COMPARABLE"] != 1 || len(got) != 1 {
		t.Errorf("changes %v, want tasks NOT_COMPARABLE and nothing else", got)
	}
}
