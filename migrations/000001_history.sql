-- The tables: what runs were made, how far each collection was proved in each,
-- and every object as versions that hold from one run up to another.
--
-- Every key begins with the tenant, so that tables may be partitioned or
-- distributed by it. Ids of the tenant are text in byte order (COLLATE "C"):
-- merges and reports must sort as Go sorts.

-- +goose Up
CREATE SCHEMA history;
CREATE SCHEMA staging;

CREATE TABLE history.tenant (
    tenant_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name      text NOT NULL UNIQUE,
    host      text NOT NULL
);

CREATE TABLE history.run (
    tenant_id              integer NOT NULL REFERENCES history.tenant,
    run_id                 bigint GENERATED ALWAYS AS IDENTITY,
    status                 text NOT NULL CHECK (status IN ('RUNNING', 'SEALED', 'PARTIAL', 'FAILED', 'INTERRUPTED')),
    trigger                text NOT NULL,
    started_at             timestamptz NOT NULL,
    finished_at            timestamptz,
    api_version            text NOT NULL,
    scope                  jsonb NOT NULL,
    scope_sha256           text NOT NULL,
    config_sha256          text NOT NULL,
    tool_version           text NOT NULL,
    certifications         bigint,
    certifications_complete bigint,
    reviewers              bigint,
    review_items           bigint,
    permissions            bigint,
    tasks                  bigint,
    requests               bigint NOT NULL DEFAULT 0,
    retries                bigint NOT NULL DEFAULT 0,
    throttled              bigint NOT NULL DEFAULT 0,
    root_sha256            text,
    previous_root_sha256   text,
    error                  text,
    provenance             jsonb NOT NULL DEFAULT '[]',
    report_settings        jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, run_id)
);
CREATE UNIQUE INDEX run_by_id ON history.run (run_id);
COMMENT ON COLUMN history.run.provenance IS 'Facts of the run that no later run can find out again, an element for each process that worked on it: API host, client id, page size, requests, clock offset, deprecation headers, unknown names met.';
COMMENT ON COLUMN history.run.report_settings IS 'The settings a report of this run is rendered with, so that it can be rendered again to the same bytes.';

-- A short key for each certification ever seen; number 0 is nobody's and
-- stands for lists of a whole run.
CREATE TABLE history.known_certification (
    tenant_id        integer NOT NULL REFERENCES history.tenant,
    certification_no bigint GENERATED ALWAYS AS IDENTITY,
    certification_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, certification_no),
    UNIQUE (tenant_id, certification_id)
);

CREATE TABLE history.coverage (
    tenant_id        integer NOT NULL,
    certification_no bigint NOT NULL,
    collection       text COLLATE "C" NOT NULL,
    run_id           bigint NOT NULL,
    outcome          text NOT NULL CHECK (outcome IN ('COMPLETE', 'FORBIDDEN', 'NOT_FOUND', 'UNSUPPORTED', 'FAILED', 'INCOMPLETE', 'SEALED_EARLIER', 'OUT_OF_SCOPE')),
    expected         bigint,
    read             bigint,
    distinct_read    bigint,
    attempts         integer NOT NULL,
    stored           bigint NOT NULL,
    captured_run_id  bigint,
    signed           boolean NOT NULL,
    params_sha256    text NOT NULL,
    digest           bytea,
    http_status      integer,
    detail_code      text,
    tracking_id      text,
    error            text,
    note             text,
    read_at          timestamptz,
    PRIMARY KEY (tenant_id, certification_no, collection, run_id),
    FOREIGN KEY (tenant_id, run_id) REFERENCES history.run
);
CREATE INDEX coverage_by_run ON history.coverage (tenant_id, run_id);
COMMENT ON COLUMN history.coverage.stored IS 'Rows the views show for this collection as of this run.';
COMMENT ON COLUMN history.coverage.signed IS 'The certification was signed off when the captured rows were read.';
COMMENT ON COLUMN history.coverage.digest IS 'SHA-256 of the rows shown: of the run captured_run_id.';

CREATE TABLE history.campaign (
    tenant_id      integer NOT NULL,
    campaign_id    text COLLATE "C" NOT NULL,
    valid_from_run bigint NOT NULL,
    valid_to_run   bigint CHECK (valid_to_run > valid_from_run),
    digest         bytea NOT NULL,
    raw            jsonb NOT NULL,
    name           text,
    type           text,
    status         text,
    created        timestamptz,
    deadline       timestamptz,
    total_certifications     bigint,
    completed_certifications bigint,
    PRIMARY KEY (tenant_id, campaign_id, valid_from_run)
);

CREATE TABLE history.certification (
    tenant_id        integer NOT NULL,
    certification_no bigint NOT NULL,
    certification_id text COLLATE "C" NOT NULL,
    valid_from_run   bigint NOT NULL,
    valid_to_run     bigint CHECK (valid_to_run > valid_from_run),
    digest           bytea NOT NULL,
    raw              jsonb NOT NULL,
    name             text,
    campaign_id      text,
    campaign_name    text,
    campaign_type    text,
    phase            text,
    reviewer_id      text,
    reviewer_name    text,
    reviewer_email   text,
    reviewer_type    text,
    created          timestamptz,
    modified         timestamptz,
    due              timestamptz,
    signed           timestamptz,
    completed        boolean,
    decisions_made       bigint,
    decisions_total      bigint,
    identities_completed bigint,
    identities_total     bigint,
    reassigned_from_id       text,
    reassigned_from_reviewer text,
    reassignment_comment     text,
    has_errors       boolean,
    error_message    text,
    PRIMARY KEY (tenant_id, certification_no, certification_id, valid_from_run)
);

CREATE TABLE history.reviewer (
    tenant_id        integer NOT NULL,
    certification_no bigint NOT NULL,
    reviewer_id      text COLLATE "C" NOT NULL,
    valid_from_run   bigint NOT NULL,
    valid_to_run     bigint CHECK (valid_to_run > valid_from_run),
    digest           bytea NOT NULL,
    raw              jsonb NOT NULL,
    name             text,
    email            text,
    type             text,
    PRIMARY KEY (tenant_id, certification_no, reviewer_id, valid_from_run)
);

CREATE TABLE history.review_item (
    tenant_id        integer NOT NULL,
    certification_no bigint NOT NULL,
    item_id          text COLLATE "C" NOT NULL,
    valid_from_run   bigint NOT NULL,
    valid_to_run     bigint CHECK (valid_to_run > valid_from_run),
    digest           bytea NOT NULL,
    raw              jsonb NOT NULL,
    identity_id      text,
    identity_name    text,
    access_type      text,
    access_id        text,
    access_name      text,
    source_id        text,
    source_name      text,
    attribute        text,
    value            text,
    account_native_identity text,
    privileged       boolean,
    has_permissions  boolean,
    new_access       boolean,
    completed        boolean,
    decision         text,
    comments         text,
    last_undecided_run bigint,
    first_decided_run  bigint,
    PRIMARY KEY (tenant_id, certification_no, item_id, valid_from_run)
);
COMMENT ON COLUMN history.review_item.last_undecided_run IS 'For a decided item: the last run that proved it undecided; null where none did.';
COMMENT ON COLUMN history.review_item.first_decided_run IS 'For a decided item: the run that first found it decided, since it was last undecided.';

-- Which permission list an item has. A collection of its own: items and
-- permissions are proved apart.
CREATE TABLE history.item_permissions (
    tenant_id        integer NOT NULL,
    certification_no bigint NOT NULL,
    item_id          text COLLATE "C" NOT NULL,
    valid_from_run   bigint NOT NULL,
    valid_to_run     bigint CHECK (valid_to_run > valid_from_run),
    digest           bytea NOT NULL,
    read_through     text,
    PRIMARY KEY (tenant_id, certification_no, item_id, valid_from_run)
);
COMMENT ON COLUMN history.item_permissions.read_through IS 'The item of the same entitlement whose list was read for this version; null: the item''s own was.';
COMMENT ON COLUMN history.item_permissions.digest IS 'The permission set the item has.';

-- Permission lists by content: equal lists are stored once, however many items
-- have them.
CREATE TABLE history.permission_set (
    tenant_id integer NOT NULL,
    digest    bytea NOT NULL,
    size      integer NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);

CREATE TABLE history.permission (
    tenant_id integer NOT NULL,
    digest    bytea NOT NULL,
    position  integer NOT NULL,
    target    text,
    rights    text[],
    PRIMARY KEY (tenant_id, digest, position)
);

CREATE TABLE history.task (
    tenant_id        integer NOT NULL,
    task_id          text COLLATE "C" NOT NULL,
    valid_from_run   bigint NOT NULL,
    valid_to_run     bigint CHECK (valid_to_run > valid_from_run),
    digest           bytea NOT NULL,
    raw              jsonb NOT NULL,
    certification_id text,
    target_type      text,
    target_id        text,
    type             text,
    status           text,
    errors           text[],
    created          timestamptz,
    first_seen_run   bigint NOT NULL,
    PRIMARY KEY (tenant_id, task_id, valid_from_run)
);

-- What changed between two runs is found by the runs at which versions begin
-- and end, so that a delta costs what changed.
CREATE INDEX certification_from ON history.certification (tenant_id, valid_from_run);
CREATE INDEX certification_to ON history.certification (tenant_id, valid_to_run) WHERE valid_to_run IS NOT NULL;
CREATE INDEX reviewer_from ON history.reviewer (tenant_id, valid_from_run);
CREATE INDEX reviewer_to ON history.reviewer (tenant_id, valid_to_run) WHERE valid_to_run IS NOT NULL;
CREATE INDEX review_item_from ON history.review_item (tenant_id, valid_from_run);
CREATE INDEX review_item_to ON history.review_item (tenant_id, valid_to_run) WHERE valid_to_run IS NOT NULL;
CREATE INDEX item_permissions_from ON history.item_permissions (tenant_id, valid_from_run);
CREATE INDEX item_permissions_to ON history.item_permissions (tenant_id, valid_to_run) WHERE valid_to_run IS NOT NULL;
CREATE INDEX task_from ON history.task (tenant_id, valid_from_run);
CREATE INDEX task_to ON history.task (tenant_id, valid_to_run) WHERE valid_to_run IS NOT NULL;

-- Where pages wait until their collection is proved. Unlogged: after a crash
-- of the server they are empty, and what they held is read again.
CREATE UNLOGGED TABLE staging.reviewer (
    tenant_id integer NOT NULL, certification_no bigint NOT NULL, run_id bigint NOT NULL,
    reviewer_id text COLLATE "C" NOT NULL, digest bytea NOT NULL, raw jsonb NOT NULL,
    name text, email text, type text
);
CREATE UNLOGGED TABLE staging.review_item (
    tenant_id integer NOT NULL, certification_no bigint NOT NULL, run_id bigint NOT NULL,
    item_id text COLLATE "C" NOT NULL, digest bytea NOT NULL, raw jsonb NOT NULL,
    identity_id text, identity_name text, access_type text, access_id text, access_name text,
    source_id text, source_name text, attribute text, value text, account_native_identity text,
    privileged boolean, has_permissions boolean, new_access boolean, completed boolean, decision text, comments text
);
CREATE UNLOGGED TABLE staging.item_permissions (
    tenant_id integer NOT NULL, certification_no bigint NOT NULL, run_id bigint NOT NULL,
    item_id text COLLATE "C" NOT NULL, digest bytea NOT NULL, read_through text
);
CREATE INDEX staging_reviewer ON staging.reviewer (tenant_id, certification_no, run_id);
CREATE INDEX staging_review_item ON staging.review_item (tenant_id, certification_no, run_id);
CREATE INDEX staging_item_permissions ON staging.item_permissions (tenant_id, certification_no, run_id);

-- History is added to. A version may be closed, once; nothing else of it may
-- change, and no row may go.
-- +goose StatementBegin
CREATE FUNCTION history.refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
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
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION history.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history is append-only: % of %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd
-- What a finished run said stays as it is.
-- +goose StatementBegin
CREATE FUNCTION history.refuse_finished() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'run' THEN
        IF TG_OP = 'UPDATE' AND OLD.status NOT IN ('SEALED', 'PARTIAL') AND OLD.run_id = NEW.run_id AND OLD.tenant_id = NEW.tenant_id THEN
            RETURN NEW;
        END IF;
    ELSIF EXISTS (SELECT FROM history.run r WHERE r.tenant_id = OLD.tenant_id AND r.run_id = OLD.run_id AND r.status = 'RUNNING') THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    RAISE EXCEPTION 'history is append-only: % of a finished run in %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER finished BEFORE UPDATE OR DELETE ON history.run FOR EACH ROW EXECUTE FUNCTION history.refuse_finished();
CREATE TRIGGER finished BEFORE UPDATE OR DELETE ON history.coverage FOR EACH ROW EXECUTE FUNCTION history.refuse_finished();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.run EXECUTE FUNCTION history.refuse();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.coverage EXECUTE FUNCTION history.refuse();
-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['campaign', 'certification', 'reviewer', 'review_item', 'item_permissions', 'task'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.%I FOR EACH ROW EXECUTE FUNCTION history.refuse_rewriting()', t);
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.%I EXECUTE FUNCTION history.refuse()', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['permission_set', 'permission', 'known_certification', 'tenant'] LOOP
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history.%I FOR EACH ROW EXECUTE FUNCTION history.refuse()', t);
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.%I EXECUTE FUNCTION history.refuse()', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP SCHEMA staging CASCADE;
DROP SCHEMA history CASCADE;
