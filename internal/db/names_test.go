package db

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

func TestNamesAreThoseOfTheRunElseOfTheBaseline(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("stays"), newItem("renamed"), newItem("goes"))
	gone := newCert("gone", newItem("stays"))
	w := newWorld(a, gone)
	first := o.night(w)

	a.take("goes")
	a.items = append(a.items, newItem("comes"))
	a.editItem("renamed", func(v *snapshot.ReviewItem) { v.IdentityName, v.AccessName = new("New Name"), nil })
	a.editHeader(func(v *snapshot.Certification) { v.Name, v.ReviewerName = new("Review of A"), new("De Puty") })
	delete(w.certs, "gone")
	second := o.night(w)
	// What came to be later, and the items of other tenants, are not seen.
	a.editItem("stays", func(v *snapshot.ReviewItem) { v.IdentityName = new("Later") })
	a.items = append(a.items, newItem("later"))
	o.night(w)
	foreign := newCert("a", newItem("foreign"))
	officeOf(t, o.store, "other").night(newWorld(foreign))

	keys := []ItemKey{{"a", "stays"}, {"a", "renamed"}, {"a", "goes"}, {"a", "comes"}, {"a", "later"}, {"a", "foreign"}, {"gone", "stays"}, {"none", "stays"}}
	named := func(id string) ItemNames {
		return ItemNames{Identity: new("Person " + id), Access: new("Access " + id)}
	}
	item := func(from, to int64) (items map[ItemKey]ItemNames, certs map[string]CertificationNames) {
		o.fatal(o.store.Read(t.Context(), o.tenant, to, &from, func(r *Reader) (err error) {
			if items, err = r.ItemNames(t.Context(), keys); err != nil {
				return err
			}
			certs, err = r.CertificationNames(t.Context(), []string{"a", "gone", "none"})
			return err
		}))
		return items, certs
	}

	items, certs := item(first.ID, second.ID)
	if diff := cmp.Diff(map[ItemKey]ItemNames{
		{"a", "stays"}: named("stays"), {"a", "renamed"}: {Identity: new("New Name")}, {"a", "goes"}: named("goes"),
		{"a", "comes"}: named("comes"), {"gone", "stays"}: named("stays"),
	}, items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]CertificationNames{
		"a":    {Name: new("Review of A"), Reviewer: new("De Puty"), ReviewerBefore: new("Bo Boss")},
		"gone": {Name: new("Review gone"), ReviewerBefore: new("Bo Boss")},
	}, certs); diff != "" {
		t.Errorf("certifications (-want +got):\n%s", diff)
	}

	// The other way round it is the first run whose names count.
	items, certs = item(second.ID, first.ID)
	if diff := cmp.Diff(named("renamed"), items[ItemKey{"a", "renamed"}]); diff != "" {
		t.Errorf("backwards (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(CertificationNames{Name: new("Review a"), Reviewer: new("Bo Boss"), ReviewerBefore: new("De Puty")}, certs["a"]); diff != "" {
		t.Errorf("backwards (-want +got):\n%s", diff)
	}
}

func TestNamesOfManyItemsComeInBatches(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := newCert("a", newItem("first"), newItem("last"))
	run := o.night(newWorld(c))
	keys := []ItemKey{{"a", "first"}}
	for n := range 2 * namesBatch {
		keys = append(keys, ItemKey{"a", fmt.Sprint("none-", n)})
	}
	keys = append(keys, ItemKey{"a", "last"})
	o.fatal(o.store.Read(t.Context(), o.tenant, run.ID, nil, func(r *Reader) error {
		names, err := r.ItemNames(t.Context(), keys)
		if err == nil && len(names) != 2 {
			t.Errorf("%d items, want 2: %v", len(names), names)
		}
		none, err2 := r.ItemNames(t.Context(), nil)
		if err2 != nil || len(none) != 0 {
			t.Errorf("of no items: %v, %v", none, err2)
		}
		return err
	}))
}
