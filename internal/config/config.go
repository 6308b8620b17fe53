// Package config reads what an operator sets, a YAML file and the environment, into one validated Config.
//
// It is strict: an unknown key, a wrong type or a value out of range is an error that names file, line, key and what
// would be right, and all errors come at once. It does not read flags, open connections or decide what a command
// needs; settings says once which keys exist, with their defaults, environment names and limits.
//
// Only cmd may import it: every other package takes the values it needs.
package config

import (
	"errors"
	"strconv"
	"time"
)

// Config is the effective configuration. Its fields are named as the keys of config.example.yaml, where each is explained.
// Load makes it; the zero value is not valid.
type Config struct {
	Tenant         Tenant
	Certifications Certifications
	Workers        Workers
	Database       Database
	Report         Report
	Schedule       Schedule
	Notify         Notify
	Metrics        Metrics
	Retention      Retention

	warnings []string
}

// Tenant says which tenant is read, as whom and how fast.
type Tenant struct {
	Name             string // empty only if BaseURL is
	BaseURL          string // lower-case host, no trailing slash
	TokenURL         string // empty only if BaseURL is
	ClientID         string
	ClientSecret     Secret // as given or as read from ClientSecretFile
	ClientSecretFile string
	APIVersion       string // v1, v2026, v2025, v2024, v3 or beta
	RateLimit        RateLimit
	Timeout          time.Duration // of one request
	Retries          int           // after the first attempt
	PageSize         int
	CAFile           string
}

// RateLimit allows so many requests in any period of that length.
type RateLimit struct {
	Requests int
	Per      time.Duration
}

// Certifications is the scope of a run and how deep it reads. IDs, CampaignIDs and Filter narrow; without any of them
// the scope is every certification the token can see.
type Certifications struct {
	IDs               []string
	CampaignIDs       []string
	Filter            string // in the filter syntax of the API
	RecaptureSigned   bool
	Permissions       string  // flagged, by_entitlement, all or none
	PermissionsSample float64 // share of review items, 0 to 1
	PermissionsFilter string
	ReviewersFilter   string
	KnownGaps         []string // ids of certifications
}

// Workers bounds what happens at once.
type Workers struct {
	Certifications int
	Requests       int // over all certifications
}

// Database says where the history is kept. An empty URL means the embedded server.
type Database struct {
	URL         Secret // may hold a password
	EmbeddedDir string // absolute, or empty for the server's own default
	AutoMigrate bool
}

// Report says what files a run leaves and where.
type Report struct {
	Dir            string
	Formats        []string // of xlsx and csv, at least one
	Baseline       string   // previous, none or the number of a run
	FormulaGuard   bool
	SigningKeyFile string
	Findings       Findings
}

// Findings are the thresholds of the rules of findings, each field that of the rule of its name.
type Findings struct {
	Disabled                         []string // ids of rules, such as TASK_ERROR
	Overdue                          Grace
	SignedLate                       Grace
	BulkApproval                     Bulk
	PrivilegedApprovedWithoutComment Comment
	RevokedStillPresent              Grace
	ReassignedNearDue                Within
	PopulationDrop                   Drop
}

// Grace is how long after a date nothing is found yet.
type Grace struct{ Grace time.Duration }

// Bulk is how many decisions of one interval make a bulk, and what share of them is approved.
type Bulk struct {
	Share float64 // more than 0, at most 1
	Items int
}

// Comment is how many characters a comment has at least.
type Comment struct{ Characters int }

// Within is how close to a date something is found.
type Within struct{ Within time.Duration }

// Drop is the share of a total that may be gone, 0 to 1.
type Drop struct{ Share float64 }

// Schedule says when the daemon runs and where it answers.
type Schedule struct {
	Cron     string // five fields, or a descriptor such as @daily
	Timezone string
	Jitter   time.Duration
	CatchUp  bool
	Listen   string // host:port, or empty for no listener
}

// Notify says who is told of which outcomes.
type Notify struct {
	WebhookURL Secret   // the address alone often admits
	On         []string // of failed, partial and sealed
}

// Metrics names the text file for the node exporter of Prometheus; empty writes none.
type Metrics struct {
	Textfile string
}

// Retention says how long runs are kept: a whole number of years, months or days such as 7y, 18m or 90d.
// Empty keeps everything.
type Retention struct {
	Keep string
}

// Since is the instant from which on runs are kept, as seen at now; ok is false where everything is.
func (r Retention) Since(now time.Time) (since time.Time, ok bool) {
	if !periodForm.MatchString(r.Keep) {
		return time.Time{}, false
	}
	n, _ := strconv.Atoi(r.Keep[:len(r.Keep)-1]) // digits, says the form
	switch r.Keep[len(r.Keep)-1] {
	case 'y':
		return now.AddDate(-n, 0, 0), true
	case 'm':
		return now.AddDate(0, -n, 0), true
	default:
		return now.AddDate(0, 0, -n), true
	}
}

// Check reports every value that is out of range, joined, each named by its key. Load has checked what it returns;
// Check is for a Config whose fields were changed since, as by flags.
func (c Config) Check() error {
	var found []error
	for _, s := range settings(&c) {
		for _, p := range locate(s.key, s.check()) {
			found = append(found, p)
		}
	}
	return errors.Join(found...)
}

// Warnings tells what Load accepted but an operator should mend, a sentence each.
func (c Config) Warnings() []string { return c.warnings }

// RequireName reports what is missing for a command that works on one tenant's history.
func (c Config) RequireName() error {
	return required("tenant.name", c.Tenant.Name,
		"set it, or tenant.base_url (environment: SAIL_BASE_URL), from whose host it is taken")
}

// RequireTenant reports, joined, everything that is missing for a command that talks to the tenant.
func (c Config) RequireTenant() error {
	return errors.Join(
		required("tenant.base_url", c.Tenant.BaseURL,
			"set it or SAIL_BASE_URL, for example https://acme.api.identitynow.com"),
		required("tenant.client_id", c.Tenant.ClientID,
			"set it or SAIL_CLIENT_ID to the id of a personal access token or API client"),
		required("tenant.client_secret", c.Tenant.ClientSecret,
			"set SAIL_CLIENT_SECRET, or tenant.client_secret_file to a file that holds it"),
	)
}

func required[S ~string](key string, value S, remedy string) error {
	if value != "" {
		return nil
	}
	return &problem{key: key, err: errors.New("is missing; " + remedy)}
}
