package report

import (
	"context"
	"encoding/json"
	"slices"

	"exporter/internal/report/findings"
)

// viewIntervals counts the decisions of each certification by their observed bounds. It is read for its findings and has
// neither a file nor a sheet.
const viewIntervals = "decision_intervals"

// severities, in the order of the sheet.
var severities = []findings.Severity{findings.High, findings.Medium, findings.Low, findings.Info}

// finder passes rows through the rules of findings while they are written, and keeps what is found on disk until the
// sheet's turn comes.
type finder struct {
	run        Run
	thresholds findings.Thresholds
	places     places
	spools     map[string]*spool // by rule
	counts     map[string]int64  // findings by rule

	unsupported map[string][]string // collections that the tenant does not serve, by certification
	names       map[string]string   // of certifications
}

func newFinder(f *folder, run Run, t findings.Thresholds, p places) *finder {
	n := &finder{
		run: run, thresholds: t, places: p, spools: map[string]*spool{},
		counts: map[string]int64{}, unsupported: map[string][]string{}, names: map[string]string{},
	}
	for _, rule := range findings.Rules() {
		n.spools[rule.ID] = &spool{folder: f, name: "findings-" + rule.ID}
	}
	return n
}

// from is the run that captured a row where that is not the run of the report, else 0.
func (f *finder) from(r record) int64 {
	if id := r.number("captured_run_id"); id != f.run.ID {
		return id
	}
	return 0
}

// see passes a row through the rules about it. A review item is marked with the rules that found something.
func (f *finder) see(t table, row []any) error {
	r := f.places.record(t.View, row)
	switch t.View {
	case viewCoverage:
		if id := r.text("certification_id"); id != "" && r.text("outcome") == outcomeUnsupported {
			f.unsupported[id] = append(f.unsupported[id], r.text("collection"))
		}
	case viewCertifications:
		return f.certification(r)
	case viewReviewItems:
		found := findings.OfItem(findings.Item{
			CertificationID: r.text("certification_id"), ID: r.text("item_id"), ReviewerID: r.text("reviewer_id"), ReviewerName: r.text("reviewer_name"),
			IdentityID: r.text("identity_id"), IdentityName: r.text("identity_name"), AccessID: r.text("access_id"), AccessName: r.text("access_name"),
			Privileged: value[bool](r, "privileged"), Decision: r.text("decision"), Comments: r.text("comments"),
			LastUndecided: r.time("last_seen_undecided_at"), FirstDecided: r.time("first_seen_decided_at"),
			Origin: findings.Origin(r.text("decision_origin")), FromRun: f.from(r),
		}, f.thresholds)
		if len(found) == 0 {
			return nil
		}
		var marks []string
		for _, x := range found {
			marks = append(marks, x.Rule)
		}
		row[r.places["findings"]] = marks
		return f.add(found)
	case viewTasks:
		return f.add(findings.OfTask(findings.Task{
			ID: r.text("task_id"), CertificationID: r.text("certification_id"), Type: r.text("type"), Status: r.text("status"),
			Errors: value[[]string](r, "errors"), FirstSeen: r.time("first_seen_at"), LastSeen: r.time("last_seen_at"),
		}, f.thresholds))
	case viewChanges:
		return f.add(findings.OfChange(findings.Change{
			Class: r.text("class"), Object: r.text("object"), CertificationID: r.text("certification_id"), ObjectID: r.text("object_id"),
			Before: r.text("before"), After: r.text("after"), BaselineID: r.number("baseline_run_id"), RunID: f.run.ID,
			NotBefore: r.time("last_seen_before_at"), NotAfter: r.time("first_seen_after_at"),
		}, f.thresholds))
	case viewReassignments:
		return f.add(findings.OfReassignment(findings.Reassignment{
			CertificationID: r.text("certification_id"), FromID: r.text("from_reviewer_id"), FromName: r.text("from_reviewer_name"),
			ToID: r.text("to_reviewer_id"), ToName: r.text("to_reviewer_name"), NotBefore: r.time("last_seen_without_at"),
			NotAfter: r.time("first_seen_at"), Due: r.time("due"), OwnItems: r.number("own_items"),
		}, f.thresholds))
	case viewRevocations:
		return f.add(findings.OfRevocation(findings.Revocation{
			CertificationID: r.text("certification_id"), ItemID: r.text("item_id"), IdentityID: r.text("identity_id"), IdentityName: r.text("identity_name"),
			AccessID: r.text("access_id"), AccessName: r.text("access_name"), ReviewerID: r.text("reviewer_id"), ReviewerName: r.text("reviewer_name"),
			Signed: r.time("signed"), State: findings.State(r.text("state")), SeenAt: r.time("seen_at"), SeenCertificationID: r.text("seen_in_certification_id"),
		}, f.thresholds))
	}
	return nil
}

func (f *finder) certification(r record) error {
	id := r.text("certification_id")
	f.names[id] = r.text("name")
	found := findings.OfCertification(findings.Certification{
		ID: id, Name: r.text("name"), Phase: r.text("phase"), ReviewerID: r.text("reviewer_id"), ReviewerName: r.text("reviewer_name"),
		Due: r.time("due"), Signed: r.time("signed"), HasErrors: value[bool](r, "has_errors"), ErrorMessage: r.text("error_message"),
		AsOf: f.run.StartedAt, FromRun: f.from(r),
	}, f.thresholds)
	if lists := f.unsupported[id]; len(lists) > 0 {
		found = append(found, findings.OfCoverage(findings.Coverage{
			CertificationID: id, CertificationName: r.text("name"), ReviewerType: r.text("reviewer_type"), ReviewerName: r.text("reviewer_name"),
			Unsupported: lists, Accepted: slices.Contains(f.run.KnownGaps, id),
		}, f.thresholds)...)
	}
	return f.add(found)
}

// end looks at the run as a whole, and at what is counted over many rows.
func (f *finder) end(ctx context.Context, src Source) error {
	run := findings.Run{
		ID: f.run.ID, StartedAt: f.run.StartedAt, BaselineStartedAt: f.run.BaselineStartedAt, ScopeChanged: f.run.ScopeChanged,
		Totals: populations(f.run.Totals), Baseline: populations(f.run.Baseline), NextGeneration: f.run.NextGeneration,
	}
	if f.run.BaselineID != nil {
		run.BaselineID = *f.run.BaselineID
	}
	if err := f.add(findings.OfRun(run, f.thresholds)); err != nil {
		return err
	}
	columns := []string{"certification_id", "certification_name", "reviewer_id", "reviewer_name", "last_seen_undecided_at", "first_seen_decided_at", "origin", "approved", "decided"}
	f.places.add(viewIntervals, columns)
	for row, err := range src.Rows(ctx, viewIntervals, columns) {
		if err != nil {
			return err
		}
		r := f.places.record(viewIntervals, row)
		if err := f.add(findings.OfInterval(findings.Interval{
			CertificationID: r.text("certification_id"), CertificationName: r.text("certification_name"), ReviewerID: r.text("reviewer_id"),
			ReviewerName: r.text("reviewer_name"), LastUndecided: r.time("last_seen_undecided_at"), FirstDecided: r.time("first_seen_decided_at"),
			Origin: findings.Origin(r.text("origin")), Approved: r.number("approved"), Decided: r.number("decided"),
		}, f.thresholds)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func populations(t Totals) findings.Totals {
	return findings.Totals{Certifications: t.Certifications, Reviewers: t.Reviewers, ReviewItems: t.ReviewItems, Permissions: t.Permissions, Tasks: t.Tasks}
}

func (f *finder) add(found []findings.Finding) error {
	for _, x := range found {
		f.counts[x.Rule]++
		line, err := json.Marshal(x)
		if err != nil {
			return err
		}
		if err := f.spools[x.Rule].add(line); err != nil {
			return err
		}
	}
	return nil
}

// rulesBySeverity are the rules in the order of the sheet, the most severe first.
func rulesBySeverity() []findings.Rule {
	rules := findings.Rules()
	slices.SortStableFunc(rules, func(a, b findings.Rule) int {
		return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
	})
	return rules
}

// each gives the findings as rows of their table, rule by rule.
func (f *finder) each(fn func(row []any) error) error {
	for _, rule := range rulesBySeverity() {
		err := f.spools[rule.ID].each(func(line []byte) error {
			var x findings.Finding
			if err := json.Unmarshal(line, &x); err != nil {
				return err
			}
			return fn([]any{
				f.run.Tenant, f.run.ID, x.Rule, string(x.Severity), x.Object, given(f.names[x.CertificationID]), given(x.CertificationID),
				given(x.ObjectID), x.Detail, given(x.Threshold), x.Where, int64(x.Version), rule.Limit,
			})
		})
		if err != nil {
			return err
		}
		if err := f.spools[rule.ID].close(); err != nil {
			return err
		}
	}
	return nil
}

// given is a text, or nil where it is empty.
func given(s string) any {
	if s == "" {
		return nil
	}
	return s
}
