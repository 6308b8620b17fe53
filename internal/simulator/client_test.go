package simulator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"exporter/internal/simulator"
)

// client asks a tenant without a network, with a token of its own.
type client struct {
	t      *testing.T
	tenant *simulator.Tenant
	token  string
}

func newClient(t *testing.T, tenant *simulator.Tenant) *client {
	t.Helper()
	return &client{t: t, tenant: tenant, token: login(t, tenant)}
}

func login(t *testing.T, tenant *simulator.Tenant) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"demo-client"}, "client_secret": {"demo-secret"}}
	r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	tenant.ServeHTTP(w, r)
	var grant struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &grant); err != nil || w.Code != http.StatusOK {
		t.Fatalf("token: %d %s, %v", w.Code, w.Body, err)
	}
	return grant.AccessToken
}

func (c *client) do(r *http.Request) *http.Response {
	c.t.Helper()
	if r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	w := httptest.NewRecorder()
	c.tenant.ServeHTTP(w, r)
	return w.Result()
}

// get asks for a path with parameters given as name, value, name, value.
func (c *client) get(path string, parameters ...string) *http.Response {
	c.t.Helper()
	return c.do(httptest.NewRequest(http.MethodGet, target(path, parameters...), nil))
}

func target(path string, parameters ...string) string {
	query := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

func (c *client) post(path, body string) *http.Response {
	c.t.Helper()
	return c.do(httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
}

func bodyOf(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return string(b)
}

// decode reads a 200 answer.
func decode[T any](t *testing.T, r *http.Response) T {
	t.Helper()
	body := bodyOf(t, r)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", r.StatusCode, body)
	}
	var v T
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	return v
}

// row is what the tests look at in any row.
type row struct {
	ID     string
	Name   string
	Target string
}

// ids returns a page's ids, or targets where rows have none.
func ids(t *testing.T, r *http.Response) []string {
	t.Helper()
	found := []string{}
	for _, row := range decode[[]row](t, r) {
		found = append(found, row.ID+row.Target)
	}
	return found
}

func day(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }

func entitlementItem(id, person, name, source string) *simulator.ReviewItem {
	return &simulator.ReviewItem{
		ID:              id,
		IdentitySummary: simulator.IdentitySummary{ID: "s-" + person, Name: person, IdentityID: "i-" + person},
		AccessSummary: simulator.AccessSummary{
			Access: &simulator.Access{Type: "ENTITLEMENT", ID: "e-" + name, Name: name},
			Entitlement: &simulator.Entitlement{
				ID: "e-" + name, Name: name, SourceName: source, HasPermissions: true,
				Account: &simulator.Account{
					NativeIdentity: person, Type: "IDENTITY", ActivityInsights: simulator.ActivityInsights{UsageDaysState: "UNKNOWN"},
				},
			},
		},
	}
}

// small fills a world every feature of which a test can hold in its head.
func small(w *simulator.World) {
	ann := simulator.Identity{ID: "ann", Name: "Ann", Email: "ann@acme.example"}
	bob := simulator.Identity{ID: "bob", Name: "Bob"}
	w.Identities = []simulator.Identity{ann, bob, {ID: "i-Zed", Name: "Zed"}}
	w.Campaigns = []*simulator.Campaign{
		{ID: "k1", Name: "Spring", Type: "MANAGER", Status: "ACTIVE", CorrelatedStatus: "CORRELATED", Created: new(day(2)), MandatoryCommentRequirement: "NO_DECISIONS"},
		{ID: "k2", Name: "Autumn", Type: "SEARCH", Status: "COMPLETED", CorrelatedStatus: "CORRELATED", Created: new(day(1)), MandatoryCommentRequirement: "NO_DECISIONS"},
	}
	one := entitlementItem("i1", "Zed", "Admins", "AD")
	one.Decision, one.Comments = new(simulator.Approve), new("fine")
	one.Permissions = []*simulator.Permission{
		{Target: "SYS.A", Rights: []string{"SELECT", "INSERT"}},
		{Target: "SYS.B", Rights: []string{"SELECT"}},
		{Target: "APP.C", Rights: []string{"DELETE"}},
	}
	two := entitlementItem("i2", "Yan", "Users", "SAP")
	three := &simulator.ReviewItem{
		ID:              "i3",
		IdentitySummary: simulator.IdentitySummary{ID: "s-Zed", Name: "Zed", IdentityID: "i-Zed"},
		AccessSummary: simulator.AccessSummary{
			Access: &simulator.Access{Type: "ACCESS_PROFILE", ID: "p-Desk", Name: "Desk"},
			AccessProfile: &simulator.AccessProfile{ID: "p-Desk", Name: "Desk", Created: day(1), Modified: day(1),
				Entitlements: []*simulator.Entitlement{two.AccessSummary.Entitlement}},
		},
	}
	four := &simulator.ReviewItem{
		ID:              "i4",
		Decision:        new(simulator.Revoke),
		IdentitySummary: simulator.IdentitySummary{ID: "s-Xia", Name: "Xia", IdentityID: "i-Xia"},
		AccessSummary: simulator.AccessSummary{
			Access: &simulator.Access{Type: "ROLE", ID: "r-Staff", Name: "Staff"},
			Role:   &simulator.Role{ID: "r-Staff", Name: "Staff"},
		},
	}
	w.Certifications = []*simulator.Certification{
		{
			ID: "c1", Name: "Review B", Campaign: w.Campaigns[0].Reference(), Phase: simulator.Active, Due: new(day(20)),
			Reviewer: ann.Reviewer(), Reviewers: []*simulator.Reviewer{bob.ReviewerRow(), ann.ReviewerRow()},
			Items: []*simulator.ReviewItem{one, two, three, four},
		},
		{
			ID: "c2", Name: "Review A", Campaign: w.Campaigns[1].Reference(), Phase: simulator.Signed, Due: new(day(10)), Signed: new(day(9)),
			Reviewer: bob.Reviewer(), Reviewers: []*simulator.Reviewer{bob.ReviewerRow()},
		},
		{
			ID: "c3", Name: "Review C", Campaign: w.Campaigns[0].Reference(), Phase: simulator.Active,
			Reviewer: &simulator.CertificationReviewer{ID: "gg", Name: "Group", Type: simulator.GovernanceGroup},
			Items:    []*simulator.ReviewItem{entitlementItem("i9", "Zed", "Users", "SAP")},
		},
	}
	w.Tasks = []*simulator.Task{
		{ID: "t1", Type: "ADMIN_REASSIGN", TargetType: "CERTIFICATION", TargetID: "c1", Status: simulator.Queued, Created: day(3)},
		{ID: "t2", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: "c2", Status: simulator.InProgress, Created: day(3)},
		{ID: "t3", Type: "COMPLETE_CAMPAIGN", TargetType: "CAMPAIGN", TargetID: "k2", Status: simulator.Success, Created: day(3)},
	}
}

func newSmall(t *testing.T, o simulator.Options) *client {
	t.Helper()
	tenant := simulator.New(o)
	tenant.Edit(small)
	return newClient(t, tenant)
}
