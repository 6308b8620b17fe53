-- What the views show of a collection was sealed with each run; now the view of
-- coverage tells it, so that the rows of a report can be held against it.

-- +goose Up
CREATE OR REPLACE VIEW audit.coverage AS
SELECT t.name AS tenant, c.run_id, k.certification_id, c.collection, c.outcome, c.expected, c.read,
       c.distinct_read, c.attempts, c.captured_run_id, c.params_sha256, c.http_status, c.detail_code,
       c.tracking_id, c.error, c.read_at, c.note, c.stored
FROM history.coverage c
JOIN history.tenant t USING (tenant_id)
LEFT JOIN history.known_certification k USING (tenant_id, certification_no);
COMMENT ON COLUMN audit.coverage.stored IS 'Rows that the views show of this collection as of this run; they are in its seal.';

-- +goose Down
DROP VIEW audit.coverage;
CREATE VIEW audit.coverage AS
SELECT t.name AS tenant, c.run_id, k.certification_id, c.collection, c.outcome, c.expected, c.read,
       c.distinct_read, c.attempts, c.captured_run_id, c.params_sha256, c.http_status, c.detail_code,
       c.tracking_id, c.error, c.read_at, c.note
FROM history.coverage c
JOIN history.tenant t USING (tenant_id)
LEFT JOIN history.known_certification k USING (tenant_id, certification_no);
