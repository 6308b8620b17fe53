package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/db"
)

// errDifference says that something is not as it was sealed.
var errDifference = errors.New("verification found a difference")

func (a *app) verifyCommand() *cobra.Command {
	var upTo int64
	var all, database bool
	var publicKey, format string
	cmd := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "Prove that a report or the stored history is as it was sealed",
		Long: `With DIR, the folder of a report: checks its files against the manifest and the
rows in them, the manifest against the lines that were sealed, these against the
root, the previous root against the reports beside it, and with --public-key the
manifest's signature. It needs neither database nor configuration. What cannot be
checked is said to be so.

With --run or --all, the database: computes the hashes of the stored history
again from its rows, follows the chain of seals, and names the first thing that
differs. With --run, a run and all that it rests on; with --all, everything
stored of the tenant.

Exit status 5: there is a difference.

A chain in a database cannot tell that its newest runs were dropped, or that
whoever owns the database has computed all of it anew. A report that was kept can:
DIR with --database compares its run with the stored one.`,
		Example: "  exporter verify reports/acme/run-000012\n  exporter verify reports/acme/run-000012 --public-key exporter.pub --database\n" +
			"  exporter verify --all\n  exporter verify --run 12 --format json",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			one := cmd.Flags().Changed("run")
			switch {
			case len(args) == 1 && (one || all):
				return usagef("a folder is verified by itself: leave --run and --all out")
			case len(args) == 1:
				return a.verifyFolder(cmd.Context(), args[0], publicKey, database, format)
			case cmd.Flags().Changed("public-key") || database:
				return usagef("--public-key and --database go with the folder of a report")
			case one == all:
				return usagef("say what to verify: the folder of a report, --run with the number of a run, or --all")
			case one && upTo < 1:
				return usagef("--run takes the number of a run; `exporter runs` lists them")
			case all:
				return a.verify(cmd.Context(), nil, format)
			default:
				return a.verify(cmd.Context(), &upTo, format)
			}
		},
	}
	f := cmd.Flags()
	f.Int64Var(&upTo, "run", 0, "number of a finished run, which is verified with all before it")
	f.BoolVar(&all, "all", false, "verify all runs of the tenant")
	f.StringVar(&publicKey, "public-key", "", "`KEY` of minisign that the folder's manifest has to be signed by: the key itself or a file with it")
	f.BoolVar(&database, "database", false, "compare the folder's run with the one in the configured database")
	f.StringVar(&format, "format", "table", "table or json")
	return cmd
}

func (a *app) verify(ctx context.Context, upTo *int64, format string) error {
	return a.withTenant(ctx, func(ctx context.Context, _ config.Config, store *db.Store, t db.Tenant) error {
		v, err := store.Verify(ctx, t, upTo)
		if err != nil {
			return err
		}
		if format == "json" {
			err = printJSON(a.stdout, v)
		} else {
			err = printVerification(a.stdout, v)
		}
		if err == nil && v.Difference != nil {
			err = fmt.Errorf("%w: %s", errDifference, oneLine(v.Difference.String()))
		}
		return err
	})
}

func printVerification(w io.Writer, v db.Verification) error {
	d := v.Difference
	if d == nil {
		fmt.Fprintf(w, "%s: as it was sealed (finished runs: %s, rows: %s, collections: %s, permission sets: %s)\n",
			v.Tenant, count(&v.Runs), count(&v.Rows), count(&v.Collections), count(&v.PermissionSets))
		if v.PrunedRuns > 0 {
			fmt.Fprintf(w, "  of %s finished runs the place in the chain alone: their rows were pruned, on record\n", count(&v.PrunedRuns))
		}
		if v.ErasedRows > 0 {
			fmt.Fprintf(w, "  a person was erased from %s rows, on record\n", count(&v.ErasedRows))
		}
		return nil
	}
	fmt.Fprintf(w, "%s: not as it was sealed\n", v.Tenant)
	rows := [][]string{{"  table", d.Table}}
	if d.CertificationID != "" {
		rows = append(rows, []string{"  certification", oneLine(d.CertificationID)})
	}
	if d.ID != "" {
		rows = append(rows, []string{"  id", oneLine(d.ID)})
	}
	if d.Run != 0 {
		rows = append(rows, []string{"  run", fmt.Sprint(d.Run)})
	}
	return table(w, append(rows, []string{"  what", d.What}))
}
