package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/fetch"
	"exporter/internal/reassign"
	"exporter/internal/snapshot"
)

// reassignFlags are the flags of reassign that are not of the order itself.
type reassignFlags struct {
	items, identities, accesses []string
	file                        string
	yes, dryRun, wait           bool
}

func (a *app) reassignCommand() *cobra.Command {
	var order reassign.Order
	var flags reassignFlags
	cmd := &cobra.Command{
		Use:   "reassign",
		Short: "Hand review items to another reviewer",
		Long: `Shows what would be reassigned and asks before anything is sent; --yes does not
ask. Only "yes" or "y" sends; with any other answer nothing is sent, and the
exit status is 1.

Items go out in requests of 500. Each is recorded in the database before it is
sent, and none is sent twice: where a connection breaks, the tenant may have
accepted what was under way, and the command ends and says how to find out. It
then refuses to send the same targets again unless told so by --again.

The tenant carries out a request as a task, which makes a new certification for
the new reviewer. --wait follows the tasks to their end; exit status 1 where one
ends in ERROR. The next run shows them in any case.

A file of targets is CSV with the header type,id; types are ITEM,
IDENTITY_SUMMARY and TARGET_SUMMARY.`,
		Example: `  exporter reassign --certification 2c9180 --to 6d3801 --reason "on leave" --item 1f2a,1f2b
  exporter reassign --certification 2c9180 --to 6d3801 --reason "on leave" --file items.csv --dry-run
  exporter reassign --certification 2c9180 --to 6d3801 --reason "on leave" --identity 77b0 --yes --wait`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if order.Targets, err = flags.targets(); err != nil {
				return usageError{err}
			}
			if err := order.Check(); err != nil {
				return usageError{err}
			}
			if in, ok := a.stdin.(*os.File); !flags.yes && !flags.dryRun && (!ok || terminal(in) == nil) {
				return usageError{errNobody}
			}
			return a.reassign(cmd.Context(), order, flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&order.CertificationID, "certification", "", "`ID` of the certification")
	f.StringVar(&order.To, "to", "", "`ID` of the identity that is to review")
	f.StringVar(&order.Reason, "reason", "", "`TEXT` that the reviewers will read")
	f.StringSliceVar(&flags.items, "item", nil, "`ID`s of review items, with commas or the flag repeated")
	f.StringSliceVar(&flags.identities, "identity", nil, "`ID`s of identity summaries: all items of these identities")
	f.StringSliceVar(&flags.accesses, "target", nil, "`ID`s of target summaries: all items of these accesses")
	f.StringVar(&flags.file, "file", "", "CSV `FILE` of targets, instead of the three above")
	f.BoolVar(&flags.yes, "yes", false, "send without asking")
	f.BoolVar(&flags.dryRun, "dry-run", false, "show the plan and send nothing")
	f.BoolVar(&flags.wait, "wait", false, "follow the tasks to their end")
	f.BoolVar(&order.Again, "again", false, "send targets again whose last request got no clear answer")
	return cmd
}

// targets are those of the flags or of the file.
func (f reassignFlags) targets() ([]fetch.ReassignTarget, error) {
	var targets []fetch.ReassignTarget
	for _, group := range []struct {
		kind string
		ids  []string
	}{{fetch.TargetItem, f.items}, {fetch.TargetIdentity, f.identities}, {fetch.TargetAccess, f.accesses}} {
		for _, id := range group.ids {
			targets = append(targets, fetch.ReassignTarget{Type: group.kind, ID: id})
		}
	}
	if f.file == "" {
		return targets, nil
	}
	if len(targets) > 0 {
		return nil, errors.New("--file excludes --item, --identity and --target")
	}
	file, err := os.Open(f.file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	defer file.Close()
	return reassign.ReadTargets(f.file, file)
}

// reassign plans an order, asks, sends and, where wanted, waits.
func (a *app) reassign(ctx context.Context, order reassign.Order, flags reassignFlags) error {
	c, err := a.loadConfig()
	if err != nil {
		return err
	}
	if err := errors.Join(c.RequireTenant(), c.Check()); err != nil {
		return usageError{err}
	}
	api, err := openAPI(c, a.log)
	if err != nil {
		return err
	}
	defer api.Close()
	store, closeStore, err := a.openOwnStore(ctx, c, minPoolConns)
	if err != nil {
		return err
	}
	defer closeStore()

	sender := &reassign.Sender{API: api, Store: store, Tenant: c.Tenant.Name}
	plan, err := sender.Plan(ctx, order)
	if err != nil {
		return err
	}
	if err := printPlan(a.stdout, plan); err != nil {
		return err
	}
	if err := plan.Check(); err != nil {
		if errors.Is(err, reassign.ErrUnsettled) {
			err = fmt.Errorf("%w\n%s", err, findOut(order.CertificationID))
		}
		return usageError{err}
	}
	if flags.dryRun {
		return nil
	}
	if !flags.yes {
		if err := a.confirm(ctx, fmt.Sprintf("Send %d to the tenant? [yes/no] ", plan.Requests())); err != nil {
			return err
		}
	}

	var tasks []string
	err = sender.Send(ctx, plan, func(s reassign.Sent) {
		fmt.Fprintf(a.stdout, "request %d of %d  number %d  %d targets  %s", s.Place, plan.Requests(), s.Number, s.Targets, s.Answer.State)
		if s.Answer.TaskID != "" {
			tasks = append(tasks, s.Answer.TaskID)
			fmt.Fprintf(a.stdout, "  task %s", oneLine(s.Answer.TaskID))
		}
		fmt.Fprintln(a.stdout)
	})
	if errors.Is(err, fetch.ErrUnknown) {
		return fmt.Errorf("%w\n%s", err, findOut(order.CertificationID))
	}
	if err != nil || !flags.wait {
		return err
	}
	return a.follow(ctx, sender, order.CertificationID, tasks)
}

// findOut says how to learn what became of a request without a clear answer.
func findOut(certificationID string) string {
	return fmt.Sprintf("`exporter get tasks --certification %s` shows its task while that is under way, `exporter get certifications` the new\n"+
		"certification when it has ended, audit.reassign_requests its targets; --again sends them all the same", certificationID)
}

func printPlan(w io.Writer, p reassign.Plan) error {
	c := p.Certification
	optional := func(s *string) string {
		if s == nil {
			return "-"
		}
		return oneLine(*s)
	}
	rows := [][]string{
		{"certification", oneLine(c.ID)},
		{"  name", optional(c.Name)},
		{"  phase", optional(c.Phase)},
		{"  reviewer", optional(c.ReviewerName) + " (" + optional(c.ReviewerID) + ")"},
		{"reassign to", p.To},
		{"reason", oneLine(p.Reason)},
	}
	kinds := map[string]int64{}
	for _, t := range p.Targets {
		kinds[t.Type]++
	}
	for _, kind := range []string{fetch.TargetItem, fetch.TargetIdentity, fetch.TargetAccess} {
		if n := kinds[kind]; n > 0 {
			rows = append(rows, []string{"targets", count(&n) + " " + kind})
		}
	}
	rows = append(rows, []string{"requests", fmt.Sprint(p.Requests())})
	for _, u := range p.Unsettled {
		rows = append(rows, []string{"unsettled", fmt.Sprintf("number %d of %s UTC to %s is %s and names %d of these targets",
			u.ID, u.RequestedAt.Format(time.DateTime), oneLine(u.To), u.State, u.Shared)})
	}
	return table(w, rows)
}

var (
	errNobody   = errors.New("there is no terminal to ask on: nothing was done; --yes does not ask, --dry-run shows the plan")
	errDeclined = errors.New("not confirmed: nothing was done")
)

// confirm asks on the terminal. Without an error the answer was yes.
func (a *app) confirm(ctx context.Context, question string) error {
	fmt.Fprint(a.stderr, question)
	answers := make(chan string, 1)
	go func() { // where ctx ends first, it ends with the process
		line, _ := bufio.NewReader(a.stdin).ReadString('\n')
		answers <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.stderr)
		return context.Cause(ctx)
	case answer := <-answers:
		switch strings.TrimSpace(answer) {
		case "yes", "y":
			return nil
		}
		if answer == "" { // the end of the input: a device, but no terminal
			fmt.Fprintln(a.stderr)
			return usageError{errNobody}
		}
		return errDeclined
	}
}

// follow waits for the end of tasks and tells how each ended.
func (a *app) follow(ctx context.Context, sender *reassign.Sender, certificationID string, tasks []string) error {
	bar := a.progress("tasks")
	defer bar.close()
	bar.set(0, len(tasks))
	var ends []string
	failed := 0
	err := sender.Follow(ctx, certificationID, tasks, func(t snapshot.Task) {
		end := fmt.Sprintf("task %s  %s", oneLine(t.ID), *t.Status)
		if *t.Status == snapshot.TaskError {
			failed++
			end += "  " + oneLine(strings.Join(t.Errors, "; "))
		}
		ends = append(ends, end)
		bar.set(len(ends), len(tasks))
	})
	bar.close()
	for _, end := range ends {
		fmt.Fprintln(a.stdout, end)
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d tasks ended in %s", failed, len(tasks), snapshot.TaskError)
	}
	return err
}
