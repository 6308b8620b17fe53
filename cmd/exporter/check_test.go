package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"exporter/internal/db"
	"exporter/internal/db/dbtest"
	"exporter/internal/fetch"
	"exporter/internal/simulator"
)

// check runs the command and returns what it found.
func (c client) check(want int) (found []checked, stderr string) {
	c.t.Helper()
	stdout, stderr := c.call(want, "check", "--format", "json")
	if err := json.Unmarshal([]byte(stdout), &found); err != nil {
		c.t.Fatalf("%v:\n%s%s", err, stdout, stderr)
	}
	return found, stderr
}

// summary is each check with its status.
func summary(found []checked) []string {
	var lines []string
	for _, r := range found {
		lines = append(lines, r.Status+" "+r.Check)
	}
	return lines
}

func TestCheckOfWhatIsInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := beside(t, smallTenant(simulator.Options{}), fmt.Sprintf("tenant: {name: acme}\nreport: {dir: %q}\n", filepath.Join(dir, "a", "b")))
	c.env["EXPORTER_DATABASE_URL"] = migrated(t)
	stdout, stderr := c.call(0, "check")
	var got []string
	for line := range strings.Lines(stdout) {
		status, rest, _ := strings.Cut(line, " ")
		check, _, _ := strings.Cut(strings.TrimSpace(rest), "  ")
		got = append(got, status+" "+check)
	}
	want := []string{
		"ok configuration", "ok report folder", "ok signing key", "ok database", "ok schema", "ok audit_reader", "ok tenant name",
		"ok rate limit", "ok token", "ok user level", "ok scopes", "ok certifications", "ok tenant", "ok next generation", "ok clock", "ok API version",
	}
	if d := cmp.Diff(want, got); d != "" || stderr != "" {
		t.Errorf("(-want +got):\n%s%s\n%s", d, stdout, stderr)
	}
	found, _ := c.check(0)
	if d := cmp.Diff(want, summary(found)); d != "" {
		t.Errorf("as JSON (-want +got):\n%s", d)
	}
	for _, want := range []string{
		"95 requests in 10s", "obtained for audit.service, valid for 1", "ORG_ADMIN\n", "idn:campaign:read, idn:campaign:manage",
		"1 listed; 1 campaigns count 1", "PostgreSQL 1", "acme has no runs yet", "v1\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("does not tell %q:\n%s", want, stdout)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

func TestCheckOfWhatIsNot(t *testing.T) {
	t.Parallel()
	url := migrated(t) // check changes nothing, so one does for all
	for _, tc := range []struct {
		name    string
		options simulator.Options
		world   func(w *simulator.World)
		fault   simulator.Fault
		config  string
		env     map[string]string
		code    int
		want    []checked // among others
	}{
		{
			name:  "a token that sees its owner's certifications alone",
			world: func(w *simulator.World) { w.Caller.ID, w.Caller.Authorities = "bob", []string{"sp:user"} },
			want: []checked{
				{"user level", "warn", "sp:user: without an error the tenant lists only the certifications that the token's owner reviews",
					"use a token of ORG_ADMIN or CERT_ADMIN"},
				{"certifications", "warn", "the tenant lists 0 of the 1 that 1 campaigns count",
					"use a token of ORG_ADMIN or CERT_ADMIN; certifications that a governance group reviews may be missing all the same"},
			},
		},
		{
			name:  "a token without the scope",
			world: func(w *simulator.World) { w.Caller.Scopes = []string{"idn:sources:read"} },
			code:  exitFailed,
			want: []checked{
				{"scopes", "warn", "idn:sources:read, not idn:campaign:read", "add the scope idn:campaign:read to the token"},
				{"tenant", "FAIL", "campaigns: HTTP 403 (403 Forbidden): The server understood the request but refuses to authorize it.",
					"add the scope idn:campaign:read to the token, and let its owner be ORG_ADMIN or CERT_ADMIN"},
			},
		},
		{
			name:  "scopes that cannot be read",
			world: func(w *simulator.World) { w.Caller.Scopes = append(w.Caller.Scopes[:0], "AA==", "sp:scopes:all") },
			want:  []checked{{"scopes", "ok", "AA==, sp:scopes:all", ""}},
		},
		{
			name: "a secret that is refused", env: map[string]string{"SAIL_CLIENT_SECRET": "demo-secret-no-more"}, code: exitFailed,
			want: []checked{{"token", "FAIL", "token request: authentication failed: HTTP 401 (invalid_client): check tenant.client_id and the client secret",
				"make a personal access token of an ORG_ADMIN or CERT_ADMIN with the scope idn:campaign:read"}},
		},
		{
			name: "a tenant that is not there", env: map[string]string{"SAIL_BASE_URL": "http://127.0.0.1:1"}, code: exitFailed,
			want: []checked{{"token", "FAIL", "token request to http://127.0.0.1:1/oauth/token: ", "check tenant.base_url, firewalls and, where there is a proxy, HTTPS_PROXY"}},
		},
		{
			name: "a tenant whose clock is ahead", options: simulator.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }},
			want: []checked{{"clock", "warn", "this machine's is ", "set it right"}},
		},
		{
			name: "a version that is to end", config: "tenant: {name: acme, api_version: v3}\n",
			options: simulator.Options{Deprecation: map[string]string{"Sunset": "Sun, 31 Dec 2028 00:00:00 GMT", "Deprecation": "true"}},
			want: []checked{{"API version", "warn", "v3 is to end: Deprecation: true, Sunset: Sun, 31 Dec 2028 00:00:00 GMT",
				"set tenant.api_version to v1"}},
		},
		{
			name: "campaigns of the next generation",
			world: func(w *simulator.World) {
				w.NextGeneration = []*simulator.NextGenerationCampaign{{ID: "n1"}, {ID: "n2"}}
			},
			want: []checked{{"next generation", "warn", "2 campaigns of the next generation, which the lists of a run may lack",
				"look for them among `exporter get campaigns`, and report apart what is not there"}},
		},
		{
			name: "a tenant without next generation", fault: simulator.Fault{Operation: simulator.OpNextGeneration, Status: 404},
			want: []checked{{"next generation", "ok", "the tenant serves no campaigns of the next generation", ""}},
		},
		{
			name: "campaigns of which one is not there", config: "tenant: {name: acme}\ncertifications: {campaign_ids: [k1, k2]}\n",
			want: []checked{
				{"campaigns", "warn", "1 of the 2 configured ones are there", "correct certifications.campaign_ids"},
				{"certifications", "ok", "1 listed; 1 campaigns count 1", ""},
			},
		},
		{
			name: "no totals", options: simulator.Options{OmitTotal: true},
			want: []checked{{"certifications", "warn",
				"the tenant does not say how many certifications it lists; they were not compared with what the campaigns count",
				"check again later; the coverage of a run tells what it could see"}},
		},
		{
			name: "more requests than a tenant allows", config: "tenant: {name: acme, rate_limit: {requests: 101, per: 10s}}\n",
			want: []checked{{"rate limit", "warn", "101 requests in 10s; a tenant allows 100 in 10s", "lower tenant.rate_limit"}},
		},
		{
			name: "credentials missing", env: map[string]string{"SAIL_CLIENT_ID": "", "SAIL_CLIENT_SECRET": ""}, code: exitUsage,
			want: []checked{
				{"configuration", "FAIL", "tenant.client_id: is missing; ", ""}, {"configuration", "FAIL", "tenant.client_secret: is missing; ", ""},
				{"schema", "ok", "up to date: ", ""},
			},
		},
		{
			name: "filters that are not taken", config: "tenant: {name: acme}\ncertifications: {filter: 'name eq \"x\"'}\n", code: exitUsage,
			want: []checked{{"configuration", "FAIL", `certifications.filter: filter of certifications: no field "name"; it takes `, ""}},
		},
		{
			name: "a configuration that cannot be read", config: "tenant: {page_size: 0}\nworkers: {certificates: 1}\n", code: exitUsage,
			want: []checked{{"configuration", "FAIL", "CONFIG:1: tenant.page_size: ", ""}, {"configuration", "FAIL", "CONFIG:2: workers.certificates: ", ""}},
		},
		{
			name: "a file of the CA that is not there", config: "tenant: {name: acme, ca_file: nowhere.pem}\n", code: exitUsage,
			want: []checked{{"configuration", "FAIL", "tenant: read CA file: ", ""}},
		},
		{
			name: "a report folder below a file", config: "tenant: {name: acme}\nreport: {dir: CONFIG/reports}\n", code: exitFailed,
			want: []checked{{"report folder", "FAIL", "CONFIG/reports/acme cannot be written: not a directory", "set report.dir to a folder that this user may write to"}},
		},
		{
			name: "a database that is not there", env: map[string]string{"EXPORTER_DATABASE_URL": "postgres://nobody:demo-secret@127.0.0.1:1/none"}, code: exitFailed,
			want: []checked{{"database", "FAIL", "database: ", "set database.url or EXPORTER_DATABASE_URL to a database of PostgreSQL 14 or later that answers"},
				{"tenant", "ok", "http://127.0.0.1:", ""}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tenant := smallTenant(tc.options)
			if tc.world != nil {
				tenant.Edit(tc.world)
			}
			if tc.fault.Operation != "" {
				tenant.Inject(tc.fault)
			}
			if tc.config == "" {
				tc.config = "tenant: {name: acme}\n"
			}
			c := beside(t, tenant, "")
			file := c.env["EXPORTER_CONFIG"]
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(tc.config, "CONFIG", file)), 0o600); err != nil {
				t.Fatal(err)
			}
			c.env["EXPORTER_DATABASE_URL"] = url
			for name, value := range tc.env {
				c.env[name] = value
			}
			found, _ := c.check(tc.code)
			for _, want := range tc.want {
				want.Fact = strings.ReplaceAll(want.Fact, "CONFIG", file)
				if !has(found, want) {
					t.Errorf("lacks %+v among\n%+v", want, found)
				}
			}
		})
	}
}

// has tells whether something was found; of a fact the beginning is enough.
func has(found []checked, want checked) bool {
	for _, r := range found {
		if strings.HasPrefix(r.Fact, want.Fact) && r.Check == want.Check && r.Status == want.Status && r.Remedy == want.Remedy {
			return true
		}
	}
	return false
}

func TestCheckAppliesNoMigration(t *testing.T) {
	t.Parallel()
	url := dbtest.NewEmpty(t)
	for auto, remedy := range map[bool]string{
		true:  "`exporter run` applies them; so does `exporter migrate up`",
		false: "apply them with `exporter migrate up`: database.auto_migrate is false",
	} {
		c := beside(t, smallTenant(simulator.Options{}), fmt.Sprintf("tenant: {name: acme}\ndatabase: {auto_migrate: %t}\n", auto))
		c.env["EXPORTER_DATABASE_URL"] = url
		found, _ := c.check(0)
		i := len(found)
		for n, r := range found {
			if r.Check == "schema" {
				i = n
			}
		}
		if i == len(found) || found[i].Status != "warn" || !strings.HasSuffix(found[i].Fact, "migrations are pending, the first is 000001_history.sql") || found[i].Remedy != remedy {
			t.Errorf("auto_migrate %t: %+v", auto, found)
		}
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	var tables int
	err = conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_class WHERE relnamespace::regnamespace::text IN ('audit', 'history', 'public')`).Scan(&tables)
	if err != nil || tables > 0 {
		t.Errorf("%d tables, error %v", tables, err)
	}
}

func TestCheckKnowsWhoseNameATenantHas(t *testing.T) {
	t.Parallel()
	url := migrated(t)
	store, err := db.Open(t.Context(), url, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	if _, err := store.BindTenant(t.Context(), "acme", "acme.api.identitynow.com"); err != nil {
		t.Fatal(err)
	}
	c := beside(t, smallTenant(simulator.Options{}), "tenant: {name: acme}\n")
	c.env["EXPORTER_DATABASE_URL"] = url
	found, _ := c.check(exitUsage)
	want := checked{"tenant name", "FAIL", "tenant name is bound to another host: acme has been acme.api.identitynow.com in this database", "choose another tenant.name"}
	if !has(found, want) {
		t.Errorf("lacks %+v among\n%+v", want, found)
	}
}

func TestCheckMakesNoCluster(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	c := beside(t, smallTenant(simulator.Options{}), fmt.Sprintf("tenant: {name: acme}\ndatabase: {embedded_dir: %q}\n", dir))
	found, _ := c.check(0)
	i := strings.Index(found[3].Fact, "; `run` will make its cluster in "+dir)
	if found[3].Check != "database" || found[3].Status != "ok" || i < 0 {
		t.Errorf("%+v", found)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is there: %v", err)
	}
}

func TestCheckTellsOfFilesThatOthersRead(t *testing.T) {
	t.Parallel()
	c := beside(t, smallTenant(simulator.Options{}), "tenant: {name: acme, client_secret: "+demoSecret+"}\n")
	if err := os.Chmod(c.env["EXPORTER_CONFIG"], 0o644); err != nil {
		t.Fatal(err)
	}
	c.env["SAIL_CLIENT_SECRET"], c.env["EXPORTER_DATABASE_URL"] = "", migrated(t)
	found, stderr := c.check(0)
	if want := (checked{"configuration", "warn", c.env["EXPORTER_CONFIG"] + " holds tenant.client_secret and is readable by others", ""}); !has(found, want) || stderr != "" {
		t.Errorf("%+v, standard error %q", found, stderr)
	}
}

func TestCheckOfATokenThatDoesNotTell(t *testing.T) {
	t.Parallel()
	p := &preflight{asJSON: true}
	p.token(fetch.TokenInfo{})
	p.token(fetch.TokenInfo{Readable: true, User: "bob", Lifetime: time.Minute, Scopes: []string{"AA=="}})
	want := []checked{
		{"token", "ok", "obtained, valid for an unknown time", ""},
		{"user level", "warn", "the token does not tell: it is no JWT", "see to it that its owner is ORG_ADMIN or CERT_ADMIN"},
		{"token", "ok", "obtained for bob, valid for 1m0s", ""},
		{"user level", "warn", "none: without an error the tenant lists only the certifications that the token's owner reviews", "use a token of ORG_ADMIN or CERT_ADMIN"},
		{"scopes", "ok", "the token does not tell", ""},
	}
	if d := cmp.Diff(want, p.found); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRemedyOfEachError(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"no such host", &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "acme"}}, "name servers"},
		{"an authority that nobody knows", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "tenant.ca_file"},
		{"a refused connection", errors.New("connection refused"), "firewalls"},
		{"forbidden", &fetch.Error{Status: 403}, "idn:campaign:read"},
		{"no such path", &fetch.Error{Status: 404}, "the API's host"},
		{"an error of the tenant", &fetch.Error{Status: 500}, "tracking id"},
	} {
		if got := remedyFor(fmt.Errorf("campaigns: %w", tc.err)); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
