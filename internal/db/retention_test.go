package db

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

// at is the time of everything done to history in these tests.
var at = firstNight.AddDate(1, 0, 0)

func (o *office) prune(before time.Time, dryRun bool) Pruning {
	o.Helper()
	done, err := o.store.Prune(o.Context(), o.tenant, before, at, dryRun)
	o.fatal(err)
	return done
}

// tables counts the rows of every table of schema history.
func (o *office) tables() map[string]int64 {
	o.Helper()
	rows := map[string]int64{}
	for _, table := range query[string](o.T, o.store, `SELECT tablename::text FROM pg_tables WHERE schemaname = 'history'`) {
		rows[table] = one[int64](o.T, o.store, `SELECT count(*) FROM history.`+table)
	}
	return rows
}

// Whatever is pruned, and held, of whatever nights: the kept runs show and
// compare as before, the pruned ones show nothing and cannot be compared, and
// the chain verifies.
func TestPruneOfRandomNights(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			o := officeOf(t, store, fmt.Sprintf("pruned-%d", seed))
			g := &chance{Rand: rand.New(rand.NewPCG(seed, 1)), w: newWorld()}
			runs := g.nights(o, 9)
			pictures := map[int64]picture{}
			for _, run := range runs {
				pictures[run] = pictureOf(t, store, o.tenant, run)
			}
			all := changesOfAll(t, store, o.tenant)
			var gone []int64
			for range 2 { // what a prune kept, the next may remove
				for range g.IntN(3) {
					run := runs[g.IntN(len(runs))]
					if err := store.Hold(t.Context(), o.tenant, run, "held", at); err != nil && !errors.Is(err, ErrPruned) {
						t.Fatal(err)
					}
				}
				done := o.prune(firstNight.AddDate(0, 0, g.IntN(9)), false)
				for _, r := range done.Rows {
					if len(done.Runs) == 0 && r.Rows > 0 {
						t.Errorf("no run is pruned, and %d rows of %s are", r.Rows, r.Table)
					}
				}
				gone = append(gone, done.Runs...)
				o.verifies(nil)
				for _, run := range runs {
					want := pictures[run]
					if slices.Contains(gone, run) {
						want = picture{Objects: map[string]fields{}, Permissions: map[string]map[string]int{}}
					}
					if diff := cmp.Diff(want, pictureOf(t, store, o.tenant, run)); diff != "" {
						t.Fatalf("run %d of %v, pruned %v (-want +got):\n%s", run, runs, gone, diff)
					}
				}
				kept := slices.DeleteFunc(slices.Clone(runs), func(run int64) bool { return slices.Contains(gone, run) })
				want := maps.Clone(all)
				maps.DeleteFunc(want, func(pair [2]int64, _ []change) bool {
					return slices.Contains(gone, pair[0]) || slices.Contains(gone, pair[1])
				})
				if diff := cmp.Diff(asText(want), asText(changesOfAll(t, store, o.tenant))); diff != "" {
					t.Fatalf("changes of %v, pruned %v (-want +got):\n%s", runs, gone, diff)
				}
				for _, run := range gone {
					if _, err := store.pool.Exec(t.Context(), `SELECT * FROM audit.changes_between($1, $2)`, run, kept[len(kept)-1]); err == nil || !strings.Contains(err.Error(), "was pruned") {
						t.Errorf("changes from pruned run %d: %v, want it refused", run, err)
					}
				}
			}
			run := o.open(ResumeNever) // history goes on
			o.walk(g.w, run.ID, -1)
			o.seal(g.w, run.ID)
			o.verifies(nil)
			o.check(run.ID)
		})
	}
}

func asText(all map[[2]int64][]change) []string {
	out := []string{}
	for pair, rows := range all {
		for _, r := range rows {
			out = append(out, fmt.Sprint(pair, " ", r))
		}
	}
	slices.Sort(out)
	return out
}

// fourNights is a tenant with four nights: item i is undecided, decided, decided
// otherwise, and decided as before; its permissions change with each night.
func fourNights(t *testing.T) (*office, *world) {
	o := newOffice(t)
	c := newCert("a", newItem("i"), newItem("j"), annsItem())
	w := newWorld(c)
	w.campaigns = []snapshot.Campaign{campaign(snapshot.Campaign{ID: "k", Name: new("Spring"), Status: new("ACTIVE")})}
	for night, decision := range []string{"", "APPROVE", "REVOKE", "APPROVE"} {
		c.decide("i", decision)
		c.grant("j", permission("x", fmt.Sprint("right ", night)))
		o.night(w)
	}
	return o, w
}

func TestPruneRemovesWhatNoKeptRunNeeds(t *testing.T) {
	t.Parallel()
	o, w := fourNights(t)
	before := o.tables()
	dry := o.prune(firstNight.AddDate(0, 0, 2), true)
	if diff := cmp.Diff(before, o.tables()); diff != "" {
		t.Errorf("a dry run changed (-want +got):\n%s", diff)
	}
	done := o.prune(firstNight.AddDate(0, 0, 2), false)
	if diff := cmp.Diff(dry, done); diff != "" {
		t.Errorf("dry run and pruning (-dry +pruned):\n%s", diff)
	}
	want := Pruning{
		Before: firstNight.AddDate(0, 0, 2), Runs: []int64{1, 2}, Held: []int64{},
		Rows: []Rows{{"review_item", 2}, {"item_permissions", 2}, {"reviewer", 0}, {"task", 0}, {"campaign", 0}, {"certification", 0}, {"permission", 2}, {"permission_set", 2}},
	}
	if diff := cmp.Diff(want, done); diff != "" {
		t.Errorf("pruned (-want +got):\n%s", diff)
	}
	v := o.verifies(nil)
	if v.PrunedRuns != 2 || v.Runs != 4 {
		t.Errorf("verified %d runs, %d of them pruned: want 4, 2", v.Runs, v.PrunedRuns)
	}
	if again := o.prune(firstNight.AddDate(0, 0, 2), false); len(again.Runs) != 0 {
		t.Errorf("pruned again: %v", again)
	}
	run, err := o.store.Run(t.Context(), o.tenant, 1)
	o.fatal(err)
	if run.PrunedAt == nil || !run.PrunedAt.Equal(at) || run.RootSHA256 == nil {
		t.Errorf("pruned run: at %v, root %v", value(run.PrunedAt), run.RootSHA256)
	}
	o.night(w) // the seal of the next run holds the event
	o.tamper(`UPDATE history.retention_event SET reason = 'forged'`)
	if d := o.verify(nil).Difference; d == nil || d.Run != 5 {
		t.Errorf("a changed event: %v, want it found at run 5", d)
	}
}

func TestPruneKeepsTheLastFinishedRunAndWhatCameAfter(t *testing.T) {
	t.Parallel()
	o, _ := fourNights(t)
	open := o.open(ResumeNever)
	o.fatal(o.store.Abandon(t.Context(), o.tenant, open.ID, snapshot.Interrupted, at, "")) // may be gone on with
	done := o.prune(at, false)
	if diff := cmp.Diff([]int64{1, 2, 3}, done.Runs); diff != "" {
		t.Errorf("pruned (-want +got):\n%s", diff)
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	o, _ := fourNights(t)
	ctx := t.Context()
	o.fatal(o.store.Hold(ctx, o.tenant, 2, "case 7", at))
	if done := o.prune(at, false); !slices.Equal(done.Runs, []int64{1, 3}) || !slices.Equal(done.Held, []int64{2}) {
		t.Errorf("with run 2 under hold: %+v", done)
	}
	if err := o.store.Hold(ctx, o.tenant, 1, "too late", at); !errors.Is(err, ErrPruned) {
		t.Errorf("holding a pruned run: %v", err)
	}
	if err := o.store.Release(ctx, o.tenant, 4, "", at); err == nil {
		t.Error("released a run that was not held")
	}
	if err := o.store.Hold(ctx, o.tenant, 9, "", at); !errors.Is(err, ErrNoRun) {
		t.Errorf("holding a run that is not there: %v", err)
	}
	if got := query[string](t, o.store, `SELECT concat_ws(' ', run_id, held, hold_reason, pruned_at IS NOT NULL) FROM audit.retention ORDER BY run_id`); !slices.Equal(got,
		[]string{"1 f t", "2 t case 7 f", "3 f t", "4 f f"}) {
		t.Errorf("retention: %q", got)
	}
	o.fatal(o.store.Release(ctx, o.tenant, 2, "closed", at))
	if done := o.prune(at, false); !slices.Equal(done.Runs, []int64{2}) {
		t.Errorf("released: %+v", done)
	}
	if got := query[string](t, o.store, `SELECT concat_ws(' ', action, run_id, reason) FROM audit.retention_events ORDER BY event_id`); !slices.Equal(got,
		[]string{"HOLD 2 case 7", "PRUNE 4", "RELEASE 2 closed", "PRUNE 4"}) {
		t.Errorf("record: %q", got)
	}
	o.verifies(nil)
}

// How a campaign stood when an item was decided tells who decided: it outlives
// the runs that saw it.
func TestPruneKeepsWhatBoundsADecision(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := newCert("a", newItem("i"))
	w := newWorld(c)
	status := func(s string) {
		w.campaigns = []snapshot.Campaign{campaign(snapshot.Campaign{ID: "k", Name: new("Spring"), Status: &s})}
	}
	status("STAGED") // 1
	o.night(w)
	status("ACTIVE") // 2: undecided
	o.night(w)
	status("COMPLETED") // 3: decided
	c.decide("i", "APPROVE")
	o.night(w)
	status("ARCHIVED") // 4, 5
	o.night(w)
	o.night(w)
	o.prune(firstNight.AddDate(0, 0, 4), false)
	if got := query[string](t, o.store, `SELECT status FROM history.campaign ORDER BY valid_from_run`); !slices.Equal(got, []string{"ACTIVE", "COMPLETED", "ARCHIVED"}) {
		t.Errorf("campaign: %v", got)
	}
	o.verifies(nil)
}

func TestVerifyNamesForgedRetention(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sql  string
		want Difference
	}{
		"a run called pruned": {
			`INSERT INTO history.pruned_run SELECT 1, 3, event_id FROM history.retention_event WHERE action = 'PRUNE'`,
			Difference{Table: "retention_event", ID: "1", What: "it pruned runs [1], and [1 3] are noted"},
		},
		"a pruned run called kept": {
			`DELETE FROM history.pruned_run`,
			Difference{Table: "retention_event", ID: "1", What: "it pruned runs [1], and [] are noted"},
		},
		"a version called pruned": {
			`INSERT INTO history.pruned_version SELECT 1, 'review_item', valid_from_run, valid_to_run, row_sha256, 1 FROM history.review_item WHERE valid_to_run = 3;
			 DELETE FROM history.review_item WHERE valid_to_run = 3`,
			Difference{Table: "retention_event", ID: "1", What: "the versions it pruned"},
		},
		"a note removed": {
			`DELETE FROM history.pruned_version WHERE table_name = 'item_permissions'`,
			Difference{Table: "retention_event", ID: "1", What: "the versions it pruned"},
		},
		"an alteration called erasure": {
			`ALTER TABLE history.review_item DISABLE TRIGGER append_only;
			 WITH old AS (SELECT row_sha256 FROM history.review_item WHERE item_id = 'i' AND valid_from_run = 3)
			 INSERT INTO history.erased_version SELECT 1, 'review_item', '\x00', row_sha256, 2 FROM old`,
			Difference{Table: "retention_event", ID: "2", What: "the rows it erased"},
		},
		"an event made up": {
			`INSERT INTO history.retention_event (tenant_id, action, at, actor, after_run, details) VALUES (1, 'PRUNE', now(), 'x', 2, '{"runs": [3]}')`,
			Difference{Table: "retention_event", ID: "3", What: "it pruned runs [3], and [] are noted"},
		},
		"an event removed": {
			`DELETE FROM history.erased_version; DELETE FROM history.retention_event WHERE action = 'ERASE'`,
			Difference{Table: "run", Run: 1, What: "what was written since run 0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, w := fourNights(t)
			o.prune(firstNight.AddDate(0, 0, 1), false)
			o.eraseAnn()
			o.night(w)
			o.verifies(nil)
			o.tamper(tc.sql)
			d := o.verify(nil).Difference
			if d == nil {
				t.Fatal("nothing is found")
			}
			if !strings.Contains(d.What, tc.want.What) {
				t.Errorf("what: %s; want: %s", d.What, tc.want.What)
			}
			tc.want.What = d.What
			if diff := cmp.Diff(tc.want, *d); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Nobody passes the triggers by a setting alone: it takes the owner.
func TestOnlyTheOwnerPrunes(t *testing.T) {
	t.Parallel()
	o, _ := fourNights(t)
	for _, sql := range []string{
		`SET LOCAL exporter.retention = 'on'; DELETE FROM history.review_item`,
		`SET LOCAL exporter.retention = 'on'; UPDATE history.review_item SET decision = 'APPROVE'`,
		`SET LOCAL exporter.retention = 'on'; INSERT INTO history.retention_event (tenant_id, action, at, actor, after_run, details) VALUES (1, 'PRUNE', now(), 'x', 2, '{}')`,
	} {
		if err := as(t, o.store, "audit_writer", sql); err == nil {
			t.Errorf("audit_writer: %s: not refused", sql)
		}
	}
	// Not even where it has been given more than it needs.
	o.exec(`GRANT UPDATE, DELETE ON history.review_item TO audit_writer`)
	for _, sql := range []string{`DELETE FROM history.review_item`, `UPDATE history.review_item SET decision = 'APPROVE'`} {
		if err := as(t, o.store, "audit_writer", `SET LOCAL exporter.retention = 'on'; `+sql); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("audit_writer: %s: %v, want it refused by the trigger", sql, err)
		}
	}
}
