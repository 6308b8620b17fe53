//go:build unix

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestKilledUserLeavesNoServer(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := newDir(t)
	u := newClient(t, dir)
	u.wait(t)
	dirs, err := filepath.Glob(filepath.Join(dir, "pg*", "data"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("data directories %v, %v", dirs, err)
	}
	if postmaster(dirs[0]) == 0 {
		t.Fatal("no server runs")
	}
	u.kill()
	eventually(t, "the server shuts down", func() bool { return postmaster(dirs[0]) == 0 })
}

// A user killed while the server comes up must leave none behind either, nor
// a state the next Start cannot cope with. The children are killed when the
// file appears that marks a stage of the start.
func TestUserKilledDuringStart(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	for _, stage := range []string{"data.new", "data.new/PG_VERSION", "data", "server.log", "data/postmaster.pid"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			dir := newDir(t)
			u := newClient(t, dir)
			eventually(t, stage+" appears", func() bool {
				m, _ := filepath.Glob(filepath.Join(dir, "pg*", stage))
				return len(m) > 0
			})
			u.kill()
			s := mustStart(t, Options{Dir: dir, Throwaway: true})
			read(t, s, `SELECT 'works'`)
			mustStop(t, s)
			if out := running(t, dir); out != "" {
				t.Errorf("left behind:\n%s", out)
			}
		})
	}
}

// running lists the processes that have dir in their arguments, given some
// time to end.
func running(t *testing.T, dir string) (found string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return ""
	}
	ctx, cancel := context.WithTimeout(t.Context(), eventuallyLimit)
	defer cancel()
	for {
		found = ""
		procs, _ := filepath.Glob("/proc/[0-9]*")
		for _, p := range procs {
			pid, _ := strconv.Atoi(filepath.Base(p))
			if _, args := process(pid); pid != os.Getpid() && strings.Contains(args, dir) {
				found += fmt.Sprintln(pid, args)
			}
		}
		if found == "" || sleep(ctx, pollInterval) != nil {
			return found
		}
	}
}

func TestKilledPostmasterIsStartedAgainWithItsData(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := newDir(t)
	// Not Throwaway: what was committed has to be there.
	s := mustStart(t, Options{Dir: dir})
	write(t, s, `CREATE TABLE kept AS SELECT 'here' AS v`)
	pid := postmaster(s.data())
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	again := mustStart(t, Options{Dir: dir})
	if got := postmaster(again.data()); got == pid || got == 0 {
		t.Errorf("postmaster %d, the killed one was %d", got, pid)
	}
	if got := read(t, again, `SELECT v FROM kept`); got != "here" {
		t.Errorf("read %q", got)
	}
	mustStop(t, again)
	read(t, s, `SELECT v FROM kept`) // the first user may go on
	mustStop(t, s)
	if got := postmaster(s.data()); got != 0 {
		t.Errorf("postmaster %d after the last user left", got)
	}
}

func TestStopDoesNotNeedTheReader(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	needProc(t)
	dir := newDir(t)
	s := mustStart(t, Options{Dir: dir, Throwaway: true})
	killShells(t, dir)
	mustStop(t, s)
	if pid := postmaster(s.data()); pid != 0 {
		t.Errorf("server %d runs after Stop", pid)
	}
}

func TestOrphanIsReplaced(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	needProc(t)
	dir := newDir(t)
	u := newClient(t, dir)
	u.wait(t)
	killShells(t, dir)
	u.kill()
	var log bytes.Buffer
	s := mustStart(t, Options{Dir: dir, Throwaway: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if !strings.Contains(log.String(), "left behind") {
		t.Errorf("nothing said of the orphan:\n%s", log.String())
	}
	read(t, s, `SELECT 'works'`)
}

// killShells kills what watches over the server of dir.
func killShells(t *testing.T, dir string) {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, p := range procs {
		pid, err := strconv.Atoi(filepath.Base(p))
		if err != nil {
			t.Fatal(err)
		}
		if _, args := process(pid); strings.HasPrefix(args, "/bin/sh ") && strings.Contains(args, dir) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			killed++
		}
	}
	if killed != 2 {
		t.Fatalf("killed %d shells, want 2", killed)
	}
}

func TestStaleFiles(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	// A zombie: ended, and not waited for until the test is over.
	zombie := exec.Command("true")
	if err := zombie.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { zombie.Wait() })

	for _, tt := range []struct {
		name string
		pid  int
	}{
		{"pid of another process", os.Getppid()},
		{"our own pid", os.Getpid()},
		{"pid of a zombie", zombie.Process.Pid},
		{"pid of nobody", 1<<31 - 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := newDir(t)
			s := mustStart(t, Options{Dir: dir, Throwaway: true})
			write(t, s, `CREATE TABLE kept AS SELECT 'here' AS v`)
			pid := postmaster(s.data())
			stale, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
			if err != nil {
				t.Fatal(err)
			}
			lock, err := os.ReadFile(filepath.Join(s.SocketDir(), ".s.PGSQL.5432.lock"))
			if err != nil {
				t.Fatal(err)
			}
			mustStop(t, s)
			old, recycled := []byte(strconv.Itoa(pid)), []byte(strconv.Itoa(tt.pid))
			writeFile(t, filepath.Join(s.data(), "postmaster.pid"), bytes.Replace(stale, old, recycled, 1))
			writeFile(t, filepath.Join(s.SocketDir(), ".s.PGSQL.5432.lock"), bytes.Replace(lock, old, recycled, 1))

			s = mustStart(t, Options{Dir: dir, Throwaway: true})
			if got := read(t, s, `SELECT v FROM kept`); got != "here" {
				t.Errorf("read %q", got)
			}
		})
	}
}

func TestPostmasterBelievesNoClaim(t *testing.T) {
	t.Parallel()
	data := filepath.Join(newDir(t), "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	// Passes for a server of this data by its arguments.
	cmd := exec.Command("/bin/sh", "-c", "read -r _", "postgres", "-D", data, "-c", "port=5432")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); cmd.Wait() })
	if _, err := exec.LookPath("ps"); err == nil {
		uid, args := processByPS(cmd.Process.Pid)
		if uid != os.Geteuid() || !strings.Contains(args, "postgres -D "+data+" ") {
			t.Errorf("ps says uid %d, arguments %q", uid, args)
		}
	}
	file := filepath.Join(data, "postmaster.pid")

	claim := fmt.Sprintf("%d\n%s\n", cmd.Process.Pid, data)
	writeFile(t, file, []byte(claim))
	if got := postmaster(data); got != cmd.Process.Pid {
		t.Errorf("server of the owner of the data: %d, want %d", got, cmd.Process.Pid)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(data, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if got := postmaster(data); got != 0 {
			t.Errorf("root's process, named by an unprivileged user: %d, want 0", got)
		}
		if err := os.Chown(data, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		make func() error
	}{
		{"link", func() error {
			writeFile(t, file+".real", []byte(claim))
			return os.Symlink(file+".real", file)
		}},
		{"FIFO", func() error { return syscall.Mkfifo(file, 0o600) }},
		{"directory", func() error { return os.Mkdir(file, 0o700) }},
		{"empty", func() error { return os.WriteFile(file, nil, 0o600) }},
		{"process group", func() error { return os.WriteFile(file, []byte("-1\n"), 0o600) }},
		{"nothing", func() error { return nil }},
	} {
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
		if err := tt.make(); err != nil {
			t.Fatal(err)
		}
		if got := postmaster(data); got != 0 {
			t.Errorf("%s: %d, want 0", tt.name, got)
		}
	}
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		return
	}
	// Belongs to the server's user, as everything in its directories.
	st, err := os.Stat(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	sys := st.Sys().(*syscall.Stat_t)
	if err := os.Chown(path, int(sys.Uid), int(sys.Gid)); err != nil {
		t.Fatal(err)
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := newDir(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("changed our mind")
	failed := make(chan error, 1)
	go func() {
		_, err := Start(ctx, Options{Dir: dir, Throwaway: true})
		failed <- err
	}()
	eventually(t, "initdb is at work", func() bool {
		m, _ := filepath.Glob(filepath.Join(dir, "pg*", "data.new", "*"))
		return len(m) > 0
	})
	cancel(why)
	if err := <-failed; !errors.Is(err, why) {
		t.Errorf("Start: %v, want %v", err, why)
	}
	if out := running(t, dir); out != "" {
		t.Errorf("left behind:\n%s", out)
	}
}
