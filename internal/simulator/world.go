package simulator

import (
	"slices"
	"time"
)

// World is what a tenant holds. Slices are served in their order.
type World struct {
	Org            string // first label of the tenant's host, in its tokens
	Caller         Caller
	Identities     []Identity
	Campaigns      []*Campaign
	Certifications []*Certification
	Tasks          []*Task
	NextGeneration []*NextGenerationCampaign

	now func() time.Time
}

// Campaign returns the campaign with an id, or nil.
func (w *World) Campaign(id string) *Campaign {
	return find(w.Campaigns, func(c *Campaign) bool { return c.ID == id })
}

// Certification returns the certification with an id, or nil.
func (w *World) Certification(id string) *Certification {
	return find(w.Certifications, func(c *Certification) bool { return c.ID == id })
}

// Item returns the review item with an id within a certification, or nil.
func (w *World) Item(certificationID, itemID string) *ReviewItem {
	c := w.Certification(certificationID)
	if c == nil {
		return nil
	}
	return find(c.Items, func(i *ReviewItem) bool { return i.ID == itemID })
}

// Task returns the task with an id, finished or not, or nil.
func (w *World) Task(id string) *Task {
	return find(w.Tasks, func(t *Task) bool { return t.ID == id })
}

// DeleteCertification removes a certification with all below it. It reports
// whether there was one.
func (w *World) DeleteCertification(id string) bool {
	before := len(w.Certifications)
	w.Certifications = slices.DeleteFunc(w.Certifications, func(c *Certification) bool { return c.ID == id })
	return len(w.Certifications) < before
}

func find[T any](all []*T, is func(*T) bool) *T {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i]
	}
	return nil
}

// settle counts again all that follows from the items.
func (w *World) settle() {
	total, signed := map[string]int{}, map[string]int{}
	for _, c := range w.Certifications {
		c.settle()
		total[c.Campaign.ID]++
		if c.Phase == Signed {
			signed[c.Campaign.ID]++
		}
	}
	for _, c := range w.Campaigns {
		c.TotalCertifications, c.CompletedCertifications = total[c.ID], signed[c.ID]
	}
}

func (c *Certification) settle() {
	open := map[string]int{} // undecided items of each reviewed identity
	c.DecisionsMade, c.DecisionsTotal = 0, len(c.Items)
	for _, i := range c.Items {
		i.Completed = i.Decision != nil
		if i.Completed {
			c.DecisionsMade++
			open[i.IdentitySummary.ID] += 0
		} else {
			open[i.IdentitySummary.ID]++
		}
	}
	c.IdentitiesCompleted, c.IdentitiesTotal = 0, len(open)
	for _, n := range open {
		if n == 0 {
			c.IdentitiesCompleted++
		}
	}
	for _, i := range c.Items {
		i.IdentitySummary.Completed = open[i.IdentitySummary.ID] == 0
	}
	c.Completed = c.DecisionsMade == c.DecisionsTotal
}

// governed reports whether a governance group reviews the certification. The
// API supports hardly anything of such a one.
func (c *Certification) governed() bool {
	return c.Reviewer != nil && c.Reviewer.Type == GovernanceGroup
}

// visible reports whether the caller may see a certification at all.
func (w *World) visible(c *Certification) bool {
	return w.Caller.admin() || c.Reviewer != nil && c.Reviewer.ID == w.Caller.ID
}

// open returns the certification an operation below it works on, or the refusal.
func (w *World) open(id string) (*Certification, answer, bool) {
	c := w.Certification(id)
	switch {
	case c == nil:
		return nil, notFound("no certification " + id), false
	case !w.visible(c):
		return nil, forbidden(), false
	case c.governed():
		return nil, badRequest(""), false
	}
	return c, answer{}, true
}
