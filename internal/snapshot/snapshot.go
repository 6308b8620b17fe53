// Package snapshot holds what one run saw of a tenant as plain values:
// campaigns, certifications, reviewers, review items, permissions, tasks, the
// coverage that says how far each list was proved, and the canonical digests
// that tell two versions of an object apart.
//
// It is the leaf of the module: it imports nothing of it, and every other
// package may import it. It knows neither HTTP nor SQL.
package snapshot

import (
	"encoding/json"
	"time"
)

// Object is the part that every stored object shares: the JSON it came as and
// the digest of what counts as its content.
type Object struct {
	// Raw is the object's own JSON with text that Postgres cannot hold
	// replaced by U+FFFD. Fields this package has no name for are in it.
	Raw json.RawMessage
	// Digest tells versions apart; see DigestOf.
	Digest Digest
}

// Campaign is a certification campaign.
//
// Contract: GET /campaigns/v1, the slim model. Pointers are nil where the
// tenant sent null, nothing, or a value that cannot be read.
type Campaign struct {
	ID                      string
	Name                    *string
	Type                    *string
	Status                  *string
	Created                 *time.Time
	Deadline                *time.Time
	TotalCertifications     *int64
	CompletedCertifications *int64
	Object
}

// PhaseSigned is the phase of a certification that its reviewer has signed
// off; from then on the tenant keeps it read-only.
const PhaseSigned = "SIGNED"

// ReviewerGovernanceGroup is the type of a reviewer that is a group. The
// certification API does not serve the lists of such certifications.
const ReviewerGovernanceGroup = "GOVERNANCE_GROUP"

// Certification is the header of one certification.
//
// Contract: GET /certifications/v1 and /certifications/v1/{id}.
type Certification struct {
	ID                  string
	Name                *string
	CampaignID          *string
	CampaignName        *string
	CampaignType        *string
	Phase               *string
	ReviewerID          *string
	ReviewerName        *string
	ReviewerEmail       *string
	ReviewerType        *string
	Created             *time.Time
	Modified            *time.Time
	Due                 *time.Time
	Signed              *time.Time
	Completed           *bool
	DecisionsMade       *int64
	DecisionsTotal      *int64
	IdentitiesCompleted *int64
	IdentitiesTotal     *int64
	ReassignedFromID    *string // reassignment.from.id: the certification this one was cut from
	ReassignedFromOwner *string // reassignment.from.reviewer.name
	ReassignmentComment *string
	HasErrors           *bool
	ErrorMessage        *string
	Object
}

// IsSigned says whether the certification was signed off when it was read.
func (c Certification) IsSigned() bool { return c.Phase != nil && *c.Phase == PhaseSigned }

// ForGovernanceGroup says whether the certification's reviewer is a group.
func (c Certification) ForGovernanceGroup() bool {
	return c.ReviewerType != nil && *c.ReviewerType == ReviewerGovernanceGroup
}

// Reviewer is one reviewer of a certification.
//
// Contract: GET /certifications/v1/{id}/reviewers.
type Reviewer struct {
	ID    string
	Name  *string
	Email *string
	Type  *string
	Object
}

// ReviewItem is one access of one identity that a reviewer approves or revokes.
//
// Contract: GET /certifications/v1/{id}/access-review-items. Attribute, Value,
// AccountNativeIdentity and HasPermissions exist for entitlements only.
type ReviewItem struct {
	ID                    string
	IdentityID            *string
	IdentityName          *string
	AccessType            *string
	AccessID              *string
	AccessName            *string
	SourceID              *string
	SourceName            *string
	Attribute             *string
	Value                 *string
	AccountNativeIdentity *string
	Privileged            *bool
	HasPermissions        *bool
	NewAccess             *bool
	Completed             *bool
	Decision              *string // APPROVE, REVOKE, or nil while undecided
	Comments              *string
	// EntitlementID is the entitlement's own id, and IsPermission says that the
	// access is itself a permission, whose list is its own. They decide how
	// permissions are read; in history they are in Raw alone.
	EntitlementID *string
	IsPermission  *bool
	Object
}

// FlaggedItem is a review item whose permissions are to be read.
type FlaggedItem struct {
	ID string
	// EntitlementID is the entitlement whose permissions it shares with other
	// items; empty where they are its own, or where that is not known.
	EntitlementID string
}

// Flagged says whether the tenant announces permissions for this item.
func (i ReviewItem) Flagged() bool { return i.HasPermissions != nil && *i.HasPermissions }

// AsFlagged is the item as one whose permissions are to be read.
func (i ReviewItem) AsFlagged() FlaggedItem {
	f := FlaggedItem{ID: i.ID}
	if own := i.IsPermission != nil && *i.IsPermission; !own && i.EntitlementID != nil {
		f.EntitlementID = *i.EntitlementID
	}
	return f
}

// Permission is one target with the rights an entitlement grants on it. It has
// no id; the same permission may occur twice in a list.
//
// Contract: GET /certifications/v1/{certificationId}/access-review-items/{itemId}/permissions.
type Permission struct {
	Target *string  `json:"target"`
	Rights []string `json:"rights"`
}

// ItemPermissions is the proved permission list of one review item, in the
// order the tenant gave it.
type ItemPermissions struct {
	ItemID      string
	Permissions []Permission
	// Digest is the content address of the list; equal lists have one digest
	// whichever item they belong to.
	Digest Digest
	// ReadThrough is the item of the same entitlement whose list this is; nil
	// where the item's own list was read.
	ReadThrough *string
}

// Task states that end a task; the tenant's lists show only unfinished ones.
const (
	TaskSuccess = "SUCCESS"
	TaskError   = "ERROR"
)

// Task is an asynchronous job of the tenant on a certification or a campaign.
//
// Contract: GET /certification-tasks/v1 and /certification-tasks/v1/{id}.
type Task struct {
	ID              string
	CertificationID *string // nil for campaign tasks
	Type            *string
	TargetType      *string
	TargetID        *string
	Status          *string
	Errors          []string // the texts
	Created         *time.Time
	Object
}

// Finished says whether the task has come to its end.
func (t Task) Finished() bool {
	return t.Status != nil && (*t.Status == TaskSuccess || *t.Status == TaskError)
}
