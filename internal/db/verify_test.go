package db

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

func (o *office) verify(upTo *int64) Verification {
	o.Helper()
	v, err := o.store.Verify(o.Context(), o.tenant, upTo)
	o.fatal(err)
	return v
}

// verifies wants the history to be as it was sealed.
func (o *office) verifies(upTo *int64) Verification {
	o.Helper()
	v := o.verify(upTo)
	if v.Difference != nil {
		o.Errorf("up to run %v: %s", value(upTo), v.Difference)
	}
	return v
}

// exec is what whoever owns the server can do.
func (o *office) exec(sql string) {
	o.Helper()
	if _, err := o.store.pool.Exec(o.Context(), sql); err != nil {
		o.Fatalf("%s: %v", sql, err)
	}
}

// tamper changes rows behind the back of the triggers.
func (o *office) tamper(sql string) {
	o.Helper()
	o.exec(`SET LOCAL session_replication_role = replica; ` + sql)
}

// forge changes rows of a table and the hashes they carry with them.
func (o *office) forge(table, sql string) {
	o.Helper()
	o.exec(`ALTER TABLE history.` + table + ` DISABLE TRIGGER USER;
		CREATE TRIGGER forged BEFORE UPDATE ON history.` + table + ` FOR EACH ROW EXECUTE FUNCTION history.hash_row();
		` + sql)
}

// sixNights are run 1, SEALED; 2, SEALED, in which an item of certification a
// was decided and a task ended; 3, INTERRUPTED, in which another was; 4,
// PARTIAL, in which item k went and the reviewers were not read; 5, SEALED, in
// which certification b was deleted; 6, SEALED, without a change; and 7, which
// is under way.
func sixNights(t *testing.T) *office {
	t.Helper()
	o := newOffice(t)
	w := spring()
	a := w.certs["a"]
	k := &a.items[a.index("k")]
	k.Raw = []byte(`{"id": "k", "activityInsights": {"usageDays": 1}}`)
	digest, err := snapshot.DigestOfJSON(k.Raw)
	o.fatal(err)
	k.Digest = digest
	o.night(w)

	a.editItem("i", func(v *snapshot.ReviewItem) { v.Decision, v.Comments = new("APPROVE"), new("fine") })
	w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new("SUCCESS"), CertificationID: new("a")})
	o.night(w)

	a.decide("j", "REVOKE")
	o.walk(w, o.open(ResumeNever).ID, 1)

	a.take("k")
	a.outcome[snapshot.Reviewers] = snapshot.Forbidden
	o.night(w)

	delete(a.outcome, snapshot.Reviewers)
	delete(w.certs, "b")
	o.night(w)
	o.night(w)
	a.decide("i", "REVOKE")
	o.walk(w, o.open(ResumeNever).ID, 1)

	want := []string{"SEALED", "SEALED", "INTERRUPTED", "PARTIAL", "SEALED", "SEALED", "RUNNING"}
	if diff := cmp.Diff(want, query[string](t, o.store, `SELECT status FROM history.run ORDER BY run_id`)); diff != "" {
		t.Fatalf("nights (-want +got):\n%s", diff)
	}
	return o
}

// Whatever happens to a tenant, its history is as it was sealed.
func TestVerifyRandomNights(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			o := officeOf(t, store, fmt.Sprintf("tenant-%d", seed))
			g := &chance{Rand: rand.New(rand.NewPCG(seed, 1)), w: newWorld()}
			finished := int64(0)
			for _, run := range g.nights(o, 9) {
				if o.now.finished[run] {
					finished++
					if v := o.verifies(&run); v.Runs != finished {
						t.Errorf("up to run %d: %d runs verified, want %d", run, v.Runs, finished)
					}
				}
			}
			if v := o.verifies(nil); v.Runs != finished {
				t.Errorf("%d runs verified, want %d", v.Runs, finished)
			}
			if t.Failed() {
				t.Logf("nights:\n%s", strings.Join(g.diary, "\n"))
			}
		})
	}
}

// A run rests on those before it, and on none after it.
func TestVerifyUpToARun(t *testing.T) {
	t.Parallel()
	o := sixNights(t)
	o.tamper(`UPDATE history.review_item SET valid_to_run = NULL WHERE item_id = 'k'; UPDATE history.run SET requests = 1 WHERE run_id = 5`)
	for run, sound := range map[int64]bool{1: true, 2: true, 4: false, 5: false, 6: false} {
		if d := o.verify(&run).Difference; (d == nil) != sound {
			t.Errorf("up to run %d: %v", run, d)
		}
	}
}

func TestVerifyCountsWhatItChecked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if diff := cmp.Diff(Verification{Tenant: "acme"}, o.verify(nil)); diff != "" {
		t.Errorf("a tenant without runs (-want +got):\n%s", diff)
	}
	w := spring()
	first := o.night(w)
	w.certs["a"].decide("i", "APPROVE")
	o.night(w)
	// A night covers 2 certifications of 4 lists, and 3 lists of its own, one of
	// which holds no objects.
	want := Verification{Tenant: "acme", Runs: 1, Rows: 11 + 2 + 4 + 1 + 3 + 1 + 1 + 5, Collections: 10, PermissionSets: 2}
	if diff := cmp.Diff(want, o.verify(&first.ID)); diff != "" {
		t.Errorf("up to the first run (-want +got):\n%s", diff)
	}
	want.Runs, want.Rows, want.Collections = 2, want.Rows+11+1, 20
	if diff := cmp.Diff(want, o.verify(nil)); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
}

func TestVerifyRefusesARunThatIsNotSealed(t *testing.T) {
	t.Parallel()
	o := sixNights(t)
	for run, want := range map[int64]string{3: "it is INTERRUPTED", 7: "it is RUNNING", 8: "no such run: 8"} {
		if _, err := o.store.Verify(t.Context(), o.tenant, &run); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run %d: %v, want %q", run, err, want)
		}
	}
}

// Whoever can change rows can change functions: Verify asks none of them.
func TestVerifyAsksNoFunctionOfTheDatabase(t *testing.T) {
	t.Parallel()
	o := sixNights(t)
	o.exec(`
		CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT NULL::bytea';
		CREATE FUNCTION public.never(bytea, bytea) RETURNS boolean LANGUAGE sql AS 'SELECT false';
		CREATE OPERATOR public.= (FUNCTION = public.never, LEFTARG = bytea, RIGHTARG = bytea);
		CREATE OR REPLACE FUNCTION history.hash_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
		DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$`)
	s := openURL(t, o.store.url)
	defer s.Close()
	if v, err := s.Verify(t.Context(), o.tenant, nil); err != nil || v.Difference != nil {
		t.Errorf("%v, error %v", v.Difference, err)
	}
	o.tamper(`UPDATE history.reviewer SET email = NULL`)
	if v, err := s.Verify(t.Context(), o.tenant, nil); err != nil || v.Difference == nil || v.Difference.Table != "reviewer" {
		t.Errorf("%v, error %v", v.Difference, err)
	}
}

func TestUnfinishedRunStaysAsItIsOnceALaterOneIsSealed(t *testing.T) {
	t.Parallel()
	o := sixNights(t)
	refusedAsHistory(t, o.store, `UPDATE history.run SET error = 'x' WHERE run_id = 3`)
	o.exec(`UPDATE history.run SET error = 'x' WHERE run_id = 7`)
	o.verifies(nil)
}

// The rows of a database that had no hashes get those that they would have been
// written with.
func TestMigrationHashesWhatIsThere(t *testing.T) {
	t.Parallel()
	o := sixNights(t)
	hashes := func() map[string][][]byte {
		all := map[string][][]byte{}
		for _, h := range hashedTables() {
			all[h.table] = query[[]byte](t, o.store, `SELECT row_sha256 FROM history.`+h.table+` ORDER BY 1`)
			if len(all[h.table]) == 0 {
				t.Errorf("%s is empty: this test would prove nothing", h.table)
			}
		}
		return all
	}
	want := hashes()
	p := newProvider(t, o.store.url)
	_, err := p.DownTo(t.Context(), 4)
	o.fatal(err)
	_, err = p.Up(t.Context())
	o.fatal(err)
	o.store.pool.Reset() // which remembers the columns there were
	if diff := cmp.Diff(want, hashes()); diff != "" {
		t.Errorf("hashes (-written +migrated):\n%s", diff)
	}
	refusedAsHistory(t, o.store, `UPDATE history.review_item SET comments = ''`)
}

// Runs that were sealed before there was a hash of what is written verify, and
// the first run that has one covers what they wrote.
func TestVerifyRunsSealedBeforeThereWereHashes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := spring()
	var previous *string
	for range 2 {
		run := o.night(w)
		w.certs["a"].decide("i", "APPROVE")
		o.tamper(`UPDATE history.run SET written_sha256 = NULL, previous_root_sha256 = ` + literal(previous) + ` WHERE run_id = ` + fmt.Sprint(run.ID))
		var root string
		o.fatal(o.store.inTx(t.Context(), func(tx pgx.Tx) (err error) {
			root, err = rootOf(t.Context(), tx, o.tenant, run.ID, run.Status)
			return err
		}))
		o.tamper(`UPDATE history.run SET root_sha256 = ` + literal(&root) + ` WHERE run_id = ` + fmt.Sprint(run.ID))
		previous = &root
	}
	o.verifies(nil)
	third := o.night(w)
	o.verifies(nil)
	o.forge("review_item", `UPDATE history.review_item SET comments = 'x' WHERE item_id = 'k'`)
	got := o.verify(nil).Difference
	if got == nil || got.Run != third.ID || !strings.Contains(got.What, "since run 0") {
		t.Errorf("%v, want it found by run %d", got, third.ID)
	}
}

func literal(s *string) string {
	if s == nil {
		return "NULL"
	}
	return "'" + *s + "'"
}
