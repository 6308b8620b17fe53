//go:build unix

package embedded

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
)

// warnOfOthers tells of clusters in dir that are left unused: of an older
// version after an upgrade, or of one whose binaries are gone. What they hold
// is missing from the cluster in use until somebody moves it.
func warnOfOthers(log *slog.Logger, dir string, used binaries) {
	found, _ := filepath.Glob(filepath.Join(escapeGlob(dir), "pg*", "data", "PG_VERSION"))
	for _, version := range found {
		data := filepath.Dir(version)
		major, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(data)), "pg"))
		if err != nil || major == used.major {
			continue
		}
		log.Warn("history in a PostgreSQL cluster of another version is not in use",
			"data", data, "version", major, "in_use", used.major, "to_move_it", moveHint(data, major))
	}
}

// moveHint is the way of pg_dump. pg_upgrade does not do: it wants a cluster
// without tables, and by the time of the warning there are some. The socket
// goes into the data directory: the cluster trusts whoever can reach it.
func moveHint(data string, major int) string {
	return fmt.Sprintf("install the binaries of PostgreSQL %d; as the owner of the data: `pg_ctl -D '%s' -o \"-h '' -k '%[2]s'\" -l /dev/null start`; "+
		"as the user of exporter: `pg_dump --clean --if-exists -h '%[2]s' -U %[3]s DATABASE | exporter psql`, which replaces what was stored since; "+
		"as the owner: `pg_ctl -D '%[2]s' stop`; then move the directory away", major, data, superuser)
}

// escapeGlob makes a pattern that matches path and nothing else.
func escapeGlob(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}
