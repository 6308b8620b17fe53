package db

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

// unit is what is proved as one: a collection of a certification, or of a run.
type unit struct {
	certification string
	collection    snapshot.Collection
}

// side is all that is known of a unit as of a run.
type side struct {
	outcome  snapshot.Outcome // the last word
	said     int64            // the run that said it
	captured int64            // the run that proved the rows; 0: none
	params   string           // what shaped them then
	rows     [][]any          // the columns of the view after captured_run_id
}

// bounds are the runs between which an item was decided; 0: none.
type bounds struct {
	decided             bool
	undecided, decision int64
}

// ledger says what the views show, without asking the database.
type ledger struct {
	units    map[unit]side
	deleted  map[string]bool
	items    map[string]map[string]bounds // by certification and item
	tasks    map[string]knownTask
	started  map[int64]time.Time
	finished map[int64]bool
}

type knownTask struct {
	snapshot.Task
	first, ended int64 // runs
}

func newLedger() ledger {
	return ledger{
		units: map[unit]side{}, deleted: map[string]bool{}, items: map[string]map[string]bounds{}, tasks: map[string]knownTask{},
		started: map[int64]time.Time{}, finished: map[int64]bool{},
	}
}

func (l ledger) clone() ledger {
	return ledger{
		units: maps.Clone(l.units), deleted: maps.Clone(l.deleted), items: maps.Clone(l.items), tasks: maps.Clone(l.tasks),
		started: maps.Clone(l.started), finished: maps.Clone(l.finished),
	}
}

// put notes how a collection ended: only what is COMPLETE changes its rows.
func (l ledger) put(run int64, c snapshot.Coverage, rows [][]any) {
	u := unit{c.CertificationID, c.Collection}
	s := l.units[u]
	s.outcome, s.said = c.Outcome, run
	if c.Outcome == snapshot.Complete {
		s.captured, s.params, s.rows = run, c.ParamsSHA256, rows
	}
	l.units[u] = s
	if c.Collection == snapshot.CertificationHeader {
		delete(l.deleted, c.CertificationID)
	}
}

// forget notes that a certification is gone.
func (l ledger) forget(run int64, c snapshot.Coverage) {
	l.units[unit{c.CertificationID, c.Collection}] = side{outcome: c.Outcome, said: run}
	l.deleted[c.CertificationID] = true
	delete(l.items, c.CertificationID)
}

func (l ledger) putItems(run int64, c snapshot.Coverage, items []snapshot.ReviewItem) {
	if c.Outcome != snapshot.Complete {
		l.put(run, c, nil)
		return
	}
	before, known := l.items[c.CertificationID], map[string]bounds{}
	var rows [][]any
	for _, v := range items {
		b := bounds{undecided: run}
		if v.Decision != nil {
			was, seen := before[v.ID]
			b = bounds{decided: true, undecided: was.undecided, decision: run}
			if seen && was.decided {
				b.decision = was.decision
			}
		}
		known[v.ID] = b
		rows = append(rows, append(itemRow(c.CertificationID, v), l.time(b.undecided), l.time(b.decision)))
	}
	l.items[c.CertificationID] = known
	l.put(run, c, rows)
}

func (l ledger) time(run int64) any {
	if run == 0 {
		return nil
	}
	return l.started[run]
}

func (l ledger) putTasks(run int64, c snapshot.Coverage, seen []snapshot.Task, gone []string) {
	if c.Outcome == snapshot.Complete {
		for _, id := range gone {
			delete(l.tasks, id)
		}
		for _, v := range seen {
			k := knownTask{Task: v, first: run}
			if was, ok := l.tasks[v.ID]; ok {
				k.first, k.ended = was.first, was.ended
			}
			if v.Finished() && k.ended == 0 {
				k.ended = run
			}
			l.tasks[v.ID] = k
		}
	}
	l.put(run, c, nil)
	s := l.units[unit{"", snapshot.Tasks}]
	s.rows = nil
	for _, v := range l.tasks {
		last := s.captured
		if v.ended != 0 {
			last = v.ended
		}
		s.rows = append(s.rows, []any{v.ID, value(v.CertificationID), value(v.TargetType), value(v.TargetID), value(v.Type), value(v.Status),
			list(v.Errors), value(v.Created), l.time(v.first), l.time(last)})
	}
	l.units[unit{"", snapshot.Tasks}] = s
}

// rows are those of a view: of every unit that is not out of scope.
func (l ledger) rows(c snapshot.Collection) [][]any {
	out := [][]any{}
	for u, s := range l.units {
		if u.collection != c || s.outcome == snapshot.OutOfScope {
			continue
		}
		for _, r := range s.rows {
			out = append(out, append([]any{s.captured}, r...))
		}
	}
	keys := len(orders[views[c].name])
	slices.SortFunc(out, func(a, b []any) int {
		for i := 1; i <= keys; i++ {
			if x, ok := a[i].(int64); ok {
				return int(x - b[i].(int64))
			}
			if d := strings.Compare(a[i].(string), b[i].(string)); d != 0 {
				return d
			}
		}
		return 0
	})
	return out
}

// views are the audit views of objects and their columns after captured_run_id,
// raw left out.
var views = map[snapshot.Collection]struct {
	name    string
	columns string
}{
	snapshot.Campaigns: {"campaigns", "campaign_id name type status created deadline total_certifications completed_certifications"},
	snapshot.CertificationHeader: {"certifications", `certification_id name campaign_id campaign_name campaign_type phase reviewer_id
		reviewer_name reviewer_email reviewer_type created modified due signed completed decisions_made decisions_total identities_completed
		identities_total reassigned_from_id reassigned_from_reviewer reassignment_comment has_errors error_message`},
	snapshot.Reviewers: {"reviewers", "certification_id reviewer_id name email type"},
	snapshot.ReviewItems: {"review_items", `certification_id item_id identity_id identity_name access_type access_id access_name source_id
		source_name attribute value account_native_identity privileged has_permissions new_access completed decision comments
		last_seen_undecided_at first_seen_decided_at`},
	snapshot.Permissions: {"permissions", "certification_id item_id position target rights"},
	snapshot.Tasks:       {"tasks", `task_id certification_id target_type target_id type status errors created first_seen_at last_seen_at`},
}

func columnsOf(c snapshot.Collection) []string {
	return append([]string{"captured_run_id"}, strings.Fields(views[c].columns)...)
}

// check compares every view at a run with the ledger, and a closed run's
// totals with the views.
func (o *office) check(run int64) {
	o.Helper()
	l := o.after[run]
	for c, v := range views {
		got := rowsOf(o.T, o.store, o.tenant, run, v.name, columnsOf(c)...)
		if diff := cmp.Diff(l.rows(c), got); diff != "" {
			o.Errorf("view %s at run %d (-want +got):\n%s", v.name, run, diff)
		}
	}
	r, err := o.store.Run(o.Context(), o.tenant, run)
	o.fatal(err)
	if !r.Finished() {
		return
	}
	checkTotals(o.T, l, r)
}

func checkTotals(t *testing.T, l ledger, r Run) {
	t.Helper()
	for c, got := range map[snapshot.Collection]*int64{
		snapshot.CertificationHeader: r.Certifications, snapshot.Reviewers: r.Reviewers, snapshot.ReviewItems: r.ReviewItems,
		snapshot.Permissions: r.Permissions, snapshot.Tasks: r.Tasks,
	} {
		if got == nil || *got != int64(len(l.rows(c))) {
			t.Errorf("run %d says %v %s, and the view has %d", r.ID, value(got), c, len(l.rows(c)))
		}
	}
}

func value[T any](p *T) any {
	if p == nil {
		return nil
	}
	if t, ok := any(*p).(time.Time); ok {
		return t.UTC()
	}
	return *p
}

// list is a text[] as a Reader gives it: NULL is nil.
func list(v []string) any {
	if v == nil {
		return nil
	}
	return v
}

func campaignRows(all []snapshot.Campaign) (rows [][]any) {
	for _, v := range all {
		rows = append(rows, []any{v.ID, value(v.Name), value(v.Type), value(v.Status), value(v.Created), value(v.Deadline),
			value(v.TotalCertifications), value(v.CompletedCertifications)})
	}
	return rows
}

func certificationRows(v snapshot.Certification) [][]any {
	return [][]any{{v.ID, value(v.Name), value(v.CampaignID), value(v.CampaignName), value(v.CampaignType), value(v.Phase), value(v.ReviewerID),
		value(v.ReviewerName), value(v.ReviewerEmail), value(v.ReviewerType), value(v.Created), value(v.Modified), value(v.Due), value(v.Signed),
		value(v.Completed), value(v.DecisionsMade), value(v.DecisionsTotal), value(v.IdentitiesCompleted), value(v.IdentitiesTotal),
		value(v.ReassignedFromID), value(v.ReassignedFromOwner), value(v.ReassignmentComment), value(v.HasErrors), value(v.ErrorMessage)}}
}

func reviewerRows(certification string, all []snapshot.Reviewer) (rows [][]any) {
	for _, v := range all {
		rows = append(rows, []any{certification, v.ID, value(v.Name), value(v.Email), value(v.Type)})
	}
	return rows
}

func itemRow(certification string, v snapshot.ReviewItem) []any {
	return []any{certification, v.ID, value(v.IdentityID), value(v.IdentityName), value(v.AccessType), value(v.AccessID), value(v.AccessName),
		value(v.SourceID), value(v.SourceName), value(v.Attribute), value(v.Value), value(v.AccountNativeIdentity), value(v.Privileged),
		value(v.HasPermissions), value(v.NewAccess), value(v.Completed), value(v.Decision), value(v.Comments)}
}

func permissionRows(certification string, c *cert) (rows [][]any) {
	for _, v := range c.items {
		if !v.Flagged() {
			continue
		}
		for i, p := range c.permissions[v.ID] {
			rows = append(rows, []any{certification, v.ID, int64(i), value(p.Target), list(p.Rights)})
		}
	}
	return rows
}
