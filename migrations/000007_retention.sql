-- Rows that may go, and names that may be blotted out: by the owner of the
-- tables, on purpose, and on the record. Runs and their coverage stay for
-- good, so that the chain of seals can be followed over what is gone.

-- +goose Up

-- What was done to history, beside adding to it. after_run: the tenant's last
-- run when it was done; the next run to be sealed seals it too.
CREATE TABLE history.retention_event (
    tenant_id integer NOT NULL REFERENCES history.tenant,
    event_id  bigint GENERATED ALWAYS AS IDENTITY,
    action    text NOT NULL CHECK (action IN ('HOLD', 'RELEASE', 'PRUNE', 'ERASE')),
    at        timestamptz NOT NULL,
    actor     text NOT NULL,
    after_run bigint NOT NULL,
    run_id    bigint CHECK ((run_id IS NULL) = (action NOT IN ('HOLD', 'RELEASE'))),
    reason    text,
    details   jsonb NOT NULL,
    PRIMARY KEY (tenant_id, event_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES history.run
);

-- Runs whose rows are gone where no kept run shares them.
CREATE TABLE history.pruned_run (
    tenant_id integer NOT NULL,
    run_id    bigint NOT NULL,
    event_id  bigint NOT NULL,
    PRIMARY KEY (tenant_id, run_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES history.run,
    FOREIGN KEY (tenant_id, event_id) REFERENCES history.retention_event DEFERRABLE INITIALLY DEFERRED
);

-- What is left of a version that was pruned: enough to compute again what the
-- runs at which it began and ended were sealed with.
CREATE TABLE history.pruned_version (
    tenant_id      integer NOT NULL,
    table_name     text COLLATE "C" NOT NULL,
    valid_from_run bigint NOT NULL,
    valid_to_run   bigint NOT NULL CHECK (valid_to_run > valid_from_run),
    row_sha256     bytea NOT NULL,
    event_id       bigint NOT NULL,
    PRIMARY KEY (tenant_id, table_name, valid_from_run, row_sha256),
    FOREIGN KEY (tenant_id, event_id) REFERENCES history.retention_event DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX pruned_version_to ON history.pruned_version (tenant_id, table_name, valid_to_run);

-- Which hash a row had before a person was erased from it, for every hash it
-- has had since.
CREATE TABLE history.erased_version (
    tenant_id       integer NOT NULL,
    table_name      text COLLATE "C" NOT NULL,
    row_sha256      bytea NOT NULL,
    original_sha256 bytea NOT NULL,
    event_id        bigint NOT NULL,
    PRIMARY KEY (tenant_id, table_name, row_sha256),
    FOREIGN KEY (tenant_id, event_id) REFERENCES history.retention_event DEFERRABLE INITIALLY DEFERRED
);

-- Whether prune or erase-person is at work: asked for in this transaction, and
-- by the owner of the table.
CREATE FUNCTION history.retention_at_work(relation oid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT current_setting('exporter.retention', true) = 'on' AND pg_has_role(current_user, c.relowner, 'USAGE')
    FROM pg_class c
    WHERE c.oid = relation
$$;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION history.refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.valid_to_run IS NULL AND NEW.valid_to_run IS NOT NULL THEN
        OLD.valid_to_run := NEW.valid_to_run;
        IF OLD IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    IF history.retention_at_work(TG_RELID) THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    RAISE EXCEPTION 'history is append-only: % of %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION history.refuse_unless_pruned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND history.retention_at_work(TG_RELID) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'history is append-only: % of %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd
DROP TRIGGER append_only ON history.permission;
DROP TRIGGER append_only ON history.permission_set;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.permission FOR EACH ROW EXECUTE FUNCTION history.refuse_unless_pruned();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.permission_set FOR EACH ROW EXECUTE FUNCTION history.refuse_unless_pruned();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION history.refuse_answered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state = 'SENDING' AND NEW.state <> 'SENDING'
       AND (OLD.tenant_id, OLD.request_id, OLD.certification_id, OLD.reassign_to, OLD.reason, OLD.targets, OLD.requested_at)
         = (NEW.tenant_id, NEW.request_id, NEW.certification_id, NEW.reassign_to, NEW.reason, NEW.targets, NEW.requested_at) THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND history.retention_at_work(TG_RELID) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'history is append-only: % of %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['retention_event', 'pruned_run', 'pruned_version', 'erased_version'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.%I FOR EACH ROW EXECUTE FUNCTION history.refuse()', t);
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.%I EXECUTE FUNCTION history.refuse()', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- A pruned run shows no objects at all, rather than the few that other runs
-- happen to need.
CREATE OR REPLACE VIEW history.shown AS
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
WHERE c.outcome <> 'OUT_OF_SCOPE'
  AND NOT EXISTS (SELECT FROM history.pruned_run p WHERE p.tenant_id = r.tenant_id AND p.run_id = r.run_id);

CREATE OR REPLACE VIEW audit.campaigns AS
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
  ON v.tenant_id = r.tenant_id AND v.valid_from_run <= r.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > r.run_id)
WHERE NOT EXISTS (SELECT FROM history.pruned_run p WHERE p.tenant_id = r.tenant_id AND p.run_id = r.run_id);

CREATE OR REPLACE VIEW audit.tasks AS
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
 AND last_seen.run_id = CASE WHEN v.status IN ('SUCCESS', 'ERROR') THEN v.valid_from_run ELSE c.captured_run_id END
WHERE NOT EXISTS (SELECT FROM history.pruned_run p WHERE p.tenant_id = r.tenant_id AND p.run_id = r.run_id);

-- What a pruned run saw cannot be compared any more: an error, and no few
-- rows that would read as if all else had been removed.
-- +goose StatementBegin
CREATE FUNCTION history.compared(run bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM history.pruned_run p JOIN history.run r USING (tenant_id, run_id) WHERE r.run_id = run) THEN
        RAISE EXCEPTION 'run % was pruned: what it saw is not kept', run USING ERRCODE = 'no_data_found';
    END IF;
    RETURN true;
END
$$;
-- +goose StatementEnd
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
CREATE OR REPLACE VIEW audit.changes AS
SELECT c.tenant, c.run_id, c.baseline_run_id, c.object, c.class, c.certification_id, c.object_id, c.field, c.before, c.after
FROM history.run r
CROSS JOIN LATERAL (
    SELECT p.run_id
    FROM history.run p
    WHERE p.tenant_id = r.tenant_id AND p.run_id < r.run_id AND p.status IN ('SEALED', 'PARTIAL')
    ORDER BY p.run_id DESC
    LIMIT 1
) previous
CROSS JOIN LATERAL audit.changes_between(previous.run_id, r.run_id) c
WHERE r.status IN ('SEALED', 'PARTIAL')
  AND NOT EXISTS (SELECT FROM history.pruned_run p WHERE p.tenant_id = r.tenant_id AND p.run_id IN (r.run_id, previous.run_id));
COMMENT ON VIEW audit.changes IS 'What changed in each finished run against the finished run before it. Nothing for a run that was pruned, or whose run before it was.';

CREATE VIEW audit.retention AS
SELECT t.name AS tenant, r.run_id, coalesce(h.action = 'HOLD', false) AS held,
       CASE h.action WHEN 'HOLD' THEN h.at END AS held_since, CASE h.action WHEN 'HOLD' THEN h.reason END AS hold_reason, e.at AS pruned_at
FROM history.run r
JOIN history.tenant t USING (tenant_id)
LEFT JOIN LATERAL (
    SELECT h.action, h.at, h.reason
    FROM history.retention_event h
    WHERE h.tenant_id = r.tenant_id AND h.run_id = r.run_id
    ORDER BY h.event_id DESC
    LIMIT 1
) h ON true
LEFT JOIN history.pruned_run p ON p.tenant_id = r.tenant_id AND p.run_id = r.run_id
LEFT JOIN history.retention_event e ON e.tenant_id = p.tenant_id AND e.event_id = p.event_id;
CREATE INDEX retention_event_run ON history.retention_event (tenant_id, run_id) WHERE run_id IS NOT NULL;

CREATE VIEW audit.retention_events AS
SELECT t.name AS tenant, coalesce(e.run_id, e.after_run) AS run_id, e.event_id, e.action, e.at, e.actor, e.reason, e.details
FROM history.retention_event e
JOIN history.tenant t USING (tenant_id);

COMMENT ON VIEW audit.retention IS 'One row a run: whether it is under legal hold, and whether it was pruned. A pruned run has its row in audit.runs and audit.coverage, and none in the views of objects.';
COMMENT ON COLUMN audit.retention.tenant IS 'Name of the tenant.';
COMMENT ON COLUMN audit.retention.run_id IS 'Number of the run.';
COMMENT ON COLUMN audit.retention.held IS 'Under legal hold: prune leaves the run as it is.';
COMMENT ON COLUMN audit.retention.held_since IS 'When it was put under hold; null where it is not.';
COMMENT ON COLUMN audit.retention.hold_reason IS 'Why, as it was given with the hold.';
COMMENT ON COLUMN audit.retention.pruned_at IS 'When its rows were removed; null: they are there.';
COMMENT ON VIEW audit.retention_events IS 'What was done to the history beside adding to it: legal holds, prunes, erasures of persons. Each is sealed by the next run.';
COMMENT ON COLUMN audit.retention_events.tenant IS 'Name of the tenant.';
COMMENT ON COLUMN audit.retention_events.run_id IS 'HOLD, RELEASE: the run. PRUNE, ERASE: the last run before; 0: there was none.';
COMMENT ON COLUMN audit.retention_events.event_id IS 'Number of the event, in the order of time.';
COMMENT ON COLUMN audit.retention_events.action IS 'HOLD, RELEASE, PRUNE or ERASE.';
COMMENT ON COLUMN audit.retention_events.at IS 'When it was done.';
COMMENT ON COLUMN audit.retention_events.actor IS 'Role of the database that did it.';
COMMENT ON COLUMN audit.retention_events.reason IS 'Why, as it was given; null: it was not.';
COMMENT ON COLUMN audit.retention_events.details IS 'PRUNE: the runs, and how many rows went from each table. ERASE: the id of the person, and how many rows were changed in each table.';

-- What each role may do, said once: for roles that are made later, `exporter
-- migrate up` says it again.
-- +goose StatementBegin
CREATE FUNCTION history.grant_roles() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t text;
BEGIN
    PERFORM pg_advisory_xact_lock(22809831, 0); -- two who grant the same at once fail
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'audit_reader') THEN
        GRANT USAGE ON SCHEMA audit TO audit_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA audit TO audit_reader;
        GRANT EXECUTE ON FUNCTION audit.changes_between(bigint, bigint) TO audit_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'audit_writer') THEN
        GRANT USAGE ON SCHEMA audit, history, staging TO audit_writer;
        GRANT SELECT ON ALL TABLES IN SCHEMA audit, history TO audit_writer;
        GRANT EXECUTE ON FUNCTION audit.changes_between(bigint, bigint) TO audit_writer;
        GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA staging TO audit_writer;
        FOREACH t IN ARRAY ARRAY['tenant', 'known_certification', 'permission_set', 'permission'] LOOP
            EXECUTE format('GRANT INSERT ON history.%I TO audit_writer', t);
        END LOOP;
        FOREACH t IN ARRAY ARRAY['campaign', 'certification', 'reviewer', 'review_item', 'item_permissions', 'task'] LOOP
            EXECUTE format('GRANT INSERT, UPDATE (valid_to_run) ON history.%I TO audit_writer', t);
        END LOOP;
        -- What a run says of itself until it is finished, and what is heard of a
        -- request once it is answered; triggers see to both.
        GRANT INSERT, UPDATE ON history.run, history.coverage, history.reassign_request TO audit_writer;
        IF to_regclass('exporter_migrations') IS NOT NULL THEN
            EXECUTE 'GRANT SELECT ON exporter_migrations TO audit_writer';
        END IF;
    END IF;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
    CREATE ROLE audit_writer NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role audit_writer was not made: the server''s administrator can CREATE ROLE audit_writer NOLOGIN, then `exporter migrate up` gives it what it needs';
END
$$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION history.grant_roles() FROM PUBLIC;
SELECT history.grant_roles();

-- +goose Down
DROP FUNCTION history.grant_roles();
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'audit_writer') THEN
        REVOKE ALL ON ALL TABLES IN SCHEMA audit, history, staging FROM audit_writer;
        REVOKE ALL ON FUNCTION audit.changes_between(bigint, bigint) FROM audit_writer;
        REVOKE ALL ON SCHEMA audit, history, staging FROM audit_writer;
    END IF;
END
$$;
-- +goose StatementEnd
DROP VIEW audit.retention_events;
DROP VIEW audit.retention;
CREATE OR REPLACE VIEW audit.changes AS
SELECT c.tenant, c.run_id, c.baseline_run_id, c.object, c.class, c.certification_id, c.object_id, c.field, c.before, c.after
FROM history.run r
CROSS JOIN LATERAL (
    SELECT p.run_id
    FROM history.run p
    WHERE p.tenant_id = r.tenant_id AND p.run_id < r.run_id AND p.status IN ('SEALED', 'PARTIAL')
    ORDER BY p.run_id DESC
    LIMIT 1
) previous
CROSS JOIN LATERAL audit.changes_between(previous.run_id, r.run_id) c
WHERE r.status IN ('SEALED', 'PARTIAL');
COMMENT ON VIEW audit.changes IS 'What changed in each finished run against the finished run before it.';
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION history.standing(from_run bigint, to_run bigint)
RETURNS TABLE (certification_no bigint, certification_id text, collection text,
    old_outcome text, old_said bigint, old_captured bigint, old_params text, old_shown boolean,
    new_outcome text, new_said bigint, new_captured bigint, new_params text, new_shown boolean)
LANGUAGE sql STABLE AS $$
    SELECT k.certification_no, k.certification_id, n.collection,
           a.outcome, a.run_id, a.captured_run_id, a.params, coalesce(a.outcome <> 'OUT_OF_SCOPE', false),
           b.outcome, b.run_id, b.captured_run_id, b.params, coalesce(b.outcome <> 'OUT_OF_SCOPE', false)
    FROM history.run r
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
    WHERE r.run_id = from_run AND (a.outcome IS NOT NULL OR b.outcome IS NOT NULL)
$$;
-- +goose StatementEnd
DROP FUNCTION history.compared(bigint);
CREATE OR REPLACE VIEW audit.tasks AS
SELECT t.name AS tenant, r.run_id, c.captured_run_id, v.task_id, v.certification_id, v.target_type, v.target_id,
       v.type, v.status, v.errors, v.created, first_seen.started_at AS first_seen_at, last_seen.started_at AS last_seen_at
FROM history.run r
JOIN history.tenant t USING (tenant_id)
JOIN history.task v
  ON v.tenant_id = r.tenant_id AND v.valid_from_run <= r.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > r.run_id)
LEFT JOIN history.known_certification k
  ON k.tenant_id = v.tenant_id AND k.certification_id = v.certification_id
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
CREATE OR REPLACE VIEW audit.campaigns AS
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
CREATE OR REPLACE VIEW history.shown AS
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
DROP TRIGGER append_only ON history.permission;
DROP TRIGGER append_only ON history.permission_set;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.permission FOR EACH ROW EXECUTE FUNCTION history.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.permission_set FOR EACH ROW EXECUTE FUNCTION history.refuse();
DROP FUNCTION history.refuse_unless_pruned();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION history.refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.valid_to_run IS NULL AND NEW.valid_to_run IS NOT NULL THEN
        OLD.valid_to_run := NEW.valid_to_run;
        IF OLD IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'history is append-only: % of %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE OR REPLACE FUNCTION history.refuse_answered() RETURNS trigger LANGUAGE plpgsql AS $$
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
DROP FUNCTION history.retention_at_work(oid);
DROP TABLE history.erased_version, history.pruned_version, history.pruned_run, history.retention_event;
