package report

import (
	"bytes"
	"fmt"

	"github.com/xuri/excelize/v2"
)

// Fills of charts: greys far apart, so that they stay so on paper without colours. The outline sets the lightest off
// the page, and what is next to each other apart.
const (
	fillDark   = ink
	fillMiddle = rule
	fillLight  = "FFFFFF"
)

// Sizes of charts. Pixels are as excelize counts them; what it writes is the cell a chart ends in, and how far in.
const (
	rowPixels    = 18  // of a row of the Summary; programs make it 20
	digitPixels  = 8   // of a character of a column's width; programs make it 7
	inLast       = 140 // of the last column, which has 154 where a character has 7
	columnsRows  = 18  // rows that a chart of columns takes: with those of its numbers, a page
	chartTitlePt = 11
	chartTextPt  = 9
)

// chart is a chart of cells of the Summary: they have the numbers, so that nothing depends on telling its shapes apart.
type chart struct {
	name, alt string
	rows      int // that it takes
	edits     edits
	excelize.Chart
}

// decisionsChart stacks the decisions of each run. Its rows follow the heading, which is row head, counted from 1.
func decisionsChart(title string, head, runs int) chart {
	c := chart{
		name: "Decisions by state", rows: columnsRows, edits: outlined,
		alt: fmt.Sprintf("Stacked columns: review items approved, revoked and undecided, for each of %d runs, oldest first. The numbers are in the rows above.", runs),
		Chart: excelize.Chart{
			Type: excelize.ColStacked, Title: chartTitle(title, chartTitlePt), Legend: excelize.ChartLegend{Position: "bottom", Font: chartFont(chartTextPt)},
			XAxis: excelize.ChartAxis{Font: *chartFont(chartTextPt), Title: chartTitle("Run", chartTextPt), TickLabelSkip: 1},
			YAxis: excelize.ChartAxis{Font: *chartFont(chartTextPt), Title: chartTitle("Review items", chartTextPt), MajorGridLines: true, NumFmt: excelize.ChartNumFmt{CustomNumFmt: "#,##0"}},
		},
	}
	for i, fill := range []string{fillMiddle, fillDark, fillLight} {
		column := string(rune('D' + i))
		c.Series = append(c.Series, series(column, head, runs, fill))
	}
	return c
}

// changesChart has a bar for each class of changes, in the order of the rows.
func changesChart(head, classes int) chart {
	bars := series("B", head, classes, fillMiddle)
	bars.DataLabel.Font = *chartFont(chartTextPt)
	bars.DataLabelPosition = excelize.ChartDataLabelsPositionOutsideEnd
	return chart{
		name: "Changes by class", rows: barsRows(classes), edits: topDown,
		alt: "Bars: rows of the sheet Changes by class of change. The numbers are in the rows above.",
		Chart: excelize.Chart{
			Type: excelize.Bar, Title: chartTitle("Changes by class", chartTitlePt), Legend: excelize.ChartLegend{Position: "none"},
			Series: []excelize.ChartSeries{bars}, PlotArea: excelize.ChartPlotArea{ShowVal: true, NumFmt: excelize.ChartNumFmt{CustomNumFmt: "#,##0"}},
			XAxis: excelize.ChartAxis{Font: *chartFont(chartTextPt), Title: chartTitle("Class", chartTextPt), ReverseOrder: true, TickLabelSkip: 1},
			YAxis: excelize.ChartAxis{Font: *chartFont(chartTextPt), Title: chartTitle("Rows", chartTextPt), MajorGridLines: true, NumFmt: excelize.ChartNumFmt{CustomNumFmt: "#,##0"}},
		},
	}
}

// barsRows are the rows that a chart of so many bars takes: four for five bars, at most a page.
func barsRows(n int) int { return min(max(7, 5+4*n/5), pageRows) }

// series are the numbers of a column below its heading, named by it, with the labels of column A.
func series(column string, head, n int, fill string) excelize.ChartSeries {
	cells := func(column string) string {
		return fmt.Sprintf("%s!$%s$%d:$%s$%d", summarySheet, column, head+1, column, head+n)
	}
	return excelize.ChartSeries{
		Name: fmt.Sprintf("%s!$%s$%d", summarySheet, column, head), Categories: cells("A"), Values: cells(column),
		Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{fill}},
	}
}

func chartFont(points float64) *excelize.Font {
	return &excelize.Font{Family: fontName, Size: points, Color: ink}
}

func chartTitle(text string, points float64) excelize.ChartTitle {
	font := chartFont(points)
	font.Bold = true
	return excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: text, Font: font}}}
}

// chart puts a chart below the row being written, on rows of its own and as wide as the page. It is kept on the page of
// its numbers where that holds both.
func (p *page) chart(c chart) {
	p.row++
	if top := p.blocks[len(p.blocks)-1]; p.row+c.rows-top > pageRows {
		p.blocks = append(p.blocks, p.row)
	}
	last := len(summaryWidths) - 1
	wide := float64(inLast)
	for _, width := range summaryWidths[:last] {
		wide += width * digitPixels
	}
	space, vary := uint(60), false
	c.GapWidth, c.VaryColors = &space, &vary
	c.Dimension = excelize.ChartDimension{Width: uint(wide), Height: uint(c.rows*rowPixels - rowPixels/2)}
	c.Format = excelize.GraphicOptions{Name: c.name, AltText: c.alt}
	c.Border = excelize.LineOptions{Type: excelize.LineNone}
	p.do(p.xl.AddChart(summarySheet, fmt.Sprintf("A%d", p.row+1), &c.Chart))
	withoutImages(p.xl)
	p.charts++
	p.do(edit(p.xl, fmt.Sprintf("xl/charts/chart%d.xml", p.charts), c.edits))
	p.row += c.rows
}

// withoutImages takes back the types of images that excelize adds with a drawing, in the order of a map: a workbook has
// none, and is to have the same bytes each time.
func withoutImages(xl *excelize.File) {
	if xl.ContentTypes == nil {
		return
	}
	kept := xl.ContentTypes.Defaults[:0]
	for _, d := range xl.ContentTypes.Defaults {
		if d.Extension == "rels" || d.Extension == "xml" {
			kept = append(kept, d)
		}
	}
	xl.ContentTypes.Defaults = kept
}

// edits are what a chart's XML says in excelize's words, and what it is to say: the library has no other way to.
type edits [][2]string

const (
	afterFill    = `</a:solidFill></spPr><invertIfNegative`
	afterOutline = `</a:solidFill><a:ln w="9525"><a:solidFill><a:srgbClr val="` + ink + `"></a:srgbClr></a:solidFill></a:ln></spPr><invertIfNegative`
)

var (
	outlined = edits{{afterFill, afterOutline}}
	// Classes go from top to bottom as in the rows, the axis of numbers stays at the bottom, and its title level.
	topDown = edits{
		{afterFill, afterOutline},
		{`<axPos val="t"></axPos><title>`, `<axPos val="l"></axPos><title>`},
		{`<axPos val="l"></axPos><majorGridlines>`, `<axPos val="b"></axPos><majorGridlines>`},
		{`rot="-5400000"`, `rot="0"`},
		{`<crosses val="autoZero"></crosses><cross`, `<crosses val="max"></crosses><cross`},
	}
)

// edit makes edits of a part that excelize wrote.
func edit(xl *excelize.File, part string, e edits) error {
	data, _ := xl.Pkg.Load(part)
	xml, _ := data.([]byte)
	for _, change := range e {
		from, to := []byte(change[0]), []byte(change[1])
		if !bytes.Contains(xml, from) {
			return fmt.Errorf("part %s does not say %s", part, from)
		}
		xml = bytes.ReplaceAll(xml, from, to)
	}
	xl.Pkg.Store(part, xml)
	return nil
}
