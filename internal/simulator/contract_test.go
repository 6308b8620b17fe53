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

// described are the versions of the contract data. v2025 and v2024 have the paths
// and the models of v2026.
func described() []string { return []string{"v1", "v2026", "v3", "beta"} }

// contract loads the contract data of a version at ../shared/contract from the
// project's root, or at EXPORTER_CONTRACT_DIR. It skips the test where there is
// none, but not in CI, where that would go unnoticed.
func contract(t *testing.T, version string) *openapi3.T {
	t.Helper()
	dir := os.Getenv("EXPORTER_CONTRACT_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "contract")
	}
	load := func(version string) *openapi3.T {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, "isc-certifications-"+version+".json"))
		if err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("no contract data at ../shared/contract from the project's root, nor at EXPORTER_CONTRACT_DIR: %v", err)
			}
			t.Skipf("no contract data at ../shared/contract from the project's root, nor at EXPORTER_CONTRACT_DIR: %v", err)
		}
		return doc
	}
	v1 := load("v1")
	tolerate(t, v1)
	doc := v1
	if version != "v1" {
		doc = load(version)
		for _, p := range places() {
			if schema := answerOf(doc, version, p); schema != nil {
				nullAs(schema, answerOf(v1, "v1", p))
			}
		}
	}
	if version == "beta" {
		// Required, yet without a description.
		row := answerOf(doc, version, place{method: http.MethodGet, beta: "/beta/certifications"}).Items.Value
		row.Properties["campaignOwner"] = openapi3.NewSchemaRef("", &openapi3.Schema{Nullable: true})
	}
	for _, p := range places() {
		if schema := answerOf(doc, version, p); schema != nil {
			closeObjects(schema)
		}
	}
	doc.Servers = nil // any host
	return doc
}

// answerOf is the schema of an operation's answer; nil where the version lacks
// the operation.
func answerOf(doc *openapi3.T, version string, p place) *openapi3.Schema {
	path := p.in(version, whose{"{id}", "{itemId}", "{taskId}"})
	if path == "" {
		return nil
	}
	return doc.Paths.Find(path).GetOperation(p.method).Responses.Status(http.StatusOK).Value.Content["application/json"].Schema.Value
}

// tolerate lets the contract of v1 take the nulls that come over the wire although
// it does not say nullable.
func tolerate(t *testing.T, doc *openapi3.T) {
	t.Helper()
	null := func(schema *openapi3.Schema, names ...string) {
		for _, name := range names {
			property := schema.Properties[name]
			if property == nil {
				t.Fatalf("the contract has no property %s", name)
			}
			nullable(property.Value)
		}
	}
	for _, p := range places() {
		schema := answerOf(doc, "v1", p)
		if schema.Items != nil {
			schema = schema.Items.Value
		}
		switch p.operation {
		case simulator.OpItems:
			null(schema, "decision")
			null(schema.Properties["accessSummary"].Value, "accessProfile")
		case simulator.OpCertifications, simulator.OpCertification:
			null(schema, "reviewer")
		case simulator.OpTasks, simulator.OpTask, simulator.OpReassign:
			null(schema, "errors", "reassignmentTrailDTOs")
		}
	}
}

func nullable(schema *openapi3.Schema) {
	if !schema.Nullable && len(schema.Enum) > 0 {
		schema.Enum = append(schema.Enum, nil)
	}
	schema.Nullable = true
}

// nullAs makes nullable what the contract of v1 lets be null: the others describe
// the same data and say so less often.
func nullAs(schema, v1 *openapi3.Schema) {
	if v1.Nullable {
		nullable(schema)
	}
	for name, property := range schema.Properties {
		if same := v1.Properties[name]; same != nil {
			nullAs(property.Value, same.Value)
		}
	}
	if schema.Items != nil && v1.Items != nil {
		nullAs(schema.Items.Value, v1.Items.Value)
	}
	for _, parts := range [][2]openapi3.SchemaRefs{{schema.AllOf, v1.AllOf}, {schema.AnyOf, v1.AnyOf}} {
		for n := range min(len(parts[0]), len(parts[1])) {
			nullAs(parts[0][n].Value, parts[1][n].Value)
		}
	}
}

// closeObjects refuses properties the contract does not name. Objects put together
// with allOf stay open: each part of one sees the properties of the others.
func closeObjects(schema *openapi3.Schema) {
	if len(schema.AllOf) > 0 {
		return
	}
	if len(schema.Properties) > 0 {
		schema.WithoutAdditionalProperties()
	}
	for _, property := range schema.Properties {
		closeObjects(property.Value)
	}
	if schema.Items != nil {
		closeObjects(schema.Items.Value)
	}
	for _, part := range schema.AnyOf {
		closeObjects(part.Value)
	}
}

// validator holds each answer of a version against its contract.
type validator struct {
	*client
	version string
	router  routers.Router
}

func newValidator(t *testing.T, tenant *simulator.Tenant, version string) *validator {
	t.Helper()
	router, err := legacy.NewRouter(contract(t, version), openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation())
	if err != nil {
		t.Fatalf("route the contract: %v", err)
	}
	return &validator{client: newClient(t, tenant), version: version, router: router}
}

// check asks, wants a status and validates the answer, and the request too where
// it is meant to be right.
func (v *validator) check(r *http.Request, status int) {
	v.t.Helper()
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
}

// get asks for an operation, unless the version lacks it.
func (v *validator) get(status int, operation string, of whose, parameters ...string) {
	v.t.Helper()
	if path := pathOf(v.t, v.version, operation, of); path != "" {
		v.check(httptest.NewRequest(http.MethodGet, target(path, parameters...), nil), status)
	}
}

func (v *validator) reassign(status int, certification, body string) {
	v.t.Helper()
	path := pathOf(v.t, v.version, simulator.OpReassign, whose{certification: certification})
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	v.check(r, status)
}

// eachContract runs a test for every version the contract data describes.
func eachContract(t *testing.T, test func(t *testing.T, version string)) {
	t.Helper()
	for _, version := range described() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			test(t, version)
		})
	}
}

func TestEveryAnswerOfTheDemoKeepsTheContract(t *testing.T) {
	t.Parallel()
	eachContract(t, func(t *testing.T, version string) {
		tenant := simulator.NewDemo(simulator.Options{Deprecation: map[string]string{"Sunset": "Mon, 01 Jan 2029 00:00:00 GMT"}})
		v := newValidator(t, tenant, version)
		for night := 1; night <= 3; night++ {
			tenant.DemoNight(night)
			var certifications []*simulator.Certification
			var tasks []*simulator.Task
			tenant.Edit(func(w *simulator.World) { certifications, tasks = w.Certifications, w.Tasks })

			v.get(200, simulator.OpCampaigns, whose{}, "count", "true")
			v.get(200, simulator.OpCampaigns, whose{}, "detail", "FULL")
			v.get(200, simulator.OpCertifications, whose{}, "limit", "250", "count", "true")
			for _, k := range tasks {
				if version != "beta" || k.Type == "ADMIN_REASSIGN" { // beta knows no other
					v.get(200, simulator.OpTask, whose{certification: k.TargetID, task: k.ID})
				}
			}
			for n, c := range certifications {
				of := whose{certification: c.ID}
				v.get(200, simulator.OpTasks, of)
				v.get(200, simulator.OpCertification, of)
				v.get(200, simulator.OpReviewers, of, "sorters", "name")
				v.get(200, simulator.OpIdentitySummaries, of, "sorters", "name")
				v.get(200, simulator.OpDecisionSummary, of)
				permissions := 200
				if night == 2 && n == 3 {
					permissions = 403
					v.get(403, simulator.OpItems, of)
				} else {
					v.get(200, simulator.OpItems, of, "offset", "0", "count", "true")
				}
				for _, i := range c.Items {
					if i.HasPermissions() {
						v.get(permissions, simulator.OpPermissions, whose{certification: c.ID, item: i.ID}, "limit", "250")
					}
				}
			}
		}
	})
}

func TestNullsAndErrorsKeepTheContract(t *testing.T) {
	t.Parallel()
	eachContract(t, func(t *testing.T, version string) {
		clock := &clock{}
		o := optionsAt(clock)
		o.TokenLifetime = time.Hour
		tenant := simulator.New(o)
		tenant.Edit(small)
		tenant.Edit(func(w *simulator.World) {
			w.Certification("c2").Reviewer = nil
			w.Certification("c2").Reviewers = append(w.Certification("c2").Reviewers, nil)
		})
		v := newValidator(t, tenant, version)
		all := whose{"c1", "i1", "t1"}

		v.get(200, simulator.OpCertifications, whose{})
		v.get(200, simulator.OpCertification, whose{certification: "c2"})
		v.get(200, simulator.OpReviewers, whose{certification: "c2"})
		v.get(200, simulator.OpItems, all, "filters", `identitySummary.id in ("s-Zed","s-Yan") and completed ne true`, "sorters", "-access.name")
		v.get(200, simulator.OpPermissions, all, "filters", `rights ca ("SELECT")`)
		v.get(200, simulator.OpIdentitySummaries, all, "filters", `completed eq false`, "count", "true")
		v.get(200, simulator.OpDecisionSummary, all, "filters", `identitySummary.id eq "s-Zed"`)
		v.reassign(200, "c1", orderOf(t, "bob", simulator.ReassignTarget{ID: "i2", Type: "ITEM"}))
		v.get(200, simulator.OpTasks, all, "filters", `targetId eq "c1"`)

		below := []string{simulator.OpItems, simulator.OpPermissions, simulator.OpReviewers, simulator.OpIdentitySummaries}
		single := []string{simulator.OpCertification, simulator.OpDecisionSummary}
		lists := append([]string{simulator.OpCampaigns, simulator.OpCertifications}, below...)
		if version == "beta" { // tasks are below a certification, and not paged
			below = append(below, simulator.OpTasks)
		} else {
			lists = append(lists, simulator.OpTasks)
		}
		for _, operation := range lists {
			v.get(400, operation, all, "limit", "251")
			v.get(400, operation, all, "offset", "9999")
			v.get(400, operation, all, "filters", "nonsense")
		}
		for _, operation := range append(single, below...) {
			v.get(404, operation, whose{"none", "i1", ""})
			v.get(400, operation, whose{"c3", "i9", ""}) // a governance group's
		}
		v.get(404, simulator.OpPermissions, whose{"c1", "none", ""})
		v.get(404, simulator.OpTask, whose{"c1", "", "none"})
		v.reassign(400, "c1", "{}")
		v.reassign(404, "none", "{}")

		for _, status := range []int{401, 403, 429, 500} {
			remove := tenant.Inject(simulator.Fault{Status: status})
			for _, p := range places() {
				if p.operation == simulator.OpReassign {
					v.reassign(status, "c1", "{}")
				} else {
					v.get(status, p.operation, all)
				}
			}
			remove()
		}
		clock.advance(time.Hour)
		v.get(401, simulator.OpCertifications, whose{})
	})
}

func TestGeneratedWorldKeepsTheContract(t *testing.T) {
	t.Parallel()
	eachContract(t, func(t *testing.T, version string) {
		tenant := simulator.Generate(simulator.Options{}, simulator.Size{
			Campaigns: 1, CertificationsPerCampaign: 2, ItemsPerCertification: 30, EntitlementsWithPermissions: 1, Seed: 3,
		})
		v := newValidator(t, tenant, version)
		var first *simulator.Certification
		tenant.Edit(func(w *simulator.World) { first = w.Certifications[0] })
		of := whose{certification: first.ID, item: first.Items[0].ID}
		for _, operation := range []string{
			simulator.OpCampaigns, simulator.OpCertifications, simulator.OpReviewers, simulator.OpItems, simulator.OpPermissions,
			simulator.OpIdentitySummaries,
		} {
			v.get(200, operation, of)
		}
	})
}
