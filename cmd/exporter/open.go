package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"exporter/internal/config"
	"exporter/internal/db"
	"exporter/internal/db/embedded"
	"exporter/internal/fetch"
)

const (
	stateName    = "exporter" // of the state directory and of the database in it
	stopTimeout  = 20 * time.Second
	defaultFile  = "config.yaml"
	spareConns   = 4 // beside those of the workers
	minPoolConns = 4
)

// loadConfig reads the configuration and logs its warnings.
func (a *app) loadConfig() (config.Config, error) {
	c, _, err := a.readConfig()
	if err != nil {
		return config.Config{}, err
	}
	for _, w := range c.Warnings() {
		a.log.Warn("configuration", slog.String("warning", w))
	}
	return c, nil
}

// readConfig reads the configuration: the file named by flag or environment,
// else ./config.yaml where there is one, else, with file empty, the environment
// alone.
func (a *app) readConfig() (c config.Config, file string, err error) {
	file = a.configFile
	if file == "" {
		file = a.getenv("EXPORTER_CONFIG")
	}
	if file == "" {
		if _, err := os.Stat(defaultFile); err == nil {
			file = defaultFile
		} else if !errors.Is(err, fs.ErrNotExist) {
			return config.Config{}, "", usagef("configuration: %w", err)
		}
	}
	if c, err = config.Load(file, a.getenv); err != nil {
		return config.Config{}, "", usageError{err}
	}
	return c, file, nil
}

// database is an open database, configured or embedded.
type database struct {
	url    string
	server *embedded.Server // nil where the server is not ours
}

// openDatabase finds the database: the configured one, else the embedded one,
// which is started. close lets go of it.
func (a *app) openDatabase(ctx context.Context, c config.Config) (d database, close func(), err error) {
	if url := c.Database.URL.Reveal(); url != "" {
		return database{url: url}, func() {}, nil
	}
	return a.startEmbedded(ctx, embeddedDir(c))
}

// embeddedDir is the state directory of the embedded database.
func embeddedDir(c config.Config) string {
	if dir := c.Database.EmbeddedDir; dir != "" {
		return dir
	}
	return embedded.DefaultDir(stateName)
}

func (a *app) startEmbedded(ctx context.Context, dir string) (d database, close func(), err error) {
	server, close, err := a.startServer(ctx, dir)
	if err != nil {
		return database{}, nil, err
	}
	if err := server.EnsureDatabase(ctx, stateName); err != nil {
		close()
		return database{}, nil, err
	}
	return database{url: server.URL(stateName), server: server}, close, nil
}

// startServer starts the embedded server, whatever databases it has.
func (a *app) startServer(ctx context.Context, dir string) (server *embedded.Server, close func(), err error) {
	server, err = embedded.Start(ctx, embedded.Options{Dir: dir, Logger: a.log})
	if err != nil {
		return nil, nil, err
	}
	return server, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			a.log.Warn("embedded PostgreSQL did not stop", slog.Any("error", err))
		}
	}, nil
}

// openStore opens the store for reading what is there. Its schema has to be up
// to date.
func (a *app) openStore(ctx context.Context, c config.Config) (*db.Store, func(), error) {
	d, closeDatabase, err := a.openDatabase(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	store, err := checkedStore(ctx, d.url, 0, db.CheckSchema)
	if err != nil {
		closeDatabase()
		return nil, nil, err
	}
	return store, func() { store.Close(); closeDatabase() }, nil
}

// openOwnStore opens the store for adding to it. Its schema is brought up to
// date, unless the configuration leaves that to others.
func (a *app) openOwnStore(ctx context.Context, c config.Config, connections int) (*db.Store, func(), error) {
	d, closeDatabase, err := a.openDatabase(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	schema := db.CheckSchema
	if c.Database.AutoMigrate {
		schema = a.migrateSchema
	}
	store, err := checkedStore(ctx, d.url, connections, schema)
	if err != nil {
		closeDatabase()
		return nil, nil, err
	}
	return store, func() { store.Close(); closeDatabase() }, nil
}

// checkedStore opens a store after its schema was seen to.
func checkedStore(ctx context.Context, url string, connections int, schema func(context.Context, string) error) (*db.Store, error) {
	store, err := db.Open(ctx, url, connections)
	if err != nil {
		return nil, err
	}
	if err := schema(ctx, url); err != nil {
		store.Close()
		return nil, err
	}
	return store, nil
}

// migrateSchema brings the schema up to date, and says what it did.
func (a *app) migrateSchema(ctx context.Context, url string) error {
	applied, err := db.Migrate(ctx, url)
	for _, m := range applied {
		a.log.Info("migration applied", slog.String("file", m.Name))
	}
	return err
}

// openAPI makes the client of the configured tenant.
func openAPI(c config.Config, log *slog.Logger) (*fetch.Client, error) {
	t := c.Tenant
	api, err := fetch.New(fetch.Options{
		BaseURL: t.BaseURL, TokenURL: t.TokenURL, ClientID: t.ClientID, ClientSecret: t.ClientSecret.Reveal(),
		APIVersion: t.APIVersion, RateRequests: t.RateLimit.Requests, RatePer: t.RateLimit.Per, Timeout: t.Timeout,
		Retries: t.Retries, PageSize: t.PageSize, InFlight: c.Workers.Requests, CAFile: t.CAFile,
		UserAgent: "exporter/" + version().Version, Logger: log,
	})
	if err != nil {
		return nil, usagef("tenant: %w", err)
	}
	return api, nil
}

// withTenant opens the stored history of the configured tenant.
func (a *app) withTenant(ctx context.Context, f func(context.Context, config.Config, *db.Store, db.Tenant) error) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	store, closeStore, err := a.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer closeStore()
	tenant, err := findTenant(ctx, store, c)
	if err != nil {
		return err
	}
	return f(ctx, c, store, tenant)
}

// findTenant is the configured tenant, or, where none is, the only one the
// database knows.
func findTenant(ctx context.Context, store *db.Store, c config.Config) (db.Tenant, error) {
	if c.Tenant.Name != "" {
		return store.FindTenant(ctx, c.Tenant.Name)
	}
	tenants, err := store.Tenants(ctx)
	if err != nil {
		return db.Tenant{}, err
	}
	if len(tenants) == 1 {
		return tenants[0], nil
	}
	var names []string
	for _, t := range tenants {
		names = append(names, t.Name)
	}
	if len(names) == 0 {
		return db.Tenant{}, fmt.Errorf("%w: the database is empty", db.ErrNoTenant)
	}
	return db.Tenant{}, usagef("tenant.name is not set, and the database knows several: %v", names)
}
