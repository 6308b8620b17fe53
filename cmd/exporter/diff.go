package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"exporter/internal/db"
	"exporter/internal/delta"
)

// change is one row of changes_between, for the terminal and for JSON.
type change struct {
	Class           string  `json:"class"`
	Object          string  `json:"object"`
	CertificationID *string `json:"certification_id"`
	ObjectID        *string `json:"object_id"`
	Field           *string `json:"field"`
	Before          *string `json:"before"`
	After           *string `json:"after"`
}

// comparison is what diff prints as JSON.
type comparison struct {
	Tenant  string         `json:"tenant"`
	From    int64          `json:"from"`
	To      int64          `json:"to"`
	Counts  map[string]int `json:"counts"`
	Changes []change       `json:"changes"`
}

func (a *app) diffCommand() *cobra.Command {
	var from, to int64
	var format string
	cmd := &cobra.Command{
		Use:     "diff",
		Short:   "What changed between two runs",
		Example: "  exporter diff --from 1 --to 3\n  exporter diff --from 1 --to 3 --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("format", format, "table", "json"); err != nil {
				return err
			}
			if from < 1 || to < 1 {
				return usagef("--from and --to take the numbers of two runs; `exporter runs` lists them")
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
			d, err := compare(cmd.Context(), store, tenant, from, to)
			if err != nil {
				return err
			}
			if format == "json" {
				return printJSON(a.stdout, d)
			}
			return printComparison(a.stdout, d)
		},
	}
	f := cmd.Flags()
	f.Int64Var(&from, "from", 0, "number of the earlier run")
	f.Int64Var(&to, "to", 0, "number of the later run")
	f.StringVar(&format, "format", "table", "table or json")
	return cmd
}

func compare(ctx context.Context, store *db.Store, t db.Tenant, from, to int64) (comparison, error) {
	for _, id := range []int64{from, to} {
		if _, err := store.Run(ctx, t, id); err != nil {
			return comparison{}, err
		}
	}
	d := comparison{Tenant: t.Name, From: from, To: to, Counts: map[string]int{}, Changes: []change{}}
	err := store.Read(ctx, t, to, &from, func(r *db.Reader) error {
		for row, err := range r.Changes(ctx, []string{"class", "object", "certification_id", "object_id", "field", "before", "after"}) {
			if err != nil {
				return err
			}
			c := change{
				Class: *text(row[0]), Object: *text(row[1]), CertificationID: text(row[2]), ObjectID: text(row[3]),
				Field: text(row[4]), Before: text(row[5]), After: text(row[6]),
			}
			d.Changes = append(d.Changes, c)
			d.Counts[c.Class]++
		}
		return nil
	})
	if err != nil {
		return comparison{}, err
	}
	// The rows that matter first; within a class the order of the query stays.
	slices.SortStableFunc(d.Changes, func(a, b change) int {
		return delta.Rank(delta.Class(a.Class)) - delta.Rank(delta.Class(b.Class))
	})
	return d, nil
}

func text(v any) *string {
	if s, ok := v.(string); ok {
		return &s
	}
	return nil
}

func printComparison(w io.Writer, d comparison) error {
	fmt.Fprintf(w, "%s: run %d -> run %d: %d changes\n", d.Tenant, d.From, d.To, len(d.Changes))
	if len(d.Changes) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	counts := [][]string{{"CLASS", "COUNT", "MEANING"}}
	for _, m := range delta.Classes() {
		if n := d.Counts[string(m.Class)]; n > 0 {
			counts = append(counts, []string{string(m.Class), fmt.Sprint(n), m.Text})
		}
	}
	if err := table(w, counts); err != nil {
		return err
	}
	fmt.Fprintln(w)
	rows := [][]string{{"CLASS", "OBJECT", "CERTIFICATION", "ID", "FIELD", "BEFORE", "AFTER"}}
	for _, c := range d.Changes {
		rows = append(rows, []string{c.Class, c.Object, cell(c.CertificationID), cell(c.ObjectID), cell(c.Field), cell(c.Before), cell(c.After)})
	}
	return table(w, rows)
}

const cellWidth = 48 // runes of a value on the terminal; JSON has them all

// cell makes a value fit for one cell of a terminal.
func cell(s *string) string {
	if s == nil {
		return "-"
	}
	line := oneLine(*s)
	if r := []rune(line); len(r) > cellWidth {
		return string(r[:cellWidth-1]) + "…"
	}
	return line
}
