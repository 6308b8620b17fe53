package fetch_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func TestTokenIsRenewedBeforeItDies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ life, early time.Duration }{{15 * time.Second, 3 * time.Second}, {12 * time.Hour, time.Minute}} {
		t.Run(tt.life.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := array(oneCertification)
				tenant.life = int(tt.life / time.Second)
				c := newClient(t, tenant)
				for began := time.Now(); time.Since(began) < 3*tt.life; <-time.After(tt.life / 1000) {
					if _, err := c.Certification(t.Context(), certificationID); err != nil {
						t.Fatal(err)
					}
				}
				tokens, requests := tenant.met()
				issued := map[string]time.Time{}
				for _, r := range requests {
					token := bearer(r.r)
					if _, known := issued[token]; !known {
						issued[token] = r.at
					}
					if age := r.at.Sub(issued[token]); age >= tt.life-tt.early {
						t.Fatalf("a token was used at the age of %s", age)
					}
				}
				if tokens > 4 {
					t.Errorf("%d tokens in three lives", tokens)
				}
			})
		})
	}
}

func TestTokenIsNotOutlivedByThePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant := world(simulator.Options{TokenLifetime: 15 * time.Second}, 0, 0)
		tenant.Inject(simulator.Fault{Operation: simulator.OpCertification, Times: 3, Status: 429, RetryAfter: "60"})
		if _, err := newClient(t, tenant).Certification(t.Context(), certificationID); err != nil {
			t.Fatal(err)
		}
		for _, r := range tenant.Requests() {
			if r.Status == http.StatusUnauthorized {
				t.Errorf("%s was asked with a dead token", r.Path)
			}
		}
	})
}

func TestOneRenewalServesAllWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 16
		all := make(chan struct{}) // closed once all of them hold the same token
		var mu sync.Mutex
		held := 0
		tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) {
			if bearer(r) != "token-1" {
				reply(w, http.StatusOK, oneCertification)
				return
			}
			mu.Lock()
			if held++; held == n {
				close(all)
			}
			mu.Unlock()
			<-all
			reply(w, http.StatusUnauthorized, `{"error":"JWT validation failed: JWT is expired"}`)
		}}
		workers(t, newClient(t, tenant), n, 1)
		tokens, requests := tenant.met()
		if tokens != 2 || len(requests) != 2*n {
			t.Errorf("%d tokens and %d requests, want 2 and %d", tokens, len(requests), 2*n)
		}
	})
}

func TestSecondUnauthorizedEndsWithErrAuth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant := &fake{answer: func(_ int, w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusUnauthorized, `{"error":"JWT is not valid"}`)
		}}
		_, err := newClient(t, tenant).Campaigns(t.Context(), "", &sink[snapshot.Campaign]{})
		if !errors.Is(err, fetch.ErrAuth) || fetch.StatusOf(err) != http.StatusUnauthorized {
			t.Errorf("error %v, want ErrAuth with status 401", err)
		}
		if tokens, requests := tenant.met(); tokens != 2 || len(requests) != 2 {
			t.Errorf("%d tokens and %d requests, want two of each", tokens, len(requests))
		}
	})
}

// credentials records how each token request carried the credentials, and lets
// answer answer it.
type credentials struct {
	*fake
	answer func(n int, w http.ResponseWriter, r *http.Request)
	seen   []string
}

func (c *credentials) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/oauth/token" {
		c.fake.ServeHTTP(w, r)
		return
	}
	how := "form"
	if _, _, basic := r.BasicAuth(); basic {
		how = "basic"
	}
	c.seen = append(c.seen, how)
	c.answer(len(c.seen), w, r)
}

func TestCredentialsGoAsFormUnlessTheTenantWantsBasic(t *testing.T) {
	t.Parallel()
	const token = `{"access_token":"t","token_type":"bearer","expires_in":100}`
	only := func(how string, status int) func(int, http.ResponseWriter, *http.Request) {
		return func(_ int, w http.ResponseWriter, r *http.Request) {
			if _, _, basic := r.BasicAuth(); basic != (how == "basic") {
				reply(w, status, `{"error":"invalid_client"}`, "Content-Type", "application/json")
				return
			}
			reply(w, http.StatusOK, token, "Content-Type", "application/json")
		}
	}
	down := func(n int, w http.ResponseWriter, r *http.Request) {
		if n < 4 {
			reply(w, []int{0, 503, 429, 500}[n], "")
			return
		}
		reply(w, http.StatusOK, token, "Content-Type", "application/json")
	}
	tests := []struct {
		name   string
		answer func(int, http.ResponseWriter, *http.Request)
		want   string // of two lives
	}{
		{"form", only("form", 401), "form form"},
		{"form refused with 401", only("basic", 401), "form basic basic"},
		{"form refused with 400", only("basic", 400), "form basic basic"},
		{"endpoint unavailable at first", down, "form form form form form"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := &credentials{fake: array(oneCertification), answer: tt.answer}
				c := newClient(t, tenant)
				for range 2 {
					if _, err := c.Certification(t.Context(), certificationID); err != nil {
						t.Fatal(err)
					}
					<-time.After(100 * time.Second)
				}
				if got := strings.Join(tenant.seen, " "); got != tt.want {
					t.Errorf("credentials sent as %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestRefusedCredentialsAreErrAuth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant := world(simulator.Options{ClientSecret: "another"}, 0, 0)
		_, err := newClient(t, tenant).Certification(t.Context(), certificationID)
		if !errors.Is(err, fetch.ErrAuth) || !strings.Contains(err.Error(), "invalid_client") {
			t.Errorf("error %v, want ErrAuth with the code invalid_client", err)
		}
		if n := len(tenant.Requests()); n != 2 {
			t.Errorf("%d token requests, want one as form and one as Basic", n)
		}
	})
}

func TestSecretIsInNoErrorAndNoLog(t *testing.T) {
	t.Parallel()
	const odd = `p&ss %w"ord` // differs from each of its encodings
	hidden := []string{odd, url.QueryEscape(odd), base64.StdEncoding.EncodeToString([]byte("demo-client:" + url.QueryEscape(odd)))}
	// echo answers with all that it was asked, as a careless proxy does.
	echo := func(status int, format func(string) string, headers ...string) func(int, http.ResponseWriter, *http.Request) {
		return func(_ int, w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			form, err := url.ParseQuery(string(body))
			if err != nil {
				t.Error(err)
			}
			all := strings.Join([]string{string(body), form.Get("client_secret"), r.Header.Get("Authorization")}, " ")
			reply(w, status, format(all), headers...)
		}
	}
	asText := func(s string) string { return s }
	asCode := func(s string) string {
		return `{"error":"` + strings.ReplaceAll(s, `"`, `\"`) + `","error_description":"` + strings.ReplaceAll(s, `"`, `\"`) + `"}`
	}
	tests := map[string]func(int, http.ResponseWriter, *http.Request){
		"success without a token": echo(200, asCode, "Content-Type", "application/json"),
		"success without JSON":    echo(200, asText),
		"no answer":               func(int, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"redirect":                echo(307, asText, "Location", "https://elsewhere.example/oauth/token"),
	}
	for _, status := range []int{400, 401, 403, 404, 429, 500, 503} {
		tests[http.StatusText(status)+" as text"] = echo(status, asText)
		tests[http.StatusText(status)+" as JSON"] = echo(status, asCode, "Content-Type", "application/json")
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				tenant := &credentials{fake: array(oneCertification), answer: answer}
				c := newClient(t, tenant, func(o *fetch.Options) {
					o.ClientSecret = odd
					o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
				})
				_, err := c.Certification(t.Context(), certificationID)
				if err == nil {
					t.Fatal("no error")
				}
				for _, s := range hidden {
					if strings.Contains(err.Error(), s) || strings.Contains(log.String(), s) {
						t.Errorf("the secret shows as %q in error %q or log %q", s, err, log.String())
					}
				}
			})
		})
	}
}

func TestRedirectsStayOnTheHost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		location func(n int) string // of the n-th answer; "": none
		ok       bool
		asked    int
	}{
		{"same host", func(n int) string { return map[int]string{1: "/certifications/v2/c1"}[n] }, true, 2},
		{"three times on the same host", func(n int) string { return map[int]string{1: "/1", 2: "/2", 3: "/3"}[n] }, true, 4},
		{"for ever on the same host", func(int) string { return "/again" }, false, 4},
		{"another host", func(int) string { return "https://elsewhere.example/certifications/v1/c1" }, false, 1},
		{"a host below", func(int) string { return "https://x.acme.api.identitynow.com/" }, false, 1},
		{"another port", func(int) string { return host + ":8443/" }, false, 1},
		{"no TLS", func(int) string { return "http://acme.api.identitynow.com/" }, false, 1},
		{"by way of the same host", func(n int) string { return map[int]string{1: "/1", 2: "https://elsewhere.example/"}[n] }, false, 2},
	}
	for _, tt := range tests {
		for _, operation := range []string{"certification", "token"} {
			t.Run(operation+" redirected to "+tt.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					n := 0
					redirect := func(w http.ResponseWriter, ok string) {
						n++
						if location := tt.location(n); location != "" {
							reply(w, http.StatusTemporaryRedirect, "", "Location", location)
							return
						}
						reply(w, http.StatusOK, ok, "Content-Type", "application/json")
					}
					handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if got := r.URL.Scheme + "://" + r.URL.Host; got != host {
							t.Errorf("%s was asked, with Authorization %q", got, r.Header.Get("Authorization"))
						}
						token := r.Method == http.MethodPost
						switch {
						case token == (operation == "token"):
							redirect(w, map[bool]string{true: `{"access_token":"t","token_type":"bearer"}`, false: oneCertification}[token])
						case token:
							reply(w, http.StatusOK, `{"access_token":"t","token_type":"bearer"}`, "Content-Type", "application/json")
						default:
							reply(w, http.StatusOK, oneCertification)
						}
					})
					_, err := newClient(t, handler).Certification(t.Context(), certificationID)
					if (err == nil) != tt.ok {
						t.Errorf("error %v, want success: %t", err, tt.ok)
					}
					if n != tt.asked {
						t.Errorf("asked %d times, want %d and no retry", n, tt.asked)
					}
				})
			})
		}
	}
}
