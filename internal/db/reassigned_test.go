package db

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

// brief is a change in one line, without the JSON of whole objects.
func brief(rows []change) []string {
	out := []string{}
	for _, c := range rows {
		if c.Field == nil {
			out = append(out, keyOf(c.Class, c.Object, part(c.Certification), part(c.ID)))
			continue
		}
		out = append(out, keyOf(c.Class, c.Object, part(c.Certification), part(c.ID), *c.Field, part(c.Before), part(c.After)))
	}
	return out
}

func part(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

// checkChanges checks the changes between two runs, and that they lead from
// the views at one to those at the other, in both directions.
func (o *office) checkChanges(from, to int64, want ...string) {
	o.Helper()
	rows := changes(o.T, o.store, from, to)
	if diff := cmp.Diff(want, brief(rows)); diff != "" {
		o.Errorf("changes from %d to %d (-want +got):\n%s", from, to, diff)
	}
	for _, way := range [][2]int64{{from, to}, {to, from}} {
		p := pictureOf(o.T, o.store, o.tenant, way[0])
		p.apply(o.T, changes(o.T, o.store, way[0], way[1]))
		if diff := cmp.Diff(pictureOf(o.T, o.store, o.tenant, way[1]), p); diff != "" {
			o.Errorf("changes from %d to %d lead elsewhere (-want +got):\n%s", way[0], way[1], diff)
		}
	}
}

const (
	grantedInA = `{"rights": ["read"], "target": "x", "item_id": "i", "certification_id": "a"}`
	grantedInB = `{"rights": ["read"], "target": "x", "item_id": "i", "certification_id": "b"}`
)

func TestReassignedItems(t *testing.T) {
	t.Parallel()
	const added = "ADDED / certification / b / b"
	tests := map[string]struct {
		before func() *world
		during func(*world)
		want   []string
	}{
		"the item keeps its id": {
			before: func() *world { return newWorld(newCert("a", newItem("i"), newItem("stays"))) },
			during: func(w *world) {
				w.certs["b"] = w.certs["a"].reassigned("b")
				w.certs["a"].move("i", w.certs["b"], "i")
			},
			want: []string{added, "REASSIGNED / review_item / b / i / certification_id / a / b"},
		},
		"the item gets another id and is decided": {
			before: func() *world { return newWorld(newCert("a", newItem("i"))) },
			during: func(w *world) {
				w.certs["b"] = w.certs["a"].reassigned("b")
				w.certs["a"].move("i", w.certs["b"], "j")
				w.certs["b"].decide("j", "REVOKE")
			},
			want: []string{
				added, "CHANGED / review_item / b / j / completed / false / true", "CHANGED / review_item / b / j / item_id / i / j",
				"DECIDED / review_item / b / j / decision / - / REVOKE", "REASSIGNED / review_item / b / j / certification_id / a / b",
			},
		},
		"over two hops": {
			before: func() *world { return newWorld(newCert("a", newItem("i"))) },
			during: func(w *world) {
				w.certs["b"] = w.certs["a"].reassigned("b")
				w.certs["c"] = w.certs["b"].reassigned("c")
				w.certs["a"].move("i", w.certs["c"], "i")
			},
			want: []string{added, "ADDED / certification / c / c", "REASSIGNED / review_item / c / i / certification_id / a / c"},
		},
		"the origin is deleted": {
			before: func() *world { return newWorld(newCert("a", newItem("i"), newItem("lost"))) },
			during: func(w *world) {
				w.certs["b"] = w.certs["a"].reassigned("b")
				w.certs["a"].move("i", w.certs["b"], "i")
				delete(w.certs, "a")
			},
			want: []string{
				added, "DELETED_IN_TENANT / certification / a / a", "DELETED_IN_TENANT / review_item / a / lost",
				"REASSIGNED / review_item / b / i / certification_id / a / b",
			},
		},
		"over two hops, the middle one deleted": {
			before: func() *world {
				a := newCert("a", newItem("i"))
				return newWorld(a, a.reassigned("b"))
			},
			during: func(w *world) {
				w.certs["c"] = w.certs["b"].reassigned("c")
				w.certs["a"].move("i", w.certs["c"], "i")
				delete(w.certs, "b")
			},
			want: []string{
				"ADDED / certification / c / c", "DELETED_IN_TENANT / certification / b / b",
				"REASSIGNED / review_item / c / i / certification_id / a / c",
			},
		},
		"the same access elsewhere, without a chain": {
			before: func() *world { return newWorld(newCert("a", newItem("i"))) },
			during: func(w *world) {
				w.certs["b"] = newCert("b")
				w.certs["a"].move("i", w.certs["b"], "i")
			},
			want: []string{added, "ADDED / review_item / b / i", "REMOVED / review_item / a / i"},
		},
		"another account": {
			before: func() *world { return newWorld(newCert("a", newItem("i"))) },
			during: func(w *world) {
				w.certs["b"] = w.certs["a"].reassigned("b")
				w.certs["a"].move("i", w.certs["b"], "i")
				w.certs["b"].editItem("i", func(v *snapshot.ReviewItem) { v.AccountNativeIdentity = new("cn=other") })
			},
			want: []string{added, "ADDED / review_item / b / i", "REMOVED / review_item / a / i"},
		},
		"a copy is left behind": {
			before: func() *world { return newWorld(newCert("a", newItem("i"))) },
			during: func(w *world) {
				w.certs["b"] = w.certs["a"].reassigned("b")
				w.certs["b"].items = w.certs["a"].items
			},
			want: []string{added, "ADDED / review_item / b / i"},
		},
		"with permissions": {
			before: func() *world {
				a := newCert("a", newItem("i"))
				a.grant("i", permission("x", "read"), permission("y", "read"), permission("z", "read"))
				return newWorld(a)
			},
			during: func(w *world) {
				w.certs["b"] = w.certs["a"].reassigned("b")
				w.certs["a"].move("i", w.certs["b"], "i")
				w.certs["b"].permissions["i"] = []snapshot.Permission{permission("x", "read"), permission("y", "write"), permission("new")}
			},
			want: []string{
				added,
				"PERMISSION_ADDED / permission / b / i",
				"PERMISSION_REMOVED / permission / a / i",
				"REASSIGNED / permission / b / i / certification_id / " + grantedInA + " / " + grantedInB,
				"REASSIGNED / permission / b / i / certification_id / " +
					`{"rights": ["read"], "target": "y", "item_id": "i", "certification_id": "a"} / {"rights": ["read"], "target": "y", "item_id": "i", "certification_id": "b"}`,
				`RIGHTS_CHANGED / permission / b / i / rights / {"rights": ["read"], "target": "y"} / {"rights": ["write"], "target": "y"}`,
				"REASSIGNED / review_item / b / i / certification_id / a / b",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			w := test.before()
			a := o.night(w)
			test.during(w)
			b := o.night(w)
			o.checkChanges(a.ID, b.ID, test.want...)
		})
	}
}

// alike gives an item another id and leaves it alike otherwise.
func alike(id string, as snapshot.ReviewItem) snapshot.ReviewItem {
	as.ID = id
	return item(as)
}

// Items that cannot be told apart are paired one to one, also where their new
// certifications descend from different ones of the old.
func TestReassignedAlikeItemsArePairedOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	// Numbers are given in the order of ids: a comes before b, though it was
	// cut from it; so does c before d.
	b := newCert("b", alike("b1", newItem("i")))
	a := b.reassigned("a")
	a.items = []snapshot.ReviewItem{alike("a1", newItem("i"))}
	w := newWorld(a, b)
	first := o.night(w)
	w.certs["c"], w.certs["d"] = b.reassigned("c"), a.reassigned("d")
	b.move("b1", w.certs["c"], "c1")
	a.move("a1", w.certs["d"], "d1")
	second := o.night(w)
	o.checkChanges(first.ID, second.ID,
		"ADDED / certification / c / c", "ADDED / certification / d / d",
		"CHANGED / review_item / c / c1 / item_id / b1 / c1", "CHANGED / review_item / d / d1 / item_id / a1 / d1",
		"REASSIGNED / review_item / c / c1 / certification_id / b / c", "REASSIGNED / review_item / d / d1 / certification_id / a / d")
}

// The permissions of a moved item move with it only where they left the one
// certification and came to the other: permissions are proved apart.
func TestReassignedItemWhosePermissionsAreStillShownAtTheOrigin(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("i"))
	a.grant("i", permission("x", "read"))
	w := newWorld(a)
	first := o.night(w)
	a.grant("i", permission("x", "write"))
	o.night(w)
	w.certs["b"] = a.reassigned("b")
	a.move("i", w.certs["b"], "i")
	a.outcome[snapshot.Permissions] = snapshot.Forbidden
	third := o.night(w)
	o.checkChanges(first.ID, third.ID,
		"ADDED / certification / b / b",
		"NOT_COMPARABLE / permission / a / - / permissions / COMPLETE / FORBIDDEN",
		"PERMISSION_ADDED / permission / b / i",
		`RIGHTS_CHANGED / permission / a / i / rights / {"rights": ["read"], "target": "x"} / {"rights": ["write"], "target": "x"}`,
		"REASSIGNED / review_item / b / i / certification_id / a / b")
}

// A certification that was deleted and made again from one cut from it is no
// origin of its own.
func TestReassignmentInACircle(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("i"))
	b := a.reassigned("b")
	w := newWorld(a, b)
	first := o.night(w)
	a.editHeader(func(v *snapshot.Certification) { v.ReassignedFromID = new("b") })
	a.move("i", a, "j")
	second := o.night(w)
	o.checkChanges(first.ID, second.ID,
		"CHANGED / certification / a / a / reassigned_from_id / - / b", "ADDED / review_item / a / j", "REMOVED / review_item / a / i")
}
