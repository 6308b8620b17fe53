package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"exporter/internal/simulator"
)

const reassignPath = "/certifications/v1/c1/reassign-async"

func orderOf(t *testing.T, to string, targets ...simulator.ReassignTarget) string {
	t.Helper()
	b, err := json.Marshal(simulator.ReassignOrder{Reassign: targets, ReassignTo: to, Reason: "on leave"})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReassignMovesItemsToANewCertification(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		target      simulator.ReassignTarget
		moved, left []string
	}{
		{"an item", simulator.ReassignTarget{ID: "i2", Type: "ITEM"}, []string{"i2"}, []string{"i1", "i3", "i4"}},
		{"an identity", simulator.ReassignTarget{ID: "s-Zed", Type: "IDENTITY_SUMMARY"}, []string{"i1", "i3"}, []string{"i2", "i4"}},
		{"an access", simulator.ReassignTarget{ID: "r-Staff", Type: "TARGET_SUMMARY"}, []string{"i4"}, []string{"i1", "i2", "i3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newSmall(t, optionsAt(&clock{}))
			advance := func() { c.tenant.Edit(func(w *simulator.World) { w.Advance() }) }

			task := decode[simulator.Task](t, c.post(reassignPath, orderOf(t, "bob", tt.target, tt.target)))
			want := simulator.Task{Type: "ADMIN_REASSIGN", TargetType: "CERTIFICATION", TargetID: "c1", Status: simulator.Queued, Created: day(1)}
			if diff := cmp.Diff(want, task, cmpopts.IgnoreFields(simulator.Task{}, "ID"), cmpopts.IgnoreUnexported(simulator.Task{})); diff != "" {
				t.Fatalf("task (-want +got):\n%s", diff)
			}
			advance()
			if got := ids(t, c.get(itemsPath)); len(got) != 4 {
				t.Errorf("items %v moved while the task is in progress", got)
			}
			advance()
			done := decode[simulator.Task](t, c.get("/certification-tasks/v1/"+task.ID))
			trail := []simulator.ReassignmentTrail{{PreviousOwner: "ann", NewOwner: "bob", ReassignmentType: "MANUAL_REASSIGNMENT"}}
			if diff := cmp.Diff(trail, done.ReassignmentTrailDTOs); diff != "" || done.Status != simulator.Success {
				t.Errorf("status %s, trail (-want +got):\n%s", done.Status, diff)
			}
			all := decode[[]simulator.Certification](t, c.get("/certifications/v1"))
			made := all[len(all)-1]
			if diff := cmp.Diff("bob", made.Reviewer.ID); diff != "" {
				t.Errorf("reviewer (-want +got):\n%s", diff)
			}
			if from := made.Reassignment; from == nil || from.From.ID != "c1" || from.From.Reviewer.ID != "ann" || from.Comment != "on leave" {
				t.Errorf("reassignment %+v", from)
			}
			if made.DecisionsTotal != len(tt.moved) || made.Due == nil || made.Campaign.ID != "k1" || made.Phase != simulator.Active {
				t.Errorf("certification %+v", made)
			}
			if diff := cmp.Diff(tt.left, ids(t, c.get(itemsPath))); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.moved, ids(t, c.get("/certifications/v1/"+made.ID+"/access-review-items"))); diff != "" {
				t.Errorf("moved (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"bob"}, ids(t, c.get("/certifications/v1/"+made.ID+"/reviewers"))); diff != "" {
				t.Errorf("reviewers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReassignRefuses(t *testing.T) {
	t.Parallel()
	item := simulator.ReassignTarget{ID: "i2", Type: "ITEM"}
	many := func(n int) []simulator.ReassignTarget {
		targets := make([]simulator.ReassignTarget, n)
		for i := range targets {
			targets[i] = item
		}
		return targets
	}
	tests := []struct{ name, path, body string }{
		{"no JSON", reassignPath, "{"},
		{"nothing to reassign", reassignPath, orderOf(t, "bob")},
		{"more than 500", reassignPath, orderOf(t, "bob", many(501)...)},
		{"no reviewer", reassignPath, orderOf(t, "", item)},
		{"an unknown reviewer", reassignPath, orderOf(t, "eve", item)},
		{"no reason", reassignPath, `{"reassign":[{"id":"i2","type":"ITEM"}],"reassignTo":"bob"}`},
		{"an unknown type", reassignPath, orderOf(t, "bob", simulator.ReassignTarget{ID: "i2", Type: "IDENTITY"})},
		{"no id", reassignPath, orderOf(t, "bob", simulator.ReassignTarget{Type: "ITEM"})},
		{"an unknown item", reassignPath, orderOf(t, "bob", simulator.ReassignTarget{ID: "i9", Type: "ITEM"})},
		{"an item to its own person", reassignPath, orderOf(t, "i-Zed", simulator.ReassignTarget{ID: "i1", Type: "ITEM"})},
		{"a person to itself among others", reassignPath, orderOf(t, "i-Zed", item, simulator.ReassignTarget{ID: "p-Desk", Type: "TARGET_SUMMARY"})},
		{"a signed certification", "/certifications/v1/c2/reassign-async", orderOf(t, "ann", item)},
	}
	c := newSmall(t, simulator.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantError(t, c.post(tt.path, tt.body), http.StatusBadRequest)
		})
	}
	t.Run("but not 500", func(t *testing.T) {
		t.Parallel()
		if r := newSmall(t, simulator.Options{}).post(reassignPath, orderOf(t, "bob", many(500)...)); r.StatusCode != http.StatusOK {
			t.Errorf("status %d, want 200: %s", r.StatusCode, bodyOf(t, r))
		}
	})
}

func TestReassignEndsInErrorWhenTheWorldMovedOn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*simulator.World)
		text   string
	}{
		{"signed meanwhile", func(w *simulator.World) { w.Certification("c1").Phase = simulator.Signed }, "certification c1 is signed"},
		{"deleted meanwhile", func(w *simulator.World) { w.DeleteCertification("c1") }, "certification c1 does not exist"},
		{"item gone meanwhile", func(w *simulator.World) { w.Certification("c1").Items = nil }, "certification c1 has no ITEM i2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newSmall(t, simulator.Options{})
			task := decode[simulator.Task](t, c.post(reassignPath, orderOf(t, "bob", simulator.ReassignTarget{ID: "i2", Type: "ITEM"})))
			c.tenant.Edit(func(w *simulator.World) {
				tt.change(w)
				w.Advance()
				w.Advance()
			})
			done := decode[simulator.Task](t, c.get("/certification-tasks/v1/"+task.ID))
			if done.Status != simulator.Failed || len(done.Errors) != 1 || !strings.Contains(done.Errors[0].Text, tt.text) {
				t.Errorf("task %s, want ERROR with %q", fmt.Sprintf("%+v", done), tt.text)
			}
		})
	}
}
