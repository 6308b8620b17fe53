package simulator

import "time"

// Values the contract enumerates and the simulator acts on.
const (
	Active = "ACTIVE" // phases of a certification
	Signed = "SIGNED"

	Approve = "APPROVE" // decisions
	Revoke  = "REVOKE"

	IdentityType    = "IDENTITY" // types of a reviewer
	GovernanceGroup = "GOVERNANCE_GROUP"

	Queued     = "QUEUED" // states of a task
	InProgress = "IN_PROGRESS"
	Success    = "SUCCESS"
	Failed     = "ERROR"
)

// The structs below marshal to the JSON of the contract: a pointer or a nil
// slice is null where the API sends null. Extra is merged into the object: an
// object into an object, anything else in place of what was there.

// Campaign is a row of the campaigns. The counters are counted by the tenant.
type Campaign struct {
	ID                          string         `json:"id"`
	Name                        string         `json:"name"`
	Description                 *string        `json:"description"`
	Deadline                    *time.Time     `json:"deadline"`
	Type                        string         `json:"type"`
	EmailNotificationEnabled    bool           `json:"emailNotificationEnabled"`
	AutoRevokeAllowed           bool           `json:"autoRevokeAllowed"`
	RecommendationsEnabled      bool           `json:"recommendationsEnabled"`
	Status                      string         `json:"status"`
	CorrelatedStatus            string         `json:"correlatedStatus"`
	Created                     *time.Time     `json:"created"`
	TotalCertifications         int            `json:"totalCertifications"`
	CompletedCertifications     int            `json:"completedCertifications"`
	Alerts                      []Alert        `json:"alerts"`
	Modified                    *time.Time     `json:"-"` // in the full detail only, like the next
	MandatoryCommentRequirement string         `json:"-"`
	Extra                       map[string]any `json:"-"`
}

// Alert is a remark of the tenant on a campaign.
type Alert struct {
	Level         string         `json:"level"`
	Localizations []ErrorMessage `json:"localizations"`
}

// CampaignReference is the campaign as a certification shows it.
type CampaignReference struct {
	ID                          string  `json:"id"`
	Name                        string  `json:"name"`
	Type                        string  `json:"type"` // CAMPAIGN
	CampaignType                string  `json:"campaignType"`
	Description                 *string `json:"description"`
	CorrelatedStatus            string  `json:"correlatedStatus"`
	MandatoryCommentRequirement string  `json:"mandatoryCommentRequirement"`
}

// Reference returns the campaign as its certifications show it.
func (c *Campaign) Reference() CampaignReference {
	return CampaignReference{
		ID: c.ID, Name: c.Name, Type: "CAMPAIGN", CampaignType: c.Type, Description: c.Description,
		CorrelatedStatus: c.CorrelatedStatus, MandatoryCommentRequirement: c.MandatoryCommentRequirement,
	}
}

// Certification is a certification's header with what hangs below it. Completed
// and the four counters are counted from Items by the tenant.
type Certification struct {
	ID                  string                 `json:"id"`
	Name                string                 `json:"name"`
	Campaign            CampaignReference      `json:"campaign"`
	Completed           bool                   `json:"completed"`
	IdentitiesCompleted int                    `json:"identitiesCompleted"`
	IdentitiesTotal     int                    `json:"identitiesTotal"`
	Created             time.Time              `json:"created"`
	Modified            time.Time              `json:"modified"`
	DecisionsMade       int                    `json:"decisionsMade"`
	DecisionsTotal      int                    `json:"decisionsTotal"`
	Due                 *time.Time             `json:"due"`
	Signed              *time.Time             `json:"signed"`
	Reviewer            *CertificationReviewer `json:"reviewer"`
	Reassignment        *Reassignment          `json:"reassignment"`
	HasErrors           bool                   `json:"hasErrors"`
	ErrorMessage        *string                `json:"errorMessage"`
	Phase               string                 `json:"phase"`

	Reviewers []*Reviewer    `json:"-"` // a nil one is a null row
	Items     []*ReviewItem  `json:"-"`
	Extra     map[string]any `json:"-"`
}

// CertificationReviewer is the reviewer a certification belongs to.
type CertificationReviewer struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Email    *string    `json:"email"`
	Type     string     `json:"type"` // IDENTITY or GOVERNANCE_GROUP
	Created  *time.Time `json:"created"`
	Modified *time.Time `json:"modified"`
}

// Reassignment says where a reassigned certification came from: one hop back.
type Reassignment struct {
	From    *ReassignedFrom `json:"from"`
	Comment string          `json:"comment"`
}

// ReassignedFrom is the certification before a reassignment.
type ReassignedFrom struct {
	ID       string                 `json:"id"`
	Name     string                 `json:"name"`
	Type     string                 `json:"type"` // CERTIFICATION
	Reviewer *CertificationReviewer `json:"reviewer"`
}

// Reviewer is a row of a certification's reviewers.
type Reviewer struct {
	Type  string         `json:"type"`
	ID    string         `json:"id"`
	Name  string         `json:"name"`
	Email *string        `json:"email"`
	Extra map[string]any `json:"-"`
}

// ReviewItem is an access review item. Completed, here and in the identity, is
// counted by the tenant: an item is complete once it is decided.
type ReviewItem struct {
	AccessSummary   AccessSummary   `json:"accessSummary"`
	IdentitySummary IdentitySummary `json:"identitySummary"`
	ID              string          `json:"id"`
	Completed       bool            `json:"completed"`
	NewAccess       bool            `json:"newAccess"`
	Decision        *string         `json:"decision"` // APPROVE, REVOKE, or null
	Comments        *string         `json:"comments"`

	Permissions []*Permission  `json:"-"` // served only where the entitlement has permissions
	Extra       map[string]any `json:"-"`
}

// HasPermissions reports whether the item's entitlement is flagged so.
func (i *ReviewItem) HasPermissions() bool {
	return i.AccessSummary.Entitlement != nil && i.AccessSummary.Entitlement.HasPermissions
}

// IdentitySummary is the reviewed person within one certification.
type IdentitySummary struct {
	ID         string `json:"id"` // of the summary
	Name       string `json:"name"`
	IdentityID string `json:"identityId"`
	Completed  bool   `json:"completed"`
}

// AccessSummary is the reviewed access: a reference, and the one of the other
// three that it is. Access of type ACCOUNT has none of the three.
type AccessSummary struct {
	Access        *Access        `json:"access"`
	Entitlement   *Entitlement   `json:"entitlement"`
	AccessProfile *AccessProfile `json:"accessProfile"`
	Role          *Role          `json:"role"`
}

// Access refers to the reviewed access.
type Access struct {
	Type string `json:"type"` // ENTITLEMENT, ACCESS_PROFILE, ROLE, ACCOUNT
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Owner is the person who answers for an access.
type Owner struct {
	Type  string  `json:"type"`
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Email *string `json:"email"`
}

// Entitlement is access a source grants to an account.
type Entitlement struct {
	ID                     string      `json:"id"`
	Name                   string      `json:"name"`
	Description            *string     `json:"description"`
	Privileged             bool        `json:"privileged"`
	Owner                  *Owner      `json:"owner"`
	AttributeName          string      `json:"attributeName"`
	AttributeValue         string      `json:"attributeValue"`
	SourceSchemaObjectType string      `json:"sourceSchemaObjectType"`
	SourceName             string      `json:"sourceName"`
	SourceType             string      `json:"sourceType"`
	SourceID               string      `json:"sourceId"`
	HasPermissions         bool        `json:"hasPermissions"`
	IsPermission           bool        `json:"isPermission"`
	Revocable              bool        `json:"revocable"`
	CloudGoverned          bool        `json:"cloudGoverned"`
	ContainsDataAccess     bool        `json:"containsDataAccess"`
	DataAccess             *DataAccess `json:"dataAccess"`
	Account                *Account    `json:"account"`
}

// DataAccess classifies the data an entitlement opens.
type DataAccess struct {
	Policies    []DataPolicy   `json:"policies"`
	Categories  []DataCategory `json:"categories"`
	ImpactScore ImpactScore    `json:"impactScore"`
}

// DataPolicy is a rule the data falls under.
type DataPolicy struct {
	Value string `json:"value"`
}

// DataCategory is a kind of data and how often it was met.
type DataCategory struct {
	Value      string `json:"value"`
	MatchCount int    `json:"matchCount"`
}

// ImpactScore rates what a loss of the data would do.
type ImpactScore struct {
	Value string `json:"value"`
}

// Account holds an entitlement on its source.
type Account struct {
	NativeIdentity    string           `json:"nativeIdentity"`
	Disabled          bool             `json:"disabled"`
	Locked            bool             `json:"locked"`
	Type              string           `json:"type"`
	ID                *string          `json:"id"`
	Name              *string          `json:"name"`
	Created           *time.Time       `json:"created"`
	Modified          *time.Time       `json:"modified"`
	ActivityInsights  ActivityInsights `json:"activityInsights"`
	Description       *string          `json:"description"`
	GovernanceGroupID *string          `json:"governanceGroupId"`
	Owner             *AccountOwner    `json:"owner"`
}

// ActivityInsights move every day without anybody having changed anything.
type ActivityInsights struct {
	AccountID      string `json:"accountID"`
	UsageDays      int    `json:"usageDays"`
	UsageDaysState string `json:"usageDaysState"` // COMPLETE or UNKNOWN
}

// AccountOwner is the person behind an account.
type AccountOwner struct {
	ID          *string `json:"id"`
	Type        string  `json:"type"`
	DisplayName *string `json:"displayName"`
}

// AccessProfile bundles entitlements.
type AccessProfile struct {
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	Description   string         `json:"description"`
	Privileged    bool           `json:"privileged"`
	CloudGoverned bool           `json:"cloudGoverned"`
	EndDate       *time.Time     `json:"endDate"`
	Owner         *Owner         `json:"owner"`
	Entitlements  []*Entitlement `json:"entitlements"`
	Created       time.Time      `json:"created"`
	Modified      time.Time      `json:"modified"`
}

// Role bundles access profiles and entitlements.
type Role struct {
	ID             string           `json:"id"`
	Name           string           `json:"name"`
	Description    string           `json:"description"`
	Privileged     bool             `json:"privileged"`
	Owner          *Owner           `json:"owner"`
	Revocable      bool             `json:"revocable"`
	EndDate        *time.Time       `json:"endDate,omitempty"`
	AccessProfiles []*AccessProfile `json:"accessProfiles"`
	Entitlements   []*Entitlement   `json:"entitlements"`
}

// Permission is a target and what may be done to it. It has no id, and the same
// one may come twice.
type Permission struct {
	Rights []string       `json:"rights"`
	Target string         `json:"target"`
	Extra  map[string]any `json:"-"`
}

// Task is a certification task.
type Task struct {
	ID                    string              `json:"id"`
	Type                  string              `json:"type"`
	TargetType            string              `json:"targetType"` // CERTIFICATION or CAMPAIGN
	TargetID              string              `json:"targetId"`
	Status                string              `json:"status"`
	Errors                []ErrorMessage      `json:"errors"`
	ReassignmentTrailDTOs []ReassignmentTrail `json:"reassignmentTrailDTOs"`
	Created               time.Time           `json:"created"`
	Extra                 map[string]any      `json:"-"`

	order *ReassignOrder // carried out when the task succeeds
}

func (k *Task) pending() bool { return k.Status == Queued || k.Status == InProgress }

// ReassignmentTrail is one change of owner a task made.
type ReassignmentTrail struct {
	PreviousOwner    string `json:"previousOwner"`
	NewOwner         string `json:"newOwner"`
	ReassignmentType string `json:"reassignmentType"`
}

// NextGenerationCampaign is a row of the newer campaigns, of which the contract
// says nothing yet.
type NextGenerationCampaign struct {
	ID    string         `json:"id"`
	Name  string         `json:"name"`
	Extra map[string]any `json:"-"`
}

// Identity is a person known to the tenant; reassignments go to identities.
type Identity struct {
	ID, Name, Email string
}

// Reviewer returns the identity as the reviewer of a certification.
func (i Identity) Reviewer() *CertificationReviewer {
	return &CertificationReviewer{ID: i.ID, Name: i.Name, Email: i.email(), Type: IdentityType}
}

// ReviewerRow returns the identity as a row of a certification's reviewers.
func (i Identity) ReviewerRow() *Reviewer {
	return &Reviewer{ID: i.ID, Name: i.Name, Email: i.email(), Type: IdentityType}
}

func (i Identity) email() *string {
	if i.Email == "" {
		return nil
	}
	return new(i.Email)
}
