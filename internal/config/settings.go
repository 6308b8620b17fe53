package config

import (
	"errors"
	"time"
)

// setting is one key of the configuration, bound to its field of one Config.
type setting struct {
	key      string
	env      []string // the first that is set wins over the file
	unhashed bool     // left out of Config.Canonical

	reset  func()          // to the default
	decode func(any) error // from a value of the document
	check  func() error    // of the field as it stands
	value  func() any
}

// settings is the schema: every key, its type, its default and its limits. A test holds that no field is forgotten.
func settings(c *Config) []setting {
	return []setting{
		of("tenant.name", &c.Tenant.Name, text, "", optional(label)),
		of("tenant.base_url", &c.Tenant.BaseURL, text, "", optional(siteURL)).from("SAIL_BASE_URL"),
		of("tenant.token_url", &c.Tenant.TokenURL, text, "", optional(pageURL)),
		of("tenant.client_id", &c.Tenant.ClientID, text, "", oneLine).from("SAIL_CLIENT_ID"),
		of("tenant.client_secret", &c.Tenant.ClientSecret, text, "", oneLine).from("SAIL_CLIENT_SECRET").notHashed(),
		of("tenant.client_secret_file", &c.Tenant.ClientSecretFile, text, ""),
		of("tenant.api_version", &c.Tenant.APIVersion, text, "v1", oneOf("v1", "v2026", "v2025", "v2024", "v3", "beta")),
		of("tenant.rate_limit.requests", &c.Tenant.RateLimit.Requests, whole, 95, atLeast(1)),
		of("tenant.rate_limit.per", &c.Tenant.RateLimit.Per, duration, 10*time.Second, positive),
		of("tenant.timeout", &c.Tenant.Timeout, duration, 30*time.Second, between(time.Second, 10*time.Minute)),
		of("tenant.retries", &c.Tenant.Retries, whole, 5, between(0, 10)),
		of("tenant.page_size", &c.Tenant.PageSize, whole, 250, between(1, 250)),
		of("tenant.ca_file", &c.Tenant.CAFile, text, ""),

		of("certifications.ids", &c.Certifications.IDs, texts, nil, each(id), distinct),
		of("certifications.campaign_ids", &c.Certifications.CampaignIDs, texts, nil, each(id), distinct),
		of("certifications.filter", &c.Certifications.Filter, text, "", oneLine),
		of("certifications.recapture_signed", &c.Certifications.RecaptureSigned, boolean, false),
		of("certifications.permissions", &c.Certifications.Permissions, text, "flagged",
			oneOf("flagged", "by_entitlement", "all", "none")),
		of("certifications.permissions_sample", &c.Certifications.PermissionsSample, share, 0.01, fraction),
		of("certifications.permissions_filter", &c.Certifications.PermissionsFilter, text, "", oneLine),
		of("certifications.reviewers_filter", &c.Certifications.ReviewersFilter, text, "", oneLine),
		of("certifications.known_gaps", &c.Certifications.KnownGaps, texts, nil, each(id), distinct),

		of("workers.certifications", &c.Workers.Certifications, whole, 4, between(1, 64)),
		of("workers.requests", &c.Workers.Requests, whole, 16, between(1, 256)),

		of("database.url", &c.Database.URL, text, "", optional(postgres)).
			from("EXPORTER_DATABASE_URL", "DATABASE_URL").notHashed(),
		of("database.embedded_dir", &c.Database.EmbeddedDir, text, "", optional(absolute)),
		of("database.auto_migrate", &c.Database.AutoMigrate, boolean, true),

		of("report.dir", &c.Report.Dir, text, "./reports", notEmpty),
		of("report.formats", &c.Report.Formats, texts, []string{"xlsx", "csv"}, some, each(oneOf("xlsx", "csv")), distinct),
		of("report.baseline", &c.Report.Baseline, textOrNumber, "previous", baseline),
		of("report.formula_guard", &c.Report.FormulaGuard, boolean, true),
		of("report.signing_key_file", &c.Report.SigningKeyFile, text, ""),
		of("report.findings.disabled", &c.Report.Findings.Disabled, texts, nil, each(oneOf(rules()...)), distinct),
		of("report.findings.overdue.grace", &c.Report.Findings.Overdue.Grace, duration, 0, atLeast[time.Duration](0)),
		of("report.findings.signed_late.grace", &c.Report.Findings.SignedLate.Grace, duration, 0, atLeast[time.Duration](0)),
		of("report.findings.bulk_approval.share", &c.Report.Findings.BulkApproval.Share, share, 0.98, fraction, notZero),
		of("report.findings.bulk_approval.items", &c.Report.Findings.BulkApproval.Items, whole, 20, atLeast(1)),
		of("report.findings.privileged_approved_without_comment.characters",
			&c.Report.Findings.PrivilegedApprovedWithoutComment.Characters, whole, 1, atLeast(1)),
		of("report.findings.revoked_still_present.grace",
			&c.Report.Findings.RevokedStillPresent.Grace, duration, 0, atLeast[time.Duration](0)),
		of("report.findings.reassigned_near_due.within",
			&c.Report.Findings.ReassignedNearDue.Within, duration, 48*time.Hour, positive),
		of("report.findings.population_drop.share", &c.Report.Findings.PopulationDrop.Share, share, 0.2, fraction),

		of("schedule.cron", &c.Schedule.Cron, text, "15 2 * * *", cronExpression),
		of("schedule.timezone", &c.Schedule.Timezone, text, "UTC", timezone),
		of("schedule.jitter", &c.Schedule.Jitter, duration, 0, atLeast[time.Duration](0)),
		of("schedule.catch_up", &c.Schedule.CatchUp, boolean, true),
		of("schedule.listen", &c.Schedule.Listen, text, "", optional(hostPort)),

		of("notify.webhook_url", &c.Notify.WebhookURL, text, "", optional(hookURL)),
		of("notify.on", &c.Notify.On, texts, []string{"failed", "partial"}, each(oneOf("failed", "partial", "sealed")), distinct),

		of("metrics.textfile", &c.Metrics.Textfile, text, ""),

		of("retention.keep", &c.Retention.Keep, text, "", optional(period)),
	}
}

// rules are the ids of the rules of findings.
func rules() []string {
	return []string{
		"SELF_REVIEW", "OVERDUE", "SIGNED_LATE", "BULK_APPROVAL", "PRIVILEGED_APPROVED_WITHOUT_COMMENT", "FLIPPED_AFTER_DECISION",
		"AUTO_COMPLETED", "REVOKED_STILL_PRESENT", "REASSIGNED_NEAR_DUE", "REASSIGNED_TO_SUBJECT", "TASK_ERROR", "CERTIFICATION_ERROR",
		"GOVERNANCE_GROUP_UNREADABLE", "POPULATION_DROP", "NEXT_GENERATION_NOT_EXPORTED",
	}
}

func of[T any](key string, field *T, decode func(any) (T, error), initial T, checks ...func(T) error) setting {
	return setting{
		key:   key,
		reset: func() { *field = initial },
		decode: func(v any) error {
			decoded, err := decode(v)
			if err == nil {
				*field = decoded
			}
			return err
		},
		check: func() error {
			var found []error
			for _, check := range checks {
				found = append(found, check(*field))
			}
			return errors.Join(found...)
		},
		value: func() any { return *field },
	}
}

func (s setting) from(env ...string) setting {
	s.env = env
	return s
}

func (s setting) notHashed() setting {
	s.unhashed = true
	return s
}
