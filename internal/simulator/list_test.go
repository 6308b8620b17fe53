package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
)

const (
	itemsPath       = "/certifications/v1/c1/access-review-items"
	permissionsPath = "/certifications/v1/c1/access-review-items/i1/permissions"
	reviewersPath   = "/certifications/v1/c1/reviewers"
	identitiesPath  = "/certifications/v1/c1/identity-summaries"
)

func TestListsFilterAndSort(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	tests := []struct {
		path, name, value string
		want              []string
	}{
		{"/campaigns/v1", "filters", `id in ("k2","k9")`, []string{"k2"}},
		{"/campaigns/v1", "filters", `name sw "Spr"`, []string{"k1"}},
		{"/campaigns/v1", "filters", `status eq "COMPLETED" and name eq "Autumn"`, []string{"k2"}},
		{"/campaigns/v1", "sorters", `name`, []string{"k2", "k1"}},
		{"/campaigns/v1", "sorters", `-created`, []string{"k1", "k2"}},

		{"/certifications/v1", "filters", `id eq "c2"`, []string{"c2"}},
		{"/certifications/v1", "filters", `id in ("c2", "c1")`, []string{"c1", "c2"}},
		{"/certifications/v1", "filters", `campaign.id in ("k1")`, []string{"c1", "c3"}},
		{"/certifications/v1", "filters", `campaign.id eq "k1" and phase eq "ACTIVE"`, []string{"c1", "c3"}},
		{"/certifications/v1", "filters", `completed eq true`, []string{"c2"}},
		{"/certifications/v1", "filters", `id eq "none"`, []string{}},
		{"/certifications/v1", "sorters", `name`, []string{"c2", "c1", "c3"}},
		{"/certifications/v1", "sorters", `due`, []string{"c2", "c1", "c3"}},
		{"/certifications/v1", "sorters", `-signed`, []string{"c1", "c3", "c2"}},
		{"/certifications/v1", "reviewer-identity", "bob", []string{"c2"}},
		{"/certifications/v1", "reviewer-identity", "me", []string{}},

		{itemsPath, "filters", `id in ("i1","i4")`, []string{"i1", "i4"}},
		{itemsPath, "filters", `type eq "ROLE"`, []string{"i4"}},
		{itemsPath, "filters", `access.type eq "ENTITLEMENT" and completed eq false`, []string{"i2"}},
		{itemsPath, "filters", `completed ne true`, []string{"i2", "i3"}},
		{itemsPath, "filters", `identitySummary.id in ("s-Zed")`, []string{"i1", "i3"}},
		{itemsPath, "filters", `identitySummary.name sw "Z"`, []string{"i1", "i3"}},
		{itemsPath, "filters", `access.id eq "p-Desk"`, []string{"i3"}},
		{itemsPath, "filters", `access.name sw "Sta"`, []string{"i4"}},
		{itemsPath, "filters", `entitlement.sourceName eq "SAP"`, []string{"i2"}},
		{itemsPath, "filters", `accessProfile.sourceName sw "S"`, []string{"i3"}},
		{itemsPath, "entitlements", "e-Admins,e-Users", []string{"i1", "i2"}},
		{itemsPath, "access-profiles", "p-Desk", []string{"i3"}},
		{itemsPath, "roles", "r-Staff,r-None", []string{"i4"}},
		{itemsPath, "sorters", `identitySummary.name,-access.name`, []string{"i4", "i2", "i3", "i1"}},
		{itemsPath, "sorters", `access.type`, []string{"i3", "i1", "i2", "i4"}},
		{itemsPath, "sorters", `-entitlement.sourceName`, []string{"i2", "i1", "i3", "i4"}},
		{itemsPath, "sorters", `-accessProfile.sourceName`, []string{"i3", "i1", "i2", "i4"}},

		{permissionsPath, "filters", `target eq "sys.a"`, []string{"SYS.A"}},
		{permissionsPath, "filters", `target sw "SYS."`, []string{"SYS.A", "SYS.B"}},
		{permissionsPath, "filters", `rights ca ("select","insert")`, []string{"SYS.A"}},
		{permissionsPath, "filters", `rights ca "SELECT" and target sw "sys.b"`, []string{"SYS.B"}},
		{permissionsPath, "filters", `target eq "APP.C" or rights ca "INSERT"`, []string{"SYS.A", "APP.C"}},

		{reviewersPath, "filters", `name sw "B"`, []string{"bob"}},
		{reviewersPath, "filters", `id in ("ann","bob")`, []string{"bob", "ann"}},
		{reviewersPath, "filters", `email eq "ann@acme.example"`, []string{"ann"}},
		{reviewersPath, "sorters", `name`, []string{"ann", "bob"}},
		{reviewersPath, "sorters", `-email`, []string{"ann", "bob"}},

		{identitiesPath, "filters", ``, []string{"s-Zed", "s-Yan", "s-Xia"}},
		{identitiesPath, "filters", `id eq "s-Yan"`, []string{"s-Yan"}},
		{identitiesPath, "filters", `id in ("s-Xia","s-Zed","s-None")`, []string{"s-Zed", "s-Xia"}},
		{identitiesPath, "filters", `completed eq true`, []string{"s-Xia"}},
		{identitiesPath, "filters", `completed ne true and name sw "Z"`, []string{"s-Zed"}},
		{identitiesPath, "filters", `name eq "Yan"`, []string{"s-Yan"}},
		{identitiesPath, "sorters", `name`, []string{"s-Xia", "s-Yan", "s-Zed"}},

		{"/certification-tasks/v1", "filters", `targetId eq "c1"`, []string{"t1"}},
		{"/certification-tasks/v1", "filters", `type in ("REASSIGN","COMPLETE_CAMPAIGN")`, []string{"t2"}},
		{"/certification-tasks/v1", "filters", `id in ("t1","t2","t3")`, []string{"t1", "t2"}},
		{"/certification-tasks/v1", "reviewer-identity", "bob", []string{"t2"}},
	}
	for _, tt := range tests {
		t.Run(tt.path+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, ids(t, c.get(tt.path, tt.name, tt.value))); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestListsRefuseWhatTheAPIDoesNotTake(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	tests := []struct{ path, name, value string }{
		{"/campaigns/v1", "filters", `type eq "MANAGER"`},
		{"/campaigns/v1", "filters", `name in ("a")`},
		{"/campaigns/v1", "detail", "slim"},
		{"/campaigns/v1", "sorters", "status"},
		{"/certifications/v1", "filters", `phase in ("ACTIVE")`},
		{"/certifications/v1", "filters", `id eq "c1" or id eq "c2"`},
		{"/certifications/v1", "filters", `id eq "c1" AND id eq "c2"`},
		{"/certifications/v1", "filters", `id eq c1`},
		{"/certifications/v1", "filters", `id eq ("c1","c2")`},
		{"/certifications/v1", "filters", `id eq ("c1")`},
		{"/certifications/v1", "filters", `id in "c1"`},
		{"/certifications/v1", "filters", `id eq "c1`},
		{"/certifications/v1", "filters", `id in ("c1"`},
		{"/certifications/v1", "filters", `id in ()`},
		{"/certifications/v1", "filters", `id eq`},
		{"/certifications/v1", "filters", `id eq "c1" and`},
		{"/certifications/v1", "filters", `id eq "c1" "c2"`},
		{"/certifications/v1", "filters", `completed eq "true"`},
		{"/certifications/v1", "filters", `completed eq yes`},
		{"/certifications/v1", "sorters", "created"},
		{"/certifications/v1", "sorters", "name,"},
		{"/certifications/v1", "sorters", "--name"},
		{itemsPath, "filters", `decision eq "APPROVE"`},
		{itemsPath, "sorters", "id"},
		{permissionsPath, "filters", `target eq "a" and target eq "b"`},
		{permissionsPath, "filters", `target eq "a" and rights ca "b" and rights ca "c"`},
		{permissionsPath, "filters", `rights eq "SELECT"`},
		{permissionsPath, "sorters", "target"},
		{reviewersPath, "filters", `type eq "IDENTITY"`},
		{reviewersPath, "sorters", "id"},
		{identitiesPath, "filters", `identityId eq "i-Zed"`},
		{identitiesPath, "filters", `completed in ("true")`},
		{identitiesPath, "sorters", "completed"},
		{"/certification-tasks/v1", "filters", `status eq "QUEUED"`},
		{"/certification-tasks/v1", "sorters", "created"},
		{"/certifications/v1/c1/decision-summary", "filters", `id eq "i1"`},
	}
	for _, tt := range tests {
		t.Run(tt.path+" "+tt.name+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			wantError(t, c.get(tt.path, tt.name, tt.value), http.StatusBadRequest)
		})
	}
	t.Run("two ways to name access", func(t *testing.T) {
		t.Parallel()
		wantError(t, c.get(itemsPath, "roles", "a", "entitlements", "b"), http.StatusBadRequest)
	})
}

// wantError checks the shape every error body of the API has.
func wantError(t *testing.T, r *http.Response, status int) {
	t.Helper()
	body := bodyOf(t, r)
	if r.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", r.StatusCode, status, body)
	}
	var e struct {
		DetailCode, TrackingID string
		Messages, Causes       []struct{ Text string }
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	if e.DetailCode == "" || len(e.TrackingID) != 32 || len(e.Messages) == 0 || e.Messages[0].Text == "" || e.Causes == nil {
		t.Errorf("error body lacks something: %s", body)
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	const many = 501
	tenant := simulator.New(simulator.Options{})
	tenant.Edit(func(w *simulator.World) {
		small(w)
		c := w.Certification("c1")
		c.Items = nil
		for n := range many {
			c.Items = append(c.Items, entitlementItem(fmt.Sprintf("i%03d", n), "Zed", "Users", "SAP"))
		}
	})
	c := newClient(t, tenant)
	tests := []struct {
		name          string
		limit, offset string
		status, rows  int
		first         string
	}{
		{"default page", "", "", 200, 250, "i000"},
		{"largest page", "250", "250", 200, 250, "i250"},
		{"last page is short", "250", "500", 200, 1, "i500"},
		{"page of one", "1", "7", 200, 1, "i007"},
		{"page of none", "0", "", 200, 0, ""},
		{"page too large", "251", "", 400, 0, ""},
		{"offset at the end", "250", "501", 400, 0, ""},
		{"offset past the end", "250", "10000", 400, 0, ""},
		{"negative offset", "250", "-1", 400, 0, ""},
		{"negative limit", "-1", "", 400, 0, ""},
		{"limit no number", "all", "", 400, 0, ""},
		{"offset beyond int32", "1", "99999999999", 400, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := c.get(itemsPath, "limit", tt.limit, "offset", tt.offset, "count", "true")
			if tt.status != http.StatusOK {
				wantError(t, r, tt.status)
				return
			}
			if total := r.Header.Get("X-Total-Count"); total != "501" {
				t.Errorf("X-Total-Count = %q, want 501", total)
			}
			got := ids(t, r)
			if len(got) != tt.rows || tt.rows > 0 && got[0] != tt.first {
				t.Errorf("%d rows %v, want %d from %s", len(got), got[:min(1, len(got))], tt.rows, tt.first)
			}
		})
	}
}

func TestOffsetCapIsMetByLongListsOnly(t *testing.T) {
	t.Parallel()
	tenant := simulator.New(simulator.Options{OffsetCap: 20})
	tenant.Edit(func(w *simulator.World) {
		small(w)
		c := w.Certification("c1")
		c.Items = nil
		for n := range 42 {
			c.Items = append(c.Items, entitlementItem(fmt.Sprintf("i%02d", n), fmt.Sprintf("P%d", n/14), "Users", "SAP"))
		}
	})
	c := newClient(t, tenant)
	tests := []struct {
		name, filters, offset string
		status, rows          int
	}{
		{"before the cap", "", "19", 200, 10},
		{"at the cap", "", "20", 400, 0},
		{"beyond the cap", "", "30", 400, 0},
		{"a filter that keeps all", `access.type eq "ENTITLEMENT"`, "20", 400, 0},
		{"a finer cut", `identitySummary.id eq "s-P2"`, "10", 200, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := c.get(itemsPath, "limit", "10", "offset", tt.offset, "filters", tt.filters)
			if tt.status != http.StatusOK {
				wantError(t, r, tt.status)
				return
			}
			if got := ids(t, r); len(got) != tt.rows {
				t.Errorf("rows %v, want %d", got, tt.rows)
			}
		})
	}
	t.Run("the identities lead to all items", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		for _, identity := range ids(t, c.get(identitiesPath)) {
			for _, item := range ids(t, c.get(itemsPath, "filters", fmt.Sprintf("identitySummary.id eq %q", identity))) {
				seen[item] = true
			}
		}
		if len(seen) != 42 {
			t.Errorf("%d items, want 42", len(seen))
		}
	})
}

func TestOffsetZeroOfAnEmptyListIsNoError(t *testing.T) {
	t.Parallel()
	c := newClient(t, simulator.New(simulator.Options{}))
	r := c.get("/certifications/v1", "offset", "0", "count", "true")
	if total := r.Header.Get("X-Total-Count"); total != "0" {
		t.Errorf("X-Total-Count = %q, want 0", total)
	}
	if body := bodyOf(t, r); body != "[]" {
		t.Errorf("body = %s, want []", body)
	}
}

func TestTotalIsToldOnRequestOnly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options simulator.Options
		count   string
		want    string
	}{
		{"not asked", simulator.Options{}, "", ""},
		{"asked", simulator.Options{}, "true", "3"},
		{"asked in upper case", simulator.Options{}, "True", ""},
		{"omitted by the tenant", simulator.Options{OmitTotal: true}, "true", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newSmall(t, tt.options).get("/certifications/v1", "count", tt.count)
			if got := r.Header.Get("X-Total-Count"); got != tt.want {
				t.Errorf("X-Total-Count = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRepeatedQueriesGetTheSameRowsUnchanged(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	for _, parameters := range [][]string{{"sorters", "-access.name"}, {"roles", "r-Staff"}, {"filters", `completed eq true`}} {
		c.get(itemsPath, parameters...)
	}
	if diff := cmp.Diff([]string{"i1", "i2", "i3", "i4"}, ids(t, c.get(itemsPath))); diff != "" {
		t.Errorf("order of the world after sorting and filtering (-want +got):\n%s", diff)
	}
}
