package findings

import "time"

// The inputs. Text that is not given is empty, a date that is not given is the zero time. FromRun is the run that
// proved the row, where that is not the run of the report; else 0.

// Origin says how a decision came about.
type Origin string

// The origins of a decision.
const (
	OriginReviewer Origin = "REVIEWER" // seen while the campaign was under way
	OriginAuto     Origin = "AUTO"     // undecided in the last run before the campaign's end, decided in the first after it
	OriginUnknown  Origin = "UNKNOWN"  // first seen after the campaign's end
)

// State says what later captures show of a revoked access.
type State string

// The states of a revocation.
const (
	ProvedGone   State = "PROVED GONE"
	StillPresent State = "STILL PRESENT"
	StateUnknown State = "UNKNOWN"
)

// Run is the run of the report beside its baseline.
type Run struct {
	ID                int64
	BaselineID        int64 // 0: nothing to compare with
	StartedAt         time.Time
	BaselineStartedAt time.Time
	ScopeChanged      bool // the two were asked for different things
	Totals            Totals
	Baseline          Totals
	NextGeneration    int64 // next-generation campaigns the tenant states; 0 also where their number is not known
}

// Totals are how many objects of each kind a run shows.
type Totals struct {
	Certifications int64
	Reviewers      int64
	ReviewItems    int64
	Permissions    int64
	Tasks          int64
}

// Population is the total of one kind of object in a run and in its baseline.
type Population struct {
	Object       string // singular, as in the sheet Changes
	Name         string // plural, for people
	Now, Before  int64
	RunID        int64
	BaselineID   int64 // 0: nothing to compare with
	ScopeChanged bool
}

// populations are the totals that can be compared; none without a baseline.
func (r Run) populations() []Population {
	if r.BaselineID == 0 {
		return nil
	}
	list := []Population{
		{Object: objectCertification, Name: "certifications", Now: r.Totals.Certifications, Before: r.Baseline.Certifications},
		{Object: objectReviewer, Name: "reviewers", Now: r.Totals.Reviewers, Before: r.Baseline.Reviewers},
		{Object: objectItem, Name: "review items", Now: r.Totals.ReviewItems, Before: r.Baseline.ReviewItems},
		{Object: objectPermission, Name: "permissions", Now: r.Totals.Permissions, Before: r.Baseline.Permissions},
		{Object: objectTask, Name: "tasks", Now: r.Totals.Tasks, Before: r.Baseline.Tasks},
	}
	for i := range list {
		list[i].RunID, list[i].BaselineID, list[i].ScopeChanged = r.ID, r.BaselineID, r.ScopeChanged
	}
	return list
}

// Certification is a row of the sheet Certifications.
type Certification struct {
	ID           string
	Name         string
	Phase        string
	ReviewerID   string
	ReviewerName string
	Due          time.Time
	Signed       time.Time
	HasErrors    bool // false also where not given
	ErrorMessage string
	AsOf         time.Time // start of the run of the report
	FromRun      int64
}

// Coverage is what a run could not read of one certification because the tenant does not serve it.
type Coverage struct {
	CertificationID   string
	CertificationName string
	ReviewerType      string
	ReviewerName      string
	Unsupported       []string // collections whose outcome is UNSUPPORTED
	Accepted          bool     // among the known gaps of the configuration
}

// Item is a row of the sheet Review Items with the reviewer of its certification.
type Item struct {
	CertificationID string
	ID              string
	ReviewerID      string
	ReviewerName    string
	IdentityID      string
	IdentityName    string
	AccessID        string
	AccessName      string
	Privileged      bool   // false also where not given
	Decision        string // empty: undecided
	Comments        string
	LastUndecided   time.Time // observed bounds: starts of runs
	FirstDecided    time.Time
	Origin          Origin
	FromRun         int64
}

// Interval counts the items of one certification that have the same observed bounds, and so the same origin.
type Interval struct {
	CertificationID   string
	CertificationName string
	ReviewerID        string
	ReviewerName      string
	LastUndecided     time.Time
	FirstDecided      time.Time
	Origin            Origin
	Approved          int64
	Decided           int64
}

// Change is a row of the sheet Changes with its observed bounds: the change is neither before NotBefore nor after
// NotAfter, as far as runs can see.
type Change struct {
	Class           string
	Object          string
	CertificationID string
	ObjectID        string
	Before          string
	After           string
	BaselineID      int64
	RunID           int64
	NotBefore       time.Time
	NotAfter        time.Time
}

// Task is a row of the sheet Tasks.
type Task struct {
	ID              string
	CertificationID string // empty: a campaign's task
	Type            string
	Status          string
	Errors          []string
	FirstSeen       time.Time
	LastSeen        time.Time
}

// Reassignment is a hand-over of a certification from one reviewer to another.
type Reassignment struct {
	CertificationID string // that the new reviewer has
	FromID          string
	FromName        string
	ToID            string
	ToName          string
	NotBefore       time.Time // observed bounds: start of the last run that saw the reviewer before
	NotAfter        time.Time // start of the first run that saw the new one
	Due             time.Time
	OwnItems        int64 // items of the certification that review the new reviewer's own access
}

// Revocation is a decision to revoke and what later complete captures show of the access.
type Revocation struct {
	CertificationID     string
	ItemID              string
	IdentityID          string
	IdentityName        string
	AccessID            string
	AccessName          string
	ReviewerID          string
	ReviewerName        string
	Signed              time.Time
	State               State
	SeenAt              time.Time // start of the run in which the access was seen again
	SeenCertificationID string    // where it was seen again
}

// Kinds of objects, as in the sheet Changes.
const (
	objectCertification = "certification"
	objectReviewer      = "reviewer"
	objectItem          = "review_item"
	objectPermission    = "permission"
	objectTask          = "task"
	objectCampaign      = "campaign"
)

// Sheets that have the evidence.
const (
	sheetSummary        = "Summary"
	sheetCoverage       = "Coverage"
	sheetCertifications = "Certifications"
	sheetItems          = "Review Items"
	sheetTasks          = "Tasks"
	sheetChanges        = "Changes"
	sheetReassignments  = "Reassignments"
	sheetRevocations    = "Revocations"
)

// Words of the tenant and of the views.
const (
	approve         = "APPROVE"
	phaseSigned     = "SIGNED"
	statusError     = "ERROR"
	classFlipped    = "FLIPPED"
	governanceGroup = "GOVERNANCE_GROUP"
)
