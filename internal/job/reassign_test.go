package job_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"exporter/internal/fetch"
	"exporter/internal/reassign"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

// reassigned sends items of a certification to bob and returns the task's id.
func (b *bench) reassigned(t *testing.T, certification string, items ...string) string {
	t.Helper()
	api, err := fetch.New(fetch.Options{
		BaseURL: b.base, ClientID: "demo-client", ClientSecret: "demo-secret", APIVersion: "v1",
		RateRequests: 1_000_000, RatePer: time.Second, Timeout: 10 * time.Second, Retries: 1, PageSize: b.pageSize, InFlight: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	order := reassign.Order{CertificationID: certification, To: "bob", Reason: "on leave"}
	for _, id := range items {
		order.Targets = append(order.Targets, fetch.ReassignTarget{Type: fetch.TargetItem, ID: id})
	}
	sender := &reassign.Sender{API: api, Store: b.store, Tenant: "acme"}
	plan, err := sender.Plan(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	var task string
	if err := sender.Send(t.Context(), plan, func(s reassign.Sent) { task = s.Answer.TaskID }); err != nil {
		t.Fatal(err)
	}
	return task
}

// requestsOf gives the tasks of the reassign requests whose first run this is.
func (b *bench) requestsOf(t *testing.T, run int64) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT task_id FROM audit.reassign_requests WHERE run_id = $1 AND state = 'ACCEPTED'`, run)
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return tasks
}

func TestReassignmentThatEndedBeforeTheNightIsSeen(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{"carried out": simulator.Success, "failed": simulator.Failed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, small())
			cert := ids(b.tenant)[0]
			var items []string
			b.tenant.Edit(func(w *simulator.World) {
				w.Identities = append(w.Identities, simulator.Identity{ID: "bob", Name: "Bob"})
				for _, i := range w.Certification(cert).Items[:3] {
					items = append(items, i.ID)
				}
			})
			first := b.mustNight(t, snapshot.Sealed)
			task := b.reassigned(t, cert, items...)
			if end == simulator.Failed {
				sign(b.tenant, cert) // then the tenant cannot carry it out
			}
			b.tenant.Edit(func(w *simulator.World) { w.Advance(); w.Advance() })
			second := b.mustNight(t, snapshot.Sealed)

			want := [][]any{{task, cert, "ADMIN_REASSIGN", end}}
			if diff := cmp.Diff(want, b.rows(t, second.Run.ID, "tasks", "task_id", "certification_id", "type", "status")); diff != "" {
				t.Errorf("tasks (-want +got):\n%s", diff)
			}
			shown := b.requestsOf(t, second.Run.ID)
			if diff := cmp.Diff([]string{task}, shown); diff != "" {
				t.Errorf("tasks of the requests that the run is the first to show (-want +got):\n%s", diff)
			}
			var made []any
			for _, r := range b.rows(t, second.Run.ID, "certifications", "certification_id", "reviewer_name", "reassigned_from_id", "reassignment_comment") {
				if r[2] == cert {
					made = r
				}
			}
			classes := b.classes(t, first.Run.ID, second.Run.ID)
			if end == simulator.Success {
				if diff := cmp.Diff([]any{"Bob", cert, "on leave"}, made[1:]); diff != "" {
					t.Errorf("new certification (-want +got):\n%s", diff)
				}
				var moved []string
				for _, r := range b.rows(t, second.Run.ID, "review_items", "item_id", "certification_id") {
					if r[1] == made[0] {
						moved = append(moved, r[0].(string))
					}
				}
				slices.Sort(items)
				if diff := cmp.Diff(items, moved); diff != "" || classes["review_item REASSIGNED"] != 3 || classes["review_item REMOVED"] > 0 {
					t.Errorf("changes %v, items moved (-want +got):\n%s", classes, diff)
				}
			} else if made != nil || classes["review_item REASSIGNED"] > 0 {
				t.Errorf("certification %v, changes %v, though the task failed", made, classes)
			}

			b.tenant.ResetRequests()
			third := b.mustNight(t, snapshot.Sealed)
			if diff := cmp.Diff(want, b.rows(t, third.Run.ID, "tasks", "task_id", "certification_id", "type", "status")); diff != "" {
				t.Errorf("tasks a night later (-want +got):\n%s", diff)
			}
			if got := asked(b.tenant, task); got != nil {
				t.Errorf("the task had ended, and was asked for again: %v", got)
			}
		})
	}
}
