package report

import (
	"archive/zip"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

func openBook(t *testing.T, path string) *excelize.File {
	t.Helper()
	xl, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := xl.Close(); err != nil {
			t.Error(err)
		}
	})
	return xl
}

// shown is what a sheet shows for a field of the CSV.
func shown(c column, field string, guard bool) string {
	if guard && (c.Kind == textKind || c.Kind == idKind || c.Kind == listKind) {
		if rest, ok := strings.CutPrefix(field, "'"); ok && needsGuard(rest) {
			field = rest
		}
	}
	switch c.Kind {
	case booleanKind:
		return strings.ToUpper(field)
	case instantKind:
		if at, err := time.Parse(time.RFC3339Nano, field); err == nil && at.Year() >= 1900 {
			return at.Format(time.DateTime)
		}
	}
	s, _ := xmlText(field)
	return s
}

// pad gives rows the same length: readers leave out empty cells at the end.
func pad(rows [][]string, n int) [][]string {
	for i := range rows {
		for len(rows[i]) < n {
			rows[i] = append(rows[i], "")
		}
	}
	return rows
}

// ofFile takes of the rows of a table's sheet the columns that its file has too.
func ofFile(tab table, rows [][]string) [][]string {
	order := tab.onSheet()
	out := make([][]string, len(rows))
	for n, row := range pad(rows, len(order)) {
		for i, column := range order {
			if !tab.Columns[column].Added {
				out[n] = append(out[n], row[i])
			}
		}
	}
	return out
}

// wantSheet is what the sheet of a table holds by the CSV of the same table.
func wantSheet(tab table, csv [][]string, guard bool) [][]string {
	var want [][]string
	for n, fields := range csv {
		var row []string
		for _, i := range tab.onSheet() {
			if tab.Columns[i].Added {
				continue
			}
			if n == 0 {
				row = append(row, tab.Columns[i].Header)
			} else {
				row = append(row, shown(tab.Columns[i], fields[slices.Index(tab.inFile(), i)], guard))
			}
		}
		want = append(want, row)
	}
	return want
}

func TestWorkbookHoldsWhatTheCSVHolds(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]fakeSource{"plausible": plausibleSource(4, 30, false), "hostile": hostileSource(append(hostileTexts(), fullCells()...)), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, guard := range []bool{true, false} {
				s := both()
				s.FormulaGuard = guard
				res := mustWrite(t, t.TempDir(), testRun(StatusSealed), src, s)
				xl := openBook(t, res.Workbook)
				for _, tab := range tables() {
					csv := readCSV(t, filepath.Join(res.Folder, tab.View+".csv"))
					want := wantSheet(tab, csv, guard)
					got, err := xl.GetRows(tab.Sheet)
					if err != nil {
						t.Fatal(err)
					}
					if d := cmp.Diff(want, ofFile(tab, got)); d != "" {
						t.Errorf("sheet %s against CSV (-want +got):\n%s", tab.Sheet, d)
					}
				}
			}
		})
	}
}

// The rows are written without excelize; what its own stream writer makes of the same values must read the same.
func TestRowsReadAsThoseOfExcelize(t *testing.T) {
	t.Parallel()
	texts := slices.DeleteFunc(hostileTexts(), func(s string) bool {
		return s == "_x0041_x0042_" // excelize escapes only the first of two that share a _, and so changes it
	})
	for name, src := range map[string]fakeSource{"plausible": plausibleSource(2, 20, false), "hostile": hostileSource(texts)} {
		res := mustWrite(t, t.TempDir(), testRun(StatusSealed), src, noFindings(both())) // which would mark items
		ours := openBook(t, res.Workbook)
		for _, tab := range tables()[1:] { // coverage is written in another order
			theirs := oracle(t, tab, src)
			for _, raw := range []bool{true, false} {
				want, err := theirs.GetRows(tab.Sheet, excelize.Options{RawCellValue: raw})
				if err != nil {
					t.Fatal(err)
				}
				got, err := ours.GetRows(tab.Sheet, excelize.Options{RawCellValue: raw})
				if err != nil {
					t.Fatal(err)
				}
				n := len(tab.onSheet())
				if d := cmp.Diff(pad(want, n), pad(got, n)); d != "" {
					t.Errorf("%s: sheet %s, raw %v (-excelize +ours):\n%s", name, tab.Sheet, raw, d)
				}
			}
		}
	}
}

// oracle writes a table with excelize's stream writer.
func oracle(t *testing.T, tab table, src fakeSource) *excelize.File {
	t.Helper()
	xl := excelize.NewFile()
	t.Cleanup(func() { _ = xl.Close() })
	if err := xl.SetSheetName("Sheet1", tab.Sheet); err != nil {
		t.Fatal(err)
	}
	st, err := newStyles(xl)
	if err != nil {
		t.Fatal(err)
	}
	w, err := xl.NewStreamWriter(tab.Sheet)
	if err != nil {
		t.Fatal(err)
	}
	var header []any
	for _, i := range tab.onSheet() {
		header = append(header, tab.Columns[i].Header)
	}
	if err := w.SetRow("A1", header); err != nil {
		t.Fatal(err)
	}
	n := 1
	for row := range src.yield(tab.View, tab.names()) {
		var cells []any
		for _, i := range tab.onSheet() {
			v := row[i]
			if s, ok := textOf(v); ok {
				v, _ = xmlText(s)
				if s == "" {
					v = nil
				}
			}
			if at, ok := v.(time.Time); ok {
				v = at.UTC()
				if _, ok := serialDate(at); !ok {
					v = at.UTC().Format(time.RFC3339Nano)
				}
			}
			if k, ok := v.(int64); ok && k > maxExact {
				v = fmt.Sprint(k)
			}
			cells = append(cells, excelize.Cell{StyleID: st.of(tab.Columns[i]), Value: v})
		}
		n++
		if err := w.SetRow(fmt.Sprintf("A%d", n), cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "oracle.xlsx")
	if err := xl.SaveAs(path); err != nil {
		t.Fatal(err)
	}
	return openBook(t, path)
}

// A cell that is not wrapped lays the lines below its first over the rows below.
func TestTextOfSeveralLinesHasItsRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		wrapped    bool
		height     string // of the row; empty: that of any row
	}{
		{"one line", "gone", false, ""},
		{"a long line", strings.Repeat("long ", 100), false, ""},
		{"JSON", `{"comments": "one\ntwo"}`, false, ""},
		{"two lines", "one\ntwo", true, "26"},
		{"lines from a browser", "one\r\ntwo", true, "26"},
		{"a lone carriage return", "one\rtwo", true, "26"},
		{"a line as wide as the column", "one\n" + strings.Repeat("x", 36), true, "26"},
		{"a line wider than the column", "one\n" + strings.Repeat("x", 37), true, "39"},
		{"wide characters", "one\n" + strings.Repeat("語", 37), true, "52"},
		{"more lines than a row can be high", strings.Repeat("line\n", 200), true, "403"},
	} {
		src := fakeSource{rows: map[string][]map[string]any{viewChanges: {base(map[string]any{"baseline_run_id": int64(1), "before": tt.text})}}}
		res := mustWrite(t, t.TempDir(), testRun(StatusSealed), src, both())
		xl := openBook(t, res.Workbook)
		id, err := xl.GetCellStyle("Changes", "G2")
		if err != nil {
			t.Fatal(err)
		}
		style, err := xl.GetStyle(id)
		if err != nil {
			t.Fatal(err)
		}
		if style.Alignment.WrapText != tt.wrapped {
			t.Errorf("%s: wrapped %v, want %v", tt.name, style.Alignment.WrapText, tt.wrapped)
		}
		content, _ := zipParts(t, res.Workbook)
		_, row, _ := strings.Cut(content["xl/worksheets/sheet10.xml"], `<row r="2"`)
		row, _, _ = strings.Cut(row, ">")
		want := ""
		if tt.height != "" {
			want = ` ht="` + tt.height + `"`
		}
		if d := cmp.Diff(want, row); d != "" {
			t.Errorf("%s: height (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestProvenanceShowsTheFactsOfTheRun(t *testing.T) {
	t.Parallel()
	run := testRun(StatusSealed)
	for _, s := range hostileTexts() {
		run.Provenance = append(run.Provenance, Fact{Name: "unknown value: " + s, Value: s})
	}
	run.Provenance = append(run.Provenance, Fact{Name: "Accepted gap", Value: tooLong()[0]})
	res := mustWrite(t, t.TempDir(), run, fakeSource{}, noFindings(Settings{Formats: []string{FormatXLSX}}))
	got, err := openBook(t, res.Workbook).GetRows("Provenance")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"Parameter", "Value"}}
	for _, f := range run.Provenance {
		name, _ := xmlText(f.Name)
		value, _ := xmlText(f.Value)
		want = append(want, []string{name, value})
	}
	want[len(want)-1][1] = "[Shortened; full text: sheet Long Text, entry 1] " + strings.Repeat("é", shownUnits) + "…"
	if d := cmp.Diff(want, pad(got, 2)); d != "" {
		t.Errorf("sheet Provenance (-want +got):\n%s", d)
	}
	if res.ReplacedCells == 0 {
		t.Error("characters were replaced, and not counted")
	}
	if n := res.Files[0].Rows; n != 0 {
		t.Errorf("%d rows of views in the workbook, want none", n)
	}
}

// zipParts reads a workbook's parts, and their names in the order of the file.
func zipParts(t *testing.T, path string) (map[string]string, []string) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	content := map[string]string{}
	var names []string
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := content[f.Name]; twice {
			t.Errorf("part %s is there twice", f.Name)
		}
		content[f.Name] = string(data)
		names = append(names, f.Name)
	}
	return content, names
}

func TestWorkbookManners(t *testing.T) {
	t.Parallel()
	res := mustWrite(t, t.TempDir(), testRun(StatusPartial), hostileSource(append(hostileTexts(), tooLong()[0])), both())
	xl := openBook(t, res.Workbook)
	want := []string{"Summary", "Provenance", "Coverage", "Certifications", "Reviewers", "Certification Reviewers", "Review Items", "Permissions", "Tasks",
		"Changes", "Roll-forward", "Reassignments", "Revocations", "Findings", "Dictionary", "Long Text"}
	if d := cmp.Diff(want, xl.GetSheetList()); d != "" {
		t.Errorf("sheets (-want +got):\n%s", d)
	}
	if n := xl.GetActiveSheetIndex(); n != 0 {
		t.Errorf("opens on sheet %d", n)
	}
	titles, areas := map[string]string{}, map[string]string{}
	for _, d := range xl.GetDefinedName() {
		switch d.Name {
		case "_xlnm.Print_Titles":
			titles[d.Scope] = d.RefersTo
		case "_xlnm.Print_Area":
			areas[d.Scope] = d.RefersTo
		}
	}
	for _, name := range xl.GetSheetList() {
		hf, err := xl.GetHeaderFooter(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff("&Cacme – run 2 – &A – page &P of &N", hf.OddFooter); d != "" {
			t.Errorf("%s: footer (-want +got):\n%s", name, d)
		}
		if !strings.Contains(hf.OddHeader, "PARTIAL") {
			t.Errorf("%s: print header %q does not say PARTIAL", name, hf.OddHeader)
		}
		p, err := xl.GetPageLayout(name)
		if err != nil {
			t.Fatal(err)
		}
		props, err := xl.GetSheetProps(name)
		if err != nil {
			t.Fatal(err)
		}
		fitted := props.FitToPage != nil && *props.FitToPage
		if *p.Orientation != "landscape" || fitted != (name != summarySheet) {
			t.Errorf("%s: %s, fitted to the page: %v", name, *p.Orientation, fitted)
		}
		if name == summarySheet {
			continue
		}
		if *p.FitToWidth != 1 || *p.FitToHeight != 0 {
			t.Errorf("%s: fitted to %d pages across, %d down", name, *p.FitToWidth, *p.FitToHeight)
		}
		if wide := !slices.Contains([]string{"Provenance", "Reviewers", "Certification Reviewers", "Permissions", "Roll-forward", "Dictionary"}, name); (*p.Size == paperA3) != wide {
			t.Errorf("%s: paper %d", name, *p.Size)
		}
		if want := "'" + name + "'!$1:$1"; titles[name] != want {
			t.Errorf("%s: print titles %q, want %q", name, titles[name], want)
		}
		rows, err := xl.GetRows(name)
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("$%d", len(rows)); !strings.HasSuffix(areas[name], want) {
			t.Errorf("%s: prints %q, which does not end in row %s", name, areas[name], want)
		}
		panes, err := xl.GetPanes(name)
		if err != nil {
			t.Fatal(err)
		}
		if !panes.Freeze || panes.YSplit != 1 || panes.XSplit < 1 {
			t.Errorf("%s: panes %+v", name, panes)
		}
	}
	content, names := zipParts(t, res.Workbook)
	if d := cmp.Diff([]string{"_rels/.rels", "docProps/app.xml", "docProps/core.xml", "xl/theme/theme1.xml", "xl/worksheets/sheet2.xml"}, names[:5]); d != "" {
		t.Errorf("first parts (-want +got):\n%s", d)
	}
	for name, xml := range content {
		for _, formula := range []string{"<f>", "<f "} { // in a chart it is the cells shown
			if strings.Contains(xml, formula) && !strings.HasPrefix(name, "xl/charts/") {
				t.Errorf("%s contains %s", name, formula)
			}
		}
		for _, bad := range []string{"<mergeCell", `state="hidden"`, `<dimension ref="A1">`, `<dimension ref="A1"/>`, "externalLink"} {
			if strings.Contains(xml, bad) {
				t.Errorf("%s contains %s", name, bad)
			}
		}
	}
	if !strings.Contains(content["docProps/core.xml"], "2026-03-02T02:32:04Z") {
		t.Error("the document's dates are not those of the run")
	}
}
