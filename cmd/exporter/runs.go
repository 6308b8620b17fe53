package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/db"
)

func (a *app) runsCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "runs",
		Short:   "The runs so far",
		Example: "  exporter runs\n  exporter runs --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			return a.withTenant(cmd.Context(), func(ctx context.Context, _ config.Config, store *db.Store, t db.Tenant) error {
				runs, err := store.Runs(ctx, t)
				if err != nil {
					return err
				}
				if format == "json" {
					return printJSON(a.stdout, runs)
				}
				return table(a.stdout, runRows(runs))
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	return cmd
}

func runRows(runs []db.Run) [][]string {
	rows := [][]string{{"RUN", "STATUS", "STARTED (UTC)", "TOOK", "CERTIFICATIONS", "ITEMS", "PERMISSIONS", "TASKS", "REQUESTS", "NOTE"}}
	for _, r := range runs {
		took, note := "-", ""
		if r.FinishedAt != nil {
			took = r.FinishedAt.Sub(r.StartedAt).Round(time.Second).String()
		}
		switch {
		case r.Error != nil:
			note = oneLine(*r.Error)
		case r.PrunedAt != nil:
			note = "pruned " + r.PrunedAt.UTC().Format(time.DateOnly)
		case r.Held:
			note = "under legal hold"
		}
		rows = append(rows, []string{
			fmt.Sprint(r.ID), string(r.Status), r.StartedAt.Format(time.DateTime), took, count(r.Certifications), count(r.ReviewItems),
			count(r.Permissions), count(r.Tasks), count(&r.Requests), note,
		})
	}
	return rows
}
