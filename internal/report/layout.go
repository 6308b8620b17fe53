package report

import (
	"errors"
	"fmt"
	"slices"

	"github.com/xuri/excelize/v2"
)

// The look: one font, one fill, and nothing said by colour alone.
const (
	fontName   = "Arial"
	fontSize   = 10
	ink        = "1F2933"
	headerFill = "DCE4EC" // against ink: contrast 11.5:1
	rule       = "9AA8B5"

	lineHeight   = 13 // points, of a line of text in a row
	filterButton = 3  // characters, the room it takes in a header

	tableStyle = "TableStyleLight1" // grey on every second row, which leads the eye along it; says nothing

	formatNumber  = 1  // 0
	formatWhole   = 3  // #,##0
	formatText    = 49 // @; in any other format Excel computes what looks like a formula as soon as the cell is edited
	formatInstant = "yyyy-mm-dd hh:mm:ss"
	formatChange  = `+#,##0;-#,##0;0`
	formatTruth   = `"TRUE";"TRUE";"FALSE"` // Excel needs no format for these; others show 1 and 0 without it
)

// styles are the cell styles of the workbook, as excelize numbers them.
type styles struct {
	header, headerRight, text, wrapped, id, integer, instant, boolean int // of the tables
	clippedText, clippedID                                            int // of cells whose text is longer than their column is wide
	title, section, sectionRight, strong, sum, net, blank             int // of the Summary besides
}

func newStyles(xl *excelize.File) (styles, error) {
	var s styles
	if err := xl.SetDefaultFont(fontName); err != nil {
		return s, err
	}
	*xl.Styles.Fonts.Font[0].Sz.Val = fontSize // widths of columns are counted in its digits

	plain := excelize.Font{Family: fontName, Size: fontSize, Color: ink}
	bold := plain
	bold.Bold = true
	big := bold
	big.Size = 15
	fill := excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{headerFill}}
	under := []excelize.Border{{Type: "bottom", Color: rule, Style: 1}}
	left := &excelize.Alignment{Vertical: "top", Horizontal: "left"}
	clip := &excelize.Alignment{Vertical: "top", Horizontal: "fill"}
	cut := []excelize.Border{{Type: "right", Color: rule, Style: 1}} // keeps text that fills its cell off the one beside it
	right := &excelize.Alignment{Vertical: "top", Horizontal: "right", Indent: 1}
	middle := &excelize.Alignment{Vertical: "center"}
	header := &excelize.Alignment{Vertical: "center", WrapText: true}
	// The indent leaves room for the button of the filter in the header, and keeps numbers off the text beside them.
	rightIn := &excelize.Alignment{Vertical: "top", Horizontal: "right", Indent: 2}
	headerIn := &excelize.Alignment{Vertical: "center", Horizontal: "right", Indent: 2, WrapText: true}
	instant, change, truth := formatInstant, formatChange, formatTruth

	for _, d := range []struct {
		id    *int
		style excelize.Style
	}{
		{&s.header, excelize.Style{Font: &bold, Fill: fill, Border: under, Alignment: header}},
		{&s.headerRight, excelize.Style{Font: &bold, Fill: fill, Border: under, Alignment: headerIn}},
		{&s.text, excelize.Style{Font: &plain, Alignment: left, NumFmt: formatText}},
		{&s.wrapped, excelize.Style{Font: &plain, Border: cut, Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}, NumFmt: formatText}},
		{&s.id, excelize.Style{Font: &plain, Alignment: left, NumFmt: formatText}},
		{&s.integer, excelize.Style{Font: &plain, Alignment: rightIn, NumFmt: formatNumber}},
		{&s.instant, excelize.Style{Font: &plain, Alignment: left, CustomNumFmt: &instant}},
		{&s.boolean, excelize.Style{Font: &plain, Alignment: left, CustomNumFmt: &truth}},
		{&s.clippedText, excelize.Style{Font: &plain, Border: cut, Alignment: clip, NumFmt: formatText}},
		{&s.clippedID, excelize.Style{Font: &plain, Border: cut, Alignment: clip, NumFmt: formatText}},
		{&s.title, excelize.Style{Font: &big}},
		{&s.section, excelize.Style{Font: &bold, Fill: fill, Border: under, Alignment: middle}},
		{&s.sectionRight, excelize.Style{Font: &bold, Fill: fill, Border: under, Alignment: &excelize.Alignment{Vertical: "center", Horizontal: "right", Indent: 1}}},
		{&s.strong, excelize.Style{Font: &bold, Alignment: left, NumFmt: formatText}},
		{&s.sum, excelize.Style{Font: &plain, Alignment: right, NumFmt: formatWhole}},
		{&s.net, excelize.Style{Font: &plain, Alignment: right, CustomNumFmt: &change}},
		{&s.blank, excelize.Style{Font: &plain, Border: under}},
	} {
		n, err := xl.NewStyle(&d.style)
		if err != nil {
			return s, err
		}
		*d.id = n
	}
	return s, nil
}

// of gives the style of a column's cells.
func (s styles) of(c column) int {
	switch {
	case c.Wrap:
		return s.wrapped
	case c.Kind == idKind:
		return s.id
	case c.Kind == integerKind:
		return s.integer
	case c.Kind == instantKind:
		return s.instant
	case c.Kind == booleanKind:
		return s.boolean
	}
	return s.text
}

// clipped gives the style of a column's cells whose text is too long for its width: without it the text would run
// over the empty cells beside it, where it reads as theirs, and widen the printed page.
func (s styles) clipped(c column) int {
	switch {
	case c.Wrap:
		return s.wrapped
	case c.Kind == idKind:
		return s.clippedID
	}
	return s.clippedText
}

// layOut adds an empty sheet of the table: header, widths, panes and page.
func (b *book) layOut(name string, t table) error {
	if _, err := b.xl.NewSheet(name); err != nil {
		return err
	}
	order, headerLines := t.onSheet(), 1
	for n, i := range order {
		c := t.Columns[i]
		letters, err := excelize.ColumnNumberToName(n + 1)
		if err != nil {
			return err
		}
		style := b.styles.header
		if c.Kind == integerKind {
			style = b.styles.headerRight
		}
		headerLines = max(headerLines, len(lines(c.Header, int(c.Width)-filterButton)))
		if err := errors.Join(
			b.xl.SetColWidth(name, letters, letters, c.Width),
			b.xl.SetCellStr(name, letters+"1", c.Header),
			b.xl.SetCellStyle(name, letters+"1", letters+"1", style),
		); err != nil {
			return err
		}
	}
	if err := b.xl.SetRowHeight(name, 1, float64(headerLines*lineHeight+7)); err != nil {
		return err
	}
	frozen := slices.Index(order, t.index(t.Frozen)) + 1
	corner, err := excelize.CoordinatesToCellName(frozen+1, 2)
	if err != nil {
		return err
	}
	if err := b.xl.SetPanes(name, &excelize.Panes{
		Freeze: true, XSplit: frozen, YSplit: 1, TopLeftCell: corner, ActivePane: "bottomRight",
		Selection: []excelize.Selection{{SQRef: corner, ActiveCell: corner, Pane: "bottomRight"}},
	}); err != nil {
		return err
	}
	if err := b.xl.SetDefinedName(&excelize.DefinedName{
		Name: "_xlnm.Print_Titles", RefersTo: "'" + name + "'!$1:$1", Scope: name,
	}); err != nil {
		return err
	}
	// The number of rows is not known yet, and a wrong dimension hides rows from readers that believe it.
	if err := b.xl.SetSheetDimension(name, ""); err != nil {
		return err
	}
	paper := paperA4
	if t.width() > widestOnA4 {
		paper = paperA3
	}
	fit, one, many := true, 1, 0
	if err := b.xl.SetSheetProps(name, &excelize.SheetPropsOptions{FitToPage: &fit}); err != nil {
		return err
	}
	return b.setPage(name, excelize.PageLayoutOptions{Size: &paper, FitToWidth: &one, FitToHeight: &many})
}

// Paper, as page setups number it. A4 across holds some 150 characters; a sheet shrunk to less than five eighths of
// its size takes A3.
const (
	paperA3    = 8
	paperA4    = 9
	widestOnA4 = 240
)

// setPage sets up how a sheet prints, besides the paper and the scale that are given.
func (b *book) setPage(name string, layout excelize.PageLayoutOptions) error {
	landscape := "landscape"
	layout.Orientation = &landscape
	if err := b.xl.SetPageLayout(name, &layout); err != nil {
		return err
	}
	margin, edge, running := 0.25, 0.6, 0.25
	if err := b.xl.SetPageMargins(name, &excelize.PageLayoutMarginsOptions{
		Left: &margin, Right: &margin, Top: &edge, Bottom: &edge, Header: &running, Footer: &running,
	}); err != nil {
		return err
	}
	o := &excelize.HeaderFooterOptions{
		OddFooter: fmt.Sprintf("&C%s – run %d – &A – page &P of &N", headerText(b.run.Tenant), b.run.ID),
	}
	if b.run.Status == StatusPartial {
		o.OddHeader = fmt.Sprintf("&C&BPARTIAL – run %d did not prove everything in its scope, see sheet %s", b.run.ID, summarySheet)
	}
	return b.xl.SetHeaderFooter(name, o)
}

// setPrintArea keeps text that runs over its last column from widening the printed page.
func (b *book) setPrintArea(name, columns string, rows int64) error {
	return b.xl.SetDefinedName(&excelize.DefinedName{
		Name: "_xlnm.Print_Area", RefersTo: fmt.Sprintf("'%s'!$A$1:$%s$%d", name, columns, rows), Scope: name,
	})
}
