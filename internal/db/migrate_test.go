package db

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"exporter/internal/db/dbtest"
	"exporter/migrations"
)

// schema lists everything in the database that a migration could have made.
const schema = `
	SELECT n.nspname || '.' || c.relname || ' ' || c.relkind::text
	FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND c.relname NOT LIKE 'exporter_migrations%'
	UNION ALL
	SELECT n.nspname || '.' || p.oid::regprocedure::text
	FROM pg_proc p
	JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
	UNION ALL
	SELECT nspname::text
	FROM pg_namespace
	WHERE nspname NOT LIKE 'pg\_%'
	ORDER BY 1`

func openURL(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// newProvider is goose on a database, as Migrate has it.
func newProvider(t *testing.T, url string) *goose.Provider {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	conn := stdlib.OpenDB(*config)
	t.Cleanup(func() { conn.Close() })
	p, err := provider(conn, migrations.Files)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// latestMigration is the number of the last file.
func latestMigration(t *testing.T) int64 {
	t.Helper()
	all, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(all))
}

func TestMigrationsGoUpAndDown(t *testing.T) {
	t.Parallel()
	url := dbtest.NewEmpty(t)
	s := openURL(t, url)
	empty := query[string](t, s, schema)

	applied, err := Migrate(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if want := latestMigration(t); int64(len(applied)) != want {
		t.Errorf("applied %d migrations, want %d", len(applied), want)
	}
	migrated := query[string](t, s, schema)

	if _, err := newProvider(t, url).DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(empty, query[string](t, s, schema)); diff != "" {
		t.Errorf("after going down (-want +got):\n%s", diff)
	}
	if err := migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(migrated, query[string](t, s, schema)); diff != "" {
		t.Errorf("after going up again (-want +got):\n%s", diff)
	}
	if applied, err := Migrate(t.Context(), url); err != nil || len(applied) != 0 {
		t.Errorf("a migrated database: applied %v, error %v", applied, err)
	}
}

func TestGapInMigrationsIsRefused(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig("postgres://nobody@localhost:1/nothing")
	if err != nil {
		t.Fatal(err)
	}
	conn := stdlib.OpenDB(*config)
	defer conn.Close()
	empty := &fstest.MapFile{Data: []byte("-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 1;\n")}
	tests := map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"none":            {fstest.MapFS{"000001_a.sql": empty, "000002_b.sql": empty}, ""},
		"in the middle":   {fstest.MapFS{"000001_a.sql": empty, "000003_c.sql": empty}, "000003_c.sql leaves a gap"},
		"at the front":    {fstest.MapFS{"000002_b.sql": empty}, "000002_b.sql leaves a gap"},
		"the same number": {fstest.MapFS{"000001_a.sql": empty, "000001_b.sql": empty}, "duplicate"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := provider(conn, test.files)
			switch {
			case test.want == "" && err != nil:
				t.Fatal(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Fatalf("error %v, want %q", err, test.want)
			}
		})
	}
}

// A database that has a later migration and not an earlier one is not this
// program's to guess about.
func TestGapInWhatIsAppliedIsRefused(t *testing.T) {
	t.Parallel()
	url := dbtest.NewEmpty(t)
	s := openURL(t, url)
	if _, err := newProvider(t, url).UpTo(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if _, err := s.pool.Exec(t.Context(), `DELETE FROM `+versionTable+` WHERE version_id = 2`); err != nil {
		t.Fatal(err)
	}
	want := query[string](t, s, schema)
	applied, err := Migrate(t.Context(), url)
	if err == nil || !strings.Contains(err.Error(), "missing (out-of-order) migration") || len(applied) > 0 {
		t.Errorf("applied %v, error %v", applied, err)
	}
	if diff := cmp.Diff(want, query[string](t, s, schema)); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
	if err := CheckSchema(t.Context(), url); err == nil || !strings.Contains(err.Error(), "lacks migration 000002") {
		t.Errorf("looked at: %v", err)
	}
}

// asking tells of each time that a connection asks for goose's lock in vain.
type asking struct{ times chan struct{} }

type askedKey struct{}

func (a asking) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, askedKey{}, strings.Contains(q.SQL, "pg_try_advisory_lock"))
}

func (a asking) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryEndData) {
	if ctx.Value(askedKey{}) == true {
		select {
		case a.times <- struct{}{}:
		default:
		}
	}
}

// Of two processes the second waits until the first is done, or dead, and then
// looks again at what there is to do.
func TestMigrateWaitsForTheOneThatIsUnderWay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		first func(*sql.DB) error // what the first does while it has the lock
		want  int                 // migrations that are left to the second
	}{
		"which finishes": {func(conn *sql.DB) error {
			p, err := provider(conn, migrations.Files)
			if err != nil {
				return err
			}
			_, err = p.Up(t.Context())
			return err
		}, 0},
		"which dies at once": {func(*sql.DB) error { return nil }, int(latestMigration(t))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := dbtest.NewEmpty(t)
			config, err := pgx.ParseConfig(url)
			if err != nil {
				t.Fatal(err)
			}
			// The lock is its session's: with one connection, it has it already
			// when it migrates.
			first := stdlib.OpenDB(*config)
			defer first.Close()
			first.SetMaxOpenConns(1)
			if _, err := first.ExecContext(t.Context(), `SELECT pg_advisory_lock($1)`, lock.DefaultLockID); err != nil {
				t.Fatal(err)
			}

			asked := asking{make(chan struct{}, 1)}
			config.Tracer = asked
			second := stdlib.OpenDB(*config)
			defer second.Close()
			p, err := provider(second, migrations.Files)
			if err != nil {
				t.Fatal(err)
			}
			var applied []*goose.MigrationResult
			done := make(chan error, 1)
			go func() {
				var err error
				applied, err = p.Up(t.Context())
				done <- err
			}()
			select {
			case <-asked.times:
			case err := <-done:
				t.Fatalf("did not ask for the lock: applied %d, error %v", len(applied), err)
			}
			if n := one[int64](t, openURL(t, url), `SELECT count(*) FROM pg_namespace WHERE nspname = 'history'`); n != 0 {
				t.Error("migrated while another had the lock")
			}
			if err := test.first(first); err != nil {
				t.Fatal(err)
			}
			first.Close()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if len(applied) != test.want {
				t.Errorf("the second applied %d, want %d", len(applied), test.want)
			}
			if err := CheckSchema(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestConcurrentMigrateAppliesEachOnce(t *testing.T) {
	t.Parallel()
	url := dbtest.NewEmpty(t)
	var wg sync.WaitGroup
	counts, errs := make([]int, 4), make([]error, 4)
	for i := range counts {
		wg.Go(func() {
			applied, err := Migrate(t.Context(), url)
			counts[i], errs[i] = len(applied), err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	if all, err := Migrations(t.Context(), url); err != nil || total != len(all) {
		t.Errorf("applied %v, want %d in all (error %v)", counts, len(all), err)
	}
	if err := CheckSchema(t.Context(), url); err != nil {
		t.Error(err)
	}
}

func TestLookingAtMigrationsChangesNothing(t *testing.T) {
	t.Parallel()
	url := dbtest.NewEmpty(t)
	s := openURL(t, url)
	all, err := Migrations(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		if m.Version != int64(i+1) || m.AppliedAt != nil || !strings.HasSuffix(m.Name, ".sql") {
			t.Errorf("migration %d: %+v", i, m)
		}
	}
	if err := CheckSchema(t.Context(), url); err == nil || !strings.Contains(err.Error(), "exporter migrate up") {
		t.Errorf("an empty database: %v", err)
	}
	if n := one[int64](t, s, `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'`); n != 0 {
		t.Errorf("%d relations were made", n)
	}
	if err := migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	if err := CheckSchema(t.Context(), url); err != nil {
		t.Error(err)
	}
	all, err = Migrations(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.AppliedAt == nil {
			t.Errorf("%s is not applied", m.Name)
		}
	}
}

// renamed are the migrations with another role instead of audit_reader, which
// belongs to the server and is there already.
func renamed(t *testing.T, role string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	all, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		b, err := migrations.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: bytes.ReplaceAll(b, []byte("audit_reader"), []byte(role))}
	}
	return files
}

// The database may belong to a role that can make no other roles.
func TestMigrateAsAPlainOwner(t *testing.T) {
	t.Parallel()
	admin := openURL(t, dbtest.NewEmpty(t))
	owner := "owner_" + strings.ToLower(rand.Text())
	exec := func(s *Store, sql string) {
		t.Helper()
		if _, err := s.pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(admin, `CREATE ROLE `+owner+` LOGIN PASSWORD 'secret'`)
	t.Cleanup(func() {
		_, err := admin.pool.Exec(context.Background(), `REASSIGN OWNED BY `+owner+` TO CURRENT_USER; DROP OWNED BY `+owner+`; DROP ROLE `+owner)
		if err != nil {
			t.Error(err)
		}
	})
	exec(admin, `ALTER DATABASE `+one[string](t, admin, `SELECT current_database()::text`)+` OWNER TO `+owner)
	u, err := url.Parse(admin.url)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(owner, "secret")

	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		t.Fatal(err)
	}
	var notices []string
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notices = append(notices, n.Message) }
	conn := stdlib.OpenDB(*config)
	defer conn.Close()
	role := "reader_" + strings.ToLower(rand.Text())
	p, err := provider(conn, renamed(t, role))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(notices, "\n"), "role "+role+" was not made") {
		t.Errorf("notices: %q", notices)
	}
	if n := one[int64](t, admin, `SELECT count(*) FROM pg_roles WHERE rolname = $1`, role); n != 0 {
		t.Error("the role was made")
	}

	// The owner can do a night's work.
	s := openURL(t, u.String())
	o := officeOf(t, s, "acme")
	w := newWorld(newCert("a", newItem("i")))
	first := o.night(w)
	w.certs["a"].decide("i", "APPROVE")
	second := o.night(w)
	o.check(second.ID)
	if got := changes(t, s, first.ID, second.ID); len(got) != 2 {
		t.Errorf("changes: %v", got)
	}
}
