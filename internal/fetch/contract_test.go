package fetch_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

// described are the operations of the contract in some files. The token's and
// the experimental ones are not in it.
func described(t *testing.T, files ...string) []routers.Router {
	t.Helper()
	dir := os.Getenv("EXPORTER_CONTRACT_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "contract")
	}
	var all []routers.Router
	for _, file := range files {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, "isc-certifications-"+file+".json"))
		if err != nil && os.Getenv("CI") == "" {
			t.Skipf("no contract data at ../shared/contract from the project's root, nor at EXPORTER_CONTRACT_DIR: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		doc.Servers = nil // any host
		router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, router)
	}
	return all
}

// route finds the operation of a request in the first contract that has it.
func route(all []routers.Router, r *http.Request) (found *routers.Route, parameters map[string]string, err error) {
	for _, router := range all {
		if found, parameters, err = router.FindRoute(r); err == nil {
			return found, parameters, nil
		}
	}
	return nil, nil, err
}

func TestEveryRequestKeepsTheContract(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{
		"v1": {"v1"}, "v2026": {"v2026"}, "v3": {"v3"}, "beta": {"beta", "v3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keepsTheContract(t, name, described(t, files...))
		})
	}
}

func keepsTheContract(t *testing.T, apiVersion string, contract []routers.Router) {
	tenant := world(simulator.Options{}, 5, 5)
	tenant.Edit(func(w *simulator.World) {
		for _, id := range []string{"t1", "t2", "t3"} {
			w.Tasks = append(w.Tasks, &simulator.Task{ID: id, Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: certificationID, Status: simulator.Queued})
		}
		c := w.Certification(certificationID)
		for _, id := range []string{"ann", "bob", "zoë"} {
			c.Reviewers = append(c.Reviewers, simulator.Identity{ID: id, Name: id}.ReviewerRow())
		}
	})
	met := make(chan string, 200) // operations
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/oauth/token" {
			route, parameters, err := route(contract, r)
			if err != nil {
				t.Errorf("%s: %v", r.URL, err)
				return
			}
			met <- route.Path
			input := &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route, Options: &openapi3filter.Options{
				AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true, SkipSettingDefaults: true,
			}}
			if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
				t.Errorf("%s: %v", r.URL, err)
			}
			// The validator passes over parameters that it has no name for.
			for name := range r.URL.Query() {
				if route.Operation.Parameters.GetByInAndName("query", name) == nil {
					t.Errorf("%s: the contract has no parameter %s", r.URL, name)
				}
			}
		}
		tenant.ServeHTTP(w, r)
	})

	ids := fetch.In("id", []string{certificationID, "k1", "t1", "ann", "zoë"})
	for _, size := range []int{1, 2, 250} {
		c := newClient(t, handler, pages(size), version(apiVersion))
		ctx := t.Context()
		want := func(what string, proof fetch.Proof, err error) {
			t.Helper()
			if err != nil || !proof.Proved || proof.Read == 0 {
				t.Errorf("%s in pages of %d: proof %+v, error %v", what, size, proof, err)
			}
		}
		for _, filter := range []string{"", ids} {
			proof, err := c.Campaigns(ctx, filter, &sink[snapshot.Campaign]{})
			want("campaigns", proof, err)
			proof, err = c.Certifications(ctx, filter, &sink[snapshot.Certification]{})
			want("certifications", proof, err)
			if c.TasksByCertification() {
				proof, err = c.CertificationTasks(ctx, certificationID, &sink[snapshot.Task]{})
			} else {
				proof, err = c.Tasks(ctx, filter, &sink[snapshot.Task]{})
			}
			want("tasks", proof, err)
			proof, err = c.Reviewers(ctx, certificationID, filter, &sink[snapshot.Reviewer]{})
			want("reviewers", proof, err)
		}
		proof, err := c.ReviewItems(ctx, certificationID, &sink[itemRow]{})
		want("review items", proof, err)
		for _, filter := range []string{"", `target sw "t" and rights ca "READ"`} {
			_, proof, err = c.Permissions(ctx, certificationID, itemID(0), filter)
			want("permissions", proof, err)
		}
		if _, err := c.Certification(ctx, certificationID); err != nil {
			t.Error(err)
		}
		if _, err := c.Task(ctx, certificationID, "t1"); err != nil {
			t.Error(err)
		}
	}
	close(met)
	operations := map[string]bool{}
	for path := range met {
		operations[path] = true
	}
	if len(operations) != 8 {
		t.Errorf("asked %d operations, want all 8: %v", len(operations), operations)
	}
}

func TestEveryVersionIsAskedUnderItsOwnPaths(t *testing.T) {
	t.Parallel()
	for version, prefix := range map[string]string{"v3": "/v3", "v2024": "/v2024", "v2025": "/v2025", "v2026": "/v2026"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			tenant := array("[]")
			c := newClient(t, tenant, retries(0), func(o *fetch.Options) { o.APIVersion = version })
			ctx := t.Context()
			_, _ = c.Campaigns(ctx, "", &sink[snapshot.Campaign]{})
			_, _ = c.Certifications(ctx, "", &sink[snapshot.Certification]{})
			_, _ = c.Certification(ctx, "c")
			_, _ = c.ReviewItems(ctx, "c", &sink[itemRow]{})
			_, _, _ = c.Permissions(ctx, "c", "i", "")
			_, _ = c.Reviewers(ctx, "c", "", &sink[snapshot.Reviewer]{})
			_, _ = c.Tasks(ctx, "", &sink[snapshot.Task]{})
			_, _ = c.Task(ctx, "", "t")
			_, _, _ = c.NextGenerationCampaigns(ctx)
			_, requests := tenant.met()
			var got []string
			for i, r := range requests {
				if i == 0 || requests[i-1].r.URL.Path != r.r.URL.Path {
					got = append(got, strings.TrimPrefix(r.r.URL.Path, prefix))
				}
			}
			want := "/campaigns /certifications /certifications/c /certifications/c/access-review-items " +
				"/certifications/c/access-review-items/i/permissions /certifications/c/reviewers /certification-tasks /certification-tasks/t " +
				"/certification-campaigns/v1/campaigns"
			if strings.Join(got, " ") != want {
				t.Errorf("asked for %s, want %s", got, want)
			}
		})
	}
}
