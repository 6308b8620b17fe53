package reassign

import (
	"context"
	"fmt"
	"time"

	"exporter/internal/snapshot"
)

// The wait between two rounds of questions doubles from the first to the
// longest: most tasks end soon, and those that do not should not use up the
// tenant's rate limit.
const (
	firstWait   = time.Second
	longestWait = 10 * time.Second
)

// Follow asks for tasks of a certification by id until each has ended, and tells of each as it
// does. The first that cannot be read is an error; the tasks go on without us.
func (s *Sender) Follow(ctx context.Context, certificationID string, ids []string, tell func(snapshot.Task)) error {
	for pause := firstWait; len(ids) > 0; pause = min(2*pause, longestWait) {
		if err := wait(ctx, pause); err != nil {
			return err
		}
		var open []string
		for _, id := range ids {
			t, err := s.API.Task(ctx, certificationID, id)
			if err != nil {
				return fmt.Errorf("follow task %s: %w", id, err)
			}
			if t.Finished() {
				tell(t)
			} else {
				open = append(open, id)
			}
		}
		ids = open
	}
	return nil
}

// wait sleeps for d or until the context ends, whose cause it then returns.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
