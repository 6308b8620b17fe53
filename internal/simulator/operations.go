package simulator

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

func campaignList() list[*Campaign] {
	return list[*Campaign]{
		fields: map[string]field[*Campaign]{
			"id":     text(func(c *Campaign) string { return c.ID }, "eq", "in"),
			"name":   text(func(c *Campaign) string { return c.Name }, "eq", "sw"),
			"status": text(func(c *Campaign) string { return c.Status }, "eq", "in"),
		},
		sorters: map[string]func(a, b *Campaign) int{
			"name":    func(a, b *Campaign) int { return cmp.Compare(a.Name, b.Name) },
			"created": func(a, b *Campaign) int { return compareTimes(a.Created, b.Created) },
		},
	}
}

// compareTimes puts null last.
func compareTimes(a, b *time.Time) int {
	if a == nil || b == nil {
		return cmp.Compare(btoi(a == nil), btoi(b == nil))
	}
	return a.Compare(*b)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (t *Tenant) listCampaigns(c call) answer {
	query := c.http.URL.Query()
	a := campaignList().answer(t, query, t.world.Campaigns)
	switch query.Get("detail") {
	case "", "SLIM":
	case "FULL":
		if a.page != nil {
			for i, row := range a.page.rows {
				a.page.rows[i] = row.(*Campaign).full()
			}
		}
	default:
		return badRequest("detail must be SLIM or FULL")
	}
	return a
}

func certificationList() list[*Certification] {
	return list[*Certification]{
		fields: map[string]field[*Certification]{
			"id":          text(func(c *Certification) string { return c.ID }, "eq", "in"),
			"campaign.id": text(func(c *Certification) string { return c.Campaign.ID }, "eq", "in"),
			"phase":       text(func(c *Certification) string { return c.Phase }, "eq"),
			"completed":   truth(func(c *Certification) bool { return c.Completed }, "eq"),
		},
		sorters: map[string]func(a, b *Certification) int{
			"name":   func(a, b *Certification) int { return cmp.Compare(a.Name, b.Name) },
			"due":    func(a, b *Certification) int { return compareTimes(a.Due, b.Due) },
			"signed": func(a, b *Certification) int { return compareTimes(a.Signed, b.Signed) },
		},
	}
}

func (t *Tenant) listCertifications(c call) answer {
	query := c.http.URL.Query()
	var rows []*Certification
	for _, cert := range t.world.Certifications {
		hidden := t.options.HideGovernanceGroups && cert.governed()
		if !hidden && t.world.visible(cert) && t.world.reviewedBy(cert, query) {
			rows = append(rows, cert)
		}
	}
	return certificationList().answer(t, query, rows)
}

// reviewedBy applies the parameter reviewer-identity, an identity's id or me. The
// contract of beta spells it otherwise.
func (w *World) reviewedBy(c *Certification, query url.Values) bool {
	want := cmp.Or(query.Get("reviewer-identity"), query.Get("reviewer-identitiy"))
	if want == "me" {
		want = w.Caller.ID
	}
	return want == "" || c != nil && c.Reviewer != nil && c.Reviewer.ID == want
}

func (t *Tenant) getCertification(c call) answer {
	cert, refusal, ok := t.world.open(c.http.PathValue("id"))
	if !ok {
		return refusal
	}
	return answer{status: http.StatusOK, body: cert}
}

func itemList() list[*ReviewItem] {
	access := func(i *ReviewItem) Access {
		if i.AccessSummary.Access == nil {
			return Access{}
		}
		return *i.AccessSummary.Access
	}
	accessType := func(i *ReviewItem) string { return access(i).Type }
	accessName := func(i *ReviewItem) string { return access(i).Name }
	person := func(i *ReviewItem) string { return i.IdentitySummary.Name }
	source := func(i *ReviewItem) string {
		if e := i.AccessSummary.Entitlement; e != nil {
			return e.SourceName
		}
		return ""
	}
	by := func(value func(*ReviewItem) string) func(a, b *ReviewItem) int {
		return func(a, b *ReviewItem) int { return cmp.Compare(value(a), value(b)) }
	}
	return list[*ReviewItem]{
		fields: map[string]field[*ReviewItem]{
			"id":                       text(func(i *ReviewItem) string { return i.ID }, "eq", "in"),
			"type":                     text(accessType, "eq"),
			"access.type":              text(accessType, "eq"),
			"completed":                truth(func(i *ReviewItem) bool { return i.Completed }, "eq", "ne"),
			"identitySummary.id":       text(func(i *ReviewItem) string { return i.IdentitySummary.ID }, "eq", "in"),
			"identitySummary.name":     text(person, "eq", "sw"),
			"access.id":                text(func(i *ReviewItem) string { return access(i).ID }, "eq", "in"),
			"access.name":              text(accessName, "eq", "sw"),
			"entitlement.sourceName":   text(source, "eq", "sw"),
			"accessProfile.sourceName": {ops: []string{"eq", "sw"}, value: profileSources},
		},
		sorters: map[string]func(a, b *ReviewItem) int{
			"identitySummary.name":   by(person),
			"access.name":            by(accessName),
			"access.type":            by(accessType),
			"entitlement.sourceName": by(source),
			"accessProfile.sourceName": func(a, b *ReviewItem) int {
				return slices.Compare(profileSources(a), profileSources(b))
			},
		},
	}
}

// profileSources are the sources an access profile's entitlements live on.
func profileSources(i *ReviewItem) []string {
	if i.AccessSummary.AccessProfile == nil {
		return nil
	}
	var names []string
	for _, e := range i.AccessSummary.AccessProfile.Entitlements {
		names = append(names, e.SourceName)
	}
	return names
}

func (t *Tenant) listItems(c call) answer {
	cert, refusal, ok := t.world.open(c.http.PathValue("id"))
	if !ok {
		return refusal
	}
	query := c.http.URL.Query()
	rows, narrowed := cert.Items, false
	for parameter, kind := range map[string]string{"entitlements": "ENTITLEMENT", "access-profiles": "ACCESS_PROFILE", "roles": "ROLE"} {
		if query.Get(parameter) == "" {
			continue
		}
		if narrowed {
			return badRequest("only one of entitlements, access-profiles and roles may be used")
		}
		narrowed = true
		ids := strings.Split(query.Get(parameter), ",")
		rows = slices.DeleteFunc(slices.Clone(rows), func(i *ReviewItem) bool {
			access := i.AccessSummary.Access
			return access == nil || access.Type != kind || !slices.Contains(ids, access.ID)
		})
	}
	return itemList().answer(t, query, rows)
}

func permissionList() list[*Permission] {
	return list[*Permission]{
		pair: true,
		fields: map[string]field[*Permission]{
			"target": {ops: []string{"eq", "sw"}, fold: true, value: func(p *Permission) []string { return []string{p.Target} }},
			"rights": {ops: []string{"ca"}, fold: true, value: func(p *Permission) []string { return p.Rights }},
		},
	}
}

func (t *Tenant) listPermissions(c call) answer {
	cert, refusal, ok := t.world.open(c.http.PathValue("id"))
	if !ok {
		return refusal
	}
	id := c.http.PathValue("itemId")
	item := find(cert.Items, func(i *ReviewItem) bool { return i.ID == id })
	if item == nil {
		return notFound("no review item " + id)
	}
	var rows []*Permission
	if item.HasPermissions() {
		rows = item.Permissions
	}
	return permissionList().answer(t, c.http.URL.Query(), rows)
}

func reviewerList() list[*Reviewer] {
	// A null row has no value to compare with: it matches nothing, sorts first.
	of := func(value func(*Reviewer) string) func(*Reviewer) string {
		return func(r *Reviewer) string {
			if r == nil {
				return ""
			}
			return value(r)
		}
	}
	name := of(func(r *Reviewer) string { return r.Name })
	email := of(func(r *Reviewer) string {
		if r.Email == nil {
			return ""
		}
		return *r.Email
	})
	return list[*Reviewer]{
		fields: map[string]field[*Reviewer]{
			"id":    text(of(func(r *Reviewer) string { return r.ID }), "eq", "in"),
			"name":  text(name, "eq", "sw"),
			"email": text(email, "eq", "sw"),
		},
		sorters: map[string]func(a, b *Reviewer) int{
			"name":  func(a, b *Reviewer) int { return cmp.Compare(name(a), name(b)) },
			"email": func(a, b *Reviewer) int { return cmp.Compare(email(a), email(b)) },
		},
	}
}

func (t *Tenant) listReviewers(c call) answer {
	cert, refusal, ok := t.world.open(c.http.PathValue("id"))
	if !ok {
		return refusal
	}
	return reviewerList().answer(t, c.http.URL.Query(), cert.Reviewers)
}

func taskList() list[*Task] {
	return list[*Task]{fields: map[string]field[*Task]{
		"id":       text(func(k *Task) string { return k.ID }, "eq", "in"),
		"targetId": text(func(k *Task) string { return k.TargetID }, "eq", "in"),
		"type":     text(func(k *Task) string { return k.Type }, "eq", "in"),
	}}
}

// listTasks shows pending tasks only; a finished one is reachable by its id.
func (t *Tenant) listTasks(c call) answer {
	query := c.http.URL.Query()
	var rows []*Task
	for _, k := range t.world.Tasks {
		if k.pending() && t.world.reviewedBy(t.world.Certification(k.TargetID), query) {
			rows = append(rows, k)
		}
	}
	return taskList().answer(t, query, rows)
}

func (t *Tenant) getTask(c call) answer {
	id := c.http.PathValue("taskId")
	k := t.world.Task(id)
	if k == nil {
		return notFound("no task " + id)
	}
	return answer{status: http.StatusOK, body: k}
}

// listNextGeneration is still experimental in the API: it wants a header that
// says the caller knows.
func (t *Tenant) listNextGeneration(c call) answer {
	if c.http.Header.Get("X-SailPoint-Experimental") != "true" {
		return badRequest("X-SailPoint-Experimental: true is required")
	}
	return list[*NextGenerationCampaign]{}.answer(t, c.http.URL.Query(), t.world.NextGeneration)
}
