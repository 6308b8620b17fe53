package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/xuri/excelize/v2"

	"exporter/internal/db"
	"exporter/internal/db/dbtest"
	"exporter/internal/simulator"
	"exporter/migrations"
)

// shownView is a view, and where its rows are found in a workbook: in which
// sheet, and by which of its columns.
type shownView struct {
	name, sheet string
	keys        []shownColumn
}

type shownColumn struct{ name, header string }

func shownViews() []shownView {
	certification := shownColumn{"certification_id", "Certification id"}
	return []shownView{
		{"certifications", "Certifications", []shownColumn{certification, {"phase", "Phase"}}},
		{"reviewers", "Certification Reviewers", []shownColumn{certification, {"reviewer_id", "Reviewer id"}}},
		{"reviewer_totals", "Reviewers", []shownColumn{{"reviewer_id", "Reviewer id"}, {"decided", "Decided"}}},
		{"reassignments", "Reassignments", []shownColumn{certification, {"to_reviewer_name", "To reviewer"}}},
		{"revocations", "Revocations", []shownColumn{certification, {"item_id", "Item id"}, {"state", "State"}}},
		{"review_items", "Review Items", []shownColumn{certification, {"item_id", "Item id"}, {"decision", "Decision"}}},
		{"permissions", "Permissions", []shownColumn{certification, {"item_id", "Item id"}, {"target", "Target"}, {"rights", "Rights"}}},
		{"tasks", "Tasks", []shownColumn{{"task_id", "Task id"}, {"status", "Status"}}},
		{"changes", "Changes", []shownColumn{certification, {"object_id", "Object id"}, {"class", "Class"}, {"field", "Field"}}},
		{"coverage", "Coverage", []shownColumn{certification, {"collection", "Collection"}, {"outcome", "Outcome"}}},
	}
}

// The rows of a view, of its file and of its sheet are the same, whoever reads
// the sheet.
func TestRowsOfViewFileAndSheetAreTheSame(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t, migrations.Files, func(ctx context.Context, url string) error {
		_, err := db.Migrate(ctx, url)
		return err
	})
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	python := withOpenpyxl(t)
	for n, folder := range threeNights(t, url) {
		id := int64(n + 1)
		book := filepath.Join(folder, "audit-acme-"+filepath.Base(folder)+".xlsx")
		sheets := map[string]map[string][][]string{"excelize": readSheets(t, book)}
		if python != "" {
			sheets["openpyxl"] = readWithPython(t, python, book)
		}
		for _, v := range shownViews() {
			file := readFile(t, filepath.Join(folder, v.name+".csv"))
			header := file[0]
			if d := cmp.Diff(sorted(viewRows(t, conn, v.name, header, id)), sorted(file[1:])); d != "" {
				t.Errorf("run %d: %s (-view +file):\n%s", id, v.name, d)
			}
			var names, headers []string
			for _, k := range v.keys {
				names, headers = append(names, k.name), append(headers, k.header)
			}
			if v.name == "changes" {
				file = withoutBelow(t, file)
			}
			want := sorted(pick(t, file, names))
			for reader, read := range sheets {
				if d := cmp.Diff(want, sorted(pick(t, read[v.sheet], headers))); d != "" {
					t.Errorf("run %d: %s by %s (-file +sheet):\n%s", id, v.name, reader, d)
				}
			}
		}
	}
}

// withoutBelow leaves out the changes that are in the file alone: those of what
// went or came with a certification, whose own row stands for them.
func withoutBelow(t *testing.T, file [][]string) [][]string {
	t.Helper()
	rows := pick(t, file, []string{"object", "class", "certification_id", "field"})
	whole := map[[2]string]bool{}
	for _, r := range rows {
		if r[0] == "certification" && r[3] == "" && slices.Contains([]string{"DELETED_IN_TENANT", "LEFT_SCOPE", "ENTERED_SCOPE"}, r[1]) {
			whole[[2]string{r[1], r[2]}] = true
		}
	}
	kept := file[:1:1]
	for i, r := range rows {
		if r[0] == "certification" || !whole[[2]string{r[1], r[2]}] {
			kept = append(kept, file[1+i])
		}
	}
	return kept
}

// threeNights runs the demo's nights with the command, and returns the folders
// of their reports.
func threeNights(t *testing.T, url string) []string {
	t.Helper()
	tenant := simulator.NewDemo(simulator.Options{})
	base, stop, err := simulator.Serve(t.Context(), "127.0.0.1:0", tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf("tenant: {name: acme, rate_limit: {requests: 1000000, per: 1s}}\nreport: {dir: %q}\n", dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{
		"SAIL_BASE_URL": base, "SAIL_CLIENT_ID": demoClient, "SAIL_CLIENT_SECRET": demoSecret, "EXPORTER_DATABASE_URL": url,
	}
	var folders []string
	for n, name := range []string{"run-000001", "run-000002-PARTIAL", "run-000003"} {
		tenant.DemoNight(n + 1)
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"run", "--config", file}, func(name string) string { return environment[name] }, nil, &stdout, &stderr)
		if want := map[bool]int{true: exitPartial}[n == 1]; code != want {
			t.Fatalf("night %d: exit status %d, want %d:\n%s%s", n+1, code, want, &stdout, &stderr)
		}
		folders = append(folders, filepath.Join(dir, "acme", name))
	}
	return folders
}

// viewRows reads a view as a run sees it, the changes by the function that
// compares the run with the one before, in the words of a CSV file.
func viewRows(t *testing.T, conn *pgx.Conn, view string, columns []string, id int64) [][]string {
	t.Helper()
	from, args := "audit."+view+" WHERE run_id = $1", []any{id}
	if view == "changes" {
		if id == 1 {
			return nil
		}
		from, args = "audit.changes_between($1, $2)", []any{id - 1, id}
	}
	rows, err := conn.Query(t.Context(), `SELECT `+strings.Join(columns, ", ")+` FROM `+from, args...)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]string, error) {
		values, err := row.Values()
		var fields []string
		for _, v := range values {
			fields = append(fields, field(v))
		}
		return fields, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var formula = regexp.MustCompile("^[=+\\-@\t\r\n＝＋－＠]")

// field is a value as a CSV file shows it.
func field(v any) string {
	guarded := func(s string) string {
		if formula.MatchString(s) {
			return "'" + s
		}
		return s
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return guarded(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case []any:
		var parts []string
		for _, p := range v {
			parts = append(parts, fmt.Sprint(p))
		}
		return guarded(strings.Join(parts, "; "))
	default:
		return fmt.Sprint(v)
	}
}

func readFile(t *testing.T, path string) [][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A carriage return in a field, before a line feed, would be lost.
	if bytes.Contains(bytes.ReplaceAll(data, []byte("\r\n"), nil), []byte("\r")) {
		t.Fatalf("%s holds carriage returns that csv does not give back", path)
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func readSheets(t *testing.T, path string) map[string][][]string {
	t.Helper()
	book, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	sheets := map[string][][]string{}
	for _, name := range book.GetSheetList() {
		if sheets[name], err = book.GetRows(name); err != nil {
			t.Fatal(err)
		}
	}
	return sheets
}

// withOpenpyxl finds a Python that has openpyxl; "" where there is none, which
// only CI takes amiss.
func withOpenpyxl(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} { // the second where another one comes first in PATH
		if exec.CommandContext(t.Context(), python, "-c", "import openpyxl").Run() == nil {
			return python
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no python3 with openpyxl")
	}
	t.Log("no python3 with openpyxl: the workbooks are read by excelize alone")
	return ""
}

func readWithPython(t *testing.T, python, path string) map[string][][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "sheets.py"), path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var sheets map[string][][]string
	if err := json.Unmarshal(out, &sheets); err != nil {
		t.Fatal(err)
	}
	return sheets
}

// pick takes some columns, by their names in the first row, out of the others.
func pick(t *testing.T, rows [][]string, names []string) [][]string {
	t.Helper()
	if len(rows) == 0 {
		t.Fatal("there is no header")
	}
	var picked [][]string
	for _, row := range rows[1:] {
		var fields []string
		for _, name := range names {
			i := slices.Index(rows[0], name)
			if i < 0 {
				t.Fatalf("no column %q among %q", name, rows[0])
			}
			text := ""
			if i < len(row) { // readers leave out empty cells at the end
				text = row[i]
			}
			fields = append(fields, text)
		}
		picked = append(picked, fields)
	}
	return picked
}

// sorted makes a list of rows comparable with one in another order.
func sorted(rows [][]string) [][]string {
	return slices.SortedFunc(slices.Values(rows), slices.Compare)
}
