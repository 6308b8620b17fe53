package reassign_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/fetch"
	"exporter/internal/reassign"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

// memory is a transport without a network, so that in a synctest bubble every
// wait is one of the bubble's clock.
type memory struct{ http.Handler }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	return w.Result(), nil
}

// tasked is a tenant with unfinished tasks, and a sender that can follow them.
func tasked(t *testing.T, ids ...string) (*simulator.Tenant, *reassign.Sender) {
	t.Helper()
	tenant := simulator.New(simulator.Options{})
	tenant.Edit(func(w *simulator.World) {
		for _, id := range ids {
			w.Tasks = append(w.Tasks, &simulator.Task{ID: id, Type: "ADMIN_REASSIGN", TargetType: "CERTIFICATION", TargetID: "c", Status: simulator.Queued})
		}
	})
	api, err := fetch.New(fetch.Options{
		BaseURL: "https://acme.api.identitynow.com", ClientID: "demo-client", ClientSecret: "demo-secret", APIVersion: "v1",
		RateRequests: 1_000_000, RatePer: time.Second, Timeout: time.Minute, Retries: 5, PageSize: 250, InFlight: 4, Transport: memory{tenant},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	return tenant, &reassign.Sender{API: api}
}

func TestTasksAreAskedForLessOftenUntilAllHaveEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant, sender := tasked(t, "a", "b", "c")
		began := time.Now()
		var asked []string
		tenant.Inject(simulator.Fault{Operation: simulator.OpTask, Match: func(r *http.Request) bool {
			asked = append(asked, r.PathValue("taskId")+time.Since(began).Round(time.Second).String())
			return false
		}})
		end := func(id, status string, after int, errs ...simulator.ErrorMessage) {
			tenant.Inject(simulator.Fault{Operation: simulator.OpTask, After: after, Before: func(w *simulator.World) {
				w.Task(id).Status, w.Task(id).Errors = status, errs
			}})
		}
		end("b", simulator.Success, 3)
		end("a", simulator.Failed, 10, simulator.ErrorMessage{Text: "no"}, simulator.ErrorMessage{Text: "never"})
		end("c", simulator.Success, 13)
		var told []string
		err := sender.Follow(t.Context(), "c", []string{"a", "b", "c"}, func(task snapshot.Task) {
			told = append(told, task.ID+" "+*task.Status+" "+strings.Join(task.Errors, ","))
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"b SUCCESS ", "a ERROR no,never", "c SUCCESS "}, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		want := strings.Fields("a1s b1s c1s a3s b3s c3s a7s c7s a15s c15s a25s c25s c35s c45s")
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	})
}

func TestTaskThatCannotBeReadEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, sender := tasked(t, "a")
		err := sender.Follow(t.Context(), "c", []string{"a", "x"}, func(snapshot.Task) {})
		if fetch.StatusOf(err) != 404 || !strings.Contains(err.Error(), "follow task x") {
			t.Errorf("error %v, want the 404 of task x", err)
		}
	})
}

func TestPassingFailureDoesNotEndTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant, sender := tasked(t, "a")
		tenant.Inject(simulator.Fault{Operation: simulator.OpTask, Status: 503, Times: 3})
		tenant.Edit(func(w *simulator.World) { w.Task("a").Status = simulator.Success })
		n := 0
		if err := sender.Follow(t.Context(), "c", []string{"a"}, func(snapshot.Task) { n++ }); err != nil || n != 1 {
			t.Errorf("told of %d tasks, error %v", n, err)
		}
	})
}

func TestEndedContextEndsTheWaitWithItsCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, sender := tasked(t, "a")
		told := errors.New("told to stop")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Second, told)
		defer cancel()
		began := time.Now()
		err := sender.Follow(ctx, "c", []string{"a"}, func(snapshot.Task) {})
		if !errors.Is(err, told) || time.Since(began) != 100*time.Second {
			t.Errorf("error %v after %s, want the context's cause at once", err, time.Since(began))
		}
	})
}

func TestNoTasksAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	if err := new(reassign.Sender).Follow(t.Context(), "c", nil, nil); err != nil {
		t.Error(err)
	}
}
