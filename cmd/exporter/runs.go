package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

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
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			store, closeStore, err := a.openStore(cmd.Context(), c)
			if err != nil {
				return err
			}
			defer closeStore()
			tenant, err := findTenant(cmd.Context(), store, c)
			if err != nil {
				return err
			}
			runs, err := store.Runs(cmd.Context(), tenant)
			if err != nil {
				return err
			}
			if format == "json" {
				return printJSON(a.stdout, runs)
			}
			return table(a.stdout, runRows(runs))
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	return cmd
}

func runRows(runs []db.Run) [][]string {
	rows := [][]string{{"RUN", "STATUS", "STARTED (UTC)", "TOOK", "CERTIFICATIONS", "ITEMS", "PERMISSIONS", "TASKS", "REQUESTS", "ERROR"}}
	for _, r := range runs {
		took, problem := "-", ""
		if r.FinishedAt != nil {
			took = r.FinishedAt.Sub(r.StartedAt).Round(time.Second).String()
		}
		if r.Error != nil {
			problem = *r.Error
		}
		rows = append(rows, []string{
			fmt.Sprint(r.ID), string(r.Status), r.StartedAt.Format(time.DateTime), took, count(r.Certifications), count(r.ReviewItems),
			count(r.Permissions), count(r.Tasks), count(&r.Requests), problem,
		})
	}
	return rows
}
