package fetch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"exporter/internal/fetch"
	"exporter/internal/snapshot"
)

// example reads an object that has every field of its model in the contract.
func example(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(body)
}

// only reads a list of one object and wants its raw JSON and digest kept, and
// nothing odd found.
func only[T any](t *testing.T, name string, object func(T) snapshot.Object,
	read func(*fetch.Client, snapshot.Sink[T]) (fetch.Proof, error)) T {
	t.Helper()
	body := example(t, name)
	c := newClient(t, array("["+string(body)+"]", "X-Total-Count", "1"))
	var s sink[T]
	proof, err := read(c, &s)
	if err != nil || !proof.Proved || len(s.rows) != 1 {
		t.Fatalf("proof %+v, %d rows, error %v", proof, len(s.rows), err)
	}
	digest, err := snapshot.DigestOfJSON(body)
	if o := object(s.rows[0]); err != nil || !bytes.Equal(o.Raw, body) || o.Digest != digest {
		t.Errorf("object %s with digest %s, want it as it came with digest %s, error %v", o.Raw, o.Digest, digest, err)
	}
	if odd := c.Stats().Oddities; len(odd) > 0 {
		t.Errorf("found odd: %v", odd)
	}
	return s.rows[0]
}

func moment(t *testing.T, s string) *time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return new(at.UTC())
}

func want[T any](t *testing.T, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(snapshot.Object{})); diff != "" {
		t.Errorf("value (-want +got):\n%s", diff)
	}
}

func TestEveryFieldOfACampaignIsRead(t *testing.T) {
	t.Parallel()
	got := only(t, "campaign", func(c snapshot.Campaign) snapshot.Object { return c.Object },
		func(c *fetch.Client, s snapshot.Sink[snapshot.Campaign]) (fetch.Proof, error) {
			return c.Campaigns(t.Context(), "", s)
		})
	want(t, snapshot.Campaign{
		ID: "2c9079b270a266a60170a2779fcb0007", Name: new("Manager Campaign"), Type: new("MANAGER"), Status: new("ACTIVE"),
		Created: moment(t, "2020-03-03T22:15:13.611Z"), Deadline: moment(t, "2020-03-15T10:00:01.456Z"),
		TotalCertifications: new(int64(100)), CompletedCertifications: new(int64(10)),
	}, got)
}

func TestEveryFieldOfACertificationIsRead(t *testing.T) {
	t.Parallel()
	got := only(t, "certification", func(c snapshot.Certification) snapshot.Object { return c.Object },
		func(c *fetch.Client, s snapshot.Sink[snapshot.Certification]) (fetch.Proof, error) {
			return c.Certifications(t.Context(), "", s)
		})
	expected := snapshot.Certification{
		ID: "2c9180835d2e5168015d32f890ca1581", Name: new("Source Owner Access Review for Employees [source]"),
		CampaignID: new("ef38f94347e94562b5bb8424a56397d8"), CampaignName: new("Campaign Name"), CampaignType: new("MANAGER"),
		Phase: new("ACTIVE"), ReviewerID: new("2c91808568c529c60168cca6f90c1313"), ReviewerName: new("Reviewer Name"),
		ReviewerEmail: new("reviewer@test.com"), ReviewerType: new("IDENTITY"),
		Created: moment(t, "2018-06-25T20:22:28.104Z"), Modified: moment(t, "2018-07-01T08:00:00Z"),
		Due: moment(t, "2018-10-19T13:49:37.385Z"), Signed: moment(t, "2018-10-18T07:10:11.123456Z"),
		Completed: new(true), DecisionsMade: new(int64(20)), DecisionsTotal: new(int64(40)),
		IdentitiesCompleted: new(int64(5)), IdentitiesTotal: new(int64(10)),
		ReassignedFromID: new("2c9180835d2e5168015d32f890ca1000"), ReassignedFromOwner: new("Former Reviewer"),
		ReassignmentComment: new("Reassigned for a reason"), HasErrors: new(true), ErrorMessage: new("The certification has an error"),
	}
	want(t, expected, got)

	alone, err := newClient(t, array(string(example(t, "certification")))).Certification(t.Context(), expected.ID)
	if err != nil {
		t.Fatal(err)
	}
	want(t, expected, alone)
}

func TestEveryFieldOfAReviewerIsRead(t *testing.T) {
	t.Parallel()
	got := only(t, "reviewer", func(r snapshot.Reviewer) snapshot.Object { return r.Object },
		func(c *fetch.Client, s snapshot.Sink[snapshot.Reviewer]) (fetch.Proof, error) {
			return c.Reviewers(t.Context(), certificationID, "", s)
		})
	want(t, snapshot.Reviewer{
		ID: "5168015d32f890ca15812c9180835d2e", Name: new("Alison Ferguso"), Email: new("alison.ferguso@identitysoon.com"), Type: new("IDENTITY"),
	}, got)
}

func TestEveryFieldOfAReviewItemIsRead(t *testing.T) {
	t.Parallel()
	got := only(t, "review_item", func(i snapshot.ReviewItem) snapshot.Object { return i.Object },
		func(c *fetch.Client, s snapshot.Sink[snapshot.ReviewItem]) (fetch.Proof, error) {
			return c.ReviewItems(t.Context(), certificationID, s)
		})
	want(t, snapshot.ReviewItem{
		ID: "ef38f94347e94562b5bb8424a56397d8", IdentityID: new("2c9180857182306001719937377a33de"), IdentityName: new("Alison Ferguso"),
		AccessType: new("ENTITLEMENT"), AccessID: new("2c9180867160846801719932c5153fb7"), AccessName: new("Entitlement for Company Database"),
		SourceID: new("78ca6be511cb41fbb86dba2fcca7780c"), SourceName: new("ODS-AD-Source"), Attribute: new("memberOf"),
		Value: new("CN=entitlement.bbb7c650"), AccountNativeIdentity: new("CN=Alison Ferguso"), Privileged: new(true), HasPermissions: new(true),
		NewAccess: new(true), Completed: new(false), Decision: new("APPROVE"), Comments: new("This user still needs access to this source"),
		EntitlementID: new("2c918085718230600171993742c63558"), IsPermission: new(false),
	}, got)
}

func TestEveryFieldOfATaskIsRead(t *testing.T) {
	t.Parallel()
	got := only(t, "task", func(k snapshot.Task) snapshot.Object { return k.Object },
		func(c *fetch.Client, s snapshot.Sink[snapshot.Task]) (fetch.Proof, error) {
			return c.Tasks(t.Context(), "", s)
		})
	expected := snapshot.Task{
		ID: "2c918086719eec070171a7e3355a360a", CertificationID: new("2c918086719eec070171a7e3355a834c"), Type: new("ADMIN_REASSIGN"),
		TargetType: new("CERTIFICATION"), TargetID: new("2c918086719eec070171a7e3355a834c"), Status: new("QUEUED"),
		Errors: []string{"Error Message"}, Created: moment(t, "2020-09-24T18:10:47.693Z"),
	}
	want(t, expected, got)

	alone, err := newClient(t, array(string(example(t, "task")))).Task(t.Context(), "", expected.ID)
	if err != nil {
		t.Fatal(err)
	}
	want(t, expected, alone)
}

func TestEveryFieldOfAPermissionIsRead(t *testing.T) {
	t.Parallel()
	c := newClient(t, array("["+string(example(t, "permission"))+"]", "X-Total-Count", "1"))
	got, proof, err := c.Permissions(t.Context(), certificationID, itemID(0), "")
	if err != nil || !proof.Proved {
		t.Fatalf("proof %+v, error %v", proof, err)
	}
	want(t, []snapshot.Permission{{Target: new("SYS.GV_$TRANSACTION"), Rights: []string{"HereIsRight1"}}}, got.Permissions)
}

func TestOddValuesAreCountedAndCostNoRow(t *testing.T) {
	t.Parallel()
	certification := func(t *testing.T, body string) (any, fetch.Stats) {
		c := newClient(t, array("["+body+"]", "X-Total-Count", "1"))
		var s sink[snapshot.Certification]
		if proof, err := c.Certifications(t.Context(), "", &s); err != nil || !proof.Proved {
			t.Fatalf("proof %+v, error %v", proof, err)
		}
		if len(s.rows) == 0 {
			return nil, c.Stats()
		}
		return s.rows[0], c.Stats()
	}
	task := func(t *testing.T, body string) (any, fetch.Stats) {
		c := newClient(t, array("["+body+"]", "X-Total-Count", "1"))
		var s sink[snapshot.Task]
		if proof, err := c.Tasks(t.Context(), "", &s); err != nil || !proof.Proved {
			t.Fatalf("proof %+v, error %v", proof, err)
		}
		return s.rows[0], c.Stats()
	}
	item := func(t *testing.T, body string) (any, fetch.Stats) {
		c := newClient(t, array("["+body+"]", "X-Total-Count", "1"))
		var s sink[snapshot.ReviewItem]
		if proof, err := c.ReviewItems(t.Context(), certificationID, &s); err != nil || !proof.Proved {
			t.Fatalf("proof %+v, error %v", proof, err)
		}
		return s.rows[0], c.Stats()
	}
	permission := func(t *testing.T, body string) (any, fetch.Stats) {
		c := newClient(t, array("["+body+"]", "X-Total-Count", "1"))
		got, proof, err := c.Permissions(t.Context(), certificationID, itemID(0), "")
		if err != nil || !proof.Proved {
			t.Fatalf("proof %+v, error %v", proof, err)
		}
		return got.Permissions[0], c.Stats()
	}
	type cert = snapshot.Certification
	type odd = map[string]int64
	tests := []struct {
		name string
		read func(*testing.T, string) (any, fetch.Stats)
		body string
		want any
		odd  odd
	}{
		{"missing fields", certification, `{"id":"a"}`, cert{ID: "a"}, odd{}},
		{"null fields", certification, `{"id":"a","name":null,"campaign":null,"reviewer":null,"reassignment":null,"created":null,"completed":null,"decisionsMade":null}`, cert{ID: "a"}, odd{}},
		{"null row", certification, `null`, nil, odd{"null object: certifications ": 1}},
		{"unknown fields at every depth", certification, `{"id":"a","x":1,"campaign":{"y":{"z":1}},"reassignment":{"from":{"reviewer":{"w":1}}}}`, cert{ID: "a"},
			odd{"unknown field: certifications x": 1, "unknown field: certifications campaign.y": 1, "unknown field: certifications reassignment.from.reviewer.w": 1}},
		{"unknown enum values are kept", certification, `{"id":"a","phase":"FROZEN","reviewer":{"type":"ROBOT"},"campaign":{"campaignType":"ODD"}}`,
			cert{ID: "a", Phase: new("FROZEN"), ReviewerType: new("ROBOT"), CampaignType: new("ODD")},
			odd{"unknown value: certifications phase = FROZEN": 1, "unknown value: certifications reviewer.type = ROBOT": 1, "unknown value: certifications campaign.campaignType = ODD": 1}},
		{"text of another type", certification, `{"id":7,"name":{"b":1,"a":[true]},"errorMessage":false}`, cert{ID: "7", Name: new(`{"a":[true],"b":1}`), ErrorMessage: new("false")},
			odd{"not a string: certifications id": 1, "not a string: certifications name": 1, "not a string: certifications errorMessage": 1}},
		{"boolean of another type", certification, `{"id":"a","completed":"true","hasErrors":1}`, cert{ID: "a", Completed: new(true)},
			odd{"not a boolean: certifications completed": 1, "unreadable boolean: certifications hasErrors": 1}},
		{"numbers", certification, `{"id":"a","decisionsMade":"12","decisionsTotal":3.0,"identitiesTotal":1e2}`,
			cert{ID: "a", DecisionsMade: new(int64(12)), DecisionsTotal: new(int64(3)), IdentitiesTotal: new(int64(100))}, odd{"not a number: certifications decisionsMade": 1}},
		{"numbers beyond int64 and others", certification, `{"id":"a","decisionsMade":9223372036854775808,"decisionsTotal":1e400,"identitiesTotal":2.5,"identitiesCompleted":[]}`, cert{ID: "a"},
			odd{"unreadable number: certifications decisionsMade": 1, "unreadable number: certifications decisionsTotal": 1, "unreadable number: certifications identitiesTotal": 1, "unreadable number: certifications identitiesCompleted": 1}},
		{"largest int64", certification, `{"id":"a","decisionsMade":9223372036854775807}`, cert{ID: "a", DecisionsMade: new(int64(9223372036854775807))}, odd{}},
		{"dates", certification, `{"id":"a","created":"2018-06-25T20:22:28.104+0000","modified":"2018-06-25T22:22:28+02:00","due":"9999-12-31T23:59:59Z"}`,
			cert{ID: "a", Created: moment(t, "2018-06-25T20:22:28.104Z"), Modified: moment(t, "2018-06-25T20:22:28Z"), Due: moment(t, "9999-12-31T23:59:59Z")}, odd{}},
		{"dates that are none", certification, `{"id":"a","created":"yesterday","modified":1529958148104,"due":"0001-01-01T00:00:00Z","signed":"9999-12-31T23:59:59-05:00"}`, cert{ID: "a"},
			odd{"unreadable date: certifications created": 1, "unreadable date: certifications modified": 1, "unreadable date: certifications due": 1, "unreadable date: certifications signed": 1}},
		{"year 1 in UTC", certification, `{"id":"a","due":"0002-01-01T00:00:00+05:00"}`, cert{ID: "a"}, odd{"unreadable date: certifications due": 1}},
		{"objects of another type", certification, `{"id":"a","campaign":"c","reviewer":[1],"reassignment":7}`, cert{ID: "a"},
			odd{"not an object: certifications campaign": 1, "not an object: certifications reviewer": 1, "not an object: certifications reassignment": 1}},
		{"one error that is no array", task, `{"id":"t","targetType":"CAMPAIGN","targetId":"k","errors":{"text":"E"}}`,
			snapshot.Task{ID: "t", TargetType: new("CAMPAIGN"), TargetID: new("k"), Errors: []string{"E"}}, odd{"not an array: tasks errors": 1}},
		{"errors as beta has them", task, `{"id":"t","errors":["E",null,7,{"text":null}]}`, snapshot.Task{ID: "t", Errors: []string{"E"}}, odd{"not an object: tasks errors": 2}},
		{"privileged of a role", item, `{"id":"i","accessSummary":{"entitlement":null,"role":{"privileged":true}}}`, snapshot.ReviewItem{ID: "i", Privileged: new(true)}, odd{}},
		{"privileged of an access profile", item, `{"id":"i","accessSummary":{"accessProfile":{"privileged":false},"role":{"privileged":true}}}`, snapshot.ReviewItem{ID: "i", Privileged: new(false)}, odd{}},
		{"rights of other types", permission, `{"target":null,"rights":["R",null,1]}`, snapshot.Permission{Rights: []string{"R", "null", "1"}}, odd{"not a string: permissions rights": 2}},
		{"one right that is no array", permission, `{"target":"T","rights":"R"}`, snapshot.Permission{Target: new("T"), Rights: []string{"R"}}, odd{"not an array: permissions rights": 1}},
		{"no rights", permission, `{"target":"T","rights":null}`, snapshot.Permission{Target: new("T")}, odd{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, stats := tt.read(t, tt.body)
			want(t, tt.want, got)
			if diff := cmp.Diff(tt.odd, stats.Oddities); diff != "" {
				t.Errorf("oddities (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTextThatPostgresCannotHoldIsReplaced(t *testing.T) {
	t.Parallel()
	const u = "\uFFFD"
	tests := []struct {
		name, text string // as it stands between quotes
		want       string
		kept       bool // Raw as it came
	}{
		{"plain", `Zoë`, "Zoë", true},
		{"escaped", `Zo\u00eb \"\\ <&>`, `Zoë "\ <&>`, true},
		{"surrogate pair", `\ud83d\ude00`, "\U0001F600", true},
		{"NUL", `a\u0000b`, "a" + u + "b", false},
		{"escaped backslash before u0000", `a\\u0000b`, `a\u0000b`, true},
		{"escaped backslash before NUL", `a\\\u0000b`, `a\` + u + "b", false},
		{"high surrogate alone", `a\ud83db`, "a" + u + "b", false},
		{"high surrogate at the end", `a\ud83d`, "a" + u, false},
		{"low surrogate alone", `\ude00`, u, false},
		{"surrogates the wrong way round", `\ude00\ud83d`, u + u, false},
		{"two high surrogates and a low one", `\ud83d\uD83D\uDE00`, u + "\U0001F600", false},
		{"high surrogate before an escaped backslash", `\ud83d\\ude00`, u + `\ude00`, false},
		{"invalid UTF-8", "a\xffb", "a" + u + "b", false},
		{"UTF-8 of a surrogate", "\xed\xa0\x80", u + u + u, false},
		{"U+FFFD itself", u, u, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := `{"id":"` + tt.text + `","name":"` + tt.text + `","` + tt.text + `":["` + tt.text + `"]}`
			c := newClient(t, array("["+body+"]", "X-Total-Count", "1"))
			var s sink[snapshot.Reviewer]
			proof, err := c.Reviewers(t.Context(), certificationID, "", &s)
			if err != nil || !proof.Proved || len(s.rows) != 1 {
				t.Fatalf("proof %+v, %d rows, error %v", proof, len(s.rows), err)
			}
			got := s.rows[0]
			if got.ID != tt.want || *got.Name != tt.want {
				t.Errorf("id %q and name %q, want %q", got.ID, *got.Name, tt.want)
			}
			if (string(got.Raw) == body) != tt.kept {
				t.Errorf("raw %s of %s, want it kept: %t", got.Raw, body, tt.kept)
			}
			var raw map[string]any
			if err := json.Unmarshal(got.Raw, &raw); err != nil {
				t.Fatalf("raw %s: %v", got.Raw, err)
			}
			if diff := cmp.Diff(map[string]any{"id": tt.want, "name": tt.want, tt.want: []any{tt.want}}, raw); diff != "" {
				t.Errorf("raw (-want +got):\n%s", diff)
			}
			if n := c.Stats().Oddities["replaced text: reviewers "]; (n == 0) != tt.kept {
				t.Errorf("replaced text counted %d times", n)
			}
		})
	}
}

func TestReplacedTextIsTheSameEveryNight(t *testing.T) {
	t.Parallel()
	c := newClient(t, array(`[{"id":"a","x\u0000":1,"x\ufffd":2}]`, "X-Total-Count", "1"))
	for range 20 {
		var s sink[snapshot.Reviewer]
		if _, err := c.Reviewers(t.Context(), certificationID, "", &s); err != nil {
			t.Fatal(err)
		}
		if got, want := string(s.rows[0].Raw), `{"id":"a","x`+"\uFFFD"+`":2}`; got != want {
			t.Fatalf("raw %s, want %s", got, want)
		}
	}
}

func TestOddNamesAreBounded(t *testing.T) {
	t.Parallel()
	var row strings.Builder
	for n := range 500 {
		fmt.Fprintf(&row, `,"f%d":1`, n)
	}
	c := newClient(t, array(`[{"id":"a"`+row.String()+`}]`, "X-Total-Count", "1"))
	if _, err := c.Campaigns(t.Context(), "", &sink[snapshot.Campaign]{}); err != nil {
		t.Fatal(err)
	}
	odd := c.Stats().Oddities
	if len(odd) != 201 || odd[""] != 300 {
		t.Errorf("%d names, %d without; want 200 names and 300 without", len(odd), odd[""])
	}
}

func TestOneObjectIsAskedAgainWhereItIsNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`null`, `[]`, `7`, `{}`, `{"id":null}`, `{"id":"c1"`, ``, `{"id":"c1"} x`} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, array(body), retries(0))
			if got, err := c.Certification(t.Context(), certificationID); fetch.StatusOf(err) != http.StatusOK {
				t.Errorf("%+v, error %v; want one of status 200", got, err)
			}
		})
	}
}

// endless answers with a body of so many zeros, without holding them.
type endless struct {
	http.RoundTripper
	bytes int64
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func (e endless) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := e.RoundTripper.RoundTrip(r)
	if err == nil && r.Method == http.MethodGet {
		answer.Body = io.NopCloser(io.LimitReader(zeros{}, e.bytes))
		answer.ContentLength = -1
	}
	return answer, err
}

func TestBodyBeyondTheBoundIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	tenant := array("")
	c := newClient(t, tenant, func(o *fetch.Options) { o.Transport = endless{o.Transport, 64<<20 + 1} })
	_, err := c.Campaigns(t.Context(), "", &sink[snapshot.Campaign]{})
	if err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("error %v, want one of the size", err)
	}
	if _, requests := tenant.met(); len(requests) != 1 {
		t.Errorf("%d requests, want one: the next would be as large", len(requests))
	}
}
