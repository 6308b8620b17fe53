package simulator_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
)

// clock is a time that only a test moves.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time            { return day(1).Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration)   { c.offset.Add(int64(d)) }
func optionsAt(c *clock) simulator.Options { return simulator.Options{Now: c.now} }
func formOf(parts ...string) (form url.Values) {
	form = url.Values{}
	for i := 0; i < len(parts); i += 2 {
		form.Set(parts[i], parts[i+1])
	}
	return form
}

func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	const grant = "client_credentials"
	tests := []struct {
		name       string
		form       url.Values
		user, pass string // Basic
		status     int
		code       string
	}{
		{"form", formOf("grant_type", grant, "client_id", "id", "client_secret", "s/e?c"), "", "", 200, ""},
		{"basic, form-encoded as the RFC wants", formOf("grant_type", grant), "id", "s%2Fe%3Fc", 200, ""},
		{"basic, plain", formOf("grant_type", grant), "id", "s/e?c", 200, ""},
		{"wrong secret", formOf("grant_type", grant, "client_id", "id", "client_secret", "x"), "", "", 401, "invalid_client"},
		{"no credential", formOf("grant_type", grant), "", "", 401, "invalid_client"},
		{"another grant", formOf("grant_type", "password", "client_id", "id", "client_secret", "s/e?c"), "", "", 400, "unsupported_grant_type"},
		{"no grant", nil, "", "", 400, "unsupported_grant_type"},
	}
	tenant := simulator.New(simulator.Options{ClientID: "id", ClientSecret: "s/e?c", TokenLifetime: 90 * time.Second})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(tt.form.Encode()))
			if tt.user != "" {
				r.SetBasicAuth(tt.user, tt.pass)
			}
			w := httptest.NewRecorder()
			tenant.ServeHTTP(w, r)
			var got struct {
				Error     string
				ExpiresIn int    `json:"expires_in"`
				TokenType string `json:"token_type"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("decode %s: %v", w.Body, err)
			}
			if w.Code != tt.status || got.Error != tt.code {
				t.Fatalf("%d %s, want %d %q", w.Code, w.Body, tt.status, tt.code)
			}
			if tt.status == http.StatusOK && (got.ExpiresIn != 90 || got.TokenType != "bearer") {
				t.Errorf("answer %s", w.Body)
			}
		})
	}
}

func TestTokenCarriesTheCallersClaims(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	tenant := simulator.New(optionsAt(clock))
	parts := strings.Split(login(t, tenant), ".")
	if len(parts) != 3 {
		t.Fatalf("%d segments, want 3", len(parts))
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatalf("decode claims: %v", err)
	}
	var claims struct {
		Org         string   `json:"org"`
		IdentityID  string   `json:"identity_id"`
		Authorities []string `json:"authorities"`
		Scope       []string `json:"scope"`
		Exp         int64    `json:"exp"`
	}
	if err := json.Unmarshal(b, &claims); err != nil {
		t.Fatalf("decode claims %s: %v", b, err)
	}
	if claims.Org != "acme" || claims.IdentityID == "" || claims.Exp != clock.now().Add(12*time.Hour).Unix() {
		t.Errorf("claims %s", b)
	}
	if diff := cmp.Diff([]string{"ORG_ADMIN"}, claims.Authorities); diff != "" {
		t.Errorf("authorities (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"idn:campaign:read", "idn:campaign:manage"}, claims.Scope); diff != "" {
		t.Errorf("scope (-want +got):\n%s", diff)
	}
}

func TestOnlyALivingTokenIsLetIn(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	o := optionsAt(clock)
	o.TokenLifetime = 15 * time.Second
	c := newClient(t, simulator.New(o))
	ask := func(authorization string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, "/certifications/v1", nil)
		r.Header.Set("Authorization", authorization)
		answer := c.do(r)
		var e struct{ Error string }
		if answer.StatusCode != http.StatusOK {
			if err := json.Unmarshal([]byte(bodyOf(t, answer)), &e); err != nil {
				t.Fatalf("decode: %v", err)
			}
		}
		return answer.StatusCode, e.Error
	}
	steps := []struct {
		name, authorization string
		after               time.Duration
		status              int
		text                string
	}{
		{"none", "-", 0, 401, "JWT is required"},
		{"another scheme", "Basic " + c.token, 0, 401, "JWT is required"},
		{"unknown", "Bearer a.b.c", 0, 401, "JWT validation failed: JWT is not valid"},
		{"fresh", "Bearer " + c.token, 0, 200, ""},
		{"the scheme in lower case", "bearer " + c.token, 0, 200, ""},
		{"just alive", "Bearer " + c.token, 15*time.Second - 1, 200, ""},
		{"expired", "Bearer " + c.token, 1, 401, "JWT validation failed: JWT is expired"},
	}
	for _, s := range steps {
		clock.advance(s.after)
		if status, text := ask(s.authorization); status != s.status || text != s.text {
			t.Errorf("%s: %d %q, want %d %q", s.name, status, text, s.status, s.text)
		}
	}
}

func TestScopesAndLevelsBoundWhatACallerSees(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	restrict := func(caller simulator.Caller) {
		c.tenant.Edit(func(w *simulator.World) { w.Caller = caller })
	}
	restrict(simulator.Caller{ID: "bob", Name: "Bob", Authorities: []string{"REPORT_ADMIN"}, Scopes: []string{"idn:campaign:read"}})
	if diff := cmp.Diff([]string{"c2"}, ids(t, c.get("/certifications/v1"))); diff != "" {
		t.Errorf("list of a reviewer (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"c2"}, ids(t, c.get("/certifications/v1", "reviewer-identity", "me"))); diff != "" {
		t.Errorf("own list (-want +got):\n%s", diff)
	}
	wantError(t, c.get("/certifications/v1/c1"), http.StatusForbidden)
	wantError(t, c.post("/certifications/v1/c1/reassign-async", "{}"), http.StatusForbidden)

	restrict(simulator.Caller{ID: "bob", Authorities: []string{"CERT_ADMIN"}, Scopes: []string{"sp:scopes:all"}})
	if diff := cmp.Diff([]string{"c1", "c2", "c3"}, ids(t, c.get("/certifications/v1"))); diff != "" {
		t.Errorf("list of an administrator (-want +got):\n%s", diff)
	}
	restrict(simulator.Caller{ID: "bob", Authorities: []string{"ORG_ADMIN"}})
	wantError(t, c.get("/certifications/v1"), http.StatusForbidden)
}

func TestOAuthInfoNamesTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	simulator.New(simulator.Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/oauth/info", nil))
	info := decode[map[string]string](t, w.Result())
	if got, want := info["tokenEndpoint"], "http://127.0.0.1:8080/oauth/token"; got != want {
		t.Errorf("tokenEndpoint = %q, want %q", got, want)
	}
}
