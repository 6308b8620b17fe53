package db

import (
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"exporter/internal/snapshot"
)

// refusedAsHistory wants SQL to be refused because it rewrites history.
func refusedAsHistory(t *testing.T, s *Store, sql string) {
	t.Helper()
	_, err := s.pool.Exec(t.Context(), sql)
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "23001" { // restrict_violation
		t.Errorf("%s: %v, want it refused", sql, err)
	}
}

// fullStore is a store after three nights, the first of them pruned and a person
// erased, so that every table has rows, and versions that ended.
func fullStore(t *testing.T) *office {
	t.Helper()
	o := newOffice(t)
	c := newCert("a", newItem("i"), newItem("j"), annsItem())
	c.grant("i", permission("x", "read"))
	c.reviewers = []snapshot.Reviewer{reviewer(snapshot.Reviewer{ID: "r", Name: new("Rita")})}
	w := newWorld(c)
	w.campaigns = []snapshot.Campaign{campaign(snapshot.Campaign{ID: "k", Name: new("Spring")})}
	w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new("PENDING")})
	o.night(w)
	c.decide("i", "APPROVE")
	c.grant("i", permission("x", "write"))
	o.night(w)
	c.decide("i", "REVOKE")
	o.night(w)
	_, err := o.store.RecordReassign(o.Context(), o.tenant, ReassignRequest{CertificationID: "a", To: "r", Reason: "leave", RequestedAt: firstNight})
	o.fatal(err)
	_, err = o.store.Prune(o.Context(), o.tenant, firstNight.AddDate(0, 0, 1), firstNight, false)
	o.fatal(err)
	o.eraseAnn()
	return o
}

func TestHistoryRefusesRewriting(t *testing.T) {
	t.Parallel()
	s := fullStore(t).store
	for _, table := range query[string](t, s, `SELECT tablename::text FROM pg_tables WHERE schemaname = 'history' ORDER BY 1`) {
		t.Run(table, func(t *testing.T) {
			refusesRewriting(t, s, table)
		})
	}
}

// refusesRewriting wants a table of history to refuse all but new rows.
func refusesRewriting(t *testing.T, s *Store, table string) {
	t.Helper()
	if one[int64](t, s, `SELECT count(*) FROM history.`+table) == 0 {
		t.Fatalf("history.%s is empty: this test would prove nothing", table)
	}
	refusedAsHistory(t, s, `DELETE FROM history.`+table)
	refusedAsHistory(t, s, `TRUNCATE history.`+table+` CASCADE`)
	columns := query[string](t, s, `
		SELECT column_name::text
		FROM information_schema.columns
		WHERE table_schema = 'history' AND table_name = $1 AND is_identity = 'NO' AND column_name <> 'valid_to_run'`, table)
	for _, column := range columns {
		refusedAsHistory(t, s, fmt.Sprintf(`UPDATE history.%s SET %s = %[2]s`, table, column))
	}
}

func TestVersionIsClosedOnce(t *testing.T) {
	t.Parallel()
	s := fullStore(t).store
	for _, table := range versionTables {
		t.Run(table, func(t *testing.T) {
			refusedAsHistory(t, s, `UPDATE history.`+table+` SET valid_to_run = 9, digest = ''`)
			if _, err := s.pool.Exec(t.Context(), `UPDATE history.`+table+` SET valid_to_run = 9 WHERE valid_to_run IS NULL`); err != nil {
				t.Errorf("closing a version: %v", err)
			}
			refusedAsHistory(t, s, `UPDATE history.`+table+` SET valid_to_run = 10`)
			refusedAsHistory(t, s, `UPDATE history.`+table+` SET valid_to_run = NULL`)
		})
	}
}

// Until it is finished, a run may be written to; after an interruption too.
func TestUnfinishedRunMayChange(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.open(ResumeNever)
	w := newWorld(newCert("a", newItem("i")))
	o.walk(w, run.ID, -1)
	for _, sql := range []string{`UPDATE history.run SET error = 'x'`, `UPDATE history.coverage SET error = 'x'`} {
		if _, err := o.store.pool.Exec(t.Context(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	refusedAsHistory(t, o.store, `DELETE FROM history.run`)
	o.seal(w, run.ID)
	refusedAsHistory(t, o.store, `UPDATE history.run SET error = 'x'`)
	refusedAsHistory(t, o.store, `UPDATE history.coverage SET error = 'x'`)
}
