package job_test

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"exporter/internal/job"
	"exporter/internal/report"
	"exporter/internal/report/findings"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

// TestManualOfTheReportIsTrue holds docs/report.md against the demo's three
// nights: the answer printed below each query, each number of rows, and each
// row that is quoted. Numbers in sentences are not read.
func TestManualOfTheReportIsTrue(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(docs, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Truncate(time.Microsecond)
	n := reportedNights(t)
	conn := openReader(t, n.url)

	queries := regexp.MustCompile("(?s)```sql\n(.+?;)\n```\n\n((?:\\|[^\n]*\n)+)").FindAllStringSubmatch(string(text), -1)
	if got := strings.Count(string(text), "```sql"); got != len(queries) || got == 0 {
		t.Errorf("%d queries, %d of them with an answer below", got, len(queries))
	}
	for _, q := range queries {
		if diff := cmp.Diff(markdown(q[2]), records(t, ask(t, conn, q[1], begin))); diff != "" {
			t.Errorf("%s\n(-manual +database):\n%s", q[1], diff)
		}
	}

	marked := regexp.MustCompile(`<!-- (counts|rows: ([A-Za-z_.-]+), run (\d)) -->\n((?:\|[^\n]*\n)+)`).FindAllStringSubmatch(string(text), -1)
	if got := strings.Count(string(text), "<!-- "); got != len(marked) || got < 2 {
		t.Errorf("%d marks, %d of them before a table", got, len(marked))
	}
	for _, m := range marked {
		if m[1] == "counts" {
			n.checkCounts(t, markdown(m[4]))
		} else {
			n.checkRows(t, m[2], m[3], markdown(m[4]))
		}
	}
}

// TestPicturesOfTheManualAreThere wants each picture shown, and told to those
// who cannot see it.
func TestPicturesOfTheManualAreThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(docs, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, m := range regexp.MustCompile(`!\[([^]]*)\]\(([^)]*)\)`).FindAllStringSubmatch(string(text), -1) {
		shown = append(shown, filepath.Join(docs, m[2]))
		if len(m[1]) < 20 {
			t.Errorf("%s: its alternative text says nothing", m[2])
		}
	}
	files, err := filepath.Glob(filepath.Join(docs, "pictures", "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(shown)
	if diff := cmp.Diff(shown, files); diff != "" {
		t.Errorf("pictures (-shown +there):\n%s", diff)
	}
}

// nights are the demo's, with their reports.
type nights struct {
	url     string
	reports []*report.Result
	begun   []time.Time
}

func reportedNights(t *testing.T) nights {
	t.Helper()
	b := newBench(t, simulator.NewDemo(simulator.Options{}))
	baseline, err := job.ParseBaseline("previous")
	if err != nil {
		t.Fatal(err)
	}
	b.o.Report = &job.Report{Dir: t.TempDir(), Baseline: baseline}
	b.o.Settings.Formats = []string{report.FormatXLSX, report.FormatCSV}
	b.o.Settings.Findings = findings.Defaults()
	n := nights{url: b.url}
	for i, want := range []snapshot.Status{snapshot.Sealed, snapshot.Partial, snapshot.Sealed} {
		b.tenant.DemoNight(i + 1)
		r := b.mustNight(t, want)
		n.reports = append(n.reports, r.Report)
		n.begun = append(n.begun, r.Run.StartedAt)
	}
	return n
}

// checkCounts holds a table of files, conditions and numbers for each run
// against the files.
func (n nights) checkCounts(t *testing.T, table [][]string) {
	t.Helper()
	for _, line := range table[1:] {
		for i, want := range line[2:] {
			if got := fmt.Sprint(count(t, n.table(t, line[0], i), line[1])); got != want {
				t.Errorf("run %d: %s where %s: %s, and the manual says %s", i+1, line[0], line[1], got, want)
			}
		}
	}
}

// count is of the rows that hold all of "column = value, column ≠ value", or
// the "sum of column".
func count(t *testing.T, rows []map[string]string, where string) int {
	t.Helper()
	total := 0
	for _, row := range rows {
		add := 1
		for _, condition := range strings.FieldsFunc(where, func(r rune) bool { return r == ',' }) {
			condition = strings.TrimSpace(condition)
			if column, ok := strings.CutPrefix(condition, "sum of "); ok {
				number, err := strconv.Atoi(row[column])
				if err != nil {
					t.Fatal(err)
				}
				add = number
				continue
			}
			words := strings.SplitN(condition, " ", 3)
			value, ok := row[words[0]]
			if !ok || len(words) != 3 || words[1] != "=" && words[1] != "≠" {
				t.Fatalf("condition %q cannot be told of %v", condition, row)
			}
			if equal := value == strings.TrimSuffix(words[2], "(blank)"); equal != (words[1] == "=") {
				add = 0
				break
			}
		}
		total += add
	}
	return total
}

// checkRows wants each row of a table to be one row of a file or sheet.
func (n nights) checkRows(t *testing.T, name, run string, table [][]string) {
	t.Helper()
	number, err := strconv.Atoi(run)
	if err != nil {
		t.Fatal(err)
	}
	rows := n.table(t, name, number-1)
	for _, line := range table[1:] {
		found := 0
		for _, row := range rows {
			if !slices.ContainsFunc(table[0], func(column string) bool {
				value, ok := row[column]
				return !ok || value != line[slices.Index(table[0], column)]
			}) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s of run %s has %d rows with %v", name, run, found, line)
		}
	}
}

// table reads a CSV file, or a sheet, of the report of a night. A time that is
// the start of a run reads so.
func (n nights) table(t *testing.T, name string, night int) []map[string]string {
	t.Helper()
	var all [][]string
	if strings.HasSuffix(name, ".csv") {
		text, err := os.ReadFile(filepath.Join(n.reports[night].Folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if all, err = csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff"))).ReadAll(); err != nil {
			t.Fatal(err)
		}
	} else {
		book, err := excelize.OpenFile(n.reports[night].Workbook)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = book.Close() }()
		if all, err = book.GetRows(name, excelize.Options{RawCellValue: true}); err != nil {
			t.Fatal(err)
		}
	}
	var rows []map[string]string
	for _, record := range all[1:] {
		row := map[string]string{}
		for i, column := range all[0] {
			if row[column] = ""; i < len(record) {
				row[column] = n.named(column, record[i])
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// named is the start of a run instead of its time, which is another each time.
func (n nights) named(column, value string) string {
	at, err := time.Parse(time.RFC3339Nano, value)
	if days, wrong := strconv.ParseFloat(value, 64); wrong == nil && strings.HasSuffix(column, "(UTC)") {
		at, err = time.Unix(0, int64(math.Round((days-25569)*86400*1e6))*1000), nil
	}
	if err != nil {
		return value
	}
	for i, begun := range n.begun {
		if d := at.Sub(begun); d.Abs() < 10*time.Microsecond {
			return fmt.Sprintf("start of run %d", i+1)
		}
	}
	return value
}

// markdown reads a table, its header among the rows, without the line below it.
func markdown(table string) [][]string {
	var rows [][]string
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		if i == 1 {
			continue
		}
		var row []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	return rows
}
