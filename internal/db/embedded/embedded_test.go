//go:build unix

package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStartMakesTheClusterAndFindsItAgain(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	var log bytes.Buffer
	o := Options{Dir: filepath.Join(newDir(t), "a", "b"), Throwaway: true, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	s := mustStart(t, o)
	if !strings.Contains(log.String(), "making a PostgreSQL cluster") {
		t.Errorf("cold start did not say so:\n%s", log.String())
	}
	write(t, s, `CREATE TABLE kept AS SELECT 'here' AS v`)
	data := s.data()
	mustStop(t, s)
	if pid := postmaster(data); pid != 0 {
		t.Errorf("server %d runs after Stop", pid)
	}
	mustStop(t, s) // does nothing

	log.Reset()
	s = mustStart(t, o)
	if got := read(t, s, `SELECT v FROM kept`); got != "here" {
		t.Errorf("read %q after a warm start", got)
	}
	if log.Len() > 0 {
		t.Errorf("warm start logged:\n%s", log.String())
	}
	if _, err := os.Stat(s.LogFile()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(s.BinDir(), "postgres")); err != nil {
		t.Error(err)
	}
	if got := read(t, s, `SHOW server_version`); !strings.HasPrefix(got, fmt.Sprint(s.Major())) {
		t.Errorf("server_version %s, Major %d", got, s.Major())
	}
}

func TestProcessesShareOneServer(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := newDir(t)
	s := mustStart(t, Options{Dir: dir, Throwaway: true})
	pid := postmaster(s.data())
	other := newClient(t, dir)
	other.wait(t)
	if got := postmaster(s.data()); got != pid {
		t.Errorf("postmaster %d after another process joined, was %d", got, pid)
	}
	mustStop(t, s)
	if got := postmaster(s.data()); got != pid {
		t.Errorf("postmaster %d after the first user left, was %d", got, pid)
	}
	other.leave(t)
	if got := postmaster(s.data()); got != 0 {
		t.Errorf("postmaster %d after the last user left", got)
	}
}

func TestColdStartsAtOnce(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := newDir(t)
	var users []*client
	for range 8 {
		users = append(users, newClient(t, dir))
	}
	for _, u := range users {
		u.wait(t)
	}
	s := mustStart(t, Options{Dir: dir, Throwaway: true})
	if got := read(t, s, `SELECT count(*)::text FROM pg_catalog.pg_database`); got != "3" {
		t.Errorf("%s databases in a new cluster, want 3", got)
	}
	mustStop(t, s)
	for _, u := range users {
		u.leave(t)
	}
	if pid := postmaster(s.data()); pid != 0 {
		t.Errorf("server %d runs after the last user left", pid)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	for _, tt := range []struct {
		name      string
		throwaway bool
		want      map[string]string
	}{
		{"real", false, map[string]string{
			"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on", "autovacuum": "on",
			"max_connections": "50", "listen_addresses": "", "server_encoding": "UTF8",
		}},
		{"throwaway", true, map[string]string{
			"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
			"max_connections": "200", "listen_addresses": "", "server_encoding": "UTF8",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, Options{Dir: newDir(t), Throwaway: tt.throwaway})
			got := map[string]string{}
			for name := range tt.want {
				got[name] = read(t, s, `SHOW `+name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			if got := read(t, s, `SELECT string_agg(c, '' ORDER BY c) FROM unnest(ARRAY['b', 'a', 'B', 'é']) AS c`); got != "Babé" {
				t.Errorf("ordered %s, want bytewise Babé", got)
			}
		})
	}
}

func TestServerIsApart(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	s := mustStart(t, Options{Dir: newDir(t), Throwaway: true})
	pid := postmaster(s.data())

	t.Run("from the terminal's signals", func(t *testing.T) {
		pgid, err := syscall.Getpgid(pid)
		if err != nil {
			t.Fatal(err)
		}
		if pgid == syscall.Getpgrp() {
			t.Error("the server is in our process group: Ctrl-C would reach it")
		}
	})
	t.Run("from the network", func(t *testing.T) {
		for _, listener := range tcpListeners(t) {
			if sockets(t, pid)[listener] {
				t.Errorf("the server listens on TCP, socket %s", listener)
			}
		}
	})
	t.Run("from other users", func(t *testing.T) {
		for _, dir := range []string{s.data(), s.SocketDir()} {
			st, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			if st.Mode().Perm() != 0o700 {
				t.Errorf("%s has mode %v", dir, st.Mode())
			}
		}
	})
	t.Run("from root", func(t *testing.T) {
		if uid, _ := process(pid); uid == 0 {
			t.Error("the server runs as root")
		}
	})
}

// tcpListeners are the inodes of the sockets that listen on TCP.
func tcpListeners(t *testing.T) (inodes []string) {
	t.Helper()
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" {
				inodes = append(inodes, f[9])
			}
		}
	}
	return inodes
}

// sockets are the inodes of a process's sockets.
func sockets(t *testing.T, pid int) map[string]bool {
	t.Helper()
	inodes := map[string]bool{}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		target, err := os.Readlink(l)
		if err != nil {
			continue // closed since
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes
}

func TestEnsureDatabase(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	s := mustStart(t, Options{Dir: newDir(t), Throwaway: true})
	const name = `odd "name" / é`
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = s.EnsureDatabase(t.Context(), name) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if err := s.EnsureDatabase(t.Context(), name); err != nil {
		t.Errorf("database exists: %v", err)
	}
	var got string
	if err := connect(t, s, name).QueryRow(t.Context(), `SELECT current_database()`).Scan(&got); err != nil || got != name {
		t.Errorf("connected to %q: %v", got, err)
	}
}
