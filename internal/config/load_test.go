package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// environment stands in for os.Getenv.
func environment(set map[string]string) func(string) string {
	return func(name string) string { return set[name] }
}

// defaults is what Load gives without file and environment.
func defaults(t *testing.T) Config {
	t.Helper()
	c, err := Load("", environment(nil))
	if err != nil {
		t.Fatalf("Load without file and environment: %v", err)
	}
	return c
}

// write makes a file of mode 600 and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func equal(t *testing.T, got, want Config) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("Config (-want +got):\n%s", diff)
	}
}

func TestLoadOfAnEmptyFileGivesTheDefaults(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"empty":           "",
		"blank":           "\n \n",
		"comment":         "# nothing yet\n",
		"separator":       "---\n",
		"null":            "~\n",
		"empty mapping":   "{}\n",
		"empty sections":  "tenant:\nreport:\n",
		"empty findings":  "report: {findings: {}}\n",
		"byte order mark": "\uFEFFtenant:\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Load(write(t, "config.yaml", content), environment(nil))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, got, defaults(t))
		})
	}
}

func TestLoadReadsEveryKindOfValue(t *testing.T) {
	t.Parallel()
	got, err := Load(write(t, "config.yaml", `
tenant:
  base_url: https://ACME.api.identitynow.com/
  client_secret: "p$W{x}"
  rate_limit: {requests: 20, per: 1m30s}
certifications:
  ids:
    - 2c9180857725c14301772a93bb77242d
    - "0503"
  filter: >-
    phase eq "ACTIVE"
  permissions: by_entitlement
  permissions_sample: 2.5%
database: {auto_migrate: false}
report:
  baseline: 12
  formats: [csv]
  findings:
    disabled: [TASK_ERROR]
    bulk_approval: {share: 97.5%}
    population_drop: {share: 0.5}
    reassigned_near_due: {within: 72h}
schedule: {listen: ":9090"}
notify: {on: []}
`), environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := defaults(t)
	want.Tenant.Name = "acme"
	want.Tenant.BaseURL = "https://acme.api.identitynow.com"
	want.Tenant.TokenURL = "https://acme.api.identitynow.com/oauth/token"
	want.Tenant.ClientSecret = "p$W{x}"
	want.Tenant.RateLimit = RateLimit{Requests: 20, Per: 90 * time.Second}
	want.Certifications.IDs = []string{"2c9180857725c14301772a93bb77242d", "0503"}
	want.Certifications.Filter = `phase eq "ACTIVE"`
	want.Certifications.Permissions = "by_entitlement"
	want.Certifications.PermissionsSample = 0.025
	want.Database.AutoMigrate = false
	want.Report.Baseline = "12"
	want.Report.Formats = []string{"csv"}
	want.Report.Findings.Disabled = []string{"TASK_ERROR"}
	want.Report.Findings.BulkApproval.Share = 0.975
	want.Report.Findings.PopulationDrop.Share = 0.5
	want.Report.Findings.ReassignedNearDue.Within = 72 * time.Hour
	want.Schedule.Listen = ":9090"
	want.Notify.On = []string{}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Config (-want +got):\n%s", diff)
	}
}

func TestLoadLetsTheEnvironmentWin(t *testing.T) {
	t.Parallel()
	const file = `
tenant:
  base_url: https://file.example.com
  client_id: file
  client_secret_file: /nonexistent/secret
database: {url: postgres://file/x}
`
	tests := map[string]struct {
		env  map[string]string
		want Database
	}{
		"own variable first": {
			map[string]string{"EXPORTER_DATABASE_URL": "postgres://own/x", "DATABASE_URL": "postgres://common/x"},
			Database{URL: "postgres://own/x", AutoMigrate: true},
		},
		"common variable else": {
			map[string]string{"EXPORTER_DATABASE_URL": "", "DATABASE_URL": "postgres://common/x"},
			Database{URL: "postgres://common/x", AutoMigrate: true},
		},
		"file last": {nil, Database{URL: "postgres://file/x", AutoMigrate: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{
				"SAIL_BASE_URL": "https://env.example.com", "SAIL_CLIENT_ID": "env", "SAIL_CLIENT_SECRET": "env-secret",
			}
			for k, v := range tt.env {
				env[k] = v
			}
			got, err := Load(write(t, "config.yaml", file), environment(env))
			if err != nil {
				t.Fatal(err)
			}
			want := defaults(t)
			want.Tenant.Name = "env"
			want.Tenant.BaseURL = "https://env.example.com"
			want.Tenant.TokenURL = "https://env.example.com/oauth/token"
			want.Tenant.ClientID = "env"
			want.Tenant.ClientSecret = "env-secret"
			want.Tenant.ClientSecretFile = "/nonexistent/secret"
			want.Database = tt.want
			equal(t, got, want)
		})
	}
}

func TestLoadNamesTheTenantAfterItsHost(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://acme.api.identitynow.com":      "acme",
		"https://ACME-sb.identitynow.com:8443/": "acme-sb",
		"http://localhost:8080":                 "localhost",
		"http://127.0.0.9:8080":                 "local",
		"http://[::1]:8080":                     "local",
		"https://192.0.2.1":                     "local",
	} {
		got, err := Load("", environment(map[string]string{"SAIL_BASE_URL": base}))
		if err != nil || got.Tenant.Name != want {
			t.Errorf("name for %s: got %q, %v; want %q", base, got.Tenant.Name, err, want)
		}
	}
}

func TestLoadReadsTheSecretFile(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]Secret{
		"hunter2":       "hunter2",
		"hunter2\n":     "hunter2",
		"hunter2\r\n":   "hunter2",
		"  hunter 2 \n": "  hunter 2 ",
	} {
		secret := write(t, "secret", content)
		got, err := Load(write(t, "config.yaml", "tenant: {client_secret_file: "+secret+"}"), environment(nil))
		if err != nil || got.Tenant.ClientSecret != want || got.Tenant.ClientSecretFile != secret {
			t.Errorf("secret of file %q: got %q, %v; want %q", content, got.Tenant.ClientSecret.Reveal(), err, want.Reveal())
		}
		if w := got.Warnings(); len(w) > 0 {
			t.Errorf("warnings for files of mode 600: %q", w)
		}
	}
}

func TestLoadWarnsOfSecretsThatOthersCanRead(t *testing.T) {
	t.Parallel()
	secret := write(t, "secret", "hunter2\n")
	file := write(t, "config.yaml", "tenant: {client_secret_file: "+secret+"}\nnotify: {webhook_url: https://example.com/hook}\n")
	for _, path := range []string{secret, file} {
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(file, environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		file + " holds notify.webhook_url and is readable by others than its owner: chmod 600",
		"tenant.client_secret_file " + secret + " is readable by others than its owner: chmod 600",
	}
	if diff := cmp.Diff(want, got.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestLoadOfAMissingFileSaysSo(t *testing.T) {
	t.Parallel()
	_, err := Load(filepath.Join(t.TempDir(), "absent.yaml"), environment(nil))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "read configuration: ") {
		t.Errorf("got %v, want the error of os, with what was tried", err)
	}
}
