package db

import (
	"context"
	"fmt"
)

// Server is what a database's server tells of itself.
type Server struct {
	Version     string // as it names it: 15.18 (Debian ...)
	AuditReader bool   // it has the role that may read the views
}

// Server asks the server for its version and its role for readers.
func (s *Store) Server(ctx context.Context) (Server, error) {
	var v Server
	err := s.pool.QueryRow(ctx, `
		SELECT
			current_setting('server_version'),
			EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'audit_reader')`).Scan(&v.Version, &v.AuditReader)
	if err != nil {
		return Server{}, fmt.Errorf("database: %w", err)
	}
	return v, nil
}
