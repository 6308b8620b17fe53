//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Start finds the cluster running and joins it, or starts it, making it first
// when there is none. The server runs until its last user has called Stop,
// dropped its Server or ended in any other way. Crash recovery may take minutes: bound ctx, or let
// Start wait. It returns ErrNoBinaries, perhaps wrapped, when PostgreSQL is not
// installed.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (*Server, error) {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if o.Dir == "" {
		return nil, errors.New("no state directory given")
	}
	bin, err := o.binaries()
	if err != nil {
		return nil, err
	}
	base, err := ownDir(clusterDir(o.Dir, bin.major))
	if err != nil {
		return nil, err
	}
	warnOfOthers(log, o.Dir, bin)
	cred, err := owner(o.RunAs, filepath.Join(base, "data"))
	if err != nil {
		return nil, err
	}
	s := &Server{base: base, binDir: bin.dir, socket: socketDir(base), major: bin.major}
	patience := time.AfterFunc(10*time.Second, func() {
		log.Warn("still waiting for PostgreSQL", "dir", base, "log", s.LogFile())
	})
	defer patience.Stop()
	lock, err := openOwn(s.lockFile(), os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, err
	}
	defer lock.Close() // also unlocks
	if err := flock(ctx, lock); err != nil {
		return nil, err
	}
	l := launcher{Server: s, cred: cred, lock: lock, throwaway: o.Throwaway, log: log}
	if err := l.join(ctx); err != nil {
		s.letGo()
		return nil, err
	}
	return s, nil
}

// binaries are the ones asked for, or the best found.
func (o Options) binaries() (binaries, error) {
	if o.BinDir == "" {
		return choose(findBinaries(installed[:]), o.Dir)
	}
	b, err := binariesIn(o.BinDir)
	if errors.Is(err, fs.ErrNotExist) {
		return b, fmt.Errorf("look in %s: %w", o.BinDir, ErrNoBinaries)
	}
	return b, err
}

// join makes us a user of the server, which it brings up if need be.
func (l *launcher) join(ctx context.Context) error {
	if err := privateDir(l.socket, l.cred); err != nil {
		return err
	}
	alone, err := l.hold()
	if err != nil {
		return err
	}
	for left := 0; ; {
		pid := postmaster(l.data())
		switch {
		// A server without a pid that we can see, but which listens, runs in
		// another container on the same volume: never start a second one.
		case pid == 0 && !l.listening():
			if err := l.makeCluster(ctx); err != nil {
				return err
			}
			err := l.launch(ctx)
			if err == nil {
				return l.share()
			}
			if !errors.Is(err, errBusy) {
				return err
			}
		case alone: // its users were killed
			if pid != 0 && pid != left {
				l.log.Info("stopping a PostgreSQL server that was left behind", "pid", pid)
				left = pid
			}
			if err := interrupt(pid); err != nil {
				return err
			}
		case ready(l.data()) && l.answers(ctx):
			return l.share()
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("the server in %s is neither ready nor gone: %w", l.data(), err)
		}
	}
}

// hold opens the FIFO, which keeps the server up, and tells whether no other
// process has. When others do, the server is up or coming; when we are alone
// with one, its users were killed.
func (s *Server) hold() (alone bool, err error) {
	if s.fifo, err = openFIFO(s.fifoPath()); err != nil {
		return false, err
	}
	s.users = s.fifo
	// Linux locks FIFOs, and lets go of the lock before the reader learns of
	// the end, so that nobody joins a server about to stop. Others refuse it.
	if runtime.GOOS != "linux" {
		if s.users, err = openOwn(filepath.Join(s.base, "users.lock"), os.O_CREATE|os.O_RDWR); err != nil {
			return false, err
		}
	}
	return s.lockAlone(), nil
}

func (s *Server) lockAlone() bool {
	return syscall.Flock(int(s.users.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// share lets others see that the server has a user. We hold the cluster's lock
// while our own goes from exclusive to shared.
func (s *Server) share() error {
	if err := syscall.Flock(int(s.users.Fd()), syscall.LOCK_SH); err != nil {
		return fmt.Errorf("lock %s: %w", s.users.Name(), err)
	}
	return nil
}

// letGo ends our use of the server. The lock goes first: see hold.
func (s *Server) letGo() {
	if s.users != nil && s.users != s.fifo {
		s.users.Close()
	}
	if s.fifo != nil {
		s.fifo.Close()
	}
	s.users, s.fifo = nil, nil
}

// Stop lets go of the cluster. When nobody else uses it, the server shuts down
// and Stop waits for that, as a container may end with us. Without Stop the
// server shuts down as well once the process has ended. Further calls do
// nothing; not safe for concurrent use.
func (s *Server) Stop(ctx context.Context) error {
	if s.fifo == nil {
		return nil
	}
	defer s.letGo()
	if err := s.stop(ctx); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

func (s *Server) stop(ctx context.Context) error {
	lock, err := openOwn(s.lockFile(), os.O_RDWR)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := flock(ctx, lock); err != nil {
		return err
	}
	if !s.lockAlone() {
		return nil // others go on using it
	}
	s.letGo() // the reader sees this, but it may have been killed
	for {
		pid := postmaster(s.data())
		if pid == 0 {
			return nil
		}
		if err := interrupt(pid); err != nil {
			return err
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// interrupt asks a server for a fast shutdown; asking again does no harm.
func interrupt(pid int) error {
	if pid == 0 { // none that we can see; to kill(2) it is our own group
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal pid %d: %w", pid, err)
	}
	return nil
}

func (s *Server) data() string     { return filepath.Join(s.base, "data") }
func (s *Server) lockFile() string { return filepath.Join(s.base, "lock") }
func (s *Server) fifoPath() string { return filepath.Join(s.base, "users") }
