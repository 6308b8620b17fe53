// Package reassign hands review items of one certification to another reviewer.
// It plans the requests, sends each once, records it before it is sent and again
// when the answer is there, and follows the tenant's tasks to their end.
//
// It asks nobody for leave and prints nothing, and it does not read what the
// reassignment did: the next run does. Only the command imports it.
package reassign

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"exporter/internal/db"
	"exporter/internal/fetch"
	"exporter/internal/snapshot"
)

// Sender reassigns in one tenant. It is safe for concurrent use.
type Sender struct {
	API    *fetch.Client
	Store  *db.Store
	Tenant string // the tenant's name; it is bound to the API's host
}

// Plan is an order beside what it meets.
type Plan struct {
	Order
	Certification snapshot.Certification // as it stands now
	Unsettled     []Unsettled            // oldest first

	tenant db.Tenant
}

// Unsettled is an earlier request that names some of an order's targets, and
// of which nobody knows whether the tenant accepted it.
type Unsettled struct {
	db.ReassignRequest
	Shared int // how many of the order's targets it names
}

// Requests is how many requests the plan takes.
func (p Plan) Requests() int { return (len(p.Targets) + fetch.MaxReassign - 1) / fetch.MaxReassign }

// Reasons not to send a plan.
var (
	ErrSigned    = errors.New("the certification is signed: the tenant keeps it as it is")
	ErrUnsettled = errors.New("an earlier request may have reassigned some of these targets")
)

// Check says why a plan is not to be sent: ErrSigned, or, unless the order is
// to be sent again, ErrUnsettled.
func (p Plan) Check() error {
	switch {
	case p.Certification.IsSigned():
		return ErrSigned
	case len(p.Unsettled) > 0 && !p.Again:
		return ErrUnsettled
	}
	return nil
}

// Plan reads what an order meets. It sends nothing and records no request.
func (s *Sender) Plan(ctx context.Context, o Order) (Plan, error) {
	if err := o.Check(); err != nil {
		return Plan{}, err
	}
	p := Plan{Order: o}
	var err error
	if p.Certification, err = s.API.Certification(ctx, o.CertificationID); err != nil {
		return Plan{}, err
	}
	if p.tenant, err = s.Store.BindTenant(ctx, s.Tenant, s.API.Host()); err != nil {
		return Plan{}, err
	}
	earlier, err := s.Store.UnsettledReassigns(ctx, p.tenant, o.CertificationID)
	if err != nil {
		return Plan{}, err
	}
	ours := make(map[fetch.ReassignTarget]bool, len(o.Targets))
	for _, t := range o.Targets {
		ours[t] = true
	}
	for _, r := range earlier {
		shared := 0
		for _, t := range r.Targets {
			if ours[fetch.ReassignTarget(t)] {
				shared++
			}
		}
		if shared > 0 {
			p.Unsettled = append(p.Unsettled, Unsettled{r, shared})
		}
	}
	return p, nil
}

// Sent is a request of a plan and what became of it.
type Sent struct {
	Place   int   // among the plan's requests, from 1
	Number  int64 // in audit.reassign_requests
	Targets int
	Answer  db.ReassignAnswer
}

// Send sends the requests of a plan in turn, in the order of its targets, and
// tells of each that was sent. It stops at the first that was not accepted;
// the error says how many are left. fetch.ErrUnknown is in it where the tenant
// may have accepted that one all the same.
func (s *Sender) Send(ctx context.Context, p Plan, tell func(Sent)) error {
	if err := p.Check(); err != nil {
		return err
	}
	place, all := 0, p.Requests()
	for targets := range slices.Chunk(p.Targets, fetch.MaxReassign) {
		place++
		sent, err := s.send(ctx, p, targets)
		if sent.Number != 0 {
			sent.Place = place
			tell(sent)
		}
		switch {
		case err == nil:
		case sent.Number == 0:
			return fmt.Errorf("requests %d to %d of %d were not sent: %w", place, all, all, err)
		case place < all:
			return fmt.Errorf("request %d of %d (number %d): %w; the %d after it were not sent", place, all, sent.Number, err, all-place)
		default:
			return fmt.Errorf("request %d of %d (number %d): %w", place, all, sent.Number, err)
		}
	}
	return nil
}

// send sends one request. Without a number it was neither recorded nor sent.
func (s *Sender) send(ctx context.Context, p Plan, targets []fetch.ReassignTarget) (Sent, error) {
	if ctx.Err() != nil {
		return Sent{}, context.Cause(ctx)
	}
	record := db.ReassignRequest{CertificationID: p.CertificationID, To: p.To, Reason: p.Reason, RequestedAt: now()}
	for _, t := range targets {
		record.Targets = append(record.Targets, db.ReassignTarget(t))
	}
	number, err := s.Store.RecordReassign(ctx, p.tenant, record)
	if err != nil {
		return Sent{}, err
	}
	task, err := s.API.Reassign(ctx, p.CertificationID, fetch.Reassignment{Targets: targets, To: p.To, Reason: p.Reason})
	sent := Sent{Number: number, Targets: len(targets), Answer: answerOf(task, err)}
	return sent, errors.Join(err, s.Store.AnswerReassign(ctx, p.tenant, number, sent.Answer))
}

// answerOf says what is to be recorded of an answer.
func answerOf(task snapshot.Task, err error) db.ReassignAnswer {
	if err == nil {
		return db.ReassignAnswer{State: db.ReassignAccepted, TaskID: task.ID, HTTPStatus: http.StatusOK, At: now()}
	}
	a := db.ReassignAnswer{State: db.ReassignRefused, Error: err.Error(), At: now()}
	if errors.Is(err, fetch.ErrUnknown) {
		a.State = db.ReassignUnknown
	}
	var e *fetch.Error
	if errors.As(err, &e) {
		a.HTTPStatus, a.DetailCode, a.TrackingID = e.Status, e.DetailCode, e.TrackingID
	}
	return a
}

// now is the time in UTC, to the microsecond that Postgres keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
