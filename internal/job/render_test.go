package job

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/db"
	"exporter/internal/report"
	"exporter/internal/snapshot"
)

const oneProcess = `{"api_host": "acme.api.identitynow.com", "api_version": "v3", "client_id": "0503E000", "page_size": 250,
	"tool_version": "1.0.0", "commit": "77b45e5", "schema_version": 4, "config_sha256": "c0c0", "known_gaps": [],
	"next_generation_campaigns": 0, "resumed": false, "fetch": {"requests": 900, "clock_offset": 0.4}}`

// storedRun is a run as the database gives it back.
func storedRun(processes ...string) db.Run {
	started := time.Date(2026, 3, 2, 2, 15, 0, 0, time.UTC)
	finished := started.Add(17 * time.Minute)
	return db.Run{
		ID: 2, Tenant: "acme", Status: snapshot.Sealed, StartedAt: started, FinishedAt: &finished, APIVersion: "v3", ToolVersion: "1.0.0",
		Requests: 1480, Retries: 2, Throttled: 1,
		Scope:          json.RawMessage(`{"permissions": "flagged"}`),
		ReportSettings: json.RawMessage(`{"formats": ["xlsx"], "known_gaps": []}`),
		Provenance:     json.RawMessage("[" + strings.Join(processes, ",") + "]"),
	}
}

func describeRun(t *testing.T, run db.Run) report.Run {
	t.Helper()
	r, _, err := describe(run, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestProvenanceOfOneProcess(t *testing.T) {
	t.Parallel()
	r := describeRun(t, storedRun(oneProcess))
	want := []report.Fact{
		{Name: "Exporter version", Value: "1.0.0"},
		{Name: "Commit", Value: "77b45e5"},
		{Name: "Schema version", Value: "4"},
		{Name: "Configuration SHA-256", Value: "c0c0"},
		{Name: "API host", Value: "acme.api.identitynow.com"},
		{Name: "API version", Value: "v3"},
		{Name: "Client id", Value: "0503E000"},
		{Name: "Page size", Value: "250"},
		{Name: "Permissions mode", Value: "flagged"},
		{Name: "Accepted gaps", Value: "none"},
		{Name: "Started", Value: "2026-03-02 02:15:00 UTC"},
		{Name: "Finished", Value: "2026-03-02 02:32:00 UTC"},
		{Name: "Resumed", Value: "no"},
		{Name: "Processes", Value: "1"},
		{Name: "Requests", Value: "1480"},
		{Name: "Requests retried", Value: "2"},
		{Name: "Answers with status 429", Value: "1"},
		{Name: "Clock offset to the tenant", Value: "+0.4 s, the tenant is ahead"},
		{Name: "Deprecation headers", Value: "none"},
		{Name: "Next-generation campaigns", Value: "none"},
		{Name: "Unknown or unreadable values", Value: "none"},
	}
	if diff := cmp.Diff(want, r.Provenance); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if r.APIHost != "acme.api.identitynow.com" || r.NextGeneration != 0 || r.Deprecation != nil {
		t.Errorf("host %q, %d next-generation campaigns, deprecation %q", r.APIHost, r.NextGeneration, r.Deprecation)
	}
}

func TestProvenanceOfAResumedRun(t *testing.T) {
	t.Parallel()
	r := describeRun(t, storedRun(oneProcess,
		`{"api_host": "acme.api.identitynow.com", "api_version": "v3", "client_id": "0503E000", "page_size": 100,
		"tool_version": "1.1.0", "schema_version": 4, "config_sha256": "c1c1", "known_gaps": ["g2", "g1"],
		"next_generation_campaigns": null, "resumed": true, "fetch": {"clock_offset": -3,
		"deprecation": {"Sunset": "Sun, 01 Nov 2026 00:00:00 GMT"},
		"oddities": {"unknown field: review items accessSummary.foo": 5, "unreadable row: tasks ": 1, "": 7}}}`,
		`{"api_host": "acme.api.identitynow.com", "api_version": "v3", "client_id": "0503E000", "page_size": 100,
		"tool_version": "1.1.0", "schema_version": 4, "config_sha256": "c1c1", "known_gaps": ["g2", "g1"],
		"next_generation_campaigns": 3, "resumed": true, "fetch": {
		"deprecation": {"Sunset": "Mon, 02 Nov 2026 00:00:00 GMT", "Deprecation": "true"},
		"oddities": {"unknown field: review items accessSummary.foo": 7, "not a number: certifications decisionsMade": 1}}}`))
	want := []report.Fact{
		{Name: "Exporter version", Value: "1.0.0, then 1.1.0"},
		{Name: "Commit", Value: "77b45e5, then not stated"},
		{Name: "Schema version", Value: "4"},
		{Name: "Configuration SHA-256", Value: "c0c0, then c1c1"},
		{Name: "API host", Value: "acme.api.identitynow.com"},
		{Name: "API version", Value: "v3"},
		{Name: "Client id", Value: "0503E000"},
		{Name: "Page size", Value: "250, then 100"},
		{Name: "Permissions mode", Value: "flagged"},
		{Name: "Accepted gap", Value: "g2"},
		{Name: "Accepted gap", Value: "g1"},
		{Name: "Started", Value: "2026-03-02 02:15:00 UTC"},
		{Name: "Finished", Value: "2026-03-02 02:32:00 UTC"},
		{Name: "Resumed", Value: "yes"},
		{Name: "Processes", Value: "3 on record; a process that is killed leaves no record of itself or its requests"},
		{Name: "Requests", Value: "1480"},
		{Name: "Requests retried", Value: "2"},
		{Name: "Answers with status 429", Value: "1"},
		{Name: "Clock offset to the tenant", Value: "+0.4 s, the tenant is ahead"},
		{Name: "Deprecation headers", Value: "Deprecation: true; Sunset: Mon, 02 Nov 2026 00:00:00 GMT"},
		{Name: "Next-generation campaigns", Value: "3, not in this report"},
		{Name: "not a number: certifications decisionsMade", Value: "1 time"},
		{Name: "unknown field: review items accessSummary.foo", Value: "12 times"},
		{Name: "unreadable row: tasks", Value: "1 time"},
		{Name: "further unknown or unreadable values, not told apart", Value: "7 times"},
	}
	if diff := cmp.Diff(want, r.Provenance); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"g2", "g1"}, r.KnownGaps); diff != "" {
		t.Errorf("gaps that the run was sealed by (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Deprecation: true", "Sunset: Mon, 02 Nov 2026 00:00:00 GMT"}, r.Deprecation); diff != "" || r.NextGeneration != 3 {
		t.Errorf("%d next-generation campaigns; deprecation (-want +got):\n%s", r.NextGeneration, diff)
	}
}

func TestClockOffset(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		offset, want string // of the process after one that had no answer
	}{
		{"null", "not stated"},
		{"0", "0.0 s"},
		{"0.1", "+0.1 s, the tenant is ahead"},
		{"-3", "-3.0 s, the tenant is behind"},
		{"7200.4", "+7200.4 s, the tenant is ahead"},
	} {
		processes := []provenance{{}, {}}
		if err := json.Unmarshal(fmt.Appendf(nil, `{"fetch": {"clock_offset": %s}}`, tt.offset), &processes[1]); err != nil {
			t.Fatal(err)
		}
		if got := clock(processes); got != tt.want {
			t.Errorf("offset %s: %q, want %q", tt.offset, got, tt.want)
		}
	}
}

// What a run did not state is said to be so, and is not none.
func TestProvenanceThatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]db.Run{"no process": storedRun(), "an empty one": storedRun(`{}`)} {
		got := map[string]string{}
		for _, f := range describeRun(t, run).Provenance {
			got[f.Name] = f.Value
		}
		for _, fact := range []string{"Commit", "Schema version", "Page size", "Clock offset to the tenant", "Next-generation campaigns"} {
			if got[fact] != notStated {
				t.Errorf("%s: %s is %q, want it %s", name, fact, got[fact], notStated)
			}
		}
	}
}
