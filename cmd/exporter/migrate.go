package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/db"
)

func (a *app) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "migrate",
		Short:   "Bring the database's schema up to date, or show how it stands",
		Example: "  exporter migrate status\n  exporter migrate up",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Help()
			return usagef("migrate up or migrate status?")
		},
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:     "up",
			Short:   "Apply what is pending; `run` does it by itself unless database.auto_migrate is false",
			Example: "  exporter migrate up",
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.withDatabase(cmd.Context(), func(d database) error {
					applied, err := db.Migrate(cmd.Context(), d.url)
					for _, m := range applied {
						fmt.Fprintf(a.stdout, "applied %s\n", m.Name)
					}
					if err == nil && len(applied) == 0 {
						fmt.Fprintln(a.stdout, "the schema is up to date")
					}
					return err
				})
			},
		},
		&cobra.Command{
			Use:     "status",
			Short:   "List the migrations and when each was applied",
			Example: "  exporter migrate status",
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.withDatabase(cmd.Context(), func(d database) error {
					all, err := db.Migrations(cmd.Context(), d.url)
					if err != nil {
						return err
					}
					rows := [][]string{{"MIGRATION", "APPLIED (UTC)"}}
					for _, m := range all {
						at := "pending"
						if m.AppliedAt != nil {
							at = m.AppliedAt.UTC().Format(time.DateTime)
						}
						rows = append(rows, []string{m.Name, at})
					}
					return table(a.stdout, rows)
				})
			},
		})
	return cmd
}

// withDatabase opens the configured or embedded database, whatever its schema.
func (a *app) withDatabase(ctx context.Context, f func(database) error) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	d, closeDatabase, err := a.openDatabase(ctx, c)
	if err != nil {
		return err
	}
	defer closeDatabase()
	return f(d)
}
