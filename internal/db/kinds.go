package db

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// kind tells how one kind of object is stored: a column is named here once and
// serves staging, merging and history alike.
type kind[T any] struct {
	table   string        // in history, and in staging where it is staged
	key     string        // the column of the object's id
	columns []string      // after the key: digest, raw where there is one, then its own
	values  func(T) []any // of the key and the columns, in this order
	size    func(T) int   // bytes it takes while waiting, roughly
	decided func(T) bool  // where the object is decided on: whether it has been
}

var campaignKind = kind[snapshot.Campaign]{
	table: "campaign", key: "campaign_id",
	columns: []string{"digest", "raw", "name", "type", "status", "created", "deadline", "total_certifications", "completed_certifications"},
	values: func(v snapshot.Campaign) []any {
		return []any{v.ID, v.Digest[:], v.Raw, v.Name, v.Type, v.Status, v.Created, v.Deadline, v.TotalCertifications, v.CompletedCertifications}
	},
}

var certificationKind = kind[snapshot.Certification]{
	table: "certification", key: "certification_id",
	columns: []string{"digest", "raw", "name", "campaign_id", "campaign_name", "campaign_type", "phase", "reviewer_id", "reviewer_name",
		"reviewer_email", "reviewer_type", "created", "modified", "due", "signed", "completed", "decisions_made", "decisions_total",
		"identities_completed", "identities_total", "reassigned_from_id", "reassigned_from_reviewer", "reassignment_comment",
		"has_errors", "error_message"},
	values: func(v snapshot.Certification) []any {
		return []any{v.ID, v.Digest[:], v.Raw, v.Name, v.CampaignID, v.CampaignName, v.CampaignType, v.Phase, v.ReviewerID, v.ReviewerName,
			v.ReviewerEmail, v.ReviewerType, v.Created, v.Modified, v.Due, v.Signed, v.Completed, v.DecisionsMade, v.DecisionsTotal,
			v.IdentitiesCompleted, v.IdentitiesTotal, v.ReassignedFromID, v.ReassignedFromOwner, v.ReassignmentComment,
			v.HasErrors, v.ErrorMessage}
	},
}

var reviewerKind = kind[snapshot.Reviewer]{
	table: "reviewer", key: "reviewer_id",
	columns: []string{"digest", "raw", "name", "email", "type"},
	values: func(v snapshot.Reviewer) []any {
		return []any{v.ID, v.Digest[:], v.Raw, v.Name, v.Email, v.Type}
	},
	size: func(v snapshot.Reviewer) int { return 256 + 2*len(v.Raw) },
}

var reviewItemKind = kind[snapshot.ReviewItem]{
	table: "review_item", key: "item_id",
	columns: []string{"digest", "raw", "identity_id", "identity_name", "access_type", "access_id", "access_name", "source_id", "source_name",
		"attribute", "value", "account_native_identity", "privileged", "has_permissions", "new_access", "completed", "decision", "comments"},
	values: func(v snapshot.ReviewItem) []any {
		return []any{v.ID, v.Digest[:], v.Raw, v.IdentityID, v.IdentityName, v.AccessType, v.AccessID, v.AccessName, v.SourceID, v.SourceName,
			v.Attribute, v.Value, v.AccountNativeIdentity, v.Privileged, v.HasPermissions, v.NewAccess, v.Completed, v.Decision, v.Comments}
	},
	size:    func(v snapshot.ReviewItem) int { return 512 + 2*len(v.Raw) },
	decided: func(v snapshot.ReviewItem) bool { return v.Decision != nil },
}

var itemPermissionsKind = kind[snapshot.ItemPermissions]{
	table: "item_permissions", key: "item_id",
	columns: []string{"digest", "read_through"},
	values: func(v snapshot.ItemPermissions) []any {
		return []any{v.ItemID, v.Digest[:], v.ReadThrough}
	},
	size: func(snapshot.ItemPermissions) int { return 128 },
}

var taskKind = kind[snapshot.Task]{
	table: "task", key: "task_id",
	columns: []string{"digest", "raw", "certification_id", "target_type", "target_id", "type", "status", "errors", "created"},
	values: func(v snapshot.Task) []any {
		return []any{v.ID, v.Digest[:], v.Raw, v.CertificationID, v.TargetType, v.TargetID, v.Type, v.Status, v.Errors, v.Created}
	},
}

// decision is one text for a kind of object that is decided on, or another.
func (k kind[T]) decision(yes, no string) string {
	if k.decided != nil {
		return yes
	}
	return no
}

// derived are the columns that follow from the version before: see observed.
func (k kind[T]) derived() []string {
	if k.decided == nil {
		return nil
	}
	return []string{"last_undecided_run", "first_decided_run"}
}

// mergeSeen merges a few objects of a tenant: one that differs from its current
// version, or has none, gets a new one. Objects not given stay as they are.
func mergeSeen[T any](ctx context.Context, tx pgx.Tx, n *Night, k kind[T], objects []T) error {
	// What the table derives from earlier versions of the same object.
	derived, derivation := "", ""
	if k.table == taskKind.table {
		derived = ", first_seen_run"
		derivation = `, coalesce((SELECT min(e.first_seen_run) FROM history.task e WHERE e.tenant_id = $1 AND e.task_id = $3), $2)`
	}
	end := fmt.Sprintf(`
		UPDATE history.%s
		SET valid_to_run = $2
		WHERE tenant_id = $1 AND %s = $3 AND valid_to_run IS NULL AND digest <> $4`, k.table, k.key)
	params := make([]string, len(k.columns))
	for i := range params {
		params[i] = fmt.Sprintf("$%d", i+4)
	}
	begin := fmt.Sprintf(`
		INSERT INTO history.%[1]s (tenant_id, valid_from_run, %[2]s, %[3]s%[4]s)
		SELECT $1, $2, $3, %[5]s%[6]s
		WHERE NOT EXISTS (SELECT FROM history.%[1]s v WHERE v.tenant_id = $1 AND v.%[2]s = $3 AND v.valid_to_run IS NULL)`,
		k.table, k.key, strings.Join(k.columns, ", "), derived, strings.Join(params, ", "), derivation)
	for chunk := range slices.Chunk(objects, 500) {
		var b pgx.Batch
		for _, o := range chunk {
			v := k.values(o)
			b.Queue(end, n.tenant.ID, n.run, v[0], v[1])
			b.Queue(begin, append([]any{n.tenant.ID, n.run}, v...)...)
		}
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
	}
	return nil
}

// setShown sets what coverage says of the objects of a tenant, or of one of its
// certifications, that the views show: how many there are, and their digest. A
// list tells no more than those that were asked for.
func setShown[T any](ctx context.Context, tx pgx.Tx, n *Night, k kind[T], certificationID string, c *snapshot.Coverage) error {
	of, args := "", []any{n.tenant.ID}
	if certificationID != "" {
		of, args = "AND certification_id = $2", append(args, certificationID)
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(`
		SELECT %s, digest
		FROM history.%s
		WHERE tenant_id = $1 AND valid_to_run IS NULL %s`, k.key, k.table, of), args...)
	if err != nil {
		return err
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e snapshot.Entry, err error) {
		var digest []byte
		if err = row.Scan(&e.ID, &digest); err == nil {
			e.Digest = snapshot.Digest(digest)
		}
		return e, err
	})
	if err != nil {
		return err
	}
	digest := snapshot.CollectionDigest(entries)
	c.Stored, c.Digest = int64(len(entries)), &digest
	return nil
}
