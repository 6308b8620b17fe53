package fetch_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
)

func TestCAFileIsTrusted(t *testing.T) {
	t.Parallel()
	tenant := world(simulator.Options{}, 0, 0)
	server := httptest.NewTLSServer(tenant)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, nil, func(o *fetch.Options) { o.BaseURL, o.Transport, o.CAFile = server.URL, nil, file })
	if _, err := c.Certification(t.Context(), certificationID); err != nil {
		t.Errorf("with the CA file: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*fetch.Options)
		want   string // in the error; empty: none
	}{
		{"as they are", func(*fetch.Options) {}, ""},
		{"no retries", func(o *fetch.Options) { o.Retries = 0 }, ""},
		{"no base URL", func(o *fetch.Options) { o.BaseURL = "" }, "not an absolute URL"},
		{"base URL without a host", func(o *fetch.Options) { o.BaseURL = "acme" }, "not an absolute URL"},
		{"unknown API version", func(o *fetch.Options) { o.APIVersion = "v4" }, `"v4" is not supported`},
		{"no client id", func(o *fetch.Options) { o.ClientID = "" }, "client id"},
		{"no secret", func(o *fetch.Options) { o.ClientSecret = "" }, "client secret"},
		{"no rate", func(o *fetch.Options) { o.RateRequests = 0 }, "rate limit"},
		{"no span of the rate", func(o *fetch.Options) { o.RatePer = 0 }, "rate limit"},
		{"no timeout", func(o *fetch.Options) { o.Timeout = 0 }, "timeout"},
		{"negative retries", func(o *fetch.Options) { o.Retries = -1 }, "retries"},
		{"no page size", func(o *fetch.Options) { o.PageSize = 0 }, "page size"},
		{"page size above the API's", func(o *fetch.Options) { o.PageSize = 251 }, "page size"},
		{"nothing in flight", func(o *fetch.Options) { o.InFlight = 0 }, "requests in flight"},
		{"CA file missing", func(o *fetch.Options) { o.Transport, o.CAFile = nil, empty+".none" }, "read CA file"},
		{"CA file without certificates", func(o *fetch.Options) { o.Transport, o.CAFile = nil, empty }, "no PEM certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := unlimited(http.NotFoundHandler())
			tt.change(&o)
			_, err := fetch.New(o)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the secret is in %q", err)
			}
		})
	}
}

func TestRequestSaysWhoAsksAndWhatItTakes(t *testing.T) {
	t.Parallel()
	tenant := array(oneCertification)
	c := newClient(t, tenant, func(o *fetch.Options) { o.UserAgent = "exporter/1.0" })
	if _, err := c.Certification(t.Context(), "a/b?c"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.NextGenerationCampaigns(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, requests := tenant.met()
	for i, r := range requests {
		experimental := map[int]string{1: "true"}[i]
		h := r.r.Header
		if h.Get("User-Agent") != "exporter/1.0" || h.Get("Accept") != "application/json" ||
			bearer(r.r) != "token-1" || h.Get("X-SailPoint-Experimental") != experimental {
			t.Errorf("headers of request %d: %v", i+1, h)
		}
	}
	if got := requests[0].r.URL.EscapedPath(); got != "/certifications/v1/a%2Fb%3Fc" {
		t.Errorf("path %s: the id is not escaped", got)
	}
}

func TestStatsTellWhatTheAnswersCarried(t *testing.T) {
	t.Parallel()
	tenant := array(oneCertification, "Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat),
		"X-Deprecated", "true", "Sunset", "Mon, 01 Jan 2029 00:00:00 GMT")
	c := newClient(t, tenant)
	if _, err := c.Certification(t.Context(), certificationID); err != nil {
		t.Fatal(err)
	}
	s := c.Stats()
	if s.ClockOffset == nil || *s.ClockOffset < 3500 || *s.ClockOffset > 3700 {
		t.Errorf("clock offset %v, want about an hour", s.ClockOffset)
	}
	if s.Deprecation["X-Deprecated"] != "true" || s.Deprecation["Sunset"] == "" || len(s.Deprecation) != 2 {
		t.Errorf("deprecation %v", s.Deprecation)
	}
	if c.Host() != "acme.api.identitynow.com" {
		t.Errorf("host %s", c.Host())
	}
}

func TestNextGenerationCampaigns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer handler
		count  int64
		known  bool
		fails  bool
	}{
		{"total stated", func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, `[{}]`, "X-Total-Count", "7") }, 7, true, false},
		{"no total", always(200, `[{}]`), 1, true, false},
		{"none", always(200, `[]`), 0, true, false},
		{"another shape", always(200, `{"items":[]}`), 0, false, false},
		{"not served", always(404, ""), 0, false, false},
		{"forbidden", always(403, ""), 0, false, false},
		{"unauthorized", always(401, ""), 0, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) { tt.answer(w, r) }}
			count, known, err := newClient(t, tenant).NextGenerationCampaigns(t.Context())
			if count != tt.count || known != tt.known || (err != nil) != tt.fails {
				t.Errorf("%d, %t, %v; want %d, %t, error %t", count, known, err, tt.count, tt.known, tt.fails)
			}
		})
	}
}
