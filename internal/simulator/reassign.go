package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// maxReassign is the most a reassignment may name.
const maxReassign = 500

// ReassignOrder is the body of reassign-async.
type ReassignOrder struct {
	Reassign   []ReassignTarget `json:"reassign"`
	ReassignTo string           `json:"reassignTo"` // an identity's id
	Reason     string           `json:"reason"`
}

// ReassignTarget names items: one by its id, all of a reviewed identity by the
// id of its summary, all of an access by the id of the access.
type ReassignTarget struct {
	ID   string `json:"id"`
	Type string `json:"type"` // ITEM, IDENTITY_SUMMARY, TARGET_SUMMARY
}

func (g ReassignTarget) names(i *ReviewItem) bool {
	switch g.Type {
	case "ITEM":
		return i.ID == g.ID
	case "IDENTITY_SUMMARY":
		return i.IdentitySummary.ID == g.ID
	default:
		return i.AccessSummary.Access != nil && i.AccessSummary.Access.ID == g.ID
	}
}

func (t *Tenant) reassign(c call) answer {
	cert, refusal, ok := t.world.open(c.http.PathValue("id"))
	if !ok {
		return refusal
	}
	var order ReassignOrder
	if err := json.Unmarshal(c.body, &order); err != nil {
		return badRequest("the body is not a reassignment: " + err.Error())
	}
	task, err := t.world.Reassign(cert.ID, order)
	if err != nil {
		return badRequest(err.Error())
	}
	return answer{status: http.StatusOK, body: task}
}

// Reassign queues a reassignment, as reassign-async does. The error says why the
// tenant refuses.
func (w *World) Reassign(certificationID string, order ReassignOrder) (*Task, error) {
	if n := len(order.Reassign); n < 1 || n > maxReassign {
		return nil, fmt.Errorf("reassign must name 1 to %d targets, not %d", maxReassign, n)
	}
	for _, target := range order.Reassign {
		if target.ID == "" || !slices.Contains([]string{"ITEM", "IDENTITY_SUMMARY", "TARGET_SUMMARY"}, target.Type) {
			return nil, fmt.Errorf("%q of type %q is no target", target.ID, target.Type)
		}
	}
	if order.Reason == "" {
		return nil, errors.New("reason is required")
	}
	if _, _, err := w.plan(certificationID, order); err != nil {
		return nil, err
	}
	task := &Task{
		ID:         ID("task", certificationID, strconv.Itoa(len(w.Tasks))),
		Type:       "ADMIN_REASSIGN",
		TargetType: "CERTIFICATION",
		TargetID:   certificationID,
		Status:     Queued,
		Created:    w.now().UTC(),
		order:      &order,
	}
	w.Tasks = append(w.Tasks, task)
	return task, nil
}

// plan says which items an order moves and to whom. It is made twice: when the
// order comes in and when it is carried out, for the world moves in between.
func (w *World) plan(certificationID string, order ReassignOrder) ([]*ReviewItem, Identity, error) {
	to := slices.IndexFunc(w.Identities, func(i Identity) bool { return i.ID == order.ReassignTo })
	if to < 0 {
		return nil, Identity{}, fmt.Errorf("no identity %q to reassign to", order.ReassignTo)
	}
	cert := w.Certification(certificationID)
	switch {
	case cert == nil:
		return nil, Identity{}, fmt.Errorf("certification %s does not exist", certificationID)
	case cert.Phase == Signed:
		return nil, Identity{}, fmt.Errorf("certification %s is signed", certificationID)
	}
	var items []*ReviewItem
	for _, target := range order.Reassign {
		found := false
		for _, i := range cert.Items {
			if !target.names(i) {
				continue
			}
			found = true
			if i.IdentitySummary.IdentityID == order.ReassignTo {
				return nil, Identity{}, fmt.Errorf("%s may not review the own access %s", w.Identities[to].Name, i.ID)
			}
			if !slices.Contains(items, i) {
				items = append(items, i)
			}
		}
		if !found {
			return nil, Identity{}, fmt.Errorf("certification %s has no %s %s", certificationID, target.Type, target.ID)
		}
	}
	return items, w.Identities[to], nil
}

// Advance moves every pending task one step: QUEUED to IN_PROGRESS, IN_PROGRESS
// to SUCCESS. A reassignment is carried out with its last step, and ends in
// ERROR where the tenant would now refuse it.
func (w *World) Advance() {
	for _, task := range w.Tasks {
		switch task.Status {
		case Queued:
			task.Status = InProgress
		case InProgress:
			task.Status = Success
			if task.order == nil {
				continue
			}
			if err := w.carryOut(task); err != nil {
				task.Status = Failed
				task.Errors = []ErrorMessage{messageOf(err.Error())}
			}
		}
	}
}

// carryOut moves the items of a task to a new certification of the new reviewer,
// which leads back to the old one.
func (w *World) carryOut(task *Task) error {
	items, to, err := w.plan(task.TargetID, *task.order)
	if err != nil {
		return err
	}
	old, now := w.Certification(task.TargetID), w.now().UTC()
	old.Items = slices.DeleteFunc(old.Items, func(i *ReviewItem) bool { return slices.Contains(items, i) })
	old.Modified = now

	from := &ReassignedFrom{ID: old.ID, Name: old.Name, Type: "CERTIFICATION", Reviewer: old.Reviewer}
	w.Certifications = append(w.Certifications, &Certification{
		ID:           ID("certification", task.ID),
		Name:         old.Name,
		Campaign:     old.Campaign,
		Created:      now,
		Modified:     now,
		Due:          old.Due,
		Reviewer:     to.Reviewer(),
		Reassignment: &Reassignment{From: from, Comment: task.order.Reason},
		Phase:        old.Phase,
		Reviewers:    []*Reviewer{to.ReviewerRow()},
		Items:        items,
	})
	previous := ""
	if old.Reviewer != nil {
		previous = old.Reviewer.ID
	}
	task.ReassignmentTrailDTOs = []ReassignmentTrail{{PreviousOwner: previous, NewOwner: to.ID, ReassignmentType: "MANUAL_REASSIGNMENT"}}
	return nil
}
