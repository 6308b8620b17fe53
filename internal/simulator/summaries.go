package simulator

import (
	"cmp"
	"encoding/json"
	"net/http"
)

// reviewedIdentity is a row of the identity summaries.
type reviewedIdentity IdentitySummary

// MarshalJSON renders the row as the items have it.
func (i *reviewedIdentity) MarshalJSON() ([]byte, error) {
	return json.Marshal((*IdentitySummary)(i))
}

func identitySummaryList() list[*reviewedIdentity] {
	return list[*reviewedIdentity]{
		fields: map[string]field[*reviewedIdentity]{
			"id":        text(func(i *reviewedIdentity) string { return i.ID }, "eq", "in"),
			"completed": truth(func(i *reviewedIdentity) bool { return i.Completed }, "eq", "ne"),
			"name":      text(func(i *reviewedIdentity) string { return i.Name }, "eq", "sw"),
		},
		sorters: map[string]func(a, b *reviewedIdentity) int{
			"name": func(a, b *reviewedIdentity) int { return cmp.Compare(a.Name, b.Name) },
		},
	}
}

// listIdentitySummaries takes the summaries from the items, so that the two always
// agree.
func (t *Tenant) listIdentitySummaries(c call) answer {
	cert, refusal, ok := t.world.open(c.http.PathValue("id"))
	if !ok {
		return refusal
	}
	var rows []*reviewedIdentity
	seen := map[string]bool{}
	for _, i := range cert.Items {
		if !seen[i.IdentitySummary.ID] {
			seen[i.IdentitySummary.ID] = true
			rows = append(rows, (*reviewedIdentity)(&i.IdentitySummary))
		}
	}
	return identitySummaryList().answer(t, c.http.URL.Query(), rows)
}

// getDecisionSummary takes one filter, on the reviewed identity.
func (t *Tenant) getDecisionSummary(c call) answer {
	cert, refusal, ok := t.world.open(c.http.PathValue("id"))
	if !ok {
		return refusal
	}
	only := list[*ReviewItem]{fields: map[string]field[*ReviewItem]{
		"identitySummary.id": text(func(i *ReviewItem) string { return i.IdentitySummary.ID }, "eq", "in"),
	}}
	items, err := only.filter(c.http.URL.Query().Get("filters"), cert.Items)
	if err != nil {
		return badRequest("filters: " + err.Error())
	}
	names := map[string][2]string{ // singular, plural
		"ENTITLEMENT":    {"entitlement", "entitlements"},
		"ACCESS_PROFILE": {"accessProfile", "accessProfiles"},
		"ROLE":           {"role", "roles"},
		"ACCOUNT":        {"account", "accounts"},
	}
	summary := map[string]int{}
	for _, name := range names {
		for _, counter := range []string{name[0] + "DecisionsMade", name[0] + "DecisionsTotal", name[1] + "Approved", name[1] + "Revoked"} {
			summary[counter] = 0
		}
	}
	for _, i := range items {
		if i.AccessSummary.Access == nil {
			continue
		}
		name, known := names[i.AccessSummary.Access.Type]
		if !known {
			continue
		}
		summary[name[0]+"DecisionsTotal"]++
		if i.Decision == nil {
			continue
		}
		summary[name[0]+"DecisionsMade"]++
		switch *i.Decision {
		case Approve:
			summary[name[1]+"Approved"]++
		case Revoke:
			summary[name[1]+"Revoked"]++
		}
	}
	return answer{status: http.StatusOK, body: summary}
}
