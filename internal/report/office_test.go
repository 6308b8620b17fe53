//go:build unix

package report

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/delta"
)

// officeTimeout is for one conversion, which takes a second or two, on a machine that is busy with other tests.
const officeTimeout = 3 * time.Minute

// Tokens of LibreOffice's CSV filter: separators, quote, 76 for UTF-8, first line; then, by place, the formats of
// columns, the language, whether quoted fields are text, whether to look for dates and the like, three that are for
// export, the sheet, and whether formulas are computed. The separators are those that its dialog offers.
const (
	csvFilter  = "CSV:44/59/9,34,76,1,"
	asComputed = csvFilter + ",0,false,true,false,false,false,0,true"
	asText     = csvFilter + "%s,0,false,false"
	toCSV      = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true"
)

// needOffice says where LibreOffice is. In CI it has to be there.
func needOffice(t *testing.T) string {
	t.Helper()
	office, err := exec.LookPath("soffice")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no LibreOffice: %v", err)
		}
		t.Skipf("no LibreOffice: %v", err)
	}
	return office
}

// convert has LibreOffice open files and save them as another format, and gives the folder they are then in. Its
// profile is one of its own: two of them at work in the same one disturb each other, and nobody's settings count.
func convert(t *testing.T, filter, format string, files ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), officeTimeout)
	defer cancel()
	dir := t.TempDir()
	args := []string{"-env:UserInstallation=file://" + t.TempDir(), "--headless", "--norestore", "--convert-to", format, "--outdir", dir}
	if filter != "" {
		args = append(args, "--infilter="+filter)
	}
	cmd := exec.CommandContext(ctx, needOffice(t), append(args, files...)...)
	// soffice is a script; what it starts would outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("soffice: %v: %s", err, out)
	}
	if n := len(ls(t, dir)); n != len(files) { // it fails with status 0
		t.Fatalf("soffice made %d files of %d: %s", n, len(files), out)
	}
	return dir
}

// officeSheet is a sheet as LibreOffice has it.
type officeSheet struct {
	Name string
	Rows [][]officeCell
}

type officeCell struct {
	Formula string // empty: none
	Type    string // string, float, date, …; empty for an empty cell
	Text    string // as shown
}

func (s officeSheet) texts() [][]string {
	var rows [][]string
	for _, row := range s.Rows {
		texts := []string{}
		for _, c := range row {
			texts = append(texts, c.Text)
		}
		rows = append(rows, texts)
	}
	return rows
}

func (s officeSheet) formulas() []string {
	var found []string
	for n, row := range s.Rows {
		for i, c := range row {
			if c.Formula != "" {
				found = append(found, fmt.Sprintf("%s, row %d, cell %d: %.40s", s.Name, n+1, i+1, c.Formula))
			}
		}
	}
	return found
}

// readFlatODS reads the sheets of a flat OpenDocument file, each up to its last cell.
func readFlatODS(t *testing.T, path string) []officeSheet {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d := xml.NewDecoder(f)
	var (
		sheets     []officeSheet
		row        []officeCell
		cell       officeCell
		repeat     int // of the cell, and of the row
		repeatRow  int
		paragraphs int // -1: outside a cell
		inText     int
	)
	const most = 100 // what repeats more often is the empty rest of a sheet
	paragraphs = -1
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			for i := range sheets {
				for n := len(sheets[i].Rows); n > 0 && len(sheets[i].Rows[n-1]) == 0; n-- {
					sheets[i].Rows = sheets[i].Rows[:n-1]
				}
			}
			return sheets
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch e.Name.Local {
			case "object": // a chart has a table of its own
				if err := d.Skip(); err != nil {
					t.Fatal(err)
				}
			case "table":
				sheets = append(sheets, officeSheet{Name: attr(e, "name")})
			case "table-row":
				row, repeatRow = nil, times(t, e, "number-rows-repeated")
			case "table-cell", "covered-table-cell":
				cell = officeCell{Formula: attr(e, "formula"), Type: attr(e, "value-type")}
				repeat, paragraphs = times(t, e, "number-columns-repeated"), 0
			case "p":
				if inText++; paragraphs > 0 {
					cell.Text += "\n"
				}
				paragraphs++
			case "s":
				cell.Text += strings.Repeat(" ", times(t, e, "c"))
			case "tab":
				cell.Text += "\t"
			case "line-break":
				cell.Text += "\n"
			}
		case xml.CharData:
			if inText > 0 && paragraphs > 0 {
				cell.Text += string(e)
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "p":
				inText--
			case "table-cell", "covered-table-cell":
				if paragraphs = -1; repeat <= most {
					row = append(row, slices.Repeat([]officeCell{cell}, repeat)...)
				}
			case "table-row":
				for len(row) > 0 && row[len(row)-1] == (officeCell{}) {
					row = row[:len(row)-1]
				}
				if s := &sheets[len(sheets)-1]; repeatRow <= most {
					s.Rows = append(s.Rows, slices.Repeat([][]officeCell{row}, repeatRow)...)
				}
			}
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && !strings.Contains(a.Name.Space, "calc") {
			return a.Value
		}
	}
	return ""
}

func times(t *testing.T, e xml.StartElement, name string) int {
	t.Helper()
	s := attr(e, name)
	if s == "" {
		return 1
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// officeText makes the same of texts that LibreOffice does not tell apart: it knows one end of a line, save for a lone
// carriage return now and then.
func officeText(s string) string { return lineEnds.Replace(s) }

// Opened so that everything is computed that can be, no cell of a CSV is.
func TestLibreOfficeComputesNothingInCSV(t *testing.T) {
	t.Parallel()
	needOffice(t)
	dir := t.TempDir()
	var files []string
	for _, guard := range []bool{true, false} {
		s := Settings{Formats: []string{FormatCSV}, FormulaGuard: guard}
		res := mustWrite(t, t.TempDir(), hostileRun(), hostileListSource(), s)
		for _, tab := range tables() {
			name := filepath.Join(dir, fmt.Sprintf("%s-%v.csv", tab.View, guard))
			if err := os.Rename(filepath.Join(res.Folder, tab.View+".csv"), name); err != nil {
				t.Fatal(err)
			}
			files = append(files, name)
		}
	}
	opened := convert(t, asComputed, "fods", files...)
	for _, tab := range tables() {
		for _, sheet := range readFlatODS(t, filepath.Join(opened, tab.View+"-true.fods")) {
			if found := sheet.formulas(); len(found) > 0 {
				t.Errorf("computed: %q", found)
			}
			for n, row := range sheet.Rows {
				if len(row) > len(tab.Columns) {
					t.Errorf("%s: row %d is split into %d cells, want %d", tab.View, n+1, len(row), len(tab.Columns))
				}
			}
			if n := len(sheet.Rows) - 1; n != len(hostileList()) {
				t.Errorf("%s: %d rows, want %d", tab.View, n, len(hostileList()))
			}
		}
		// Without the guard it does compute, or the above would prove nothing.
		for _, sheet := range readFlatODS(t, filepath.Join(opened, tab.View+"-false.fods")) {
			if len(sheet.formulas()) == 0 {
				t.Errorf("%s: nothing is computed without the guard either", tab.View)
			}
		}
	}
}

// Opened as text, every cell of a CSV is what came.
func TestLibreOfficeReadsEveryHostileTextFromCSV(t *testing.T) {
	t.Parallel()
	needOffice(t)
	python := needPython(t)
	res := mustWrite(t, t.TempDir(), hostileRun(), hostileListSource(), Settings{Formats: []string{FormatCSV}, FormulaGuard: true})
	var files, formats []string
	widest := 0
	for _, tab := range tables() {
		files, widest = append(files, filepath.Join(res.Folder, tab.View+".csv")), max(widest, len(tab.Columns))
	}
	for i := range widest {
		formats = append(formats, fmt.Sprintf("%d/2", i+1))
	}
	// Not by way of OpenDocument, which has no place for control characters.
	opened := convert(t, fmt.Sprintf(asText, strings.Join(formats, "/")), toCSV, files...)
	for _, tab := range tables() {
		columns := textColumns(tab, everyColumn(tab))
		want := each(wantHostile(tab, columns, hostileText.inCSV), officeText)
		got := each(pick(pythonCSV(t, python, filepath.Join(opened, tab.View+".csv"))[1:], placesInFile(tab, columns)), unguarded)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tab.View, d)
		}
	}
}

// The workbook holds every text, or points to it, and no formula.
func TestLibreOfficeReadsEveryHostileTextFromTheWorkbook(t *testing.T) {
	t.Parallel()
	needOffice(t)
	res := mustWrite(t, t.TempDir(), hostileRun(), hostileListSource(), both())
	opened := convert(t, "", "fods", res.Workbook)
	got := map[string][][]string{}
	for _, sheet := range readFlatODS(t, filepath.Join(opened, strings.TrimSuffix(filepath.Base(res.Workbook), "xlsx")+"fods")) {
		if found := sheet.formulas(); len(found) > 0 {
			t.Errorf("formulas: %q", found)
		}
		got[sheet.Name] = sheet.texts()
	}
	compareHostileBook(t, got, officeText)
}

// flatParts are the tables and the charts of a flat OpenDocument file, each as text.
type flatParts struct {
	Ranges []struct {
		Name string `xml:"name,attr"`
		Area string `xml:"target-range-address,attr"`
	} `xml:"body>spreadsheet>database-ranges>database-range"`
	Sheets []struct {
		Name  string `xml:"name,attr"`
		Cells []struct {
			Charts []struct {
				Rows []struct {
					Cells []string `xml:"table-cell>p"`
				} `xml:"document>body>chart>chart>table>table-rows>table-row"`
			} `xml:"frame>object"`
		} `xml:"table-row>table-cell"`
	} `xml:"body>spreadsheet>table"`
}

// LibreOffice has the sheets as tables, and draws the numbers of the Summary.
func TestLibreOfficeReadsTablesAndCharts(t *testing.T) {
	t.Parallel()
	needOffice(t)
	res := mustWrite(t, t.TempDir(), longRun(), everyClass(), both())
	opened := convert(t, "", "fods", res.Workbook)
	data, err := os.ReadFile(filepath.Join(opened, strings.TrimSuffix(filepath.Base(res.Workbook), "xlsx")+"fods"))
	if err != nil {
		t.Fatal(err)
	}
	var flat flatParts
	if err := xml.Unmarshal(data, &flat); err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	xl := openBook(t, res.Workbook)
	for _, sheet := range xl.GetSheetList() {
		tables, err := xl.GetTables(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for _, tab := range tables {
			from, to, _ := strings.Cut(tab.Range, ":")
			name := sheet
			if strings.ContainsAny(name, " -") {
				name = "'" + name + "'"
			}
			want[tab.Name] = name + "." + from + ":" + name + "." + to
		}
	}
	for _, r := range flat.Ranges {
		got[r.Name] = strings.ReplaceAll(r.Area, "$", "")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("tables (-want +got):\n%s", d)
	}
	drawn := flat.Sheets[0].Cells[:0]
	for _, c := range flat.Sheets[0].Cells {
		if len(c.Charts) > 0 {
			drawn = append(drawn, c)
		}
	}
	if len(drawn) != 2 {
		t.Fatalf("%d charts on sheet %s, want 2", len(drawn), flat.Sheets[0].Name)
	}
	for i, r := range longRun().Decisions {
		if d := cmp.Diff([]string{strconv.FormatInt(r.Approved, 10), strconv.FormatInt(r.Revoked, 10), strconv.FormatInt(r.Undecided, 10)}, drawn[0].Charts[0].Rows[i].Cells[1:]); d != "" {
			t.Errorf("run %d (-want +drawn):\n%s", r.RunID, d)
		}
	}
	if n := len(drawn[1].Charts[0].Rows); n != len(delta.Classes())+1 {
		t.Errorf("%d bars of changes", n)
	}
}
