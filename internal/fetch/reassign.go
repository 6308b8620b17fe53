package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"exporter/internal/snapshot"
)

// MaxReassign is the most targets that one request takes.
const MaxReassign = 500

// The types of a ReassignTarget: one review item, all items of a reviewed
// identity by the id of its summary, all items of one access.
const (
	TargetItem     = "ITEM"
	TargetIdentity = "IDENTITY_SUMMARY"
	TargetAccess   = "TARGET_SUMMARY"
)

// ReassignTarget names review items of a certification.
type ReassignTarget struct {
	Type string `json:"type"` // one of the constants
	ID   string `json:"id"`
}

// Reassignment asks the tenant to hand review items to another reviewer.
type Reassignment struct {
	Targets []ReassignTarget `json:"reassign"`   // 1 to MaxReassign
	To      string           `json:"reassignTo"` // the id of an identity
	Reason  string           `json:"reason"`
}

// ErrUnknown is in the error of a reassignment that was sent and of which
// nobody here knows whether the tenant carries it out.
var ErrUnknown = errors.New("the tenant may have accepted it")

// Reassign sends one reassignment and returns the task that the tenant makes of
// it; the certification changes when that task ends. It is sent again only
// after an answer that says nothing was done: 401, with a new token, once, and
// 429, after its pause.
//
// An error without ErrUnknown means that nothing was done: the tenant refused,
// with an *Error, or the request was never sent. With it, the connection broke,
// ctx or the time for an answer ended, or the answer was neither a task nor a
// refusal.
//
// Contract: POST /certifications/v1/{id}/reassign-async.
func (c *Client) Reassign(ctx context.Context, certificationID string, r Reassignment) (snapshot.Task, error) {
	if err := r.check(certificationID); err != nil {
		return snapshot.Task{}, fmt.Errorf("%s: %w", opReassign, err)
	}
	body, err := json.Marshal(r)
	if err != nil {
		return snapshot.Task{}, fmt.Errorf("%s: %w", opReassign, err)
	}
	var made snapshot.Task
	err = c.do(ctx, request{
		op: opReassign, method: http.MethodPost, path: c.paths.path(opReassign, certificationID, ""), body: body,
	}, single(c, opReassign, task, &made))
	var answer *Error
	switch {
	case err == nil:
		return made, nil
	case errors.As(err, &answer) && !refused(answer.Status):
		return snapshot.Task{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	default:
		return snapshot.Task{}, err
	}
}

// refused says whether a status tells that nothing was done. 408 tells of a
// request that may have arrived all the same.
func refused(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout
}

func (r Reassignment) check(certificationID string) error {
	if n := len(r.Targets); n < 1 || n > MaxReassign {
		return fmt.Errorf("%d targets: a request takes 1 to %d", n, MaxReassign)
	}
	for i, t := range r.Targets {
		switch t.Type {
		case TargetItem, TargetIdentity, TargetAccess:
		default:
			return fmt.Errorf("target %d has the type %q: use %s, %s or %s", i+1, t.Type, TargetItem, TargetIdentity, TargetAccess)
		}
		if t.ID == "" {
			return fmt.Errorf("target %d has no id", i+1)
		}
	}
	switch {
	case certificationID == "":
		return errors.New("no certification")
	case r.To == "":
		return errors.New("no identity to reassign to")
	case r.Reason == "":
		return errors.New("no reason")
	}
	return nil
}
