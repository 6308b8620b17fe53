package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"exporter/internal/fetch"
)

// listing is one list as get offers it.
type listing struct {
	list    fetch.List
	short   string
	example string
	needs   []string // flags: certification, item
	narrows []string // flags likewise, that may be left out
	params  []listParam
	columns []listColumn
}

// listParam is a parameter of a list, and the flag of that name.
type listParam struct{ name, usage string }

// listColumn is one column of a table or CSV file.
type listColumn struct {
	name string // that of the view in schema audit, where it has one
	path string // in the tenant's JSON; of several, divided by bars, the first that leads anywhere
	wide bool   // in CSV only: a terminal has no room for it
}

func listings() []listing {
	reviewer := listParam{"reviewer-identity", "only those of the reviewer with this identity `ID`, or me"}
	return []listing{
		{
			list: fetch.ListReviewers, short: "Reviewers of a certification", needs: []string{"certification"},
			example: `  exporter get reviewers --certification ef38f94347e94562b5bb8424a56397d8 --filters 'email sw "ann@"' --sorters name`,
			columns: []listColumn{
				{name: "reviewer_id", path: "id"}, {name: "name", path: "name"}, {name: "email", path: "email"}, {name: "type", path: "type"},
			},
		},
		{
			list: fetch.ListPermissions, short: "Permissions of a review item", needs: []string{"certification", "item"},
			example: `  exporter get permissions --certification ef38f94347e94562b5bb8424a56397d8 --item 2c9180835d2e5168015d32f890ca1581 --filters 'target sw "SYS." and rights ca "WRITE"'`,
			columns: []listColumn{{name: "target", path: "target"}, {name: "rights", path: "rights"}},
		},
		{
			list: fetch.ListItems, short: "Review items of a certification", needs: []string{"certification"},
			example: `  exporter get items --certification ef38f94347e94562b5bb8424a56397d8 --filters 'completed eq false' --format csv`,
			params: []listParam{
				{"entitlements", "only items of these entitlement `IDS`, joined by commas"},
				{"access-profiles", "only items of these access profile `IDS`, joined by commas"},
				{"roles", "only items of these role `IDS`, joined by commas"},
			},
			columns: itemColumns(),
		},
		{
			list: fetch.ListCertifications, short: "Certifications that the token can see",
			example: `  exporter get certifications --filters 'phase eq "ACTIVE"' --sorters -due --limit 50 --count`,
			params:  []listParam{reviewer},
			columns: certificationColumns(),
		},
		{
			list: fetch.ListCampaigns, short: "Campaigns",
			example: `  exporter get campaigns --filters 'status eq "ACTIVE"' --detail FULL --format json`,
			params:  []listParam{{"detail", "`SLIM` or FULL, which has more fields (in JSON)"}},
			columns: []listColumn{
				{name: "campaign_id", path: "id"}, {name: "name", path: "name"}, {name: "type", path: "type"}, {name: "status", path: "status"},
				{name: "created", path: "created"}, {name: "deadline", path: "deadline"},
				{name: "total_certifications", path: "totalCertifications"}, {name: "completed_certifications", path: "completedCertifications"},
			},
		},
		{
			list: fetch.ListTasks, short: "Tasks that are not finished", narrows: []string{"certification"},
			example: `  exporter get tasks --certification ef38f94347e94562b5bb8424a56397d8`,
			params:  []listParam{reviewer},
			columns: taskColumns(),
		},
	}
}

func certificationColumns() []listColumn {
	return []listColumn{
		{name: "certification_id", path: "id"},
		{name: "name", path: "name"},
		{name: "campaign_id", path: "campaign.id", wide: true},
		{name: "campaign_name", path: "campaign.name"},
		{name: "campaign_type", path: "campaign.campaignType", wide: true},
		{name: "phase", path: "phase"},
		{name: "reviewer_id", path: "reviewer.id", wide: true},
		{name: "reviewer_name", path: "reviewer.name"},
		{name: "reviewer_email", path: "reviewer.email", wide: true},
		{name: "reviewer_type", path: "reviewer.type", wide: true},
		{name: "created", path: "created", wide: true},
		{name: "modified", path: "modified", wide: true},
		{name: "due", path: "due"},
		{name: "signed", path: "signed"},
		{name: "completed", path: "completed", wide: true},
		{name: "decisions_made", path: "decisionsMade"},
		{name: "decisions_total", path: "decisionsTotal"},
		{name: "identities_completed", path: "identitiesCompleted", wide: true},
		{name: "identities_total", path: "identitiesTotal", wide: true},
		{name: "reassigned_from_id", path: "reassignment.from.id", wide: true},
		{name: "reassigned_from_reviewer", path: "reassignment.from.reviewer.name", wide: true},
		{name: "reassignment_comment", path: "reassignment.comment", wide: true},
		{name: "has_errors", path: "hasErrors", wide: true},
		{name: "error_message", path: "errorMessage", wide: true},
	}
}

func itemColumns() []listColumn {
	const access, entitlement = "accessSummary.access.", "accessSummary.entitlement."
	return []listColumn{
		{name: "item_id", path: "id"},
		{name: "identity_id", path: "identitySummary.identityId", wide: true},
		{name: "identity_name", path: "identitySummary.name"},
		{name: "access_type", path: access + "type"},
		{name: "access_id", path: access + "id", wide: true},
		{name: "access_name", path: access + "name"},
		{name: "source_id", path: entitlement + "sourceId", wide: true},
		{name: "source_name", path: entitlement + "sourceName"},
		{name: "attribute", path: entitlement + "attributeName", wide: true},
		{name: "value", path: entitlement + "attributeValue", wide: true},
		{name: "account_native_identity", path: entitlement + "account.nativeIdentity", wide: true},
		{name: "privileged", path: entitlement + "privileged|accessSummary.accessProfile.privileged|accessSummary.role.privileged"},
		{name: "has_permissions", path: entitlement + "hasPermissions"},
		{name: "new_access", path: "newAccess", wide: true},
		{name: "completed", path: "completed", wide: true},
		{name: "decision", path: "decision"},
		{name: "comments", path: "comments"},
	}
}

// taskColumns fit both models: in beta the target is a certification and the
// errors are texts.
func taskColumns() []listColumn {
	return []listColumn{
		{name: "task_id", path: "id"},
		{name: "target_type", path: "targetType"},
		{name: "target_id", path: "targetId|certificationId"},
		{name: "type", path: "type"},
		{name: "status", path: "status"},
		{name: "errors", path: "errors.text|errors"},
		{name: "created", path: "created"},
	}
}

// record gives the values of a row's columns; nil where there is none.
func record(row json.RawMessage, columns []listColumn) []*string {
	d := json.NewDecoder(bytes.NewReader(row))
	d.UseNumber() // as the tenant wrote them
	var object any
	if d.Decode(&object) != nil {
		return make([]*string, len(columns))
	}
	values := make([]*string, len(columns))
	for i, c := range columns {
		for path := range strings.SplitSeq(c.path, "|") {
			if found := follow(object, strings.Split(path, ".")); len(found) > 0 {
				values[i] = new(strings.Join(found, "; "))
				break
			}
		}
	}
	return values
}

// follow gives the values that a path leads to: none where something on the way
// is null, missing or plain, several through an array.
func follow(v any, path []string) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var all []string
		for _, x := range v {
			all = append(all, follow(x, path)...)
		}
		return all
	case map[string]any:
		if len(path) > 0 {
			return follow(v[path[0]], path[1:])
		}
	}
	if len(path) > 0 {
		return nil
	}
	if s, ok := v.(string); ok {
		return []string{s}
	}
	text, err := json.Marshal(v) // what was decoded from JSON can be encoded
	if err != nil {
		return nil
	}
	return []string{string(text)}
}
