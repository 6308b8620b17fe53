package fetch

import (
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxNames bounds how many different unknown names are remembered; a tenant
// that sends more is counted under the empty name.
const maxNames = 200

// Stats is what a client can tell of its own doing: the provenance of a run.
// It is safe to marshal; nothing in it is secret.
type Stats struct {
	Requests    int64             `json:"requests"`
	Retries     int64             `json:"retries"`
	Throttled   int64             `json:"throttled"`              // answers 429
	ClockOffset *float64          `json:"clock_offset,omitempty"` // seconds the tenant is ahead of us, from its first Date header
	Deprecation map[string]string `json:"deprecation,omitempty"`  // headers X-Deprecated, Deprecation, Sunset as last seen
	// Oddities counts what was tolerated, by what and where: unknown fields
	// and enum values, values of a wrong type, dates that are none, null
	// objects, text that had to be replaced.
	Oddities map[string]int64 `json:"oddities,omitempty"`
}

type stats struct {
	requests, retries, throttled atomic.Int64

	mu          *sync.Mutex
	clockOffset *float64
	deprecation map[string]string
	oddities    map[string]int64
}

func newStats() stats {
	return stats{mu: new(sync.Mutex), deprecation: map[string]string{}, oddities: map[string]int64{}}
}

// Stats returns the figures so far.
func (c *Client) Stats() Stats {
	s := &c.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{
		Requests: s.requests.Load(), Retries: s.retries.Load(), Throttled: s.throttled.Load(),
		ClockOffset: s.clockOffset, Deprecation: maps.Clone(s.deprecation), Oddities: maps.Clone(s.oddities),
	}
}

// answered notes what an answer's headers tell.
func (s *stats) answered(h http.Header, sent, received time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clockOffset == nil {
		if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
			// The header has whole seconds; half a second is its mean error.
			middle := sent.Add(received.Sub(sent) / 2)
			offset := theirs.Add(500 * time.Millisecond).Sub(middle).Round(100 * time.Millisecond).Seconds()
			s.clockOffset = &offset
		}
	}
	for _, name := range []string{"X-Deprecated", "Deprecation", "Sunset"} {
		if v := h.Get(name); v != "" {
			s.deprecation[name] = v
		}
	}
}

func (s *stats) odd(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.oddities[what]; !known && len(s.oddities) >= maxNames {
		what = ""
	}
	s.oddities[what]++
}
