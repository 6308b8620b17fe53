//go:build unix

package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// launcher brings a server up. It lives no longer than Start, which holds the
// cluster's lock all the while.
type launcher struct {
	*Server
	cred      *syscall.Credential // nil: the server runs as we do
	lock      *os.File
	throwaway bool
	log       *slog.Logger
}

// errBusy is a launch that failed because an earlier server, or what is left
// of it, is still there.
var errBusy = errors.New("data directory in use")

// makeCluster runs initdb if there is no cluster yet.
func (l *launcher) makeCluster(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(l.data(), "PG_VERSION")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.log.Info("making a PostgreSQL cluster", "version", l.major, "dir", l.base)
	tmp := filepath.Join(l.base, "data.new")
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := privateDir(tmp, l.cred); err != nil {
		return err
	}
	locale := "C" // bytewise order; lower() and ~* of ASCII only
	if runtime.GOOS == "linux" {
		locale = "C.UTF-8" // the same order, and of all letters
	}
	args := []string{"-D", tmp, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=" + locale}
	if l.throwaway {
		args = append(args, "--no-sync", "--wal-segsize=1")
	} else {
		args = append(args, "--data-checksums")
	}
	cmd := l.command(ctx, tmp, filepath.Join(l.binDir, "initdb"), args...)
	// It inherits the lock: if we are killed it works on, and nobody must
	// clear its directory away under it.
	cmd.ExtraFiles = []*os.File{l.lock}
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if bytes.Contains(out, []byte("could not look up effective user ID")) {
			return fmt.Errorf("uid %d has no name on this machine, and initdb insists on one: add a passwd entry, or set database.url to use another server", os.Geteuid())
		}
		return fmt.Errorf("initdb: %w\n%s", err, bytes.TrimSpace(out))
	}
	// Whole or not at all; and what is committed in it from now on must not
	// find itself in data.new after a loss of power.
	if err := os.Rename(tmp, l.data()); err != nil {
		return err
	}
	return errors.Join(syncDir(l.base), syncDir(filepath.Dir(l.base)))
}

// launchScript starts the server ("$@") with two shells for company: one waits
// for it, the other reads the users' FIFO (3), whose end means that the last
// user is gone. The reader is stopped as soon as the server has ended, so its
// signals never reach a recycled pid. TERM is for a server so young that it
// still ignores INT as background jobs do, INT for one with open sessions.
// The pipe (4) stays open for as long as the server runs. $0 is the socket
// directory; PostgreSQL takes a lock file there for a live server's when its
// pid is in use again. It is removed here, as the server's user, who may do no
// harm by way of links.
const launchScript = `rm -f "$0/.s.PGSQL.` + port + `.lock"
{
	"$@" 3<&- 4>&- &
	server=$!
	exec >/dev/null 2>&1
	{ read -r _ <&3; kill -TERM $server; kill -INT $server; } 4>&- &
	wait $server
	kill $!
} &`

// launch starts the server and waits until it answers.
func (l *launcher) launch(ctx context.Context) error {
	// We hold the lock and there is no postmaster. PostgreSQL sees a dead pid
	// for itself, but not a zombie or a pid that is another's by now.
	if pid := claimedPID(l.data()); pid != 0 && exists(pid) {
		if err := os.Remove(filepath.Join(l.data(), "postmaster.pid")); err != nil {
			return err
		}
	}
	logFile, logStart, err := l.openLog()
	if err != nil {
		return err
	}
	defer logFile.Close()
	users, err := openOwn(l.fifoPath(), os.O_RDONLY)
	if err != nil {
		return err
	}
	defer users.Close()
	alive, pipe, err := os.Pipe()
	if err != nil {
		return err
	}
	args := []string{"-c", launchScript, l.socket, filepath.Join(l.binDir, "postgres"), "-D", l.data()}
	for _, setting := range l.settings() {
		args = append(args, "-c", setting)
	}
	// Without ctx: the server outlives it, and others may be using it.
	cmd := l.command(context.WithoutCancel(ctx), l.data(), "/bin/sh", args...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.ExtraFiles = []*os.File{users, pipe}
	err = cmd.Run() // the shell that puts the others in the background
	pipe.Close()
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, alive)
		close(ended)
	}()
	defer func() {
		alive.Close() // ends the goroutine
		<-ended
	}()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, tail(logFile, logStart))
	}
	for !ready(l.data()) || !l.answers(ctx) {
		select {
		case <-ended:
			out := tail(logFile, logStart)
			if bytes.Contains(out, []byte("pre-existing shared memory block")) ||
				bytes.Contains(out, []byte(`"postmaster.pid" already exists`)) {
				return errBusy
			}
			return fmt.Errorf("the server ended at once:\n%s", out)
		case <-ctx.Done():
			return context.Cause(ctx) // letting go of the FIFO stops it
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// settings are those that do not go without saying. They win over what the
// cluster's own files say.
func (l *launcher) settings() []string {
	settings := []string{
		"listen_addresses=",
		`unix_socket_directories="` + strings.ReplaceAll(l.socket, `"`, `""`) + `"`,
		"port=" + port,
		"shared_buffers=32MB",
		"wal_level=minimal", "max_wal_senders=0", // nobody replicates it
		"logging_collector=off", "log_destination=stderr",
	}
	if l.throwaway {
		return append(settings, "max_connections=200",
			"fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
	}
	return append(settings, "max_connections=50",
		"fsync=on", "synchronous_commit=on", "full_page_writes=on")
}

// openLog opens the server's log for appending and tells where it ends. What
// has grown large is kept once.
func (l *launcher) openLog() (f *os.File, end int64, err error) {
	if st, err := os.Lstat(l.LogFile()); err == nil && st.Size() > 1<<20 {
		if err := os.Rename(l.LogFile(), l.LogFile()+".1"); err != nil {
			return nil, 0, err
		}
	}
	if f, err = openOwn(l.LogFile(), os.O_CREATE|os.O_RDWR|os.O_APPEND); err != nil {
		return nil, 0, err
	}
	if end, err = f.Seek(0, io.SeekEnd); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, end, nil
}

// tail is what was written to f since start, as far as a message can hold it.
func tail(f *os.File, start int64) []byte {
	b, err := io.ReadAll(io.NewSectionReader(f, start, 16<<10))
	if err != nil {
		return []byte(err.Error())
	}
	return bytes.TrimSpace(b)
}

// command is one of PostgreSQL's, run as the server's user in dir.
func (l *launcher) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir // ours may be out of the other user's reach
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=" + dir}
	// A session of its own: Ctrl-C at the terminal is for us, not for the
	// server. And a group of its own, to be killed as one: initdb has children.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: l.cred, Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}
