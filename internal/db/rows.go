package db

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// orders gives each audit view its key, by which its rows are read: in byte
// order, as everything that compares two lists of them does.
var orders = map[string][]string{
	"campaigns":          {"campaign_id"},
	"certifications":     {"certification_id"},
	"reviewers":          {"certification_id", "reviewer_id"},
	"review_items":       {"certification_id", "item_id"},
	"permissions":        {"certification_id", "item_id", "position"},
	"tasks":              {"task_id"},
	"coverage":           {"certification_id", "collection"},
	"reviewer_totals":    {"reviewer_id"},
	"reassignments":      {"certification_id"},
	"revocations":        {"certification_id", "item_id"},
	"decision_intervals": {"certification_id", "first_seen_decided_at", "last_seen_undecided_at", "origin"},
	"changes":            {"object", "certification_id", "object_id", "field", "class", "before", "after"},
}

// extended are the views to which reports have columns of their own, with these.
var extended = map[string]string{
	"certifications": `
		SELECT v.*, c.original_reviewer_id, c.original_reviewer_name, c.reassignments,
		       CASE WHEN coalesce(v.signed, r.started_at) > v.due
		            THEN floor(extract(epoch FROM coalesce(v.signed, r.started_at) - v.due) / 86400)::bigint END AS days_late
		FROM audit.certifications v
		JOIN audit.runs r ON r.tenant = v.tenant AND r.run_id = v.run_id
		LEFT JOIN audit.reassignments c ON c.tenant = v.tenant AND c.run_id = v.run_id AND c.certification_id = v.certification_id`,
	// In one pass, as joining views of many rows would not be: what audit.review_items
	// and audit.decisions say of an item.
	"review_items": `
		SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.item_id, v.identity_id, v.identity_name,
		       v.access_type, v.access_id, v.access_name, v.source_id, v.source_name, v.attribute, v.value,
		       v.account_native_identity, v.privileged, v.has_permissions, v.new_access, v.completed, v.decision, v.comments,
		       undecided.started_at AS last_seen_undecided_at, decided.started_at AS first_seen_decided_at,
		       CASE
		           WHEN v.decision IS NULL THEN NULL
		           WHEN after.status IS NULL THEN 'UNKNOWN'
		           WHEN after.status NOT IN ('COMPLETING', 'COMPLETED', 'ARCHIVED') THEN 'REVIEWER'
		           WHEN before.status = 'ACTIVE' THEN 'AUTO'
		           ELSE 'UNKNOWN'
		       END AS decision_origin, h.reviewer_id, h.reviewer_name, NULL::text[] AS findings, v.raw
		FROM history.shown s
		JOIN history.tenant t USING (tenant_id)
		JOIN history.review_item v
		  ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
		 AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
		LEFT JOIN history.certification h
		  ON h.tenant_id = s.tenant_id AND h.certification_no = s.certification_no
		 AND h.valid_from_run <= s.run_id AND (h.valid_to_run IS NULL OR h.valid_to_run > s.run_id)
		LEFT JOIN history.campaign after
		  ON after.tenant_id = s.tenant_id AND after.campaign_id = h.campaign_id
		 AND after.valid_from_run <= v.first_decided_run AND (after.valid_to_run IS NULL OR after.valid_to_run > v.first_decided_run)
		LEFT JOIN history.campaign before
		  ON before.tenant_id = s.tenant_id AND before.campaign_id = h.campaign_id
		 AND before.valid_from_run <= v.last_undecided_run AND (before.valid_to_run IS NULL OR before.valid_to_run > v.last_undecided_run)
		LEFT JOIN history.run undecided
		  ON undecided.tenant_id = s.tenant_id
		 AND undecided.run_id = CASE WHEN v.decision IS NULL THEN s.captured_run_id ELSE v.last_undecided_run END
		LEFT JOIN history.run decided
		  ON decided.tenant_id = s.tenant_id AND decided.run_id = v.first_decided_run
		WHERE s.collection = 'review_items'`,
	"reviewer_totals": `
		SELECT v.*, 100 * v.approved / nullif(v.decided, 0) AS approved_percent, 100 * v.revoked / nullif(v.decided, 0) AS revoked_percent
		FROM audit.reviewer_totals v`,
	"reassignments": `
		SELECT v.*, floor(extract(epoch FROM v.due - v.first_seen_at) / 86400)::bigint AS days_before_due,
		       (SELECT count(*)
		        FROM audit.review_items i
		        WHERE i.tenant = v.tenant AND i.run_id = v.run_id AND i.certification_id = v.certification_id AND i.identity_id = v.to_reviewer_id) AS own_items
		FROM audit.reassignments v`,
	// Decisions of one certification with the same observed bounds.
	"decision_intervals": `
		SELECT d.tenant, d.run_id, d.certification_id, c.name AS certification_name, d.reviewer_id, d.reviewer_name, d.last_seen_undecided_at,
		       d.first_seen_decided_at, d.origin, count(*) FILTER (WHERE d.decision = 'APPROVE') AS approved, count(*) AS decided
		FROM audit.decisions d
		LEFT JOIN audit.certifications c ON c.tenant = d.tenant AND c.run_id = d.run_id AND c.certification_id = d.certification_id
		GROUP BY d.tenant, d.run_id, d.certification_id, c.name, d.reviewer_id, d.reviewer_name, d.last_seen_undecided_at, d.first_seen_decided_at, d.origin`,
}

// numeric are the keys that are numbers or times and take no collation.
var numeric = []string{"position", "first_seen_decided_at", "last_seen_undecided_at"}

// Reader reads the views as one run sees them, all from one moment of the
// database. It is not safe for concurrent use.
type Reader struct {
	tx       pgx.Tx
	tenant   Tenant
	run      int64
	baseline *int64
}

// Read opens a Reader on a run, compared with baseline (nil: with none), and
// passes it to f.
func (s *Store) Read(ctx context.Context, t Tenant, run int64, baseline *int64, f func(*Reader) error) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return f(&Reader{tx: tx, tenant: t, run: run, baseline: baseline})
	})
}

// Rows yields the rows of an audit view as the run sees it, the columns in the
// order asked, ordered by the view's key in byte order, nulls first. Values are
// nil, string, bool, int64, time.Time in UTC, or []string; the column raw is of
// none of these and is not read this way. An error ends the sequence.
func (r *Reader) Rows(ctx context.Context, view string, columns []string) iter.Seq2[[]any, error] {
	from := pgx.Identifier{"audit", view}.Sanitize()
	if sql, ok := extended[view]; ok {
		from = `(` + sql + `) v`
	}
	return r.rows(ctx, view, columns, from+` WHERE tenant = $1 AND run_id = $2`, r.tenant.Name, r.run)
}

// Changes yields what changed from the baseline to the run, likewise; nothing
// where there is no baseline.
func (r *Reader) Changes(ctx context.Context, columns []string) iter.Seq2[[]any, error] {
	if r.baseline == nil {
		return func(func([]any, error) bool) {}
	}
	return r.rows(ctx, "changes", columns, `audit.changes_between($1, $2)`, *r.baseline, r.run)
}

func (r *Reader) rows(ctx context.Context, view string, columns []string, from string, args ...any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		key, ok := orders[view]
		if !ok {
			yield(nil, fmt.Errorf("read rows: no view %q", view))
			return
		}
		names := make([]string, len(columns))
		for i, c := range columns {
			names[i] = pgx.Identifier{c}.Sanitize()
		}
		order := make([]string, len(key))
		for i, k := range key {
			order[i] = pgx.Identifier{k}.Sanitize()
			if !slices.Contains(numeric, k) {
				order[i] += ` COLLATE "C"`
			}
			order[i] += ` NULLS FIRST`
		}
		rows, err := r.tx.Query(ctx, `SELECT `+strings.Join(names, ", ")+` FROM `+from+` ORDER BY `+strings.Join(order, ", "), args...)
		if err != nil {
			yield(nil, fmt.Errorf("read %s: %w", view, err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				yield(nil, fmt.Errorf("read %s: %w", view, err))
				return
			}
			for i, v := range values {
				values[i] = plain(v)
			}
			if !yield(values, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, fmt.Errorf("read %s: %w", view, err))
		}
	}
}

// plain turns what pgx decodes into the few types that Rows promises.
func plain(v any) any {
	switch v := v.(type) {
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case time.Time:
		return v.UTC()
	case []any: // text[]
		out := make([]string, len(v))
		for i, x := range v {
			out[i], _ = x.(string)
		}
		return out
	default:
		return v
	}
}
