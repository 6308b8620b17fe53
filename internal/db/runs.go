package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// Tenant is a tenant as the database knows it.
type Tenant struct {
	ID   int32
	Name string
	Host string
}

// ErrTenantHost says that a tenant's name stands for another host already. Two
// tenants under one name would read as one whose access was exchanged.
var ErrTenantHost = errors.New("tenant name is bound to another host")

// BindTenant finds the tenant of this name, or makes it and binds it to host.
func (s *Store) BindTenant(ctx context.Context, name, host string) (Tenant, error) {
	t := Tenant{Name: name}
	_, err := s.pool.Exec(ctx, `
		INSERT INTO history.tenant (name, host)
		VALUES ($1, $2)
		ON CONFLICT (name) DO NOTHING`, name, host)
	if err == nil {
		err = s.pool.QueryRow(ctx, `SELECT tenant_id, host FROM history.tenant WHERE name = $1`, name).Scan(&t.ID, &t.Host)
	}
	if err != nil {
		return Tenant{}, fmt.Errorf("tenant %s: %w", name, err)
	}
	if t.Host != host {
		return Tenant{}, fmt.Errorf("%w: %q has been %s in this database, and is now %s: choose another tenant.name", ErrTenantHost, name, t.Host, host)
	}
	return t, nil
}

// ErrNoTenant says that the database has never seen a tenant of this name.
var ErrNoTenant = errors.New("no runs of this tenant")

// FindTenant finds the tenant of this name.
func (s *Store) FindTenant(ctx context.Context, name string) (Tenant, error) {
	t := Tenant{Name: name}
	err := s.pool.QueryRow(ctx, `SELECT tenant_id, host FROM history.tenant WHERE name = $1`, name).Scan(&t.ID, &t.Host)
	if errors.Is(err, pgx.ErrNoRows) {
		return Tenant{}, fmt.Errorf("%w: %s", ErrNoTenant, name)
	}
	if err != nil {
		return Tenant{}, fmt.Errorf("tenant %s: %w", name, err)
	}
	return t, nil
}

// Run is a stored run. Counters of objects are nil until the run is closed.
type Run struct {
	ID                     int64           `json:"run_id"`
	Tenant                 string          `json:"tenant"`
	Status                 snapshot.Status `json:"status"`
	Trigger                string          `json:"trigger"`
	StartedAt              time.Time       `json:"started_at"`
	FinishedAt             *time.Time      `json:"finished_at"`
	APIVersion             string          `json:"api_version"`
	Scope                  json.RawMessage `json:"scope"`
	ScopeSHA256            string          `json:"scope_sha256"`
	ConfigSHA256           string          `json:"config_sha256"`
	ToolVersion            string          `json:"tool_version"`
	Certifications         *int64          `json:"certifications"`
	CertificationsComplete *int64          `json:"certifications_complete"`
	Reviewers              *int64          `json:"reviewers"`
	ReviewItems            *int64          `json:"review_items"`
	Permissions            *int64          `json:"permissions"`
	Tasks                  *int64          `json:"tasks"`
	Approved               *int64          `json:"approved,omitempty"` // review items; nil: sealed before they were counted
	Revoked                *int64          `json:"revoked,omitempty"`
	Undecided              *int64          `json:"undecided,omitempty"`
	Requests               int64           `json:"requests"`
	Retries                int64           `json:"retries"`
	Throttled              int64           `json:"throttled"`
	RootSHA256             *string         `json:"root_sha256"`
	PreviousRootSHA256     *string         `json:"previous_root_sha256"`
	WrittenSHA256          *string         `json:"written_sha256,omitempty"` // part of the root; see Seal
	Error                  *string         `json:"error"`
	Provenance             json.RawMessage `json:"-"`
	ReportSettings         json.RawMessage `json:"-"`

	// Of what was done since, which no root holds.
	Held     bool       `json:"held,omitempty"`      // under legal hold
	PrunedAt *time.Time `json:"pruned_at,omitempty"` // nil: its rows are there
}

// Finished says whether the run can be reported and compared.
func (r Run) Finished() bool { return r.Status == snapshot.Sealed || r.Status == snapshot.Partial }

const runColumns = `
	r.run_id, t.name, r.status, r.trigger, r.started_at, r.finished_at, r.api_version, r.scope, r.scope_sha256,
	r.config_sha256, r.tool_version, r.certifications, r.certifications_complete, r.reviewers, r.review_items,
	r.permissions, r.tasks, r.requests, r.retries, r.throttled, r.root_sha256, r.previous_root_sha256, r.error,
	r.provenance, r.report_settings, r.written_sha256, r.approved, r.revoked, r.undecided,
	coalesce((
	    SELECT h.action = 'HOLD'
	    FROM history.retention_event h
	    WHERE h.tenant_id = r.tenant_id AND h.run_id = r.run_id
	    ORDER BY h.event_id DESC
	    LIMIT 1), false),
	(SELECT e.at
	 FROM history.pruned_run p
	 JOIN history.retention_event e USING (tenant_id, event_id)
	 WHERE p.tenant_id = r.tenant_id AND p.run_id = r.run_id)`

func scanRun(row pgx.CollectableRow) (Run, error) {
	var r Run
	err := row.Scan(&r.ID, &r.Tenant, &r.Status, &r.Trigger, &r.StartedAt, &r.FinishedAt, &r.APIVersion, &r.Scope, &r.ScopeSHA256,
		&r.ConfigSHA256, &r.ToolVersion, &r.Certifications, &r.CertificationsComplete, &r.Reviewers, &r.ReviewItems,
		&r.Permissions, &r.Tasks, &r.Requests, &r.Retries, &r.Throttled, &r.RootSHA256, &r.PreviousRootSHA256, &r.Error,
		&r.Provenance, &r.ReportSettings, &r.WrittenSHA256, &r.Approved, &r.Revoked, &r.Undecided, &r.Held, &r.PrunedAt)
	r.StartedAt = r.StartedAt.UTC()
	if r.FinishedAt != nil {
		utc := r.FinishedAt.UTC()
		r.FinishedAt = &utc
	}
	return r, err
}

// Runs lists a tenant's runs, oldest first.
func (s *Store) Runs(ctx context.Context, t Tenant) ([]Run, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT `+runColumns+`
		FROM history.run r
		JOIN history.tenant t USING (tenant_id)
		WHERE r.tenant_id = $1
		ORDER BY r.run_id`, t.ID)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	return runs, nil
}

// ErrNoRun says that there is no such run of the tenant.
var ErrNoRun = errors.New("no such run")

// oneRun is the run of the tenant that a condition singles out.
func (s *Store) oneRun(ctx context.Context, t Tenant, where string, args ...any) (Run, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT `+runColumns+`
		FROM history.run r
		JOIN history.tenant t USING (tenant_id)
		WHERE r.tenant_id = $1 AND `+where+`
		ORDER BY r.run_id DESC
		LIMIT 1`, append([]any{t.ID}, args...)...)
	if err != nil {
		return Run{}, fmt.Errorf("find run: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, scanRun)
	if errors.Is(err, pgx.ErrNoRows) {
		return Run{}, ErrNoRun
	}
	if err != nil {
		return Run{}, fmt.Errorf("find run: %w", err)
	}
	return r, nil
}

// Run is the tenant's run of this number.
func (s *Store) Run(ctx context.Context, t Tenant, id int64) (Run, error) {
	r, err := s.oneRun(ctx, t, `r.run_id = $2`, id)
	if errors.Is(err, ErrNoRun) {
		return Run{}, fmt.Errorf("%w: %d", ErrNoRun, id)
	}
	return r, err
}

// LatestFinished is the tenant's last sealed or partial run.
func (s *Store) LatestFinished(ctx context.Context, t Tenant) (Run, error) {
	return s.oneRun(ctx, t, `r.status IN ('SEALED', 'PARTIAL')`)
}

// Previous is the tenant's last sealed or partial run before another.
func (s *Store) Previous(ctx context.Context, t Tenant, id int64) (Run, error) {
	return s.oneRun(ctx, t, `r.status IN ('SEALED', 'PARTIAL') AND r.run_id < $2`, id)
}

// Counted are the tenant's last n sealed or partial runs up to one, oldest first, of which the decisions were counted:
// runs sealed by early versions have no counts. What was pruned has them still.
func (s *Store) Counted(ctx context.Context, t Tenant, upTo int64, n int) ([]Run, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT `+runColumns+`
		FROM history.run r
		JOIN history.tenant t USING (tenant_id)
		WHERE r.tenant_id = $1 AND r.run_id <= $2 AND r.status IN ('SEALED', 'PARTIAL')
		  AND r.approved IS NOT NULL AND r.revoked IS NOT NULL AND r.undecided IS NOT NULL
		ORDER BY r.run_id DESC
		LIMIT $3`, t.ID, upTo, n)
	if err != nil {
		return nil, fmt.Errorf("list runs up to %d: %w", upTo, err)
	}
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, fmt.Errorf("list runs up to %d: %w", upTo, err)
	}
	slices.Reverse(runs)
	return runs, nil
}

// Beginning is what a run knows of itself when it begins.
type Beginning struct {
	Trigger        string // what started it: run, schedule, demo
	StartedAt      time.Time
	APIVersion     string
	Scope          any // marshalled to JSON
	ScopeSHA256    string
	ConfigSHA256   string
	ToolVersion    string
	ReportSettings any // marshalled to JSON
}

// Resume says when an unfinished run is gone on with.
type Resume string

// The ways to treat a tenant's last run where it was interrupted.
const (
	ResumeIfFit  Resume = ""      // when it has the same scope and is not too old
	ResumeNever  Resume = "never" // always begin a new one
	ResumeInsist Resume = "insist"
)

// ErrNothingToResume says that --resume found no run to go on with.
var ErrNothingToResume = errors.New("there is no interrupted run to resume")

const resumeWithin = 24 * time.Hour

// OpenRun begins a run, or goes on with the tenant's last one where that was
// cut short. The tenant's lock must be held: with it, a run that still says
// RUNNING has lost its process.
//
// Once a run is written down somebody has to close it. So that is done also
// when ctx ends in the middle of it.
func (s *Store) OpenRun(ctx context.Context, t Tenant, b Beginning, resume Resume) (run Run, resumed bool, err error) {
	if err := s.awaitLeftover(ctx, t); err != nil {
		return Run{}, false, err
	}
	last, err := s.oneRun(ctx, t, `true`)
	switch {
	case errors.Is(err, ErrNoRun):
	case err != nil:
		return Run{}, false, err
	case last.Status == snapshot.Running || last.Status == snapshot.Interrupted:
		fit := last.ScopeSHA256 == b.ScopeSHA256 && last.APIVersion == b.APIVersion && b.StartedAt.Sub(last.StartedAt) < resumeWithin
		if fit && resume != ResumeNever {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
			defer cancel()
			_, err := s.pool.Exec(ctx, `
				UPDATE history.run
				SET status = 'RUNNING', finished_at = NULL, error = NULL
				WHERE tenant_id = $1 AND run_id = $2`, t.ID, last.ID)
			if err != nil {
				return Run{}, false, fmt.Errorf("resume run %d: %w", last.ID, err)
			}
			last.Status = snapshot.Running
			return last, true, nil
		}
		if resume == ResumeInsist {
			return Run{}, false, fmt.Errorf("%w: run %d has another scope or began more than %s ago", ErrNothingToResume, last.ID, resumeWithin)
		}
		if last.Status == snapshot.Running {
			if err := s.Abandon(ctx, t, last.ID, snapshot.Interrupted, b.StartedAt, "the process ended before the run did"); err != nil {
				return Run{}, false, err
			}
		}
	}
	if resume == ResumeInsist {
		return Run{}, false, ErrNothingToResume
	}
	// What an abandoned run left waiting will never be proved.
	if err := s.clearStaging(ctx, t); err != nil {
		return Run{}, false, err
	}
	scope, err := json.Marshal(b.Scope)
	if err != nil {
		return Run{}, false, fmt.Errorf("begin run: %w", err)
	}
	settings, err := json.Marshal(b.ReportSettings)
	if err != nil {
		return Run{}, false, fmt.Errorf("begin run: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var id int64
	err = s.pool.QueryRow(ctx, `
		INSERT INTO history.run (tenant_id, status, trigger, started_at, api_version, scope, scope_sha256,
		                         config_sha256, tool_version, report_settings)
		VALUES ($1, 'RUNNING', $2, $3, $4, $5, $6, $7, $8, $9)
		RETURNING run_id`,
		t.ID, b.Trigger, b.StartedAt, b.APIVersion, scope, b.ScopeSHA256, b.ConfigSHA256, b.ToolVersion, settings).Scan(&id)
	if err != nil {
		return Run{}, false, fmt.Errorf("begin run: %w", err)
	}
	run, err = s.Run(ctx, t, id)
	return run, false, err
}

// awaitLeftover waits for the last transaction of a process that was killed. The
// server ends the connections of such a process one after the other, and not
// before it is through with what it was sent: with the lock free, a COMMIT may
// still be under way. Its transaction holds the row of its run, by
// [Night.inTx] or because it closes it.
func (s *Store) awaitLeftover(ctx context.Context, t Tenant) error {
	_, err := s.pool.Exec(ctx, `
		SELECT FROM history.run
		WHERE tenant_id = $1
		ORDER BY run_id DESC
		LIMIT 1
		FOR UPDATE`, t.ID)
	if err != nil {
		return fmt.Errorf("wait for the process of the last run: %w", err)
	}
	return nil
}

// Abandon closes a run that will not be finished, as FAILED or INTERRUPTED,
// also when ctx has ended.
func (s *Store) Abandon(ctx context.Context, t Tenant, id int64, status snapshot.Status, at time.Time, why string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_, err := s.pool.Exec(ctx, `
		UPDATE history.run
		SET status = $3, finished_at = $4, error = nullif($5, '')
		WHERE tenant_id = $1 AND run_id = $2`, t.ID, id, status, at, why)
	if err != nil {
		return fmt.Errorf("close run %d as %s: %w", id, status, err)
	}
	return nil
}

// Effort is what a run asked of the tenant. For a run that was resumed, it is
// added to what the run had asked before.
type Effort struct {
	Requests, Retries, Throttled int64
}

// AddEffort adds what one process did to a run: to its request counters, and an
// element to its provenance. It does so also when ctx has ended.
func (s *Store) AddEffort(ctx context.Context, t Tenant, id int64, e Effort, provenance any) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	facts, err := json.Marshal(provenance)
	if err != nil {
		return fmt.Errorf("run %d: provenance: %w", id, err)
	}
	_, err = s.pool.Exec(ctx, `
		UPDATE history.run
		SET requests = requests + $3, retries = retries + $4, throttled = throttled + $5, provenance = provenance || jsonb_build_array($6::jsonb)
		WHERE tenant_id = $1 AND run_id = $2`, t.ID, id, e.Requests, e.Retries, e.Throttled, facts)
	if err != nil {
		return fmt.Errorf("run %d: counters: %w", id, err)
	}
	return nil
}

// Tenants lists the tenants that the database knows, by name in byte order.
func (s *Store) Tenants(ctx context.Context) ([]Tenant, error) {
	rows, err := s.pool.Query(ctx, `
		SELECT tenant_id, name, host
		FROM history.tenant
		ORDER BY name COLLATE "C"`)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	tenants, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Tenant, err error) {
		err = row.Scan(&t.ID, &t.Name, &t.Host)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return tenants, nil
}
