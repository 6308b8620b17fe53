// Package embedded runs a private PostgreSQL server from binaries that are
// already installed on the machine: Unix socket only, no TCP, one cluster per
// major version in a directory of ours, kept between runs. It is what
// `exporter` stores its history in when no database is configured.
//
// Several processes may use one cluster at a time. Every user holds the write
// end of a FIFO in the cluster's directory; a reader beside the server asks
// for a shutdown when the last writer is gone. The kernel closes descriptors
// however a process ends, so kill -9 leaves no orphan server.
//
// It is not a supervisor: a server that dies is started again by the next
// Start, not before. It knows nothing of what is stored. The commands and
// dbtest may import it; other packages get a connection string.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Options says where the cluster lives and which server runs it. Only Dir has
// to be set.
type Options struct {
	Dir       string // state directory, which holds one directory per major version
	BinDir    string // directory of initdb, postgres and psql; "": look for it
	RunAs     string // user the server runs as when we are root; "": postgres, then nobody
	Throwaway bool   // no fsync, small WAL, more connections: for tests only
	Logger    *slog.Logger
}

// Server is one user's hold on a running cluster. Its methods but Stop are
// safe for concurrent use.
type Server struct {
	base   string // Dir/pg<major>
	binDir string
	socket string
	major  int
	fifo   *os.File // open for as long as we want the server to run
	users  *os.File // share-locked by every user; the same file as fifo where that can be locked
}

// ErrNoBinaries is returned by Start when PostgreSQL is not installed.
var ErrNoBinaries = errors.New("no PostgreSQL server found: install one (Debian: apt-get install postgresql; macOS: brew install postgresql) or point at one with EXPORTER_DATABASE_URL, DATABASE_URL or database.url")

const (
	superuser = "exporter"
	port      = "5432" // part of the socket's name, nothing more
)

// SocketDir is the directory of the server's Unix socket.
func (s *Server) SocketDir() string { return s.socket }

// LogFile is the path of the server's own log.
func (s *Server) LogFile() string { return filepath.Join(s.base, "server.log") }

// Major is the server's major version.
func (s *Server) Major() int { return s.major }

// BinDir is the directory the server was started from; psql is there too.
func (s *Server) BinDir() string { return s.binDir }

// URL is the connection string of one of the cluster's databases, which need
// not exist.
func (s *Server) URL(db string) string {
	q := url.Values{"host": {s.socket}, "port": {port}, "sslmode": {"disable"}}
	// To libpq a plus sign is no space.
	return "postgres://" + superuser + "@/" + url.PathEscape(db) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// EnsureDatabase makes the database name if it does not exist. Several
// processes may do so at once.
func (s *Server) EnsureDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("make database %s: %w", name, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM pg_catalog.pg_database
			WHERE datname = $1)`, name).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize())
	}
	if err != nil && !isDuplicate(err) {
		return fmt.Errorf("make database %s: %w", name, err)
	}
	return nil
}

// isDuplicate tells whether somebody else made the database after we looked:
// duplicate_database, or unique_violation when both were committing.
func isDuplicate(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == "42P04" || pgErr.Code == "23505")
}

// DefaultDir is /var/lib/<app> for root, else <app> in the user's state
// directory. A user without a home gets a directory under the temporary one.
func DefaultDir(app string) string {
	if os.Geteuid() == 0 {
		// Not root's home: the server's user could not pass through it.
		return filepath.Join("/var/lib", app)
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, app)
	}
	if home, err := os.UserHomeDir(); err == nil {
		if st, err := os.Stat(home); err == nil && st.IsDir() {
			return filepath.Join(home, ".local", "state", app)
		}
	}
	return filepath.Join(os.TempDir(), app+"-"+strconv.Itoa(os.Geteuid()))
}
