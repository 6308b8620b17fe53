// Package job is one run of one tenant from lock to files: lock, open or
// resume the run, walk the tenant, seal what was proved, render the report. It
// is called once or on a timer; it keeps nothing between calls.
//
// It ties packages walk, db and report together and holds no logic of theirs.
// Package schedule and the command use it.
package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"exporter/internal/db"
	"exporter/internal/fetch"
	"exporter/internal/report"
	"exporter/internal/report/findings"
	"exporter/internal/snapshot"
	"exporter/internal/walk"
	"exporter/migrations"
)

// Options are what a run needs.
type Options struct {
	Store  *db.Store
	API    *fetch.Client
	Tenant string // the tenant's name; it is bound to the API's host

	Scope          walk.Scope
	KnownGaps      []string // certifications whose gaps do not make the run PARTIAL
	Certifications int      // walked at a time
	Requests       int      // permission requests under way for one certification
	Sample         float64  // share read one by one where permissions are read by entitlement
	Resume         db.Resume
	Trigger        string // what starts the run: run, schedule, demo

	// Report nil: nothing is rendered.
	Report   *Report
	Settings report.Settings // stored with the run in any case
	Facts    Facts

	Progress func(done, total int) // of certifications; may be nil
	Logger   *slog.Logger
}

// Report says where a run's report goes, what it is compared with and who signs it.
type Report struct {
	Dir      string
	Baseline Baseline
	Key      *report.SigningKey // nil: it is not signed
}

// Facts are what a run states about the program and its configuration.
type Facts struct {
	ToolVersion  string
	Commit       string
	ConfigSHA256 string
	APIVersion   string
	ClientID     string
	PageSize     int
}

// ErrReport is in the error of a run that was sealed and stored, and whose
// report could not be written. Rendering it again needs no tenant.
var ErrReport = errors.New("the run is stored; its report could not be written")

// Result is how a run ended.
type Result struct {
	Run     db.Run // as stored when the run ended; its Status tells
	Resumed bool
	Report  *report.Result // nil: none was asked for, or it failed
}

// provenance is what no later run can find out again about this one.
type provenance struct {
	APIHost        string      `json:"api_host"`
	APIVersion     string      `json:"api_version"`
	ClientID       string      `json:"client_id"`
	PageSize       int         `json:"page_size"`
	ToolVersion    string      `json:"tool_version"`
	Commit         string      `json:"commit,omitempty"`
	SchemaVersion  int64       `json:"schema_version"`
	ConfigSHA256   string      `json:"config_sha256"`
	KnownGaps      []string    `json:"known_gaps"`
	NextGeneration *int64      `json:"next_generation_campaigns"`
	StartedAt      time.Time   `json:"started_at"`
	FinishedAt     time.Time   `json:"finished_at"`
	Resumed        bool        `json:"resumed"`
	Fetch          fetch.Stats `json:"fetch"`
}

// reportSettings are the settings stored with a run.
type reportSettings struct {
	Formats      []string `json:"formats"`
	FormulaGuard bool     `json:"formula_guard"`
	KnownGaps    []string `json:"known_gaps"`
	// Findings nil: the run was stored before there were any.
	Findings *findings.Thresholds `json:"findings,omitempty"`
}

// Run does one run. An error that wraps db.ErrLocked means that nothing was
// begun, one that wraps ErrReport that only the report is missing; after any
// other the run is closed as FAILED, or as INTERRUPTED where ctx ended, and
// Result names it if it was begun.
func Run(ctx context.Context, o Options) (Result, error) {
	tenant, err := o.Store.BindTenant(ctx, o.Tenant, o.API.Host())
	if err != nil {
		return Result{}, err
	}
	unlock, err := o.Store.Lock(ctx, tenant)
	if err != nil {
		return Result{}, err
	}
	defer unlock()

	started := now()
	run, resumed, err := o.Store.OpenRun(ctx, tenant, db.Beginning{
		Trigger: o.Trigger, StartedAt: started, APIVersion: o.Facts.APIVersion,
		Scope: o.Scope, ScopeSHA256: o.Scope.SHA256(), ConfigSHA256: o.Facts.ConfigSHA256, ToolVersion: o.Facts.ToolVersion,
		ReportSettings: reportSettings{Formats: o.Settings.Formats, FormulaGuard: o.Settings.FormulaGuard, KnownGaps: nonNil(o.KnownGaps), Findings: &o.Settings.Findings},
	}, o.Resume)
	if err != nil {
		return Result{}, err
	}
	log := o.Logger.With(slog.Int64("run", run.ID))
	log.LogAttrs(ctx, slog.LevelInfo, "run begun", slog.String("tenant", tenant.Name), slog.Bool("resumed", resumed))
	result := Result{Run: run, Resumed: resumed}

	sealed, err := night(ctx, o, tenant, run, resumed, started, log)
	if err != nil {
		status := snapshot.RunFailed
		if ctx.Err() != nil {
			status = snapshot.Interrupted
			if errors.Is(err, ctx.Err()) { // tells what was cut short, not why
				err = context.Cause(ctx)
			}
		}
		err = fmt.Errorf("run %d: %w", run.ID, err)
		result.Run.Status = status
		return result, errors.Join(err, o.Store.Abandon(ctx, tenant, run.ID, status, now(), err.Error()))
	}
	result.Run = sealed
	log.LogAttrs(ctx, slog.LevelInfo, "run closed", slog.String("status", string(sealed.Status)), slog.String("root", *sealed.RootSHA256))
	if o.Report == nil {
		return result, nil
	}
	rendered, err := Render(ctx, o.Store, tenant, sealed, *o.Report, o.Settings.Formats)
	if err != nil {
		return result, fmt.Errorf("%w: %w", ErrReport, err)
	}
	result.Report = &rendered
	log.LogAttrs(ctx, slog.LevelInfo, "report written", slog.String("folder", rendered.Folder))
	return result, nil
}

// night walks the tenant and seals the run.
func night(ctx context.Context, o Options, t db.Tenant, run db.Run, resumed bool, started time.Time, log *slog.Logger) (db.Run, error) {
	store := nightStore{o.Store.Night(t, run.ID)}
	history, err := store.History(ctx)
	if err != nil {
		return db.Run{}, err
	}
	seen, err := walk.Night(ctx, o.API, store, history, walk.Options{
		Scope: o.Scope, Workers: o.Certifications, Requests: o.Requests, Sample: o.Sample, Seed: run.ID, Resumed: resumed, Progress: o.Progress, Logger: log,
	})
	stats := o.API.Stats()
	for name, value := range stats.Deprecation {
		log.LogAttrs(ctx, slog.LevelWarn, "the tenant announces the end of this API version", slog.String("header", name), slog.String("value", value))
	}
	if n := seen.NextGeneration; n != nil && *n > 0 {
		log.LogAttrs(ctx, slog.LevelWarn, "the tenant has next-generation campaigns; they are not exported", slog.Int64("campaigns", *n))
	}
	effort := db.Effort{Requests: stats.Requests, Retries: stats.Retries, Throttled: stats.Throttled}
	err = errors.Join(err, o.Store.AddEffort(ctx, t, run.ID, effort, provenance{
		APIHost: o.API.Host(), APIVersion: o.Facts.APIVersion, ClientID: o.Facts.ClientID, PageSize: o.Facts.PageSize,
		ToolVersion: o.Facts.ToolVersion, Commit: o.Facts.Commit, SchemaVersion: schemaVersion(), ConfigSHA256: o.Facts.ConfigSHA256, KnownGaps: nonNil(o.KnownGaps),
		NextGeneration: seen.NextGeneration, StartedAt: started, FinishedAt: now(), Resumed: resumed, Fetch: stats,
	}))
	if err != nil {
		return db.Run{}, err
	}
	return o.Store.Seal(ctx, t, run.ID, now(), o.KnownGaps)
}

// nightStore is a db.Night as walk sees it.
type nightStore struct{ *db.Night }

func (s nightStore) Capture(ctx context.Context, id string) (walk.Capture, error) {
	return s.Night.Capture(ctx, id)
}

// now is the time in UTC, to the microsecond that Postgres keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// schemaVersion is the number of the last migration: numbers begin at 1 and
// have no gaps.
func schemaVersion() int64 {
	files, _ := fs.Glob(migrations.Files, "*.sql") // fails on a malformed pattern only
	return int64(len(files))
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
