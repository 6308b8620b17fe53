package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/db/dbtest"
	"exporter/internal/simulator"
)

var killSeed = flag.Uint64("kill.seed", 0, "seed of the moments at which the program is killed (default: another one each time)")

// A night that is killed at random moments, gone on with, and killed again is
// in the end like one that nobody disturbed.
func TestKilledNightEndsLikeAnUndisturbedOne(t *testing.T) {
	t.Parallel()
	seed := *killSeed
	for seed == 0 {
		seed = rand.Uint64()
	}
	for i, tc := range []struct {
		name, config string
		kills        int // more than 50 together
		database     func(testing.TB) string
	}{
		{"one by one", "tenant: " + small("v1"), 18, dbtest.NewEmpty}, // the first night begins with the schema
		{"by entitlement", "tenant: " + small("v1") + "certifications: {permissions: by_entitlement}\n", 17, migrated},
		{"beta", "tenant: " + small("beta"), 17, migrated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := &disturber{random: rand.New(rand.NewPCG(seed, uint64(i))), left: tc.kills, steps: map[kind]int{}}
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("go test ./cmd/exporter -run %s -kill.seed %d\n%s", t.Name(), seed, strings.Join(d.told, "\n"))
				}
			})
			whole := newSite(t, nightly(), tc.config, tc.database(t))
			d.site = newSite(t, nightly(), tc.config, tc.database(t))
			const least, most = 4, 8
			for n := 1; n <= least || d.left > 0; n++ {
				whole.tenant.Edit(func(w *simulator.World) { overnight(w, n) })
				d.tenant.Edit(func(w *simulator.World) { overnight(w, n) })
				undisturbed := whole.exec(moment{}, "run")
				if undisturbed.status != 0 {
					t.Fatalf("undisturbed night %d: exit status %d:\n%s", n, undisturbed.status, undisturbed.output)
				}
				d.last = n == most
				d.night(n, undisturbed.met)
				if diff := cmp.Diff(whole.report(whole.stored().run), d.report(d.stored().run)); diff != "" {
					t.Fatalf("night %d (-undisturbed +killed and gone on with):\n%s", n, diff)
				}
			}
			d.call(0, "verify", "--all")
			if d.steps[sealing] == 0 || d.steps[rendering] == 0 {
				t.Errorf("kills by step: %v; want some of each", d.steps)
			}
		})
	}
}

func small(version string) string {
	return fmt.Sprintf("{name: acme, api_version: %s, page_size: 5, rate_limit: {requests: 1000000, per: 1s}}\n", version)
}

// The answers of a certification that takes longer than anybody waits are stored
// as they come; so are its items, where they are many.
func TestStagedPermissionsAreNotAskedForAgain(t *testing.T) {
	t.Parallel()
	config := "tenant: {name: acme, rate_limit: {requests: 1000000, per: 1s}}\n"
	whole, s := newSite(t, wide(), config, migrated(t)), newSite(t, wide(), config, migrated(t))
	if end := whole.exec(moment{}, "run"); end.status != 0 {
		t.Fatalf("undisturbed: exit status %d:\n%s", end.status, end.output)
	}
	for _, tc := range []struct {
		moment moment
		staged int // afterwards
	}{
		{moment{kind: request, text: "/permissions", number: 250, lost: true}, 200},
		// It has asked for all there is, and has not merged it.
		{moment{kind: statement, text: "INSERT INTO history.item_permissions", number: 1, lost: true}, 400},
	} {
		tc.moment.signal = syscall.SIGKILL
		before := s.stored()
		s.tenant.ResetRequests()
		end := s.exec(tc.moment, goingOn(stored{}, before)...)
		if !end.struck {
			t.Fatalf("%v: exit status %d:\n%s", tc.moment, end.status, end.output)
		}
		if again := s.requestsFor(before); len(again) > 0 {
			t.Errorf("%d requests for what was staged before, among them %s", len(again), again[0])
		}
		now := s.stored()
		var items int
		if err := s.conn.QueryRow(t.Context(), `SELECT count(*) FROM staging.review_item`).Scan(&items); err != nil {
			t.Fatal(err)
		}
		if len(now.staged) != tc.staged || items != 400 {
			t.Fatalf("%v: %d lists and %d items are staged, want %d and 400", tc.moment, len(now.staged), items, tc.staged)
		}
	}
	s.tenant.ResetRequests()
	if end := s.exec(moment{}, "run", "--resume"); end.status != 0 {
		t.Fatalf("exit status %d:\n%s", end.status, end.output)
	}
	if n := s.permissionRequests(); n > 0 {
		t.Errorf("%d requests for permissions, though all were staged", n)
	}
	if diff := cmp.Diff(whole.report(1), s.report(1)); diff != "" {
		t.Errorf("(-undisturbed +killed and resumed):\n%s", diff)
	}
	s.call(0, "verify", "--all")
}

func (s *site) permissionRequests() int {
	n := 0
	for _, q := range s.tenant.Requests() {
		if q.Operation == simulator.OpPermissions {
			n++
		}
	}
	return n
}

// wide is a tenant with one certification: its items are more than are kept in
// memory, and each has permissions.
func wide() *simulator.Tenant {
	tenant := simulator.Generate(simulator.Options{}, simulator.Size{
		Campaigns: 1, CertificationsPerCampaign: 1, ItemsPerCertification: 400,
		Entitlements: 20, EntitlementsWithPermissions: 1, PermissionsPerEntitlement: 2, Seed: 3,
	})
	tenant.Edit(func(w *simulator.World) {
		for _, item := range w.Certifications[0].Items {
			item.Comments = new(strings.Repeat("long ", 1200))
		}
	})
	return tenant
}

func TestSignalLetsTheMergeInFlightFinish(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		signal syscall.Signal
		want   int
	}{
		{syscall.SIGINT, 130},
		{syscall.SIGTERM, 143},
	} {
		t.Run(tc.signal.String(), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nightly(), "tenant: "+small("v1"), migrated(t))
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			p := s.prepare(ctx, "run")
			merging, merge := make(chan struct{}), make(chan struct{})
			var first atomic.Bool
			var strike, release sync.Once
			before := 0
			s.onEvent(func(e event, pass func()) {
				switch {
				case e.kind == statement && strings.Contains(e.text, mergesItems) && first.CompareAndSwap(false, true):
					close(merging)
					<-merge
				case e.kind == request && isClosed(merging):
					// The other worker is with another certification, which gets no answer.
					strike.Do(func() {
						p.signal(tc.signal)
						time.AfterFunc(endsWithin, cancel)
					})
					<-e.ctx.Done()
					// The signal has come through: there is only the merge to wait for.
					release.Do(func() {
						before = len(s.stored().settled)
						close(merge)
					})
				}
				pass()
			})
			err := p.run()
			s.onEvent(nil)
			if ctx.Err() != nil {
				t.Fatalf("did not end within %s of the signal:\n%s", endsWithin, &p.output)
			}
			if err != nil {
				t.Fatal(err)
			}
			s.quiet(0)
			now := s.stored()
			if got := p.cmd.ProcessState.ExitCode(); got != tc.want || now.status != "INTERRUPTED" {
				t.Errorf("exit status %d, run is %s; want %d, INTERRUPTED:\n%s", got, now.status, tc.want, &p.output)
			}
			if got := len(now.settled) - before; got != 4 {
				t.Errorf("after the signal %d collections were stored, want the 4 of the certification in flight", got)
			}
		})
	}
}

// mergesItems is in the statement with which a merge begins versions of items.
const mergesItems = `copy "history"."review_item"`

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// The connections of a killed process end one after the other, and what it sent
// last may still be under way when the next one has got the lock.
func TestLastCommitOfAKilledProcessIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		tenant *simulator.Tenant
		config string
		inside string                  // a statement of the transaction
		want   int                     // exit status of the next process
		left   func(before stored) int // certifications it has to read
		lists  int                     // of permissions it has to ask for, at most
	}{
		{
			name: "merge of a certification", tenant: nightly(), config: small("v1"), inside: mergesItems,
			// Of six, those stored before, with four collections each, and this one.
			left:  func(before stored) int { return 6 - len(before.settled)/4 - 1 },
			lists: 6 * 12,
		},
		{
			name: "staging of permissions", tenant: wide(), config: "{name: acme, rate_limit: {requests: 1000000, per: 1s}}\n", inside: `copy "staging"."item_permissions"`,
			left:  func(stored) int { return 1 },
			lists: 200,
		},
		{
			name: "seal", tenant: nightly(), config: small("v1"), inside: "SET finished_at = $3, written_sha256", want: exitUsage,
			left: func(stored) int { return 0 },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tc.tenant, "tenant: "+tc.config, migrated(t))
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			p := s.prepare(ctx, "run")
			late := make(chan struct{})
			var line int
			var mu sync.Mutex
			s.onEvent(func(e event, pass func()) {
				mu.Lock()
				if line == 0 && e.kind == statement && strings.Contains(e.text, tc.inside) {
					line = e.line
				}
				held := line != 0 && line == e.line && e.text == "commit"
				mu.Unlock()
				if held {
					p.signal(syscall.SIGKILL)
					<-late
				}
				pass()
			})
			if err := p.run(); err != nil {
				t.Fatal(err)
			}
			if got := p.cmd.ProcessState.ExitCode(); got != -1 {
				t.Fatalf("exit status %d, before it was killed:\n%s", got, &p.output)
			}
			s.quiet(1)
			before := s.stored()
			s.tenant.ResetRequests()
			next := s.prepare(ctx, "run", "--resume")
			ended := make(chan struct{})
			var failed error
			go func() {
				defer close(ended)
				failed = next.run()
			}()
			waited := s.somebodyWaits(ctx, ended)
			close(late)
			<-ended
			if failed != nil {
				t.Fatal(failed)
			}
			s.quiet(0)
			if got := next.cmd.ProcessState.ExitCode(); got != tc.want || !waited {
				t.Errorf("exit status %d, waited %v; want %d, after waiting:\n%s", got, waited, tc.want, &next.output)
			}
			now := s.stored()
			if now.status != "SEALED" || len(now.staged) > 0 {
				t.Errorf("the run is %s, with %d lists staged", now.status, len(now.staged))
			}
			if got, want := s.certificationsRead(), tc.left(before); got != want {
				t.Errorf("%d certifications were read, want %d", got, want)
			}
			if got := s.permissionRequests(); got > tc.lists {
				t.Errorf("%d requests for permissions, want %d at most", got, tc.lists)
			}
			s.call(0, "verify", "--all")
		})
	}
}

// somebodyWaits waits until one waits for another in the database, and says
// whether it came to that before the end of the process.
func (s *site) somebodyWaits(ctx context.Context, ended <-chan struct{}) bool {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var waits bool
		err := s.conn.QueryRow(ctx, `
			SELECT EXISTS (
			    SELECT FROM pg_stat_activity
			    WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits)
		if err != nil {
			s.t.Fatal(err)
		}
		if waits {
			return true
		}
		select {
		case <-tick.C:
		case <-ended:
			return false
		}
	}
}

// certificationsRead counts the certifications whose items were asked for.
func (s *site) certificationsRead() int {
	read := map[string]bool{}
	for _, q := range s.tenant.Requests() {
		if q.Operation == simulator.OpItems {
			read[q.Path] = true
		}
	}
	return len(read)
}
