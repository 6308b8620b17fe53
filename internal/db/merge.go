package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"exporter/internal/snapshot"
)

// A collection is merged by setting what was read against the current versions
// here, and telling Postgres which rows end and which begin. Nothing joins staged
// rows with stored ones: these tables fill and empty within a night, so that
// what the planner knows of them is never so, and a join it takes for one of a
// row or two would go through all of one side for each row of the other.
// Instead each side is read once, in one scan, and its rows are named by where
// they lie. That is safe, since nothing else may write versions of a tenant while
// its lock is held; a row that is not where it was fails the merge.

// listing is a row of a collection, read or stored, as it is compared.
type listing struct {
	at      pgtype.TID // where it is stored or staged
	digest  snapshot.Digest
	decided bool
	observed
	listed bool // it was read tonight
}

// observed are the two bounds of a decision: the last run that proved the object
// undecided before it, and the one that first found it decided. An object first
// seen decided has no earlier bound, one that is undecided none at all.
type observed struct{ lastUndecided, firstDecided *int64 }

// difference is what a merge has to do.
type difference struct {
	entries []snapshot.Entry // all that was read

	ended  []pgtype.TID // versions
	fresh  [][]any      // rows that begin versions: their key, columns and bounds
	staged []pgtype.TID // the same of those that are staged, with the bounds of each
	bounds []observed
}

// errNotProved says that a merge was refused: what waited for it is not what was
// proved.
var errNotProved = errors.New("the rows that are kept are not those that were proved")

// mergeInto closes the current versions of the certification that are not
// among the rows, or differ, and inserts what is new. The rows have to be those
// of the digest that was proved: a server that crashed has lost what was staged,
// and is back before anybody notices, and what is missing would read as removed.
func (s *stage[T]) mergeInto(ctx context.Context, tx pgx.Tx, proved *snapshot.Digest) error {
	d, err := s.compare(ctx, tx)
	if err != nil {
		return fmt.Errorf("compare %s: %w", s.kind.table, err)
	}
	if n := len(d.entries); proved == nil || snapshot.CollectionDigest(d.entries) != *proved {
		return fmt.Errorf("%d of %s: %w", n, s.kind.table, errNotProved)
	}
	if err := s.end(ctx, tx, d.ended); err != nil {
		return fmt.Errorf("end versions of %s: %w", s.kind.table, err)
	}
	if err := s.begin(ctx, tx, d.fresh); err != nil {
		return fmt.Errorf("begin versions of %s: %w", s.kind.table, err)
	}
	if err := s.beginStaged(ctx, tx, d.staged, d.bounds); err != nil {
		return fmt.Errorf("begin staged versions of %s: %w", s.kind.table, err)
	}
	return nil
}

func (s *stage[T]) compare(ctx context.Context, tx pgx.Tx) (d difference, err error) {
	c, k := s.capture, s.kind
	proved, err := s.lastProved(ctx, tx)
	if err != nil {
		return d, err
	}
	current := map[string]listing{}
	decided := k.decision("decision IS NOT NULL, last_undecided_run, first_decided_run", "false, NULL, NULL")
	// In the order of the primary key, which is then the one index to take.
	rows, err := tx.Query(ctx, fmt.Sprintf(`
		SELECT %[2]s, ctid, digest, %[3]s
		FROM history.%[1]s
		WHERE tenant_id = $1 AND certification_no = $2 AND valid_to_run IS NULL
		ORDER BY tenant_id, certification_no, %[2]s`, k.table, k.key, decided), c.night.tenant.ID, c.no)
	if err != nil {
		return d, err
	}
	var id string
	var digest []byte
	var v listing
	_, err = pgx.ForEachRow(rows, []any{&id, &v.at, &digest, &v.decided, &v.lastUndecided, &v.firstDecided}, func() error {
		stored := v
		stored.digest = snapshot.Digest(digest)
		stored.lastUndecided, stored.firstDecided = copyOf(v.lastUndecided), copyOf(v.firstDecided)
		current[id] = stored
		return nil
	})
	if err != nil {
		return d, err
	}
	// begins says whether a row begins a version.
	begins := func(id string, digest snapshot.Digest, decided bool) (observed, bool) {
		d.entries = append(d.entries, snapshot.Entry{ID: id, Digest: digest})
		before, known := current[id]
		if known {
			before.listed = true
			current[id] = before
			if before.digest == digest {
				return observed{}, false
			}
			d.ended = append(d.ended, before.at)
		}
		return boundsOf(c.night.run, proved, before, known, decided), true
	}
	for _, row := range s.rows {
		values := k.values(row)
		b, ok := begins(values[0].(string), snapshot.Digest(values[1].([]byte)), k.decided != nil && k.decided(row))
		if !ok {
			continue
		}
		if k.decided != nil {
			values = append(values, b.lastUndecided, b.firstDecided)
		}
		d.fresh = append(d.fresh, values)
	}
	rows, err = tx.Query(ctx, fmt.Sprintf(`
		SELECT %[2]s, ctid, digest, %[3]s
		FROM staging.%[1]s
		WHERE tenant_id = $1 AND certification_no = $2 AND run_id = $3`,
		k.table, k.key, k.decision("decision IS NOT NULL", "false")), c.night.tenant.ID, c.no, c.night.run)
	if err != nil {
		return d, err
	}
	_, err = pgx.ForEachRow(rows, []any{&id, &v.at, &digest, &v.decided}, func() error {
		if b, ok := begins(id, snapshot.Digest(digest), v.decided); ok {
			d.staged, d.bounds = append(d.staged, v.at), append(d.bounds, b)
		}
		return nil
	})
	if err != nil {
		return d, err
	}
	for _, v := range current {
		if !v.listed {
			d.ended = append(d.ended, v.at)
		}
	}
	return d, nil
}

// boundsOf are the bounds of a version that begins with run: after another one
// of the object where there is a current one, proved being the last run before
// that proved the collection.
func boundsOf(run int64, proved *int64, before listing, known, decided bool) observed {
	switch {
	case !decided:
		return observed{}
	case !known:
		return observed{firstDecided: &run}
	case !before.decided:
		return observed{lastUndecided: proved, firstDecided: &run}
	default:
		return before.observed
	}
}

// lastProved is the last run before this one that proved the collection; nil
// where none did, and for objects without decisions, of which nothing follows
// from it.
func (s *stage[T]) lastProved(ctx context.Context, tx pgx.Tx) (run *int64, err error) {
	if s.kind.decided == nil {
		return nil, nil
	}
	c := s.capture
	err = tx.QueryRow(ctx, `
		SELECT max(run_id)
		FROM history.coverage
		WHERE tenant_id = $1 AND certification_no = $2 AND collection = 'review_items' AND run_id < $3 AND outcome = 'COMPLETE'`,
		c.night.tenant.ID, c.no, c.night.run).Scan(&run)
	return run, err
}

// end closes the versions that lie at these places.
func (s *stage[T]) end(ctx context.Context, tx pgx.Tx, at []pgtype.TID) error {
	if len(at) == 0 {
		return nil
	}
	tag, err := tx.Exec(ctx, fmt.Sprintf(`
		UPDATE history.%s
		SET valid_to_run = $1
		WHERE ctid = ANY ($2)`, s.kind.table), s.capture.night.run, at)
	return all(tag.RowsAffected(), len(at), err)
}

// begin inserts versions from memory.
func (s *stage[T]) begin(ctx context.Context, tx pgx.Tx, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	c, k := s.capture, s.kind
	columns := slices.Concat([]string{"tenant_id", "certification_no", "valid_from_run", k.key}, k.columns, k.derived())
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"history", k.table}, columns,
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			return append([]any{c.night.tenant.ID, c.no, c.night.run}, rows[i]...), nil
		}))
	return err
}

// beginStaged inserts versions from the staging table, where they lie at these
// places.
func (s *stage[T]) beginStaged(ctx context.Context, tx pgx.Tx, at []pgtype.TID, of []observed) error {
	if len(at) == 0 {
		return nil
	}
	lastUndecided, firstDecided := make([]*int64, len(of)), make([]*int64, len(of))
	for i, b := range of {
		lastUndecided[i], firstDecided[i] = b.lastUndecided, b.firstDecided
	}
	k := s.kind
	own := append([]string{k.key}, k.columns...)
	derived := k.derived()
	tag, err := tx.Exec(ctx, fmt.Sprintf(`
		INSERT INTO history.%[1]s (tenant_id, certification_no, valid_from_run, %[2]s)
		SELECT s.tenant_id, s.certification_no, s.run_id, %[3]s
		FROM unnest($1::tid[], $2::bigint[], $3::bigint[]) AS b (at, last_undecided_run, first_decided_run)
		JOIN staging.%[1]s s ON s.ctid = b.at`,
		k.table, strings.Join(append(own, derived...), ", "),
		"s."+strings.Join(own, ", s.")+k.decision(", b.last_undecided_run, b.first_decided_run", "")), at, lastUndecided, firstDecided)
	return all(tag.RowsAffected(), len(at), err)
}

// all refuses that fewer rows were written than were meant.
func all(written int64, meant int, err error) error {
	if err == nil && written != int64(meant) {
		err = fmt.Errorf("%d rows were written, not %d", written, meant)
	}
	return err
}
