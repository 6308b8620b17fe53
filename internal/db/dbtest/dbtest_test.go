package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// The cluster outlives every test and must not pass for a leak in the packages
// that look for some.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// migrations are unlike those of any other test, so that their template is
// made here.
func migrations(t *testing.T) fstest.MapFS {
	t.Helper()
	sql := fmt.Sprintf("CREATE TABLE made_by AS SELECT '%s-%d' AS v", t.Name(), os.Getpid())
	return fstest.MapFS{"000001_test.sql": {Data: []byte(sql)}}
}

// apply migrates in the simplest way, and counts how often.
func apply(files fstest.MapFS, calls *atomic.Int32) func(context.Context, string) error {
	return func(ctx context.Context, url string) error {
		calls.Add(1)
		return admin(url).exec(ctx, string(files["000001_test.sql"].Data))
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func query[T any](t *testing.T, url, sql string, args ...any) []T {
	t.Helper()
	rows, err := connect(t, url).Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// dropTemplate clears away what only this test uses.
func dropTemplate(t *testing.T, files fstest.MapFS) {
	t.Helper()
	sum, err := digest(files)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("tmpl_%x", sum[:8])
	t.Cleanup(func() {
		a := server(t)
		err := errors.Join(
			a.exec(context.Background(), `ALTER DATABASE `+name+` IS_TEMPLATE false`),
			a.exec(context.Background(), `DROP DATABASE `+name))
		if err != nil {
			t.Error(err)
		}
	})
}

func TestClonesAreIndependentAndTheirTemplateIsMadeOnce(t *testing.T) {
	t.Parallel()
	files := migrations(t)
	dropTemplate(t, files)
	var calls atomic.Int32
	want := []string{fmt.Sprintf("%s-%d", t.Name(), os.Getpid())}
	t.Run("clones", func(t *testing.T) { // ends when all of them have
		for range 6 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				url := New(t, files, apply(files, &calls))
				if diff := cmp.Diff(want, query[string](t, url, `SELECT v FROM made_by`)); diff != "" {
					t.Errorf("rows of a clone (-want +got):\n%s", diff)
				}
				query[string](t, url, `DELETE FROM made_by`)
			})
		}
	})
	if n := calls.Load(); n != 1 {
		t.Errorf("migrated %d times, want once", n)
	}
	if got := query[string](t, New(t, files, apply(files, &calls)), `SELECT v FROM made_by`); !cmp.Equal(want, got) {
		t.Errorf("rows after other clones lost theirs: %v, want %v", got, want)
	}
}

func TestUnfinishedTemplateIsMadeAgain(t *testing.T) {
	t.Parallel()
	files := migrations(t)
	broken := errors.New("broken migration")
	_, err := server(t).template(t.Context(), files, func(ctx context.Context, url string) error {
		return errors.Join(broken, admin(url).exec(ctx, `CREATE TABLE made_by ()`))
	})
	if !errors.Is(err, broken) {
		t.Fatalf("template: %v, want %v", err, broken)
	}
	dropTemplate(t, files)
	var calls atomic.Int32
	url := New(t, files, apply(files, &calls))
	if got := query[int](t, url, `SELECT count(*)::int FROM made_by`); len(got) != 1 || got[0] != 1 {
		t.Errorf("rows after the template was mended: %v", got)
	}
}

func TestOtherFilesMakeAnotherTemplate(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, files := range map[string]fstest.MapFS{
		"one":          {"a.sql": {Data: []byte("b")}},
		"other text":   {"a.sql": {Data: []byte("c")}},
		"other name":   {"b.sql": {Data: []byte("b")}},
		"another file": {"a.sql": {Data: []byte("b")}, "b.sql": {}},
		"none":         {},
	} {
		sum, err := digest(files)
		if err != nil {
			t.Fatal(err)
		}
		if twin, ok := seen[string(sum)]; ok {
			t.Errorf("%q and %q have one digest", name, twin)
		}
		seen[string(sum)] = name
	}
}

func TestNewEmptyIsEmpty(t *testing.T) {
	t.Parallel()
	got := query[string](t, NewEmpty(t), `
		SELECT c.oid::regclass::text
		FROM pg_catalog.pg_class AS c
		JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname <> 'information_schema'
		AND n.nspname !~ '^pg_'`)
	if diff := cmp.Diff([]string{}, got); diff != "" {
		t.Errorf("relations in an empty database (-want +got):\n%s", diff)
	}
}

func TestDatabaseIsDroppedWithTheTest(t *testing.T) {
	t.Parallel()
	var name []string
	t.Run("user", func(t *testing.T) {
		url := NewEmpty(t)
		name = query[string](t, url, `SELECT current_database()::text`)
	})
	if len(name) != 1 {
		t.Fatal("no database was made")
	}
	left := query[string](t, string(server(t)), `SELECT datname::text FROM pg_catalog.pg_database WHERE datname = $1`, name[0])
	if len(left) > 0 {
		t.Errorf("%s is left", left[0])
	}
}

func TestSweepDropsWhatTheDeadLeft(t *testing.T) {
	t.Parallel()
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	a := admin(Server(t).URL("postgres"))
	ours := fmt.Sprintf("t_%d_sweep", os.Getpid())
	theirs := fmt.Sprintf("t_%d_sweep", dead.Process.Pid)
	inUse := fmt.Sprintf("t_%d_inuse", dead.Process.Pid)
	for _, name := range []string{ours, theirs, inUse} {
		if err := a.exec(t.Context(), `CREATE DATABASE `+name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := a.exec(context.Background(), `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
				t.Error(err)
			}
		})
	}
	url, err := a.database(inUse)
	if err != nil {
		t.Fatal(err)
	}
	connect(t, url)
	if err := sweep(t.Context(), string(a)); err != nil {
		t.Fatal(err)
	}
	got := query[string](t, string(a), `SELECT datname::text FROM pg_catalog.pg_database WHERE datname = ANY($1) ORDER BY datname <> $2`,
		[]string{ours, theirs, inUse}, ours)
	if diff := cmp.Diff([]string{ours, inUse}, got); diff != "" {
		t.Errorf("databases after the sweep (-want +got):\n%s", diff)
	}
}

func TestDatabaseKeepsTheServersParameters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"postgres://exporter@/postgres?host=%2Ftmp%2Fa%20b&port=5432": "postgres://exporter@/t_1_a?host=%2Ftmp%2Fa%20b&port=5432",
		"postgresql://u:p%40w@db:5433/admin?sslmode=require":          "postgresql://u:p%40w@db:5433/t_1_a?sslmode=require",
	} {
		got, err := admin(in).database("t_1_a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
	_, err := admin("host=db password=secret").database("t_1_a")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("key=value string: %v", err)
	}
}

func TestServerIsShared(t *testing.T) {
	t.Parallel()
	if a, b := Server(t), Server(t); a != b {
		t.Error("two servers in one process")
	}
}
