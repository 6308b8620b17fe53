-- What the views show of a collection was sealed with each run; now the view of
-- coverage tells it, so that the rows of a report can be held against it. And the
-- rule of who decided stands in one place.

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

-- +goose Down
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
SELECT history.grant_roles();
