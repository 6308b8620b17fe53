package db

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// namesBatch is how many objects are looked up by one query.
const namesBatch = 5000

// ItemKey names one review item of a tenant.
type ItemKey struct{ CertificationID, ItemID string }

// ItemNames are what people call a review item; nil where the tenant does not say.
type ItemNames struct{ Identity, Access *string }

// CertificationNames are what people call a certification, and who reviews it
// at either run; nil where the tenant does not say, or the run does not know it.
type CertificationNames struct{ Name, Reviewer, ReviewerBefore *string }

// ItemNames gives the names of some review items as of the run, or, where it does
// not have the item, as of the baseline. Items that neither has are left out. An
// item is found by its key, so that the cost follows the number of keys.
func (r *Reader) ItemNames(ctx context.Context, keys []ItemKey) (map[ItemKey]ItemNames, error) {
	names := map[ItemKey]ItemNames{}
	for batch := range slices.Chunk(keys, namesBatch) {
		certifications, items := make([]string, len(batch)), make([]string, len(batch))
		for i, k := range batch {
			certifications[i], items[i] = k.CertificationID, k.ItemID
		}
		var key ItemKey
		var n ItemNames
		err := r.each(ctx, `
			SELECT w.certification_id, w.item_id, v.identity_name, v.access_name
			FROM unnest($4::text[], $5::text[]) AS w (certification_id, item_id)
			JOIN history.known_certification k ON k.tenant_id = $1 AND k.certification_id = w.certification_id
			CROSS JOIN LATERAL (
			    SELECT v.identity_name, v.access_name
			    FROM history.review_item v
			    WHERE v.tenant_id = $1 AND v.certification_no = k.certification_no AND v.item_id = w.item_id
			      AND (v.valid_from_run <= $2 AND (v.valid_to_run IS NULL OR v.valid_to_run > $2)
			        OR v.valid_from_run <= $3 AND (v.valid_to_run IS NULL OR v.valid_to_run > $3))
			    ORDER BY v.valid_from_run <= $2 AND (v.valid_to_run IS NULL OR v.valid_to_run > $2) DESC
			    LIMIT 1
			) v`,
			[]any{certifications, items}, []any{&key.CertificationID, &key.ItemID, &n.Identity, &n.Access},
			func() { names[key] = n })
		if err != nil {
			return nil, fmt.Errorf("names of review items: %w", err)
		}
	}
	return names, nil
}

// CertificationNames gives the names of some certifications, likewise.
func (r *Reader) CertificationNames(ctx context.Context, ids []string) (map[string]CertificationNames, error) {
	names := map[string]CertificationNames{}
	for batch := range slices.Chunk(ids, namesBatch) {
		var id string
		var n CertificationNames
		err := r.each(ctx, `
			SELECT k.certification_id, coalesce(b.name, a.name), b.reviewer_name, a.reviewer_name
			FROM unnest($4::text[]) AS w (certification_id)
			JOIN history.known_certification k ON k.tenant_id = $1 AND k.certification_id = w.certification_id
			LEFT JOIN LATERAL (
			    SELECT v.certification_no, v.name, v.reviewer_name
			    FROM history.certification v
			    WHERE v.tenant_id = $1 AND v.certification_no = k.certification_no
			      AND v.valid_from_run <= $2 AND (v.valid_to_run IS NULL OR v.valid_to_run > $2)
			    LIMIT 1
			) b ON true
			LEFT JOIN LATERAL (
			    SELECT v.certification_no, v.name, v.reviewer_name
			    FROM history.certification v
			    WHERE v.tenant_id = $1 AND v.certification_no = k.certification_no
			      AND v.valid_from_run <= $3 AND (v.valid_to_run IS NULL OR v.valid_to_run > $3)
			    LIMIT 1
			) a ON true
			WHERE a.certification_no IS NOT NULL OR b.certification_no IS NOT NULL`,
			[]any{batch}, []any{&id, &n.Name, &n.Reviewer, &n.ReviewerBefore},
			func() { names[id] = n })
		if err != nil {
			return nil, fmt.Errorf("names of certifications: %w", err)
		}
	}
	return names, nil
}

// each scans the rows of a query whose first arguments are the tenant, the run and
// the baseline, which is the run itself where there is none.
func (r *Reader) each(ctx context.Context, sql string, args, into []any, f func()) error {
	baseline := r.run
	if r.baseline != nil {
		baseline = *r.baseline
	}
	rows, err := r.tx.Query(ctx, sql, append([]any{r.tenant.ID, r.run, baseline}, args...)...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, into, func() error { f(); return nil })
	return err
}
