package db

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

func TestObservedBoundsOfADecision(t *testing.T) {
	t.Parallel()
	const absent = "absent"
	type seen struct {
		decision           string // "", APPROVE, REVOKE, absent
		forbidden          bool   // the items could not be read
		undecided, decided int    // nights, from 1; 0: NULL
	}
	tests := map[string][]seen{
		"decided after two nights":        {{undecided: 1}, {undecided: 2}, {decision: "APPROVE", undecided: 2, decided: 3}, {decision: "APPROVE", undecided: 2, decided: 3}},
		"first seen decided":              {{decision: "APPROVE", decided: 1}, {decision: "APPROVE", decided: 1}},
		"appears decided":                 {{decision: absent}, {decision: "REVOKE", decided: 2}},
		"flipped":                         {{undecided: 1}, {decision: "APPROVE", undecided: 1, decided: 2}, {decision: "REVOKE", undecided: 1, decided: 2}},
		"reopened and decided again":      {{undecided: 1}, {decision: "APPROVE", undecided: 1, decided: 2}, {undecided: 3}, {undecided: 4}, {decision: "REVOKE", undecided: 4, decided: 5}},
		"first seen decided, reopened":    {{decision: "APPROVE", decided: 1}, {undecided: 2}, {decision: "APPROVE", undecided: 2, decided: 3}},
		"decided behind a gap":            {{undecided: 1}, {forbidden: true, decision: "APPROVE", undecided: 1}, {decision: "APPROVE", undecided: 1, decided: 3}},
		"undecided across a gap":          {{undecided: 1}, {forbidden: true, undecided: 1}, {undecided: 3}, {decision: "APPROVE", undecided: 3, decided: 4}},
		"removed and back, then decided":  {{undecided: 1}, {decision: absent}, {decision: "APPROVE", decided: 3}},
		"removed and back, still decided": {{undecided: 1}, {decision: "APPROVE", undecided: 1, decided: 2}, {decision: absent}, {decision: "APPROVE", decided: 4}},
	}
	both := map[string][]seen{}
	for name, nights := range tests {
		both[name], both[name+", staged"] = nights, nights
	}
	for name, nights := range both {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			if strings.HasSuffix(name, "staged") {
				o.store.spillAt = 1
			}
			night := func(n int) any {
				if n == 0 {
					return nil
				}
				return firstNight.Add(time.Duration(n-1) * 24 * time.Hour)
			}
			for i, s := range nights {
				c := newCert("a", newItem("other"))
				if s.decision != absent {
					c.items = append(c.items, newItem("i"))
					c.decide("i", s.decision)
				}
				if s.forbidden {
					c.outcome[snapshot.ReviewItems] = snapshot.Forbidden
				}
				run := o.night(newWorld(c))
				o.check(run.ID)
				var got []any
				for _, row := range rowsOf(t, o.store, o.tenant, run.ID, "review_items", "item_id", "last_seen_undecided_at", "first_seen_decided_at") {
					if row[0] == "i" {
						got = row[1:]
					}
				}
				want := []any{night(s.undecided), night(s.decided)}
				if s.decision == absent {
					want = nil
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("night %d (-want +got):\n%s", i+1, diff)
				}
			}
		})
	}
}
