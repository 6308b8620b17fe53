package db

import (
	"slices"

	"exporter/internal/snapshot"
)

// world is a small tenant as it stands tonight, and how it answers.
type world struct {
	campaigns []snapshot.Campaign
	certs     map[string]*cert // those that exist; others answer 404
	tasks     map[string]snapshot.Task
	params    map[snapshot.Collection]string           // what shapes a collection tonight
	outcome   map[snapshot.Collection]snapshot.Outcome // of the run's lists; absent: COMPLETE
	gaps      []string                                 // accepted certifications
}

// cert is one certification of a world.
type cert struct {
	header      snapshot.Certification
	reviewers   []snapshot.Reviewer
	items       []snapshot.ReviewItem
	permissions map[string][]snapshot.Permission // by item
	outcome     map[snapshot.Collection]snapshot.Outcome
	outside     bool // of the scope
}

// noPermissions as parameter of the permissions: they are not to be read.
const noPermissions = "none"

func newWorld(certs ...*cert) *world {
	w := &world{
		certs:   map[string]*cert{},
		tasks:   map[string]snapshot.Task{},
		params:  map[snapshot.Collection]string{},
		outcome: map[snapshot.Collection]snapshot.Outcome{},
	}
	for _, c := range certs {
		w.certs[c.header.ID] = c
	}
	return w
}

// newCert is an active certification with these items.
func newCert(id string, items ...snapshot.ReviewItem) *cert {
	return &cert{
		header: header(snapshot.Certification{
			ID: id, Name: new("Review " + id), Phase: new("ACTIVE"), CampaignID: new("campaign"),
			ReviewerID: new("boss"), ReviewerName: new("Bo Boss"), ReviewerType: new("IDENTITY"),
		}),
		items:       items,
		permissions: map[string][]snapshot.Permission{},
		outcome:     map[snapshot.Collection]snapshot.Outcome{},
	}
}

// newItem is an undecided item; no item of another id is alike.
func newItem(id string) snapshot.ReviewItem {
	return item(snapshot.ReviewItem{
		ID: id, IdentityID: new("p-" + id), IdentityName: new("Person " + id), AccessType: new("ENTITLEMENT"),
		AccessID: new("a-" + id), AccessName: new("Access " + id), SourceID: new("s"), SourceName: new("Source"),
		AccountNativeIdentity: new("cn=" + id), Privileged: new(false), HasPermissions: new(false), Completed: new(false),
	})
}

// editHeader changes the header as the tenant would.
func (c *cert) editHeader(edit func(*snapshot.Certification)) {
	edit(&c.header)
	c.header = header(c.header)
}

func (c *cert) editItem(id string, edit func(*snapshot.ReviewItem)) {
	i := c.index(id)
	edit(&c.items[i])
	c.items[i] = item(c.items[i])
}

func (c *cert) index(id string) int {
	return slices.IndexFunc(c.items, func(v snapshot.ReviewItem) bool { return v.ID == id })
}

func (c *cert) decide(id, decision string) {
	c.editItem(id, func(v *snapshot.ReviewItem) {
		v.Decision, v.Completed = &decision, new(true)
		if decision == "" {
			v.Decision, v.Completed = nil, new(false)
		}
	})
}

// grant sets the permissions of an item, which makes it flagged.
func (c *cert) grant(id string, list ...snapshot.Permission) {
	c.editItem(id, func(v *snapshot.ReviewItem) { v.HasPermissions = new(true) })
	c.permissions[id] = list
}

// take removes an item and returns it with its permissions.
func (c *cert) take(id string) (snapshot.ReviewItem, []snapshot.Permission) {
	i := c.index(id)
	v, list := c.items[i], c.permissions[id]
	c.items = slices.Delete(slices.Clone(c.items), i, i+1)
	delete(c.permissions, id)
	return v, list
}

// move moves an item to another certification, where it may get a new id.
func (c *cert) move(id string, to *cert, newID string) {
	v, list := c.take(id)
	v.ID = newID
	to.items = append(to.items, item(v))
	if v.Flagged() {
		to.permissions[newID] = list
	}
}

// reassigned is a new certification cut from c.
func (c *cert) reassigned(id string) *cert {
	n := newCert(id)
	n.editHeader(func(v *snapshot.Certification) {
		v.ReviewerID, v.ReviewerName = new("deputy"), new("De Puty")
		v.ReassignedFromID, v.ReassignedFromOwner = &c.header.ID, c.header.ReviewerName
	})
	return n
}

func permission(target string, rights ...string) snapshot.Permission {
	return snapshot.Permission{Target: &target, Rights: rights}
}

func (c *cert) sign() {
	c.editHeader(func(v *snapshot.Certification) { v.Phase, v.Signed = new(snapshot.PhaseSigned), new(firstNight) })
}
