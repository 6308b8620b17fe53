package simulator

import (
	"net/http"
	"time"
)

// betaCertification is a certification as the list of beta shows it: without its
// id and name.
type betaCertification struct {
	CampaignRef       CampaignReference `json:"campaignRef"`
	CampaignOwner     *Owner            `json:"campaignOwner"` // required, and nowhere described: null
	Phase             string            `json:"phase"`
	Due               *time.Time        `json:"due"`
	Signed            *time.Time        `json:"signed"`
	Reviewer          *Reviewer         `json:"reviewer"`
	Reassignment      *betaReassignment `json:"reassignment"`
	HasErrors         bool              `json:"hasErrors"`
	ErrorMessage      *string           `json:"errorMessage"`
	Completed         bool              `json:"completed"`
	DecisionsMade     int               `json:"decisionsMade"`
	DecisionsTotal    int               `json:"decisionsTotal"`
	EntitiesCompleted int               `json:"entitiesCompleted"`
	EntitiesTotal     int               `json:"entitiesTotal"`
	Extra             map[string]any    `json:"-"`
}

type betaReassignment struct {
	From    *betaReassignedFrom `json:"from"`
	Comment string              `json:"comment"`
}

type betaReassignedFrom struct {
	Type     string    `json:"type"`
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Reviewer *Reviewer `json:"reviewer"`
}

// MarshalJSON renders the row.
func (c betaCertification) MarshalJSON() ([]byte, error) {
	type plain betaCertification
	return extend(plain(c), c.Extra)
}

func (c *Certification) inBeta() *betaCertification {
	b := &betaCertification{
		CampaignRef:       c.Campaign,
		Phase:             c.Phase,
		Due:               c.Due,
		Signed:            c.Signed,
		Reviewer:          c.Reviewer.inBeta(),
		HasErrors:         c.HasErrors,
		ErrorMessage:      c.ErrorMessage,
		Completed:         c.Completed,
		DecisionsMade:     c.DecisionsMade,
		DecisionsTotal:    c.DecisionsTotal,
		EntitiesCompleted: c.IdentitiesCompleted,
		EntitiesTotal:     c.IdentitiesTotal,
		Extra:             c.Extra,
	}
	if r := c.Reassignment; r != nil {
		b.Reassignment = &betaReassignment{Comment: r.Comment}
		if f := r.From; f != nil {
			b.Reassignment.From = &betaReassignedFrom{Type: f.Type, ID: f.ID, Name: f.Name, Reviewer: f.Reviewer.inBeta()}
		}
	}
	return b
}

// inBeta returns the reviewer without its dates; nil stays nil.
func (r *CertificationReviewer) inBeta() *Reviewer {
	if r == nil {
		return nil
	}
	return &Reviewer{Type: r.Type, ID: r.ID, Name: r.Name, Email: r.Email}
}

func (t *Tenant) listBetaCertifications(c call) answer {
	a := t.listCertifications(c)
	if a.page != nil {
		for i, row := range a.page.rows {
			a.page.rows[i] = row.(*Certification).inBeta()
		}
	}
	return a
}

// betaTask is a task as beta shows it: always a reassignment, its errors mere
// texts.
type betaTask struct {
	ID              string         `json:"id"`
	CertificationID string         `json:"certificationId"`
	Type            string         `json:"type"`
	Status          string         `json:"status"`
	Errors          []string       `json:"errors"`
	Extra           map[string]any `json:"-"`
}

// MarshalJSON renders the task.
func (t betaTask) MarshalJSON() ([]byte, error) {
	type plain betaTask
	return extend(plain(t), t.Extra)
}

func (k *Task) inBeta() *betaTask {
	b := &betaTask{ID: k.ID, CertificationID: k.TargetID, Type: "REASSIGN", Status: k.Status, Errors: []string{}, Extra: k.Extra}
	for _, e := range k.Errors {
		b.Errors = append(b.Errors, e.Text)
	}
	return b
}

// reassigns reports whether the task is a reassignment of a certification. Beta
// has no name for any other type of task, and so does not show it.
func (k *Task) reassigns(certificationID string) bool {
	return (k.Type == "REASSIGN" || k.Type == "ADMIN_REASSIGN") && k.TargetID == certificationID
}

// listBetaTasks is the one list without paging: it neither cuts nor counts.
func (t *Tenant) listBetaTasks(c call) answer {
	cert, refusal, ok := t.world.open(c.http.PathValue("id"))
	if !ok {
		return refusal
	}
	p := &page{}
	for _, k := range t.world.Tasks {
		if k.pending() && k.reassigns(cert.ID) {
			p.rows = append(p.rows, k.inBeta())
		}
	}
	return answer{status: http.StatusOK, page: p}
}

func (t *Tenant) getBetaTask(c call) answer {
	cert, refusal, ok := t.world.open(c.http.PathValue("id"))
	if !ok {
		return refusal
	}
	id := c.http.PathValue("taskId")
	k := t.world.Task(id)
	if k == nil || !k.reassigns(cert.ID) {
		return notFound("certification " + cert.ID + " has no task " + id)
	}
	return answer{status: http.StatusOK, body: k.inBeta()}
}

func (t *Tenant) reassignInBeta(c call) answer {
	a := t.reassign(c)
	if task, ok := a.body.(*Task); ok {
		a.body = task.inBeta()
	}
	return a
}
