package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"exporter/internal/delta"
	"exporter/internal/snapshot"
)

const (
	roomForIn  = 100 // columns from which on a row also tells the certification it is in
	roomForIDs = 180 // and its ids
)

// printComparison prints a comparison for a person; width 0 is any.
func printComparison(w io.Writer, d comparison, width int) error {
	p := &printed{width: width}
	p.head(d)
	p.totals(d)
	if len(d.Counts) > 0 {
		p.classes(d)
	}
	p.findings(d)
	if len(d.Counts) > 0 {
		p.changes(d)
		p.rest(d)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// printed gathers what is printed.
type printed struct {
	strings.Builder
	width int
}

func (p *printed) say(format string, args ...any) { sentence(p, p.width, fmt.Sprintf(format, args...)) }

// grid prints rows below an empty line.
func (p *printed) grid(columns []gridColumn, rows [][]string) {
	p.WriteByte('\n')
	grid(p, p.width, columns, rows)
}

func (p *printed) head(d comparison) {
	p.say("%s: run %d -> run %d: %s", d.Tenant, d.From, d.To, counted(sum(d.Counts), "change"))
	runs := []comparedRun{d.Runs.From, d.Runs.To}
	for i, r := range runs {
		fmt.Fprintf(p, "  %-4s  run %d  %s  started %s UTC\n", [...]string{"from", "to"}[i], r.ID, r.Status, r.StartedAt.UTC().Format(time.DateTime))
	}
	if d.From == d.To {
		runs = runs[:1]
	}
	for _, r := range runs {
		switch snapshot.Status(r.Status) {
		case snapshot.Sealed:
		case snapshot.Partial:
			p.say("run %d is PARTIAL: a missing row is not a removal there", r.ID)
		default:
			p.say("run %d is %s: it is not finished, has no totals, and a missing row is not a removal there", r.ID, r.Status)
		}
	}
	if d.Backwards {
		p.say("run %d is the later one: changes are shown from the first run named to the second, here backwards in time; either order is allowed", d.From)
	}
	if d.ScopeChanged {
		p.say("the two runs have different scopes: what one of them was not asked for is neither added nor removed")
	}
}

func (p *printed) totals(d comparison) {
	var rows [][]string
	for _, c := range counters {
		t := d.Totals[c.name]
		change := count(t.Change)
		if deref(t.Change) > 0 {
			change = "+" + change
		}
		rows = append(rows, []string{c.label, count(t.From), count(t.To), change})
	}
	p.grid([]gridColumn{
		{name: "TOTALS"}, {name: fmt.Sprintf("RUN %d", d.From), right: true}, {name: fmt.Sprintf("RUN %d", d.To), right: true}, {name: "CHANGE", right: true},
	}, rows)
}

func (p *printed) classes(d comparison) {
	meaning := map[string]string{}
	for _, m := range delta.Classes() {
		meaning[string(m.Class)] = m.Text
	}
	var rows [][]string
	for _, class := range d.classes() {
		rows = append(rows, []string{class, thousands(d.Counts[class]), meaning[class]})
	}
	p.grid([]gridColumn{{name: "CLASS", whole: true}, {name: "COUNT", right: true, whole: true}, {name: "MEANING", wraps: true}}, rows)
}

// findings shows what the rules found that compare two runs. The report has
// others, which look at one.
func (p *printed) findings(d comparison) {
	p.WriteByte('\n')
	if d.Findings == nil {
		p.say("Findings are left out: the rules compare a finished run with an earlier finished one.")
		return
	}
	for _, rule := range d.disabled {
		p.say("The rule %s is disabled in the settings stored with run %d.", rule, d.To)
	}
	if len(d.Findings) == 0 {
		p.say("No rule that compares two runs found anything.")
		return
	}
	var rows [][]string
	for _, f := range d.Findings {
		detail := f.Detail
		if f.IdentityName != nil || f.AccessName != nil {
			detail = fmt.Sprintf("%s, %s: %s", or(f.IdentityName, "not named"), or(f.AccessName, "not named"), detail)
		}
		rows = append(rows, []string{f.Severity, f.Rule, detail})
	}
	grid(p, p.width, []gridColumn{{name: "SEVERITY", whole: true}, {name: "FINDING", whole: true}, {name: "DETAIL", wraps: true}}, rows)
	for _, rule := range slices.Sorted(maps.Keys(d.found)) {
		if n := d.found[rule]; !d.shows(n, foundLimit) {
			p.say("%s more of %s: --limit 0 or --format json", thousands(n-foundLimit), rule)
		}
	}
}

func (p *printed) changes(d comparison) {
	in, ids := p.width == 0 || p.width >= roomForIn, p.width == 0 || p.width >= roomForIDs
	columns := []gridColumn{{name: "  OBJECT", whole: true}, {name: "NAME", middle: true, share: 2}, {name: "ACCESS", share: 2}}
	if in {
		columns = append(columns, gridColumn{name: "CERTIFICATION", middle: true, share: 2})
	}
	columns = append(columns, gridColumn{name: "CHANGE", share: 3})
	if ids {
		columns = append(columns, gridColumn{name: "CERTIFICATION ID", whole: true}, gridColumn{name: "ID", whole: true})
	}
	shown := map[string]int{}
	for _, c := range d.Changes {
		shown[c.Class]++
	}
	var rows [][]string
	last := ""
	for _, c := range d.Changes {
		if c.Class != last {
			last = c.Class
			title := c.Class + "  " + counted(d.rows[last], "row")
			if n := shown[last]; n < d.rows[last] {
				title += fmt.Sprintf(", %s shown", thousands(n))
			}
			rows = append(rows, []string{title})
		}
		name, access := c.who()
		row := []string{"  " + c.Object, name, access}
		if in {
			row = append(row, c.in())
		}
		row = append(row, c.what())
		if ids {
			row = append(row, dash(c.CertificationID), dash(c.ObjectID))
		}
		rows = append(rows, row)
	}
	p.grid(columns, rows)
}

// rest says what the table does not show, and where it is.
func (p *printed) rest(d comparison) {
	report := ""
	if d.Findings != nil { // a report could compare the two as well
		report = fmt.Sprintf(", changes.csv of `exporter report --run %d --baseline %d`", d.To, d.From)
	}
	all := sum(d.rows)
	if more := all - len(d.Changes); more > 0 {
		p.WriteByte('\n')
		p.say("%s not shown. All of them: --limit 0, --format json%s.", counted(more, "more row"), report)
		report = ""
	}
	if below := sum(d.Counts) - all; below > 0 {
		p.WriteByte('\n')
		p.say("Rows below a certification that was deleted, or entered or left the scope, are told by their number, here %s. Each of them: --format json%s.",
			thousands(below), report)
	}
}

// who is the name of what changed, and for access the name of that; where there
// is no name, the id.
func (c change) who() (name, access string) {
	switch {
	case c.IdentityName != nil || c.AccessName != nil:
		return dash(c.IdentityName), dash(c.AccessName)
	case c.Object == objectCertification || c.ObjectID == nil:
		return or(c.CertificationName, dash(c.CertificationID)), ""
	}
	return cmp.Or(c.object().text("name"), dash(c.ObjectID)), ""
}

// in is the certification that a row is in.
func (c change) in() string {
	if c.Object == objectCertification {
		return ""
	}
	return or(c.CertificationName, dash(c.CertificationID))
}

// what says in words what changed.
func (c change) what() string {
	field, before, after := deref(c.Field), plainValue(c.Before), plainValue(c.After)
	switch {
	case c.Class == "NOT_COMPARABLE":
		return fmt.Sprintf("%s: %s -> %s", field, or(c.Before, "not reached"), or(c.After, "not reached"))
	case c.Object == objectPermission:
		return c.whatOfPermission()
	case field == "":
		return c.whatOfObject()
	case c.movedFrom != nil:
		return "moved from " + or(c.nameBefore, *c.movedFrom)
	case field == "reviewer_id":
		return fmt.Sprintf("reviewer: %s -> %s", or(c.nameBefore, before), or(c.nameAfter, after))
	case field == "raw":
		return "something that has no column of its own"
	case slices.Contains(sayTheirField, c.Class):
		return before + " -> " + after
	}
	return fmt.Sprintf("%s: %s -> %s", field, before, after)
}

// sayTheirField are the classes of changes of one field alone.
var sayTheirField = []string{"FLIPPED", "REOPENED", "DECIDED", "COMMENT_CHANGED", "SIGNED", "TASK_FAILED", "TASK_FINISHED"}

// whatOfObject tells what matters of an object that came or went.
func (c change) whatOfObject() string {
	o := c.object()
	var parts []string
	add := func(before, text string) {
		if text != "" {
			parts = append(parts, before+text)
		}
	}
	switch c.Object {
	case objectCertification:
		if c.below > 0 {
			add("and ", counted(c.below, "row")+" below it")
		}
		add("", o.text("phase"))
		add("reviewer ", o.text("reviewer_name"))
	case objectReviewer:
		add("", o.text("email"))
	case objectItem:
		if o["privileged"] == true {
			add("", "privileged")
		}
		add("", cmp.Or(o.text("decision"), "undecided"))
		add("source ", o.text("source_name"))
	case objectTask:
		add("", o.text("type"))
		add("", o.text("status"))
	}
	return strings.Join(parts, ", ")
}

func (c change) whatOfPermission() string {
	before, after := objectOf(c.Before), objectOf(c.After)
	what := before.rights() + " -> " + after.rights()
	switch {
	case c.movedFrom != nil:
		what = "moved from " + or(c.nameBefore, *c.movedFrom)
	case c.Before == nil:
		what = after.rights()
	case c.After == nil:
		what = before.rights()
	}
	return cmp.Or(after.text("target"), before.text("target"), "no target") + ": " + what
}

// object is an object by the names of its fields.
type object map[string]any

// objectOf reads an object as changes have it; nil is one without fields.
func objectOf(s *string) (o object) {
	_ = json.Unmarshal([]byte(deref(s)), &o)
	return o
}

// object is what came or went as a whole.
func (c change) object() object {
	if c.Field != nil {
		return nil
	}
	return objectOf(cmp.Or(c.After, c.Before))
}

// text is a field of text; "" where there is none.
func (o object) text(key string) string { s, _ := o[key].(string); return s }

// rights are those of a permission.
func (o object) rights() string {
	list, _ := o["rights"].([]any)
	var all []string
	for _, r := range list {
		all = append(all, fmt.Sprint(r))
	}
	return cmp.Or(strings.Join(all, ", "), "no rights")
}

// plainValue is a value for a person: a list without its brackets.
func plainValue(s *string) string {
	var list []string
	if strings.HasPrefix(deref(s), "[") && json.Unmarshal([]byte(*s), &list) == nil {
		return strings.Join(list, "; ")
	}
	return or(s, "(none)")
}

func dash(s *string) string { return or(s, "-") }

func or(s *string, none string) string {
	if s == nil {
		return none
	}
	return *s
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func thousands(n int) string { return count(new(int64(n))) }

// counted is a number of things.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return thousands(n) + " " + thing
}
