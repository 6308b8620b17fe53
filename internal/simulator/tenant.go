// Package simulator is a small Identity Security Cloud tenant over HTTP: the
// certification endpoints the exporter reads, the one it writes (reassign) and
// the token endpoint, in every version of the API, with the types, nulls, limits
// and errors of the published contract, over a world held in memory that callers
// edit and faults disturb.
//
// It is not a model of the whole product: nothing decides, signs or reminds by
// itself, and nothing is stored. It serves the commands demo and simulate and
// any test that needs an API. It imports nothing of this module, and no package
// that talks to a real tenant may import it outside its tests.
package simulator

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// Options shape a tenant. The zero value is a tenant without limits whose
// credential is demo-client with demo-secret.
type Options struct {
	ClientID, ClientSecret string        // default "demo-client", "demo-secret"
	TokenLifetime          time.Duration // of an access token; default 12 h, the longest a tenant grants
	RateLimit              RateLimit     // per API version; the zero value limits nothing
	RetryAfterDate         bool          // Retry-After is an HTTP date instead of seconds
	OmitTotal              bool          // X-Total-Count is never sent
	OffsetCap              int           // lists answer 400 from this offset on; 0: no cap
	HideGovernanceGroups   bool          // the list leaves out certifications a governance group reviews

	// Deprecation holds headers, such as Sunset, that come with every answer of
	// the versions of the API that have an end: all but v1.
	Deprecation map[string]string

	Now func() time.Time // default time.Now
}

// RateLimit allows Requests in any window of length Per.
type RateLimit struct {
	Requests int // 0: no limit
	Per      time.Duration
}

func (o Options) withDefaults() Options {
	if o.ClientID == "" {
		o.ClientID = "demo-client"
	}
	if o.ClientSecret == "" {
		o.ClientSecret = "demo-secret"
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = 12 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Request is one request the tenant was asked, in the order of arrival.
type Request struct {
	Method, Path string
	Query        url.Values
	Status       int    // 0 while the answer is out, and for good where it never came
	Operation    string // "" where no operation lives at the path
	Version      string // of the API; "" where the path belongs to none
}

// Tenant is a simulated tenant. It is safe for concurrent use.
type Tenant struct {
	options Options
	mux     *http.ServeMux

	worldMu sync.RWMutex
	world   World

	mu       sync.Mutex // guards what follows; never held while a callback runs
	number   int        // of requests since New, also across ResetRequests
	requests []*Request
	faults   []*fault
	tokens   map[string]time.Time // access token -> end of its life
	windows  map[string][]time.Time

	demo demoState
}

// New returns an empty tenant: a credential that works, and nothing to list.
func New(o Options) *Tenant {
	t := &Tenant{
		options: o.withDefaults(),
		mux:     http.NewServeMux(),
		tokens:  map[string]time.Time{},
		windows: map[string][]time.Time{},
	}
	t.world = World{Org: "acme", Caller: defaultCaller(), now: t.options.Now}
	for _, p := range paths() {
		t.mux.HandleFunc(p.method+" "+p.pattern, func(w http.ResponseWriter, r *http.Request) { t.serve(p, w, r) })
	}
	t.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		t.serve(path{open: true, handle: nowhere}, w, r)
	})
	return t
}

// ServeHTTP answers one request.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.mux.ServeHTTP(w, r) }

// Edit changes the world between two answers. Afterwards all that follows from
// the items (counters, completion, campaign totals) is counted again; to make a
// header lie, set the field in its Extra.
func (t *Tenant) Edit(change func(w *World)) {
	t.worldMu.Lock()
	defer t.worldMu.Unlock()
	change(&t.world)
	t.world.settle()
}

// Requests returns what was asked since New or the last ResetRequests. All of it
// is kept: who lets a tenant run for long resets it now and then.
func (t *Tenant) Requests() []Request {
	t.mu.Lock()
	defer t.mu.Unlock()
	asked := make([]Request, len(t.requests))
	for i, r := range t.requests {
		asked[i] = *r
	}
	return asked
}

// ResetRequests forgets what was asked so far.
func (t *Tenant) ResetRequests() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = nil
}

// call is one request on its way through the tenant.
type call struct {
	path   path
	number int
	now    time.Time
	http   *http.Request
	body   []byte
}

func (t *Tenant) serve(p path, w http.ResponseWriter, r *http.Request) {
	c := call{path: p, now: t.options.Now(), http: r}
	logged := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Operation: p.operation, Version: p.version}
	t.mu.Lock()
	t.number++
	c.number = t.number
	t.requests = append(t.requests, logged)
	t.mu.Unlock()

	// The body is read whole before anything else: net/http only notices a
	// client that goes away (Fault.Hang) once nothing is left to read.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	c.body = body
	r.Body = io.NopCloser(bytes.NewReader(body))

	reply := t.reply(c)
	if reply.hang {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	t.mu.Lock()
	logged.Status = reply.status
	t.mu.Unlock()

	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Date", c.now.UTC().Format(http.TimeFormat))
	if p.deprecated() {
		for name, value := range t.options.Deprecation {
			header.Set(name, value)
		}
	}
	for name, values := range reply.header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	header.Set("Content-Length", strconv.Itoa(len(reply.body)))
	w.WriteHeader(reply.status)
	if reply.cut {
		_, _ = w.Write(reply.body[:len(reply.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	// A client that went away is no concern of the tenant.
	_, _ = w.Write(reply.body)
}

// reply is an answer as it goes over the wire.
type reply struct {
	status int
	header http.Header
	body   []byte
	hang   bool
	cut    bool
}

// reply lets a call through the gates in the order a tenant has them: who asks,
// how often, and only then what for.
func (t *Tenant) reply(c call) reply {
	if !c.path.open {
		if a, ok := t.authorize(c); !ok {
			return c.encode(a, nil)
		}
		if a, ok := t.admit(c); !ok {
			return c.encode(a, nil)
		}
	}
	faults := t.disturb(c)
	for _, f := range faults {
		if f.Before != nil {
			t.Edit(f.Before)
		}
	}
	for _, f := range faults {
		if f.Hang {
			return reply{hang: true}
		}
		if f.Status != 0 {
			return c.encode(f.answer(), faults)
		}
	}
	if c.path.writes {
		t.worldMu.Lock()
		defer t.worldMu.Unlock()
	} else {
		t.worldMu.RLock()
		defer t.worldMu.RUnlock()
	}
	// Encoded under the lock: an answer points into the world.
	return c.encode(c.path.handle(t, c), faults)
}

// encode renders an answer, with the faults that spoil what it carries.
func (c call) encode(a answer, faults []*fault) reply {
	header := a.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if a.page != nil {
		for _, f := range faults {
			f.spoil(a.page)
		}
		if a.page.count {
			header.Set("X-Total-Count", strconv.Itoa(a.page.total))
		}
	}
	body, err := a.marshal(c.number)
	if err != nil {
		// Only an Extra that JSON cannot express ends here.
		panic(fmt.Sprintf("simulator: encode %s: %v", c.path.operation, err))
	}
	r := reply{status: a.status, header: header, body: body}
	for _, f := range faults {
		r = f.damage(r)
	}
	return r
}
