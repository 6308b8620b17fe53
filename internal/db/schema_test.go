package db

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/db/dbtest"
	"exporter/migrations"
)

var update = flag.Bool("update", false, "write migrations/schema.sql anew")

const (
	schemaFile = "../../migrations/schema.sql"
	// dumpedBy is the version of pg_dump that the file is of: others word some
	// things otherwise.
	dumpedBy = 15

	schemaHead = "-- The schema that the migrations come to, to be read: nothing runs this file.\n" +
		"-- `go test ./internal/db -run SchemaFile -update` writes it.\n\n"
)

// around matches what a dump says around its statements: of itself, of the
// session that is to load it, and a heading above each.
var around = regexp.MustCompile(`(?m)^(SET [a-z_]+ = .*;|SELECT pg_catalog\.set_config\(.*|-- Dumped (from|by) .*|\\(un)?restrict .*|--\n-- .*\n--)\n`)

var blankLines = regexp.MustCompile(`\n{3,}`)

func TestSchemaFileIsWhatTheMigrationsComeTo(t *testing.T) {
	// pg_dump goes with its own server.
	t.Setenv("EXPORTER_TEST_DATABASE_URL", "")
	server := dbtest.Server(t)
	if server.Major() != dumpedBy && os.Getenv("CI") != "" {
		t.Fatalf("the schema is as pg_dump %d writes it, this is %d: write it anew, with -update", dumpedBy, server.Major())
	}
	if server.Major() != dumpedBy {
		t.Skipf("the schema is as pg_dump %d writes it, this is %d", dumpedBy, server.Major())
	}
	dump := exec.CommandContext(t.Context(), filepath.Join(server.BinDir(), "pg_dump"), "--schema-only", "--no-owner",
		"--schema=history", "--schema=staging", "--schema=audit", "--dbname="+dbtest.New(t, migrations.Files, migrate))
	var stderr bytes.Buffer
	dump.Stderr = &stderr
	out, err := dump.Output()
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, &stderr)
	}
	out = blankLines.ReplaceAll(around.ReplaceAll(out, nil), []byte("\n\n"))
	got := append([]byte(schemaHead), append(bytes.TrimSpace(out), '\n')...)
	if *update {
		if err := os.WriteFile(schemaFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("migrations/schema.sql (-want +got; -update writes it):\n%s", diff)
	}
}
