package report

import "slices"

// kind says what values a column holds and so how a cell is written.
type kind uint8

const (
	textKind    kind = iota // string
	idKind                  // string that must never be taken for a number
	integerKind             // int64
	booleanKind             // bool
	instantKind             // time.Time, UTC
	listKind                // []string, joined with "; "
)

// place says where a column of the CSV stands on the sheet.
type place uint8

const (
	inBody  place = iota
	atFront       // what people sort and filter by first, so it comes before the ids
	atEnd         // true of nearly every row in the same way, so it gives way to what people read
	csvOnly       // the same on every row, so that Summary and footer say it; or an id beside its name on a sheet that is wide
	unseen        // read for the report's own sake: on no sheet
)

// column is one column of a CSV file and of a sheet. Everything the report says about a column is said here.
type column struct {
	Name    string // the view's column, and the header in the CSV
	Header  string // the header on the sheet; times say "(UTC)"
	Kind    kind
	Width   float64 // on the sheet, in characters
	Wrap    bool
	Place   place
	Added   bool   // the report's own, beside the columns of the view: not in the file
	Meaning string // what the value says
	Source  string // endpoint, as in version v1 less its prefix, and JSON path; or the exporter itself
	Blank   string // what an empty cell means
}

// table is one view with its file and its sheet.
type table struct {
	View    string // also the name of the CSV file, without .csv
	Made    bool   // made by the report itself: there is no such view, nor a CSV file
	Sheet   string // empty: no sheet
	Frozen  string // the last column that stays in sight when scrolling to the right
	Holds   string // one line for the Summary
	Columns []column
}

func (t table) names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// inFile gives the positions of the columns that the CSV has.
func (t table) inFile() []int {
	var file []int
	for i, c := range t.Columns {
		if !c.Added {
			file = append(file, i)
		}
	}
	return file
}

// fileNames gives the names of the columns that the CSV has.
func (t table) fileNames() []string {
	var names []string
	for _, i := range t.inFile() {
		names = append(names, t.Columns[i].Name)
	}
	return names
}

// index is the position of a column that the table is known to have.
func (t table) index(name string) int {
	for i, c := range t.Columns {
		if c.Name == name {
			return i
		}
	}
	panic("report: table " + t.View + " has no column " + name)
}

// onSheet gives the positions of the table's columns in the order of the sheet.
func (t table) onSheet() []int {
	var front, body, end []int
	for i, c := range t.Columns {
		switch c.Place {
		case atFront:
			front = append(front, i)
		case inBody:
			body = append(body, i)
		case atEnd:
			end = append(end, i)
		}
	}
	return slices.Concat(front, body, end)
}

// width is that of the table's sheet, in characters.
func (t table) width() float64 {
	var sum float64
	for _, i := range t.onSheet() {
		sum += t.Columns[i].Width
	}
	return sum
}

// Names of views of which the Summary tells more than the number of rows.
const (
	viewCoverage       = "coverage"
	viewCertifications = "certifications"
	viewChanges        = "changes"
	viewReviewers      = "reviewers"
	viewReviewItems    = "review_items"
	viewPermissions    = "permissions"
	viewTasks          = "tasks"
	viewReassignments  = "reassignments"
	viewRevocations    = "revocations"
	viewFindings       = "findings"
	viewRollForward    = "roll_forward"
)

// tables gives the tables whose rows come from the history, in the order of the sheets.
func tables() []table {
	return []table{
		coverageTable(),
		certificationsTable(),
		reviewerTotalsTable(),
		reviewersTable(),
		reviewItemsTable(),
		permissionsTable(),
		tasksTable(),
		changesTable(),
		reassignmentsTable(),
		revocationsTable(),
	}
}

// filed gives all tables that have a file, in the order of the sheets.
func filed() []table {
	t := tables()
	after := slices.IndexFunc(t, func(t table) bool { return t.View == viewChanges }) + 1
	return append(slices.Insert(t, after, rollForwardTable()), findingsTable())
}

// documented gives all tables, in the order of the sheets.
func documented() []table {
	return append(slices.Insert(filed(), 0, provenanceTable()), dictionaryTable(), longTextTable())
}

// idWidth shows the 32 hexadecimal digits of the tenant's ids.
const idWidth = 34

// Columns that several views share.

func tenantColumn() column {
	return column{Name: "tenant", Header: "Tenant", Kind: textKind, Width: 16, Place: csvOnly,
		Meaning: "Label of the tenant the run read", Source: "configuration: tenant.name", Blank: "never blank"}
}

func runColumn() column {
	return column{Name: "run_id", Header: "Run", Kind: integerKind, Width: 8, Place: csvOnly,
		Meaning: "Run this report shows", Source: "exporter", Blank: "never blank"}
}

func capturedColumn() column {
	return column{Name: "captured_run_id", Header: "Captured in run", Kind: integerKind, Width: 14, Place: atEnd,
		Meaning: "Run that proved the collection this row belongs to; earlier than the run of the report where that could not or need not read it again",
		Source:  "exporter", Blank: "never blank"}
}

func certificationIDColumn(source string) column {
	return column{Name: "certification_id", Header: "Certification id", Kind: idKind, Width: idWidth,
		Meaning: "Certification the row belongs to", Source: source, Blank: "never blank"}
}

// objectColumns puts the columns every object's view begins with before its own.
func objectColumns(own ...column) []column {
	return append([]column{tenantColumn(), runColumn(), capturedColumn()}, own...)
}
