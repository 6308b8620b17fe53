package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"exporter/internal/db"
	"exporter/internal/job"
)

func (a *app) reportCommand() *cobra.Command {
	var run, baseline, out string
	var formats []string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Render a stored run again",
		Long: `Renders the report of a stored run. The same run, baseline, settings and version
give the same bytes. A folder that exists is replaced whole.`,
		Example: "  exporter report\n  exporter report --run 12 --baseline 5 --format xlsx --out /tmp/audit",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			if out != "" {
				c.Report.Dir = out
			}
			if len(formats) > 0 {
				c.Report.Formats = formats
			}
			if baseline != "" {
				c.Report.Baseline = baseline
			}
			if err := c.Check(); err != nil {
				return usageError{err}
			}
			base, err := job.ParseBaseline(c.Report.Baseline)
			if err != nil {
				return usageError{err}
			}
			key, err := a.signingKey(c)
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
			stored, err := findRun(cmd.Context(), store, tenant, run)
			if err != nil {
				return err
			}
			result, err := job.Render(cmd.Context(), store, tenant, stored, job.Report{Dir: c.Report.Dir, Baseline: base, Key: key}, formats)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.stdout, result.Folder)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&run, "run", "latest", "number of the run, or latest")
	f.StringVar(&baseline, "baseline", "", "what it is compared with: previous, none or the number of a run (default report.baseline)")
	f.StringSliceVar(&formats, "format", nil, "xlsx, csv or both (default: as the run was configured)")
	f.StringVar(&out, "out", "", "`DIR` the report's folder goes to (default report.dir)")
	return cmd
}

// findRun is the run of a number, or the latest finished one.
func findRun(ctx context.Context, store *db.Store, t db.Tenant, run string) (db.Run, error) {
	if strings.EqualFold(run, "latest") {
		r, err := store.LatestFinished(ctx, t)
		if errors.Is(err, db.ErrNoRun) {
			return db.Run{}, fmt.Errorf("%s has no finished run yet", t.Name)
		}
		return r, err
	}
	n, err := strconv.ParseInt(run, 10, 64)
	if err != nil {
		return db.Run{}, usagef("run %q: use the number of a run or latest", run)
	}
	return store.Run(ctx, t, n)
}
