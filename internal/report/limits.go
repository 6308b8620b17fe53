package report

import "cmp"

// Excel's limits. A file beyond one of them opens with an offer to repair it, which loses data.
const (
	maxCellUnits = 32767 // UTF-16 code units in a cell
	maxCellLines = 253   // line feeds in a cell
	maxSheetName = 31    // characters
	maxRowLines  = 31    // of text in a row: a row is 409 points high at most
)

// limits bound one sheet. A view that needs more goes on as "Review Items (2)".
type limits struct {
	rows  int64 // rows of data; Excel ends at 1,048,576 with the header
	bytes int64 // of the sheet's XML; past 4 GiB readers without zip64 refuse the part
}

func (l limits) orDefault() limits {
	return limits{rows: cmp.Or(l.rows, 1_000_000), bytes: cmp.Or(l.bytes, 3<<30)}
}
