package simulator

// Names of the operations, as Fault.Operation and Request.Operation have them.
const (
	OpToken           = "token"
	OpOAuthInfo       = "oauth-info"
	OpCampaigns       = "campaigns"
	OpCertifications  = "certifications"
	OpCertification   = "certification"
	OpItems           = "items"
	OpPermissions     = "permissions"
	OpReviewers       = "reviewers"
	OpDecisionSummary = "decision-summary"
	OpTasks           = "tasks"
	OpTask            = "task"
	OpReassign        = "reassign"
	OpNextGeneration  = "next-generation"
)

// path is where an operation lives in one version of the API. In a pattern {id}
// is the certification or task, {itemId} the review item.
type path struct {
	version   string // of the API; the rate limit counts each by itself
	operation string
	method    string
	pattern   string
	handle    func(*Tenant, call) answer // runs under the world's lock
	open      bool                       // needs no token and counts towards no limit
	writes    bool                       // changes the world
}

// paths is the one table of all that is served: a further version of the API is
// further rows.
func paths() []path {
	return []path{
		{operation: OpToken, method: "POST", pattern: "/oauth/token", handle: (*Tenant).token, open: true},
		{operation: OpOAuthInfo, method: "GET", pattern: "/oauth/info", handle: (*Tenant).oauthInfo, open: true},

		{version: "v1", operation: OpCampaigns, method: "GET", pattern: "/campaigns/v1", handle: (*Tenant).listCampaigns},
		{version: "v1", operation: OpCertifications, method: "GET", pattern: "/certifications/v1", handle: (*Tenant).listCertifications},
		{version: "v1", operation: OpCertification, method: "GET", pattern: "/certifications/v1/{id}", handle: (*Tenant).getCertification},
		{version: "v1", operation: OpItems, method: "GET", pattern: "/certifications/v1/{id}/access-review-items", handle: (*Tenant).listItems},
		{version: "v1", operation: OpPermissions, method: "GET", pattern: "/certifications/v1/{id}/access-review-items/{itemId}/permissions", handle: (*Tenant).listPermissions},
		{version: "v1", operation: OpReviewers, method: "GET", pattern: "/certifications/v1/{id}/reviewers", handle: (*Tenant).listReviewers},
		{version: "v1", operation: OpDecisionSummary, method: "GET", pattern: "/certifications/v1/{id}/decision-summary", handle: (*Tenant).getDecisionSummary},
		{version: "v1", operation: OpReassign, method: "POST", pattern: "/certifications/v1/{id}/reassign-async", handle: (*Tenant).reassign, writes: true},
		{version: "v1", operation: OpTasks, method: "GET", pattern: "/certification-tasks/v1", handle: (*Tenant).listTasks},
		{version: "v1", operation: OpTask, method: "GET", pattern: "/certification-tasks/v1/{id}", handle: (*Tenant).getTask},

		{version: "v1", operation: OpNextGeneration, method: "GET", pattern: "/certification-campaigns/v1/campaigns", handle: (*Tenant).listNextGeneration},
	}
}
