package db

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

var (
	seeds     = flag.Int("seeds", 30, "random tenants for TestRandomNights")
	firstSeed = flag.Uint64("first-seed", 1, "seed of the first of them")
)

// Whatever happens to a tenant, its views show what the ledger says, and the
// changes between any two runs make the views of the one those of the other.
func TestRandomNights(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			o := officeOf(t, store, fmt.Sprintf("tenant-%d", seed))
			g := &chance{Rand: rand.New(rand.NewPCG(seed, 0)), w: newWorld()}
			runs := g.nights(o, 7)
			pictures := map[int64]picture{}
			for _, run := range runs {
				o.check(run)
				pictures[run] = pictureOf(t, store, o.tenant, run)
			}
			all := changesOfAll(t, store, o.tenant)
			for _, from := range runs {
				for _, to := range runs {
					rows := all[[2]int64{from, to}]
					p := picture{Objects: maps.Clone(pictures[from].Objects), Permissions: maps.Clone(pictures[from].Permissions)}
					for k, f := range p.Objects {
						p.Objects[k] = maps.Clone(f)
					}
					p.apply(t, rows)
					if diff := cmp.Diff(pictures[to], p); diff != "" {
						t.Errorf("changes from %d to %d lead elsewhere (-want +got):\n%s", from, to, diff)
					}
					o.checkClasses(from, to, rows)
					if t.Failed() {
						t.Logf("changes from %d to %d:\n%v", from, to, rows)
						t.Logf("nights:\n%s", strings.Join(g.diary, "\n"))
						t.FailNow()
					}
				}
			}
		})
	}
}

// checkClasses checks what a change may be called by what the ledger says of
// both sides.
func (o *office) checkClasses(from, to int64, rows []change) {
	o.Helper()
	a, b := o.after[from], o.after[to]
	var gaps []string
	for _, c := range rows {
		u := unit{"", map[string]snapshot.Collection{
			"certification": snapshot.CertificationHeader, "reviewer": snapshot.Reviewers, "review_item": snapshot.ReviewItems,
			"permission": snapshot.Permissions, "task": snapshot.Tasks,
		}[c.Object]}
		if c.Object != "task" {
			u.certification = *c.Certification
		}
		switch {
		case c.Class == "NOT_COMPARABLE":
			gaps = append(gaps, u.certification+" "+string(u.collection))
		case c.Field == nil && c.After != nil:
			if want := why(u, b, a, from, "ENTERED_SCOPE", "ADDED"); strings.TrimPrefix(strings.TrimPrefix(c.Class, "REVIEWER_"), "PERMISSION_") != want {
				o.Errorf("from %d to %d: %s: want %s", from, to, c, want)
			}
		case c.Field == nil:
			if want := why(u, a, b, to, "LEFT_SCOPE", "REMOVED"); strings.TrimPrefix(strings.TrimPrefix(c.Class, "REVIEWER_"), "PERMISSION_") != want {
				o.Errorf("from %d to %d: %s: want %s", from, to, c, want)
			}
		}
	}
	var want []string
	if from != to {
		for u := range b.units {
			if u.collection != snapshot.Campaigns && u.collection != snapshot.Certifications && (a.stale(u, from) || b.stale(u, to)) {
				want = append(want, u.certification+" "+string(u.collection))
			}
		}
		for u := range a.units {
			if _, both := b.units[u]; !both && u.collection != snapshot.Campaigns && u.collection != snapshot.Certifications && a.stale(u, from) {
				want = append(want, u.certification+" "+string(u.collection))
			}
		}
	}
	slices.Sort(gaps)
	slices.Sort(want)
	if diff := cmp.Diff(want, gaps); diff != "" {
		o.Errorf("from %d to %d: not comparable (-want +got):\n%s", from, to, diff)
	}
}

// stale says whether what a run shows of a unit is older than the run, without
// having been sealed.
func (l ledger) stale(u unit, run int64) bool {
	s, known := l.units[u]
	return known && !l.deleted[u.certification] && s.outcome != snapshot.OutOfScope && s.outcome != snapshot.SealedEarlier && s.captured != run
}

// why is the class of an object that there sees and that the other side, as of
// run, does not.
func why(u unit, there, other ledger, run int64, scope, proved string) string {
	s, known := other.units[u]
	lists, list := there.units[unit{"", snapshot.Certifications}], other.units[unit{"", snapshot.Certifications}]
	switch {
	case known && s.outcome == snapshot.OutOfScope:
		return scope
	case u.certification != "" && other.deleted[u.certification]:
		if proved == "REMOVED" {
			return "DELETED_IN_TENANT"
		}
		return proved
	case s.captured != 0 && s.params != there.units[u].params:
		return scope
	case s.captured != 0:
		return proved
	case known || u.certification == "": // a list of the whole run is no new one
		return "CAPTURE_GAP"
	case list.captured != 0 && lists.captured != 0 && list.params != lists.params:
		return scope
	case list.outcome == snapshot.Complete && list.said == run && other.finished[run]:
		return proved
	}
	return "CAPTURE_GAP"
}

// chance makes things happen to a world.
type chance struct {
	*rand.Rand
	w     *world
	diary []string
	next  int // of new ids
}

func (g *chance) note(format string, args ...any) {
	g.diary = append(g.diary, fmt.Sprintf(format, args...))
}

// nights lives through a number of them, and returns the runs.
func (g *chance) nights(o *office, n int) (runs []int64) {
	resume := ResumeNever
	for range n {
		params := maps.Clone(g.w.params)
		for range g.IntN(8) {
			g.happen()
		}
		if resume == ResumeInsist {
			g.w.params = params // it would not have been resumed
		}
		g.weather()
		run := o.open(resume)
		if !slices.Contains(runs, run.ID) {
			runs = append(runs, run.ID)
		}
		g.note("run %d: params %v lists %v", run.ID, g.w.params, g.w.outcome)
		resume = ResumeNever
		if g.IntN(4) > 0 {
			o.walk(g.w, run.ID, -1)
			o.seal(g.w, run.ID)
			continue
		}
		stop := g.IntN(4)
		o.walk(g.w, run.ID, stop)
		switch g.IntN(4) {
		case 0: // goes on, with the tenant changed in the meantime
			g.note("interrupted after %d", stop)
			resume = ResumeInsist
			o.nights-- // the same night
		case 1:
			g.note("failed after %d", stop)
			o.fatal(o.store.Abandon(o.Context(), o.tenant, run.ID, snapshot.RunFailed, run.StartedAt, "failed"))
		default:
			g.note("killed after %d", stop)
		}
	}
	return runs
}

// weather decides how the tenant answers tonight.
func (g *chance) weather() {
	clear(g.w.outcome)
	bad := []snapshot.Outcome{snapshot.Forbidden, snapshot.Failed, snapshot.Incomplete, snapshot.NotFound, snapshot.Unsupported}
	for _, c := range []snapshot.Collection{snapshot.Certifications, snapshot.Tasks, snapshot.Campaigns} {
		if g.IntN(6) == 0 {
			g.w.outcome[c] = []snapshot.Outcome{snapshot.Failed, snapshot.Incomplete}[g.IntN(2)]
		}
	}
	for _, id := range g.ids() {
		c := g.w.certs[id]
		clear(c.outcome)
		for _, name := range snapshot.CertificationCollections() {
			if g.IntN(7) == 0 {
				c.outcome[name] = bad[g.IntN(len(bad))]
				if name == snapshot.CertificationHeader && c.outcome[name] == snapshot.NotFound {
					c.outcome[name] = snapshot.Forbidden
				}
				g.note("%s %s: %s", id, name, c.outcome[name])
			}
		}
	}
}

func (g *chance) ids() []string { return slices.Sorted(maps.Keys(g.w.certs)) }

func (g *chance) id(prefix string) string {
	g.next++
	return fmt.Sprintf("%s%d", prefix, g.next)
}

func (g *chance) some() *cert {
	ids := g.ids()
	return g.w.certs[ids[g.IntN(len(ids))]]
}

// someItem is an item of the certification, or nothing.
func (g *chance) someItem(c *cert) string {
	if len(c.items) == 0 {
		return ""
	}
	return c.items[g.IntN(len(c.items))].ID
}

func (g *chance) word() *string {
	words := []string{"a", "b", `"quoted"`, `back\slash`, "two\nlines", "😀", "\uFFFD", "["}
	if i := g.IntN(len(words) + 2); i < len(words) {
		return &words[i]
	}
	return nil
}

// happen is one thing that happens to the tenant.
func (g *chance) happen() {
	if len(g.w.certs) == 0 || len(g.w.certs) < 5 && g.IntN(8) == 0 {
		g.appear()
		return
	}
	c := g.some()
	id := g.someItem(c)
	what := g.IntN(22)
	switch {
	case what == 0 && g.IntN(2) == 0:
		delete(g.w.certs, c.header.ID)
		g.note("%s deleted", c.header.ID)
	case what == 1:
		c.outside = !c.outside
		g.note("%s outside: %v", c.header.ID, c.outside)
	case what == 2:
		c.editHeader(func(v *snapshot.Certification) {
			v.Name, v.ReviewerID, v.DecisionsMade = g.word(), g.word(), new(g.Int64N(3))
			v.Due, v.CampaignID = new(firstNight.AddDate(0, 0, g.IntN(3))), []*string{nil, new("campaign"), new("another")}[g.IntN(3)]
		})
	case what == 3 && g.IntN(2) == 0:
		c.sign()
		g.note("%s signed", c.header.ID)
	case what == 4:
		g.params()
	case what <= 6:
		g.reviewers(c)
	case what <= 8:
		g.tasks()
	case what <= 10 || id == "":
		g.addItem(c)
	case what <= 12:
		c.decide(id, []string{"", "APPROVE", "REVOKE"}[g.IntN(3)])
	case what == 13:
		c.editItem(id, func(v *snapshot.ReviewItem) {
			v.Comments, v.Privileged, v.IdentityName = g.word(), new(g.IntN(2) == 0), g.word()
		})
	case what == 14:
		i := c.index(id)
		c.items[i] = itemWith(c.items[i], g.id("extra"))
	case what == 15:
		c.take(id)
		g.note("%s of %s removed", id, c.header.ID)
	case what <= 18:
		to := g.some()
		newID := id
		if to == c || to.index(id) >= 0 || g.IntN(2) == 0 {
			newID = g.id("i")
		}
		c.move(id, to, newID)
		g.note("%s of %s moved to %s as %s", id, c.header.ID, to.header.ID, newID)
	default:
		list := make([]snapshot.Permission, g.IntN(4))
		for i := range list {
			list[i] = permission([]string{"x", "y"}[g.IntN(2)], []string{"read", "write"}[g.IntN(2):]...)
		}
		c.grant(id, list...)
	}
}

// appear makes a certification, one that was deleted before or a new one, cut
// from another perhaps.
func (g *chance) appear() {
	id := fmt.Sprintf("c%d", g.IntN(5))
	if g.w.certs[id] != nil {
		return
	}
	c := newCert(id)
	if len(g.w.certs) > 0 && g.IntN(3) > 0 {
		c = g.some().reassigned(id)
	}
	g.w.certs[id] = c
	g.note("%s appears, cut from %v", id, value(c.header.ReassignedFromID))
	for range g.IntN(3) {
		g.addItem(c)
	}
}

// addItem adds an item, alike another perhaps.
func (g *chance) addItem(c *cert) {
	id := g.id("i")
	v := newItem([]string{"1", "2", "3"}[g.IntN(3)])
	v.ID = id
	c.items = append(slices.Clone(c.items), item(v))
}

func (g *chance) reviewers(c *cert) {
	id := fmt.Sprintf("r%d", g.IntN(3))
	c.reviewers = slices.DeleteFunc(slices.Clone(c.reviewers), func(r snapshot.Reviewer) bool { return r.ID == id })
	if g.IntN(3) > 0 {
		c.reviewers = append(c.reviewers, reviewer(snapshot.Reviewer{ID: id, Name: g.word(), Email: g.word(), Type: new("IDENTITY")}))
	}
}

func (g *chance) params() {
	c := []snapshot.Collection{snapshot.Certifications, snapshot.CertificationHeader, snapshot.Reviewers, snapshot.Permissions}[g.IntN(4)]
	g.w.params[c] = []string{"", "other"}[g.IntN(2)]
	if c == snapshot.Permissions && g.IntN(3) == 0 {
		g.w.params[c] = noPermissions
	}
}

// tasks begins a task, ends one, or loses one.
func (g *chance) tasks() {
	known := slices.Sorted(maps.Keys(g.w.tasks))
	if len(known) == 0 || g.IntN(2) == 0 {
		id := g.id("t")
		g.w.tasks[id] = task(snapshot.Task{ID: id, Type: new("REASSIGN"), Status: new("PENDING"), CertificationID: g.word(), Created: new(firstNight)})
		if g.IntN(3) == 0 {
			g.w.tasks[id] = task(snapshot.Task{ID: id, Type: new("REASSIGN"), Status: new("PENDING"), TargetType: new("CAMPAIGN"), TargetID: new("campaign")})
		}
		return
	}
	v := g.w.tasks[known[g.IntN(len(known))]]
	switch {
	case v.Finished():
	case g.IntN(4) == 0:
		delete(g.w.tasks, v.ID)
	default:
		v.Status = new([]string{snapshot.TaskSuccess, snapshot.TaskError}[g.IntN(2)])
		v.Errors = []string{"first", `"second"`}
		g.w.tasks[v.ID] = task(v)
	}
}
