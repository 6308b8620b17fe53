package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"exporter/internal/simulator"
	"exporter/internal/snapshot"
	"exporter/internal/walk"
)

// sharing is a tenant where many items share few entitlements.
func sharing() *simulator.Tenant {
	return simulator.Generate(simulator.Options{}, simulator.Size{
		Campaigns: 1, CertificationsPerCampaign: 3, ItemsPerCertification: 80,
		Entitlements: 8, EntitlementsWithPermissions: 0.5, PermissionsPerEntitlement: 3, Seed: 11,
	})
}

func permissionRequests(tenant *simulator.Tenant) int {
	n := 0
	for _, q := range tenant.Requests() {
		if q.Operation == simulator.OpPermissions {
			n++
		}
	}
	return n
}

func TestByEntitlementStoresTheSameForFewerRequests(t *testing.T) {
	t.Parallel()
	one := newBench(t, sharing())
	want := one.content(t, one.mustNight(t, snapshot.Sealed).Run.ID)["permissions"]
	b := newBench(t, sharing())
	b.o.Scope.Permissions = walk.PermissionsByEntitlement
	r := b.mustNight(t, snapshot.Sealed)
	if diff := cmp.Diff(want, b.content(t, r.Run.ID)["permissions"]); diff != "" {
		t.Errorf("permissions read by entitlement differ from those read one by one (-want +got):\n%s", diff)
	}
	if got, all := permissionRequests(b.tenant), permissionRequests(one.tenant); got != 4+20 || all < 100 {
		t.Errorf("%d requests for permissions where one by one takes %d; want 4 entitlements and a sample of 20", got, all)
	}
	for _, note := range b.notes(t, r.Run.ID) {
		if !strings.Contains(note, "sample 20, differences 0") {
			t.Errorf("coverage says %q", note)
		}
	}
	if n := b.readThrough(t); n < 50 {
		t.Errorf("%d items say through which other they were read", n)
	}
	b.tenant.ResetRequests()
	next := b.mustNight(t, snapshot.Sealed)
	if got := b.classes(t, r.Run.ID, next.Run.ID); len(got) != 0 {
		t.Errorf("changes %v of a tenant that did not change", got)
	}
}

func TestEntitlementWhoseItemsDifferIsReadOneByOne(t *testing.T) {
	t.Parallel()
	differ := func(tenant *simulator.Tenant) {
		tenant.Edit(func(w *simulator.World) {
			n := 0
			for _, c := range w.Certifications {
				for _, item := range c.Items {
					if e := item.AccessSummary.Entitlement; e != nil && e.HasPermissions && e.Name == "GRP-00001" {
						if n++; n%2 == 0 {
							item.Permissions = []*simulator.Permission{{Target: "ITS.OWN", Rights: []string{"READ"}}}
						}
					}
				}
			}
		})
	}
	one := newBench(t, sharing())
	differ(one.tenant)
	want := one.content(t, one.mustNight(t, snapshot.Sealed).Run.ID)["permissions"]
	b := newBench(t, sharing())
	differ(b.tenant)
	b.o.Scope.Permissions = walk.PermissionsByEntitlement
	b.o.Sample = 0.5
	r := b.mustNight(t, snapshot.Sealed)
	if diff := cmp.Diff(want, b.content(t, r.Run.ID)["permissions"]); diff != "" {
		t.Errorf("permissions read by entitlement differ from those read one by one (-want +got):\n%s", diff)
	}
	for _, note := range b.notes(t, r.Run.ID) {
		if strings.Contains(note, "differences 0") {
			t.Errorf("coverage says %q, and there were differences", note)
		}
	}
}

func TestItemsThatArePermissionsAreReadThemselves(t *testing.T) {
	t.Parallel()
	b := newBench(t, sharing())
	flagged := 0
	b.tenant.Edit(func(w *simulator.World) {
		for _, c := range w.Certifications {
			for _, item := range c.Items {
				if e := item.AccessSummary.Entitlement; e != nil && e.HasPermissions {
					own := *e
					own.IsPermission = true
					item.AccessSummary.Entitlement = &own
					flagged++
				}
			}
		}
	})
	b.o.Scope.Permissions = walk.PermissionsByEntitlement
	b.mustNight(t, snapshot.Sealed)
	if got := permissionRequests(b.tenant); got != flagged {
		t.Errorf("%d requests for %d items that are permissions", got, flagged)
	}
}

func TestByEntitlementCancelledAtEveryRequestNeverSealsAndIsResumed(t *testing.T) {
	t.Parallel()
	whole := newBench(t, sharing())
	whole.o.Scope.Permissions = walk.PermissionsByEntitlement
	want := whole.content(t, whole.mustNight(t, snapshot.Sealed).Run.ID)["permissions"]
	total := len(whole.tenant.Requests())
	b := newBench(t, sharing())
	b.o.Scope.Permissions = walk.PermissionsByEntitlement
	for n := total - 25; n < total; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		b.tenant.ResetRequests()
		remove := b.tenant.Inject(simulator.Fault{Operation: simulator.OpPermissions, After: n % 24, Times: 1, Before: func(*simulator.World) { cancel() }, Hang: true})
		_, err := b.night(ctx, t)
		remove()
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at permission request %d: %v", n%24, err)
		}
	}
	r := b.mustNight(t, snapshot.Sealed)
	if !r.Resumed {
		t.Error("the run was not resumed")
	}
	if diff := cmp.Diff(want, b.content(t, r.Run.ID)["permissions"]); diff != "" {
		t.Errorf("after interruptions (-want +got):\n%s", diff)
	}
}

func TestByEntitlementFallsBackWhereTheFirstItemCannotBeRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, sharing())
	b.o.Scope.Permissions = walk.PermissionsByEntitlement
	b.tenant.Inject(simulator.Fault{Operation: simulator.OpPermissions, Times: 1, Status: 403})
	r := b.mustNight(t, snapshot.Partial)
	gaps := b.gaps(t, r.Run.ID)
	if len(gaps) != 1 || !strings.HasSuffix(gaps[0], "/permissions=FORBIDDEN") {
		t.Errorf("gaps %v, want the permissions of one certification FORBIDDEN", gaps)
	}
	if n := len(b.rows(t, r.Run.ID, "permissions", "item_id")); n == 0 {
		t.Error("no permissions of the other certifications")
	}
}

// notes are what the coverage of permissions says about how they were read.
func (b *bench) notes(t *testing.T, run int64) []string {
	t.Helper()
	var out []string
	for _, r := range b.rows(t, run, "coverage", "collection", "note") {
		if r[0] == "permissions" {
			out = append(out, fmt.Sprint(r[1]))
		}
	}
	if len(out) == 0 {
		t.Error("no coverage of permissions")
	}
	return out
}

// readThrough counts the items that say through which other they were read.
func (b *bench) readThrough(t *testing.T) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM history.item_permissions WHERE read_through <> item_id").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
