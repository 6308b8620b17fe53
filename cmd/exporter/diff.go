package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/db"
	"exporter/internal/delta"
	"exporter/internal/job"
	"exporter/internal/report/findings"
)

// tableLimit is how many rows of changes a table has unless more are asked for.
const tableLimit = 200

// change is one row of changes_between, with the names that go with its ids.
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
	Tenant       string          `json:"tenant"`
	From         int64           `json:"from"`
	To           int64           `json:"to"`
	Runs         comparedRuns    `json:"runs"`
	Backwards    bool            `json:"backwards"` // from is the later run
	ScopeChanged bool            `json:"scope_changed"`
	Totals       comparedTotals  `json:"totals"`
	Counts       map[string]int  `json:"counts"`
	Findings     []comparedFound `json:"findings"` // null: not looked for
	Changes      []change        `json:"changes"`  // for a table no more than it shows

	disabled []string                         // rules that were not to find anything
	below    map[belowKey]int                 // rows that are left out below certifications
	rows     map[string]int                   // rows without these, by class
	names    map[string]db.CertificationNames // of the changes that are kept
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

// comparedTotals are counters of two runs, by the names they have in the runs.
type comparedTotals struct {
	Certifications         comparedTotal `json:"certifications"`
	CertificationsComplete comparedTotal `json:"certifications_complete"`
	Reviewers              comparedTotal `json:"reviewers"`
	ReviewItems            comparedTotal `json:"review_items"`
	Permissions            comparedTotal `json:"permissions"`
	Tasks                  comparedTotal `json:"tasks"`
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
				keep := keeping{limit: limit, folded: true}
				if format == "json" {
					keep = keeping{}
				}
				d, err := compare(ctx, store, tenant, from, to, keep)
				if errors.Is(err, db.ErrNoRun) {
					return usageError{err}
				}
				if err != nil {
					return err
				}
				if format == "json" {
					return printJSON(a.stdout, d)
				}
				return printComparison(a.stdout, d, keep.limit, a.width())
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

// keeping says which changes are kept: those of a class up to a limit, which
// bounds the memory that is needed, or all where that is 0; folded: of
// certifications that were deleted, or entered or left the scope, their own row only.
type keeping struct {
	limit  int
	folded bool
}

func compare(ctx context.Context, store *db.Store, t db.Tenant, from, to int64, keep keeping) (comparison, error) {
	a, err := store.Run(ctx, t, from)
	if err != nil {
		return comparison{}, err
	}
	b, err := store.Run(ctx, t, to)
	if err != nil {
		return comparison{}, err
	}
	d := newComparison(a, b)
	thresholds, err := job.Thresholds(b)
	if err != nil {
		return comparison{}, err
	}
	judged := !d.Backwards && a.Finished() && b.Finished()
	if judged {
		d.disabled = thresholds.Disabled
		d.found(findings.OfRun(populations(a, b), thresholds))
	}
	err = store.Read(ctx, t, to, &from, func(r *db.Reader) error {
		for row, err := range r.Changes(ctx, []string{"class", "object", "certification_id", "object_id", "field", "before", "after"}) {
			if err != nil {
				return err
			}
			c := change{
				Class: *text(row[0]), Object: *text(row[1]), CertificationID: text(row[2]), ObjectID: text(row[3]),
				Field: text(row[4]), Before: text(row[5]), After: text(row[6]),
			}
			if judged {
				d.found(findings.OfChange(c.judged(a, b), thresholds))
			}
			d.add(c, keep)
		}
		d.arrange(keep)
		return d.name(ctx, r)
	})
	return d, err
}

func newComparison(a, b db.Run) comparison {
	d := comparison{
		Tenant: b.Tenant, From: a.ID, To: b.ID, Backwards: a.ID > b.ID, ScopeChanged: a.ScopeSHA256 != b.ScopeSHA256,
		Counts: map[string]int{}, Changes: []change{}, below: map[belowKey]int{}, rows: map[string]int{},
	}
	for _, side := range []struct {
		into *comparedRun
		run  db.Run
	}{{&d.Runs.From, a}, {&d.Runs.To, b}} {
		*side.into = comparedRun{ID: side.run.ID, Status: string(side.run.Status), StartedAt: side.run.StartedAt, ScopeSHA256: side.run.ScopeSHA256}
	}
	total := func(before, now *int64) comparedTotal {
		t := comparedTotal{From: before, To: now}
		if before != nil && now != nil {
			t.Change = new(*now - *before)
		}
		return t
	}
	d.Totals = comparedTotals{
		Certifications: total(a.Certifications, b.Certifications), CertificationsComplete: total(a.CertificationsComplete, b.CertificationsComplete),
		Reviewers: total(a.Reviewers, b.Reviewers), ReviewItems: total(a.ReviewItems, b.ReviewItems),
		Permissions: total(a.Permissions, b.Permissions), Tasks: total(a.Tasks, b.Tasks),
	}
	if !d.Backwards && a.Finished() && b.Finished() {
		d.Findings = []comparedFound{}
	}
	return d
}

// populations are two finished runs as the rules see them. What the tenant has
// beside the lists is left out: it follows from one run, and from no comparison.
func populations(a, b db.Run) findings.Run {
	number := func(n *int64) int64 {
		if n == nil {
			return 0
		}
		return *n
	}
	totals := func(r db.Run) findings.Totals {
		return findings.Totals{
			Certifications: number(r.Certifications), Reviewers: number(r.Reviewers), ReviewItems: number(r.ReviewItems),
			Permissions: number(r.Permissions), Tasks: number(r.Tasks),
		}
	}
	return findings.Run{
		ID: b.ID, BaselineID: a.ID, StartedAt: b.StartedAt, BaselineStartedAt: a.StartedAt,
		ScopeChanged: a.ScopeSHA256 != b.ScopeSHA256, Totals: totals(b), Baseline: totals(a),
	}
}

// judged is a change as the rules see it.
func (c change) judged(a, b db.Run) findings.Change {
	return findings.Change{
		Class: c.Class, Object: c.Object, CertificationID: deref(c.CertificationID), ObjectID: deref(c.ObjectID), Before: deref(c.Before), After: deref(c.After),
		BaselineID: a.ID, BaselineStartedAt: a.StartedAt, RunID: b.ID, RunStartedAt: b.StartedAt,
	}
}

func (d *comparison) found(all []findings.Finding) {
	for _, f := range all {
		d.Findings = append(d.Findings, comparedFound{
			Rule: f.Rule, Severity: string(f.Severity), Object: f.Object, CertificationID: givenText(f.CertificationID), ObjectID: givenText(f.ObjectID),
			Detail: f.Detail, Threshold: givenText(f.Threshold), Where: f.Where, Version: f.Version,
		})
	}
}

// add takes in a change. Certifications come before what is in them.
func (d *comparison) add(c change, keep keeping) {
	d.Counts[c.Class]++
	if keep.folded && c.whole() && slices.Contains(takeAllAlong, c.Class) {
		below := belowKey{deref(c.CertificationID), c.Class}
		if c.Object == objectCertification {
			d.below[below] = 0
		} else if n, ok := d.below[below]; ok {
			d.below[below] = n + 1
			return
		}
	}
	d.rows[c.Class]++
	if keep.limit == 0 || d.rows[c.Class] <= keep.limit {
		d.Changes = append(d.Changes, c)
	}
}

// takeAllAlong are the classes of a certification that say the same of all that
// is in it. What came with a new one is told row by row: it is new access.
var takeAllAlong = []string{"DELETED_IN_TENANT", "LEFT_SCOPE", "ENTERED_SCOPE"}

// belowKey is a certification and the class by which it came or went.
type belowKey struct{ certification, class string }

// whole tells whether the change is that an object came or went.
func (c change) whole() bool { return c.Field == nil && (c.Before == nil) != (c.After == nil) }

// arrange puts the rows that matter first; within a class the order of the query
// stays.
func (d *comparison) arrange(keep keeping) {
	slices.SortStableFunc(d.Changes, func(a, b change) int { return byRank(a.Class, b.Class) })
	if keep.limit > 0 && len(d.Changes) > keep.limit {
		d.Changes = slices.Clip(d.Changes[:keep.limit])
	}
	slices.SortStableFunc(d.Findings, func(a, b comparedFound) int { return severity(a) - severity(b) })
}

// byRank orders classes by where a reader should look first; those that delta
// does not know come last.
func byRank(a, b string) int {
	return cmp.Or(delta.Rank(delta.Class(a))-delta.Rank(delta.Class(b)), strings.Compare(a, b))
}

func severity(f comparedFound) int {
	return slices.Index([]findings.Severity{findings.High, findings.Medium, findings.Low, findings.Info}, findings.Severity(f.Severity))
}

// classes are those that have changes, the ones to look at first at the top.
func (d *comparison) classes() []string {
	return slices.SortedFunc(maps.Keys(d.Counts), byRank)
}

// name gives the changes that were kept, and the findings, the names that go with
// their ids.
func (d *comparison) name(ctx context.Context, r *db.Reader) error {
	items, certifications := map[db.ItemKey]bool{}, map[string]bool{}
	for i := range d.Changes {
		c := &d.Changes[i]
		if c.CertificationID != nil {
			certifications[*c.CertificationID] = true
		}
		if c.Object == objectItem && c.Class == string(reassigned) {
			certifications[deref(c.Before)] = true
		}
		if c.nameItself() {
			continue
		}
		if c.ofItem() {
			items[c.item()] = true
		}
	}
	for _, f := range d.Findings {
		if f.Object == objectItem {
			items[f.item()] = true
		}
	}
	named, err := r.ItemNames(ctx, slices.Collect(maps.Keys(items)))
	if err != nil {
		return err
	}
	if d.names, err = r.CertificationNames(ctx, slices.Collect(maps.Keys(certifications))); err != nil {
		return err
	}
	for i := range d.Changes {
		c := &d.Changes[i]
		c.CertificationName = d.names[deref(c.CertificationID)].Name
		if n, ok := named[c.item()]; ok && c.ofItem() && c.IdentityName == nil && c.AccessName == nil {
			c.IdentityName, c.AccessName = n.Identity, n.Access
		}
	}
	for i := range d.Findings {
		f := &d.Findings[i]
		if n, ok := named[f.item()]; ok && f.Object == objectItem {
			f.IdentityName, f.AccessName = n.Identity, n.Access
		}
	}
	return nil
}

const reassigned delta.Class = "REASSIGNED"

// ofItem tells whether the change has the id of a review item.
func (c change) ofItem() bool {
	return (c.Object == objectItem || c.Object == objectPermission) && c.CertificationID != nil && c.ObjectID != nil
}

func (c change) item() db.ItemKey {
	return db.ItemKey{CertificationID: deref(c.CertificationID), ItemID: deref(c.ObjectID)}
}

func (f comparedFound) item() db.ItemKey {
	return db.ItemKey{CertificationID: deref(f.CertificationID), ItemID: deref(f.ObjectID)}
}

// nameItself takes the names out of an item that came or went.
func (c *change) nameItself() bool {
	if c.Object != objectItem || !c.whole() {
		return false
	}
	var ok bool
	o := c.object()
	c.IdentityName, ok = o.text("identity_name")
	c.AccessName, _ = o.text("access_name")
	return ok
}

func text(v any) *string {
	if s, ok := v.(string); ok {
		return &s
	}
	return nil
}

// givenText is a text, or nil where it is empty.
func givenText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
