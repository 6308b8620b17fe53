package db

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// sealTimeout bounds the closing write, which reads the hash of every row that
// was written: after a first night, of all there are.
const sealTimeout = 10 * time.Minute

// Seal closes a run as SEALED or PARTIAL. It counts what the run shows, hashes
// what was written since the run sealed before, hashes that with the run's
// facts and its coverage onto the root of the run before, and stores all of it
// at once. accepted names certifications whose gaps do not count.
//
// The closing write survives an ending ctx; a run that was proved should not be
// lost to a signal that came a moment later.
func (s *Store) Seal(ctx context.Context, t Tenant, id int64, at time.Time, accepted []string) (Run, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sealTimeout)
	defer cancel()
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		status, err := verdict(ctx, tx, t, id, accepted)
		if err != nil {
			return err
		}
		var after int64
		err = tx.QueryRow(ctx, `
			SELECT coalesce(max(run_id), 0)
			FROM history.run
			WHERE tenant_id = $1 AND run_id < $2 AND status IN ('SEALED', 'PARTIAL') AND written_sha256 IS NOT NULL`, t.ID, id).Scan(&after)
		if err != nil {
			return err
		}
		written, err := writtenSince(ctx, tx, t, after, id)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE history.run r
			SET finished_at = $3, written_sha256 = $4,
			    certifications = c.certifications, certifications_complete = c.complete, reviewers = c.reviewers,
			    review_items = c.review_items, permissions = c.permissions, tasks = c.tasks,
			    approved = d.approved, revoked = d.revoked, undecided = d.undecided,
			    previous_root_sha256 = (
			        SELECT p.root_sha256
			        FROM history.run p
			        WHERE p.tenant_id = $1 AND p.run_id < $2 AND p.status IN ('SEALED', 'PARTIAL')
			        ORDER BY p.run_id DESC
			        LIMIT 1)
			FROM (
			    SELECT coalesce(sum(stored) FILTER (WHERE collection = 'certification' AND outcome <> 'OUT_OF_SCOPE'), 0) AS certifications,
			           coalesce(sum(stored) FILTER (WHERE collection = 'reviewers' AND outcome <> 'OUT_OF_SCOPE'), 0) AS reviewers,
			           coalesce(sum(stored) FILTER (WHERE collection = 'review_items' AND outcome <> 'OUT_OF_SCOPE'), 0) AS review_items,
			           coalesce(sum(stored) FILTER (WHERE collection = 'permissions' AND outcome <> 'OUT_OF_SCOPE'), 0) AS permissions,
			           (SELECT count(*) FROM history.task WHERE tenant_id = $1 AND valid_to_run IS NULL) AS tasks,
			           (SELECT count(*)
			            FROM (
			                SELECT certification_no
			                FROM history.coverage
			                WHERE tenant_id = $1 AND run_id = $2 AND certification_no <> 0
			                GROUP BY certification_no
			                HAVING bool_and(outcome IN ('COMPLETE', 'SEALED_EARLIER') OR outcome = 'OUT_OF_SCOPE' AND collection = 'permissions')
			            ) whole) AS complete
			    FROM history.coverage
			    WHERE tenant_id = $1 AND run_id = $2
			) c, (
			    SELECT count(*) FILTER (WHERE v.decision = 'APPROVE') AS approved, count(*) FILTER (WHERE v.decision = 'REVOKE') AS revoked,
			           count(*) FILTER (WHERE v.decision IS NULL) AS undecided
			    FROM history.review_item v
			    WHERE v.tenant_id = $1 AND v.valid_to_run IS NULL
			      AND v.certification_no NOT IN (
			          SELECT certification_no
			          FROM history.coverage
			          WHERE tenant_id = $1 AND run_id = $2 AND collection = 'review_items' AND outcome = 'OUT_OF_SCOPE')
			) d
			WHERE r.tenant_id = $1 AND r.run_id = $2`, t.ID, id, at, written); err != nil {
			return err
		}
		root, err := rootOf(ctx, tx, t, id, status)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE history.run
			SET status = $3, root_sha256 = $4
			WHERE tenant_id = $1 AND run_id = $2`, t.ID, id, status, root)
		return err
	})
	if err != nil {
		return Run{}, fmt.Errorf("seal run %d: %w", id, err)
	}
	return s.Run(ctx, t, id)
}

// verdict decides between SEALED and PARTIAL from the coverage as stored.
func verdict(ctx context.Context, tx pgx.Tx, t Tenant, id int64, accepted []string) (snapshot.Status, error) {
	if accepted == nil {
		accepted = []string{}
	}
	var lists, gaps int64
	var byCertification bool
	err := tx.QueryRow(ctx, `
		SELECT coalesce(bool_or(certification_no <> 0 AND tasks), false),
		       coalesce(sum(collections) FILTER (WHERE certification_no = 0), 0)::bigint,
		       coalesce(sum(gaps + CASE WHEN gone THEN 0 ELSE missing END) FILTER (
		           WHERE certification_no NOT IN (
		               SELECT certification_no
		               FROM history.known_certification
		               WHERE tenant_id = $1 AND certification_id = ANY ($3))), 0)::bigint
		FROM (
		    SELECT certification_no, count(*) AS collections, bool_or(collection = 'tasks') AS tasks,
		           count(*) FILTER (WHERE outcome NOT IN ('COMPLETE', 'SEALED_EARLIER', 'OUT_OF_SCOPE', 'NOT_FOUND')) AS gaps,
		           count(*) FILTER (WHERE outcome = 'NOT_FOUND') AS missing,
		           bool_or(collection = 'certification' AND outcome = 'NOT_FOUND') AS gone
		    FROM history.coverage
		    WHERE tenant_id = $1 AND run_id = $2
		    GROUP BY certification_no
		) c`, t.ID, id, accepted).Scan(&byCertification, &lists, &gaps)
	if err != nil {
		return "", err
	}
	// Campaigns, certifications, tasks; where tasks are told by certification,
	// they are a collection of each instead.
	want, collections := int64(3), 4
	if byCertification {
		want, collections = 2, 5
	}
	if lists != want {
		return "", errors.New("the run has not settled all of its lists")
	}
	var torn int64
	err = tx.QueryRow(ctx, `
		SELECT count(*)
		FROM (
		    SELECT certification_no
		    FROM history.coverage
		    WHERE tenant_id = $1 AND run_id = $2 AND certification_no <> 0
		    GROUP BY certification_no
		    HAVING count(*) <> $3
		) c`, t.ID, id, collections).Scan(&torn)
	if err != nil {
		return "", err
	}
	if torn > 0 {
		return "", fmt.Errorf("the run has not settled all collections of %d certifications", torn)
	}
	if gaps > 0 {
		return snapshot.Partial, nil
	}
	return snapshot.Sealed, nil
}

// rootOf hashes a run: the root before it, its own facts, its scope, what was
// written, and its coverage.
func rootOf(ctx context.Context, tx pgx.Tx, t Tenant, id int64, status snapshot.Status) (string, error) {
	h := sha256.New()
	if err := hashRun(ctx, tx, t, id, status, h); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// WriteSeal writes the lines that the run's root is the SHA-256 of, as they
// follow from what is stored now: they hash to the root as long as nothing in
// them was changed.
func (r *Reader) WriteSeal(ctx context.Context, w io.Writer) error {
	var status snapshot.Status
	err := r.tx.QueryRow(ctx, `
		SELECT status
		FROM history.run
		WHERE tenant_id = $1 AND run_id = $2`, r.tenant.ID, r.run).Scan(&status)
	if err == nil {
		err = hashRun(ctx, r.tx, r.tenant, r.run, status, w)
	}
	if err != nil {
		return fmt.Errorf("seal of run %d: %w", r.run, err)
	}
	return nil
}

// hashRun writes a run's facts, and its coverage in byte order, each row with
// the digest of its collection, to what hashes them or keeps them.
func hashRun(ctx context.Context, tx pgx.Tx, t Tenant, id int64, status snapshot.Status, h io.Writer) error {
	rows, err := tx.Query(ctx, `
		SELECT `+runColumns+`
		FROM history.run r
		JOIN history.tenant t USING (tenant_id)
		WHERE r.tenant_id = $1 AND r.run_id = $2`, t.ID, id)
	if err != nil {
		return err
	}
	run, err := pgx.CollectExactlyOneRow(rows, scanRun)
	if err != nil {
		return err
	}
	run.Status, run.RootSHA256 = status, nil
	run.Held, run.PrunedAt = false, nil
	if err := hashLine(h, struct {
		Run
		Provenance     json.RawMessage `json:"provenance"`
		ReportSettings json.RawMessage `json:"report_settings"`
	}{run, run.Provenance, run.ReportSettings}); err != nil {
		return err
	}
	rows, err = tx.Query(ctx, `
		SELECT k.certification_id, c.collection, c.outcome, c.expected, c.read, c.distinct_read, c.attempts, c.stored,
		       c.captured_run_id, c.signed, c.params_sha256, encode(c.digest, 'hex'), c.http_status, c.detail_code,
		       c.tracking_id, c.error, c.note, c.read_at
		FROM history.coverage c
		LEFT JOIN history.known_certification k USING (tenant_id, certification_no)
		WHERE c.tenant_id = $1 AND c.run_id = $2
		ORDER BY k.certification_id NULLS FIRST, c.collection`, t.ID, id)
	if err != nil {
		return err
	}
	var c struct {
		Certification, Collection, Outcome                       *string
		Expected, Read, DistinctRead, Attempts, Stored, Captured *int64
		Signed                                                   bool
		Params, Digest                                           *string
		HTTPStatus                                               *int64
		DetailCode, TrackingID, Error, Note                      *string
		ReadAt                                                   *time.Time
	}
	_, err = pgx.ForEachRow(rows, []any{&c.Certification, &c.Collection, &c.Outcome, &c.Expected, &c.Read, &c.DistinctRead, &c.Attempts, &c.Stored,
		&c.Captured, &c.Signed, &c.Params, &c.Digest, &c.HTTPStatus, &c.DetailCode, &c.TrackingID, &c.Error, &c.Note, &c.ReadAt}, func() error {
		if c.ReadAt != nil {
			*c.ReadAt = c.ReadAt.UTC()
		}
		return hashLine(h, c)
	})
	return err
}

// versioned are the tables of versions.
func versioned() []string {
	return []string{"campaign", "certification", "reviewer", "review_item", "item_permissions", "task"}
}

// writtenSince hashes what was written after one run and up to another: the
// runs between, which were not finished and whose versions stay all the same,
// what was done to history beside, and the hashes of the versions that began
// and ended. Those that were pruned or erased since count as they were.
func writtenSince(ctx context.Context, tx pgx.Tx, t Tenant, after, id int64) (string, error) {
	rows, err := tx.Query(ctx, `
		SELECT run_id, status
		FROM history.run
		WHERE tenant_id = $1 AND run_id > $2 AND run_id < $3
		ORDER BY run_id`, t.ID, after, id)
	if err != nil {
		return "", err
	}
	type between struct {
		ID     int64
		Status snapshot.Status
	}
	runs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[between])
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, r := range runs {
		if err := hashRun(ctx, tx, t, r.ID, r.Status, h); err != nil {
			return "", err
		}
	}
	if err := hashEvents(ctx, tx, t, after, id, h); err != nil {
		return "", err
	}
	for _, table := range versioned() {
		for _, bound := range []string{"valid_from_run", "valid_to_run"} {
			rows, err := tx.Query(ctx, fmt.Sprintf(`
				SELECT v.%[1]s, coalesce(e.original_sha256, v.row_sha256) AS row_sha256
				FROM history.%[2]s v
				LEFT JOIN history.erased_version e ON e.tenant_id = $1 AND e.table_name = '%[2]s' AND e.row_sha256 = v.row_sha256
				WHERE v.tenant_id = $1 AND v.%[1]s > $2 AND v.%[1]s <= $3
				UNION ALL
				SELECT p.%[1]s, p.row_sha256
				FROM history.pruned_version p
				WHERE p.tenant_id = $1 AND p.table_name = '%[2]s' AND p.%[1]s > $2 AND p.%[1]s <= $3
				ORDER BY 1, 2`, bound, table), t.ID, after, id)
			if err != nil {
				return "", err
			}
			var run int64
			var row []byte
			_, err = pgx.ForEachRow(rows, []any{&run, &row}, func() error {
				fmt.Fprintf(h, "%s %s %d %x\n", table, bound, run, row)
				return nil
			})
			if err != nil {
				return "", err
			}
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// hashEvents adds to a hash what was done to history beside adding to it, from
// one run until another began.
func hashEvents(ctx context.Context, tx pgx.Tx, t Tenant, after, id int64, h io.Writer) error {
	rows, err := tx.Query(ctx, `
		SELECT event_id, action, at, actor, after_run, run_id, reason, details
		FROM history.retention_event
		WHERE tenant_id = $1 AND after_run >= $2 AND after_run < $3
		ORDER BY event_id`, t.ID, after, id)
	if err != nil {
		return err
	}
	var e struct {
		Event    int64
		Action   string
		At       time.Time
		Actor    string
		AfterRun int64
		Run      *int64
		Reason   *string
		Details  json.RawMessage
	}
	_, err = pgx.ForEachRow(rows, []any{&e.Event, &e.Action, &e.At, &e.Actor, &e.AfterRun, &e.Run, &e.Reason, &e.Details}, func() error {
		e.At = e.At.UTC()
		return hashLine(h, e)
	})
	return err
}

// hashLine writes a value's canonical JSON, a line each. Canonical JSON has no
// line feed in it.
func hashLine(h io.Writer, v any) error {
	c, err := snapshot.Canonical(v)
	if err != nil {
		return err
	}
	_, err = h.Write(append(c, '\n'))
	return err
}
