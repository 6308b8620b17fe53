package job_test

import (
	"context"
	"testing"

	"exporter/internal/db"
	"exporter/internal/job"
	"exporter/internal/report"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
	"exporter/internal/walk"
)

// verifiesAtEnd wants the histories of all tenants, whatever a test did to
// them, to be as they were sealed. Benchmarks have other worries.
func verifiesAtEnd(t testing.TB, store *db.Store) {
	t.Helper()
	if _, benchmark := t.(*testing.B); benchmark {
		return
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		tenants, err := store.Tenants(ctx)
		if err != nil {
			t.Error(err)
		}
		for _, tenant := range tenants {
			v, err := store.Verify(ctx, tenant, nil)
			if err != nil {
				t.Error(err)
			} else if v.Difference != nil {
				t.Errorf("%s: %s", tenant.Name, v.Difference)
			}
			reportsVerify(ctx, t, store, tenant)
		}
	})
}

// reportsVerify wants the reports of all finished runs of a tenant to be as
// their manifests say, and to chain.
func reportsVerify(ctx context.Context, t testing.TB, store *db.Store, tenant db.Tenant) {
	t.Helper()
	runs, err := store.Runs(ctx, tenant)
	if err != nil {
		t.Error(err)
	}
	previous, err := job.ParseBaseline("previous")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pruned := false // the run before
	for _, run := range runs {
		if !run.Finished() {
			continue
		}
		refused := pruned || run.PrunedAt != nil
		if pruned = run.PrunedAt != nil; refused {
			continue
		}
		rendered, err := job.Render(ctx, store, tenant, run, job.Report{Dir: dir, Baseline: previous}, []string{report.FormatCSV})
		if err != nil {
			t.Errorf("report of run %d: %v", run.ID, err)
			continue
		}
		v, err := report.Verify(ctx, rendered.Folder, nil)
		if err != nil {
			t.Error(err)
		}
		for _, c := range v.Checks {
			alone := c.Name == "chain" && run.PreviousRootSHA256 == nil && run.ID > 1 || c.Name == "signature"
			if c.Result != report.CheckOK && !alone {
				t.Errorf("run %d: %s: %s, %s, %+v", run.ID, c.Name, c.Result, c.Covered, c.Differences)
			}
		}
	}
}

// A tenant may be asked in every way in turn: by entitlement, by a version that
// tells of tasks by certification, and one item after the other.
func TestHistoryOfChangingWaysVerifies(t *testing.T) {
	t.Parallel()
	b := newBench(t, sharing())
	all := ids(b.tenant)
	b.tenant.Edit(func(w *simulator.World) {
		w.Tasks = append(w.Tasks, &simulator.Task{ID: "task", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: all[0], Status: simulator.Queued})
	})
	for n, way := range []struct{ version, permissions string }{
		{"v1", walk.PermissionsFlagged}, {"beta", walk.PermissionsByEntitlement}, {"v1", walk.PermissionsByEntitlement},
		{"beta", walk.PermissionsNone}, {"v3", walk.PermissionsAll}, {"beta", walk.PermissionsFlagged},
	} {
		b.o.Facts.APIVersion, b.o.Scope.Permissions = way.version, way.permissions
		b.mustNight(t, snapshot.Sealed)
		b.tenant.Edit(func(w *simulator.World) {
			decide(w, 20+n)
			if task := w.Task("task"); n == 2 {
				task.Status = simulator.Success
			}
		})
	}
}
