package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/db"
	"exporter/internal/db/embedded"
	"exporter/internal/job"
	"exporter/internal/simulator"
)

const (
	demoDatabase = "exporter_demo" // on a server that is not ours alone
	demoTenant   = "acme"
	demoNights   = 3
)

// demoEnds are how the demo's nights are meant to end: on the second one
// certification cannot be read.
var demoEnds = [demoNights]string{"SEALED", "PARTIAL", "SEALED"}

func (a *app) demoCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Three nights of a simulated tenant; nothing needed",
		Long: `Starts a simulated tenant and an embedded Postgres, and runs three nights between
which the tenant changes. On the second one certification cannot be read: that
night is PARTIAL, and nothing reads as removed.

The database begins afresh each time. It is one of its own: beside the embedded
one, or, where EXPORTER_DATABASE_URL or DATABASE_URL names a server, the database
exporter_demo there.`,
		Example: "  exporter demo\n  exporter demo --out /tmp/demo",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("log-level") {
				a.logLevel = "error" // the summary tells the story
				if err := a.openLog(); err != nil {
					return err
				}
			}
			return a.demo(cmd.Context(), out)
		},
	}
	cmd.Flags().StringVar(&out, "out", filepath.Join("reports", "demo"), "`DIR` the reports go to")
	return cmd
}

func (a *app) demo(ctx context.Context, out string) error {
	d, ask, closeDatabase, err := a.demoDatabase(ctx)
	if err != nil {
		return err
	}
	defer closeDatabase()
	store, err := checkedStore(ctx, d.url, minPoolConns+4, a.migrateSchema)
	if err != nil {
		return err
	}
	defer store.Close()
	tenant := simulator.NewDemo(simulator.Options{ClientID: demoClient, ClientSecret: demoSecret})
	base, stop, err := simulator.Serve(ctx, "127.0.0.1:0", tenant)
	if err != nil {
		return err
	}
	defer stop()
	c, err := demoConfig(base, out)
	if err != nil {
		return err
	}
	var last string
	for n := 1; n <= demoNights; n++ {
		if n > 1 {
			tenant.DemoNight(n)
		}
		if last, err = a.demoNight(ctx, store, c, n); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.stdout, "\nOpen the workbooks, verify a report, or ask SQL of the three nights:\n\n  %s verify %s\n%s", program(), last, ask)
	return nil
}

// demoNight runs one night of the demo and tells how it went. It gives the
// report's folder.
func (a *app) demoNight(ctx context.Context, store *db.Store, c config.Config, n int) (folder string, err error) {
	options, err := jobOptions(c, runOptions{trigger: "demo"})
	if err != nil {
		return "", err
	}
	api, err := openAPI(c, a.log)
	if err != nil {
		return "", err
	}
	defer api.Close()
	options.Store, options.API, options.Logger = store, api, a.log
	result, err := job.Run(ctx, options)
	if err != nil {
		return "", fmt.Errorf("night %d: %w", n, err)
	}
	fmt.Fprintf(a.stdout, "Night %d: ", n)
	printRun(a.stdout, result)
	if n > 1 {
		if err := a.demoChanges(ctx, store, result.Run.ID); err != nil {
			return "", fmt.Errorf("night %d: %w", n, err)
		}
	}
	if got := string(result.Run.Status); got != demoEnds[n-1] {
		return "", fmt.Errorf("night %d ended %s, not %s as it should", n, got, demoEnds[n-1])
	}
	return result.Report.Folder, nil
}

// demoChanges prints a night's changes by class.
func (a *app) demoChanges(ctx context.Context, store *db.Store, run int64) error {
	tenant, err := store.FindTenant(ctx, demoTenant)
	if err != nil {
		return err
	}
	d, err := compare(ctx, store, tenant, run-1, run, true, 1)
	if err != nil {
		return err
	}
	var parts []string
	for _, class := range d.classes() {
		parts = append(parts, fmt.Sprintf("%d %s", d.Counts[class], class))
	}
	fmt.Fprintf(a.stdout, "  changes  %s\n", strings.Join(parts, ", "))
	return nil
}

// demoConfig is the configuration of the demo: the defaults, but for the
// simulated tenant, whose rate has no limit.
func demoConfig(base, out string) (config.Config, error) {
	c, err := config.Load("", func(name string) string {
		return map[string]string{"SAIL_BASE_URL": base, "SAIL_CLIENT_ID": demoClient, "SAIL_CLIENT_SECRET": demoSecret}[name]
	})
	if err != nil {
		return config.Config{}, err
	}
	c.Tenant.Name = demoTenant
	c.Tenant.RateLimit = config.RateLimit{Requests: 1_000_000, Per: time.Second}
	c.Report.Dir = out
	return c, c.Check()
}

// demoDatabase makes an empty database for the demo, and says how to ask SQL
// of it afterwards.
func (a *app) demoDatabase(ctx context.Context) (d database, ask string, closeDatabase func(), err error) {
	server := a.getenv("EXPORTER_DATABASE_URL")
	if server == "" {
		server = a.getenv("DATABASE_URL")
	}
	if server != "" {
		d, err := freshDatabase(ctx, server, demoDatabase)
		if err != nil {
			return database{}, "", nil, err
		}
		return database{url: d}, fmt.Sprintf("  psql -d %s   # on the server of your database URL\n", demoDatabase), func() {}, nil
	}
	dir := embedded.DefaultDir(stateName + "-demo")
	d, closeDatabase, err = a.startEmbedded(ctx, dir)
	if err != nil {
		return database{}, "", nil, err
	}
	if _, err := freshDatabase(ctx, d.server.URL("postgres"), stateName); err != nil {
		closeDatabase()
		return database{}, "", nil, err
	}
	file, err := demoConfigFile(dir)
	if err != nil {
		closeDatabase()
		return database{}, "", nil, err
	}
	const query = `SELECT run_id, class, count(*) FROM audit.changes GROUP BY 1, 2 ORDER BY 1, 3 DESC`
	ask = fmt.Sprintf("  %[1]s psql --config %[2]s -- -c '%[3]s'\n  %[1]s diff --config %[2]s --from 1 --to 3\n", program(), file, query)
	return d, ask, closeDatabase, nil
}

// demoConfigFile writes a configuration that leads other commands to the
// demo's data, beside that data.
func demoConfigFile(dir string) (string, error) {
	file := filepath.Join(dir, "demo.yaml")
	text := fmt.Sprintf("# Leads exporter's commands to the data of `exporter demo`.\ntenant: {name: %s}\ndatabase: {embedded_dir: %q}\n", demoTenant, dir)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("demo configuration: %w", err)
	}
	return file, nil
}

// program is how this program was called, for lines a person can copy.
func program() string {
	exe, err := os.Executable()
	if err == nil && strings.HasPrefix(exe, filepath.Join(os.TempDir(), "go-build")) {
		return "go run ./cmd/exporter"
	}
	return os.Args[0]
}

// freshDatabase drops a database on a server and makes it anew. It returns its
// URL.
func freshDatabase(ctx context.Context, server, name string) (string, error) {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", fmt.Errorf("demo database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range []string{"DROP DATABASE IF EXISTS %s WITH (FORCE)", "CREATE DATABASE %s"} {
		if _, err := conn.Exec(ctx, fmt.Sprintf(sql, pgx.Identifier{name}.Sanitize())); err != nil {
			return "", fmt.Errorf("demo database %s: %w", name, err)
		}
	}
	return withDatabaseName(server, name)
}

// withDatabaseName is a connection string, in either form, with another
// database in it.
func withDatabaseName(server, name string) (string, error) {
	if !strings.HasPrefix(server, "postgres://") && !strings.HasPrefix(server, "postgresql://") {
		return server + " dbname=" + name, nil // the last word counts
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("demo database: the database URL cannot be read")
	}
	u.Path = "/" + name
	q := u.Query()
	q.Del("dbname")
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String(), nil
}
