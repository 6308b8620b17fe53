package db

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/snapshot"
)

// asked records a reassign request of certification a.
func (o *office) asked(at time.Time, ids ...string) int64 {
	o.Helper()
	r := ReassignRequest{CertificationID: "a", To: "bob", Reason: "it's \"leave\"\n\U0001F600", RequestedAt: at}
	for _, id := range ids {
		r.Targets = append(r.Targets, ReassignTarget{Type: "ITEM", ID: id})
	}
	id, err := o.store.RecordReassign(o.Context(), o.tenant, r)
	o.fatal(err)
	return id
}

func (o *office) answered(id int64, a ReassignAnswer) {
	o.Helper()
	o.fatal(o.store.AnswerReassign(o.Context(), o.tenant, id, a))
}

// requests are columns of audit.reassign_requests, a row a line.
func (o *office) requests(columns string) []string {
	o.Helper()
	return query[string](o.T, o.store, `SELECT concat_ws(' ', `+columns+`) FROM audit.reassign_requests ORDER BY tenant, request_id`)
}

func TestReassignRequestIsShownAsItStands(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	at := firstNight.Add(time.Minute)
	for _, a := range []ReassignAnswer{
		{State: ReassignAccepted, TaskID: "t", HTTPStatus: 200, At: at},
		{State: ReassignRefused, HTTPStatus: 400, DetailCode: "400.1", TrackingID: "x", Error: "no", At: at},
		{State: ReassignUnknown, Error: "cut", At: at},
	} {
		o.answered(o.asked(firstNight, "i", "j"), a)
	}
	o.asked(firstNight, "k")
	got := o.requests(`tenant, certification_id, reassign_to, target_count, targets, requested_at, state, answered_at - requested_at,
		coalesce(task_id, '-'), coalesce(http_status::text, '-'), coalesce(detail_code, '-'), coalesce(tracking_id, '-'), coalesce(error, '-')`)
	const two = `acme a bob 2 [{"id": "i", "type": "ITEM"}, {"id": "j", "type": "ITEM"}] 2026-03-01 02:15:00+00 `
	want := []string{
		two + "ACCEPTED 00:01:00 t 200 - - -",
		two + "REFUSED 00:01:00 - 400 400.1 x no",
		two + "UNKNOWN 00:01:00 - - - - cut",
		`acme a bob 1 [{"id": "k", "type": "ITEM"}] 2026-03-01 02:15:00+00 SENDING - - - - -`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestReassignRequestShowsTheRunAfterIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := newWorld(newCert("a"))
	o.night(w)
	o.asked(firstNight, "i")                  // as the first began
	o.asked(firstNight.Add(time.Second), "j") // while it was under way
	if diff := cmp.Diff([]string{"1", ""}, o.requests(`run_id`)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	unfinished := o.open(ResumeNever)
	o.fatal(o.store.Abandon(o.Context(), o.tenant, unfinished.ID, snapshot.RunFailed, firstNight, ""))
	o.night(w)
	if diff := cmp.Diff([]string{"1", "3"}, o.requests(`run_id`)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

func TestReassignRequestIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	accepted := ReassignAnswer{State: ReassignAccepted, TaskID: "t", At: firstNight}
	id := o.asked(firstNight, "i")
	for name, a := range map[string]ReassignAnswer{
		"sending again":         {State: ReassignSending, At: firstNight},
		"a state nobody knows":  {State: "MAYBE", At: firstNight},
		"accepted with no task": {State: ReassignAccepted, At: firstNight},
		"refused with a task":   {State: ReassignRefused, TaskID: "t", At: firstNight},
	} {
		if err := o.store.AnswerReassign(t.Context(), o.tenant, id, a); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := o.store.AnswerReassign(t.Context(), o.tenant, id+1, accepted); err == nil || !strings.Contains(err.Error(), "reassign request 2") {
		t.Errorf("answer to a request that is not there: error %v", err)
	}
	if err := o.store.AnswerReassign(t.Context(), bind(t, o.store, "other"), id, accepted); err == nil {
		t.Error("answer to a request of another tenant: no error")
	}
	refusedAsHistory(t, o.store, `UPDATE history.reassign_request SET state = 'REFUSED', answered_at = now(), reason = ''`)
	o.answered(id, accepted)
	if err := o.store.AnswerReassign(t.Context(), o.tenant, id, ReassignAnswer{State: ReassignRefused, At: firstNight}); err == nil {
		t.Error("second answer: no error")
	}
	refusedAsHistory(t, o.store, `UPDATE history.reassign_request SET error = 'x'`)
}

func TestReassignAnswerIsRecordedAfterTheContextEnded(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.asked(firstNight, "i")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.store.AnswerReassign(ctx, o.tenant, id, ReassignAnswer{State: ReassignUnknown, At: firstNight}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.store.RecordReassign(ctx, o.tenant, ReassignRequest{CertificationID: "a"}); err == nil {
		t.Error("a request was recorded for a context that has ended: it would be sent")
	}
	if diff := cmp.Diff([]string{"UNKNOWN"}, o.requests(`state`)); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestUnsettledReassigns(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.answered(o.asked(firstNight, "i"), ReassignAnswer{State: ReassignAccepted, TaskID: "t", At: firstNight})
	o.answered(o.asked(firstNight, "i"), ReassignAnswer{State: ReassignRefused, At: firstNight})
	unknown := o.asked(firstNight, "i", "j")
	o.answered(unknown, ReassignAnswer{State: ReassignUnknown, At: firstNight})
	sending := o.asked(firstNight.Add(time.Hour), "k")
	got, err := o.store.UnsettledReassigns(t.Context(), o.tenant, "a")
	if err != nil {
		t.Fatal(err)
	}
	reason := "it's \"leave\"\n\U0001F600"
	want := []ReassignRequest{
		{unknown, "a", "bob", reason, []ReassignTarget{{"ITEM", "i"}, {"ITEM", "j"}}, firstNight, ReassignUnknown},
		{sending, "a", "bob", reason, []ReassignTarget{{"ITEM", "k"}}, firstNight.Add(time.Hour), ReassignSending},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unsettled (-want +got):\n%s", diff)
	}
	for name, list := range map[string]func() ([]ReassignRequest, error){
		"another certification": func() ([]ReassignRequest, error) { return o.store.UnsettledReassigns(t.Context(), o.tenant, "b") },
		"another tenant": func() ([]ReassignRequest, error) {
			return o.store.UnsettledReassigns(t.Context(), bind(t, o.store, "other"), "a")
		},
	} {
		if got, err := list(); err != nil || len(got) > 0 {
			t.Errorf("%s: %v, error %v", name, got, err)
		}
	}
}

func TestTaskOfAnAcceptedRequestIsFollowed(t *testing.T) {
	t.Parallel()
	open := func(o *office) []string {
		o.Helper()
		h, err := o.store.Night(o.tenant, 99).History(o.Context())
		o.fatal(err)
		return taskIDs(h)
	}
	accept := func(o *office, task string) {
		o.Helper()
		at := firstNight.AddDate(0, 0, o.nights-1).Add(time.Hour) // an hour after the last night
		o.answered(o.asked(at, "i"), ReassignAnswer{State: ReassignAccepted, TaskID: task, At: at})
	}
	want := func(o *office, what string, tasks ...string) {
		o.Helper()
		if got := open(o); !slices.Equal(got, tasks) {
			o.Errorf("%s: follows %v, want %v", what, got, tasks)
		}
	}
	t.Run("until it ends", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		w := newWorld(newCert("a"))
		o.night(w)
		o.answered(o.asked(firstNight, "i"), ReassignAnswer{State: ReassignRefused, At: firstNight})
		o.asked(firstNight, "i")
		accept(o, "t")
		want(o, "accepted", "t")
		w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new("IN_PROGRESS")})
		o.night(w)
		want(o, "seen under way", "t")
		w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new(snapshot.TaskSuccess)})
		o.night(w)
		want(o, "ended")
	})
	t.Run("though it ended at once", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		w := newWorld(newCert("a"))
		o.night(w)
		accept(o, "t")
		w.tasks["t"] = task(snapshot.Task{ID: "t", Status: new(snapshot.TaskError), Errors: []string{"no"}})
		run := o.night(w)
		want(o, "ended")
		got := rowsOf(t, o.store, o.tenant, run.ID, "tasks", "task_id", "status")
		if diff := cmp.Diff([][]any{{"t", "ERROR"}}, got); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
	})
	t.Run("until a later run finds that there is none", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		w := newWorld(newCert("a"))
		o.night(w)
		accept(o, "t")
		w.outcome[snapshot.Tasks] = snapshot.Failed
		o.night(w)
		o.night(w)
		want(o, "tasks not readable", "t")
		delete(w.outcome, snapshot.Tasks)
		o.night(w)
		want(o, "none found")
	})
	t.Run("until its certification's own tasks are proved", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		w := newWorld(newCert("a"), newCert("b"))
		w.outcome[snapshot.Tasks] = snapshot.Failed
		o.night(w)
		accept(o, "t")
		o.night(w)
		run := o.night(w)
		for _, c := range []struct {
			certification string
			follows       []string
		}{{"b", []string{"t"}}, {"a", nil}} {
			_, err := o.store.pool.Exec(t.Context(), `
				INSERT INTO history.coverage (tenant_id, certification_no, collection, run_id, outcome, attempts, stored, signed, params_sha256)
				SELECT tenant_id, certification_no, 'tasks', $1, 'COMPLETE', 1, 0, false, ''
				FROM history.known_certification
				WHERE certification_id = $2`, run.ID, c.certification)
			o.fatal(err)
			want(o, "proved the tasks of "+c.certification, c.follows...)
		}
	})
	t.Run("within its tenant", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		accept(o, "t")
		want(officeOf(t, o.store, "other"), "another tenant")
	})
}
