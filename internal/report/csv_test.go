package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestCSVMatchesGolden(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]fakeSource{"plausible": plausibleSource(2, 6, true), "hostile": hostileSource(hostileTexts())} {
		s := Settings{Formats: []string{FormatCSV}, FormulaGuard: true}
		res := mustWrite(t, t.TempDir(), testRun(StatusPartial), src, s)
		for _, f := range res.Files {
			if name == "hostile" && f.Name != "tasks.csv" || f.Name == sealName {
				continue // every view has the same hostile texts; the seal is as the source gives it
			}
			got, err := os.ReadFile(filepath.Join(res.Folder, f.Name))
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, filepath.Join(name, f.Name), string(got))
		}
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", path, d)
	}
}

func TestFormulaGuard(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, guarded, plain string
	}{
		{"=1+1", "'=1+1", "=1+1"},
		{"+1", "'+1", "+1"},
		{"-1", "'-1", "-1"},
		{"@a", "'@a", "@a"},
		{"\ta", "\"'\ta\"", "\"\ta\""},
		{"\ra", "\"'\ra\"", "\"\ra\""},
		{"\na", "\"'\na\"", "\"\na\""},
		{"＝1", "'＝1", "＝1"},
		{"＋1", "'＋1", "＋1"},
		{"－1", "'－1", "－1"},
		{"＠1", "'＠1", "＠1"},
		{"ｅ1", "ｅ1", "ｅ1"}, // full width, but no formula
		{" =1", " =1", " =1"},
		{"'=1", "''=1", "'=1"}, // as =1 is guarded
		{"''=1", "'''=1", "''=1"},
		{"'tis", "'tis", "'tis"},
		{"a=1", "a=1", "a=1"},
		{"a;=1", "\"a;=1\"", "\"a;=1\""},
		{`="a",1`, `"'=""a"",1"`, `"=""a"",1"`},
		{"", "", ""},
	} {
		for _, guard := range []bool{true, false} {
			want := tt.plain
			if guard {
				want = tt.guarded
			}
			c := &csvWriter{guard: guard}
			got := string(c.appendText(nil, tt.in))
			if got != want {
				t.Errorf("guard %v: %q: got %q, want %q", guard, tt.in, got, want)
			}
			if counted := c.guarded == 1; counted != (guard && tt.guarded != tt.plain) {
				t.Errorf("guard %v: %q: counted %d", guard, tt.in, c.guarded)
			}
		}
	}
}

func TestNumbersAndTimesAreNotGuarded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	c, err := newCSVWriter(&b, table{Columns: []column{{Name: "n"}, {Name: "at"}, {Name: "rights"}}}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]any{{int64(-1), night1, []string{"-r", "w"}}, {nil, nil, []string{}}} {
		if err := c.row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.flush(); err != nil {
		t.Fatal(err)
	}
	want := "\uFEFFn,at,rights\r\n-1,2026-03-01T02:15:00Z,\"'-r; w\"\r\n,,\r\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("CSV (-want +got):\n%s", d)
	}
}

// readCSV reads RFC 4180 to the letter: encoding/csv would turn CRLF inside a field into LF.
func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := strings.CutPrefix(string(data), byteOrderMark)
	if !ok {
		t.Fatalf("%s: no byte order mark", path)
	}
	var rows [][]string
	row := []string{}
	for s != "" {
		var field string
		if s[0] == '"' {
			var b strings.Builder
			for s = s[1:]; ; {
				i := strings.IndexByte(s, '"')
				b.WriteString(s[:i])
				s = s[i+1:]
				if !strings.HasPrefix(s, `"`) {
					break
				}
				b.WriteByte('"')
				s = s[1:]
			}
			field = b.String()
		} else {
			i := strings.IndexAny(s, ",\r")
			field, s = s[:i], s[i:]
		}
		row = append(row, field)
		if s[0] == ',' {
			s = s[1:]
			continue
		}
		if s, ok = strings.CutPrefix(s, "\r\n"); !ok {
			t.Fatalf("%s: row %d does not end in CRLF: %.40q", path, len(rows)+1, s)
		}
		rows = append(rows, row)
		row = []string{}
	}
	return rows
}
