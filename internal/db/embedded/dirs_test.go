//go:build unix

package embedded

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOddPaths(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	for _, tt := range []struct {
		name, path string
		inside     bool // the socket is in the cluster's directory
	}{
		{"spaces", "with two  spaces", true},
		{"URL's own", "50%&a=b?c#d+e:f", true},
		{"quotes", `it's "quoted" \ $HOME`, true},
		{"letters", "Zertifizierungsprüfung", true},
		{"comma", "a,b", false},
		{"long", strings.Repeat("long", 30), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(newDir(t), tt.path)
			s := mustStart(t, Options{Dir: dir, Throwaway: true})
			if inside := strings.HasPrefix(s.SocketDir(), dir); inside != tt.inside {
				t.Errorf("socket in %s", s.SocketDir())
			}
			if !tt.inside {
				t.Cleanup(func() { os.RemoveAll(s.SocketDir()) })
			}
			if got := read(t, s, `SHOW data_directory`); got != s.data() {
				t.Errorf("data in %s, want %s", got, s.data())
			}
			joined := mustStart(t, Options{Dir: dir, Throwaway: true})
			mustStop(t, joined)
		})
	}
}

func TestLinkLeadsToTheSameServer(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := newDir(t)
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	a := mustStart(t, Options{Dir: real, Throwaway: true})
	b := mustStart(t, Options{Dir: link, Throwaway: true})
	if diff := cmp.Diff(a.URL("postgres"), b.URL("postgres")); diff != "" {
		t.Errorf("URL through a link (-want +got):\n%s", diff)
	}
}

func TestPrivateDirFollowsNoLink(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := privateDir(link, nil); err == nil {
		t.Error("a link was taken for a directory")
	}
	if st, err := os.Stat(target); err != nil || st.Mode().Perm() != 0o755 {
		t.Errorf("what the link leads to has mode %v (%v)", st.Mode(), err)
	}
}

func TestOwnFilesAreNoLinks(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	link := filepath.Join(dir, "server.log")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	if f, err := openOwn(link, os.O_CREATE|os.O_RDWR); err == nil {
		f.Close()
		t.Error("a link was followed")
	}
	file := filepath.Join(dir, "users")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := openFIFO(file); err == nil {
		f.Close()
		t.Error("a file was taken for a FIFO")
	}
}

func TestAsRootNeedsAPathTheServerCanReach(t *testing.T) {
	t.Parallel()
	needRoot(t, "only root drops to another user")
	needPostgres(t)
	dir := newDir(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: dir, Throwaway: true})
	if err == nil || !strings.Contains(err.Error(), dir+" is closed to uid") || !strings.Contains(err.Error(), "database.embedded_dir") {
		t.Errorf("Start: %v", err)
	}
}

func TestAsRootClusterOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	needRoot(t, "needs root to make a directory of another user's")
	dir := newDir(t)
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := ownDir(dir); err == nil || !strings.Contains(err.Error(), "belongs to uid 65534") {
		t.Errorf("ownDir: %v", err)
	}
}

func TestAsRootRunAs(t *testing.T) {
	t.Parallel()
	needRoot(t, "only root drops to another user")
	needPostgres(t)
	dir := newDir(t)
	s := mustStart(t, Options{Dir: dir, RunAs: "nobody", Throwaway: true})
	nobody, _ := process(postmaster(s.data()))
	mustStop(t, s)
	s = mustStart(t, Options{Dir: dir, Throwaway: true})
	if uid, _ := process(postmaster(s.data())); uid != nobody {
		t.Errorf("data of uid %d served by uid %d", nobody, uid)
	}
	if _, err := owner("no such user", filepath.Join(dir, "absent")); err == nil {
		t.Error("a user that does not exist was accepted")
	}
}

// initdb insists on a passwd entry, which a container's arbitrary uid lacks.
func TestAsRootUserWithoutAName(t *testing.T) {
	t.Parallel()
	needRoot(t, "only root can become another user")
	needPostgres(t)
	const uid = 54321
	dir := newDir(t)
	if err := os.Chown(dir, uid, uid); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(newDir(t), "exporter.test") // where this user can reach it
	copyExecutable(t, bin)
	cmd := exec.Command(bin)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.Output()
	if err == nil || !bytes.Contains(out, []byte("database.url")) || !bytes.Contains(out, []byte("uid 54321 has no name")) {
		t.Errorf("Start said %q (%v)", out, err)
	}
}

func copyExecutable(t *testing.T, to string) {
	t.Helper()
	src, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestMakeDirIgnoresTheUmaskForRoot(t *testing.T) {
	// Not parallel: the umask belongs to the process.
	dir := newDir(t)
	old := syscall.Umask(0o077)
	err := makeDir(filepath.Join(dir, "a", "b"))
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	want := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		want = 0o755
	}
	for _, d := range []string{"a", "a/b"} {
		if st, err := os.Stat(filepath.Join(dir, d)); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s has mode %v (%v), want %v", d, st.Mode(), err, want)
		}
	}
}

func TestDefaultDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/some/where")
	want := "/some/where/app"
	if os.Geteuid() == 0 {
		want = "/var/lib/app"
	}
	if got := DefaultDir("app"); got != want {
		t.Errorf("DefaultDir = %s, want %s", got, want)
	}
	if os.Geteuid() == 0 {
		return
	}
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", home)
	if got, want := DefaultDir("app"), filepath.Join(home, ".local", "state", "app"); got != want {
		t.Errorf("DefaultDir = %s, want %s", got, want)
	}
	t.Setenv("HOME", filepath.Join(home, "absent"))
	if got := DefaultDir("app"); !strings.HasPrefix(got, os.TempDir()) {
		t.Errorf("DefaultDir without a home = %s", got)
	}
}

func TestClustersOfOtherVersionsAreWarnedOf(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), "odd [a-b]*") // not a pattern
	for _, cluster := range []string{"pg9", "pg15", "pg99"} {
		data := filepath.Join(dir, cluster, "data")
		if err := os.MkdirAll(data, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(cluster[2:]+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "pg14"), 0o755); err != nil { // nothing in it
		t.Fatal(err)
	}
	records := warnings{}
	warnOfOthers(slog.New(&records), dir, binaries{"/bin15", 15})
	want := []warning{
		{slog.LevelWarn, filepath.Join(dir, "pg9", "data"), 9, 15},
		{slog.LevelWarn, filepath.Join(dir, "pg99", "data"), 99, 15},
	}
	if diff := cmp.Diff(want, records.seen); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestStartWarnsOfAnOlderCluster(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := newDir(t)
	data := filepath.Join(dir, "pg9", "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	mustStart(t, Options{Dir: dir, Throwaway: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, want := range []string{"level=WARN", data, "pg_dump"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, log.String())
		}
	}
}

// warning is what matters of a log record.
type warning struct {
	Level          slog.Level
	Data           string
	Version, InUse int
}

type warnings struct{ seen []warning }

func (*warnings) Enabled(context.Context, slog.Level) bool { return true }
func (h *warnings) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h *warnings) WithGroup(string) slog.Handler          { return h }

func (h *warnings) Handle(_ context.Context, r slog.Record) error {
	w := warning{Level: r.Level}
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "data":
			w.Data = a.Value.String()
		case "version":
			w.Version = int(a.Value.Int64())
		case "in_use":
			w.InUse = int(a.Value.Int64())
		}
		return true
	})
	h.seen = append(h.seen, w)
	return nil
}
