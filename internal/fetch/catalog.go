package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"exporter/internal/snapshot"
)

// query makes a list's query from its filter; an empty filter is left out.
func query(filters string) url.Values {
	q := url.Values{}
	if filters != "" {
		q.Set("filters", filters)
	}
	return q
}

// Campaigns reads the list of campaigns, slim.
//
// Contract: GET /campaigns/v1.
func (c *Client) Campaigns(ctx context.Context, filters string, sink snapshot.Sink[snapshot.Campaign]) (Proof, error) {
	q := query(filters)
	q.Set("detail", "SLIM")
	return read(ctx, c, list[snapshot.Campaign]{
		op: opCampaigns, path: c.paths.path(opCampaigns, "", ""), query: q, decode: campaign,
	}, sink)
}

func campaign(d *decoder, raw json.RawMessage) row[snapshot.Campaign] {
	o, clean, digest, ok := d.parse(raw, campaignFields)
	if !ok {
		return row[snapshot.Campaign]{null: true}
	}
	v := snapshot.Campaign{
		ID:                      deref(o.text("id")),
		Name:                    o.text("name"),
		Type:                    o.enum("type", campaignTypes...),
		Status:                  o.enum("status", "PENDING", "STAGED", "CANCELING", "ACTIVATING", "ACTIVE", "COMPLETING", "COMPLETED", "ERROR", "ARCHIVED"),
		Created:                 o.time("created"),
		Deadline:                o.time("deadline"),
		TotalCertifications:     o.integer("totalCertifications"),
		CompletedCertifications: o.integer("completedCertifications"),
		Object:                  snapshot.Object{Raw: clean, Digest: digest},
	}
	return row[snapshot.Campaign]{value: v, id: v.ID, digest: digest}
}

var campaignTypes = []string{"MANAGER", "SOURCE_OWNER", "SEARCH", "ROLE_COMPOSITION", "MACHINE_ACCOUNT"}

// Certifications reads the list of certifications that the token can see.
//
// Contract: GET /certifications/v1.
func (c *Client) Certifications(ctx context.Context, filters string, sink snapshot.Sink[snapshot.Certification]) (Proof, error) {
	return read(ctx, c, list[snapshot.Certification]{
		op: opCertifications, path: c.paths.path(opCertifications, "", ""), query: query(filters), decode: certification,
	}, sink)
}

// Certification reads one certification by its id.
//
// Contract: GET /certifications/v1/{id}.
func (c *Client) Certification(ctx context.Context, id string) (snapshot.Certification, error) {
	return one(ctx, c, opCertification, id, "", certification)
}

func certification(d *decoder, raw json.RawMessage) row[snapshot.Certification] {
	o, clean, digest, ok := d.parse(raw, certificationFields)
	if !ok {
		return row[snapshot.Certification]{null: true}
	}
	campaign, reviewer := o.object("campaign"), o.object("reviewer")
	reassignment := o.object("reassignment")
	from := reassignment.object("from")
	v := snapshot.Certification{
		ID:                  deref(o.text("id")),
		Name:                o.text("name"),
		CampaignID:          campaign.text("id"),
		CampaignName:        campaign.text("name"),
		CampaignType:        campaign.enum("campaignType", campaignTypes...),
		Phase:               o.enum("phase", "STAGED", "ACTIVE", snapshot.PhaseSigned),
		ReviewerID:          reviewer.text("id"),
		ReviewerName:        reviewer.text("name"),
		ReviewerEmail:       reviewer.text("email"),
		ReviewerType:        reviewer.enum("type", "IDENTITY", snapshot.ReviewerGovernanceGroup),
		Created:             o.time("created"),
		Modified:            o.time("modified"),
		Due:                 o.time("due"),
		Signed:              o.time("signed"),
		Completed:           o.boolean("completed"),
		DecisionsMade:       o.integer("decisionsMade"),
		DecisionsTotal:      o.integer("decisionsTotal"),
		IdentitiesCompleted: o.integer("identitiesCompleted"),
		IdentitiesTotal:     o.integer("identitiesTotal"),
		ReassignedFromID:    from.text("id"),
		ReassignedFromOwner: from.object("reviewer").text("name"),
		ReassignmentComment: reassignment.text("comment"),
		HasErrors:           o.boolean("hasErrors"),
		ErrorMessage:        o.text("errorMessage"),
		Object:              snapshot.Object{Raw: clean, Digest: digest},
	}
	return row[snapshot.Certification]{value: v, id: v.ID, digest: digest}
}

// Reviewers reads the reviewers of a certification.
//
// Contract: GET /certifications/v1/{id}/reviewers.
func (c *Client) Reviewers(ctx context.Context, certificationID, filters string, sink snapshot.Sink[snapshot.Reviewer]) (Proof, error) {
	return read(ctx, c, list[snapshot.Reviewer]{
		op: opReviewers, path: c.paths.path(opReviewers, certificationID, ""), query: query(filters), decode: reviewer,
	}, sink)
}

func reviewer(d *decoder, raw json.RawMessage) row[snapshot.Reviewer] {
	o, clean, digest, ok := d.parse(raw, reviewerFields)
	if !ok {
		return row[snapshot.Reviewer]{null: true}
	}
	v := snapshot.Reviewer{
		ID:     deref(o.text("id")),
		Name:   o.text("name"),
		Email:  o.text("email"),
		Type:   o.text("type"),
		Object: snapshot.Object{Raw: clean, Digest: digest},
	}
	return row[snapshot.Reviewer]{value: v, id: v.ID, digest: digest}
}

// ReviewItems reads the review items of a certification.
//
// Contract: GET /certifications/v1/{id}/access-review-items.
//
// Where the tenant does not serve the list to its end, it is read in parts.
func (c *Client) ReviewItems(ctx context.Context, certificationID string, sink snapshot.Sink[snapshot.ReviewItem]) (Proof, error) {
	proof, err := read(ctx, c, c.reviewItems(certificationID, ""), sink)
	if err != nil || !proof.Cap {
		return proof, err
	}
	return c.itemsInParts(ctx, certificationID, proof, sink)
}

func (c *Client) reviewItems(certificationID, filters string) list[snapshot.ReviewItem] {
	return list[snapshot.ReviewItem]{
		op: opReviewItems, path: c.paths.path(opReviewItems, certificationID, ""), query: query(filters), decode: reviewItem,
	}
}

func reviewItem(d *decoder, raw json.RawMessage) row[snapshot.ReviewItem] {
	o, clean, digest, ok := d.parse(raw, reviewItemFields)
	if !ok {
		return row[snapshot.ReviewItem]{null: true}
	}
	identity, summary := o.object("identitySummary"), o.object("accessSummary")
	access, entitlement := summary.object("access"), summary.object("entitlement")
	v := snapshot.ReviewItem{
		ID:                    deref(o.text("id")),
		IdentityID:            identity.text("identityId"),
		IdentityName:          identity.text("name"),
		AccessType:            access.text("type"),
		AccessID:              access.text("id"),
		AccessName:            access.text("name"),
		SourceID:              entitlement.text("sourceId"),
		SourceName:            entitlement.text("sourceName"),
		Attribute:             entitlement.text("attributeName"),
		Value:                 entitlement.text("attributeValue"),
		AccountNativeIdentity: entitlement.object("account").text("nativeIdentity"),
		HasPermissions:        entitlement.boolean("hasPermissions"),
		NewAccess:             o.boolean("newAccess"),
		Completed:             o.boolean("completed"),
		Decision:              o.enum("decision", "APPROVE", "REVOKE"),
		Comments:              o.text("comments"),
		EntitlementID:         entitlement.text("id"),
		IsPermission:          entitlement.boolean("isPermission"),
		Object:                snapshot.Object{Raw: clean, Digest: digest},
	}
	// The flag stands at whichever of the three the access is.
	for _, kind := range []string{"entitlement", "accessProfile", "role"} {
		if v.Privileged = summary.object(kind).boolean("privileged"); v.Privileged != nil {
			break
		}
	}
	return row[snapshot.ReviewItem]{value: v, id: v.ID, digest: digest}
}

// Permissions reads the permissions of a review item.
//
// Contract: GET /certifications/v1/{certificationId}/access-review-items/{itemId}/permissions.
func (c *Client) Permissions(ctx context.Context, certificationID, itemID, filters string) (snapshot.ItemPermissions, Proof, error) {
	var all snapshot.Gathered[snapshot.Permission]
	proof, err := read(ctx, c, list[snapshot.Permission]{
		op: opPermissions, path: c.paths.path(opPermissions, certificationID, itemID), query: query(filters),
		noIDs: true, decode: permission,
	}, &all)
	if err != nil {
		return snapshot.ItemPermissions{}, proof, err
	}
	p := snapshot.ItemPermissions{ItemID: itemID, Permissions: all.Rows}
	p.Digest, err = snapshot.PermissionsDigest(all.Rows)
	return p, proof, err
}

func permission(d *decoder, raw json.RawMessage) row[snapshot.Permission] {
	o, clean, _, ok := d.parse(raw, permissionFields)
	if !ok {
		return row[snapshot.Permission]{null: true}
	}
	return row[snapshot.Permission]{
		value:  snapshot.Permission{Target: o.text("target"), Rights: o.texts("rights")},
		digest: sha256.Sum256(clean),
	}
}

// Tasks reads the unfinished tasks of the whole tenant.
//
// Contract: GET /certification-tasks/v1.
func (c *Client) Tasks(ctx context.Context, filters string, sink snapshot.Sink[snapshot.Task]) (Proof, error) {
	return read(ctx, c, list[snapshot.Task]{
		op: opTasks, path: c.paths.path(opTasks, "", ""), query: query(filters), decode: task,
	}, sink)
}

// TasksByCertification says whether this API version tells of tasks by
// certification alone: beta does.
func (c *Client) TasksByCertification() bool { return strings.Contains(c.paths[opTasks], "{id}") }

// CertificationTasks reads the unfinished tasks of one certification, where
// TasksByCertification says so. The list has no pages and states no total.
//
// Contract: GET /beta/certifications/{id}/tasks-pending.
func (c *Client) CertificationTasks(ctx context.Context, certificationID string, sink snapshot.Sink[snapshot.Task]) (Proof, error) {
	return read(ctx, c, list[snapshot.Task]{
		op: opTasks, path: c.paths.path(opTasks, certificationID, ""), unpaged: true, decode: task,
	}, sink)
}

// Task reads one task by its id, finished or not. certificationID is needed
// where TasksByCertification says so.
//
// Contract: GET /certification-tasks/v1/{id}, /beta/certifications/{id}/tasks/{taskId}.
func (c *Client) Task(ctx context.Context, certificationID, id string) (snapshot.Task, error) {
	return one(ctx, c, opTask, certificationID, id, task)
}

func task(d *decoder, raw json.RawMessage) row[snapshot.Task] {
	o, clean, digest, ok := d.parse(raw, taskFields)
	if !ok {
		return row[snapshot.Task]{null: true}
	}
	v := snapshot.Task{
		ID: deref(o.text("id")),
		Type: o.enum("type", "REASSIGN", "ADMIN_REASSIGN", "COMPLETE_CERTIFICATION", "FINISH_CERTIFICATION",
			"COMPLETE_CAMPAIGN", "ACTIVATE_CAMPAIGN", "CAMPAIGN_CREATE", "CAMPAIGN_DELETE"),
		TargetType: o.enum("targetType", "CERTIFICATION", "CAMPAIGN"),
		TargetID:   o.text("targetId"),
		Status:     o.enum("status", "QUEUED", "IN_PROGRESS", snapshot.TaskSuccess, snapshot.TaskError),
		Created:    o.time("created"),
		Object:     snapshot.Object{Raw: clean, Digest: digest},
	}
	if v.TargetType != nil && *v.TargetType == "CERTIFICATION" {
		v.CertificationID = v.TargetID
	}
	if id := o.text("certificationId"); id != nil { // beta's tasks have no other target
		v.CertificationID, v.TargetType, v.TargetID = id, new("CERTIFICATION"), id
	}
	for _, e := range o.objects("errors") {
		if text := e.text("text"); text != nil {
			v.Errors = append(v.Errors, *text)
		}
	}
	return row[snapshot.Task]{value: v, id: v.ID, digest: digest}
}

// NextGenerationCampaigns asks whether the tenant has campaigns of the next
// generation, which the other lists may not show. known is false where the
// tenant states no total or does not serve the path.
//
// Path: GET /certification-campaigns/v1/campaigns (experimental, not in the contract).
func (c *Client) NextGenerationCampaigns(ctx context.Context) (count int64, known bool, err error) {
	q := url.Values{"limit": {"1"}, "count": {"true"}}
	err = c.get(ctx, opNextGeneration, c.paths[opNextGeneration], q, func(h http.Header, body []byte) error {
		var rows []json.RawMessage
		if json.Unmarshal(body, &rows) != nil {
			return nil // an experimental answer of another shape tells us nothing
		}
		count, known = int64(len(rows)), true
		if n, err := strconv.ParseInt(h.Get("X-Total-Count"), 10, 64); err == nil {
			count = n
		}
		return nil
	})
	var e *Error
	if errors.As(err, &e) && !errors.Is(err, ErrAuth) {
		return 0, false, nil
	}
	return count, known, err
}

// one reads a single object by its id.
func one[T any](ctx context.Context, c *Client, op operation, id, item string, decode func(*decoder, json.RawMessage) row[T]) (T, error) {
	var v T
	err := c.get(ctx, op, c.paths.path(op, id, item), nil, single(c, op, decode, &v))
	return v, err
}

// single parses a body that is one object.
func single[T any](c *Client, op operation, decode func(*decoder, json.RawMessage) row[T], into *T) func(http.Header, []byte) error {
	return func(_ http.Header, body []byte) error {
		if !json.Valid(body) {
			return errors.New("body is not JSON")
		}
		r := decode(&decoder{stats: &c.stats, list: op}, body)
		if r.null || r.id == "" {
			return errors.New("body is not the object asked for")
		}
		*into = r.value
		return nil
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// In is a filter clause: field in ("a","b"), with the values escaped. The
// grammar knows no escape but the backslash before a character that is meant.
func In(field string, values []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = `"` + escape.Replace(v) + `"`
	}
	return field + " in (" + strings.Join(quoted, ",") + ")"
}
