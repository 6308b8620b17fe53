package fetch

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"exporter/internal/snapshot"
)

// accessTypes are the values that review items are cut by where their list is
// not served to its end: those that occur first, then what else the contract
// names. That they are all there are is not relied on: the union of the parts
// has to have as many items as the whole list states.
var accessTypes = []string{
	"ENTITLEMENT", "ACCESS_PROFILE", "ROLE",
	"ACCOUNT_CORRELATION_CONFIG", "ACCESS_REQUEST_APPROVAL", "ACCOUNT", "APPLICATION", "CAMPAIGN", "CAMPAIGN_FILTER", "CERTIFICATION",
	"CLUSTER", "CONNECTOR_SCHEMA", "GOVERNANCE_GROUP", "IDENTITY", "IDENTITY_PROFILE", "IDENTITY_REQUEST", "MACHINE_IDENTITY",
	"LIFECYCLE_STATE", "PASSWORD_POLICY", "RULE", "SOD_POLICY", "SOURCE", "TAG", "TAG_CATEGORY", "TASK_RESULT", "REPORT_RESULT",
	"SOD_VIOLATION", "ACCOUNT_ACTIVITY", "WORKGROUP",
}

const identitiesPerPart = 25 // ids in a filter, to begin with

// parts is a list while it is read in parts.
type parts struct {
	client        *Client
	certification string
	sink          snapshot.Sink[snapshot.ReviewItem]
	identities    []string // ids of identity summaries, once they are needed
	seen          map[string]bool
	entries       []snapshot.Entry
	read          int64
	why           string // a part was not proved
}

// itemsInParts reads the review items of a certification by access type, and
// where even one type is too long, by identity. whole is the reading that was
// refused beyond some offset; its total is what the parts have to add up to.
func (c *Client) itemsInParts(ctx context.Context, certificationID string, whole Proof, sink snapshot.Sink[snapshot.ReviewItem]) (Proof, error) {
	if whole.Expected == nil {
		whole.Why += ", and states no total that its parts could be held against"
		return whole, nil
	}
	total := *whole.Expected
	for attempt := 1; ; attempt++ {
		if err := sink.Restart(ctx); err != nil {
			return Proof{}, err
		}
		p := &parts{client: c, certification: certificationID, sink: sink, seen: map[string]bool{}}
		for _, kind := range accessTypes {
			if p.read >= total {
				break
			}
			if err := p.take(ctx, "access.type eq "+strconv.Quote(kind), p.byIdentity); err != nil {
				return Proof{}, err
			}
		}
		end, err := fetchPage(ctx, c, c.reviewItems(certificationID, ""), 1, 0, true)
		if err != nil {
			return Proof{}, err
		}
		why := p.doubt(total, end.total)
		if why == "" || attempt == maxReadings || end.total == nil {
			distinct := int64(len(p.seen))
			expected := total
			return Proof{
				Proved: why == "", Why: why, Expected: &expected, Read: p.read, Distinct: &distinct,
				Attempts: whole.Attempts + attempt, Digest: snapshot.CollectionDigest(p.entries), Cap: why != "",
			}, nil
		}
		total = *end.total
	}
}

// doubt says why the parts do not prove the whole; empty: they do.
func (p *parts) doubt(start int64, end *int64) string {
	distinct := int64(len(p.seen))
	switch {
	case p.why != "":
		return "read in parts: " + p.why
	case end == nil || *end != start:
		return "read in parts: the total of the whole list did not hold still"
	case p.read != start || distinct != start:
		return fmt.Sprintf("read in parts: %d rows with %d distinct ids of a stated total of %d", p.read, distinct, start)
	}
	return ""
}

// take reads the part that a filter makes, or cuts it finer where it is too
// long as well.
func (p *parts) take(ctx context.Context, filter string, finer func(context.Context, string) error) error {
	var part snapshot.Gathered[snapshot.ReviewItem]
	proof, err := read(ctx, p.client, p.client.reviewItems(p.certification, filter), &part)
	if err != nil {
		return err
	}
	if proof.Cap && finer != nil {
		return finer(ctx, filter)
	}
	if !proof.Proved {
		p.why = fmt.Sprintf("%s: %s", filter, proof.Why)
	}
	p.read += proof.Read
	fresh := part.Rows[:0]
	for _, item := range part.Rows {
		if !p.seen[item.ID] {
			p.seen[item.ID] = true
			p.entries = append(p.entries, snapshot.Entry{ID: item.ID, Digest: item.Digest})
			fresh = append(fresh, item)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	return p.sink.Page(ctx, fresh)
}

// byIdentity cuts a part by the identities under review, some at a time, and
// where these have too many items too, fewer at a time.
func (p *parts) byIdentity(ctx context.Context, filter string) error {
	if p.identities == nil {
		ids, proof, err := p.client.identitySummaries(ctx, p.certification)
		if err != nil {
			return err
		}
		if !proof.Proved {
			p.why = "identity summaries: " + proof.Why
			return nil
		}
		p.identities = ids
	}
	for ids := p.identities; len(ids) > 0; {
		n := min(len(ids), identitiesPerPart)
		if err := p.identitiesPart(ctx, filter, ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (p *parts) identitiesPart(ctx context.Context, filter string, ids []string) error {
	var halves func(context.Context, string) error
	if len(ids) > 1 {
		halves = func(ctx context.Context, _ string) error {
			if err := p.identitiesPart(ctx, filter, ids[:len(ids)/2]); err != nil {
				return err
			}
			return p.identitiesPart(ctx, filter, ids[len(ids)/2:])
		}
	}
	return p.take(ctx, filter+" and "+In("identitySummary.id", ids), halves)
}

// identitySummaries reads the ids of the identities that a certification
// reviews.
//
// Contract: GET /certifications/v1/{id}/identity-summaries.
func (c *Client) identitySummaries(ctx context.Context, certificationID string) ([]string, Proof, error) {
	var all snapshot.Gathered[string]
	proof, err := read(ctx, c, list[string]{
		op: opIdentities, path: c.paths.path(opIdentities, certificationID, ""),
		decode: func(d *decoder, raw json.RawMessage) row[string] {
			o, _, digest, ok := d.parse(raw, plain("id name identityId completed"))
			if !ok {
				return row[string]{null: true}
			}
			id := deref(o.text("id"))
			return row[string]{value: id, id: id, digest: digest}
		},
	}, &all)
	return all.Rows, proof, err
}
