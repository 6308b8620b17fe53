package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSummaryMatchesGolden(t *testing.T) {
	t.Parallel()
	first := testRun(StatusSealed)
	first.BaselineID, first.Baseline, first.PreviousRootSHA256 = nil, Totals{}, ""
	firstSource := plausibleSource(8, 38, false)
	delete(firstSource.rows, viewChanges)

	accepted := testRun(StatusSealed)
	accepted.KnownGaps = []string{hexID("c1", 7)}
	accepted.Scope = Scope{
		IDs:    []string{"a", "b", "c", "d", "e"},
		Filter: strings.Repeat(`campaign.id in ("q1", "q2") and `, 5) + `phase eq "ACTIVE"`, Permissions: "by_entitlement",
	}
	continued := both()
	continued.limits.rows = 100

	for name, tt := range map[string]struct {
		run      Run
		src      fakeSource
		settings Settings
	}{
		"partial":  {testRun(StatusPartial), plausibleSource(8, 38, true), both()},
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

func TestLinesBreakAtSpaces(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"", []string{""}},
		{"short", []string{"short"}},
		{"exactly ten", []string{"exactly", "ten"}},
		{"0123456789", []string{"0123456789"}},
		{"éééééééééééé", []string{"éééééééééé", "éé"}},
		{"a 0123456789", []string{"a 01234567", "89"}},
	} {
		if d := cmp.Diff(tt.want, lines(tt.in, 10)); d != "" {
			t.Errorf("lines(%q) (-want +got):\n%s", tt.in, d)
		}
	}
}
