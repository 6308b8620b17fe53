package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// admit holds the rate limit as an exact sliding window over the requests let
// through, one window for each version of the API. A refused request costs
// nothing.
func (t *Tenant) admit(c call) (answer, bool) {
	limit := t.options.RateLimit
	if limit.Requests == 0 {
		return answer{}, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	window := slices.DeleteFunc(t.windows[c.path.version], func(at time.Time) bool {
		return !at.After(c.now.Add(-limit.Per))
	})
	if len(window) < limit.Requests {
		t.windows[c.path.version] = append(window, c.now)
		return answer{}, true
	}
	t.windows[c.path.version] = window
	a := tooMany()
	a.header = http.Header{"Retry-After": {t.retryAfter(c.now, window[0].Add(limit.Per))}}
	return a, false
}

// retryAfter is rounded up: a client that waits as told is never early.
func (t *Tenant) retryAfter(now, free time.Time) string {
	if t.options.RetryAfterDate {
		return free.Add(time.Second - time.Nanosecond).Truncate(time.Second).UTC().Format(http.TimeFormat)
	}
	return strconv.Itoa(int((free.Sub(now) + time.Second - time.Nanosecond) / time.Second))
}
