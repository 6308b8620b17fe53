package db

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

// Ids that every collation but the bytes' own puts in another order.
var unsorted = []string{"b", "B", "a", "A", "ä", "z", "Z", "é", "😀", "\uFFFD", "a b", "a-b", "a_b", "ab", "10", "9", "-1", "_", "~"}

func TestRowsComeInByteOrder(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := newWorld()
	for _, id := range unsorted {
		c := newCert(id)
		for _, inner := range unsorted {
			c.items = append(c.items, newItem(inner))
			c.reviewers = append(c.reviewers, reviewer(snapshot.Reviewer{ID: inner}))
		}
		c.grant(id, slices.Repeat([]snapshot.Permission{permission("x")}, 11)...)
		w.certs[id] = c
		w.campaigns = append(w.campaigns, campaign(snapshot.Campaign{ID: id}))
		w.tasks[id] = task(snapshot.Task{ID: id})
	}
	first := o.night(newWorld())
	second := o.night(w)
	o.check(second.ID) // which expects byte order of all views of objects

	inOrder := func(name string, rows [][]any) {
		t.Helper()
		key := func(row []any) string {
			var b strings.Builder
			for _, v := range row {
				if s, ok := v.(string); ok {
					b.WriteString(s)
				}
				b.WriteByte(0)
			}
			return b.String()
		}
		if len(rows) < 2 || !slices.IsSortedFunc(rows, func(a, b []any) int { return strings.Compare(key(a), key(b)) }) {
			t.Errorf("%s: %d rows, not in byte order", name, len(rows))
		}
	}
	inOrder("coverage", rowsOf(t, o.store, o.tenant, second.ID, "coverage", orders["coverage"]...))
	err := o.store.Read(t.Context(), o.tenant, second.ID, &first.ID, func(r *Reader) error {
		var rows [][]any
		for row, err := range r.Changes(t.Context(), orders["changes"]) {
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		inOrder("changes", rows)
		return nil
	})
	o.fatal(err)
}

func TestRowsHaveThePromisedTypes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := newCert("a", newItem("i"))
	c.editHeader(func(v *snapshot.Certification) {
		v.Due, v.DecisionsMade, v.Completed = new(firstNight.In(time.FixedZone("", 3600))), new(int64(7)), new(true)
	})
	c.grant("i", permission("x", "read", ""), snapshot.Permission{Rights: []string{}}, snapshot.Permission{})
	run := o.night(newWorld(c))
	for view, want := range map[string][][]any{
		"certifications run_id due decisions_made completed signed": {{run.ID, firstNight, int64(7), true, nil}},
		"permissions position target rights":                        {{int64(0), "x", []string{"read", ""}}, {int64(1), nil, []string{}}, {int64(2), nil, nil}},
		"coverage attempts http_status":                             slices.Repeat([][]any{{int64(1), nil}}, 7),
	} {
		fields := strings.Fields(view)
		if diff := cmp.Diff(want, rowsOf(t, o.store, o.tenant, run.ID, fields[0], fields[1:]...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", view, diff)
		}
	}
}

func TestRowsAreTheTenantsOwn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.night(spring())
	other := bind(t, o.store, "other")
	if rows := rowsOf(t, o.store, other, run.ID, "review_items", "item_id"); len(rows) != 0 {
		t.Errorf("another tenant reads %v", rows)
	}
}

func TestRowsTellErrors(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.night(spring())
	foreign := officeOf(t, o.store, "other").night(newWorld())
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx     context.Context
		view    string
		columns []string
		want    string
	}{
		"no such view":      {t.Context(), "secrets", []string{"tenant"}, `no view "secrets"`},
		"SQL for a view":    {t.Context(), `runs"; --`, []string{"tenant"}, "no view"},
		"no such column":    {t.Context(), "reviewers", []string{"no_column"}, "read reviewers: "},
		"SQL for a column":  {t.Context(), "reviewers", []string{`1; --`}, "read reviewers: "},
		"the context ended": {canceled, "reviewers", []string{"name"}, "context canceled"},
		"foreign baseline":  {t.Context(), "changes", []string{"class"}, "different tenants"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []error
			err := o.store.Read(t.Context(), o.tenant, run.ID, &foreign.ID, func(r *Reader) error {
				seq := r.Rows(test.ctx, test.view, test.columns)
				if test.view == "changes" {
					seq = r.Changes(test.ctx, test.columns)
				}
				for _, err := range seq {
					got = append(got, err)
				}
				return got[len(got)-1]
			})
			if len(got) != 1 || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("errors %v, and then %v; want %q", got, err, test.want)
			}
		})
	}
}

// A sequence may be left early, and the Reader read on; what is written in the
// meantime is not seen.
func TestReaderReadsOneMoment(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := spring()
	run := o.open(ResumeNever)
	o.walk(w, run.ID, -1)
	err := o.store.Read(t.Context(), o.tenant, run.ID, nil, func(r *Reader) error {
		for range r.Rows(t.Context(), "review_items", []string{"item_id"}) {
			break
		}
		o.seal(w, run.ID)
		officeOf(t, o.store, "acme").night(newWorld()) // everything is deleted
		n := 0
		for _, err := range r.Rows(t.Context(), "review_items", []string{"item_id"}) {
			if err != nil {
				return err
			}
			n++
		}
		if n != 4 {
			t.Errorf("%d items, want 4", n)
		}
		for row := range r.Changes(t.Context(), []string{"class"}) {
			t.Errorf("change %v without a baseline", row)
		}
		return nil
	})
	o.fatal(err)
}
