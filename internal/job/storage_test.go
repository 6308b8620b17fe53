package job_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"exporter/internal/simulator"
	"exporter/internal/snapshot"
	"exporter/internal/walk"
)

// Storage follows change: where the tenant is as it was, a night adds its run,
// with the root in it, and coverage; it touches no row of earlier nights, and
// leaves none waiting.
func TestNightWithoutChangesAddsRunAndCoverageAlone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		set   func(*bench)             // before the first night
		again func(*testing.T, *bench) // before the one without changes
		want  snapshot.Status
	}{
		"all as it was":              {want: snapshot.Sealed},
		"permissions by entitlement": {set: func(b *bench) { b.o.Scope.Permissions = walk.PermissionsByEntitlement }, want: snapshot.Sealed},
		"permissions of all items":   {set: func(b *bench) { b.o.Scope.Permissions = walk.PermissionsAll }, want: snapshot.Sealed},
		"tasks by certification":     {set: func(b *bench) { b.o.Facts.APIVersion = "beta" }, want: snapshot.Sealed},
		"accounts were used": {again: func(_ *testing.T, b *bench) {
			b.tenant.Edit(func(w *simulator.World) {
				for _, c := range w.Certifications {
					for _, i := range c.Items {
						i.AccessSummary.Entitlement.Account.ActivityInsights.UsageDays++
					}
				}
			})
		}, want: snapshot.Sealed},
		"a list cannot be read": {again: func(_ *testing.T, b *bench) {
			b.tenant.Inject(simulator.Fault{Operation: simulator.OpItems, Status: 403})
		}, want: snapshot.Partial},
		"cut short, and gone on with": {again: func(t *testing.T, b *bench) {
			ctx, cancel := context.WithCancel(t.Context())
			remove := b.tenant.Inject(simulator.Fault{Operation: simulator.OpPermissions, After: 3, Times: 1, Before: func(*simulator.World) { cancel() }, Hang: true})
			defer remove()
			if _, err := b.night(ctx, t); !errors.Is(err, context.Canceled) {
				t.Errorf("interrupted night: error %v", err)
			}
		}, want: snapshot.Sealed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, small())
			all := ids(b.tenant)
			sign(b.tenant, all[0])
			b.tenant.Edit(func(w *simulator.World) {
				for i, status := range []string{simulator.Queued, simulator.Success} {
					w.Tasks = append(w.Tasks, &simulator.Task{ID: "task-" + status, Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: all[i], Status: status})
				}
			})
			if test.set != nil {
				test.set(b)
			}
			b.mustNight(t, snapshot.Sealed)
			before := b.tuples(t)
			if test.again != nil {
				test.again(t, b)
			}
			run := b.mustNight(t, test.want).Run.ID

			after, added := b.tuples(t), map[string]int{}
			for table, rows := range after {
				if strings.HasPrefix(table, "staging.") && len(rows) > 0 {
					t.Errorf("%d rows still wait in %s", len(rows), table)
				}
			}
			for table, rows := range before {
				for row := range rows {
					if !after[table][row] {
						t.Errorf("row %s of %s was changed or is gone", row, table)
					}
				}
				maps.DeleteFunc(after[table], func(row string, _ bool) bool { return rows[row] })
			}
			for table, rows := range after {
				if len(rows) > 0 {
					added[table] = len(rows)
				}
			}
			want := map[string]int{"history.run": 1, "history.coverage": len(b.rows(t, run, "coverage", "collection"))}
			if diff := cmp.Diff(want, added); diff != "" {
				t.Errorf("rows added by a night on which nothing changed (-want +got):\n%s", diff)
			}
		})
	}
}

// tuples tells the rows of every table of history and staging by where they lie
// and which transaction wrote them: a row that is written again is another.
func (b *bench) tuples(t *testing.T) map[string]map[string]bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('history', 'staging')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]bool{}
	for _, table := range tables {
		rows, err := conn.Query(t.Context(), `SELECT concat_ws(' ', ctid, xmin) FROM `+table)
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		out[table] = map[string]bool{}
		for _, row := range all {
			out[table][row] = true
		}
	}
	return out
}
