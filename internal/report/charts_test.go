package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"exporter/internal/delta"
)

// chartPart is a chart as its parts of the file have it.
type chartPart struct {
	Title  string // as text
	Alt    string
	Anchor [4]int // first column and row, last column and row, from 0
	Series []string
	XML    string
}

// charts reads the charts of the Summary, from top to bottom.
func charts(t *testing.T, workbook string) []chartPart {
	t.Helper()
	content, _ := zipParts(t, workbook)
	type place struct {
		Column int `xml:"col"`
		Row    int `xml:"row"`
	}
	var all []chartPart
	for _, drawing := range related(t, content, "xl/worksheets/sheet1.xml", "drawing") {
		targets := map[string]string{}
		for _, r := range relationsOf(t, content, drawing) {
			targets[r.ID] = r.Target
		}
		d := decode[struct {
			Anchors []struct {
				From  place `xml:"from"`
				To    place `xml:"to"`
				Frame struct {
					Properties struct {
						Alt string `xml:"descr,attr"`
					} `xml:"nvGraphicFramePr>cNvPr"`
					Chart struct {
						ID string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
					} `xml:"graphic>graphicData>chart"`
				} `xml:"graphicFrame"`
			} `xml:"twoCellAnchor"`
		}](t, content, drawing)
		for _, a := range d.Anchors {
			part := targets[a.Frame.Chart.ID]
			type series struct {
				Name       string `xml:"tx>strRef>f"`
				Categories string `xml:"cat>strRef>f"`
				Values     string `xml:"val>numRef>f"`
			}
			c := decode[struct {
				Title  []string `xml:"chart>title>tx>rich>p>r>t"`
				Series []series `xml:"chart>plotArea>barChart>ser"`
			}](t, content, part)
			chart := chartPart{
				Title: strings.Join(c.Title, ""), Alt: a.Frame.Properties.Alt, XML: content[part],
				Anchor: [4]int{a.From.Column, a.From.Row, a.To.Column, a.To.Row},
			}
			for _, s := range c.Series {
				chart.Series = append(chart.Series, s.Name, s.Categories, s.Values)
			}
			all = append(all, chart)
		}
	}
	return all
}

// cellsOf gives what the cells of a reference to the Summary hold, e.g. of Summary!$A$3:$A$5.
func cellsOf(t *testing.T, xl *excelize.File, ref string) []string {
	t.Helper()
	sheet, cells, _ := strings.Cut(strings.ReplaceAll(ref, "$", ""), "!")
	from, to, ranged := strings.Cut(cells, ":")
	if !ranged {
		to = from
	}
	column, first, err := excelize.CellNameToCoordinates(from)
	if err != nil {
		t.Fatal(err)
	}
	lastColumn, last, err := excelize.CellNameToCoordinates(to)
	if err != nil || lastColumn != column || sheet != summarySheet {
		t.Fatalf("%s is not a column of the Summary: %v", ref, err)
	}
	var values []string
	for row := first; row <= last; row++ {
		cell, err := excelize.CoordinatesToCellName(column, row)
		if err != nil {
			t.Fatal(err)
		}
		value, err := xl.GetCellValue(summarySheet, cell)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	return values
}

// longRun has the most that a Summary shows: twelve runs, some of them partial or of another scope.
func longRun() Run {
	run := testRun(StatusPartial)
	run.ID, run.Decisions = 1034, nil
	for i := range int64(12) {
		s := Standing{
			RunID: 1023 + i, StartedAt: night1.AddDate(0, 0, int(i)), Status: StatusSealed, OtherScope: i < 4,
			Approved: 40_000 + 21_013*i, Revoked: 2_100 * i, Undecided: 310_000 - 23_113*i,
		}
		if i%8 == 3 {
			s.Status = StatusPartial
		}
		run.Decisions = append(run.Decisions, s)
	}
	return run
}

// everyClass are changes of every class, and of one that nobody knows.
func everyClass() fakeSource {
	src := plausibleSource(8, 38, true)
	src.rows[viewChanges] = nil
	classes := []string{"UNHEARD_OF"}
	for _, m := range delta.Classes() {
		classes = append(classes, string(m.Class))
	}
	for i, class := range classes {
		for range i + 1 {
			src.rows[viewChanges] = append(src.rows[viewChanges], base(map[string]any{"baseline_run_id": int64(1), "class": class}))
		}
	}
	return src
}

func TestChartsShowTheNumbersAboveThem(t *testing.T) {
	t.Parallel()
	res := mustWrite(t, t.TempDir(), longRun(), everyClass(), both())
	xl := openBook(t, res.Workbook)
	found := charts(t, res.Workbook)
	if len(found) != 2 {
		t.Fatalf("%d charts, want 2", len(found))
	}
	var want, got [][]string
	labels, states := []string{}, [3][]string{}
	for _, r := range longRun().Decisions {
		label := fmt.Sprintf("Run %d", r.RunID)
		if r.Status == StatusPartial {
			label += " PARTIAL"
		}
		labels = append(labels, label)
		for i, n := range []int64{r.Approved, r.Revoked, r.Undecided} {
			states[i] = append(states[i], count(n))
		}
	}
	for i, name := range []string{"Approved", "Revoked", "Undecided"} {
		want = append(want, []string{name}, labels, states[i])
	}
	classes, numbers := []string{}, []string{}
	for i, m := range delta.Classes() {
		classes, numbers = append(classes, string(m.Class)), append(numbers, count(int64(i+2)))
	}
	want = append(want, []string{"Rows"}, append(classes, "UNHEARD_OF"), append(numbers, "1"))
	for _, ref := range slices.Concat(found[0].Series, found[1].Series) {
		got = append(got, cellsOf(t, xl, ref))
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("cells of the charts (-want +got):\n%s", d)
	}
	for i, title := range []string{"Decisions by state over the last 12 runs", "Changes by class"} {
		if found[i].Title != title || found[i].Alt == "" {
			t.Errorf("chart %q, in words %q; want %s", found[i].Title, found[i].Alt, title)
		}
	}
}

// A chart lies on rows of its own, on one page, within what is printed.
func TestChartsLieOnEmptyRows(t *testing.T) {
	t.Parallel()
	few := testRun(StatusSealed)
	for name, res := range map[string]Result{
		"most": mustWrite(t, t.TempDir(), longRun(), everyClass(), both()),
		"few":  mustWrite(t, t.TempDir(), few, plausibleSource(2, 20, false), both()),
	} {
		xl := openBook(t, res.Workbook)
		rows, err := xl.GetRows(summarySheet)
		if err != nil {
			t.Fatal(err)
		}
		content, _ := zipParts(t, res.Workbook)
		breaks := decode[struct {
			List []struct {
				Row int `xml:"id,attr"`
			} `xml:"rowBreaks>brk"`
		}](t, content, "xl/worksheets/sheet1.xml")
		for _, c := range charts(t, res.Workbook) {
			if c.Anchor[0] != 0 || c.Anchor[2] > 5 {
				t.Errorf("%s: chart %s reaches from column %d to %d, want from A to F", name, c.Title, c.Anchor[0], c.Anchor[2])
			}
			if n := c.Anchor[3] - c.Anchor[1] + 1; n > pageRows || c.Anchor[3] >= len(rows) {
				t.Errorf("%s: chart %s takes %d rows of %d", name, c.Title, n, len(rows))
			}
			for row := c.Anchor[1]; row <= c.Anchor[3]; row++ {
				if text := strings.Join(rows[row], ""); text != "" {
					t.Errorf("%s: chart %s lies on row %d: %s", name, c.Title, row+1, text)
				}
			}
			for _, b := range breaks.List {
				if c.Anchor[1] < b.Row && b.Row <= c.Anchor[3] {
					t.Errorf("%s: a page ends in chart %s, at row %d of %v", name, c.Title, b.Row, c.Anchor)
				}
			}
			for _, must := range []string{`typeface="Arial"`, `<a:ln w="9525"><a:solidFill><a:srgbClr val="` + ink} {
				if !strings.Contains(c.XML, must) {
					t.Errorf("%s: chart %s has no %s", name, c.Title, must)
				}
			}
		}
	}
}

func TestChartsAreLeftOutWhereThereIsNothingToCompare(t *testing.T) {
	t.Parallel()
	first := testRun(StatusSealed)
	first.BaselineID, first.Baseline, first.Decisions = nil, Totals{}, first.Decisions[1:]
	uncounted := testRun(StatusSealed)
	uncounted.Decisions = nil
	unchanged := plausibleSource(2, 4, false)
	delete(unchanged.rows, viewChanges)
	for name, tt := range map[string]struct {
		run  Run
		src  fakeSource
		want []string
	}{
		"first run":    {first, unchanged, nil},
		"not counted":  {uncounted, plausibleSource(2, 20, false), []string{"Changes by class"}},
		"nothing new":  {testRun(StatusSealed), unchanged, []string{"Decisions by state over the last 2 runs"}},
		"every number": {testRun(StatusSealed), plausibleSource(2, 20, false), []string{"Decisions by state over the last 2 runs", "Changes by class"}},
	} {
		var got []string
		res := mustWrite(t, t.TempDir(), tt.run, tt.src, both())
		for _, c := range charts(t, res.Workbook) {
			got = append(got, c.Title)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: charts (-want +got):\n%s", name, d)
		}
	}
}

// What excelize writes of a chart may change with its version; an edit that finds nothing must not pass.
func TestAnEditOfAChartMustFindItsPlace(t *testing.T) {
	t.Parallel()
	xl := excelize.NewFile()
	xl.Pkg.Store("part", []byte("a b"))
	if err := edit(xl, "part", edits{{"a", "x"}, {"b", "y"}}); err != nil {
		t.Error(err)
	}
	if got, _ := xl.Pkg.Load("part"); string(got.([]byte)) != "x y" {
		t.Errorf("edited to %s", got)
	}
	if err := edit(xl, "part", edits{{"a", "x"}}); err == nil {
		t.Error("an edit of what is not there passes")
	}
	if err := edit(xl, "none", edits{{"a", "x"}}); err == nil {
		t.Error("an edit of a part that is not there passes")
	}
}

// A chart's range must not have rows that only go on with the text of another.
func TestMeaningsFitOneLine(t *testing.T) {
	t.Parallel()
	for _, m := range delta.Classes() {
		if n := len(lines(m.Text, meaningWidth)); n != 1 {
			t.Errorf("%s takes %d lines: %s", m.Class, n, m.Text)
		}
	}
}

func TestOpenpyxlReadsTheCharts(t *testing.T) {
	t.Parallel()
	res := mustWrite(t, t.TempDir(), longRun(), everyClass(), both())
	got := readParts(t, res.Workbook).Charts
	want := charts(t, res.Workbook)
	if len(got) != len(want) {
		t.Fatalf("%d charts, want %d", len(got), len(want))
	}
	for i, kind := range []string{"barChart col stacked", "barChart bar clustered"} {
		if got[i].Kind != kind || got[i].Title != want[i].Title {
			t.Errorf("%s %q, want %s %q", got[i].Kind, got[i].Title, kind, want[i].Title)
		}
		if d := cmp.Diff(want[i].Anchor[:], got[i].Anchor); d != "" {
			t.Errorf("%s: place (-want +got):\n%s", want[i].Title, d)
		}
		if d := cmp.Diff(want[i].Series, slices.Concat(got[i].Series...)); d != "" {
			t.Errorf("%s: cells (-want +got):\n%s", want[i].Title, d)
		}
	}
}
