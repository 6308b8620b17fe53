package db

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

// changesOf reads columns of the changes between two runs, a line each, in the
// order of the lines; times are told as the night they are the start of.
func (o *office) changesOf(from, to int64, columns ...string) []string {
	o.Helper()
	var lines []string
	o.fatal(o.store.Read(o.Context(), o.tenant, to, &from, func(r *Reader) error {
		for row, err := range r.Changes(o.Context(), columns) {
			if err != nil {
				return err
			}
			lines = append(lines, spoken(row))
		}
		return nil
	}))
	slices.Sort(lines)
	return lines
}

func sorted(lines ...string) []string { return slices.Sorted(slices.Values(lines)) }

func spoken(row []any) string {
	var words []string
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			words = append(words, "-")
		case time.Time:
			words = append(words, fmt.Sprintf("night %.0f", v.Sub(firstNight).Hours()/24+1))
		default:
			words = append(words, fmt.Sprint(v))
		}
	}
	return strings.Join(words, " ")
}

// The bounds of a change come from the runs between those that are compared.
func TestChangesTellWhoseAndWhen(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("decided"), newItem("twice"), newItem("gone"), newItem("still"))
	a.grant("still", permission("x", "read"))
	w := newWorld(a)
	w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new("QUEUED"), CertificationID: new("a")})
	o.night(w) // 1
	a.decide("twice", "APPROVE")
	o.night(w) // 2
	a.outcome[snapshot.ReviewItems] = snapshot.Failed
	o.night(w) // 3: not read
	delete(a.outcome, snapshot.ReviewItems)
	a.decide("decided", "REVOKE")
	a.decide("twice", "REVOKE")
	a.take("gone")
	a.grant("still", permission("x", "read", "write"), permission("y"))
	w.certs["b"] = newCert("b", newItem("new"))
	w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new("SUCCESS"), CertificationID: new("a")})
	o.night(w) // 4
	o.night(w) // 5
	columns := []string{"class", "object_id", "identity_name", "access_name", "certification_name", "decision_before", "decision_after", "last_seen_before_at", "first_seen_after_at"}
	want := []string{
		"ADDED b - - Review b - - night 1 night 4",
		"PERMISSION_ADDED still Person still Access still Review a - - night 2 night 4",
		"RIGHTS_CHANGED still Person still Access still Review a - - night 2 night 4",
		"CHANGED decided Person decided Access decided Review a - - night 2 night 4",
		"DECIDED decided Person decided Access decided Review a - REVOKE night 2 night 4",
		"REMOVED gone Person gone Access gone Review a - - night 2 night 5",
		"CHANGED twice Person twice Access twice Review a - - night 1 night 4",
		"DECIDED twice Person twice Access twice Review a - REVOKE night 1 night 4",
		"ADDED new Person new Access new Review b - - night 1 night 4",
		"TASK_FINISHED t - - Review a - - night 3 night 4",
	}
	if diff := cmp.Diff(sorted(want...), o.changesOf(1, 5, columns...)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	// What prune takes from between moves no bound.
	o.fatal(o.store.Hold(t.Context(), o.tenant, 1, "the baseline", at))
	o.prune(firstNight.AddDate(0, 0, 3), false)
	if diff := cmp.Diff(sorted(want...), o.changesOf(1, 5, columns...)); diff != "" {
		t.Errorf("changes after pruning between (-want +got):\n%s", diff)
	}
}

// Names are those last known as of the later of two runs, in whichever order
// they are compared; what came to be since is not seen, nor other tenants.
func TestChangesTellNamesInEitherOrder(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	officeOf(t, o.store, "other").night(newWorld(newCert("a", newItem("foreign")))) // 1
	a, gone, from := newCert("a", newItem("renamed"), newItem("goes")), newCert("gone", newItem("stays")), newCert("from", newItem("moves"))
	from.grant("moves", permission("x"))
	w := newWorld(a, gone, from)
	o.night(w) // 2
	a.editItem("renamed", func(v *snapshot.ReviewItem) { v.IdentityName, v.AccessName = new("New Name"), nil })
	a.take("goes")
	a.editHeader(func(v *snapshot.Certification) {
		v.Name, v.ReviewerID, v.ReviewerName = new("Review of A"), new("deputy"), new("De Puty")
	})
	delete(w.certs, "gone")
	to := newCert("to", newItem("moved"))
	to.editHeader(func(v *snapshot.Certification) { v.ReassignedFromID = new("from") })
	to.editItem("moved", func(v *snapshot.ReviewItem) {
		v.IdentityID, v.IdentityName, v.AccessID, v.AccessName = new("p-moves"), new("Person moves"), new("a-moves"), new("Access moves")
		v.AccountNativeIdentity = new("cn=moves")
	})
	to.grant("moved", permission("x"))
	from.take("moves")
	w.certs["to"] = to
	o.night(w) // 3
	a.editItem("renamed", func(v *snapshot.ReviewItem) { v.IdentityName = new("Later") })
	a.editHeader(func(v *snapshot.Certification) { v.Name = new("Later") })
	o.night(w) // 4
	columns := []string{
		"object", "class", "object_id", "field", "certification_name", "identity_name", "access_name", "name_before", "name_after", "moved_from",
		"last_seen_before_at", "first_seen_after_at",
	}
	if diff := cmp.Diff(sorted(
		"certification RENAMED a name Review of A - - - - - night 1 night 2",
		"certification REASSIGNED a reviewer_id Review of A - - Bo Boss De Puty - night 1 night 2",
		"certification CHANGED a reviewer_name Review of A - - - - - night 1 night 2",
		"certification DELETED_IN_TENANT gone - Review gone - - - - - night 1 night 2",
		"certification ADDED to - Review to - - - - - night 1 night 2",
		"permission REASSIGNED moved certification_id Review to Person moves Access moves Review from Review to from night 1 night 2",
		"review_item REMOVED goes - Review of A Person goes Access goes - - - night 1 night 2",
		"review_item RENAMED renamed access_name Review of A New Name - - - - night 1 night 2",
		"review_item RENAMED renamed identity_name Review of A New Name - - - - night 1 night 2",
		"review_item DELETED_IN_TENANT stays - Review gone Person stays Access stays - - - night 1 night 2",
		"review_item REASSIGNED moved certification_id Review to Person moves Access moves Review from Review to from night 1 night 2",
		"review_item CHANGED moved item_id Review to Person moves Access moves - - - night 1 night 2",
	), o.changesOf(2, 3, columns...)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sorted(
		"certification RENAMED a name Review of A - - - - - - -",
		"certification REASSIGNED a reviewer_id Review of A - - De Puty Bo Boss - - -",
		"certification CHANGED a reviewer_name Review of A - - - - - - -",
		"certification ADDED gone - Review gone - - - - - - -",
		"certification REMOVED to - Review to - - - - - - -",
		"permission PERMISSION_ADDED moves - Review from Person moves Access moves - - - - -",
		"permission PERMISSION_REMOVED moved - Review to Person moves Access moves - - - - -",
		"review_item ADDED goes - Review of A Person goes Access goes - - - - -",
		"review_item RENAMED renamed access_name Review of A New Name - - - - - -",
		"review_item RENAMED renamed identity_name Review of A New Name - - - - - -",
		"review_item ADDED moves - Review from Person moves Access moves - - - - -",
		"review_item ADDED stays - Review gone Person stays Access stays - - - - -",
		"review_item REMOVED moved - Review to Person moves Access moves - - - - -",
	), o.changesOf(3, 2, columns...)); diff != "" {
		t.Errorf("backwards (-want +got):\n%s", diff)
	}
}

// What a reader should look at first comes first, and in a class the order of
// keys.
func TestChangesComeByRank(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("decided"), newItem("flipped"), newItem("gone"))
	a.decide("flipped", "APPROVE")
	w := newWorld(a)
	o.night(w)
	a.decide("decided", "APPROVE")
	a.decide("flipped", "REVOKE")
	a.take("gone")
	a.items = append(a.items, newItem("new"), newItem("another"))
	o.night(w)
	var got []string
	base := int64(1)
	o.fatal(o.store.Read(t.Context(), o.tenant, 2, &base, func(r *Reader) error {
		for row, err := range r.Changes(t.Context(), []string{"class", "object_id", "is_below"}) {
			if err != nil {
				return err
			}
			got = append(got, spoken(row[:2]))
		}
		return nil
	}))
	want := []string{"FLIPPED flipped", "ADDED another", "ADDED new", "REMOVED gone", "DECIDED decided", "CHANGED decided"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What was proved to be gone, and is back, was last as before when it was gone.
func TestBoundsOfWhatCameBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("i"))
	w := newWorld(a)
	o.night(w) // 1
	delete(w.certs, "a")
	o.night(w) // 2
	o.night(w) // 3
	w.certs["a"] = a
	o.night(w) // 4
	want := []string{"certification ADDED a night 2 night 4", "review_item ADDED i night 2 night 4"}
	got := o.changesOf(3, 4, "object", "class", "object_id", "last_seen_before_at", "first_seen_after_at")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// Names are those that the runs of a report have: one that was in use between
// them alone is gone when that is pruned.
func TestNamesOutlivePruning(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("i"), newItem("j"))
	w := newWorld(a)
	o.night(w) // 1
	a.editHeader(func(v *snapshot.Certification) { v.Name = new("Renamed") })
	a.editItem("i", func(v *snapshot.ReviewItem) { v.IdentityName, v.AccessName = new("Someone Else"), new("Other Access") })
	o.night(w) // 2
	a.take("i")
	o.night(w) // 3
	delete(w.certs, "a")
	o.night(w) // 4
	o.night(w) // 5
	names := func() (lines []string) {
		lines = o.changesOf(1, 4, "object", "object_id", "identity_name", "access_name", "certification_name")
		for _, row := range rowsOf(t, o.store, o.tenant, 4, "coverage", "certification_id", "collection", "certification_name") {
			lines = append(lines, spoken(row))
		}
		return lines
	}
	before := names()
	for _, run := range []int64{1, 4} {
		o.fatal(o.store.Hold(t.Context(), o.tenant, run, "the report", at))
	}
	o.prune(firstNight.AddDate(0, 0, 4), false)
	if diff := cmp.Diff(before, names()); diff != "" {
		t.Errorf("names (-before +after pruning between):\n%s", diff)
	}
	if want := "review_item i Person i Access i Review a"; !slices.Contains(before, want) {
		t.Errorf("names %q, want %s", before, want)
	}
}

// A certification that went as a whole stands for what went with it.
func TestChangesBelowACertification(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a, b, c := newCert("a", newItem("i"), newItem("j")), newCert("b", newItem("k")), newCert("c", newItem("l"), newItem("m"))
	a.decide("i", "APPROVE")
	a.grant("j", permission("x"))
	w := newWorld(a, b, c)
	o.night(w)
	delete(w.certs, "a")
	b.outside = true
	c.take("m")
	w.params[snapshot.Reviewers] = "other"
	o.night(w)
	got := o.changesOf(1, 2, "certification_id", "object", "class", "object_id", "decision_before", "rows_below", "is_below", "first_seen_after_at")
	want := []string{
		"a certification DELETED_IN_TENANT a - 3 false night 2",
		"b certification LEFT_SCOPE b - 1 false -",
		"a permission DELETED_IN_TENANT j - - true night 2",
		"a review_item DELETED_IN_TENANT i APPROVE - true night 2",
		"a review_item DELETED_IN_TENANT j - - true night 2",
		"b review_item LEFT_SCOPE k - - true -",
		"c review_item REMOVED m - - false night 2",
	}
	if diff := cmp.Diff(sorted(want...), got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestBalances(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("i"), newItem("j"), newItem("k"))
	a.decide("i", "APPROVE")
	a.decide("j", "REVOKE")
	a.grant("k", permission("x"), permission("y"))
	out := newCert("out", newItem("l"))
	gone := newCert("gone", newItem("m"))
	w := newWorld(a, out, gone)
	o.night(w)
	out.outside = true
	delete(w.certs, "gone")
	a.outcome[snapshot.Permissions] = snapshot.Forbidden
	o.night(w)
	read := func(rows func(*Reader) []string) (lines []string) {
		base := int64(1)
		o.fatal(o.store.Read(t.Context(), o.tenant, 2, &base, func(r *Reader) error {
			lines = rows(r)
			return nil
		}))
		return lines
	}
	columns := []string{"certification_id", "collection", "outcome", "stored", "campaign_id", "approved", "revoked", "undecided"}
	opening := read(func(r *Reader) (lines []string) {
		for row, err := range r.Baseline(t.Context(), "balances", columns) {
			o.fatal(err)
			lines = append(lines, spoken(row))
		}
		return lines
	})
	closing := read(func(r *Reader) (lines []string) {
		for row, err := range r.Rows(t.Context(), "balances", columns) {
			o.fatal(err)
			lines = append(lines, spoken(row))
		}
		return lines
	})
	if diff := cmp.Diff([]string{
		"- certifications COMPLETE 0 - - - -",
		"- tasks COMPLETE 0 - - - -",
		"a certification COMPLETE 1 campaign - - -",
		"a permissions COMPLETE 2 campaign - - -",
		"a review_items COMPLETE 3 campaign 1 1 1",
		"a reviewers COMPLETE 0 campaign - - -",
		"gone certification COMPLETE 1 campaign - - -",
		"gone permissions COMPLETE 0 campaign - - -",
		"gone review_items COMPLETE 1 campaign 0 0 1",
		"gone reviewers COMPLETE 0 campaign - - -",
		"out certification COMPLETE 1 campaign - - -",
		"out permissions COMPLETE 0 campaign - - -",
		"out review_items COMPLETE 1 campaign 0 0 1",
		"out reviewers COMPLETE 0 campaign - - -",
	}, opening); diff != "" {
		t.Errorf("baseline (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"- certifications COMPLETE 0 - - - -",
		"- tasks COMPLETE 0 - - - -",
		"a certification COMPLETE 1 campaign - - -",
		"a permissions FORBIDDEN 2 campaign - - -",
		"a review_items COMPLETE 3 campaign 1 1 1",
		"a reviewers COMPLETE 0 campaign - - -",
		"gone certification NOT_FOUND 0 - - - -",
		"gone permissions NOT_FOUND 0 - - - -",
		"gone review_items NOT_FOUND 0 - 0 0 0",
		"gone reviewers NOT_FOUND 0 - - - -",
		"out certification OUT_OF_SCOPE 0 campaign - - -",
		"out permissions OUT_OF_SCOPE 0 campaign - - -",
		"out review_items OUT_OF_SCOPE 0 campaign - - -",
		"out reviewers OUT_OF_SCOPE 0 campaign - - -",
	}, closing); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

func TestPermissionsTellWhoseTheyAre(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := newCert("a", newItem("i"))
	a.grant("i", permission("x", "read"))
	w := newWorld(a)
	o.night(w)
	a.editItem("i", func(v *snapshot.ReviewItem) { v.IdentityName = new("Someone Else") })
	o.night(w)
	for run, want := range map[int64]string{1: "i Person i Access i x", 2: "i Someone Else Access i x"} {
		got := rowsOf(t, o.store, o.tenant, run, "permissions", "item_id", "identity_name", "access_name", "target")
		if len(got) != 1 || spoken(got[0]) != want {
			t.Errorf("run %d: %v, want %s", run, got, want)
		}
	}
}
