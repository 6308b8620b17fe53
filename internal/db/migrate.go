package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"exporter/migrations"
)

// Migration is one file of the schema and when it was applied.
type Migration struct {
	Version   int64      `json:"version"`
	Name      string     `json:"name"`
	AppliedAt *time.Time `json:"applied_at"` // nil: pending
}

// Migrate brings the database up to this program's schema, under a lock that
// lets one process at a time do so. It returns the migrations it applied.
func Migrate(ctx context.Context, url string) ([]Migration, error) {
	var applied []Migration
	err := withGoose(ctx, url, func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			applied = append(applied, Migration{Version: r.Source.Version, Name: r.Source.Path})
		}
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		return grantRoles(ctx, url)
	})
	return applied, err
}

// grantRoles gives the roles of the server what they may do, in case they were
// made after the schema. Whoever does not own the schema leaves it to the owner.
func grantRoles(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("grant roles: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var owner bool
	if err = conn.QueryRow(ctx, `SELECT has_function_privilege('history.grant_roles()', 'EXECUTE')`).Scan(&owner); err == nil && owner {
		_, err = conn.Exec(ctx, `SELECT history.grant_roles()`)
	}
	if err != nil {
		return fmt.Errorf("grant roles: %w", err)
	}
	return nil
}

// Migrations lists the schema's files and which are applied. It changes
// nothing.
func Migrations(ctx context.Context, url string) ([]Migration, error) {
	var all []Migration
	err := withGoose(ctx, url, func(p *goose.Provider) error {
		for _, s := range p.ListSources() {
			all = append(all, Migration{Version: s.Version, Name: s.Path})
		}
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return fmt.Errorf("migrations: %w", err)
		}
		defer conn.Close(context.WithoutCancel(ctx))
		applied, err := appliedAt(ctx, conn)
		if err != nil {
			return err
		}
		for i := range all {
			if t, ok := applied[all[i].Version]; ok {
				all[i].AppliedAt = &t
			}
		}
		return nil
	})
	return all, err
}

const versionTable = "exporter_migrations"

func appliedAt(ctx context.Context, conn *pgx.Conn) (map[int64]time.Time, error) {
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, versionTable).Scan(&exists); err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	applied := map[int64]time.Time{}
	if !exists {
		return applied, nil
	}
	rows, err := conn.Query(ctx, `SELECT version_id, tstamp FROM `+versionTable+` WHERE is_applied`)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	var version int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&version, &at}, func() error {
		applied[version] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return applied, nil
}

// CheckSchema says whether the database has this program's schema, and what to
// do where it has not.
func CheckSchema(ctx context.Context, url string) error {
	all, err := Migrations(ctx, url)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.AppliedAt == nil {
			return fmt.Errorf("the database lacks migration %s: run `exporter migrate up`", m.Name)
		}
	}
	return nil
}

func withGoose(ctx context.Context, url string, f func(*goose.Provider) error) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	conn := stdlib.OpenDB(*config)
	defer conn.Close()
	p, err := provider(conn, migrations.Files)
	if err != nil {
		return err
	}
	return f(p)
}

func provider(conn *sql.DB, files fs.FS) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	store, err := database.NewStore(database.DialectPostgres, versionTable)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	p, err := goose.NewProvider("", conn, files, goose.WithStore(store), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	for i, s := range p.ListSources() {
		if s.Version != int64(i+1) {
			return nil, errors.New("migrations: " + s.Path + " leaves a gap in the numbers")
		}
	}
	return p, nil
}
