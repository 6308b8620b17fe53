-- What tampering leaves behind. Each row carries a hash of itself, which tells
-- the one that was changed; each run a hash of what was written up to it, in
-- the facts its root is made of. The program computes both again: it does not
-- ask the functions below, which whoever changes rows could change too.

-- +goose Up
ALTER TABLE history.run ADD COLUMN written_sha256 text;
COMMENT ON COLUMN history.run.written_sha256 IS 'SHA-256 of what was written since the run sealed before: the unfinished runs between, and the versions that began or ended. Null: sealed before there was such a hash; the first run that has one covers it.';

-- A row's hash is that of its binary form, which depends on no setting of the
-- session, without valid_to_run, which comes later, and without itself. The
-- text of JSON would do as well, and takes three times as long.
-- +goose StatementBegin
CREATE FUNCTION history.hash_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.row_sha256 := NULL;
    NEW.row_sha256 := sha256(record_send(NEW));
    RETURN NEW;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
DECLARE
    t text;
    values text;
BEGIN
    FOREACH t IN ARRAY ARRAY['campaign', 'certification', 'reviewer', 'review_item', 'item_permissions', 'task',
                             'permission_set', 'permission', 'coverage'] LOOP
        EXECUTE format('ALTER TABLE history.%I ADD COLUMN row_sha256 bytea', t);
        SELECT string_agg(
                   CASE WHEN a.attname IN ('valid_to_run', 'row_sha256') THEN 'NULL::' || format_type(a.atttypid, a.atttypmod)
                        ELSE format('v.%I', a.attname) END,
                   ', ' ORDER BY a.attnum)
        INTO values
        FROM pg_attribute a
        WHERE a.attrelid = format('history.%I', t)::regclass AND a.attnum > 0 AND NOT a.attisdropped;
        EXECUTE format('ALTER TABLE history.%I DISABLE TRIGGER USER', t);
        EXECUTE format('UPDATE history.%I v SET row_sha256 = sha256(record_send(ROW(%s)))', t, values);
        EXECUTE format('ALTER TABLE history.%I ENABLE TRIGGER USER', t);
        EXECUTE format('ALTER TABLE history.%I ALTER COLUMN row_sha256 SET NOT NULL', t);
        EXECUTE format('CREATE TRIGGER hash_row BEFORE INSERT %s ON history.%I FOR EACH ROW EXECUTE FUNCTION history.hash_row()',
            CASE t WHEN 'coverage' THEN 'OR UPDATE' ELSE '' END, t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- A hash is no field of an object.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION history.fields(v history.certification) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT to_jsonb(v) - ARRAY['tenant_id', 'certification_no', 'certification_id', 'valid_from_run', 'valid_to_run', 'digest', 'raw', 'row_sha256']
        || jsonb_build_object('created', history.utc(v.created), 'modified', history.utc(v.modified), 'due', history.utc(v.due), 'signed', history.utc(v.signed))
$$;
CREATE OR REPLACE FUNCTION history.fields(v history.review_item) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT to_jsonb(v) - ARRAY['tenant_id', 'certification_no', 'item_id', 'valid_from_run', 'valid_to_run', 'digest', 'raw', 'last_undecided_run', 'first_decided_run', 'row_sha256']
$$;
-- +goose StatementEnd

-- What a finished run said stays as it is, and so does what an unfinished one
-- said once a later run was sealed: its seal covers both.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION history.refuse_finished() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'run' THEN
        IF TG_OP = 'UPDATE' AND OLD.run_id = NEW.run_id AND OLD.tenant_id = NEW.tenant_id
           AND NOT EXISTS (
               SELECT FROM history.run r
               WHERE r.tenant_id = OLD.tenant_id AND r.run_id >= OLD.run_id AND r.status IN ('SEALED', 'PARTIAL')) THEN
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

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION history.refuse_finished() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE OR REPLACE FUNCTION history.fields(v history.certification) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT to_jsonb(v) - ARRAY['tenant_id', 'certification_no', 'certification_id', 'valid_from_run', 'valid_to_run', 'digest', 'raw']
        || jsonb_build_object('created', history.utc(v.created), 'modified', history.utc(v.modified), 'due', history.utc(v.due), 'signed', history.utc(v.signed))
$$;
CREATE OR REPLACE FUNCTION history.fields(v history.review_item) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT to_jsonb(v) - ARRAY['tenant_id', 'certification_no', 'item_id', 'valid_from_run', 'valid_to_run', 'digest', 'raw', 'last_undecided_run', 'first_decided_run']
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['campaign', 'certification', 'reviewer', 'review_item', 'item_permissions', 'task',
                             'permission_set', 'permission', 'coverage'] LOOP
        EXECUTE format('DROP TRIGGER hash_row ON history.%I', t);
        EXECUTE format('ALTER TABLE history.%I DROP COLUMN row_sha256', t);
    END LOOP;
END
$$;
-- +goose StatementEnd
DROP FUNCTION history.hash_row();
ALTER TABLE history.run DROP COLUMN written_sha256;
