package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"exporter/internal/db"
	"exporter/internal/report"
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

// Render writes the report of a stored run into dir. What shapes it is taken
// from what was stored with the run, so that it comes out the same whenever it
// is rendered; only formats, where given, choose otherwise.
func Render(ctx context.Context, store *db.Store, t db.Tenant, run db.Run, baseline Baseline, dir string, formats []string) (report.Result, error) {
	if !run.Finished() {
		return report.Result{}, fmt.Errorf("run %d is %s: only SEALED and PARTIAL runs have a report", run.ID, run.Status)
	}
	base, err := baseline.Resolve(ctx, store, t, run)
	if err != nil {
		return report.Result{}, err
	}
	r, settings, err := describe(run, base)
	if err != nil {
		return report.Result{}, fmt.Errorf("run %d: %w", run.ID, err)
	}
	if len(formats) > 0 {
		settings.Formats = formats
	}
	var result report.Result
	err = store.Read(ctx, t, run.ID, r.BaselineID, func(source *db.Reader) error {
		result, err = report.Write(ctx, dir, r, source, settings)
		return err
	})
	return result, err
}

// describe turns stored runs into what a report says about them.
func describe(run db.Run, base *db.Run) (report.Run, report.Settings, error) {
	var scope walk.Scope
	var settings reportSettings
	var facts []provenance
	for _, part := range []struct {
		raw  json.RawMessage
		into any
	}{{run.Scope, &scope}, {run.ReportSettings, &settings}, {run.Provenance, &facts}} {
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
	}
	if len(facts) > 0 {
		r.APIHost = facts[len(facts)-1].APIHost
	}
	if base != nil {
		r.BaselineID, r.BaselineStartedAt, r.Baseline = &base.ID, base.StartedAt, totals(*base)
	}
	return r, report.Settings{Formats: settings.Formats, FormulaGuard: settings.FormulaGuard}, nil
}

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
