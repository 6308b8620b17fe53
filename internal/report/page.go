package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// page writes the Summary from top to bottom and keeps the first error.
type page struct {
	xl     *excelize.File
	styles styles
	row    int   // rows written
	blocks []int // how many rows stand above each section
	charts int
	err    error
}

func (p *page) do(err error) {
	if p.err == nil {
		p.err = err
	}
}

// lineBreaks keeps a line of the Summary one line.
var lineBreaks = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ")

// values sets cells of the row being written, from a column on. Text is never a formula.
func (p *page) values(style, column int, values ...any) {
	for i, v := range values {
		cell, err := excelize.CoordinatesToCellName(column+i, p.row+1)
		p.do(err)
		style := style
		switch v := v.(type) {
		case nil:
			continue
		case string:
			v, _ = xmlText(lineBreaks.Replace(v))
			p.do(p.xl.SetCellStr(summarySheet, cell, withoutEscapes(head(v, shownUnits, 0))))
		case time.Time:
			if v.IsZero() {
				continue
			}
			style = p.styles.instant
			p.do(p.xl.SetCellValue(summarySheet, cell, v.UTC()))
		default:
			p.do(p.xl.SetCellValue(summarySheet, cell, v))
		}
		p.do(p.xl.SetCellStyle(summarySheet, cell, cell, style))
	}
}

// link makes the first cell of the row being written lead to a place.
func (p *page) link(place string) {
	p.do(p.xl.SetCellHyperLink(summarySheet, fmt.Sprintf("A%d", p.row+1), place, "Location"))
}

func (p *page) cells(style int, values ...any) { p.values(style, 1, values...) }

func (p *page) line(style int, values ...any) {
	p.cells(style, values...)
	p.row++
}

// section begins a part of the page after an empty row. align has a letter for each heading: l over text, r over
// numbers.
func (p *page) section(title, align string, headings ...string) {
	p.row++
	p.blocks = append(p.blocks, p.row)
	p.cells(p.styles.section, title, "", "", "", "", "") // the fill, as wide as the page
	for i, h := range headings {
		style := p.styles.section
		if align[i] == 'r' {
			style = p.styles.sectionRight
		}
		p.values(style, i+2, h)
	}
	p.row++
}

func (p *page) pair(label string, values ...any) {
	p.cells(p.styles.text, label)
	p.values(p.styles.text, 2, values...)
	p.row++
}

// text writes a label and a text beside it, on as many rows as they take.
func (p *page) text(label, s string) {
	labels, texts := lines(label, labelWidth), lines(s, lineWidth)
	for i := range max(len(labels), len(texts)) {
		label, text := "", ""
		if i < len(labels) {
			label = labels[i]
		}
		if i < len(texts) {
			text = texts[i]
		}
		p.pair(label, text)
	}
}

// How many characters of a line the page shows, capitals too, before the next column or the edge cuts it. Meanings are
// prose, which is narrower.
const (
	labelWidth   = 44
	lineWidth    = 84
	meaningWidth = 86
)

// pageRows are the rows of 15 points, as high as a program makes them, that a page of paper holds at the scale of the
// Summary, less one for those that are higher.
const pageRows = 36

// breakPages begins a page of paper before a section that the page it begins on does not hold whole. A section longer
// than a page is left to run on.
func (p *page) breakPages() {
	top := 0
	for i, block := range p.blocks {
		end := p.row
		if i+1 < len(p.blocks) {
			end = p.blocks[i+1]
		}
		if end-top > pageRows && block > top {
			top = block
			p.do(p.xl.InsertPageBreak(summarySheet, fmt.Sprintf("A%d", top+1)))
		}
	}
}
