package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
)

// screen counts the columns that a text takes on a terminal, whatever its locale.
var screen = &runewidth.Condition{StrictEmojiNeutral: true}

const (
	gridGap    = "  "
	narrowCell = 8  // columns of a terminal that are left to a cell where there is little room
	narrowText = 20 // likewise to one whose words go on below
)

// width is how many columns standard output has: as $COLUMNS says, else as the
// terminal does; 0 where neither tells, as in a pipe.
func (a *app) width() int {
	if n, err := strconv.Atoi(a.getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f := terminal(a.stdout); f != nil {
		return columnsOf(f)
	}
	return 0
}

// gridColumn is a column of a grid.
type gridColumn struct {
	name   string
	right  bool // numbers, set to the right
	whole  bool // never cut: of use as a whole only
	wraps  bool // words go on below; for the last column
	middle bool // cut in the middle: the end tells it from others
	share  int  // of the room where there is too little; 0: 1
}

// grid prints rows in columns that fit a width; 0: of any. A value that does not
// fit is cut, which an ellipsis tells. A row of one cell is a
// heading over the rows below it. What is printed cannot steer a terminal.
func grid(w io.Writer, width int, columns []gridColumn, rows [][]string) {
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.name
	}
	rows = append([][]string{header}, rows...)
	for i, row := range rows {
		clean := make([]string, len(row))
		for j, v := range row {
			clean[j] = oneLine(v)
		}
		rows[i] = clean
	}
	widths := gridWidths(width, columns, rows)
	for _, row := range rows {
		if len(row) == 1 && len(columns) > 1 {
			fmt.Fprintln(w, cut(row[0], width))
			continue
		}
		printCells(w, columns, widths, row)
	}
}

// gridWidths gives each column what its longest value takes, and where that is
// too much for all of them takes from the widest for its share.
func gridWidths(width int, columns []gridColumn, rows [][]string) []int {
	widths := make([]int, len(columns))
	room := width - (len(columns)-1)*len(gridGap)
	for i, c := range columns {
		for _, row := range rows {
			if len(row) == len(columns) {
				widths[i] = max(widths[i], screen.StringWidth(row[i]))
			}
		}
		if width == 0 && !c.whole && !c.wraps {
			widths[i] = min(widths[i], cellWidth)
		}
		room -= widths[i]
	}
	if width == 0 {
		return widths
	}
	for room < 0 {
		widest := -1
		for i, c := range columns {
			least := narrowCell
			if c.wraps {
				least = narrowText
			}
			if c.whole || widths[i] <= least {
				continue
			}
			if widest < 0 || widths[i]*max(1, columns[widest].share) >= widths[widest]*max(1, c.share) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		room++
	}
	return widths
}

func printCells(w io.Writer, columns []gridColumn, widths []int, row []string) {
	var line strings.Builder
	indent := 0
	for i, c := range columns {
		if i > 0 {
			line.WriteString(gridGap)
			indent += len(gridGap)
		}
		text := row[i]
		if c.wraps {
			text = strings.Join(folded(text, widths[i]), "\n"+strings.Repeat(" ", indent))
		} else if c.middle {
			text = cutMiddle(text, widths[i])
		} else if !c.whole {
			text = cut(text, widths[i])
		}
		space := strings.Repeat(" ", max(0, widths[i]-screen.StringWidth(text)))
		switch {
		case c.right:
			line.WriteString(space + text)
		case c.wraps:
			line.WriteString(text)
		default:
			line.WriteString(text + space)
		}
		indent += widths[i]
	}
	fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
}

// cut shortens a text to a number of columns; 0: to none.
func cut(text string, width int) string {
	if width == 0 || screen.StringWidth(text) <= width {
		return text
	}
	return screen.Truncate(text, width, "…")
}

// cutMiddle shortens a text likewise, and leaves its end.
func cutMiddle(text string, width int) string {
	all := screen.StringWidth(text)
	if width == 0 || all <= width {
		return text
	}
	begin := width / 2
	if begin == 0 {
		return cut(text, width)
	}
	return cut(text, begin) + screen.TruncateLeft(text, all-(width-begin), "")
}

// folded breaks a text between its words into lines of a number of columns.
func folded(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case screen.StringWidth(line)+1+screen.StringWidth(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
		if screen.StringWidth(line) > width {
			line = cut(line, width)
		}
	}
	return append(lines, line)
}

// sentence prints a sentence of our own, in lines of the width.
func sentence(w io.Writer, width int, text string) {
	if width == 0 {
		fmt.Fprintln(w, oneLine(text))
		return
	}
	for _, line := range folded(oneLine(text), width) {
		fmt.Fprintln(w, line)
	}
}

const cellWidth = 48 // columns of a value where nothing tells the width; JSON has it whole

// cell makes a value fit for one cell of a terminal.
func cell(s *string) string {
	return cut(oneLine(or(s, "-")), cellWidth)
}
