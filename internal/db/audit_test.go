package db

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// promised are the columns that people's SQL depends on, in their order. A view
// may get more at its end, never fewer or others.
var promised = map[string]string{
	"runs": `tenant run_id:bigint status trigger started_at:time finished_at:time api_version scope_sha256 config_sha256 tool_version
		certifications:bigint certifications_complete:bigint reviewers:bigint review_items:bigint permissions:bigint tasks:bigint
		requests:bigint retries:bigint throttled:bigint root_sha256 previous_root_sha256 error`,
	"coverage": `tenant run_id:bigint certification_id collection outcome expected:bigint read:bigint distinct_read:bigint attempts:integer
		captured_run_id:bigint params_sha256 http_status:integer detail_code tracking_id error read_at:time note
		stored:bigint`,
	"campaigns": `tenant run_id:bigint captured_run_id:bigint campaign_id name type status created:time deadline:time
		total_certifications:bigint completed_certifications:bigint`,
	"certifications": `tenant run_id:bigint captured_run_id:bigint certification_id name campaign_id campaign_name campaign_type phase
		reviewer_id reviewer_name reviewer_email reviewer_type created:time modified:time due:time signed:time completed:boolean
		decisions_made:bigint decisions_total:bigint identities_completed:bigint identities_total:bigint reassigned_from_id
		reassigned_from_reviewer reassignment_comment has_errors:boolean error_message`,
	"reviewers": `tenant run_id:bigint captured_run_id:bigint certification_id reviewer_id name email type`,
	"review_items": `tenant run_id:bigint captured_run_id:bigint certification_id item_id identity_id identity_name access_type access_id
		access_name source_id source_name attribute value account_native_identity privileged:boolean has_permissions:boolean
		new_access:boolean completed:boolean decision comments last_seen_undecided_at:time first_seen_decided_at:time raw:jsonb`,
	"permissions": `tenant run_id:bigint captured_run_id:bigint certification_id item_id position:integer target rights:text[]`,
	"tasks": `tenant run_id:bigint captured_run_id:bigint task_id certification_id target_type target_id type status errors:text[]
		created:time first_seen_at:time last_seen_at:time`,
	"reassign_requests": `tenant run_id:bigint request_id:bigint certification_id reassign_to reason target_count:integer targets:jsonb
		requested_at:time state answered_at:time task_id http_status:integer detail_code tracking_id error`,
	"changes": `tenant run_id:bigint baseline_run_id:bigint object class certification_id object_id field before after`,
	"decisions": `tenant run_id:bigint captured_run_id:bigint certification_id item_id decision origin reviewer_id reviewer_name
		last_seen_undecided_at:time first_seen_decided_at:time`,
	"reassignments": `tenant run_id:bigint captured_run_id:bigint certification_id name reassigned_from_id from_reviewer_id from_reviewer_name
		to_reviewer_id to_reviewer_name reassignment_comment reassignments:bigint original_certification_id original_reviewer_id
		original_reviewer_name last_seen_without_at:time first_seen_at:time due:time lands_on_subject:boolean`,
	"reviewer_totals": `tenant run_id:bigint reviewer_id reviewer_name certifications:bigint items:bigint decided:bigint approved:bigint
		revoked:bigint privileged_approved:bigint own_items:bigint late_certifications:bigint`,
	"revocations": `tenant run_id:bigint captured_run_id:bigint certification_id item_id identity_id identity_name access_type access_id
		access_name source_name account_native_identity reviewer_id reviewer_name signed:time state seen_in_certification_id seen_at:time
		days:bigint`,
	"retention":        `tenant run_id:bigint held:boolean held_since:time hold_reason pruned_at:time`,
	"retention_events": `tenant run_id:bigint event_id:bigint action at:time actor reason details:jsonb`,
}

func TestViewsHaveThePromisedColumns(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	got := map[string][]string{}
	for _, line := range query[string](t, s, `
		SELECT c.relname || ' ' || a.attname || ':' || replace(format_type(a.atttypid, NULL), 'timestamp with time zone', 'time')
		FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind = 'v'
		ORDER BY c.relname, a.attnum`) {
		view, column, _ := strings.Cut(line, " ")
		got[view] = append(got[view], strings.TrimSuffix(column, ":text"))
	}
	want := map[string][]string{}
	for view, columns := range promised {
		want[view] = strings.Fields(columns)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("views (-want +got):\n%s", diff)
	}
}

// as runs SQL as a role, and undoes what it did.
func as(t *testing.T, s *Store, role, sql string) error {
	t.Helper()
	undo := errors.New("undo")
	err := pgx.BeginFunc(t.Context(), s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SET LOCAL ROLE `+role); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			return err
		}
		return undo
	})
	if errors.Is(err, undo) {
		return nil
	}
	return err
}

func TestAuditReaderReadsTheViewsAndNothingElse(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := newWorld(newCert("a", newItem("i")))
	o.night(w)
	w.certs["a"].decide("i", "APPROVE")
	o.night(w)
	for view := range promised {
		if err := as(t, o.store, "audit_reader", `SELECT * FROM audit.`+view); err != nil {
			t.Errorf("view %s: %v", view, err)
		}
	}
	if err := as(t, o.store, "audit_reader", `SELECT * FROM audit.changes_between(2, 1)`); err != nil {
		t.Error(err)
	}
	const denied = "42501" // insufficient_privilege
	refused := []string{
		`SELECT FROM history.shown`, `SELECT FROM public.exporter_migrations`, `SELECT history.standing(1, 2)`, `SELECT FROM staging.review_item`,
		`DELETE FROM audit.runs`, `INSERT INTO audit.runs (run_id) VALUES (1)`, `CREATE TABLE audit.mine ()`,
	}
	for _, table := range query[string](t, o.store, `SELECT tablename::text FROM pg_tables WHERE schemaname = 'history'`) {
		refused = append(refused, `SELECT FROM history.`+table)
	}
	for _, sql := range refused {
		err := as(t, o.store, "audit_reader", sql)
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != denied && e.Code != "55000" {
			t.Errorf("%s: %v, want it refused", sql, err)
		}
	}
}
