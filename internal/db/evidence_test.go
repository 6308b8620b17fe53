package db

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

// season sets the campaign that all certifications are part of, by default.
func (w *world) season(kind, status, filter string) {
	raw, err := json.Marshal(map[string]any{"id": "campaign", "status": status, "type": kind, "filter": map[string]string{"id": filter}})
	if err != nil {
		panic(err)
	}
	w.campaigns = []snapshot.Campaign{{ID: "campaign", Name: new("Spring"), Type: &kind, Status: &status, Object: told(string(raw))}}
}

func TestDecisionsTellWhoDecided(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := newCert("a", newItem("by-reviewer"), newItem("at-the-end"), newItem("open"), newItem("turned"))
	w := newWorld(c)
	w.season("MANAGER", "ACTIVE", "all")
	o.night(w) // 1
	c.decide("by-reviewer", "APPROVE")
	c.decide("turned", "APPROVE")
	o.night(w) // 2
	w.season("MANAGER", "COMPLETED", "all")
	c.decide("at-the-end", "APPROVE")
	c.decide("turned", "REVOKE") // decided before it turned: the bounds stay
	late := newCert("b", newItem("never-open"))
	late.decide("never-open", "APPROVE")
	w.certs["b"] = late
	unread := newCert("c", newItem("no-campaign"))
	unread.editHeader(func(v *snapshot.Certification) { v.CampaignID = new("elsewhere") })
	unread.decide("no-campaign", "REVOKE")
	w.certs["c"] = unread
	o.night(w) // 3
	got := query[string](t, o.store, `
		SELECT concat_ws(' ', run_id, item_id, decision, origin, reviewer_id, last_seen_undecided_at::date, first_seen_decided_at::date)
		FROM audit.decisions ORDER BY run_id, item_id COLLATE "C"`)
	if diff := cmp.Diff([]string{
		"2 by-reviewer APPROVE REVIEWER boss 2026-03-01 2026-03-02",
		"2 turned APPROVE REVIEWER boss 2026-03-01 2026-03-02",
		"3 at-the-end APPROVE AUTO boss 2026-03-02 2026-03-03",
		"3 by-reviewer APPROVE REVIEWER boss 2026-03-01 2026-03-02",
		"3 never-open APPROVE UNKNOWN boss 2026-03-03",
		"3 no-campaign REVOKE UNKNOWN boss 2026-03-03",
		"3 turned REVOKE REVIEWER boss 2026-03-01 2026-03-02",
	}, got); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

func TestReassignmentsLeadToTheirOrigin(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	cut := func(id, reviewer, from, raw string, items ...snapshot.ReviewItem) *cert {
		c := newCert(id, items...)
		c.editHeader(func(v *snapshot.Certification) {
			v.ReviewerID, v.ReviewerName, v.ReassignedFromID, v.ReassignmentComment = &reviewer, new("Mx "+reviewer), &from, new("leave")
		})
		c.header.Object = told(raw)
		return c
	}
	a := newCert("a", newItem("i"))
	w := newWorld(a)
	o.night(w) // 1
	// Between two nights from a by b, which no run saw, to c; and d, of whose
	// origin only its own word is known.
	delete(w.certs, "a")
	w.certs["c"] = cut("c", "carla", "a", `{"id": "c"}`, newItem("j"))
	w.certs["d"] = cut("d", "p-k", "lost", `{"id": "d", "reassignment": {"from": {"id": "lost", "reviewer": {"id": "lou", "name": "Lou"}}}}`, newItem("k"))
	w.certs["d"].header.ReassignedFromOwner = new("Lou")
	o.night(w) // 2
	w.certs["e"] = cut("e", "eve", "c", `{"id": "e", "n": 1}`)
	w.certs["x"] = cut("x", "xi", "y", `{"id": "x"}`) // a ring comes to an end
	w.certs["y"] = cut("y", "yo", "x", `{"id": "y"}`)
	o.night(w) // 3
	got := query[string](t, o.store, `
		SELECT concat_ws(' ', certification_id, reassigned_from_id, '>', to_reviewer_id, '|', least(reassignments, 9), original_certification_id, original_reviewer_id,
		       original_reviewer_name, '|', last_seen_without_at::date, first_seen_at::date, lands_on_subject)
		FROM audit.reassignments WHERE run_id = 3 ORDER BY certification_id COLLATE "C"`)
	if diff := cmp.Diff([]string{
		"c a > carla | 1 a boss Bo Boss | 2026-03-01 2026-03-02 f",
		"d lost > p-k | 1 lost lou Lou | 2026-03-01 2026-03-02 t",
		"e c > eve | 2 a boss Bo Boss | 2026-03-02 2026-03-03 f",
		"x y > xi | 9 x xi Mx xi | 2026-03-02 2026-03-03 f",
		"y x > yo | 9 y yo Mx yo | 2026-03-02 2026-03-03 f",
	}, got); diff != "" {
		t.Errorf("reassignments (-want +got):\n%s", diff)
	}
	// What prune keeps of a, which is gone, tells the origin still.
	o.prune(firstNight.AddDate(0, 0, 2), false)
	again := query[string](t, o.store, `
		SELECT concat_ws(' ', certification_id, original_certification_id, original_reviewer_id)
		FROM audit.reassignments WHERE run_id = 3 AND certification_id IN ('c', 'e') ORDER BY 1`)
	if diff := cmp.Diff([]string{"c a boss", "e a boss"}, again); diff != "" {
		t.Errorf("origins after pruning (-want +got):\n%s", diff)
	}
	o.verifies(nil)
}

func TestReviewerTotals(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("i"), newItem("j"), newItem("k"))
	a.decide("i", "APPROVE")
	a.decide("j", "REVOKE")
	a.editItem("i", func(v *snapshot.ReviewItem) { v.Privileged = new(true) })
	a.editItem("k", func(v *snapshot.ReviewItem) { v.IdentityID = new("boss") })
	a.editHeader(func(v *snapshot.Certification) { v.Due = new(firstNight.Add(-time.Second)) })
	b := newCert("b")
	b.editHeader(func(v *snapshot.Certification) {
		v.Due, v.Signed = new(firstNight.AddDate(0, 0, -9)), new(firstNight.AddDate(0, 0, -10))
	})
	c := newCert("c", newItem("l"))
	c.editHeader(func(v *snapshot.Certification) { v.ReviewerID, v.ReviewerName = nil, nil })
	o.night(newWorld(a, b, c))
	got := query[string](t, o.store, `
		SELECT concat_ws(' ', run_id, coalesce(reviewer_id, '-'), coalesce(reviewer_name, '-'), certifications, items, decided, approved, revoked,
		       privileged_approved, own_items, late_certifications)
		FROM audit.reviewer_totals ORDER BY reviewer_id`)
	if diff := cmp.Diff([]string{"1 boss Bo Boss 2 3 2 1 1 1 1 1", "1 - - 1 1 0 0 0 0 0 0"}, got); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
}

func TestRevocationsAreFollowed(t *testing.T) {
	t.Parallel()
	later := firstNight.AddDate(0, 1, 0)
	// access of the identity p, revoked in certification a, which was signed.
	access := func(id, entitlement string) snapshot.ReviewItem {
		v := newItem(id)
		v.IdentityID, v.AccessID, v.AccountNativeIdentity = new("p"), &entitlement, new("cn=p")
		return item(v)
	}
	revoked := func() *cert {
		c := newCert("a", access("i", "mail"))
		c.decide("i", "REVOKE")
		c.editHeader(func(v *snapshot.Certification) {
			v.Phase, v.Signed, v.Created, v.CampaignType = new(snapshot.PhaseSigned), new(firstNight), new(firstNight), new("MANAGER")
		})
		return c
	}
	second := func(edit func(*snapshot.Certification), items ...snapshot.ReviewItem) *cert {
		c := newCert("b", items...)
		c.editHeader(func(v *snapshot.Certification) {
			v.Created, v.CampaignType = &later, new("MANAGER")
			if edit != nil {
				edit(v)
			}
		})
		return c
	}
	other := func(v snapshot.ReviewItem, edit func(*snapshot.ReviewItem)) snapshot.ReviewItem {
		edit(&v)
		return item(v)
	}
	tests := map[string]struct {
		certs []*cert
		want  string
	}{
		"nothing later":             {[]*cert{revoked()}, "UNKNOWN"},
		"seen again":                {[]*cert{revoked(), second(nil, access("x", "mail"))}, "STILL PRESENT b 2026-03-01"},
		"on another account":        {[]*cert{revoked(), second(nil, other(access("x", "mail"), func(v *snapshot.ReviewItem) { v.AccountNativeIdentity = new("cn=p2") }))}, "PROVED GONE b 2026-03-01"},
		"the identity without it":   {[]*cert{revoked(), second(nil, access("x", "other"))}, "PROVED GONE b 2026-03-01"},
		"another identity":          {[]*cert{revoked(), second(nil, newItem("x"))}, "UNKNOWN"},
		"created before":            {[]*cert{revoked(), second(func(v *snapshot.Certification) { v.Created = new(firstNight.AddDate(0, 0, -1)) }, access("x", "mail"))}, "UNKNOWN"},
		"of another type":           {[]*cert{revoked(), second(func(v *snapshot.Certification) { v.CampaignType = new("SEARCH") }, access("x", "other"))}, "UNKNOWN"},
		"of another filter":         {[]*cert{revoked(), second(func(v *snapshot.Certification) { v.CampaignID = new("filtered") }, access("x", "other"))}, "UNKNOWN"},
		"a type that shows a part":  {[]*cert{searched(revoked()), searched(second(nil, access("x", "other")))}, "UNKNOWN"},
		"seen again by a search":    {[]*cert{revoked(), searched(second(nil, access("x", "mail")))}, "STILL PRESENT b 2026-03-01"},
		"an owner's other source":   {[]*cert{owned(revoked()), owned(second(nil, other(access("x", "other"), func(v *snapshot.ReviewItem) { v.SourceID = new("s2") })))}, "UNKNOWN"},
		"an owner's own source":     {[]*cert{owned(revoked()), owned(second(nil, access("x", "other")))}, "PROVED GONE b 2026-03-01"},
		"the later one unread":      {[]*cert{revoked(), unread(second(nil, access("x", "mail")))}, "UNKNOWN"},
		"not signed, so not looked": {[]*cert{open(revoked()), second(nil, access("x", "mail"))}, "UNKNOWN"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			w := newWorld(tc.certs...)
			w.season("MANAGER", "COMPLETED", "all")
			w.campaigns = append(w.campaigns, snapshot.Campaign{ID: "filtered", Object: told(`{"id": "filtered", "filter": {"id": "some"}}`)})
			o.night(w)
			got := query[string](t, o.store, `SELECT concat_ws(' ', state, seen_in_certification_id, seen_at::date) FROM audit.revocations`)
			if diff := cmp.Diff([]string{tc.want}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func searched(c *cert) *cert { return typed(c, "SEARCH") }
func owned(c *cert) *cert    { return typed(c, "SOURCE_OWNER") }

func typed(c *cert, kind string) *cert {
	c.editHeader(func(v *snapshot.Certification) { v.CampaignType = &kind })
	return c
}

func unread(c *cert) *cert {
	c.outcome[snapshot.ReviewItems] = snapshot.Forbidden
	return c
}

func open(c *cert) *cert {
	c.editHeader(func(v *snapshot.Certification) { v.Signed = nil })
	return c
}
