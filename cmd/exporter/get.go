package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/fetch"
	"exporter/internal/snapshot"
)

const maxLimit = 250 // rows of a page: more is an error of the API

func (a *app) getCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get",
		Short: "One list of the API, as it stands now",
		Long: `Reads one list of the tenant, or one task, and prints it. Nothing is stored, and
no database is needed.

A list is read to its end and proved, as by a run; where that fails what was read
is printed, standard error says why it is not proved, and the exit status is 3.
With --limit or --offset one page is read, which proves nothing.

JSON is what the tenant sent, with fields that this program knows nothing of. The
columns of table and CSV are named as those of the views in schema audit; CSV has
more of them.`,
		Example: "  exporter get certifications --filters 'phase eq \"ACTIVE\"'\n  exporter get task --task ef38f94347e94562b5bb8424a56397d8",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Help()
			return usagef("get what?")
		},
	}
	for _, l := range listings() {
		cmd.AddCommand(a.getListCommand(l))
	}
	cmd.AddCommand(a.getTaskCommand())
	return cmd
}

// pageFlags say how much of a list is read.
type pageFlags struct {
	limit, offset int
	count, all    bool
	one           bool // a single page
}

func (p *pageFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&p.limit, "limit", 0, "read one page of so many rows, 0 to 250 (default with --offset: tenant.page_size)")
	f.IntVar(&p.offset, "offset", 0, "read one page, from this row on; the first is 0")
	f.BoolVar(&p.count, "count", false, "print on standard error how many rows the tenant says there are")
	f.BoolVar(&p.all, "all", true, "read and prove the whole list")
}

func (p *pageFlags) check(cmd *cobra.Command) error {
	f := cmd.Flags()
	p.one = !p.all || f.Changed("limit") || f.Changed("offset")
	switch {
	case p.one && p.all && f.Changed("all"):
		return usagef("--all reads the whole list: leave --limit and --offset out")
	case p.limit < 0 || p.limit > maxLimit:
		return usagef("--limit %d: use 0 to %d", p.limit, maxLimit)
	case p.offset < 0:
		return usagef("--offset %d: use 0 or more", p.offset)
	}
	return nil
}

func (a *app) getListCommand(l listing) *cobra.Command {
	q := fetch.Query{List: l.list, Params: url.Values{}}
	var page pageFlags
	var format string
	cmd := &cobra.Command{
		Use:     string(l.list),
		Short:   l.short,
		Example: l.example,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := page.check(cmd); err != nil {
				return err
			}
			if err := given(cmd, l.needs...); err != nil {
				return err
			}
			return a.withAPI(format, func(c config.Config, api *fetch.Client) error {
				if page.one && !cmd.Flags().Changed("limit") {
					page.limit = c.Tenant.PageSize
				}
				return a.getList(cmd.Context(), api, q, page, func(rows []json.RawMessage) error {
					if format == "json" {
						return printJSON(a.stdout, rows)
					}
					return a.printRecords(format, l.columns, rows, c.Report.FormulaGuard)
				})
			})
		},
	}
	f := cmd.Flags()
	ids := slices.Concat(l.needs, l.narrows)
	if slices.Contains(ids, "certification") {
		f.StringVar(&q.CertificationID, "certification", "", "`ID` of the certification")
	}
	if slices.Contains(ids, "item") {
		f.StringVar(&q.ItemID, "item", "", "`ID` of the review item")
	}
	f.StringVar(&q.Filters, "filters", "", "clauses that rows have to fulfil, in the API's syntax")
	f.StringVar(&q.Sorters, "sorters", "", "fields to sort by, joined by commas; a minus before one: descending")
	for _, p := range l.params {
		f.Func(p.name, p.usage, func(value string) error {
			if value == "" {
				return errors.New("it is empty")
			}
			q.Params.Set(p.name, value)
			return nil
		})
	}
	page.register(cmd)
	formatFlag(cmd, &format)
	return cmd
}

func (a *app) getTaskCommand() *cobra.Command {
	var certification, task, format string
	cmd := &cobra.Command{
		Use:   "task",
		Short: "One task, finished or not",
		Long: `Prints one task, finished or not. With --certification, which API version beta
needs, it has to be a task of that certification.`,
		Example: "  exporter get task --task ef38f94347e94562b5bb8424a56397d8 --format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := given(cmd, "task"); err != nil {
				return err
			}
			return a.withAPI(format, func(c config.Config, api *fetch.Client) error {
				raw, err := api.RawTask(cmd.Context(), certification, task)
				if err != nil {
					return err
				}
				if format == "json" {
					return printJSON(a.stdout, raw)
				}
				return a.printRecords(format, taskColumns(), []json.RawMessage{raw}, c.Report.FormulaGuard)
			})
		},
	}
	cmd.Flags().StringVar(&task, "task", "", "`ID` of the task")
	cmd.Flags().StringVar(&certification, "certification", "", "`ID` of the certification")
	formatFlag(cmd, &format)
	return cmd
}

func formatFlag(cmd *cobra.Command, format *string) {
	cmd.Flags().StringVar(format, "format", "table", "table, json or csv")
}

// given checks that flags which name something were given.
func given(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if cmd.Flag(name).Value.String() == "" {
			return usagef("%s needs --%s ID", cmd.CommandPath(), name)
		}
	}
	return nil
}

// withAPI opens the configured tenant for a command that prints in a format.
func (a *app) withAPI(format string, f func(config.Config, *fetch.Client) error) error {
	if err := oneOf("format", format, "table", "json", "csv"); err != nil {
		return err
	}
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	if err := c.RequireTenant(); err != nil {
		return usageError{err}
	}
	api, err := openAPI(c, a.log)
	if err != nil {
		return err
	}
	defer api.Close()
	return f(c, api)
}

// getList reads a list, or a page of it, prints it, and then says on standard
// error what its rows do not show.
func (a *app) getList(ctx context.Context, api *fetch.Client, q fetch.Query, page pageFlags, show func([]json.RawMessage) error) error {
	if page.one {
		rows, total, err := api.ReadPage(ctx, q, page.limit, page.offset, page.count)
		if err != nil {
			return err
		}
		if err := show(rows); err != nil {
			return err
		}
		if page.count {
			a.remarkTotal(total)
		}
		return nil
	}
	all := snapshot.Gathered[json.RawMessage]{}
	proof, err := api.ReadAll(ctx, q, &all)
	if err != nil {
		return err
	}
	if err := show(append([]json.RawMessage{}, all.Rows...)); err != nil {
		return err
	}
	if page.count || proof.Expected == nil {
		a.remarkTotal(proof.Expected)
	}
	if left := proof.Read - int64(len(all.Rows)); left > 0 {
		a.remark("%d of the %d rows read are left out: null, repeated or without an id", left, proof.Read)
	}
	if !proof.Proved {
		a.remark("the list is not proved: %s", proof.Why)
		return fmt.Errorf("%w: %s", errPartial, proof.Why)
	}
	return nil
}

func (a *app) remarkTotal(total *int64) {
	if total == nil {
		a.remark("total not stated")
		return
	}
	a.remark("total %d", *total)
}

func (a *app) remark(format string, args ...any) {
	fmt.Fprintf(a.stderr, "exporter: "+format+"\n", args...)
}

func (a *app) printRecords(format string, columns []listColumn, rows []json.RawMessage, guard bool) error {
	if format == "csv" {
		return writeCSV(a.stdout, columns, rows, guard)
	}
	columns = slices.DeleteFunc(slices.Clone(columns), func(c listColumn) bool { return c.wide })
	var header []string
	for _, c := range columns {
		header = append(header, strings.ToUpper(c.name))
	}
	lines := [][]string{header}
	for _, row := range rows {
		var line []string
		for _, v := range record(row, columns) {
			line = append(line, cell(v))
		}
		lines = append(lines, line)
	}
	return table(a.stdout, lines)
}

// writeCSV writes RFC 4180, without the byte order mark of a report's files:
// what goes to standard output is as likely to be read by a program.
func writeCSV(w io.Writer, columns []listColumn, rows []json.RawMessage, guard bool) error {
	b := bufio.NewWriter(w)
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	fmt.Fprintf(b, "%s\r\n", strings.Join(names, ","))
	for _, row := range rows {
		var fields []string
		for _, v := range record(row, columns) {
			fields = append(fields, csvField(v, guard))
		}
		fmt.Fprintf(b, "%s\r\n", strings.Join(fields, ","))
	}
	return b.Flush()
}

// csvField quotes a value where it has to be, and puts a quotation mark before
// what a spreadsheet might compute.
func csvField(v *string, guard bool) string {
	if v == nil {
		return ""
	}
	s := *v
	if first, _ := utf8.DecodeRuneInString(s); guard && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		s = "'" + s
	}
	if strings.ContainsAny(s, ",\"\r\n") {
		s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
