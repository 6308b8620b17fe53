-- What each column of the views means, for those who ask psql: \d+ audit.runs.
-- Views say what they are where they are made; so do a few columns.

-- +goose Up

-- The columns that many views have.
-- +goose StatementBegin
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT v.relname AS view, a.attname AS name, said.meaning
        FROM (VALUES
            ('tenant', 'Name of the tenant.'),
            ('run_id', 'Run (night) as of which the row is shown.'),
            ('captured_run_id', 'Run that proved the collection the row belongs to: run_id itself, or earlier where that run could not read it or had no need to.')
        ) AS said (name, meaning)
        JOIN pg_attribute a ON a.attname = said.name
        JOIN pg_class v ON v.oid = a.attrelid
        WHERE v.relnamespace = 'audit'::regnamespace AND v.relkind = 'v'
    LOOP
        EXECUTE format('COMMENT ON COLUMN audit.%I.%I IS %L', c.view, c.name, c.meaning);
    END LOOP;
END
$$;
-- +goose StatementEnd

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

COMMENT ON COLUMN audit.campaigns.campaign_id IS 'Id of the campaign.';
COMMENT ON COLUMN audit.campaigns.name IS 'Name of the campaign.';
COMMENT ON COLUMN audit.campaigns.type IS 'Type of the campaign: MANAGER, SOURCE_OWNER, SEARCH and others.';
COMMENT ON COLUMN audit.campaigns.status IS 'Status of the campaign: STAGED, ACTIVE, COMPLETED and others.';
COMMENT ON COLUMN audit.campaigns.created IS 'When the campaign was created.';
COMMENT ON COLUMN audit.campaigns.deadline IS 'When the campaign is to be completed.';
COMMENT ON COLUMN audit.campaigns.total_certifications IS 'Certifications the campaign has, by the tenant''s own count.';
COMMENT ON COLUMN audit.campaigns.completed_certifications IS 'Of these, the completed ones, by the tenant''s own count.';

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

COMMENT ON COLUMN audit.reviewers.certification_id IS 'Certification under review.';
COMMENT ON COLUMN audit.reviewers.reviewer_id IS 'Id of the reviewer; of a person, the identity''s id.';
COMMENT ON COLUMN audit.reviewers.name IS 'Name of the reviewer.';
COMMENT ON COLUMN audit.reviewers.email IS 'E-mail of the reviewer.';
COMMENT ON COLUMN audit.reviewers.type IS 'Kind of reviewer, such as IDENTITY.';

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
COMMENT ON COLUMN audit.review_items.raw IS 'The item as the tenant sent it when this version was first seen; figures that move daily may be older than run_id.';

COMMENT ON COLUMN audit.permissions.certification_id IS 'Certification of the review item.';
COMMENT ON COLUMN audit.permissions.item_id IS 'Review item whose entitlement grants the permission.';
COMMENT ON COLUMN audit.permissions.position IS 'Place in the tenant''s list; permissions have no id, and may repeat.';
COMMENT ON COLUMN audit.permissions.target IS 'What the rights are on.';
COMMENT ON COLUMN audit.permissions.rights IS 'Rights on the target.';

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

COMMENT ON COLUMN audit.reassign_requests.run_id IS 'The first finished run that began after the request; null until there is one.';
COMMENT ON COLUMN audit.reassign_requests.request_id IS 'Number of the request.';
COMMENT ON COLUMN audit.reassign_requests.certification_id IS 'Certification to reassign from.';
COMMENT ON COLUMN audit.reassign_requests.reassign_to IS 'Identity to reassign to.';
COMMENT ON COLUMN audit.reassign_requests.reason IS 'Reason given to the tenant.';
COMMENT ON COLUMN audit.reassign_requests.target_count IS 'How many things were to be reassigned.';
COMMENT ON COLUMN audit.reassign_requests.targets IS 'What was to be reassigned: [{type, id}], in the words of the API, in the order sent.';
COMMENT ON COLUMN audit.reassign_requests.requested_at IS 'When the request was recorded, just before it was sent.';
COMMENT ON COLUMN audit.reassign_requests.answered_at IS 'When its answer came, or was given up; null: SENDING.';
COMMENT ON COLUMN audit.reassign_requests.task_id IS 'Task the tenant made of it, see audit.tasks; null: not accepted.';
COMMENT ON COLUMN audit.reassign_requests.http_status IS 'Status of the answer; null: no answer.';
COMMENT ON COLUMN audit.reassign_requests.detail_code IS 'The tenant''s code for the error.';
COMMENT ON COLUMN audit.reassign_requests.tracking_id IS 'The tenant''s id of the failed request; its support asks for it.';
COMMENT ON COLUMN audit.reassign_requests.error IS 'Why the request was not accepted.';

COMMENT ON COLUMN audit.changes.run_id IS 'Run (night) the changes lead to.';
COMMENT ON COLUMN audit.changes.baseline_run_id IS 'Run it is compared with: the tenant''s finished run before.';
COMMENT ON COLUMN audit.changes.object IS 'certification, reviewer, review_item, permission or task.';
COMMENT ON COLUMN audit.changes.class IS 'What happened, in the finest word that fits: ADDED, REMOVED, DECIDED, FLIPPED, REOPENED, REASSIGNED and others; CHANGED where none does. NOT_COMPARABLE: a collection that one of the runs could not read.';
COMMENT ON COLUMN audit.changes.certification_id IS 'Certification the object belongs to; null: a campaign''s task.';
COMMENT ON COLUMN audit.changes.object_id IS 'Id of the object; of a permission, of its review item. Null: NOT_COMPARABLE.';
COMMENT ON COLUMN audit.changes.field IS 'Column that differs; of NOT_COMPARABLE, the collection. Null: the object came or went as a whole.';
COMMENT ON COLUMN audit.changes.before IS 'Value in the baseline; of an object that went, the object as JSON.';
COMMENT ON COLUMN audit.changes.after IS 'Value in the run; of an object that came, the object as JSON.';

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT v.relname AS view, a.attname AS name
        FROM pg_class v
        JOIN pg_attribute a ON a.attrelid = v.oid
        WHERE v.relnamespace = 'audit'::regnamespace AND v.relkind = 'v'
          -- as the views came
          AND (v.relname, a.attname) NOT IN (
              ('review_items', 'last_seen_undecided_at'), ('review_items', 'first_seen_decided_at'), ('reassign_requests', 'state'))
    LOOP
        EXECUTE format('COMMENT ON COLUMN audit.%I.%I IS NULL', c.view, c.name);
    END LOOP;
END
$$;
-- +goose StatementEnd
