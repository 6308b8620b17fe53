package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// Night is one run as its walk sees it: what was known before, and where what
// is read tonight goes.
type Night struct {
	store  *Store
	tenant Tenant
	run    int64
}

// Night gives access to an open run.
func (s *Store) Night(t Tenant, run int64) *Night { return &Night{store: s, tenant: t, run: run} }

// inTx runs f in a transaction that holds the run's row against whoever goes on
// with the run: see [Store.OpenRun].
func (n *Night) inTx(ctx context.Context, f func(tx pgx.Tx) error) error {
	return n.store.inTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			SELECT FROM history.run
			WHERE tenant_id = $1 AND run_id = $2
			FOR KEY SHARE`, n.tenant.ID, n.run)
		if err != nil {
			return err
		}
		return f(tx)
	})
}

// History reads what earlier runs, and this one where it goes on after an
// interruption, know of the tenant.
func (n *Night) History(ctx context.Context) (snapshot.History, error) {
	h := snapshot.History{
		Certifications: map[string]snapshot.Past{},
		Before:         map[snapshot.Collection]snapshot.Shown{},
		Tonight:        map[snapshot.Collection]snapshot.Coverage{},
	}
	for _, read := range []func(context.Context, *snapshot.History) error{n.known, n.before, n.tonight, n.openTasks} {
		if err := read(ctx, &h); err != nil {
			return snapshot.History{}, fmt.Errorf("read history of %s: %w", n.tenant.Name, err)
		}
	}
	return h, nil
}

// known reads every certification ever seen with its last header.
func (n *Night) known(ctx context.Context, h *snapshot.History) error {
	rows, err := n.store.pool.Query(ctx, `
		SELECT k.certification_id, coalesce(v.campaign_id, ''), coalesce(v.reviewer_type, ''), coalesce(v.phase = 'SIGNED', false)
		FROM history.known_certification k
		LEFT JOIN LATERAL (
		    SELECT v.campaign_id, v.reviewer_type, v.phase
		    FROM history.certification v
		    WHERE v.tenant_id = k.tenant_id AND v.certification_no = k.certification_no
		    ORDER BY v.valid_from_run DESC
		    LIMIT 1
		) v ON true
		WHERE k.tenant_id = $1`, n.tenant.ID)
	if err != nil {
		return err
	}
	var id string
	var p snapshot.Past
	_, err = pgx.ForEachRow(rows, []any{&id, &p.CampaignID, &p.ReviewerType, &p.Signed}, func() error {
		past := p
		past.Before = map[snapshot.Collection]snapshot.Shown{}
		past.Tonight = map[snapshot.Collection]snapshot.Coverage{}
		h.Certifications[id] = past
		return nil
	})
	return err
}

// before reads the last word of earlier runs on every collection.
func (n *Night) before(ctx context.Context, h *snapshot.History) error {
	rows, err := n.store.pool.Query(ctx, `
		SELECT k.certification_id, x.collection, c.outcome, c.captured_run_id, c.stored, c.digest, c.signed, coalesce(p.params_sha256, '')
		FROM (
		    SELECT certification_no, certification_id, ARRAY['certification', 'reviewers', 'review_items', 'permissions', 'tasks'] AS collections
		    FROM history.known_certification
		    WHERE tenant_id = $1
		    UNION ALL
		    SELECT 0, '', ARRAY['campaigns', 'certifications', 'tasks']
		) k
		CROSS JOIN LATERAL unnest(k.collections) AS x (collection)
		CROSS JOIN LATERAL (
		    SELECT c.run_id, c.outcome, c.captured_run_id, c.stored, c.digest, c.signed
		    FROM history.coverage c
		    WHERE c.tenant_id = $1 AND c.certification_no = k.certification_no AND c.collection = x.collection AND c.run_id < $2
		    ORDER BY c.run_id DESC
		    LIMIT 1
		) c
		LEFT JOIN history.coverage p
		  ON p.tenant_id = $1 AND p.certification_no = k.certification_no AND p.collection = x.collection AND p.run_id = c.captured_run_id`,
		n.tenant.ID, n.run)
	if err != nil {
		return err
	}
	var id string
	var collection snapshot.Collection
	var s snapshot.Shown
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &collection, &s.Outcome, &s.CapturedRun, &s.Stored, &digest, &s.Signed, &s.ParamsSHA256}, func() error {
		shown := s
		shown.Digest = digestOf(digest)
		shown.CapturedRun = copyOf(s.CapturedRun)
		if id == "" {
			h.Before[collection] = shown
		} else {
			h.Certifications[id].Before[collection] = shown
		}
		return nil
	})
	return err
}

// tonight reads what this run has settled already.
func (n *Night) tonight(ctx context.Context, h *snapshot.History) error {
	rows, err := n.store.pool.Query(ctx, `
		SELECT coalesce(k.certification_id, ''), c.collection, c.outcome, c.stored, c.captured_run_id, c.digest, c.signed, c.params_sha256
		FROM history.coverage c
		LEFT JOIN history.known_certification k USING (tenant_id, certification_no)
		WHERE c.tenant_id = $1 AND c.run_id = $2`, n.tenant.ID, n.run)
	if err != nil {
		return err
	}
	var c snapshot.Coverage
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&c.CertificationID, &c.Collection, &c.Outcome, &c.Stored, &c.CapturedRun, &digest, &c.Signed, &c.ParamsSHA256}, func() error {
		settled := c
		settled.Digest = digestOf(digest)
		settled.CapturedRun = copyOf(c.CapturedRun)
		if c.CertificationID == "" {
			h.Tonight[c.Collection] = settled
		} else {
			h.Certifications[c.CertificationID].Tonight[c.Collection] = settled
		}
		return nil
	})
	return err
}

// openTasks reads the ids of tasks to follow: those unfinished when last seen,
// and those made of our own reassign requests that no run has seen, as they may
// have ended between two nights. Where a run that began a day after the answer,
// or more, for clocks differ, proved the tasks without one, the tenant has no
// such task.
func (n *Night) openTasks(ctx context.Context, h *snapshot.History) error {
	rows, err := n.store.pool.Query(ctx, `
		SELECT task_id, coalesce(certification_id, '') AS certification_id
		FROM history.task
		WHERE tenant_id = $1 AND valid_to_run IS NULL AND status IS DISTINCT FROM 'SUCCESS' AND status IS DISTINCT FROM 'ERROR'
		UNION
		SELECT q.task_id, q.certification_id
		FROM history.reassign_request q
		WHERE q.tenant_id = $1 AND q.state = 'ACCEPTED'
		  AND NOT EXISTS (
		      SELECT FROM history.task v
		      WHERE v.tenant_id = $1 AND v.task_id = q.task_id)
		  AND NOT EXISTS (
		      SELECT FROM history.coverage c
		      JOIN history.run r USING (tenant_id, run_id)
		      LEFT JOIN history.known_certification k USING (tenant_id, certification_no)
		      WHERE c.tenant_id = $1 AND c.collection = 'tasks' AND c.outcome = 'COMPLETE'
		        AND coalesce(k.certification_id, q.certification_id) = q.certification_id
		        AND r.started_at > q.answered_at + interval '1 day')
		ORDER BY task_id`, n.tenant.ID)
	if err != nil {
		return err
	}
	h.OpenTasks, err = pgx.CollectRows(rows, pgx.RowToStructByPos[snapshot.OpenTask])
	return err
}

// digestOf reads a bytea column; nil where it is null.
func digestOf(b []byte) *snapshot.Digest {
	if b == nil {
		return nil
	}
	d := snapshot.Digest(b)
	return &d
}

func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// saveCoverage writes coverage rows of this run. A row written before (the run
// was interrupted) is replaced.
func (n *Night) saveCoverage(ctx context.Context, tx pgx.Tx, certificationNo int64, rows []snapshot.Coverage) error {
	var b pgx.Batch
	for _, c := range rows {
		var digest []byte
		if c.Digest != nil {
			digest = c.Digest[:]
		}
		captured := c.CapturedRun
		if c.Outcome == snapshot.Complete {
			captured = &n.run
		}
		b.Queue(`
			INSERT INTO history.coverage (tenant_id, certification_no, collection, run_id, outcome, expected, read, distinct_read,
			    attempts, stored, captured_run_id, signed, params_sha256, digest, http_status, detail_code, tracking_id, error, note, read_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
			ON CONFLICT (tenant_id, certification_no, collection, run_id) DO UPDATE
			SET outcome = excluded.outcome, expected = excluded.expected, read = excluded.read, distinct_read = excluded.distinct_read,
			    attempts = excluded.attempts, stored = excluded.stored, captured_run_id = excluded.captured_run_id, signed = excluded.signed,
			    params_sha256 = excluded.params_sha256, digest = excluded.digest, http_status = excluded.http_status,
			    detail_code = excluded.detail_code, tracking_id = excluded.tracking_id, error = excluded.error, note = excluded.note, read_at = excluded.read_at`,
			n.tenant.ID, certificationNo, c.Collection, n.run, c.Outcome, c.Expected, c.Read, c.DistinctRead, c.Attempts, c.Stored,
			captured, c.Signed, c.ParamsSHA256, digest, c.HTTPStatus, c.DetailCode, c.TrackingID, c.Error, c.Note, c.ReadAt)
	}
	return tx.SendBatch(ctx, &b).Close()
}

// SettleList stores the coverage of a list of the whole run that holds no
// objects of its own: the certifications list.
func (n *Night) SettleList(ctx context.Context, c snapshot.Coverage) error {
	err := n.inTx(ctx, func(tx pgx.Tx) error {
		return n.saveCoverage(ctx, tx, 0, []snapshot.Coverage{c})
	})
	if err != nil {
		return fmt.Errorf("store coverage of %s: %w", c.Collection, err)
	}
	return nil
}

// MergeCampaigns merges the campaigns of a proved list and stores its coverage.
// Stored campaigns that are not in the list end with this run, within ids
// where that is not empty: the list was asked for those alone. Where the
// coverage is not Complete, only the coverage is stored.
func (n *Night) MergeCampaigns(ctx context.Context, campaigns []snapshot.Campaign, ids []string, c snapshot.Coverage) error {
	err := n.inTx(ctx, func(tx pgx.Tx) error {
		if c.Outcome == snapshot.Complete {
			keep := make([]string, len(campaigns))
			for i, v := range campaigns {
				keep[i] = v.ID
			}
			_, err := tx.Exec(ctx, `
				UPDATE history.campaign
				SET valid_to_run = $2
				WHERE tenant_id = $1 AND valid_to_run IS NULL AND NOT campaign_id = ANY ($3)
				  AND (cardinality($4::text[]) = 0 OR campaign_id = ANY ($4))`, n.tenant.ID, n.run, keep, orEmpty(ids))
			if err != nil {
				return err
			}
			if err := mergeSeen(ctx, tx, n, campaignKind, campaigns); err != nil {
				return err
			}
			if err := setShown(ctx, tx, n, campaignKind, "", &c); err != nil {
				return err
			}
		}
		return n.saveCoverage(ctx, tx, 0, []snapshot.Coverage{c})
	})
	if err != nil {
		return fmt.Errorf("store campaigns: %w", err)
	}
	return nil
}

// MergeTasks merges the tasks seen tonight, in the list or by id, and stores
// the coverage. gone are the known tasks that the tenant does not have any
// more. Tasks not mentioned stay as they were. Where the coverage is not
// Complete, only the coverage is stored.
func (n *Night) MergeTasks(ctx context.Context, seen []snapshot.Task, gone []string, c snapshot.Coverage) error {
	err := n.inTx(ctx, func(tx pgx.Tx) error {
		if c.Outcome == snapshot.Complete {
			if err := n.mergeTasks(ctx, tx, seen, gone); err != nil {
				return err
			}
			if err := setShown(ctx, tx, n, taskKind, "", &c); err != nil {
				return err
			}
		}
		return n.saveCoverage(ctx, tx, 0, []snapshot.Coverage{c})
	})
	if err != nil {
		return fmt.Errorf("store tasks: %w", err)
	}
	return nil
}

func (n *Night) mergeTasks(ctx context.Context, tx pgx.Tx, seen []snapshot.Task, gone []string) error {
	if _, err := tx.Exec(ctx, `
		UPDATE history.task
		SET valid_to_run = $2
		WHERE tenant_id = $1 AND valid_to_run IS NULL AND task_id = ANY ($3)`, n.tenant.ID, n.run, orEmpty(gone)); err != nil {
		return err
	}
	return mergeSeen(ctx, tx, n, taskKind, seen)
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
