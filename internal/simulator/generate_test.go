package simulator_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
)

func TestGeneratedWorldHasItsSize(t *testing.T) {
	t.Parallel()
	c := newClient(t, simulator.Generate(simulator.Options{}, simulator.Size{
		Campaigns: 2, CertificationsPerCampaign: 3, ItemsPerCertification: 40, ReviewersPerCertification: 2,
		Entitlements: 10, EntitlementsWithPermissions: 0.3, PermissionsPerEntitlement: 4, Seed: 7,
	}))
	seen, flagged, items := map[string]bool{}, 0, 0
	certifications := ids(t, c.get("/certifications/v1"))
	for _, id := range certifications {
		if reviewers := ids(t, c.get("/certifications/v1/"+id+"/reviewers")); len(reviewers) != 2 {
			t.Errorf("reviewers %v, want 2", reviewers)
		}
		for _, i := range decode[[]simulator.ReviewItem](t, c.get("/certifications/v1/"+id+"/access-review-items")) {
			if seen[i.ID] {
				t.Errorf("item %s comes twice", i.ID)
			}
			seen[i.ID] = true
			items++
			want := 0
			if i.HasPermissions() {
				flagged++
				want = 4
			}
			path := fmt.Sprintf("/certifications/v1/%s/access-review-items/%s/permissions", id, i.ID)
			if rows := ids(t, c.get(path)); len(rows) != want {
				t.Errorf("item %s: %d permissions, want %d", i.ID, len(rows), want)
			}
		}
	}
	if len(certifications) != 6 || items != 240 || flagged < 40 || flagged > 110 {
		t.Errorf("%d certifications, %d items, %d flagged; want 6, 240, about 72", len(certifications), items, flagged)
	}
}

func TestGeneratedWorldsOfOneSeedAreEqual(t *testing.T) {
	t.Parallel()
	generate := func(seed uint64) map[string]string {
		return dump(t, simulator.Generate(simulator.Options{}, simulator.Size{
			Campaigns: 1, CertificationsPerCampaign: 2, ItemsPerCertification: 20, EntitlementsWithPermissions: 0.5, Seed: seed,
		}))
	}
	if diff := cmp.Diff(generate(1), generate(1)); diff != "" {
		t.Errorf("equal seeds (-first +second):\n%s", diff)
	}
	if cmp.Equal(generate(1), generate(2)) {
		t.Error("another seed made the same world")
	}
}
