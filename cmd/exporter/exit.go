package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"exporter/internal/db"
	"exporter/internal/fetch"
	"exporter/internal/job"
)

// Exit statuses: the contract with cron lines.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3
	exitLocked  = 4
	exitDiffers = 5
	exitReport  = 6
)

// errPartial ends a run, or the reading of a list, that was finished but not
// proved as a whole. Its command has told why.
var errPartial = errors.New("the run is PARTIAL")

// usageError is a fault of the call or the configuration: nothing was touched.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return "interrupted by " + i.signal.String() }

// status is the one place that turns an error into an exit status.
func status(ctx context.Context, err error) int {
	var stop interrupted
	var usage usageError
	var query *fetch.QueryError
	var child *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errPartial):
		return exitPartial
	case errors.Is(err, errDifference):
		return exitDiffers
	case errors.Is(err, job.ErrReport):
		return exitReport
	case errors.As(context.Cause(ctx), &stop):
		return 128 + int(stop.signal)
	case errors.As(err, &usage), errors.As(err, &query), errors.Is(err, db.ErrTenantHost), errors.Is(err, db.ErrNothingToResume):
		return exitUsage
	case errors.Is(err, db.ErrLocked):
		return exitLocked
	case errors.As(err, &child) && child.ExitCode() > 0:
		return child.ExitCode()
	default:
		return exitFailed
	}
}
