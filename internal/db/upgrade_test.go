package db

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// Whatever version a database is of, migrations bring it up with all that is
// stored in it; and what it had then is there when they went down again.
func TestEveryEarlierVersionComesUpWithWhatIsStored(t *testing.T) {
	t.Parallel()
	latest := latestMigration(t)
	for version := int64(1); version < latest; version++ {
		t.Run(fmt.Sprintf("from %d", version), func(t *testing.T) {
			t.Parallel()
			e := newEarlier(t, version)
			columns, objects := e.columns(), query[string](t, e.store, schema)
			e.fills(columns)
			stored := e.contents(columns)

			e.up(latest)
			e.same("after going up", stored, columns)
			e.holds(columns)
			allColumns := e.columns()
			migrated := e.contents(allColumns)

			e.down(version)
			e.same("after going down again", stored, columns)
			if diff := cmp.Diff(objects, query[string](t, e.store, schema)); diff != "" {
				t.Errorf("schema after going down again (-want +got):\n%s", diff)
			}

			e.up(latest)
			e.same("after going up once more", migrated, allColumns)
			e.holds(columns)
			e.goesOn()

			e.down(0)
			if left := query[string](t, e.store, schema); slices.ContainsFunc(left, func(s string) bool { return s != "information_schema" && s != "public" }) {
				t.Errorf("after going down to nothing: %q", left)
			}
		})
	}
}

// same wants the rows there were, on the columns there were.
func (e *earlier) same(when string, want map[string][]string, columns map[string][]string) {
	e.Helper()
	got := e.contents(columns)
	for _, table := range slices.Sorted(maps.Keys(want)) {
		if diff := cmp.Diff(want[table], got[table]); diff != "" {
			e.Errorf("%s: %s (-want +got):\n%s", when, table, diff)
		}
	}
}

// fills wants a value in each column of each table: of one without, the test
// would say nothing. What follows certifications over the years has columns
// that the few stored nights leave empty.
func (e *earlier) fills(columns map[string][]string) {
	e.Helper()
	for table, names := range columns {
		if table == "audit.reassignments" || table == "audit.revocations" {
			continue
		}
		empty := query[string](e.T, e.store, `
			SELECT n.name
			FROM unnest($1::text[]) AS n (name)
			WHERE NOT EXISTS (SELECT FROM `+table+` v WHERE to_jsonb(v) -> n.name <> 'null')`, names)
		if len(empty) > 0 {
			e.Errorf("no row of %s has a value for %v: %s needs one", table, empty, storedFile)
		}
	}
}

// holds wants everything to work on what was stored: the views, the changes,
// what guards history, and the hashes. columns are those it was stored with.
func (e *earlier) holds(columns map[string][]string) {
	e.Helper()
	e.views()
	for table := range columns {
		if table, ok := strings.CutPrefix(table, "history."); ok {
			refusesRewriting(e.T, e.store, table)
		}
	}
	for _, h := range hashedTables() {
		e.hashedAsWritten(h.table)
	}
	for _, tenant := range e.tenants() {
		e.verifies(tenant)
	}
}

func (e *earlier) tenants() []Tenant {
	e.Helper()
	all, err := e.store.Tenants(e.Context())
	if err != nil {
		e.Fatal(err)
	}
	if len(all) != len(storedRows(e.stored, "history.tenant")) {
		e.Errorf("tenants %v", all)
	}
	return all
}

// verifies wants the history of a tenant to be as it was sealed, and all its
// finished runs to have been looked at.
func (e *earlier) verifies(tenant Tenant) {
	e.Helper()
	v, err := e.store.Verify(e.Context(), tenant, nil)
	if err != nil {
		e.Fatal(err)
	}
	if v.Difference != nil {
		e.Errorf("%s: %s", tenant.Name, v.Difference)
	}
	if n := one[int64](e.T, e.store, `SELECT count(*) FROM history.run WHERE tenant_id = $1 AND status IN ('SEALED', 'PARTIAL')`, tenant.ID); v.Runs != n {
		e.Errorf("%s: %d runs verified, want %d", tenant.Name, v.Runs, n)
	}
}

// views wants as many rows in the views as each run counted when it was
// sealed, and the changes to lead from one finished run to the next.
func (e *earlier) views() {
	e.Helper()
	covered := map[int64]int64{}
	for _, r := range storedRows(e.stored, "history.coverage") {
		covered[r.number(e.T, "run_id")]++
	}
	finished := map[int64][]int64{} // by tenant
	for _, r := range storedRows(e.stored, "history.run") {
		run := r.number(e.T, "run_id")
		want := map[string]int64{"coverage": covered[run], "runs": 1}
		if _, sealed := r["root_sha256"]; sealed {
			finished[r.number(e.T, "tenant_id")] = append(finished[r.number(e.T, "tenant_id")], run)
			for _, view := range []string{"certifications", "reviewers", "review_items", "permissions", "tasks"} {
				want[view] = r.number(e.T, view)
			}
		}
		got := map[string]int64{}
		for view := range want {
			got[view] = one[int64](e.T, e.store, `SELECT count(*) FROM audit.`+view+` WHERE run_id = $1`, run)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			e.Errorf("rows of the views at run %d (-want +got):\n%s", run, diff)
		}
	}
	// The last run of acme shows one campaign; requests show where there are any.
	got := query[int64](e.T, e.store, `
		SELECT count(*) FROM audit.campaigns WHERE run_id = 10
		UNION ALL
		SELECT count(*) FROM audit.reassign_requests`)
	if want := []int64{1, one[int64](e.T, e.store, `SELECT count(*) FROM history.reassign_request`)}; !slices.Equal(got, want) {
		e.Errorf("campaigns of run 10 and requests: %d, want %d", got, want)
	}
	for _, tenant := range e.tenants() {
		runs := finished[int64(tenant.ID)]
		slices.Sort(runs)
		for i := range runs[1:] {
			if tenant.Name == "hooli" { // whose first run was pruned, where there was such a thing
				continue
			}
			e.leads(tenant, runs[i], runs[i+1])
		}
	}
	decided := func(c change) bool {
		return c.Class == "DECIDED" && value(c.Certification) == "a" && value(c.ID) == "i" && c.Before == nil && value(c.After) == "APPROVE"
	}
	if all := changes(e.T, e.store, 1, 3); !slices.ContainsFunc(all, decided) {
		e.Errorf("item i of certification a is not DECIDED between runs 1 and 3: %v", all)
	}
}

// leads wants the changes between two runs to make what the views show at the
// one what they show at the other.
func (e *earlier) leads(tenant Tenant, from, to int64) {
	e.Helper()
	p := pictureOf(e.T, e.store, tenant, from)
	p.apply(e.T, changes(e.T, e.store, from, to))
	if diff := cmp.Diff(pictureOf(e.T, e.store, tenant, to), p); diff != "" {
		e.Errorf("changes from %d to %d lead elsewhere (-want +got):\n%s", from, to, diff)
	}
}

// hashedAsWritten wants the rows of a table to have the hashes that they would
// get if they were written now.
func (e *earlier) hashedAsWritten(table string) {
	e.Helper()
	var wrong int64
	err := e.store.inTx(e.Context(), func(tx pgx.Tx) error {
		var columns string
		err := tx.QueryRow(e.Context(), `
			SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
			FROM pg_attribute
			WHERE attrelid = ('history.' || $1::text)::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('valid_to_run', 'row_sha256')`, table).Scan(&columns)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(e.Context(), fmt.Sprintf(`
			CREATE TEMPORARY TABLE again (LIKE history.%[1]s) ON COMMIT DROP;
			CREATE TRIGGER hash_row BEFORE INSERT ON again FOR EACH ROW EXECUTE FUNCTION history.hash_row();
			INSERT INTO again (%[2]s) SELECT %[2]s FROM history.%[1]s`, table, columns)); err != nil {
			return err
		}
		return tx.QueryRow(e.Context(), fmt.Sprintf(`
			SELECT count(*)
			FROM (SELECT row_sha256 FROM history.%s EXCEPT ALL SELECT row_sha256 FROM again) d`, table)).Scan(&wrong)
	})
	if err != nil {
		e.Fatalf("%s: %v", table, err)
	}
	if wrong > 0 {
		e.Errorf("%d rows of %s have other hashes than they would be written with", wrong, table)
	}
}

// goesOn stores two further runs: a night of acme after its last one, and the
// rest of the night that initech is in, with the rows that wait for it.
func (e *earlier) goesOn() {
	e.Helper()
	acme := officeOf(e.T, e.store, "acme")
	before, err := e.store.LatestFinished(e.Context(), acme.tenant)
	acme.fatal(err)
	acme.nights = 10 // the next is later than all that are stored
	a := newCert("a", newItem("j"), newItem("new"))
	a.grant("j", permission("y", "write"))
	a.decide("new", "REVOKE")
	c := newCert("c") // cannot be read: what is stored of it stays, two items
	c.outcome[snapshot.CertificationHeader] = snapshot.Forbidden
	w := newWorld(a, c, newCert("f", newItem("i")))
	w.gaps = []string{"c"}
	w.tasks["v"] = task(snapshot.Task{ID: "v", Status: new("QUEUED"), CertificationID: new("a")})
	run := acme.night(w)
	if run.Status != snapshot.Sealed || value(run.PreviousRootSHA256) != value(before.RootSHA256) {
		e.Errorf("run %d is %s on root %v, want it SEALED on %v", run.ID, run.Status, value(run.PreviousRootSHA256), value(before.RootSHA256))
	}
	got := [3]int64{*run.Certifications, *run.ReviewItems, *run.Permissions}
	if want := [3]int64{3, 5, 1}; got != want {
		e.Errorf("certifications, items and permissions: %v, want %v", got, want)
	}
	e.leads(acme.tenant, before.ID, run.ID)

	initech := officeOf(e.T, e.store, "initech")
	initech.nights = 1 // the second is under way
	b := newCert("a", newItem("i"), newItem("j"))
	b.grant("j", permission("y", "write", ""))
	resumed := initech.open(ResumeInsist)
	capture, err := e.store.Night(initech.tenant, resumed.ID).Capture(e.Context(), "a")
	initech.fatal(err)
	lists, n, err := capture.StagedPermissions(e.Context(), []snapshot.FlaggedItem{{ID: "j"}})
	initech.fatal(err)
	if len(lists) != 1 || lists[0].ID != "j" || n != 1 {
		e.Errorf("waiting permission lists %v of %d permissions, want that of item j, which has one", lists, n)
	}
	initech.walk(newWorld(b), resumed.ID, -1)
	if run := initech.seal(newWorld(b), resumed.ID); run.ID != 11 || run.Status != snapshot.Sealed {
		e.Errorf("run %d is %s, want 11 SEALED", run.ID, run.Status)
	}
	for _, tenant := range e.tenants() {
		e.verifies(tenant)
	}

	// The new seal covers what earlier programs stored, too.
	acme.forge("review_item", `UPDATE history.review_item SET comments = 'forged' WHERE tenant_id = 1 AND item_id = 'm'`)
	if d := acme.verify(nil).Difference; d == nil || d.Table != "run" {
		e.Errorf("a forged row of the first night: %v, want a run that was sealed over it", d)
	}
	acme.exec(`DROP TRIGGER forged ON history.review_item`)
}
