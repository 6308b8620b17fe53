package db

import (
	"fmt"
	"strings"

	"exporter/internal/delta"
)

// What reports show beside the columns of the views.

// extended are the views to which reports have columns of their own, with these.
var extended = map[string]string{
	// What the report has of a collection is for the report to fill in.
	"coverage": `
		SELECT v.*, h.name AS certification_name, NULL::bigint AS rows_here, NULL::bigint AS difference
		FROM audit.coverage v
		LEFT JOIN LATERAL (
		    SELECT h.name
		    FROM history.tenant t
		    JOIN history.known_certification k ON k.tenant_id = t.tenant_id AND k.certification_id = v.certification_id
		    JOIN history.certification h
		      ON h.tenant_id = k.tenant_id AND h.certification_no = k.certification_no
		     AND h.valid_from_run <= v.run_id AND (h.valid_to_run IS NULL OR h.valid_to_run > v.run_id)
		    WHERE t.name = v.tenant
		) h ON true`,
	"certifications": `
		SELECT v.*, c.original_reviewer_id, c.original_reviewer_name, c.reassignments,
		       CASE WHEN coalesce(v.signed, r.started_at) > v.due
		            THEN floor(extract(epoch FROM coalesce(v.signed, r.started_at) - v.due) / 86400)::bigint END AS days_late
		FROM audit.certifications v
		JOIN audit.runs r ON r.tenant = v.tenant AND r.run_id = v.run_id
		LEFT JOIN audit.reassignments c ON c.tenant = v.tenant AND c.run_id = v.run_id AND c.certification_id = v.certification_id`,
	// In one pass, as joining views of many rows would not be: what audit.review_items
	// and audit.decisions say of an item.
	"review_items": `
		SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.item_id, v.identity_id, v.identity_name,
		       v.access_type, v.access_id, v.access_name, v.source_id, v.source_name, v.attribute, v.value,
		       v.account_native_identity, v.privileged, v.has_permissions, v.new_access, v.completed, v.decision, v.comments,
		       undecided.started_at AS last_seen_undecided_at, decided.started_at AS first_seen_decided_at,
		       history.decision_origin(v.decision, before.status, after.status) AS decision_origin, h.reviewer_id, h.reviewer_name, h.campaign_name, NULL::text[] AS findings, v.raw
		FROM history.shown s
		JOIN history.tenant t USING (tenant_id)
		JOIN history.review_item v
		  ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
		 AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
		LEFT JOIN history.certification h
		  ON h.tenant_id = s.tenant_id AND h.certification_no = s.certification_no
		 AND h.valid_from_run <= s.run_id AND (h.valid_to_run IS NULL OR h.valid_to_run > s.run_id)
		LEFT JOIN history.campaign after
		  ON after.tenant_id = s.tenant_id AND after.campaign_id = h.campaign_id
		 AND after.valid_from_run <= v.first_decided_run AND (after.valid_to_run IS NULL OR after.valid_to_run > v.first_decided_run)
		LEFT JOIN history.campaign before
		  ON before.tenant_id = s.tenant_id AND before.campaign_id = h.campaign_id
		 AND before.valid_from_run <= v.last_undecided_run AND (before.valid_to_run IS NULL OR before.valid_to_run > v.last_undecided_run)
		LEFT JOIN history.run undecided
		  ON undecided.tenant_id = s.tenant_id
		 AND undecided.run_id = CASE WHEN v.decision IS NULL THEN s.captured_run_id ELSE v.last_undecided_run END
		LEFT JOIN history.run decided
		  ON decided.tenant_id = s.tenant_id AND decided.run_id = v.first_decided_run
		WHERE s.collection = 'review_items'`,
	"reviewer_totals": `
		SELECT v.*, 100 * v.approved / nullif(v.decided, 0) AS approved_percent, 100 * v.revoked / nullif(v.decided, 0) AS revoked_percent
		FROM audit.reviewer_totals v`,
	"reassignments": `
		SELECT v.*, floor(extract(epoch FROM v.due - v.first_seen_at) / 86400)::bigint AS days_before_due,
		       (SELECT count(*)
		        FROM audit.review_items i
		        WHERE i.tenant = v.tenant AND i.run_id = v.run_id AND i.certification_id = v.certification_id AND i.identity_id = v.to_reviewer_id) AS own_items
		FROM audit.reassignments v`,
	// Decisions of one certification with the same observed bounds. They are
	// counted before they get its name, or each of them would look for it.
	"decision_intervals": `
		SELECT d.*, c.name AS certification_name
		FROM (
		    SELECT d.tenant, d.run_id, d.certification_id, d.reviewer_id, d.reviewer_name, d.last_seen_undecided_at, d.first_seen_decided_at, d.origin,
		           count(*) FILTER (WHERE d.decision = 'APPROVE') AS approved, count(*) AS decided
		    FROM audit.decisions d
		    GROUP BY d.tenant, d.run_id, d.certification_id, d.reviewer_id, d.reviewer_name, d.last_seen_undecided_at, d.first_seen_decided_at, d.origin
		) d
		LEFT JOIN audit.certifications c ON c.tenant = d.tenant AND c.run_id = d.run_id AND c.certification_id = d.certification_id`,
	// With whose access it is that the rights are part of.
	"permissions": `
		SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.item_id, i.identity_name, i.access_name, p.position, p.target, p.rights
		FROM history.shown s
		JOIN history.tenant t USING (tenant_id)
		JOIN history.item_permissions v
		  ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
		 AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
		JOIN history.permission p ON p.tenant_id = v.tenant_id AND p.digest = v.digest
		LEFT JOIN history.review_item i
		  ON i.tenant_id = v.tenant_id AND i.certification_no = v.certification_no AND i.item_id = v.item_id
		 AND i.valid_from_run <= s.run_id AND (i.valid_to_run IS NULL OR i.valid_to_run > s.run_id)
		WHERE s.collection = 'permissions'`,
	// What the run said of each collection, the lists of the whole run among them,
	// and how many rows the views show of it; of review items, by state.
	"balances": `
		SELECT t.name AS tenant, r.run_id, k.certification_id, n.collection, CASE c.run_id WHEN r.run_id THEN c.outcome END AS outcome,
		       CASE c.outcome WHEN 'OUT_OF_SCOPE' THEN 0 ELSE c.stored END AS stored, h.campaign_id, h.campaign_name, i.approved, i.revoked, i.undecided
		FROM history.run r
		JOIN history.tenant t USING (tenant_id)
		CROSS JOIN LATERAL (
		    SELECT k.certification_no, k.certification_id, ARRAY['certification', 'reviewers', 'review_items', 'permissions', 'tasks'] AS collections
		    FROM history.known_certification k
		    WHERE k.tenant_id = r.tenant_id
		    UNION ALL
		    SELECT 0, NULL, ARRAY['certifications', 'tasks']
		) k
		CROSS JOIN LATERAL unnest(k.collections) AS n (collection)
		CROSS JOIN LATERAL (
		    SELECT c.run_id, c.outcome, c.stored
		    FROM history.coverage c
		    WHERE c.tenant_id = r.tenant_id AND c.certification_no = k.certification_no AND c.collection = n.collection AND c.run_id <= r.run_id
		    ORDER BY c.run_id DESC
		    LIMIT 1
		) c
		LEFT JOIN history.certification h
		  ON h.tenant_id = r.tenant_id AND h.certification_no = k.certification_no
		 AND h.valid_from_run <= r.run_id AND (h.valid_to_run IS NULL OR h.valid_to_run > r.run_id)
		LEFT JOIN LATERAL (
		    SELECT count(*) FILTER (WHERE v.decision = 'APPROVE') AS approved, count(*) FILTER (WHERE v.decision = 'REVOKE') AS revoked,
		           count(*) FILTER (WHERE v.decision IS NULL) AS undecided
		    FROM history.review_item v
		    WHERE v.tenant_id = r.tenant_id AND v.certification_no = k.certification_no
		      AND v.valid_from_run <= r.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > r.run_id)
		) i ON n.collection = 'review_items' AND c.outcome <> 'OUT_OF_SCOPE'`,
}

// changesAdded are those that extendedChanges adds to the changes.
var changesAdded = []string{
	"certification_name", "identity_name", "access_name", "decision_before", "decision_after", "moved_from", "name_before", "name_after",
	"last_seen_before_at", "first_seen_after_at", "rows_below", "is_below",
}

// extendedChanges are the changes from run $1 to run $2 of tenant $3, with what a
// reader needs to know of each. Names are those of the later of the two, whichever
// that is, or else of the other. Those before and after go with ids: of the reviewer of
// a certification, or of the certification that an item was moved from.
//
// The bounds of a change are those of the object: the last run that proved it
// as it was in the one run, and the first that saw it as it is in the other.
// Both follow from the versions that the two runs show, which are there as long
// as the runs are, whatever was pruned between. Backwards there are none.
//
// A certification that was deleted, or came or left with the scope, has rows
// below it: those of all that went the same way with it.
//
// They come in the order of their rank: what a reader should look at first.
var extendedChanges = `
	SELECT c.*, h.name AS certification_name, i.identity_name, i.access_name,
	       CASE WHEN c.object = 'review_item' THEN
	           CASE WHEN c.field = 'decision' THEN c.before WHEN c.field IS NULL THEN c.before::jsonb ->> 'decision' END END AS decision_before,
	       CASE WHEN c.object = 'review_item' THEN
	           CASE WHEN c.field = 'decision' THEN c.after WHEN c.field IS NULL THEN c.after::jsonb ->> 'decision' END END AS decision_after,
	       CASE WHEN c.field = 'reviewer_id' THEN c.reviewer_before ELSE o.name END AS name_before,
	       CASE WHEN c.field = 'reviewer_id' THEN c.reviewer_after WHEN c.moved_from IS NOT NULL THEN h.name END AS name_after,
	       coalesce(proved.started_at, listed.started_at) AS last_seen_before_at,
	       coalesce(saw.started_at, gone.started_at) AS first_seen_after_at,
	       CASE WHEN c.stands THEN c.below END AS rows_below, NOT c.stands AND c.stood AS is_below,
	       coalesce(array_position(` + classesByRank() + `, c.class), 1000) AS rank
	FROM (
	    SELECT c.*, w.whole AND c.object = 'certification' AND c.field IS NULL AS stands,
	           bool_or(w.whole AND c.object = 'certification' AND c.field IS NULL) OVER same AS stood,
	           count(*) FILTER (WHERE c.object <> 'certification') OVER same AS below,
	           CASE WHEN c.class = 'REASSIGNED' THEN
	               CASE c.object WHEN 'review_item' THEN c.before WHEN 'permission' THEN c.before::jsonb ->> 'certification_id' END END AS moved_from,
	           max(c.before) FILTER (WHERE c.object = 'certification' AND c.field = 'reviewer_name') OVER one AS reviewer_before,
	           max(c.after) FILTER (WHERE c.object = 'certification' AND c.field = 'reviewer_name') OVER one AS reviewer_after,
	           $1 < $2 AND c.class NOT IN ('NOT_COMPARABLE', 'CAPTURE_GAP', 'LEFT_SCOPE', 'ENTERED_SCOPE') AS happened,
	           CASE c.object WHEN 'certification' THEN 'certification' WHEN 'reviewer' THEN 'reviewers' WHEN 'review_item' THEN 'review_items'
	                         WHEN 'permission' THEN 'permissions' WHEN 'task' THEN 'tasks' END AS collection
	    FROM audit.changes_between($1, $2) c
	    CROSS JOIN LATERAL (SELECT c.class IN ('DELETED_IN_TENANT', 'LEFT_SCOPE', 'ENTERED_SCOPE') AS whole) w
	    WINDOW one AS (PARTITION BY c.certification_id), same AS (PARTITION BY c.certification_id, c.class)
	) c
	LEFT JOIN history.known_certification k ON k.tenant_id = $3 AND k.certification_id = c.certification_id
	LEFT JOIN LATERAL (` + nameOf("c.certification_id") + `) h ON true
	LEFT JOIN LATERAL (` + nameOf("c.moved_from") + `) o ON true
	LEFT JOIN LATERAL (
	    SELECT v.identity_name, v.access_name
	    FROM history.review_item v
	    WHERE c.object IN ('review_item', 'permission') AND v.tenant_id = $3 AND v.certification_no = k.certification_no AND v.item_id = c.object_id
	      AND ` + atEither + `
	    ORDER BY v.valid_from_run DESC
	    LIMIT 1
	) i ON true
	-- The version that the one run shows, by where it ends, and that of the other,
	-- by where it begins.
	LEFT JOIN LATERAL (` + versionAt("$1") + `) a ON c.happened
	LEFT JOIN LATERAL (` + versionAt("$2") + `) b ON c.happened
	LEFT JOIN LATERAL (
	    SELECT r.started_at
	    FROM history.coverage f
	    -- A certification that was gone was proved to have nothing; its tasks stay.
	    JOIN history.run r
	      ON r.tenant_id = f.tenant_id
	     AND r.run_id = coalesce(f.captured_run_id, CASE WHEN f.outcome = 'NOT_FOUND' AND f.collection <> 'tasks' THEN f.run_id END)
	    WHERE f.tenant_id = $3 AND f.certification_no IN (k.certification_no, CASE c.collection WHEN 'tasks' THEN 0 END) AND f.collection = c.collection
	      AND f.run_id < coalesce(a.valid_to_run, $1 + 1)
	    ORDER BY f.run_id DESC
	    LIMIT 1
	) proved ON c.happened
	LEFT JOIN LATERAL (
	    SELECT r.started_at
	    FROM history.coverage f
	    JOIN history.run r ON r.tenant_id = f.tenant_id AND r.run_id = f.captured_run_id
	    WHERE f.tenant_id = $3 AND f.certification_no = 0 AND f.collection = 'certifications' AND f.run_id <= $1
	    ORDER BY f.run_id DESC
	    LIMIT 1
	) listed ON c.happened AND proved.started_at IS NULL
	LEFT JOIN history.run saw ON c.happened AND saw.tenant_id = $3 AND saw.run_id = b.valid_from_run
	LEFT JOIN history.run gone ON c.happened AND gone.tenant_id = $3 AND gone.run_id = $2`

// nameOf finds the name of a certification.
func nameOf(id string) string {
	return `
	    SELECT v.name
	    FROM history.known_certification n
	    JOIN history.certification v ON v.tenant_id = n.tenant_id AND v.certification_no = n.certification_no
	    WHERE n.tenant_id = $3 AND n.certification_id = ` + id + ` AND ` + atEither + `
	    ORDER BY v.valid_from_run DESC
	    LIMIT 1`
}

// classesByRank are the classes of changes as an array, those to look at first at
// its front.
func classesByRank() string {
	var all []string
	for _, m := range delta.Classes() {
		all = append(all, "'"+string(m.Class)+"'")
	}
	return "ARRAY[" + strings.Join(all, ", ") + "]"
}

// atEither holds for a version v at one of the two runs. What held at runs between
// them alone tells no names: it is gone once it is pruned.
const atEither = `(v.valid_from_run <= $2 AND (v.valid_to_run IS NULL OR v.valid_to_run > $2)
	        OR v.valid_from_run <= $1 AND (v.valid_to_run IS NULL OR v.valid_to_run > $1))`

// versionAt finds the version of a changed object c that a run shows.
func versionAt(run string) string {
	at := `v.valid_from_run <= ` + run + ` AND (v.valid_to_run IS NULL OR v.valid_to_run > ` + run + `)`
	var all []string
	for _, o := range []struct{ object, table, key string }{
		{"certification", "certification", "v.certification_no = k.certification_no"},
		{"reviewer", "reviewer", "v.certification_no = k.certification_no AND v.reviewer_id = c.object_id"},
		{"review_item", "review_item", "v.certification_no = k.certification_no AND v.item_id = c.object_id"},
		{"permission", "item_permissions", "v.certification_no = k.certification_no AND v.item_id = c.object_id"},
		{"task", "task", "v.task_id = c.object_id"},
	} {
		all = append(all, fmt.Sprintf(`
	    SELECT v.valid_from_run, v.valid_to_run
	    FROM history.%s v
	    WHERE c.object = '%s' AND v.tenant_id = $3 AND %s AND %s`, o.table, o.object, o.key, at))
	}
	return strings.Join(all, `
	    UNION ALL`)
}
