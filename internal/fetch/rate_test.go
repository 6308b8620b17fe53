package fetch_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
)

// oneCertification is a body that the operation Certification accepts.
const oneCertification = `{"id":"c1"}`

// workers ask for a certification so many times each, side by side.
func workers(t *testing.T, c *fetch.Client, n, times int) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for range times {
				if _, err := c.Certification(t.Context(), certificationID); err != nil {
					t.Errorf("request lost: %v", err)
				}
			}
		})
	}
	all.Wait()
}

// wantRate fails where any window of length per holds more than n requests.
func wantRate(t *testing.T, requests []asked, n int, per time.Duration) {
	t.Helper()
	for i := n; i < len(requests); i++ {
		if window := requests[i].at.Sub(requests[i-n].at); window < per {
			t.Errorf("requests %d to %d, more than %d, came within %s", i-n+1, i+1, n, window)
		}
	}
}

func TestNoWindowHoldsMoreRequestsThanTheRate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		requests int
		per      time.Duration
	}{{95, 10 * time.Second}, {100, 10 * time.Second}, {7, time.Second}, {3, 10 * time.Second}, {1, time.Minute}} {
		t.Run(fmt.Sprintf("%d in %s", tt.requests, tt.per), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := array(oneCertification)
				c := newClient(t, tenant, slowly(tt.requests, tt.per))
				workers(t, c, 16, 20)
				_, requests := tenant.met()
				if len(requests) != 16*20 {
					t.Errorf("%d requests, want %d", len(requests), 16*20)
				}
				wantRate(t, requests, tt.requests, tt.per)
			})
		})
	}
}

func TestSlowRenewalEndsInNoBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant := &credentials{fake: array(oneCertification), answer: func(_ int, w http.ResponseWriter, _ *http.Request) {
			<-time.After(5 * time.Second)
			reply(w, http.StatusOK, `{"access_token":"t","token_type":"bearer","expires_in":15}`, "Content-Type", "application/json")
		}}
		workers(t, newClient(t, tenant, slowly(10, time.Second)), 16, 30)
		_, requests := tenant.met()
		if len(tenant.seen) < 2 {
			t.Errorf("%d tokens, want some renewals", len(tenant.seen))
		}
		wantRate(t, requests, 10, time.Second)
	})
}

func TestNoMoreRequestsAreUnderWayThanAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			now += by
			most = max(most, now)
		}
		tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) {
			count(1)
			defer count(-1)
			<-time.After(time.Second)
			reply(w, http.StatusOK, oneCertification)
		}}
		workers(t, newClient(t, tenant, inFlight(3)), 16, 2)
		if most != 3 {
			t.Errorf("at most %d under way, want 3", most)
		}
	})
}

func TestTooManyRequestsHoldsEveryRequest(t *testing.T) {
	t.Parallel()
	date := func(from time.Time, wait time.Duration) string { return from.Add(wait).UTC().Format(http.TimeFormat) }
	seconds := func(s string) func(time.Time) []string {
		return func(time.Time) []string { return []string{"Retry-After", s} }
	}
	dated := func(ahead, wait time.Duration) func(time.Time) []string {
		return func(now time.Time) []string {
			return []string{"Date", date(now, ahead), "Retry-After", date(now, ahead+wait)}
		}
	}
	tests := []struct {
		name     string
		headers  func(now time.Time) []string
		min, max time.Duration // of the pause
	}{
		{"seconds", seconds("7"), 7 * time.Second, 7 * time.Second},
		{"date", func(now time.Time) []string {
			return []string{"Retry-After", date(now.Add(time.Second), 7*time.Second)}
		}, 7 * time.Second, 8 * time.Second},
		{"date of a tenant whose clock is ahead", dated(time.Hour, 7*time.Second), 7 * time.Second, 7 * time.Second},
		{"date of a tenant whose clock is behind", dated(-time.Hour, 7*time.Second), 7 * time.Second, 7 * time.Second},
		{"seconds out of bounds", seconds("86400"), 5 * time.Minute, 5 * time.Minute},
		{"date out of bounds", dated(0, 1000*time.Hour), 5 * time.Minute, 5 * time.Minute},
		{"unreadable", seconds("soon"), 250 * time.Millisecond, 500 * time.Millisecond},
		{"beyond any number", seconds("99999999999999999999"), 250 * time.Millisecond, 500 * time.Millisecond},
		{"missing", func(time.Time) []string { return nil }, 250 * time.Millisecond, 500 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const spacing = 100 * time.Millisecond
				tenant := &fake{answer: func(n int, w http.ResponseWriter, _ *http.Request) {
					if n == 5 {
						reply(w, http.StatusTooManyRequests, `{"message":" Rate Limit Exceeded "}`, tt.headers(time.Now())...)
						return
					}
					reply(w, http.StatusOK, oneCertification)
				}}
				c := newClient(t, tenant, slowly(10, time.Second))
				workers(t, c, 16, 3)

				_, requests := tenant.met()
				if len(requests) != 16*3+1 {
					t.Fatalf("%d requests, want every one of %d and the one repeated", len(requests), 16*3)
				}
				wantRate(t, requests, 10, time.Second)
				pause := requests[5].at.Sub(requests[4].at)
				if pause < tt.min || pause > tt.max+2*spacing {
					t.Errorf("paused for %s, want %s to %s", pause, tt.min, tt.max)
				}
				for i := 6; i < len(requests); i++ {
					if gap := requests[i].at.Sub(requests[i-1].at); gap < spacing {
						t.Errorf("burst after the pause: requests %d and %d are %s apart", i, i+1, gap)
					}
				}
				if s := c.Stats(); s.Throttled != 1 || s.Retries != 0 || s.Requests != int64(len(requests)) {
					t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

func TestNoPageIsLostToTheRateLimit(t *testing.T) {
	t.Parallel()
	tenant := world(simulator.Options{}, 60, 0)
	refused := 0
	for _, after := range []int{0, 3, 4, 5, 11, 17} {
		tenant.Inject(simulator.Fault{Operation: simulator.OpItems, After: after, Times: 2, Status: 429, RetryAfter: "0"})
	}
	c := newClient(t, tenant, pages(3))
	var s sink[itemRow]
	proof, err := c.ReviewItems(t.Context(), certificationID, &s)
	if err != nil || !proof.Proved || proof.Attempts != 1 {
		t.Fatalf("proof %+v, error %v", proof, err)
	}
	wantItems(t, s.rows, 60)
	for _, r := range lists(tenant) {
		if r.Status == http.StatusTooManyRequests {
			refused++
		}
	}
	if got := c.Stats(); refused < 6 || got.Throttled != int64(refused) || got.Requests != int64(20+refused) {
		t.Errorf("counted %+v; the tenant refused %d requests", got, refused)
	}
}

func TestEndlessRefusalEndsTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant := &fake{answer: func(_ int, w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusTooManyRequests, `{"message":" Rate Limit Exceeded "}`, "Retry-After", "1")
		}}
		_, err := newClient(t, tenant).Certification(t.Context(), certificationID)
		if fetch.StatusOf(err) != http.StatusTooManyRequests {
			t.Errorf("error %v, want status 429", err)
		}
	})
}
