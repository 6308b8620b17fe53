//go:build unix

package embedded

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// helperDir names the variable that makes the test binary a user of the
// cluster in that directory, instead of running tests.
const helperDir = "EXPORTER_EMBEDDED_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(help(dir))
	}
	goleak.VerifyTestMain(m) // a server that runs costs its user no goroutine
}

// help uses the cluster in dir until its standard input ends.
func help(dir string) int {
	ctx := context.Background()
	s, err := Start(ctx, Options{Dir: dir, Throwaway: true})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	if err := s.Stop(ctx); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// client is another process that uses a cluster.
type client struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

func newClient(t *testing.T, dir string) *client {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u := &client{cmd, stdin, bufio.NewReader(stdout)}
	t.Cleanup(u.kill)
	return u
}

func (u *client) wait(t *testing.T) {
	t.Helper()
	line, err := u.out.ReadString('\n')
	if line != "ready\n" {
		rest, _ := io.ReadAll(u.out)
		t.Fatalf("other process: %s%s (%v)", line, rest, err)
	}
}

// leave lets the process stop using the cluster in an orderly way.
func (u *client) leave(t *testing.T) {
	t.Helper()
	u.stdin.Close()
	out, _ := io.ReadAll(u.out)
	if err := u.cmd.Wait(); err != nil {
		t.Errorf("other process: %v\n%s", err, out)
	}
}

func (u *client) kill() {
	u.cmd.Process.Kill()
	u.cmd.Wait()
}

// needPostgres skips the test where PostgreSQL is not installed; in CI that is
// a failure.
func needPostgres(t *testing.T) {
	t.Helper()
	if len(FindBinDirs()) > 0 {
		return
	}
	skip(t, ErrNoBinaries.Error())
}

// needRoot skips the test for an ordinary user; in CI, which runs as root, that
// is a failure. The names of such tests begin with TestAsRoot, by which the part
// of CI that runs as an ordinary user leaves them out.
func needRoot(t *testing.T, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		skip(t, why)
	}
}

// needProc skips the test where there is no /proc; in CI that is a failure.
func needProc(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		skip(t, "looks for processes in /proc")
	}
}

// skip skips the test, but in CI, where every test has to run.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// newDir makes a directory that the server's user can reach, as t.TempDir need
// not be.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "exporter-embedded-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustStart(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustStop(t, s) })
	return s
}

func mustStop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), eventuallyLimit)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, s *Server, db string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL(db))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// write runs a statement in a session of its own.
func write(t *testing.T, s *Server, sql string) {
	t.Helper()
	conn := connect(t, s, "postgres")
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	conn.Close(t.Context())
}

func read(t *testing.T, s *Server, sql string) string {
	t.Helper()
	conn := connect(t, s, "postgres")
	var v string
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatal(err)
	}
	conn.Close(t.Context())
	return v
}

// Other processes are watched by polling, with a limit for those that hang.
const (
	pollInterval    = 10 * time.Millisecond
	eventuallyLimit = 30 * time.Second
)

// eventually polls for what another process brings about.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventuallyLimit)
	defer cancel()
	for !cond() {
		if sleep(ctx, pollInterval) != nil {
			t.Fatalf("never: %s", what)
		}
	}
}
