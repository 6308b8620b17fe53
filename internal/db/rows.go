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
	"ranked_changes":     {"rank", "object", "certification_id", "object_id", "field", "class", "before", "after"},
	"balances":           {"certification_id", "collection"},
}

// numeric are the keys that are numbers or times and take no collation.
var numeric = []string{"rank", "position", "first_seen_decided_at", "last_seen_undecided_at"}

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
	return r.at(ctx, r.run, view, columns)
}

// Baseline yields the rows of an audit view as the baseline sees it, likewise;
// nothing where there is no baseline.
func (r *Reader) Baseline(ctx context.Context, view string, columns []string) iter.Seq2[[]any, error] {
	if r.baseline == nil {
		return func(func([]any, error) bool) {}
	}
	return r.at(ctx, *r.baseline, view, columns)
}

func (r *Reader) at(ctx context.Context, run int64, view string, columns []string) iter.Seq2[[]any, error] {
	from := pgx.Identifier{"audit", view}.Sanitize()
	if sql, ok := extended[view]; ok {
		from = `(` + sql + `) v`
	}
	return r.rows(ctx, view, columns, from+` WHERE tenant = $1 AND run_id = $2`, r.tenant.Name, run)
}

// Changes yields what changed from the baseline to the run, likewise; nothing
// where there is no baseline. Columns that audit.changes does not have cost a look
// at the history of each object that changed; with them the rows come by their
// class, those to look at first at the front.
func (r *Reader) Changes(ctx context.Context, columns []string) iter.Seq2[[]any, error] {
	if r.baseline == nil {
		return func(func([]any, error) bool) {}
	}
	if slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(changesAdded, c) }) {
		return r.rows(ctx, "ranked_changes", columns, `(`+extendedChanges+`) v`, *r.baseline, r.run, r.tenant.ID)
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
