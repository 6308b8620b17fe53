package simulator

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The certifications of the demo to which something particular happens, by their
// place in the world of night 1.
const (
	demoFinance    = 0 // its reviewer is renamed on night 2
	demoReassigned = 1 // eight items or more leave it on night 3
	demoPeople     = 2
	demoUnreadable = 3 // its items answer 403 on night 2
	demoSigned     = 4 // on night 2
	demoService    = 5
	demoDirectory  = 6
	demoSAP        = 7 // more items than a page holds
	demoSalesforce = 8
	demoDeleted    = 9 // on night 3
)

// demoState is where a demo stands.
type demoState struct {
	sync.Mutex
	night    int    // 0: not a demo
	readable func() // removes the fault of night 2; nil while there is none
}

// DemoNight brings the world of NewDemo to night 2 or 3: the changes up to that
// night and its faults. Nights already reached change nothing.
func (t *Tenant) DemoNight(n int) {
	t.demo.Lock()
	defer t.demo.Unlock()
	if t.demo.night == 1 && n >= 2 {
		t.demo.night = 2
		var unreadable string
		t.Edit(func(w *World) {
			unreadable = w.Certifications[demoUnreadable].ID
			secondNight(w)
		})
		t.demo.readable = t.Inject(Fault{CertificationID: unreadable, Status: http.StatusForbidden, Match: belowItems})
	}
	if t.demo.night == 2 && n >= 3 {
		t.demo.night = 3
		t.demo.readable()
		t.Edit(thirdNight)
	}
}

// belowItems matches the items of a certification and their permissions.
func belowItems(r *http.Request) bool {
	return strings.Contains(r.URL.Path, "/access-review-items")
}

func secondNight(w *World) {
	at := demoNight(2)
	w.now = func() time.Time { return at }
	w.Advance()
	all, certs := people(), w.Certifications

	// Flipped first: what is decided tonight is no change of mind.
	certs[demoFinance].flip(at, 2)
	certs[demoFinance].decideSome(at, 5)
	certs[demoFinance].reopen(at)
	certs[demoReassigned].decideSome(at, 3)
	certs[demoReassigned].comment(at, 2, "Checked with HR on 16 March.")
	certs[demoPeople].decideSome(at, 4)
	certs[demoUnreadable].flip(at, 1)
	certs[demoUnreadable].decideSome(at, 6) // shown on night 3
	certs[demoSAP].flip(at, 1)
	certs[demoSAP].decideSome(at, 30)
	certs[demoSAP].remove(at, 2)
	certs[demoDirectory].decideSome(at, 4)
	certs[demoSigned].sign(at.Add(-5 * time.Hour))

	certs[demoService].remove(at, 1)
	for _, name := range []string{"VPN-Employees", "Z_ESS_EMPLOYEE", "Time_Entry"} {
		g := grantNamed(name)
		certs[demoService].add(all[30], g.summary(all[30]), g.granted(), 0)
	}
	certs[demoService].Modified = at

	w.regrant("Z_MM_VENDOR_MASTER", func(rows []*Permission) []*Permission {
		rows[2].Rights = []string{"02", "03"}
		return append(rows, &Permission{Target: "F_LFA1_BUK", Rights: []string{"01", "02", "03"}})
	})
	w.regrant("Deal_Desk_Manager", func(rows []*Permission) []*Permission { return slices.Delete(rows, 2, 3) })
	w.reflag("Z_FI_GL_ACCOUNTANT", true)
	certs[demoSalesforce].HasErrors = true
	certs[demoSalesforce].ErrorMessage = new("A reminder could not be delivered to the reviewer.")
	w.rename(all[0].identity().ID, "Hannah Weber-Sato")
	certs[demoSAP].Reviewers = append(certs[demoSAP].Reviewers, all[1].identity().ReviewerRow())

	added := managerReview(w.Campaigns[0], all[managers-1], 4, 0)
	added.Created, added.Modified = at, at
	w.Certifications = append(w.Certifications, added)
	w.use()
}

func thirdNight(w *World) {
	at := demoNight(3)
	w.now = func() time.Time { return at }
	certs := slices.Clone(w.Certifications)
	w.Advance() // carries out the reassignment
	all := people()

	certs[demoFinance].decideSome(at, 20)
	certs[demoPeople].flip(at, 1)
	certs[demoPeople].decideSome(at, 6)
	certs[demoService].decideSome(at, 9)
	certs[demoService].comment(at, 1, "=> see ticket INC-20417")
	certs[demoUnreadable].decideSome(at, 4)
	certs[demoSAP].flip(at, 2)
	certs[demoSAP].decideSome(at, 80)
	certs[demoSAP].comment(at, 3, "Bestätigt durch Frau Wójcik.\nKeine Einwände.")
	certs[demoSalesforce].decideSome(at, 8)
	certs[demoSalesforce].remove(at, 1)
	g := grantNamed("Report_Builder")
	certs[demoSalesforce].add(all[40], g.summary(all[40]), g.granted(), 0)

	w.regrant("FS-Finance-Close-RW", func(rows []*Permission) []*Permission {
		rows[1].Rights = []string{"Read", "Write"}
		return rows
	})
	w.regrant("Data_Export_Weekly", func(rows []*Permission) []*Permission {
		return append(rows[1:], &Permission{Target: "Campaign", Rights: []string{"Read", "View All"}})
	})
	w.reflag("Sales_User", true)
	w.DeleteCertification(certs[demoDeleted].ID)
	w.use()
}

// decideSome decides the first n items that are open.
func (c *Certification) decideSome(at time.Time, n int) {
	c.change(at, n, func(i *ReviewItem) bool {
		open := i.Decision == nil
		if open {
			i.decide(roll(i.ID, "revoke", 100) < 15)
		}
		return open
	})
}

// flip turns the decision of n decided items round.
func (c *Certification) flip(at time.Time, n int) {
	c.change(at, n, func(i *ReviewItem) bool {
		decided := i.Decision != nil
		if decided {
			i.decide(*i.Decision == Approve)
		}
		return decided
	})
}

// reopen takes the decision back from the last item that has one.
func (c *Certification) reopen(at time.Time) {
	for _, i := range slices.Backward(c.Items) {
		if i.Decision != nil {
			i.Decision, i.Comments, c.Modified = nil, new("Reopened at the reviewer's request."), at
			return
		}
	}
}

// comment gives the last n approved items another comment.
func (c *Certification) comment(at time.Time, n int, words string) {
	for _, i := range slices.Backward(c.Items) {
		if n > 0 && i.Decision != nil && *i.Decision == Approve {
			i.Comments, c.Modified = new(words), at
			n--
		}
	}
}

// change applies step to items until n of them were changed.
func (c *Certification) change(at time.Time, n int, step func(*ReviewItem) bool) {
	for _, i := range c.Items {
		if n > 0 && step(i) {
			c.Modified = at
			n--
		}
	}
}

// remove takes the last n items away: the access is gone at its source.
func (c *Certification) remove(at time.Time, n int) {
	c.Items, c.Modified = c.Items[:len(c.Items)-n], at
}

// unsigned calls do for all that may still change.
func (w *World) unsigned(do func(*Certification)) {
	for _, c := range w.Certifications {
		if c.Phase != Signed {
			do(c)
		}
	}
}

// holders calls do for the items of an entitlement.
func (w *World) holders(name string, do func(*ReviewItem)) {
	w.unsigned(func(c *Certification) {
		for _, i := range c.Items {
			if e := i.AccessSummary.Entitlement; e != nil && e.Name == name {
				do(i)
			}
		}
	})
}

// regrant changes what an entitlement permits, for everybody who holds it. The
// entitlements the nights choose are in no signed certification: what is signed
// stays as it is, and still an entitlement permits the same everywhere.
func (w *World) regrant(name string, change func([]*Permission) []*Permission) {
	w.holders(name, func(i *ReviewItem) { i.Permissions = change(i.Permissions) })
}

// reflag changes whether an entitlement is privileged.
func (w *World) reflag(name string, privileged bool) {
	w.holders(name, func(i *ReviewItem) { i.AccessSummary.Entitlement.Privileged = privileged })
}

// rename gives an identity another name wherever it may still change.
func (w *World) rename(id, name string) {
	for n := range w.Identities {
		if w.Identities[n].ID == id {
			w.Identities[n].Name = name
		}
	}
	w.unsigned(func(c *Certification) {
		if c.Reviewer != nil && c.Reviewer.ID == id {
			c.Reviewer.Name = name
		}
		for _, r := range c.Reviewers {
			if r.ID == id {
				r.Name = name
			}
		}
		for _, i := range c.Items {
			if i.IdentitySummary.IdentityID == id {
				i.IdentitySummary.Name = name
			}
		}
	})
}

// use lets a day pass over the accounts: the insights move, nobody changed a
// thing.
func (w *World) use() {
	w.unsigned(func(c *Certification) {
		for _, i := range c.Items {
			if e := i.AccessSummary.Entitlement; e != nil && e.Account != nil {
				e.Account.ActivityInsights.UsageDays++
			}
		}
	})
}
