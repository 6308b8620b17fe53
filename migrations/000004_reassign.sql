-- Reassignments that exporter asked the tenant for: recorded before they are
-- sent, so that a broken connection or a crash leaves a trace of what the
-- tenant may have carried out.

-- +goose Up
CREATE TABLE history.reassign_request (
    tenant_id        integer NOT NULL REFERENCES history.tenant,
    request_id       bigint GENERATED ALWAYS AS IDENTITY,
    certification_id text COLLATE "C" NOT NULL,
    reassign_to      text NOT NULL,
    reason           text NOT NULL,
    targets          jsonb NOT NULL,
    requested_at     timestamptz NOT NULL,
    state            text NOT NULL CHECK (state IN ('SENDING', 'ACCEPTED', 'REFUSED', 'UNKNOWN')),
    answered_at      timestamptz,
    task_id          text COLLATE "C",
    http_status      integer,
    detail_code      text,
    tracking_id      text,
    error            text,
    PRIMARY KEY (tenant_id, request_id),
    CHECK ((state = 'SENDING') = (answered_at IS NULL)),
    CHECK ((state = 'ACCEPTED') = (task_id IS NOT NULL))
);
CREATE INDEX reassign_request_certification ON history.reassign_request (tenant_id, certification_id);
COMMENT ON COLUMN history.reassign_request.targets IS 'What was to be reassigned: [{type, id}], in the words of the API, in the order sent.';

-- A request is answered once; nothing else of it changes.
-- +goose StatementBegin
CREATE FUNCTION history.refuse_answered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'SENDING' AND NEW.state <> 'SENDING'
       AND (OLD.tenant_id, OLD.request_id, OLD.certification_id, OLD.reassign_to, OLD.reason, OLD.targets, OLD.requested_at)
         = (NEW.tenant_id, NEW.request_id, NEW.certification_id, NEW.reassign_to, NEW.reason, NEW.targets, NEW.requested_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'history is append-only: % of %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER answered BEFORE UPDATE OR DELETE ON history.reassign_request FOR EACH ROW EXECUTE FUNCTION history.refuse_answered();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.reassign_request EXECUTE FUNCTION history.refuse();

CREATE VIEW audit.reassign_requests AS
SELECT t.name AS tenant,
       (SELECT min(r.run_id)
        FROM history.run r
        WHERE r.tenant_id = q.tenant_id AND r.started_at >= q.requested_at AND r.status IN ('SEALED', 'PARTIAL')) AS run_id,
       q.request_id, q.certification_id, q.reassign_to, q.reason, jsonb_array_length(q.targets) AS target_count, q.targets,
       q.requested_at, q.state, q.answered_at, q.task_id, q.http_status, q.detail_code, q.tracking_id, q.error
FROM history.reassign_request q
JOIN history.tenant t USING (tenant_id);
COMMENT ON VIEW audit.reassign_requests IS 'Reassignments that exporter asked for. run_id: the first finished run that began after the request; null until there is one.';
COMMENT ON COLUMN audit.reassign_requests.state IS 'ACCEPTED: the tenant made a task of it. REFUSED: nothing was done. UNKNOWN: no clear answer came; the tenant may have accepted it. SENDING: no answer yet, or the process ended before it came: then as UNKNOWN.';
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'audit_reader') THEN
        GRANT SELECT ON audit.reassign_requests TO audit_reader;
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP VIEW audit.reassign_requests;
DROP TABLE history.reassign_request;
DROP FUNCTION history.refuse_answered();
