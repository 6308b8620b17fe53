package walk

import (
	"slices"

	"exporter/internal/snapshot"
)

// visit is what a night does about one certification.
type visit struct {
	id     string
	header *snapshot.Certification // as listed; nil: not listed
	// settle is the outcome of all collections where nothing is to be asked;
	// empty: the certification is walked, looked up by its id where it was not
	// listed.
	settle snapshot.Outcome
	// onlyLook: it is stored whole already; look it up once to tell whether it
	// still exists.
	onlyLook bool
	why      *string // in the coverage, where settle came from a list that failed
}

// plan decides about every certification that is listed, configured or known.
func (w *walker) plan(listed map[string]snapshot.Certification, list snapshot.Coverage) []visit {
	var visits []visit
	for _, id := range sortedKeys(listed) {
		header := listed[id]
		visits = append(visits, visit{id: id, header: &header})
	}
	unlisted := map[string]bool{}
	for id := range w.history.Certifications {
		unlisted[id] = true
	}
	for _, id := range w.Scope.IDs {
		unlisted[id] = true
	}
	for _, id := range sortedKeys(unlisted) {
		if _, ok := listed[id]; ok {
			continue
		}
		if v, ok := w.planUnlisted(id, list); ok {
			visits = append(visits, v)
		}
	}
	return visits
}

func (w *walker) planUnlisted(id string, list snapshot.Coverage) (visit, bool) {
	past := w.history.Certifications[id]
	header := past.Before[snapshot.CertificationHeader]
	neverRead := header.CapturedRun == nil
	configured := slices.Contains(w.Scope.IDs, id)
	switch {
	case len(past.Tonight) > 0:
		// Settled by this run before it was interrupted, or cut short in it.
		return visit{id: id}, true
	case configured && (neverRead || past.Deleted()):
		// Where a filter or campaigns narrow the ids, not being listed says
		// that they leave it out; else it must be found out by id.
		narrowed := w.Scope.Filter != "" || len(w.Scope.CampaignIDs) > 0
		if narrowed && list.Outcome == snapshot.Complete {
			return visit{id: id, settle: snapshot.OutOfScope}, !neverRead
		}
	case past.Deleted():
		return visit{}, false // closed, once
	case neverRead:
		return visit{}, false // was configured once, and never readable
	case !w.Scope.holds(id, past):
		return visit{id: id, settle: snapshot.OutOfScope}, true
	}
	whole := w.storedWhole(past)
	switch {
	case whole && header.Outcome == snapshot.SealedEarlier:
		return visit{id: id, settle: snapshot.SealedEarlier}, true
	case list.Outcome != snapshot.Complete && list.Outcome != snapshot.Incomplete:
		if whole {
			return visit{id: id, settle: snapshot.SealedEarlier}, true
		}
		return visit{id: id, settle: list.Outcome, why: list.Error}, true
	}
	return visit{id: id, onlyLook: whole}, true
}

// storedWhole says whether everything of a certification was captured after it
// was signed: nothing of it will change, whether it is listed or not.
func (w *walker) storedWhole(past snapshot.Past) bool {
	if !past.Signed || w.Scope.RecaptureSigned {
		return false
	}
	for _, c := range []snapshot.Collection{snapshot.Reviewers, snapshot.ReviewItems, snapshot.Permissions} {
		if c == snapshot.Permissions && w.Scope.Permissions == PermissionsNone {
			continue
		}
		if !w.sealedEarlier(past, c) {
			return false
		}
	}
	return true
}

// sealedEarlier says whether a collection was proved in an earlier run, asked
// for in the same way, while the certification was signed.
func (w *walker) sealedEarlier(past snapshot.Past, c snapshot.Collection) bool {
	b := past.Before[c]
	return b.CapturedRun != nil && b.Signed && b.ParamsSHA256 == w.Scope.params(c)
}
