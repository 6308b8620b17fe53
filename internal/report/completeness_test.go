package report

import (
	"fmt"
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	all := func(id, outcome string) []string {
		return []string{id + " certification " + outcome, id + " permissions " + outcome, id + " review_items " + outcome, id + " reviewers " + outcome}
	}
	for _, tt := range []struct {
		name     string
		coverage []string // certification (or -), collection, outcome
		known    []string
		status   string
		verdict  string
		why      string // part of the reason
		behind   int    // rows that go behind those not proved
	}{
		{"everything complete", append(all("c1", "COMPLETE"), "- campaigns COMPLETE"), nil, StatusSealed, verdictPass, "Every collection in scope is proved: 5", 5},
		{"signed and proved earlier", []string{"c1 certification COMPLETE", "c1 review_items SEALED_EARLIER"}, nil, StatusSealed, verdictPass, "", 2},
		{"certification gone as a whole", all("c1", "NOT_FOUND"), nil, StatusSealed, verdictPass, "", 4},
		{"one collection gone", []string{"c1 certification COMPLETE", "c1 review_items NOT_FOUND"}, nil, StatusPartial, verdictFail, "1 of 2 collections", 1},
		{"another certification gone does not excuse", []string{"c1 certification NOT_FOUND", "c2 review_items NOT_FOUND"}, nil, StatusPartial, verdictFail, "1 of 2", 1},
		{"a run's list not found", []string{"- tasks NOT_FOUND"}, nil, StatusPartial, verdictFail, "1 of 1 collection ", 0},
		{"refused", []string{"c1 certification FORBIDDEN", "c2 certification COMPLETE"}, nil, StatusPartial, verdictFail, "1 of 2", 1},
		{"an outcome nobody knows", []string{"c1 certification DREAMT"}, nil, StatusPartial, verdictFail, "", 0},
		{"accepted gap", append(all("g1", "UNSUPPORTED"), all("c1", "COMPLETE")...), []string{"z", "g1"}, StatusSealed, verdictGaps, "4 of 8 collections in scope proved", 4},
		{"accepted gap beside another", []string{"g1 certification UNSUPPORTED", "c1 reviewers FAILED"}, []string{"g1"}, StatusPartial, verdictFail, "1 of 2", 0},
		{"out of scope is not judged", []string{"c1 certification COMPLETE", "c2 certification OUT_OF_SCOPE"}, nil, StatusSealed, verdictPass, "1 collection known from earlier runs", 2},
		{"nothing recorded", nil, nil, StatusSealed, verdictFail, "no coverage", 0},
		{"sealed against its coverage", []string{"c1 certification FAILED"}, nil, StatusSealed, verdictFail, "does not agree", 0},
		{"partial against its coverage", all("c1", "COMPLETE"), nil, StatusPartial, verdictFail, "does not agree", 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCompleteness(tt.known)
			behind := 0
			for _, line := range tt.coverage {
				f := strings.Fields(line)
				row := make([]any, len(coverageTable().Columns))
				if f[0] != "-" {
					row[c.column.certification] = f[0]
				}
				row[c.column.collection], row[c.column.outcome] = f[1], f[2]
				if c.see(row) {
					behind++
				}
			}
			verdict, why := c.verdict(tt.status)
			if verdict != tt.verdict || !strings.Contains(strings.Join(why, " "), tt.why) {
				t.Errorf("got %s, %q; want %s, %q", verdict, why, tt.verdict, tt.why)
			}
			if behind != tt.behind {
				t.Errorf("%d rows behind, want %d", behind, tt.behind)
			}
		})
	}
}

func TestGapsAreNamedAndBounded(t *testing.T) {
	t.Parallel()
	var g gaps
	for i := range maxGaps + 5 {
		id := fmt.Sprintf("c%02d", i)
		g.add(id, "permissions", "FAILED (status 500)")
		g.add(id, "review_items", "FAILED (status 500)")
		g.add(id, "reviewers", "FORBIDDEN (status 403)")
	}
	g.name("c01", "Finance")
	if g.certifications != maxGaps+5 || g.collections != 3*(maxGaps+5) || len(g.first) != maxGaps {
		t.Fatalf("%d certifications, %d collections, %d named", g.certifications, g.collections, len(g.first))
	}
	if got, want := g.first[1].label()+": "+g.first[1].detail(), "Finance: c01 – FAILED (status 500): permissions, review_items; FORBIDDEN (status 403): reviewers"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
}
