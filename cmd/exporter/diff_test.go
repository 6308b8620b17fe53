package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/db"
	"exporter/internal/db/dbtest"
	"exporter/internal/report/findings"
	"exporter/migrations"
)

// What diff tells of two runs is what the report of the later one tells, with the
// earlier one as its baseline.
func TestDiffTellsTheStoryOfTheReport(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t, migrations.Files, func(ctx context.Context, url string) error {
		_, err := db.Migrate(ctx, url)
		return err
	})
	folders := threeNights(t, url)
	diff := func(args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		environment := map[string]string{"EXPORTER_DATABASE_URL": url, "COLUMNS": "120"}
		if code := run(t.Context(), append([]string{"diff"}, args...), func(name string) string { return environment[name] }, nil, &stdout, &stderr); code != 0 {
			t.Fatalf("exit status %d: %s", code, &stderr)
		}
		return stdout.String()
	}
	for to := 2; to <= 3; to++ {
		var d comparison
		runs := []string{"--from", fmt.Sprint(to - 1), "--to", fmt.Sprint(to)}
		decode(t, diff(append(runs, "--format", "json")...), &d)

		changes := readFile(t, filepath.Join(folders[to-1], "changes.csv"))
		want := sorted(pick(t, changes, []string{"class", "object", "certification_id", "object_id", "field"}))
		var got [][]string
		counts := map[string]int{}
		for _, c := range d.Changes {
			got = append(got, []string{c.Class, c.Object, deref(c.CertificationID), deref(c.ObjectID), deref(c.Field)})
			counts[c.Class]++
			if (c.Object == objectItem || c.Object == objectPermission) && c.ObjectID != nil && (c.IdentityName == nil || c.AccessName == nil) {
				t.Errorf("run %d: %s of %s %s has no names", to, c.Class, c.Object, *c.ObjectID)
			}
			if c.CertificationID != nil && c.CertificationName == nil {
				t.Errorf("run %d: certification %s has no name", to, *c.CertificationID)
			}
		}
		if diff := cmp.Diff(want, sorted(got)); diff != "" {
			t.Errorf("run %d: changes (-file +diff):\n%s", to, diff)
		}
		if diff := cmp.Diff(counts, d.Counts); diff != "" {
			t.Errorf("run %d: counts (-rows +counts):\n%s", to, diff)
		}

		var found, shown [][]string
		columns := []string{"rule", "severity", "object", "certification_id", "object_id", "detail", "threshold", "where_to_look", "version"}
		for _, f := range pick(t, readFile(t, filepath.Join(folders[to-1], "findings.csv")), columns) {
			if f[0] == "FLIPPED_AFTER_DECISION" || f[0] == "POPULATION_DROP" {
				found = append(found, f)
			}
		}
		for _, f := range d.Findings {
			shown = append(shown, []string{f.Rule, f.Severity, f.Object, deref(f.CertificationID), deref(f.ObjectID), f.Detail, deref(f.Threshold), f.Where, fmt.Sprint(f.Version)})
		}
		if diff := cmp.Diff(sorted(found), sorted(shown)); diff != "" || len(found) == 0 {
			t.Errorf("run %d: %d findings (-file +diff):\n%s", to, len(found), diff)
		}

		// A person is told the same, and finds the names of what changed.
		table := diff(append(runs, "--limit", "0")...)
		for class, n := range counts {
			if !slices.ContainsFunc(strings.Split(table, "\n"), func(line string) bool {
				fields := strings.Fields(line)
				return len(fields) > 2 && fields[0] == class && fields[1] == fmt.Sprint(n)
			}) {
				t.Errorf("run %d: the table lacks %s %d", to, class, n)
			}
		}
		for _, c := range d.Changes {
			if c.Class == "FLIPPED" && !strings.Contains(table, *c.IdentityName) {
				t.Errorf("run %d: the table lacks %s", to, *c.IdentityName)
			}
		}
		if strings.Contains(table, `{"`) {
			t.Errorf("run %d: the table has raw JSON", to)
		}
		fits(t, table, 120)
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// fits checks that a text is fit for a terminal of a width.
func fits(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if n := screen.StringWidth(line); n > width {
			t.Errorf("%d columns, and there are %d: %q", n, width, line)
		}
		if i := strings.IndexFunc(line, func(r rune) bool {
			return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
		}); i >= 0 {
			t.Errorf("%q steers the terminal", line)
		}
	}
}

const hostile = "\x1b[31mred\x1b]0;title\a\r\n\t\v\u009b2J\u2028\u202egnp.exe\x7f {\"}"

// hostileComparison has a hostile text wherever a tenant may put one.
func hostileComparison() comparison {
	d := newComparison(db.Run{ID: 1, Tenant: "t", Status: "SEALED"}, db.Run{ID: 2, Tenant: hostile, Status: "PARTIAL"})
	h := new(hostile)
	object, _ := json.Marshal(map[string]any{
		"name": hostile, "identity_name": hostile, "access_name": hostile, "decision": hostile, "source_name": hostile, "phase": hostile,
		"reviewer_name": hostile, "email": hostile, "type": hostile, "status": hostile, "privileged": true,
	})
	right, _ := json.Marshal(map[string]any{"target": hostile, "rights": []string{hostile, "x"}})
	list, _ := json.Marshal([]string{hostile, strings.Repeat("田", 300)})
	add := func(c change) {
		c.CertificationID, c.ObjectID, c.CertificationName, c.IdentityName, c.AccessName, c.nameBefore, c.nameAfter = h, h, h, h, h, h, h
		d.add(c)
	}
	for _, kind := range []string{objectCertification, objectReviewer, objectItem, objectTask} {
		add(change{Class: "ADDED", Object: kind, After: new(string(object))})
		add(change{Class: "REMOVED", Object: kind, Before: new(string(object))})
		add(change{Class: "CHANGED", Object: kind, Field: h, Before: h, After: new(string(list))})
	}
	add(change{Class: "PERMISSION_ADDED", Object: objectPermission, After: new(string(right))})
	add(change{Class: "RIGHTS_CHANGED", Object: objectPermission, Field: new("rights"), Before: new(string(right)), After: h})
	add(change{Class: "REASSIGNED", Object: objectItem, Field: new("certification_id"), Before: h, After: h, movedFrom: h})
	add(change{Class: "REASSIGNED", Object: objectCertification, Field: new("reviewer_id"), Before: h, After: h})
	add(change{Class: hostile, Object: "x", Field: h})
	d.find(change{IdentityName: h}, []findings.Finding{{Rule: "FLIPPED_AFTER_DECISION", Severity: findings.Medium, Object: objectItem, Detail: hostile + strings.Repeat(" x", 200) + strings.Repeat("y", 300)}})
	d.arrange()
	return d
}

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	t.Parallel()
	for _, width := range []int{0, 80, 120, 200} {
		var out strings.Builder
		if err := printComparison(&out, hostileComparison(), width); err != nil {
			t.Fatal(err)
		}
		if width == 0 || width == 200 {
			fits(t, out.String(), 1000) // ids are never cut, and here they are long
		} else {
			fits(t, out.String(), width)
		}
		if !strings.Contains(out.String(), "REASSIGNED  2 rows\n") {
			t.Errorf("width %d: no changes:\n%s", width, &out)
		}
	}
	var out strings.Builder
	if err := printJSON(&out, hostileComparison()); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && unicode.IsControl(r) }); i >= 0 {
		t.Errorf("JSON steers the terminal: %q", out.String()[max(0, i-20):i+3])
	}
	var back comparison
	decode(t, out.String(), &back)
	if back.Tenant != hostile {
		t.Errorf("JSON says %q, not %q", back.Tenant, hostile)
	}
}

func TestWhatARowSaysOfAChange(t *testing.T) {
	t.Parallel()
	const item = `{"identity_name": "Ann", "access_name": "Payroll", "privileged": true, "decision": null, "source_name": "SAP"}`
	const read, write = `{"target": "T", "rights": ["r"]}`, `{"target": "T", "rights": ["r", "w"]}`
	for name, test := range map[string]struct {
		c    change
		want string
	}{
		"flipped":           {change{Class: "FLIPPED", Object: objectItem, Field: new("decision"), Before: new("APPROVE"), After: new("REVOKE")}, "APPROVE -> REVOKE"},
		"decided":           {change{Class: "DECIDED", Object: objectItem, Field: new("decision"), After: new("REVOKE")}, "(none) -> REVOKE"},
		"privileged":        {change{Class: "PRIVILEGE_CHANGED", Object: objectItem, Field: new("privileged"), Before: new("false"), After: new("true")}, "privileged: false -> true"},
		"raw":               {change{Class: "CHANGED", Object: objectItem, Field: new("raw"), Before: new(item), After: new(item)}, "something that has no column of its own"},
		"item added":        {change{Class: "ADDED", Object: objectItem, After: new(item)}, "privileged, undecided, source SAP"},
		"item removed":      {change{Class: "REMOVED", Object: objectItem, Before: new(`{"decision": "APPROVE"}`)}, "APPROVE"},
		"item moved":        {change{Class: "REASSIGNED", Object: objectItem, Field: new("certification_id"), Before: new("other"), After: new("c"), movedFrom: new("other"), nameBefore: new("Other review")}, "moved from Other review"},
		"moved from where?": {change{Class: "REASSIGNED", Object: objectItem, Field: new("certification_id"), Before: new("id"), After: new("c"), movedFrom: new("id")}, "moved from id"},
		"reviewer":          {change{Class: "REASSIGNED", Object: objectCertification, Field: new("reviewer_id"), Before: new("1"), After: new("2"), nameBefore: new("Ann"), nameAfter: new("Bob")}, "reviewer: Ann -> Bob"},
		"unnamed reviewer":  {change{Class: "REASSIGNED", Object: objectCertification, Field: new("reviewer_id"), Before: new("1"), After: new("2")}, "reviewer: 1 -> 2"},
		"deleted":           {change{Class: "DELETED_IN_TENANT", Object: objectCertification, Before: new(`{"phase": "ACTIVE"}`), below: 1204}, "and 1,204 rows below it, ACTIVE"},
		"one row":           {change{Class: "LEFT_SCOPE", Object: objectCertification, Before: new(`{}`), below: 1}, "and 1 row below it"},
		"no rows":           {change{Class: "ENTERED_SCOPE", Object: objectCertification, After: new(`{"reviewer_name": "Bob"}`)}, "reviewer Bob"},
		"permission":        {change{Class: "PERMISSION_ADDED", Object: objectPermission, After: new(write)}, "T: r, w"},
		"no rights":         {change{Class: "PERMISSION_REMOVED", Object: objectPermission, Before: new(`{"target": null}`)}, "no target: no rights"},
		"rights":            {change{Class: "RIGHTS_CHANGED", Object: objectPermission, Field: new("rights"), Before: new(read), After: new(write)}, "T: r -> r, w"},
		"permission moved":  {change{Class: "REASSIGNED", Object: objectPermission, Field: new("certification_id"), Before: new(write), After: new(read), movedFrom: new("other"), nameBefore: new("Other review")}, "T: moved from Other review"},
		"not comparable":    {change{Class: "NOT_COMPARABLE", Object: objectPermission, Field: new("permissions"), Before: new("COMPLETE")}, "permissions: COMPLETE -> not reached"},
		"errors of a task":  {change{Class: "CHANGED", Object: objectTask, Field: new("errors"), After: new(`["a", "b"]`)}, "errors: (none) -> a; b"},
		"no object":         {change{Class: "ADDED", Object: objectReviewer, After: new("null")}, ""},
	} {
		if got := test.c.what(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// sample has a certification that was deleted with 3 rows, and n decisions, in
// the order that changes come in.
func sample(table bool, limit, n int) comparison {
	d := newComparison(db.Run{ID: 1, Status: "SEALED"}, db.Run{ID: 2, Status: "SEALED"})
	d.table, d.limit = table, limit
	d.add(change{Class: "FLIPPED", Object: objectItem, CertificationID: new("c"), ObjectID: new("i"), Field: new("decision")})
	d.add(change{Class: "ADDED", Object: objectCertification, CertificationID: new("new"), After: new("{}")})
	d.add(change{Class: "ADDED", Object: objectItem, CertificationID: new("new"), After: new("{}")})
	d.add(change{Class: "DELETED_IN_TENANT", Object: objectCertification, CertificationID: new("gone"), ObjectID: new("gone"), Before: new("{}"), below: 3})
	for range 3 {
		d.add(change{Class: "DELETED_IN_TENANT", Object: objectItem, CertificationID: new("gone"), ObjectID: new("i"), Before: new("{}"), isBelow: true})
	}
	d.add(change{Class: "DELETED_IN_TENANT", Object: objectItem, CertificationID: new("unknown"), ObjectID: new("i"), Before: new("{}")})
	d.add(change{Class: "REASSIGNED", Object: objectItem, CertificationID: new("gone"), Field: new("certification_id")})
	for range n {
		d.add(change{Class: "DECIDED", Object: objectItem, CertificationID: new("c"), ObjectID: new("i"), Field: new("decision"), After: new("APPROVE")})
	}
	return d
}

func TestRowsAreKeptUpToALimit(t *testing.T) {
	t.Parallel()
	kept := func(d comparison) string {
		var all []string
		for _, c := range d.Changes {
			all = append(all, c.Class)
		}
		return strings.Join(all, " ")
	}
	wantCounts := map[string]int{"FLIPPED": 1, "ADDED": 2, "DELETED_IN_TENANT": 5, "REASSIGNED": 1, "DECIDED": 2000}
	folded := "FLIPPED ADDED ADDED DELETED_IN_TENANT DELETED_IN_TENANT REASSIGNED" + strings.Repeat(" DECIDED", 2000)
	for name, test := range map[string]struct {
		table bool
		limit int
		want  string
	}{
		"JSON":  {false, 7, "FLIPPED ADDED ADDED" + strings.Repeat(" DELETED_IN_TENANT", 5) + " REASSIGNED" + strings.Repeat(" DECIDED", 2000)},
		"all":   {true, 0, folded},
		"seven": {true, 7, "FLIPPED ADDED ADDED DELETED_IN_TENANT DELETED_IN_TENANT REASSIGNED DECIDED"},
		"two":   {true, 2, "FLIPPED ADDED"},
		"one":   {true, 1, "FLIPPED"},
		"exact": {true, 2006, folded},
	} {
		d := sample(test.table, test.limit, 2000)
		d.arrange()
		if got := kept(d); got != test.want {
			t.Errorf("%s: %.200s, want %.200s", name, got, test.want)
		}
		if diff := cmp.Diff(wantCounts, d.Counts); diff != "" {
			t.Errorf("%s: counts (-want +got):\n%s", name, diff)
		}
	}

	var out strings.Builder
	d := sample(true, 7, 2000)
	d.arrange()
	if err := printComparison(&out, d, 120); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2,009 changes\n", "DECIDED  2,000 rows, 1 shown\n", "and 3 rows below it\n", "FLIPPED  1 row\n",
		"1,999 more rows not shown. All of them: --limit 0, --format json, changes.csv of `exporter report --run 2 --baseline 1`.\n",
		"told by their number, here 3.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
	out.Reset()
	if err := printComparison(&out, sample(true, 0, 3), 120); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "not shown") {
		t.Errorf("nothing is left out:\n%s", &out)
	}
}

func TestFindingsOfARuleHaveALimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{200: 10, 0: 25} {
		d := sample(true, limit, 1)
		for n := range 25 {
			d.find(change{IdentityName: new("Ann")}, []findings.Finding{{Rule: "FLIPPED_AFTER_DECISION", Severity: findings.Medium, Detail: fmt.Sprint("flip ", n)}})
		}
		d.find(change{}, []findings.Finding{{Rule: "POPULATION_DROP", Severity: findings.High, Detail: "fell"}})
		d.arrange()
		if d.Findings[0].Severity != "HIGH" || len(d.Findings) != want+1 {
			t.Errorf("limit %d: %d findings, %v the first", limit, len(d.Findings), d.Findings[0])
		}
		var out strings.Builder
		if err := printComparison(&out, d, 120); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), "Ann, not named: flip "); got != want {
			t.Errorf("limit %d: %d findings, want %d", limit, got, want)
		}
		if got := strings.Contains(out.String(), "15 more of FLIPPED_AFTER_DECISION: --limit 0 or --format json\n"); got != (limit > 0) {
			t.Errorf("limit %d: says there are more: %v", limit, got)
		}
	}
}

// What is said of the runs, and whether findings are looked for.
func TestHeadSaysWhatTheRunsAre(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 3, 15, 0, 0, time.FixedZone("", 3600))
	all := []string{"is PARTIAL: a missing row is not a removal there", "is not finished", "backwards in time", "different scopes", "Findings are left out", "No rule that compares"}
	for name, test := range map[string]struct {
		a, b db.Run
		want []string
	}{
		"sealed":     {db.Run{ID: 1, Status: "SEALED"}, db.Run{ID: 3, Status: "SEALED"}, []string{"No rule that compares"}},
		"partial":    {db.Run{ID: 1, Status: "SEALED"}, db.Run{ID: 3, Status: "PARTIAL"}, []string{"run 3 is PARTIAL: a missing row is not a removal there", "No rule that compares"}},
		"partly":     {db.Run{ID: 1, Status: "PARTIAL"}, db.Run{ID: 3, Status: "SEALED"}, []string{"run 1 is PARTIAL: a missing row is not a removal there", "No rule that compares"}},
		"backwards":  {db.Run{ID: 3, Status: "SEALED"}, db.Run{ID: 1, Status: "SEALED"}, []string{"run 3 is the later one", "backwards in time", "Findings are left out"}},
		"scopes":     {db.Run{ID: 1, Status: "SEALED", ScopeSHA256: "a"}, db.Run{ID: 3, Status: "SEALED", ScopeSHA256: "b"}, []string{"different scopes", "No rule that compares"}},
		"unfinished": {db.Run{ID: 1, Status: "SEALED"}, db.Run{ID: 3, Status: "INTERRUPTED"}, []string{"run 3 is INTERRUPTED: it is not finished", "Findings are left out"}},
		"itself":     {db.Run{ID: 3, Status: "PARTIAL"}, db.Run{ID: 3, Status: "PARTIAL"}, []string{"run 3 is PARTIAL: a missing row is not a removal there", "No rule that compares"}},
	} {
		test.a.Tenant, test.b.Tenant, test.a.StartedAt, test.b.StartedAt = "acme", "acme", at, at
		var out strings.Builder
		if err := printComparison(&out, newComparison(test.a, test.b), 0); err != nil {
			t.Fatal(err)
		}
		want := append([]string{
			fmt.Sprintf("acme: run %d -> run %d: 0 changes\n", test.a.ID, test.b.ID),
			fmt.Sprintf("  from  run %d  %s  started 2026-03-01 02:15:00 UTC\n", test.a.ID, test.a.Status),
		}, test.want...)
		for _, w := range want {
			if strings.Count(out.String(), w) != 1 {
				t.Errorf("%s: not once %q:\n%s", name, w, &out)
			}
		}
		for _, w := range all {
			if !slices.ContainsFunc(test.want, func(said string) bool { return strings.Contains(said, w) }) && strings.Contains(out.String(), w) {
				t.Errorf("%s: says %q:\n%s", name, w, &out)
			}
		}
	}
}

func TestJSONOfAComparison(t *testing.T) {
	t.Parallel()
	a := db.Run{ID: 1, Tenant: "acme", Status: "SEALED", ReviewItems: new(int64(12)), Tasks: new(int64(1))}
	b := db.Run{ID: 2, Tenant: "acme", Status: "PARTIAL", ReviewItems: new(int64(10))}
	keys := func(d comparison) (top, row []string, m map[string]any) {
		t.Helper()
		var out strings.Builder
		if err := printJSON(&out, d); err != nil {
			t.Fatal(err)
		}
		decode(t, out.String(), &m)
		if rows := m["changes"].([]any); len(rows) > 0 {
			row = slices.Sorted(maps.Keys(rows[0].(map[string]any)))
		}
		return slices.Sorted(maps.Keys(m)), row, m
	}
	d := newComparison(a, b)
	d.add(change{Class: "FLIPPED", Object: objectItem})
	top, row, m := keys(d)
	wantTop := []string{"backwards", "changes", "counts", "findings", "from", "runs", "scope_changed", "tenant", "to", "totals"}
	wantRow := []string{"access_name", "after", "before", "certification_id", "certification_name", "class", "field", "identity_name", "object", "object_id"}
	if diff := cmp.Diff([][]string{wantTop, wantRow}, [][]string{top, row}); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"from": 12.0, "to": 10.0, "change": -2.0}, m["totals"].(map[string]any)["review_items"]); diff != "" {
		t.Errorf("review items (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"from": 1.0, "to": nil, "change": nil}, m["totals"].(map[string]any)["tasks"]); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	if f, ok := m["findings"].([]any); !ok || len(f) != 0 {
		t.Errorf("findings %v, want none", m["findings"])
	}
	_, _, m = keys(newComparison(b, a))
	if m["findings"] != nil || m["backwards"] != true {
		t.Errorf("findings %v, backwards %v; want null and true", m["findings"], m["backwards"])
	}
}
