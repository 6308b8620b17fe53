package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// load runs what Load does on the content of a file that is called config.yaml.
func load(content string, env map[string]string) (Config, error) {
	l := newLoader("config.yaml")
	l.file([]byte(content), 0o600)
	l.environment(environment(env))
	l.secretFile()
	return l.finish()
}

func TestLoadReportsEveryErrorWithItsLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content string
		env     map[string]string
		want    string
	}{
		"all at once, by line": {
			content: "workers:\n  requests: 0\n  certifications: many\ntenant:\n  retries: 11\n  timeout: 30\nsurprise: 1\n",
			env:     map[string]string{"SAIL_BASE_URL": "acme.example.com"},
			want: `
config.yaml:2: workers.requests: must be between 1 and 256, is 0
config.yaml:3: workers.certifications: must be a whole number without quotes
config.yaml:5: tenant.retries: must be between 0 and 10, is 11
config.yaml:6: tenant.timeout: must be a duration with its unit, for example 500ms, 30s, 10m or 1h30m
config.yaml:7: surprise: unknown key; the keys here are tenant, certifications, workers, database, report, schedule, notify, metrics, retention
SAIL_BASE_URL: tenant.base_url: must be an https URL (http for loopback hosts only) without path, query and user, for example https://acme.api.identitynow.com`,
		},
		"unknown key of a section": {
			content: "tenant:\n  rate_limit: {requests: 1, every: 1s}\n",
			want:    `config.yaml:2: tenant.rate_limit.every: unknown key; the keys here are requests, per`,
		},
		"duplicate keys": {
			content: "workers: {requests: 1}\nworkers:\n  requests: 2\nmetrics:\n  textfile: a\n  textfile: b\n",
			want: `
config.yaml:2: workers: given again, first on line 1; leave one of them out
config.yaml:6: metrics.textfile: given again, first on line 5; leave one of them out`,
		},
		"wrong types": {
			content: `tenant: [1]
workers: 4
certifications:
  ids: abc
  known_gaps: [a, 5, ~]
  filter: {a: b}
  recapture_signed: yes
  permissions_sample: 1 percent
report:
  dir: 1.0
  baseline: 1.5
  formula_guard:
  findings:
    disabled: TASK_ERROR
    bulk_approval: high
    overdue: {grace: 24, after: 1h}
    population_drop:
      share: .nan
    reassigned_near_due: {within: 2d}
    privileged_approved_without_comment: {characters: 1.5}
    surprise: {share: 1%}
schedule:
  jitter: 0
`,
			want: `
config.yaml:1: tenant: must be a mapping of these keys: name, base_url, token_url, client_id, client_secret, client_secret_file, api_version, rate_limit, timeout, retries, page_size, ca_file
config.yaml:2: workers: must be a mapping of these keys: certifications, requests
config.yaml:4: certifications.ids: must be a list, for example [a, b]
config.yaml:5: certifications.known_gaps[1]: must be text; put it in quotes if it looks like a number, a date or true
config.yaml:5: certifications.known_gaps[2]: has no value: leave it out, or it must be text; put it in quotes if it looks like a number, a date or true
config.yaml:6: certifications.filter: must be text; put it in quotes if it looks like a number, a date or true
config.yaml:7: certifications.recapture_signed: must be true or false
config.yaml:8: certifications.permissions_sample: must be a percentage such as 1%, or a number from 0 to 1
config.yaml:10: report.dir: must be text; put it in quotes if it looks like a number, a date or true
config.yaml:11: report.baseline: must be text; put it in quotes if it looks like a number, a date or true
config.yaml:12: report.formula_guard: has no value: leave it out, or it must be true or false
config.yaml:14: report.findings.disabled: must be a list, for example [a, b]
config.yaml:15: report.findings.bulk_approval: must be a mapping of these keys: share, items
config.yaml:16: report.findings.overdue.after: unknown key; the keys here are grace
config.yaml:16: report.findings.overdue.grace: must be a duration with its unit, for example 500ms, 30s, 10m or 1h30m
config.yaml:18: report.findings.population_drop.share: must be a percentage such as 1%, or a number from 0 to 1
config.yaml:19: report.findings.reassigned_near_due.within: must be a duration with its unit, for example 500ms, 30s, 10m or 1h30m
config.yaml:20: report.findings.privileged_approved_without_comment.characters: must be a whole number without quotes
config.yaml:21: report.findings.surprise: unknown key; the keys here are disabled, overdue, signed_late, bulk_approval, privileged_approved_without_comment, revoked_still_present, reassigned_near_due, population_drop
config.yaml:23: schedule.jitter: must be a duration with its unit, for example 500ms, 30s, 10m or 1h30m`,
		},
		"values out of range": {
			content: `tenant:
  name: Acme
  base_url: https://acme.example.com/path
  token_url: http://acme.example.com/oauth/token
  client_id: "a\nb"
  api_version: v4
  rate_limit: {requests: 0, per: 0s}
  timeout: 11m
  page_size: 251
certifications:
  ids:
    - a
    - 'b"'
    - a
    - ""
  permissions: some
  permissions_sample: 101%
database:
  url: postgres://user:hunter2@host:port/x
  embedded_dir: var
report:
  dir: ""
  formats: []
  baseline: 0
schedule:
  cron: "* * *"
  timezone: Mars/Olympus
  jitter: -1s
  listen: "9090"
notify:
  webhook_url: https://user:hunter2@example.com
  on: [failed, never, failed]
retention: {keep: 7 years}
`,
			want: `
config.yaml:2: tenant.name: must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit
config.yaml:3: tenant.base_url: must be an https URL (http for loopback hosts only) without path, query and user, for example https://acme.api.identitynow.com
config.yaml:4: tenant.token_url: must be an https URL (http for loopback hosts only) without query and user, for example https://acme.api.identitynow.com/oauth/token
config.yaml:5: tenant.client_id: must be one line without control characters
config.yaml:6: tenant.api_version: must be one of v1, v2026, v2025, v2024, v3, beta
config.yaml:7: tenant.rate_limit.requests: must be at least 1, is 0
config.yaml:7: tenant.rate_limit.per: must be more than 0s, is 0s
config.yaml:8: tenant.timeout: must be between 1s and 10m0s, is 11m0s
config.yaml:9: tenant.page_size: must be between 1 and 250, is 251
config.yaml:13: certifications.ids[1]: must be an id: not empty, without quotes, backslashes and control characters
config.yaml:14: certifications.ids[2]: repeats item [0]; leave one of them out
config.yaml:15: certifications.ids[3]: must be an id: not empty, without quotes, backslashes and control characters
config.yaml:16: certifications.permissions: must be one of flagged, by_entitlement, all, none
config.yaml:17: certifications.permissions_sample: must be between 0% and 100%, or 0 and 1
config.yaml:19: database.url: must be a connection string of PostgreSQL, for example postgres://user@host:5432/exporter
config.yaml:20: database.embedded_dir: must be an absolute path, for example /var/lib/exporter
config.yaml:22: report.dir: must not be empty
config.yaml:23: report.formats: must name at least one
config.yaml:24: report.baseline: must be previous, none or the number of a run
config.yaml:26: schedule.cron: must be a cron expression (minute, hour, day, month, weekday), for example "15 2 * * *", or one such as @daily
config.yaml:27: schedule.timezone: must be the name of a time zone known to this system, for example UTC or Europe/Berlin
config.yaml:28: schedule.jitter: must be at least 0s, is -1s
config.yaml:29: schedule.listen: must be host:port, for example 127.0.0.1:9090 or :9090
config.yaml:31: notify.webhook_url: must be an https URL (http for loopback hosts only) without user and fragment
config.yaml:32: notify.on[1]: must be one of failed, partial, sealed
config.yaml:32: notify.on[2]: repeats item [0]; leave one of them out
config.yaml:33: retention.keep: must be a number of years, months or days, for example 7y, 18m or 90d; empty keeps everything`,
		},
		"thresholds of findings out of range": {
			content: `report:
  findings:
    disabled:
      - TASK_ERROR
      - task_error
      - TASK_ERROR
    overdue: {grace: -1s}
    signed_late: {grace: -24h}
    bulk_approval: {share: 0%, items: 0}
    privileged_approved_without_comment: {characters: 0}
    revoked_still_present: {grace: -1s}
    reassigned_near_due: {within: 0s}
    population_drop: {share: 20}
`,
			want: `
config.yaml:5: report.findings.disabled[1]: must be one of SELF_REVIEW, OVERDUE, SIGNED_LATE, BULK_APPROVAL, PRIVILEGED_APPROVED_WITHOUT_COMMENT, FLIPPED_AFTER_DECISION, AUTO_COMPLETED, REVOKED_STILL_PRESENT, REASSIGNED_NEAR_DUE, REASSIGNED_TO_SUBJECT, TASK_ERROR, CERTIFICATION_ERROR, GOVERNANCE_GROUP_UNREADABLE, POPULATION_DROP, NEXT_GENERATION_NOT_EXPORTED
config.yaml:6: report.findings.disabled[2]: repeats item [0]; leave one of them out
config.yaml:7: report.findings.overdue.grace: must be at least 0s, is -1s
config.yaml:8: report.findings.signed_late.grace: must be at least 0s, is -24h0m0s
config.yaml:9: report.findings.bulk_approval.share: must be more than 0%
config.yaml:9: report.findings.bulk_approval.items: must be at least 1, is 0
config.yaml:10: report.findings.privileged_approved_without_comment.characters: must be at least 1, is 0
config.yaml:11: report.findings.revoked_still_present.grace: must be at least 0s, is -1s
config.yaml:12: report.findings.reassigned_near_due.within: must be more than 0s, is 0s
config.yaml:13: report.findings.population_drop.share: must be between 0% and 100%, or 0 and 1`,
		},
		"a host that makes no name": {
			content: "tenant:\n  base_url: https://my_tenant.example.com\n",
			want: `config.yaml:2: tenant.name: must be given, as the host of base_url makes none: ` +
				`must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit`,
		},
		"two secrets": {
			content: "tenant:\n  client_secret: hunter2\n  client_secret_file: /run/secrets/isc\n",
			want:    `config.yaml:3: tenant.client_secret_file: must not be given beside tenant.client_secret; leave one of them out`,
		},
		"a secret where its file should be": {
			content: "tenant:\n  client_secret_file: hunter2\n",
			want:    `config.yaml:2: tenant.client_secret_file: must name a file that can be read: no such file or directory`,
		},
		"keys that are none": {
			content: "tenant:\n  client_secret hunter2: 1\n  <<: {name: a}\n  ? x\n  : b\n",
			want: `
config.yaml:2: tenant: must have keys of at most 40 letters, digits, - and _
config.yaml:3: tenant: must have keys of at most 40 letters, digits, - and _
config.yaml:4: tenant: must have keys of at most 40 letters, digits, - and _`,
		},
		"a secret for a section": {
			content: "tenant: hunter2\n",
			want:    `config.yaml:1: tenant: must be a mapping of these keys: name, base_url, token_url, client_id, client_secret, client_secret_file, api_version, rate_limit, timeout, retries, page_size, ca_file`,
		},
		"anchor, alias and tag": {
			content: "workers: {requests: &n 4, certifications: *n}\ntenant:\n  client_id: !!str 5\n",
			want: `
config.yaml:1: workers.requests: must not be an anchor, an alias or tagged; write the value itself
config.yaml:1: workers.certifications: must not be an anchor, an alias or tagged; write the value itself
config.yaml:3: tenant.client_id: must not be an anchor, an alias or tagged; write the value itself`,
		},
		"not a mapping": {
			content: "\n- tenant\n",
			want:    `config.yaml:2: must be a mapping of these keys: tenant, certifications, workers, database, report, schedule, notify, metrics, retention`,
		},
		"two documents": {
			content: "workers: {requests: 1}\n---\nworkers: {requests: 2}\n",
			want:    `config.yaml:3: must be one document; remove the separator ---`,
		},
		"not UTF-8": {
			content: "tenant: {name: \"\xff\"}\n",
			want:    `config.yaml: must be text in UTF-8`,
		},
		"not YAML": {
			content: "tenant:\n  name: acme\n  client_secret: |hunter2\n",
			want:    `config.yaml:3: must be YAML: invalid header option: ...`,
		},
		"a bracket not closed": {
			content: "tenant:\n  name: acme\nreport:\n  formats: [xlsx\n",
			want:    `config.yaml:4: must be YAML: sequence end token ']' not found`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(tt.content, tt.env)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestAddressesAreEncryptedOrLocal(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ site, page, hook bool }{
		"https://acme.example.com":           {true, true, true},
		"https://acme.example.com:8443":      {true, true, true},
		"http://localhost:8080":              {true, true, true},
		"http://127.1.2.3":                   {true, true, true},
		"http://[::1]:80":                    {true, true, true},
		"https://acme.example.com/a/b":       {false, true, true},
		"https://acme.example.com/a?b=c":     {false, false, true},
		"https://acme.example.com?":          {false, false, true},
		"https://acme.example.com/#":         {},
		"http://acme.example.com":            {},
		"http://localhost.example.com":       {},
		"http://128.0.0.1":                   {},
		"http://127.0.0.1.example.com":       {},
		"https://user@acme.example.com":      {},
		"https://@acme.example.com":          {},
		"https://:443":                       {},
		"https://acme.example.com:":          {},
		"https://acme.example.com:99999":     {},
		"ftp://localhost":                    {},
		"acme.example.com":                   {},
		"https:acme.example.com":             {},
		"//acme.example.com":                 {},
		"https://acme.example.com\nInjected": {},
	}
	for address, want := range tests {
		got := tests[""]
		got.site = siteURL(address) == nil
		got.page = pageURL(address) == nil
		got.hook = hookURL(Secret(address)) == nil
		if got != want {
			t.Errorf("%q: got %+v, want %+v", address, got, want)
		}
	}
}

func TestCronExpressions(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]bool{
		"15 2 * * *":                true,
		"*/5 * * * MON-FRI":         true,
		"0 0 29 2 *":                true,
		"@daily":                    true,
		"@every 1h":                 true,
		"":                          false,
		"0 15 2 * * *":              false,
		"0 0 30 2 *":                false,
		"61 * * * *":                false,
		"TZ=UTC":                    false,
		"CRON_TZ=UTC 15 2 * * *":    false,
		"15 2 * * * echo forbidden": false,
	} {
		if err := cronExpression(expression); (err == nil) != want {
			t.Errorf("%q: got %v, want accepted %t", expression, err, want)
		}
	}
}

func TestCheckNamesWhatFlagsHaveBroken(t *testing.T) {
	t.Parallel()
	c, err := Load("", environment(map[string]string{"SAIL_BASE_URL": "https://acme.example.com"}))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil {
		t.Errorf("Check of what Load returned: %v", err)
	}
	c.Report.Formats = []string{"csv", "pdf"}
	c.Report.Baseline = "last"
	want := "report.formats[1]: must be one of xlsx, csv\nreport.baseline: must be previous, none or the number of a run"
	if err := c.Check(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRequirementsListWhatIsMissing(t *testing.T) {
	t.Parallel()
	c := defaults(t)
	want := "tenant.base_url: is missing; set it or SAIL_BASE_URL, for example https://acme.api.identitynow.com\n" +
		"tenant.client_id: is missing; set it or SAIL_CLIENT_ID to the id of a personal access token or API client\n" +
		"tenant.client_secret: is missing; set SAIL_CLIENT_SECRET, or tenant.client_secret_file to a file that holds it"
	if err := c.RequireTenant(); err == nil || err.Error() != want {
		t.Errorf("RequireTenant: got %v, want %s", err, want)
	}
	want = "tenant.name: is missing; set it, or tenant.base_url (environment: SAIL_BASE_URL), from whose host it is taken"
	if err := c.RequireName(); err == nil || err.Error() != want {
		t.Errorf("RequireName: got %v, want %s", err, want)
	}

	c, err := Load("", environment(map[string]string{
		"SAIL_BASE_URL": "https://acme.example.com", "SAIL_CLIENT_ID": "id", "SAIL_CLIENT_SECRET": "hunter2",
	}))
	if err != nil || c.RequireTenant() != nil || c.RequireName() != nil {
		t.Errorf("complete configuration: %v, %v, %v", err, c.RequireTenant(), c.RequireName())
	}
}
