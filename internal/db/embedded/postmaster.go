//go:build unix

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pidLines reads postmaster.pid, a file of the server's user: what is there is
// a claim, and may be a link, a FIFO or without end.
func pidLines(data string) []string {
	f, err := os.OpenFile(filepath.Join(data, "postmaster.pid"), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(f, 16<<10))
	if err != nil {
		return nil
	}
	return strings.Split(string(b), "\n")
}

// claimedPID is the first line of postmaster.pid: who has, or had, the data
// directory open; 0 for nobody.
func claimedPID(data string) int {
	lines := pidLines(data)
	if len(lines) == 0 {
		return 0
	}
	pid, err := strconv.Atoi(lines[0])
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

// ready tells what the eighth line of postmaster.pid does: starting, stopping
// or ready.
func ready(data string) bool {
	lines := pidLines(data)
	return len(lines) >= 8 && strings.TrimSpace(lines[7]) == "ready"
}

// postmaster is the pid of the server that has the data directory open, or 0.
// A pid alone proves nothing: it may be another process's by now, or a
// zombie's. And as root we signal what belongs to the owner of the data only,
// whatever pid that user writes into the file.
func postmaster(data string) int {
	pid := claimedPID(data)
	if pid == 0 || !exists(pid) {
		return 0
	}
	st, err := os.Stat(data)
	if err != nil {
		return 0
	}
	uid, args := process(pid)
	if uid != int(st.Sys().(*syscall.Stat_t).Uid) || !strings.Contains(args, "postgres -D "+data+" ") {
		return 0
	}
	return pid
}

// exists tells whether pid is in use, be it by a zombie.
func exists(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// process returns the owner of a process and its arguments, each followed by a
// space; -1 and nothing where that cannot be told. A zombie has no arguments.
func process(pid int) (uid int, args string) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return processByPS(pid) // no /proc
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return -1, ""
	}
	_, line, _ := strings.Cut(string(status), "\nUid:")
	fields := strings.Fields(line) // real, effective, ...
	if len(fields) < 2 {
		return -1, ""
	}
	if uid, err = strconv.Atoi(fields[1]); err != nil {
		return -1, ""
	}
	return uid, string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '}))
}

func processByPS(pid int) (uid int, args string) {
	out, err := exec.Command("ps", "-ww", "-o", "uid=,command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return -1, ""
	}
	first, rest, _ := strings.Cut(strings.TrimLeft(string(out), " "), " ")
	if uid, err = strconv.Atoi(first); err != nil {
		return -1, ""
	}
	return uid, strings.TrimSuffix(rest, "\n") + " "
}

// listening tells whether any process accepts connections at the socket.
func (s *Server) listening() bool {
	c, err := net.Dial("unix", filepath.Join(s.socket, ".s.PGSQL."+port))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// answers tells whether the server takes sessions. One that refuses ours for
// want of a free connection is up as well.
func (s *Server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		var pgErr *pgconn.PgError
		return errors.As(err, &pgErr) && pgErr.Code != "57P03" // cannot_connect_now
	}
	conn.Close(ctx)
	return true
}
