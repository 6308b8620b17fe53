package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// compareCoverage reads the rest of the seal beside coverage.csv, whose rows come in the same order. The error is one of
// the seal.
func (v *verifier) compareCoverage(ctx context.Context, c *Check, s *sealReader) error {
	const name = viewCoverage + ".csv"
	rows, done, err := v.coverageRows(ctx, c, name)
	if err != nil {
		return err
	}
	defer done()
	var compared int64
	for {
		line, wrong := s.next()
		if wrong != nil && !errors.Is(wrong, io.EOF) {
			return wrong
		}
		if rows == nil { // nothing to compare with, but lines to count
			if wrong != nil {
				break
			}
			continue
		}
		row, err := rows.next()
		switch {
		case unreadable(ctx, err) != nil:
			return err
		case err != nil && !errors.Is(err, io.EOF):
			c.Differ(name, "content", "rows that can be read", err.Error())
			rows = nil
		case wrong == nil && err == nil:
			compared++
			if !v.compareRow(c, name, compared, rows, row, line) {
				rows = nil // one difference is told, and the rest of a file that differs need not be read
			}
		case wrong == nil:
			c.Differ(name, "rows", "one of "+line.subject(), "none behind row "+count(compared))
			rows = nil
		case err == nil:
			c.Differ(name, "rows", count(compared), "more")
			rows = nil
		}
		if wrong != nil {
			break
		}
	}
	if c.Result != CheckNone {
		c.Covered = fmt.Sprintf("%s of %s against those that were sealed", plural(compared, "row"), name)
	}
	return nil
}

// coverageReader reads coverage.csv and knows its columns.
type coverageReader struct {
	*records
	columns map[string]int
}

// coverageRows opens coverage.csv; nil where there is none to compare.
func (v *verifier) coverageRows(ctx context.Context, c *Check, name string) (rows *coverageReader, done func(), err error) {
	done = func() {}
	what, err := v.insteadOfFile(name)
	if err != nil || what != "" {
		c.Skip("no %s to compare with the seal", name)
		return nil, done, err
	}
	o, err := v.open(ctx, name)
	if err != nil {
		return nil, done, err
	}
	done = func() { _ = o.Close() } // it was read only
	r := &coverageReader{newRecords(o, maxRecord), map[string]int{}}
	header, err := r.next()
	if err := unreadable(ctx, err); err != nil {
		return nil, done, err
	}
	if err != nil {
		c.Differ(name, "content", "a header", err.Error())
		return nil, done, nil
	}
	for i, column := range header {
		r.columns[column] = i
	}
	wanted := []string{"tenant", "run_id"}
	for _, s := range sealedColumns {
		wanted = append(wanted, s.column)
	}
	for _, column := range wanted {
		if _, ok := r.columns[column]; !ok && column != storedColumn {
			c.Differ(name, "header", "a column "+column, "none")
			return nil, done, nil
		}
	}
	return r, done, nil
}

// sealedColumns are the columns of coverage that the seal has too, and its names for them.
var sealedColumns = []struct{ column, key string }{
	{"certification_id", "Certification"},
	{"collection", "Collection"},
	{"outcome", "Outcome"},
	{"expected", "Expected"},
	{"read", "Read"},
	{"distinct_read", "DistinctRead"},
	{"attempts", "Attempts"},
	{"captured_run_id", "Captured"},
	{"params_sha256", "Params"},
	{"http_status", "HTTPStatus"},
	{"detail_code", "DetailCode"},
	{"tracking_id", "TrackingID"},
	{"error", "Error"},
	{"read_at", "ReadAt"},
	{"note", "Note"},
	{storedColumn, "Stored"},
}

// storedColumn is not in the files of reports that were made before coverage told it.
const storedColumn = "stored"

// compareRow compares a row with a line of the seal, and its first columns, which no line repeats, with the manifest.
func (v *verifier) compareRow(c *Check, name string, n int64, rows *coverageReader, row []string, line sealLine) (same bool) {
	compare := func(column, sealed string) bool {
		found := row[rows.columns[column]]
		if sameCell(sealed, found) {
			return true
		}
		c.Differ(name, fmt.Sprintf("row %s, %s, column %s", count(n), line.subject(), column), sealed, found)
		return false
	}
	if !compare("tenant", v.manifest.Tenant) || !compare("run_id", strconv.FormatInt(v.manifest.Run, 10)) {
		return false
	}
	for _, s := range sealedColumns {
		if _, ok := rows.columns[s.column]; ok && !compare(s.column, line.text(s.key)) {
			return false
		}
	}
	return true
}

// sameCell tells whether a value that was sealed is written as a cell of CSV. A cell that looks like a formula may have
// been guarded; its reader makes LF of CRLF; and JSON holds numbers as exactly as a double does.
func sameCell(sealed, found string) bool {
	plain := strings.ReplaceAll(sealed, "\r\n", "\n")
	if found == plain || startsFormula(sealed) && found == "'"+plain {
		return true
	}
	a, err := strconv.ParseInt(sealed, 10, 64)
	b, err2 := strconv.ParseInt(found, 10, 64)
	return err == nil && err2 == nil && float64(a) == float64(b)
}
