//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeBinaries makes an installation of the given version.
func fakeBinaries(t *testing.T, root string, major int) string {
	t.Helper()
	dir := filepath.Join(root, fmt.Sprint(major), "bin")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %d.1 (Test)'\n", major)
	for _, name := range []string{"initdb", "postgres"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindBinaries(t *testing.T) {
	root := t.TempDir()
	pattern := filepath.Join(root, "*", "bin")
	t.Setenv("PATH", "")
	if got := findBinaries([]string{pattern}); len(got) > 0 {
		t.Errorf("found %v where nothing is installed", got)
	}
	a, b := fakeBinaries(t, root, 9), fakeBinaries(t, root, 16)
	if err := os.MkdirAll(filepath.Join(root, "17", "bin"), 0o755); err != nil { // a client, no server
		t.Fatal(err)
	}
	t.Setenv("PATH", b+":/bin:/usr/bin")
	got := findBinaries([]string{pattern, pattern})
	mine := []binaries{}
	for _, f := range got { // beside what this machine has in PATH
		if f.dir == a || f.dir == b {
			mine = append(mine, f)
		}
	}
	want := []binaries{{b, 16}, {a, 9}}
	if diff := cmp.Diff(want, mine, cmp.AllowUnexported(binaries{})); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

func TestNoBinaries(t *testing.T) {
	t.Parallel()
	if _, err := choose(nil, t.TempDir()); !errors.Is(err, ErrNoBinaries) {
		t.Errorf("choose among none: %v", err)
	}
	dir := newDir(t)
	if _, err := Start(t.Context(), Options{Dir: dir, BinDir: t.TempDir()}); !errors.Is(err, ErrNoBinaries) {
		t.Errorf("Start with an empty BinDir: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("Start left %v (%v)", left, err)
	}
	if _, err := Start(t.Context(), Options{}); err == nil {
		t.Error("Start without a directory succeeded")
	}
}

func TestChoosePrefersTheDataThatIsThere(t *testing.T) {
	t.Parallel()
	found := []binaries{{"/17", 17}, {"/16", 16}, {"/15", 15}}
	for _, tt := range []struct {
		name string
		data []int
		want int
	}{
		{"none", nil, 17},
		{"older", []int{15}, 15},
		{"several", []int{15, 16}, 16},
		{"binaries gone", []int{14}, 17},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, major := range tt.data {
				data := filepath.Join(clusterDir(dir, major), "data")
				if err := os.MkdirAll(data, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := choose(found, dir)
			if err != nil || got.major != tt.want {
				t.Errorf("chose %v (%v), want %d", got, err, tt.want)
			}
		})
	}
}

func TestParseMajor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 19beta1\n":                        19,
		"postgres (PostgreSQL) 18\n":                             18,
		"postgres (PostgreSQL)\n":                                0,
		"":                                                       0,
	} {
		got, err := parseMajor(in)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("parseMajor(%q) = %d, %v", in, got, err)
		}
	}
}

func TestURLIsPercentEncoded(t *testing.T) {
	t.Parallel()
	s := &Server{socket: "/var/lib/a b&c"}
	want := "postgres://exporter@/a%20b%2Fc?host=%2Fvar%2Flib%2Fa%20b%26c&port=5432&sslmode=disable"
	if diff := cmp.Diff(want, s.URL("a b/c")); diff != "" {
		t.Errorf("URL (-want +got):\n%s", diff)
	}
}
