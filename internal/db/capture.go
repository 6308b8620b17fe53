package db

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// Capture takes the collections of one certification as they are read, keeps
// them waiting, and merges those that were proved into history at once.
//
// Small collections wait in memory: on most nights most certifications are as
// they were, and nothing of them needs to be written. What outgrows
// spillBytes goes to the staging tables. Permission lists go there in any case,
// as each cost a request: a run that is resumed finds them.
type Capture struct {
	night       *Night
	no          int64
	id          string
	reviewers   *stage[snapshot.Reviewer]
	items       *stage[snapshot.ReviewItem]
	permissions *stage[snapshot.ItemPermissions]
	tasks       []snapshot.Task // seen tonight
	goneTasks   []string

	known map[snapshot.Digest]bool // permission sets stored already
}

const (
	spillBytes       = 4 << 20
	permissionsBatch = 200 // answers, a few seconds of requests
)

// Capture begins to take a certification's collections.
func (n *Night) Capture(ctx context.Context, certificationID string) (*Capture, error) {
	no, err := n.store.certificationNo(ctx, n.tenant, certificationID)
	if err != nil {
		return nil, err
	}
	c := &Capture{night: n, no: no, id: certificationID, known: map[snapshot.Digest]bool{}}
	c.reviewers = newStage(c, reviewerKind)
	c.items = newStage(c, reviewItemKind)
	c.permissions = newStage(c, itemPermissionsKind)
	return c, nil
}

// certificationNo is the short key of a certification, made on first sight.
func (s *Store) certificationNo(ctx context.Context, t Tenant, id string) (int64, error) {
	var no int64
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		const find = `SELECT certification_no FROM history.known_certification WHERE tenant_id = $1 AND certification_id = $2`
		err := tx.QueryRow(ctx, find, t.ID, id).Scan(&no)
		if err != pgx.ErrNoRows {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO history.known_certification (tenant_id, certification_id)
			VALUES ($1, $2)
			ON CONFLICT DO NOTHING`, t.ID, id); err != nil {
			return err
		}
		return tx.QueryRow(ctx, find, t.ID, id).Scan(&no)
	})
	if err != nil {
		return 0, fmt.Errorf("certification %s: %w", id, err)
	}
	return no, nil
}

// Reviewers is where the certification's reviewers go.
func (c *Capture) Reviewers() snapshot.Sink[snapshot.Reviewer] { return c.reviewers }

// ReviewItems is where the certification's review items go.
func (c *Capture) ReviewItems() snapshot.Sink[snapshot.ReviewItem] { return c.items }

// StagedPermissions returns what this run has staged of the certification's
// permission lists before it was interrupted: the list of each item among
// flagged, and the number of permissions in all. Lists of other items are
// dropped, as their items have gone since.
func (c *Capture) StagedPermissions(ctx context.Context, flagged []snapshot.FlaggedItem) (lists []snapshot.Entry, permissions int64, err error) {
	n := c.night
	err = n.store.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			DELETE FROM staging.item_permissions
			WHERE tenant_id = $1 AND certification_no = $2 AND run_id = $3 AND NOT item_id = ANY ($4)`,
			n.tenant.ID, c.no, n.run, idsOf(flagged)); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			SELECT s.item_id, s.digest, p.size
			FROM staging.item_permissions s
			JOIN history.permission_set p USING (tenant_id, digest)
			WHERE s.tenant_id = $1 AND s.certification_no = $2 AND s.run_id = $3`, n.tenant.ID, c.no, n.run)
		if err != nil {
			return err
		}
		var id string
		var digest []byte
		var size int64
		_, err = pgx.ForEachRow(rows, []any{&id, &digest, &size}, func() error {
			lists = append(lists, snapshot.Entry{ID: id, Digest: snapshot.Digest(digest)})
			permissions += size
			return nil
		})
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("certification %s: staged permissions: %w", c.id, err)
	}
	return lists, permissions, nil
}

func idsOf(items []snapshot.FlaggedItem) []string {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}
	return ids
}

// FlaggedItems returns the certification's current items that have
// permissions, or with all every entitlement, from history: for a run that is
// resumed after the items were merged.
func (c *Capture) FlaggedItems(ctx context.Context, all bool) ([]snapshot.FlaggedItem, error) {
	rows, err := c.night.store.pool.Query(ctx, `
		SELECT item_id,
		       CASE WHEN raw @? '$.accessSummary.entitlement ? (@.isPermission == true)' THEN ''
		            ELSE coalesce(raw #>> '{accessSummary,entitlement,id}', '') END
		FROM history.review_item
		WHERE tenant_id = $1 AND certification_no = $2 AND valid_to_run IS NULL
		  AND (has_permissions OR $3 AND access_type = 'ENTITLEMENT')
		ORDER BY item_id`, c.night.tenant.ID, c.no, all)
	if err != nil {
		return nil, fmt.Errorf("certification %s: flagged items: %w", c.id, err)
	}
	items, err := pgx.CollectRows(rows, pgx.RowToStructByPos[snapshot.FlaggedItem])
	if err != nil {
		return nil, fmt.Errorf("certification %s: flagged items: %w", c.id, err)
	}
	return items, nil
}

// StagePermissions takes the proved permission list of one item.
func (c *Capture) StagePermissions(ctx context.Context, p snapshot.ItemPermissions) error {
	if err := c.storeSet(ctx, p); err != nil {
		return fmt.Errorf("certification %s: permissions of item %s: %w", c.id, p.ItemID, err)
	}
	if err := c.permissions.Page(ctx, []snapshot.ItemPermissions{p}); err != nil {
		return err
	}
	if len(c.permissions.rows) >= permissionsBatch {
		return c.permissions.spill(ctx)
	}
	return nil
}

// storeSet stores the content of a permission list where it is new. Sets are
// found by their content, so one that nobody comes to use does no harm.
func (c *Capture) storeSet(ctx context.Context, p snapshot.ItemPermissions) error {
	if c.known[p.Digest] {
		return nil
	}
	err := c.night.store.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO history.permission_set (tenant_id, digest, size)
			VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, c.night.tenant.ID, p.Digest[:], len(p.Permissions))
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"history", "permission"},
			[]string{"tenant_id", "digest", "position", "target", "rights"},
			pgx.CopyFromSlice(len(p.Permissions), func(i int) ([]any, error) {
				return []any{c.night.tenant.ID, p.Digest[:], i, p.Permissions[i].Target, p.Permissions[i].Rights}, nil
			}))
		return err
	})
	if err == nil {
		c.known[p.Digest] = true
	}
	return err
}

// StageTasks takes the tasks of the certification, where the API version tells
// of them by certification: those seen, and the ids of those that are gone.
func (c *Capture) StageTasks(seen []snapshot.Task, gone []string) {
	c.tasks, c.goneTasks = seen, gone
}

// Merge stores how the certification's collections ended and merges those that
// are Complete and not Unchanged, all in one transaction. header is nil where
// the header itself could not be read. Where gone is set, the tenant answered
// 404 to the certification's id: all its versions end with this run.
func (c *Capture) Merge(ctx context.Context, header *snapshot.Certification, gone bool, coverage []snapshot.Coverage) error {
	n := c.night
	of := func(collection snapshot.Collection) *snapshot.Coverage {
		i := slices.IndexFunc(coverage, func(v snapshot.Coverage) bool { return v.Collection == collection })
		if i < 0 {
			return nil
		}
		return &coverage[i]
	}
	changed := func(collection snapshot.Collection) bool {
		row := of(collection)
		return row != nil && row.Outcome == snapshot.Complete && !row.Unchanged
	}
	err := n.inTx(ctx, func(tx pgx.Tx) error {
		if gone {
			if err := c.closeAll(ctx, tx); err != nil {
				return err
			}
		}
		if changed(snapshot.CertificationHeader) && header != nil {
			if err := c.mergeHeader(ctx, tx, *header); err != nil {
				return err
			}
		}
		if changed(snapshot.Reviewers) {
			if err := c.reviewers.mergeInto(ctx, tx, of(snapshot.Reviewers).Digest); err != nil {
				return err
			}
		}
		if changed(snapshot.ReviewItems) {
			if err := c.items.mergeInto(ctx, tx, of(snapshot.ReviewItems).Digest); err != nil {
				return err
			}
		}
		if changed(snapshot.Permissions) {
			if err := c.permissions.mergeInto(ctx, tx, of(snapshot.Permissions).Digest); err != nil {
				return err
			}
		}
		if row := of(snapshot.Tasks); row != nil && row.Outcome == snapshot.Complete {
			if err := n.mergeTasks(ctx, tx, c.tasks, c.goneTasks); err != nil {
				return err
			}
			if err := setShown(ctx, tx, n, taskKind, c.id, row); err != nil {
				return err
			}
		}
		for _, drop := range []func(context.Context, execer) error{c.reviewers.clear, c.items.clear, c.permissions.clear} {
			if err := drop(ctx, tx); err != nil {
				return err
			}
		}
		return n.saveCoverage(ctx, tx, c.no, coverage)
	})
	if err != nil {
		return fmt.Errorf("certification %s: merge: %w", c.id, err)
	}
	return nil
}

// Discard forgets what was staged. Permission answers stay: a resumed run uses
// them.
func (c *Capture) Discard(ctx context.Context) error {
	for _, drop := range []func(context.Context, execer) error{c.reviewers.clear, c.items.clear} {
		if err := drop(ctx, c.night.store.pool); err != nil {
			return fmt.Errorf("certification %s: %w", c.id, err)
		}
	}
	return c.permissions.spill(ctx)
}

func (c *Capture) closeAll(ctx context.Context, tx pgx.Tx) error {
	for _, table := range []string{"certification", "reviewer", "review_item", "item_permissions"} {
		_, err := tx.Exec(ctx, fmt.Sprintf(`
			UPDATE history.%s
			SET valid_to_run = $3
			WHERE tenant_id = $1 AND certification_no = $2 AND valid_to_run IS NULL`, table), c.night.tenant.ID, c.no, c.night.run)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Capture) mergeHeader(ctx context.Context, tx pgx.Tx, h snapshot.Certification) error {
	k, v := certificationKind, certificationKind.values(h)
	if _, err := tx.Exec(ctx, `
		UPDATE history.certification
		SET valid_to_run = $3
		WHERE tenant_id = $1 AND certification_no = $2 AND valid_to_run IS NULL AND digest <> $4`,
		c.night.tenant.ID, c.no, c.night.run, v[1]); err != nil {
		return err
	}
	params := make([]string, len(v))
	for i := range params {
		params[i] = fmt.Sprintf("$%d", i+4)
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(`
		INSERT INTO history.certification (tenant_id, certification_no, valid_from_run, %s, %s)
		SELECT $1, $2, $3, %s
		WHERE NOT EXISTS (
		    SELECT FROM history.certification
		    WHERE tenant_id = $1 AND certification_no = $2 AND valid_to_run IS NULL)`,
		k.key, strings.Join(k.columns, ", "), strings.Join(params, ", ")),
		append([]any{c.night.tenant.ID, c.no, c.night.run}, v...)...)
	return err
}
