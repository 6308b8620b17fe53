package snapshot

import "context"

// Sink takes the rows of one collection as they are read. A collection may be
// read several times before it is proved; Restart says that a new reading
// begins and that what came before is void. Pages come one at a time, in order.
type Sink[T any] interface {
	Restart(ctx context.Context) error
	Page(ctx context.Context, rows []T) error
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

// History is what earlier runs know of a tenant, by certification id.
type History struct {
	Certifications map[string]Past
	// OpenTasks are the ids of tasks that were not finished when last seen, and
	// of those we asked for and have not seen yet.
	OpenTasks []string
	Before    map[Collection]Shown    // of the lists of a whole run
	Tonight   map[Collection]Coverage // likewise
}
