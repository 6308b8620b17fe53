package db

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// rowsRead counts the rows of history and staging that Postgres reads for f. It
// is said to hold for a database that has never had the time to look at its
// tables: those of the tests have not.
func (o *office) rowsRead(n *Night, f func(ctx context.Context, tx pgx.Tx) error) int64 {
	o.Helper()
	var before, after int64
	o.fatal(n.inTx(o.Context(), func(tx pgx.Tx) error {
		count := func(into *int64) error {
			return tx.QueryRow(o.Context(), `
				SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)
				FROM pg_stat_xact_user_tables
				WHERE schemaname IN ('history', 'staging')`).Scan(into)
		}
		if err := count(&before); err != nil {
			return err
		}
		if err := f(o.Context(), tx); err != nil {
			return err
		}
		return count(&after)
	}))
	return after - before
}

// However little the planner knows, a merge reads each row a few times, never
// all of one side for each of the other: that would be some hundred times as
// many. Where much has changed it may go once through all there is.
func TestMergeReadsEachRowAFewTimes(t *testing.T) {
	t.Parallel()
	const rows, few = 600, 20
	for name, spillAt := range map[string]int{"from memory": spillBytes, "staged": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.store.spillAt = spillAt
			items := make([]snapshot.ReviewItem, rows)
			for i := range items {
				items[i] = newItem(fmt.Sprintf("i%04d", i))
			}
			for night, decided := range []int{0, rows / 100, rows, 0} { // items decided otherwise than the night before
				for i := range decided {
					items[i].Decision = new([]string{"APPROVE", "REVOKE"}[night%2])
					items[i] = item(items[i])
				}
				n := o.store.Night(o.tenant, o.open(ResumeNever).ID)
				for _, id := range []string{"a", "b", "c", "d"} {
					c, err := n.Capture(t.Context(), id)
					o.fatal(err)
					o.fatal(c.items.Page(t.Context(), items))
					var entries []snapshot.Entry
					for _, item := range items {
						entries = append(entries, snapshot.Entry{ID: item.ID, Digest: item.Digest})
					}
					proved := snapshot.CollectionDigest(entries)
					read := o.rowsRead(n, func(ctx context.Context, tx pgx.Tx) error { return c.items.mergeInto(ctx, tx, &proved) })
					if read > few*rows {
						t.Errorf("night %d, certification %s: %d rows were read to merge %d", night, id, read, rows)
					}
				}
				o.fatal(o.store.Abandon(t.Context(), o.tenant, n.run, snapshot.Interrupted, firstNight, "enough"))
				if got := one[int](t, o.store, `SELECT count(*)::int FROM history.review_item WHERE valid_to_run IS NULL`); got != 4*rows {
					t.Fatalf("night %d: %d items are stored, want %d", night, got, 4*rows)
				}
			}
		})
	}
}

func TestVerdictReadsCoverageAFewTimes(t *testing.T) {
	t.Parallel()
	const certifications, few = 150, 8
	o := newOffice(t)
	w := newWorld()
	for i := range certifications {
		c := newCert(fmt.Sprintf("c%04d", i))
		w.certs[c.header.ID] = c
	}
	run := o.open(ResumeNever)
	o.walk(w, run.ID, -1)
	read := o.rowsRead(o.store.Night(o.tenant, run.ID), func(ctx context.Context, tx pgx.Tx) error {
		_, err := verdict(ctx, tx, o.tenant, run.ID, []string{"c0000"})
		return err
	})
	if rows := one[int64](t, o.store, `SELECT count(*) FROM history.coverage`); read > few*rows {
		t.Errorf("%d rows were read for the verdict over %d of coverage", read, rows)
	}
	o.seal(w, run.ID)
}
