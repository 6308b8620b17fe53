package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// clause is one comparison of a filter: field op value, or field op (values).
type clause struct {
	field, op string
	values    []string
	quoted    bool // strings are quoted, booleans are not
	list      bool // the values stand in brackets
}

// filter is a parsed filters parameter: clauses with a word between each two.
type filter struct {
	clauses []clause
	words   []string // "and" or "or"; one less than clauses
}

// parseFilter reads the grammar all lists share. Which fields, operators and
// words a list takes is the list's own matter.
func parseFilter(s string) (filter, error) {
	var f filter
	p := &scanner{rest: s}
	for {
		c, err := p.clause()
		if err != nil {
			return filter{}, err
		}
		f.clauses = append(f.clauses, c)
		word := p.word()
		switch {
		case word == "and", word == "or":
			f.words = append(f.words, word)
		case word == "" && p.rest == "":
			return f, nil
		default:
			return filter{}, fmt.Errorf("expected and, or or the end at %q", word+p.rest)
		}
	}
}

// scanner eats a filter from the left.
type scanner struct{ rest string }

func (p *scanner) space() { p.rest = strings.TrimLeft(p.rest, " ") }

// word takes the next run of letters, digits, dots, dashes and underscores.
func (p *scanner) word() string {
	p.space()
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

// take removes prefix where it comes next.
func (p *scanner) take(prefix string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

func (p *scanner) clause() (clause, error) {
	c := clause{field: p.word(), op: p.word()}
	if c.field == "" || c.op == "" {
		return c, fmt.Errorf("expected a field and an operator at %q", p.rest)
	}
	p.space()
	if !strings.HasPrefix(p.rest, "(") && !strings.HasPrefix(p.rest, `"`) {
		bare := p.word()
		if bare == "" {
			return c, fmt.Errorf("%s %s lacks a value", c.field, c.op)
		}
		c.values = []string{bare}
		return c, nil
	}
	c.quoted = true
	if !p.take("(") {
		value, err := p.text()
		c.values = []string{value}
		return c, err
	}
	c.list = true
	for {
		value, err := p.text()
		if err != nil {
			return c, err
		}
		c.values = append(c.values, value)
		if p.take(")") {
			return c, nil
		}
		if !p.take(",") {
			return c, fmt.Errorf("expected a comma or a closing bracket at %q", p.rest)
		}
	}
}

// text takes a quoted string; a backslash takes the next byte as it is.
func (p *scanner) text() (string, error) {
	if !p.take(`"`) {
		return "", fmt.Errorf("expected a quoted value at %q", p.rest)
	}
	var text strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch b := p.rest[i]; {
		case b == '"':
			p.rest = p.rest[i+1:]
			return text.String(), nil
		case b == '\\' && i+1 < len(p.rest):
			i++
			text.WriteByte(p.rest[i])
		default:
			text.WriteByte(b)
		}
	}
	return "", errors.New("a quoted value does not end")
}

// field is how a list compares one of its fields.
type field[T any] struct {
	ops   []string
	value func(T) []string // one, several for a field that is itself a list, none for null
	bare  bool             // a boolean
	fold  bool             // without regard to case
}

// text is a field of one string.
func text[T any](value func(T) string, ops ...string) field[T] {
	return field[T]{ops: ops, value: func(row T) []string { return []string{value(row)} }}
}

// truth is a field of true or false.
func truth[T any](value func(T) bool, ops ...string) field[T] {
	return field[T]{ops: ops, bare: true, value: func(row T) []string {
		if value(row) {
			return []string{"true"}
		}
		return []string{"false"}
	}}
}

// check says what is wrong with a clause for this field.
func (f field[T]) check(c clause) error {
	switch {
	case !slices.Contains(f.ops, c.op):
		return fmt.Errorf("operator %q is not supported for %q", c.op, c.field)
	case f.bare == c.quoted, f.bare && c.values[0] != "true" && c.values[0] != "false":
		return fmt.Errorf("%q does not take this value", c.field)
	case c.op != "ca" && c.list != (c.op == "in"): // ca takes either
		return fmt.Errorf("operator %q takes one value, in takes a list", c.op)
	}
	return nil
}

func (f field[T]) holds(row T, c clause) bool {
	has, want := f.value(row), c.values
	if f.fold {
		has, want = folded(has), folded(want)
	}
	any := func(ok func(string) bool) bool { return slices.ContainsFunc(has, ok) }
	switch c.op {
	case "eq":
		return any(func(s string) bool { return s == want[0] })
	case "ne":
		return !any(func(s string) bool { return s == want[0] })
	case "sw":
		return any(func(s string) bool { return strings.HasPrefix(s, want[0]) })
	case "in":
		return any(func(s string) bool { return slices.Contains(want, s) })
	default: // ca: contains all
		return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(has, s) })
	}
}

func folded(values []string) []string {
	lower := make([]string, len(values))
	for i, v := range values {
		lower[i] = strings.ToLower(v)
	}
	return lower
}
