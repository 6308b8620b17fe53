package report

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// sheet streams the rows of one table into the workbook: one sheet, and "… (2)" and so on past the limits.
type sheet struct {
	book    *book
	table   table
	cells   *cells
	delayed spool // rows that go behind all others

	name  string        // of the sheet being written
	w     *bufio.Writer // into its part of the zip
	rows  int64         // of data, on it
	bytes int64         // of its rows
	buf   []byte

	total int64    // rows on all sheets of the table
	names []string // of all sheets of the table
}

func (b *book) newSheet(t table) (*sheet, error) {
	s, err := b.reserve(t)
	if err != nil {
		return nil, err
	}
	return s, s.begin()
}

// reserve gives a sheet its place in the book; it has to begin before it gets rows.
func (b *book) reserve(t table) (*sheet, error) {
	c, err := newCells(t, b)
	if err != nil {
		return nil, err
	}
	s := &sheet{book: b, table: t, cells: c, delayed: spool{folder: b.folder, name: t.View}}
	b.sheets = append(b.sheets, s)
	return s, b.layOut(t.Sheet, t)
}

// begin starts the table's next sheet. The first has its place already; others stand behind all there are.
func (s *sheet) begin() error {
	s.name = s.table.Sheet
	if n := len(s.names) + 1; n > 1 {
		s.name = fmt.Sprintf("%s (%d)", s.table.Sheet, n)
		if err := s.book.layOut(s.name, s.table); err != nil {
			return err
		}
	}
	part, err := s.book.beginPart(s.name)
	if err != nil {
		return err
	}
	s.names = append(s.names, s.name)
	s.w, s.rows, s.bytes = bufio.NewWriterSize(part, 1<<16), 0, 0
	return nil
}

func (s *sheet) end() error {
	tail, err := s.book.tail(s.name, s.table, s.rows)
	if err != nil {
		return err
	}
	if _, err := s.w.Write(tail); err != nil {
		return err
	}
	return s.w.Flush()
}

// row writes a row of the table, its columns in the order of the table.
func (s *sheet) row(row []any) error {
	if err := s.room(); err != nil {
		return err
	}
	var err error
	if s.buf, err = s.cells.row(s.buf[:0], s.number(), row); err != nil {
		return err
	}
	return s.write(s.buf)
}

// later keeps a row back until every other row is written.
func (s *sheet) later(row []any) error {
	var err error
	if s.buf, err = s.cells.row(s.buf[:0], rowMark, row); err != nil {
		return err
	}
	return s.delayed.add(s.buf)
}

// replay writes the rows of a spool.
func (s *sheet) replay(sp *spool) error {
	err := sp.each(func(row []byte) error {
		if err := s.room(); err != nil {
			return err
		}
		return s.write(bytes.ReplaceAll(row, []byte(rowMark), []byte(s.number())))
	})
	if err != nil {
		return err
	}
	return sp.close()
}

func (s *sheet) close() error {
	if err := s.replay(&s.delayed); err != nil {
		return err
	}
	return s.end()
}

// room goes on to the next sheet when this one is full.
func (s *sheet) room() error {
	if s.rows < s.book.limits.rows && s.bytes < s.book.limits.bytes {
		return nil
	}
	if err := s.end(); err != nil {
		return err
	}
	return s.begin()
}

// lastRow is the place of the row written last, as a link has it.
func (s *sheet) lastRow() string { return fmt.Sprintf("'%s'!A%d", s.name, s.rows+1) }

// number is that of the next row; the first is the header's.
func (s *sheet) number() string { return strconv.FormatInt(s.rows+2, 10) }

func (s *sheet) write(row []byte) error {
	s.rows++
	s.total++
	s.bytes += int64(len(row))
	_, err := s.w.Write(row)
	return err
}

// cells turns rows of a table into sheet XML.
type cells struct {
	table   table
	order   []int    // positions in the row, as the sheet has them
	open    []string // by place on the sheet: the cell up to its row number
	style   []string // and from there to its type
	clipped []string // the same where the text is too long for the column
	broken  string   // the same, in any column, where the text has line breaks
	width   []int    // characters beyond which a text is clipped
	record  []int    // positions of the ids that say which row it is
	body    []byte   // of the row being written
	book    *book
}

func newCells(t table, b *book) (*cells, error) {
	c := &cells{table: t, order: t.onSheet(), broken: fmt.Sprintf(`" s="%d"`, b.styles.wrapped), book: b}
	for n, i := range c.order {
		letters, err := excelize.ColumnNumberToName(n + 1)
		if err != nil {
			return nil, err
		}
		c.open = append(c.open, `<c r="`+letters)
		c.style = append(c.style, fmt.Sprintf(`" s="%d"`, b.styles.of(t.Columns[i])))
		c.clipped = append(c.clipped, fmt.Sprintf(`" s="%d"`, b.styles.clipped(t.Columns[i])))
		c.width = append(c.width, int(t.Columns[i].Width*clipBeyond))
		if t.Columns[i].Kind == idKind && t.Columns[i].Place == inBody && len(c.record) < 2 {
			c.record = append(c.record, i)
		}
	}
	return c, nil
}

func (c *cells) row(b []byte, number string, row []any) ([]byte, error) {
	body, lines := c.body[:0], 1
	for n, i := range c.order {
		switch v := row[i].(type) {
		case nil:
		case bool:
			body = append(c.begin(body, n, number), ` t="b"><v>`...)
			if v {
				body = append(body, '1')
			} else {
				body = append(body, '0')
			}
			body = append(body, `</v></c>`...)
		case int64:
			if v > maxExact || v < -maxExact {
				body = c.text(body, n, number, strconv.FormatInt(v, 10))
				continue
			}
			body = append(c.begin(body, n, number), `><v>`...)
			body = strconv.AppendInt(body, v, 10)
			body = append(body, `</v></c>`...)
		case time.Time:
			serial, ok := serialDate(v)
			if !ok {
				body = c.text(body, n, number, v.UTC().Format(time.RFC3339Nano))
				continue
			}
			body = append(c.begin(body, n, number), `><v>`...)
			body = strconv.AppendFloat(body, serial, 'f', -1, 64)
			body = append(body, `</v></c>`...)
		default:
			s, _ := textOf(v)
			if s == "" {
				continue
			}
			var changed bool
			if s, changed = xmlText(s); changed {
				c.book.replaced++
			}
			if !fits(s) {
				var err error
				if s, err = c.book.shorten(c, i, row, s); err != nil {
					return nil, err
				}
			}
			body, lines = c.text(body, n, number, s), max(lines, c.lines(i, s))
		}
	}
	c.body = body
	b = append(b, `<row r="`...)
	b = append(b, number...)
	if lines > 1 {
		b = append(b, `" ht="`...)
		b = strconv.AppendInt(b, int64(lines)*lineHeight, 10)
	}
	b = append(b, `">`...)
	b = append(b, body...)
	return append(b, `</row>`...), nil
}

// maxExact is the largest whole number a spreadsheet shows to the last digit; beyond, a number is written as text.
const maxExact = 999_999_999_999_999

// clipBeyond is how many times the width of its column a text may count in characters before it is clipped. Clipping
// repeats a text that fills less than half the cell, and the narrowest letters take less than half a digit's width.
const clipBeyond = 1.25

// lines estimates how many lines a text takes in a column, at most maxRowLines; 1 where it does not wrap. Not every
// program fits the height of a row to its text when it opens a file.
func (c *cells) lines(column int, s string) int {
	if !c.table.Columns[column].Wrap && !breaksLine(s) {
		return 1
	}
	width := int(c.table.Columns[column].Width)
	n := 0
	for line := range strings.SplitSeq(lineEnds.Replace(s), "\n") {
		if n += max(1, (wrapWidth(line)+width-1)/width); n >= maxRowLines {
			return maxRowLines
		}
	}
	return n
}

func (c *cells) begin(b []byte, n int, number string) []byte {
	b = append(b, c.open[n]...)
	b = append(b, number...)
	return append(b, c.style[n]...)
}

// text writes an inline string, which no program takes for a formula.
func (c *cells) text(b []byte, n int, number, s string) []byte {
	style := c.style[n]
	switch {
	case breaksLine(s):
		style = c.broken
	case len(s) > c.width[n] && textWidth(s) > c.width[n]:
		style = c.clipped[n]
	}
	b = append(b, c.open[n]...)
	b = append(b, number...)
	b = append(b, style...)
	b = append(b, ` t="inlineStr"><is><t`...)
	if needsPreserve(s) {
		b = append(b, ` xml:space="preserve"`...)
	}
	b = append(b, '>')
	b = appendXML(b, s)
	return append(b, `</t></is></c>`...)
}

// recordOf names a row by its leading ids.
func (c *cells) recordOf(row []any) string {
	var ids []string
	for _, i := range c.record {
		if s, _ := row[i].(string); s != "" {
			ids = append(ids, head(s, 200, 0))
		}
	}
	return strings.Join(ids, " / ")
}

// serialDate gives the days a spreadsheet counts. It has none before March 1900, where spreadsheets disagree on the
// calendar, nor after the year 9999.
func serialDate(t time.Time) (float64, bool) {
	const secondsPerDay = 24 * 60 * 60
	const epoch = 25569 // days from spreadsheet day 0 to 1970-01-01
	seconds := t.Unix()
	day := seconds / secondsPerDay
	if seconds%secondsPerDay < 0 {
		day--
	}
	if day+epoch < 61 || t.UTC().Year() > 9999 {
		return 0, false
	}
	within := float64(seconds-day*secondsPerDay) + float64(t.Nanosecond())/1e9
	return float64(day+epoch) + within/secondsPerDay, true
}
