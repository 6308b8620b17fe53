package db

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ReassignState says what is known of a reassign request.
type ReassignState string

// The states of a reassign request. Any but the first is for good.
const (
	ReassignSending  ReassignState = "SENDING"  // recorded; its answer has not come, or never will
	ReassignAccepted ReassignState = "ACCEPTED" // the tenant made a task of it
	ReassignRefused  ReassignState = "REFUSED"  // nothing was done: the tenant said no, or it was never sent
	ReassignUnknown  ReassignState = "UNKNOWN"  // no clear answer came: it may have been done
)

// Validate says whether the state is one that the store knows.
func (s ReassignState) Validate() error {
	switch s {
	case ReassignSending, ReassignAccepted, ReassignRefused, ReassignUnknown:
		return nil
	}
	return fmt.Errorf("unknown state %q of a reassign request", s)
}

// ReassignTarget is one thing to reassign: its type in the API's words (ITEM,
// IDENTITY_SUMMARY, TARGET_SUMMARY) and its id.
type ReassignTarget struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// ReassignRequest is one request as recorded before it is sent.
type ReassignRequest struct {
	ID              int64 // given by RecordReassign
	CertificationID string
	To, Reason      string
	Targets         []ReassignTarget
	RequestedAt     time.Time
	State           ReassignState // as listed; RecordReassign stores ReassignSending
}

// ReassignAnswer is what became of a request.
type ReassignAnswer struct {
	State                         ReassignState // any but ReassignSending
	TaskID                        string        // of an accepted one, and of no other
	HTTPStatus                    int           // 0: no HTTP answer
	DetailCode, TrackingID, Error string        // of one that was not accepted
	At                            time.Time
}

// RecordReassign records a request that is about to be sent and returns its
// number.
func (s *Store) RecordReassign(ctx context.Context, t Tenant, r ReassignRequest) (int64, error) {
	targets, err := json.Marshal(r.Targets)
	if err != nil {
		return 0, fmt.Errorf("record reassignment: %w", err)
	}
	var id int64
	err = s.pool.QueryRow(ctx, `
		INSERT INTO history.reassign_request (tenant_id, certification_id, reassign_to, reason, targets, requested_at, state)
		VALUES ($1, $2, $3, $4, $5, $6, 'SENDING')
		RETURNING request_id`, t.ID, r.CertificationID, r.To, r.Reason, targets, r.RequestedAt).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("record reassignment: %w", err)
	}
	return id, nil
}

// AnswerReassign records what became of a request, once, also when ctx has
// ended.
func (s *Store) AnswerReassign(ctx context.Context, t Tenant, id int64, a ReassignAnswer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := a.State.Validate(); err != nil {
		return fmt.Errorf("record the answer to reassign request %d: %w", id, err)
	}
	done, err := s.pool.Exec(ctx, `
		UPDATE history.reassign_request
		SET state = $3, task_id = nullif($4, ''), http_status = nullif($5, 0), detail_code = nullif($6, ''),
		    tracking_id = nullif($7, ''), error = nullif($8, ''), answered_at = $9
		WHERE tenant_id = $1 AND request_id = $2`, t.ID, id, a.State, a.TaskID, a.HTTPStatus, a.DetailCode, a.TrackingID, a.Error, a.At)
	if err == nil && done.RowsAffected() == 0 {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return fmt.Errorf("record the answer to reassign request %d: %w", id, err)
	}
	return nil
}

// UnsettledReassigns lists a certification's requests of which nobody knows
// whether the tenant carried them out, oldest first.
func (s *Store) UnsettledReassigns(ctx context.Context, t Tenant, certificationID string) ([]ReassignRequest, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT request_id, certification_id, reassign_to, reason, targets, requested_at, state
		FROM history.reassign_request
		WHERE tenant_id = $1 AND certification_id = $2 AND state IN ('SENDING', 'UNKNOWN')
		ORDER BY request_id`, t.ID, certificationID)
	if err != nil {
		return nil, fmt.Errorf("list reassignments: %w", err)
	}
	requests, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r ReassignRequest, err error) {
		err = row.Scan(&r.ID, &r.CertificationID, &r.To, &r.Reason, &r.Targets, &r.RequestedAt, &r.State)
		r.RequestedAt = r.RequestedAt.UTC()
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("list reassignments: %w", err)
	}
	return requests, nil
}
