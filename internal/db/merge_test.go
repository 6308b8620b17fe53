package db

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

// spring is a world with something of everything.
func spring() *world {
	a, b := newCert("a", newItem("i"), newItem("j"), newItem("k")), newCert("b", newItem("i"))
	a.reviewers = []snapshot.Reviewer{reviewer(snapshot.Reviewer{ID: "r", Name: new("Rita"), Email: new("rita@example.com")})}
	a.grant("i", permission("x", "read"), permission("x", "read"), snapshot.Permission{})
	a.grant("j")
	b.grant("i", permission("x", "read"), permission("x", "read"), snapshot.Permission{})
	w := newWorld(a, b)
	w.campaigns = []snapshot.Campaign{campaign(snapshot.Campaign{ID: "spring", Name: new("Spring"), Created: new(firstNight)})}
	w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new("PENDING"), CertificationID: new("a")})
	return w
}

// added is what a night added to the version tables.
func (o *office) added(night func()) map[string]int64 {
	o.Helper()
	before := versions(o.T, o.store)
	night()
	grown := map[string]int64{}
	for table, n := range versions(o.T, o.store) {
		if n != before[table] {
			grown[table] = n - before[table]
		}
	}
	return grown
}

// rowCounts are the rows of every table of history and staging.
func rowCounts(t *testing.T, s *Store) map[string]int64 {
	t.Helper()
	counts := map[string]int64{}
	for _, table := range query[string](t, s, `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('history', 'staging')`) {
		counts[table] = one[int64](t, s, `SELECT count(*) FROM `+table)
	}
	return counts
}

func TestNightWritesWhatDiffers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*world)
		want   map[string]int64 // version rows added
	}{
		"nothing": {func(*world) {}, map[string]int64{}},
		"an item changed": {
			func(w *world) { w.certs["a"].decide("i", "APPROVE") }, map[string]int64{"review_item": 1},
		},
		"an item removed":         {func(w *world) { w.certs["a"].take("k") }, map[string]int64{}},
		"an item added":           {func(w *world) { w.certs["a"].items = append(w.certs["a"].items, newItem("l")) }, map[string]int64{"review_item": 1}},
		"a header changed":        {func(w *world) { w.certs["a"].sign() }, map[string]int64{"certification": 1}},
		"a reviewer replaced":     {func(w *world) { w.certs["a"].reviewers[0] = reviewer(snapshot.Reviewer{ID: "q"}) }, map[string]int64{"reviewer": 1}},
		"permissions changed":     {func(w *world) { w.certs["a"].grant("j", permission("y")) }, map[string]int64{"item_permissions": 1}},
		"a certification deleted": {func(w *world) { delete(w.certs, "a") }, map[string]int64{}},
		"out of scope":            {func(w *world) { w.certs["a"].outside = true }, map[string]int64{}},
		"an item that cannot be read changed": {func(w *world) {
			w.certs["a"].decide("i", "APPROVE")
			w.certs["a"].outcome[snapshot.ReviewItems] = snapshot.Forbidden
		}, map[string]int64{}},
		"a campaign ended":    {func(w *world) { w.campaigns = nil }, map[string]int64{}},
		"a campaign changed":  {func(w *world) { w.campaigns[0] = campaign(snapshot.Campaign{ID: "spring"}) }, map[string]int64{"campaign": 1}},
		"a task finished":     {func(w *world) { w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new("SUCCESS")}) }, map[string]int64{"task": 1}},
		"a task gone":         {func(w *world) { delete(w.tasks, "t") }, map[string]int64{}},
		"tasks not readable":  {func(w *world) { clear(w.tasks); w.outcome[snapshot.Tasks] = snapshot.Failed }, map[string]int64{}},
		"campaigns not so":    {func(w *world) { w.campaigns = nil; w.outcome[snapshot.Campaigns] = snapshot.Incomplete }, map[string]int64{}},
		"only volatile noise": {func(w *world) { w.certs["a"].items[0].Raw = []byte(`{"other": "raw, same digest"}`) }, map[string]int64{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			w := spring()
			first := o.night(w)
			test.change(w)
			var second, third Run
			if diff := cmp.Diff(test.want, o.added(func() { second = o.night(w) })); diff != "" {
				t.Errorf("version rows (-want +got):\n%s", diff)
			}
			before := rowCounts(t, o.store)
			third = o.night(w)
			before["history.run"]++
			before["history.coverage"] += one[int64](t, o.store, `SELECT count(*) FROM history.coverage WHERE run_id = $1`, third.ID)
			if diff := cmp.Diff(before, rowCounts(t, o.store)); diff != "" {
				t.Errorf("rows after a night without changes (-want +got):\n%s", diff)
			}
			for _, run := range []Run{first, second, third} {
				o.check(run.ID)
			}
		})
	}
}

func TestEqualPermissionListsAreStoredOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.night(spring())
	got := query[string](t, o.store, `SELECT size || ' ' || (SELECT count(*) FROM history.permission p WHERE p.digest = s.digest) FROM history.permission_set s ORDER BY 1`)
	if diff := cmp.Diff([]string{"0 0", "3 3"}, got); diff != "" {
		t.Errorf("sets and their rows (-want +got):\n%s", diff)
	}
	if n := one[int64](t, o.store, `SELECT count(*) FROM history.item_permissions`); n != 3 {
		t.Errorf("%d items have a list, want 3", n)
	}
	o.check(run.ID)
}

// Text that breaks what is built with care only for ordinary text.
var hostile = []string{
	`'; DROP SCHEMA history CASCADE; --`, `back\slash \N \.`, "tab\tline\r\nfeed\x01", `{"json": ["]"]}`, "😀 \u202e \uFFFD é", `{a,"b"}`, "NULL", "",
	strings.Repeat("1 MB ", 1<<18),
}

func TestHostileTextComesBackAsItCame(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := newWorld()
	for i, text := range hostile {
		id := text
		if len(id) > 100 || id == "" {
			id = string(rune('a' + i))
		}
		c := newCert("c-"+id, newItem("i-"+id))
		c.editHeader(func(v *snapshot.Certification) { v.Name, v.ReassignmentComment = &text, &text })
		c.editItem("i-"+id, func(v *snapshot.ReviewItem) { v.Comments, v.Value = &text, &text })
		c.reviewers = []snapshot.Reviewer{reviewer(snapshot.Reviewer{ID: "r-" + id, Name: &text})}
		c.grant("i-"+id, permission(text, text, ""))
		w.certs[c.header.ID] = c
		w.tasks[id] = task(snapshot.Task{ID: id, Status: &text, Errors: []string{text, "", text}})
	}
	first := o.night(newWorld())
	second := o.night(w)
	o.check(second.ID)
	p := pictureOf(t, o.store, o.tenant, first.ID)
	p.apply(t, changes(t, o.store, first.ID, second.ID))
	if diff := cmp.Diff(pictureOf(t, o.store, o.tenant, second.ID), p); diff != "" {
		t.Errorf("the changes lead elsewhere (-want +got):\n%.2000s", diff)
	}
}

// More than waits in memory goes through the staging tables, in a first
// reading that was void as well.
func TestCollectionLargerThanMemory(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := newCert("a")
	for _, id := range []string{"i", "j", "k", "l"} {
		v := newItem(id)
		v.Comments = new(strings.Repeat("long ", spillBytes/5/4))
		c.items = append(c.items, item(v))
	}
	w := newWorld(c)
	first := o.night(w)
	c.decide("j", "REVOKE")
	grown := o.added(func() { o.night(w) })
	if diff := cmp.Diff(map[string]int64{"review_item": 1}, grown); diff != "" {
		t.Errorf("version rows (-want +got):\n%s", diff)
	}
	o.check(first.ID)
	o.check(first.ID + 1)
	if n := one[int64](t, o.store, `SELECT count(*) FROM staging.review_item`); n != 0 {
		t.Errorf("%d rows are still staged", n)
	}
}

// A server that crashed has lost what was staged, and is back before anybody
// notices. What is left of a proved list is not merged: the rest of it would read
// as removed.
func TestMergeRefusesWhatIsNotWhatWasProved(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]string{
		"all":     `TRUNCATE staging.review_item`,
		"one row": `DELETE FROM staging.review_item WHERE item_id = 'j'`,
		"a value": `UPDATE staging.review_item SET digest = '\x00'::bytea || substr(digest, 2) WHERE item_id = 'j'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.store.spillAt = 1
			w := newWorld(newCert("a", newItem("i"), newItem("j"), newItem("k")))
			first := o.night(w)
			n := o.store.Night(o.tenant, o.open(ResumeNever).ID)
			c, err := n.Capture(t.Context(), "a")
			o.fatal(err)
			w.certs["a"].decide("i", "APPROVE")
			var entries []snapshot.Entry
			for _, item := range w.certs["a"].items {
				o.fatal(c.ReviewItems().Page(t.Context(), []snapshot.ReviewItem{item}))
				entries = append(entries, snapshot.Entry{ID: item.ID, Digest: item.Digest})
			}
			o.exec(lose)
			proved := snapshot.CollectionDigest(entries)
			err = c.Merge(t.Context(), nil, false, []snapshot.Coverage{{
				CertificationID: "a", Collection: snapshot.ReviewItems, Outcome: snapshot.Complete, Stored: 3, CapturedRun: &n.run, Digest: &proved,
			}})
			if !errors.Is(err, errNotProved) {
				t.Errorf("error %v, want %v", err, errNotProved)
			}
			if got := query[string](t, o.store, `SELECT item_id FROM history.review_item WHERE valid_to_run IS NULL AND valid_from_run = $1`, first.ID); len(got) != 3 {
				t.Errorf("stored items %q, want the three of the night before", got)
			}
		})
	}
}

func TestDeletedCertificationComesBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := spring()
	a := w.certs["a"]
	for range 2 {
		w.certs["a"] = a
		o.check(o.night(w).ID)
		delete(w.certs, "a")
		o.check(o.night(w).ID)
		before := one[int64](t, o.store, `SELECT count(*) FROM history.coverage WHERE certification_no <> 0`)
		o.check(o.night(w).ID) // known to be deleted: not asked for again
		after := one[int64](t, o.store, `SELECT count(*) FROM history.coverage WHERE certification_no <> 0`)
		if after-before != 4 { // those of certification b
			t.Errorf("%d coverage rows, want 4", after-before)
		}
	}
}

func TestCampaignsEndWithinTheIDsAskedFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	n := o.store.Night(o.tenant, o.open(ResumeNever).ID)
	c := snapshot.Coverage{Collection: snapshot.Campaigns, Outcome: snapshot.Complete}
	all := []snapshot.Campaign{campaign(snapshot.Campaign{ID: "a"}), campaign(snapshot.Campaign{ID: "b"}), campaign(snapshot.Campaign{ID: "c"})}
	o.fatal(n.MergeCampaigns(t.Context(), all, nil, c))
	n = o.store.Night(o.tenant, o.open(ResumeNever).ID)
	o.fatal(n.MergeCampaigns(t.Context(), all[:1], []string{"a", "b"}, c))
	got := query[string](t, o.store, `SELECT campaign_id FROM audit.campaigns WHERE run_id = 2 ORDER BY 1`)
	if diff := cmp.Diff([]string{"a", "c"}, got); diff != "" {
		t.Errorf("campaigns (-want +got):\n%s", diff)
	}
	if stored := one[int64](t, o.store, `SELECT stored FROM history.coverage WHERE run_id = 2`); stored != 2 {
		t.Errorf("stored %d, want 2", stored)
	}
}
