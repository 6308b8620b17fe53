package fetch_test

import (
	"net/http"
	"strings"
	"testing"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

const refused = 200

// capped is a client that knows of it.
func capped(t *testing.T, tenant *simulator.Tenant) *fetch.Client {
	c := newClient(t, tenant, pages(20))
	c.SetOffsetCap(refused)
	return c
}

// long is a tenant with one certification of n items, of which one in three is
// a role, whose lists are served up to that offset only.
func long(o simulator.Options, n int, kinds bool) (*simulator.Tenant, string) {
	o.OffsetCap = refused
	tenant := simulator.Generate(o, simulator.Size{Campaigns: 1, CertificationsPerCampaign: 1, ItemsPerCertification: n})
	var id string
	tenant.Edit(func(w *simulator.World) {
		id = w.Certifications[0].ID
		for i, item := range w.Certifications[0].Items {
			if kinds && i%3 == 0 {
				item.AccessSummary.Access.Type = "ROLE"
			}
		}
	})
	return tenant, id
}

func TestListThatIsNotServedToItsEndIsReadInParts(t *testing.T) {
	t.Parallel()
	const n = refused + 60
	for _, tt := range []struct {
		name  string
		kinds bool
		asked string // in some filter
	}{
		{"by access type", true, `access.type eq "ROLE"`},
		{"by identity where one type is too long", false, `access.type eq "ENTITLEMENT" and identitySummary.id in (`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tenant, id := long(simulator.Options{}, n, tt.kinds)
			var s sink[itemRow]
			proof, err := capped(t, tenant).ReviewItems(t.Context(), id, &s)
			if err != nil {
				t.Fatal(err)
			}
			ids := map[string]bool{}
			for _, row := range s.rows {
				ids[row.ID] = true
			}
			if !proof.Proved || *proof.Expected != n || proof.Read != n || *proof.Distinct != n || len(s.rows) != n || len(ids) != n {
				t.Errorf("proof %+v with %d rows and %d ids, want %d proved", proof, len(s.rows), len(ids), n)
			}
			found := false
			for _, q := range tenant.Requests() {
				found = found || strings.Contains(q.Query.Get("filters"), tt.asked)
			}
			if !found {
				t.Errorf("no request was filtered by %s", tt.asked)
			}
		})
	}
}

func filteredBy(word string) func(*http.Request) bool {
	return func(r *http.Request) bool { return strings.Contains(r.URL.Query().Get("filters"), word) }
}

func TestPartsThatDoNotAddUpProveNothing(t *testing.T) {
	t.Parallel()
	const n = refused + 60
	for _, tt := range []struct {
		name  string
		o     simulator.Options
		spoil func(tenant *simulator.Tenant)
		why   string
	}{
		{"an item of a type that nobody knows", simulator.Options{}, func(tenant *simulator.Tenant) {
			tenant.Edit(func(w *simulator.World) { w.Certifications[0].Items[7].AccessSummary.Access.Type = "HOLOGRAM" })
		}, "259 rows"},
		{"no total stated", simulator.Options{OmitTotal: true}, func(*simulator.Tenant) {}, "no total"},
		{"a part that drops a row", simulator.Options{}, func(tenant *simulator.Tenant) {
			tenant.Inject(simulator.Fault{Operation: simulator.OpItems, Match: filteredBy("ROLE"), DropRow: true})
		}, "read in parts"},
		{"identities that cannot be proved", simulator.Options{}, func(tenant *simulator.Tenant) {
			tenant.Edit(func(w *simulator.World) {
				for _, item := range w.Certifications[0].Items {
					item.AccessSummary.Access.Type = "ENTITLEMENT"
				}
			})
			tenant.Inject(simulator.Fault{Operation: simulator.OpIdentitySummaries, DropRow: true})
		}, "identity summaries"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tenant, id := long(tt.o, n, true)
			tt.spoil(tenant)
			proof, err := capped(t, tenant).ReviewItems(t.Context(), id, &sink[itemRow]{})
			if err != nil || proof.Proved || !strings.Contains(proof.Why, tt.why) {
				t.Errorf("proof %+v, error %v; want it not proved, for %q", proof, err, tt.why)
			}
		})
	}
}

func TestBetaTasksAreThoseOfACertification(t *testing.T) {
	t.Parallel()
	tenant := world(simulator.Options{}, 1, 0)
	tenant.Edit(func(w *simulator.World) {
		w.Tasks = []*simulator.Task{
			{ID: "t1", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: certificationID, Status: simulator.Queued},
			{ID: "t2", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: certificationID, Status: simulator.Failed,
				Errors: []simulator.ErrorMessage{{Text: "it did not work"}}},
		}
	})
	c := newClient(t, tenant, version("beta"))
	if !c.TasksByCertification() {
		t.Fatal("beta tells of tasks by certification")
	}
	var s sink[snapshot.Task]
	proof, err := c.CertificationTasks(t.Context(), certificationID, &s)
	if err != nil || !proof.Proved || proof.Attempts != 2 || len(s.rows) != 1 {
		t.Fatalf("proof %+v with %d rows, error %v; want one task, by two equal readings", proof, len(s.rows), err)
	}
	if got := s.rows[0]; *got.CertificationID != certificationID || *got.TargetType != "CERTIFICATION" || *got.TargetID != certificationID {
		t.Errorf("task %+v, want its certification as target", got)
	}
	ended, err := c.Task(t.Context(), certificationID, "t2")
	if err != nil || !ended.Finished() || len(ended.Errors) != 1 || ended.Errors[0] != "it did not work" {
		t.Errorf("task %+v, error %v; want it ended with its error", ended, err)
	}
	for _, q := range tenant.Requests() {
		if q.Operation == simulator.OpTasks && len(q.Query) > 0 {
			t.Errorf("asked %s with %v: the list takes no parameters", q.Path, q.Query)
		}
	}
}
