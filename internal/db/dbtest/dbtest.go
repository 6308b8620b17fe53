// Package dbtest gives each test a PostgreSQL database of its own: empty, or
// cloned from a migrated template. All test processes of a `go test ./...`
// share one throw-away cluster under the temporary directory, which shuts down
// when the last of them ends; EXPORTER_TEST_DATABASE_URL names another server
// to use instead. Where neither can be had tests are skipped, but in CI they
// fail.
//
// It is imported by tests only. It knows no migrations: the caller brings
// them, so that the package that holds them may use it too.
package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"exporter/internal/db/embedded"
)

// limit bounds each step, so that a hanging server fails one test by name
// instead of the whole run.
const limit = 2 * time.Minute

// cluster starts the throw-away cluster, once a process. It is for ever: the
// end of the process lets go of it.
var cluster = sync.OnceValues(func() (*embedded.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dir, err := stateDir()
	if err != nil {
		return nil, err
	}
	s, err := embedded.Start(ctx, embedded.Options{Dir: dir, Throwaway: true})
	if err != nil {
		return nil, fmt.Errorf("test cluster in %s (nothing in it is of value: remove it if damaged): %w", dir, err)
	}
	if err := sweep(ctx, s.URL("postgres")); err != nil {
		return nil, err
	}
	return s, nil
})

// Server returns the throw-away cluster, also where New and NewEmpty use
// another server. It runs until the test process ends: do not stop it.
func Server(t testing.TB) *embedded.Server {
	t.Helper()
	s, err := cluster()
	if errors.Is(err, embedded.ErrNoBinaries) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// New returns the URL of a fresh database, a clone of a template that migrate
// has brought up to date. The template is made once for equal files. The
// database is dropped when the test ends, whoever is connected.
func New(t testing.TB, files fs.FS, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	s := server(t)
	template, err := s.template(ctx, files, migrate)
	if err != nil {
		t.Fatalf("migrated template: %v", err)
	}
	return s.create(ctx, t, " TEMPLATE "+template)
}

// NewEmpty returns the URL of a fresh database with nothing in it. The
// database is dropped when the test ends, whoever is connected.
func NewEmpty(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return server(t).create(ctx, t, "")
}

// admin is the connection string of a server's maintenance database.
type admin string

func server(t testing.TB) admin {
	t.Helper()
	if u := os.Getenv("EXPORTER_TEST_DATABASE_URL"); u != "" {
		return admin(u)
	}
	return admin(Server(t).URL("postgres"))
}

// create makes a database with a name of its own, which carries our pid for
// sweep.
func (a admin) create(ctx context.Context, t testing.TB, options string) string {
	t.Helper()
	name := fmt.Sprintf("t_%d_%s", os.Getpid(), strings.ToLower(rand.Text()[:10]))
	url, err := a.database(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.exec(ctx, `CREATE DATABASE `+name+options); err != nil {
		t.Fatalf("create test database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		if err := a.exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("drop test database: %v", err)
		}
	})
	return url
}

// database is the connection string of another database of the server.
func (a admin) database(name string) (string, error) {
	u, err := url.Parse(string(a))
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", errors.New("EXPORTER_TEST_DATABASE_URL: want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	u.Path = "/" + name
	return u.String(), nil
}

func (a admin) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, string(a))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, sql)
	return err
}

// template returns the name of a database that migrate has brought up to date,
// named for the content of files.
func (a admin) template(ctx context.Context, files fs.FS, migrate func(context.Context, string) error) (string, error) {
	sum, err := digest(files)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("tmpl_%x", sum[:8])
	url, err := a.database(name)
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, string(a))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // also unlocks
	finished, err := isTemplate(ctx, conn, name)
	if err != nil || finished {
		return name, err
	}
	// One at a time makes the template; the rest find it done.
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtext($1))`, name); err != nil {
		return "", err
	}
	finished, err = isTemplate(ctx, conn, name)
	if err != nil || finished {
		return name, err
	}
	// What is there under this name is left of a process that did not finish.
	if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, `CREATE DATABASE `+name); err != nil {
		return "", err
	}
	if err := migrate(ctx, url); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, `ALTER DATABASE `+name+` IS_TEMPLATE true`)
	return name, err
}

// isTemplate tells whether the template exists and was finished.
func isTemplate(ctx context.Context, conn *pgx.Conn, name string) (finished bool, err error) {
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM pg_catalog.pg_database
			WHERE datname = $1
			AND datistemplate)`, name).Scan(&finished)
	return finished, err
}

// digest is the SHA-256 of the names and the content of all files.
func digest(files fs.FS) ([]byte, error) {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		fmt.Fprintf(h, "%q %d\n%s", path, len(b), b)
		return err
	})
	return h.Sum(nil), err
}

// sweep drops the databases of test processes that were killed. It drops none
// that somebody is connected to, nor of a process that is alive: the cluster
// is this machine's, so its pids are. What cannot be dropped is left for the
// next time; another process may be sweeping too.
func sweep(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `
		SELECT datname
		FROM pg_catalog.pg_database AS d
		WHERE datname ~ '^t_[0-9]+_[a-z0-9]+$'
		AND NOT EXISTS (
			SELECT FROM pg_catalog.pg_stat_activity
			WHERE datid = d.oid)`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		pid, err := strconv.Atoi(strings.Split(name, "_")[1])
		if err != nil || alive(pid) {
			continue
		}
		if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+name); err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
