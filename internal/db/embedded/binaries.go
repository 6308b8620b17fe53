package embedded

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// installed are the places packages of PostgreSQL put a version's binaries in:
// Debian, Alpine, Red Hat's and PGDG's, Homebrew on both architectures,
// Postgres.app, and the default of a build from source.
var installed = [...]string{
	"/usr/lib/postgresql/*/bin", "/usr/libexec/postgresql*", "/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin", "/usr/local/pgsql/bin",
}

// binaries is a directory that holds initdb and postgres, and their version.
type binaries struct {
	dir   string
	major int
}

// FindBinDirs returns the directories on this machine that hold initdb and
// postgres, newest version first.
func FindBinDirs() []string {
	var dirs []string
	for _, b := range findBinaries(installed[:]) {
		dirs = append(dirs, b.dir)
	}
	return dirs
}

// findBinaries looks at the patterns, then at PATH.
func findBinaries(patterns []string) []binaries {
	var dirs []string
	for _, p := range patterns {
		m, _ := filepath.Glob(p) // fails for malformed patterns only
		dirs = append(dirs, m...)
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		// A link to it says nothing of where its neighbours are.
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	var found []binaries
	for i, dir := range dirs {
		if slices.Contains(dirs[:i], dir) {
			continue
		}
		if b, err := binariesIn(dir); err == nil {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b binaries) int { return cmp.Compare(b.major, a.major) })
	return found
}

// binariesIn asks the server in dir for its version: some 15 ms.
func binariesIn(dir string) (binaries, error) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, err
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("ask %s/postgres for its version: %w", dir, err)
	}
	major, err := parseMajor(string(out))
	if err != nil {
		return binaries{}, fmt.Errorf("ask %s/postgres for its version: %w", dir, err)
	}
	return binaries{dir, major}, nil
}

// parseMajor takes the 15 out of "postgres (PostgreSQL) 15.18 (Debian ...)"
// and the 19 out of "postgres (PostgreSQL) 19beta1".
func parseMajor(version string) (int, error) {
	_, v, _ := strings.Cut(version, ") ")
	if i := strings.IndexFunc(v, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		v = v[:i]
	}
	major, err := strconv.Atoi(v)
	if err != nil {
		return 0, fmt.Errorf("unexpected %q", strings.TrimSpace(version))
	}
	return major, nil
}

// choose picks the newest version, but rather the newest whose data is in dir:
// installing another PostgreSQL must not hide what was stored.
func choose(found []binaries, dir string) (binaries, error) {
	if len(found) == 0 {
		return binaries{}, ErrNoBinaries
	}
	for _, b := range found {
		if _, err := os.Stat(filepath.Join(clusterDir(dir, b.major), "data", "PG_VERSION")); err == nil {
			return b, nil
		}
	}
	return found[0], nil
}

// clusterDir is where the cluster of one major version lives.
func clusterDir(dir string, major int) string {
	return filepath.Join(dir, "pg"+strconv.Itoa(major))
}
