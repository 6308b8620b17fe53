package report

import (
	"strings"
	"unicode/utf8"
)

// shownUnits and shownLines are how much of a text too long for a cell stays in the cell: enough to know it by, and
// short enough to see the pointer before it.
const (
	shownUnits = 1000
	shownLines = 10
)

// xmlText makes s fit for XML 1.0: what it forbids, and bytes that are no UTF-8, become U+FFFD. It tells whether it
// had to.
func xmlText(s string) (string, bool) {
	if isXMLText(s) {
		return s, false
	}
	return strings.Map(func(r rune) rune {
		if forbidden(r) {
			return utf8.RuneError
		}
		return r
	}, s), true
}

func isXMLText(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return utf8.ValidString(s[i:]) && strings.IndexFunc(s[i:], forbidden) < 0
		}
		if forbidden(rune(s[i])) {
			return false
		}
	}
	return true
}

func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

// fits tells whether a cell holds s.
func fits(s string) bool {
	if len(s) > maxCellUnits && len(head(s, maxCellUnits, maxCellLines)) < len(s) {
		return false
	}
	return strings.Count(s, "\n") <= maxCellLines
}

// head is the longest beginning of s, whole characters, within so many UTF-16 units and line feeds.
func head(s string, units, lines int) string {
	for i, r := range s {
		units--
		if r > 0xFFFF {
			units--
		}
		if r == '\n' {
			lines--
		}
		if units < 0 || lines < 0 {
			return s[:i]
		}
	}
	return s
}

// parts cuts s into pieces that each fit a cell.
func parts(s string) []string {
	var out []string
	for s != "" {
		p := head(s, maxCellUnits, maxCellLines)
		out = append(out, p)
		s = s[len(p):]
	}
	return out
}

// breaksLine tells whether s shows on more than one line. A cell that does not wrap would lay the others over the rows
// below it.
func breaksLine(s string) bool { return strings.ContainsAny(s, "\n\r") }

// lineEnds makes every end of a line a line feed.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// textWidth is how many digits wide s is at most, nearly: letters of East Asia, and all above them, take two.
func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

// wrapWidth is the same of text that wraps: capitals, of which there are words here, are a quarter wider than digits.
func wrapWidth(s string) int {
	capitals := 0
	for _, r := range s {
		if r >= 'A' && r <= 'Z' {
			capitals++
		}
	}
	return textWidth(s) + capitals/4
}

func runeWidth(r rune) int {
	const firstWide = 0x2E80
	if r >= firstWide {
		return 2
	}
	return 1
}

// lines breaks a text at spaces, and where a word is wider than a line, within it. A line has room for two characters
// at least.
func lines(s string, width int) []string {
	var out []string
	for textWidth(s) > width {
		cut, space, n := 0, 0, 0
		for i, r := range s {
			if r == ' ' {
				space = i
			}
			if n += runeWidth(r); n > width {
				cut = i
				break
			}
		}
		if space > 0 {
			cut = space
		}
		out = append(out, s[:cut])
		s = strings.TrimPrefix(s[cut:], " ")
	}
	return append(out, s)
}

// appendXML appends s, which xmlText has made fit, as the content of an element.
func appendXML(b []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		var esc string
		switch s[i] {
		case '&':
			esc = "&amp;"
		case '<':
			esc = "&lt;"
		case '>':
			esc = "&gt;"
		case '\t':
			esc = "&#x9;"
		case '\n':
			esc = "&#xA;"
		case '\r': // unescaped, a parser would read it as a line feed
			esc = "&#xD;"
		case '_':
			if !looksEscaped(s[i:]) {
				continue
			}
			esc = "_x005F_"
		default:
			continue
		}
		b = append(b, s[from:i]...)
		b = append(b, esc...)
		from = i + 1
	}
	return append(b, s[from:]...)
}

// withoutEscapes makes s read as it is where it looks as if characters were escaped, in cells that excelize writes: it
// puts shared strings into the file as they come.
func withoutEscapes(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '_' && looksEscaped(s[i:]) {
			b.WriteString("_x005F")
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// looksEscaped tells whether s begins as _x000D_ does, which spreadsheets read as the character of that code.
func looksEscaped(s string) bool {
	if len(s) < 7 || s[1] != 'x' || s[6] != '_' {
		return false
	}
	for _, c := range []byte(s[2:6]) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// needsPreserve tells whether a parser would be free to drop white space at an end of s.
func needsPreserve(s string) bool {
	return s != "" && (s[0] <= ' ' || s[len(s)-1] <= ' ')
}
