package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
)

func TestFaultsSpoilWhatAPageSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault simulator.Fault
		want  []string
		total string
	}{
		{"none", simulator.Fault{Operation: simulator.OpTasks, DropRow: true}, []string{"i1", "i2", "i3", "i4"}, "4"},
		{"row repeated", simulator.Fault{RepeatRow: true}, []string{"i1", "i2", "i3", "i1"}, "4"},
		{"row dropped", simulator.Fault{DropRow: true}, []string{"i1", "i2", "i4"}, "4"},
		{"total falsified", simulator.Fault{Total: func(real int) int { return real + 3 }}, []string{"i1", "i2", "i3", "i4"}, "7"},
		{"world changes before", simulator.Fault{Before: func(w *simulator.World) {
			c := w.Certification("c1")
			c.Items = c.Items[1:]
		}}, []string{"i2", "i3", "i4"}, "3"},
		{"matched by certification", simulator.Fault{CertificationID: "c1", DropRow: true}, []string{"i1", "i2", "i4"}, "4"},
		{"another certification", simulator.Fault{CertificationID: "c2", DropRow: true}, []string{"i1", "i2", "i3", "i4"}, "4"},
		{"matched by request", simulator.Fault{Match: func(r *http.Request) bool { return r.FormValue("count") == "true" }, DropRow: true}, []string{"i1", "i2", "i4"}, "4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newSmall(t, simulator.Options{})
			c.tenant.Inject(tt.fault)
			r := c.get(itemsPath, "count", "true")
			if got := r.Header.Get("X-Total-Count"); got != tt.total {
				t.Errorf("X-Total-Count = %s, want %s", got, tt.total)
			}
			if diff := cmp.Diff(tt.want, ids(t, r)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaultsAnswerInstead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		fault  simulator.Fault
		status int
		body   string // "": an error body of the API
	}{
		{"server error", simulator.Fault{Status: 503}, 503, ""},
		{"forbidden", simulator.Fault{Status: 403}, 403, ""},
		{"not found", simulator.Fault{Status: 404}, 404, ""},
		{"unauthorized", simulator.Fault{Status: 401}, 401, `{"error":"JWT validation failed: JWT is expired"}`},
		{"too many", simulator.Fault{Status: 429, RetryAfter: "3"}, 429, `{"message":" Rate Limit Exceeded "}`},
		{"own body", simulator.Fault{Status: 502, Body: "<html>bad gateway</html>"}, 502, "<html>bad gateway</html>"},
		{"first of two", simulator.Fault{Status: 200, Body: "[]"}, 200, "[]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newSmall(t, simulator.Options{})
			c.tenant.Inject(tt.fault)
			c.tenant.Inject(simulator.Fault{Status: 500})
			r := c.get(itemsPath)
			if r.Header.Get("Retry-After") != tt.fault.RetryAfter {
				t.Errorf("Retry-After = %q, want %q", r.Header.Get("Retry-After"), tt.fault.RetryAfter)
			}
			if tt.body == "" {
				wantError(t, r, tt.status)
				return
			}
			if body := bodyOf(t, r); r.StatusCode != tt.status || body != tt.body {
				t.Errorf("%d %s, want %d %s", r.StatusCode, body, tt.status, tt.body)
			}
		})
	}
}

func TestFaultsCountTheRequestsTheyMatch(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	remove := c.tenant.Inject(simulator.Fault{Operation: simulator.OpItems, After: 1, Times: 2, Status: 500})
	statuses := func(n int) (got []int) {
		for range n {
			c.get(reviewersPath) // does not count
			got = append(got, c.get(itemsPath).StatusCode)
		}
		return got
	}
	if diff := cmp.Diff([]int{200, 500, 500, 200, 200}, statuses(5)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	remove()
	always := c.tenant.Inject(simulator.Fault{Operation: simulator.OpItems, Status: 500})
	if diff := cmp.Diff([]int{500, 500, 500}, statuses(3)); diff != "" {
		t.Errorf("statuses without Times (-want +got):\n%s", diff)
	}
	always()
	always()
	if diff := cmp.Diff([]int{200}, statuses(1)); diff != "" {
		t.Errorf("statuses after removal (-want +got):\n%s", diff)
	}
}

func TestFaultAddsHeadersToARealAnswer(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	c.tenant.Inject(simulator.Fault{Header: http.Header{"sunset": {"Mon, 01 Jan 2029 00:00:00 GMT"}}})
	r := c.get(itemsPath)
	if got := r.Header.Get("Sunset"); r.StatusCode != http.StatusOK || got == "" {
		t.Errorf("status %d, Sunset %q", r.StatusCode, got)
	}
}

func TestFaultOfTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	tenant := simulator.New(simulator.Options{})
	tenant.Inject(simulator.Fault{Operation: simulator.OpToken, Status: 503, Times: 1})
	w := httptest.NewRecorder()
	tenant.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader("")))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", w.Code)
	}
	login(t, tenant)
}

func TestRefusedRequestsUseUpNoFault(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	c.tenant.Inject(simulator.Fault{Operation: simulator.OpItems, Times: 1, Status: 500})
	r := httptest.NewRequest(http.MethodGet, itemsPath, nil)
	r.Header.Set("Authorization", "Bearer nonsense")
	if status := c.do(r).StatusCode; status != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", status)
	}
	if status := c.get(itemsPath).StatusCode; status != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", status)
	}
}

// overNetwork asks for the items over a real connection.
func overNetwork(t *testing.T, ctx context.Context, f simulator.Fault) (*http.Response, error) {
	t.Helper()
	c := newSmall(t, simulator.Options{})
	c.tenant.Inject(f)
	server := httptest.NewServer(c.tenant)
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+itemsPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	return server.Client().Do(r)
}

func TestCutBodyEndsEarly(t *testing.T) {
	t.Parallel()
	r, err := overNetwork(t, t.Context(), simulator.Fault{Cut: true})
	if err != nil {
		t.Fatalf("the header must arrive: %v", err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || int64(len(b)) != r.ContentLength/2 {
		t.Errorf("%d of %d bytes, error %v; want half and an unexpected EOF", len(b), r.ContentLength, err)
	}
}

func TestBadJSONHasItsFullLength(t *testing.T) {
	t.Parallel()
	r, err := overNetwork(t, t.Context(), simulator.Fault{BadJSON: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if body := bodyOf(t, r); r.StatusCode != http.StatusOK || json.Valid([]byte(body)) {
		t.Errorf("status %d, valid JSON: %s", r.StatusCode, body)
	}
}

func TestHangLastsUntilTheClientLeaves(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	go func() {
		<-arrived
		leave()
	}()
	_, err := overNetwork(t, ctx, simulator.Fault{Hang: true, Before: func(*simulator.World) { close(arrived) }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the client's own cancellation", err)
	}
}

func TestRequestsAreLogged(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	c.tenant.ResetRequests()
	c.get("/certifications/v1", "limit", "251")
	c.get("/nowhere")
	c.post("/certifications/v1/c1/reassign-async", "{")
	want := []simulator.Request{
		{Method: "GET", Path: "/certifications/v1", Query: map[string][]string{"limit": {"251"}}, Status: 400, Operation: "certifications", Version: "v1"},
		{Method: "GET", Path: "/nowhere", Query: map[string][]string{}, Status: 404},
		{Method: "POST", Path: "/certifications/v1/c1/reassign-async", Query: map[string][]string{}, Status: 400, Operation: "reassign", Version: "v1"},
	}
	if diff := cmp.Diff(want, c.tenant.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestTrackingIDsFollowTheNumberOfTheRequest(t *testing.T) {
	t.Parallel()
	ask := func() (bodies []string) {
		c := newSmall(t, simulator.Options{})
		for range 2 {
			bodies = append(bodies, bodyOf(t, c.get("/certifications/v1/none")))
		}
		return bodies
	}
	first, second := ask(), ask()
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two equal tenants (-first +second):\n%s", diff)
	}
	if first[0] == first[1] {
		t.Error("two requests share a tracking id")
	}
}
