package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/db"
	"exporter/internal/job"
)

func (a *app) pruneCommand() *cobra.Command {
	var dryRun bool
	var format string
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what retention.keep no longer keeps",
		Long: `Removes the rows of runs that began before the time that retention.keep keeps,
and their report folders. Never removed are runs under legal hold, the last
finished run and what came after it, rows that a kept run needs, and of every
run its place in the chain of seals, so that verify goes on to hold. What was
done is on record in audit.retention_events.

It takes the role that owns the tables. --dry-run does all of it and takes it
back.`,
		Example: "  exporter prune --dry-run\n  exporter prune --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			return a.withTenant(cmd.Context(), func(ctx context.Context, c config.Config, store *db.Store, t db.Tenant) error {
				since, ok := c.Retention.Since(time.Now().UTC().Truncate(time.Second))
				if !ok {
					fmt.Fprintln(a.stdout, "retention.keep is not set: everything is kept")
					return nil
				}
				done, err := job.Prune(ctx, store, t, since, c.Report.Dir, dryRun)
				if err != nil {
					return err
				}
				if format == "json" {
					return printJSON(a.stdout, done)
				}
				return printPruning(a.stdout, done, dryRun)
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	// Where people look for them first; they are commands of their own.
	for _, sub := range []*cobra.Command{a.holdCommand(), a.releaseCommand(), a.eraseCommand()} {
		sub.Hidden = true
		cmd.AddCommand(sub)
	}
	return cmd
}

func (a *app) holdCommand() *cobra.Command {
	return a.holding("hold", "Put a run under legal hold: prune leaves it as it is", "is under legal hold", (*db.Store).Hold)
}

func (a *app) releaseCommand() *cobra.Command {
	return a.holding("release", "End the legal hold of a run", "is not under legal hold any more", (*db.Store).Release)
}

func (a *app) holding(name, short, told string, set func(*db.Store, context.Context, db.Tenant, int64, string, time.Time) error) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     name + " RUN",
		Short:   short,
		Example: fmt.Sprintf("  exporter %s 12 --reason \"case 2026-7\"", name),
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || run < 1 {
				return usagef("run %q: use the number of a run; `exporter runs` lists them", args[0])
			}
			return a.withTenant(cmd.Context(), func(ctx context.Context, _ config.Config, store *db.Store, t db.Tenant) error {
				if err := set(store, ctx, t, run, reason, time.Now().UTC().Truncate(time.Microsecond)); err != nil {
					return err
				}
				fmt.Fprintf(a.stdout, "run %d %s\n", run, told)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` for the record")
	return cmd
}

func (a *app) eraseCommand() *cobra.Command {
	var reason string
	var yes, dryRun bool
	cmd := &cobra.Command{
		Use:   "erase-person ID",
		Short: "Replace a person's name, e-mail and comments in the history, for a lawful request",
		Long: `Replaces the name and e-mail of an identity by [erased] wherever the stored
history has them beside its id, and the comments on its access and those of its
own reviews. Ids, decisions and the names of accounts stay. The chain of seals
holds: verify counts the rows as erased. Shows what would change and asks;
--yes does not ask. It cannot be undone.

What the tenant still tells of the person comes again when an object changes
there: have the person erased there first. Reports rendered before are not
changed; the command names them.`,
		Example: "  exporter erase-person 2c9180857182305e0171993735622948 --dry-run\n  exporter erase-person 2c9180857182305e0171993735622948 --reason \"request 12\" --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := strings.TrimSpace(args[0])
			if id == "" {
				return usagef("name the id of an identity")
			}
			if yes && dryRun {
				return usagef("--yes and --dry-run exclude each other")
			}
			if in, ok := a.stdin.(*os.File); !yes && !dryRun && (!ok || terminal(in) == nil) {
				return usageError{errNobody}
			}
			return a.withTenant(cmd.Context(), func(ctx context.Context, c config.Config, store *db.Store, t db.Tenant) error {
				erase := func(dryRun bool) (job.Erasure, error) {
					return job.Erase(ctx, store, t, id, reason, c.Report.Dir, dryRun)
				}
				done, err := erase(!yes)
				if err != nil {
					return err
				}
				if err := printErasure(a.stdout, done, !yes); err != nil || yes || dryRun {
					return err
				}
				if err := a.confirm(ctx, "Erase for good? [yes/no] "); err != nil {
					return err
				}
				if done, err = erase(false); err != nil {
					return err
				}
				return printErasure(a.stdout, done, false)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&reason, "reason", "", "`TEXT` for the record")
	f.BoolVar(&yes, "yes", false, "erase without asking")
	f.BoolVar(&dryRun, "dry-run", false, "show what would be erased and change nothing")
	return cmd
}

func printPruning(w io.Writer, p job.Pruning, dryRun bool) error {
	verb := "pruned"
	if dryRun {
		verb = "would be pruned"
	}
	rows := [][]string{
		{"runs before", p.Before.Format(time.DateTime) + " UTC"},
		{verb, numbers(p.Runs)},
		{"under hold", numbers(p.Held)},
	}
	for _, r := range p.Rows {
		rows = append(rows, []string{"  " + r.Table, count(&r.Rows) + " rows"})
	}
	for _, folder := range p.Folders {
		rows = append(rows, []string{"  folder", folder})
	}
	return table(w, rows)
}

func printErasure(w io.Writer, e job.Erasure, dryRun bool) error {
	verb := "erased from"
	if dryRun {
		verb = "would be erased from"
	}
	var rows [][]string
	for _, r := range e.Rows {
		if r.Rows > 0 {
			rows = append(rows, []string{verb, r.Table, count(&r.Rows) + " rows"})
		}
	}
	if err := table(w, rows); err != nil || len(e.Folders) == 0 {
		return err
	}
	fmt.Fprintln(w, "reports rendered before may name the person still; `exporter report --run N` renders one again:")
	for _, folder := range e.Folders {
		fmt.Fprintln(w, "  "+folder)
	}
	return nil
}

// numbers lists runs, each stretch of them by its ends.
func numbers(runs []int64) string {
	var parts []string
	for i := 0; i < len(runs); {
		j := i
		for j+1 < len(runs) && runs[j+1] == runs[j]+1 {
			j++
		}
		if part := strconv.FormatInt(runs[i], 10); j > i {
			parts = append(parts, part+"-"+strconv.FormatInt(runs[j], 10))
		} else {
			parts = append(parts, part)
		}
		i = j + 1
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
