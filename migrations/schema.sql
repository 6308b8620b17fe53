-- The schema that the migrations come to, to be read: nothing runs this file.
-- `go test ./internal/db -run SchemaFile -update` writes it.

CREATE SCHEMA audit;

COMMENT ON SCHEMA audit IS 'History of certifications as of every run. Every view has run_id: name one in your WHERE, or join audit.runs.';

CREATE SCHEMA history;

CREATE SCHEMA staging;

CREATE FUNCTION audit.changes_between(from_run bigint, to_run bigint) RETURNS TABLE(tenant text, baseline_run_id bigint, run_id bigint, object text, class text, certification_id text, object_id text, field text, before text, after text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION audit.changes_between(from_run bigint, to_run bigint) IS 'The exact difference of the views between two runs of one tenant, in either order: one row an object and field, or one for an object that came or went, which is then in "after" or "before" as JSON.';

CREATE FUNCTION history.chain(ten integer, no bigint, run bigint) RETURNS TABLE(hops bigint, certification_id text, reviewer_id text, reviewer_name text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH RECURSIVE hop AS (
        SELECT 0::bigint AS hops, v.certification_id::text, v.reviewer_id, v.reviewer_name, v.reassigned_from_id,
               v.raw #>> '{reassignment,from,reviewer,id}' AS from_reviewer_id, v.reassigned_from_reviewer AS from_reviewer
        FROM history.certification v
        WHERE v.tenant_id = ten AND v.certification_no = no AND v.valid_from_run <= run AND (v.valid_to_run IS NULL OR v.valid_to_run > run)
        UNION ALL
        SELECT hop.hops + 1, hop.reassigned_from_id, coalesce(f.reviewer_id, hop.from_reviewer_id),
               coalesce(f.reviewer_name, hop.from_reviewer), f.reassigned_from_id, f.from_reviewer_id, f.from_reviewer
        FROM hop
        LEFT JOIN LATERAL (
            SELECT v.reviewer_id, v.reviewer_name, v.reassigned_from_id,
                   v.raw #>> '{reassignment,from,reviewer,id}' AS from_reviewer_id, v.reassigned_from_reviewer AS from_reviewer
            FROM history.known_certification k
            JOIN history.certification v USING (tenant_id, certification_no)
            WHERE k.tenant_id = ten AND k.certification_id = hop.reassigned_from_id AND v.valid_from_run <= run
            ORDER BY v.valid_from_run DESC
            LIMIT 1
        ) f ON true
        WHERE hop.reassigned_from_id IS NOT NULL AND hop.hops < 100
    )
    SELECT h.hops, h.certification_id, h.reviewer_id, h.reviewer_name
    FROM hop h
    ORDER BY h.hops DESC
    LIMIT 1
$$;

CREATE FUNCTION history.class_of(object text, field text, old jsonb, new jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $_$
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
$_$;

CREATE FUNCTION history.compared(run bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    IF EXISTS (SELECT FROM history.pruned_run p JOIN history.run r USING (tenant_id, run_id) WHERE r.run_id = run) THEN
        RAISE EXCEPTION 'run % was pruned: what it saw is not kept', run USING ERRCODE = 'no_data_found';
    END IF;
    RETURN true;
END
$$;

CREATE FUNCTION history.decision_origin(decision text, before text, after text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT CASE
        WHEN decision IS NULL THEN NULL
        WHEN after IS NULL THEN 'UNKNOWN'
        WHEN after NOT IN ('COMPLETING', 'COMPLETED', 'ARCHIVED') THEN 'REVIEWER'
        WHEN before = 'ACTIVE' THEN 'AUTO'
        ELSE 'UNKNOWN'
    END
$$;

CREATE TABLE history.certification (
    tenant_id integer NOT NULL,
    certification_no bigint NOT NULL,
    certification_id text NOT NULL COLLATE pg_catalog."C",
    valid_from_run bigint NOT NULL,
    valid_to_run bigint,
    digest bytea NOT NULL,
    raw jsonb NOT NULL,
    name text,
    campaign_id text,
    campaign_name text,
    campaign_type text,
    phase text,
    reviewer_id text,
    reviewer_name text,
    reviewer_email text,
    reviewer_type text,
    created timestamp with time zone,
    modified timestamp with time zone,
    due timestamp with time zone,
    signed timestamp with time zone,
    completed boolean,
    decisions_made bigint,
    decisions_total bigint,
    identities_completed bigint,
    identities_total bigint,
    reassigned_from_id text,
    reassigned_from_reviewer text,
    reassignment_comment text,
    has_errors boolean,
    error_message text,
    row_sha256 bytea NOT NULL,
    CONSTRAINT certification_check CHECK ((valid_to_run > valid_from_run))
);

CREATE FUNCTION history.fields(v history.certification) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT to_jsonb(v) - ARRAY['tenant_id', 'certification_no', 'certification_id', 'valid_from_run', 'valid_to_run', 'digest', 'raw', 'row_sha256']
        || jsonb_build_object('created', history.utc(v.created), 'modified', history.utc(v.modified), 'due', history.utc(v.due), 'signed', history.utc(v.signed))
$$;

CREATE TABLE history.review_item (
    tenant_id integer NOT NULL,
    certification_no bigint NOT NULL,
    item_id text NOT NULL COLLATE pg_catalog."C",
    valid_from_run bigint NOT NULL,
    valid_to_run bigint,
    digest bytea NOT NULL,
    raw jsonb NOT NULL,
    identity_id text,
    identity_name text,
    access_type text,
    access_id text,
    access_name text,
    source_id text,
    source_name text,
    attribute text,
    value text,
    account_native_identity text,
    privileged boolean,
    has_permissions boolean,
    new_access boolean,
    completed boolean,
    decision text,
    comments text,
    last_undecided_run bigint,
    first_decided_run bigint,
    row_sha256 bytea NOT NULL,
    CONSTRAINT review_item_check CHECK ((valid_to_run > valid_from_run))
);

COMMENT ON COLUMN history.review_item.last_undecided_run IS 'For a decided item: the last run that proved it undecided; null where none did.';

COMMENT ON COLUMN history.review_item.first_decided_run IS 'For a decided item: the run that first found it decided, since it was last undecided.';

CREATE FUNCTION history.fields(v history.review_item) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT to_jsonb(v) - ARRAY['tenant_id', 'certification_no', 'item_id', 'valid_from_run', 'valid_to_run', 'digest', 'raw', 'last_undecided_run', 'first_decided_run', 'row_sha256']
$$;

CREATE TABLE history.reviewer (
    tenant_id integer NOT NULL,
    certification_no bigint NOT NULL,
    reviewer_id text NOT NULL COLLATE pg_catalog."C",
    valid_from_run bigint NOT NULL,
    valid_to_run bigint,
    digest bytea NOT NULL,
    raw jsonb NOT NULL,
    name text,
    email text,
    type text,
    row_sha256 bytea NOT NULL,
    CONSTRAINT reviewer_check CHECK ((valid_to_run > valid_from_run))
);

CREATE FUNCTION history.fields(v history.reviewer) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT jsonb_build_object('name', v.name, 'email', v.email, 'type', v.type)
$$;

CREATE TABLE history.task (
    tenant_id integer NOT NULL,
    task_id text NOT NULL COLLATE pg_catalog."C",
    valid_from_run bigint NOT NULL,
    valid_to_run bigint,
    digest bytea NOT NULL,
    raw jsonb NOT NULL,
    certification_id text,
    target_type text,
    target_id text,
    type text,
    status text,
    errors text[],
    created timestamp with time zone,
    first_seen_run bigint NOT NULL,
    row_sha256 bytea NOT NULL,
    CONSTRAINT task_check CHECK ((valid_to_run > valid_from_run))
);

CREATE FUNCTION history.fields(v history.task) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT jsonb_build_object('certification_id', v.certification_id, 'target_type', v.target_type, 'target_id', v.target_id,
        'type', v.type, 'status', v.status, 'errors', v.errors, 'created', history.utc(v.created))
$$;

CREATE FUNCTION history.grant_roles() RETURNS void
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION history.hash_row() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.row_sha256 := NULL;
    NEW.row_sha256 := sha256(record_send(NEW));
    RETURN NEW;
END
$$;

CREATE FUNCTION history.refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'history is append-only: % of %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION history.refuse_answered() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION history.refuse_finished() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION history.refuse_rewriting() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION history.refuse_unless_pruned() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' AND history.retention_at_work(TG_RELID) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'history is append-only: % of %.% refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION history.retention_at_work(relation oid) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT current_setting('exporter.retention', true) = 'on' AND pg_has_role(current_user, c.relowner, 'USAGE')
    FROM pg_class c
    WHERE c.oid = relation
$$;

CREATE FUNCTION history.revocations(ten integer, run bigint) RETURNS TABLE(captured_run_id bigint, certification_id text, item_id text, identity_id text, identity_name text, access_type text, access_id text, access_name text, source_name text, account_native_identity text, reviewer_id text, reviewer_name text, signed timestamp with time zone, state text, seen_in_certification_id text, seen_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_nestloop TO 'off'
    SET jit TO 'off'
    AS $$
    WITH item AS MATERIALIZED (
        SELECT s.captured_run_id, s.certification_id, v.item_id, v.identity_id, v.identity_name, v.access_type, v.access_id, v.access_name,
               v.source_id, v.source_name, v.account_native_identity, v.decision, h.reviewer_id, h.reviewer_name, h.created, h.signed,
               h.campaign_type, k.raw -> 'filter' AS filter, r.started_at AS captured_at
        FROM history.shown s
        JOIN history.review_item v
          ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
         AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
        JOIN history.certification h
          ON h.tenant_id = s.tenant_id AND h.certification_no = s.certification_no
         AND h.valid_from_run <= s.run_id AND (h.valid_to_run IS NULL OR h.valid_to_run > s.run_id)
        JOIN history.run r ON r.tenant_id = s.tenant_id AND r.run_id = s.captured_run_id
        LEFT JOIN history.campaign k
          ON k.tenant_id = s.tenant_id AND k.campaign_id = h.campaign_id
         AND k.valid_from_run <= s.run_id AND (k.valid_to_run IS NULL OR k.valid_to_run > s.run_id)
        WHERE s.tenant_id = ten AND s.run_id = run AND s.collection = 'review_items'
    ),
    revoked AS MATERIALIZED (
        SELECT i.*
        FROM item i
        WHERE i.decision = 'REVOKE'
    ),
    seen AS (
        SELECT DISTINCT ON (r.certification_id, r.item_id) r.certification_id, r.item_id, i.certification_id AS in_certification, i.captured_at
        FROM revoked r
        JOIN item i
          ON i.identity_id = r.identity_id AND i.access_id = r.access_id AND i.created > r.signed
         AND i.account_native_identity IS NOT DISTINCT FROM r.account_native_identity
        ORDER BY r.certification_id, r.item_id, i.created DESC, i.certification_id
    ),
    -- What a later certification says of an identity as a whole.
    reviewed AS (
        SELECT DISTINCT i.identity_id, i.source_id, i.certification_id, i.campaign_type, i.filter, i.created, i.captured_at
        FROM item i
        WHERE i.campaign_type IN ('MANAGER', 'SOURCE_OWNER') AND EXISTS (SELECT FROM revoked r WHERE r.identity_id = i.identity_id)
    ),
    looked AS (
        SELECT DISTINCT ON (r.certification_id, r.item_id) r.certification_id, r.item_id, i.certification_id AS in_certification, i.captured_at
        FROM revoked r
        JOIN reviewed i
          ON i.identity_id = r.identity_id AND i.created > r.signed AND i.campaign_type = r.campaign_type
         AND i.filter IS NOT DISTINCT FROM r.filter AND (i.campaign_type = 'MANAGER' OR i.source_id IS NOT DISTINCT FROM r.source_id)
        ORDER BY r.certification_id, r.item_id, i.created DESC, i.certification_id
    )
    SELECT r.captured_run_id, r.certification_id, r.item_id, r.identity_id, r.identity_name, r.access_type, r.access_id, r.access_name,
           r.source_name, r.account_native_identity, r.reviewer_id, r.reviewer_name, r.signed,
           CASE WHEN s.item_id IS NOT NULL THEN 'STILL PRESENT' WHEN l.item_id IS NOT NULL THEN 'PROVED GONE' ELSE 'UNKNOWN' END,
           coalesce(s.in_certification, l.in_certification), coalesce(s.captured_at, l.captured_at)
    FROM revoked r
    LEFT JOIN seen s USING (certification_id, item_id)
    LEFT JOIN looked l USING (certification_id, item_id)
$$;

CREATE FUNCTION history.standing(from_run bigint, to_run bigint) RETURNS TABLE(certification_no bigint, certification_id text, collection text, old_outcome text, old_said bigint, old_captured bigint, old_params text, old_shown boolean, new_outcome text, new_said bigint, new_captured bigint, new_params text, new_shown boolean)
    LANGUAGE sql STABLE
    AS $$
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

CREATE FUNCTION history.utc(t timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
        || coalesce(nullif(rtrim(to_char(t AT TIME ZONE 'UTC', '.US'), '0'), '.'), '') || 'Z'
$$;

CREATE TABLE history.campaign (
    tenant_id integer NOT NULL,
    campaign_id text NOT NULL COLLATE pg_catalog."C",
    valid_from_run bigint NOT NULL,
    valid_to_run bigint,
    digest bytea NOT NULL,
    raw jsonb NOT NULL,
    name text,
    type text,
    status text,
    created timestamp with time zone,
    deadline timestamp with time zone,
    total_certifications bigint,
    completed_certifications bigint,
    row_sha256 bytea NOT NULL,
    CONSTRAINT campaign_check CHECK ((valid_to_run > valid_from_run))
);

CREATE TABLE history.coverage (
    tenant_id integer NOT NULL,
    certification_no bigint NOT NULL,
    collection text NOT NULL COLLATE pg_catalog."C",
    run_id bigint NOT NULL,
    outcome text NOT NULL,
    expected bigint,
    read bigint,
    distinct_read bigint,
    attempts integer NOT NULL,
    stored bigint NOT NULL,
    captured_run_id bigint,
    signed boolean NOT NULL,
    params_sha256 text NOT NULL,
    digest bytea,
    http_status integer,
    detail_code text,
    tracking_id text,
    error text,
    note text,
    read_at timestamp with time zone,
    row_sha256 bytea NOT NULL,
    CONSTRAINT coverage_outcome_check CHECK ((outcome = ANY (ARRAY['COMPLETE'::text, 'FORBIDDEN'::text, 'NOT_FOUND'::text, 'UNSUPPORTED'::text, 'FAILED'::text, 'INCOMPLETE'::text, 'SEALED_EARLIER'::text, 'OUT_OF_SCOPE'::text])))
);

COMMENT ON COLUMN history.coverage.stored IS 'Rows the views show for this collection as of this run.';

COMMENT ON COLUMN history.coverage.signed IS 'The certification was signed off when the captured rows were read.';

COMMENT ON COLUMN history.coverage.digest IS 'SHA-256 of the rows shown: of the run captured_run_id.';

CREATE TABLE history.pruned_run (
    tenant_id integer NOT NULL,
    run_id bigint NOT NULL,
    event_id bigint NOT NULL
);

CREATE TABLE history.run (
    tenant_id integer NOT NULL,
    run_id bigint NOT NULL,
    status text NOT NULL,
    trigger text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    api_version text NOT NULL,
    scope jsonb NOT NULL,
    scope_sha256 text NOT NULL,
    config_sha256 text NOT NULL,
    tool_version text NOT NULL,
    certifications bigint,
    certifications_complete bigint,
    reviewers bigint,
    review_items bigint,
    permissions bigint,
    tasks bigint,
    requests bigint DEFAULT 0 NOT NULL,
    retries bigint DEFAULT 0 NOT NULL,
    throttled bigint DEFAULT 0 NOT NULL,
    root_sha256 text,
    previous_root_sha256 text,
    error text,
    provenance jsonb DEFAULT '[]'::jsonb NOT NULL,
    report_settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    written_sha256 text,
    approved bigint,
    revoked bigint,
    undecided bigint,
    CONSTRAINT run_status_check CHECK ((status = ANY (ARRAY['RUNNING'::text, 'SEALED'::text, 'PARTIAL'::text, 'FAILED'::text, 'INTERRUPTED'::text])))
);

COMMENT ON COLUMN history.run.provenance IS 'Facts of the run that no later run can find out again, an element for each process that worked on it: API host, client id, page size, requests, clock offset, deprecation headers, unknown names met.';

COMMENT ON COLUMN history.run.report_settings IS 'The settings a report of this run is rendered with, so that it can be rendered again to the same bytes.';

COMMENT ON COLUMN history.run.written_sha256 IS 'SHA-256 of what was written since the run sealed before: the unfinished runs between, and the versions that began or ended. Null: sealed before there was such a hash; the first run that has one covers it.';

COMMENT ON COLUMN history.run.approved IS 'Review items shown at this run that are approved; null: sealed before this was counted.';

CREATE TABLE history.tenant (
    tenant_id integer NOT NULL,
    name text NOT NULL,
    host text NOT NULL
);

CREATE VIEW audit.campaigns AS
 SELECT t.name AS tenant,
    r.run_id,
    c.captured_run_id,
    v.campaign_id,
    v.name,
    v.type,
    v.status,
    v.created,
    v.deadline,
    v.total_certifications,
    v.completed_certifications
   FROM (((history.run r
     JOIN history.tenant t USING (tenant_id))
     CROSS JOIN LATERAL ( SELECT c_1.captured_run_id
           FROM history.coverage c_1
          WHERE ((c_1.tenant_id = r.tenant_id) AND (c_1.certification_no = 0) AND (c_1.collection = 'campaigns'::text) AND (c_1.run_id <= r.run_id))
          ORDER BY c_1.run_id DESC
         LIMIT 1) c)
     JOIN history.campaign v ON (((v.tenant_id = r.tenant_id) AND (v.valid_from_run <= r.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > r.run_id)))))
  WHERE (NOT (EXISTS ( SELECT
           FROM history.pruned_run p
          WHERE ((p.tenant_id = r.tenant_id) AND (p.run_id = r.run_id)))));

COMMENT ON VIEW audit.campaigns IS 'Campaigns as of each run.';

COMMENT ON COLUMN audit.campaigns.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.campaigns.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.campaigns.captured_run_id IS 'Run that proved the collection the row belongs to: run_id itself, or earlier where that run could not read it or had no need to.';

COMMENT ON COLUMN audit.campaigns.campaign_id IS 'Id of the campaign.';

COMMENT ON COLUMN audit.campaigns.name IS 'Name of the campaign.';

COMMENT ON COLUMN audit.campaigns.type IS 'Type of the campaign: MANAGER, SOURCE_OWNER, SEARCH and others.';

COMMENT ON COLUMN audit.campaigns.status IS 'Status of the campaign: STAGED, ACTIVE, COMPLETED and others.';

COMMENT ON COLUMN audit.campaigns.created IS 'When the campaign was created.';

COMMENT ON COLUMN audit.campaigns.deadline IS 'When the campaign is to be completed.';

COMMENT ON COLUMN audit.campaigns.total_certifications IS 'Certifications the campaign has, by the tenant''s own count.';

COMMENT ON COLUMN audit.campaigns.completed_certifications IS 'Of these, the completed ones, by the tenant''s own count.';

CREATE TABLE history.known_certification (
    tenant_id integer NOT NULL,
    certification_no bigint NOT NULL,
    certification_id text NOT NULL COLLATE pg_catalog."C"
);

CREATE VIEW history.shown AS
 SELECT r.tenant_id,
    r.run_id,
    k.certification_no,
    k.certification_id,
    n.collection,
    c.outcome,
    c.captured_run_id
   FROM (((history.run r
     JOIN history.known_certification k ON ((k.tenant_id = r.tenant_id)))
     CROSS JOIN unnest(ARRAY['certification'::text, 'reviewers'::text, 'review_items'::text, 'permissions'::text]) n(collection))
     CROSS JOIN LATERAL ( SELECT c_1.outcome,
            c_1.captured_run_id
           FROM history.coverage c_1
          WHERE ((c_1.tenant_id = r.tenant_id) AND (c_1.certification_no = k.certification_no) AND (c_1.collection = n.collection) AND (c_1.run_id <= r.run_id))
          ORDER BY c_1.run_id DESC
         LIMIT 1) c)
  WHERE ((c.outcome <> 'OUT_OF_SCOPE'::text) AND (NOT (EXISTS ( SELECT
           FROM history.pruned_run p
          WHERE ((p.tenant_id = r.tenant_id) AND (p.run_id = r.run_id))))));

CREATE VIEW audit.certifications AS
 SELECT t.name AS tenant,
    s.run_id,
    s.captured_run_id,
    s.certification_id,
    v.name,
    v.campaign_id,
    v.campaign_name,
    v.campaign_type,
    v.phase,
    v.reviewer_id,
    v.reviewer_name,
    v.reviewer_email,
    v.reviewer_type,
    v.created,
    v.modified,
    v.due,
    v.signed,
    v.completed,
    v.decisions_made,
    v.decisions_total,
    v.identities_completed,
    v.identities_total,
    v.reassigned_from_id,
    v.reassigned_from_reviewer,
    v.reassignment_comment,
    v.has_errors,
    v.error_message
   FROM ((history.shown s
     JOIN history.tenant t USING (tenant_id))
     JOIN history.certification v ON (((v.tenant_id = s.tenant_id) AND (v.certification_no = s.certification_no) AND (v.valid_from_run <= s.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > s.run_id)))))
  WHERE (s.collection = 'certification'::text);

COMMENT ON VIEW audit.certifications IS 'Certification headers as of each run.';

COMMENT ON COLUMN audit.certifications.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.certifications.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.certifications.captured_run_id IS 'Run that proved the collection the row belongs to: run_id itself, or earlier where that run could not read it or had no need to.';

COMMENT ON COLUMN audit.certifications.certification_id IS 'Id of the certification.';

COMMENT ON COLUMN audit.certifications.name IS 'Name of the certification.';

COMMENT ON COLUMN audit.certifications.campaign_id IS 'Campaign the certification is part of.';

COMMENT ON COLUMN audit.certifications.campaign_name IS 'Name of the campaign.';

COMMENT ON COLUMN audit.certifications.campaign_type IS 'Type of the campaign.';

COMMENT ON COLUMN audit.certifications.phase IS 'STAGED, ACTIVE or SIGNED. A signed certification does not change any more.';

COMMENT ON COLUMN audit.certifications.reviewer_id IS 'Who is to review, an identity or a governance group; null: no reviewer.';

COMMENT ON COLUMN audit.certifications.reviewer_name IS 'Name of the reviewer.';

COMMENT ON COLUMN audit.certifications.reviewer_email IS 'E-mail of the reviewer.';

COMMENT ON COLUMN audit.certifications.reviewer_type IS 'IDENTITY or GOVERNANCE_GROUP.';

COMMENT ON COLUMN audit.certifications.created IS 'When the certification was created.';

COMMENT ON COLUMN audit.certifications.modified IS 'When the certification was last modified.';

COMMENT ON COLUMN audit.certifications.due IS 'When the review is due.';

COMMENT ON COLUMN audit.certifications.signed IS 'When the reviewer signed off; null: not signed.';

COMMENT ON COLUMN audit.certifications.completed IS 'Every decision is made. Signing comes after.';

COMMENT ON COLUMN audit.certifications.decisions_made IS 'Decisions made so far, by the tenant''s own count.';

COMMENT ON COLUMN audit.certifications.decisions_total IS 'Decisions to make, by the tenant''s own count.';

COMMENT ON COLUMN audit.certifications.identities_completed IS 'Identities whose items are all decided, by the tenant''s own count.';

COMMENT ON COLUMN audit.certifications.identities_total IS 'Identities under review, by the tenant''s own count.';

COMMENT ON COLUMN audit.certifications.reassigned_from_id IS 'Certification this one was reassigned from, one hop back; null: it was not.';

COMMENT ON COLUMN audit.certifications.reassigned_from_reviewer IS 'Name of the reviewer it was reassigned from.';

COMMENT ON COLUMN audit.certifications.reassignment_comment IS 'Reason given for the reassignment.';

COMMENT ON COLUMN audit.certifications.has_errors IS 'The tenant reports an error on the certification.';

COMMENT ON COLUMN audit.certifications.error_message IS 'The tenant''s words on it.';

CREATE VIEW audit.changes AS
 SELECT c.tenant,
    c.run_id,
    c.baseline_run_id,
    c.object,
    c.class,
    c.certification_id,
    c.object_id,
    c.field,
    c.before,
    c.after
   FROM ((history.run r
     CROSS JOIN LATERAL ( SELECT p.run_id
           FROM history.run p
          WHERE ((p.tenant_id = r.tenant_id) AND (p.run_id < r.run_id) AND (p.status = ANY (ARRAY['SEALED'::text, 'PARTIAL'::text])))
          ORDER BY p.run_id DESC
         LIMIT 1) previous)
     CROSS JOIN LATERAL audit.changes_between(previous.run_id, r.run_id) c(tenant, baseline_run_id, run_id, object, class, certification_id, object_id, field, before, after))
  WHERE ((r.status = ANY (ARRAY['SEALED'::text, 'PARTIAL'::text])) AND (NOT (EXISTS ( SELECT
           FROM history.pruned_run p
          WHERE ((p.tenant_id = r.tenant_id) AND (p.run_id = ANY (ARRAY[r.run_id, previous.run_id])))))));

COMMENT ON VIEW audit.changes IS 'What changed in each finished run against the finished run before it. Nothing for a run that was pruned, or whose run before it was.';

COMMENT ON COLUMN audit.changes.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.changes.run_id IS 'Run (night) the changes lead to.';

COMMENT ON COLUMN audit.changes.baseline_run_id IS 'Run it is compared with: the tenant''s finished run before.';

COMMENT ON COLUMN audit.changes.object IS 'certification, reviewer, review_item, permission or task.';

COMMENT ON COLUMN audit.changes.class IS 'What happened, in the finest word that fits: ADDED, REMOVED, DECIDED, FLIPPED, REOPENED, REASSIGNED and others; CHANGED where none does. NOT_COMPARABLE: a collection that one of the runs could not read.';

COMMENT ON COLUMN audit.changes.certification_id IS 'Certification the object belongs to; null: a campaign''s task.';

COMMENT ON COLUMN audit.changes.object_id IS 'Id of the object; of a permission, of its review item. Null: NOT_COMPARABLE.';

COMMENT ON COLUMN audit.changes.field IS 'Column that differs; of NOT_COMPARABLE, the collection. Null: the object came or went as a whole.';

COMMENT ON COLUMN audit.changes.before IS 'Value in the baseline; of an object that went, the object as JSON.';

COMMENT ON COLUMN audit.changes.after IS 'Value in the run; of an object that came, the object as JSON.';

CREATE VIEW audit.coverage AS
 SELECT t.name AS tenant,
    c.run_id,
    k.certification_id,
    c.collection,
    c.outcome,
    c.expected,
    c.read,
    c.distinct_read,
    c.attempts,
    c.captured_run_id,
    c.params_sha256,
    c.http_status,
    c.detail_code,
    c.tracking_id,
    c.error,
    c.read_at,
    c.note,
    c.stored
   FROM ((history.coverage c
     JOIN history.tenant t USING (tenant_id))
     LEFT JOIN history.known_certification k USING (tenant_id, certification_no));

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

COMMENT ON COLUMN audit.coverage.stored IS 'Rows that the views show of this collection as of this run; they are in its seal.';

CREATE VIEW audit.decisions AS
 SELECT t.name AS tenant,
    s.run_id,
    s.captured_run_id,
    s.certification_id,
    v.item_id,
    v.decision,
    history.decision_origin(v.decision, before.status, after.status) AS origin,
    h.reviewer_id,
    h.reviewer_name,
    undecided.started_at AS last_seen_undecided_at,
    decided.started_at AS first_seen_decided_at
   FROM (((((((history.shown s
     JOIN history.tenant t USING (tenant_id))
     JOIN history.review_item v ON (((v.tenant_id = s.tenant_id) AND (v.certification_no = s.certification_no) AND (v.valid_from_run <= s.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > s.run_id)))))
     LEFT JOIN history.certification h ON (((h.tenant_id = s.tenant_id) AND (h.certification_no = s.certification_no) AND (h.valid_from_run <= s.run_id) AND ((h.valid_to_run IS NULL) OR (h.valid_to_run > s.run_id)))))
     LEFT JOIN history.campaign after ON (((after.tenant_id = s.tenant_id) AND (after.campaign_id = h.campaign_id) AND (after.valid_from_run <= v.first_decided_run) AND ((after.valid_to_run IS NULL) OR (after.valid_to_run > v.first_decided_run)))))
     LEFT JOIN history.campaign before ON (((before.tenant_id = s.tenant_id) AND (before.campaign_id = h.campaign_id) AND (before.valid_from_run <= v.last_undecided_run) AND ((before.valid_to_run IS NULL) OR (before.valid_to_run > v.last_undecided_run)))))
     LEFT JOIN history.run undecided ON (((undecided.tenant_id = s.tenant_id) AND (undecided.run_id = v.last_undecided_run))))
     LEFT JOIN history.run decided ON (((decided.tenant_id = s.tenant_id) AND (decided.run_id = v.first_decided_run))))
  WHERE ((s.collection = 'review_items'::text) AND (v.decision IS NOT NULL));

COMMENT ON VIEW audit.decisions IS 'Decided review items as of each run: who decided, as far as can be told, and between which runs.';

COMMENT ON COLUMN audit.decisions.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.decisions.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.decisions.captured_run_id IS 'Run that proved the collection the row belongs to.';

COMMENT ON COLUMN audit.decisions.certification_id IS 'Certification the item is part of.';

COMMENT ON COLUMN audit.decisions.item_id IS 'Id of the review item.';

COMMENT ON COLUMN audit.decisions.decision IS 'APPROVE or REVOKE.';

COMMENT ON COLUMN audit.decisions.origin IS 'REVIEWER: first seen decided before the campaign completed. AUTO: undecided while the campaign was active, decided when it was first seen completed: completing a campaign approves what is undecided, and a reviewer may have decided in between. UNKNOWN: never seen undecided before the campaign completed, or the campaign was not read.';

COMMENT ON COLUMN audit.decisions.reviewer_id IS 'Reviewer of the certification; the tenant names no decider.';

COMMENT ON COLUMN audit.decisions.reviewer_name IS 'Name of the reviewer.';

COMMENT ON COLUMN audit.decisions.last_seen_undecided_at IS 'Observed bound: start of the last run that proved the item undecided; null: none did.';

COMMENT ON COLUMN audit.decisions.first_seen_decided_at IS 'Observed bound: start of the run that first found the item decided.';

CREATE TABLE history.item_permissions (
    tenant_id integer NOT NULL,
    certification_no bigint NOT NULL,
    item_id text NOT NULL COLLATE pg_catalog."C",
    valid_from_run bigint NOT NULL,
    valid_to_run bigint,
    digest bytea NOT NULL,
    read_through text,
    row_sha256 bytea NOT NULL,
    CONSTRAINT item_permissions_check CHECK ((valid_to_run > valid_from_run))
);

COMMENT ON COLUMN history.item_permissions.digest IS 'The permission set the item has.';

COMMENT ON COLUMN history.item_permissions.read_through IS 'The item of the same entitlement whose list was read for this version; null: the item''s own was.';

CREATE TABLE history.permission (
    tenant_id integer NOT NULL,
    digest bytea NOT NULL,
    "position" integer NOT NULL,
    target text,
    rights text[],
    row_sha256 bytea NOT NULL
);

CREATE VIEW audit.permissions AS
 SELECT t.name AS tenant,
    s.run_id,
    s.captured_run_id,
    s.certification_id,
    v.item_id,
    p."position",
    p.target,
    p.rights
   FROM (((history.shown s
     JOIN history.tenant t USING (tenant_id))
     JOIN history.item_permissions v ON (((v.tenant_id = s.tenant_id) AND (v.certification_no = s.certification_no) AND (v.valid_from_run <= s.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > s.run_id)))))
     JOIN history.permission p ON (((p.tenant_id = v.tenant_id) AND (p.digest = v.digest))))
  WHERE (s.collection = 'permissions'::text);

COMMENT ON VIEW audit.permissions IS 'Permissions of flagged review items as of each run, in the order the tenant gave them.';

COMMENT ON COLUMN audit.permissions.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.permissions.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.permissions.captured_run_id IS 'Run that proved the collection the row belongs to: run_id itself, or earlier where that run could not read it or had no need to.';

COMMENT ON COLUMN audit.permissions.certification_id IS 'Certification of the review item.';

COMMENT ON COLUMN audit.permissions.item_id IS 'Review item whose entitlement grants the permission.';

COMMENT ON COLUMN audit.permissions."position" IS 'Place in the tenant''s list; permissions have no id, and may repeat.';

COMMENT ON COLUMN audit.permissions.target IS 'What the rights are on.';

COMMENT ON COLUMN audit.permissions.rights IS 'Rights on the target.';

CREATE TABLE history.reassign_request (
    tenant_id integer NOT NULL,
    request_id bigint NOT NULL,
    certification_id text NOT NULL COLLATE pg_catalog."C",
    reassign_to text NOT NULL,
    reason text NOT NULL,
    targets jsonb NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    answered_at timestamp with time zone,
    task_id text COLLATE pg_catalog."C",
    http_status integer,
    detail_code text,
    tracking_id text,
    error text,
    CONSTRAINT reassign_request_check CHECK (((state = 'SENDING'::text) = (answered_at IS NULL))),
    CONSTRAINT reassign_request_check1 CHECK (((state = 'ACCEPTED'::text) = (task_id IS NOT NULL))),
    CONSTRAINT reassign_request_state_check CHECK ((state = ANY (ARRAY['SENDING'::text, 'ACCEPTED'::text, 'REFUSED'::text, 'UNKNOWN'::text])))
);

COMMENT ON COLUMN history.reassign_request.targets IS 'What was to be reassigned: [{type, id}], in the words of the API, in the order sent.';

CREATE VIEW audit.reassign_requests AS
 SELECT t.name AS tenant,
    ( SELECT min(r.run_id) AS min
           FROM history.run r
          WHERE ((r.tenant_id = q.tenant_id) AND (r.started_at >= q.requested_at) AND (r.status = ANY (ARRAY['SEALED'::text, 'PARTIAL'::text])))) AS run_id,
    q.request_id,
    q.certification_id,
    q.reassign_to,
    q.reason,
    jsonb_array_length(q.targets) AS target_count,
    q.targets,
    q.requested_at,
    q.state,
    q.answered_at,
    q.task_id,
    q.http_status,
    q.detail_code,
    q.tracking_id,
    q.error
   FROM (history.reassign_request q
     JOIN history.tenant t USING (tenant_id));

COMMENT ON VIEW audit.reassign_requests IS 'Reassignments that exporter asked for. run_id: the first finished run that began after the request; null until there is one.';

COMMENT ON COLUMN audit.reassign_requests.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.reassign_requests.run_id IS 'The first finished run that began after the request; null until there is one.';

COMMENT ON COLUMN audit.reassign_requests.request_id IS 'Number of the request.';

COMMENT ON COLUMN audit.reassign_requests.certification_id IS 'Certification to reassign from.';

COMMENT ON COLUMN audit.reassign_requests.reassign_to IS 'Identity to reassign to.';

COMMENT ON COLUMN audit.reassign_requests.reason IS 'Reason given to the tenant.';

COMMENT ON COLUMN audit.reassign_requests.target_count IS 'How many things were to be reassigned.';

COMMENT ON COLUMN audit.reassign_requests.targets IS 'What was to be reassigned: [{type, id}], in the words of the API, in the order sent.';

COMMENT ON COLUMN audit.reassign_requests.requested_at IS 'When the request was recorded, just before it was sent.';

COMMENT ON COLUMN audit.reassign_requests.state IS 'ACCEPTED: the tenant made a task of it. REFUSED: nothing was done. UNKNOWN: no clear answer came; the tenant may have accepted it. SENDING: no answer yet, or the process ended before it came: then as UNKNOWN.';

COMMENT ON COLUMN audit.reassign_requests.answered_at IS 'When its answer came, or was given up; null: SENDING.';

COMMENT ON COLUMN audit.reassign_requests.task_id IS 'Task the tenant made of it, see audit.tasks; null: not accepted.';

COMMENT ON COLUMN audit.reassign_requests.http_status IS 'Status of the answer; null: no answer.';

COMMENT ON COLUMN audit.reassign_requests.detail_code IS 'The tenant''s code for the error.';

COMMENT ON COLUMN audit.reassign_requests.tracking_id IS 'The tenant''s id of the failed request; its support asks for it.';

COMMENT ON COLUMN audit.reassign_requests.error IS 'Why the request was not accepted.';

CREATE VIEW audit.reassignments AS
 SELECT t.name AS tenant,
    s.run_id,
    s.captured_run_id,
    s.certification_id,
    v.name,
    v.reassigned_from_id,
    (v.raw #>> '{reassignment,from,reviewer,id}'::text[]) AS from_reviewer_id,
    v.reassigned_from_reviewer AS from_reviewer_name,
    v.reviewer_id AS to_reviewer_id,
    v.reviewer_name AS to_reviewer_name,
    v.reassignment_comment,
    c.hops AS reassignments,
    c.certification_id AS original_certification_id,
    c.reviewer_id AS original_reviewer_id,
    c.reviewer_name AS original_reviewer_name,
    before.started_at AS last_seen_without_at,
    first.started_at AS first_seen_at,
    v.due,
    (EXISTS ( SELECT
           FROM history.review_item i
          WHERE ((i.tenant_id = s.tenant_id) AND (i.certification_no = s.certification_no) AND (i.identity_id = v.reviewer_id) AND (i.valid_from_run <= s.run_id) AND ((i.valid_to_run IS NULL) OR (i.valid_to_run > s.run_id))))) AS lands_on_subject
   FROM (((((history.shown s
     JOIN history.tenant t USING (tenant_id))
     JOIN history.certification v ON (((v.tenant_id = s.tenant_id) AND (v.certification_no = s.certification_no) AND (v.valid_from_run <= s.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > s.run_id)))))
     CROSS JOIN LATERAL history.chain(s.tenant_id, s.certification_no, s.run_id) c(hops, certification_id, reviewer_id, reviewer_name))
     LEFT JOIN LATERAL ( SELECT r.run_id,
            r.started_at
           FROM (history.coverage f
             JOIN history.run r USING (tenant_id, run_id))
          WHERE ((f.tenant_id = s.tenant_id) AND (f.certification_no = s.certification_no) AND (f.collection = 'certification'::text) AND (f.outcome = 'COMPLETE'::text))
          ORDER BY f.run_id
         LIMIT 1) first ON (true))
     LEFT JOIN LATERAL ( SELECT r.started_at
           FROM (history.coverage f
             JOIN history.run r USING (tenant_id, run_id))
          WHERE ((f.tenant_id = s.tenant_id) AND (f.certification_no = 0) AND (f.collection = 'certifications'::text) AND (f.outcome = 'COMPLETE'::text) AND (f.run_id < first.run_id))
          ORDER BY f.run_id DESC
         LIMIT 1) before ON (true))
  WHERE ((s.collection = 'certification'::text) AND (v.reassigned_from_id IS NOT NULL));

COMMENT ON VIEW audit.reassignments IS 'Certifications that came of a reassignment, as of each run, with the reviewer the chain began with.';

COMMENT ON COLUMN audit.reassignments.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.reassignments.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.reassignments.captured_run_id IS 'Run that proved the collection the row belongs to.';

COMMENT ON COLUMN audit.reassignments.certification_id IS 'Certification made for the new reviewer.';

COMMENT ON COLUMN audit.reassignments.name IS 'Its name.';

COMMENT ON COLUMN audit.reassignments.reassigned_from_id IS 'Certification it was cut from, one hop back.';

COMMENT ON COLUMN audit.reassignments.from_reviewer_id IS 'Reviewer of that one; null: the tenant does not say.';

COMMENT ON COLUMN audit.reassignments.from_reviewer_name IS 'Name of that reviewer.';

COMMENT ON COLUMN audit.reassignments.to_reviewer_id IS 'The new reviewer.';

COMMENT ON COLUMN audit.reassignments.to_reviewer_name IS 'Name of the new reviewer.';

COMMENT ON COLUMN audit.reassignments.reassignment_comment IS 'Reason given for the reassignment.';

COMMENT ON COLUMN audit.reassignments.reassignments IS 'Length of the chain back to its origin, as far as it is known.';

COMMENT ON COLUMN audit.reassignments.original_certification_id IS 'Certification the chain began with.';

COMMENT ON COLUMN audit.reassignments.original_reviewer_id IS 'Reviewer the chain began with.';

COMMENT ON COLUMN audit.reassignments.original_reviewer_name IS 'Name of that reviewer.';

COMMENT ON COLUMN audit.reassignments.last_seen_without_at IS 'Observed bound: start of the last run that proved the list of certifications without this one; null: there was none.';

COMMENT ON COLUMN audit.reassignments.first_seen_at IS 'Observed bound: start of the first run that saw it.';

COMMENT ON COLUMN audit.reassignments.due IS 'When the review is due.';

COMMENT ON COLUMN audit.reassignments.lands_on_subject IS 'The new reviewer is an identity whose access the certification reviews.';

CREATE TABLE history.retention_event (
    tenant_id integer NOT NULL,
    event_id bigint NOT NULL,
    action text NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    after_run bigint NOT NULL,
    run_id bigint,
    reason text,
    details jsonb NOT NULL,
    CONSTRAINT retention_event_action_check CHECK ((action = ANY (ARRAY['HOLD'::text, 'RELEASE'::text, 'PRUNE'::text, 'ERASE'::text]))),
    CONSTRAINT retention_event_check CHECK (((run_id IS NULL) = (action <> ALL (ARRAY['HOLD'::text, 'RELEASE'::text]))))
);

CREATE VIEW audit.retention AS
 SELECT t.name AS tenant,
    r.run_id,
    COALESCE((h.action = 'HOLD'::text), false) AS held,
        CASE h.action
            WHEN 'HOLD'::text THEN h.at
            ELSE NULL::timestamp with time zone
        END AS held_since,
        CASE h.action
            WHEN 'HOLD'::text THEN h.reason
            ELSE NULL::text
        END AS hold_reason,
    e.at AS pruned_at
   FROM ((((history.run r
     JOIN history.tenant t USING (tenant_id))
     LEFT JOIN LATERAL ( SELECT h_1.action,
            h_1.at,
            h_1.reason
           FROM history.retention_event h_1
          WHERE ((h_1.tenant_id = r.tenant_id) AND (h_1.run_id = r.run_id))
          ORDER BY h_1.event_id DESC
         LIMIT 1) h ON (true))
     LEFT JOIN history.pruned_run p ON (((p.tenant_id = r.tenant_id) AND (p.run_id = r.run_id))))
     LEFT JOIN history.retention_event e ON (((e.tenant_id = p.tenant_id) AND (e.event_id = p.event_id))));

COMMENT ON VIEW audit.retention IS 'One row a run: whether it is under legal hold, and whether it was pruned. A pruned run has its row in audit.runs and audit.coverage, and none in the views of objects.';

COMMENT ON COLUMN audit.retention.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.retention.run_id IS 'Number of the run.';

COMMENT ON COLUMN audit.retention.held IS 'Under legal hold: prune leaves the run as it is.';

COMMENT ON COLUMN audit.retention.held_since IS 'When it was put under hold; null where it is not.';

COMMENT ON COLUMN audit.retention.hold_reason IS 'Why, as it was given with the hold.';

COMMENT ON COLUMN audit.retention.pruned_at IS 'When its rows were removed; null: they are there.';

CREATE VIEW audit.retention_events AS
 SELECT t.name AS tenant,
    COALESCE(e.run_id, e.after_run) AS run_id,
    e.event_id,
    e.action,
    e.at,
    e.actor,
    e.reason,
    e.details
   FROM (history.retention_event e
     JOIN history.tenant t USING (tenant_id));

COMMENT ON VIEW audit.retention_events IS 'What was done to the history beside adding to it: legal holds, prunes, erasures of persons. Each is sealed by the next run.';

COMMENT ON COLUMN audit.retention_events.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.retention_events.run_id IS 'HOLD, RELEASE: the run. PRUNE, ERASE: the last run before; 0: there was none.';

COMMENT ON COLUMN audit.retention_events.event_id IS 'Number of the event, in the order of time.';

COMMENT ON COLUMN audit.retention_events.action IS 'HOLD, RELEASE, PRUNE or ERASE.';

COMMENT ON COLUMN audit.retention_events.at IS 'When it was done.';

COMMENT ON COLUMN audit.retention_events.actor IS 'Role of the database that did it.';

COMMENT ON COLUMN audit.retention_events.reason IS 'Why, as it was given; null: it was not.';

COMMENT ON COLUMN audit.retention_events.details IS 'PRUNE: the runs, and how many rows went from each table. ERASE: the id of the person, and how many rows were changed in each table.';

CREATE VIEW audit.review_items AS
 SELECT t.name AS tenant,
    s.run_id,
    s.captured_run_id,
    s.certification_id,
    v.item_id,
    v.identity_id,
    v.identity_name,
    v.access_type,
    v.access_id,
    v.access_name,
    v.source_id,
    v.source_name,
    v.attribute,
    v.value,
    v.account_native_identity,
    v.privileged,
    v.has_permissions,
    v.new_access,
    v.completed,
    v.decision,
    v.comments,
    undecided.started_at AS last_seen_undecided_at,
    decided.started_at AS first_seen_decided_at,
    v.raw
   FROM ((((history.shown s
     JOIN history.tenant t USING (tenant_id))
     JOIN history.review_item v ON (((v.tenant_id = s.tenant_id) AND (v.certification_no = s.certification_no) AND (v.valid_from_run <= s.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > s.run_id)))))
     LEFT JOIN history.run undecided ON (((undecided.tenant_id = s.tenant_id) AND (undecided.run_id =
        CASE
            WHEN (v.decision IS NULL) THEN s.captured_run_id
            ELSE v.last_undecided_run
        END))))
     LEFT JOIN history.run decided ON (((decided.tenant_id = s.tenant_id) AND (decided.run_id = v.first_decided_run))))
  WHERE (s.collection = 'review_items'::text);

COMMENT ON VIEW audit.review_items IS 'Review items as of each run. captured_run_id earlier than run_id: this run could not read them, or had no need to.';

COMMENT ON COLUMN audit.review_items.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.review_items.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.review_items.captured_run_id IS 'Run that proved the collection the row belongs to: run_id itself, or earlier where that run could not read it or had no need to.';

COMMENT ON COLUMN audit.review_items.certification_id IS 'Certification the item is part of.';

COMMENT ON COLUMN audit.review_items.item_id IS 'Id of the review item.';

COMMENT ON COLUMN audit.review_items.identity_id IS 'Identity whose access is reviewed.';

COMMENT ON COLUMN audit.review_items.identity_name IS 'Name of that identity.';

COMMENT ON COLUMN audit.review_items.access_type IS 'ENTITLEMENT, ACCESS_PROFILE, ROLE, ACCOUNT or another type.';

COMMENT ON COLUMN audit.review_items.access_id IS 'Id of the access under review.';

COMMENT ON COLUMN audit.review_items.access_name IS 'Name of the access under review.';

COMMENT ON COLUMN audit.review_items.source_id IS 'Source the entitlement is on; null: not an entitlement.';

COMMENT ON COLUMN audit.review_items.source_name IS 'Name of that source.';

COMMENT ON COLUMN audit.review_items.attribute IS 'Attribute of the account that holds the entitlement; null: not an entitlement.';

COMMENT ON COLUMN audit.review_items.value IS 'Value of that attribute.';

COMMENT ON COLUMN audit.review_items.account_native_identity IS 'The account''s name on its source; null: no account, or not an entitlement.';

COMMENT ON COLUMN audit.review_items.privileged IS 'The tenant marks the access as privileged; null: it does not say.';

COMMENT ON COLUMN audit.review_items.has_permissions IS 'The entitlement has permissions of its own, see audit.permissions; null: not an entitlement.';

COMMENT ON COLUMN audit.review_items.new_access IS 'The access is new since the last campaign, by the tenant''s own word.';

COMMENT ON COLUMN audit.review_items.completed IS 'The review of the item is completed.';

COMMENT ON COLUMN audit.review_items.decision IS 'APPROVE or REVOKE; null: undecided.';

COMMENT ON COLUMN audit.review_items.comments IS 'The reviewer''s comments.';

COMMENT ON COLUMN audit.review_items.last_seen_undecided_at IS 'Observed bound: start of the last run that proved the item undecided. The tenant gives no decision dates.';

COMMENT ON COLUMN audit.review_items.first_seen_decided_at IS 'Observed bound: start of the run that first found the item decided.';

COMMENT ON COLUMN audit.review_items.raw IS 'The item as the tenant sent it when this version was first seen; figures that move daily may be older than run_id.';

CREATE VIEW audit.reviewer_totals AS
 SELECT h.tenant,
    h.run_id,
    h.reviewer_id,
    max((h.reviewer_name COLLATE "C")) AS reviewer_name,
    count(*) AS certifications,
    (COALESCE(sum(i.items), (0)::numeric))::bigint AS items,
    (COALESCE(sum(i.decided), (0)::numeric))::bigint AS decided,
    (COALESCE(sum(i.approved), (0)::numeric))::bigint AS approved,
    (COALESCE(sum(i.revoked), (0)::numeric))::bigint AS revoked,
    (COALESCE(sum(i.privileged_approved), (0)::numeric))::bigint AS privileged_approved,
    (COALESCE(sum(i.own_items), (0)::numeric))::bigint AS own_items,
    count(*) FILTER (WHERE (COALESCE(h.signed, h.started_at) > h.due)) AS late_certifications
   FROM (( SELECT s.tenant_id,
            t.name AS tenant,
            s.run_id,
            s.certification_no,
            v.reviewer_id,
            v.reviewer_name,
            v.signed,
            v.due,
            r.started_at
           FROM (((history.shown s
             JOIN history.tenant t USING (tenant_id))
             JOIN history.run r USING (tenant_id, run_id))
             JOIN history.certification v ON (((v.tenant_id = s.tenant_id) AND (v.certification_no = s.certification_no) AND (v.valid_from_run <= s.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > s.run_id)))))
          WHERE (s.collection = 'certification'::text)) h
     LEFT JOIN LATERAL ( SELECT count(*) AS items,
            count(v.decision) AS decided,
            count(*) FILTER (WHERE (v.decision = 'APPROVE'::text)) AS approved,
            count(*) FILTER (WHERE (v.decision = 'REVOKE'::text)) AS revoked,
            count(*) FILTER (WHERE ((v.decision = 'APPROVE'::text) AND v.privileged)) AS privileged_approved,
            count(*) FILTER (WHERE (v.identity_id = h.reviewer_id)) AS own_items
           FROM (history.shown s
             JOIN history.review_item v ON (((v.tenant_id = s.tenant_id) AND (v.certification_no = s.certification_no) AND (v.valid_from_run <= s.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > s.run_id)))))
          WHERE ((s.tenant_id = h.tenant_id) AND (s.run_id = h.run_id) AND (s.certification_no = h.certification_no) AND (s.collection = 'review_items'::text))) i ON (true))
  GROUP BY h.tenant, h.run_id, h.reviewer_id;

COMMENT ON VIEW audit.reviewer_totals IS 'Each reviewer''s certifications and decisions as of each run, by the reviewer of the certification''s header.';

COMMENT ON COLUMN audit.reviewer_totals.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.reviewer_totals.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.reviewer_totals.reviewer_id IS 'The reviewer; null: certifications without one.';

COMMENT ON COLUMN audit.reviewer_totals.reviewer_name IS 'Name of the reviewer.';

COMMENT ON COLUMN audit.reviewer_totals.certifications IS 'Certifications of the reviewer.';

COMMENT ON COLUMN audit.reviewer_totals.items IS 'Review items in them.';

COMMENT ON COLUMN audit.reviewer_totals.decided IS 'Of these, the decided ones.';

COMMENT ON COLUMN audit.reviewer_totals.approved IS 'Of these, the approved ones.';

COMMENT ON COLUMN audit.reviewer_totals.revoked IS 'Of the decided, the revoked ones.';

COMMENT ON COLUMN audit.reviewer_totals.privileged_approved IS 'Of the approved, those of privileged access.';

COMMENT ON COLUMN audit.reviewer_totals.own_items IS 'Of the items, those on the reviewer''s own access.';

COMMENT ON COLUMN audit.reviewer_totals.late_certifications IS 'Certifications signed after they were due, or due before the run began and not signed.';

CREATE VIEW audit.reviewers AS
 SELECT t.name AS tenant,
    s.run_id,
    s.captured_run_id,
    s.certification_id,
    v.reviewer_id,
    v.name,
    v.email,
    v.type
   FROM ((history.shown s
     JOIN history.tenant t USING (tenant_id))
     JOIN history.reviewer v ON (((v.tenant_id = s.tenant_id) AND (v.certification_no = s.certification_no) AND (v.valid_from_run <= s.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > s.run_id)))))
  WHERE (s.collection = 'reviewers'::text);

COMMENT ON VIEW audit.reviewers IS 'Reviewers of each certification as of each run.';

COMMENT ON COLUMN audit.reviewers.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.reviewers.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.reviewers.captured_run_id IS 'Run that proved the collection the row belongs to: run_id itself, or earlier where that run could not read it or had no need to.';

COMMENT ON COLUMN audit.reviewers.certification_id IS 'Certification under review.';

COMMENT ON COLUMN audit.reviewers.reviewer_id IS 'Id of the reviewer; of a person, the identity''s id.';

COMMENT ON COLUMN audit.reviewers.name IS 'Name of the reviewer.';

COMMENT ON COLUMN audit.reviewers.email IS 'E-mail of the reviewer.';

COMMENT ON COLUMN audit.reviewers.type IS 'Kind of reviewer, such as IDENTITY.';

CREATE VIEW audit.revocations AS
 SELECT t.name AS tenant,
    r.run_id,
    v.captured_run_id,
    v.certification_id,
    v.item_id,
    v.identity_id,
    v.identity_name,
    v.access_type,
    v.access_id,
    v.access_name,
    v.source_name,
    v.account_native_identity,
    v.reviewer_id,
    v.reviewer_name,
    v.signed,
    v.state,
    v.seen_in_certification_id,
    v.seen_at,
    (floor((EXTRACT(epoch FROM (v.seen_at - v.signed)) / (86400)::numeric)))::bigint AS days
   FROM ((history.run r
     JOIN history.tenant t USING (tenant_id))
     CROSS JOIN LATERAL history.revocations(r.tenant_id, r.run_id) v(captured_run_id, certification_id, item_id, identity_id, identity_name, access_type, access_id, access_name, source_name, account_native_identity, reviewer_id, reviewer_name, signed, state, seen_in_certification_id, seen_at));

COMMENT ON VIEW audit.revocations IS 'Revoked review items as of each run, and whether a certification created after the sign-off shows the access again. Certifications that the tenant has deleted are not looked at.';

COMMENT ON COLUMN audit.revocations.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.revocations.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.revocations.captured_run_id IS 'Run that proved the collection the row belongs to.';

COMMENT ON COLUMN audit.revocations.certification_id IS 'Certification in which it was revoked.';

COMMENT ON COLUMN audit.revocations.item_id IS 'Review item.';

COMMENT ON COLUMN audit.revocations.identity_id IS 'Whose access it was.';

COMMENT ON COLUMN audit.revocations.identity_name IS 'Name of that identity.';

COMMENT ON COLUMN audit.revocations.access_type IS 'Type of the access.';

COMMENT ON COLUMN audit.revocations.access_id IS 'Id of the access.';

COMMENT ON COLUMN audit.revocations.access_name IS 'Name of the access.';

COMMENT ON COLUMN audit.revocations.source_name IS 'Source it is on; null: not an entitlement.';

COMMENT ON COLUMN audit.revocations.account_native_identity IS 'The account''s name on its source.';

COMMENT ON COLUMN audit.revocations.reviewer_id IS 'Reviewer of the certification.';

COMMENT ON COLUMN audit.revocations.reviewer_name IS 'Name of the reviewer.';

COMMENT ON COLUMN audit.revocations.signed IS 'When the certification was signed; null: not yet, so nothing is looked for.';

COMMENT ON COLUMN audit.revocations.state IS 'STILL PRESENT: a certification created later holds the same identity, access and account. PROVED GONE: a later one of a campaign of the same type and filter was captured whole, reviews the identity (of a source''s owner: on that source), and does not hold it. UNKNOWN: neither.';

COMMENT ON COLUMN audit.revocations.seen_in_certification_id IS 'The later certification that tells, the newest; null: UNKNOWN.';

COMMENT ON COLUMN audit.revocations.seen_at IS 'Start of the run that captured it.';

COMMENT ON COLUMN audit.revocations.days IS 'Whole days from the sign-off to that run.';

CREATE VIEW audit.runs AS
 SELECT t.name AS tenant,
    r.run_id,
    r.status,
    r.trigger,
    r.started_at,
    r.finished_at,
    r.api_version,
    r.scope_sha256,
    r.config_sha256,
    r.tool_version,
    r.certifications,
    r.certifications_complete,
    r.reviewers,
    r.review_items,
    r.permissions,
    r.tasks,
    r.requests,
    r.retries,
    r.throttled,
    r.root_sha256,
    r.previous_root_sha256,
    r.error
   FROM (history.run r
     JOIN history.tenant t USING (tenant_id));

COMMENT ON VIEW audit.runs IS 'One row a run (night).';

COMMENT ON COLUMN audit.runs.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.runs.run_id IS 'Number of the run, from 1; one sequence for all tenants of the database.';

COMMENT ON COLUMN audit.runs.status IS 'SEALED: all in scope proved or accepted. PARTIAL: finished, with gaps. RUNNING, FAILED, INTERRUPTED: not finished, and not compared with.';

COMMENT ON COLUMN audit.runs.trigger IS 'What started the run: run, schedule or demo.';

COMMENT ON COLUMN audit.runs.started_at IS 'When the run began.';

COMMENT ON COLUMN audit.runs.finished_at IS 'When the run ended; null: RUNNING, or its process died.';

COMMENT ON COLUMN audit.runs.api_version IS 'Version of the tenant''s API that was read.';

COMMENT ON COLUMN audit.runs.scope_sha256 IS 'SHA-256 of the scope: which certifications were asked for, and how. Equal for runs that asked for the same.';

COMMENT ON COLUMN audit.runs.config_sha256 IS 'SHA-256 of the configuration without its secrets.';

COMMENT ON COLUMN audit.runs.tool_version IS 'Version of exporter.';

COMMENT ON COLUMN audit.runs.certifications IS 'Certifications shown as of this run; null until it is finished, like the other totals.';

COMMENT ON COLUMN audit.runs.certifications_complete IS 'Of these, the ones of which every collection asked for is proved.';

COMMENT ON COLUMN audit.runs.reviewers IS 'Rows of audit.reviewers as of this run.';

COMMENT ON COLUMN audit.runs.review_items IS 'Rows of audit.review_items as of this run.';

COMMENT ON COLUMN audit.runs.permissions IS 'Rows of audit.permissions as of this run.';

COMMENT ON COLUMN audit.runs.tasks IS 'Rows of audit.tasks as of this run.';

COMMENT ON COLUMN audit.runs.requests IS 'Requests sent to the tenant, repeated ones included.';

COMMENT ON COLUMN audit.runs.retries IS 'Requests that were sent again.';

COMMENT ON COLUMN audit.runs.throttled IS 'Answers 429: the tenant asked to slow down.';

COMMENT ON COLUMN audit.runs.root_sha256 IS 'The seal: SHA-256 over the seal before, the run''s facts, what it wrote, and its coverage. Null until the run is finished.';

COMMENT ON COLUMN audit.runs.previous_root_sha256 IS 'The seal of the tenant''s finished run before; null for the first.';

COMMENT ON COLUMN audit.runs.error IS 'Why the run is FAILED or INTERRUPTED.';

CREATE VIEW audit.tasks AS
 SELECT t.name AS tenant,
    r.run_id,
    c.captured_run_id,
    v.task_id,
    v.certification_id,
    v.target_type,
    v.target_id,
    v.type,
    v.status,
    v.errors,
    v.created,
    first_seen.started_at AS first_seen_at,
    last_seen.started_at AS last_seen_at
   FROM ((((((history.run r
     JOIN history.tenant t USING (tenant_id))
     JOIN history.task v ON (((v.tenant_id = r.tenant_id) AND (v.valid_from_run <= r.run_id) AND ((v.valid_to_run IS NULL) OR (v.valid_to_run > r.run_id)))))
     LEFT JOIN history.known_certification k ON (((k.tenant_id = v.tenant_id) AND (k.certification_id = v.certification_id))))
     CROSS JOIN LATERAL ( SELECT c_1.captured_run_id
           FROM history.coverage c_1
          WHERE ((c_1.tenant_id = r.tenant_id) AND (c_1.certification_no = ANY (ARRAY[(0)::bigint, k.certification_no])) AND (c_1.collection = 'tasks'::text) AND (c_1.run_id <= r.run_id))
          ORDER BY c_1.run_id DESC
         LIMIT 1) c)
     LEFT JOIN history.run first_seen ON (((first_seen.tenant_id = r.tenant_id) AND (first_seen.run_id = v.first_seen_run))))
     LEFT JOIN history.run last_seen ON (((last_seen.tenant_id = r.tenant_id) AND (last_seen.run_id =
        CASE
            WHEN (v.status = ANY (ARRAY['SUCCESS'::text, 'ERROR'::text])) THEN v.valid_from_run
            ELSE c.captured_run_id
        END))))
  WHERE (NOT (EXISTS ( SELECT
           FROM history.pruned_run p
          WHERE ((p.tenant_id = r.tenant_id) AND (p.run_id = r.run_id)))));

COMMENT ON VIEW audit.tasks IS 'Tasks as of each run; a finished task stays.';

COMMENT ON COLUMN audit.tasks.tenant IS 'Name of the tenant.';

COMMENT ON COLUMN audit.tasks.run_id IS 'Run (night) as of which the row is shown.';

COMMENT ON COLUMN audit.tasks.captured_run_id IS 'Run that proved the collection the row belongs to: run_id itself, or earlier where that run could not read it or had no need to.';

COMMENT ON COLUMN audit.tasks.task_id IS 'Id of the task.';

COMMENT ON COLUMN audit.tasks.certification_id IS 'Certification the task works on; null: a campaign''s task.';

COMMENT ON COLUMN audit.tasks.target_type IS 'CERTIFICATION or CAMPAIGN.';

COMMENT ON COLUMN audit.tasks.target_id IS 'Id of what the task works on.';

COMMENT ON COLUMN audit.tasks.type IS 'Type of the task, such as ADMIN_REASSIGN.';

COMMENT ON COLUMN audit.tasks.status IS 'QUEUED, IN_PROGRESS, SUCCESS or ERROR; the last two end it.';

COMMENT ON COLUMN audit.tasks.errors IS 'Texts of the task''s errors.';

COMMENT ON COLUMN audit.tasks.created IS 'When the task was created.';

COMMENT ON COLUMN audit.tasks.first_seen_at IS 'Observed: start of the first run that saw the task.';

COMMENT ON COLUMN audit.tasks.last_seen_at IS 'Observed: start of the last run that saw the task; of a finished one, of the run that first saw it finished.';

CREATE TABLE history.erased_version (
    tenant_id integer NOT NULL,
    table_name text NOT NULL COLLATE pg_catalog."C",
    row_sha256 bytea NOT NULL,
    original_sha256 bytea NOT NULL,
    event_id bigint NOT NULL
);

ALTER TABLE history.known_certification ALTER COLUMN certification_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME history.known_certification_certification_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE history.permission_set (
    tenant_id integer NOT NULL,
    digest bytea NOT NULL,
    size integer NOT NULL,
    row_sha256 bytea NOT NULL
);

CREATE TABLE history.pruned_version (
    tenant_id integer NOT NULL,
    table_name text NOT NULL COLLATE pg_catalog."C",
    valid_from_run bigint NOT NULL,
    valid_to_run bigint NOT NULL,
    row_sha256 bytea NOT NULL,
    event_id bigint NOT NULL,
    CONSTRAINT pruned_version_check CHECK ((valid_to_run > valid_from_run))
);

ALTER TABLE history.reassign_request ALTER COLUMN request_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME history.reassign_request_request_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE history.retention_event ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME history.retention_event_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE history.run ALTER COLUMN run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME history.run_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE history.tenant ALTER COLUMN tenant_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME history.tenant_tenant_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE staging.item_permissions (
    tenant_id integer NOT NULL,
    certification_no bigint NOT NULL,
    run_id bigint NOT NULL,
    item_id text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    read_through text
);

CREATE UNLOGGED TABLE staging.review_item (
    tenant_id integer NOT NULL,
    certification_no bigint NOT NULL,
    run_id bigint NOT NULL,
    item_id text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    raw jsonb NOT NULL,
    identity_id text,
    identity_name text,
    access_type text,
    access_id text,
    access_name text,
    source_id text,
    source_name text,
    attribute text,
    value text,
    account_native_identity text,
    privileged boolean,
    has_permissions boolean,
    new_access boolean,
    completed boolean,
    decision text,
    comments text
);

CREATE UNLOGGED TABLE staging.reviewer (
    tenant_id integer NOT NULL,
    certification_no bigint NOT NULL,
    run_id bigint NOT NULL,
    reviewer_id text NOT NULL COLLATE pg_catalog."C",
    digest bytea NOT NULL,
    raw jsonb NOT NULL,
    name text,
    email text,
    type text
);

ALTER TABLE ONLY history.campaign
    ADD CONSTRAINT campaign_pkey PRIMARY KEY (tenant_id, campaign_id, valid_from_run);

ALTER TABLE ONLY history.certification
    ADD CONSTRAINT certification_pkey PRIMARY KEY (tenant_id, certification_no, certification_id, valid_from_run);

ALTER TABLE ONLY history.coverage
    ADD CONSTRAINT coverage_pkey PRIMARY KEY (tenant_id, certification_no, collection, run_id);

ALTER TABLE ONLY history.erased_version
    ADD CONSTRAINT erased_version_pkey PRIMARY KEY (tenant_id, table_name, row_sha256);

ALTER TABLE ONLY history.item_permissions
    ADD CONSTRAINT item_permissions_pkey PRIMARY KEY (tenant_id, certification_no, item_id, valid_from_run);

ALTER TABLE ONLY history.known_certification
    ADD CONSTRAINT known_certification_pkey PRIMARY KEY (tenant_id, certification_no);

ALTER TABLE ONLY history.known_certification
    ADD CONSTRAINT known_certification_tenant_id_certification_id_key UNIQUE (tenant_id, certification_id);

ALTER TABLE ONLY history.permission
    ADD CONSTRAINT permission_pkey PRIMARY KEY (tenant_id, digest, "position");

ALTER TABLE ONLY history.permission_set
    ADD CONSTRAINT permission_set_pkey PRIMARY KEY (tenant_id, digest);

ALTER TABLE ONLY history.pruned_run
    ADD CONSTRAINT pruned_run_pkey PRIMARY KEY (tenant_id, run_id);

ALTER TABLE ONLY history.pruned_version
    ADD CONSTRAINT pruned_version_pkey PRIMARY KEY (tenant_id, table_name, valid_from_run, row_sha256);

ALTER TABLE ONLY history.reassign_request
    ADD CONSTRAINT reassign_request_pkey PRIMARY KEY (tenant_id, request_id);

ALTER TABLE ONLY history.retention_event
    ADD CONSTRAINT retention_event_pkey PRIMARY KEY (tenant_id, event_id);

ALTER TABLE ONLY history.review_item
    ADD CONSTRAINT review_item_pkey PRIMARY KEY (tenant_id, certification_no, item_id, valid_from_run);

ALTER TABLE ONLY history.reviewer
    ADD CONSTRAINT reviewer_pkey PRIMARY KEY (tenant_id, certification_no, reviewer_id, valid_from_run);

ALTER TABLE ONLY history.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (tenant_id, run_id);

ALTER TABLE ONLY history.task
    ADD CONSTRAINT task_pkey PRIMARY KEY (tenant_id, task_id, valid_from_run);

ALTER TABLE ONLY history.tenant
    ADD CONSTRAINT tenant_name_key UNIQUE (name);

ALTER TABLE ONLY history.tenant
    ADD CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id);

CREATE INDEX certification_from ON history.certification USING btree (tenant_id, valid_from_run);

CREATE INDEX certification_to ON history.certification USING btree (tenant_id, valid_to_run) WHERE (valid_to_run IS NOT NULL);

CREATE INDEX coverage_by_run ON history.coverage USING btree (tenant_id, run_id);

CREATE INDEX item_permissions_from ON history.item_permissions USING btree (tenant_id, valid_from_run);

CREATE INDEX item_permissions_to ON history.item_permissions USING btree (tenant_id, valid_to_run) WHERE (valid_to_run IS NOT NULL);

CREATE INDEX pruned_version_to ON history.pruned_version USING btree (tenant_id, table_name, valid_to_run);

CREATE INDEX reassign_request_certification ON history.reassign_request USING btree (tenant_id, certification_id);

CREATE INDEX retention_event_run ON history.retention_event USING btree (tenant_id, run_id) WHERE (run_id IS NOT NULL);

CREATE INDEX review_item_from ON history.review_item USING btree (tenant_id, valid_from_run);

CREATE INDEX review_item_to ON history.review_item USING btree (tenant_id, valid_to_run) WHERE (valid_to_run IS NOT NULL);

CREATE INDEX reviewer_from ON history.reviewer USING btree (tenant_id, valid_from_run);

CREATE INDEX reviewer_to ON history.reviewer USING btree (tenant_id, valid_to_run) WHERE (valid_to_run IS NOT NULL);

CREATE UNIQUE INDEX run_by_id ON history.run USING btree (run_id);

CREATE INDEX task_from ON history.task USING btree (tenant_id, valid_from_run);

CREATE INDEX task_to ON history.task USING btree (tenant_id, valid_to_run) WHERE (valid_to_run IS NOT NULL);

CREATE INDEX staging_item_permissions ON staging.item_permissions USING btree (tenant_id, certification_no, run_id);

CREATE INDEX staging_review_item ON staging.review_item USING btree (tenant_id, certification_no, run_id);

CREATE INDEX staging_reviewer ON staging.reviewer USING btree (tenant_id, certification_no, run_id);

CREATE TRIGGER answered BEFORE DELETE OR UPDATE ON history.reassign_request FOR EACH ROW EXECUTE FUNCTION history.refuse_answered();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.campaign FOR EACH ROW EXECUTE FUNCTION history.refuse_rewriting();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.certification FOR EACH ROW EXECUTE FUNCTION history.refuse_rewriting();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.erased_version FOR EACH ROW EXECUTE FUNCTION history.refuse();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.item_permissions FOR EACH ROW EXECUTE FUNCTION history.refuse_rewriting();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.known_certification FOR EACH ROW EXECUTE FUNCTION history.refuse();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.permission FOR EACH ROW EXECUTE FUNCTION history.refuse_unless_pruned();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.permission_set FOR EACH ROW EXECUTE FUNCTION history.refuse_unless_pruned();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.pruned_run FOR EACH ROW EXECUTE FUNCTION history.refuse();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.pruned_version FOR EACH ROW EXECUTE FUNCTION history.refuse();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.retention_event FOR EACH ROW EXECUTE FUNCTION history.refuse();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.review_item FOR EACH ROW EXECUTE FUNCTION history.refuse_rewriting();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.reviewer FOR EACH ROW EXECUTE FUNCTION history.refuse_rewriting();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.task FOR EACH ROW EXECUTE FUNCTION history.refuse_rewriting();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON history.tenant FOR EACH ROW EXECUTE FUNCTION history.refuse();

CREATE TRIGGER finished BEFORE DELETE OR UPDATE ON history.coverage FOR EACH ROW EXECUTE FUNCTION history.refuse_finished();

CREATE TRIGGER finished BEFORE DELETE OR UPDATE ON history.run FOR EACH ROW EXECUTE FUNCTION history.refuse_finished();

CREATE TRIGGER hash_row BEFORE INSERT ON history.campaign FOR EACH ROW EXECUTE FUNCTION history.hash_row();

CREATE TRIGGER hash_row BEFORE INSERT ON history.certification FOR EACH ROW EXECUTE FUNCTION history.hash_row();

CREATE TRIGGER hash_row BEFORE INSERT OR UPDATE ON history.coverage FOR EACH ROW EXECUTE FUNCTION history.hash_row();

CREATE TRIGGER hash_row BEFORE INSERT ON history.item_permissions FOR EACH ROW EXECUTE FUNCTION history.hash_row();

CREATE TRIGGER hash_row BEFORE INSERT ON history.permission FOR EACH ROW EXECUTE FUNCTION history.hash_row();

CREATE TRIGGER hash_row BEFORE INSERT ON history.permission_set FOR EACH ROW EXECUTE FUNCTION history.hash_row();

CREATE TRIGGER hash_row BEFORE INSERT ON history.review_item FOR EACH ROW EXECUTE FUNCTION history.hash_row();

CREATE TRIGGER hash_row BEFORE INSERT ON history.reviewer FOR EACH ROW EXECUTE FUNCTION history.hash_row();

CREATE TRIGGER hash_row BEFORE INSERT ON history.task FOR EACH ROW EXECUTE FUNCTION history.hash_row();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.campaign FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.certification FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.coverage FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.erased_version FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.item_permissions FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.known_certification FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.permission FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.permission_set FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.pruned_run FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.pruned_version FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.reassign_request FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.retention_event FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.review_item FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.reviewer FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.run FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.task FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON history.tenant FOR EACH STATEMENT EXECUTE FUNCTION history.refuse();

ALTER TABLE ONLY history.coverage
    ADD CONSTRAINT coverage_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES history.run(tenant_id, run_id);

ALTER TABLE ONLY history.erased_version
    ADD CONSTRAINT erased_version_tenant_id_event_id_fkey FOREIGN KEY (tenant_id, event_id) REFERENCES history.retention_event(tenant_id, event_id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY history.known_certification
    ADD CONSTRAINT known_certification_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES history.tenant(tenant_id);

ALTER TABLE ONLY history.pruned_run
    ADD CONSTRAINT pruned_run_tenant_id_event_id_fkey FOREIGN KEY (tenant_id, event_id) REFERENCES history.retention_event(tenant_id, event_id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY history.pruned_run
    ADD CONSTRAINT pruned_run_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES history.run(tenant_id, run_id);

ALTER TABLE ONLY history.pruned_version
    ADD CONSTRAINT pruned_version_tenant_id_event_id_fkey FOREIGN KEY (tenant_id, event_id) REFERENCES history.retention_event(tenant_id, event_id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY history.reassign_request
    ADD CONSTRAINT reassign_request_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES history.tenant(tenant_id);

ALTER TABLE ONLY history.retention_event
    ADD CONSTRAINT retention_event_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES history.tenant(tenant_id);

ALTER TABLE ONLY history.retention_event
    ADD CONSTRAINT retention_event_tenant_id_run_id_fkey FOREIGN KEY (tenant_id, run_id) REFERENCES history.run(tenant_id, run_id);

ALTER TABLE ONLY history.run
    ADD CONSTRAINT run_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES history.tenant(tenant_id);

GRANT USAGE ON SCHEMA audit TO audit_reader;
GRANT USAGE ON SCHEMA audit TO audit_writer;

GRANT USAGE ON SCHEMA history TO audit_writer;

GRANT USAGE ON SCHEMA staging TO audit_writer;

REVOKE ALL ON FUNCTION audit.changes_between(from_run bigint, to_run bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION audit.changes_between(from_run bigint, to_run bigint) TO audit_reader;
GRANT ALL ON FUNCTION audit.changes_between(from_run bigint, to_run bigint) TO audit_writer;

GRANT SELECT,INSERT ON TABLE history.certification TO audit_writer;

GRANT UPDATE(valid_to_run) ON TABLE history.certification TO audit_writer;

GRANT SELECT,INSERT ON TABLE history.review_item TO audit_writer;

GRANT UPDATE(valid_to_run) ON TABLE history.review_item TO audit_writer;

GRANT SELECT,INSERT ON TABLE history.reviewer TO audit_writer;

GRANT UPDATE(valid_to_run) ON TABLE history.reviewer TO audit_writer;

GRANT SELECT,INSERT ON TABLE history.task TO audit_writer;

GRANT UPDATE(valid_to_run) ON TABLE history.task TO audit_writer;

REVOKE ALL ON FUNCTION history.grant_roles() FROM PUBLIC;

GRANT SELECT,INSERT ON TABLE history.campaign TO audit_writer;

GRANT UPDATE(valid_to_run) ON TABLE history.campaign TO audit_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE history.coverage TO audit_writer;

GRANT SELECT ON TABLE history.pruned_run TO audit_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE history.run TO audit_writer;

GRANT SELECT,INSERT ON TABLE history.tenant TO audit_writer;

GRANT SELECT ON TABLE audit.campaigns TO audit_reader;
GRANT SELECT ON TABLE audit.campaigns TO audit_writer;

GRANT SELECT,INSERT ON TABLE history.known_certification TO audit_writer;

GRANT SELECT ON TABLE history.shown TO audit_writer;

GRANT SELECT ON TABLE audit.certifications TO audit_reader;
GRANT SELECT ON TABLE audit.certifications TO audit_writer;

GRANT SELECT ON TABLE audit.changes TO audit_reader;
GRANT SELECT ON TABLE audit.changes TO audit_writer;

GRANT SELECT ON TABLE audit.coverage TO audit_reader;
GRANT SELECT ON TABLE audit.coverage TO audit_writer;

GRANT SELECT ON TABLE audit.decisions TO audit_reader;
GRANT SELECT ON TABLE audit.decisions TO audit_writer;

GRANT SELECT,INSERT ON TABLE history.item_permissions TO audit_writer;

GRANT UPDATE(valid_to_run) ON TABLE history.item_permissions TO audit_writer;

GRANT SELECT,INSERT ON TABLE history.permission TO audit_writer;

GRANT SELECT ON TABLE audit.permissions TO audit_reader;
GRANT SELECT ON TABLE audit.permissions TO audit_writer;

GRANT SELECT,INSERT,UPDATE ON TABLE history.reassign_request TO audit_writer;

GRANT SELECT ON TABLE audit.reassign_requests TO audit_reader;
GRANT SELECT ON TABLE audit.reassign_requests TO audit_writer;

GRANT SELECT ON TABLE audit.reassignments TO audit_reader;
GRANT SELECT ON TABLE audit.reassignments TO audit_writer;

GRANT SELECT ON TABLE history.retention_event TO audit_writer;

GRANT SELECT ON TABLE audit.retention TO audit_reader;
GRANT SELECT ON TABLE audit.retention TO audit_writer;

GRANT SELECT ON TABLE audit.retention_events TO audit_reader;
GRANT SELECT ON TABLE audit.retention_events TO audit_writer;

GRANT SELECT ON TABLE audit.review_items TO audit_reader;
GRANT SELECT ON TABLE audit.review_items TO audit_writer;

GRANT SELECT ON TABLE audit.reviewer_totals TO audit_reader;
GRANT SELECT ON TABLE audit.reviewer_totals TO audit_writer;

GRANT SELECT ON TABLE audit.reviewers TO audit_reader;
GRANT SELECT ON TABLE audit.reviewers TO audit_writer;

GRANT SELECT ON TABLE audit.revocations TO audit_reader;
GRANT SELECT ON TABLE audit.revocations TO audit_writer;

GRANT SELECT ON TABLE audit.runs TO audit_reader;
GRANT SELECT ON TABLE audit.runs TO audit_writer;

GRANT SELECT ON TABLE audit.tasks TO audit_reader;
GRANT SELECT ON TABLE audit.tasks TO audit_writer;

GRANT SELECT ON TABLE history.erased_version TO audit_writer;

GRANT SELECT,INSERT ON TABLE history.permission_set TO audit_writer;

GRANT SELECT ON TABLE history.pruned_version TO audit_writer;

GRANT SELECT,INSERT,DELETE ON TABLE staging.item_permissions TO audit_writer;

GRANT SELECT,INSERT,DELETE ON TABLE staging.review_item TO audit_writer;

GRANT SELECT,INSERT,DELETE ON TABLE staging.reviewer TO audit_writer;
