package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCanonicalOfTheDefaults(t *testing.T) {
	t.Parallel()
	want := `{"certifications":{"campaign_ids":[],"filter":"","ids":[],"known_gaps":[],"permissions":"flagged",` +
		`"permissions_filter":"","permissions_sample":0.01,"recapture_signed":false,"reviewers_filter":""},` +
		`"database":{"auto_migrate":true,"embedded_dir":""},` +
		`"metrics":{"textfile":""},` +
		`"notify":{"on":["failed","partial"],"webhook_url":""},` +
		`"report":{"baseline":"previous","dir":"./reports",` +
		`"findings":{"bulk_approval":{"items":20,"share":0.98},"disabled":[],"overdue":{"grace":"0s"},"population_drop":{"share":0.2},` +
		`"privileged_approved_without_comment":{"characters":1},"reassigned_near_due":{"within":"48h0m0s"},` +
		`"revoked_still_present":{"grace":"0s"},"signed_late":{"grace":"0s"}},` +
		`"formats":["xlsx","csv"],"formula_guard":true,"signing_key_file":""},` +
		`"retention":{"keep":""},` +
		`"schedule":{"catch_up":true,"cron":"15 2 * * *","jitter":"0s","listen":"","timezone":"UTC"},` +
		`"tenant":{"api_version":"v1","base_url":"","ca_file":"","client_id":"","client_secret_file":"","name":"",` +
		`"page_size":250,"rate_limit":{"per":"10s","requests":95},"retries":5,"timeout":"30s","token_url":""},` +
		`"workers":{"certifications":4,"requests":16}}`
	c := defaults(t)
	if diff := cmp.Diff(want, string(c.Canonical())); diff != "" {
		t.Errorf("canonical form (-want +got):\n%s", diff)
	}
	const sum = "67c93ed4237f259023542e76a2c7bbaa1e593b379e6de7158cecbe5dc585843e"
	if got := c.SHA256(); got != sum {
		t.Errorf("SHA256: got %s, want %s", got, sum)
	}
}

func TestCanonicalTellsSettingsApartButNotSecrets(t *testing.T) {
	t.Parallel()
	base := defaults(t)
	tests := map[string]struct {
		change func(*Config)
		same   bool
	}{
		"a setting":               {func(c *Config) { c.Workers.Requests++ }, false},
		"a threshold":             {func(c *Config) { c.Report.Findings.Overdue.Grace++ }, false},
		"characters of markup":    {func(c *Config) { c.Certifications.Filter = `name sw "<&>"` }, false},
		"a webhook":               {func(c *Config) { c.Notify.WebhookURL = "https://hunter2.example.com" }, false},
		"no list or an empty one": {func(c *Config) { c.Certifications.IDs = []string{} }, true},
		"the client secret":       {func(c *Config) { c.Tenant.ClientSecret = "hunter2" }, true},
		"the database":            {func(c *Config) { c.Database.URL = "postgres://u:hunter2@h/d" }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := base
			tt.change(&c)
			if got := c.SHA256() == base.SHA256(); got != tt.same {
				t.Errorf("same hash: got %t, want %t; canonical form %s", got, tt.same, c.Canonical())
			}
			if strings.Contains(string(c.Canonical()), "hunter2") {
				t.Errorf("the canonical form tells a secret: %s", c.Canonical())
			}
		})
	}
}
