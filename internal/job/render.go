package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"exporter/internal/db"
	"exporter/internal/report"
	"exporter/internal/report/findings"
	"exporter/internal/walk"
)

// Baseline says which run another is compared with.
type Baseline struct {
	kind string
	run  int64
}

// ParseBaseline reads previous, none or the number of a run.
func ParseBaseline(s string) (Baseline, error) {
	switch s {
	case "previous", "none":
		return Baseline{kind: s}, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return Baseline{}, fmt.Errorf("baseline %q: use previous, none or the number of a run", s)
	}
	return Baseline{kind: "run", run: n}, nil
}

// Resolve finds the run that a run is compared with; nil where there is none.
func (b Baseline) Resolve(ctx context.Context, store *db.Store, t db.Tenant, run db.Run) (*db.Run, error) {
	var base db.Run
	var err error
	switch b.kind {
	case "none":
		return nil, nil
	case "run":
		if base, err = store.Run(ctx, t, b.run); err != nil {
			return nil, fmt.Errorf("baseline: %w", err)
		}
		if !base.Finished() {
			return nil, fmt.Errorf("baseline: run %d is %s: only SEALED and PARTIAL runs can be compared", base.ID, base.Status)
		}
		if base.ID >= run.ID {
			return nil, fmt.Errorf("baseline: run %d is not before run %d", base.ID, run.ID)
		}
	default:
		base, err = store.Previous(ctx, t, run.ID)
		if errors.Is(err, db.ErrNoRun) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("baseline: %w", err)
		}
	}
	return &base, nil
}

// Render writes the report of a stored run. What shapes it is taken
// from what was stored with the run, so that it comes out the same whenever it
// is rendered; only formats, where given, choose otherwise.
func Render(ctx context.Context, store *db.Store, t db.Tenant, run db.Run, o Report, formats []string) (report.Result, error) {
	if !run.Finished() {
		return report.Result{}, fmt.Errorf("run %d is %s: only SEALED and PARTIAL runs have a report", run.ID, run.Status)
	}
	if run.PrunedAt != nil {
		return report.Result{}, fmt.Errorf("run %d: %w", run.ID, db.ErrPruned)
	}
	base, err := o.Baseline.Resolve(ctx, store, t, run)
	if err != nil {
		return report.Result{}, err
	}
	if base != nil && base.PrunedAt != nil {
		return report.Result{}, fmt.Errorf("baseline: run %d: %w; name another, or none", base.ID, db.ErrPruned)
	}
	r, settings, err := describe(run, base)
	if err != nil {
		return report.Result{}, fmt.Errorf("run %d: %w", run.ID, err)
	}
	if len(formats) > 0 {
		settings.Formats = formats
	}
	settings.Key = o.Key
	counted, err := store.Counted(ctx, t, run.ID, standings)
	if err != nil {
		return report.Result{}, fmt.Errorf("run %d: %w", run.ID, err)
	}
	r.Decisions = decisions(run, counted)
	var result report.Result
	err = store.Read(ctx, t, run.ID, r.BaselineID, func(source *db.Reader) error {
		result, err = report.Write(ctx, o.Dir, r, source, settings)
		return err
	})
	return result, err
}

// standings is of how many runs a report shows the decisions: on one page, and
// legible in a chart.
const standings = 12

// decisions says how those of the counted runs stood, of which run is the last.
func decisions(run db.Run, counted []db.Run) []report.Standing {
	var all []report.Standing
	for _, c := range counted {
		all = append(all, report.Standing{
			RunID: c.ID, StartedAt: c.StartedAt, Status: string(c.Status), OtherScope: c.ScopeSHA256 != run.ScopeSHA256,
			Approved: deref(c.Approved), Revoked: deref(c.Revoked), Undecided: deref(c.Undecided),
		})
	}
	return all
}

// describe turns stored runs into what a report says about them.
func describe(run db.Run, base *db.Run) (report.Run, report.Settings, error) {
	var scope walk.Scope
	var settings reportSettings
	var processes []provenance
	for _, part := range []struct {
		raw  json.RawMessage
		into any
	}{{run.Scope, &scope}, {run.ReportSettings, &settings}, {run.Provenance, &processes}} {
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return report.Run{}, report.Settings{}, fmt.Errorf("stored facts: %w", err)
		}
	}
	r := report.Run{
		ID: run.ID, Tenant: run.Tenant, Status: string(run.Status),
		StartedAt: run.StartedAt, FinishedAt: deref(run.FinishedAt),
		APIVersion: run.APIVersion, ToolVersion: run.ToolVersion, ConfigSHA256: run.ConfigSHA256,
		ScopeSHA256: run.ScopeSHA256, RootSHA256: deref(run.RootSHA256), PreviousRootSHA256: deref(run.PreviousRootSHA256),
		Scope:     report.Scope{IDs: scope.IDs, CampaignIDs: scope.CampaignIDs, Filter: scope.Filter, Permissions: scope.Permissions},
		KnownGaps: settings.KnownGaps,
		Totals:    totals(run),

		Deprecation: deprecation(processes),
		Provenance:  facts(run, scope.Permissions, processes),
	}
	if n := len(processes); n > 0 {
		last := processes[n-1] // which sealed the run, by its own known gaps
		r.APIHost, r.KnownGaps, r.NextGeneration = last.APIHost, last.KnownGaps, deref(last.NextGeneration)
	}
	if base != nil {
		r.BaselineID, r.BaselineStartedAt, r.BaselineStatus, r.Baseline = &base.ID, base.StartedAt, string(base.Status), totals(*base)
		r.ScopeChanged = base.ScopeSHA256 != run.ScopeSHA256
	}
	return r, report.Settings{Formats: settings.Formats, FormulaGuard: settings.FormulaGuard, Findings: settings.thresholds()}, nil
}

// Thresholds are the thresholds of findings that were stored with a run.
func Thresholds(run db.Run) (findings.Thresholds, error) {
	var settings reportSettings
	if err := json.Unmarshal(run.ReportSettings, &settings); err != nil {
		return findings.Thresholds{}, fmt.Errorf("run %d: stored settings: %w", run.ID, err)
	}
	return settings.thresholds(), nil
}

func (s reportSettings) thresholds() findings.Thresholds {
	if s.Findings == nil {
		return findings.Defaults()
	}
	return *s.Findings
}

const notStated = "not stated"

// facts puts into words what is stored of how a run was made. It was made by
// one process, or where it was resumed by several.
func facts(run db.Run, permissions string, processes []provenance) []report.Fact {
	var last provenance
	if n := len(processes); n > 0 {
		last = processes[n-1]
	}
	told := func(say func(provenance) string) string { return agreed(processes, say) }
	all := []report.Fact{
		{Name: "Exporter version", Value: told(func(p provenance) string { return p.ToolVersion })},
		{Name: "Commit", Value: told(func(p provenance) string { return p.Commit })},
		{Name: "Schema version", Value: told(func(p provenance) string { return number(p.SchemaVersion) })},
		{Name: "Configuration SHA-256", Value: told(func(p provenance) string { return p.ConfigSHA256 })},
		{Name: "API host", Value: told(func(p provenance) string { return p.APIHost })},
		{Name: "API version", Value: told(func(p provenance) string { return p.APIVersion })},
		{Name: "Client id", Value: told(func(p provenance) string { return p.ClientID })},
		{Name: "Page size", Value: told(func(p provenance) string { return number(int64(p.PageSize)) })},
		{Name: "Permissions mode", Value: cmp.Or(permissions, notStated)},
	}
	add := func(name, value string) { all = append(all, report.Fact{Name: name, Value: value}) }
	if len(last.KnownGaps) == 0 {
		add("Accepted gaps", "none")
	}
	for _, id := range last.KnownGaps {
		add("Accepted gap", id)
	}
	add("Started", instant(run.StartedAt))
	add("Finished", instant(deref(run.FinishedAt)))
	if slices.ContainsFunc(processes, func(p provenance) bool { return p.Resumed }) {
		add("Resumed", "yes")
		add("Processes", fmt.Sprintf("%d on record; a process that is killed leaves no record of itself or its requests", len(processes)))
	} else {
		add("Resumed", "no")
		add("Processes", strconv.Itoa(len(processes)))
	}
	add("Requests", strconv.FormatInt(run.Requests, 10))
	add("Requests retried", strconv.FormatInt(run.Retries, 10))
	add("Answers with status 429", strconv.FormatInt(run.Throttled, 10))
	add("Clock offset to the tenant", clock(processes))
	add("Deprecation headers", cmp.Or(strings.Join(deprecation(processes), "; "), "none"))
	switch n := last.NextGeneration; {
	case n == nil:
		add("Next-generation campaigns", notStated)
	case *n == 0:
		add("Next-generation campaigns", "none")
	default:
		add("Next-generation campaigns", strconv.FormatInt(*n, 10)+", not in this report")
	}
	return append(all, oddities(processes)...)
}

// agreed is what the processes of a run say: once where they agree, else one
// after the other.
func agreed(processes []provenance, say func(provenance) string) string {
	var values []string
	for _, p := range processes {
		values = append(values, cmp.Or(say(p), notStated))
	}
	return cmp.Or(strings.Join(slices.Compact(values), ", then "), notStated)
}

// clock tells how far the tenant's clock was from ours when the run began.
func clock(processes []provenance) string {
	for _, p := range processes {
		switch offset := p.Fetch.ClockOffset; {
		case offset == nil: // the process had no answer that says
		case *offset > 0:
			return fmt.Sprintf("%+.1f s, the tenant is ahead", *offset)
		case *offset < 0:
			return fmt.Sprintf("%+.1f s, the tenant is behind", *offset)
		default:
			return "0.0 s"
		}
	}
	return notStated
}

// deprecation lists the headers that announce the end of the API version, as
// last seen.
func deprecation(processes []provenance) []string {
	headers := map[string]string{}
	for _, p := range processes {
		maps.Copy(headers, p.Fetch.Deprecation)
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		all = append(all, name+": "+headers[name])
	}
	return all
}

// oddities lists what was met and not understood, the kinds that were too many
// to be told apart last.
func oddities(processes []provenance) []report.Fact {
	counts := map[string]int64{}
	for _, p := range processes {
		for name, n := range p.Fetch.Oddities {
			counts[name] += n
		}
	}
	if len(counts) == 0 {
		return []report.Fact{{Name: "Unknown or unreadable values", Value: "none"}}
	}
	var all []report.Fact
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if name != "" {
			all = append(all, report.Fact{Name: strings.TrimSpace(name), Value: times(counts[name])})
		}
	}
	if n := counts[""]; n > 0 {
		all = append(all, report.Fact{Name: "further unknown or unreadable values, not told apart", Value: times(n)})
	}
	return all
}

func times(n int64) string {
	if n == 1 {
		return "1 time"
	}
	return strconv.FormatInt(n, 10) + " times"
}

// number is empty for 0, which no process states.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func instant(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" }

func totals(r db.Run) report.Totals {
	return report.Totals{
		Certifications: deref(r.Certifications), CertificationsComplete: deref(r.CertificationsComplete),
		Reviewers: deref(r.Reviewers), ReviewItems: deref(r.ReviewItems), Permissions: deref(r.Permissions), Tasks: deref(r.Tasks),
		Requests: r.Requests, Retries: r.Retries, Throttled: r.Throttled,
	}
}

func deref[T int64 | string | time.Time](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
