package report

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The README's list of sheets, files and columns is made of the tables that write them; -update writes it anew.
func TestReadmeListsSheetsFilesAndColumns(t *testing.T) {
	t.Parallel()
	const readme, begin, end = "../../README.md", "<!-- sheets: made of the column tables -->\n", "<!-- /sheets -->\n"
	data, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the list between %q and %q", readme, begin, end)
	}
	want := sheetsForReadme()
	if *update {
		if err := os.WriteFile(readme, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", readme, d)
	}
}

func sheetsForReadme() string {
	var b strings.Builder
	b.WriteString("| sheet | holds | columns |\n|---|---|---|\n")
	for _, tab := range documented() {
		var own []string
		columns := "" // of sheets without a file, the headers
		for _, i := range tab.onSheet() {
			if tab.Made || tab.Columns[i].Added {
				own = append(own, tab.Columns[i].Header)
			}
		}
		if !tab.Made {
			columns = fmt.Sprintf("`%s.csv`: %s", tab.View, strings.Join(tab.fileNames(), ", "))
			if len(own) > 0 {
				columns += "; on the sheet besides: "
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s%s |\n", tab.Sheet, tab.Holds, columns, strings.Join(own, ", "))
	}
	return b.String()
}
