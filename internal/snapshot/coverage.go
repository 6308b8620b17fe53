package snapshot

import (
	"fmt"
	"slices"
	"time"
)

// Collection names one list, the unit of proof.
type Collection string

// The collections of a certification, and those of a whole run.
const (
	CertificationHeader Collection = "certification"
	Reviewers           Collection = "reviewers"
	ReviewItems         Collection = "review_items"
	Permissions         Collection = "permissions"

	Campaigns      Collection = "campaigns"
	Certifications Collection = "certifications"
	Tasks          Collection = "tasks"
)

// CertificationCollections are the collections each certification has, in the
// order they are read.
func CertificationCollections() []Collection {
	return []Collection{CertificationHeader, Reviewers, ReviewItems, Permissions}
}

// Outcome says how reading a collection ended.
type Outcome string

// The outcomes. Only Complete changes history.
const (
	Complete      Outcome = "COMPLETE"
	Forbidden     Outcome = "FORBIDDEN"
	NotFound      Outcome = "NOT_FOUND"
	Unsupported   Outcome = "UNSUPPORTED"
	Failed        Outcome = "FAILED"
	Incomplete    Outcome = "INCOMPLETE"
	SealedEarlier Outcome = "SEALED_EARLIER"
	OutOfScope    Outcome = "OUT_OF_SCOPE"
)

var outcomes = []Outcome{Complete, Forbidden, NotFound, Unsupported, Failed, Incomplete, SealedEarlier, OutOfScope}

// Validate refuses an outcome that is none of the above.
func (o Outcome) Validate() error {
	if !slices.Contains(outcomes, o) {
		return fmt.Errorf("unknown outcome %q", string(o))
	}
	return nil
}

// Coverage is what a run can say about one collection. The zero
// CertificationID stands for a list of the whole run.
type Coverage struct {
	CertificationID string
	Collection      Collection
	Outcome         Outcome
	Expected        *int64 // the total the tenant stated; nil: not stated
	Read            *int64 // rows of the last reading
	DistinctRead    *int64 // distinct ids of the last reading; nil for lists without ids
	Attempts        int    // readings made, 0 when none was needed
	// Stored is the number of rows the views show for this collection as of
	// this run, CapturedRun the run that proved them (nil: none ever did) and
	// Digest their digest. For a collection that was not proved tonight all
	// three are those of the last run that proved it.
	Stored      int64
	CapturedRun *int64
	Digest      *Digest
	// Unchanged says that the digest is that of the rows stored already.
	Unchanged bool
	// Signed says that the certification was already signed off when the
	// captured rows were read: they will not change any more.
	Signed bool
	// ParamsSHA256 is the hash of the parameters that shape the collection.
	ParamsSHA256 string
	HTTPStatus   *int
	DetailCode   *string
	TrackingID   *string
	Error        *string
	Note         *string // how it was read, where that needs saying
	ReadAt       *time.Time
}

// Proved says whether the collection's rows as stored are proved to be those
// of the tenant.
func (c Coverage) Proved() bool { return c.Outcome == Complete || c.Outcome == SealedEarlier }

// Accepted says whether this row lets a run be SEALED: proved, or out of
// scope, or of a certification that does not exist any more (gone).
func (c Coverage) Accepted(gone bool) bool {
	return c.Proved() || c.Outcome == OutOfScope || (gone && c.Outcome == NotFound)
}

// Status is the state of a run.
type Status string

// The states of a run. Sealed and Partial runs are finished and compared with
// each other; Failed and Interrupted ones are not.
const (
	Running     Status = "RUNNING"
	Sealed      Status = "SEALED"
	Partial     Status = "PARTIAL"
	RunFailed   Status = "FAILED"
	Interrupted Status = "INTERRUPTED"
)
