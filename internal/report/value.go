package report

import (
	"fmt"
	"strings"
	"time"
)

// checkRow compares a row of the Source with what the table says of it, so that neither a shifted nor a mistyped
// column reaches a file.
func checkRow(t table, row []any) error {
	if len(row) != len(t.Columns) {
		return fmt.Errorf("%s: row of %d values for %d columns", t.View, len(row), len(t.Columns))
	}
	for i, v := range row {
		if v != nil && !t.Columns[i].Kind.holds(v) {
			return fmt.Errorf("%s: column %s: unexpected %T", t.View, t.Columns[i].Name, v)
		}
	}
	return nil
}

func (k kind) holds(v any) bool {
	var ok bool
	switch k {
	case textKind, idKind:
		_, ok = v.(string)
	case integerKind:
		_, ok = v.(int64)
	case booleanKind:
		_, ok = v.(bool)
	case instantKind:
		_, ok = v.(time.Time)
	case listKind:
		_, ok = v.([]string)
	}
	return ok
}

// textOf gives the text of a value that is text: a string or a list. The empty text, the empty list and nil all make
// an empty cell.
func textOf(v any) (s string, isText bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []string:
		return strings.Join(v, "; "), true
	}
	return "", false
}
