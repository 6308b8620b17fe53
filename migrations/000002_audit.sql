-- The views for people. Names and columns here are a promise: they may grow,
-- never change.

-- +goose Up
CREATE SCHEMA audit;

-- The last word on a collection as of a run: its coverage in that run, or,
-- where the run never came to it, in the run before.
CREATE VIEW history.shown AS
SELECT r.tenant_id, r.run_id, k.certification_no, k.certification_id, n.collection, c.outcome, c.captured_run_id
FROM history.run r
JOIN history.known_certification k ON k.tenant_id = r.tenant_id
CROSS JOIN unnest(ARRAY['certification', 'reviewers', 'review_items', 'permissions']) AS n (collection)
CROSS JOIN LATERAL (
    SELECT c.outcome, c.captured_run_id
    FROM history.coverage c
    WHERE c.tenant_id = r.tenant_id
      AND c.certification_no = k.certification_no
      AND c.collection = n.collection
      AND c.run_id <= r.run_id
    ORDER BY c.run_id DESC
    LIMIT 1
) c
WHERE c.outcome <> 'OUT_OF_SCOPE';

CREATE VIEW audit.runs AS
SELECT t.name AS tenant, r.run_id, r.status, r.trigger, r.started_at, r.finished_at, r.api_version,
       r.scope_sha256, r.config_sha256, r.tool_version, r.certifications, r.certifications_complete,
       r.reviewers, r.review_items, r.permissions, r.tasks, r.requests, r.retries, r.throttled,
       r.root_sha256, r.previous_root_sha256, r.error
FROM history.run r
JOIN history.tenant t USING (tenant_id);

CREATE VIEW audit.coverage AS
SELECT t.name AS tenant, c.run_id, k.certification_id, c.collection, c.outcome, c.expected, c.read,
       c.distinct_read, c.attempts, c.captured_run_id, c.params_sha256, c.http_status, c.detail_code,
       c.tracking_id, c.error, c.read_at, c.note
FROM history.coverage c
JOIN history.tenant t USING (tenant_id)
LEFT JOIN history.known_certification k USING (tenant_id, certification_no);

CREATE VIEW audit.campaigns AS
SELECT t.name AS tenant, r.run_id, c.captured_run_id, v.campaign_id, v.name, v.type, v.status, v.created,
       v.deadline, v.total_certifications, v.completed_certifications
FROM history.run r
JOIN history.tenant t USING (tenant_id)
CROSS JOIN LATERAL (
    SELECT c.captured_run_id
    FROM history.coverage c
    WHERE c.tenant_id = r.tenant_id AND c.certification_no = 0 AND c.collection = 'campaigns' AND c.run_id <= r.run_id
    ORDER BY c.run_id DESC
    LIMIT 1
) c
JOIN history.campaign v
  ON v.tenant_id = r.tenant_id AND v.valid_from_run <= r.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > r.run_id);

CREATE VIEW audit.certifications AS
SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.name, v.campaign_id, v.campaign_name,
       v.campaign_type, v.phase, v.reviewer_id, v.reviewer_name, v.reviewer_email, v.reviewer_type, v.created,
       v.modified, v.due, v.signed, v.completed, v.decisions_made, v.decisions_total, v.identities_completed,
       v.identities_total, v.reassigned_from_id, v.reassigned_from_reviewer, v.reassignment_comment,
       v.has_errors, v.error_message
FROM history.shown s
JOIN history.tenant t USING (tenant_id)
JOIN history.certification v
  ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
 AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
WHERE s.collection = 'certification';

CREATE VIEW audit.reviewers AS
SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.reviewer_id, v.name, v.email, v.type
FROM history.shown s
JOIN history.tenant t USING (tenant_id)
JOIN history.reviewer v
  ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
 AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
WHERE s.collection = 'reviewers';

CREATE VIEW audit.review_items AS
SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.item_id, v.identity_id, v.identity_name,
       v.access_type, v.access_id, v.access_name, v.source_id, v.source_name, v.attribute, v.value,
       v.account_native_identity, v.privileged, v.has_permissions, v.new_access, v.completed, v.decision, v.comments,
       undecided.started_at AS last_seen_undecided_at, decided.started_at AS first_seen_decided_at, v.raw
FROM history.shown s
JOIN history.tenant t USING (tenant_id)
JOIN history.review_item v
  ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
 AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
LEFT JOIN history.run undecided
  ON undecided.tenant_id = s.tenant_id
 AND undecided.run_id = CASE WHEN v.decision IS NULL THEN s.captured_run_id ELSE v.last_undecided_run END
LEFT JOIN history.run decided
  ON decided.tenant_id = s.tenant_id AND decided.run_id = v.first_decided_run
WHERE s.collection = 'review_items';

CREATE VIEW audit.permissions AS
SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.item_id, p.position, p.target, p.rights
FROM history.shown s
JOIN history.tenant t USING (tenant_id)
JOIN history.item_permissions v
  ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
 AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
JOIN history.permission p ON p.tenant_id = v.tenant_id AND p.digest = v.digest
WHERE s.collection = 'permissions';

CREATE VIEW audit.tasks AS
SELECT t.name AS tenant, r.run_id, c.captured_run_id, v.task_id, v.certification_id, v.target_type, v.target_id,
       v.type, v.status, v.errors, v.created, first_seen.started_at AS first_seen_at, last_seen.started_at AS last_seen_at
FROM history.run r
JOIN history.tenant t USING (tenant_id)
JOIN history.task v
  ON v.tenant_id = r.tenant_id AND v.valid_from_run <= r.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > r.run_id)
LEFT JOIN history.known_certification k
  ON k.tenant_id = v.tenant_id AND k.certification_id = v.certification_id
-- A list of the whole run, or, where the API tells of tasks by certification,
-- of each: whichever spoke last.
CROSS JOIN LATERAL (
    SELECT c.captured_run_id
    FROM history.coverage c
    WHERE c.tenant_id = r.tenant_id AND c.certification_no IN (0, k.certification_no) AND c.collection = 'tasks' AND c.run_id <= r.run_id
    ORDER BY c.run_id DESC
    LIMIT 1
) c
LEFT JOIN history.run first_seen
  ON first_seen.tenant_id = r.tenant_id AND first_seen.run_id = v.first_seen_run
LEFT JOIN history.run last_seen
  ON last_seen.tenant_id = r.tenant_id
 AND last_seen.run_id = CASE WHEN v.status IN ('SUCCESS', 'ERROR') THEN v.valid_from_run ELSE c.captured_run_id END;

COMMENT ON SCHEMA audit IS 'History of certifications as of every run. Every view has run_id: name one in your WHERE, or join audit.runs.';
COMMENT ON VIEW audit.runs IS 'One row a run (night).';
COMMENT ON VIEW audit.coverage IS 'What each run can say about each collection, and how it was proved. certification_id null: a list of the whole run.';
COMMENT ON VIEW audit.campaigns IS 'Campaigns as of each run.';
COMMENT ON VIEW audit.certifications IS 'Certification headers as of each run.';
COMMENT ON VIEW audit.reviewers IS 'Reviewers of each certification as of each run.';
COMMENT ON VIEW audit.review_items IS 'Review items as of each run. captured_run_id earlier than run_id: this run could not read them, or had no need to.';
COMMENT ON VIEW audit.permissions IS 'Permissions of flagged review items as of each run, in the order the tenant gave them.';
COMMENT ON VIEW audit.tasks IS 'Tasks as of each run; a finished task stays.';
COMMENT ON COLUMN audit.review_items.last_seen_undecided_at IS 'Observed bound: start of the last run that proved the item undecided. The tenant gives no decision dates.';
COMMENT ON COLUMN audit.review_items.first_seen_decided_at IS 'Observed bound: start of the run that first found the item decided.';

-- Roles belong to the server, not to the database: the role may be there
-- already, or not be ours to make.
-- +goose StatementBegin
DO $$
BEGIN
    CREATE ROLE audit_reader NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role audit_reader was not made: the server''s administrator can CREATE ROLE audit_reader NOLOGIN and GRANT it the views of schema audit';
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'audit_reader') THEN
        GRANT USAGE ON SCHEMA audit TO audit_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA audit TO audit_reader;
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP SCHEMA audit CASCADE;
DROP VIEW history.shown;
