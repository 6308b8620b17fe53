package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tree gives every path below dir with the hash of its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		sum := sha256.Sum256(data)
		rel, _ := filepath.Rel(dir, path)
		got[rel] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func ls(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFilesAndManifest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status, folder, book string
	}{
		{StatusSealed, "run-000002", "audit-acme-run-000002.xlsx"},
		{StatusPartial, "run-000002-PARTIAL", "audit-acme-run-000002-PARTIAL.xlsx"},
	} {
		dir := t.TempDir()
		run := testRun(tt.status)
		src := plausibleSource(3, 10, tt.status == StatusPartial)
		src.rows["review_items"][4]["comments"] = "=cmd|' /C calc'!A0\x01"
		run, src = src.sealed(run)
		res := mustWrite(t, dir, run, src, both())
		want := []string{
			tt.book, "certifications.csv", "changes.csv", "coverage.csv", "findings.csv", manifestName, "permissions.csv",
			"reassignments.csv", "review_items.csv", "reviewer_totals.csv", "reviewers.csv", "revocations.csv", "roll_forward.csv", sealName, "tasks.csv",
		}
		if d := cmp.Diff(want, ls(t, filepath.Join(dir, "acme", tt.folder))); d != "" {
			t.Errorf("files (-want +got):\n%s", d)
		}
		if want := filepath.Join(dir, "acme", tt.folder, tt.book); res.Workbook != want {
			t.Errorf("workbook %s, want %s", res.Workbook, want)
		}
		data, err := os.ReadFile(filepath.Join(res.Folder, manifestName))
		if err != nil {
			t.Fatal(err)
		}
		var m Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		sums := tree(t, res.Folder)
		rows := map[string]int64{}
		for _, f := range m.Files {
			rows[f.Name] = f.Rows
			if sums[f.Name] != f.SHA256 {
				t.Errorf("%s: hash in the manifest is not that of the file", f.Name)
			}
			if info, err := os.Stat(filepath.Join(res.Folder, f.Name)); err != nil || info.Size() != f.Bytes {
				t.Errorf("%s: %d bytes in the manifest; %v", f.Name, f.Bytes, err)
			}
		}
		found := int64(len(readCSV(t, filepath.Join(res.Folder, "findings.csv"))) - 1)
		if found == 0 {
			t.Error("no findings: this test would prove nothing of them")
		}
		lines := int64(len(balances)) // of the only campaign
		wantRows := map[string]int64{"findings.csv": found, "roll_forward.csv": lines, tt.book: found + lines, sealName: 1 + int64(len(src.rows[viewCoverage]))}
		for view, r := range src.rows {
			if strings.HasPrefix(view, "baseline ") {
				continue
			}
			wantRows[view+".csv"] = int64(len(r))
			wantRows[tt.book] += int64(len(r))
		}
		if d := cmp.Diff(wantRows, rows); d != "" {
			t.Errorf("rows (-want +got):\n%s", d)
		}
		if d := cmp.Diff(res.Files, m.Files); d != "" {
			t.Errorf("files of result and manifest (-result +manifest):\n%s", d)
		}
		if m.Run != 2 || *m.Baseline != 1 || m.Status != tt.status || m.RootSHA256 != run.RootSHA256 || m.GuardedCells != 1 || m.ReplacedCells != 1 {
			t.Errorf("manifest %+v", m)
		}
	}
}

func TestOnlyTheFormatsAskedForAreWritten(t *testing.T) {
	t.Parallel()
	res := mustWrite(t, t.TempDir(), testRun(StatusSealed), plausibleSource(1, 3, false), Settings{Formats: []string{FormatXLSX}})
	if d := cmp.Diff([]string{"audit-acme-run-000002.xlsx", manifestName, sealName}, ls(t, res.Folder)); d != "" {
		t.Errorf("xlsx only (-want +got):\n%s", d)
	}
	res = mustWrite(t, t.TempDir(), testRun(StatusSealed), plausibleSource(1, 3, false), Settings{Formats: []string{FormatCSV}})
	if res.Workbook != "" || len(res.Files) != len(filed())+1 {
		t.Errorf("csv only: %+v", res)
	}
}

func TestAnExistingFolderIsReplacedWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	partial := mustWrite(t, dir, testRun(StatusPartial), plausibleSource(2, 4, true), both())
	if err := os.WriteFile(filepath.Join(partial.Folder, "notes.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		mustWrite(t, dir, testRun(StatusSealed), plausibleSource(2, 4, false), both())
		if d := cmp.Diff([]string{"run-000002"}, ls(t, filepath.Join(dir, "acme"))); d != "" {
			t.Fatalf("folders (-want +got):\n%s", d)
		}
	}
	res := mustWrite(t, dir, testRun(StatusSealed), plausibleSource(2, 4, false), Settings{Formats: []string{FormatCSV}})
	if len(ls(t, res.Folder)) != len(filed())+2 {
		t.Errorf("files of the older report are left: %v", ls(t, res.Folder))
	}
}

func TestAFailureLeavesTheOldReportAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, failing := range []string{viewCoverage, "review_items", viewChanges} {
		dir := t.TempDir()
		src := plausibleSource(2, 4, false)
		src.fail = failing
		if _, err := write(t.Context(), dir, testRun(StatusSealed), src, both()); !errors.Is(err, errFake) {
			t.Fatalf("%s: error %v, want %v", failing, err, errFake)
		}
		if got := ls(t, filepath.Join(dir, "acme")); len(got) != 0 {
			t.Errorf("%s: left behind: %v", failing, got)
		}
		mustWrite(t, dir, testRun(StatusPartial), plausibleSource(2, 4, true), both())
		before := tree(t, dir)
		if _, err := write(t.Context(), dir, testRun(StatusSealed), src, both()); !errors.Is(err, errFake) {
			t.Fatalf("%s: error %v, want %v", failing, err, errFake)
		}
		if d := cmp.Diff(before, tree(t, dir)); d != "" {
			t.Errorf("%s: the old report changed (-before +after):\n%s", failing, d)
		}
	}
}

func TestACancelledSourceThatJustEndsIsNoReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	src := plausibleSource(2, 4, false)
	src.cancel = cancel
	if _, err := write(ctx, dir, testRun(StatusSealed), src, both()); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	if got := ls(t, filepath.Join(dir, "acme")); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestLeftoversOfACrash(t *testing.T) {
	t.Parallel()
	src := plausibleSource(1, 3, false)
	broken := src
	broken.fail = viewCoverage
	for _, tt := range []struct {
		name string
		left []string // folders a crash left
		src  fakeSource
		want []string
	}{
		{"while writing", []string{".run-000002.new"}, src, []string{"run-000002"}},
		{"between the renames", []string{".run-000002.new", ".run-000002-PARTIAL.old"}, src, []string{"run-000002"}},
		{"between the renames, and failing again", []string{".run-000002.new", ".run-000002-PARTIAL.old"}, broken, []string{"run-000002-PARTIAL"}},
		{"before the old one was removed", []string{"run-000002", ".run-000002-PARTIAL.old"}, broken, []string{"run-000002"}},
		{"of another run", []string{".run-000003.new", "run-000003"}, src, []string{".run-000003.new", "run-000002", "run-000003"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, name := range tt.left {
				if err := os.MkdirAll(filepath.Join(dir, "acme", name, "x"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := write(t.Context(), dir, testRun(StatusSealed), tt.src, both()); err != nil && !errors.Is(err, errFake) {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, ls(t, filepath.Join(dir, "acme"))); d != "" {
				t.Errorf("folders (-want +got):\n%s", d)
			}
		})
	}
}

func TestWhatCannotBeRenderedIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Run, *Settings){
		"run id":             func(r *Run, _ *Settings) { r.ID = 0 },
		"cannot be rendered": func(r *Run, _ *Settings) { r.Status = "RUNNING" },
		"tenant \"../up\"":   func(r *Run, _ *Settings) { r.Tenant = "../up" },
		"tenant \"\"":        func(r *Run, _ *Settings) { r.Tenant = "" },
		"tenant \"a/b\"":     func(r *Run, _ *Settings) { r.Tenant = "a/b" },
		"no format":          func(_ *Run, s *Settings) { s.Formats = nil },
		"format \"pdf\"":     func(_ *Run, s *Settings) { s.Formats = []string{"pdf"} },
	} {
		dir := t.TempDir()
		run, s := testRun(StatusSealed), both()
		change(&run, &s)
		_, err := Write(t.Context(), dir, run, fakeSource{}, s)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one about %s", err, name)
		}
		if got := ls(t, dir); len(got) != 0 {
			t.Errorf("%s: written: %v", name, got)
		}
	}
}

func TestRowsThatDoNotMatchTheTable(t *testing.T) {
	t.Parallel()
	tab := table{View: "v", Columns: []column{{Name: "n", Kind: integerKind}, {Name: "s"}}}
	for _, tt := range []struct {
		row  []any
		want string
	}{
		{[]any{int64(1), "a"}, ""},
		{[]any{nil, nil}, ""},
		{[]any{int64(1)}, "v: row of 1 values for 2 columns"},
		{[]any{1, "a"}, "v: column n: unexpected int"},
		{[]any{int64(1), time.Time{}}, "v: column s: unexpected time.Time"},
	} {
		got := ""
		if err := checkRow(tab, tt.row); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v: error %q, want %q", tt.row, got, tt.want)
		}
	}
}

func TestASheetGoesOnPastItsLimits(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]limits{"rows": {rows: 7}, "bytes": {bytes: 4000}} {
		s := both()
		s.limits = l
		res := mustWrite(t, t.TempDir(), testRun(StatusPartial), plausibleSource(3, 10, true), s)
		xl := openBook(t, res.Workbook)
		for _, tab := range tables() {
			var got [][]string
			sheets := 0
			for _, sheet := range xl.GetSheetList() {
				if sheet != tab.Sheet && !strings.HasPrefix(sheet, tab.Sheet+" (") {
					continue
				}
				sheets++
				rows, err := xl.GetRows(sheet)
				if err != nil {
					t.Fatal(err)
				}
				if l.rows > 0 && len(rows) > int(l.rows)+1 {
					t.Errorf("%s: sheet %s has %d rows", name, sheet, len(rows))
				}
				got = append(got, ofFile(tab, rows[1:])...)
			}
			want := wantSheet(tab, readCSV(t, filepath.Join(res.Folder, tab.View+".csv")), true)[1:]
			if tab.View == viewCoverage {
				notProvedFirst(want)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s: %s over %d sheets (-want +got):\n%s", name, tab.Sheet, sheets, d)
			}
			if tab.View == "review_items" && sheets < 2 {
				t.Errorf("%s: %s did not go on", name, tab.Sheet)
			}
		}
	}
}

// notProvedFirst brings rows of coverage into the order of the sheet.
func notProvedFirst(rows [][]string) {
	const outcome = 2
	slices.SortStableFunc(rows, func(a, b []string) int {
		switch proved := func(row []string) bool { return row[outcome] == outcomeComplete }; {
		case proved(a) == proved(b):
			return 0
		case proved(b):
			return -1
		}
		return 1
	})
}

// A reader that shares no code with the writer sees the same cells.
func TestAnotherReaderSeesTheSame(t *testing.T) {
	t.Parallel()
	python := needPython(t)
	res := mustWrite(t, t.TempDir(), testRun(StatusPartial), plausibleSource(4, 25, true), both())
	for _, mode := range []string{"whole", "streamed"} {
		out, err := exec.CommandContext(t.Context(), python, "testdata/read.py", res.Workbook, mode).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got map[string][][]string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		for _, tab := range tables() {
			want := wantSheet(tab, readCSV(t, filepath.Join(res.Folder, tab.View+".csv")), true)
			if tab.View == viewCoverage {
				notProvedFirst(want[1:])
			}
			if d := cmp.Diff(want, ofFile(tab, got[tab.Sheet])); d != "" {
				t.Errorf("%s: sheet %s (-CSV +openpyxl):\n%s", mode, tab.Sheet, d)
			}
		}
		facts := [][]string{{"Parameter", "Value"}}
		for _, f := range testRun(StatusPartial).Provenance {
			facts = append(facts, []string{f.Name, f.Value})
		}
		if d := cmp.Diff(facts, got["Provenance"]); d != "" {
			t.Errorf("%s: sheet Provenance (-want +openpyxl):\n%s", mode, d)
		}
		if got := got[summarySheet]; len(got) < 20 || got[0][0] != "Certification audit report – acme, run 2" {
			t.Errorf("%s: Summary reads %v", mode, got)
		}
	}
}

func pythonWithOpenpyxl(ctx context.Context) string {
	for _, python := range []string{"python3", "/usr/bin/python3"} { // the second where another one comes first in PATH
		if exec.CommandContext(ctx, python, "-c", "import openpyxl").Run() == nil {
			return python
		}
	}
	return ""
}

func TestARunThatIsNotStoredAsItWasSealedIsNotRendered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustWrite(t, dir, testRun(StatusSealed), plausibleSource(2, 4, false), both())
	before := tree(t, dir)
	run, src := plausibleSource(2, 4, false).sealed(testRun(StatusSealed))
	src.seal = strings.Replace(src.seal, `"Outcome":"COMPLETE"`, `"Outcome":"FAILED"`, 1)
	_, err := Write(t.Context(), dir, run, src, both())
	if !errors.Is(err, ErrNotSealed) || !strings.Contains(err.Error(), run.RootSHA256) || !strings.Contains(err.Error(), "exporter verify --run 2") {
		t.Errorf("error %v, want %v with the root and what to do", err, ErrNotSealed)
	}
	if d := cmp.Diff(before, tree(t, dir)); d != "" {
		t.Errorf("the report that was there changed (-before +after):\n%s", d)
	}
}

func TestTheSealOfAReportHashesToTheRoot(t *testing.T) {
	t.Parallel()
	for _, formats := range [][]string{{FormatXLSX}, {FormatCSV}, {FormatCSV, FormatXLSX}} {
		run, src := plausibleSource(2, 4, true).sealed(testRun(StatusPartial))
		res := mustWrite(t, t.TempDir(), run, src, Settings{Formats: formats})
		if d := cmp.Diff(run.RootSHA256, tree(t, res.Folder)[sealName]); d != "" {
			t.Errorf("%v (-root +SHA-256 of %s):\n%s", formats, sealName, d)
		}
	}
}
