package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"exporter/internal/job"
)

// printRun says how a run ended: what was seen, and where the files are.
func printRun(w io.Writer, r job.Result) {
	run := r.Run
	fmt.Fprintf(w, "run %d  %s  %s certifications (%s complete), %s reviewers, %s review items, %s permissions, %s tasks\n",
		run.ID, run.Status, count(run.Certifications), count(run.CertificationsComplete), count(run.Reviewers),
		count(run.ReviewItems), count(run.Permissions), count(run.Tasks))
	if run.RootSHA256 != nil {
		fmt.Fprintf(w, "  root     %s\n", *run.RootSHA256)
	}
	if r.Report != nil {
		if r.Report.Workbook != "" {
			fmt.Fprintf(w, "  workbook %s\n", r.Report.Workbook)
		} else {
			fmt.Fprintf(w, "  report   %s\n", r.Report.Folder)
		}
	}
}

// count prints a counter with its thousands apart; a dash where there is none.
func count(n *int64) string {
	if n == nil {
		return "-"
	}
	s := strconv.FormatInt(*n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(controlEscaper{w})
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// controlEscaper escapes the control characters that JSON may hold as they are:
// DEL and those behind it, which steer a terminal. In JSON they stand in strings
// only, and so may their escapes. Each Write is of whole characters.
type controlEscaper struct{ w io.Writer }

func (c controlEscaper) Write(p []byte) (int, error) {
	control := func(r rune) bool { return r >= 0x7f && r <= 0x9f }
	rest := p
	for len(rest) > 0 {
		n := bytes.IndexFunc(rest, control)
		if n < 0 {
			n = len(rest)
		}
		if _, err := c.w.Write(rest[:n]); err != nil {
			return 0, err
		}
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
		r, size := utf8.DecodeRune(rest)
		if _, err := fmt.Fprintf(c.w, `\u%04x`, r); err != nil {
			return 0, err
		}
		rest = rest[size:]
	}
	return len(p), nil
}

// oneLine makes a tenant's words fit for one line of a terminal: nothing in them
// steers it, ends the line, or turns the direction of what stands beside them.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
}

// table prints rows in columns, the first row being the header.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}
