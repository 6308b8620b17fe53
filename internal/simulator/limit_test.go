package simulator_test

import (
	"net/http"
	"testing"
	"time"

	"exporter/internal/simulator"
)

func TestEachVersionHasARateLimitOfItsOwn(t *testing.T) {
	t.Parallel()
	o := optionsAt(&clock{})
	o.RateLimit = simulator.RateLimit{Requests: 1, Per: 10 * time.Second}
	c := newClient(t, simulator.New(o))
	for _, status := range []int{200, 429} {
		for _, version := range versions() {
			if got := c.get(pathOf(t, version, simulator.OpCampaigns, whose{})).StatusCode; got != status {
				t.Errorf("%s: status %d, want %d", version, got, status)
			}
		}
	}
}

func TestRateLimitIsAnExactSlidingWindow(t *testing.T) {
	t.Parallel()
	for _, date := range []bool{false, true} {
		clock := &clock{}
		o := optionsAt(clock)
		o.RateLimit = simulator.RateLimit{Requests: 2, Per: 10 * time.Second}
		o.RetryAfterDate = date
		c := newClient(t, simulator.New(o)) // the token costs nothing
		steps := []struct {
			after   time.Duration
			status  int
			seconds string
			date    string
		}{
			{0, 200, "", ""},
			{4 * time.Second, 200, "", ""},
			{0, 429, "6", "Sun, 01 Mar 2026 00:00:10 GMT"},
			{1500 * time.Millisecond, 429, "5", "Sun, 01 Mar 2026 00:00:10 GMT"},
			{4500*time.Millisecond - 1, 429, "1", "Sun, 01 Mar 2026 00:00:10 GMT"},
			{1, 200, "", ""}, // the first one left the window
			{0, 429, "4", "Sun, 01 Mar 2026 00:00:14 GMT"},
			{4 * time.Second, 200, "", ""},
			{time.Hour, 200, "", ""},
		}
		for n, s := range steps {
			clock.advance(s.after)
			r := c.get("/campaigns/v1")
			want := s.seconds
			if date {
				want = s.date
			}
			if got := r.Header.Get("Retry-After"); r.StatusCode != s.status || got != want {
				t.Errorf("step %d, dates %t: %d, Retry-After %q, want %d, %q", n, date, r.StatusCode, got, s.status, want)
			}
			if body := bodyOf(t, r); s.status == http.StatusTooManyRequests && body != `{"message":" Rate Limit Exceeded "}` {
				t.Errorf("step %d: body %s", n, body)
			}
		}
	}
}
