package walk

import (
	"context"
	"fmt"

	"github.com/sourcegraph/conc/stream"

	"exporter/internal/fetch"
	"exporter/internal/snapshot"
)

// readPermissions settles the permissions of a certification: one list for
// each flagged item. They are complete only if every one of them was proved.
func (c *certification) readPermissions(ctx context.Context, flagged []string) error {
	if c.Scope.Permissions == PermissionsNone {
		if !c.settledTonight(snapshot.Permissions) {
			row := c.row(snapshot.Permissions)
			row.Outcome = snapshot.OutOfScope
			c.rows[snapshot.Permissions] = row
		}
		return nil
	}
	if items, ok := c.rows[snapshot.ReviewItems]; ok && !items.Proved() {
		c.inherit(items, snapshot.Permissions)
		return nil
	}
	if c.needless(snapshot.Permissions) {
		return nil
	}
	t := tally{row: c.row(snapshot.Permissions), stated: true}
	if c.Resumed {
		staged, permissions, err := c.capture.StagedPermissions(ctx, flagged)
		if err != nil {
			return err
		}
		flagged = t.resume(flagged, staged, permissions)
	}
	if err := c.askAll(ctx, flagged, &t); err != nil {
		return err
	}
	c.rows[snapshot.Permissions] = t.coverage(c.signed)
	return nil
}

// askAll asks for the permissions of items, several at a time, and takes the
// answers in order.
func (c *certification) askAll(ctx context.Context, items []string, t *tally) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answers := stream.New().WithMaxGoroutines(c.Requests)
	for _, id := range items {
		if ctx.Err() != nil {
			break
		}
		answers.Go(func() stream.Callback {
			list, proof, err := c.api.Permissions(ctx, c.id, id, c.Scope.PermissionsFilter)
			return func() {
				if ctx.Err() != nil {
					return
				}
				if err := c.take(ctx, t, id, list, proof, err); err != nil {
					cancel(err)
				}
			}
		})
	}
	answers.Wait()
	return context.Cause(ctx)
}

// take adds one item's answer to the tally, and stages its list where that was
// proved.
func (c *certification) take(ctx context.Context, t *tally, id string, list snapshot.ItemPermissions, proof fetch.Proof, err error) error {
	t.items++
	t.row.Attempts = max(t.row.Attempts, proof.Attempts)
	if err != nil {
		gap := t.row
		if err := failed(&gap, fmt.Errorf("item %s: %w", id, err), c.group); err != nil {
			return err
		}
		t.miss(gap)
		return nil
	}
	t.read += proof.Read
	if proof.Expected == nil {
		t.stated = false
	} else {
		t.expected += *proof.Expected
	}
	if !proof.Proved {
		gap := t.row
		why := fmt.Sprintf("item %s: %s", id, proof.Why)
		gap.Outcome, gap.Error = snapshot.Incomplete, &why
		t.miss(gap)
		return nil
	}
	t.stored += int64(len(list.Permissions))
	t.entries = append(t.entries, snapshot.Entry{ID: id, Digest: list.Digest})
	return c.capture.StagePermissions(ctx, list)
}

// tally adds up the permission lists of a certification's items.
type tally struct {
	row            snapshot.Coverage
	entries        []snapshot.Entry
	stated         bool // every list stated its total
	expected, read int64
	stored         int64
	items, missed  int
	first          *snapshot.Coverage // the first gap
}

// resume counts lists that were proved and staged before the run was
// interrupted, and returns the items still to ask for.
func (t *tally) resume(flagged []string, staged []snapshot.Entry, permissions int64) []string {
	have := map[string]bool{}
	for _, e := range staged {
		have[e.ID] = true
	}
	t.entries = append(t.entries, staged...)
	t.items += len(staged)
	t.expected += permissions
	t.read += permissions
	t.stored += permissions
	var rest []string
	for _, id := range flagged {
		if !have[id] {
			rest = append(rest, id)
		}
	}
	return rest
}

func (t *tally) miss(gap snapshot.Coverage) {
	t.missed++
	if t.first == nil {
		t.first = &gap
	}
}

// coverage is how the collection as a whole ended: that of its first gap, if
// there is one.
func (t *tally) coverage(signed bool) snapshot.Coverage {
	row := t.row
	if t.first != nil {
		row = *t.first
		why := fmt.Sprintf("%d of %d items without proved permissions; %s", t.missed, t.items, *t.first.Error)
		row.Error = &why
	}
	row.Attempts, row.Read, row.ReadAt = t.row.Attempts, &t.read, now()
	if t.stated && t.missed == 0 {
		row.Expected = &t.expected
	}
	if t.first == nil {
		complete(&row, snapshot.CollectionDigest(t.entries), t.stored, signed)
	}
	return row
}
