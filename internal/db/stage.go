package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// stage holds the rows of one collection until it is proved.
type stage[T any] struct {
	capture *Capture
	kind    kind[T]
	rows    []T
	bytes   int
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
	if s.bytes < s.capture.night.store.spillAt {
		return nil
	}
	return s.spill(ctx)
}

func (s *stage[T]) spill(ctx context.Context) error {
	if len(s.rows) == 0 {
		return nil
	}
	c := s.capture
	err := c.night.inTx(ctx, func(tx pgx.Tx) error {
		columns := append([]string{"tenant_id", "certification_no", "run_id", s.kind.key}, s.kind.columns...)
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"staging", s.kind.table}, columns,
			pgx.CopyFromSlice(len(s.rows), func(i int) ([]any, error) {
				return append([]any{c.night.tenant.ID, c.no, c.night.run}, s.kind.values(s.rows[i])...), nil
			}))
		return err
	})
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
