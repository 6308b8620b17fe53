package db

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// opening is an OpenRun under way.
type opening struct {
	done    chan struct{}
	run     Run
	resumed bool
	err     error
}

func (o *office) opening(ctx context.Context) *opening {
	p := &opening{done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.run, p.resumed, p.err = o.store.OpenRun(ctx, o.tenant, beginning(time.Hour), ResumeIfFit)
	}()
	return p
}

// waits waits until the opening has to wait for another transaction.
func (p *opening) waits(o *office) {
	o.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !one[bool](o.T, o.store, `
		SELECT EXISTS (
		    SELECT FROM pg_stat_activity
		    WHERE datname = current_database() AND wait_event_type = 'Lock')`) {
		select {
		case <-tick.C:
		case <-p.done:
			o.Fatalf("did not wait: run %d, resumed %v, error %v", p.run.ID, p.resumed, p.err)
		}
	}
}

// A run that was written down has to be known to whoever has to close it.
func TestRunIsOpenedWholeThoughItsContextEnds(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]bool{"a new run": false, "a run that is gone on with": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			if left {
				first, _, err := o.store.OpenRun(t.Context(), o.tenant, beginning(0), ResumeIfFit)
				o.fatal(err)
				o.fatal(o.store.Abandon(t.Context(), o.tenant, first.ID, snapshot.Interrupted, first.StartedAt, "why"))
			}
			held, err := o.store.pool.Begin(t.Context())
			o.fatal(err)
			_, err = held.Exec(t.Context(), `LOCK TABLE history.run IN SHARE MODE`)
			o.fatal(err)
			ctx, cancel := context.WithCancel(t.Context())
			p := o.opening(ctx)
			p.waits(o)
			cancel()
			o.fatal(held.Rollback(t.Context()))
			<-p.done
			if p.err != nil || p.resumed != left || p.run.Status != snapshot.Running {
				t.Errorf("run %d is %s, resumed %v, error %v", p.run.ID, p.run.Status, p.resumed, p.err)
			}
		})
	}
}

// Of a process that was killed a transaction may be left that has been sent its
// COMMIT. What it stores is not to come upon a process that did not know of it.
func TestRunIsGoneOnWithAfterItsLastTransaction(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	first, _, err := o.store.OpenRun(t.Context(), o.tenant, beginning(0), ResumeIfFit)
	o.fatal(err)
	inside, late, committed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	commit := sync.OnceFunc(func() { close(late) })
	defer commit()
	n := o.store.Night(o.tenant, first.ID)
	go func() {
		committed <- n.inTx(t.Context(), func(pgx.Tx) error {
			close(inside)
			<-late
			return nil
		})
	}()
	<-inside
	p := o.opening(t.Context())
	p.waits(o)
	commit()
	o.fatal(<-committed)
	<-p.done
	if p.err != nil || !p.resumed || p.run.ID != first.ID {
		t.Errorf("run %d, resumed %v, error %v; want run %d gone on with", p.run.ID, p.resumed, p.err, first.ID)
	}
}
