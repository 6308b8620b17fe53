package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrLocked says that another run of the tenant is under way.
var ErrLocked = errors.New("another run of this tenant is under way")

// lockSpace keeps our advisory locks apart from other users' of the database.
// Number 0, no tenant's, is that of history.grant_roles.
const lockSpace = 22_809_831

// Lock takes the tenant's run lock and returns what lets go of it. The lock
// belongs to a connection of its own: when the process dies, the server sees
// the connection end and frees it. An operator finds the holder with
//
//	SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 22809831
func (s *Store) Lock(ctx context.Context, t Tenant) (unlock func(), err error) {
	config := s.pool.Config().ConnConfig.Copy()
	config.RuntimeParams["application_name"] = "exporter run lock"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("run lock: %w", err)
	}
	closeConn := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		conn.Close(ctx)
	}
	var held bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1::integer, $2::integer)`, lockSpace, t.ID).Scan(&held); err != nil {
		closeConn()
		return nil, fmt.Errorf("run lock: %w", err)
	}
	if !held {
		closeConn()
		return nil, ErrLocked
	}
	return func() {
		// The end of the connection would free the lock too, but only when the
		// server gets to see it: the next run may be quicker.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = conn.Exec(ctx, `SELECT pg_advisory_unlock($1::integer, $2::integer)`, lockSpace, t.ID)
		closeConn()
	}, nil
}
