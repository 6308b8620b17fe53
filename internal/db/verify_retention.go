package db

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// retention checks that what is gone or was blotted out is so on record: each
// event tells of its rows by their hash, and no kept run misses a version that
// was pruned. The events themselves are in the seal of the run after them.
func (v *verifier) retention(ctx context.Context) (*Difference, error) {
	rows, err := v.tx.Query(ctx, `
		SELECT event_id, action, details
		FROM history.retention_event
		WHERE tenant_id = $1
		ORDER BY event_id`, v.tenant.ID)
	if err != nil {
		return nil, fmt.Errorf("retention: %w", err)
	}
	type event struct {
		ID      int64
		Action  string
		Details json.RawMessage
	}
	events, err := pgx.CollectRows(rows, pgx.RowToStructByPos[event])
	if err != nil {
		return nil, fmt.Errorf("retention: %w", err)
	}
	for _, e := range events {
		var told struct {
			Runs     []int64 `json:"runs"`
			Versions string  `json:"versions_sha256"`
		}
		if err := json.Unmarshal(e.Details, &told); err != nil {
			return v.ofEvent(e.ID, "what it says was done cannot be read: %v", err), nil
		}
		left, err := v.leftBy(ctx, e.ID)
		if err != nil {
			return nil, fmt.Errorf("retention: event %d: %w", e.ID, err)
		}
		want := traces{pruned: emptyDigest, erased: emptyDigest, runs: fmt.Sprint([]int64{})}
		switch e.Action {
		case actionPrune:
			want.pruned, want.runs = told.Versions, fmt.Sprint(told.Runs)
		case actionErase:
			want.erased = told.Versions
		}
		switch {
		case left.runs != want.runs:
			return v.ofEvent(e.ID, "it pruned runs %s, and %s are noted as pruned by it", want.runs, left.runs), nil
		case left.pruned != want.pruned:
			return v.ofEvent(e.ID, "what is noted of the versions it pruned is not what it left: a note was changed, added or removed"), nil
		case left.erased != want.erased:
			return v.ofEvent(e.ID, "what is noted of the rows it erased is not what it left: a note was changed, added or removed"), nil
		}
	}
	var table *string
	var run *int64
	err = v.tx.QueryRow(ctx, `
		SELECT p.table_name, r.run_id
		FROM history.pruned_version p
		JOIN history.run r ON r.tenant_id = p.tenant_id AND r.run_id >= p.valid_from_run AND r.run_id < p.valid_to_run
		WHERE p.tenant_id = $1
		  AND NOT EXISTS (SELECT FROM history.pruned_run g WHERE g.tenant_id = r.tenant_id AND g.run_id = r.run_id)
		ORDER BY r.run_id, p.table_name
		LIMIT 1`, v.tenant.ID).Scan(&table, &run)
	switch {
	case err == nil:
		return &Difference{Table: *table, Run: *run, What: "a version that holds at this run is noted as pruned, and the run is not"}, nil
	case err != pgx.ErrNoRows:
		return nil, fmt.Errorf("retention: %w", err)
	}
	err = v.tx.QueryRow(ctx, `SELECT count(*) FROM history.erased_version WHERE tenant_id = $1`, v.tenant.ID).Scan(&v.found.ErasedRows)
	if err != nil {
		return nil, fmt.Errorf("retention: %w", err)
	}
	return nil, nil
}

// emptyDigest is the hash of nothing.
const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// traces are what an event left behind.
type traces struct{ runs, pruned, erased string }

func (v *verifier) leftBy(ctx context.Context, event int64) (t traces, err error) {
	rows, err := v.tx.Query(ctx, `
		SELECT run_id
		FROM history.pruned_run
		WHERE tenant_id = $1 AND event_id = $2
		ORDER BY run_id`, v.tenant.ID, event)
	if err != nil {
		return t, err
	}
	runs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return t, err
	}
	t.runs = fmt.Sprint(runs)
	if t.pruned, err = prunedDigest(ctx, v.tx, v.tenant, event); err != nil {
		return t, err
	}
	t.erased, err = erasedDigest(ctx, v.tx, v.tenant, event)
	return t, err
}

func (v *verifier) ofEvent(id int64, format string, args ...any) *Difference {
	return &Difference{Table: "retention_event", ID: fmt.Sprint(id), What: fmt.Sprintf(format, args...)}
}
