package report

import (
	"context"
	"fmt"
	"io"
	"iter"
	"testing"

	"github.com/xuri/excelize/v2"
)

// manyItems yields n review items and nothing else.
type manyItems struct {
	n    int
	rows [][]any
}

func newManyItems(n int) manyItems {
	src := plausibleSource(8, 128, false)
	var rows [][]any
	for row := range src.yield("review_items", reviewItemsTable().names()) {
		rows = append(rows, append([]any(nil), row...))
	}
	return manyItems{n: n, rows: rows}
}

func (m manyItems) Rows(_ context.Context, view string, _ []string) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		if view != "review_items" {
			return
		}
		for i := range m.n {
			if !yield(m.rows[i%len(m.rows)], nil) {
				return
			}
		}
	}
}

func (m manyItems) Baseline(context.Context, string, []string) iter.Seq2[[]any, error] {
	return func(func([]any, error) bool) {}
}

func (m manyItems) Changes(context.Context, []string) iter.Seq2[[]any, error] {
	return func(func([]any, error) bool) {}
}

// WriteSeal writes no lines; emptyRoot is their hash.
func (m manyItems) WriteSeal(context.Context, io.Writer) error { return nil }

const emptyRoot = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const benchRows = 50_000

func BenchmarkWrite(b *testing.B) {
	for _, formats := range [][]string{{FormatXLSX}, {FormatCSV}, {FormatXLSX, FormatCSV}} {
		b.Run(fmt.Sprint(formats), func(b *testing.B) {
			src, run := newManyItems(benchRows), testRun(StatusSealed)
			run.RootSHA256 = emptyRoot
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Write(b.Context(), b.TempDir(), run, src, Settings{Formats: formats, FormulaGuard: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, format := range []string{FormatXLSX, FormatCSV} {
		b.Run(format, func(b *testing.B) {
			run := testRun(StatusSealed)
			run.RootSHA256 = emptyRoot
			res, err := Write(b.Context(), b.TempDir(), run, newManyItems(benchRows), Settings{Formats: []string{format}})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Verify(b.Context(), res.Folder, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkExcelizeStreamWriter is what BenchmarkWrite's workbook is measured against.
func BenchmarkExcelizeStreamWriter(b *testing.B) {
	src := newManyItems(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		xl := excelize.NewFile()
		st, err := newStyles(xl)
		if err != nil {
			b.Fatal(err)
		}
		w, err := xl.NewStreamWriter("Sheet1")
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for row := range src.Rows(b.Context(), "review_items", nil) {
			cells := make([]any, len(row))
			for i, v := range row {
				cells[i] = excelize.Cell{StyleID: st.of(reviewItemsTable().Columns[i]), Value: v}
			}
			n++
			if err := w.SetRow(fmt.Sprintf("A%d", n), cells); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := xl.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
		if err := xl.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
