package db

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"exporter/internal/db/dbtest"
	"exporter/internal/snapshot"
	"exporter/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func migrate(ctx context.Context, url string) error {
	_, err := Migrate(ctx, url)
	return err
}

// newStore opens a migrated database of the test's own.
func newStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), dbtest.New(t, migrations.Files, migrate), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func bind(t *testing.T, s *Store, name string) Tenant {
	t.Helper()
	tenant, err := s.BindTenant(t.Context(), name, name+".example.com")
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

// query returns the rows of a query with one column.
func query[T any](t *testing.T, s *Store, sql string, args ...any) []T {
	t.Helper()
	rows, err := s.pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func one[T any](t *testing.T, s *Store, sql string, args ...any) T {
	t.Helper()
	got := query[T](t, s, sql, args...)
	if len(got) != 1 {
		t.Fatalf("%s: %d rows, want 1", sql, len(got))
	}
	return got[0]
}

// rowsOf reads a view, or the changes, through a Reader.
func rowsOf(t *testing.T, s *Store, tenant Tenant, run int64, view string, columns ...string) [][]any {
	t.Helper()
	out := [][]any{}
	err := s.Read(t.Context(), tenant, run, nil, func(r *Reader) error {
		for row, err := range r.Rows(t.Context(), view, columns) {
			if err != nil {
				return err
			}
			out = append(out, row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// versions counts the rows of all version tables: what a night adds there is
// what it cost.
func versions(t *testing.T, s *Store) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	for _, table := range versionTables {
		counts[table] = one[int64](t, s, `SELECT count(*) FROM history.`+table)
	}
	return counts
}

var versionTables = []string{"campaign", "certification", "reviewer", "review_item", "item_permissions", "task"}

// of gives a value the JSON and the digest it would have come with. extra is a
// field that no column holds.
func of[T any](v T, object func(*T) *snapshot.Object, extra string) T {
	*object(&v) = snapshot.Object{}
	raw, err := json.Marshal(struct {
		Fields T
		Extra  string
	}{v, extra})
	if err != nil {
		panic(err)
	}
	digest, err := snapshot.DigestOfJSON(raw)
	if err != nil {
		panic(err)
	}
	*object(&v) = snapshot.Object{Raw: raw, Digest: digest}
	return v
}

func campaign(v snapshot.Campaign) snapshot.Campaign {
	return of(v, func(v *snapshot.Campaign) *snapshot.Object { return &v.Object }, "")
}

func header(v snapshot.Certification) snapshot.Certification {
	return of(v, func(v *snapshot.Certification) *snapshot.Object { return &v.Object }, "")
}

func reviewer(v snapshot.Reviewer) snapshot.Reviewer {
	return of(v, func(v *snapshot.Reviewer) *snapshot.Object { return &v.Object }, "")
}

func item(v snapshot.ReviewItem) snapshot.ReviewItem { return itemWith(v, "") }

func itemWith(v snapshot.ReviewItem, extra string) snapshot.ReviewItem {
	return of(v, func(v *snapshot.ReviewItem) *snapshot.Object { return &v.Object }, extra)
}

func task(v snapshot.Task) snapshot.Task {
	return of(v, func(v *snapshot.Task) *snapshot.Object { return &v.Object }, "")
}

func permissions(t *testing.T, item string, list []snapshot.Permission) snapshot.ItemPermissions {
	t.Helper()
	digest, err := snapshot.PermissionsDigest(list)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.ItemPermissions{ItemID: item, Permissions: list, Digest: digest}
}

// firstNight is when the first run of every test begins; each further one
// begins a day later.
var firstNight = time.Date(2026, 3, 1, 2, 15, 0, 0, time.UTC)
