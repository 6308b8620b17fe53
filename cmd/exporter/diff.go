package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/db"
	"exporter/internal/delta"
	"exporter/internal/job"
	"exporter/internal/report/findings"
)

const (
	tableLimit = 200 // changes that a table shows unless more are asked for
	foundLimit = 10  // findings of a rule that it shows unless all changes are asked for
)

// change is one row of the changes between two runs.
type change struct {
	Class             string  `json:"class"`
	Object            string  `json:"object"`
	CertificationID   *string `json:"certification_id"`
	CertificationName *string `json:"certification_name"`
	ObjectID          *string `json:"object_id"`
	IdentityName      *string `json:"identity_name"` // of a review item, and of a permission's
	AccessName        *string `json:"access_name"`
	Field             *string `json:"field"`
	Before            *string `json:"before"`
	After             *string `json:"after"`

	movedFrom             *string   // certification that a review item, or a permission's, was in
	nameBefore, nameAfter *string   // what people call Before and After, where these are ids
	below                 int       // rows below a certification that came or went with all that is in it
	isBelow               bool      // it is one of them
	notBefore, notAfter   time.Time // observed bounds
}

// changeColumns are what changeOf makes a change of.
var changeColumns = []string{
	"class", "object", "certification_id", "certification_name", "object_id", "identity_name", "access_name", "field", "before", "after",
	"moved_from", "name_before", "name_after", "rows_below", "is_below", "last_seen_before_at", "first_seen_after_at",
}

func changeOf(row []any) (c change) {
	c.Class, c.Object = row[0].(string), row[1].(string)
	for i, into := range []**string{
		&c.CertificationID, &c.CertificationName, &c.ObjectID, &c.IdentityName, &c.AccessName, &c.Field, &c.Before, &c.After,
		&c.movedFrom, &c.nameBefore, &c.nameAfter,
	} {
		if s, ok := row[2+i].(string); ok {
			*into = &s
		}
	}
	below, _ := row[13].(int64)
	c.below, c.isBelow = int(below), row[14].(bool)
	c.notBefore, _ = row[15].(time.Time)
	c.notAfter, _ = row[16].(time.Time)
	return c
}

// Objects of changes, as changes_between spells them.
const (
	objectCertification = "certification"
	objectReviewer      = "reviewer"
	objectItem          = "review_item"
	objectPermission    = "permission"
	objectTask          = "task"
)

// comparison is what diff prints as JSON.
type comparison struct {
	Tenant       string                   `json:"tenant"`
	From         int64                    `json:"from"`
	To           int64                    `json:"to"`
	Runs         comparedRuns             `json:"runs"`
	Backwards    bool                     `json:"backwards"` // from is the later run
	ScopeChanged bool                     `json:"scope_changed"`
	Totals       map[string]comparedTotal `json:"totals"`
	Counts       map[string]int           `json:"counts"`   // changes by class
	Findings     []comparedFound          `json:"findings"` // null: not looked for
	Changes      []change                 `json:"changes"`

	// For a table no more is kept than it shows: of certifications that came or
	// went with all that is in them their own row, and as many rows as asked for;
	// limit 0 is all.
	table bool
	limit int
	rows  map[string]int // changes by class without those below certifications
	found map[string]int // findings by rule

	disabled []string // rules that were not to find anything
}

type comparedRuns struct {
	From comparedRun `json:"from"`
	To   comparedRun `json:"to"`
}

type comparedRun struct {
	ID          int64     `json:"run_id"`
	Status      string    `json:"status"`
	StartedAt   time.Time `json:"started_at"`
	ScopeSHA256 string    `json:"scope_sha256"`
}

// counters are the totals that are compared, by the names they have in the runs.
var counters = []struct {
	name, label string
	of          func(db.Run) *int64 // nil where a run is not finished
}{
	{"certifications", "Certifications", func(r db.Run) *int64 { return r.Certifications }},
	{"certifications_complete", "  of these complete", func(r db.Run) *int64 { return r.CertificationsComplete }},
	{"reviewers", "Reviewers", func(r db.Run) *int64 { return r.Reviewers }},
	{"review_items", "Review items", func(r db.Run) *int64 { return r.ReviewItems }},
	{"permissions", "Permissions", func(r db.Run) *int64 { return r.Permissions }},
	{"tasks", "Tasks", func(r db.Run) *int64 { return r.Tasks }},
}

// comparedTotal has nulls where a run is not finished.
type comparedTotal struct {
	From   *int64 `json:"from"`
	To     *int64 `json:"to"`
	Change *int64 `json:"change"`
}

// comparedFound is a finding, with names of its columns as in findings.csv.
type comparedFound struct {
	Rule            string  `json:"rule"`
	Severity        string  `json:"severity"`
	Object          string  `json:"object"`
	CertificationID *string `json:"certification_id"`
	ObjectID        *string `json:"object_id"`
	IdentityName    *string `json:"identity_name"`
	AccessName      *string `json:"access_name"`
	Detail          string  `json:"detail"`
	Threshold       *string `json:"threshold"`
	Where           string  `json:"where_to_look"`
	Version         int     `json:"version"`
}

func (a *app) diffCommand() *cobra.Command {
	var from, to int64
	var limit int
	var format string
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "What changed between two runs",
		Long: `Tells what changed from one run to another: the totals of both, the changes by
class, what the rules of findings that compare two runs say, and the changes
themselves, those that matter first. Runs may be named in either order.

A table has one row for a certification that was deleted, or entered or left the
scope, and at most --limit rows. JSON has all changes, with ids and names.`,
		Example: "  exporter diff --from 1 --to 3\n  exporter diff --from 1 --to 3 --limit 0\n  exporter diff --from 1 --to 3 --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			if from < 1 || to < 1 {
				return usagef("--from and --to take the numbers of two runs; `exporter runs` lists them")
			}
			if limit < 0 {
				return usagef("--limit %d: use a number of rows, or 0 for all", limit)
			}
			return a.withTenant(cmd.Context(), func(ctx context.Context, _ config.Config, store *db.Store, tenant db.Tenant) error {
				d, err := compare(ctx, store, tenant, from, to, format == "table", limit)
				if errors.Is(err, db.ErrNoRun) {
					return usageError{err}
				}
				if err != nil {
					return err
				}
				if format == "json" {
					return printJSON(a.stdout, d)
				}
				return printComparison(a.stdout, d, a.width())
			})
		},
	}
	f := cmd.Flags()
	f.Int64Var(&from, "from", 0, "number of the run to begin with")
	f.Int64Var(&to, "to", 0, "number of the run to end with")
	f.IntVar(&limit, "limit", tableLimit, "most changes that a table shows; 0: all")
	f.StringVar(&format, "format", "table", "table or json")
	return cmd
}

func compare(ctx context.Context, store *db.Store, t db.Tenant, from, to int64, table bool, limit int) (comparison, error) {
	a, err := store.Run(ctx, t, from)
	if err != nil {
		return comparison{}, err
	}
	b, err := store.Run(ctx, t, to)
	if err != nil {
		return comparison{}, err
	}
	thresholds, err := job.Thresholds(b)
	if err != nil {
		return comparison{}, err
	}
	d := newComparison(a, b)
	d.table, d.limit, d.disabled = table, limit, thresholds.Disabled
	judged := d.Findings != nil
	if judged {
		d.find(change{}, findings.OfRun(populations(a, b), thresholds))
	}
	err = store.Read(ctx, t, to, &from, func(r *db.Reader) error {
		for row, err := range r.Changes(ctx, changeColumns) {
			if err != nil {
				return err
			}
			c := changeOf(row)
			if judged {
				d.find(c, findings.OfChange(findings.Change{
					Class: c.Class, Object: c.Object, CertificationID: deref(c.CertificationID), ObjectID: deref(c.ObjectID),
					Before: deref(c.Before), After: deref(c.After),
					BaselineID: a.ID, RunID: b.ID, NotBefore: c.notBefore, NotAfter: c.notAfter,
				}, thresholds))
			}
			d.add(c)
		}
		return nil
	})
	d.arrange()
	return d, err
}

func newComparison(a, b db.Run) comparison {
	run := func(r db.Run) comparedRun {
		return comparedRun{ID: r.ID, Status: string(r.Status), StartedAt: r.StartedAt, ScopeSHA256: r.ScopeSHA256}
	}
	d := comparison{
		Tenant: b.Tenant, From: a.ID, To: b.ID, Runs: comparedRuns{From: run(a), To: run(b)},
		Backwards: a.ID > b.ID, ScopeChanged: a.ScopeSHA256 != b.ScopeSHA256,
		Totals: map[string]comparedTotal{}, Counts: map[string]int{}, Changes: []change{}, rows: map[string]int{}, found: map[string]int{},
	}
	for _, c := range counters {
		t := comparedTotal{From: c.of(a), To: c.of(b)}
		if t.From != nil && t.To != nil {
			t.Change = new(*t.To - *t.From)
		}
		d.Totals[c.name] = t
	}
	if !d.Backwards && a.Finished() && b.Finished() {
		d.Findings = []comparedFound{}
	}
	return d
}

// populations are two finished runs as the rules see them. What the tenant has
// beside the lists is left out: it follows from one run, and from no comparison.
func populations(a, b db.Run) findings.Run {
	totals := func(r db.Run) findings.Totals {
		return findings.Totals{
			Certifications: deref(r.Certifications), Reviewers: deref(r.Reviewers), ReviewItems: deref(r.ReviewItems),
			Permissions: deref(r.Permissions), Tasks: deref(r.Tasks),
		}
	}
	return findings.Run{
		ID: b.ID, BaselineID: a.ID, StartedAt: b.StartedAt, BaselineStartedAt: a.StartedAt,
		ScopeChanged: a.ScopeSHA256 != b.ScopeSHA256, Totals: totals(b), Baseline: totals(a),
	}
}

// find takes in what the rules find in a change; in none: in the runs.
func (d *comparison) find(c change, all []findings.Finding) {
	for _, f := range all {
		if d.found[f.Rule]++; d.shows(d.found[f.Rule], foundLimit) {
			d.Findings = append(d.Findings, comparedFound{
				Rule: f.Rule, Severity: string(f.Severity), Object: f.Object, CertificationID: givenText(f.CertificationID), ObjectID: givenText(f.ObjectID),
				IdentityName: c.IdentityName, AccessName: c.AccessName, Detail: f.Detail, Threshold: givenText(f.Threshold), Where: f.Where, Version: f.Version,
			})
		}
	}
}

func (d *comparison) add(c change) {
	d.Counts[c.Class]++
	if d.table && c.isBelow {
		return
	}
	d.rows[c.Class]++
	if d.shows(len(d.Changes)+1, d.limit) {
		d.Changes = append(d.Changes, c)
	}
}

// shows tells whether there is room for the nth row of a kind.
func (d *comparison) shows(n, limit int) bool { return !d.table || d.limit == 0 || n <= limit }

// arrange puts the findings that matter first; the changes come so.
func (d *comparison) arrange() {
	slices.SortStableFunc(d.Findings, func(a, b comparedFound) int { return severity(a) - severity(b) })
}

func severity(f comparedFound) int {
	return slices.Index([]findings.Severity{findings.High, findings.Medium, findings.Low, findings.Info}, findings.Severity(f.Severity))
}

// classes are those that have changes, the ones to look at first at the top.
func (d *comparison) classes() []string {
	return slices.SortedFunc(maps.Keys(d.Counts), delta.Compare)
}

// givenText is a text, or nil where it is empty.
func givenText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
