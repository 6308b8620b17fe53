// Package walk reads one night of a tenant: the lists, then every certification
// in scope with bounded workers, then the tasks that earlier nights left open.
// For each collection it decides what its reading proves and says so in a
// coverage row; it never takes silence for an answer.
//
// It asks package fetch and hands what it reads to a Store. It knows no SQL and
// no files. Package job runs it.
package walk

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sourcegraph/conc/pool"

	"exporter/internal/fetch"
	"exporter/internal/snapshot"
)

// Store is where a night's collections go.
type Store interface {
	// Capture begins to take the collections of a certification.
	Capture(ctx context.Context, certificationID string) (Capture, error)
	// SettleList stores the coverage of the certifications list.
	SettleList(ctx context.Context, c snapshot.Coverage) error
	// MergeCampaigns stores the campaigns and their coverage. Stored ones that
	// are not among them end, within ids where that is not empty.
	MergeCampaigns(ctx context.Context, campaigns []snapshot.Campaign, ids []string, c snapshot.Coverage) error
	// MergeTasks stores the tasks seen and their coverage; gone are ended.
	MergeTasks(ctx context.Context, seen []snapshot.Task, gone []string, c snapshot.Coverage) error
}

// Capture takes the collections of one certification and, at the end, merges
// those that were proved.
type Capture interface {
	Reviewers() snapshot.Sink[snapshot.Reviewer]
	ReviewItems() snapshot.Sink[snapshot.ReviewItem]
	StagePermissions(ctx context.Context, p snapshot.ItemPermissions) error
	// StagedPermissions returns the lists of flagged items that an interrupted
	// reading of this run has staged, and their permissions in all.
	StagedPermissions(ctx context.Context, flagged []snapshot.FlaggedItem) ([]snapshot.Entry, int64, error)
	// FlaggedItems returns the stored items whose permissions are read: those
	// with permissions, or all entitlements.
	FlaggedItems(ctx context.Context, all bool) ([]snapshot.FlaggedItem, error)
	// StageTasks takes the tasks of the certification, seen and gone, where the
	// API version tells of them by certification.
	StageTasks(seen []snapshot.Task, gone []string)
	Merge(ctx context.Context, header *snapshot.Certification, gone bool, coverage []snapshot.Coverage) error
	// Discard drops what was staged, but for permission lists.
	Discard(ctx context.Context) error
}

// Options are what a night needs beside the tenant and the store.
type Options struct {
	Scope    Scope
	Workers  int // certifications at a time
	Requests int // permission requests under way for one certification
	// Sample is the share of the items read through another of the same
	// entitlement that is also read one by one, 0 to 1; at least 20 are. Seed
	// chooses them: the run's number.
	Sample float64
	Seed   int64
	// Resumed says that an earlier process began this run and was cut short.
	Resumed  bool
	Progress func(done, total int) // of certifications; may be nil; called from any worker
	Logger   *slog.Logger
}

// Result is what a night found out that is not of any certification.
type Result struct {
	// NextGeneration is the number of next-generation campaigns, which these
	// lists may not show; nil where the tenant does not say.
	NextGeneration *int64
}

// Night walks the tenant once. An error means that the night could not be
// finished: the context ended, the store failed, or the tenant does not accept
// our credentials. Everything else that goes wrong is in the coverage.
func Night(ctx context.Context, api *fetch.Client, store Store, history snapshot.History, o Options) (Result, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	w := &walker{api: api, store: store, history: history, Options: o}
	var result Result
	if err := w.campaigns(ctx); err != nil {
		return result, err
	}
	count, known, err := api.NextGenerationCampaigns(ctx)
	if err != nil {
		return result, err
	}
	if known {
		result.NextGeneration = &count
	}
	listed, list, err := w.certifications(ctx)
	if err != nil {
		return result, err
	}
	if err := w.visitAll(ctx, w.plan(listed, list)); err != nil {
		return result, err
	}
	if err := w.readByEntitlement(ctx); err != nil {
		return result, err
	}
	return result, w.tasks(ctx)
}

type walker struct {
	Options
	api     *fetch.Client
	store   Store
	history snapshot.History
	done    atomic.Int64

	mu      sync.Mutex
	waiting []waiting // certifications whose permissions are read by entitlement
}

// visitAll walks the certifications with bounded workers. The first error ends
// the walk and is the one returned; what others met while it ended is not.
func (w *walker) visitAll(ctx context.Context, visits []visit) error {
	workers := pool.New().WithMaxGoroutines(w.Workers).WithContext(ctx).WithCancelOnError().WithFirstError()
	w.progress(len(visits))
	for _, v := range visits {
		if ctx.Err() != nil {
			break
		}
		workers.Go(func(ctx context.Context) error {
			if err := w.visit(ctx, v); err != nil {
				return err
			}
			w.done.Add(1)
			w.progress(len(visits))
			return nil
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // a walk that was stopped is not a finished one
}

func (w *walker) progress(total int) {
	if w.Progress != nil {
		w.Progress(int(w.done.Load()), total)
	}
}

// campaigns reads the list of campaigns.
func (w *walker) campaigns(ctx context.Context) error {
	if w.settled(snapshot.Campaigns) {
		return nil
	}
	var all []snapshot.Campaign
	c, err := readLists(ctx, w, snapshot.Campaigns, w.Scope.campaignQueries(), w.Scope.campaignParams(), &all, w.api.Campaigns)
	if err != nil {
		return err
	}
	return w.store.MergeCampaigns(ctx, all, w.Scope.CampaignIDs, c)
}

// certifications reads the list of certifications in scope.
func (w *walker) certifications(ctx context.Context) (map[string]snapshot.Certification, snapshot.Coverage, error) {
	var all []snapshot.Certification
	c, err := readLists(ctx, w, snapshot.Certifications, w.Scope.certificationQueries(), w.Scope.listParams(), &all, w.api.Certifications)
	if err != nil {
		return nil, c, err
	}
	listed := make(map[string]snapshot.Certification, len(all))
	for _, v := range all {
		listed[v.ID] = v
	}
	c.Stored = int64(len(listed))
	return listed, c, w.store.SettleList(ctx, c)
}

// readLists reads one collection of the whole run, which may take several
// queries to ask for. It is proved when each of them is, and when they do not
// overlap.
func readLists[T any](ctx context.Context, w *walker, collection snapshot.Collection, queries []string, params string, into *[]T,
	read func(context.Context, string, snapshot.Sink[T]) (fetch.Proof, error)) (snapshot.Coverage, error) {
	c := w.carry(w.history.Before[collection], "", collection, params)
	c.Outcome = snapshot.Complete
	var total, rows, distinct int64
	stated := true
	var digests []snapshot.Entry
	for i, q := range queries {
		var got snapshot.Gathered[T]
		proof, err := read(ctx, q, &got)
		c.Attempts += proof.Attempts
		c.ReadAt = now()
		if err != nil {
			return c, failed(&c, err, false)
		}
		*into = append(*into, got.Rows...)
		rows += proof.Read
		distinct += *proof.Distinct
		if stated = stated && proof.Expected != nil; stated {
			total += *proof.Expected
		}
		digests = append(digests, snapshot.Entry{ID: fmt.Sprint(i), Digest: proof.Digest})
		if !proof.Proved {
			c.Outcome, c.Error = snapshot.Incomplete, &proof.Why
		}
	}
	c.Read, c.DistinctRead = &rows, &distinct
	if stated {
		c.Expected = &total
	}
	if c.Outcome == snapshot.Complete {
		digest := digests[0].Digest
		if len(digests) > 1 {
			digest = snapshot.CollectionDigest(digests)
		}
		c.Digest, c.Stored = &digest, distinct
	}
	w.Logger.LogAttrs(ctx, slog.LevelInfo, "list read", slog.String("collection", string(collection)),
		slog.String("outcome", string(c.Outcome)), slog.Int64("rows", rows))
	return c, nil
}

// settled says whether this run has proved a list before it was interrupted.
func (w *walker) settled(collection snapshot.Collection) bool {
	return w.history.Tonight[collection].Outcome == snapshot.Complete
}

// tasks reads the unfinished tasks of the tenant, and asks for those by id that
// were not finished when last seen: a task leaves the list when it ends.
func (w *walker) tasks(ctx context.Context) error {
	if w.api.TasksByCertification() || w.settled(snapshot.Tasks) {
		return nil
	}
	var seen []snapshot.Task
	c, err := readLists(ctx, w, snapshot.Tasks, []string{""}, snapshot.ParamsHash(), &seen, w.api.Tasks)
	if err != nil {
		return err
	}
	var gone []string
	if c.Outcome == snapshot.Complete {
		if seen, gone, err = w.follow(ctx, &c, seen, w.history.OpenTasks); err != nil {
			return err
		}
	}
	return w.store.MergeTasks(ctx, seen, gone, c)
}

// follow asks for the open tasks that a list did not show. Those it finds are
// added to seen, those the tenant does not have any more are gone.
func (w *walker) follow(ctx context.Context, c *snapshot.Coverage, seen []snapshot.Task, open []snapshot.OpenTask) ([]snapshot.Task, []string, error) {
	listed := map[string]bool{}
	for _, t := range seen {
		listed[t.ID] = true
	}
	var gone []string
	for _, o := range open {
		if listed[o.ID] {
			continue
		}
		t, err := w.api.Task(ctx, o.CertificationID, o.ID)
		switch {
		case err == nil:
			seen = append(seen, t)
		case !fatal(err) && fetch.StatusOf(err) == http.StatusNotFound:
			gone = append(gone, o.ID)
		default:
			return seen, gone, failed(c, fmt.Errorf("task %s: %w", o.ID, err), false)
		}
	}
	return seen, gone, nil
}

// sortedKeys gives a map's keys in byte order, so that equal tenants are walked
// alike.
func sortedKeys[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), strings.Compare)
}
