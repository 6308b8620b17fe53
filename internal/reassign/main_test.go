package reassign_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"exporter/internal/db"
	"exporter/internal/db/dbtest"
	"exporter/internal/fetch"
	"exporter/internal/reassign"
	"exporter/internal/simulator"
	"exporter/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a tenant with one certification, a database, and a sender between
// them.
type bench struct {
	*testing.T
	tenant *simulator.Tenant
	store  *db.Store
	sender *reassign.Sender
	cert   string
	items  []string
	url    string // of the database
}

// newBench has so many items to reassign. The new reviewer is bob.
func newBench(t *testing.T, items int) *bench {
	t.Helper()
	b := &bench{T: t, tenant: simulator.Generate(simulator.Options{}, simulator.Size{Campaigns: 1, CertificationsPerCampaign: 1, ItemsPerCertification: items})}
	b.tenant.Edit(func(w *simulator.World) {
		w.Identities = append(w.Identities, simulator.Identity{ID: "bob", Name: "Bob"})
		b.cert = w.Certifications[0].ID
		for _, i := range w.Certifications[0].Items {
			b.items = append(b.items, i.ID)
		}
	})
	b.url = dbtest.New(t, migrations.Files, func(ctx context.Context, url string) error {
		_, err := db.Migrate(ctx, url)
		return err
	})
	var err error
	if b.store, err = db.Open(t.Context(), b.url, 2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	base, stop, err := simulator.Serve(t.Context(), "127.0.0.1:0", b.tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	api, err := fetch.New(fetch.Options{
		BaseURL: base, ClientID: "demo-client", ClientSecret: "demo-secret", APIVersion: "v1",
		RateRequests: 1_000_000, RatePer: time.Second, Timeout: time.Minute, Retries: 5, PageSize: 250, InFlight: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	b.sender = &reassign.Sender{API: api, Store: b.store, Tenant: "acme"}
	return b
}

// order reassigns items by their numbers; none: all of them.
func (b *bench) order(numbers ...int) reassign.Order {
	o := reassign.Order{CertificationID: b.cert, To: "bob", Reason: "on leave"}
	ids := b.items
	if len(numbers) > 0 {
		ids = nil
		for _, n := range numbers {
			ids = append(ids, b.items[n])
		}
	}
	for _, id := range ids {
		o.Targets = append(o.Targets, fetch.ReassignTarget{Type: fetch.TargetItem, ID: id})
	}
	return o
}

func (b *bench) plan(o reassign.Order) reassign.Plan {
	b.Helper()
	p, err := b.sender.Plan(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// send sends a plan and returns what was told of it.
func (b *bench) send(ctx context.Context, p reassign.Plan) ([]reassign.Sent, error) {
	var told []reassign.Sent
	err := b.sender.Send(ctx, p, func(s reassign.Sent) { told = append(told, s) })
	return told, err
}

// posts is how many reassignments the tenant was sent.
func (b *bench) posts() int {
	n := 0
	for _, r := range b.tenant.Requests() {
		if r.Operation == simulator.OpReassign {
			n++
		}
	}
	return n
}

// record is a row of audit.reassign_requests.
type record struct {
	State, Task          string
	Targets, Status      int
	Detail, Track, Error bool // are there
	First                string
}

// records reads them on a connection of its own, as another process would. It
// may be called from any goroutine.
func (b *bench) records() ([]record, error) {
	conn, err := pgx.Connect(context.WithoutCancel(b.Context()), b.url)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(b.Context()))
	rows, err := conn.Query(b.Context(), `
		SELECT state, coalesce(task_id, ''), target_count, coalesce(http_status, 0), detail_code IS NOT NULL, tracking_id IS NOT NULL,
		       error IS NOT NULL, targets -> 0 ->> 'id'
		FROM audit.reassign_requests
		ORDER BY request_id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[record])
}

// states are those of all records, in short.
func (b *bench) states() string {
	all, err := b.records()
	if err != nil {
		b.Error(err)
	}
	var states []string
	for _, r := range all {
		states = append(states, fmt.Sprintf("%s/%d", r.State, r.Targets))
	}
	return strings.Join(states, " ")
}

// exec runs SQL on a connection of its own. It may be called from any goroutine.
func (b *bench) exec(sql string) {
	conn, err := pgx.Connect(b.Context(), b.url)
	if err != nil {
		b.Error(err)
		return
	}
	defer conn.Close(context.WithoutCancel(b.Context()))
	if _, err := conn.Exec(b.Context(), sql); err != nil {
		b.Errorf("%s: %v", sql, err)
	}
}
