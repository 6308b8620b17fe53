package report

// What the history tells beside the objects themselves: views of their own, and of these, sheets and files.

func reviewerTotalsTable() table {
	const made = "exporter, from certifications and review items"
	return table{
		View: "reviewer_totals", Sheet: "Reviewers", Frozen: "reviewer_name",
		Holds: "One row a reviewer: certifications, decisions, own access, lateness",
		Columns: []column{
			tenantColumn(), runColumn(),
			{Name: "reviewer_id", Header: "Reviewer id", Kind: idKind, Width: idWidth, Meaning: "Reviewer of the certifications' headers", Source: "GET /certifications: reviewer.id", Blank: "certifications without a reviewer"},
			{Name: "reviewer_name", Header: "Reviewer", Kind: textKind, Width: 28, Meaning: "Name of the reviewer", Source: "GET /certifications: reviewer.name", Blank: "not given"},
			{Name: "certifications", Header: "Certifications", Kind: integerKind, Width: 17, Meaning: "Certifications of the reviewer", Source: made, Blank: "never blank"},
			{Name: "items", Header: "Items", Kind: integerKind, Width: 10, Meaning: "Review items in them", Source: made, Blank: "never blank"},
			{Name: "decided", Header: "Decided", Kind: integerKind, Width: 12, Meaning: "Of the items, those with a decision", Source: made, Blank: "never blank"},
			{Name: "approved", Header: "Approved", Kind: integerKind, Width: 13, Meaning: "Of the decided, those approved", Source: made, Blank: "never blank"},
			{Name: "revoked", Header: "Revoked", Kind: integerKind, Width: 12, Meaning: "Of the decided, those revoked", Source: made, Blank: "never blank"},
			{Name: "approved_percent", Header: "Approved %", Kind: integerKind, Width: 12, Added: true, Meaning: "Approved of the decided, in whole percent, rounded down", Source: made, Blank: "nothing decided"},
			{Name: "revoked_percent", Header: "Revoked %", Kind: integerKind, Width: 11, Added: true, Meaning: "Revoked of the decided, in whole percent, rounded down", Source: made, Blank: "nothing decided"},
			{Name: "privileged_approved", Header: "Privileged approved", Kind: integerKind, Width: 13, Meaning: "Of the approved, those of privileged access", Source: made, Blank: "never blank"},
			{Name: "own_items", Header: "Own items", Kind: integerKind, Width: 10, Meaning: "Of the items, those on the reviewer's own access", Source: made, Blank: "never blank"},
			{Name: "late_certifications", Header: "Late certifications", Kind: integerKind, Width: 17, Meaning: "Certifications signed after they were due, or due before the run began and not signed", Source: made, Blank: "never blank"},
		},
	}
}

// rollForwardTable is made by the report itself, of what the other sheets hold and what was sealed with the baseline.
func rollForwardTable() table {
	const made = "exporter"
	const notStated = "not stated, see Statement"
	return table{
		View: viewRollForward, Sheet: "Roll-forward", Frozen: "state",
		Holds: "One row a campaign and object: opening + added − removed = closing",
		Columns: []column{
			tenantColumn(), runColumn(),
			{Name: "baseline_run_id", Header: "Baseline run", Kind: integerKind, Width: 16, Place: csvOnly, Meaning: "Run compared with", Source: made, Blank: "no baseline"},
			{Name: "campaign_id", Header: "Campaign id", Kind: idKind, Width: idWidth, Place: csvOnly, Meaning: "Campaign of the certifications, as of this run; of those that are gone, as of the baseline", Source: "GET /certifications: campaign.id", Blank: "not given, or the certification's header was never read"},
			{Name: "campaign_name", Header: "Campaign", Kind: textKind, Width: 30, Meaning: "Name of the campaign", Source: "GET /certifications: campaign.name", Blank: "not given"},
			{Name: "object", Header: "Object", Kind: textKind, Width: 14, Meaning: "What is counted: certification, reviewer, review_item, permission or task", Source: made, Blank: "never blank"},
			{Name: "state", Header: "State", Kind: textKind, Width: 13, Meaning: "all; and review items that are decided, approved, revoked or undecided, counted apart", Source: made, Blank: "never blank"},
			{Name: "opening", Header: "Opening", Kind: integerKind, Width: 13, Meaning: "Number as of the baseline, from its history", Source: made, Blank: notStated},
			{Name: "added", Header: "Added", Kind: integerKind, Width: 13, Meaning: "Rows of changes.csv by which objects came, or came to be in the state", Source: made, Blank: notStated},
			{Name: "removed", Header: "Removed", Kind: integerKind, Width: 13, Meaning: "Rows of changes.csv by which objects went, or ceased to be in the state. Absence from a list, which is not the same as revoked access", Source: made, Blank: notStated},
			{Name: "closing", Header: "Closing", Kind: integerKind, Width: 13, Meaning: "Rows of this report: of the object's file", Source: made, Blank: notStated},
			{Name: "difference", Header: "Foot check", Kind: integerKind, Width: 13, Meaning: "Opening + added − removed − closing: 0", Source: made, Blank: notStated},
			{Name: "statement", Header: "Statement", Kind: textKind, Width: 58, Wrap: true, Meaning: "foots; or why a number cannot be stated, for what was not proved is not counted", Source: made, Blank: "never blank"},
			{Name: "by_class", Header: "By class of change", Kind: textKind, Width: 58, Wrap: true, Meaning: "What added and removed are made of, see sheet Changes", Source: made, Blank: "nothing came or went, or not stated"},
		},
	}
}

func reassignmentsTable() table {
	const source = "GET /certifications: "
	const chain = "exporter, from the certifications of all runs up to this one"
	return table{
		View: "reassignments", Sheet: "Reassignments", Frozen: "certification_id",
		Holds: "One row a certification that came of a reassignment",
		Columns: objectColumns(
			column{Name: "certification_id", Header: "Certification id", Kind: idKind, Width: idWidth, Meaning: "Certification made for the new reviewer", Source: source + "id", Blank: "never blank"},
			column{Name: "name", Header: "Name", Kind: textKind, Width: 42, Meaning: "Name of the certification", Source: source + "name", Blank: "not given"},
			column{Name: "reassigned_from_id", Header: "Reassigned from id", Kind: idKind, Width: idWidth, Meaning: "Certification it was cut from, one hop back", Source: source + "reassignment.from.id", Blank: "never blank"},
			column{Name: "from_reviewer_id", Header: "From reviewer id", Kind: idKind, Width: idWidth, Place: csvOnly, Meaning: "Reviewer of that certification", Source: source + "reassignment.from.reviewer.id", Blank: "not given"},
			column{Name: "from_reviewer_name", Header: "From reviewer", Kind: textKind, Width: 22, Meaning: "Name of that reviewer", Source: source + "reassignment.from.reviewer.name", Blank: "not given"},
			column{Name: "to_reviewer_id", Header: "To reviewer id", Kind: idKind, Width: idWidth, Place: csvOnly, Meaning: "The new reviewer", Source: source + "reviewer.id", Blank: "no reviewer"},
			column{Name: "to_reviewer_name", Header: "To reviewer", Kind: textKind, Width: 22, Meaning: "Name of the new reviewer", Source: source + "reviewer.name", Blank: "no reviewer, or no name given"},
			column{Name: "reassignment_comment", Header: "Comment", Kind: textKind, Width: 40, Wrap: true, Meaning: "Reason given for the reassignment", Source: source + "reassignment.comment", Blank: "none given"},
			column{Name: "reassignments", Header: "Hops", Kind: integerKind, Width: 8, Meaning: "Reassignments from the original reviewer to this one, as far as known", Source: chain, Blank: "never blank"},
			column{Name: "original_certification_id", Header: "Original certification id", Kind: idKind, Width: idWidth, Place: csvOnly, Meaning: "Certification the chain began with", Source: chain, Blank: "never blank"},
			column{Name: "original_reviewer_id", Header: "Original reviewer id", Kind: idKind, Width: idWidth, Place: csvOnly, Meaning: "Reviewer the chain began with", Source: chain, Blank: "not known"},
			column{Name: "original_reviewer_name", Header: "Original reviewer", Kind: textKind, Width: 22, Meaning: "Name of that reviewer", Source: chain, Blank: "not known"},
			column{Name: "last_seen_without_at", Header: "Not yet there, observed (UTC)", Kind: instantKind, Width: 20, Meaning: "Start of the last run that proved the list of certifications without this one: the reassignment is not older", Source: "exporter", Blank: "no earlier run proved the list"},
			column{Name: "first_seen_at", Header: "First there, observed (UTC)", Kind: instantKind, Width: 20, Meaning: "Start of the first run that saw it: the reassignment came before that run ended", Source: "exporter", Blank: "never blank"},
			column{Name: "due", Header: "Due (UTC)", Kind: instantKind, Width: 20, Meaning: "When the review is due", Source: source + "due", Blank: "no due date"},
			column{Name: "days_before_due", Header: "Days before due", Kind: integerKind, Width: 15, Added: true, Meaning: "Whole days from the first run that saw it to the due date; negative: it was due before", Source: "exporter", Blank: "no due date"},
			column{Name: "own_items", Header: "Items on own access", Kind: integerKind, Width: 13, Place: unseen, Added: true, Meaning: "Items that review the new reviewer's own access", Source: "exporter, from the review items", Blank: "never blank"},
			column{Name: "lands_on_subject", Header: "Lands on a reviewed identity", Kind: booleanKind, Width: 20, Meaning: "The new reviewer is an identity whose access the certification reviews", Source: "exporter, from the review items", Blank: "never blank"},
		),
	}
}

func revocationsTable() table {
	const source = "GET /certifications/{id}/access-review-items: "
	const followed = "exporter, from the review items as of this run"
	return table{
		View: "revocations", Sheet: "Revocations", Frozen: "item_id",
		Holds: "One row a revoked item: was the access seen again?",
		Columns: objectColumns(
			certificationIDColumn("path of GET /certifications/{id}/access-review-items"),
			column{Name: "item_id", Header: "Item id", Kind: idKind, Width: idWidth, Meaning: "Review item that was revoked", Source: source + "id", Blank: "never blank"},
			column{Name: "identity_id", Header: "Identity id", Kind: idKind, Width: idWidth, Meaning: "Identity whose access was revoked", Source: source + "identitySummary.identityId", Blank: "not given"},
			column{Name: "identity_name", Header: "Identity", Kind: textKind, Width: 22, Meaning: "Name of that identity", Source: source + "identitySummary.name", Blank: "not given"},
			column{Name: "access_type", Header: "Access type", Kind: textKind, Width: 17, Meaning: "ENTITLEMENT, ACCESS_PROFILE, ROLE or another type", Source: source + "accessSummary.access.type", Blank: "not given"},
			column{Name: "access_id", Header: "Access id", Kind: idKind, Width: idWidth, Place: csvOnly, Meaning: "Id of the access", Source: source + "accessSummary.access.id", Blank: "not given"},
			column{Name: "access_name", Header: "Access", Kind: textKind, Width: 32, Meaning: "Name of the access", Source: source + "accessSummary.access.name", Blank: "not given"},
			column{Name: "source_name", Header: "Source", Kind: textKind, Width: 18, Meaning: "Source the entitlement is on", Source: source + "accessSummary.entitlement.sourceName", Blank: "not an entitlement, or not given"},
			column{Name: "account_native_identity", Header: "Account", Kind: idKind, Width: 30, Meaning: "The account's name on its source", Source: source + "accessSummary.entitlement.account.nativeIdentity", Blank: "no account, or not an entitlement"},
			column{Name: "reviewer_id", Header: "Reviewer id", Kind: idKind, Width: idWidth, Place: csvOnly, Meaning: "Reviewer of the certification", Source: "GET /certifications: reviewer.id", Blank: "no reviewer"},
			column{Name: "reviewer_name", Header: "Reviewer", Kind: textKind, Width: 22, Meaning: "Name of the reviewer", Source: "GET /certifications: reviewer.name", Blank: "no reviewer, or no name given"},
			column{Name: "signed", Header: "Signed (UTC)", Kind: instantKind, Width: 20, Meaning: "When the certification was signed", Source: "GET /certifications: signed", Blank: "not signed: nothing is looked for yet"},
			column{Name: "state", Header: "State", Kind: textKind, Width: 16, Place: atFront, Meaning: "STILL PRESENT: a certification created after the sign-off holds the same identity, access and account. PROVED GONE: a later one of a campaign of the same type and filter, captured whole, reviews the identity (of a source's owner: on that source) and does not hold it. UNKNOWN: neither. Certifications deleted in the tenant are not looked at", Source: followed, Blank: "never blank"},
			column{Name: "seen_in_certification_id", Header: "Told by certification id", Kind: idKind, Width: idWidth, Meaning: "The later certification that tells, the newest", Source: followed, Blank: "the state is UNKNOWN"},
			column{Name: "seen_at", Header: "Captured, observed (UTC)", Kind: instantKind, Width: 20, Meaning: "Start of the run that captured it", Source: "exporter", Blank: "the state is UNKNOWN"},
			column{Name: "days", Header: "Days", Kind: integerKind, Width: 8, Meaning: "Whole days from the sign-off to that run", Source: "exporter", Blank: "the state is UNKNOWN"},
		),
	}
}

// dictionaryTable tells what each column of the workbook means. Its rows are made of the tables that write the columns.
func dictionaryTable() table {
	return table{
		View: "dictionary", Made: true, Sheet: "Dictionary", Frozen: "column",
		Holds: "One row a column of sheets and files: meaning, type, source, what blank means",
		Columns: []column{
			{Name: "sheet", Header: "Sheet", Kind: textKind, Width: 24, Meaning: "Sheet the column is on, or whose file has it", Source: "exporter", Blank: "never blank"},
			{Name: "column", Header: "Column", Kind: textKind, Width: 30, Meaning: "Header of the column", Source: "exporter", Blank: "the column is in the file alone"},
			{Name: "name", Header: "Name in CSV and SQL", Kind: idKind, Width: 24, Meaning: "Name of the column in the file and the view", Source: "exporter", Blank: "the column is on the sheet alone"},
			{Name: "meaning", Header: "Meaning", Kind: textKind, Width: 64, Wrap: true, Meaning: "What a value says", Source: "exporter", Blank: "never blank"},
			{Name: "type", Header: "Type", Kind: textKind, Width: 18, Meaning: "What values are: text, id (text, never a number), whole number, yes or no, time in UTC, list", Source: "exporter", Blank: "never blank"},
			{Name: "source", Header: "Source", Kind: textKind, Width: 44, Wrap: true, Meaning: "Endpoint of the tenant's API, without the prefix of its version, and the path in its JSON; or the exporter itself", Source: "exporter", Blank: "never blank"},
			{Name: "blank", Header: "Blank means", Kind: textKind, Width: 30, Wrap: true, Meaning: "What an empty cell says", Source: "exporter", Blank: "never blank"},
		},
	}
}

// dictionary are the rows of the dictionary, in the order of sheets and columns.
func dictionary() [][]any {
	var rows [][]any
	for _, t := range documented() {
		add := func(c column, header any) {
			var name any
			if !t.Made && !c.Added {
				name = c.Name
			}
			rows = append(rows, []any{t.Sheet, header, name, c.Meaning, c.Kind.words(), c.Source, c.Blank})
		}
		for _, i := range t.onSheet() {
			add(t.Columns[i], t.Columns[i].Header)
		}
		for _, c := range t.Columns {
			if c.Place == csvOnly {
				add(c, nil)
			}
		}
	}
	return rows
}

// words tell people what values a column holds.
func (k kind) words() string {
	switch k {
	case idKind:
		return "id (text)"
	case integerKind:
		return "whole number"
	case booleanKind:
		return "yes or no"
	case instantKind:
		return "time, UTC"
	case listKind:
		return "list, joined with ;"
	}
	return "text"
}
