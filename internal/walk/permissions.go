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
func (c *certification) readPermissions(ctx context.Context, flagged []snapshot.FlaggedItem) error {
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
	if c.Scope.Permissions == PermissionsByEntitlement {
		c.later = &waiting{id: c.id, signed: c.signed, group: c.group, row: t.row, items: flagged}
		return nil
	}
	if c.Resumed {
		staged, permissions, err := c.capture.StagedPermissions(ctx, flagged)
		if err != nil {
			return err
		}
		flagged = t.resume(flagged, staged, permissions)
	}
	err := c.askAll(ctx, flagged, func(ctx context.Context, id string, a answer) error {
		return t.take(ctx, c.capture, id, a, c.group)
	})
	if err != nil {
		return err
	}
	c.rows[snapshot.Permissions] = t.coverage(c.signed)
	return nil
}

// answer is what reading the permissions of one item came to.
type answer struct {
	list  snapshot.ItemPermissions
	proof fetch.Proof
	err   error
}

// proved says whether the list is known to be whole.
func (a answer) proved() bool { return a.err == nil && a.proof.Proved }

// askAll asks for the permissions of a certification's items, several at a
// time, and hands over the answers in order, one at a time.
func (c *certification) askAll(ctx context.Context, items []snapshot.FlaggedItem, take func(context.Context, string, answer) error) error {
	questions := make([]question, len(items))
	for i, item := range items {
		questions[i] = question{certification: c.id, item: item.ID}
	}
	return c.ask(ctx, questions, func(ctx context.Context, q question, a answer) error { return take(ctx, q.item, a) })
}

// question asks for the permissions of an item.
type question struct{ certification, item string }

// ask asks several questions at a time and hands over the answers in order, one
// at a time.
func (w *walker) ask(ctx context.Context, questions []question, take func(context.Context, question, answer) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answers := stream.New().WithMaxGoroutines(w.Requests)
	for _, q := range questions {
		if ctx.Err() != nil {
			break
		}
		answers.Go(func() stream.Callback {
			var a answer
			a.list, a.proof, a.err = w.api.Permissions(ctx, q.certification, q.item, w.Scope.PermissionsFilter)
			return func() {
				if ctx.Err() != nil {
					return
				}
				if err := take(ctx, q, a); err != nil {
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
func (t *tally) take(ctx context.Context, capture Capture, id string, a answer, group bool) error {
	t.items++
	t.row.Attempts = max(t.row.Attempts, a.proof.Attempts)
	if a.err != nil {
		gap := t.row
		if err := failed(&gap, fmt.Errorf("item %s: %w", id, a.err), group); err != nil {
			return err
		}
		t.miss(gap)
		return nil
	}
	t.read += a.proof.Read
	if a.proof.Expected == nil {
		t.stated = false
	} else {
		t.expected += *a.proof.Expected
	}
	if !a.proof.Proved {
		gap := t.row
		why := fmt.Sprintf("item %s: %s", id, a.proof.Why)
		gap.Outcome, gap.Error = snapshot.Incomplete, &why
		t.miss(gap)
		return nil
	}
	t.stored += int64(len(a.list.Permissions))
	t.entries = append(t.entries, snapshot.Entry{ID: id, Digest: a.list.Digest})
	return capture.StagePermissions(ctx, a.list)
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
func (t *tally) resume(flagged []snapshot.FlaggedItem, staged []snapshot.Entry, permissions int64) []snapshot.FlaggedItem {
	have := map[string]bool{}
	for _, e := range staged {
		have[e.ID] = true
	}
	t.entries = append(t.entries, staged...)
	t.items += len(staged)
	if len(staged) > 0 {
		t.row.Attempts = 1 // at least; how many it took is not kept
	}
	t.expected += permissions
	t.read += permissions
	t.stored += permissions
	var rest []snapshot.FlaggedItem
	for _, item := range flagged {
		if !have[item.ID] {
			rest = append(rest, item)
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
