package simulator

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// written renders a filter the way a caller writes it.
func written(f filter) string {
	var b strings.Builder
	for i, c := range f.clauses {
		if i > 0 {
			b.WriteString(" " + f.words[i-1] + " ")
		}
		b.WriteString(c.field + " " + c.op + " ")
		if !c.quoted {
			b.WriteString(c.values[0])
			continue
		}
		values := make([]string, len(c.values))
		for j, v := range c.values {
			values[j] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
		}
		if c.list {
			b.WriteString("(" + strings.Join(values, ",") + ")")
		} else {
			b.WriteString(values[0])
		}
	}
	return b.String()
}

// FuzzParseFilter: what parses means the same when it is written again.
func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{
		`id eq "c1"`,
		`id in ("a", "b") and phase eq "ACTIVE"`,
		`completed eq true`,
		`target sw "SYS." or rights ca ("SELECT","INSERT")`,
		`name eq "O\"Brien \\ Søn"`,
		`name eq "and or ()"`,
		`id eq "`, `id in (`, `id in ("a"`, `id in ("a",`, ` `, `id`, `id eq`, `id eq "a" and`, `id eq "a\`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := parseFilter(s)
		if err != nil {
			return
		}
		again, err := parseFilter(written(parsed))
		if err != nil {
			t.Fatalf("%q was read, %q is not: %v", s, written(parsed), err)
		}
		if diff := cmp.Diff(parsed, again, cmp.AllowUnexported(filter{}, clause{})); diff != "" {
			t.Errorf("%q written as %q (-first +again):\n%s", s, written(parsed), diff)
		}
	})
}
