package fetch

import (
	"net/url"
	"strings"
)

// operation names a request in errors, logs and figures.
type operation string

const (
	opCampaigns      operation = "campaigns"
	opCertifications operation = "certifications"
	opCertification  operation = "certification"
	opReviewItems    operation = "review items"
	opPermissions    operation = "permissions"
	opReviewers      operation = "reviewers"
	opIdentities     operation = "identity summaries"
	opTasks          operation = "tasks"
	opTask           operation = "task"
	opReassign       operation = "reassign"
	opNextGeneration operation = "next-generation campaigns"
)

// pathTable is the one place that knows where an API version keeps things.
// {id} stands for a certification, {item} for what is named below it or, of
// tasks, beside it.
type pathTable map[operation]string

// versions are the API versions we speak. v1 is versioned per service; the
// yearly versions and v3 share one layout under their prefix.
var versions = map[string]pathTable{
	"v1": {
		opCampaigns:      "/campaigns/v1",
		opCertifications: "/certifications/v1",
		opCertification:  "/certifications/v1/{id}",
		opReviewItems:    "/certifications/v1/{id}/access-review-items",
		opPermissions:    "/certifications/v1/{id}/access-review-items/{item}/permissions",
		opReviewers:      "/certifications/v1/{id}/reviewers",
		opIdentities:     "/certifications/v1/{id}/identity-summaries",
		opTasks:          "/certification-tasks/v1",
		opTask:           "/certification-tasks/v1/{item}",
		opReassign:       "/certifications/v1/{id}/reassign-async",
		opNextGeneration: "/certification-campaigns/v1/campaigns",
	},
	"v2026": layout("/v2026"),
	"v2025": layout("/v2025"),
	"v2024": layout("/v2024"),
	"v3":    layout("/v3"),
	"beta":  beta(),
}

func layout(prefix string) pathTable {
	return pathTable{
		opCampaigns:      prefix + "/campaigns",
		opCertifications: prefix + "/certifications",
		opCertification:  prefix + "/certifications/{id}",
		opReviewItems:    prefix + "/certifications/{id}/access-review-items",
		opPermissions:    prefix + "/certifications/{id}/access-review-items/{item}/permissions",
		opReviewers:      prefix + "/certifications/{id}/reviewers",
		opIdentities:     prefix + "/certifications/{id}/identity-summaries",
		opTasks:          prefix + "/certification-tasks",
		opTask:           prefix + "/certification-tasks/{item}",
		opReassign:       prefix + "/certifications/{id}/reassign-async",
		opNextGeneration: "/certification-campaigns/v1/campaigns", // has no other version
	}
}

// beta has a few operations of its own, and tells of tasks by certification
// alone. What it lacks, and its other model of a certification, is v3's.
func beta() pathTable {
	t := layout("/v3")
	t[opCampaigns] = "/beta/campaigns"
	t[opPermissions] = "/beta/certifications/{id}/access-review-items/{item}/permissions"
	t[opReviewers] = "/beta/certifications/{id}/reviewers"
	t[opReassign] = "/beta/certifications/{id}/reassign-async"
	t[opTasks] = "/beta/certifications/{id}/tasks-pending"
	t[opTask] = "/beta/certifications/{id}/tasks/{item}"
	return t
}

// path fills in an operation's path parameters.
func (t pathTable) path(op operation, id, item string) string {
	return strings.NewReplacer("{id}", url.PathEscape(id), "{item}", url.PathEscape(item)).Replace(t[op])
}
