package walk

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"exporter/internal/snapshot"
)

// Permissions belong to the entitlement, and one request for each flagged item
// is where a night's hours go. By entitlement, one item is read for each
// distinct entitlement and stands for all that carry it. That the tenant gives
// one list for all of them is not taken on trust: a sample is read one by one,
// and where an item differs, so are all items of its entitlement.

// waiting is a certification whose review items are settled and whose
// permissions are not.
type waiting struct {
	id            string
	signed, group bool
	row           snapshot.Coverage // of its permissions, as history has them
	items         []snapshot.FlaggedItem
}

// minSample is how many items are read one by one at the least, as far as
// there are so many.
const minSample = 20

// reader holds what reading by entitlement has found out.
type reader struct {
	*walker
	shared      map[string]question // by entitlement: the item that stands for all
	lists       map[string]answer   // by entitlement
	own         map[question]answer // of items that were read themselves
	unlike      map[string]bool     // entitlements whose items differ, or could not be read
	sampled     int
	differences int
}

// readByEntitlement settles the permissions of the certifications that wait
// for it. It comes after the walk: which items stand for which is the same
// then, in whatever order certifications were walked.
func (w *walker) readByEntitlement(ctx context.Context) error {
	if len(w.waiting) == 0 {
		return nil
	}
	slices.SortFunc(w.waiting, func(a, b waiting) int { return strings.Compare(a.id, b.id) })
	r := &reader{walker: w, shared: map[string]question{}, lists: map[string]answer{}, own: map[question]answer{}, unlike: map[string]bool{}}
	for _, step := range []func(context.Context) error{r.readShared, r.readSample, r.mergeAll} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	w.Logger.LogAttrs(ctx, slog.LevelInfo, "permissions read by entitlement", slog.Int("entitlements", len(r.shared)),
		slog.Int("sampled", r.sampled), slog.Int("differences", r.differences))
	return nil
}

// readShared reads one item for each entitlement: the first in byte order.
func (r *reader) readShared(ctx context.Context) error {
	var questions []question
	var entitlements []string
	for _, c := range r.waiting {
		slices.SortFunc(c.items, func(a, b snapshot.FlaggedItem) int { return strings.Compare(a.ID, b.ID) })
		for _, item := range c.items {
			if _, ok := r.shared[item.EntitlementID]; item.EntitlementID != "" && !ok {
				q := question{c.id, item.ID}
				r.shared[item.EntitlementID] = q
				questions, entitlements = append(questions, q), append(entitlements, item.EntitlementID)
			}
		}
	}
	next := 0
	return r.ask(ctx, questions, func(_ context.Context, q question, a answer) error {
		entitlement := entitlements[next]
		next++
		if fatal(a.err) {
			return a.err
		}
		r.lists[entitlement], r.own[q] = a, a
		// What cannot be read through this item may be read through the others.
		r.unlike[entitlement] = !a.proved()
		return nil
	})
}

// readSample reads some of the other items one by one, and compares.
func (r *reader) readSample(ctx context.Context) error {
	type other struct {
		question
		entitlement string
	}
	var others []other
	for _, c := range r.waiting {
		for _, item := range c.items {
			q := question{c.id, item.ID}
			if item.EntitlementID != "" && r.shared[item.EntitlementID] != q {
				others = append(others, other{q, item.EntitlementID})
			}
		}
	}
	n := min(len(others), max(minSample, int(math.Ceil(r.Sample*float64(len(others))))))
	// Not for secrecy but to be done again: the run's number gives the sample.
	chance := rand.New(rand.NewPCG(uint64(r.Seed), 0))
	for i := range n {
		j := i + chance.IntN(len(others)-i)
		others[i], others[j] = others[j], others[i]
	}
	questions := make([]question, n)
	for i := range questions {
		questions[i] = others[i].question
	}
	return r.ask(ctx, questions, func(_ context.Context, q question, a answer) error {
		entitlement := others[r.sampled].entitlement
		r.sampled++
		if fatal(a.err) {
			return a.err
		}
		r.own[q] = a
		if through := r.lists[entitlement]; a.proved() && through.proved() && a.list.Digest != through.list.Digest {
			r.unlike[entitlement] = true
			r.differences++
		}
		return nil
	})
}

// mergeAll settles the permissions of each certification.
func (r *reader) mergeAll(ctx context.Context) error {
	workers := pool.New().WithMaxGoroutines(r.Workers).WithContext(ctx).WithCancelOnError().WithFirstError()
	for _, c := range r.waiting {
		if ctx.Err() != nil {
			break
		}
		workers.Go(func(ctx context.Context) error { return r.merge(ctx, c) })
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

func (r *reader) merge(ctx context.Context, c waiting) error {
	capture, err := r.store.Capture(ctx, c.id)
	if err != nil {
		return err
	}
	// What an interrupted process staged of it is read again: it is one request
	// for many items.
	if _, _, err := capture.StagedPermissions(ctx, nil); err != nil {
		return err
	}
	t := tally{row: c.row, stated: true}
	var rest []question
	through := 0
	for _, item := range c.items {
		q := question{c.id, item.ID}
		if a, ok := r.own[q]; ok {
			err = t.take(ctx, capture, item.ID, a, c.group)
		} else if item.EntitlementID == "" || r.unlike[item.EntitlementID] {
			rest = append(rest, q)
		} else {
			a := r.lists[item.EntitlementID]
			source := r.shared[item.EntitlementID].item
			a.list.ItemID, a.list.ReadThrough = item.ID, &source
			through++
			err = t.take(ctx, capture, item.ID, a, c.group)
		}
		if err != nil {
			return err
		}
	}
	err = r.ask(ctx, rest, func(ctx context.Context, q question, a answer) error {
		return t.take(ctx, capture, q.item, a, c.group)
	})
	if err != nil {
		return err
	}
	row := t.coverage(c.signed)
	note := fmt.Sprintf("by entitlement: %d of %d items read through another; in the run sample %d, differences %d",
		through, len(c.items), r.sampled, r.differences)
	row.Note = &note
	return capture.Merge(context.WithoutCancel(ctx), nil, false, []snapshot.Coverage{row})
}
