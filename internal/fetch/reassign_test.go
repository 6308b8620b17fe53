package fetch_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/google/go-cmp/cmp"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

const newTask = `{"id":"t","type":"ADMIN_REASSIGN","targetType":"CERTIFICATION","targetId":"c1","status":"QUEUED","errors":null,"created":"2026-03-01T02:15:00Z"}`

// items are so many targets that name items.
func items(n int) []fetch.ReassignTarget {
	targets := make([]fetch.ReassignTarget, n)
	for i := range targets {
		targets[i] = fetch.ReassignTarget{Type: fetch.TargetItem, ID: itemID(i)}
	}
	return targets
}

func order(n int) fetch.Reassignment {
	return fetch.Reassignment{Targets: items(n), To: "bob", Reason: "on leave"}
}

func TestReassignSendsWhatTheContractAsksFor(t *testing.T) {
	t.Parallel()
	var got string
	tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = r.Method + " " + r.URL.Path + " " + r.Header.Get("Content-Type") + " " + string(body)
		reply(w, http.StatusOK, newTask)
	}}
	r := fetch.Reassignment{To: "bob", Reason: `"on leave"`, Targets: []fetch.ReassignTarget{
		{Type: fetch.TargetItem, ID: "i"}, {Type: fetch.TargetIdentity, ID: "s"}, {Type: fetch.TargetAccess, ID: "a"},
	}}
	task, err := newClient(t, tenant).Reassign(t.Context(), "c1", r)
	if err != nil {
		t.Fatal(err)
	}
	want := `POST /certifications/v1/c1/reassign-async application/json {"reassign":[{"type":"ITEM","id":"i"},` +
		`{"type":"IDENTITY_SUMMARY","id":"s"},{"type":"TARGET_SUMMARY","id":"a"}],"reassignTo":"bob","reason":"\"on leave\""}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	wantTask := snapshot.Task{
		ID: "t", CertificationID: new("c1"), Type: new("ADMIN_REASSIGN"), TargetType: new("CERTIFICATION"), TargetID: new("c1"),
		Status: new("QUEUED"), Created: new(time.Date(2026, 3, 1, 2, 15, 0, 0, time.UTC)),
	}
	task.Object = snapshot.Object{}
	if diff := cmp.Diff(wantTask, task); diff != "" {
		t.Errorf("task (-want +got):\n%s", diff)
	}
}

func TestReassignIsServedByEveryVersion(t *testing.T) {
	t.Parallel()
	for version, path := range map[string]string{
		"v1":    "/certifications/v1/c1/reassign-async",
		"v2026": "/v2026/certifications/c1/reassign-async",
		"v2025": "/v2025/certifications/c1/reassign-async",
		"v2024": "/v2024/certifications/c1/reassign-async",
		"v3":    "/v3/certifications/c1/reassign-async",
		"beta":  "/beta/certifications/c1/reassign-async",
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			tenant := world(simulator.Options{}, 3, 0)
			day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
			tenant.Edit(func(w *simulator.World) {
				w.Identities = []simulator.Identity{{ID: "bob", Name: "Bob"}}
				cert := w.Certification(certificationID)
				cert.Created, cert.Modified = day, day
			})
			c := newClient(t, tenant, func(o *fetch.Options) { o.APIVersion = version })
			header, err := c.Certification(t.Context(), certificationID)
			if err != nil || header.ID != certificationID {
				t.Fatalf("certification %q, error %v", header.ID, err)
			}
			made, err := c.Reassign(t.Context(), certificationID, order(3))
			if err != nil {
				t.Fatal(err)
			}
			tenant.Edit(func(w *simulator.World) { w.Task(made.ID).Status = simulator.Failed })
			ended, err := c.Task(t.Context(), certificationID, made.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range []snapshot.Task{made, ended} {
				if *task.CertificationID != certificationID || *task.TargetType != "CERTIFICATION" || *task.TargetID != certificationID {
					t.Errorf("task %s of certification %s, target %s %s", task.ID, *task.CertificationID, *task.TargetType, *task.TargetID)
				}
			}
			if !ended.Finished() || made.Finished() {
				t.Errorf("task made as %s, ended as %s", *made.Status, *ended.Status)
			}
			if asked := lists(tenant); asked[1].Path != path {
				t.Errorf("asked for %s, want %s", asked[1].Path, path)
			}
			if odd := c.Stats().Oddities; len(odd) > 0 {
				t.Errorf("oddities %v", odd)
			}
		})
	}
}

func TestReassignKeepsTheContract(t *testing.T) {
	t.Parallel()
	router := described(t, "v1")[0]
	tenant := world(simulator.Options{}, 500, 0)
	tenant.Edit(func(w *simulator.World) { w.Identities = []simulator.Identity{{ID: "bob", Name: "Bob"}} })
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/oauth/token" {
			route, parameters, err := router.FindRoute(r)
			if err != nil {
				t.Fatalf("%s: %v", r.URL, err)
			}
			input := &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route, Options: &openapi3filter.Options{
				AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true, SkipSettingDefaults: true,
			}}
			if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
				t.Errorf("%s: %v", r.URL, err)
			}
		}
		tenant.ServeHTTP(w, r)
	})
	if _, err := newClient(t, handler).Reassign(t.Context(), certificationID, order(500)); err != nil {
		t.Error(err)
	}
}

func TestReassignIsCheckedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		certification string
		change        func(*fetch.Reassignment)
		want          string
	}{
		"no target":         {"c1", func(r *fetch.Reassignment) { r.Targets = nil }, "reassign: 0 targets: a request takes 1 to 500"},
		"too many targets":  {"c1", func(r *fetch.Reassignment) { r.Targets = items(501) }, "reassign: 501 targets: a request takes 1 to 500"},
		"unknown type":      {"c1", func(r *fetch.Reassignment) { r.Targets[1].Type = "item" }, `reassign: target 2 has the type "item": use ITEM, IDENTITY_SUMMARY or TARGET_SUMMARY`},
		"target without id": {"c1", func(r *fetch.Reassignment) { r.Targets[2].ID = "" }, "reassign: target 3 has no id"},
		"no certification":  {"", func(*fetch.Reassignment) {}, "reassign: no certification"},
		"no reviewer":       {"c1", func(r *fetch.Reassignment) { r.To = "" }, "reassign: no identity to reassign to"},
		"no reason":         {"c1", func(r *fetch.Reassignment) { r.Reason = "" }, "reassign: no reason"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := array("[]")
			r := order(3)
			tt.change(&r)
			_, err := newClient(t, tenant).Reassign(t.Context(), tt.certification, r)
			if err == nil || err.Error() != tt.want || errors.Is(err, fetch.ErrUnknown) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if tokens, requests := tenant.met(); tokens+len(requests) > 0 {
				t.Errorf("%d requests sent", tokens+len(requests))
			}
		})
	}
}

func TestReassignIsRepeatedOnlyWhereNothingWasDone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		first handler
		after time.Duration // between the two requests
	}{
		"rejected token": {always(401, `{"error":"JWT is expired"}`), 0},
		"rate limit":     {func(w http.ResponseWriter, _ *http.Request) { reply(w, 429, "", "Retry-After", "7") }, 7 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var bodies []string
				tenant := &fake{answer: func(n int, w http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					if err != nil {
						t.Error(err)
					}
					bodies = append(bodies, string(body))
					if n == 1 {
						tt.first(w, r)
						return
					}
					reply(w, http.StatusOK, newTask)
				}}
				task, err := newClient(t, tenant).Reassign(t.Context(), "c1", order(3))
				if err != nil || task.ID != "t" {
					t.Fatalf("task %q, error %v", task.ID, err)
				}
				_, requests := tenant.met()
				if len(requests) != 2 || bodies[0] != bodies[1] || bodies[0] == "" {
					t.Fatalf("%d requests with the bodies %q, want the same twice", len(requests), bodies)
				}
				if waited := requests[1].at.Sub(requests[0].at); waited < tt.after || waited > tt.after+time.Second {
					t.Errorf("sent again after %s, want %s", waited, tt.after)
				}
			})
		})
	}
}

// unclear are the ends after which the tenant may have accepted.
var unclear = map[string]handler{
	"500":              always(500, failureBody),
	"502":              always(502, ""),
	"503 with a pause": func(w http.ResponseWriter, _ *http.Request) { reply(w, 503, "", "Retry-After", "1") },
	"504":              always(504, ""),
	"408":              always(408, ""),
	"connection error": passing["connection error"].fail,
	"body cut": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id":`)
		panic(http.ErrAbortHandler)
	},
	"malformed JSON":             always(200, `{"id":`),
	"no task":                    always(200, `{}`),
	"an answer not agreed on":    always(202, newTask),
	"nothing within the timeout": passing["nothing within the timeout"].fail,
	"redirect that repeats":      func(w http.ResponseWriter, _ *http.Request) { reply(w, 307, "", "Location", "/elsewhere") },
	"redirect to something else": func(w http.ResponseWriter, _ *http.Request) { reply(w, 302, "", "Location", "/elsewhere") },
}

func TestUnclearAnswerIsUnknownAndNotRepeated(t *testing.T) {
	t.Parallel()
	for name, fail := range unclear {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) { fail(w, r) }}
				_, err := newClient(t, tenant).Reassign(t.Context(), "c1", order(3))
				var answer *fetch.Error
				if !errors.Is(err, fetch.ErrUnknown) || !errors.As(err, &answer) || answer.Operation != "reassign" {
					t.Errorf("error %v, want an unknown end with a fetch.Error", err)
				}
				if _, requests := tenant.met(); len(requests) != 1 {
					t.Errorf("%d requests, want 1", len(requests))
				}
			})
		})
	}
}

func TestRefusalIsCertain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tell   handler
		status int
		want   string
		asked  int
	}{
		"400 with its causes": {always(400, `{"messages":[{"text":"Invalid"}],"causes":[{"text":"self-review"},{"text":"of\nI"}]}`), 400, "HTTP 400: Invalid: self-review; of I", 1},
		"400":                 {always(400, failureBody), 400, "An internal fault occurred", 1},
		"403":                 {always(403, ""), 403, "forbidden", 1},
		"404":                 {always(404, ""), 404, "not found", 1},
		"401 to every token":  {always(401, `{"error":"no"}`), 401, "authentication failed", 2},
		"429 for ever":        {always(429, ""), 429, "HTTP 429", 61},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) { tt.tell(w, r) }}
				_, err := newClient(t, tenant).Reassign(t.Context(), "c1", order(3))
				if err == nil || errors.Is(err, fetch.ErrUnknown) || fetch.StatusOf(err) != tt.status || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want a refusal that says %q", err, tt.want)
				}
				if _, requests := tenant.met(); len(requests) != tt.asked {
					t.Errorf("%d requests, want %d", len(requests), tt.asked)
				}
			})
		})
	}
}

func TestEndedContextTellsWhetherTheReassignmentWasSent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer  handler
		change  []func(*fetch.Options)
		unknown bool
	}{
		"while the answer is awaited":    {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil, true},
		"in the pause of a 429":          {func(w http.ResponseWriter, _ *http.Request) { reply(w, 429, "", "Retry-After", "60") }, nil, false},
		"in the queue of the rate limit": {always(200, `[]`), []func(*fetch.Options){slowly(1, time.Hour)}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) { tt.answer(w, r) }}
				c := newClient(t, tenant, tt.change...)
				if tt.change != nil {
					_, _ = c.Campaigns(t.Context(), "", &sink[snapshot.Campaign]{}) // takes the hour's only leave
				}
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errTold)
				defer cancel()
				_, err := c.Reassign(ctx, "c1", order(3))
				if err == nil || errors.Is(err, fetch.ErrUnknown) != tt.unknown {
					t.Errorf("error %v, want it unknown: %t", err, tt.unknown)
				}
			})
		})
	}
}

func TestAnswerThatCameBeforeTheContextEndedCounts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tenant := &fake{answer: func(_ int, w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, newTask) }}
	late := late{memory{tenant}, cancel}
	task, err := newClient(t, tenant, func(o *fetch.Options) { o.Transport = late }).Reassign(ctx, "c1", order(1))
	if err != nil || task.ID != "t" {
		t.Errorf("task %q, error %v: the tenant's answer was there", task.ID, err)
	}
}

// late is a transport that ends a context when a whole answer is there.
type late struct {
	memory
	cancel func()
}

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.memory.RoundTrip(r)
	if r.Method == http.MethodPost && !strings.HasSuffix(r.URL.Path, "/token") {
		l.cancel()
	}
	return answer, err
}

func TestReassignmentsKeepToTheRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant := &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) {
			var body fetch.Reassignment
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			reply(w, http.StatusOK, strings.Replace(newTask, `"t"`, strconv.Quote("of "+body.Targets[0].ID), 1))
		}}
		c := newClient(t, tenant, slowly(1, 10*time.Second))
		began := time.Now()
		for n := range 3 {
			r := order(1)
			r.Targets[0].ID = itemID(n)
			if task, err := c.Reassign(t.Context(), "c1", r); err != nil || task.ID != "of "+itemID(n) {
				t.Fatalf("task %q, error %v", task.ID, err)
			}
		}
		if took := time.Since(began); took < 20*time.Second {
			t.Errorf("three requests of one in ten seconds took %s", took)
		}
	})
}
