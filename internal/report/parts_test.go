package report

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
)

// tablePart is a table as its part of the file has it.
type tablePart struct {
	ID          int    `xml:"id,attr"`
	Name        string `xml:"name,attr"`
	DisplayName string `xml:"displayName,attr"`
	Ref         string `xml:"ref,attr"`
	HeaderRows  *int   `xml:"headerRowCount,attr"`
	TotalsRows  *int   `xml:"totalsRowCount,attr"`
	Filter      struct {
		Ref string `xml:"ref,attr"`
	} `xml:"autoFilter"`
	Columns struct {
		Count int `xml:"count,attr"`
		List  []struct {
			ID   int    `xml:"id,attr"`
			Name string `xml:"name,attr"`
		} `xml:"tableColumn"`
	} `xml:"tableColumns"`
	Style struct {
		Name string `xml:"name,attr"`
	} `xml:"tableStyleInfo"`
}

// relation is one line of a part's relations.
type relation struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
}

func decode[T any](t *testing.T, content map[string]string, part string) T {
	t.Helper()
	var v T
	if err := xml.Unmarshal([]byte(content[part]), &v); err != nil {
		t.Fatalf("%s: %v", part, err)
	}
	return v
}

// relationsOf gives the relations of a part, their targets as names of parts.
func relationsOf(t *testing.T, content map[string]string, part string) []relation {
	t.Helper()
	rels := path.Dir(part) + "/_rels/" + path.Base(part) + ".rels"
	if content[rels] == "" {
		return nil
	}
	list := decode[struct {
		List []relation `xml:"Relationship"`
	}](t, content, rels).List
	for i, r := range list {
		if path.IsAbs(r.Target) {
			list[i].Target = r.Target[1:]
		} else {
			list[i].Target = path.Join(path.Dir(part), r.Target)
		}
	}
	return list
}

// related gives the targets of a part's relations of a type, e.g. table.
func related(t *testing.T, content map[string]string, part, kind string) []string {
	t.Helper()
	var targets []string
	for _, r := range relationsOf(t, content, part) {
		if path.Base(r.Type) == kind {
			targets = append(targets, r.Target)
		}
	}
	return targets
}

// books are workbooks with all that a workbook can have: every sheet going on, sheets without rows, both charts.
func books(t *testing.T) map[string]Result {
	t.Helper()
	continued := both()
	continued.limits.rows = 30
	return map[string]Result{
		"plausible": mustWrite(t, t.TempDir(), testRun(StatusPartial), plausibleSource(4, 25, true), both()),
		"continued": mustWrite(t, t.TempDir(), hostileRun(), hostileListSource(), continued),
		"empty":     mustWrite(t, t.TempDir(), testRun(StatusSealed), fakeSource{}, noFindings(both())),
	}
}

// Every part has a type, and whatever a part refers to is there: Excel repairs a file that says otherwise.
func TestPartsOfAWorkbookFitTogether(t *testing.T) {
	t.Parallel()
	for name, res := range books(t) {
		content, names := zipParts(t, res.Workbook)
		types := decode[struct {
			Defaults []struct {
				Extension string `xml:"Extension,attr"`
			} `xml:"Default"`
			Overrides []struct {
				Part string `xml:"PartName,attr"`
				Type string `xml:"ContentType,attr"`
			} `xml:"Override"`
		}](t, content, "[Content_Types].xml")
		typed := map[string]string{}
		for _, o := range types.Overrides {
			part := strings.TrimPrefix(o.Part, "/")
			if typed[part] != "" {
				t.Errorf("%s: %s has two types", name, part)
			}
			if typed[part] = o.Type; content[part] == "" {
				t.Errorf("%s: a type for %s, which is not there", name, part)
			}
		}
		for _, part := range names {
			if part == "[Content_Types].xml" || strings.HasSuffix(part, ".rels") {
				continue
			}
			want := map[string]string{"xl/tables": "table+xml", "xl/charts": "chart+xml", "xl/drawings": "drawing+xml"}[path.Dir(part)]
			if !strings.HasSuffix(typed[part], want) || typed[part] == "" {
				t.Errorf("%s: %s has type %q, want %s", name, part, typed[part], want)
			}
			seen := map[string]bool{}
			for _, r := range relationsOf(t, content, part) {
				if seen[r.ID] || content[r.Target] == "" {
					t.Errorf("%s: %s refers by %s to %s: twice %v", name, part, r.ID, r.Target, seen[r.ID])
				}
				if seen[r.ID] = true; part != "xl/workbook.xml" && !strings.Contains(content[part], `r:id="`+r.ID+`"`) {
					t.Errorf("%s: %s does not use its relation %s", name, part, r.ID)
				}
			}
			for _, used := range regexp.MustCompile(`r:id="(\w+)"`).FindAllStringSubmatch(content[part], -1) {
				if !seen[used[1]] {
					t.Errorf("%s: %s has no relation %s", name, part, used[1])
				}
			}
		}
	}
}

// Each sheet with rows is one table, of its header and its rows and nothing else.
func TestSheetsAreTables(t *testing.T) {
	t.Parallel()
	valid := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{3,}$`) // longer than a column's letters, which would make it a cell
	for name, res := range books(t) {
		xl := openBook(t, res.Workbook)
		content, _ := zipParts(t, res.Workbook)
		if strings.Contains(content["xl/workbook.xml"], "<definedName hidden") != (name == "empty") {
			t.Errorf("%s: a filter's name beside those of tables, or none where there is no table", name)
		}
		ids, names := map[int]bool{}, map[string]bool{}
		for i, sheet := range xl.GetSheetList() {
			part := fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1)
			tables := related(t, content, part, "table")
			if sheet == summarySheet {
				if len(tables) > 0 || strings.Contains(content[part], "<autoFilter") {
					t.Errorf("%s: the Summary is a table", name)
				}
				continue
			}
			rows, err := xl.GetRows(sheet)
			if err != nil {
				t.Fatal(err)
			}
			corner, err := excelize.CoordinatesToCellName(len(rows[0]), max(strings.Count(content[part], "<row "), 1))
			if err != nil {
				t.Fatal(err)
			}
			ref, filtered := "A1:"+corner, strings.Contains(content[part], "<autoFilter")
			if empty := strings.Count(content[part], "<row ") == 1; empty != filtered || empty != (len(tables) == 0) || len(tables) > 1 {
				t.Errorf("%s: sheet %s: %d tables, a filter of its own %v", name, sheet, len(tables), filtered)
			}
			for _, part := range tables {
				tab := decode[tablePart](t, content, part)
				if ids[tab.ID] || tab.ID < 1 {
					t.Errorf("%s: two tables have id %d", name, tab.ID)
				}
				if lower := strings.ToLower(tab.Name); names[lower] || tab.DisplayName != tab.Name || !valid.MatchString(tab.Name) {
					t.Errorf("%s: %s: a table is named %q, shown as %q", name, sheet, tab.Name, tab.DisplayName)
				}
				ids[tab.ID], names[strings.ToLower(tab.Name)] = true, true
				if tab.Ref != ref || tab.Filter.Ref != ref || tab.HeaderRows != nil || tab.TotalsRows != nil {
					t.Errorf("%s: sheet %s: a table of %s, its filter of %s, want %s with one header and no totals", name, sheet, tab.Ref, tab.Filter.Ref, ref)
				}
				var columns []string
				headers := map[string]bool{}
				for i, c := range tab.Columns.List {
					columns = append(columns, c.Name)
					if c.ID != i+1 || headers[strings.ToLower(c.Name)] || strings.ContainsAny(c.Name, "\r\n\t") {
						t.Errorf("%s: sheet %s: column %d %q", name, sheet, c.ID, c.Name)
					}
					headers[strings.ToLower(c.Name)] = true
				}
				if d := cmp.Diff(rows[0], columns); d != "" || tab.Columns.Count != len(columns) {
					t.Errorf("%s: sheet %s: %d columns of the table (-header +table):\n%s", name, sheet, tab.Columns.Count, d)
				}
			}
		}
	}
}

func TestNamesOfTables(t *testing.T) {
	t.Parallel()
	for sheet, want := range map[string]string{"Tasks": "Tasks", "Roll-forward": "Roll_forward", "Review Items": "Review_Items", "Review Items (2)": "Review_Items_2", "Long Text (12)": "Long_Text_12"} {
		if d := cmp.Diff(want, tableName(sheet)); d != "" {
			t.Errorf("%s (-want +got):\n%s", sheet, d)
		}
	}
}

// bookParts is what openpyxl makes of tables and charts.
type bookParts struct {
	Tables map[string][]struct {
		Name    string
		Ref     string
		Columns []string
	}
	Charts []struct {
		Kind   string
		Title  string
		Anchor []int // first column and row, last column and row, from 0
		Series [][]string
	}
}

func readParts(t *testing.T, workbook string) bookParts {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), needPython(t), "testdata/readparts.py", workbook).Output()
	if err != nil {
		t.Fatal(err)
	}
	var p bookParts
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOpenpyxlReadsTheTables(t *testing.T) {
	t.Parallel()
	for name, res := range books(t) {
		got := readParts(t, res.Workbook)
		xl := openBook(t, res.Workbook)
		for _, sheet := range xl.GetSheetList() {
			want, err := xl.GetTables(sheet)
			if err != nil {
				t.Fatal(err)
			}
			var refs, gotRefs []string
			for _, w := range want {
				refs = append(refs, w.Name+" "+w.Range)
			}
			for _, g := range got.Tables[sheet] {
				gotRefs = append(gotRefs, g.Name+" "+g.Ref)
			}
			if !slices.Equal(refs, gotRefs) {
				t.Errorf("%s: sheet %s: openpyxl reads tables %q, want %q", name, sheet, gotRefs, refs)
			}
		}
	}
}
