package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/sourcegraph/conc/stream"

	"exporter/internal/snapshot"
)

// Proof is how reading a list ended. Only with Proved set are its rows known
// to be all there were.
type Proof struct {
	Proved   bool
	Why      string // why not, in words
	Expected *int64 // the total stated on the first page; nil: not stated
	Read     int64  // rows of the last reading
	Distinct *int64 // distinct ids among them; nil for lists without ids
	Attempts int
	// Digest of the list: of its entries by id, or for permissions of the
	// ordered list.
	Digest snapshot.Digest
	// Cap says that the tenant refused an offset of 10,000 or more: the list
	// goes on, and must be cut finer.
	Cap bool
}

// row is one decoded row: the value, and the id and digest that prove it.
type row[T any] struct {
	value  T
	id     string
	digest snapshot.Digest
	null   bool // the tenant sent null where an object belongs
	// strange: it sent something else that is no object; null is set as well.
	strange bool
}

// list is one list of the API and how its rows are decoded.
type list[T any] struct {
	op    operation
	path  string
	query url.Values
	noIDs bool // rows have no id: permissions
	// unpaged: the list comes whole, and takes neither limit, offset nor count.
	unpaged bool
	decode  func(*decoder, json.RawMessage) row[T]
}

// page is one answer.
type page[T any] struct {
	rows  []row[T]
	total *int64 // X-Total-Count
}

// reading is one pass over a list.
type reading struct {
	first, last *int64 // totals at the start and at the end
	read        int64
	nulls       int64
	strange     int64 // rows that are neither objects nor null
	nameless    int64 // objects without the id they should have
	entries     []snapshot.Entry
	seen        map[string]struct{}
	order       snapshot.Digest // of the rows in the order they came
	capped      bool
	short       bool // the first page was shorter than asked, with more to come
	stuck       bool // a page came again at the next offset
}

// read reads a list until one reading proves it, at most maxReadings times.
// An error means the list could not be read at all; a Proof without Proved,
// that it was read and would not hold still.
func read[T any](ctx context.Context, c *Client, l list[T], sink snapshot.Sink[T]) (Proof, error) {
	var before *reading
	var why string
	for attempt := 1; ; attempt++ {
		if err := sink.Restart(ctx); err != nil {
			return Proof{}, err
		}
		r, err := readOnce(ctx, c, l, sink)
		if err != nil {
			return Proof{Attempts: attempt}, err
		}
		why = r.doubt(before, l.noIDs)
		if why == "" || attempt == maxReadings || r.capped {
			p := Proof{Proved: why == "", Why: why, Expected: r.first, Read: r.read, Attempts: attempt, Cap: r.capped}
			if l.noIDs {
				p.Digest = r.order
			} else {
				n := int64(len(r.seen))
				p.Distinct = &n
				p.Digest = snapshot.CollectionDigest(r.entries)
			}
			return p, nil
		}
		before = r
	}
}

// doubt says why a reading does not prove its list; empty: it does. before is
// the reading before it, or nil.
func (r *reading) doubt(before *reading, noIDs bool) string {
	if r.capped {
		return fmt.Sprintf("the tenant serves no offset beyond %d of this list", r.read)
	}
	if r.stuck {
		return "the tenant answers every offset with the same page"
	}
	if r.strange > 0 {
		return fmt.Sprintf("%d rows are no objects", r.strange)
	}
	if r.nameless > 0 {
		return fmt.Sprintf("%d rows came without an id", r.nameless)
	}
	if distinct := int64(len(r.seen)) + r.nulls; !noIDs && distinct != r.read {
		return fmt.Sprintf("read %d rows with %d distinct ids", r.read, distinct)
	}
	if (r.first == nil) != (r.last == nil) {
		return "the tenant stated a total on one page only"
	}
	if r.first != nil {
		if *r.first != *r.last {
			return fmt.Sprintf("the total changed from %d to %d while reading", *r.first, *r.last)
		}
		if r.read != *r.first {
			return fmt.Sprintf("read %d rows of a stated total of %d", r.read, *r.first)
		}
		// Two nulls may be one row read twice while another was missed; so may
		// rows without ids, where a page lacked one and the next began early.
		// For these the count alone proves nothing.
		if r.nulls < 2 && !(r.short && noIDs) {
			return ""
		}
	}
	if before == nil || before.order != r.order || before.read != r.read {
		why := "no total stated"
		if r.first != nil {
			why = "rows that cannot be told apart came in a short page or as null"
		}
		return why + ", and no two readings in turn gave the same"
	}
	return ""
}

func readOnce[T any](ctx context.Context, c *Client, l list[T], sink snapshot.Sink[T]) (*reading, error) {
	r := &reading{seen: map[string]struct{}{}}
	order := sha256.New()
	take := func(p page[T]) error {
		values := make([]T, 0, len(p.rows))
		for _, row := range p.rows {
			r.read++
			if row.null {
				r.nulls++
				if row.strange {
					r.strange++
				}
				order.Write([]byte("null\n"))
				continue
			}
			order.Write(row.digest[:])
			if !l.noIDs {
				if row.id == "" {
					r.nameless++
					continue
				}
				if _, again := r.seen[row.id]; again {
					continue
				}
				r.seen[row.id] = struct{}{}
				r.entries = append(r.entries, snapshot.Entry{ID: row.id, Digest: row.digest})
			}
			values = append(values, row.value)
		}
		if len(values) == 0 {
			return nil
		}
		return sink.Page(ctx, values)
	}

	first, err := fetchPage(ctx, c, l, c.pageSize, 0, true)
	if err != nil {
		return nil, err
	}
	r.first, r.last = first.total, first.total
	if err := take(first); err != nil {
		return nil, err
	}
	if l.unpaged {
		first.total = nil
	} else if previous := first; first.total == nil {
		err = r.toTheEnd(ctx, c, len(first.rows), func(ctx context.Context, offset int) (int, error) {
			p, err := fetchPage(ctx, c, l, c.pageSize, offset, false)
			if err != nil {
				return 0, err
			}
			before := previous
			previous = p
			// A tenant that does not heed the offset would keep us for ever.
			// Rows without ids may be alike in earnest; nobody has so many.
			r.stuck = len(p.rows) > 0 && !l.noIDs && slices.EqualFunc(before.rows, p.rows, sameRow)
			r.capped = l.noIDs && offset >= c.offsetCap
			if r.stuck || r.capped {
				return 0, nil
			}
			return len(p.rows), take(p)
		})
	} else if total, step := int(*first.total), len(first.rows); step > 0 && step < total {
		// A page shorter than asked for, with more to come, may be the tenant's
		// own page size, or lack a row; distinct ids will tell.
		r.short = step < c.pageSize
		err = toTheTotal(ctx, c, l, r, step, total, take)
	}
	if err != nil {
		return nil, err
	}
	r.order = snapshot.Digest(order.Sum(nil))
	return r, nil
}

// toTheTotal reads the pages after the first side by side and takes them in
// order. The last one states the total again, so that drift shows; the offset
// past the end is never asked for.
func toTheTotal[T any](ctx context.Context, c *Client, l list[T], r *reading, step, total int, take func(page[T]) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pages := stream.New().WithMaxGoroutines(cap(c.slots))
	for offset := step; offset < total && ctx.Err() == nil; offset += step {
		last := offset+step >= total
		pages.Go(func() stream.Callback {
			p, err := fetchPage(ctx, c, l, c.pageSize, offset, last)
			return func() {
				if ctx.Err() != nil {
					return // an earlier page ended the reading
				}
				if StatusOf(err) == http.StatusBadRequest {
					// The list became shorter than it said, or cannot be read
					// that far. Either way this reading proves nothing.
					r.capped = offset+c.pageSize > c.offsetCap
					err = errEnded
				}
				if err == nil {
					if last {
						r.last = p.total
					}
					err = take(p)
				}
				if err != nil {
					cancel(err)
				}
			}
		})
	}
	pages.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, errEnded) {
		return err
	}
	return nil
}

// errEnded ends a reading early without failing it.
var errEnded = errors.New("reading ended early")

// toTheEnd reads page after page of a list whose total is not stated, until
// one is empty. A short page is not the end: a tenant whose own pages are
// shorter than asked for would have its list cut there without a sign.
func (r *reading) toTheEnd(ctx context.Context, c *Client, got int, next func(ctx context.Context, offset int) (int, error)) error {
	for got > 0 {
		offset := int(r.read)
		n, err := next(ctx, offset)
		if StatusOf(err) == http.StatusBadRequest {
			// Some lists answer so just past their end; at the cap it says
			// nothing about the end.
			r.capped = offset+c.pageSize > c.offsetCap
			return nil
		}
		if err != nil {
			return err
		}
		got = n
	}
	return nil
}

func sameRow[T any](a, b row[T]) bool { return a.digest == b.digest && a.null == b.null }

func fetchPage[T any](ctx context.Context, c *Client, l list[T], limit, offset int, count bool) (page[T], error) {
	q := url.Values{}
	for k, v := range l.query {
		q[k] = v
	}
	if !l.unpaged {
		q.Set("limit", strconv.Itoa(limit))
		q.Set("offset", strconv.Itoa(offset))
		if count {
			q.Set("count", "true")
		}
	}
	var p page[T]
	err := c.get(ctx, l.op, l.path, q, func(h http.Header, body []byte) error {
		var raws []json.RawMessage
		if err := json.Unmarshal(body, &raws); err != nil {
			return fmt.Errorf("body is not a JSON array: %w", err)
		}
		if raws == nil { // null: no list, least of all an empty one
			return errors.New("body is null, not a JSON array")
		}
		p = page[T]{rows: make([]row[T], 0, len(raws))}
		d := decoder{stats: &c.stats, list: l.op}
		for _, raw := range raws {
			one := l.decode(&d, raw)
			one.strange = one.null && string(raw) != "null"
			p.rows = append(p.rows, one)
		}
		if n, err := strconv.ParseInt(h.Get("X-Total-Count"), 10, 64); err == nil && n >= 0 {
			p.total = &n
		}
		return nil
	})
	return p, err
}
