package simulator

import (
	"net/http"
	"slices"
)

// Fault disturbs the requests it matches: those for which every one of Match,
// Operation and CertificationID that is set holds. Several faults may meet in
// one request; they apply in the order they were injected, and the first with a
// Status or Hang decides. A fault comes after the token and the rate limit, so
// refused requests do not use it up.
type Fault struct {
	Match           func(*http.Request) bool
	Operation       string // one of the Op names
	CertificationID string // as the path has it
	After           int    // the first so many matching requests pass undisturbed
	Times           int    // this many are disturbed; 0: all

	Status     int         // the answer, instead of the real one
	Body       string      // with Status; empty: the body a tenant sends with it
	Header     http.Header // added to the answer, real or not
	RetryAfter string      // the header Retry-After

	Cut     bool // the full length is declared, half is sent, the connection closes
	BadJSON bool // the body is no JSON, its length is right
	Hang    bool // nothing is answered until the client goes away

	Total     func(real int) int // X-Total-Count, where it is sent
	RepeatRow bool               // the last row of a page gives way to its first
	DropRow   bool               // a page lacks one of its rows

	Before func(w *World) // the world changes just before the answer
}

type fault struct {
	Fault
	met int // matching requests so far
}

// Inject adds a fault. Remove takes it away again; called twice it does nothing.
func (t *Tenant) Inject(f Fault) (remove func()) {
	injected := &fault{Fault: f}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, injected)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.faults = slices.DeleteFunc(t.faults, func(f *fault) bool { return f == injected })
	}
}

// disturb returns the faults that apply to a call, and counts it for them.
func (t *Tenant) disturb(c call) []*fault {
	t.mu.Lock()
	candidates := slices.Clone(t.faults)
	t.mu.Unlock()
	candidates = slices.DeleteFunc(candidates, func(f *fault) bool { return !f.matches(c) })

	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(candidates, func(f *fault) bool {
		f.met++
		return f.met <= f.After || f.Times > 0 && f.met > f.After+f.Times
	})
}

func (f *fault) matches(c call) bool {
	if f.Operation != "" && f.Operation != c.path.operation {
		return false
	}
	if f.CertificationID != "" && f.CertificationID != c.http.PathValue("id") {
		return false
	}
	return f.Match == nil || f.Match(c.http)
}

func (f *fault) answer() answer {
	if f.Body != "" {
		return answer{status: f.Status, body: []byte(f.Body)}
	}
	return errorOf(f.Status)
}

// spoil changes the rows of a page and its total.
func (f *fault) spoil(p *page) {
	if f.Total != nil {
		p.total = f.Total(p.total)
	}
	if f.RepeatRow && len(p.rows) > 1 {
		p.rows[len(p.rows)-1] = p.rows[0]
	}
	if f.DropRow && len(p.rows) > 0 {
		middle := len(p.rows) / 2
		p.rows = slices.Delete(p.rows, middle, middle+1)
	}
}

// damage changes an encoded answer.
func (f *fault) damage(r reply) reply {
	for name, values := range f.Header {
		r.header[http.CanonicalHeaderKey(name)] = values
	}
	if f.RetryAfter != "" {
		r.header.Set("Retry-After", f.RetryAfter)
	}
	if f.BadJSON {
		r.body = append(slices.Clip(r.body[:len(r.body)/2]), "<html>"...)
	}
	r.cut = r.cut || f.Cut
	return r
}
