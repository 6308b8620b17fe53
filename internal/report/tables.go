package report

func coverageTable() table {
	return table{
		View: viewCoverage, Sheet: "Coverage", Frozen: "certification_id",
		Holds: "Was each collection proved? What was not comes first",
		Columns: []column{
			tenantColumn(), runColumn(),
			{Name: "certification_id", Header: "Certification id", Kind: idKind, Width: idWidth, Meaning: "Certification the collection belongs to", Source: "exporter", Blank: "a list of the whole run"},
			{Name: "certification_name", Header: "Certification", Kind: textKind, Width: 42, Added: true, Meaning: "Name of the certification, as this run has it", Source: "GET /certifications: name", Blank: "a list of the whole run; or a certification that was deleted, or whose header was never read"},
			{Name: "collection", Header: "Collection", Kind: textKind, Width: 16, Meaning: "List that was read: certification (the header), reviewers, review_items, permissions; of the run: campaigns, certifications, tasks", Source: "exporter", Blank: "never blank"},
			{Name: "outcome", Header: "Outcome", Kind: textKind, Width: 17, Meaning: "COMPLETE: proved. SEALED_EARLIER: signed and proved in an earlier run. Anything else: not proved in this run", Source: "exporter", Blank: "never blank"},
			{Name: "expected", Header: "Expected", Kind: integerKind, Width: 12, Meaning: "Rows the tenant said there are", Source: "header X-Total-Count", Blank: "total not stated"},
			{Name: "read", Header: "Read", Kind: integerKind, Width: 10, Meaning: "Rows read", Source: "exporter", Blank: "not read"},
			{Name: "distinct_read", Header: "Distinct", Kind: integerKind, Width: 12, Meaning: "Distinct ids among the rows read", Source: "exporter", Blank: "not read, or rows without ids (permissions)"},
			{Name: "attempts", Header: "Attempts", Kind: integerKind, Width: 12, Place: atEnd, Meaning: "Readings it took, at most three", Source: "exporter", Blank: "not read"},
			{Name: "captured_run_id", Header: "Captured in run", Kind: integerKind, Width: 14, Place: atEnd, Meaning: "Run that proved the rows shown for this collection", Source: "exporter", Blank: "never proved"},
			{Name: "params_sha256", Header: "Parameters SHA-256", Kind: idKind, Width: 22, Place: csvOnly, Meaning: "Hash of the parameters that shape the collection (filters, permissions mode)", Source: "exporter", Blank: "not read"},
			{Name: "http_status", Header: "HTTP status", Kind: integerKind, Width: 11, Place: atEnd, Meaning: "Status of the answer that ended the last reading", Source: "response status", Blank: "no answer, or none that failed"},
			{Name: "detail_code", Header: "Detail code", Kind: textKind, Width: 22, Place: atEnd, Meaning: "The tenant's code for the error", Source: "error body: detailCode", Blank: "no error, or none given"},
			{Name: "tracking_id", Header: "Tracking id", Kind: idKind, Width: idWidth, Place: atEnd, Meaning: "The tenant's id of the failed request; its support asks for it", Source: "error body: trackingId", Blank: "no error, or none given"},
			{Name: "error", Header: "Error", Kind: textKind, Width: 50, Wrap: true, Place: atEnd, Meaning: "Why the collection was not proved", Source: "exporter", Blank: "no error"},
			{Name: "read_at", Header: "Read at (UTC)", Kind: instantKind, Width: 20, Place: atEnd, Meaning: "When the last reading ended", Source: "exporter", Blank: "not read"},
			{Name: "note", Header: "Note", Kind: textKind, Width: 44, Wrap: true, Place: atEnd, Meaning: "How the collection was read, where that needs saying: permissions by entitlement, with the sample that checked them", Source: "exporter", Blank: "read as usual"},
			{Name: "stored", Header: "Stored", Kind: integerKind, Width: 11, Meaning: "Rows known of the collection as of this run, as it was sealed. Of tasks, finished ones too that the tenant does not list any more; what is out of scope is not shown", Source: "exporter", Blank: "never blank"},
			{Name: "rows_here", Header: "Rows in this workbook", Kind: integerKind, Width: 17, Added: true, Meaning: "Rows of the collection on the sheets of this workbook", Source: "exporter", Blank: "no sheet shows this list row by row; or tasks that outlived their certification"},
			{Name: "difference", Header: "Difference", Kind: integerKind, Width: 13, Added: true, Meaning: "Stored, of what is in scope, less the rows in this workbook: 0, or something is missing here", Source: "exporter", Blank: "no sheet shows this list row by row; or tasks that outlived their certification"},
		},
	}
}

func certificationsTable() table {
	const source = "GET /certifications: "
	return table{
		View: viewCertifications, Sheet: "Certifications", Frozen: "certification_id",
		Holds: "One row a certification: campaign, reviewer, dates, progress",
		Columns: objectColumns(
			column{Name: "certification_id", Header: "Certification id", Kind: idKind, Width: idWidth, Meaning: "Id of the certification", Source: source + "id", Blank: "never blank"},
			column{Name: "name", Header: "Name", Kind: textKind, Width: 42, Meaning: "Name of the certification", Source: source + "name", Blank: "not given"},
			column{Name: "campaign_id", Header: "Campaign id", Kind: idKind, Width: idWidth, Meaning: "Campaign the certification is part of", Source: source + "campaign.id", Blank: "not given"},
			column{Name: "campaign_name", Header: "Campaign", Kind: textKind, Width: 30, Meaning: "Name of the campaign", Source: source + "campaign.name", Blank: "not given"},
			column{Name: "campaign_type", Header: "Campaign type", Kind: textKind, Width: 18, Meaning: "Type of the campaign, e.g. MANAGER", Source: source + "campaign.campaignType", Blank: "not given"},
			column{Name: "phase", Header: "Phase", Kind: textKind, Width: 10, Meaning: "STAGED, ACTIVE or SIGNED", Source: source + "phase", Blank: "not given"},
			column{Name: "reviewer_id", Header: "Reviewer id", Kind: idKind, Width: idWidth, Meaning: "Who is to review", Source: source + "reviewer.id", Blank: "no reviewer"},
			column{Name: "reviewer_name", Header: "Reviewer", Kind: textKind, Width: 22, Meaning: "Name of the reviewer", Source: source + "reviewer.name", Blank: "no reviewer, or no name given"},
			column{Name: "reviewer_email", Header: "Reviewer e-mail", Kind: textKind, Width: 30, Meaning: "E-mail of the reviewer", Source: source + "reviewer.email", Blank: "no reviewer, or no e-mail given"},
			column{Name: "reviewer_type", Header: "Reviewer type", Kind: textKind, Width: 21, Meaning: "IDENTITY or GOVERNANCE_GROUP", Source: source + "reviewer.type", Blank: "no reviewer"},
			column{Name: "created", Header: "Created (UTC)", Kind: instantKind, Width: 20, Meaning: "When the certification was created", Source: source + "created", Blank: "not given"},
			column{Name: "modified", Header: "Modified (UTC)", Kind: instantKind, Width: 20, Meaning: "When the certification was last modified", Source: source + "modified", Blank: "not given"},
			column{Name: "due", Header: "Due (UTC)", Kind: instantKind, Width: 20, Meaning: "When the review is due", Source: source + "due", Blank: "no due date"},
			column{Name: "signed", Header: "Signed (UTC)", Kind: instantKind, Width: 20, Meaning: "When the reviewer signed off", Source: source + "signed", Blank: "not signed"},
			column{Name: "completed", Header: "Completed", Kind: booleanKind, Width: 13, Meaning: "Every decision is made", Source: source + "completed", Blank: "not given"},
			column{Name: "decisions_made", Header: "Decisions made", Kind: integerKind, Width: 13, Meaning: "Decisions made so far", Source: source + "decisionsMade", Blank: "not given"},
			column{Name: "decisions_total", Header: "Decisions total", Kind: integerKind, Width: 13, Meaning: "Decisions to make", Source: source + "decisionsTotal", Blank: "not given"},
			column{Name: "identities_completed", Header: "Identities completed", Kind: integerKind, Width: 14, Meaning: "Identities whose items are all decided", Source: source + "identitiesCompleted", Blank: "not given"},
			column{Name: "identities_total", Header: "Identities total", Kind: integerKind, Width: 14, Meaning: "Identities under review", Source: source + "identitiesTotal", Blank: "not given"},
			column{Name: "reassigned_from_id", Header: "Reassigned from", Kind: idKind, Width: idWidth, Meaning: "Certification this one was reassigned from, one hop back", Source: source + "reassignment.from.id", Blank: "not reassigned"},
			column{Name: "reassigned_from_reviewer", Header: "Reassigned from reviewer", Kind: textKind, Width: 22, Meaning: "Reviewer of the certification this one was reassigned from", Source: source + "reassignment.from.reviewer", Blank: "not reassigned, or not given"},
			column{Name: "reassignment_comment", Header: "Reassignment comment", Kind: textKind, Width: 36, Wrap: true, Meaning: "Reason given for the reassignment", Source: source + "reassignment.comment", Blank: "not reassigned, or no reason given"},
			column{Name: "has_errors", Header: "Has errors", Kind: booleanKind, Width: 9, Meaning: "The tenant reports an error on the certification", Source: source + "hasErrors", Blank: "not given"},
			column{Name: "error_message", Header: "Error message", Kind: textKind, Width: 36, Wrap: true, Meaning: "The tenant's error message", Source: source + "errorMessage", Blank: "no error"},
			column{Name: "days_late", Header: "Days late", Kind: integerKind, Width: 10, Added: true, Meaning: "Whole days from due to signed; of one that is not signed, to the start of this run", Source: "exporter, from due and signed", Blank: "not late, or without a due date"},
			column{Name: "original_reviewer_id", Header: "Original reviewer id", Kind: idKind, Width: idWidth, Added: true, Meaning: "Reviewer the chain of reassignments began with", Source: "exporter, from the certifications of all runs up to this one", Blank: "not reassigned, or not known"},
			column{Name: "original_reviewer_name", Header: "Original reviewer", Kind: textKind, Width: 22, Added: true, Meaning: "Name of that reviewer", Source: "exporter, from the certifications of all runs up to this one", Blank: "not reassigned, or not known"},
			column{Name: "reassignments", Header: "Hops", Kind: integerKind, Width: 8, Added: true, Meaning: "Reassignments from the original reviewer to this one, as far as known", Source: "exporter, from the certifications of all runs up to this one", Blank: "not reassigned"},
		),
	}
}

func reviewersTable() table {
	const source = "GET /certifications/{id}/reviewers: "
	return table{
		View: viewReviewers, Sheet: "Certification Reviewers", Frozen: "reviewer_id",
		Holds: "One row a certification and reviewer",
		Columns: objectColumns(
			certificationIDColumn("path of GET /certifications/{id}/reviewers"),
			column{Name: "reviewer_id", Header: "Reviewer id", Kind: idKind, Width: idWidth, Meaning: "Identity of the reviewer", Source: source + "id", Blank: "never blank"},
			column{Name: "name", Header: "Name", Kind: textKind, Width: 28, Meaning: "Name of the reviewer", Source: source + "name", Blank: "not given"},
			column{Name: "email", Header: "E-mail", Kind: textKind, Width: 36, Meaning: "E-mail of the reviewer", Source: source + "email", Blank: "not given"},
			column{Name: "type", Header: "Type", Kind: textKind, Width: 21, Meaning: "Kind of reviewer, e.g. IDENTITY", Source: source + "type", Blank: "not given"},
		),
	}
}

func reviewItemsTable() table {
	const source = "GET /certifications/{id}/access-review-items: "
	const accessOf = "accessSummary."
	return table{
		View: viewReviewItems, Sheet: "Review Items", Frozen: "item_id",
		Holds: "One row a review item: whose access, to what, what was decided",
		Columns: objectColumns(
			certificationIDColumn("path of GET /certifications/{id}/access-review-items"),
			column{Name: "item_id", Header: "Item id", Kind: idKind, Width: idWidth, Meaning: "Id of the review item", Source: source + "id", Blank: "never blank"},
			column{Name: "identity_id", Header: "Identity id", Kind: idKind, Width: idWidth, Meaning: "Identity whose access is reviewed", Source: source + "identitySummary.identityId", Blank: "not given"},
			column{Name: "identity_name", Header: "Identity", Kind: textKind, Width: 22, Meaning: "Name of that identity", Source: source + "identitySummary.name", Blank: "not given"},
			column{Name: "access_type", Header: "Access type", Kind: textKind, Width: 17, Meaning: "ENTITLEMENT, ACCESS_PROFILE, ROLE or another type", Source: source + accessOf + "access.type", Blank: "not given"},
			column{Name: "access_id", Header: "Access id", Kind: idKind, Width: idWidth, Meaning: "Id of the access under review", Source: source + accessOf + "access.id", Blank: "not given"},
			column{Name: "access_name", Header: "Access", Kind: textKind, Width: 32, Meaning: "Name of the access under review", Source: source + accessOf + "access.name", Blank: "not given"},
			column{Name: "source_id", Header: "Source id", Kind: idKind, Width: idWidth, Meaning: "Source the entitlement is on", Source: source + accessOf + "entitlement.sourceId", Blank: "not an entitlement, or not given"},
			column{Name: "source_name", Header: "Source", Kind: textKind, Width: 18, Meaning: "Name of that source", Source: source + accessOf + "entitlement.sourceName", Blank: "not an entitlement, or not given"},
			column{Name: "attribute", Header: "Attribute", Kind: textKind, Width: 14, Meaning: "Attribute of the entitlement", Source: source + accessOf + "entitlement.attributeName", Blank: "not an entitlement, or not given"},
			column{Name: "value", Header: "Value", Kind: textKind, Width: 32, Meaning: "Value of the attribute", Source: source + accessOf + "entitlement.attributeValue", Blank: "not an entitlement, or not given"},
			column{Name: "account_native_identity", Header: "Account", Kind: idKind, Width: 30, Meaning: "The account's name on its source", Source: source + accessOf + "entitlement.account.nativeIdentity", Blank: "no account, or not given"},
			column{Name: "privileged", Header: "Privileged", Kind: booleanKind, Width: 13, Meaning: "The access is marked as privileged", Source: source + accessOf + "entitlement|accessProfile|role.privileged", Blank: "not given"},
			column{Name: "has_permissions", Header: "Has permissions", Kind: booleanKind, Width: 14, Meaning: "The entitlement has permissions of its own, see sheet Permissions", Source: source + accessOf + "entitlement.hasPermissions", Blank: "not an entitlement, or not given"},
			column{Name: "new_access", Header: "New access", Kind: booleanKind, Width: 9, Meaning: "The access is new since the last campaign", Source: source + "newAccess", Blank: "not given"},
			column{Name: "completed", Header: "Completed", Kind: booleanKind, Width: 13, Meaning: "The review of the item is completed", Source: source + "completed", Blank: "not given"},
			column{Name: "decision", Header: "Decision", Kind: textKind, Width: 12, Meaning: "APPROVE or REVOKE", Source: source + "decision", Blank: "undecided"},
			column{Name: "comments", Header: "Comments", Kind: textKind, Width: 40, Wrap: true, Meaning: "The reviewer's comments", Source: source + "comments", Blank: "no comment"},
			column{Name: "last_seen_undecided_at", Header: "Last undecided, observed (UTC)", Kind: instantKind, Width: 20, Meaning: "Start of the last run that saw the item without its decision: the decision is not older", Source: "exporter", Blank: "never seen undecided"},
			column{Name: "first_seen_decided_at", Header: "First decided, observed (UTC)", Kind: instantKind, Width: 20, Meaning: "Start of the first run that saw the decision: it was made before that run ended", Source: "exporter", Blank: "undecided"},
			column{Name: "decision_origin", Header: "Decision origin", Kind: textKind, Width: 13, Added: true, Meaning: "REVIEWER: first seen decided before the campaign completed. AUTO: undecided while the campaign was active, decided when first seen completed; completing a campaign approves what is undecided, and a reviewer may have decided in between. UNKNOWN: neither can be told", Source: "exporter, from the campaign as of the two observed bounds", Blank: "undecided"},
			column{Name: "reviewer_id", Header: "Reviewer id", Kind: idKind, Width: idWidth, Added: true, Meaning: "Reviewer of the certification", Source: "GET /certifications: reviewer.id", Blank: "no reviewer"},
			column{Name: "reviewer_name", Header: "Reviewer", Kind: textKind, Width: 22, Added: true, Meaning: "Reviewer of the certification; the tenant names no decider", Source: "GET /certifications: reviewer.name", Blank: "no reviewer, or no name given"},
			column{Name: "campaign_name", Header: "Campaign", Kind: textKind, Width: 30, Added: true, Meaning: "Name of the certification's campaign", Source: "GET /certifications: campaign.name", Blank: "not given"},
			column{Name: "findings", Header: "Findings", Kind: listKind, Width: 44, Added: true, Meaning: "Rules that found something about this item, see sheet Findings", Source: "exporter", Blank: "none"},
		),
	}
}

func permissionsTable() table {
	const endpoint = "GET /certifications/{certificationId}/access-review-items/{itemId}/permissions"
	return table{
		View: viewPermissions, Sheet: "Permissions", Frozen: "item_id",
		Holds: "One row a permission of a review item: target and rights",
		Columns: objectColumns(
			certificationIDColumn("path of "+endpoint),
			column{Name: "item_id", Header: "Item id", Kind: idKind, Width: idWidth, Meaning: "Review item that grants the permission", Source: "path of " + endpoint, Blank: "never blank"},
			column{Name: "identity_name", Header: "Identity", Kind: textKind, Width: 26, Added: true, Meaning: "Whose access the review item is", Source: "GET /certifications/{id}/access-review-items: identitySummary.name", Blank: "not given, or the item is not known"},
			column{Name: "access_name", Header: "Access", Kind: textKind, Width: 32, Added: true, Meaning: "The access that the permission is part of", Source: "GET /certifications/{id}/access-review-items: accessSummary.access.name", Blank: "not given, or the item is not known"},
			column{Name: "position", Header: "Position", Kind: integerKind, Width: 12, Meaning: "Position in the tenant's list; permissions have no id", Source: "exporter", Blank: "never blank"},
			column{Name: "target", Header: "Target", Kind: textKind, Width: 44, Meaning: "What the rights are on", Source: endpoint + ": target", Blank: "not given"},
			column{Name: "rights", Header: "Rights", Kind: listKind, Width: 44, Meaning: "Rights on the target", Source: endpoint + ": rights[]", Blank: "no rights given"},
		),
	}
}

func tasksTable() table {
	const source = "GET /certification-tasks: "
	return table{
		View: viewTasks, Sheet: "Tasks", Frozen: "task_id",
		Holds: "One row a task, e.g. a reassignment",
		Columns: objectColumns(
			column{Name: "task_id", Header: "Task id", Kind: idKind, Width: idWidth, Meaning: "Id of the task", Source: source + "id", Blank: "never blank"},
			column{Name: "certification_id", Header: "Certification id", Kind: idKind, Width: idWidth, Meaning: "Certification the task works on", Source: source + "targetId where targetType is CERTIFICATION", Blank: "a campaign's task"},
			column{Name: "target_type", Header: "Target type", Kind: textKind, Width: 16, Meaning: "CERTIFICATION or CAMPAIGN", Source: source + "targetType", Blank: "not given"},
			column{Name: "target_id", Header: "Target id", Kind: idKind, Width: idWidth, Meaning: "What the task works on", Source: source + "targetId", Blank: "not given"},
			column{Name: "type", Header: "Type", Kind: textKind, Width: 29, Meaning: "Type of the task, e.g. REASSIGN", Source: source + "type", Blank: "not given"},
			column{Name: "status", Header: "Status", Kind: textKind, Width: 14, Meaning: "QUEUED, IN_PROGRESS, SUCCESS or ERROR", Source: source + "status", Blank: "not given"},
			column{Name: "errors", Header: "Errors", Kind: listKind, Width: 50, Meaning: "Texts of the task's errors", Source: source + "errors[].text", Blank: "no errors"},
			column{Name: "created", Header: "Created (UTC)", Kind: instantKind, Width: 20, Meaning: "When the task was created", Source: source + "created", Blank: "not given"},
			column{Name: "first_seen_at", Header: "First seen, observed (UTC)", Kind: instantKind, Width: 20, Meaning: "Start of the first run that saw the task", Source: "exporter", Blank: "never blank"},
			column{Name: "last_seen_at", Header: "Last seen, observed (UTC)", Kind: instantKind, Width: 20, Meaning: "Start of the last run that saw the task", Source: "exporter", Blank: "never blank"},
		),
	}
}

func changesTable() table {
	const items = "GET /certifications/{id}/access-review-items: "
	return table{
		View: viewChanges, Sheet: "Changes", Frozen: "class",
		Holds: "One row an object and field that differs from the baseline",
		Columns: []column{
			tenantColumn(),
			{Name: "baseline_run_id", Header: "Baseline run", Kind: integerKind, Width: 16, Place: csvOnly, Meaning: "Run compared with", Source: "exporter", Blank: "never blank"},
			runColumn(),
			{Name: "object", Header: "Object", Kind: textKind, Width: 14, Place: atFront, Meaning: "certification, reviewer, review_item, permission or task", Source: "exporter", Blank: "never blank"},
			{Name: "class", Header: "Class", Kind: textKind, Width: 24, Place: atFront, Meaning: "What happened, in the finest word that fits", Source: "exporter", Blank: "never blank"},
			{Name: "certification_id", Header: "Certification id", Kind: idKind, Width: idWidth, Place: atEnd, Meaning: "Certification the object belongs to", Source: "exporter", Blank: "a campaign's task"},
			{Name: "object_id", Header: "Object id", Kind: idKind, Width: idWidth, Place: atEnd, Meaning: "Id of the object; of a permission, the id of its review item", Source: "exporter", Blank: "the class concerns a whole collection"},
			{Name: "certification_name", Header: "Certification", Kind: textKind, Width: 42, Added: true, Meaning: "Name of the certification, as this run has it, or else the baseline", Source: "GET /certifications: name", Blank: "a campaign's task, or not given"},
			{Name: "identity_name", Header: "Identity", Kind: textKind, Width: 22, Added: true, Meaning: "Whose access it is, as this run has it, or else the baseline", Source: items + "identitySummary.name", Blank: "neither a review item nor its permission, or not given"},
			{Name: "access_name", Header: "Access", Kind: textKind, Width: 28, Added: true, Meaning: "The access under review, as this run has it, or else the baseline", Source: items + "accessSummary.access.name", Blank: "neither a review item nor its permission, or not given"},
			{Name: "field", Header: "Field", Kind: textKind, Width: 22, Meaning: "Column that differs; for NOT_COMPARABLE the collection", Source: "exporter", Blank: "the object appeared or disappeared as a whole"},
			{Name: "before", Header: "Before", Kind: textKind, Width: 36, Meaning: "Value in the baseline; of an object that disappeared, the object as JSON", Source: "exporter", Blank: "no value in the baseline"},
			{Name: "after", Header: "After", Kind: textKind, Width: 36, Meaning: "Value in this run; of an object that appeared, the object as JSON", Source: "exporter", Blank: "no value in this run"},
			{Name: "rows_below", Header: "Rows below", Kind: integerKind, Width: 12, Added: true, Meaning: "Rows of all that went or came with the certification as a whole: in changes.csv, not on this sheet", Source: "exporter", Blank: "the row stands for itself"},
			{Name: "last_seen_before_at", Header: "Still as before, observed (UTC)", Kind: instantKind, Width: 20, Added: true, Meaning: "Start of the last run that proved the object as it was in the baseline: the change is not older", Source: "exporter", Blank: "what was read changed, not the tenant"},
			{Name: "first_seen_after_at", Header: "As now, observed (UTC)", Kind: instantKind, Width: 20, Added: true, Meaning: "Start of the first run that saw the object as it is now, or of this run where it is gone: the change came before that run ended", Source: "exporter", Blank: "what was read changed, not the tenant"},
			{Name: "decision_before", Header: "Decision before", Kind: textKind, Width: 12, Place: unseen, Added: true, Meaning: "Decision of the item in the baseline", Source: "exporter", Blank: "undecided, or not a review item"},
			{Name: "decision_after", Header: "Decision after", Kind: textKind, Width: 12, Place: unseen, Added: true, Meaning: "Decision of the item in this run", Source: "exporter", Blank: "undecided, or not a review item"},
			{Name: "moved_from", Header: "Moved from", Kind: idKind, Width: idWidth, Place: unseen, Added: true, Meaning: "Certification that reassignment took it from", Source: "exporter", Blank: "not reassigned"},
			{Name: "is_below", Header: "Is below", Kind: booleanKind, Width: 10, Place: unseen, Added: true, Meaning: "The certification's own row stands for this one", Source: "exporter", Blank: "no"},
		},
	}
}

func findingsTable() table {
	return table{
		View: viewFindings, Sheet: "Findings", Frozen: "rule",
		Holds: "One row a finding, those to look at first at the top",
		Columns: []column{
			tenantColumn(), runColumn(),
			{Name: "rule", Header: "Rule", Kind: textKind, Width: 44, Meaning: "Rule that found it", Source: "exporter", Blank: "never blank"},
			{Name: "severity", Header: "Severity", Kind: textKind, Width: 12, Meaning: "How much it matters", Source: "exporter", Blank: "never blank"},
			{Name: "object", Header: "Object", Kind: textKind, Width: 14, Meaning: "Kind of object found", Source: "exporter", Blank: "never blank"},
			{Name: "certification_name", Header: "Certification", Kind: textKind, Width: 42, Added: true, Meaning: "Name of the certification", Source: "GET /certifications: name", Blank: "the finding concerns the whole run, or the certification is not there any more"},
			{Name: "certification_id", Header: "Certification id", Kind: idKind, Width: idWidth, Place: atEnd, Meaning: "Certification the object belongs to", Source: "exporter", Blank: "the finding concerns the whole run"},
			{Name: "object_id", Header: "Object id", Kind: idKind, Width: idWidth, Place: atEnd, Meaning: "Id of the object", Source: "exporter", Blank: "the finding concerns a whole population"},
			{Name: "detail", Header: "Detail", Kind: textKind, Width: 60, Wrap: true, Meaning: "What was found", Source: "exporter", Blank: "never blank"},
			{Name: "threshold", Header: "Threshold", Kind: textKind, Width: 28, Wrap: true, Meaning: "Threshold in force", Source: "configuration: report.findings", Blank: "the rule has none"},
			{Name: "where_to_look", Header: "Where to look", Kind: textKind, Width: 18, Meaning: "Sheet that has the evidence, in the row of these ids", Source: "exporter", Blank: "never blank"},
			{Name: "version", Header: "Version", Kind: integerKind, Width: 12, Place: csvOnly, Meaning: "Version of the rule: it grows when the same rows would give other findings", Source: "exporter", Blank: "never blank"},
			{Name: "limits", Header: "What the data cannot show", Kind: textKind, Width: 60, Wrap: true, Meaning: "Limit of the rule: what does not follow from the finding", Source: "exporter", Blank: "never blank"},
		},
	}
}

// provenanceTable holds how the run was made, as stored with it.
func provenanceTable() table {
	return table{
		View: "provenance", Made: true, Sheet: "Provenance", Frozen: "parameter",
		Holds: "How the run was made: program, configuration, tenant, requests",
		Columns: []column{
			{Name: "parameter", Header: "Parameter", Kind: idKind, Width: 60, Wrap: true, Meaning: "What is stated about the run", Source: "exporter", Blank: "never blank"},
			{Name: "value", Header: "Value", Kind: textKind, Width: 84, Wrap: true, Meaning: "Its value, as stored with the run", Source: "exporter", Blank: "never blank"},
		},
	}
}

// longTextTable holds what is too long for a cell; it is filled while the other sheets are written.
func longTextTable() table {
	return table{
		View: "long_text", Made: true, Sheet: "Long Text", Frozen: "entry",
		Holds: "Full text of cells that are longer than a spreadsheet holds",
		Columns: []column{
			{Name: "entry", Header: "Entry", Kind: integerKind, Width: 10, Meaning: "Number the shortened cell names", Source: "exporter", Blank: "never blank"},
			{Name: "part", Header: "Part", Kind: integerKind, Width: 9, Meaning: "Part of the text; put the parts together in order", Source: "exporter", Blank: "never blank"},
			{Name: "parts", Header: "Parts", Kind: integerKind, Width: 10, Meaning: "Number of parts", Source: "exporter", Blank: "never blank"},
			{Name: "sheet", Header: "Sheet", Kind: textKind, Width: 20, Meaning: "Sheet of the shortened cell", Source: "exporter", Blank: "never blank"},
			{Name: "column", Header: "Column", Kind: textKind, Width: 26, Meaning: "Column of the shortened cell", Source: "exporter", Blank: "never blank"},
			{Name: "record", Header: "Record", Kind: idKind, Width: 72, Meaning: "Leading ids of the row of the shortened cell", Source: "exporter", Blank: "the row has no id"},
			{Name: "text", Header: "Text", Kind: textKind, Width: 100, Meaning: "The text as it came", Source: "as the column named", Blank: "never blank"},
		},
	}
}
