package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is where tests look for their tenant: no request leaves the process.
const host = "https://acme.api.identitynow.com"

const secret = "demo-secret"

// memory is a transport that hands each request to a handler without a network,
// so that in a synctest bubble every wait is one of the bubble's clock. Lists of
// several pages stay outside of bubbles: the stream that orders them keeps its
// channels in a pool of the whole process.
type memory struct{ http.Handler }

func (m memory) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	asked := r.Clone(r.Context())
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	defer asked.Body.Close()
	w := httptest.NewRecorder()
	aborted := func() (aborted bool) {
		defer func() {
			if p := recover(); p != nil {
				if p != http.ErrAbortHandler {
					panic(p)
				}
				aborted = true
			}
		}()
		m.ServeHTTP(w, asked)
		return false
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if aborted && w.Body.Len() == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	answer = w.Result()
	answer.Request = r
	if aborted {
		answer.Body = io.NopCloser(io.MultiReader(answer.Body, cut{}))
	}
	return answer, nil
}

// cut is the end of a body whose connection broke.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// unlimited are options under which a client in a bubble waits for nothing but
// its retries.
func unlimited(h http.Handler) fetch.Options {
	return fetch.Options{
		BaseURL: host, ClientID: "demo-client", ClientSecret: secret, APIVersion: "v1",
		RateRequests: 1_000_000, RatePer: time.Second, Timeout: 30 * time.Second,
		Retries: 5, PageSize: 250, InFlight: 16, Transport: memory{h},
	}
}

// newClient makes a client of a handler; change may alter its options.
func newClient(t *testing.T, h http.Handler, change ...func(*fetch.Options)) *fetch.Client {
	t.Helper()
	o := unlimited(h)
	for _, f := range change {
		f(&o)
	}
	c, err := fetch.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func pages(size int) func(*fetch.Options)   { return func(o *fetch.Options) { o.PageSize = size } }
func version(v string) func(*fetch.Options) { return func(o *fetch.Options) { o.APIVersion = v } }
func retries(n int) func(*fetch.Options)    { return func(o *fetch.Options) { o.Retries = n } }
func inFlight(n int) func(*fetch.Options)   { return func(o *fetch.Options) { o.InFlight = n } }
func slowly(n int, per time.Duration) func(*fetch.Options) {
	return func(o *fetch.Options) { o.RateRequests, o.RatePer = n, per }
}

// asked is one request a fake met.
type asked struct {
	at time.Time
	r  *http.Request
}

// fake is a tenant that issues tokens and answers everything else as told. It
// counts both.
type fake struct {
	answer func(n int, w http.ResponseWriter, r *http.Request) // n from 1

	mu       sync.Mutex
	tokens   int
	requests []asked
	life     int // seconds of a token; 0: an hour
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	if r.URL.Path == "/oauth/token" {
		f.tokens++
		n, life := f.tokens, f.life
		f.mu.Unlock()
		if life == 0 {
			life = 3600
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"token-`+strconv.Itoa(n)+`","token_type":"bearer","expires_in":`+strconv.Itoa(life)+`}`)
		return
	}
	f.requests = append(f.requests, asked{time.Now(), r})
	n := len(f.requests)
	f.mu.Unlock()
	f.answer(n, w, r)
}

func (f *fake) met() (tokens int, requests []asked) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tokens, append([]asked(nil), f.requests...)
}

// reply writes an answer with headers given as name, value.
func reply(w http.ResponseWriter, status int, body string, headers ...string) {
	for i := 0; i < len(headers); i += 2 {
		w.Header().Set(headers[i], headers[i+1])
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// array answers every list with a body.
func array(body string, headers ...string) *fake {
	return &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) {
		if offset := r.URL.Query().Get("offset"); offset != "" && offset != "0" {
			reply(w, http.StatusOK, "[]")
			return
		}
		reply(w, http.StatusOK, body, headers...)
	}}
}

// sink keeps the rows of the last reading, and how often one began.
type sink[T any] struct {
	rows     []T
	restarts int
	page     func(n int) error // called with each page's number in its reading, from 1
	pages    int
}

func (s *sink[T]) Restart(context.Context) error {
	s.rows, s.pages = nil, 0
	s.restarts++
	return nil
}

func (s *sink[T]) Page(_ context.Context, rows []T) error {
	s.pages++
	s.rows = append(s.rows, rows...)
	if s.page != nil {
		return s.page(s.pages)
	}
	return nil
}

// world is a tenant with one certification of so many items, the first of which
// has so many permissions.
func world(o simulator.Options, items, permissions int) *simulator.Tenant {
	t := simulator.New(o)
	t.Edit(func(w *simulator.World) {
		campaign := &simulator.Campaign{ID: "k1", Name: "Spring", Type: "MANAGER", Status: "ACTIVE"}
		c := &simulator.Certification{
			ID: certificationID, Name: "Review", Campaign: campaign.Reference(), Phase: simulator.Active,
			Reviewer: simulator.Identity{ID: "ann", Name: "Ann"}.Reviewer(),
		}
		for n := range items {
			c.Items = append(c.Items, item(n))
		}
		for n := range permissions {
			c.Items[0].Permissions = append(c.Items[0].Permissions, &simulator.Permission{Target: "T" + strconv.Itoa(n), Rights: []string{"READ"}})
		}
		w.Campaigns = []*simulator.Campaign{campaign}
		w.Certifications = []*simulator.Certification{c}
	})
	return t
}

const certificationID = "c1"

func itemID(n int) string { return "i" + strconv.Itoa(n) }

func item(n int) *simulator.ReviewItem {
	return &simulator.ReviewItem{
		ID:              itemID(n),
		IdentitySummary: simulator.IdentitySummary{ID: "s", Name: "Zed", IdentityID: "zed"},
		AccessSummary: simulator.AccessSummary{
			Access:      &simulator.Access{Type: "ENTITLEMENT", ID: "e", Name: "Admins"},
			Entitlement: &simulator.Entitlement{ID: "e", Name: "Admins", HasPermissions: true},
		},
	}
}

// lists returns what was asked but for tokens.
func lists(t *simulator.Tenant) []simulator.Request {
	var out []simulator.Request
	for _, r := range t.Requests() {
		if r.Operation != simulator.OpToken {
			out = append(out, r)
		}
	}
	return out
}

var errTold = errors.New("told to stop")

// roundTrip sends one request without a client and returns the body of a 200.
func roundTrip(ctx context.Context, transport http.RoundTripper, method, address, form, token string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %s", method, address, answer.Status, body)
	}
	return body, nil
}
