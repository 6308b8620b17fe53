package walk

import (
	"slices"
	"strings"

	"exporter/internal/fetch"
	"exporter/internal/snapshot"
)

// The ways to read permissions.
const (
	PermissionsFlagged       = "flagged"        // of items the tenant says have some
	PermissionsByEntitlement = "by_entitlement" // of the same items, once for each entitlement
	PermissionsAll           = "all"            // of every entitlement
	PermissionsNone          = "none"
)

// Scope is what a night is asked to walk: which certifications, and what of
// them. Two runs of one scope ask the tenant the same questions.
type Scope struct {
	IDs               []string `json:"ids"`          // certifications; empty: not narrowed by id
	CampaignIDs       []string `json:"campaign_ids"` // empty: not narrowed by campaign
	Filter            string   `json:"filter"`       // in the tenant's filter language
	RecaptureSigned   bool     `json:"recapture_signed"`
	Permissions       string   `json:"permissions"`
	PermissionsFilter string   `json:"permissions_filter"`
	ReviewersFilter   string   `json:"reviewers_filter"`
}

// SHA256 is the hash that tells scopes apart, in hex.
func (s Scope) SHA256() string {
	recapture := ""
	if s.RecaptureSigned {
		recapture = "recapture signed"
	}
	return snapshot.ParamsHash(s.listParams(), s.params(snapshot.Reviewers), s.params(snapshot.Permissions), recapture)
}

// idsPerQuery keeps a query well under the length that proxies cut at.
const idsPerQuery = 50

func (s Scope) campaignQueries() []string { return inQueries("id", s.CampaignIDs) }

// certificationQueries are the filters that together list the scope. Each
// certification answers to one of them.
func (s Scope) certificationQueries() []string {
	var out []string
	for _, ids := range inQueries("id", s.IDs) {
		for _, campaigns := range inQueries("campaign.id", s.CampaignIDs) {
			out = append(out, and(ids, campaigns, s.Filter))
		}
	}
	return out
}

func inQueries(field string, values []string) []string {
	if len(values) == 0 {
		return []string{""}
	}
	var out []string
	for chunk := range slices.Chunk(values, idsPerQuery) {
		out = append(out, fetch.In(field, chunk))
	}
	return out
}

// and joins the clauses that are there.
func and(clauses ...string) string {
	return strings.Join(slices.DeleteFunc(clauses, func(c string) bool { return c == "" }), " and ")
}

func (s Scope) campaignParams() string {
	return snapshot.ParamsHash(slices.Sorted(slices.Values(s.CampaignIDs))...)
}

func (s Scope) listParams() string {
	return snapshot.ParamsHash(
		snapshot.ParamsHash(slices.Sorted(slices.Values(s.IDs))...),
		s.campaignParams(),
		s.Filter)
}

// params is the hash of what shapes a collection of a certification.
func (s Scope) params(c snapshot.Collection) string {
	switch c {
	case snapshot.CertificationHeader:
		return snapshot.ParamsHash(s.Filter)
	case snapshot.Reviewers:
		return snapshot.ParamsHash(s.ReviewersFilter)
	case snapshot.Permissions:
		return snapshot.ParamsHash(s.Permissions, s.PermissionsFilter)
	default:
		return snapshot.ParamsHash()
	}
}

// holds says whether a certification that is known but not listed belongs to
// the scope. Whether it matches the filter only the tenant can say; where it
// was captured under the same filter it did, and has left since.
func (s Scope) holds(id string, p snapshot.Past) bool {
	if len(s.IDs) > 0 && !slices.Contains(s.IDs, id) {
		return false
	}
	if len(s.CampaignIDs) > 0 && !slices.Contains(s.CampaignIDs, p.CampaignID) {
		return false
	}
	return p.Before[snapshot.CertificationHeader].ParamsSHA256 == s.params(snapshot.CertificationHeader)
}
