package migrations

import (
	"fmt"
	"io/fs"
	"regexp"
	"testing"
)

var name = regexp.MustCompile(`^(\d{6})_[a-z_]+\.sql$`)

func TestFilesAreNumberedWithoutGapsAndGoBothWays(t *testing.T) {
	t.Parallel()
	files, err := fs.ReadDir(Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		m := name.FindStringSubmatch(f.Name())
		if want := fmt.Sprintf("%06d", i+1); m == nil || m[1] != want {
			t.Errorf("%s: want %s_name.sql", f.Name(), want)
		}
		sql, err := fs.ReadFile(Files, f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`(?ms)^-- \+goose Up$.*^-- \+goose Down\n.*\S`).Match(sql) {
			t.Errorf("%s has not both an Up and a Down part", f.Name())
		}
	}
}
