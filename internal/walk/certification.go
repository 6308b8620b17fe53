package walk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"exporter/internal/fetch"
	"exporter/internal/snapshot"
)

// certification is one certification while it is walked.
type certification struct {
	*walker
	id      string
	past    snapshot.Past
	header  *snapshot.Certification // nil where it was not read tonight
	group   bool                    // its reviewer is a governance group
	signed  bool
	capture Capture
	rows    map[snapshot.Collection]snapshot.Coverage
	later   *waiting // its permissions are read by entitlement, after the walk
}

// visit settles every collection of one certification, then merges them.
func (w *walker) visit(ctx context.Context, v visit) error {
	past := w.history.Certifications[v.id]
	if w.walkedTonight(past) {
		return nil
	}
	capture, err := w.store.Capture(ctx, v.id)
	if err != nil {
		return err
	}
	c := &certification{
		walker: w, id: v.id, past: past, header: v.header, capture: capture,
		group: past.ReviewerType == snapshot.ReviewerGovernanceGroup, signed: past.Signed,
		rows: map[snapshot.Collection]snapshot.Coverage{},
	}
	gone, err := c.settleAll(ctx, v)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return errors.Join(err, capture.Discard(context.WithoutCancel(ctx)))
	}
	var coverage []snapshot.Coverage
	for _, name := range w.collections() {
		if row, ok := c.rows[name]; ok {
			coverage = append(coverage, row)
		}
	}
	// What was read whole is worth the moment it takes to store it.
	if err := capture.Merge(context.WithoutCancel(ctx), c.header, gone, coverage); err != nil {
		return err
	}
	if c.later != nil {
		w.mu.Lock()
		w.waiting = append(w.waiting, *c.later)
		w.mu.Unlock()
	}
	c.log(ctx, coverage)
	return nil
}

// walkedTonight says whether this run has proved all of the certification
// before it was interrupted.
func (w *walker) walkedTonight(past snapshot.Past) bool {
	for _, c := range w.collections() {
		row, ok := past.Tonight[c]
		gone := past.Tonight[snapshot.CertificationHeader].Outcome == snapshot.NotFound
		if !ok || !row.Accepted(gone) {
			return false
		}
	}
	return true
}

// collections are those of each certification, in the order they are read.
func (w *walker) collections() []snapshot.Collection {
	all := snapshot.CertificationCollections()
	if w.api.TasksByCertification() {
		all = append(all, snapshot.Tasks)
	}
	return all
}

// settleAll settles the header, and what depends on it.
func (c *certification) settleAll(ctx context.Context, v visit) (gone bool, err error) {
	if v.settle != "" {
		for _, name := range c.collections() {
			row := c.row(name)
			row.Outcome, row.Error = v.settle, v.why
			c.rows[name] = row
		}
		return false, nil
	}
	header, err := c.readHeader(ctx)
	if err != nil {
		return false, err
	}
	if header.Outcome != "" {
		c.rows[snapshot.CertificationHeader] = header
	}
	switch {
	case header.Outcome == snapshot.NotFound:
		for _, name := range c.collections() {
			row := header
			row.Collection, row.ParamsSHA256 = name, c.Scope.params(name)
			row.Stored, row.CapturedRun, row.Digest, row.Signed = 0, nil, nil, false
			if name == snapshot.Tasks { // they outlive the certification
				known := c.row(name)
				row.Stored, row.CapturedRun, row.Digest, row.Signed = known.Stored, known.CapturedRun, known.Digest, known.Signed
			}
			c.rows[name] = row
		}
		return c.past.Before[snapshot.CertificationHeader].CapturedRun != nil && !c.past.Deleted(), nil
	case header.Outcome != "" && header.Outcome != snapshot.Complete:
		c.inherit(header, c.collections()[1:]...)
		return false, nil
	case v.onlyLook:
		// It exists, and is stored whole: nothing more will come of it.
		c.header = nil
		for _, name := range c.collections() {
			c.sealEarlier(name)
		}
		return false, nil
	}
	if err := c.readReviewers(ctx); err != nil {
		return false, err
	}
	flagged, err := c.readItems(ctx)
	if err != nil {
		return false, err
	}
	if err := c.readPermissions(ctx, flagged); err != nil {
		return false, err
	}
	return false, c.readTasks(ctx)
}

// row begins the coverage of a collection with what history shows of it.
func (c *certification) row(name snapshot.Collection) snapshot.Coverage {
	return c.carry(c.past.Before[name], c.id, name, c.Scope.params(name))
}

// inherit gives collections the outcome of the one they depend on.
func (c *certification) inherit(from snapshot.Coverage, names ...snapshot.Collection) {
	for _, name := range names {
		if c.settledTonight(name) {
			continue
		}
		row := c.row(name)
		row.Outcome, row.HTTPStatus, row.DetailCode, row.TrackingID, row.ReadAt = from.Outcome, from.HTTPStatus, from.DetailCode, from.TrackingID, from.ReadAt
		why := fmt.Sprintf("depends on %s, which could not be read", from.Collection)
		row.Error = &why
		c.rows[name] = row
	}
}

// settledTonight says whether this run has proved the collection before it was
// interrupted; its coverage and rows are stored.
func (c *certification) settledTonight(name snapshot.Collection) bool {
	return c.past.Tonight[name].Proved()
}

func (c *certification) sealEarlier(name snapshot.Collection) {
	row := c.row(name)
	row.Outcome = snapshot.SealedEarlier
	if name == snapshot.Permissions && c.Scope.Permissions == PermissionsNone {
		row.Outcome = snapshot.OutOfScope
	}
	c.rows[name] = row
}

// needless says whether a collection needs no reading tonight, and settles it.
func (c *certification) needless(name snapshot.Collection) bool {
	if c.settledTonight(name) {
		return true
	}
	if c.signed && !c.Scope.RecaptureSigned && c.sealedEarlier(c.past, name) {
		c.sealEarlier(name)
		return true
	}
	return false
}

// readHeader settles the header: as listed, or looked up by id. The row is
// empty where an earlier process of this run has settled it.
func (c *certification) readHeader(ctx context.Context) (snapshot.Coverage, error) {
	if c.settledTonight(snapshot.CertificationHeader) {
		c.header = nil // what was merged stands
		return snapshot.Coverage{}, nil
	}
	row := c.row(snapshot.CertificationHeader)
	row.Attempts, row.ReadAt = 1, now()
	if c.header == nil {
		h, err := c.api.Certification(ctx, c.id)
		if fetch.StatusOf(err) == http.StatusBadRequest {
			// So the API answers for certifications of governance groups.
			c.group = true
		}
		if err != nil {
			governed := c.group && fetch.StatusOf(err) != http.StatusNotFound
			return row, failed(&row, err, governed)
		}
		c.header = &h
	}
	c.signed, c.group = c.header.IsSigned(), c.header.ForGovernanceGroup()
	one := int64(1)
	row.Expected, row.Read, row.DistinctRead = &one, &one, &one
	digest := snapshot.CollectionDigest([]snapshot.Entry{{ID: c.id, Digest: c.header.Digest}})
	complete(&row, digest, 1, c.signed)
	return row, nil
}

func (c *certification) readReviewers(ctx context.Context) error {
	if c.needless(snapshot.Reviewers) {
		return nil
	}
	row := c.row(snapshot.Reviewers)
	proof, err := c.api.Reviewers(ctx, c.id, c.Scope.ReviewersFilter, c.capture.Reviewers())
	if err != nil {
		row.Attempts = proof.Attempts
		err = failed(&row, err, c.group)
	} else {
		settle(&row, proof, c.signed)
	}
	c.rows[snapshot.Reviewers] = row
	return err
}

// readItems settles the review items and returns those whose permissions are
// to be read.
func (c *certification) readItems(ctx context.Context) ([]snapshot.FlaggedItem, error) {
	all := c.Scope.Permissions == PermissionsAll
	if c.needless(snapshot.ReviewItems) {
		if c.needless(snapshot.Permissions) || c.Scope.Permissions == PermissionsNone {
			return nil, nil
		}
		return c.capture.FlaggedItems(ctx, all)
	}
	row := c.row(snapshot.ReviewItems)
	items := &watched{Sink: c.capture.ReviewItems(), all: all}
	proof, err := c.api.ReviewItems(ctx, c.id, items)
	if err != nil {
		row.Attempts = proof.Attempts
		err = failed(&row, err, c.group)
	} else {
		settle(&row, proof, c.signed)
	}
	c.rows[snapshot.ReviewItems] = row
	return items.flagged, err
}

// watched passes review items on and remembers those whose permissions are to
// be read.
type watched struct {
	snapshot.Sink[snapshot.ReviewItem]
	all     bool
	flagged []snapshot.FlaggedItem
}

func (w *watched) Restart(ctx context.Context) error {
	w.flagged = nil
	return w.Sink.Restart(ctx)
}

func (w *watched) Page(ctx context.Context, rows []snapshot.ReviewItem) error {
	for _, r := range rows {
		if r.Flagged() || w.all && r.AccessType != nil && *r.AccessType == "ENTITLEMENT" {
			w.flagged = append(w.flagged, r.AsFlagged())
		}
	}
	return w.Sink.Page(ctx, rows)
}

// readTasks settles the certification's tasks, where the API version tells of
// them by certification.
func (c *certification) readTasks(ctx context.Context) error {
	if !c.api.TasksByCertification() || c.needless(snapshot.Tasks) {
		return nil
	}
	row := c.row(snapshot.Tasks)
	var list snapshot.Gathered[snapshot.Task]
	proof, err := c.api.CertificationTasks(ctx, c.id, &list)
	if err != nil {
		row.Attempts = proof.Attempts
		err = failed(&row, err, c.group)
		c.rows[snapshot.Tasks] = row
		return err
	}
	settle(&row, proof, c.signed)
	if row.Outcome == snapshot.Complete {
		var open []snapshot.OpenTask
		for _, t := range c.history.OpenTasks {
			if t.CertificationID == c.id {
				open = append(open, t)
			}
		}
		seen, gone, err := c.follow(ctx, &row, list.Rows, open)
		if err != nil {
			return err
		}
		c.capture.StageTasks(seen, gone)
	}
	c.rows[snapshot.Tasks] = row
	return nil
}

func (c *certification) log(ctx context.Context, coverage []snapshot.Coverage) {
	level := slog.LevelDebug
	attrs := []slog.Attr{slog.String("certification", c.id)}
	for _, row := range coverage {
		if !row.Accepted(c.rows[snapshot.CertificationHeader].Outcome == snapshot.NotFound) {
			level = slog.LevelWarn
		}
		attrs = append(attrs, slog.String(string(row.Collection), string(row.Outcome)))
	}
	if i := slices.IndexFunc(coverage, func(r snapshot.Coverage) bool { return r.Error != nil }); i >= 0 {
		attrs = append(attrs, slog.String("error", *coverage[i].Error))
	}
	c.Logger.LogAttrs(ctx, level, "certification walked", attrs...)
}
