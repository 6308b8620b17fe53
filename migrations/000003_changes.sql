-- What changed between two runs: the exact difference of the views at both.
-- The versions tell which objects to look at, so the cost follows what changed.

-- +goose Up

-- A time as text that does not depend on the session: RFC 3339, UTC.
-- +goose StatementBegin
CREATE FUNCTION history.utc(t timestamptz) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || coalesce(nullif(rtrim(to_char(t AT TIME ZONE 'UTC', '.US'), '0'), '.'), '') || 'Z'
$$;
-- +goose StatementEnd

-- The fields of an object that the views show and that can differ: neither
-- keys nor what is derived from the runs that saw it.
-- +goose StatementBegin
CREATE FUNCTION history.fields(v history.certification) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT to_jsonb(v) - ARRAY['tenant_id', 'certification_no', 'certification_id', 'valid_from_run', 'valid_to_run', 'digest', 'raw']
        || jsonb_build_object('created', history.utc(v.created), 'modified', history.utc(v.modified), 'due', history.utc(v.due), 'signed', history.utc(v.signed))
$$;
CREATE FUNCTION history.fields(v history.reviewer) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('name', v.name, 'email', v.email, 'type', v.type)
$$;
CREATE FUNCTION history.fields(v history.review_item) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT to_jsonb(v) - ARRAY['tenant_id', 'certification_no', 'item_id', 'valid_from_run', 'valid_to_run', 'digest', 'raw', 'last_undecided_run', 'first_decided_run']
$$;
CREATE FUNCTION history.fields(v history.task) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('certification_id', v.certification_id, 'target_type', v.target_type, 'target_id', v.target_id,
        'type', v.type, 'status', v.status, 'errors', v.errors, 'created', history.utc(v.created))
$$;
-- +goose StatementEnd

-- The class of a field's change; see the table in the documentation of
-- audit.changes_between.
-- +goose StatementBegin
CREATE FUNCTION history.class_of(object text, field text, old jsonb, new jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN object = 'review_item' AND field = 'decision' THEN
            CASE WHEN old ->> field IS NULL THEN 'DECIDED' WHEN new ->> field IS NULL THEN 'REOPENED' ELSE 'FLIPPED' END
        WHEN object = 'review_item' AND field = 'comments' THEN 'COMMENT_CHANGED'
        WHEN object = 'review_item' AND field = 'privileged' THEN 'PRIVILEGE_CHANGED'
        WHEN object = 'certification' AND field = 'reviewer_id' THEN 'REASSIGNED'
        WHEN object = 'certification' AND field = 'phase' AND new ->> field = 'SIGNED' THEN 'SIGNED'
        WHEN object = 'task' AND field = 'status' AND new ->> field = 'SUCCESS' THEN 'TASK_FINISHED'
        WHEN object = 'task' AND field = 'status' AND new ->> field = 'ERROR' THEN 'TASK_FAILED'
        -- Another person's name is no renaming: the id beside it tells.
        WHEN field = 'name' OR field LIKE '%\_name'
            AND old ->> regexp_replace(field, '_name$', '_id') IS NOT DISTINCT FROM new ->> regexp_replace(field, '_name$', '_id') THEN 'RENAMED'
        ELSE 'CHANGED'
    END
$$;
-- +goose StatementEnd

-- How a collection stood at two runs. captured: the run that proved what is
-- shown; params: what shaped it then; shown: whether its rows are in the views.
-- +goose StatementBegin
CREATE FUNCTION history.standing(from_run bigint, to_run bigint)
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

-- +goose StatementBegin
CREATE FUNCTION audit.changes_between(from_run bigint, to_run bigint)
RETURNS TABLE (tenant text, baseline_run_id bigint, run_id bigint, object text, class text,
    certification_id text, object_id text, field text, before text, after text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    ten integer;
    ten_name text;
    lo bigint := least(from_run, to_run);
    hi bigint := greatest(from_run, to_run);
    to_ten integer;
    from_finished boolean;
    to_finished boolean;
BEGIN
    SELECT r.tenant_id, r.status IN ('SEALED', 'PARTIAL') INTO ten, from_finished FROM history.run r WHERE r.run_id = from_run;
    IF ten IS NULL THEN
        RAISE EXCEPTION 'run % does not exist', from_run USING ERRCODE = 'no_data_found';
    END IF;
    SELECT r.tenant_id, r.status IN ('SEALED', 'PARTIAL') INTO to_ten, to_finished FROM history.run r WHERE r.run_id = to_run;
    IF to_ten IS NULL THEN
        RAISE EXCEPTION 'run % does not exist', to_run USING ERRCODE = 'no_data_found';
    END IF;
    IF to_ten <> ten THEN
        RAISE EXCEPTION 'runs % and % belong to different tenants', from_run, to_run USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT t.name INTO ten_name FROM history.tenant t WHERE t.tenant_id = ten;

    RETURN QUERY
    WITH
    standing AS MATERIALIZED (
        SELECT * FROM history.standing(from_run, to_run)
    ),
    -- Why the objects of a collection appear or disappear as a whole.
    reason AS MATERIALIZED (
        SELECT s.certification_no, s.certification_id, s.collection, s.old_shown, s.new_shown,
            coalesce(header.old_outcome = 'NOT_FOUND', false) AS old_deleted,
            coalesce(header.new_outcome = 'NOT_FOUND', false) AS new_deleted,
            CASE
                WHEN NOT s.new_shown AND s.new_outcome IS NOT NULL THEN 'LEFT_SCOPE'
                WHEN header.new_outcome = 'NOT_FOUND' THEN 'DELETED_IN_TENANT'
                WHEN s.old_captured IS NOT NULL AND s.new_captured IS NOT NULL AND s.old_params <> s.new_params THEN 'LEFT_SCOPE'
                WHEN s.certification_no = 0 OR header.new_outcome IS NOT NULL THEN
                    CASE WHEN s.new_captured IS NULL THEN 'CAPTURE_GAP' END
                -- Not known at all on that side: new since, where the list that
                -- would have shown it was proved, asked for the same, and all
                -- that it showed was walked.
                WHEN list.old_params <> list.new_params THEN 'LEFT_SCOPE'
                WHEN list.new_outcome IS DISTINCT FROM 'COMPLETE' OR list.new_said <> to_run OR NOT to_finished THEN 'CAPTURE_GAP'
            END AS gone,
            CASE
                WHEN NOT s.old_shown AND s.old_outcome IS NOT NULL THEN 'ENTERED_SCOPE'
                WHEN header.old_outcome = 'NOT_FOUND' THEN NULL
                WHEN s.old_captured IS NOT NULL AND s.new_captured IS NOT NULL AND s.old_params <> s.new_params THEN 'ENTERED_SCOPE'
                WHEN s.certification_no = 0 OR header.old_outcome IS NOT NULL THEN
                    CASE WHEN s.old_captured IS NULL THEN 'CAPTURE_GAP' END
                WHEN list.old_params <> list.new_params THEN 'ENTERED_SCOPE'
                WHEN list.old_outcome IS DISTINCT FROM 'COMPLETE' OR list.old_said <> from_run OR NOT from_finished THEN 'CAPTURE_GAP'
            END AS came
        FROM standing s
        LEFT JOIN standing header ON header.certification_no = s.certification_no AND header.collection = 'certification'
        LEFT JOIN standing list ON list.collection = 'certifications'
        WHERE s.collection <> 'certifications'
    ),

    -- Certifications.
    certification_key AS (
        SELECT v.certification_no FROM history.certification v WHERE v.tenant_id = ten AND v.valid_from_run > lo AND v.valid_from_run <= hi
        UNION
        SELECT v.certification_no FROM history.certification v WHERE v.tenant_id = ten AND v.valid_to_run > lo AND v.valid_to_run <= hi
        UNION
        SELECT r.certification_no FROM reason r WHERE r.collection = 'certification' AND r.old_shown <> r.new_shown
    ),
    certification_pair AS (
        SELECT r.certification_id, r.gone, r.came,
               CASE WHEN a.certification_no IS NOT NULL THEN history.fields(a) END AS old,
               CASE WHEN b.certification_no IS NOT NULL THEN history.fields(b) END AS new
        FROM certification_key k
        JOIN reason r ON r.certification_no = k.certification_no AND r.collection = 'certification'
        LEFT JOIN history.certification a ON r.old_shown AND a.tenant_id = ten AND a.certification_no = k.certification_no
            AND a.valid_from_run <= from_run AND (a.valid_to_run IS NULL OR a.valid_to_run > from_run)
        LEFT JOIN history.certification b ON r.new_shown AND b.tenant_id = ten AND b.certification_no = k.certification_no
            AND b.valid_from_run <= to_run AND (b.valid_to_run IS NULL OR b.valid_to_run > to_run)
    ),

    -- Reviewers.
    reviewer_key AS (
        SELECT v.certification_no, v.reviewer_id FROM history.reviewer v WHERE v.tenant_id = ten AND v.valid_from_run > lo AND v.valid_from_run <= hi
        UNION
        SELECT v.certification_no, v.reviewer_id FROM history.reviewer v WHERE v.tenant_id = ten AND v.valid_to_run > lo AND v.valid_to_run <= hi
        UNION
        SELECT v.certification_no, v.reviewer_id
        FROM reason r JOIN history.reviewer v ON v.tenant_id = ten AND v.certification_no = r.certification_no
        WHERE r.collection = 'reviewers' AND r.old_shown <> r.new_shown
    ),
    reviewer_pair AS (
        SELECT r.certification_id, k.reviewer_id, r.gone, r.came,
               CASE WHEN a.reviewer_id IS NOT NULL THEN history.fields(a) END AS old,
               CASE WHEN b.reviewer_id IS NOT NULL THEN history.fields(b) END AS new
        FROM reviewer_key k
        JOIN reason r ON r.certification_no = k.certification_no AND r.collection = 'reviewers'
        LEFT JOIN history.reviewer a ON r.old_shown AND a.tenant_id = ten AND a.certification_no = k.certification_no AND a.reviewer_id = k.reviewer_id
            AND a.valid_from_run <= from_run AND (a.valid_to_run IS NULL OR a.valid_to_run > from_run)
        LEFT JOIN history.reviewer b ON r.new_shown AND b.tenant_id = ten AND b.certification_no = k.certification_no AND b.reviewer_id = k.reviewer_id
            AND b.valid_from_run <= to_run AND (b.valid_to_run IS NULL OR b.valid_to_run > to_run)
    ),

    -- Review items, each matched with itself in its own certification.
    item_key AS (
        SELECT v.certification_no, v.item_id FROM history.review_item v WHERE v.tenant_id = ten AND v.valid_from_run > lo AND v.valid_from_run <= hi
        UNION
        SELECT v.certification_no, v.item_id FROM history.review_item v WHERE v.tenant_id = ten AND v.valid_to_run > lo AND v.valid_to_run <= hi
        UNION
        SELECT v.certification_no, v.item_id
        FROM reason r JOIN history.review_item v ON v.tenant_id = ten AND v.certification_no = r.certification_no
        WHERE r.collection = 'review_items' AND r.old_shown <> r.new_shown
    ),
    item_pair AS MATERIALIZED (
        SELECT k.certification_no, r.certification_id, k.item_id, r.gone, r.came,
               CASE WHEN a.item_id IS NOT NULL THEN history.fields(a) END AS old, a.digest AS old_digest, a.raw AS old_raw,
               CASE WHEN b.item_id IS NOT NULL THEN history.fields(b) END AS new, b.digest AS new_digest, b.raw AS new_raw
        FROM item_key k
        JOIN reason r ON r.certification_no = k.certification_no AND r.collection = 'review_items'
        LEFT JOIN history.review_item a ON r.old_shown AND a.tenant_id = ten AND a.certification_no = k.certification_no AND a.item_id = k.item_id
            AND a.valid_from_run <= from_run AND (a.valid_to_run IS NULL OR a.valid_to_run > from_run)
        LEFT JOIN history.review_item b ON r.new_shown AND b.tenant_id = ten AND b.certification_no = k.certification_no AND b.item_id = k.item_id
            AND b.valid_from_run <= to_run AND (b.valid_to_run IS NULL OR b.valid_to_run > to_run)
    ),
    -- Reassignment makes a new certification and moves items into it. One that
    -- left A while the same access appeared in B, whose chain of origins leads
    -- to A, was moved and neither removed nor added. Those between, and A, may
    -- have been deleted since.
    origin AS (
        WITH RECURSIVE hop AS (
            SELECT k.certification_no, v.reassigned_from_id AS from_id, 1 AS hops
            FROM (SELECT DISTINCT p.certification_no FROM item_pair p WHERE p.old IS NULL AND p.new IS NOT NULL AND p.came IS NULL) k
            JOIN history.certification v ON v.tenant_id = ten AND v.certification_no = k.certification_no
             AND v.valid_from_run <= to_run AND (v.valid_to_run IS NULL OR v.valid_to_run > to_run)
            WHERE v.reassigned_from_id IS NOT NULL
            UNION
            SELECT hop.certification_no, v.reassigned_from_id, hop.hops + 1
            FROM hop
            JOIN history.known_certification f ON f.tenant_id = ten AND f.certification_id = hop.from_id
            JOIN history.certification v ON v.tenant_id = ten AND v.certification_no = f.certification_no
             AND v.valid_from_run <= to_run
            WHERE v.reassigned_from_id IS NOT NULL AND hop.hops < 100
        )
        SELECT hop.certification_no AS new_no, f.certification_no AS old_no, min(hop.hops) AS hops
        FROM hop
        JOIN history.known_certification f ON f.tenant_id = ten AND f.certification_id = hop.from_id
        WHERE f.certification_no <> hop.certification_no
        GROUP BY 1, 2
    ),
    left_item AS (
        SELECT p.*, p.old ->> 'identity_id' AS identity, p.old ->> 'access_type' AS kind, p.old ->> 'access_id' AS access, p.old ->> 'account_native_identity' AS account
        FROM item_pair p
        WHERE p.old IS NOT NULL AND p.new IS NULL AND (p.gone IS NULL OR p.gone = 'DELETED_IN_TENANT')
    ),
    new_item AS (
        SELECT p.*, p.new ->> 'identity_id' AS identity, p.new ->> 'access_type' AS kind, p.new ->> 'access_id' AS access, p.new ->> 'account_native_identity' AS account
        FROM item_pair p
        WHERE p.old IS NULL AND p.new IS NOT NULL AND p.came IS NULL
    ),
    candidate AS (
        SELECT l.certification_no AS old_no, l.item_id AS old_item, n.certification_no AS new_no, n.item_id AS new_item,
               row_number() OVER (PARTITION BY l.certification_no, l.item_id ORDER BY o.hops, n.certification_id COLLATE "C", n.item_id) AS old_choice,
               row_number() OVER (PARTITION BY n.certification_no, n.item_id ORDER BY o.hops, l.certification_id COLLATE "C", l.item_id) AS new_choice
        FROM left_item l
        JOIN origin o ON o.old_no = l.certification_no
        JOIN new_item n ON n.certification_no = o.new_no AND n.identity = l.identity
             AND n.kind IS NOT DISTINCT FROM l.kind AND n.access IS NOT DISTINCT FROM l.access AND n.account IS NOT DISTINCT FROM l.account
    ),
    -- Where several are alike, the first of one side goes with the first of
    -- the other, the second with the second; none goes twice.
    moved AS MATERIALIZED (
        SELECT m.old_no, m.old_item, m.new_no, m.new_item
        FROM (
            SELECT c.*,
                   row_number() OVER (PARTITION BY c.old_no, c.old_item ORDER BY c.old_choice) AS nth_of_old,
                   row_number() OVER (PARTITION BY c.new_no, c.new_item ORDER BY c.new_choice) AS nth_of_new
            FROM candidate c
            WHERE c.old_choice = c.new_choice
        ) m
        WHERE m.nth_of_old = 1 AND m.nth_of_new = 1
    ),
    item_change AS (
        -- in place
        SELECT p.certification_id, p.item_id, p.gone, p.came, p.old, p.new, p.old_digest, p.new_digest, p.old_raw, p.new_raw
        FROM item_pair p
        WHERE NOT EXISTS (SELECT FROM moved m WHERE m.old_no = p.certification_no AND m.old_item = p.item_id AND p.new IS NULL)
          AND NOT EXISTS (SELECT FROM moved m WHERE m.new_no = p.certification_no AND m.new_item = p.item_id AND p.old IS NULL)
        UNION ALL
        -- moved: the keys count as fields here
        SELECT n.certification_id, n.item_id, NULL, NULL,
               l.old || jsonb_build_object('certification_id', l.certification_id, 'item_id', l.item_id),
               n.new || jsonb_build_object('certification_id', n.certification_id, 'item_id', n.item_id),
               NULL, NULL, NULL, NULL
        FROM moved m
        JOIN left_item l ON l.certification_no = m.old_no AND l.item_id = m.old_item
        JOIN new_item n ON n.certification_no = m.new_no AND n.item_id = m.new_item
    ),

    -- Permissions: the lists of an item, paired by target.
    permission_key AS (
        SELECT v.certification_no, v.item_id FROM history.item_permissions v WHERE v.tenant_id = ten AND v.valid_from_run > lo AND v.valid_from_run <= hi
        UNION
        SELECT v.certification_no, v.item_id FROM history.item_permissions v WHERE v.tenant_id = ten AND v.valid_to_run > lo AND v.valid_to_run <= hi
        UNION
        SELECT v.certification_no, v.item_id
        FROM reason r JOIN history.item_permissions v ON v.tenant_id = ten AND v.certification_no = r.certification_no
        WHERE r.collection = 'permissions' AND r.old_shown <> r.new_shown
    ),
    permission_sides AS (
        SELECT k.certification_no, k.item_id, a.digest AS old_digest, b.digest AS new_digest
        FROM permission_key k
        JOIN reason r ON r.certification_no = k.certification_no AND r.collection = 'permissions'
        LEFT JOIN history.item_permissions a ON r.old_shown AND a.tenant_id = ten AND a.certification_no = k.certification_no AND a.item_id = k.item_id
            AND a.valid_from_run <= from_run AND (a.valid_to_run IS NULL OR a.valid_to_run > from_run)
        LEFT JOIN history.item_permissions b ON r.new_shown AND b.tenant_id = ten AND b.certification_no = k.certification_no AND b.item_id = k.item_id
            AND b.valid_from_run <= to_run AND (b.valid_to_run IS NULL OR b.valid_to_run > to_run)
    ),
    -- Items and permissions are proved apart: the list of a moved item went
    -- with it only where it left the one certification and came to the other.
    moved_list AS MATERIALIZED (
        SELECT m.old_no, m.old_item, m.new_no, m.new_item, a.old_digest, b.new_digest
        FROM moved m
        JOIN permission_sides a ON a.certification_no = m.old_no AND a.item_id = m.old_item AND a.old_digest IS NOT NULL AND a.new_digest IS NULL
        JOIN permission_sides b ON b.certification_no = m.new_no AND b.item_id = m.new_item AND b.old_digest IS NULL AND b.new_digest IS NOT NULL
    ),
    permission_lists AS (
        SELECT s.certification_no AS old_no, s.item_id AS old_item, s.certification_no AS new_no, s.item_id AS new_item,
               s.old_digest, s.new_digest, false AS was_moved
        FROM permission_sides s
        WHERE s.old_digest IS DISTINCT FROM s.new_digest
          AND NOT EXISTS (SELECT FROM moved_list m WHERE m.old_no = s.certification_no AND m.old_item = s.item_id)
          AND NOT EXISTS (SELECT FROM moved_list m WHERE m.new_no = s.certification_no AND m.new_item = s.item_id)
        UNION ALL
        SELECT m.old_no, m.old_item, m.new_no, m.new_item, m.old_digest, m.new_digest, true
        FROM moved_list m
    ),
    -- Equal permissions first, then equal targets, so that a list in another
    -- order, or one that grew in the middle, shows no more than what changed.
    old_permission AS (
        SELECT l.*, p.position, p.target, p.rights,
               row_number() OVER (PARTITION BY l.old_no, l.old_item, p.target, p.rights ORDER BY p.position) AS same
        FROM permission_lists l JOIN history.permission p ON p.tenant_id = ten AND p.digest = l.old_digest
    ),
    new_permission AS (
        SELECT l.*, p.position, p.target, p.rights,
               row_number() OVER (PARTITION BY l.new_no, l.new_item, p.target, p.rights ORDER BY p.position) AS same
        FROM permission_lists l JOIN history.permission p ON p.tenant_id = ten AND p.digest = l.new_digest
    ),
    kept AS (
        SELECT a.old_no, a.old_item, a.new_no, a.new_item, a.was_moved, a.position AS old_position, b.position AS new_position, b.target, b.rights
        FROM old_permission a
        JOIN new_permission b ON b.old_no = a.old_no AND b.old_item = a.old_item AND b.new_no = a.new_no AND b.new_item = a.new_item
         AND b.target IS NOT DISTINCT FROM a.target AND b.rights IS NOT DISTINCT FROM a.rights AND b.same = a.same
    ),
    old_rest AS (
        SELECT a.*, row_number() OVER (PARTITION BY a.old_no, a.old_item, a.target ORDER BY a.position) AS nth
        FROM old_permission a
        WHERE NOT EXISTS (SELECT FROM kept k WHERE k.old_no = a.old_no AND k.old_item = a.old_item AND k.old_position = a.position)
    ),
    new_rest AS (
        SELECT b.*, row_number() OVER (PARTITION BY b.new_no, b.new_item, b.target ORDER BY b.position) AS nth
        FROM new_permission b
        WHERE NOT EXISTS (SELECT FROM kept k WHERE k.new_no = b.new_no AND k.new_item = b.new_item AND k.new_position = b.position)
    ),
    regranted AS (
        SELECT a.old_no, a.old_item, a.new_no, a.new_item, a.was_moved, a.position AS old_position, b.position AS new_position,
               b.target, a.rights AS old_rights, b.rights AS new_rights
        FROM old_rest a
        JOIN new_rest b ON b.old_no = a.old_no AND b.old_item = a.old_item AND b.new_no = a.new_no AND b.new_item = a.new_item
         AND b.target IS NOT DISTINCT FROM a.target AND b.nth = a.nth
    ),
    permission_change AS (
        SELECT k.new_no AS certification_no, k.new_item AS item_id, 'RIGHTS_CHANGED' AS class, 'rights' AS field,
               jsonb_build_object('target', k.target, 'rights', k.old_rights)::text AS before,
               jsonb_build_object('target', k.target, 'rights', k.new_rights)::text AS after
        FROM regranted k
        UNION ALL
        SELECT m.new_no, m.new_item, 'REASSIGNED', 'certification_id',
               jsonb_build_object('target', m.target, 'rights', m.rights, 'certification_id', f.certification_id, 'item_id', m.old_item)::text,
               jsonb_build_object('target', m.target, 'rights', m.rights, 'certification_id', t.certification_id, 'item_id', m.new_item)::text
        FROM (
            SELECT k.old_no, k.old_item, k.new_no, k.new_item, k.target, k.rights FROM kept k WHERE k.was_moved
            UNION ALL
            SELECT g.old_no, g.old_item, g.new_no, g.new_item, g.target, g.old_rights FROM regranted g WHERE g.was_moved
        ) m
        JOIN history.known_certification f ON f.tenant_id = ten AND f.certification_no = m.old_no
        JOIN history.known_certification t ON t.tenant_id = ten AND t.certification_no = m.new_no
        UNION ALL
        SELECT a.old_no, a.old_item, coalesce(r.gone, 'PERMISSION_REMOVED'), NULL,
               jsonb_build_object('target', a.target, 'rights', a.rights)::text, NULL
        FROM old_rest a
        JOIN reason r ON r.certification_no = a.old_no AND r.collection = 'permissions'
        WHERE NOT EXISTS (SELECT FROM regranted g WHERE g.old_no = a.old_no AND g.old_item = a.old_item AND g.old_position = a.position)
        UNION ALL
        SELECT b.new_no, b.new_item, coalesce(r.came, 'PERMISSION_ADDED'), NULL,
               NULL, jsonb_build_object('target', b.target, 'rights', b.rights)::text
        FROM new_rest b
        JOIN reason r ON r.certification_no = b.new_no AND r.collection = 'permissions'
        WHERE NOT EXISTS (SELECT FROM regranted g WHERE g.new_no = b.new_no AND g.new_item = b.new_item AND g.new_position = b.position)
    ),

    -- Tasks.
    task_key AS (
        SELECT v.task_id FROM history.task v WHERE v.tenant_id = ten AND v.valid_from_run > lo AND v.valid_from_run <= hi
        UNION
        SELECT v.task_id FROM history.task v WHERE v.tenant_id = ten AND v.valid_to_run > lo AND v.valid_to_run <= hi
    ),
    task_pair AS (
        SELECT k.task_id, coalesce(own.gone, r.gone) AS gone, coalesce(own.came, r.came) AS came,
               CASE WHEN a.task_id IS NOT NULL THEN history.fields(a) END AS old,
               CASE WHEN b.task_id IS NOT NULL THEN history.fields(b) END AS new
        FROM task_key k
        LEFT JOIN reason r ON r.certification_no = 0 AND r.collection = 'tasks'
        LEFT JOIN history.task a ON a.tenant_id = ten AND a.task_id = k.task_id
            AND a.valid_from_run <= from_run AND (a.valid_to_run IS NULL OR a.valid_to_run > from_run)
        LEFT JOIN history.task b ON b.tenant_id = ten AND b.task_id = k.task_id
            AND b.valid_from_run <= to_run AND (b.valid_to_run IS NULL OR b.valid_to_run > to_run)
        LEFT JOIN reason own ON own.collection = 'tasks' AND own.certification_id = coalesce(b.certification_id, a.certification_id)
    ),

    -- All objects alike: one row a field, or one for the object as a whole.
    pair AS (
        SELECT 'certification' AS object, p.certification_id, p.certification_id AS object_id, p.gone, p.came, 'REMOVED' AS removed, 'ADDED' AS added, p.old, p.new
        FROM certification_pair p
        UNION ALL
        SELECT 'reviewer', p.certification_id, p.reviewer_id, p.gone, p.came, 'REVIEWER_REMOVED', 'REVIEWER_ADDED', p.old, p.new
        FROM reviewer_pair p
        UNION ALL
        SELECT 'review_item', p.certification_id, p.item_id, p.gone, p.came, 'REMOVED', 'ADDED', p.old, p.new
        FROM item_change p
        UNION ALL
        SELECT 'task', coalesce(p.new, p.old) ->> 'certification_id', p.task_id, p.gone, p.came, 'REMOVED', 'ADDED', p.old, p.new
        FROM task_pair p
    ),
    change AS (
        SELECT p.object, coalesce(p.came, p.added) AS class, p.certification_id, p.object_id, NULL AS field, NULL AS before, p.new::text AS after
        FROM pair p
        WHERE p.old IS NULL AND p.new IS NOT NULL
        UNION ALL
        SELECT p.object, coalesce(p.gone, p.removed), p.certification_id, p.object_id, NULL, p.old::text, NULL
        FROM pair p
        WHERE p.old IS NOT NULL AND p.new IS NULL
        UNION ALL
        SELECT p.object,
               CASE WHEN p.object = 'review_item' AND f.key = 'certification_id' THEN 'REASSIGNED' ELSE history.class_of(p.object, f.key, p.old, p.new) END,
               p.certification_id, p.object_id, f.key, p.old ->> f.key, p.new ->> f.key
        FROM pair p
        CROSS JOIN LATERAL jsonb_each(p.new) f
        WHERE p.old IS NOT NULL AND p.new IS NOT NULL AND p.old -> f.key IS DISTINCT FROM p.new -> f.key
        UNION ALL
        -- Something of the item changed that has no column of its own.
        SELECT 'review_item', 'CHANGED', p.certification_id, p.item_id, 'raw', p.old_raw::text, p.new_raw::text
        FROM item_change p
        WHERE p.old = p.new AND p.old_digest <> p.new_digest
        UNION ALL
        SELECT 'permission', p.class, k.certification_id, p.item_id, p.field, p.before, p.after
        FROM permission_change p
        JOIN history.known_certification k ON k.tenant_id = ten AND k.certification_no = p.certification_no
        UNION ALL
        -- Rows older than the run they are shown for prove nothing about it.
        SELECT CASE s.collection WHEN 'certification' THEN 'certification' WHEN 'reviewers' THEN 'reviewer' WHEN 'review_items' THEN 'review_item'
                                 WHEN 'permissions' THEN 'permission' WHEN 'tasks' THEN 'task' END,
               'NOT_COMPARABLE', s.certification_id, NULL, s.collection,
               CASE WHEN s.old_said = from_run THEN s.old_outcome END, CASE WHEN s.new_said = to_run THEN s.new_outcome END
        FROM standing s
        JOIN reason r ON r.certification_no = s.certification_no AND r.collection = s.collection
        WHERE from_run <> to_run
          AND (s.old_shown AND NOT r.old_deleted AND s.old_outcome <> 'SEALED_EARLIER' AND s.old_captured IS DISTINCT FROM from_run
            OR s.new_shown AND NOT r.new_deleted AND s.new_outcome <> 'SEALED_EARLIER' AND s.new_captured IS DISTINCT FROM to_run)
    )
    SELECT ten_name, from_run, to_run, c.object, c.class, c.certification_id, c.object_id, c.field, c.before, c.after
    FROM change c;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION audit.changes_between(bigint, bigint) IS
    'The exact difference of the views between two runs of one tenant, in either order: one row an object and field, or one for an object that came or went, which is then in "after" or "before" as JSON.';

CREATE VIEW audit.changes AS
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
DO $$
BEGIN
    REVOKE ALL ON FUNCTION audit.changes_between(bigint, bigint) FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'audit_reader') THEN
        GRANT SELECT ON audit.changes TO audit_reader;
        GRANT EXECUTE ON FUNCTION audit.changes_between(bigint, bigint) TO audit_reader;
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP VIEW audit.changes;
DROP FUNCTION audit.changes_between(bigint, bigint);
DROP FUNCTION history.standing(bigint, bigint);
DROP FUNCTION history.class_of(text, text, jsonb, jsonb);
DROP FUNCTION history.fields(history.certification), history.fields(history.reviewer), history.fields(history.review_item), history.fields(history.task);
DROP FUNCTION history.utc(timestamptz);
