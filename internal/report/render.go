package report

import (
	"context"
	"fmt"
)

// render writes every file of the report into the folder.
func render(ctx context.Context, f *folder, run Run, src Source, s Settings) (Result, error) {
	r := &renderer{folder: f, run: run, src: src, settings: s, summary: newSummary(run), finder: newFinder(f, run, s.Findings)}
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
	for _, t := range tables() {
		if err := r.table(ctx, t); err != nil {
			return Result{}, fmt.Errorf("write %s: %w", t.View, err)
		}
	}
	if err := r.findings(ctx); err != nil {
		return Result{}, fmt.Errorf("write findings: %w", err)
	}
	if r.book != nil {
		if err := r.made(dictionaryTable(), dictionary()); err != nil {
			return Result{}, fmt.Errorf("write dictionary: %w", err)
		}
	}
	if r.book != nil {
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
	book     *book // nil: no workbook asked for
	summary  *summary
	finder   *finder
}

// table reads a view once and writes its file and its sheet side by side.
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
		last := r.summary.see(t, row)
		if err := r.finder.see(t, row); err != nil {
			return err
		}
		if err := o.row(row, last); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil { // a cancelled source may just have ended
		return err
	}
	return r.end(o)
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
	if err := r.finder.each(func(row []any) error { return o.row(row, false) }); err != nil {
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
	if r.book != nil {
		o.sheet, err = r.book.newSheet(t)
	}
	return o, err
}

// row writes a row; last puts it behind the others of its sheet.
func (o output) row(row []any, last bool) error {
	if o.csv != nil {
		if err := o.csv.row(row); err != nil {
			return err
		}
	}
	switch {
	case o.sheet == nil:
		return nil
	case last:
		return o.sheet.later(row)
	default:
		return o.sheet.row(row)
	}
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
