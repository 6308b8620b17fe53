//go:build unix

package dbtest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOwnDir(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "new")
	for range 2 { // made, then found
		if _, err := ownDir(dir); err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o755 {
			t.Errorf("mode %v (%v)", st.Mode(), err)
		}
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(parent, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if _, err := ownDir(link); err == nil {
		t.Error("a planted link was taken")
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := ownDir(dir); err == nil {
		t.Error("a planted directory was taken")
	}
}
