//go:build unix

package dbtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// stateDir makes the directory that the test processes of one user share. In a
// temporary directory anybody may have put one, or a link, in its place.
func stateDir() (string, error) {
	return ownDir(filepath.Join(os.TempDir(), "exporter-test-"+strconv.Itoa(os.Geteuid())))
}

func ownDir(dir string) (string, error) {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	d, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return "", err
	}
	defer d.Close()
	st, err := d.Stat()
	if err != nil {
		return "", err
	}
	if uid := st.Sys().(*syscall.Stat_t).Uid; int(uid) != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to uid %d, not to us: remove it or set TMPDIR", dir, uid)
	}
	// Whatever the umask: the user that root's server runs as has to pass, and
	// nobody else may write.
	return dir, d.Chmod(0o755)
}

// alive tells whether a process has this pid.
func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
