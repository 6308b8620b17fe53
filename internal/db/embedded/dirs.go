//go:build unix

package embedded

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// owner decides which user the server runs as; nil means: as we are. For root
// it is the owner of the data that is there, else runAs, else the first of
// postgres and nobody that exists.
func owner(runAs, data string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	if st, err := os.Stat(data); err == nil {
		if sys := st.Sys().(*syscall.Stat_t); sys.Uid != 0 {
			return &syscall.Credential{Uid: sys.Uid, Gid: sys.Gid}, nil
		}
	}
	names := []string{"postgres", "nobody"}
	if runAs != "" {
		names = []string{runAs}
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and no unprivileged user was found among: %s", strings.Join(names, ", "))
}

// ownDir makes the cluster's directory and returns its one true path: locks,
// and the path a server shows in its arguments, must not depend on which link
// led there. The directory stays ours; only data and the socket directory are
// the server's user's, so that it cannot trick root by way of links beside
// them.
func ownDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := makeDir(dir); err != nil {
		return "", err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	st, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	if sys := st.Sys().(*syscall.Stat_t); int(sys.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to uid %d and we are uid %d: run as that user or choose another database.embedded_dir", dir, sys.Uid, os.Geteuid())
	}
	return dir, nil
}

// makeDir makes dir and what is missing above it. The server's user has to
// pass through root's, whatever the umask.
func makeDir(dir string) error {
	mode := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o755
	}
	err := os.Mkdir(dir, mode)
	switch {
	case err == nil:
		return os.Chmod(dir, mode)
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if err := makeDir(filepath.Dir(dir)); err != nil {
			return err
		}
		return makeDir(dir)
	}
	return err
}

// privateDir makes a 0700 directory that belongs to the server's user, and
// checks that this user can get to it.
func privateDir(dir string, cred *syscall.Credential) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	// By descriptor: under /tmp another user may have put a link in its place,
	// or may be about to.
	d, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	st, err := d.Stat()
	if err != nil {
		return err
	}
	uid := uint32(os.Geteuid())
	if cred != nil {
		uid = cred.Uid
	}
	if sys := st.Sys().(*syscall.Stat_t); sys.Uid != uid {
		if cred == nil || sys.Uid != 0 {
			return fmt.Errorf("%s belongs to uid %d, want %d", dir, sys.Uid, uid)
		}
		if err := d.Chown(int(cred.Uid), int(cred.Gid)); err != nil {
			return err
		}
	}
	if err := d.Chmod(0o700); err != nil {
		return err
	}
	if cred == nil {
		return nil
	}
	for p := filepath.Dir(dir); ; p = filepath.Dir(p) {
		st, err := os.Stat(p)
		if err != nil {
			return err
		}
		if sys := st.Sys().(*syscall.Stat_t); st.Mode()&0o001 == 0 && sys.Uid != cred.Uid {
			return fmt.Errorf("%s is closed to uid %d, which PostgreSQL runs as because root may not: choose another database.embedded_dir (say /var/lib/exporter)", p, cred.Uid)
		}
		if p == filepath.Dir(p) {
			return nil
		}
	}
}

// socketDir is inside base where the path is short enough for a socket address
// (104 bytes on macOS, 108 on Linux) and has no comma, which separates hosts in
// a connection string; else under /tmp.
func socketDir(base string) string {
	dir := filepath.Join(base, "s")
	if len(dir)+len("/.s.PGSQL.5432.lock") < 100 && !strings.Contains(dir, ",") {
		return dir
	}
	h := fnv.New64a()
	h.Write([]byte(base))
	return fmt.Sprintf("/tmp/.pg-%d-%x", os.Geteuid(), h.Sum64())
}

// openOwn opens a file of the cluster's directory, never through a link.
func openOwn(path string, flag int) (*os.File, error) {
	return os.OpenFile(path, flag|syscall.O_NOFOLLOW, 0o600)
}

// openFIFO opens the users' FIFO for writing, and makes it first when missing.
func openFIFO(path string) (*os.File, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, &fs.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	f, err := openOwn(path, os.O_RDWR) // O_WRONLY would wait for a reader
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.Mode().Type() != fs.ModeNamedPipe {
		err = fmt.Errorf("%s is not a FIFO: remove it", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// flock takes an exclusive lock, which ends when f and all its duplicates are
// closed.
func flock(ctx context.Context, f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("wait for %s: %w", f.Name(), err)
		}
	}
}

// syncDir makes the names in dir survive a loss of power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
