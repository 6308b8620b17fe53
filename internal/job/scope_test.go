package job_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
	"exporter/internal/snapshot"
	"exporter/internal/walk"
)

// ids lists the certifications of a tenant.
func ids(tenant *simulator.Tenant) []string {
	var out []string
	tenant.Edit(func(w *simulator.World) {
		for _, c := range w.Certifications {
			out = append(out, c.ID)
		}
	})
	return out
}

func sign(tenant *simulator.Tenant, id string) {
	tenant.Edit(func(w *simulator.World) {
		at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		c := w.Certification(id)
		c.Phase, c.Signed = simulator.Signed, &at
	})
}

// asked lists the certification paths asked for since the last reset.
func asked(tenant *simulator.Tenant, id string) []string {
	var out []string
	for _, q := range tenant.Requests() {
		if strings.Contains(q.Path, id) {
			out = append(out, q.Operation)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestSignedCertificationIsNotWalkedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	id := ids(b.tenant)[0]
	sign(b.tenant, id)
	first := b.mustNight(t, snapshot.Sealed)
	b.tenant.ResetRequests()
	second := b.mustNight(t, snapshot.Sealed)
	if got := asked(b.tenant, id); got != nil {
		t.Errorf("a signed certification, captured whole, was asked for %v", got)
	}
	for _, r := range b.rows(t, second.Run.ID, "coverage", "certification_id", "collection", "outcome", "captured_run_id") {
		if r[0] != id || r[1] == "certification" {
			continue
		}
		if r[2] != "SEALED_EARLIER" || r[3] != first.Run.ID {
			t.Errorf("%v is %v of run %v, want SEALED_EARLIER of run %d", r[1], r[2], r[3], first.Run.ID)
		}
	}
	if got := b.classes(t, first.Run.ID, second.Run.ID); len(got) != 0 {
		t.Errorf("changes %v of a tenant that did not change", got)
	}
	b.o.Scope.RecaptureSigned = true
	b.tenant.ResetRequests()
	b.mustNight(t, snapshot.Sealed)
	if got := asked(b.tenant, id); len(got) == 0 {
		t.Error("recapture_signed: the signed certification was not asked for")
	}
}

func TestSignedCertificationWhoseItemsWereUnreadableIsWalkedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	id := ids(b.tenant)[0]
	sign(b.tenant, id)
	remove := b.tenant.Inject(simulator.Fault{Operation: simulator.OpItems, CertificationID: id, Status: 403})
	b.mustNight(t, snapshot.Partial)
	remove()
	b.tenant.ResetRequests()
	r := b.mustNight(t, snapshot.Sealed)
	if got, want := asked(b.tenant, id), []string{simulator.OpItems, simulator.OpPermissions}; !cmp.Equal(want, got) {
		t.Errorf("asked for %v, want only what was missing: %v", got, want)
	}
	if got := b.classes(t, r.Run.ID-1, r.Run.ID); got["review_item ADDED"] > 0 || got["review_item CAPTURE_GAP"] == 0 {
		t.Errorf("items that could not be read before came as %v, want CAPTURE_GAP", got)
	}
}

func TestDeletedCertificationIsClosedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	id := ids(b.tenant)[1]
	first := b.mustNight(t, snapshot.Sealed)
	b.tenant.Edit(func(w *simulator.World) { w.DeleteCertification(id) })
	second := b.mustNight(t, snapshot.Sealed)
	for class := range b.classes(t, first.Run.ID, second.Run.ID) {
		if strings.Contains(class, "REMOVED") {
			t.Errorf("deleting a certification reads as %s", class)
		}
	}
	if n := b.classes(t, first.Run.ID, second.Run.ID)["review_item DELETED_IN_TENANT"]; n != 23 {
		t.Errorf("%d review items DELETED_IN_TENANT, want 23", n)
	}
	b.tenant.ResetRequests()
	third := b.mustNight(t, snapshot.Sealed)
	if got := asked(b.tenant, id); got != nil {
		t.Errorf("a deleted certification was asked for again: %v", got)
	}
	if got := b.classes(t, second.Run.ID, third.Run.ID); len(got) != 0 {
		t.Errorf("changes %v of a tenant that did not change", got)
	}
	if n := len(b.rows(t, third.Run.ID, "review_items", "item_id")); n != 2*23 {
		t.Errorf("%d review items shown, want those of two certifications", n)
	}
}

func TestCertificationThatLeavesTheListIsFollowedUntilSigned(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	b.o.Scope.Filter = `phase eq "ACTIVE"`
	id := ids(b.tenant)[0]
	b.mustNight(t, snapshot.Sealed)
	sign(b.tenant, id)
	b.tenant.ResetRequests()
	second := b.mustNight(t, snapshot.Sealed)
	if got := asked(b.tenant, id); !slices.Contains(got, simulator.OpItems) {
		t.Errorf("it left the list when it was signed, and was asked for %v only", got)
	}
	if got := b.classes(t, second.Run.ID-1, second.Run.ID); got["certification SIGNED"] != 1 || got["review_item REMOVED"] > 0 {
		t.Errorf("changes %v, want it SIGNED and nothing removed", got)
	}
	third := b.mustNight(t, snapshot.Sealed) // looked up once more, to tell it from a deleted one
	b.tenant.ResetRequests()
	fourth := b.mustNight(t, snapshot.Sealed)
	if got := asked(b.tenant, id); got != nil {
		t.Errorf("captured whole and off the list, and still asked for: %v", got)
	}
	for _, r := range []int64{third.Run.ID, fourth.Run.ID} {
		if got := b.classes(t, second.Run.ID, r); len(got) != 0 {
			t.Errorf("run %d: changes %v of a tenant that did not change", r, got)
		}
	}
}

func TestNarrowerScopeHidesAndWiderScopeShows(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	all := ids(b.tenant)
	first := b.mustNight(t, snapshot.Sealed)
	b.o.Scope.IDs = all[:1]
	b.tenant.ResetRequests()
	second := b.mustNight(t, snapshot.Sealed)
	if got := asked(b.tenant, all[1]); got != nil {
		t.Errorf("out of scope, and asked for %v", got)
	}
	got := b.classes(t, first.Run.ID, second.Run.ID)
	for class, n := range got {
		if !strings.HasSuffix(class, " LEFT_SCOPE") {
			t.Errorf("%d changes %s for a narrower scope", n, class)
		}
	}
	if got["certification LEFT_SCOPE"] != 2 || len(b.rows(t, second.Run.ID, "certifications", "certification_id")) != 1 {
		t.Errorf("changes %v, want two certifications to leave", got)
	}
	b.o.Scope.IDs = nil
	third := b.mustNight(t, snapshot.Sealed)
	for class, n := range b.classes(t, second.Run.ID, third.Run.ID) {
		if !strings.HasSuffix(class, " ENTERED_SCOPE") {
			t.Errorf("%d changes %s for a wider scope", n, class)
		}
	}
	if got := b.classes(t, first.Run.ID, third.Run.ID); len(got) != 0 {
		t.Errorf("changes %v between two runs of one scope and a tenant that did not change", got)
	}
}

func TestOtherParametersMoveRowsInAndOutOfScope(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	first := b.mustNight(t, snapshot.Sealed)
	reviewers := b.rows(t, first.Run.ID, "reviewers", "name")
	b.o.Scope.ReviewersFilter = `name sw "` + reviewers[0][0].(string) + `"`
	b.o.Scope.Permissions = walk.PermissionsNone
	second := b.mustNight(t, snapshot.Sealed)
	got := b.classes(t, first.Run.ID, second.Run.ID)
	for class, n := range got {
		if !strings.HasSuffix(class, " LEFT_SCOPE") {
			t.Errorf("%d changes %s where only parameters changed", n, class)
		}
	}
	if got["reviewer LEFT_SCOPE"] == 0 || got["permission LEFT_SCOPE"] == 0 {
		t.Errorf("changes %v, want reviewers and permissions to leave", got)
	}
	if n := len(b.rows(t, second.Run.ID, "permissions", "item_id")); n != 0 {
		t.Errorf("permissions: none, and %d shown", n)
	}
}

func TestGovernanceGroupIsANamedGap(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	id := ids(b.tenant)[2]
	b.tenant.Edit(func(w *simulator.World) { w.Certification(id).Reviewer.Type = simulator.GovernanceGroup })
	r := b.mustNight(t, snapshot.Partial)
	var got []string
	for _, row := range b.rows(t, r.Run.ID, "coverage", "certification_id", "collection", "outcome") {
		if row[0] == id {
			got = append(got, row[1].(string)+" "+row[2].(string))
		}
	}
	want := []string{"certification COMPLETE", "permissions UNSUPPORTED", "review_items UNSUPPORTED", "reviewers UNSUPPORTED"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("coverage (-want +got):\n%s", diff)
	}
	b.o.KnownGaps = []string{id}
	b.mustNight(t, snapshot.Sealed)
}

func TestConfiguredCertificationThatDoesNotExistIsNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	b.o.Scope.IDs = []string{ids(b.tenant)[0], "0123456789abcdef0123456789abcdef"}
	r := b.mustNight(t, snapshot.Sealed)
	if got := b.gaps(t, r.Run.ID); len(got) != 4 || !strings.Contains(got[0], "0123456789abcdef0123456789abcdef/certification=NOT_FOUND") {
		t.Errorf("gaps %v, want the four collections of the missing certification NOT_FOUND", got)
	}
	b.mustNight(t, snapshot.Sealed)
}

func TestTasksAreFollowedToTheirEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t, small())
	cert := ids(b.tenant)[0]
	add := func(id, status string) {
		b.tenant.Edit(func(w *simulator.World) {
			w.Tasks = append(w.Tasks, &simulator.Task{ID: id, Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: cert, Status: status})
		})
	}
	set := func(id, status string) {
		b.tenant.Edit(func(w *simulator.World) { w.Task(id).Status = status })
	}
	add("task-a", simulator.Queued)
	add("task-b", simulator.Queued)
	add("task-c", simulator.Queued)
	b.mustNight(t, snapshot.Sealed)
	set("task-a", simulator.InProgress)
	set("task-b", simulator.Success)
	b.tenant.Edit(func(w *simulator.World) {
		w.Tasks = slices.DeleteFunc(w.Tasks, func(t *simulator.Task) bool { return t.ID == "task-c" })
	})
	b.mustNight(t, snapshot.Sealed)
	set("task-a", simulator.Failed)
	third := b.mustNight(t, snapshot.Sealed)
	b.tenant.ResetRequests()
	fourth := b.mustNight(t, snapshot.Sealed)
	if got := asked(b.tenant, "task-"); got != nil {
		t.Errorf("finished tasks were asked for again: %v", got)
	}
	for _, run := range []int64{third.Run.ID, fourth.Run.ID} {
		var got []string
		for _, r := range b.rows(t, run, "tasks", "task_id", "status", "certification_id") {
			if r[2] != cert {
				t.Errorf("task %v belongs to %v, want %s", r[0], r[2], cert)
			}
			got = append(got, r[0].(string)+" "+r[1].(string))
		}
		if diff := cmp.Diff([]string{"task-a ERROR", "task-b SUCCESS"}, got); diff != "" {
			t.Errorf("run %d: tasks (-want +got):\n%s", run, diff)
		}
	}
	if got := b.classes(t, third.Run.ID-1, third.Run.ID); got["task TASK_FAILED"] != 1 {
		t.Errorf("changes %v, want one task failed", got)
	}
}
