//go:build !unix

package embedded

import (
	"context"
	"errors"
)

// Start fails: a private server needs a Unix system.
func Start(context.Context, Options) (*Server, error) {
	return nil, errors.New("start PostgreSQL: a private server runs on Unix systems only: set database.url")
}

// Stop does nothing: Start gives out no server.
func (*Server) Stop(context.Context) error { return nil }
