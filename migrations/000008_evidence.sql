-- What an auditor asks beside the objects themselves: who decided, where a
-- reassignment began, whether what was revoked is gone, and whether the numbers
-- of two runs add up.

-- +goose Up

-- How the items stood, told with the run: charts over many runs outlive what
-- prune removes.
ALTER TABLE history.run ADD COLUMN approved bigint, ADD COLUMN revoked bigint, ADD COLUMN undecided bigint;
COMMENT ON COLUMN history.run.approved IS 'Review items shown at this run that are approved; null: sealed before this was counted.';

-- Who decided, as far as can be told: by how the campaign stood at the runs
-- that bound the decision. Both are fixed with the version of the item.
CREATE VIEW audit.decisions AS
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

-- Where a certification's chain of reassignments began, as known at a run. A
-- certification between that was never seen ends the chain with the reviewer
-- that the one after it names.
CREATE FUNCTION history.chain(ten integer, no bigint, run bigint)
RETURNS TABLE (hops bigint, certification_id text, reviewer_id text, reviewer_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

CREATE VIEW audit.reassignments AS
SELECT t.name AS tenant, s.run_id, s.captured_run_id, s.certification_id, v.name, v.reassigned_from_id,
       v.raw #>> '{reassignment,from,reviewer,id}' AS from_reviewer_id, v.reassigned_from_reviewer AS from_reviewer_name,
       v.reviewer_id AS to_reviewer_id, v.reviewer_name AS to_reviewer_name, v.reassignment_comment,
       c.hops AS reassignments, c.certification_id AS original_certification_id, c.reviewer_id AS original_reviewer_id,
       c.reviewer_name AS original_reviewer_name, before.started_at AS last_seen_without_at, first.started_at AS first_seen_at, v.due,
       EXISTS (
           SELECT FROM history.review_item i
           WHERE i.tenant_id = s.tenant_id AND i.certification_no = s.certification_no AND i.identity_id = v.reviewer_id
             AND i.valid_from_run <= s.run_id AND (i.valid_to_run IS NULL OR i.valid_to_run > s.run_id)) AS lands_on_subject
FROM history.shown s
JOIN history.tenant t USING (tenant_id)
JOIN history.certification v
  ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
 AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
CROSS JOIN LATERAL history.chain(s.tenant_id, s.certification_no, s.run_id) c
-- The run that first captured it, which its coverage tells for good, and the
-- last before that which proved the list without it.
LEFT JOIN LATERAL (
    SELECT r.run_id, r.started_at
    FROM history.coverage f
    JOIN history.run r USING (tenant_id, run_id)
    WHERE f.tenant_id = s.tenant_id AND f.certification_no = s.certification_no AND f.collection = 'certification' AND f.outcome = 'COMPLETE'
    ORDER BY f.run_id
    LIMIT 1
) first ON true
LEFT JOIN LATERAL (
    SELECT r.started_at
    FROM history.coverage f
    JOIN history.run r USING (tenant_id, run_id)
    WHERE f.tenant_id = s.tenant_id AND f.certification_no = 0 AND f.collection = 'certifications' AND f.outcome = 'COMPLETE' AND f.run_id < first.run_id
    ORDER BY f.run_id DESC
    LIMIT 1
) before ON true
WHERE s.collection = 'certification' AND v.reassigned_from_id IS NOT NULL;

CREATE VIEW audit.reviewer_totals AS
SELECT h.tenant, h.run_id, h.reviewer_id, max(h.reviewer_name COLLATE "C") AS reviewer_name, count(*) AS certifications,
       coalesce(sum(i.items), 0)::bigint AS items, coalesce(sum(i.decided), 0)::bigint AS decided,
       coalesce(sum(i.approved), 0)::bigint AS approved, coalesce(sum(i.revoked), 0)::bigint AS revoked,
       coalesce(sum(i.privileged_approved), 0)::bigint AS privileged_approved, coalesce(sum(i.own_items), 0)::bigint AS own_items,
       count(*) FILTER (WHERE coalesce(h.signed, h.started_at) > h.due) AS late_certifications
FROM (
    SELECT s.tenant_id, t.name AS tenant, s.run_id, s.certification_no, v.reviewer_id, v.reviewer_name, v.signed, v.due, r.started_at
    FROM history.shown s
    JOIN history.tenant t USING (tenant_id)
    JOIN history.run r USING (tenant_id, run_id)
    JOIN history.certification v
      ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
     AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
    WHERE s.collection = 'certification'
) h
LEFT JOIN LATERAL (
    SELECT count(*) AS items, count(v.decision) AS decided, count(*) FILTER (WHERE v.decision = 'APPROVE') AS approved,
           count(*) FILTER (WHERE v.decision = 'REVOKE') AS revoked,
           count(*) FILTER (WHERE v.decision = 'APPROVE' AND v.privileged) AS privileged_approved,
           count(*) FILTER (WHERE v.identity_id = h.reviewer_id) AS own_items
    FROM history.shown s
    JOIN history.review_item v
      ON v.tenant_id = s.tenant_id AND v.certification_no = s.certification_no
     AND v.valid_from_run <= s.run_id AND (v.valid_to_run IS NULL OR v.valid_to_run > s.run_id)
    WHERE s.tenant_id = h.tenant_id AND s.run_id = h.run_id AND s.certification_no = h.certification_no AND s.collection = 'review_items'
) i ON true
GROUP BY h.tenant, h.run_id, h.reviewer_id;

-- What became of revoked access: whether a certification created after the
-- sign-off shows it again. PROVED GONE takes a later one of a campaign of the
-- same type and filter, captured whole, that holds the same identity (and, of a
-- source's owner, the same source) and not the access: the rule that brought
-- the access to review once would have brought it again.
CREATE FUNCTION history.revocations(ten integer, run bigint)
RETURNS TABLE (captured_run_id bigint, certification_id text, item_id text, identity_id text, identity_name text, access_type text, access_id text,
    access_name text, source_name text, account_native_identity text, reviewer_id text, reviewer_name text, signed timestamptz,
    state text, seen_in_certification_id text, seen_at timestamptz)
-- The planner takes what is materialized for few rows, and would compare each
-- with each.
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
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

CREATE VIEW audit.revocations AS
SELECT t.name AS tenant, r.run_id, v.captured_run_id, v.certification_id, v.item_id, v.identity_id, v.identity_name, v.access_type, v.access_id,
       v.access_name, v.source_name, v.account_native_identity, v.reviewer_id, v.reviewer_name, v.signed, v.state, v.seen_in_certification_id,
       v.seen_at, floor(extract(epoch FROM v.seen_at - v.signed) / 86400)::bigint AS days
FROM history.run r
JOIN history.tenant t USING (tenant_id)
CROSS JOIN LATERAL history.revocations(r.tenant_id, r.run_id) v;

COMMENT ON VIEW audit.decisions IS 'Decided review items as of each run: who decided, as far as can be told, and between which runs.';
COMMENT ON COLUMN audit.decisions.certification_id IS 'Certification the item is part of.';
COMMENT ON COLUMN audit.decisions.item_id IS 'Id of the review item.';
COMMENT ON COLUMN audit.decisions.decision IS 'APPROVE or REVOKE.';
COMMENT ON COLUMN audit.decisions.origin IS 'REVIEWER: first seen decided before the campaign completed. AUTO: undecided while the campaign was active, decided when it was first seen completed: completing a campaign approves what is undecided, and a reviewer may have decided in between. UNKNOWN: never seen undecided before the campaign completed, or the campaign was not read.';
COMMENT ON COLUMN audit.decisions.reviewer_id IS 'Reviewer of the certification; the tenant names no decider.';
COMMENT ON COLUMN audit.decisions.reviewer_name IS 'Name of the reviewer.';
COMMENT ON COLUMN audit.decisions.last_seen_undecided_at IS 'Observed bound: start of the last run that proved the item undecided; null: none did.';
COMMENT ON COLUMN audit.decisions.first_seen_decided_at IS 'Observed bound: start of the run that first found the item decided.';

COMMENT ON VIEW audit.reassignments IS 'Certifications that came of a reassignment, as of each run, with the reviewer the chain began with.';
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

COMMENT ON VIEW audit.reviewer_totals IS 'Each reviewer''s certifications and decisions as of each run, by the reviewer of the certification''s header.';
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

COMMENT ON VIEW audit.revocations IS 'Revoked review items as of each run, and whether a certification created after the sign-off shows the access again. Certifications that the tenant has deleted are not looked at.';
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
-- +goose StatementBegin
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT v.view, said.name, said.meaning
        FROM unnest(ARRAY['decisions', 'reassignments', 'reviewer_totals', 'revocations']) AS v (view)
        CROSS JOIN (VALUES
            ('tenant', 'Name of the tenant.'),
            ('run_id', 'Run (night) as of which the row is shown.'),
            ('captured_run_id', 'Run that proved the collection the row belongs to.')
        ) AS said (name, meaning)
        JOIN pg_attribute a ON a.attrelid = format('audit.%I', v.view)::regclass AND a.attname = said.name
    LOOP
        EXECUTE format('COMMENT ON COLUMN audit.%I.%I IS %L', c.view, c.name, c.meaning);
    END LOOP;
END
$$;
-- +goose StatementEnd
SELECT history.grant_roles();

-- +goose Down
DROP VIEW audit.revocations, audit.reviewer_totals, audit.reassignments, audit.decisions;
DROP FUNCTION history.revocations(integer, bigint);
DROP FUNCTION history.chain(integer, bigint, bigint);
ALTER TABLE history.run DROP COLUMN approved, DROP COLUMN revoked, DROP COLUMN undecided;
