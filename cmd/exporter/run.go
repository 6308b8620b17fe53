package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"exporter/internal/config"
	"exporter/internal/db"
	"exporter/internal/fetch"
	"exporter/internal/job"
	"exporter/internal/report"
	"exporter/internal/report/findings"
	"exporter/internal/walk"
)

func (a *app) runCommand() *cobra.Command {
	var fresh, resume, noReport bool
	var baseline string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "One night: walk, store, seal, compare, render",
		Long: `Walks the certifications in scope, stores what was proved, seals the run and
renders its report.

Where the tenant's last run was interrupted, has the same scope and began less
than 24 hours ago, it is gone on with under the same run id.`,
		Example: "  exporter run --config config.yaml\n  exporter run --baseline none --no-report",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if fresh && resume {
				return usagef("--fresh and --resume exclude each other")
			}
			c, err := a.loadConfig()
			if err != nil {
				return err
			}
			if err := c.RequireTenant(); err != nil {
				return usageError{err}
			}
			if baseline != "" {
				c.Report.Baseline = baseline
			}
			if err := c.Check(); err != nil {
				return usageError{err}
			}
			o := runOptions{trigger: "run", noReport: noReport}
			switch {
			case fresh:
				o.resume = db.ResumeNever
			case resume:
				o.resume = db.ResumeInsist
			}
			return a.run(cmd.Context(), c, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&fresh, "fresh", false, "begin a new run even where the last one was interrupted")
	f.BoolVar(&resume, "resume", false, "go on with the interrupted run, or fail")
	f.BoolVar(&noReport, "no-report", false, "write no report; `exporter report` can later")
	f.StringVar(&baseline, "baseline", "", "what the report compares with: previous, none or the number of a run (default report.baseline)")
	return cmd
}

type runOptions struct {
	trigger  string
	resume   db.Resume
	noReport bool
}

// run does one run of the configured tenant and prints how it ended.
func (a *app) run(ctx context.Context, c config.Config, o runOptions) error {
	options, err := jobOptions(c, o)
	if err != nil {
		return err
	}
	if options.Report != nil {
		if options.Report.Key, err = a.signingKey(c); err != nil {
			return err
		}
	}
	api, err := openAPI(c, a.log)
	if err != nil {
		return err
	}
	defer api.Close()
	store, closeStore, err := a.openOwnStore(ctx, c, max(minPoolConns, 2*c.Workers.Certifications+spareConns))
	if err != nil {
		return err
	}
	defer closeStore()
	bar := a.progress("certifications")
	defer bar.close()
	options.Store, options.API, options.Logger, options.Progress = store, api, bar.logger(a), bar.set
	result, err := job.Run(ctx, options)
	bar.close()
	if result.Run.Finished() {
		printRun(a.stdout, result)
	}
	if err == nil && result.Run.Status != "SEALED" {
		return fmt.Errorf("%w: run %d", errPartial, result.Run.ID)
	}
	return err
}

// jobOptions turns the configuration into what a run needs.
func jobOptions(c config.Config, o runOptions) (job.Options, error) {
	baseline, err := job.ParseBaseline(c.Report.Baseline)
	if err != nil {
		return job.Options{}, usageError{err}
	}
	s := c.Certifications
	if err := checkFilters(s); err != nil {
		return job.Options{}, usageError{err}
	}
	v := version()
	options := job.Options{
		Tenant: c.Tenant.Name,
		Scope: walk.Scope{
			IDs: s.IDs, CampaignIDs: s.CampaignIDs, Filter: s.Filter, RecaptureSigned: s.RecaptureSigned,
			Permissions: s.Permissions, PermissionsFilter: s.PermissionsFilter, ReviewersFilter: s.ReviewersFilter,
		},
		KnownGaps: s.KnownGaps, Certifications: c.Workers.Certifications, Requests: c.Workers.Requests, Sample: s.PermissionsSample,
		Resume: o.resume, Trigger: o.trigger,
		Settings: report.Settings{Formats: c.Report.Formats, FormulaGuard: c.Report.FormulaGuard, Findings: thresholds(c.Report.Findings)},
		Facts: job.Facts{
			ToolVersion: v.Version, Commit: v.Commit, ConfigSHA256: c.SHA256(), APIVersion: c.Tenant.APIVersion,
			ClientID: c.Tenant.ClientID, PageSize: c.Tenant.PageSize,
		},
	}
	if !o.noReport {
		options.Report = &job.Report{Dir: c.Report.Dir, Baseline: baseline}
	}
	return options, nil
}

// thresholds are those of the configuration as the rules of findings take them.
func thresholds(f config.Findings) findings.Thresholds {
	return findings.Thresholds{
		Disabled: f.Disabled, Overdue: findings.Grace(f.Overdue), SignedLate: findings.Grace(f.SignedLate), BulkApproval: findings.Bulk(f.BulkApproval),
		PrivilegedApprovedWithoutComment: findings.Comment(f.PrivilegedApprovedWithoutComment),
		RevokedStillPresent:              findings.Grace(f.RevokedStillPresent), ReassignedNearDue: findings.Within(f.ReassignedNearDue),
		PopulationDrop: findings.Drop(f.PopulationDrop),
	}
}

// checkFilters reports, joined, the filters that their lists do not take.
func checkFilters(s config.Certifications) error {
	var found []error
	for _, f := range []struct {
		key, filter string
		list        fetch.List
	}{
		{"certifications.filter", s.Filter, fetch.ListCertifications},
		{"certifications.permissions_filter", s.PermissionsFilter, fetch.ListPermissions},
		{"certifications.reviewers_filter", s.ReviewersFilter, fetch.ListReviewers},
	} {
		if err := fetch.CheckQuery(f.list, f.filter, ""); err != nil {
			found = append(found, fmt.Errorf("%s: %w", f.key, err))
		}
	}
	return errors.Join(found...)
}
