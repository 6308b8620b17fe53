package simulator_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
)

func versions() []string { return []string{"v1", "v2026", "v2025", "v2024", "v3", "beta"} }

// place is where an operation lives in v1, in beta and, as {v}, in the versions
// between. An empty path says that it lives nowhere.
type place struct{ operation, method, v1, between, beta string }

func places() []place {
	return []place{
		{simulator.OpCampaigns, "GET", "/campaigns/v1", "/{v}/campaigns", "/beta/campaigns"},
		{simulator.OpCertifications, "GET", "/certifications/v1", "/{v}/certifications", "/beta/certifications"},
		{simulator.OpCertification, "GET", "/certifications/v1/{id}", "/{v}/certifications/{id}", ""},
		{simulator.OpItems, "GET", "/certifications/v1/{id}/access-review-items", "/{v}/certifications/{id}/access-review-items", ""},
		{
			simulator.OpPermissions, "GET", "/certifications/v1/{id}/access-review-items/{itemId}/permissions",
			"/{v}/certifications/{id}/access-review-items/{itemId}/permissions", "/beta/certifications/{id}/access-review-items/{itemId}/permissions",
		},
		{simulator.OpReviewers, "GET", "/certifications/v1/{id}/reviewers", "/{v}/certifications/{id}/reviewers", "/beta/certifications/{id}/reviewers"},
		{simulator.OpIdentitySummaries, "GET", "/certifications/v1/{id}/identity-summaries", "/{v}/certifications/{id}/identity-summaries", ""},
		{simulator.OpDecisionSummary, "GET", "/certifications/v1/{id}/decision-summary", "/{v}/certifications/{id}/decision-summary", ""},
		{simulator.OpReassign, "POST", "/certifications/v1/{id}/reassign-async", "/{v}/certifications/{id}/reassign-async", "/beta/certifications/{id}/reassign-async"},
		{simulator.OpTasks, "GET", "/certification-tasks/v1", "/{v}/certification-tasks", "/beta/certifications/{id}/tasks-pending"},
		{simulator.OpTask, "GET", "/certification-tasks/v1/{taskId}", "/{v}/certification-tasks/{taskId}", "/beta/certifications/{id}/tasks/{taskId}"},
	}
}

// whose says what an operation is asked about.
type whose struct{ certification, item, task string }

// in is the path in a version, "" where the version lacks the operation.
func (p place) in(version string, of whose) string {
	pattern := p.between
	switch version {
	case "v1":
		pattern = p.v1
	case "beta":
		pattern = p.beta
	}
	return strings.NewReplacer("{v}", version, "{id}", of.certification, "{itemId}", of.item, "{taskId}", of.task).Replace(pattern)
}

// pathOf is the path of an operation in a version, "" where the version lacks it.
func pathOf(t *testing.T, version, operation string, of whose) string {
	t.Helper()
	for _, p := range places() {
		if p.operation == operation {
			return p.in(version, of)
		}
	}
	t.Fatalf("no operation %s", operation)
	return ""
}

func TestEachVersionHasItsOperations(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := newSmall(t, simulator.Options{})
			c.tenant.ResetRequests()
			var want []simulator.Request
			for _, p := range places() {
				path := p.in(version, whose{"c1", "i1", "t1"})
				if path == "" {
					continue
				}
				body := ""
				if p.operation == simulator.OpReassign {
					body = orderOf(t, "bob", simulator.ReassignTarget{ID: "i2", Type: "ITEM"})
				}
				c.do(httptest.NewRequest(p.method, path, strings.NewReader(body)))
				want = append(want, simulator.Request{
					Method: p.method, Path: path, Query: map[string][]string{}, Status: 200, Operation: p.operation, Version: version,
				})
			}
			if diff := cmp.Diff(want, c.tenant.Requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaultsMeetAnOperationInEveryVersion(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			for _, p := range places() {
				path := p.in(version, whose{"c1", "i1", "t1"})
				if path == "" {
					continue
				}
				c := newSmall(t, simulator.Options{})
				c.tenant.Inject(simulator.Fault{Operation: p.operation, Status: 500})
				wantError(t, c.do(httptest.NewRequest(p.method, path, nil)), 500)

				c = newSmall(t, simulator.Options{})
				c.tenant.Inject(simulator.Fault{CertificationID: "c1", Status: 500})
				status := c.do(httptest.NewRequest(p.method, path, nil)).StatusCode
				if below := strings.Contains(path, "/c1"); below != (status == 500) {
					t.Errorf("%s: status %d, of the certification: %t", path, status, below)
				}
			}
		})
	}
}

func TestDeprecationComesWithEveryAnswerButThoseOfV1(t *testing.T) {
	t.Parallel()
	headers := map[string]string{"Deprecation": "true", "Sunset": "Mon, 01 Jan 2029 00:00:00 GMT"}
	c := newSmall(t, simulator.Options{Deprecation: headers})
	c.tenant.Inject(simulator.Fault{Operation: simulator.OpTasks, Status: 503})
	for _, version := range versions() {
		want := headers
		if version == "v1" {
			want = map[string]string{"Deprecation": "", "Sunset": ""}
		}
		for operation, status := range map[string]int{simulator.OpCampaigns: 200, simulator.OpReviewers: 404, simulator.OpTasks: 503} {
			r := c.get(pathOf(t, version, operation, whose{certification: "none"}))
			got := map[string]string{"Deprecation": r.Header.Get("Deprecation"), "Sunset": r.Header.Get("Sunset")}
			if diff := cmp.Diff(want, got); diff != "" || r.StatusCode != status {
				t.Errorf("%s in %s: status %d, want %d; headers (-want +got):\n%s", operation, version, r.StatusCode, status, diff)
			}
		}
	}
	if got := c.get("/nowhere").Header.Get("Sunset"); got != "" {
		t.Errorf("a path of no version carries Sunset %q", got)
	}
}
