package db

import (
	"maps"
	"slices"
	"testing"
	"time"

	"exporter/internal/snapshot"
)

// office runs the nights of one tenant as package walk does, from what a world
// answers, and keeps a ledger of what the views must show after each.
type office struct {
	*testing.T
	store  *Store
	tenant Tenant
	nights int
	now    ledger
	after  map[int64]ledger
	before side // of the certifications list, before the run that is open
}

func newOffice(t *testing.T) *office { return officeOf(t, newStore(t), "acme") }

func officeOf(t *testing.T, s *Store, name string) *office {
	t.Helper()
	return &office{T: t, store: s, tenant: bind(t, s, name), now: newLedger(), after: map[int64]ledger{}}
}

// fatal ends the test for an error of the store.
func (o *office) fatal(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) open(resume Resume) Run {
	o.Helper()
	o.nights++
	run, resumed, err := o.store.OpenRun(o.Context(), o.tenant, Beginning{
		Trigger: "run", StartedAt: firstNight.AddDate(0, 0, o.nights-1), APIVersion: "v1", Scope: map[string]any{}, ScopeSHA256: "scope",
		ConfigSHA256: "config", ToolVersion: "test", ReportSettings: map[string]any{},
	}, resume)
	o.fatal(err)
	if !resumed {
		o.before = o.now.units[unit{"", snapshot.Certifications}]
	}
	o.now.started[run.ID] = run.StartedAt
	return run
}

// night is one whole run.
func (o *office) night(w *world) Run {
	o.Helper()
	run := o.open(ResumeNever)
	o.walk(w, run.ID, -1)
	return o.seal(w, run.ID)
}

func (o *office) seal(w *world, run int64) Run {
	o.Helper()
	sealed, err := o.store.Seal(o.Context(), o.tenant, run, o.now.started[run].Add(time.Hour), w.gaps)
	o.fatal(err)
	stood := [3]int64{*sealed.Approved, *sealed.Revoked, *sealed.Undecided}
	shown := [3]int64{}
	o.fatal(o.store.pool.QueryRow(o.Context(), `
		SELECT count(*) FILTER (WHERE decision = 'APPROVE'), count(*) FILTER (WHERE decision = 'REVOKE'), count(*) FILTER (WHERE decision IS NULL)
		FROM audit.review_items
		WHERE run_id = $1`, run).Scan(&shown[0], &shown[1], &shown[2]))
	if stood != shown {
		o.Errorf("run %d is sealed with %d items approved, revoked, undecided, and shows %d", run, stood, shown)
	}
	o.now.finished[run] = true
	o.after[run] = o.now.clone()
	return sealed
}

// walk settles everything, or no more than stop certifications where that is
// not negative: the process dies there.
func (o *office) walk(w *world, run int64, stop int) {
	o.Helper()
	defer func() { o.after[run] = o.now.clone() }()
	n := o.store.Night(o.tenant, run)
	h, err := n.History(o.Context())
	o.fatal(err)

	if !h.Tonight[snapshot.Campaigns].Proved() {
		c := o.carry(w, "", snapshot.Campaigns, h.Before[snapshot.Campaigns], w.outcome)
		o.fatal(n.MergeCampaigns(o.Context(), w.campaigns, nil, c))
		o.now.put(run, c, campaignRows(w.campaigns))
	}
	list := o.carry(w, "", snapshot.Certifications, h.Before[snapshot.Certifications], w.outcome)
	o.fatal(n.SettleList(o.Context(), list))
	o.now.units[unit{"", snapshot.Certifications}] = o.before // a run that goes on lists them again
	o.now.put(run, list, nil)

	ids := map[string]bool{}
	for id := range h.Certifications {
		ids[id] = true
	}
	if list.Outcome != snapshot.Failed {
		for id, c := range w.certs {
			if !c.outside {
				ids[id] = true
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if stop == 0 {
			return
		}
		stop--
		o.visit(w, n, id, h.Certifications[id], list.Outcome)
	}

	if !h.Tonight[snapshot.Tasks].Proved() {
		seen, gone := w.unfinished(taskIDs(h))
		c := o.carry(w, "", snapshot.Tasks, h.Before[snapshot.Tasks], w.outcome)
		o.fatal(n.MergeTasks(o.Context(), seen, gone, c))
		o.now.putTasks(run, c, seen, gone)
	}
}

func taskIDs(h snapshot.History) []string {
	var ids []string
	for _, t := range h.OpenTasks {
		ids = append(ids, t.ID)
	}
	return ids
}

// unfinished are the tasks that the list shows and those it does not show any
// more, looked up by their ids.
func (w *world) unfinished(open []string) (seen []snapshot.Task, gone []string) {
	for _, id := range slices.Sorted(maps.Keys(w.tasks)) {
		if v := w.tasks[id]; !v.Finished() || slices.Contains(open, id) {
			seen = append(seen, v)
		}
	}
	for _, id := range open {
		if _, ok := w.tasks[id]; !ok {
			gone = append(gone, id)
		}
	}
	return seen, gone
}

// carry begins a coverage row with what holds until something else is proved.
func (o *office) carry(w *world, id string, c snapshot.Collection, before snapshot.Shown, outcome map[snapshot.Collection]snapshot.Outcome) snapshot.Coverage {
	row := snapshot.Coverage{
		CertificationID: id, Collection: c, Outcome: outcome[c], Attempts: 1, ParamsSHA256: w.params[c],
		Stored: before.Stored, CapturedRun: before.CapturedRun, Digest: before.Digest, Signed: before.Signed,
	}
	if row.Outcome == "" {
		row.Outcome = snapshot.Complete
	}
	return row
}

// visit settles the collections of one certification as walk does.
func (o *office) visit(w *world, n *Night, id string, past snapshot.Past, list snapshot.Outcome) {
	o.Helper()
	if walkedTonight(past) {
		return
	}
	c := w.certs[id]
	neverRead := past.Before[snapshot.CertificationHeader].CapturedRun == nil
	first := len(past.Tonight) == 0
	if first && neverRead && (c == nil || c.outside || list == snapshot.Failed) {
		return
	}
	capture, err := n.Capture(o.Context(), id)
	o.fatal(err)
	v := &visitor{office: o, world: w, cert: c, capture: capture, id: id, past: past, run: n.run}
	switch {
	case first && c != nil && c.outside:
		v.settleAll(snapshot.OutOfScope)
	case first && list == snapshot.Failed:
		v.settleAll(snapshot.Failed)
	case c == nil:
		v.gone()
	default:
		v.settle()
	}
}

// walkedTonight says whether this run has nothing left to do for it.
func walkedTonight(past snapshot.Past) bool {
	gone := past.Tonight[snapshot.CertificationHeader].Outcome == snapshot.NotFound
	for _, name := range snapshot.CertificationCollections() {
		if c, ok := past.Tonight[name]; !ok || !c.Accepted(gone) {
			return false
		}
	}
	return true
}

// visitor is the visit of a certification that exists, or existed once.
type visitor struct {
	*office
	world   *world
	cert    *cert
	capture *Capture
	id      string
	past    snapshot.Past
	run     int64

	rows    []snapshot.Coverage
	content map[snapshot.Collection][][]any
}

// settleAll gives all collections an outcome without asking for any.
func (v *visitor) settleAll(outcome snapshot.Outcome) {
	v.Helper()
	for _, name := range snapshot.CertificationCollections() {
		row := v.carry(v.world, v.id, name, v.past.Before[name], nil)
		row.Outcome = outcome
		v.rows = append(v.rows, row)
	}
	v.fatal(v.capture.Merge(v.Context(), nil, false, v.rows))
	for _, row := range v.rows {
		v.now.put(v.run, row, nil)
	}
}

// gone is the answer 404 to the certification's id.
func (v *visitor) gone() {
	v.Helper()
	if v.past.Tonight[snapshot.CertificationHeader].Proved() {
		return // it was there when this run looked
	}
	for _, name := range snapshot.CertificationCollections() {
		row := v.carry(v.world, v.id, name, snapshot.Shown{}, nil)
		row.Outcome = snapshot.NotFound
		v.rows = append(v.rows, row)
	}
	before := v.past.Before[snapshot.CertificationHeader]
	v.fatal(v.capture.Merge(v.Context(), nil, before.CapturedRun != nil && !v.past.Deleted(), v.rows))
	for _, row := range v.rows {
		v.now.forget(v.run, row)
	}
}

func (v *visitor) settle() {
	v.Helper()
	v.content = map[snapshot.Collection][][]any{}
	c, ctx := v.cert, v.Context()
	v.collection(snapshot.CertificationHeader, certificationRows(c.header), func() []snapshot.Entry {
		return []snapshot.Entry{{ID: v.id, Digest: c.header.Digest}}
	})
	v.collection(snapshot.Reviewers, reviewerRows(v.id, c.reviewers), func() []snapshot.Entry {
		return stageAll(v, v.capture.Reviewers(), c.reviewers, func(r snapshot.Reviewer) snapshot.Entry {
			return snapshot.Entry{ID: r.ID, Digest: r.Digest}
		})
	})
	v.collection(snapshot.ReviewItems, nil, func() []snapshot.Entry {
		return stageAll(v, v.capture.ReviewItems(), c.items, func(i snapshot.ReviewItem) snapshot.Entry {
			return snapshot.Entry{ID: i.ID, Digest: i.Digest}
		})
	})
	v.collection(snapshot.Permissions, permissionRows(v.id, c), func() (entries []snapshot.Entry) {
		_, _, err := v.capture.StagedPermissions(ctx, nil)
		v.fatal(err)
		for _, i := range c.items {
			if i.Flagged() {
				p := permissions(v.T, i.ID, c.permissions[i.ID])
				v.fatal(v.capture.StagePermissions(ctx, p))
				entries = append(entries, snapshot.Entry{ID: i.ID, Digest: p.Digest})
			}
		}
		return entries
	})
	v.fatal(v.capture.Merge(ctx, &c.header, false, v.rows))
	for _, row := range v.rows {
		if row.Collection == snapshot.ReviewItems {
			v.now.putItems(v.run, row, c.items)
		} else {
			v.now.put(v.run, row, v.content[row.Collection])
		}
	}
}

// collection settles one collection; read stages its rows.
func (v *visitor) collection(name snapshot.Collection, content [][]any, read func() []snapshot.Entry) {
	v.Helper()
	if v.past.Tonight[name].Proved() {
		return
	}
	before := v.past.Before[name]
	row := v.carry(v.world, v.id, name, before, v.cert.outcome)
	// What it depends on, and could not be read, decides.
	for _, on := range dependsOn(name) {
		for _, r := range v.rows {
			if r.Collection == on && !r.Proved() {
				row.Outcome = r.Outcome
			}
		}
	}
	signed := v.cert.header.IsSigned()
	switch {
	case name == snapshot.Permissions && v.world.params[name] == noPermissions:
		row.Outcome = snapshot.OutOfScope
	case row.Outcome != snapshot.Complete:
	case name != snapshot.CertificationHeader && signed && before.Signed && before.CapturedRun != nil && before.ParamsSHA256 == row.ParamsSHA256:
		row.Outcome = snapshot.SealedEarlier
	default:
		entries := read()
		digest := snapshot.CollectionDigest(entries)
		row.Unchanged = row.CapturedRun != nil && row.Digest != nil && *row.Digest == digest
		row.Digest, row.Signed, row.Stored = &digest, signed, int64(len(entries))
		if name == snapshot.Permissions {
			row.Stored = int64(len(content))
		}
	}
	v.rows = append(v.rows, row)
	v.content[name] = content
}

func dependsOn(name snapshot.Collection) []snapshot.Collection {
	switch name {
	case snapshot.CertificationHeader:
		return nil
	case snapshot.Permissions:
		return []snapshot.Collection{snapshot.CertificationHeader, snapshot.ReviewItems}
	}
	return []snapshot.Collection{snapshot.CertificationHeader}
}

// stageAll hands rows over in two pages, after a reading that came to nothing.
func stageAll[T any](v *visitor, sink snapshot.Sink[T], rows []T, entry func(T) snapshot.Entry) []snapshot.Entry {
	v.Helper()
	half := len(rows) / 2
	v.fatal(sink.Restart(v.Context()))
	v.fatal(sink.Page(v.Context(), rows[half:]))
	v.fatal(sink.Restart(v.Context()))
	v.fatal(sink.Page(v.Context(), rows[:half]))
	v.fatal(sink.Page(v.Context(), rows[half:]))
	entries := make([]snapshot.Entry, len(rows))
	for i, r := range rows {
		entries[i] = entry(r)
	}
	return entries
}
