package snapshot

import "context"

// Sink takes the rows of one collection as they are read. A collection may be
// read several times before it is proved; Restart says that a new reading
// begins and that what came before is void. Pages come one at a time, in order.
type Sink[T any] interface {
	Restart(ctx context.Context) error
	Page(ctx context.Context, rows []T) error
}

// Gathered is a Sink that keeps the rows of the last reading in memory.
type Gathered[T any] struct{ Rows []T }

// Restart forgets the rows.
func (g *Gathered[T]) Restart(context.Context) error { g.Rows = nil; return nil }

// Page keeps rows.
func (g *Gathered[T]) Page(_ context.Context, rows []T) error {
	g.Rows = append(g.Rows, rows...)
	return nil
}

// Shown is what the history shows of a collection before tonight.
type Shown struct {
	Outcome      Outcome // the last one
	CapturedRun  *int64  // the run that proved the rows; nil: none ever did
	Stored       int64   // rows shown
	Digest       *Digest // of the rows shown
	Signed       bool    // the certification was signed off when they were read
	ParamsSHA256 string  // what shaped the collection when they were read
}

// Past is what the history knows of a certification.
type Past struct {
	CampaignID   string
	ReviewerType string
	Signed       bool // as last read
	// Before holds the last word of earlier runs on each collection, Tonight
	// what this run has settled already, when it goes on after an interruption.
	Before  map[Collection]Shown
	Tonight map[Collection]Coverage
}

// Deleted says whether the tenant has answered 404 to the certification's id.
func (p Past) Deleted() bool { return p.Before[CertificationHeader].Outcome == NotFound }

// OpenTask is a task whose end is not known yet.
type OpenTask struct {
	ID              string
	CertificationID string // empty for tasks of a campaign
}

// History is what earlier runs know of a tenant, by certification id.
type History struct {
	Certifications map[string]Past
	// OpenTasks are the tasks that were not finished when last seen, and those
	// we asked for and have not seen yet.
	OpenTasks []OpenTask
	Before    map[Collection]Shown    // of the lists of a whole run
	Tonight   map[Collection]Coverage // likewise
}
