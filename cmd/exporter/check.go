package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/db"
	"exporter/internal/db/embedded"
	"exporter/internal/fetch"
)

func (a *app) checkCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "What a run needs, looked at without changing anything",
		Long: `Looks at all that a run needs: configuration, report folder, signing key,
database, token, what the token may see, clock, API version and rate limit. It
changes nothing: nothing is migrated, no cluster or folder is made. An embedded
database that exists is started for the time of the check.

A line for each: ok; warn, with which a run works, but perhaps not as intended;
FAIL, with which it does not. Exit status: 0 without FAIL, 2 where the
configuration is at fault, else 1.`,
		Example: "  exporter check\n  exporter check --config config.yaml --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			p := &preflight{app: a, asJSON: format == "json", found: []checked{}}
			if err := p.run(cmd.Context()); err != nil {
				return err
			}
			return p.end()
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	return cmd
}

// checked is one thing that check looked at.
type checked struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warn or FAIL
	Fact   string `json:"fact"`
	Remedy string `json:"remedy,omitempty"`
}

// preflight gathers what check finds; a line is printed as it is found, JSON at
// the end.
type preflight struct {
	app           *app
	asJSON        bool
	found         []checked
	failed        int
	misconfigured bool
}

func (p *preflight) run(ctx context.Context) error {
	c, api, ok := p.configuration()
	if !ok {
		return nil
	}
	p.reportFolder(c)
	p.signingKey(c)
	p.database(ctx, c, api)
	if api != nil && ctx.Err() == nil {
		defer api.Close()
		p.tenant(ctx, c, api)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (p *preflight) end() error {
	if p.asJSON {
		if err := printJSON(p.app.stdout, p.found); err != nil {
			return err
		}
	}
	switch {
	case p.misconfigured:
		return usagef("%d of %d checks failed", p.failed, len(p.found))
	case p.failed > 0:
		return fmt.Errorf("%d of %d checks failed", p.failed, len(p.found))
	}
	return nil
}

func (p *preflight) add(r checked) {
	p.found = append(p.found, r)
	if p.asJSON {
		return
	}
	line := fmt.Sprintf("%-4s  %-17s  %s", r.Status, r.Check, oneLine(r.Fact))
	if r.Remedy != "" {
		line += " -> " + r.Remedy
	}
	fmt.Fprintln(p.app.stdout, line)
}

func (p *preflight) ok(check, fact string, args ...any) {
	p.add(checked{Check: check, Status: "ok", Fact: fmt.Sprintf(fact, args...)})
}

func (p *preflight) warn(check, fact, remedy string) {
	p.add(checked{Check: check, Status: "warn", Fact: fact, Remedy: remedy})
}

// fail notes what a run would fail of. remedy is empty where err tells it.
func (p *preflight) fail(check string, err error, remedy string) {
	p.failed++
	p.add(checked{Check: check, Status: "FAIL", Fact: err.Error(), Remedy: remedy})
}

// misconfiguration notes a fault of the configuration, which tells its remedy;
// several that are joined, one by one.
func (p *preflight) misconfiguration(err error) {
	p.misconfigured = true
	for line := range strings.SplitSeq(err.Error(), "\n") {
		p.fail("configuration", errors.New(line), "")
	}
}

// configuration reads the configuration. api is nil where it does not lead to a
// tenant, ok false where it cannot be read at all.
func (p *preflight) configuration() (c config.Config, api *fetch.Client, ok bool) {
	c, file, err := p.app.readConfig()
	if err != nil {
		p.misconfiguration(err)
		return c, nil, false
	}
	for _, w := range c.Warnings() {
		p.warn("configuration", w, "")
	}
	if _, err := jobOptions(c, runOptions{}); err != nil {
		p.misconfiguration(err)
	}
	if err := c.RequireTenant(); err != nil {
		p.misconfiguration(err)
	} else if api, err = openAPI(c, p.app.log); err != nil {
		p.misconfiguration(err)
	}
	if !p.misconfigured {
		if file == "" {
			file = "no file: defaults and environment"
		}
		p.ok("configuration", "%s", file)
	}
	return c, api, true
}

func (p *preflight) reportFolder(c config.Config) {
	if err := writable(filepath.Join(c.Report.Dir, c.Tenant.Name)); err != nil {
		p.fail("report folder", err, "set report.dir to a folder that this user may write to")
		return
	}
	p.ok("report folder", "%s can be written", c.Report.Dir)
}

// signingKey looks whether manifests can be signed, and tells the public key by
// which others verify them.
func (p *preflight) signingKey(c config.Config) {
	key, warning, err := readSigningKey(c.Report.SigningKeyFile, config.Secret(p.app.getenv(signingKeyPassword)))
	if warning != "" {
		p.warn("signing key", warning, "")
	}
	switch {
	case err != nil:
		p.misconfigured = true
		p.fail("signing key", err, "")
	case key == nil:
		p.ok("signing key", "none: manifests are not signed")
	default:
		p.ok("signing key", "%s, whose public key is %s", key.PublicKey().ID(), key.PublicKey())
	}
}

// writable says why files cannot be made in a directory that is there or would
// be made. It leaves nothing behind.
func writable(dir string) error {
	for {
		f, err := os.CreateTemp(dir, ".exporter-check-*")
		if err == nil {
			return errors.Join(f.Close(), os.Remove(f.Name()))
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			if e, ok := errors.AsType[*fs.PathError](err); ok {
				err = e.Err
			}
			return fmt.Errorf("%s cannot be written: %w", dir, err)
		}
		dir = parent
	}
}

func (p *preflight) database(ctx context.Context, c config.Config, api *fetch.Client) {
	if url := c.Database.URL.Reveal(); url != "" {
		p.store(ctx, c, api, url, "configured server")
		return
	}
	plan, err := embedded.Look(embeddedDir(c))
	if err != nil {
		p.fail("database", err, "")
		return
	}
	if !plan.Exists {
		if err := writable(plan.Cluster); err != nil {
			p.fail("database", err, "set database.embedded_dir to a folder that this user may write to")
			return
		}
		p.ok("database", "embedded PostgreSQL %d of %s; `run` will make its cluster in %s", plan.Major, plan.BinDir, plan.Cluster)
		return
	}
	server, stop, err := p.app.startServer(ctx, embeddedDir(c))
	if err != nil {
		p.fail("database", err, "look into "+filepath.Join(plan.Cluster, "server.log"))
		return
	}
	defer stop()
	p.store(ctx, c, api, server.URL(stateName), "embedded, in "+plan.Cluster)
}

// store looks at a database whose server runs.
func (p *preflight) store(ctx context.Context, c config.Config, api *fetch.Client, url, where string) {
	store, err := db.Open(ctx, url, 1)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == noSuchDatabase && c.Database.URL == "" {
		p.ok("database", "%s; `run` will make its database", where)
		return
	}
	if err != nil {
		p.fail("database", err, "set database.url or EXPORTER_DATABASE_URL to a database of PostgreSQL 14 or later that answers")
		return
	}
	defer store.Close()
	server, err := store.Server(ctx)
	if err != nil {
		p.fail("database", err, "")
		return
	}
	p.ok("database", "PostgreSQL %s, %s", server.Version, where)
	if p.schema(ctx, c, url) {
		p.reader(server)
		p.tenantName(ctx, c, api, store)
	}
}

const noSuchDatabase = "3D000"

// schema tells whether the schema is up to date.
func (p *preflight) schema(ctx context.Context, c config.Config, url string) bool {
	all, err := db.Migrations(ctx, url)
	if err != nil {
		p.fail("schema", err, "")
		return false
	}
	var pending []string
	for _, m := range all {
		if m.AppliedAt == nil {
			pending = append(pending, m.Name)
		}
	}
	if len(pending) > 0 {
		remedy := "`exporter run` applies them; so does `exporter migrate up`"
		if !c.Database.AutoMigrate {
			remedy = "apply them with `exporter migrate up`: database.auto_migrate is false"
		}
		p.warn("schema", fmt.Sprintf("%d of %d migrations are pending, the first is %s", len(pending), len(all), pending[0]), remedy)
		return false
	}
	p.ok("schema", "up to date: %s", all[len(all)-1].Name)
	return true
}

func (p *preflight) reader(s db.Server) {
	if !s.AuditReader {
		p.warn("audit_reader", "there is no such role, and so nobody but the owner may select from the views",
			"the server's administrator can CREATE ROLE audit_reader NOLOGIN and GRANT it the views of schema audit")
		return
	}
	p.ok("audit_reader", "the role exists")
}

// tenantName looks whether the tenant's name stands for its host. A name that
// the database does not know yet may.
func (p *preflight) tenantName(ctx context.Context, c config.Config, api *fetch.Client, store *db.Store) {
	if api == nil {
		return
	}
	switch t, err := store.FindTenant(ctx, c.Tenant.Name); {
	case errors.Is(err, db.ErrNoTenant):
		p.ok("tenant name", "%s has no runs yet", c.Tenant.Name)
	case err != nil:
		p.fail("tenant name", err, "")
	case t.Host != api.Host():
		p.misconfigured = true
		p.fail("tenant name", fmt.Errorf("%w: %s has been %s in this database", db.ErrTenantHost, c.Tenant.Name, t.Host), "choose another tenant.name")
	default:
		p.ok("tenant name", "%s is %s", c.Tenant.Name, t.Host)
	}
}
