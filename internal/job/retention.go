package job

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"exporter/internal/db"
	"exporter/internal/report"
)

// Pruning is what Prune removed, or would remove.
type Pruning struct {
	db.Pruning
	Folders []string `json:"folders"` // of reports
}

// Prune removes what no run that is to be kept needs, and the report folders of
// pruned runs in dir: those of earlier prunes too, in case one was cut short.
// No run of the tenant may be under way, else the error wraps db.ErrLocked.
// With dryRun nothing is removed.
func Prune(ctx context.Context, store *db.Store, t db.Tenant, since time.Time, dir string, dryRun bool) (Pruning, error) {
	unlock, err := store.Lock(ctx, t)
	if err != nil {
		return Pruning{}, err
	}
	defer unlock()
	done := Pruning{Folders: []string{}}
	if done.Pruning, err = store.Prune(ctx, t, since, now(), dryRun); err != nil {
		return Pruning{}, err
	}
	pruned, err := store.PrunedRuns(ctx, t)
	if err != nil {
		return done, err
	}
	if dryRun {
		pruned = append(pruned, done.Runs...)
	}
	var failed []error
	for _, run := range pruned {
		folders, err := report.Folders(dir, t.Name, run)
		if err != nil {
			failed = append(failed, err)
		}
		for _, folder := range folders {
			if !dryRun {
				if err := os.RemoveAll(folder); err != nil {
					failed = append(failed, err)
					continue
				}
			}
			done.Folders = append(done.Folders, folder)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return done, fmt.Errorf("report folders of pruned runs: %w", err)
	}
	return done, nil
}

// Erasure is what Erase changed, or would change.
type Erasure struct {
	db.Erasure
	// Folders are reports that were rendered before, and may tell of the
	// person still.
	Folders []string `json:"folders"`
}

// Erase takes a person out of a tenant's history, and finds the reports in dir
// that may name the person still. No run of the tenant may be under way, else
// the error wraps db.ErrLocked. With dryRun nothing is changed.
func Erase(ctx context.Context, store *db.Store, t db.Tenant, identity, reason, dir string, dryRun bool) (Erasure, error) {
	unlock, err := store.Lock(ctx, t)
	if err != nil {
		return Erasure{}, err
	}
	defer unlock()
	done := Erasure{Folders: []string{}}
	if done.Erasure, err = store.Erase(ctx, t, identity, reason, now(), dryRun); err != nil {
		return Erasure{}, err
	}
	runs, err := store.Runs(ctx, t)
	if err != nil {
		return done, err
	}
	for _, run := range runs {
		folders, err := report.Folders(dir, t.Name, run.ID)
		if err != nil {
			return done, err
		}
		done.Folders = append(done.Folders, folders...)
	}
	return done, nil
}
