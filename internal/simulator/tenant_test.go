package simulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
)

func TestWhatIsNotThereIs404(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	for _, path := range []string{
		"/certifications/v1/none",
		"/certifications/v1/none/access-review-items",
		"/certifications/v1/none/reviewers",
		"/certifications/v1/none/decision-summary",
		"/certifications/v1/none/access-review-items/i1/permissions",
		"/certifications/v1/c1/access-review-items/none/permissions",
		"/certification-tasks/v1/none",
		"/certifications/v1/none/identity-summaries",
		"/v2023/certifications",
		"/v1/certifications",
		"/v3/certifications/c1/tasks-pending",
		"/beta/certifications/c1",
		"/beta/certifications/c1/access-review-items",
		"/beta/certifications/c1/identity-summaries",
		"/beta/certifications/c1/decision-summary",
		"/beta/certification-tasks",
		"/",
	} {
		wantError(t, c.get(path), http.StatusNotFound)
	}
	wantError(t, c.post("/certifications/v1/none/reassign-async", "{}"), http.StatusNotFound)
}

func TestGovernanceGroupsAreListedAndNoMore(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	if diff := cmp.Diff([]string{"c1", "c2", "c3"}, ids(t, c.get("/certifications/v1"))); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for _, path := range []string{"", "/access-review-items", "/reviewers", "/identity-summaries", "/decision-summary", "/access-review-items/i9/permissions"} {
		wantError(t, c.get("/certifications/v1/c3"+path), http.StatusBadRequest)
	}
	wantError(t, c.post("/certifications/v1/c3/reassign-async", "{}"), http.StatusBadRequest)

	hidden := newSmall(t, simulator.Options{HideGovernanceGroups: true})
	if diff := cmp.Diff([]string{"c1", "c2"}, ids(t, hidden.get("/certifications/v1"))); diff != "" {
		t.Errorf("list with groups hidden (-want +got):\n%s", diff)
	}
}

func TestPermissionsAreThoseOfFlaggedEntitlements(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	want := map[string][]string{"i1": {"SYS.A", "SYS.B", "APP.C"}, "i2": {}, "i3": {}, "i4": {}}
	got := map[string][]string{}
	for item := range want {
		got[item] = ids(t, c.get("/certifications/v1/c1/access-review-items/"+item+"/permissions"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
	c.tenant.Edit(func(w *simulator.World) { w.Item("c1", "i1").AccessSummary.Entitlement.HasPermissions = false })
	if rows := ids(t, c.get(permissionsPath)); len(rows) != 0 {
		t.Errorf("an entitlement no longer flagged still shows %v", rows)
	}
}

func TestTasksEndOutOfTheList(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	c.tenant.Edit(func(w *simulator.World) { w.Advance() })
	if diff := cmp.Diff([]string{"t1"}, ids(t, c.get("/certification-tasks/v1"))); diff != "" {
		t.Errorf("pending (-want +got):\n%s", diff)
	}
	got := map[string]string{}
	for _, id := range []string{"t1", "t2", "t3"} {
		task := decode[simulator.Task](t, c.get("/certification-tasks/v1/"+id))
		got[id] = task.Status
	}
	want := map[string]string{"t1": simulator.InProgress, "t2": simulator.Success, "t3": simulator.Success}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by id (-want +got):\n%s", diff)
	}
}

func TestCountersFollowTheItems(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	type header struct {
		Completed                                                           bool
		DecisionsMade, DecisionsTotal, IdentitiesCompleted, IdentitiesTotal int
	}
	// Zed has a decided and an open item, Yan an open one, Xia a decided one.
	want := header{DecisionsMade: 2, DecisionsTotal: 4, IdentitiesCompleted: 1, IdentitiesTotal: 3}
	if diff := cmp.Diff(want, decode[header](t, c.get("/certifications/v1/c1"))); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
	c.tenant.Edit(func(w *simulator.World) {
		for _, i := range w.Certification("c1").Items {
			i.Decision = new(simulator.Approve)
		}
	})
	want = header{Completed: true, DecisionsMade: 4, DecisionsTotal: 4, IdentitiesCompleted: 3, IdentitiesTotal: 3}
	if diff := cmp.Diff(want, decode[header](t, c.get("/certifications/v1/c1"))); diff != "" {
		t.Errorf("counters when all is decided (-want +got):\n%s", diff)
	}
	type totals struct{ TotalCertifications, CompletedCertifications int }
	if diff := cmp.Diff([]totals{{2, 0}, {1, 1}}, decode[[]totals](t, c.get("/campaigns/v1"))); diff != "" {
		t.Errorf("campaign totals (-want +got):\n%s", diff)
	}
}

func TestDecisionSummary(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	zero := func(change map[string]int) map[string]int {
		all := map[string]int{}
		for _, kind := range []string{"entitlement", "accessProfile", "role", "account"} {
			for _, counter := range []string{"DecisionsMade", "DecisionsTotal", "sApproved", "sRevoked"} {
				all[kind+counter] = 0
			}
		}
		for k, v := range change {
			all[k] = v
		}
		return all
	}
	tests := []struct {
		filters string
		want    map[string]int
	}{
		{"", zero(map[string]int{
			"entitlementDecisionsMade": 1, "entitlementDecisionsTotal": 2, "entitlementsApproved": 1,
			"accessProfileDecisionsTotal": 1,
			"roleDecisionsMade":           1, "roleDecisionsTotal": 1, "rolesRevoked": 1,
		})},
		{`identitySummary.id eq "s-Yan"`, zero(map[string]int{"entitlementDecisionsTotal": 1})},
	}
	for _, tt := range tests {
		got := decode[map[string]int](t, c.get("/certifications/v1/c1/decision-summary", "filters", tt.filters))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("filters %q (-want +got):\n%s", tt.filters, diff)
		}
	}
}

func TestTenantBearsConcurrentUse(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for range 25 {
				remove := c.tenant.Inject(simulator.Fault{Operation: simulator.OpItems, RepeatRow: true, Before: func(w *simulator.World) {
					w.Item("c1", "i2").Comments = new("seen")
				}})
				ids(t, c.get(itemsPath, "sorters", "-access.name"))
				c.post(reassignPath, `{"reassign":[{"id":"i2","type":"ITEM"}],"reassignTo":"bob","reason":"r"}`)
				ids(t, c.get("/certification-tasks/v1"))
				c.tenant.Requests()
				remove()
			}
		})
	}
	users.Wait()
	if n := len(c.tenant.Requests()); n != 1+4*25*3 {
		t.Errorf("%d requests logged, want %d", n, 1+4*25*3)
	}
}

func TestCampaignDetail(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	for detail, want := range map[string]bool{"": false, "SLIM": false, "FULL": true} {
		rows := decode[[]map[string]any](t, c.get("/campaigns/v1", "detail", detail))
		if _, full := rows[0]["mandatoryCommentRequirement"]; full != want || rows[0]["name"] != "Spring" {
			t.Errorf("detail %q: full %t, want %t; %v", detail, full, want, rows[0])
		}
	}
}

func TestNextGenerationWantsItsHeader(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	ask := func(experimental string) *http.Response {
		r := httptest.NewRequest(http.MethodGet, "/certification-campaigns/v1/campaigns?limit=1", nil)
		r.Header.Set("X-SailPoint-Experimental", experimental)
		return c.do(r)
	}
	wantError(t, ask(""), http.StatusBadRequest)
	if rows := ids(t, ask("true")); len(rows) != 0 {
		t.Errorf("rows %v, want none", rows)
	}
	c.tenant.Edit(func(w *simulator.World) {
		w.NextGeneration = []*simulator.NextGenerationCampaign{{ID: "n1", Name: "New"}}
	})
	if diff := cmp.Diff([]string{"n1"}, ids(t, ask("true"))); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestNullsComeOverTheWire(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	c.tenant.Edit(func(w *simulator.World) {
		w.Certification("c2").Reviewer = nil
		w.Certification("c1").Reviewers = append(w.Certification("c1").Reviewers, nil)
	})
	null := func(object map[string]any, names ...string) {
		t.Helper()
		for _, name := range names {
			if v, there := object[name]; !there || v != nil {
				t.Errorf("%s = %v (%t), want null", name, v, there)
			}
		}
	}
	null(decode[map[string]any](t, c.get("/certifications/v1/c2")), "reviewer", "reassignment", "errorMessage")
	item := decode[[]map[string]any](t, c.get(itemsPath, "filters", `id eq "i2"`))[0]
	null(item, "decision", "comments")
	null(item["accessSummary"].(map[string]any), "accessProfile", "role")
	null(decode[map[string]any](t, c.get("/certification-tasks/v1/t1")), "errors", "reassignmentTrailDTOs")
	reviewers := decode[[]map[string]any](t, c.get(reviewersPath))
	null(reviewers[0], "email")
	if len(reviewers) != 3 || reviewers[2] != nil {
		t.Errorf("reviewers %v, want a null row at the end", reviewers)
	}
}

func TestExtraIsMergedIntoTheObject(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		extra map[string]any
		want  string
	}{
		{"unknown field", map[string]any{"new": map[string]any{"a": 1}}, `{"new":{"a":1},"rights":["R"],"target":"T"}`},
		{"wrong type", map[string]any{"rights": "R"}, `{"rights":"R","target":"T"}`},
		{"null", map[string]any{"rights": nil}, `{"rights":null,"target":"T"}`},
		{"NUL", map[string]any{"target": "a\x00b"}, `{"rights":["R"],"target":"a\u0000b"}`},
		{"lone surrogate", map[string]any{"target": json.RawMessage(`"\ud800"`)}, `{"rights":["R"],"target":"\ud800"}`},
		{"object in place of text", map[string]any{"target": map[string]any{"x": true}}, `{"rights":["R"],"target":{"x":true}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(simulator.Permission{Target: "T", Rights: []string{"R"}, Extra: tt.extra})
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestExtraReachesInnerObjects(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	c.tenant.Edit(func(w *simulator.World) {
		w.Item("c1", "i1").Extra = map[string]any{"accessSummary": map[string]any{"entitlement": map[string]any{"privileged": "yes"}}}
		w.Certification("c1").Extra = map[string]any{"decisionsMade": 99}
	})
	type item struct {
		ID            string
		AccessSummary struct {
			Access      struct{ Name string }
			Entitlement struct {
				SourceName string
				Privileged any
			}
		}
	}
	got := decode[[]item](t, c.get(itemsPath, "filters", `id eq "i1"`))[0]
	if got.AccessSummary.Entitlement.Privileged != "yes" || got.AccessSummary.Entitlement.SourceName != "AD" || got.AccessSummary.Access.Name != "Admins" {
		t.Errorf("item %+v", got)
	}
	if made := decode[map[string]any](t, c.get("/certifications/v1/c1"))["decisionsMade"]; made != 99.0 {
		t.Errorf("decisionsMade = %v, want the lie", made)
	}
}
