package report

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each format gives the same bytes each time, on one processor and on eight: with all that the order of a map or of
// goroutines could change, that is with many classes of changes and gaps, sheets that go on, and Long Text.
//
// Not parallel: it sets GOMAXPROCS.
func TestSameInputSameBytes(t *testing.T) {
	for _, formats := range [][]string{{FormatXLSX}, {FormatCSV}, {FormatXLSX, FormatCSV}} {
		t.Run(strings.Join(formats, " and "), func(t *testing.T) {
			s := Settings{Formats: formats, FormulaGuard: true, limits: limits{rows: 60}}
			run, src := hostileListSource().sealed(hostileRun())
			var want map[string]string
			for n := range 10 {
				processors := []int{1, 8}[n%2]
				dir := t.TempDir()
				before := runtime.GOMAXPROCS(processors)
				res, err := Write(t.Context(), dir, run, src, s)
				runtime.GOMAXPROCS(before)
				if err != nil {
					t.Fatal(err)
				}
				got := tree(t, dir)
				if want == nil {
					want = got
					if res.Workbook != "" {
						mustGoOn(t, res.Workbook)
					}
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("writing %d, on %d processors, differs (-first +this):\n%s", n+1, processors, d)
				}
			}
		})
	}
}

// mustGoOn makes sure that a workbook has of each table a second sheet, and Long Text.
func mustGoOn(t *testing.T, workbook string) {
	t.Helper()
	names := openBook(t, workbook).GetSheetList()
	want := []string{"Long Text", "Long Text (2)", "Provenance (2)"}
	for _, tab := range tables() {
		want = append(want, tab.Sheet, tab.Sheet+" (2)")
	}
	for _, name := range want {
		if !slices.Contains(names, name) {
			t.Errorf("no sheet %s, but %q", name, names)
		}
	}
}
