package reassign_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/db"
	"exporter/internal/fetch"
	"exporter/internal/reassign"
	"exporter/internal/simulator"
)

func TestItemsGoOutInRequestsOf500EachRecordedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1_201)
	met := make(chan []record, 3) // when a request arrives
	b.tenant.Inject(simulator.Fault{Operation: simulator.OpReassign, Match: func(*http.Request) bool {
		records, err := b.records()
		if err != nil {
			t.Error(err)
		}
		met <- records
		return false
	}})
	plan := b.plan(b.order())
	if plan.Requests() != 3 || plan.Check() != nil || *plan.Certification.Name == "" {
		t.Errorf("%d requests for %q, check %v; want 3 that may be sent", plan.Requests(), *plan.Certification.Name, plan.Check())
	}
	if got := b.states(); got != "" {
		t.Errorf("the plan has recorded %s", got)
	}
	told, err := b.send(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	var tasks []string
	b.tenant.Edit(func(w *simulator.World) {
		for _, task := range w.Tasks {
			tasks = append(tasks, task.ID)
		}
	})
	want := []record{
		{State: "ACCEPTED", Task: tasks[0], Targets: 500, Status: 200, First: b.items[0]},
		{State: "ACCEPTED", Task: tasks[1], Targets: 500, Status: 200, First: b.items[500]},
		{State: "ACCEPTED", Task: tasks[2], Targets: 201, Status: 200, First: b.items[1_000]},
	}
	for n := range 3 {
		then := append([]record{}, want[:n+1]...)
		then[n].State, then[n].Task, then[n].Status = "SENDING", "", 0
		if diff := cmp.Diff(then, <-met); diff != "" {
			t.Errorf("records when request %d arrived (-want +got):\n%s", n+1, diff)
		}
		if s := told[n]; s.Place != n+1 || s.Number != int64(n+1) || s.Targets != want[n].Targets || s.Answer.TaskID != tasks[n] {
			t.Errorf("told of request %d: %+v", n+1, s)
		}
	}
	got, err := b.records()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	b.tenant.Edit(func(w *simulator.World) { w.Advance(); w.Advance() })
	b.tenant.Edit(func(w *simulator.World) {
		for n, size := range []int{500, 500, 201} {
			made := w.Certifications[1+n]
			if len(made.Items) != size || made.Items[0].ID != b.items[500*n] || made.Reviewer.ID != "bob" {
				t.Errorf("certification %d of %s has %d items from %s", n+1, made.Reviewer.ID, len(made.Items), made.Items[0].ID)
			}
		}
		if left := len(w.Certifications[0].Items); left != 0 {
			t.Errorf("%d items left", left)
		}
	})
}

func TestRequestThatIsNotAcceptedEndsTheSending(t *testing.T) {
	t.Parallel()
	const words = "semantically invalid"
	tests := map[string]struct {
		fault   simulator.Fault
		prepare func(*bench) // once the plan is made
		want    record
		unknown bool
		says    string
	}{
		"connection cut":     {fault: simulator.Fault{Cut: true}, want: record{State: "UNKNOWN", Status: 200, Error: true}, unknown: true, says: "unexpected EOF"},
		"no JSON":            {fault: simulator.Fault{BadJSON: true}, want: record{State: "UNKNOWN", Status: 200, Error: true}, unknown: true, says: "not JSON"},
		"500":                {fault: simulator.Fault{Status: 500}, want: record{State: "UNKNOWN", Status: 500, Detail: true, Track: true, Error: true}, unknown: true, says: "HTTP 500"},
		"503 with a pause":   {fault: simulator.Fault{Status: 503, RetryAfter: "0"}, want: record{State: "UNKNOWN", Status: 503, Detail: true, Track: true, Error: true}, unknown: true, says: "HTTP 503"},
		"400":                {fault: simulator.Fault{Status: 400}, want: record{State: "REFUSED", Status: 400, Detail: true, Track: true, Error: true}, says: words},
		"403":                {fault: simulator.Fault{Status: 403}, want: record{State: "REFUSED", Status: 403, Detail: true, Track: true, Error: true}, says: "HTTP 403"},
		"401 to every token": {fault: simulator.Fault{Status: 401}, want: record{State: "REFUSED", Status: 401, Error: true}, says: "authentication failed"},
		"signed meanwhile": {
			fault: simulator.Fault{Before: func(w *simulator.World) { w.Certifications[0].Phase = simulator.Signed }},
			want:  record{State: "REFUSED", Status: 400, Detail: true, Track: true, Error: true}, says: "is signed",
		},
		"self-review": {
			prepare: func(b *bench) {
				b.tenant.Edit(func(w *simulator.World) { w.Certifications[0].Items[500].IdentitySummary.IdentityID = "bob" })
			},
			want: record{State: "REFUSED", Status: 400, Detail: true, Track: true, Error: true}, says: "may not review the own access",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 1_001)
			plan := b.plan(b.order())
			tt.fault.Operation, tt.fault.After = simulator.OpReassign, 1
			b.tenant.Inject(tt.fault)
			if tt.prepare != nil {
				tt.prepare(b)
			}
			told, err := b.send(t.Context(), plan)
			if err == nil || errors.Is(err, fetch.ErrUnknown) != tt.unknown || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want it to say %q, and to be unknown: %t", err, tt.says, tt.unknown)
			}
			if want := "request 2 of 3 (number 2): "; err != nil && (!strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), "; the 1 after it were not sent")) {
				t.Errorf("error %v does not say which request it was and what is left", err)
			}
			if len(told) != 2 {
				t.Errorf("told of %d requests, want 2", len(told))
			}
			want := []record{{State: "ACCEPTED", Targets: 500, Status: 200, First: b.items[0]}, tt.want}
			want[1].Targets, want[1].First = 500, b.items[500]
			got, err := b.records()
			if err != nil {
				t.Fatal(err)
			}
			if len(got) > 0 {
				want[0].Task = got[0].Task
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			posts := 2
			if tt.fault.Status == 401 {
				posts = 3 // once more, with a new token
			}
			if got := b.posts(); got != posts {
				t.Errorf("the tenant was sent %d requests, want %d", got, posts)
			}
		})
	}
}

func TestRequestIsSentAgainWhereNothingWasDone(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]simulator.Fault{
		"401 once":       {Status: 401, Times: 1},
		"429 once":       {Status: 429, Times: 1, RetryAfter: "0"},
		"429 many times": {Status: 429, Times: 20, RetryAfter: "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 3)
			fault.Operation = simulator.OpReassign
			b.tenant.Inject(fault)
			if _, err := b.send(t.Context(), b.plan(b.order())); err != nil {
				t.Fatal(err)
			}
			if got := b.states(); got != "ACCEPTED/3" {
				t.Errorf("records %s, want one, accepted", got)
			}
			b.tenant.Edit(func(w *simulator.World) {
				if len(w.Tasks) != 1 {
					t.Errorf("%d tasks, want 1", len(w.Tasks))
				}
			})
		})
	}
}

func TestContextThatEndsWhileARequestIsOutLeavesItUnknown(t *testing.T) {
	t.Parallel()
	b := newBench(t, 501)
	told := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	b.tenant.Inject(simulator.Fault{Operation: simulator.OpReassign, Hang: true, Match: func(*http.Request) bool { cancel(told); return true }})
	sent, err := b.send(ctx, b.plan(b.order()))
	if !errors.Is(err, fetch.ErrUnknown) || len(sent) != 1 || sent[0].Answer.State != db.ReassignUnknown {
		t.Errorf("told of %+v, error %v", sent, err)
	}
	if got := b.states(); got != "UNKNOWN/500" {
		t.Errorf("records %s, want the first as UNKNOWN and no other", got)
	}
}

func TestContextThatHasEndedSendsAndRecordsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	plan := b.plan(b.order())
	told := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(told)
	if _, err := b.send(ctx, plan); !errors.Is(err, told) || !strings.Contains(err.Error(), "requests 1 to 1 of 1 were not sent") {
		t.Errorf("error %v", err)
	}
	if got := b.states(); got != "" || b.posts() != 0 {
		t.Errorf("records %q, %d requests sent", got, b.posts())
	}
}

func TestRequestThatCannotBeRecordedIsNotSent(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	plan := b.plan(b.order())
	b.exec(`ALTER TABLE history.reassign_request RENAME TO elsewhere`)
	told, err := b.send(t.Context(), plan)
	if err == nil || len(told) != 0 || b.posts() != 0 {
		t.Errorf("told of %d requests, %d sent, error %v", len(told), b.posts(), err)
	}
}

func TestAnswerThatCannotBeRecordedIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, 501)
	plan := b.plan(b.order())
	b.tenant.Inject(simulator.Fault{Operation: simulator.OpReassign, Match: func(*http.Request) bool {
		b.exec(`ALTER TABLE history.reassign_request RENAME TO elsewhere`)
		return false
	}})
	told, err := b.send(t.Context(), plan)
	if err == nil || !strings.Contains(err.Error(), "record the answer") || errors.Is(err, fetch.ErrUnknown) {
		t.Errorf("error %v", err)
	}
	if len(told) != 1 || told[0].Answer.State != db.ReassignAccepted || told[0].Answer.TaskID == "" || b.posts() != 1 {
		t.Errorf("told of %+v after %d requests, want the task of the first", told, b.posts())
	}
	b.exec(`ALTER TABLE history.elsewhere RENAME TO reassign_request`)
	if got := b.states(); got != "SENDING/500" {
		t.Errorf("records %s", got)
	}
	if err := b.plan(b.order(0)).Check(); !errors.Is(err, reassign.ErrUnsettled) {
		t.Errorf("check %v of a plan with its targets, want it unsettled", err)
	}
}

func TestUnsettledTargetsAreRefusedUnlessSentAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, 6)
	remove := b.tenant.Inject(simulator.Fault{Operation: simulator.OpReassign, Status: 502})
	if _, err := b.send(t.Context(), b.plan(b.order(0, 1))); !errors.Is(err, fetch.ErrUnknown) {
		t.Fatalf("error %v", err)
	}
	remove()
	tenant, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 2, 15, 0, 0, time.UTC)
	left := db.ReassignRequest{CertificationID: b.cert, To: "bob", Reason: "x", RequestedAt: at, Targets: []db.ReassignTarget{{Type: "ITEM", ID: b.items[2]}}}
	if _, err := b.store.RecordReassign(t.Context(), tenant, left); err != nil { // by a process that then died
		t.Fatal(err)
	}
	if _, err := b.send(t.Context(), b.plan(b.order(3))); err != nil { // settled
		t.Fatal(err)
	}
	sent := b.posts()

	plan := b.plan(b.order(1, 2, 3, 4))
	type earlier struct {
		ID     int64
		State  db.ReassignState
		Shared int
	}
	var got []earlier
	for _, u := range plan.Unsettled {
		got = append(got, earlier{u.ID, u.State, u.Shared})
	}
	if diff := cmp.Diff([]earlier{{1, db.ReassignUnknown, 1}, {2, db.ReassignSending, 1}}, got); diff != "" {
		t.Errorf("unsettled (-want +got):\n%s", diff)
	}
	if _, err := b.send(t.Context(), plan); !errors.Is(err, reassign.ErrUnsettled) || b.posts() != sent {
		t.Errorf("error %v, %d requests sent", err, b.posts()-sent)
	}
	if plan := b.plan(b.order(3, 4, 5)); plan.Check() != nil || len(plan.Unsettled) > 0 {
		t.Errorf("check %v, unsettled %v of targets that no unsettled request names", plan.Check(), plan.Unsettled)
	}
	identity := b.order()
	identity.Targets = []fetch.ReassignTarget{{Type: fetch.TargetIdentity, ID: b.items[1]}}
	if plan := b.plan(identity); len(plan.Unsettled) > 0 {
		t.Errorf("another type of target with the same id: unsettled %v", plan.Unsettled)
	}
	again := b.order(1, 2)
	again.Again = true
	plan = b.plan(again)
	if _, err := b.send(t.Context(), plan); err != nil || len(plan.Unsettled) != 2 {
		t.Errorf("sent again with %d unsettled: error %v", len(plan.Unsettled), err)
	}
}

func TestSignedCertificationIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	b.tenant.Edit(func(w *simulator.World) { w.Certifications[0].Phase = simulator.Signed })
	plan := b.plan(b.order())
	if _, err := b.send(t.Context(), plan); !errors.Is(err, reassign.ErrSigned) || b.posts() != 0 || b.states() != "" {
		t.Errorf("error %v, %d requests sent, records %q", err, b.posts(), b.states())
	}
}

func TestPlanNeedsACertificationThatCanBeRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, 3)
	o := b.order()
	o.CertificationID = "nowhere"
	if _, err := b.sender.Plan(t.Context(), o); fetch.StatusOf(err) != 404 {
		t.Errorf("error %v, want a 404", err)
	}
	if _, err := b.store.FindTenant(t.Context(), "acme"); !errors.Is(err, db.ErrNoTenant) {
		t.Errorf("the tenant's name was bound (error %v), though nothing was found at its host", err)
	}
	o.Reason = ""
	if _, err := b.sender.Plan(t.Context(), o); err == nil || err.Error() != "reason: is missing" {
		t.Errorf("error %v, want the order refused", err)
	}
}
