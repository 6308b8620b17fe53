package simulator

import (
	"slices"
	"strings"
)

// Names of the operations, as Fault.Operation and Request.Operation have them.
const (
	OpToken             = "token"
	OpOAuthInfo         = "oauth-info"
	OpCampaigns         = "campaigns"
	OpCertifications    = "certifications"
	OpCertification     = "certification"
	OpItems             = "items"
	OpPermissions       = "permissions"
	OpReviewers         = "reviewers"
	OpIdentitySummaries = "identity-summaries"
	OpDecisionSummary   = "decision-summary"
	OpTasks             = "tasks"
	OpTask              = "task"
	OpReassign          = "reassign"
	OpNextGeneration    = "next-generation"
)

// Versions of the API that something depends on.
const (
	newest = "v1"
	beta   = "beta"
)

// path is where an operation lives in one version of the API. In a pattern {id}
// is the certification, {itemId} the review item, {taskId} the task.
type path struct {
	version   string // of the API; the rate limit counts each by itself
	operation string
	method    string
	pattern   string
	handle    func(*Tenant, call) answer // runs under the world's lock
	open      bool                       // needs no token and counts towards no limit
	writes    bool                       // changes the world
}

// deprecated reports whether the version has an end.
func (p path) deprecated() bool { return p.version != "" && p.version != newest }

// paths is the one table of all that is served: a further version of the API is
// a further word in it, unless its models differ.
func paths() []path {
	none, onlyV1, onlyBeta := []string{""}, []string{newest}, []string{beta}
	sinceV3 := []string{newest, "v2026", "v2025", "v2024", "v3"}
	all := slices.Concat(sinceV3, onlyBeta)

	table := []struct {
		versions []string
		path
	}{
		{none, path{operation: OpToken, method: "POST", pattern: "/oauth/token", handle: (*Tenant).token, open: true}},
		{none, path{operation: OpOAuthInfo, method: "GET", pattern: "/oauth/info", handle: (*Tenant).oauthInfo, open: true}},

		{all, path{operation: OpCampaigns, method: "GET", pattern: "/campaigns", handle: (*Tenant).listCampaigns}},
		{sinceV3, path{operation: OpCertifications, method: "GET", pattern: "/certifications", handle: (*Tenant).listCertifications}},
		{onlyBeta, path{operation: OpCertifications, method: "GET", pattern: "/certifications", handle: (*Tenant).listBetaCertifications}},
		{sinceV3, path{operation: OpCertification, method: "GET", pattern: "/certifications/{id}", handle: (*Tenant).getCertification}},
		{sinceV3, path{operation: OpItems, method: "GET", pattern: "/certifications/{id}/access-review-items", handle: (*Tenant).listItems}},
		{all, path{operation: OpPermissions, method: "GET", pattern: "/certifications/{id}/access-review-items/{itemId}/permissions", handle: (*Tenant).listPermissions}},
		{all, path{operation: OpReviewers, method: "GET", pattern: "/certifications/{id}/reviewers", handle: (*Tenant).listReviewers}},
		{sinceV3, path{operation: OpIdentitySummaries, method: "GET", pattern: "/certifications/{id}/identity-summaries", handle: (*Tenant).listIdentitySummaries}},
		{sinceV3, path{operation: OpDecisionSummary, method: "GET", pattern: "/certifications/{id}/decision-summary", handle: (*Tenant).getDecisionSummary}},

		{sinceV3, path{operation: OpReassign, method: "POST", pattern: "/certifications/{id}/reassign-async", handle: (*Tenant).reassign, writes: true}},
		{onlyBeta, path{operation: OpReassign, method: "POST", pattern: "/certifications/{id}/reassign-async", handle: (*Tenant).reassignInBeta, writes: true}},
		{sinceV3, path{operation: OpTasks, method: "GET", pattern: "/certification-tasks", handle: (*Tenant).listTasks}},
		{onlyBeta, path{operation: OpTasks, method: "GET", pattern: "/certifications/{id}/tasks-pending", handle: (*Tenant).listBetaTasks}},
		{sinceV3, path{operation: OpTask, method: "GET", pattern: "/certification-tasks/{taskId}", handle: (*Tenant).getTask}},
		{onlyBeta, path{operation: OpTask, method: "GET", pattern: "/certifications/{id}/tasks/{taskId}", handle: (*Tenant).getBetaTask}},

		{onlyV1, path{operation: OpNextGeneration, method: "GET", pattern: "/certification-campaigns/campaigns", handle: (*Tenant).listNextGeneration}},
	}
	var served []path
	for _, row := range table {
		for _, version := range row.versions {
			p := row.path
			p.version, p.pattern = version, at(version, row.pattern)
			served = append(served, p)
		}
	}
	return served
}

// at is a pattern in a version: v1 comes behind the name of the service, every
// other version before it.
func at(version, pattern string) string {
	switch version {
	case "":
		return pattern
	case newest:
		service, _, _ := strings.Cut(pattern[1:], "/")
		return "/" + service + "/" + version + pattern[1+len(service):]
	default:
		return "/" + version + pattern
	}
}
