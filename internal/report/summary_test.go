package report

import (
	"fmt"
	"strings"
	"testing"
)

func TestSummaryMatchesGolden(t *testing.T) {
	t.Parallel()
	first := testRun(StatusSealed)
	first.BaselineID, first.Baseline, first.PreviousRootSHA256 = nil, Totals{}, ""
	firstSource := plausibleSource(8, 38, false)
	delete(firstSource.rows, viewChanges)

	classes := plausibleSource(1, 1, false)
	for _, class := range []string{"CHANGED", "UNHEARD_OF", "REMOVED", "NOT_COMPARABLE", "ALSO_UNHEARD_OF", "FLIPPED"} {
		classes.rows[viewChanges] = append(classes.rows[viewChanges], base(map[string]any{"baseline_run_id": int64(1), "class": class}))
	}

	accepted := testRun(StatusSealed)
	accepted.KnownGaps = []string{hexID("c1", 7)}
	accepted.Scope = Scope{
		IDs:    []string{"a", "b", "c", "d", "e"},
		Filter: strings.Repeat(`campaign.id in ("q1", "q2") and `, 5) + `phase eq "ACTIVE"`, Permissions: "by_entitlement",
	}
	accepted.NextGeneration = 1200
	accepted.Deprecation = []string{"Deprecation: true", "Sunset: Mon, 01 Jan 2029 00:00:00 GMT"}
	first.NextGeneration = 1
	first.Decisions = first.Decisions[1:]
	accepted.Decisions = nil // sealed before they were counted
	continued := both()
	continued.limits.rows = 100

	for name, tt := range map[string]struct {
		run      Run
		src      fakeSource
		settings Settings
	}{
		"partial":  {testRun(StatusPartial), plausibleSource(8, 38, true), both()},
		"classes":  {testRun(StatusSealed), classes, both()},
		"first":    {first, firstSource, both()},
		"accepted": {accepted, plausibleSource(8, 38, true), continued},
		"hostile":  {testRun(StatusPartial), hostileSource(append(hostileTexts(), tooLong()[0])), both()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := mustWrite(t, t.TempDir(), tt.run, tt.src, tt.settings)
			rows, err := openBook(t, res.Workbook).GetRows(summarySheet)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, row := range rows {
				b.WriteString(strings.Join(row, " | ") + "\n")
			}
			compareGolden(t, "summary/"+name+".txt", b.String())
		})
	}
}

// Each rule on the Summary leads to its first row, on whichever sheet that is.
func TestSummaryLeadsToTheFindings(t *testing.T) {
	t.Parallel()
	src := plausibleSource(8, 38, false)
	for i, row := range src.rows[viewReviewItems] {
		if i%10 == 0 {
			row["reviewer_id"] = row["identity_id"] // SELF_REVIEW, among others
		}
		if i%15 == 0 {
			row["privileged"], row["decision"], row["comments"] = true, "APPROVE", nil
		}
	}
	s := both()
	s.limits.rows = 20
	res := mustWrite(t, t.TempDir(), testRun(StatusSealed), src, s)
	xl := openBook(t, res.Workbook)
	rows, err := xl.GetRows(summarySheet)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{} // by rule
	for n, row := range rows {
		cell := fmt.Sprintf("A%d", n+1)
		if linked, place, err := xl.GetCellHyperLink(summarySheet, cell); err != nil {
			t.Fatal(err)
		} else if linked {
			places[row[0]] = place
		}
	}
	before := map[string]int64{} // rules seen, and their rows
	for _, sheet := range []string{"Findings", "Findings (2)", "Findings (3)", "Findings (4)"} {
		rows, err := xl.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for n, row := range rows[1:] {
			rule := row[0]
			if want := fmt.Sprintf("'%s'!A%d", sheet, n+2); before[rule] == 0 && places[rule] != want {
				t.Errorf("%s leads to %s, want %s", rule, places[rule], want)
			}
			before[rule]++
		}
	}
	if len(before) < 3 || len(before) != len(places) {
		t.Errorf("rules found %v, links %v", before, places)
	}
}
