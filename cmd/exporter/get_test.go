package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"exporter/internal/db"
	"exporter/internal/db/dbtest"
	"exporter/internal/fetch"
	"exporter/internal/simulator"
	"exporter/migrations"
)

var update = flag.Bool("update", false, "write the files in testdata/get anew")

// client is the program beside a tenant.
type client struct {
	t      *testing.T
	tenant *simulator.Tenant
	env    map[string]string
}

// beside puts a tenant on the network, and gives the program a configuration
// that leads there, with what else it holds.
func beside(t *testing.T, tenant *simulator.Tenant, config string) client {
	t.Helper()
	base, stop, err := simulator.Serve(t.Context(), "127.0.0.1:0", tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return client{t, tenant, map[string]string{
		"SAIL_BASE_URL": base, "SAIL_CLIENT_ID": demoClient, "SAIL_CLIENT_SECRET": demoSecret, "EXPORTER_CONFIG": file,
	}}
}

// call runs the program. It fails the test where the exit status is another
// than want, or the secret is told.
func (c client) call(want int, args ...string) (stdout, stderr string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	code := run(c.t.Context(), args, func(name string) string { return c.env[name] }, nil, &out, &errs)
	if code != want {
		c.t.Fatalf("exporter %s: exit status %d, want %d:\n%s%s", strings.Join(args, " "), code, want, &out, &errs)
	}
	if strings.Contains(out.String()+errs.String(), demoSecret) {
		c.t.Errorf("exporter %s tells the secret", strings.Join(args, " "))
	}
	return out.String(), errs.String()
}

const quick = "tenant: {name: acme, rate_limit: {requests: 1000000, per: 1s}, page_size: 2}\n"

// smallTenant has something in every list, among it what CSV and spreadsheets
// take amiss, and fields that the contract has no name for.
func smallTenant(o simulator.Options) *simulator.Tenant {
	tenant := simulator.New(o)
	tenant.Edit(func(w *simulator.World) {
		day := time.Date(2026, 3, 2, 6, 30, 0, 0, time.UTC)
		ann := simulator.Identity{ID: "ann", Name: "Ann, A.", Email: "ann@acme.example"}
		campaign := &simulator.Campaign{
			ID: "k1", Name: "Spring", Type: "MANAGER", Status: "ACTIVE", Created: &day, Deadline: &day,
			Extra: map[string]any{"inventedSince": json.RawMessage("12345678901234567890.50")},
		}
		c := &simulator.Certification{
			ID: "c1", Name: `Review of "Sales"`, Campaign: campaign.Reference(), Phase: simulator.Active, Created: day, Modified: day,
			Due: &day, Reviewer: ann.Reviewer(),
			Reassignment: &simulator.Reassignment{Comment: "@boss", From: &simulator.ReassignedFrom{ID: "c0", Reviewer: ann.Reviewer()}},
		}
		c.Reviewers = []*simulator.Reviewer{ann.ReviewerRow(), {ID: "bob", Name: "=HYPERLINK(1)", Type: simulator.IdentityType}, {ID: "eve", Name: "＋Eve"}}
		person := simulator.IdentitySummary{ID: "s1", Name: "Zed", IdentityID: "zed"}
		c.Items = []*simulator.ReviewItem{
			{
				ID: "i1", IdentitySummary: person, Decision: new(simulator.Revoke), Comments: new("-1: left\nthe company"),
				AccessSummary: simulator.AccessSummary{
					Access: &simulator.Access{Type: "ENTITLEMENT", ID: "e1", Name: "Admins"},
					Entitlement: &simulator.Entitlement{
						ID: "e1", SourceID: "src", SourceName: "AD", AttributeName: "memberOf", AttributeValue: "CN=Admins,DC=acme",
						HasPermissions: true, Account: &simulator.Account{NativeIdentity: "zed01"},
					},
				},
				Permissions: []*simulator.Permission{{Target: "SYS.OBJAUTH2", Rights: []string{"READ", "WRITE"}}, {Target: "=T", Rights: []string{}}},
			},
			{ID: "i2", IdentitySummary: person, AccessSummary: simulator.AccessSummary{
				Access: &simulator.Access{Type: "ROLE", ID: "r1", Name: "Clerk"}, Role: &simulator.Role{ID: "r1", Privileged: true},
			}},
			{ID: "i3", IdentitySummary: person, NewAccess: true, AccessSummary: simulator.AccessSummary{Access: &simulator.Access{Type: "ACCOUNT", ID: "a1"}}},
		}
		w.Campaigns, w.Certifications = []*simulator.Campaign{campaign}, []*simulator.Certification{c}
		w.Tasks = []*simulator.Task{
			{ID: "t1", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: "c1", Status: simulator.Queued, Created: day},
			{ID: "t2", Type: "CAMPAIGN_CREATE", TargetType: "CAMPAIGN", TargetID: "k1", Status: simulator.InProgress, Created: day},
			{ID: "t3", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: "c1", Status: simulator.Failed, Created: day,
				Errors: []simulator.ErrorMessage{{Text: "no such identity"}, {Text: "gave up"}}},
		}
	})
	return tenant
}

func TestGetPrintsEveryListInEveryFormat(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ list, flags string }{
		{"reviewers", "--certification c1"},
		{"permissions", "--certification c1 --item i1"},
		{"items", "--certification c1"},
		{"certifications", ""},
		{"campaigns", ""},
		{"tasks", ""},
		{"task", "--task t3"},
	} {
		for _, format := range []string{"table", "csv", "json"} {
			t.Run(tc.list+" "+format, func(t *testing.T) {
				t.Parallel()
				args := append([]string{"get", tc.list, "--format", format}, strings.Fields(tc.flags)...)
				stdout, stderr := beside(t, smallTenant(simulator.Options{}), quick).call(0, args...)
				if stderr != "" {
					t.Errorf("standard error: %s", stderr)
				}
				golden(t, filepath.Join("testdata", "get", tc.list+"."+format), stdout)
			})
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

func TestGetWritesCSVThatReadersTakeAndSpreadsheetsDoNotCompute(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, config string
		want         [][]string
	}{
		{"guarded", quick, [][]string{{"ann", "Ann, A."}, {"bob", "'=HYPERLINK(1)"}, {"eve", "'＋Eve"}}},
		{"as configured", quick + "report: {formula_guard: false}\n", [][]string{{"ann", "Ann, A."}, {"bob", "=HYPERLINK(1)"}, {"eve", "＋Eve"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			stdout, _ := beside(t, smallTenant(simulator.Options{}), tc.config).call(0, "get", "reviewers", "--certification", "c1", "--format", "csv")
			rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			var got [][]string
			for _, r := range rows[1:] {
				got = append(got, r[:2])
				for _, f := range r {
					if tc.name == "guarded" && formula.MatchString(f) {
						t.Errorf("%q is not guarded", f)
					}
				}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestGetAsksForWhatItIsTold(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, args string
		filters    string
		want       []string // queries of the list's requests
		ids        []string
		stderr     string
	}{
		{"the whole list", "reviewers --certification c1 --sorters -name --count", "",
			[]string{"count=true&limit=2&offset=0&sorters=-name", "count=true&limit=2&offset=2&sorters=-name"},
			[]string{"eve", "ann", "bob"}, "exporter: total 3\n"},
		{"one page", "reviewers --certification c1 --limit 1 --offset 1", "", []string{"limit=1&offset=1"}, []string{"bob"}, ""},
		{"a page of the usual size", "reviewers --certification c1 --offset 1 --count", "", []string{"count=true&limit=2&offset=1"},
			[]string{"bob", "eve"}, "exporter: total 3\n"},
		{"not all", "reviewers --certification c1 --all=false", "", []string{"limit=2&offset=0"}, []string{"ann", "bob"}, ""},
		{"the total alone", "tasks --limit 0 --count", "", []string{"count=true&limit=0&offset=0"}, []string{}, "exporter: total 2\n"},
		{"a filter", "items --certification c1", `access.type eq "ROLE"`,
			[]string{"count=true&filters=access.type+eq+%22ROLE%22&limit=2&offset=0"}, []string{"i2"}, ""},
		{"a parameter", "items --certification c1 --entitlements e1,e2", "", []string{"count=true&entitlements=e1%2Ce2&limit=2&offset=0"}, []string{"i1"}, ""},
		{"a reviewer", "certifications --reviewer-identity bob", "", []string{"count=true&limit=2&offset=0&reviewer-identity=bob"}, []string{}, ""},
		{"detail", "campaigns --detail FULL", "", []string{"count=true&detail=FULL&limit=2&offset=0"}, []string{"k1"}, ""},
		{"tasks of a certification", "tasks --certification c1", "", []string{"count=true&filters=targetId+in+%28%22c1%22%29&limit=2&offset=0"}, []string{"t1"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := beside(t, smallTenant(simulator.Options{}), quick)
			args := append([]string{"get"}, strings.Fields(tc.args)...)
			stdout, stderr := c.call(0, append(args, "--filters", tc.filters, "--format", "json")...)
			var rows []struct{ ID string }
			if err := json.Unmarshal([]byte(stdout), &rows); err != nil {
				t.Fatal(err)
			}
			ids := []string{}
			for _, r := range rows {
				ids = append(ids, r.ID)
			}
			if d := cmp.Diff(tc.ids, ids); d != "" {
				t.Errorf("ids (-want +got):\n%s", d)
			}
			if stderr != tc.stderr {
				t.Errorf("standard error %q, want %q", stderr, tc.stderr)
			}
			var asked []string
			for _, r := range c.tenant.Requests() {
				if r.Operation != simulator.OpToken {
					asked = append(asked, r.Query.Encode())
				}
			}
			if d := cmp.Diff(tc.want, asked); d != "" {
				t.Errorf("requests (-want +got):\n%s", d)
			}
		})
	}
}

func TestGetSaysWhatItsRowsDoNotShow(t *testing.T) {
	t.Parallel()
	args := []string{"get", "items", "--certification", "c1", "--format", "json"}
	for _, tc := range []struct {
		name    string
		options simulator.Options
		fault   simulator.Fault
		code    int
		rows    int
		stderr  string
	}{
		{"no total", simulator.Options{OmitTotal: true}, simulator.Fault{}, 0, 3, "exporter: total not stated\n"},
		{"rows that are missing", simulator.Options{}, simulator.Fault{Operation: simulator.OpItems, Total: func(n int) int { return n + 1 }}, exitPartial, 3,
			"exporter: the list is not proved: read 3 rows of a stated total of 4\n"},
		{"rows that came twice", simulator.Options{}, simulator.Fault{Operation: simulator.OpItems, RepeatRow: true}, exitPartial, 2,
			"exporter: 1 of the 3 rows read are left out: null, repeated or without an id\n" +
				"exporter: the list is not proved: read 3 rows with 2 distinct ids\n"},
		{"an answer that is none", simulator.Options{}, simulator.Fault{Operation: simulator.OpItems, Status: 403}, exitFailed, 0,
			"exporter: review items: HTTP 403 (403 Forbidden): The server understood the request but refuses to authorize it."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := beside(t, smallTenant(tc.options), quick)
			if tc.fault.Operation != "" {
				c.tenant.Inject(tc.fault)
			}
			stdout, stderr := c.call(tc.code, args...)
			if !strings.HasPrefix(stderr, tc.stderr) {
				t.Errorf("standard error %q, want %q", stderr, tc.stderr)
			}
			var rows []json.RawMessage
			if tc.code == exitFailed {
				if stdout != "" {
					t.Errorf("standard output %q", stdout)
				}
			} else if err := json.Unmarshal([]byte(stdout), &rows); err != nil || len(rows) != tc.rows {
				t.Errorf("%d rows, want %d: %v", len(rows), tc.rows, err)
			}
		})
	}
}

func TestGetRefusesACallThatIsWrongAndSendsNothing(t *testing.T) {
	t.Parallel()
	c := beside(t, smallTenant(simulator.Options{}), quick)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{}, "get what?"},
		{[]string{"entitlements"}, `unknown command "entitlements"`},
		{[]string{"reviewers"}, "exporter get reviewers needs --certification ID"},
		{[]string{"permissions", "--certification", "c1"}, "exporter get permissions needs --item ID"},
		{[]string{"task"}, "exporter get task needs --task ID"},
		{[]string{"reviewers", "--certification", "c1", "--filters", `type eq "x"`}, "it takes email eq,sw; id eq,in; name eq,sw; clauses joined by and"},
		{[]string{"tasks", "--sorters", "created"}, "tasks cannot be sorted"},
		{[]string{"campaigns", "--sorters", "status"}, `"status" is not among name, created`},
		{[]string{"campaigns", "--detail", "all"}, "SLIM or FULL"},
		{[]string{"certifications", "--detail", "FULL"}, "unknown flag: --detail"},
		{[]string{"items", "--certification", "c1", "--roles", "r", "--entitlements", "e"}, "at a time"},
		{[]string{"items", "--certification", "c1", "--roles", ""}, "it is empty"},
		{[]string{"tasks", "--all", "--limit", "5"}, "--all reads the whole list"},
		{[]string{"tasks", "--limit", "251"}, "--limit 251: use 0 to 250"},
		{[]string{"tasks", "--limit", "-1"}, "--limit -1: use 0 to 250"},
		{[]string{"tasks", "--offset", "-1"}, "--offset -1: use 0 or more"},
		{[]string{"tasks", "--format", "xlsx"}, "use one of [table json csv]"},
	} {
		if _, stderr := c.call(exitUsage, append([]string{"get"}, tc.args...)...); !strings.Contains(stderr, tc.want) {
			t.Errorf("%q: %q, want %q", tc.args, stderr, tc.want)
		}
	}
	if asked := c.tenant.Requests(); len(asked) > 0 {
		t.Errorf("asked: %v", asked)
	}
}

// The names are those of the views, so that what is read now can be laid beside
// what was stored.
func TestGetNamesColumnsAsTheViewsDo(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), migrated(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, l := range listings() {
		view := string(l.list)
		if l.list == fetch.ListItems {
			view = "review_items"
		}
		rows, err := conn.Query(t.Context(), `SELECT column_name FROM information_schema.columns WHERE table_schema = 'audit' AND table_name = $1`, view)
		if err != nil {
			t.Fatal(err)
		}
		known, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range l.columns {
			if !slices.Contains(known, c.name) {
				t.Errorf("audit.%s has no column %s, but %v", view, c.name, known)
			}
		}
	}
}

// migrated is the URL of a database of the test's own, its schema up to date.
func migrated(t testing.TB) string {
	t.Helper()
	return dbtest.New(t, migrations.Files, func(ctx context.Context, url string) error {
		_, err := db.Migrate(ctx, url)
		return err
	})
}

func TestGetInBeta(t *testing.T) {
	t.Parallel()
	c := beside(t, smallTenant(simulator.Options{}), "tenant: {name: acme, api_version: beta, rate_limit: {requests: 1000000, per: 1s}}\n")
	if _, stderr := c.call(exitUsage, "get", "tasks"); !strings.Contains(stderr, "need the id of their certification") {
		t.Errorf("tasks: %s", stderr)
	}
	if _, stderr := c.call(exitUsage, "get", "task", "--task", "t3"); !strings.Contains(stderr, "need the id of their certification") {
		t.Errorf("task: %s", stderr)
	}
	stdout, stderr := c.call(0, "get", "tasks", "--certification", "c1", "--format", "csv")
	if d := cmp.Diff("task_id,target_type,target_id,type,status,errors,created\r\nt1,,c1,REASSIGN,QUEUED,,\r\n", stdout); d != "" {
		t.Errorf("tasks (-want +got):\n%s", d)
	}
	if stderr != "exporter: total not stated\n" {
		t.Errorf("tasks: %s", stderr)
	}
	stdout, _ = c.call(0, "get", "task", "--certification", "c1", "--task", "t3", "--format", "csv")
	if d := cmp.Diff("task_id,target_type,target_id,type,status,errors,created\r\nt3,,c1,REASSIGN,ERROR,no such identity; gave up,\r\n", stdout); d != "" {
		t.Errorf("task (-want +got):\n%s", d)
	}
}

func TestRunRefusesFiltersThatTheirListsDoNotTake(t *testing.T) {
	t.Parallel()
	c := beside(t, smallTenant(simulator.Options{}), quick+`certifications: {filter: 'name eq "x"', reviewers_filter: 'type eq "x"', permissions_filter: 'id eq "x"'}`)
	// A database that is not there: it must not be looked for either.
	c.env["EXPORTER_DATABASE_URL"] = (&url.URL{Scheme: "postgres", Host: "127.0.0.1:1", Path: "/none"}).String()
	_, stderr := c.call(exitUsage, "run")
	for _, want := range []string{
		`certifications.filter: filter of certifications: no field "name"; it takes campaign.id eq,in;`,
		`certifications.reviewers_filter: filter of reviewers: no field "type"; it takes email eq,sw;`,
		`certifications.permissions_filter: filter of permissions: no field "id"; it takes rights ca; target eq,sw;`,
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error lacks %q:\n%s", want, stderr)
		}
	}
	if asked := c.tenant.Requests(); len(asked) > 0 {
		t.Errorf("asked: %v", asked)
	}
}
