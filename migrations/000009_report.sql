-- What the views show of a collection was sealed with each run; now the view of
-- coverage tells it, so that the rows of a report can be held against it. The
-- rule of who decided stands in one place. And a tenant that goes from one version
-- of the API to another hears once that its tasks cannot be compared.

-- +goose Up
CREATE OR REPLACE VIEW audit.coverage AS
SELECT t.name AS tenant, c.run_id, k.certification_id, c.collection, c.outcome, c.expected, c.read,
       c.distinct_read, c.attempts, c.captured_run_id, c.params_sha256, c.http_status, c.detail_code,
       c.tracking_id, c.error, c.read_at, c.note, c.stored
FROM history.coverage c
JOIN history.tenant t USING (tenant_id)
LEFT JOIN history.known_certification k USING (tenant_id, certification_no);
COMMENT ON COLUMN audit.coverage.stored IS 'Rows that the views show of this collection as of this run; they are in its seal.';

-- Who decided, as far as can be told by how the campaign stood at the two runs
-- that bound the decision.
CREATE FUNCTION history.decision_origin(decision text, before text, after text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN decision IS NULL THEN NULL
        WHEN after IS NULL THEN 'UNKNOWN'
        WHEN after NOT IN ('COMPLETING', 'COMPLETED', 'ARCHIVED') THEN 'REVIEWER'
        WHEN before = 'ACTIVE' THEN 'AUTO'
        ELSE 'UNKNOWN'
    END
$$;
CREATE OR REPLACE VIEW audit.decisions AS
SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.item_id, v.decision,
       history.decision_origin(v.decision, before.status, after.status) AS origin,
       h.reviewer_id, h.reviewer_name, undecided.started_at AS last_seen_undecided_at, decided.started_at AS first_seen_decided_at
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
LEFT JOIN history.run undecided ON undecided.tenant_id = s.tenant_id AND undecided.run_id = v.last_undecided_run
LEFT JOIN history.run decided ON decided.tenant_id = s.tenant_id AND decided.run_id = v.first_decided_run
WHERE s.collection = 'review_items' AND v.decision IS NOT NULL;

-- Versions of the API tell of tasks in one list, or by certification. Where both
-- runs told of them in the one way, what was last told in the other stands for
-- nothing.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION history.standing(from_run bigint, to_run bigint)
RETURNS TABLE (certification_no bigint, certification_id text, collection text,
    old_outcome text, old_said bigint, old_captured bigint, old_params text, old_shown boolean,
    new_outcome text, new_said bigint, new_captured bigint, new_params text, new_shown boolean)
LANGUAGE sql STABLE AS $$
    SELECT k.certification_no, k.certification_id, n.collection,
           a.outcome, a.run_id, a.captured_run_id, a.params, coalesce(a.outcome <> 'OUT_OF_SCOPE', false),
           b.outcome, b.run_id, b.captured_run_id, b.params, coalesce(b.outcome <> 'OUT_OF_SCOPE', false)
    FROM (
        SELECT r.tenant_id
        FROM history.run r
        WHERE r.run_id = from_run AND history.compared(from_run) AND history.compared(to_run)
    ) r
    CROSS JOIN LATERAL (
        SELECT k.certification_no, k.certification_id, ARRAY['certification', 'reviewers', 'review_items', 'permissions', 'tasks'] AS collections
        FROM history.known_certification k
        WHERE k.tenant_id = r.tenant_id
        UNION ALL
        SELECT 0, NULL, ARRAY['certifications', 'tasks']
    ) k
    CROSS JOIN LATERAL unnest(k.collections) AS n (collection)
    CROSS JOIN (
        SELECT bool_or(c.run_id = from_run AND c.certification_no = 0) AND bool_or(c.run_id = to_run AND c.certification_no = 0) AS whole,
               bool_or(c.run_id = from_run AND c.certification_no <> 0) AND bool_or(c.run_id = to_run AND c.certification_no <> 0) AS each
        FROM history.coverage c
        JOIN history.run t ON t.tenant_id = c.tenant_id AND t.run_id = from_run
        WHERE c.run_id IN (from_run, to_run) AND c.collection = 'tasks'
    ) told
    LEFT JOIN LATERAL (
        SELECT c.outcome, c.run_id, c.captured_run_id, p.params_sha256 AS params
        FROM history.coverage c
        LEFT JOIN history.coverage p
          ON p.tenant_id = c.tenant_id AND p.certification_no = c.certification_no AND p.collection = c.collection AND p.run_id = c.captured_run_id
        WHERE c.tenant_id = r.tenant_id AND c.certification_no = k.certification_no AND c.collection = n.collection AND c.run_id <= from_run
        ORDER BY c.run_id DESC
        LIMIT 1
    ) a ON true
    LEFT JOIN LATERAL (
        SELECT c.outcome, c.run_id, c.captured_run_id, p.params_sha256 AS params
        FROM history.coverage c
        LEFT JOIN history.coverage p
          ON p.tenant_id = c.tenant_id AND p.certification_no = c.certification_no AND p.collection = c.collection AND p.run_id = c.captured_run_id
        WHERE c.tenant_id = r.tenant_id AND c.certification_no = k.certification_no AND c.collection = n.collection AND c.run_id <= to_run
        ORDER BY c.run_id DESC
        LIMIT 1
    ) b ON true
    WHERE (a.outcome IS NOT NULL OR b.outcome IS NOT NULL)
      AND NOT (n.collection = 'tasks' AND coalesce(CASE k.certification_no WHEN 0 THEN told.each ELSE told.whole END, false))
$$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION history.standing(from_run bigint, to_run bigint)
RETURNS TABLE (certification_no bigint, certification_id text, collection text,
    old_outcome text, old_said bigint, old_captured bigint, old_params text, old_shown boolean,
    new_outcome text, new_said bigint, new_captured bigint, new_params text, new_shown boolean)
LANGUAGE sql STABLE AS $$
    SELECT k.certification_no, k.certification_id, n.collection,
           a.outcome, a.run_id, a.captured_run_id, a.params, coalesce(a.outcome <> 'OUT_OF_SCOPE', false),
           b.outcome, b.run_id, b.captured_run_id, b.params, coalesce(b.outcome <> 'OUT_OF_SCOPE', false)
    FROM (
        SELECT r.tenant_id
        FROM history.run r
        WHERE r.run_id = from_run AND history.compared(from_run) AND history.compared(to_run)
    ) r
    CROSS JOIN LATERAL (
        SELECT k.certification_no, k.certification_id, ARRAY['certification', 'reviewers', 'review_items', 'permissions', 'tasks'] AS collections
        FROM history.known_certification k
        WHERE k.tenant_id = r.tenant_id
        UNION ALL
        SELECT 0, NULL, ARRAY['certifications', 'tasks']
    ) k
    CROSS JOIN LATERAL unnest(k.collections) AS n (collection)
    LEFT JOIN LATERAL (
        SELECT c.outcome, c.run_id, c.captured_run_id, p.params_sha256 AS params
        FROM history.coverage c
        LEFT JOIN history.coverage p
          ON p.tenant_id = c.tenant_id AND p.certification_no = c.certification_no AND p.collection = c.collection AND p.run_id = c.captured_run_id
        WHERE c.tenant_id = r.tenant_id AND c.certification_no = k.certification_no AND c.collection = n.collection AND c.run_id <= from_run
        ORDER BY c.run_id DESC
        LIMIT 1
    ) a ON true
    LEFT JOIN LATERAL (
        SELECT c.outcome, c.run_id, c.captured_run_id, p.params_sha256 AS params
        FROM history.coverage c
        LEFT JOIN history.coverage p
          ON p.tenant_id = c.tenant_id AND p.certification_no = c.certification_no AND p.collection = c.collection AND p.run_id = c.captured_run_id
        WHERE c.tenant_id = r.tenant_id AND c.certification_no = k.certification_no AND c.collection = n.collection AND c.run_id <= to_run
        ORDER BY c.run_id DESC
        LIMIT 1
    ) b ON true
    WHERE a.outcome IS NOT NULL OR b.outcome IS NOT NULL
$$;
-- +goose StatementEnd
CREATE OR REPLACE VIEW audit.decisions AS
SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.item_id, v.decision,
       CASE
           WHEN after.status IS NULL THEN 'UNKNOWN'
           WHEN after.status NOT IN ('COMPLETING', 'COMPLETED', 'ARCHIVED') THEN 'REVIEWER'
           WHEN before.status = 'ACTIVE' THEN 'AUTO'
           ELSE 'UNKNOWN'
       END AS origin,
       h.reviewer_id, h.reviewer_name, undecided.started_at AS last_seen_undecided_at, decided.started_at AS first_seen_decided_at
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
LEFT JOIN history.run undecided ON undecided.tenant_id = s.tenant_id AND undecided.run_id = v.last_undecided_run
LEFT JOIN history.run decided ON decided.tenant_id = s.tenant_id AND decided.run_id = v.first_decided_run
WHERE s.collection = 'review_items' AND v.decision IS NOT NULL;
DROP FUNCTION history.decision_origin(text, text, text);
DROP VIEW audit.coverage;
CREATE VIEW audit.coverage AS
SELECT t.name AS tenant, c.run_id, k.certification_id, c.collection, c.outcome, c.expected, c.read,
       c.distinct_read, c.attempts, c.captured_run_id, c.params_sha256, c.http_status, c.detail_code,
       c.tracking_id, c.error, c.read_at, c.note
FROM history.coverage c
JOIN history.tenant t USING (tenant_id)
LEFT JOIN history.known_certification k USING (tenant_id, certification_no);
COMMENT ON VIEW audit.coverage IS 'What each run can say about each collection, and how it was proved. certification_id null: a list of the whole run.';
COMMENT ON COLUMN audit.coverage.tenant IS 'Name of the tenant.';
COMMENT ON COLUMN audit.coverage.run_id IS 'Run (night) that the row tells of.';
COMMENT ON COLUMN audit.coverage.certification_id IS 'Certification the collection belongs to; null: a list of the whole run.';
COMMENT ON COLUMN audit.coverage.collection IS 'certification (the header), reviewers, review_items, permissions; of the whole run: campaigns, certifications, tasks. With API version beta, tasks are a collection of each certification.';
COMMENT ON COLUMN audit.coverage.outcome IS 'COMPLETE: proved. SEALED_EARLIER: signed, and proved in an earlier run since. FORBIDDEN, NOT_FOUND, UNSUPPORTED, FAILED, INCOMPLETE: not proved; what was known stays. NOT_FOUND of collection certification: deleted in the tenant. OUT_OF_SCOPE: known, but not asked for.';
COMMENT ON COLUMN audit.coverage.expected IS 'Rows the tenant said there are; null: it did not say.';
COMMENT ON COLUMN audit.coverage.read IS 'Rows of the last reading; null: not read.';
COMMENT ON COLUMN audit.coverage.distinct_read IS 'Distinct ids among them; null: not read, or rows without ids (permissions).';
COMMENT ON COLUMN audit.coverage.attempts IS 'Readings it took, three at most; 0: none was needed.';
COMMENT ON COLUMN audit.coverage.captured_run_id IS 'Run that proved the rows the views show for this collection; null: none ever did.';
COMMENT ON COLUMN audit.coverage.params_sha256 IS 'SHA-256 of the parameters that shape the collection: filters, permissions mode.';
COMMENT ON COLUMN audit.coverage.http_status IS 'Status of the answer that ended the reading; null: none that failed.';
COMMENT ON COLUMN audit.coverage.detail_code IS 'The tenant''s code for the error.';
COMMENT ON COLUMN audit.coverage.tracking_id IS 'The tenant''s id of the failed request; its support asks for it.';
COMMENT ON COLUMN audit.coverage.error IS 'Why the collection was not proved.';
COMMENT ON COLUMN audit.coverage.read_at IS 'When the last reading ended.';
COMMENT ON COLUMN audit.coverage.note IS 'How the collection was read, where that needs saying.';
SELECT history.grant_roles();
