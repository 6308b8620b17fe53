// Package db is all the SQL of the module: the runs, the staging area where
// pages wait for their proof, the history of versions, and the queries of
// people and reports.
//
// The store in one paragraph. A run belongs to a tenant. Every object (header,
// reviewer, review item, an item's permission list, task, campaign) is kept as
// versions: a version holds from valid_from_run up to, not including,
// valid_to_run; the current one has no end. A collection that was proved is
// merged: versions that are not in it, or differ, are closed, and what is new
// is inserted; nothing else is ever changed. Coverage has a row for each run,
// certification and collection, and says which run proved the rows shown. The
// views of schema audit put the two together as of any run. Rows carry hashes
// of themselves, and a finished run is sealed over them onto the one before. Beside the runs
// stand the reassign requests: each is written down before it is sent, and
// answered once.
//
// Packages job and reassign use it; packages walk and report see it through
// interfaces of their own.
package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	minServer     = 14_00_00 // PostgreSQL 14: server_version_num
	closeTimeout  = 10 * time.Second
	connectWithin = 15 * time.Second
)

// Store is a pool of connections to one database. It is safe for concurrent
// use.
type Store struct {
	pool    *pgxpool.Pool
	url     string
	spillAt int // bytes of a collection that wait in memory
}

// Open connects to a database. connections bounds the pool; 0 leaves it to the
// connection string. Errors never hold the password.
func Open(ctx context.Context, url string, connections int) (*Store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err) // pgx leaves the password out
	}
	if connections > 0 {
		config.MaxConns = int32(connections)
	}
	if _, set := config.ConnConfig.RuntimeParams["application_name"]; !set {
		config.ConnConfig.RuntimeParams["application_name"] = "exporter"
	}
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.ConnectTimeout = connectWithin
	// A plan that was made while a table was empty is not to be kept while a
	// night fills it. Not a parameter of the connection: poolers refuse those
	// they do not know.
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `SET plan_cache_mode = force_custom_plan`)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	s := &Store{pool: pool, url: url, spillAt: spillBytes}
	if err := s.checkServer(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) checkServer(ctx context.Context) error {
	var version int
	if err := s.pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::integer`).Scan(&version); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if version < minServer {
		return fmt.Errorf("database: PostgreSQL %d is too old: 14 or later is needed", version/10000)
	}
	return nil
}

// Close closes all connections.
func (s *Store) Close() { s.pool.Close() }

// inTx runs f in a transaction. f runs once; there is no retry.
func (s *Store) inTx(ctx context.Context, f func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, f)
}
