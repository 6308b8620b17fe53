package db

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"exporter/internal/db/dbtest"
)

// sharedServer is a database on a server that is somebody else's: its
// administrator has made the roles and given the four grants of the README.
type sharedServer struct {
	admin, owner, app string // connection strings
}

func newSharedServer(t *testing.T) sharedServer {
	t.Helper()
	s := sharedServer{admin: dbtest.NewEmpty(t)}
	admin := openURL(t, s.admin)
	name := strings.ToLower(rand.Text()[:10])
	owner, app := "exporter_owner_"+name, "exporter_app_"+name
	exec := func(sql string) {
		t.Helper()
		if _, err := admin.pool.Exec(context.WithoutCancel(t.Context()), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	database := one[string](t, admin, `SELECT current_database()`)
	for _, role := range []string{"audit_reader", "audit_writer"} { // other tests make them too
		exec(`DO $$ BEGIN CREATE ROLE ` + role + ` NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
	}
	exec(`CREATE ROLE ` + owner + ` LOGIN PASSWORD 'o'; CREATE ROLE ` + app + ` LOGIN PASSWORD 'a'`)
	exec(fmt.Sprintf(`GRANT CREATE ON DATABASE %s TO %s`, database, owner))
	exec(`GRANT USAGE, CREATE ON SCHEMA public TO ` + owner)
	exec(`GRANT audit_writer TO ` + app)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		conn, err := pgx.Connect(ctx, s.admin)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		for _, sql := range []string{`DROP OWNED BY ` + owner + ` CASCADE`, `DROP ROLE ` + owner, `DROP ROLE ` + app} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
	})
	as := func(user, password string) string {
		u, err := url.Parse(s.admin)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(user, password)
		return u.String()
	}
	s.owner, s.app = as(owner, "o"), as(app, "a")
	return s
}

// On a server of somebody else's the owner of the tables and the role that runs
// the nights need not be superusers, nor one.
func TestRolesOnASharedServer(t *testing.T) {
	t.Parallel()
	server := newSharedServer(t)
	ctx := t.Context()
	if _, err := Migrate(ctx, server.owner); err != nil {
		t.Fatalf("the owner migrates: %v", err)
	}
	if err := CheckSchema(ctx, server.app); err != nil {
		t.Fatalf("the application looks at the schema: %v", err)
	}
	if applied, err := Migrate(ctx, server.app); err != nil || len(applied) > 0 {
		t.Errorf("the application brings up to date what is so: %v, %v", applied, err)
	}

	o := officeOf(t, openURL(t, server.app), "acme")
	c := newCert("a", newItem("i"), newItem("j"), annsItem())
	w := newWorld(c)
	unlock, err := o.store.Lock(ctx, o.tenant)
	o.fatal(err)
	defer unlock()
	for _, decision := range []string{"", "APPROVE", "REVOKE"} {
		c.decide("i", decision)
		c.grant("j", permission("x", decision))
		run := o.open(ResumeNever)
		o.walk(w, run.ID, 0) // cut short
		o.nights--           // the same night
		resumed := o.open(ResumeInsist)
		o.walk(w, resumed.ID, -1)
		o.seal(w, resumed.ID)
		o.check(resumed.ID)
	}
	o.verifies(nil)
	request, err := o.store.RecordReassign(ctx, o.tenant, ReassignRequest{CertificationID: "a", To: "r", Reason: "leave", RequestedAt: firstNight})
	o.fatal(err)
	o.fatal(o.store.AnswerReassign(ctx, o.tenant, request, ReassignAnswer{State: ReassignRefused, At: firstNight}))

	// What it may not: rewrite, remove, or do what is the owner's.
	const denied, refused = "42501", "23001"
	for _, sql := range []string{
		`UPDATE history.review_item SET decision = 'APPROVE'`, `UPDATE history.review_item SET valid_to_run = NULL`, `DELETE FROM history.review_item`,
		`DELETE FROM history.run`, `UPDATE history.run SET status = 'FAILED'`, `UPDATE history.coverage SET outcome = 'COMPLETE'`, `DELETE FROM history.coverage`,
		`UPDATE history.tenant SET host = ''`, `DELETE FROM history.permission`, `TRUNCATE history.review_item`, `DELETE FROM history.reassign_request`,
		`UPDATE history.reassign_request SET reason = ''`, `DROP TABLE history.task`, `ALTER TABLE history.task DISABLE TRIGGER ALL`,
		`SET session_replication_role = replica`, `CREATE TABLE audit.mine ()`, `SELECT history.grant_roles()`,
		`INSERT INTO history.pruned_run VALUES (1, 1, 1)`,
	} {
		_, err := o.store.pool.Exec(ctx, sql)
		if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != denied && e.Code != refused {
			t.Errorf("%s: %v, want it refused", sql, err)
		}
	}
	if _, err := o.store.Prune(ctx, o.tenant, at, at, false); !errors.Is(err, ErrNotOwner) {
		t.Errorf("the application prunes: %v, want ErrNotOwner", err)
	}
	if err := o.store.Hold(ctx, o.tenant, 1, "", at); !errors.Is(err, ErrNotOwner) {
		t.Errorf("the application holds: %v, want ErrNotOwner", err)
	}

	// The owner can, with no more rights than that.
	owner := *o
	owner.store = openURL(t, server.owner)
	if done := owner.prune(firstNight.AddDate(0, 0, 1), false); len(done.Runs) != 1 {
		t.Errorf("the owner prunes: %+v", done)
	}
	owner.eraseAnn()
	refusedAsHistory(t, owner.store, `DELETE FROM history.review_item`)
	o.night(w)
	o.verifies(nil)
}

// A role that is made after the schema gets its rights with the next migrate.
func TestMigrateGrantsToRolesMadeLater(t *testing.T) {
	t.Parallel()
	server := newSharedServer(t)
	if _, err := Migrate(t.Context(), server.owner); err != nil {
		t.Fatal(err)
	}
	owner := openURL(t, server.owner)
	if _, err := owner.pool.Exec(t.Context(), `REVOKE ALL ON ALL TABLES IN SCHEMA history, staging, audit FROM audit_writer, audit_reader`); err != nil {
		t.Fatal(err)
	}
	app := openURL(t, server.app)
	if _, err := app.Tenants(t.Context()); err == nil {
		t.Fatal("the application reads what was revoked: this test would prove nothing")
	}
	if _, err := Migrate(t.Context(), server.owner); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Tenants(t.Context()); err != nil {
		t.Error(err)
	}
}
