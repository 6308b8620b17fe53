package main

import (
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
	foundLimit = 10  // findings of a rule that a table shows unless all rows are asked for
	roomForIn  = 100 // columns from which on a row also tells the certification it is in
	roomForIDs = 180 // and its ids
)

// printComparison prints a comparison for a person. Of limit and width, 0 is none.
func printComparison(w io.Writer, d comparison, limit, width int) error {
	p := &printed{}
	total := 0
	for _, n := range d.Counts {
		total += n
	}
	p.head(d, total, width)
	p.totals(d, width)
	if total > 0 {
		p.classes(d, width)
	}
	p.findings(d, limit, width)
	if total > 0 {
		p.changes(d, width)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// printed gathers what is printed.
type printed struct{ strings.Builder }

func (p *printed) head(d comparison, total, width int) {
	sentence(p, width, fmt.Sprintf("%s: run %d -> run %d: %s", d.Tenant, d.From, d.To, counted(total, "change")))
	for _, r := range []struct {
		side string
		run  comparedRun
	}{{"from", d.Runs.From}, {"to", d.Runs.To}} {
		fmt.Fprintf(p, "  %-4s  run %d  %s  started %s UTC\n", r.side, r.run.ID, r.run.Status, r.run.StartedAt.UTC().Format(time.DateTime))
	}
	said := map[int64]bool{}
	for _, r := range []comparedRun{d.Runs.From, d.Runs.To} {
		switch status := snapshot.Status(r.Status); {
		case said[r.ID] || status == snapshot.Sealed:
			continue
		case status == snapshot.Partial:
			sentence(p, width, fmt.Sprintf("run %d is PARTIAL: a missing row is not a removal there", r.ID))
		default:
			sentence(p, width, fmt.Sprintf("run %d is %s: it is not finished, has no totals, and a missing row is not a removal there", r.ID, r.Status))
		}
		said[r.ID] = true
	}
	if d.Backwards {
		sentence(p, width, fmt.Sprintf(
			"run %d is the later one: changes are shown from the first run named to the second, here backwards in time; either order is allowed", d.From))
	}
	if d.ScopeChanged {
		sentence(p, width, "the two runs have different scopes: what one of them was not asked for is neither added nor removed")
	}
}

func (p *printed) totals(d comparison, width int) {
	p.WriteByte('\n')
	rows := [][]string{}
	for _, t := range []struct {
		label string
		total comparedTotal
	}{
		{"Certifications", d.Totals.Certifications},
		{"  of these complete", d.Totals.CertificationsComplete},
		{"Reviewers", d.Totals.Reviewers},
		{"Review items", d.Totals.ReviewItems},
		{"Permissions", d.Totals.Permissions},
		{"Tasks", d.Totals.Tasks},
	} {
		change := count(t.total.Change)
		if t.total.Change != nil && *t.total.Change > 0 {
			change = "+" + change
		}
		rows = append(rows, []string{t.label, count(t.total.From), count(t.total.To), change})
	}
	grid(p, width, []gridColumn{
		{name: "TOTALS"}, {name: fmt.Sprintf("RUN %d", d.From), right: true}, {name: fmt.Sprintf("RUN %d", d.To), right: true}, {name: "CHANGE", right: true},
	}, rows)
}

func (p *printed) classes(d comparison, width int) {
	meaning := map[string]string{}
	for _, m := range delta.Classes() {
		meaning[string(m.Class)] = m.Text
	}
	rows := [][]string{}
	for _, class := range d.classes() {
		rows = append(rows, []string{class, thousands(d.Counts[class]), meaning[class]})
	}
	p.WriteByte('\n')
	grid(p, width, []gridColumn{{name: "CLASS", whole: true}, {name: "COUNT", right: true, whole: true}, {name: "MEANING", wraps: true}}, rows)
}

// findings shows what the rules found that compare two runs. The report has
// others, which look at one.
func (p *printed) findings(d comparison, limit, width int) {
	p.WriteByte('\n')
	if d.Findings == nil {
		sentence(p, width, "Findings are left out: the rules compare a finished run with an earlier finished one.")
		return
	}
	for _, rule := range d.disabled {
		sentence(p, width, fmt.Sprintf("The rule %s is disabled in the settings stored with run %d.", rule, d.To))
	}
	if len(d.Findings) == 0 {
		sentence(p, width, "No rule that compares two runs found anything.")
		return
	}
	rows, byRule := [][]string{}, map[string]int{}
	for _, f := range d.Findings {
		if byRule[f.Rule]++; limit > 0 && byRule[f.Rule] > foundLimit {
			continue
		}
		detail := f.Detail
		if f.IdentityName != nil || f.AccessName != nil {
			detail = fmt.Sprintf("%s, %s: %s", named(f.IdentityName), named(f.AccessName), detail)
		}
		rows = append(rows, []string{f.Severity, f.Rule, detail})
	}
	grid(p, width, []gridColumn{{name: "SEVERITY", whole: true}, {name: "FINDING", whole: true}, {name: "DETAIL", wraps: true}}, rows)
	for _, rule := range slices.Sorted(maps.Keys(byRule)) {
		if more := byRule[rule] - foundLimit; limit > 0 && more > 0 {
			sentence(p, width, fmt.Sprintf("%s more of %s: --limit 0 or --format json", thousands(more), rule))
		}
	}
}

func named(name *string) string {
	if name == nil {
		return "not named"
	}
	return *name
}

func (p *printed) changes(d comparison, width int) {
	in, ids := width == 0 || width >= roomForIn, width == 0 || width >= roomForIDs
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
	rows := [][]string{}
	last := ""
	for _, c := range d.Changes {
		if c.Class != last {
			last = c.Class
			title := fmt.Sprintf("%s  %s", c.Class, counted(d.rows[c.Class], "row"))
			switch n := shown[c.Class]; {
			case n == d.rows[c.Class]:
			case n == 1:
				title += ", the first of them"
			default:
				title += fmt.Sprintf(", the first %s of them", thousands(n))
			}
			rows = append(rows, []string{title})
		}
		name, access := c.who()
		row := []string{"  " + c.Object, name, access}
		if in {
			row = append(row, c.in())
		}
		row = append(row, d.what(c))
		if ids {
			row = append(row, dash(c.CertificationID), dash(c.ObjectID))
		}
		rows = append(rows, row)
	}
	p.WriteByte('\n')
	grid(p, width, columns, rows)
	p.rest(d, width)
}

// rest says what the table does not show, and where it is.
func (p *printed) rest(d comparison, width int) {
	all, below := 0, 0
	for _, n := range d.rows {
		all += n
	}
	for _, n := range d.below {
		below += n
	}
	report := ""
	if d.From < d.To && d.Runs.From.finished() && d.Runs.To.finished() {
		report = fmt.Sprintf(", changes.csv of `exporter report --run %d --baseline %d`", d.To, d.From)
	}
	if more := all - len(d.Changes); more > 0 {
		p.WriteByte('\n')
		sentence(p, width, fmt.Sprintf("%s not shown. All of them: --limit 0, --format json%s.", counted(more, "more row"), report))
		report = ""
	}
	if below > 0 {
		p.WriteByte('\n')
		sentence(p, width, fmt.Sprintf("Rows below a certification that was deleted, or entered or left the scope, are told by their number, here %s. Each of them: --format json%s.",
			thousands(below), report))
	}
}

func (r comparedRun) finished() bool {
	return snapshot.Status(r.Status) == snapshot.Sealed || snapshot.Status(r.Status) == snapshot.Partial
}

// who is the name of what changed, and for access the name of that; where there
// is no name, the id.
func (c change) who() (name, access string) {
	switch {
	case c.IdentityName != nil || c.AccessName != nil:
		return dash(c.IdentityName), dash(c.AccessName)
	case (c.Object == objectCertification || c.ObjectID == nil) && c.CertificationName != nil:
		return *c.CertificationName, ""
	case c.whole():
		o := c.object()
		if name, ok := o.text("name"); ok && name != nil {
			return *name, ""
		}
	}
	return dash(c.ObjectID), ""
}

// in is the certification that a row is in.
func (c change) in() string {
	switch {
	case c.Object == objectCertification:
		return ""
	case c.CertificationName != nil:
		return *c.CertificationName
	}
	return dash(c.CertificationID)
}

// what says in words what changed.
func (d comparison) what(c change) string {
	switch {
	case c.Object == objectPermission && c.Class != "NOT_COMPARABLE":
		return d.whatOfPermission(c)
	case c.whole():
		return d.whatOfObject(c)
	case c.Field == nil:
		return ""
	case c.Class == "NOT_COMPARABLE":
		return fmt.Sprintf("%s: %s -> %s", *c.Field, or(c.Before, "not reached"), or(c.After, "not reached"))
	case c.Object == objectItem && *c.Field == "certification_id":
		return "moved from " + d.certification(c.Before)
	case c.Object == objectCertification && *c.Field == "reviewer_id":
		n := d.names[deref(c.CertificationID)]
		if n.Reviewer != nil && n.ReviewerBefore != nil {
			return fmt.Sprintf("reviewer: %s -> %s", *n.ReviewerBefore, *n.Reviewer)
		}
	case *c.Field == "raw":
		return "something that has no column of its own"
	}
	values := plainValue(c.Before) + " -> " + plainValue(c.After)
	if slices.Contains(sayTheirField, c.Class) {
		return values
	}
	return *c.Field + ": " + values
}

// sayTheirField are the classes of changes of one field alone.
var sayTheirField = []string{"FLIPPED", "REOPENED", "DECIDED", "COMMENT_CHANGED", "SIGNED", "TASK_FAILED", "TASK_FINISHED"}

func (d comparison) certification(id *string) string {
	if n := d.names[deref(id)]; n.Name != nil {
		return *n.Name
	}
	return dash(id)
}

// whatOfObject tells what matters of an object that came or went.
func (d comparison) whatOfObject(c change) string {
	o := c.object()
	var parts []string
	add := func(key, before string) {
		if v, ok := o.text(key); ok && v != nil {
			parts = append(parts, before+*v)
		}
	}
	switch c.Object {
	case objectCertification:
		if n := d.below[belowKey{deref(c.CertificationID), c.Class}]; n > 0 {
			parts = append(parts, fmt.Sprintf("and %s below it", counted(n, "row")))
		}
		add("phase", "")
		add("reviewer_name", "reviewer ")
	case objectReviewer:
		add("email", "")
	case objectItem:
		if o.yes("privileged") {
			parts = append(parts, "privileged")
		}
		add("decision", "")
		if len(o) > 0 && o["decision"] == nil {
			parts = append(parts, "undecided")
		}
		add("source_name", "source ")
	case objectTask:
		add("type", "")
		add("status", "")
	}
	return strings.Join(parts, ", ")
}

// permission is a side of a change of a permission.
type permission struct {
	Target          *string   `json:"target"`
	Rights          []*string `json:"rights"`
	CertificationID *string   `json:"certification_id"`
}

func (d comparison) whatOfPermission(c change) string {
	var before, after permission
	for _, side := range []struct {
		text *string
		into *permission
	}{{c.Before, &before}, {c.After, &after}} {
		if side.text != nil && json.Unmarshal([]byte(*side.text), side.into) != nil {
			return "cannot be read: see --format json"
		}
	}
	target := or(after.Target, or(before.Target, "no target"))
	switch {
	case c.Before == nil:
		return target + ": " + after.rights()
	case c.After == nil:
		return target + ": " + before.rights()
	case c.Class == string(reassigned):
		return target + ": moved from " + d.certification(before.CertificationID)
	}
	return fmt.Sprintf("%s: %s -> %s", target, before.rights(), after.rights())
}

func (p permission) rights() string {
	if len(p.Rights) == 0 {
		return "no rights"
	}
	var all []string
	for _, r := range p.Rights {
		all = append(all, dash(r))
	}
	return strings.Join(all, ", ")
}

// object is the object of a change, by the names of its fields, where it came or
// went as a whole.
type object map[string]any

func (c change) object() object {
	var o object
	if v := or(c.After, deref(c.Before)); json.Unmarshal([]byte(v), &o) != nil {
		return nil
	}
	return o
}

// text is a field of text, nil where it is null; ok tells whether there is one.
func (o object) text(key string) (s *string, ok bool) {
	v, ok := o[key]
	if t, is := v.(string); is {
		s = &t
	}
	return s, ok
}

func (o object) yes(key string) bool { v, _ := o[key].(bool); return v }

// plainValue is a value for a person: a list without its brackets.
func plainValue(s *string) string {
	if s == nil {
		return "(none)"
	}
	var list []string
	if strings.HasPrefix(*s, "[") && json.Unmarshal([]byte(*s), &list) == nil {
		return strings.Join(list, "; ")
	}
	return *s
}

func dash(s *string) string { return or(s, "-") }

func or(s *string, none string) string {
	if s == nil {
		return none
	}
	return *s
}

func thousands(n int) string { return count(new(int64(n))) }

// counted is a number of things.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return thousands(n) + " " + thing
}
