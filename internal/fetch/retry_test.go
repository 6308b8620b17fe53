package fetch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

const failureBody = `{"detailCode":"500.0 Internal fault","trackingId":"e7eab60924f64aa284175b9fa3309599",` +
	`"messages":[{"locale":"de","text":"Kaputt"},{"locale":"en-US","text":"An internal\n fault occurred."}],"causes":[]}`

type handler = func(w http.ResponseWriter, r *http.Request)

func always(status int, body string) handler {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, status, body) }
}

// passing are the failures that a later request may not meet.
var passing = map[string]struct {
	fail   handler
	status int // in the error, where it lasts
}{
	"500":              {always(500, failureBody), 500},
	"502":              {always(502, "<html>bad gateway</html>"), 502},
	"503":              {always(503, failureBody), 503},
	"504":              {always(504, ""), 504},
	"connection error": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0},
	"body cut": {func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[{"id":`)
		panic(http.ErrAbortHandler)
	}, 200},
	"body cut where it could end": {func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `[]`)
		panic(http.ErrAbortHandler)
	}, 200},
	"malformed JSON":             {always(200, `[{"id":"a"}<html>`), 200},
	"empty body":                 {always(200, ""), 200},
	"null":                       {always(200, "null"), 200},
	"object instead of array":    {always(200, `{"id":"a"}`), 200},
	"nothing within the timeout": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 0},
}

func TestPassingFailureIsRetried(t *testing.T) {
	t.Parallel()
	for name, tt := range passing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := &fake{answer: func(n int, w http.ResponseWriter, r *http.Request) {
					if n <= 5 {
						tt.fail(w, r)
						return
					}
					reply(w, http.StatusOK, `[{"id":"a"}]`, "X-Total-Count", "1")
				}}
				c := newClient(t, tenant)
				var s sink[snapshot.Campaign]
				proof, err := c.Campaigns(t.Context(), "", &s)
				if err != nil || !proof.Proved || len(s.rows) != 1 {
					t.Errorf("proof %+v, %d rows, error %v", proof, len(s.rows), err)
				}
				if got := c.Stats().Retries; got != 5 {
					t.Errorf("%d retries counted, want 5", got)
				}
			})
		})
	}
}

func TestLastingFailureIsAnErrorAfterGrowingWaits(t *testing.T) {
	t.Parallel()
	for name, tt := range passing {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) { tt.fail(w, r) }}
				o := func(o *fetch.Options) { o.Timeout = time.Nanosecond }
				c := newClient(t, tenant, o)
				proof, err := c.Campaigns(t.Context(), "", &sink[snapshot.Campaign]{})
				var failure *fetch.Error
				if !errors.As(err, &failure) || proof.Proved {
					t.Fatalf("error %v, proof %+v, want a fetch.Error and no proof", err, proof)
				}
				if failure.Status != tt.status || failure.Operation != "campaigns" {
					t.Errorf("error %q has status %d, want %d", failure, failure.Status, tt.status)
				}
				_, requests := tenant.met()
				if len(requests) != 6 {
					t.Fatalf("%d requests, want 6", len(requests))
				}
				var before time.Duration
				for i := 1; i < len(requests); i++ {
					wait := requests[i].at.Sub(requests[i-1].at)
					if wait <= before {
						t.Errorf("wait %d is %s after one of %s", i, wait, before)
					}
					before = wait
				}
				if all := requests[5].at.Sub(requests[0].at); all < 7*time.Second || all > 16*time.Second {
					t.Errorf("five retries took %s, want about 15 s at most", all)
				}
			})
		})
	}
}

func TestErrorTellsWhatTheTenantSaid(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		want   fetch.Error
		text   string
	}{
		{"error body", 403, failureBody,
			fetch.Error{Status: 403, DetailCode: "500.0 Internal fault", TrackingID: "e7eab60924f64aa284175b9fa3309599", Message: "An internal fault occurred."},
			"certification: HTTP 403 (500.0 Internal fault): An internal fault occurred. [trackingId e7eab60924f64aa284175b9fa3309599]"},
		{"one message", 404, `{"messages":[{"locale":null,"text":"Weg"}]}`, fetch.Error{Status: 404, Message: "Weg"}, "certification: HTTP 404: Weg"},
		{"error", 400, `{"error":"no"}`, fetch.Error{Status: 400, Message: "no"}, "certification: HTTP 400: no"},
		{"message", 400, `{"message":"no"}`, fetch.Error{Status: 400, Message: "no"}, "certification: HTTP 400: no"},
		{"field of another type", 400, `{"detailCode":4,"trackingId":"t","message":{"a":1}}`, fetch.Error{Status: 400, TrackingID: "t", Message: "map[a:1]"}, "certification: HTTP 400: map[a:1] [trackingId t]"},
		{"not JSON", 403, "<html>\x00", fetch.Error{Status: 403, Message: "forbidden"}, "certification: HTTP 403: forbidden"},
		{"long and unprintable", 404, `{"message":"` + strings.Repeat("é", 600) + `"}`,
			fetch.Error{Status: 404, Message: strings.Repeat("é", 500) + "…"}, "certification: HTTP 404: " + strings.Repeat("é", 500) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) { reply(w, tt.status, tt.body) }}
			_, err := newClient(t, tenant).Certification(t.Context(), certificationID)
			var got *fetch.Error
			if !errors.As(err, &got) {
				t.Fatalf("error %v, want a fetch.Error", err)
			}
			tt.want.Operation = "certification"
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if got.Error() != tt.text {
				t.Errorf("text %q, want %q", got, tt.text)
			}
		})
	}
}

func TestLastingAnswerIsNotRetried(t *testing.T) {
	t.Parallel()
	for _, status := range []int{204, 400, 403, 404, 405, 410, 422, 501, 505} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := world(simulator.Options{}, 1, 0)
				tenant.Inject(simulator.Fault{Operation: simulator.OpItems, Status: status})
				c := newClient(t, tenant)
				_, err := c.ReviewItems(t.Context(), certificationID, &sink[itemRow]{})
				if fetch.StatusOf(err) != status {
					t.Errorf("error %v, want status %d", err, status)
				}
				if n := len(lists(tenant)); n != 1 || c.Stats().Retries != 0 {
					t.Errorf("%d requests, %d retries counted; want one request", n, c.Stats().Retries)
				}
			})
		})
	}
}

func TestRetryWaitsAsLongAsAnUnavailableTenantAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant := &fake{answer: func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				reply(w, http.StatusServiceUnavailable, "", "Retry-After", "20")
				return
			}
			reply(w, http.StatusOK, oneCertification)
		}}
		if _, err := newClient(t, tenant).Certification(t.Context(), certificationID); err != nil {
			t.Fatal(err)
		}
		_, requests := tenant.met()
		if wait := requests[1].at.Sub(requests[0].at); wait != 20*time.Second {
			t.Errorf("waited %s, want 20s", wait)
		}
	})
}

func TestEndedContextEndsEveryWaitWithItsCause(t *testing.T) {
	t.Parallel()
	const patience = 100 * time.Millisecond
	busy := func(headers ...string) handler {
		return func(w http.ResponseWriter, _ *http.Request) { reply(w, 429, "", headers...) }
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	tests := []struct {
		name   string
		answer handler
		change []func(*fetch.Options)
	}{
		{"before a retry", always(503, ""), nil},
		{"in a pause", busy("Retry-After", "60"), nil},
		{"for an answer", hang, []func(*fetch.Options){retries(0)}},
		{"for the rate limit", always(200, "null"), []func(*fetch.Options){slowly(1, time.Hour), retries(0)}},
		{"for a slot", hang, []func(*fetch.Options){inFlight(1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) { tt.answer(w, r) }}
				c := newClient(t, tenant, tt.change...)
				if tt.name == "for the rate limit" {
					_, _ = c.Certification(t.Context(), certificationID) // takes the hour's only leave
				}
				if tt.name == "for a slot" {
					other, end := context.WithCancel(t.Context())
					defer end()
					go func() { _, _ = c.Certification(other, certificationID) }()
					synctest.Wait()
				}
				began := time.Now()
				ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errTold)
				defer cancel()
				_, err := c.Certification(ctx, certificationID)
				if !errors.Is(err, errTold) {
					t.Errorf("error %v, want the context's cause", err)
				}
				if waited := time.Since(began); waited != patience {
					t.Errorf("returned after %s, want %s", waited, patience)
				}
			})
		})
	}
}
