package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// stage holds the rows of one collection until it is proved.
type stage[T any] struct {
	capture *Capture
	kind    kind[T]
	rows    []T
	bytes   int
	spilled bool
}

// execer is a pool or a transaction.
type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func newStage[T any](c *Capture, k kind[T]) *stage[T] { return &stage[T]{capture: c, kind: k} }

// Restart forgets the rows: a new reading begins.
func (s *stage[T]) Restart(ctx context.Context) error {
	return s.clear(ctx, s.capture.night.store.pool)
}

// Page takes rows, and moves all to the staging table when they are many.
func (s *stage[T]) Page(ctx context.Context, rows []T) error {
	s.rows = append(s.rows, rows...)
	for _, r := range rows {
		s.bytes += s.kind.size(r)
	}
	if s.bytes < spillBytes {
		return nil
	}
	return s.spill(ctx)
}

func (s *stage[T]) spill(ctx context.Context) error {
	if len(s.rows) == 0 {
		return nil
	}
	return s.capture.night.inTx(ctx, func(tx pgx.Tx) error { return s.spillTo(ctx, tx) })
}

func (s *stage[T]) spillTo(ctx context.Context, tx pgx.Tx) error {
	if len(s.rows) == 0 {
		return nil
	}
	c := s.capture
	s.spilled = true
	columns := append([]string{"tenant_id", "certification_no", "run_id", s.kind.key}, s.kind.columns...)
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"staging", s.kind.table}, columns,
		pgx.CopyFromSlice(len(s.rows), func(i int) ([]any, error) {
			return append([]any{c.night.tenant.ID, c.no, c.night.run}, s.kind.values(s.rows[i])...), nil
		}))
	if err != nil {
		return fmt.Errorf("certification %s: stage %s: %w", c.id, s.kind.table, err)
	}
	s.rows, s.bytes = s.rows[:0], 0
	return nil
}

func (s *stage[T]) clear(ctx context.Context, db execer) error {
	s.rows, s.bytes = nil, 0
	c := s.capture
	if _, err := db.Exec(ctx, fmt.Sprintf(`
		DELETE FROM staging.%s
		WHERE tenant_id = $1 AND certification_no = $2 AND run_id = $3`, s.kind.table), c.night.tenant.ID, c.no, c.night.run); err != nil {
		return fmt.Errorf("clear staged %s: %w", s.kind.table, err)
	}
	s.spilled = false
	return nil
}

// mergeInto closes the current versions of the certification that are not
// among the rows, or differ, and inserts what is new. derived names further
// columns, derivation their values, and join where these come from; the row
// itself is s there.
func (s *stage[T]) mergeInto(ctx context.Context, tx pgx.Tx, derived, derivation, join string) error {
	if err := s.spillTo(ctx, tx); err != nil {
		return err
	}
	c, k := s.capture, s.kind
	if _, err := tx.Exec(ctx, fmt.Sprintf(`
		UPDATE history.%[1]s v
		SET valid_to_run = $3
		WHERE v.tenant_id = $1 AND v.certification_no = $2 AND v.valid_to_run IS NULL
		  AND NOT EXISTS (
		      SELECT FROM staging.%[1]s s
		      WHERE s.tenant_id = $1 AND s.certification_no = $2 AND s.run_id = $3 AND s.%[2]s = v.%[2]s AND s.digest = v.digest)`,
		k.table, k.key), c.night.tenant.ID, c.no, c.night.run); err != nil {
		return fmt.Errorf("end versions of %s: %w", k.table, err)
	}
	columns := strings.Join(k.columns, ", ")
	values := "s." + strings.Join(k.columns, ", s.")
	if _, err := tx.Exec(ctx, fmt.Sprintf(`
		INSERT INTO history.%[1]s (tenant_id, certification_no, valid_from_run, %[2]s, %[3]s%[4]s)
		SELECT s.tenant_id, s.certification_no, $3, s.%[2]s, %[5]s%[6]s
		FROM staging.%[1]s s%[7]s
		WHERE s.tenant_id = $1 AND s.certification_no = $2 AND s.run_id = $3
		  AND NOT EXISTS (
		      SELECT FROM history.%[1]s v
		      WHERE v.tenant_id = $1 AND v.certification_no = $2 AND v.%[2]s = s.%[2]s AND v.valid_to_run IS NULL)`,
		k.table, k.key, columns, derived, values, derivation, join), c.night.tenant.ID, c.no, c.night.run); err != nil {
		return fmt.Errorf("begin versions of %s: %w", k.table, err)
	}
	return nil
}

// clearStaging forgets what abandoned runs of a tenant left waiting.
func (s *Store) clearStaging(ctx context.Context, t Tenant) error {
	for _, table := range []string{"reviewer", "review_item", "item_permissions"} {
		if _, err := s.pool.Exec(ctx, fmt.Sprintf(`DELETE FROM staging.%s WHERE tenant_id = $1`, table), t.ID); err != nil {
			return fmt.Errorf("clear staging: %w", err)
		}
	}
	return nil
}
