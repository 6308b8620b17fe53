package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxLimit is the API's largest page, and its default.
const maxLimit = 250

// list is what one collection of the API takes besides paging.
type list[T json.Marshaler] struct {
	fields  map[string]field[T]
	sorters map[string]func(a, b T) int
	// pair: at most two clauses, joined by and or or, each of another field.
	// Otherwise any number, joined by and.
	pair bool
}

// answer filters, sorts and cuts rows as the query asks.
func (l list[T]) answer(t *Tenant, query url.Values, rows []T) answer {
	limit, err := natural(query, "limit", maxLimit)
	if err != nil {
		return badRequest(err.Error())
	}
	if limit > maxLimit {
		return badRequest(fmt.Sprintf("limit must not be greater than %d", maxLimit))
	}
	offset, err := natural(query, "offset", 0)
	if err != nil {
		return badRequest(err.Error())
	}
	if end := t.options.OffsetCap; end > 0 && offset >= end {
		return badRequest(fmt.Sprintf("offset must be less than %d", end))
	}
	rows, err = l.filter(query.Get("filters"), rows)
	if err != nil {
		return badRequest("filters: " + err.Error())
	}
	rows, err = l.sort(query.Get("sorters"), rows)
	if err != nil {
		return badRequest("sorters: " + err.Error())
	}
	if offset > 0 && offset >= len(rows) {
		return badRequest("offset is past the end of the list")
	}
	cut := rows[offset:min(offset+limit, len(rows))]
	p := &page{rows: make([]json.Marshaler, len(cut)), total: len(rows), count: query.Get("count") == "true" && !t.options.OmitTotal}
	for i, row := range cut {
		p.rows[i] = row
	}
	return answer{status: http.StatusOK, page: p}
}

func natural(query url.Values, name string, fallback int) (int, error) {
	s := query.Get(name)
	if s == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s must be a whole number from 0", name)
	}
	return int(n), nil
}

func (l list[T]) filter(s string, rows []T) ([]T, error) {
	if s == "" {
		return rows, nil
	}
	parsed, err := parseFilter(s)
	if err != nil {
		return nil, err
	}
	for i, c := range parsed.clauses {
		f, ok := l.fields[c.field]
		if !ok {
			return nil, fmt.Errorf("%q is not a field to filter by", c.field)
		}
		if err := f.check(c); err != nil {
			return nil, err
		}
		if l.pair && (i > 1 || i == 1 && c.field == parsed.clauses[0].field) {
			return nil, fmt.Errorf("at most two filters, each of another field, may be joined")
		}
	}
	either := slices.Contains(parsed.words, "or")
	if either && !l.pair {
		return nil, fmt.Errorf("filters may be joined by and only")
	}
	var kept []T
	for _, row := range rows {
		holds := func(c clause) bool { return l.fields[c.field].holds(row, c) }
		fails := func(c clause) bool { return !holds(c) }
		if either && slices.ContainsFunc(parsed.clauses, holds) || !either && !slices.ContainsFunc(parsed.clauses, fails) {
			kept = append(kept, row)
		}
	}
	return kept, nil
}

func (l list[T]) sort(s string, rows []T) ([]T, error) {
	if s == "" {
		return rows, nil
	}
	var orders []func(a, b T) int
	for name := range strings.SplitSeq(s, ",") {
		name, down := strings.CutPrefix(strings.TrimSpace(name), "-")
		order, ok := l.sorters[name]
		if !ok {
			return nil, fmt.Errorf("%q is not a field to sort by", name)
		}
		if down {
			up := order
			order = func(a, b T) int { return up(b, a) }
		}
		orders = append(orders, order)
	}
	return slices.SortedStableFunc(slices.Values(rows), func(a, b T) int {
		for _, order := range orders {
			if c := order(a, b); c != 0 {
				return c
			}
		}
		return 0
	}), nil
}
