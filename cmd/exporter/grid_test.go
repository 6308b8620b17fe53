package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGridFitsTheTerminal(t *testing.T) {
	t.Parallel()
	columns := []gridColumn{{name: "ID", whole: true}, {name: "NAME", middle: true}, {name: "N", right: true}, {name: "TEXT", wraps: true}}
	rows := [][]string{
		{"whole-id", "Manager review of Ann", "7", "one two three four five six seven"},
		{"a heading over the rows below it"},
		{"x", "東京の田中さん", "1,204", ""},
		{"y", "clair", "0", "short"},
	}
	for width, want := range map[int]string{
		0: `
ID        NAME                       N  TEXT
whole-id  Manager review of Ann      7  one two three four five six seven
a heading over the rows below it
x         東京の田中さん         1,204
y         clair                      0  short`,
		48: `
ID        NAME           N  TEXT
whole-id  Man…f Ann      7  one two three four
                            five six seven
a heading over the rows below it
x         東… さん   1,204
y         clair          0  short`,
	} {
		var out strings.Builder
		grid(&out, width, columns, rows)
		if diff := cmp.Diff(strings.TrimPrefix(want, "\n")+"\n", out.String()); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", width, diff)
		}
	}
}

func TestCutsAreWithinTheWidth(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", "plain text", "東京の田中さん", "e\u0301e\u0301e\u0301e\u0301e\u0301", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "a東b京c\xff\xfe"} {
		for width := 1; width < 20; width++ {
			for name, got := range map[string]string{"cut": cut(text, width), "cutMiddle": cutMiddle(text, width)} {
				n := screen.StringWidth(got)
				if n > width {
					t.Errorf("%s(%q, %d): %q has %d columns", name, text, width, got, n)
				}
				if (got == text) != (screen.StringWidth(text) <= width) {
					t.Errorf("%s(%q, %d): %q", name, text, width, got)
				}
				if got != text && !strings.Contains(got, "…") {
					t.Errorf("%s(%q, %d): %q does not tell that it was cut", name, text, width, got)
				}
			}
		}
	}
}
