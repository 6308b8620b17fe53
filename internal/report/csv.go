package report

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const byteOrderMark = "\uFEFF"

// csvWriter writes RFC 4180: UTF-8 with a byte order mark, CRLF, quotes where they are needed. Absent values and empty
// texts are both an empty field. Semicolons and tabs are quoted as well: spreadsheets offer to split at them too, and
// what stands behind one would begin a cell of its own, without a guard.
type csvWriter struct {
	w        *bufio.Writer
	buf      []byte
	order    []int // positions in the row, as the file has them
	guard    bool
	guarded  int64
	replaced int64 // cells with what csvText replaced
	rows     int64
}

func newCSVWriter(w io.Writer, t table, guard bool) (*csvWriter, error) {
	c := &csvWriter{w: bufio.NewWriterSize(w, 1<<16), order: t.inFile(), guard: guard}
	_, err := c.w.WriteString(byteOrderMark + strings.Join(t.fileNames(), ",") + "\r\n")
	return c, err
}

func (c *csvWriter) row(values []any) error {
	b := c.buf[:0]
	for i, column := range c.order {
		if i > 0 {
			b = append(b, ',')
		}
		switch v := values[column].(type) {
		case nil:
		case bool:
			b = strconv.AppendBool(b, v)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case time.Time:
			b = v.UTC().AppendFormat(b, time.RFC3339Nano)
		default:
			s, _ := textOf(v)
			b = c.appendText(b, s)
		}
	}
	c.buf = append(b, "\r\n"...)
	c.rows++
	_, err := c.w.Write(c.buf)
	return err
}

func (c *csvWriter) appendText(b []byte, s string) []byte {
	s, replaced := csvText(s)
	if replaced {
		c.replaced++
	}
	guard := c.guard && needsGuard(s)
	quote := strings.ContainsAny(s, ",\"\r\n;\t")
	if quote {
		b = append(b, '"')
	}
	if guard {
		c.guarded++
		b = append(b, '\'')
	}
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			break
		}
		b = append(b, s[:i]...)
		b = append(b, `""`...)
		s = s[i+1:]
	}
	b = append(b, s...)
	if quote {
		b = append(b, '"')
	}
	return b
}

func (c *csvWriter) flush() error { return c.w.Flush() }

// needsGuard tells whether s gets a ' in front. So does a text that begins as guarded ones do, or nobody could tell the
// two apart and have the text back.
func needsGuard(s string) bool { return startsFormula(strings.TrimLeft(s, "'")) }

// csvText makes s fit for a file that says it is UTF-8: bytes that are none, lone surrogates among them, and NUL, at
// which programs in C stop reading, become U+FFFD. It tells whether it had to.
func csvText(s string) (string, bool) {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s, false
	}
	return strings.Map(func(r rune) rune {
		if r == 0 {
			return utf8.RuneError
		}
		return r
	}, s), true
}

// startsFormula tells whether a spreadsheet that opens the CSV might compute s. The full-width forms count because
// some locales read them as the plain ones.
func startsFormula(s string) bool {
	if s == "" {
		return false
	}
	switch s[0] {
	case '=', '+', '-', '@', '\t', '\r', '\n':
		return true
	case 0xEF: // first byte of the full-width forms
		for _, p := range [...]string{"＝", "＋", "－", "＠"} {
			if strings.HasPrefix(s, p) {
				return true
			}
		}
	}
	return false
}
