// Package report turns one stored run into the files people open: a workbook, a set of CSV files and a manifest that
// binds both to the run. Verify checks such files again, from nothing but themselves.
//
// What a column is called, what it means and how it looks is said once, in the column table (tables.go); headers,
// widths and files follow from it. Rows stream: memory does not grow with them. The same run, settings and version
// give the same bytes, so nothing here reads a clock, ranges over a map or asks for a host name.
//
// It is not a query layer: rows come from a Source, which internal/db implements, and no SQL is known here. It may be
// imported by internal/job and cmd.
package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"exporter/internal/report/findings"
)

// Formats a report can be rendered in.
const (
	FormatXLSX = "xlsx"
	FormatCSV  = "csv"
)

// Statuses of a run that can be rendered.
const (
	StatusSealed  = "SEALED"
	StatusPartial = "PARTIAL"
)

// Source gives the rows of one stored run's views.
type Source interface {
	// Rows yields the rows of an audit view (e.g. "review_items") as the run sees it, the columns in the order asked,
	// ordered by the view's key in byte order. Values are nil, string, bool, int64, time.Time (UTC) or []string. An
	// error ends the sequence. The slice belongs to Rows: it may be reused for the next row.
	Rows(ctx context.Context, view string, columns []string) iter.Seq2[[]any, error]
	// Baseline yields the rows of a view as the baseline sees it likewise; none when the run has no baseline.
	Baseline(ctx context.Context, view string, columns []string) iter.Seq2[[]any, error]
	// Changes yields the rows of changes_between(baseline, run) likewise; none when the run has no baseline.
	Changes(ctx context.Context, columns []string) iter.Seq2[[]any, error]
	// WriteSeal writes the lines that the run's root is the SHA-256 of: JSON, a line each, the run's facts first, then
	// each row of its coverage in the order of the view.
	WriteSeal(ctx context.Context, w io.Writer) error
}

// Run is what the Summary, the sheet Provenance and the manifest say about the run itself.
type Run struct {
	ID         int64
	BaselineID *int64 // nil: nothing to compare with
	Tenant     string // a label; it names the folder, so no path separators
	Status     string // StatusSealed or StatusPartial

	StartedAt         time.Time // UTC, as all times here
	FinishedAt        time.Time
	BaselineStartedAt time.Time // zero without a baseline
	BaselineStatus    string    // empty without a baseline

	APIVersion         string
	APIHost            string
	ToolVersion        string
	ConfigSHA256       string // hashes are lower-case hex
	ScopeSHA256        string
	RootSHA256         string
	PreviousRootSHA256 string // empty for the first run of a tenant

	Scope Scope
	// ScopeChanged says that run and baseline were asked for different things.
	ScopeChanged bool
	KnownGaps    []string // ids of certifications accepted as unreadable

	NextGeneration int64    // next-generation campaigns, which are not in the report; 0 also where their number is not known
	Deprecation    []string // headers by which the tenant announces the end of the API version, e.g. "Sunset: <date>"
	Provenance     []Fact   // rows of sheet Provenance, in its order

	Totals          // of this run
	Baseline Totals // of the baseline; zero without one

	// Decisions are those of the last runs up to this one, oldest first; of later ones none, or a report would change
	// with them.
	Decisions []Standing
}

// Standing is how the decisions of a run stood.
type Standing struct {
	RunID      int64
	StartedAt  time.Time
	Status     string // StatusSealed or StatusPartial
	OtherScope bool   // it was asked for something else than the run of the report

	Approved, Revoked, Undecided int64 // review items
}

// Fact is one thing that is stored of how a run was made, as text for people.
type Fact struct{ Name, Value string }

// Scope is what the run was asked to walk, as text for people.
type Scope struct {
	IDs         []string // empty: not narrowed by id
	CampaignIDs []string // empty: not narrowed by campaign
	Filter      string   // empty: no filter
	Permissions string   // the permissions mode, e.g. "flagged"
}

// Totals are the counters stored with a run.
type Totals struct {
	Certifications         int64
	CertificationsComplete int64
	Reviewers              int64
	ReviewItems            int64
	Permissions            int64
	Tasks                  int64
	Requests               int64
	Retries                int64
	Throttled              int64 // answers with status 429
}

// Settings choose what is written.
type Settings struct {
	Formats      []string // FormatXLSX, FormatCSV; at least one
	Findings     findings.Thresholds
	FormulaGuard bool // put ' before CSV cells a spreadsheet would take for a formula, and before those that begin as if it had been

	Key *SigningKey // signs the manifest; nil: it is not signed

	limits limits // zero: those of Excel; smaller ones in tests
}

// Result says what was written.
type Result struct {
	Folder   string // path of the report's folder
	Workbook string // path of the workbook; empty when that format was not asked for
	Files    []File // every file but the manifest and its signature, by name

	GuardedCells   int64 // CSV cells that got a ' in front
	ReplacedCells  int64 // cells of workbook and CSV in which a character became U+FFFD, since XML forbids it or UTF-8 has none such
	ShortenedCells int64 // workbook cells whose full text is on the sheet Long Text
}

// Write renders a run into <dir>/<tenant>/run-<id>, with -PARTIAL behind it for a partial run. The folder appears
// whole or not at all: everything is written and synced beside it first, and an existing folder of the run, whatever
// its status was, is replaced by a rename. On an error an existing folder is left as it was.
//
// Only one Write of a run may be at work in dir at a time. The error is that of the Source, the context or the file
// system, wrapped.
func Write(ctx context.Context, dir string, run Run, src Source, s Settings) (Result, error) {
	if err := check(run, s); err != nil {
		return Result{}, fmt.Errorf("report: %w", err)
	}
	f, err := newFolder(dir, run)
	if err != nil {
		return Result{}, fmt.Errorf("report: %w", err)
	}
	res, err := render(ctx, f, run, src, s)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = f.commit()
	}
	if err != nil {
		return Result{}, fmt.Errorf("report of run %d: %w", run.ID, errors.Join(err, f.discard()))
	}
	return res, nil
}

func check(run Run, s Settings) error {
	switch {
	case run.ID < 1:
		return fmt.Errorf("run id %d: must be at least 1", run.ID)
	case run.Status != StatusSealed && run.Status != StatusPartial:
		return fmt.Errorf("run %d: status %q cannot be rendered, only %s and %s", run.ID, run.Status, StatusSealed, StatusPartial)
	case run.Tenant == "" || strings.HasPrefix(run.Tenant, ".") || strings.ContainsAny(run.Tenant, "/\\\x00"):
		return fmt.Errorf("tenant %q cannot name a folder", run.Tenant)
	case len(s.Formats) == 0:
		return fmt.Errorf("no format: want %s, %s or both", FormatXLSX, FormatCSV)
	}
	for _, f := range s.Formats {
		if f != FormatXLSX && f != FormatCSV {
			return fmt.Errorf("format %q: want %s or %s", f, FormatXLSX, FormatCSV)
		}
	}
	return nil
}

func (s Settings) wants(format string) bool { return slices.Contains(s.Formats, format) }
