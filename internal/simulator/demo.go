package simulator

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// demoNight is when the demo's night n begins to be: its changes are dated so.
func demoNight(n int) time.Time { return time.Date(2026, 3, 15+n, 1, 40, 0, 0, time.UTC) }

// NewDemo returns a tenant with the demo world as of night 1: the company Acme,
// two running campaigns and one completed. All its dates are fixed.
func NewDemo(o Options) *Tenant {
	t := New(o)
	t.demo.night = 1
	t.Edit(demoWorld)
	return t
}

// demoWorld builds night 1.
func demoWorld(w *World) {
	w.now = func() time.Time { return demoNight(1) }
	for _, p := range people() {
		w.Identities = append(w.Identities, p.identity())
	}
	quarter := campaign("Q1 2026 Manager Access Review", "Managers confirm the access of their direct reports", "MANAGER", Active,
		time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC), 28)
	owner := campaign("2026 Source Owner Review", "Owners of the key applications confirm who has access to them", "SOURCE_OWNER", Active,
		time.Date(2026, 3, 4, 7, 0, 0, 0, time.UTC), 35)
	past := campaign("Q4 2025 Manager Access Review", "Managers confirm the access of their direct reports", "MANAGER", "COMPLETED",
		time.Date(2025, 11, 3, 7, 0, 0, 0, time.UTC), 28)
	w.Campaigns = []*Campaign{quarter, owner, past}

	all := people()
	for _, manager := range all[:managers-1] { // the seventh comes on night 2
		w.Certifications = append(w.Certifications, managerReview(quarter, manager, 4, 40))
	}
	for n, s := range sources() {
		c := certification(owner, "Source Owner Review of "+s.name, all[managers+n])
		reviewed, each := all[managers+n-1:managers+n+7], 3
		if n == sap { // everybody, so that the items need more than one page
			reviewed, each = all, 5
		}
		for _, p := range reviewed {
			grantsOf(c, p, ofSource(n), each, 25)
		}
		w.Certifications = append(w.Certifications, c)
	}
	for _, manager := range all[:4] {
		c := managerReview(past, manager, 3, 100)
		c.sign(past.Created.AddDate(0, 0, 20+manager.number))
		w.Certifications = append(w.Certifications, c)
	}
	demoTasks(w)
}

func campaign(name, description, kind, status string, created time.Time, days int) *Campaign {
	return &Campaign{
		ID:                          ID("campaign", name),
		Name:                        name,
		Description:                 new(description),
		Deadline:                    new(created.AddDate(0, 0, days)),
		Type:                        kind,
		EmailNotificationEnabled:    true,
		Status:                      status,
		CorrelatedStatus:            "CORRELATED",
		Created:                     new(created),
		Modified:                    new(created.Add(3 * time.Hour)),
		MandatoryCommentRequirement: "REVOKE_ONLY_DECISIONS",
	}
}

func certification(of *Campaign, name string, reviewer person) *Certification {
	return &Certification{
		ID:        ID("certification", of.Name, reviewer.login),
		Name:      name,
		Campaign:  of.Reference(),
		Created:   of.Created.Add(20 * time.Minute),
		Modified:  of.Created.Add(26 * time.Hour),
		Due:       of.Deadline,
		Reviewer:  reviewer.identity().Reviewer(),
		Phase:     Active,
		Reviewers: []*Reviewer{reviewer.identity().ReviewerRow()},
	}
}

// managerReview is a certification of a manager's staff: entitlements of all
// sources for each, a profile or a role for some, an account here and there.
func managerReview(of *Campaign, manager person, each, decided int) *Certification {
	c := certification(of, "Manager Access Review for "+manager.name, manager)
	for _, p := range staff(manager) {
		grantsOf(c, p, grants(), each-1, decided)
		switch p.number % 4 {
		case 0:
			c.add(p, profileSummaries()[p.number/4%4], nil, decided)
		case 1:
			c.add(p, roleSummaries()[p.number/4%3], nil, decided)
		case 2:
			c.add(p, accountSummary(p, sources()[p.number/4%4]), nil, decided)
		default:
			grantsOf(c, p, ofSource(workday), 1, decided)
		}
	}
	return c
}

func ofSource(n int) []grant {
	var all []grant
	for _, g := range grants() {
		if g.source == n {
			all = append(all, g)
		}
	}
	return all
}

// grantsOf adds items for count of the offered entitlements, from another one on
// for each person. Of the flagged ones, which cost a reader a request each, only
// three in ten are granted.
func grantsOf(c *Certification, p person, offered []grant, count, decided int) {
	for n := range offered {
		g := offered[(p.number*5+len(c.Name)+n)%len(offered)]
		if g.permissions != nil && roll(p.login, c.Name+g.name, 10) >= 3 {
			continue
		}
		if count--; count < 0 {
			return
		}
		c.add(p, g.summary(p), g.granted(), decided)
	}
}

// add appends an item unless the person has it already; decided is the share of
// people, in percent, that the reviewer has come to.
func (c *Certification) add(p person, access AccessSummary, permissions []*Permission, decided int) {
	identity := p.identity()
	id := ID("item", c.ID, identity.ID, access.Access.ID)
	if find(c.Items, func(i *ReviewItem) bool { return i.ID == id }) != nil {
		return
	}
	item := &ReviewItem{
		ID:            id,
		AccessSummary: access,
		IdentitySummary: IdentitySummary{
			ID: ID("summary", c.ID, identity.ID), Name: identity.Name, IdentityID: identity.ID,
		},
		NewAccess:   len(c.Items)%9 == 4,
		Permissions: permissions,
	}
	if roll(item.IdentitySummary.ID, "decided", 100) < decided {
		item.decide(roll(id, "revoke", 100) < 15)
	}
	c.Items = append(c.Items, item)
}

// roll throws a die of so many sides that falls the same way for the same id and
// purpose.
func roll(id, purpose string, sides int) int {
	n, err := strconv.ParseUint(ID(id, purpose)[:8], 16, 64)
	if err != nil {
		panic(fmt.Sprintf("simulator: roll: %v", err)) // an ID is hexadecimal
	}
	return int(n % uint64(sides))
}

// decide is what a reviewer does: a reason with every revocation, a word with
// some approvals.
func (i *ReviewItem) decide(revoke bool) {
	if revoke {
		reasons := []string{
			"Changed department on 1 February, no longer needed.",
			"Nicht mehr benötigt – Übergabe an den Nachfolger ist erfolgt.",
			"Conflicts with the approval role.\nSee the segregation of duties list, row 14.",
			"- project ended in December\n- licence goes back to the pool",
		}
		i.Decision, i.Comments = new(Revoke), new(reasons[roll(i.ID, "reason", len(reasons))])
		return
	}
	i.Decision, i.Comments = new(Approve), nil
	words := []string{
		"Needed for the month-end closing.",
		"Confirmed with the team lead.\nReview again after the migration to S/4.",
		"Accès nécessaire jusqu'à la fin du projet (été 2026).",
	}
	if n := roll(i.ID, "word", 9); n < len(words) {
		i.Comments = new(words[n])
	}
}

// sign ends a certification: what is undecided is approved first.
func (c *Certification) sign(at time.Time) {
	for _, i := range c.Items {
		if i.Decision == nil {
			i.decide(false)
		}
	}
	c.Phase, c.Signed, c.Modified = Signed, new(at), at
}

func demoTasks(w *World) {
	w.Tasks = []*Task{
		{
			ID: ID("task", "complete Q4 2025"), Type: "COMPLETE_CAMPAIGN", TargetType: "CAMPAIGN",
			TargetID: w.Campaigns[2].ID, Status: Success, Created: *w.Campaigns[2].Deadline,
		},
		{
			ID: ID("task", "prepare a certification"), Type: "COMPLETE_CERTIFICATION", TargetType: "CERTIFICATION",
			TargetID: w.Certifications[demoUnreadable].ID, Status: InProgress, Created: demoNight(1).Add(-2 * time.Hour),
		},
	}
	order := func(from *Certification, to person, reason string) {
		order := ReassignOrder{ReassignTo: to.identity().ID, Reason: reason}
		for _, i := range from.Items[:8] {
			target := ReassignTarget{ID: i.IdentitySummary.ID, Type: "IDENTITY_SUMMARY"}
			if !slices.Contains(order.Reassign, target) {
				order.Reassign = append(order.Reassign, target)
			}
		}
		if _, err := w.Reassign(from.ID, order); err != nil {
			panic(fmt.Sprintf("simulator: demo reassignment: %v", err))
		}
	}
	order(w.Certifications[demoReassigned], people()[managers-1], "On parental leave from 18 March (Elternzeit)")
	order(w.Certifications[demoSigned], people()[managers-1], "Asked for help with the review")
}
