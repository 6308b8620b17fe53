package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Erasure is what Erase changed, or would change.
type Erasure struct {
	Identity string `json:"identity"`
	Rows     []Rows `json:"rows"`
}

// Total is the number of rows changed.
func (e Erasure) Total() int64 {
	var n int64
	for _, r := range e.Rows {
		n += r.Rows
	}
	return n
}

// ErrUnknownPerson says that nothing in a tenant's history names an identity.
var ErrUnknownPerson = errors.New("nothing in the history names this identity")

// erasable are the tables that name people. text are the columns that may hold
// a name, an e-mail or words; what identifies an account or an access is none
// of these and stays, as without it access could not be followed from night to
// night.
func erasable() []struct{ table, text string } {
	return []struct{ table, text string }{
		{"campaign", "name"},
		{"certification", "name, campaign_name, reviewer_name, reviewer_email, reassigned_from_reviewer, reassignment_comment, error_message"},
		{"reviewer", "name, email"},
		{"review_item", "identity_name, access_name, comments"},
		{"task", "errors"},
	}
}

// Erase replaces the name and the e-mail of an identity by a marker wherever
// history has them beside its id, in the words of the same rows too, and the
// comments on its access and those of reviews that were its own. Ids stay. The
// row keeps the digest it was proved with, and its hash before is noted: Verify
// tells that it was erased, and not altered.
//
// History is erased as it stands. What the tenant still tells of the person
// comes again with the next version of the object.
//
// The tenant's lock must be held. With dryRun everything is taken back. Where
// nothing names the identity the error wraps ErrUnknownPerson.
func (s *Store) Erase(ctx context.Context, t Tenant, identity, reason string, at time.Time, dryRun bool) (Erasure, error) {
	done := Erasure{Identity: identity}
	err := s.retain(ctx, t, func(w *retention) error {
		e := eraser{retention: w, person: person{id: identity}}
		var err error
		if done.Rows, err = e.erase(ctx, reason, at); err != nil {
			return err
		}
		if dryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return Erasure{}, fmt.Errorf("erase a person from %s: %w", t.Name, err)
	}
	return done, nil
}

// eraseDetails is what the record says of an erasure.
type eraseDetails struct {
	Identity string `json:"identity_id"`
	Rows     []Rows `json:"rows"`
	Versions string `json:"versions_sha256"` // of the rows of history.erased_version
}

type eraser struct {
	*retention
	person person
	event  int64
	own    []int64 // certifications that the person reviewed
}

// written is one row that names the person.
type written struct {
	Place    string // ctid
	Hash     []byte
	Raw, Row json.RawMessage // the tenant's JSON; the columns of text
	Comments bool            // words in it are of the person, or about the person
}

func (e *eraser) erase(ctx context.Context, reason string, at time.Time) ([]Rows, error) {
	rows, err := e.tx.Query(ctx, `
		SELECT certification_no FROM history.certification WHERE tenant_id = $1 AND reviewer_id = $2
		UNION
		SELECT certification_no FROM history.reviewer WHERE tenant_id = $1 AND reviewer_id = $2`, e.tenant.ID, e.person.id)
	if err != nil {
		return nil, err
	}
	if e.own, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		return nil, err
	}
	if e.event, err = e.number(ctx); err != nil {
		return nil, err
	}
	naming := map[string][]written{}
	for _, x := range erasable() {
		found, err := e.find(ctx, x.table, x.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.table, err)
		}
		for _, row := range found {
			if err := e.person.learn(row.Raw); err != nil {
				return nil, fmt.Errorf("%s: %w", x.table, err)
			}
		}
		naming[x.table] = found
	}
	changed := []Rows{}
	for _, x := range erasable() {
		n, err := e.rewrite(ctx, x.table, x.text, naming[x.table])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.table, err)
		}
		changed = append(changed, Rows{x.table, n})
	}
	n, err := e.requests(ctx)
	if err != nil {
		return nil, err
	}
	changed = append(changed, Rows{"reassign_request", n})
	if (Erasure{Rows: changed}).Total() == 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnknownPerson, e.person.id)
	}
	// What waits for an interrupted run to go on is read again.
	for _, table := range []string{"reviewer", "review_item"} {
		if _, err := e.tx.Exec(ctx, fmt.Sprintf(`DELETE FROM staging.%s WHERE tenant_id = $1`, table), e.tenant.ID); err != nil {
			return nil, err
		}
	}
	versions, err := erasedDigest(ctx, e.tx, e.tenant, e.event)
	if err != nil {
		return nil, err
	}
	return changed, e.record(ctx, e.event, actionErase, at, nil, reason, eraseDetails{Identity: e.person.id, Rows: changed, Versions: versions})
}

// find reads the rows of a table that name the person, and the comments of
// reviews that were the person's.
func (e *eraser) find(ctx context.Context, table, text string) ([]written, error) {
	comments, also := `false`, ``
	args := []any{e.tenant.ID, e.person.id}
	switch table {
	case "certification":
		comments = `v.reviewer_id = $2 OR coalesce(v.raw #>> '{reassignment,from,reviewer,id}' = $2, false)`
	case "review_item":
		args = append(args, e.own)
		comments = `coalesce(v.identity_id = $2, false) OR v.certification_no = ANY ($3)`
		also = `OR v.comments IS NOT NULL AND v.certification_no = ANY ($3)`
	}
	var pairs []string
	for column := range strings.SplitSeq(text, ", ") {
		pairs = append(pairs, fmt.Sprintf(`'%[1]s', v.%[1]s`, column))
	}
	rows, err := e.tx.Query(ctx, fmt.Sprintf(`
		SELECT v.ctid::text, v.row_sha256, v.raw, jsonb_build_object(%s), coalesce(%s, false)
		FROM history.%s v
		WHERE v.tenant_id = $1 AND (position($2 IN v.raw::text) > 0 %s)
		FOR UPDATE`, strings.Join(pairs, ", "), comments, table, also), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[written])
}

// rewrite writes the rows anew that come out different.
func (e *eraser) rewrite(ctx context.Context, table, text string, rows []written) (n int64, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	hash, err := hashOfRow(ctx, e.tx, table)
	if err != nil {
		return 0, err
	}
	columns := "n." + strings.ReplaceAll(text, ", ", ", n.")
	for _, row := range rows {
		raw, rawChanged, err := e.person.blot(row.Raw, row.Comments)
		if err != nil {
			return n, err
		}
		// The columns are told apart by their names as the tenant's fields are.
		cells, cellsChanged, err := e.person.blotColumns(table, row)
		if err != nil {
			return n, err
		}
		if !rawChanged && !cellsChanged {
			continue
		}
		n++
		var place string
		if err := e.tx.QueryRow(ctx, fmt.Sprintf(`
			UPDATE history.%[1]s v
			SET raw = $2, (%[2]s) = (SELECT %[3]s FROM jsonb_populate_record(v, $3) n)
			WHERE v.ctid = $1::tid
			RETURNING v.ctid::text`, table, text, columns), row.Place, raw, cells).Scan(&place); err != nil {
			return n, err
		}
		var now []byte
		if err := e.tx.QueryRow(ctx, fmt.Sprintf(`
			UPDATE history.%s v
			SET row_sha256 = %s
			WHERE v.ctid = $1::tid
			RETURNING v.row_sha256`, table, hash), place).Scan(&now); err != nil {
			return n, err
		}
		if _, err := e.tx.Exec(ctx, `
			INSERT INTO history.erased_version (tenant_id, table_name, row_sha256, original_sha256, event_id)
			SELECT $1, $2, $3, coalesce((
			           SELECT original_sha256
			           FROM history.erased_version
			           WHERE tenant_id = $1 AND table_name = $2 AND row_sha256 = $4), $4), $5`,
			e.tenant.ID, table, now, row.Hash, e.event); err != nil {
			return n, err
		}
	}
	return n, nil
}

// requests takes the person out of the reasons of reassign requests that name
// the person's id.
func (e *eraser) requests(ctx context.Context) (n int64, err error) {
	rows, err := e.tx.Query(ctx, `
		SELECT request_id, reason
		FROM history.reassign_request
		WHERE tenant_id = $1 AND (reassign_to = $2 OR position($2 IN targets::text) > 0)`, e.tenant.ID, e.person.id)
	if err != nil {
		return 0, err
	}
	type request struct {
		ID     int64
		Reason string
	}
	requests, err := pgx.CollectRows(rows, pgx.RowToStructByPos[request])
	if err != nil {
		return 0, err
	}
	for _, r := range requests {
		reason := e.person.scrub(r.Reason)
		if reason == r.Reason {
			continue
		}
		n++
		if _, err := e.tx.Exec(ctx, `
			UPDATE history.reassign_request
			SET reason = $3
			WHERE tenant_id = $1 AND request_id = $2`, e.tenant.ID, r.ID, reason); err != nil {
			return n, err
		}
	}
	return n, nil
}

// erasedDigest is the hash of what is noted of the rows that an event erased.
func erasedDigest(ctx context.Context, tx pgx.Tx, t Tenant, event int64) (string, error) {
	rows, err := tx.Query(ctx, `
		SELECT table_name, row_sha256, original_sha256
		FROM history.erased_version
		WHERE tenant_id = $1 AND event_id = $2
		ORDER BY table_name, row_sha256`, t.ID, event)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	var table string
	var now, original []byte
	_, err = pgx.ForEachRow(rows, []any{&table, &now, &original}, func() error {
		fmt.Fprintf(h, "%s %x %x\n", table, now, original)
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// decodeAny decodes JSON and keeps its numbers as they are written.
func decodeAny(raw []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}
