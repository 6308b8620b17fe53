package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func (a *app) psqlCommand() *cobra.Command {
	var printURL bool
	cmd := &cobra.Command{
		Use:   "psql [-- ARGUMENT...]",
		Short: "A psql session on the database",
		Long: `Starts psql on the configured or embedded database. Arguments after -- go to
psql. The embedded server runs while an exporter command does: it ends with the
session.`,
		Example: "  exporter psql\n  exporter psql -- -c 'SELECT run_id, status FROM audit.runs'",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
				return errors.New("arguments for psql go after --")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(cmd.Context(), func(d database) error {
				if printURL {
					fmt.Fprintln(a.stdout, d.url)
					return nil
				}
				return a.psql(cmd, d, args)
			})
		},
	}
	cmd.Flags().BoolVar(&printURL, "url", false, "print the connection string instead")
	return cmd
}

func (a *app) psql(cmd *cobra.Command, d database, args []string) error {
	program := "psql"
	if d.server != nil {
		if own := filepath.Join(d.server.BinDir(), "psql"); exists(own) {
			program = own
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return errors.New("psql is not installed (Debian: apt-get install postgresql-client)")
	}
	target, password := withoutPassword(d.url)
	child := exec.CommandContext(cmd.Context(), path, append([]string{"-d", target}, args...)...)
	child.Env = os.Environ()
	if password != "" {
		child.Env = append(child.Env, "PGPASSWORD="+password)
	}
	child.Stdin, child.Stdout, child.Stderr = a.stdin, a.stdout, a.stderr
	// Ctrl-C is psql's: it cancels a query, not the session.
	signal.Ignore(syscall.SIGINT)
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	return child.Run()
}

var passwordSetting = regexp.MustCompile(`\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)`)

// withoutPassword takes the password out of a connection string, so that it
// does not show in the list of processes.
func withoutPassword(conn string) (target, password string) {
	config, err := pgx.ParseConfig(conn)
	if err != nil {
		return conn, ""
	}
	u, err := url.Parse(conn)
	if err != nil || u.Scheme == "" {
		return passwordSetting.ReplaceAllString(conn, ""), config.Password
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	if q := u.Query(); q.Has("password") {
		q.Del("password")
		u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	}
	return u.String(), config.Password
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
