package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Plan is what Start would do with a state directory.
type Plan struct {
	BinDir  string // of the server it would run
	Major   int    // its major version
	Cluster string // directory of the cluster
	Exists  bool   // the cluster does; else Start makes it
}

// Look says what Start would do with the binaries it finds, and changes
// nothing. It returns ErrNoBinaries, perhaps wrapped, when PostgreSQL is not
// installed.
func Look(dir string) (Plan, error) {
	bin, err := choose(findBinaries(installed[:]), dir)
	if err != nil {
		return Plan{}, fmt.Errorf("look for PostgreSQL: %w", err)
	}
	p := Plan{BinDir: bin.dir, Major: bin.major, Cluster: clusterDir(dir, bin.major)}
	_, err = os.Stat(filepath.Join(p.Cluster, "data", "PG_VERSION"))
	p.Exists = !errors.Is(err, fs.ErrNotExist) // one that we may not look into counts
	return p, nil
}
