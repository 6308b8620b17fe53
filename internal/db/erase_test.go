package db

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

// Ann is whom these tests erase.
const ann = "2c91-ann"

// told is an object as the tenant tells it.
func told(t string) snapshot.Object {
	digest, err := snapshot.DigestOfJSON([]byte(t))
	if err != nil {
		panic(err)
	}
	return snapshot.Object{Raw: json.RawMessage(t), Digest: digest}
}

// annsItem is access of Ann's.
func annsItem() snapshot.ReviewItem {
	return snapshot.ReviewItem{
		ID: "of-ann", IdentityID: new(ann), IdentityName: new("Ann O'Nym"), AccessType: new("ENTITLEMENT"), AccessID: new("e"), AccessName: new("Mailbox of ann o'nym"),
		AccountNativeIdentity: new("cn=Ann O'Nym"), Decision: new("APPROVE"), Comments: new("She needs it"),
		Object: told(`{"id": "of-ann", "identitySummary": {"id": "s", "identityId": "2c91-ann", "name": "Ann O'Nym"}, "comments": "She needs it", "score": 1.50,
			"accessSummary": {"access": {"id": "e", "name": "Mailbox of ann o'nym"}, "entitlement": {"account": {"nativeIdentity": "cn=Ann O'Nym", "name": "Ann O'Nym"}}}}`),
	}
}

func (o *office) eraseAnn() Erasure {
	o.Helper()
	done, err := o.store.Erase(o.Context(), o.tenant, ann, "request 12", at, false)
	o.fatal(err)
	return done
}

// byAnn is a certification that Ann reviewed, reassigned from one of hers.
func byAnn() *cert {
	c := newCert("b", snapshot.ReviewItem{ID: "of-bob", IdentityID: new("bob"), IdentityName: new("Bob Ann O'Nyme"), Comments: new("Ask Ann"),
		Object: told(`{"id": "of-bob", "identitySummary": {"identityId": "bob", "name": "Bob Ann O'Nyme"}, "comments": "Ask Ann"}`)})
	c.header = snapshot.Certification{
		ID: "b", Name: new("Review by Ann O'Nym"), Phase: new("ACTIVE"), ReviewerID: new(ann), ReviewerName: new("Ann O'Nym"), ReviewerEmail: new("ann@example.com"),
		ReassignedFromID: new("a"), ReassignedFromOwner: new("Ann Maiden"), ReassignmentComment: new("married"),
		Object: told(`{"id": "b", "name": "Review by Ann O'Nym", "reviewer": {"id": "2c91-ann", "name": "Ann O'Nym", "email": "ann@example.com", "type": "IDENTITY"},
			"reassignment": {"comment": "married", "from": {"id": "a", "reviewer": {"id": "2c91-ann", "name": "Ann Maiden"}}}}`),
	}
	c.reviewers = []snapshot.Reviewer{{ID: ann, Name: new("Ann O'Nym"), Email: new("ann@example.com"),
		Object: told(`{"id": "2c91-ann", "name": "Ann O'Nym", "email": "ann@example.com"}`)}}
	return c
}

func TestErase(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := newWorld(newCert("a", newItem("i"), annsItem()), byAnn())
	o.night(w)
	w.certs["a"].decide("i", "APPROVE")
	o.night(w)
	_, err := o.store.RecordReassign(t.Context(), o.tenant, ReassignRequest{
		CertificationID: "a", To: ann, Reason: "ANN O'NYM, ann@example.com is back", RequestedAt: firstNight})
	o.fatal(err)
	changes := changesOfAll(t, o.store, o.tenant)

	before := o.tables()
	dry, err := o.store.Erase(t.Context(), o.tenant, ann, "", at, true)
	o.fatal(err)
	if diff := cmp.Diff(before, o.tables()); diff != "" || !slices.Contains(query[string](t, o.store, `SELECT name FROM history.reviewer`), "Ann O'Nym") {
		t.Errorf("a dry run changed (-want +got):\n%s", diff)
	}
	done := o.eraseAnn()
	if diff := cmp.Diff(dry, done); diff != "" {
		t.Errorf("dry run and erasure (-dry +erased):\n%s", diff)
	}
	want := []Rows{{"campaign", 0}, {"certification", 1}, {"reviewer", 1}, {"review_item", 2}, {"task", 0}, {"reassign_request", 1}}
	if diff := cmp.Diff(want, done.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	got := query[string](t, o.store, `
		SELECT concat_ws(' | ', identity_id, identity_name, access_name, account_native_identity, decision, comments)
		FROM audit.review_items WHERE run_id = 2 AND item_id LIKE 'of-%'
		UNION ALL
		SELECT concat_ws(' | ', name, reviewer_id, reviewer_name, reviewer_email, reassigned_from_reviewer, reassignment_comment)
		FROM audit.certifications WHERE run_id = 2 AND certification_id = 'b'
		UNION ALL
		SELECT concat_ws(' | ', reviewer_id, name, email) FROM audit.reviewers WHERE run_id = 2
		UNION ALL
		SELECT reason FROM audit.reassign_requests`)
	slices.Sort(got)
	if diff := cmp.Diff([]string{
		"2c91-ann | [erased] | Mailbox of [erased] | cn=Ann O'Nym | APPROVE | [erased]",
		"2c91-ann | [erased] | [erased]",
		"Review by [erased] | 2c91-ann | [erased] | [erased] | [erased] | [erased]",
		"[erased], [erased] is back",
		"bob | Bob Ann O'Nyme | [erased]", // another's name; her words
	}, got); diff != "" {
		t.Errorf("views (-want +got):\n%s", diff)
	}
	for _, table := range []string{"certification", "reviewer", "review_item"} {
		for _, raw := range query[string](t, o.store, `SELECT raw::text FROM history.`+table) {
			raw = strings.NewReplacer("Bob Ann O'Nyme", "", `"nativeIdentity": "cn=Ann O'Nym"`, "").Replace(raw)
			for _, word := range []string{"O'Nym", "o'nym", "Maiden", "ann@", "married", "needs", "Ask"} {
				if strings.Contains(raw, word) {
					t.Errorf("%s: %q is left in %s", table, word, raw)
				}
			}
		}
	}
	if got := one[string](t, o.store, `SELECT raw ->> 'score' FROM history.review_item WHERE item_id = 'of-ann'`); got != "1.50" {
		t.Errorf("a number beside: %s, want 1.50 as it came", got)
	}

	// The chain says erased, not altered; what changed is told as before.
	if v := o.verifies(nil); v.ErasedRows != 4 {
		t.Errorf("verify counts %d erased rows, want 4", v.ErasedRows)
	}
	if diff := cmp.Diff(asText(changes), asText(changesOfAll(t, o.store, o.tenant))); diff != "" {
		t.Errorf("changes (-before +after):\n%s", diff)
	}
	if got := one[string](t, o.store, `SELECT concat_ws(' ', action, reason, details ->> 'identity_id') FROM audit.retention_events`); got != "ERASE request 12 "+ann {
		t.Errorf("record: %s", got)
	}

	// What the tenant tells as before makes no new version.
	run := o.night(w)
	if n := one[int64](t, o.store, `SELECT count(*) FROM history.review_item WHERE valid_from_run = $1`, run.ID); n != 0 {
		t.Errorf("a night after: %d new versions", n)
	}
	o.verifies(nil)

	// Erased again by another's request: still what it was before both.
	if _, err := o.store.Erase(t.Context(), o.tenant, "bob", "", at, false); err != nil {
		t.Fatal(err)
	}
	o.night(w)
	o.verifies(nil)
	o.prune(at, false)
	o.verifies(nil)
}

func TestEraseOfNobody(t *testing.T) {
	t.Parallel()
	o, _ := fourNights(t)
	before := o.tables()
	if _, err := o.store.Erase(t.Context(), o.tenant, "nobody", "", at, false); !errors.Is(err, ErrUnknownPerson) {
		t.Errorf("error %v, want ErrUnknownPerson", err)
	}
	if diff := cmp.Diff(before, o.tables()); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
}

func TestScrubLeavesOtherWordsAlone(t *testing.T) {
	t.Parallel()
	p := person{id: "x", names: []string{"Ann", "Ann Lee", "ann@x.org", "Łęcka"}}
	for text, want := range map[string]string{
		"":                        "",
		"Ann":                     "[erased]",
		"ANN LEE and ann":         "[erased] and [erased]",
		"Ann Ann Ann":             "[erased] [erased] [erased]",
		"Annette, Joann, annual":  "Annette, Joann, annual",
		"mail ann@x.org, please":  "mail [erased], please",
		"Łęcka's":                 "[erased]'s",
		"Łęckas":                  "Łęckas",
		"cn=Ann,ou=People":        "cn=[erased],ou=People",
		"nothing of anybody here": "nothing of anybody here",
	} {
		if got := p.scrub(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
