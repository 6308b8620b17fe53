package simulator_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
)

// dump is the whole world as JSON, by object.
func dump(t *testing.T, tenant *simulator.Tenant) map[string]string {
	t.Helper()
	all := map[string]string{}
	put := func(key string, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Errorf("marshal %s: %v", key, err)
		}
		all[key] = string(b)
	}
	tenant.Edit(func(w *simulator.World) {
		put("campaigns", w.Campaigns)
		put("tasks", w.Tasks)
		for n, c := range w.Certifications {
			put(fmt.Sprintf("%02d certification", n), c)
			put(fmt.Sprintf("%02d reviewers", n), c.Reviewers)
			put(fmt.Sprintf("%02d items", n), c.Items)
			for _, i := range c.Items {
				put(fmt.Sprintf("%02d permissions %s", n, i.ID), i.Permissions)
			}
		}
	})
	return all
}

func TestDemosAreEqual(t *testing.T) {
	t.Parallel()
	one, other := simulator.NewDemo(simulator.Options{}), simulator.NewDemo(simulator.Options{})
	for night := 1; night <= 3; night++ {
		one.DemoNight(night)
		one.DemoNight(night) // a night reached changes nothing
		other.DemoNight(night)
		if diff := cmp.Diff(dump(t, one), dump(t, other)); diff != "" {
			t.Fatalf("night %d (-one +other):\n%s", night, diff)
		}
	}
	direct := simulator.NewDemo(simulator.Options{})
	direct.DemoNight(3)
	if diff := cmp.Diff(dump(t, one), dump(t, direct)); diff != "" {
		t.Errorf("straight to night 3 (-one by one +direct):\n%s", diff)
	}
}

// night is what one walk over the demo saw.
type night struct {
	certifications map[string]simulator.Certification
	reviewers      map[string]string // certification/reviewer -> name
	items          map[string]simulator.ReviewItem
	itemsOf        map[string][]string // certification -> items
	permissions    map[string]string   // item -> rows as JSON
	refused        map[string]int      // certification -> status of its items
	tasks          map[string]string   // id -> status, of all tasks ever seen
	campaigns      map[string]simulator.Campaign
}

func walk(t *testing.T, c *client, known map[string]string) night {
	t.Helper()
	n := night{
		certifications: map[string]simulator.Certification{}, reviewers: map[string]string{}, items: map[string]simulator.ReviewItem{},
		itemsOf: map[string][]string{}, permissions: map[string]string{}, refused: map[string]int{}, tasks: maps.Clone(known),
		campaigns: map[string]simulator.Campaign{},
	}
	for _, k := range decode[[]simulator.Campaign](t, c.get("/campaigns/v1")) {
		n.campaigns[k.ID] = k
	}
	for _, cert := range decode[[]simulator.Certification](t, c.get("/certifications/v1")) {
		n.certifications[cert.ID] = cert
		base := "/certifications/v1/" + cert.ID
		for _, r := range decode[[]simulator.Reviewer](t, c.get(base+"/reviewers")) {
			n.reviewers[cert.ID+"/"+r.ID] = r.Name
		}
		for offset := 0; offset < cert.DecisionsTotal; offset += 250 {
			r := c.get(base+"/access-review-items", "offset", fmt.Sprint(offset))
			if r.StatusCode != http.StatusOK {
				n.refused[cert.ID] = r.StatusCode
				break
			}
			for _, i := range decode[[]simulator.ReviewItem](t, r) {
				n.items[i.ID] = i
				n.itemsOf[cert.ID] = append(n.itemsOf[cert.ID], i.ID)
				if i.HasPermissions() {
					n.permissions[i.ID] = bodyOf(t, c.get(base+"/access-review-items/"+i.ID+"/permissions"))
				}
			}
		}
	}
	for _, k := range decode[[]simulator.Task](t, c.get("/certification-tasks/v1")) {
		n.tasks[k.ID] = k.Status
	}
	for id := range known {
		n.tasks[id] = decode[simulator.Task](t, c.get("/certification-tasks/v1/"+id)).Status
	}
	return n
}

// TestDemoNights walks the demo's three nights once and looks at them from all
// sides.
func TestDemoNights(t *testing.T) {
	t.Parallel()
	c := newClient(t, simulator.NewDemo(simulator.Options{}))
	var nights [3]night
	known := map[string]string{}
	for n := range nights {
		c.tenant.DemoNight(n + 1)
		nights[n] = walk(t, c, known)
		known = nights[n].tasks
	}
	for name, look := range map[string]func(*testing.T, [3]night){
		"headers agree with the items":         agreesWithItself,
		"night 1 has its size":                 startsAtItsSize,
		"each night brings its changes":        bringsChanges,
		"one certification refuses on night 2": refusesOnce,
		"tasks end":                            endsTasks,
		"the reassignment leads back":          leadsBack,
		"signed certifications are left alone": leavesSignedAlone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			look(t, nights)
		})
	}
	t.Run("a deleted certification is 404", func(t *testing.T) {
		for id := range nights[1].certifications {
			if _, still := nights[2].certifications[id]; !still {
				wantError(t, c.get("/certifications/v1/"+id), http.StatusNotFound)
			}
		}
	})
}

func agreesWithItself(t *testing.T, nights [3]night) {
	t.Helper()
	for at, n := range nights {
		t.Run(fmt.Sprintf("night %d", at+1), func(t *testing.T) {
			signed, total := map[string]int{}, map[string]int{}
			permits := map[string]string{} // entitlement -> permissions
			for id, c := range n.certifications {
				total[c.Campaign.ID]++
				if c.Phase == simulator.Signed {
					signed[c.Campaign.ID]++
				}
				if (c.Phase == simulator.Signed) != (c.Signed != nil) {
					t.Errorf("%s: phase %s, signed %v", c.Name, c.Phase, c.Signed)
				}
				if n.refused[id] != 0 {
					continue
				}
				made, people, open := 0, map[string]bool{}, map[string]bool{}
				for _, item := range n.itemsOf[id] {
					i := n.items[item]
					people[i.IdentitySummary.ID] = true
					if i.Decision != nil {
						made++
					} else {
						open[i.IdentitySummary.ID] = true
					}
					if i.Completed != (i.Decision != nil) {
						t.Errorf("item %s: completed %t, decision %v", item, i.Completed, i.Decision)
					}
					if e := i.AccessSummary.Entitlement; i.HasPermissions() {
						if before, met := permits[e.ID]; met && before != n.permissions[item] {
							t.Errorf("%s permits %s here and %s there", e.Name, before, n.permissions[item])
						}
						permits[e.ID] = n.permissions[item]
					}
				}
				want := [4]int{made, len(n.itemsOf[id]), len(people) - len(open), len(people)}
				got := [4]int{c.DecisionsMade, c.DecisionsTotal, c.IdentitiesCompleted, c.IdentitiesTotal}
				if c.Completed != (made == len(n.itemsOf[id])) {
					t.Errorf("%s: completed %t with %d of %d decided", c.Name, c.Completed, made, len(n.itemsOf[id]))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-items +header):\n%s", c.Name, diff)
				}
			}
			for id, k := range n.campaigns {
				if k.TotalCertifications != total[id] || k.CompletedCertifications != signed[id] {
					t.Errorf("%s: %d of %d, counted %d of %d", k.Name, k.CompletedCertifications, k.TotalCertifications, signed[id], total[id])
				}
			}
		})
	}
}

func startsAtItsSize(t *testing.T, nights [3]night) {
	t.Helper()
	first := nights[0]
	types, statuses := map[string]int{}, map[string]int{}
	for _, k := range first.campaigns {
		types[k.Type]++
		statuses[k.Status]++
	}
	if diff := cmp.Diff(map[string]int{"MANAGER": 2, "SOURCE_OWNER": 1}, types); diff != "" {
		t.Errorf("campaigns by type (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"ACTIVE": 2, "COMPLETED": 1}, statuses); diff != "" {
		t.Errorf("campaigns by status (-want +got):\n%s", diff)
	}
	kinds, privileged, breaks, large := map[string]int{}, 0, 0, 0
	for _, i := range first.items {
		kinds[i.AccessSummary.Access.Type]++
		if e := i.AccessSummary.Entitlement; e != nil && e.Privileged {
			privileged++
		}
		if i.Comments != nil && strings.Contains(*i.Comments, "\n") {
			breaks++
		}
	}
	for _, list := range first.itemsOf {
		if len(list) > 250 {
			large++
		}
	}
	for item, body := range first.permissions {
		var rows []simulator.Permission
		if err := json.Unmarshal([]byte(body), &rows); err != nil || len(rows) < 2 || len(rows) > 6 {
			t.Errorf("item %s: %d permissions, %v; want 2 to 6", item, len(rows), err)
		}
	}
	flagged := len(first.permissions)
	if len(first.certifications) != 14 || len(first.items) < 550 || len(first.items) > 600 || large != 1 || flagged < 35 || flagged > 45 {
		t.Errorf("%d certifications, %d items, %d of more than a page, %d flagged items", len(first.certifications), len(first.items), large, flagged)
	}
	for _, kind := range []string{"ENTITLEMENT", "ACCESS_PROFILE", "ROLE", "ACCOUNT"} {
		if kinds[kind] == 0 {
			t.Errorf("no item of type %s", kind)
		}
	}
	if privileged < 20 || breaks < 5 {
		t.Errorf("%d privileged items, %d comments of several lines", privileged, breaks)
	}
}

// moved counts what an auditor would see happen between two nights.
func moved(before, after night) map[string]int {
	got := map[string]int{}
	count := func(what string, is bool) {
		if is {
			got[what]++
		}
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	for id, b := range before.items {
		a, still := after.items[id]
		if !still {
			got["items removed or unread"]++
			continue
		}
		count("decided", b.Decision == nil && a.Decision != nil)
		count("flipped", b.Decision != nil && a.Decision != nil && *b.Decision != *a.Decision)
		count("reopened", b.Decision != nil && a.Decision == nil)
		count("comment changed", text(b.Decision) == text(a.Decision) && text(b.Comments) != text(a.Comments))
		count("privilege changed", b.AccessSummary.Entitlement != nil && b.AccessSummary.Entitlement.Privileged != a.AccessSummary.Entitlement.Privileged)
		count("permissions changed", before.permissions[id] != after.permissions[id])
	}
	for id := range after.items {
		_, was := before.items[id]
		count("items added", !was)
	}
	for key, name := range after.reviewers {
		old, was := before.reviewers[key]
		count("reviewer renamed", was && old != name)
		cert, _, _ := strings.Cut(key, "/")
		_, wasListed := before.certifications[cert]
		count("reviewer added", wasListed && !was)
	}
	for id, a := range after.certifications {
		b, was := before.certifications[id]
		count("certification new", !was)
		count("certification signed", was && b.Phase != a.Phase)
		count("certification reassigned", !was && a.Reassignment != nil)
	}
	for id := range before.certifications {
		_, still := after.certifications[id]
		count("certification gone", !still)
	}
	return got
}

func bringsChanges(t *testing.T, nights [3]night) {
	t.Helper()
	tests := []struct {
		name string
		got  map[string]int
		want map[string]int // at least
	}{
		{"to night 2", moved(nights[0], nights[1]), map[string]int{
			"decided": 50, "flipped": 3, "reopened": 1, "comment changed": 2, "items removed or unread": 3, "items added": 20,
			"permissions changed": 4, "privilege changed": 1, "reviewer renamed": 1, "reviewer added": 1, "certification new": 1, "certification signed": 1,
		}},
		{"to night 3", moved(nights[1], nights[2]), map[string]int{
			"decided": 100, "flipped": 3, "comment changed": 3, "items removed or unread": 24, "items added": 20,
			"permissions changed": 3, "privilege changed": 1, "certification new": 1, "certification reassigned": 1, "certification gone": 1,
		}},
	}
	for _, tt := range tests {
		for what, want := range tt.want {
			if tt.got[what] < want {
				t.Errorf("%s: %s %d, want at least %d", tt.name, what, tt.got[what], want)
			}
		}
	}
}

func refusesOnce(t *testing.T, nights [3]night) {
	t.Helper()
	for n, want := range [][]int{nil, {http.StatusForbidden}, nil} {
		if diff := cmp.Diff(want, slices.Collect(maps.Values(nights[n].refused))); diff != "" {
			t.Errorf("night %d (-want +got):\n%s", n+1, diff)
		}
	}
}

func endsTasks(t *testing.T, nights [3]night) {
	t.Helper()
	want := []map[string]int{
		{simulator.Queued: 2, simulator.InProgress: 1},
		{simulator.InProgress: 2, simulator.Success: 1},
		{simulator.Success: 2, simulator.Failed: 1},
	}
	for n := range nights {
		got := map[string]int{}
		for _, status := range nights[n].tasks {
			got[status]++
		}
		if diff := cmp.Diff(want[n], got); diff != "" {
			t.Errorf("night %d (-want +got):\n%s", n+1, diff)
		}
	}
}

func leadsBack(t *testing.T, nights [3]night) {
	t.Helper()
	for id, c := range nights[2].certifications {
		if c.Reassignment == nil {
			continue
		}
		old := c.Reassignment.From.ID
		for _, item := range nights[2].itemsOf[id] {
			if !slices.Contains(nights[1].itemsOf[old], item) || slices.Contains(nights[2].itemsOf[old], item) {
				t.Errorf("item %s did not come from %s", item, old)
			}
		}
		if len(nights[2].itemsOf[id]) == 0 {
			t.Error("the reassigned certification is empty")
		}
	}
}

func leavesSignedAlone(t *testing.T, nights [3]night) {
	t.Helper()
	for n := range 2 {
		for id, c := range nights[n].certifications {
			if c.Phase != simulator.Signed {
				continue
			}
			if diff := cmp.Diff(c, nights[n+1].certifications[id]); diff != "" {
				t.Errorf("header of %s after night %d (-before +after):\n%s", c.Name, n+1, diff)
			}
			if diff := cmp.Diff(nights[n].itemsOf[id], nights[n+1].itemsOf[id]); diff != "" {
				t.Errorf("items of %s after night %d (-before +after):\n%s", c.Name, n+1, diff)
			}
			for _, item := range nights[n].itemsOf[id] {
				if diff := cmp.Diff(nights[n].items[item], nights[n+1].items[item]); diff != "" {
					t.Errorf("item of %s after night %d (-before +after):\n%s", c.Name, n+1, diff)
				}
				if nights[n].permissions[item] != nights[n+1].permissions[item] {
					t.Errorf("permissions of %s in %s changed", item, c.Name)
				}
			}
		}
	}
}
