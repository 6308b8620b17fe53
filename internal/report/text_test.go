package report

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

func TestTextForXML(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, want string
		changed  bool
	}{
		{"", "", false},
		{"plain\t\r\n", "plain\t\r\n", false},
		{"a\x00b\x1f", "a\uFFFDb\uFFFD", true},
		{"\uFFFE", "\uFFFD", true},
		{"\uFFFD", "\uFFFD", false},
		{"é\xff", "é\uFFFD", true},
		{"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD", true}, // a lone surrogate, as three bytes that are no UTF-8
		{"\x7f\u0085", "\x7f\u0085", false},
	} {
		got, changed := xmlText(tt.in)
		if got != tt.want || changed != tt.changed {
			t.Errorf("xmlText(%q) = %q, %v; want %q, %v", tt.in, got, changed, tt.want, tt.changed)
		}
	}
}

func TestPartsFitACellAndMakeTheWhole(t *testing.T) {
	t.Parallel()
	for _, s := range append(tooLong(), strings.Repeat("a\U0001F600\n", 40000)) {
		if fits(s) {
			t.Errorf("%d bytes fit a cell", len(s))
		}
		pieces := parts(s)
		for i, p := range pieces {
			if !fits(p) || len(utf16.Encode([]rune(p))) > maxCellUnits || strings.Count(p, "\n") > maxCellLines {
				t.Errorf("part %d of %d does not fit a cell", i+1, len(pieces))
			}
		}
		if strings.Join(pieces, "") != s {
			t.Error("the parts do not make the whole")
		}
	}
	for _, s := range append(fullCells(), "") {
		if !fits(s) {
			t.Errorf("%d bytes do not fit a cell", len(s))
		}
	}
}

func TestDatesThatASpreadsheetCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at   time.Time
		want float64
		ok   bool
	}{
		{time.Date(1900, 2, 28, 23, 59, 59, 0, time.UTC), 0, false},
		{time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC), 61, true},
		{time.Date(1969, 12, 31, 12, 0, 0, 0, time.UTC), 25568.5, true},
		{time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC), 46082.25, true},
		{time.Date(2026, 3, 1, 8, 0, 0, 0, time.FixedZone("east", 2*3600)), 46082.25, true},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), 0, false},
		{time.Time{}, 0, false},
	} {
		got, ok := serialDate(tt.at)
		if got != tt.want || ok != tt.ok {
			t.Errorf("serialDate(%v) = %v, %v; want %v, %v", tt.at, got, ok, tt.want, tt.ok)
		}
	}
}

func TestLongTextGoesToItsSheet(t *testing.T) {
	t.Parallel()
	res := mustWrite(t, t.TempDir(), testRun(StatusSealed), hostileSource(tooLong()), both())
	xl := openBook(t, res.Workbook)
	long, err := xl.GetRows("Long Text")
	if err != nil {
		t.Fatal(err)
	}
	full := map[string]string{} // by entry
	where := map[string]string{}
	for _, row := range long[1:] {
		full[row[0]] += row[6]
		where[row[0]] = row[3] + "/" + row[4]
	}
	var shortened int64
	for _, tab := range filed() {
		csv := readCSV(t, res.Folder+"/"+tab.View+".csv")
		rows, err := xl.GetRows(tab.Sheet)
		if err != nil {
			t.Fatal(err)
		}
		for n, row := range rows {
			for i, cell := range row {
				rest, ok := strings.CutPrefix(cell, "[Shortened; full text: sheet Long Text, entry ")
				if !ok {
					continue
				}
				shortened++
				entry, shown, _ := strings.Cut(rest, "] ")
				place := tab.onSheet()[i]
				column := tab.Columns[place]
				if column.Added { // in no file to compare with
					continue
				}
				if d := cmp.Diff(csv[n][slices.Index(tab.inFile(), place)], full[entry]); d != "" {
					t.Errorf("entry %s differs from the CSV", entry)
				}
				if want := tab.Sheet + "/" + column.Header; where[entry] != want {
					t.Errorf("entry %s is said to be of %s, want %s", entry, where[entry], want)
				}
				if !strings.HasPrefix(full[entry], strings.TrimSuffix(shown, "…")) {
					t.Errorf("entry %s: the cell does not begin as the text does", entry)
				}
			}
		}
	}
	if shortened == 0 || shortened != res.ShortenedCells || int(shortened) != len(full) {
		t.Errorf("%d cells shortened, %d counted, %d entries", shortened, res.ShortenedCells, len(full))
	}
}

func TestLinesBreakAtSpaces(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"", []string{""}},
		{"short", []string{"short"}},
		{"exactly ten", []string{"exactly", "ten"}},
		{"0123456789", []string{"0123456789"}},
		{"éééééééééééé", []string{"éééééééééé", "éé"}},
		{"a 0123456789", []string{"a", "0123456789"}},
		{"四文字四文字 四", []string{"四文字四文", "字 四"}},
	} {
		if d := cmp.Diff(tt.want, lines(tt.in, 10)); d != "" {
			t.Errorf("lines(%q) (-want +got):\n%s", tt.in, d)
		}
	}
}

func TestSummaryShowsTextThatLooksEscaped(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"_x003D_1+1", "_x000D_", "_x0041_x0042_", "_x005F_x000D_", "_x005F_", "a_x0020_b", "_xZZZZ_"} {
		run := testRun(StatusSealed)
		run.Scope.Filter = text
		res := mustWrite(t, t.TempDir(), run, fakeSource{}, Settings{Formats: []string{FormatXLSX}})
		rows, err := openBook(t, res.Workbook).GetRows(summarySheet)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, row := range rows {
			if len(row) > 1 && row[0] == "Filter" {
				got = row[1]
			}
		}
		if got != text {
			t.Errorf("filter %q shows as %q", text, got)
		}
	}
}
