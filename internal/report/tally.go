package report

// tally counts the rows of the report by certification and collection, so that each can be held against what was
// stored. It keeps a number for each collection, nothing for a row.
type tally struct {
	places places
	rows   map[tallied]int64

	differ int64 // collections whose rows are not as many as were stored
}

// tallied is a collection of a certification, or a list of the whole run where there is no certification.
type tallied struct{ certification, collection string }

func newTally(p places) *tally { return &tally{places: p, rows: map[tallied]int64{}} }

// see counts a row of the report.
func (c *tally) see(t table, row []any) {
	id := c.places.record(t.View, row).text("certification_id")
	switch t.View {
	case viewCertifications:
		c.rows[tallied{id, headerCollection}]++
	case viewReviewers, viewReviewItems, viewPermissions:
		c.rows[tallied{id, t.View}]++
	case viewTasks:
		c.rows[tallied{id, t.View}]++ // told by certification, with some versions of the API
		if id != "" {
			c.rows[tallied{"", t.View}]++
		}
	}
}

// compare fills in, on a row of coverage, how many rows the report has of the collection and by how many that differs
// from what was stored.
func (c *tally) compare(row []any) {
	p := c.places[viewCoverage]
	r := c.places.record(viewCoverage, row)
	id, collection := r.text("certification_id"), r.text("collection")
	if id == "" && collection != viewTasks { // a list of the tenant that tells which objects there are, not a sheet
		return
	}
	stored, outcome := r.number("stored"), r.text("outcome")
	switch {
	case collection == viewTasks && id != "" && outcome == outcomeNotFound: // tasks outlive their certification; its coverage counts none
		return
	case collection != viewTasks && outcome == outcomeOutOfScope: // kept, and not shown
		stored = 0
	}
	rows := c.rows[tallied{id, collection}]
	row[p["rows_here"]], row[p["difference"]] = rows, stored-rows
	if stored != rows {
		c.differ++
	}
}
