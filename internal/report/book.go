package report

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/xuri/excelize/v2"
)

const summarySheet = "Summary"

// book is the workbook. Excelize makes all of it but the rows of the tables: those go straight into the zip, between
// the opening and the closing XML that excelize wrote for their sheet. The Summary, which stands first and tells of
// the rows, is written last; the order of the parts in a zip is free.
type book struct {
	folder *folder
	out    *file
	zip    *archive
	xl     *excelize.File
	styles styles
	run    Run
	limits limits
	sheets []*sheet // in their order

	longText  spool
	longCells *cells
	entries   int64 // cells whose full text is in longText
	replaced  int64 // cells with a character that XML forbids
}

func newBook(f *folder, run Run, l limits) (*book, error) {
	b := &book{folder: f, xl: excelize.NewFile(), run: run, limits: l, longText: spool{folder: f, name: "long_text"}}
	var err error
	if b.out, err = f.create(workbookName(run)); err != nil {
		return nil, err
	}
	b.zip = newArchive(b.out)
	if b.styles, err = newStyles(b.xl); err != nil {
		return nil, err
	}
	if b.longCells, err = newCells(longTextTable(), b); err != nil {
		return nil, err
	}
	if err := b.xl.SetSheetName("Sheet1", summarySheet); err != nil {
		return nil, err
	}
	at := run.FinishedAt
	if at.IsZero() {
		at = run.StartedAt
	}
	stamp := at.UTC().Format(time.RFC3339)
	title, _ := xmlText(fmt.Sprintf("Certification audit %s, run %d", run.Tenant, run.ID))
	if err := b.xl.SetDocProps(&excelize.DocProperties{Creator: "exporter", Title: title, Created: stamp, Modified: stamp}); err != nil {
		return nil, err
	}
	return b, b.writeFirstParts()
}

func workbookName(run Run) string {
	return fmt.Sprintf("audit-%s-%s%s.xlsx", run.Tenant, runName(run), suffix(run))
}

// writeFirstParts writes parts that no sheet changes, in the order by which file(1) and mail gateways know a workbook.
func (b *book) writeFirstParts() error {
	for _, name := range []string{"_rels/.rels", "docProps/app.xml", "docProps/core.xml", "xl/theme/theme1.xml"} {
		data, err := b.part(name)
		if err != nil {
			return err
		}
		w, err := b.zip.begin(name)
		if err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// beginPart begins a sheet's part of the zip: everything up to the rows, the header among it. The part ends where the
// next one begins.
func (b *book) beginPart(name string) (io.Writer, error) {
	opening, _, part, err := b.frame(name)
	if err != nil {
		return nil, err
	}
	w, err := b.zip.begin(part)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(opening)
	return w, err
}

// tail gives the sheet's XML behind its rows: with them counted, a sheet becomes a table of its program, which brings
// the buttons of the filter.
func (b *book) tail(name string, t table, rows int64) ([]byte, error) {
	columns, err := excelize.ColumnNumberToName(len(t.onSheet()))
	if err != nil {
		return nil, err
	}
	if err := b.addTable(name, fmt.Sprintf("A1:%s%d", columns, rows+1), rows); err != nil {
		return nil, err
	}
	if err := b.setPrintArea(name, columns, rows+1); err != nil {
		return nil, err
	}
	_, closing, _, err := b.frame(name)
	return closing, err
}

// addTable makes a table of a sheet's cells, the header among them, whatever its size: with neither formulas nor
// totals a table costs one small part of the file, and a sheet ends below what Excel holds. A sheet without rows gets
// the filter alone: a table has a row at least, and an empty one would read as a row that is there. Both on one sheet
// are one filter too many, which Excel offers to repair.
func (b *book) addTable(name, cells string, rows int64) error {
	if rows == 0 {
		return b.xl.AutoFilter(name, cells, nil)
	}
	stripes := true
	return b.xl.AddTable(name, &excelize.Table{Range: cells, Name: tableName(name), StyleName: tableStyle, ShowRowStripes: &stripes})
}

// tableName is what formulas call the table of a sheet: Review_Items_2 for "Review Items (2)".
func tableName(sheet string) string {
	return strings.NewReplacer(" ", "_", "-", "_", "(", "", ")", "").Replace(sheet)
}

// frame gives the XML that excelize makes of a sheet, cut where the rows go, and the name of its part.
func (b *book) frame(name string) (opening, closing []byte, part string, err error) {
	n, err := b.xl.GetSheetIndex(name)
	if err != nil {
		return nil, nil, "", err
	}
	part = fmt.Sprintf("xl/worksheets/sheet%d.xml", n+1)
	xml, err := b.part(part)
	if err != nil {
		return nil, nil, "", err
	}
	i := bytes.LastIndex(xml, []byte("</sheetData>"))
	if i < 0 {
		return nil, nil, "", fmt.Errorf("sheet %s: no place for rows in %s", name, part)
	}
	return xml[:i], xml[i:], part, nil
}

// part gives one part of the workbook as it is now.
func (b *book) part(name string) ([]byte, error) {
	c := &capture{name: name}
	b.xl.SetZipWriter(func(io.Writer) excelize.ZipWriter { return c })
	if _, err := b.xl.WriteToBuffer(); err != nil {
		return nil, err
	}
	if c.data.Len() == 0 {
		return nil, fmt.Errorf("workbook has no part %s", name)
	}
	return c.data.Bytes(), nil
}

// finish writes what is not in the zip yet and closes the workbook.
func (b *book) finish(s *summary) error {
	if !b.longText.empty() {
		l, err := b.newSheet(longTextTable())
		if err != nil {
			return err
		}
		if err := l.replay(&b.longText); err != nil {
			return err
		}
		if err := b.end(l); err != nil {
			return err
		}
	}
	if err := s.write(b); err != nil {
		return err
	}
	b.xl.SetActiveSheet(0)
	b.xl.SetZipWriter(func(io.Writer) excelize.ZipWriter { return b.zip })
	if _, err := b.xl.WriteToBuffer(); err != nil {
		return err
	}
	if err := b.xl.Close(); err != nil {
		return err
	}
	return b.folder.add(b.out, b.rows())
}

// end finishes a table's sheets.
func (b *book) end(s *sheet) error { return s.close() }

// rows counts the rows of the views on all sheets.
func (b *book) rows() int64 {
	var n int64
	for _, s := range b.sheets {
		if !s.table.Made {
			n += s.total
		}
	}
	return n
}

// shorten puts the full text of a cell on the sheet Long Text and gives what the cell shows instead.
func (b *book) shorten(c *cells, column int, row []any, s string) (string, error) {
	b.entries++
	pieces := parts(s)
	for i, p := range pieces {
		record, _ := xmlText(c.recordOf(row))
		line, err := b.longCells.row(nil, rowMark, []any{
			b.entries, int64(i + 1), int64(len(pieces)), c.table.Sheet, c.table.Columns[column].Header, record, p,
		})
		if err != nil {
			return "", err
		}
		if err := b.longText.add(line); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("[Shortened; full text: sheet Long Text, entry %d] %s…", b.entries, head(s, shownUnits, shownLines)), nil
}

// archive is the workbook's zip. The same parts in the same order give the same bytes.
type archive struct {
	zw    *zip.Writer
	begun []string
}

func newArchive(w io.Writer) *archive {
	zw := zip.NewWriter(w)
	// Level 1 of this implementation takes a quarter of the time of the standard one for a file a fifth larger.
	zw.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	return &archive{zw: zw}
}

func (a *archive) begin(name string) (io.Writer, error) {
	a.begun = append(a.begun, name)
	return a.zw.CreateHeader(&zip.FileHeader{
		Name:     name,
		Method:   zip.Deflate,
		Modified: time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC), // the earliest a zip can say
	})
}

// Create is excelize's way in: parts that were written before it are not written again.
func (a *archive) Create(name string) (io.Writer, error) {
	if slices.Contains(a.begun, name) {
		return io.Discard, nil
	}
	return a.begin(name)
}

// AddFS copies a file system; excelize does not call it.
func (a *archive) AddFS(fsys fs.FS) error { return a.zw.AddFS(fsys) }

// Close ends the zip.
func (a *archive) Close() error { return a.zw.Close() }

// capture is a zip writer that keeps one part and drops the others.
type capture struct {
	name string
	data bytes.Buffer
}

func (c *capture) Create(name string) (io.Writer, error) {
	if name == c.name {
		return &c.data, nil
	}
	return io.Discard, nil
}

func (c *capture) AddFS(fs.FS) error { return nil }
func (c *capture) Close() error      { return nil }

// headerText makes s fit for the header or footer of a page, where & begins a code and 255 characters are the end.
func headerText(s string) string {
	s, _ = xmlText(s)
	return strings.ReplaceAll(head(s, 60, 0), "&", "&&")
}
