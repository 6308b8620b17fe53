package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"exporter/internal/delta"
	"exporter/internal/report/findings"
)

// summary gathers what the first sheet says while the rows pass, and writes that sheet.
type summary struct {
	run      Run
	complete *completeness
	classes  map[string]int64 // changes by class
	found    map[string]int64 // findings by rule
	footing  footing
	differ   int64 // collections of which the sheets have other rows than were stored
	guarded  int64
	replaced int64 // in CSV files and the workbook

	firstFound map[string]string // by rule, the place of its first row

	class, certification, name int // positions of columns
}

func newSummary(run Run) *summary {
	return &summary{
		run:           run,
		complete:      newCompleteness(run.KnownGaps),
		classes:       map[string]int64{},
		firstFound:    map[string]string{},
		class:         changesTable().index("class"),
		certification: certificationsTable().index("certification_id"),
		name:          certificationsTable().index("name"),
	}
}

// see takes in a row.
func (s *summary) see(t table, row []any) {
	switch t.View {
	case viewCoverage:
		s.complete.see(row)
	case viewCertifications:
		id, _ := row[s.certification].(string)
		name, _ := row[s.name].(string)
		s.complete.unproved.name(id, name)
		s.complete.accepted.name(id, name)
	case viewChanges:
		class, _ := row[s.class].(string)
		s.classes[class]++
	}
}

// summaryWidths are those of the columns of the Summary, in characters.
var summaryWidths = [...]float64{52, 20, 20, 14, 24, 22}

// write fills the Summary. What decides whether the report may be relied on stands in the first screen.
func (s *summary) write(b *book) error {
	p := &page{xl: b.xl, styles: b.styles}
	for i, width := range summaryWidths {
		letters, err := excelize.ColumnNumberToName(i + 1)
		p.do(err)
		p.do(b.xl.SetColWidth(summarySheet, letters, letters, width))
	}
	p.line(p.styles.title, fmt.Sprintf("Certification audit report – %s, run %d", s.run.Tenant, s.run.ID))
	if s.run.Status == StatusPartial {
		p.line(p.styles.strong, "PARTIAL: this run did not prove everything in its scope. Do not read a missing row as a removal.")
	}
	s.reliance(p)
	s.findings(p)
	s.runs(p)
	s.totals(p, b)
	s.decisions(p)
	s.changes(p)
	s.scope(p)
	s.integrity(p, b)
	s.contents(p, b)
	s.signOff(p)
	grid := false
	p.do(b.xl.SetSheetView(summarySheet, 0, &excelize.ViewOptions{ShowGridLines: &grid}))
	// Not fitted to the page, which would undo the page breaks: at this scale it is a page wide.
	paper, scale := paperA4, uint(90)
	p.do(b.setPage(summarySheet, excelize.PageLayoutOptions{Size: &paper, AdjustTo: &scale}))
	p.breakPages()
	p.do(b.setPrintArea(summarySheet, "F", int64(p.row)))
	p.do(b.xl.SetSheetDimension(summarySheet, fmt.Sprintf("A1:F%d", p.row)))
	return p.err
}

func (s *summary) reliance(p *page) {
	verdict, why := s.complete.verdict(s.run.Status)
	if s.differ > 0 {
		verdict = verdictFail
		why = append(why, fmt.Sprintf("Collections of which this workbook has other rows than were stored: %s; see Difference on sheet Coverage.", count(s.differ)))
	}
	if s.footing.wrong > 0 {
		verdict = verdictFail
		why = append(why, fmt.Sprintf("Lines of sheet Roll-forward that do not foot: %s; the parts of this report do not agree.", count(s.footing.wrong)))
	}
	p.section("May I rely on this report?", "")
	p.line(p.styles.strong, "Completeness", verdict)
	label := "Why"
	for _, w := range why {
		p.text(label, w)
		label = ""
	}
	p.text("In scope", plural(s.run.Certifications, "certification")+": "+s.run.Scope.words())
	p.text("Roll-forward", s.footing.words(s.run))
	p.gaps("Not proved", s.complete.unproved)
	p.gaps("Accepted gaps", s.complete.accepted)
	switch n := s.run.NextGeneration; {
	case n == 1:
		p.text("Not exported", "1 next-generation campaign exists in the tenant; it is not in these lists and not in this report.")
	case n > 1:
		p.text("Not exported", count(n)+" next-generation campaigns exist in the tenant; they are not in these lists and not in this report.")
	}
	if d := s.run.Deprecation; len(d) > 0 {
		p.text("API version", fmt.Sprintf("The tenant announces the end of API version %s: %s", s.run.APIVersion, strings.Join(d, "; ")))
	}
	p.pair("Root SHA-256", s.run.RootSHA256)
	p.text("How to verify", "exporter verify DIR, where DIR is this folder; more under Integrity.")
}

// words tell in one sentence what was asked for.
func (s Scope) words() string {
	var parts []string
	if len(s.IDs) > 0 {
		parts = append(parts, "by id "+some(s.IDs, ""))
	}
	if len(s.CampaignIDs) > 0 {
		parts = append(parts, "of campaigns "+some(s.CampaignIDs, ""))
	}
	if s.Filter != "" {
		parts = append(parts, "by filter "+s.Filter)
	}
	if len(parts) == 0 {
		return "every one the token can see."
	}
	return strings.Join(parts, ", ") + "."
}

// words tell how far opening, changes and closing add up.
func (f footing) words(run Run) string {
	switch {
	case run.BaselineID == nil:
		return "No baseline: nothing to roll forward from."
	case f.wrong > 0:
		return fmt.Sprintf("Lines that do not foot: %s of %s; see sheet Roll-forward.", count(f.wrong), count(f.wrong+f.stated+f.notStated))
	case f.notStated > 0:
		return fmt.Sprintf("Lines that foot: %s; not stated, for want of proof: %s. Sheet Roll-forward says why.", count(f.stated), count(f.notStated))
	}
	return fmt.Sprintf("Opening, changes and closing add up on each of %s.", plural(f.stated, "line"))
}

// findings tells how many there are by severity, and by rule, each with the way to its rows.
func (s *summary) findings(p *page) {
	bySeverity := map[findings.Severity]int64{}
	for _, rule := range findings.Rules() {
		bySeverity[rule.Severity] += s.found[rule.ID]
	}
	var all []string
	for _, severity := range severities {
		if n := bySeverity[severity]; n > 0 {
			all = append(all, count(n)+" "+string(severity))
		}
	}
	if len(all) == 0 {
		p.section("Findings", "")
		p.pair("", "No rule found anything.")
		return
	}
	p.section("Findings: "+strings.Join(all, ", "), "rl", "Rows", "Severity and what the rule looks for")
	for _, rule := range rulesBySeverity() {
		n := s.found[rule.ID]
		if n == 0 {
			continue
		}
		p.cells(p.styles.text, rule.ID)
		p.link(s.firstFound[rule.ID])
		p.values(p.styles.sum, 2, n)
		for _, line := range lines(string(rule.Severity)+": "+rule.Tests, meaningWidth) {
			p.values(p.styles.text, 3, line)
			p.row++
		}
	}
}

func (s *summary) runs(p *page) {
	p.section("Run", "ll", "This run", "Baseline")
	var id, started any = "none", nil
	if s.run.BaselineID != nil {
		id, started = *s.run.BaselineID, s.run.BaselineStartedAt
	}
	p.pair("Run id", s.run.ID, id)
	p.pair("Status", s.run.Status, given(s.run.BaselineStatus))
	p.pair("Started (UTC)", s.run.StartedAt, started)
	p.pair("Finished (UTC)", s.run.FinishedAt)
}

func (s *summary) totals(p *page, b *book) {
	p.section("Totals", "rrrr", "This run", "Baseline", "Change", "Rows in this workbook")
	rows := map[string]int64{}
	for _, sh := range b.sheets {
		rows[sh.table.View] = sh.total
	}
	for _, o := range []struct {
		label, view string
		now, before int64
	}{
		{"Certifications", viewCertifications, s.run.Certifications, s.run.Baseline.Certifications},
		{"of these complete", "", s.run.CertificationsComplete, s.run.Baseline.CertificationsComplete},
		{"Reviewers", "reviewers", s.run.Reviewers, s.run.Baseline.Reviewers},
		{"Review items", "review_items", s.run.ReviewItems, s.run.Baseline.ReviewItems},
		{"Permissions", "permissions", s.run.Permissions, s.run.Baseline.Permissions},
		{"Tasks", "tasks", s.run.Tasks, s.run.Baseline.Tasks},
	} {
		var before, change, here any
		if s.run.BaselineID != nil {
			before, change = o.before, o.now-o.before
		}
		if o.view != "" {
			here = rows[o.view]
		}
		p.cells(p.styles.text, o.label)
		p.values(p.styles.sum, 2, o.now, before)
		p.values(p.styles.net, 4, change)
		p.values(p.styles.sum, 5, here)
		p.row++
	}
}

// decisions tells how those of the last runs stood, and shows it from two runs on: a chart of one column would say no
// more than its row.
func (s *summary) decisions(p *page) {
	runs := s.run.Decisions
	if len(runs) == 0 {
		return
	}
	title := "Decisions by state"
	if n := len(runs); n > 1 {
		title += " over the last " + plural(int64(n), "run")
	}
	p.section(title, "llrrr", "Started (UTC)", "Status", "Approved", "Revoked", "Undecided")
	partial, other := false, []string{}
	head := p.row
	for _, r := range runs {
		label := fmt.Sprintf("Run %d", r.RunID)
		if r.Status == StatusPartial {
			partial, label = true, label+" "+StatusPartial // the chart shows it too
		}
		if r.OtherScope {
			other = append(other, strconv.FormatInt(r.RunID, 10))
		}
		p.cells(p.styles.text, label, r.StartedAt, r.Status)
		p.values(p.styles.sum, 4, r.Approved, r.Revoked, r.Undecided)
		p.row++
	}
	if partial {
		p.text(StatusPartial, "Items of a list that was not proved are counted as it was last proved.")
	}
	if len(other) > 0 {
		p.text("Another scope than this run", some(other, ""))
	}
	if len(runs) > 1 {
		p.chart(decisionsChart(title, head, len(runs)))
	}
}

func (s *summary) changes(p *page) {
	if s.run.BaselineID == nil {
		p.section("Changes", "")
		p.pair("", "No baseline: nothing to compare with.")
		return
	}
	p.section("Changes by class", "rl", "Rows", "Meaning")
	if len(s.classes) == 0 {
		p.pair("", "No changes against the baseline.")
	}
	meaning := map[string]string{}
	for _, m := range delta.Classes() {
		meaning[string(m.Class)] = m.Text
	}
	head := p.row
	for _, class := range slices.SortedFunc(maps.Keys(s.classes), delta.Compare) {
		p.cells(p.styles.text, class)
		p.values(p.styles.sum, 2, s.classes[class])
		p.values(p.styles.text, 3, meaning[class]) // of one line, or the chart's range would have gaps
		p.row++
	}
	if n := len(s.classes); n > 0 {
		p.chart(changesChart(head, n))
	}
}

func (s *summary) scope(p *page) {
	sc := s.run.Scope
	p.section("Scope", "")
	all := "not narrowed by id"
	if len(sc.CampaignIDs) == 0 && sc.Filter == "" {
		all = "every certification the token can see"
	}
	p.text("Certifications", some(sc.IDs, all))
	p.text("Campaigns", some(sc.CampaignIDs, "not narrowed"))
	p.text("Filter", cmp.Or(sc.Filter, "none"))
	p.text("Permissions", cmp.Or(sc.Permissions, "not stated"))
	p.text("Accepted gaps", some(s.run.KnownGaps, "none"))
	p.text("Source", s.run.APIHost+", API version "+s.run.APIVersion)
	p.pair("Requests", fmt.Sprintf("%s; %s retried; %s answered with status 429",
		count(s.run.Requests), count(s.run.Retries), count(s.run.Throttled)))
	p.pair("Exporter version", s.run.ToolVersion)
}

func (s *summary) integrity(p *page, b *book) {
	p.section("Integrity", "")
	p.pair("Previous root SHA-256", cmp.Or(s.run.PreviousRootSHA256, "none: first run of this tenant"))
	p.pair("Scope SHA-256", s.run.ScopeSHA256)
	p.pair("Configuration SHA-256", s.run.ConfigSHA256)
	p.text("How to verify", "This folder: exporter verify DIR, with --public-key KEY where it is signed. It needs no database.")
	p.text("", "By hand: SHA-256 of seal.jsonl is the root; of the other files, in manifest.json.")
	p.text("", fmt.Sprintf("The database: exporter verify DIR --database; run %d has this root in audit.runs.", s.run.ID))
	p.tally("Cells with replaced characters", s.replaced, "characters a file cannot hold show as \uFFFD (U+FFFD)")
	p.tally("Shortened cells", b.entries, "full text on sheet "+longTextTable().Sheet)
	p.tally("Guarded CSV cells", s.guarded, "text that looks like a formula begins with ' in the CSV")
}

func (s *summary) contents(p *page, b *book) {
	p.section("Sheets", "rl", "Rows", "Holds")
	for _, sh := range b.sheets {
		label := sh.table.Sheet
		if n := len(sh.names); n > 1 {
			label += " to " + sh.names[n-1]
		}
		p.cells(p.styles.text, label)
		p.values(p.styles.sum, 2, sh.total)
		p.values(p.styles.text, 3, sh.table.Holds)
		p.row++
	}
}

func (s *summary) signOff(p *page) {
	p.section("Sign-off", "llll", "Name", "Date", "", "Signature")
	for _, who := range []string{"Prepared by", "Reviewed by"} {
		p.do(p.xl.SetRowHeight(summarySheet, p.row+1, 2*lineHeight))
		p.line(p.styles.blank, who, "", "", "", "", "")
	}
}

// tally writes how many cells were altered, and how, if any were.
func (p *page) tally(label string, n int64, how string) {
	if n == 0 {
		p.pair(label, "none")
		return
	}
	p.pair(label, count(n)+": "+how)
}

// gaps names what was not proved.
func (p *page) gaps(label string, g gaps) {
	if g.collections == 0 {
		return
	}
	p.line(p.styles.strong, label, plural(g.collections, "collection")+" of "+plural(g.certifications, "certification"))
	for _, gap := range g.first {
		p.text(gap.label(), gap.detail())
	}
	if more := g.certifications - int64(len(g.first)); more > 0 {
		p.pair("", fmt.Sprintf("and %s more: see sheet Coverage", count(more)))
	}
}

// some lists a few ids.
func some(ids []string, none string) string {
	const shown = 3
	switch n := len(ids); {
	case n == 0:
		return none
	case n > shown:
		return fmt.Sprintf("%s: %s and %s more", count(int64(n)), strings.Join(ids[:shown], ", "), count(int64(n-shown)))
	}
	return strings.Join(ids, ", ")
}
