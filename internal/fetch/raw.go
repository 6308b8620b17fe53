package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"exporter/internal/snapshot"
)

// Query asks for a list in the tenant's own terms.
type Query struct {
	List List
	// CertificationID is whose reviewers, items or permissions are meant; it
	// narrows tasks to those of a certification. Other lists take none.
	CertificationID string
	ItemID          string // of the review item whose permissions are meant
	Filters         string
	Sorters         string // fields joined by commas; a minus before one: descending
	// Params are the list's parameters besides these and the page.
	Params url.Values
}

// parameters are what a list takes besides filters, sorters and the page.
var parameters = map[List][]string{
	ListCampaigns:      {"detail"},
	ListCertifications: {"reviewer-identity"},
	ListItems:          {"entitlements", "access-profiles", "roles"},
	ListTasks:          {"reviewer-identity"},
}

// QueryError says that a list does not take a query, and what it takes instead.
// Nothing was sent. Like CheckQuery it knows the contract, not the tenant.
type QueryError struct{ err error }

func (e *QueryError) Error() string { return e.err.Error() }
func (e *QueryError) Unwrap() error { return e.err }

func (q Query) check() error {
	if _, known := lists[q.List]; !known {
		return fmt.Errorf("no list %q", q.List)
	}
	below := q.List == ListReviewers || q.List == ListItems || q.List == ListPermissions
	switch {
	case below && q.CertificationID == "":
		return fmt.Errorf("%s need the id of their certification", q.List)
	case !below && q.List != ListTasks && q.CertificationID != "":
		return fmt.Errorf("%s are not those of a certification", q.List)
	case q.List == ListPermissions && q.ItemID == "":
		return errors.New("permissions need the id of their review item")
	case q.List != ListPermissions && q.ItemID != "":
		return fmt.Errorf("%s are not those of a review item", q.List)
	}
	if err := CheckQuery(q.List, q.Filters, q.Sorters); err != nil {
		return err
	}
	return q.checkParams()
}

func (q Query) checkParams() error {
	takes := parameters[q.List]
	for _, name := range slices.Sorted(maps.Keys(q.Params)) {
		switch {
		case len(takes) == 0:
			return fmt.Errorf("%s take no parameter %q, nor any other", q.List, name)
		case !slices.Contains(takes, name):
			return fmt.Errorf("%s take no parameter %q, but %s", q.List, name, strings.Join(takes, ", "))
		}
	}
	if q.List == ListItems && len(q.Params) > 1 {
		return fmt.Errorf("items take one of %s at a time", strings.Join(takes, ", "))
	}
	if d := q.Params.Get("detail"); q.Params.Has("detail") && d != "SLIM" && d != "FULL" {
		return fmt.Errorf("detail %q: campaigns have it SLIM or FULL", d)
	}
	return nil
}

// refusal is the QueryError of a query in the client's API version, or nil.
func (c *Client) refusal(q Query, paged bool) error {
	err := q.check()
	if err == nil && q.List == ListTasks && c.TasksByCertification() {
		switch {
		case q.CertificationID == "":
			err = errNoCertification
		case paged:
			err = errors.New("tasks have no pages in this API version")
		case q.Filters != "" || len(q.Params) > 0:
			err = errors.New("tasks take no filter or parameter in this API version")
		}
	}
	if err != nil {
		return &QueryError{err}
	}
	return nil
}

var errNoCertification = errors.New("tasks need the id of their certification in this API version")

// ReadAll reads a list to its proved end, as the methods named for the lists do,
// and hands over the tenant's own JSON, object by object. Rows that are null,
// repeated or without their id are counted in the Proof alone. What the list does
// not take is a *QueryError.
func (c *Client) ReadAll(ctx context.Context, q Query, sink snapshot.Sink[json.RawMessage]) (Proof, error) {
	if err := c.refusal(q, false); err != nil {
		return Proof{}, err
	}
	return read(ctx, c, c.rawList(q), sink)
}

// ReadPage asks for one page of a list, which proves nothing, and returns its
// rows as they came, null ones too. limit is 0 to 250. total is what the tenant
// says the list holds; nil where count does not ask or the tenant does not
// tell. What the list does not take is a *QueryError.
func (c *Client) ReadPage(ctx context.Context, q Query, limit, offset int, count bool) (rows []json.RawMessage, total *int64, err error) {
	if err := c.refusal(q, true); err != nil {
		return nil, nil, err
	}
	p, err := fetchPage(ctx, c, c.rawList(q), limit, offset, count)
	if err != nil {
		return nil, nil, err
	}
	rows = make([]json.RawMessage, len(p.rows))
	for i, r := range p.rows {
		rows[i] = r.value
	}
	return rows, p.total, nil
}

// RawTask reads one task by its id, finished or not, as the tenant's own JSON.
// With a certification's id, which API version beta needs, it has to be a task
// of that certification. An id that is missing is a *QueryError.
func (c *Client) RawTask(ctx context.Context, certificationID, taskID string) (json.RawMessage, error) {
	switch {
	case taskID == "":
		return nil, &QueryError{errors.New("a task is read by its id")}
	case certificationID == "" && c.TasksByCertification():
		return nil, &QueryError{errNoCertification}
	}
	var target *string
	raw, err := one(ctx, c, opTask, certificationID, taskID, func(d *decoder, raw json.RawMessage) row[json.RawMessage] {
		r := task(d, raw)
		target = r.value.CertificationID
		return own(raw, r)
	})
	if err != nil {
		return nil, err
	}
	if certificationID != "" && deref(target) != certificationID {
		return nil, fmt.Errorf("task %s is none of certification %s", taskID, certificationID)
	}
	return raw, nil
}

// rawList is the list of a query that was checked.
func (c *Client) rawList(q Query) list[json.RawMessage] {
	filters := q.Filters
	var l list[json.RawMessage]
	switch q.List {
	case ListCampaigns:
		l.op, l.decode = opCampaigns, undecoded(campaign)
	case ListCertifications:
		l.op, l.decode = opCertifications, undecoded(certification)
	case ListReviewers:
		l.op, l.decode = opReviewers, undecoded(reviewer)
	case ListItems:
		l.op, l.decode = opReviewItems, undecoded(reviewItem)
	case ListPermissions:
		l.op, l.decode, l.noIDs = opPermissions, undecoded(permission), true
	case ListTasks:
		l.op, l.decode = opTasks, undecoded(task)
		if l.unpaged = c.TasksByCertification(); q.CertificationID != "" && !l.unpaged {
			filters = strings.TrimSuffix(In("targetId", []string{q.CertificationID})+" and "+filters, " and ")
		}
	}
	l.path = c.paths.path(l.op, q.CertificationID, q.ItemID)
	l.query = query(filters)
	if q.Sorters != "" {
		l.query.Set("sorters", q.Sorters)
	}
	for name, values := range q.Params {
		l.query[name] = values
	}
	return l
}

// undecoded proves rows as decode does, and keeps their JSON.
func undecoded[T any](decode func(*decoder, json.RawMessage) row[T]) func(*decoder, json.RawMessage) row[json.RawMessage] {
	return func(d *decoder, raw json.RawMessage) row[json.RawMessage] { return own(raw, decode(d, raw)) }
}

// own is a row with its JSON for a value.
func own[T any](raw json.RawMessage, r row[T]) row[json.RawMessage] {
	return row[json.RawMessage]{value: raw, id: r.id, digest: r.digest, null: r.null}
}
