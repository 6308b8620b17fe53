package report

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"exporter/internal/delta"
)

// viewBalances tells how each collection stood at a run. It is read for the roll-forward and has neither a file nor a
// sheet.
const viewBalances = "balances"

// balance is what a line of the roll-forward counts.
type balance struct {
	object     string // as in the changes
	state      string // of review items; empty: all of them
	collection string // that has to be proved for it
}

// balances are the lines of each campaign, in the order of the sheet.
var balances = []balance{
	{"certification", "", headerCollection},
	{"reviewer", "", "reviewers"},
	{"review_item", "", "review_items"},
	{"review_item", "decided", "review_items"},
	{"review_item", "approved", "review_items"},
	{"review_item", "revoked", "review_items"},
	{"review_item", "undecided", "review_items"},
	{"permission", "", "permissions"},
	{"task", "", "tasks"},
}

// holds tells whether a line counts an object with this decision; only review items have one.
func (b balance) holds(object, decision string) bool {
	if b.object != object {
		return false
	}
	switch b.state {
	case "decided":
		return decision != ""
	case "approved":
		return decision == "APPROVE"
	case "revoked":
		return decision == "REVOKE"
	case "undecided":
		return decision == ""
	}
	return true
}

// rollForward carries each campaign's numbers from the baseline to the run: opening + added − removed = closing. Its
// three sides come from three places: the opening from the counts that were sealed with the baseline, what was added
// and removed from the rows of the changes, and the closing from the rows of the report. So the foot check is one of
// the whole report. It keeps something for each certification and campaign, nothing for a row.
type rollForward struct {
	run    Run
	places places

	certifications map[string]*carried
	campaigns      map[string]*campaignLines
	lists          map[string]*proof // of the lists of a whole run, by collection
}

// carried is what is kept of a certification.
type carried struct {
	campaign string // at the run, or of one that is not there any more at the baseline; empty: not known
	opening  []int64
	proofs   map[string]*proof // by collection
}

// proof is how a collection stood in the baseline and in the run; empty: nothing was said of it.
type proof struct{ before, now string }

// campaignLines are the numbers of a campaign.
type campaignLines struct {
	id, name string
	lines    []line
}

type line struct {
	opening, added, removed, closing int64
	classes                          map[string][2]int64 // added and removed by the class of the change
	moved                            int64               // objects that reassignment brought from another campaign, or took there
	ownTasks                         bool                // it counts tasks that work on no certification: only the list of all tasks tells of them
	unproved                         [2]map[string]int64 // certifications by outcome, in the baseline and in the run
}

// says tells whether anything is known of a line, be it that it was not proved.
func (l line) says() bool {
	return l.opening != 0 || l.closing != 0 || l.moved > 0 || len(l.classes)+len(l.unproved[0])+len(l.unproved[1]) > 0
}

func newRollForward(run Run, p places) *rollForward {
	f := &rollForward{
		run: run, places: p, certifications: map[string]*carried{}, campaigns: map[string]*campaignLines{},
		lists: map[string]*proof{},
	}
	f.places.add(viewBalances, balanceColumns)
	return f
}

var balanceColumns = []string{
	"certification_id", "collection", "outcome", "stored", "campaign_id", "campaign_name", "approved", "revoked", "undecided",
}

// open takes in how everything stood at the baseline.
func (f *rollForward) open(ctx context.Context, src Source) error {
	for row, err := range src.Baseline(ctx, viewBalances, balanceColumns) {
		if err != nil {
			return err
		}
		r := f.places.record(viewBalances, row)
		id, collection := r.text("certification_id"), r.text("collection")
		f.proof(id, collection).before = r.text("outcome")
		if id == "" {
			continue
		}
		c := f.certification(id)
		if campaign := r.text("campaign_id"); campaign != "" {
			c.campaign = campaign
			f.campaign(campaign).name = r.text("campaign_name")
		}
		states := map[string]int64{"": r.number("stored"), "approved": r.number("approved"), "revoked": r.number("revoked"), "undecided": r.number("undecided")}
		states["decided"] = states[""] - states["undecided"]
		for i, b := range balances {
			if b.collection == collection && collection != "tasks" { // which are counted one by one
				c.opening[i] = states[b.state]
			}
		}
	}
	columns := []string{"certification_id", "target_type", "target_id"}
	f.places.add("baseline tasks", columns)
	for row, err := range src.Baseline(ctx, viewTasks, columns) {
		if err != nil {
			return err
		}
		campaign, certification := f.ofTask(f.places.record("baseline tasks", row))
		if certification != nil {
			certification.opening[taskLine]++
		} else {
			l := &f.campaign(campaign).lines[taskLine]
			l.opening, l.ownTasks = l.opening+1, true
		}
	}
	return ctx.Err()
}

var taskLine = slices.IndexFunc(balances, func(b balance) bool { return b.object == "task" })

func (f *rollForward) certification(id string) *carried {
	c := f.certifications[id]
	if c == nil {
		c = &carried{opening: make([]int64, len(balances)), proofs: map[string]*proof{}}
		f.certifications[id] = c
	}
	return c
}

func (f *rollForward) campaign(id string) *campaignLines {
	c := f.campaigns[id]
	if c == nil {
		c = &campaignLines{id: id, lines: make([]line, len(balances))}
		f.campaigns[id] = c
	}
	return c
}

// proof gives that of a collection of a certification, or of a list of the whole run where there is no id.
func (f *rollForward) proof(certification, collection string) *proof {
	proofs := f.lists
	if certification != "" {
		proofs = f.certification(certification).proofs
	}
	if proofs[collection] == nil {
		proofs[collection] = &proof{}
	}
	return proofs[collection]
}

// ofTask gives the campaign that a task works on, and its certification where it works on one.
func (f *rollForward) ofTask(r record) (campaign string, c *carried) {
	if id := r.text("certification_id"); id != "" {
		return "", f.certification(id)
	}
	if r.text("target_type") == "CAMPAIGN" {
		return r.text("target_id"), nil
	}
	return "", nil
}

// see takes in a row of the report. The rows of certifications come before those that belong to them, and changes last.
func (f *rollForward) see(t table, row []any) error {
	r := f.places.record(t.View, row)
	id := r.text("certification_id")
	switch t.View {
	case viewCoverage:
		f.proof(id, r.text("collection")).now = r.text("outcome")
	case viewCertifications:
		c := f.certification(id)
		c.campaign = cmp.Or(r.text("campaign_id"), c.campaign)
		if campaign := r.text("campaign_id"); campaign != "" {
			f.campaign(campaign).name = r.text("campaign_name")
		}
		f.close(c.campaign, "certification", "")
	case viewReviewers:
		f.close(f.certification(id).campaign, "reviewer", "")
	case viewReviewItems:
		f.close(f.certification(id).campaign, "review_item", r.text("decision"))
	case viewPermissions:
		f.close(f.certification(id).campaign, "permission", "")
	case viewTasks:
		campaign, c := f.ofTask(r)
		if c != nil {
			campaign = c.campaign
		} else {
			f.campaign(campaign).lines[taskLine].ownTasks = true
		}
		f.close(campaign, "task", "")
	case viewChanges:
		return f.change(r)
	}
	return nil
}

func (f *rollForward) close(campaign, object, decision string) {
	c := f.campaign(campaign)
	for i, b := range balances {
		if b.holds(object, decision) {
			c.lines[i].closing++
		}
	}
}

// change takes in what a change added and removed.
func (f *rollForward) change(r record) error {
	object, class := r.text("object"), r.text("class")
	var campaign string
	if id := r.text("certification_id"); id != "" {
		campaign = f.certification(id).campaign
	} else if object == "task" { // a campaign's, which the object itself names
		var target struct {
			Type string `json:"target_type"`
			ID   string `json:"target_id"`
		}
		whole := r.text("before") + r.text("after") // one of them is there
		if r.text("field") == "" {
			if err := json.Unmarshal([]byte(whole), &target); err != nil {
				return fmt.Errorf("task %s: %w", r.text("object_id"), err)
			}
		}
		if target.Type == "CAMPAIGN" {
			campaign = target.ID
		}
	}
	lines := f.campaign(campaign).lines
	if from := r.text("moved_from"); from != "" {
		if other := f.certification(from).campaign; other != campaign {
			for i, b := range balances {
				if b.object == object {
					lines[i].moved++
					f.campaign(other).lines[i].moved++
				}
			}
		}
		return nil
	}
	field := r.text("field")
	came := field == "" && r.text("before") == "" || field == "decision" && object == "review_item"
	went := field == "" && r.text("after") == "" || field == "decision" && object == "review_item"
	for i, b := range balances {
		before := went && b.holds(object, r.text("decision_before"))
		after := came && b.holds(object, r.text("decision_after"))
		if before == after {
			continue
		}
		l := &lines[i]
		l.ownTasks = l.ownTasks || object == "task" && r.text("certification_id") == ""
		if l.classes == nil {
			l.classes = map[string][2]int64{}
		}
		n := l.classes[class]
		if after {
			l.added++
			n[0]++
		} else {
			l.removed++
			n[1]++
		}
		l.classes[class] = n
	}
	return nil
}

// footing is how many lines of the roll-forward add up.
type footing struct {
	stated    int64 // and add up
	notStated int64
	wrong     int64
}

// rows gives the lines as rows of their table, and how they add up.
func (f *rollForward) rows() (rows [][]any, all footing) {
	f.settle()
	campaigns := slices.SortedFunc(maps.Values(f.campaigns), func(a, b *campaignLines) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.id, b.id))
	})
	for _, c := range campaigns {
		if c.id == "" && !slices.ContainsFunc(c.lines, line.says) {
			continue
		}
		for i, b := range balances {
			l := &c.lines[i]
			why := f.why(c, l, b)
			var opening, added, removed, closing, difference, baseline any
			if f.run.BaselineID != nil {
				baseline = *f.run.BaselineID
			}
			if f.run.BaselineID != nil && f.provedAt(l, b, 0) {
				opening = l.opening
			}
			if f.provedAt(l, b, 1) {
				closing = l.closing
			}
			statement := "foots"
			switch d := l.opening + l.added - l.removed - l.closing; {
			case why != "":
				statement = "not stated: " + why
				all.notStated++
			default:
				added, removed, difference = l.added, l.removed, d
				all.stated++
				if d != 0 {
					statement = "DOES NOT FOOT: the parts of this report do not agree"
					all.stated--
					all.wrong++
				}
			}
			rows = append(rows, []any{
				f.run.Tenant, f.run.ID, baseline, given(c.id), given(c.name), b.object, cmp.Or(b.state, "all"), opening, added, removed, closing, difference,
				statement, given(l.byClass(why)),
			})
		}
	}
	return rows, all
}

// settle brings what is kept of certifications to their campaigns, which are all known by now.
func (f *rollForward) settle() {
	for _, id := range slices.Sorted(maps.Keys(f.certifications)) {
		c := f.certifications[id]
		lines := f.campaign(c.campaign).lines
		for i, b := range balances {
			lines[i].opening += c.opening[i]
			p, header := c.proofs[b.collection], c.proofs[headerCollection]
			if p == nil || header == nil {
				continue
			}
			for side, said := range [2][2]string{{p.before, header.before}, {p.now, header.now}} {
				if provedOutcome(said[0], said[1]) {
					continue
				}
				if lines[i].unproved[side] == nil {
					lines[i].unproved[side] = map[string]int64{}
				}
				lines[i].unproved[side][said[0]]++
			}
		}
	}
}

// provedOutcome tells whether a number is known of a collection. Of one that nothing was said of there is nothing to
// be known, for the list of certifications is proved apart; one out of scope shows nothing; and one that the tenant
// deleted has nothing.
func provedOutcome(outcome, header string) bool {
	switch outcome {
	case "", outcomeComplete, outcomeSealedEarlier, outcomeOutOfScope:
		return true
	case outcomeNotFound:
		return header == outcomeNotFound
	}
	return false
}

// provedAt tells whether a line's number is known in the baseline (0) or in the run (1).
func (f *rollForward) provedAt(l *line, b balance, side int) bool {
	return len(l.unproved[side]) == 0 && len(f.listsAt(l, b, side)) == 0
}

// listsAt names the lists of a whole run that a line rests on and that were not proved.
func (f *rollForward) listsAt(l *line, b balance, side int) []string {
	wanted := []string{viewCertifications}
	if b.object == "task" {
		wanted = append(wanted, viewTasks)
	}
	var missing []string
	for _, name := range wanted {
		said := ""
		if p := f.lists[name]; p != nil {
			said = [2]string{p.before, p.now}[side]
		}
		switch {
		case said == "" && name == viewTasks && l.ownTasks: // with the version of the API that tells of tasks by certification
			missing = append(missing, name+" not read")
		case !provedOutcome(said, ""):
			missing = append(missing, name+" "+said)
		}
	}
	return missing
}

// why tells why a line cannot be stated; empty: it can.
func (f *rollForward) why(c *campaignLines, l *line, b balance) string {
	if f.run.BaselineID == nil {
		return "there is no baseline"
	}
	var reasons []string
	for side, when := range [2]string{"in the baseline", "in this run"} {
		if lists := f.listsAt(l, b, side); len(lists) > 0 {
			reasons = append(reasons, fmt.Sprintf("lists of the tenant not proved %s: %s", when, strings.Join(lists, ", ")))
		}
		if len(l.unproved[side]) > 0 {
			var outcomes []string
			for _, outcome := range slices.Sorted(maps.Keys(l.unproved[side])) {
				outcomes = append(outcomes, fmt.Sprintf("%s %s", plural(l.unproved[side][outcome], "certification"), outcome))
			}
			reasons = append(reasons, fmt.Sprintf("%s not proved %s: %s", b.collection, when, strings.Join(outcomes, ", ")))
		}
	}
	if l.moved > 0 {
		reasons = append(reasons, "reassignment moved objects between campaigns")
	}
	return strings.Join(reasons, "; ")
}

// byClass tells what the added and the removed are made of, those to look at first at the front.
func (l *line) byClass(why string) string {
	if why != "" {
		return ""
	}
	var parts []string
	for _, class := range slices.SortedFunc(maps.Keys(l.classes), delta.Compare) {
		part := class
		if n := l.classes[class][0]; n > 0 {
			part += " +" + count(n)
		}
		if n := l.classes[class][1]; n > 0 {
			part += " -" + count(n)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
