package report

import (
	"context"
	"fmt"
)

// render writes every file of the report into the folder.
func render(ctx context.Context, f *folder, run Run, src Source, s Settings) (Result, error) {
	p := placesOf(tables()...)
	r := &renderer{
		folder: f, run: run, src: src, settings: s, places: p, summary: newSummary(run), finder: newFinder(f, run, s.Findings, p),
		tally: newTally(p), forward: newRollForward(run, p),
	}
	res := Result{Folder: f.path()}
	if err := r.seal(ctx); err != nil {
		return Result{}, fmt.Errorf("write %s: %w", sealName, err)
	}
	if s.wants(FormatXLSX) {
		var err error
		if r.book, err = newBook(f, run, s.limits.orDefault()); err != nil {
			return Result{}, fmt.Errorf("begin workbook: %w", err)
		}
		res.Workbook = f.path(workbookName(run))
		if err := r.made(provenanceTable(), provenance(run)); err != nil {
			return Result{}, fmt.Errorf("write provenance: %w", err)
		}
	}
	if err := r.forward.open(ctx, src); err != nil {
		return Result{}, fmt.Errorf("read the baseline: %w", err)
	}
	for _, t := range tables() {
		if err := r.table(ctx, t); err != nil {
			return Result{}, fmt.Errorf("write %s: %w", t.View, err)
		}
		if t.View == viewChanges {
			if err := r.rollForward(); err != nil {
				return Result{}, fmt.Errorf("write %s: %w", viewRollForward, err)
			}
		}
	}
	if err := r.coverage(ctx); err != nil {
		return Result{}, fmt.Errorf("write %s: %w", viewCoverage, err)
	}
	if err := r.findings(ctx); err != nil {
		return Result{}, fmt.Errorf("write findings: %w", err)
	}
	if r.book != nil {
		if err := r.made(dictionaryTable(), dictionary()); err != nil {
			return Result{}, fmt.Errorf("write dictionary: %w", err)
		}
		r.summary.replaced += r.book.replaced
		if err := r.book.finish(r.summary); err != nil {
			return Result{}, fmt.Errorf("finish workbook: %w", err)
		}
		res.ShortenedCells = r.book.entries
	}
	res.Files, res.GuardedCells, res.ReplacedCells = f.files, r.summary.guarded, r.summary.replaced
	if err := writeManifest(f, run, res, s.Key); err != nil {
		return Result{}, fmt.Errorf("write manifest: %w", err)
	}
	return res, nil
}

type renderer struct {
	folder   *folder
	run      Run
	src      Source
	settings Settings
	places   places
	book     *book // nil: no workbook asked for
	summary  *summary
	finder   *finder
	tally    *tally
	forward  *rollForward
	covered  *sheet // that of coverage, reserved
}

// table reads a view once and writes its file and its sheet side by side. The sheet of coverage only gets its place.
func (r *renderer) table(ctx context.Context, t table) error {
	o, err := r.begin(t)
	if err != nil {
		return err
	}
	rows := r.src.Rows(ctx, t.View, t.names())
	if t.View == viewChanges {
		rows = r.src.Changes(ctx, t.names())
	}
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := checkRow(t, row); err != nil {
			return err
		}
		r.summary.see(t, row)
		r.tally.see(t, row)
		if err := r.forward.see(t, row); err != nil {
			return err
		}
		if err := r.finder.see(t, row); err != nil {
			return err
		}
		if err := o.row(row, r.below(t, row)); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil { // a cancelled source may just have ended
		return err
	}
	return r.end(o)
}

// below tells whether the sheet leaves a row to the file, since the row of its certification stands for it.
func (r *renderer) below(t table, row []any) bool {
	return t.View == viewChanges && value[bool](r.places.record(t.View, row), "is_below")
}

// rollForward writes how the campaigns' numbers came about.
func (r *renderer) rollForward() error {
	o, err := r.begin(rollForwardTable())
	if err != nil {
		return err
	}
	rows, footing := r.forward.rows()
	r.summary.footing = footing
	for _, row := range rows {
		if err := o.row(row, false); err != nil {
			return err
		}
	}
	return r.end(o)
}

// coverage writes the sheet of coverage, which holds the rows of all others against what was stored: what was not
// proved comes first.
func (r *renderer) coverage(ctx context.Context) error {
	if r.book == nil {
		return nil
	}
	t := coverageTable()
	if err := r.covered.begin(); err != nil {
		return err
	}
	judge := newCompleteness(r.run.KnownGaps)
	for row, err := range r.src.Rows(ctx, t.View, t.names()) {
		if err != nil {
			return err
		}
		r.tally.compare(row)
		write := r.covered.row
		if judge.see(row) {
			write = r.covered.later
		}
		if err := write(row); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.summary.differ = r.tally.differ
	return r.book.end(r.covered)
}

// findings writes what was found, the most severe first.
func (r *renderer) findings(ctx context.Context) error {
	if err := r.finder.end(ctx, r.src); err != nil {
		return err
	}
	r.summary.found = r.finder.counts
	o, err := r.begin(findingsTable())
	if err != nil {
		return err
	}
	rule := findingsTable().index("rule")
	if err := r.finder.each(func(row []any) error {
		if err := o.row(row, false); err != nil {
			return err
		}
		if id, _ := row[rule].(string); o.sheet != nil && r.summary.firstFound[id] == "" {
			r.summary.firstFound[id] = o.sheet.lastRow()
		}
		return nil
	}); err != nil {
		return err
	}
	return r.end(o)
}

// output is where the rows of a table go: its file, its sheet, or both.
type output struct {
	file  *file // nil, like csv: no file asked for
	csv   *csvWriter
	sheet *sheet // nil: no workbook asked for
}

func (r *renderer) begin(t table) (o output, err error) {
	if r.settings.wants(FormatCSV) {
		if o.file, o.csv, err = r.beginCSV(t); err != nil {
			return o, err
		}
	}
	switch {
	case r.book == nil:
	case t.View == viewCoverage: // written when the others are
		r.covered, err = r.book.reserve(t)
	default:
		o.sheet, err = r.book.newSheet(t)
	}
	return o, err
}

// row writes a row; fileOnly keeps it off the sheet.
func (o output) row(row []any, fileOnly bool) error {
	if o.csv != nil {
		if err := o.csv.row(row); err != nil {
			return err
		}
	}
	if o.sheet == nil || fileOnly {
		return nil
	}
	return o.sheet.row(row)
}

func (r *renderer) end(o output) error {
	if o.csv != nil {
		if err := r.endCSV(o.file, o.csv); err != nil {
			return err
		}
	}
	if o.sheet != nil {
		return r.book.end(o.sheet)
	}
	return nil
}

// provenance are the run's own facts.
func provenance(run Run) [][]any {
	var rows [][]any
	for _, f := range run.Provenance {
		rows = append(rows, []any{f.Name, f.Value})
	}
	return rows
}

// made writes a sheet that the report makes itself.
func (r *renderer) made(t table, rows [][]any) error {
	sheet, err := r.book.newSheet(t)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := sheet.row(row); err != nil {
			return err
		}
	}
	return r.book.end(sheet)
}

func (r *renderer) beginCSV(t table) (*file, *csvWriter, error) {
	out, err := r.folder.create(t.View + ".csv")
	if err != nil {
		return nil, nil, err
	}
	csv, err := newCSVWriter(out, t, r.settings.FormulaGuard)
	return out, csv, err
}

func (r *renderer) endCSV(out *file, csv *csvWriter) error {
	if err := csv.flush(); err != nil {
		return err
	}
	r.summary.guarded += csv.guarded
	r.summary.replaced += csv.replaced
	return r.folder.add(out, csv.rows)
}
