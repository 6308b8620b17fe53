package fetch_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

// rawWorld is a world with something in every list, and in each object a number
// that no Go type holds.
func rawWorld() *simulator.Tenant {
	t := world(simulator.Options{}, 3, 2)
	odd := map[string]any{"inventedSince": json.RawMessage(`[12345678901234567890.50,"<&>"]`)}
	t.Edit(func(w *simulator.World) {
		w.Campaigns[0].Extra = odd
		c := w.Certifications[0]
		c.Extra = odd
		c.Reviewers = []*simulator.Reviewer{{ID: "ann", Name: "Ann", Extra: odd}, {ID: "bob", Name: "Bob"}}
		c.Items[1].Extra = odd
		c.Items[0].Permissions[1].Extra = odd
		w.Tasks = []*simulator.Task{
			{ID: "t1", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: certificationID, Status: simulator.Queued, Extra: odd},
			{ID: "t2", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: "c2", Status: simulator.Queued},
			{ID: "t3", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: certificationID, Status: simulator.Success},
		}
	})
	return t
}

// sent is what the tenant sends for its objects.
func sent[T json.Marshaler](t *testing.T, objects ...T) []string {
	t.Helper()
	var out []string
	for _, o := range objects {
		b, err := o.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

func texts(rows []json.RawMessage) []string {
	var out []string
	for _, r := range rows {
		out = append(out, string(r))
	}
	return out
}

func TestRawListsKeepTheTenantsJSON(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		query fetch.Query
		want  func(t *testing.T, w *simulator.World) []string
	}{
		{"campaigns", fetch.Query{List: fetch.ListCampaigns}, func(t *testing.T, w *simulator.World) []string { return sent(t, w.Campaigns...) }},
		{"certifications", fetch.Query{List: fetch.ListCertifications}, func(t *testing.T, w *simulator.World) []string {
			return sent(t, w.Certifications...)
		}},
		{"certifications of a reviewer", fetch.Query{List: fetch.ListCertifications, Params: url.Values{"reviewer-identity": {"bob"}}},
			func(*testing.T, *simulator.World) []string { return nil }},
		{"reviewers in order", fetch.Query{List: fetch.ListReviewers, CertificationID: certificationID, Sorters: "-name"},
			func(t *testing.T, w *simulator.World) []string {
				r := w.Certifications[0].Reviewers
				return sent(t, r[1], r[0])
			}},
		{"items", fetch.Query{List: fetch.ListItems, CertificationID: certificationID}, func(t *testing.T, w *simulator.World) []string {
			return sent(t, w.Certifications[0].Items...)
		}},
		{"items of a role", fetch.Query{List: fetch.ListItems, CertificationID: certificationID, Params: url.Values{"roles": {"e"}}},
			func(*testing.T, *simulator.World) []string { return nil }},
		{"permissions", fetch.Query{List: fetch.ListPermissions, CertificationID: certificationID, ItemID: itemID(0)},
			func(t *testing.T, w *simulator.World) []string {
				return sent(t, w.Certifications[0].Items[0].Permissions...)
			}},
		{"permissions by filter", fetch.Query{List: fetch.ListPermissions, CertificationID: certificationID, ItemID: itemID(0), Filters: `target eq "T1"`},
			func(t *testing.T, w *simulator.World) []string {
				return sent(t, w.Certifications[0].Items[0].Permissions[1])
			}},
		{"tasks", fetch.Query{List: fetch.ListTasks}, func(t *testing.T, w *simulator.World) []string { return sent(t, w.Tasks[:2]...) }},
		{"tasks of a certification", fetch.Query{List: fetch.ListTasks, CertificationID: certificationID},
			func(t *testing.T, w *simulator.World) []string { return sent(t, w.Tasks[0]) }},
		{"tasks of a certification by filter", fetch.Query{List: fetch.ListTasks, CertificationID: certificationID, Filters: `id eq "t2"`},
			func(*testing.T, *simulator.World) []string { return nil }},
	} {
		for _, v := range []string{"v1", "v2026", "v3"} {
			t.Run(tc.name+" in "+v, func(t *testing.T) {
				t.Parallel()
				tenant := rawWorld()
				c := newClient(t, tenant, version(v))
				var got snapshot.Gathered[json.RawMessage]
				proof, err := c.ReadAll(t.Context(), tc.query, &got)
				if err != nil || !proof.Proved {
					t.Fatalf("proof %+v, error %v", proof, err)
				}
				page, total, err := c.ReadPage(t.Context(), tc.query, 250, 0, true)
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				tenant.Edit(func(w *simulator.World) { want = tc.want(t, w) })
				if d := cmp.Diff(want, texts(got.Rows)); d != "" {
					t.Errorf("whole list (-want +got):\n%s", d)
				}
				if d := cmp.Diff(want, texts(page)); d != "" {
					t.Errorf("page (-want +got):\n%s", d)
				}
				if total == nil || *total != int64(len(want)) {
					t.Errorf("total %v, want %d", total, len(want))
				}
			})
		}
	}
}

func TestRawListsAreProvedOverSeveralPages(t *testing.T) {
	t.Parallel()
	tenant := world(simulator.Options{}, 20, 0)
	c := newClient(t, tenant, pages(7))
	q := fetch.Query{List: fetch.ListItems, CertificationID: certificationID, Filters: "completed eq false"}
	var got snapshot.Gathered[json.RawMessage]
	proof, err := c.ReadAll(t.Context(), q, &got)
	if err != nil {
		t.Fatal(err)
	}
	if !proof.Proved || proof.Attempts != 1 || *proof.Expected != 20 || *proof.Distinct != 20 || proof.Read != 20 {
		t.Errorf("proof %+v", proof)
	}
	var want []string
	tenant.Edit(func(w *simulator.World) { want = sent(t, w.Certifications[0].Items...) })
	if d := cmp.Diff(want, texts(got.Rows)); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	offsets := map[string]string{}
	for _, r := range lists(tenant) {
		offsets[r.Query.Get("offset")] = r.Query.Get("count") + " " + r.Query.Get("filters")
	}
	if d := cmp.Diff(map[string]string{"0": "true " + q.Filters, "7": " " + q.Filters, "14": "true " + q.Filters}, offsets); d != "" {
		t.Errorf("requests by offset (-want +got):\n%s", d)
	}
}

func TestRawListThatWillNotHoldStillIsHandedOverUnproved(t *testing.T) {
	t.Parallel()
	tenant := world(simulator.Options{}, 5, 0)
	tenant.Inject(simulator.Fault{Operation: simulator.OpItems, DropRow: true})
	var got snapshot.Gathered[json.RawMessage]
	proof, err := newClient(t, tenant).ReadAll(t.Context(), fetch.Query{List: fetch.ListItems, CertificationID: certificationID}, &got)
	if err != nil {
		t.Fatal(err)
	}
	if proof.Proved || proof.Why != "read 4 rows of a stated total of 5" || len(got.Rows) != 4 {
		t.Errorf("%d rows, proof %+v", len(got.Rows), proof)
	}
}

func TestReadPageIsOneRequest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name          string
		limit, offset int
		count         bool
		want          url.Values
		rows          int
	}{
		{"first rows", 4, 0, false, url.Values{"limit": {"4"}, "offset": {"0"}}, 4},
		{"from the middle, counted", 250, 15, true, url.Values{"limit": {"250"}, "offset": {"15"}, "count": {"true"}}, 5},
		{"the total alone", 0, 0, true, url.Values{"limit": {"0"}, "offset": {"0"}, "count": {"true"}}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tenant := world(simulator.Options{}, 20, 0)
			q := fetch.Query{List: fetch.ListItems, CertificationID: certificationID}
			rows, total, err := newClient(t, tenant, pages(7)).ReadPage(t.Context(), q, tc.limit, tc.offset, tc.count)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) != tc.rows {
				t.Errorf("%d rows, want %d", len(rows), tc.rows)
			}
			if tc.count != (total != nil) || tc.count && *total != 20 {
				t.Errorf("total %v", total)
			}
			asked := lists(tenant)
			if len(asked) != 1 {
				t.Fatalf("%d requests", len(asked))
			}
			if d := cmp.Diff(tc.want, asked[0].Query); d != "" {
				t.Errorf("query (-want +got):\n%s", d)
			}
		})
	}
}

func TestReadPageKeepsNullRows(t *testing.T) {
	t.Parallel()
	rows, _, err := newClient(t, array(`[null,{"id":"a"}]`)).ReadPage(t.Context(), fetch.Query{List: fetch.ListCampaigns}, 250, 0, false)
	if d := cmp.Diff([]string{"null", `{"id":"a"}`}, texts(rows)); err != nil || d != "" {
		t.Errorf("error %v, rows (-want +got):\n%s", err, d)
	}
}

func TestQueriesThatAListDoesNotTakeAreNotSent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		query fetch.Query
		beta  bool
		want  string
	}{
		{"no list", fetch.Query{}, false, `no list ""`},
		{"filter", fetch.Query{List: fetch.ListReviewers, CertificationID: "c", Filters: `type eq "x"`}, false, "it takes email eq,sw; id eq,in; name eq,sw"},
		{"order", fetch.Query{List: fetch.ListTasks, Sorters: "id"}, false, "tasks cannot be sorted"},
		{"certification missing", fetch.Query{List: fetch.ListItems}, false, "items need the id of their certification"},
		{"item missing", fetch.Query{List: fetch.ListPermissions, CertificationID: "c"}, false, "permissions need the id of their review item"},
		{"certification of campaigns", fetch.Query{List: fetch.ListCampaigns, CertificationID: "c"}, false, "campaigns are not those of a certification"},
		{"item of reviewers", fetch.Query{List: fetch.ListReviewers, CertificationID: "c", ItemID: "i"}, false, "reviewers are not those of a review item"},
		{"parameter of a list without", fetch.Query{List: fetch.ListReviewers, CertificationID: "c", Params: url.Values{"detail": {"FULL"}}}, false,
			`reviewers take no parameter "detail", nor any other`},
		{"parameter of another list", fetch.Query{List: fetch.ListItems, CertificationID: "c", Params: url.Values{"detail": {"FULL"}}}, false,
			`items take no parameter "detail", but entitlements, access-profiles, roles`},
		{"page as a parameter", fetch.Query{List: fetch.ListCampaigns, Params: url.Values{"limit": {"1"}}}, false, `campaigns take no parameter "limit", but detail`},
		{"two of one", fetch.Query{List: fetch.ListItems, CertificationID: "c", Params: url.Values{"roles": {"r"}, "entitlements": {"e"}}}, false,
			"items take one of entitlements, access-profiles, roles at a time"},
		{"detail", fetch.Query{List: fetch.ListCampaigns, Params: url.Values{"detail": {"full"}}}, false, `detail "full": campaigns have it SLIM or FULL`},
		{"all tasks of beta", fetch.Query{List: fetch.ListTasks}, true, "tasks need the id of their certification in this API version"},
		{"filtered tasks of beta", fetch.Query{List: fetch.ListTasks, CertificationID: "c", Filters: `id eq "t"`}, true,
			"tasks take no filter or parameter in this API version"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tenant := rawWorld()
			c := newClient(t, tenant)
			if tc.beta {
				c = newClient(t, tenant, version("beta"))
			}
			_, all := c.ReadAll(t.Context(), tc.query, new(snapshot.Gathered[json.RawMessage]))
			_, _, page := c.ReadPage(t.Context(), tc.query, 1, 0, false)
			for how, err := range map[string]error{"whole list": all, "page": page} {
				var refused *fetch.QueryError
				paged := tc.beta && how == "page" && strings.Contains(err.Error(), "no pages")
				if !errors.As(err, &refused) || !paged && !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%s: error %v, want a QueryError with %q", how, err, tc.want)
				}
			}
			if asked := tenant.Requests(); len(asked) > 0 {
				t.Errorf("asked: %v", asked)
			}
		})
	}
}

func TestTasksOfBetaComeWhole(t *testing.T) {
	t.Parallel()
	tenant := rawWorld()
	c := newClient(t, tenant, version("beta"))
	q := fetch.Query{List: fetch.ListTasks, CertificationID: certificationID}
	var got snapshot.Gathered[json.RawMessage]
	proof, err := c.ReadAll(t.Context(), q, &got)
	if err != nil || !proof.Proved || proof.Expected != nil {
		t.Errorf("proof %+v, error %v", proof, err)
	}
	if len(got.Rows) != 1 || !strings.Contains(string(got.Rows[0]), `"certificationId":"`+certificationID+`"`) {
		t.Errorf("rows %s", got.Rows)
	}
	var refused *fetch.QueryError
	if _, _, err := c.ReadPage(t.Context(), q, 1, 0, false); !errors.As(err, &refused) {
		t.Errorf("error of a page: %v", err)
	}
}

func TestRawTask(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, version, certification, task string
		want                               string // in the JSON
		err                                string // or in the error
		refused                            bool   // before it was sent
	}{
		{name: "pending, with what is unknown", version: "v1", task: "t1", want: `"inventedSince":[12345678901234567890.50,"\u003c\u0026\u003e"]`},
		{name: "finished", version: "v2024", task: "t3", want: `"status":"SUCCESS"`},
		{name: "of its certification", version: "v1", certification: certificationID, task: "t3", want: `"id":"t3"`},
		{name: "of another certification", version: "v1", certification: certificationID, task: "t2", err: "task t2 is none of certification c1"},
		{name: "not there", version: "v1", task: "t9", err: "HTTP 404"},
		{name: "beta's", version: "beta", certification: certificationID, task: "t3", want: `"certificationId":"c1"`},
		{name: "beta's without its certification", version: "beta", task: "t3", err: "need the id of their certification", refused: true},
		{name: "without an id", version: "v1", err: "by its id", refused: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tenant := rawWorld()
			got, err := newClient(t, tenant, version(tc.version)).RawTask(t.Context(), tc.certification, tc.task)
			switch {
			case tc.err == "" && (err != nil || !strings.Contains(string(got), tc.want)):
				t.Errorf("task %s, error %v, want %s", got, err, tc.want)
			case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)):
				t.Errorf("error %v, want one with %q", err, tc.err)
			}
			var refused *fetch.QueryError
			if errors.As(err, &refused) != tc.refused || tc.refused && len(tenant.Requests()) > 0 {
				t.Errorf("error %T, asked %v", err, tenant.Requests())
			}
		})
	}
}
