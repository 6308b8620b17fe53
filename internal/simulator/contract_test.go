package simulator_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"exporter/internal/simulator"
)

// contract loads the contract data at ../shared/contract from the project's
// root, or at EXPORTER_CONTRACT_DIR. It skips the test where there is none, but
// not in CI, where that would go unnoticed.
func contract(t *testing.T) *openapi3.T {
	t.Helper()
	dir := os.Getenv("EXPORTER_CONTRACT_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "contract")
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, "isc-certifications-v1.json"))
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no contract data at ../shared/contract from the project's root, nor at EXPORTER_CONTRACT_DIR: %v", err)
		}
		t.Skipf("no contract data at ../shared/contract from the project's root, nor at EXPORTER_CONTRACT_DIR: %v", err)
	}
	doc.Servers = nil // any host
	tolerate(t, doc)
	return doc
}

// tolerate lets the contract take the nulls that come over the wire although the
// contract does not say nullable.
func tolerate(t *testing.T, doc *openapi3.T) {
	t.Helper()
	answer := func(method, path string) *openapi3.Schema {
		schema := doc.Paths.Find(path).GetOperation(method).Responses.Status(http.StatusOK).Value.Content["application/json"].Schema.Value
		if schema.Items != nil {
			schema = schema.Items.Value
		}
		return schema
	}
	null := func(schema *openapi3.Schema, names ...string) {
		for _, name := range names {
			property := schema.Properties[name]
			if property == nil {
				t.Fatalf("the contract has no property %s", name)
			}
			property.Value.Nullable = true
			if len(property.Value.Enum) > 0 {
				property.Value.Enum = append(property.Value.Enum, nil)
			}
		}
	}
	item := answer(http.MethodGet, "/certifications/v1/{id}/access-review-items")
	null(item, "decision")
	null(item.Properties["accessSummary"].Value, "accessProfile")
	for _, path := range []string{"/certifications/v1", "/certifications/v1/{id}"} {
		null(answer(http.MethodGet, path), "reviewer")
	}
	null(answer(http.MethodGet, "/certification-tasks/v1"), "errors", "reassignmentTrailDTOs")
	null(answer(http.MethodGet, "/certification-tasks/v1/{id}"), "errors", "reassignmentTrailDTOs")
	null(answer(http.MethodPost, "/certifications/v1/{id}/reassign-async"), "errors", "reassignmentTrailDTOs")
}

// undescribed lists what the contract does not describe.
func undescribed(path string) bool {
	return strings.HasPrefix(path, "/oauth/") || strings.HasPrefix(path, "/certification-campaigns/v1")
}

// validator holds each answer against the contract.
type validator struct {
	*client
	router routers.Router
}

func newValidator(t *testing.T, tenant *simulator.Tenant) *validator {
	t.Helper()
	router, err := legacy.NewRouter(contract(t), openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation())
	if err != nil {
		t.Fatalf("route the contract: %v", err)
	}
	return &validator{client: newClient(t, tenant), router: router}
}

// check asks, wants a status and validates the answer, and the request too where
// it is meant to be right.
func (v *validator) check(r *http.Request, status int) string {
	v.t.Helper()
	if undescribed(r.URL.Path) {
		v.t.Fatalf("%s is not in the contract", r.URL.Path)
	}
	route, parameters, err := v.router.FindRoute(r)
	if err != nil {
		v.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true, MultiError: true, SkipSettingDefaults: true},
	}
	if status == http.StatusOK {
		if err := openapi3filter.ValidateRequest(v.t.Context(), input); err != nil {
			v.t.Errorf("request %s %s: %v", r.Method, r.URL, err)
		}
	}
	response := v.do(r)
	body := bodyOf(v.t, response)
	if response.StatusCode != status {
		v.t.Fatalf("%s %s: status %d, want %d: %s", r.Method, r.URL, response.StatusCode, status, body)
	}
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: input.Options,
	}
	output.SetBodyBytes([]byte(body))
	if err := openapi3filter.ValidateResponse(v.t.Context(), output); err != nil {
		v.t.Errorf("answer to %s %s: %v", r.Method, r.URL, err)
	}
	return body
}

func (v *validator) get(status int, path string, parameters ...string) {
	v.t.Helper()
	v.check(httptest.NewRequest(http.MethodGet, target(path, parameters...), nil), status)
}

func (v *validator) post(status int, path, body string) {
	v.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	v.check(r, status)
}

func TestEveryAnswerOfTheDemoKeepsTheContract(t *testing.T) {
	t.Parallel()
	tenant := simulator.NewDemo(simulator.Options{})
	v := newValidator(t, tenant)
	for night := 1; night <= 3; night++ {
		tenant.DemoNight(night)
		var certifications []*simulator.Certification
		var tasks []*simulator.Task
		tenant.Edit(func(w *simulator.World) { certifications, tasks = w.Certifications, w.Tasks })

		v.get(200, "/campaigns/v1", "count", "true")
		v.get(200, "/campaigns/v1", "detail", "FULL")
		v.get(200, "/certifications/v1", "limit", "250", "count", "true")
		v.get(200, "/certification-tasks/v1", "count", "true")
		for _, k := range tasks {
			v.get(200, "/certification-tasks/v1/"+k.ID)
		}
		for n, c := range certifications {
			base := "/certifications/v1/" + c.ID
			v.get(200, base)
			v.get(200, base+"/reviewers", "sorters", "name")
			v.get(200, base+"/decision-summary")
			if night == 2 && n == 3 {
				v.get(403, base+"/access-review-items")
				v.get(403, base+"/access-review-items/"+c.Items[0].ID+"/permissions")
				continue
			}
			v.get(200, base+"/access-review-items", "offset", "0", "count", "true")
			for _, i := range c.Items {
				if i.HasPermissions() {
					v.get(200, base+"/access-review-items/"+i.ID+"/permissions", "limit", "250")
				}
			}
		}
	}
}

func TestNullsAndErrorsKeepTheContract(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	o := optionsAt(clock)
	o.TokenLifetime = time.Hour
	tenant := simulator.New(o)
	tenant.Edit(small)
	tenant.Edit(func(w *simulator.World) {
		w.Certification("c2").Reviewer = nil
		w.Certification("c2").Reviewers = append(w.Certification("c2").Reviewers, nil)
	})
	v := newValidator(t, tenant)

	v.get(200, "/certifications/v1")
	v.get(200, "/certifications/v1/c2")
	v.get(200, "/certifications/v1/c2/reviewers")
	v.get(200, itemsPath, "filters", `identitySummary.id in ("s-Zed","s-Yan") and completed ne true`, "sorters", "-access.name")
	v.get(200, permissionsPath, "filters", `rights ca ("SELECT")`)
	v.get(200, "/certifications/v1/c1/decision-summary", "filters", `identitySummary.id eq "s-Zed"`)
	v.post(200, reassignPath, orderOf(t, "bob", simulator.ReassignTarget{ID: "i2", Type: "ITEM"}))
	v.get(200, "/certification-tasks/v1", "filters", `targetId eq "c1"`)

	lists := []string{"/campaigns/v1", "/certifications/v1", "/certification-tasks/v1", itemsPath, permissionsPath, reviewersPath}
	for _, path := range lists {
		v.get(400, path, "limit", "251")
		v.get(400, path, "offset", "9999")
		v.get(400, path, "filters", "nonsense")
	}
	single := []string{"/certifications/v1/none", "/certification-tasks/v1/none", "/certifications/v1/none/decision-summary"}
	for _, path := range single {
		v.get(404, path)
	}
	v.get(400, "/certifications/v1/c3")
	v.post(400, reassignPath, "{}")
	v.post(404, "/certifications/v1/none/reassign-async", "{}")

	for _, status := range []int{401, 403, 429, 500} {
		remove := tenant.Inject(simulator.Fault{Status: status})
		for _, path := range append(lists, "/certifications/v1/c1", "/certification-tasks/v1/t1", "/certifications/v1/c1/decision-summary") {
			v.get(status, path)
		}
		v.post(status, reassignPath, "{}")
		remove()
	}
	clock.advance(time.Hour)
	v.get(401, "/certifications/v1")
}

func TestGeneratedWorldKeepsTheContract(t *testing.T) {
	t.Parallel()
	tenant := simulator.Generate(simulator.Options{}, simulator.Size{
		Campaigns: 1, CertificationsPerCampaign: 2, ItemsPerCertification: 30, EntitlementsWithPermissions: 1, Seed: 3,
	})
	v := newValidator(t, tenant)
	var first *simulator.Certification
	tenant.Edit(func(w *simulator.World) { first = w.Certifications[0] })
	base := "/certifications/v1/" + first.ID
	for _, path := range []string{"/campaigns/v1", "/certifications/v1", base + "/reviewers", base + "/access-review-items",
		base + "/access-review-items/" + first.Items[0].ID + "/permissions"} {
		v.get(200, path)
	}
}
