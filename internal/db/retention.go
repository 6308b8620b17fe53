package db

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// What may be done to history beside adding to it. Each is an event on record,
// which the next run seals.
const (
	actionHold    = "HOLD"
	actionRelease = "RELEASE"
	actionPrune   = "PRUNE"
	actionErase   = "ERASE"
)

// ErrNotOwner says that the database role may add to history and no more.
var ErrNotOwner = errors.New("only the owner of the tables may do this: use the role that runs `exporter migrate up`")

// ErrPruned says that the rows of a run were removed.
var ErrPruned = errors.New("it was pruned: what it saw is not kept")

// Hold puts a run under legal hold: Prune leaves it as it is until it is
// released. Holding a held run again changes its reason.
func (s *Store) Hold(ctx context.Context, t Tenant, run int64, reason string, at time.Time) error {
	return s.setHold(ctx, t, run, actionHold, reason, at)
}

// Release ends the legal hold of a run.
func (s *Store) Release(ctx context.Context, t Tenant, run int64, reason string, at time.Time) error {
	return s.setHold(ctx, t, run, actionRelease, reason, at)
}

func (s *Store) setHold(ctx context.Context, t Tenant, id int64, action, reason string, at time.Time) error {
	run, err := s.Run(ctx, t, id)
	if err != nil {
		return err
	}
	switch {
	case run.PrunedAt != nil:
		return fmt.Errorf("run %d: %w", id, ErrPruned)
	case action == actionRelease && !run.Held:
		return fmt.Errorf("run %d is not under hold", id)
	}
	err = s.retain(ctx, t, func(w *retention) error {
		event, err := w.number(ctx)
		if err != nil {
			return err
		}
		return w.record(ctx, event, action, at, &id, reason, struct{}{})
	})
	if err != nil {
		return fmt.Errorf("run %d: %w", id, err)
	}
	return nil
}

// retention is one transaction that does to history more than add to it.
type retention struct {
	tx     pgx.Tx
	tenant Tenant
}

// errDryRun ends a transaction that was to show what it would do.
var errDryRun = errors.New("dry run")

// retain runs f in a transaction in which the triggers that keep history let
// the owner of its tables pass. No run can begin while it lasts, so that the
// event falls between two runs.
func (s *Store) retain(ctx context.Context, t Tenant, f func(*retention) error) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM history.tenant WHERE tenant_id = $1 FOR UPDATE`, t.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SET LOCAL exporter.retention = 'on'`); err != nil {
			return err
		}
		return f(&retention{tx: tx, tenant: t})
	})
	const insufficientPrivilege, restrictViolation = "42501", "23001"
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == insufficientPrivilege || e.Code == restrictViolation) {
		return fmt.Errorf("%w (%s)", ErrNotOwner, e.Message)
	}
	return err
}

// number is that of the event to be recorded: what is done names it before it
// can be told what was done.
func (w *retention) number(ctx context.Context) (event int64, err error) {
	err = w.tx.QueryRow(ctx, `SELECT nextval(pg_get_serial_sequence('history.retention_event', 'event_id'))`).Scan(&event)
	return event, err
}

// record writes an event down. run is that of a hold or a release.
func (w *retention) record(ctx context.Context, event int64, action string, at time.Time, run *int64, reason string, details any) error {
	told, err := json.Marshal(details)
	if err != nil {
		return err
	}
	_, err = w.tx.Exec(ctx, `
		INSERT INTO history.retention_event (tenant_id, event_id, action, at, actor, after_run, run_id, reason, details)
		OVERRIDING SYSTEM VALUE
		SELECT $1, $2, $3, $4, session_user, coalesce(max(run_id), 0), $5, nullif($6, ''), $7
		FROM history.run
		WHERE tenant_id = $1`, w.tenant.ID, event, action, at, run, reason, told)
	return err
}

// Rows is a number of rows of one table.
type Rows struct {
	Table string `json:"table"` // of schema history
	Rows  int64  `json:"rows"`
}

// Pruning is what Prune removed, or would remove.
type Pruning struct {
	Before time.Time `json:"before"`
	Runs   []int64   `json:"runs"` // pruned now
	Held   []int64   `json:"held"` // old enough, and under legal hold
	Rows   []Rows    `json:"rows"`
}

// Prune removes what no kept run needs: versions that hold at none of them,
// and permission sets that no version has. Kept are the runs that began at
// before or later, those under legal hold, and the last finished run, to which
// the next will be compared, with whatever came after it. A pruned run keeps
// its own row, its coverage, and its place in the chain of roots; of each
// version that goes its hash stays.
//
// A kept run's report looks at more than its own rows, and these stay too: how
// headers and campaigns stood at the runs that bound the kept decisions, and
// the headers from which a kept certification was reassigned.
//
// The tenant's lock must be held. With dryRun everything is taken back.
func (s *Store) Prune(ctx context.Context, t Tenant, before, at time.Time, dryRun bool) (Pruning, error) {
	var done Pruning
	err := s.retain(ctx, t, func(w *retention) error {
		var err error
		if done, err = w.prune(ctx, before, at); err != nil {
			return err
		}
		if dryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return Pruning{}, fmt.Errorf("prune %s: %w", t.Name, err)
	}
	return done, nil
}

// pruneDetails is what the record says of a pruning.
type pruneDetails struct {
	Before   time.Time `json:"before"`
	Runs     []int64   `json:"runs"`
	Rows     []Rows    `json:"rows"`
	Versions string    `json:"versions_sha256"` // of the rows of history.pruned_version
}

func (w *retention) prune(ctx context.Context, before, at time.Time) (Pruning, error) {
	done := Pruning{Before: before, Runs: []int64{}, Held: []int64{}, Rows: []Rows{}}
	rows, err := w.tx.Query(ctx, `
		SELECT `+runColumns+`
		FROM history.run r
		JOIN history.tenant t USING (tenant_id)
		WHERE r.tenant_id = $1
		ORDER BY r.run_id`, w.tenant.ID)
	if err != nil {
		return done, err
	}
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return done, err
	}
	last := len(runs) - 1 // the last finished run
	for last >= 0 && !runs[last].Finished() {
		last--
	}
	var kept []int64
	for i, r := range runs {
		switch {
		case r.PrunedAt != nil:
		case i >= last || !r.StartedAt.Before(before):
			kept = append(kept, r.ID)
		case r.Held:
			kept, done.Held = append(kept, r.ID), append(done.Held, r.ID)
		default:
			done.Runs = append(done.Runs, r.ID)
		}
	}
	if len(done.Runs) == 0 {
		return done, nil
	}
	event, err := w.number(ctx)
	if err != nil {
		return done, err
	}
	if done.Rows, err = w.removeVersions(ctx, event, kept, runs); err != nil {
		return done, err
	}
	sets, err := w.removeSets(ctx)
	if err != nil {
		return done, err
	}
	done.Rows = append(done.Rows, sets...)
	_, err = w.tx.Exec(ctx, `
		INSERT INTO history.pruned_run (tenant_id, run_id, event_id)
		SELECT $1, run_id, $3
		FROM unnest($2::bigint[]) AS run_id`, w.tenant.ID, done.Runs, event)
	if err != nil {
		return done, err
	}
	versions, err := prunedDigest(ctx, w.tx, w.tenant, event)
	if err != nil {
		return done, err
	}
	return done, w.record(ctx, event, actionPrune, at, nil, "", pruneDetails{Before: before, Runs: done.Runs, Rows: done.Rows, Versions: versions})
}

// gap is a stretch of history at which no kept run looks: what began after lo
// and had ended by hi is needed by none.
type gap struct{ lo, hi int64 }

// gapsBetween are the gaps that hold a run at all. kept is in order.
func gapsBetween(kept []int64, runs []Run) []gap {
	var gaps []gap
	for _, r := range runs {
		i, found := slices.BinarySearch(kept, r.ID)
		if found || i == len(kept) {
			continue
		}
		g := gap{hi: kept[i]}
		if i > 0 {
			g.lo = kept[i-1]
		}
		if len(gaps) == 0 || gaps[len(gaps)-1] != g {
			gaps = append(gaps, g)
		}
	}
	return gaps
}

// removeVersions removes the versions that no kept run needs.
func (w *retention) removeVersions(ctx context.Context, event int64, kept []int64, runs []Run) ([]Rows, error) {
	var removed []Rows
	remove := func(table string, gaps []gap, with, unless string) error {
		lo, hi := make([]int64, len(gaps)), make([]int64, len(gaps))
		for i, g := range gaps {
			lo[i], hi[i] = g.lo, g.hi
		}
		tag, err := w.tx.Exec(ctx, fmt.Sprintf(`
			WITH RECURSIVE gap AS MATERIALIZED (
			    SELECT lo, hi
			    FROM unnest($2::bigint[], $3::bigint[]) AS gap (lo, hi)
			),
			%[2]s
			gone AS (
			    DELETE FROM history.%[1]s v
			    USING gap
			    WHERE v.tenant_id = $1 AND v.valid_from_run > gap.lo AND v.valid_to_run <= gap.hi %[3]s
			    RETURNING v.valid_from_run, v.valid_to_run, v.row_sha256
			)
			INSERT INTO history.pruned_version (tenant_id, table_name, valid_from_run, valid_to_run, row_sha256, event_id)
			SELECT $1, '%[1]s', g.valid_from_run, g.valid_to_run, coalesce(e.original_sha256, g.row_sha256), $4
			FROM gone g
			LEFT JOIN history.erased_version e
			  ON e.tenant_id = $1 AND e.table_name = '%[1]s' AND e.row_sha256 = g.row_sha256`, table, with, unless),
			w.tenant.ID, lo, hi, event)
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		removed = append(removed, Rows{table, tag.RowsAffected()})
		return nil
	}
	gaps := gapsBetween(kept, runs)
	for _, table := range []string{"review_item", "item_permissions", "reviewer", "task"} {
		if err := remove(table, gaps, "", ""); err != nil {
			return nil, err
		}
	}
	// Who decided, the reviewer or the end of the campaign, is told by how
	// campaign and certification stood at the runs that bound the decision.
	rows, err := w.tx.Query(ctx, `
		SELECT last_undecided_run FROM history.review_item WHERE tenant_id = $1 AND last_undecided_run IS NOT NULL
		UNION
		SELECT first_decided_run FROM history.review_item WHERE tenant_id = $1 AND first_decided_run IS NOT NULL`, w.tenant.ID)
	if err != nil {
		return nil, err
	}
	bounds, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, err
	}
	looked := slices.Concat(kept, bounds)
	slices.Sort(looked)
	gaps = gapsBetween(slices.Compact(looked), runs)
	if err := remove("campaign", gaps, "", ""); err != nil {
		return nil, err
	}
	return removed, remove("certification", gaps, `
			ancestor AS (
			    SELECT v.reassigned_from_id AS certification_id
			    FROM history.certification v
			    WHERE v.tenant_id = $1 AND v.reassigned_from_id IS NOT NULL
			      AND NOT EXISTS (SELECT FROM gap WHERE v.valid_from_run > gap.lo AND v.valid_to_run <= gap.hi)
			    UNION
			    SELECT v.reassigned_from_id
			    FROM ancestor a
			    JOIN history.certification v ON v.tenant_id = $1 AND v.certification_id = a.certification_id
			    WHERE v.reassigned_from_id IS NOT NULL
			),`, `AND NOT EXISTS (SELECT FROM ancestor a WHERE a.certification_id = v.certification_id)`)
}

// removeSets removes the permission sets that no version has any more. Answers
// that wait for an interrupted run to go on have theirs.
func (w *retention) removeSets(ctx context.Context) ([]Rows, error) {
	var removed []Rows
	for _, table := range []string{"permission", "permission_set"} {
		tag, err := w.tx.Exec(ctx, fmt.Sprintf(`
			DELETE FROM history.%s p
			WHERE p.tenant_id = $1
			  AND NOT EXISTS (SELECT FROM history.item_permissions v WHERE v.tenant_id = $1 AND v.digest = p.digest)
			  AND NOT EXISTS (SELECT FROM staging.item_permissions v WHERE v.tenant_id = $1 AND v.digest = p.digest)`, table), w.tenant.ID)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
		removed = append(removed, Rows{table, tag.RowsAffected()})
	}
	return removed, nil
}

// prunedDigest is the hash of what is left of the versions that an event
// removed.
func prunedDigest(ctx context.Context, tx pgx.Tx, t Tenant, event int64) (string, error) {
	rows, err := tx.Query(ctx, `
		SELECT table_name, valid_from_run, valid_to_run, row_sha256
		FROM history.pruned_version
		WHERE tenant_id = $1 AND event_id = $2
		ORDER BY table_name, valid_from_run, row_sha256`, t.ID, event)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	var table string
	var from, to int64
	var row []byte
	_, err = pgx.ForEachRow(rows, []any{&table, &from, &to, &row}, func() error {
		fmt.Fprintf(h, "%s %d %d %x\n", table, from, to, row)
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// PrunedRuns are the runs of a tenant whose rows were removed, in order.
func (s *Store) PrunedRuns(ctx context.Context, t Tenant) ([]int64, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT run_id
		FROM history.pruned_run
		WHERE tenant_id = $1
		ORDER BY run_id`, t.ID)
	if err != nil {
		return nil, fmt.Errorf("list pruned runs: %w", err)
	}
	runs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("list pruned runs: %w", err)
	}
	return runs, nil
}
