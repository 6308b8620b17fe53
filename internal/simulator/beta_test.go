package simulator_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/simulator"
)

func TestBetaListsCertificationsInItsOwnModel(t *testing.T) {
	t.Parallel()
	c := newSmall(t, optionsAt(&clock{}))
	c.tenant.Edit(func(w *simulator.World) {
		if _, err := w.Reassign("c1", simulator.ReassignOrder{
			Reassign: []simulator.ReassignTarget{{ID: "i2", Type: "ITEM"}}, ReassignTo: "bob", Reason: "on leave",
		}); err != nil {
			t.Errorf("reassign: %v", err)
		}
		w.Advance()
		w.Advance()
		w.Certification("c2").Reviewer = nil
	})
	campaign := func(id, name, kind string) map[string]any {
		return map[string]any{
			"id": id, "name": name, "type": "CAMPAIGN", "campaignType": kind, "description": nil,
			"correlatedStatus": "CORRELATED", "mandatoryCommentRequirement": "NO_DECISIONS",
		}
	}
	reviewer := func(kind, id, name string, email any) map[string]any {
		return map[string]any{"type": kind, "id": id, "name": name, "email": email}
	}
	header := func(change map[string]any) map[string]any {
		h := map[string]any{
			"campaignRef": campaign("k1", "Spring", "MANAGER"), "campaignOwner": nil, "phase": "ACTIVE", "due": nil, "signed": nil,
			"reviewer": nil, "reassignment": nil, "hasErrors": false, "errorMessage": nil, "completed": false,
			"decisionsMade": 0.0, "decisionsTotal": 1.0, "entitiesCompleted": 0.0, "entitiesTotal": 1.0,
		}
		for name, value := range change {
			h[name] = value
		}
		return h
	}
	ann := reviewer("IDENTITY", "ann", "Ann", "ann@acme.example")
	want := []map[string]any{
		header(map[string]any{
			"due": "2026-03-20T00:00:00Z", "reviewer": ann,
			"decisionsMade": 2.0, "decisionsTotal": 3.0, "entitiesCompleted": 1.0, "entitiesTotal": 2.0,
		}),
		header(map[string]any{
			"campaignRef": campaign("k2", "Autumn", "SEARCH"), "phase": "SIGNED", "due": "2026-03-10T00:00:00Z", "signed": "2026-03-09T00:00:00Z",
			"completed": true, "decisionsTotal": 0.0, "entitiesTotal": 0.0,
		}),
		header(map[string]any{"reviewer": reviewer("GOVERNANCE_GROUP", "gg", "Group", nil)}),
		header(map[string]any{
			"due": "2026-03-20T00:00:00Z", "reviewer": reviewer("IDENTITY", "bob", "Bob", nil),
			"reassignment": map[string]any{
				"comment": "on leave", "from": map[string]any{"type": "CERTIFICATION", "id": "c1", "name": "Review B", "reviewer": ann},
			},
		}),
	}
	if diff := cmp.Diff(want, decode[[]map[string]any](t, c.get("/beta/certifications"))); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestBetaListOfCertificationsTakesWhatTheOthersTake(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	type header struct{ CampaignRef row }
	tests := []struct {
		name, value string
		want        []header
	}{
		{"filters", `campaign.id eq "k2"`, []header{{row{ID: "k2", Name: "Autumn"}}}},
		{"sorters", `-name`, []header{{row{ID: "k1", Name: "Spring"}}, {row{ID: "k1", Name: "Spring"}}, {row{ID: "k2", Name: "Autumn"}}}},
		{"limit", `1`, []header{{row{ID: "k1", Name: "Spring"}}}},
		{"reviewer-identity", "bob", []header{{row{ID: "k2", Name: "Autumn"}}}},
		{"reviewer-identitiy", "bob", []header{{row{ID: "k2", Name: "Autumn"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := c.get("/beta/certifications", tt.name, tt.value, "count", "true")
			if r.Header.Get("X-Total-Count") == "" {
				t.Error("no X-Total-Count")
			}
			if diff := cmp.Diff(tt.want, decode[[]header](t, r)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBetaTasksBelongToACertification(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	c.tenant.Edit(func(w *simulator.World) {
		w.Tasks = append(w.Tasks,
			&simulator.Task{
				ID: "failed", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: "c1", Status: simulator.Failed,
				Errors: []simulator.ErrorMessage{{Text: "signed"}, {Text: "gone"}},
			},
			&simulator.Task{ID: "other", Type: "COMPLETE_CERTIFICATION", TargetType: "CERTIFICATION", TargetID: "c1", Status: simulator.Queued},
		)
	})
	task := func(id, certification, status string, errors ...any) map[string]any {
		return map[string]any{"id": id, "certificationId": certification, "type": "REASSIGN", "status": status, "errors": append([]any{}, errors...)}
	}
	pending := map[string][]map[string]any{
		"c1": {task("t1", "c1", simulator.Queued)},
		"c2": {task("t2", "c2", simulator.InProgress)},
	}
	for certification, want := range pending {
		r := c.get("/beta/certifications/"+certification+"/tasks-pending", "count", "true", "limit", "0", "offset", "9")
		if got := r.Header.Get("X-Total-Count"); got != "" {
			t.Errorf("X-Total-Count = %s of a list that is not paged", got)
		}
		if diff := cmp.Diff(want, decode[[]map[string]any](t, r)); diff != "" {
			t.Errorf("pending of %s (-want +got):\n%s", certification, diff)
		}
	}
	failed := decode[map[string]any](t, c.get("/beta/certifications/c1/tasks/failed"))
	if diff := cmp.Diff(task("failed", "c1", simulator.Failed, "signed", "gone"), failed); diff != "" {
		t.Errorf("by id (-want +got):\n%s", diff)
	}
	for _, path := range []string{"c1/tasks/none", "c1/tasks/t2", "c1/tasks/other", "none/tasks/t1", "none/tasks-pending"} {
		wantError(t, c.get("/beta/certifications/"+path), 404)
	}
	wantError(t, c.get("/beta/certifications/c3/tasks-pending"), 400)
}

func TestBetaReassignmentIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	c := newSmall(t, simulator.Options{})
	order := orderOf(t, "bob", simulator.ReassignTarget{ID: "i2", Type: "ITEM"})
	type task struct{ ID, CertificationID, Type, Status string }
	asked := decode[task](t, c.post("/beta/certifications/c1/reassign-async", order))
	want := task{ID: asked.ID, CertificationID: "c1", Type: "REASSIGN", Status: simulator.Queued}
	for _, status := range []string{simulator.Queued, simulator.InProgress, simulator.Success} {
		want.Status = status
		if diff := cmp.Diff(want, decode[task](t, c.get("/beta/certifications/c1/tasks/"+asked.ID))); diff != "" {
			t.Errorf("task (-want +got):\n%s", diff)
		}
		c.tenant.Edit(func(w *simulator.World) { w.Advance() })
	}
	if rows := decode[[]task](t, c.get("/beta/certifications/c1/tasks-pending")); len(rows) != 0 {
		t.Errorf("finished tasks are pending: %v", rows)
	}
	wantError(t, c.post("/beta/certifications/c1/reassign-async", order), 400) // the item has gone
}
