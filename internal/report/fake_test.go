package report

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"exporter/internal/report/findings"
)

// fakeSource yields rows given as maps; a column a row does not name is nil.
type fakeSource struct {
	rows   map[string][]map[string]any // by view
	fail   string                      // the view that fails after its rows
	cancel context.CancelFunc          // called, if set, after the first row, and then the rows just end
	seal   string                      // the lines of the seal, see sealed
}

var errFake = errors.New("connection lost")

func (s fakeSource) Rows(_ context.Context, view string, columns []string) iter.Seq2[[]any, error] {
	return s.yield(view, columns)
}

// Baseline yields the rows given for the baseline, under "baseline " and the name of the view.
func (s fakeSource) Baseline(_ context.Context, view string, columns []string) iter.Seq2[[]any, error] {
	return s.yield("baseline "+view, columns)
}

func (s fakeSource) Changes(_ context.Context, columns []string) iter.Seq2[[]any, error] {
	return s.yield(viewChanges, columns)
}

func (s fakeSource) WriteSeal(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, s.seal)
	return err
}

// sealed seals a run over the source's rows: it gives the run with its root, and the source with the lines it is of.
func (s fakeSource) sealed(run Run) (Run, fakeSource) {
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	facts := map[string]any{
		"run_id": run.ID, "tenant": run.Tenant, "status": run.Status, "started_at": run.StartedAt, "finished_at": run.FinishedAt,
		"scope_sha256": run.ScopeSHA256, "config_sha256": run.ConfigSHA256, "tool_version": run.ToolVersion,
		"root_sha256": nil, "previous_root_sha256": null(run.PreviousRootSHA256), "provenance": []any{}, "report_settings": map[string]any{},
	}
	for _, view := range []string{viewCertifications, "reviewers", "review_items", "permissions", "tasks"} {
		facts[view] = len(s.rows[view])
	}
	s.rows = maps.Clone(s.rows)
	coverage := slices.Clone(s.rows[viewCoverage])
	for i := range coverage {
		coverage[i] = maps.Clone(coverage[i])
		coverage[i]["tenant"], coverage[i]["run_id"] = run.Tenant, run.ID
	}
	lines := []any{facts}
	if len(coverage) > 0 {
		s.rows[viewCoverage] = coverage
	}
	for _, row := range coverage {
		line := map[string]any{"Signed": false, "Digest": nil}
		for column, key := range map[string]string{
			"certification_id": "Certification", "collection": "Collection", "outcome": "Outcome", "expected": "Expected", "read": "Read",
			"distinct_read": "DistinctRead", "attempts": "Attempts", "captured_run_id": "Captured", "params_sha256": "Params",
			"http_status": "HTTPStatus", "detail_code": "DetailCode", "tracking_id": "TrackingID", "error": "Error", "note": "Note", "read_at": "ReadAt",
			"stored": "Stored",
		} {
			line[key] = row[column]
			if at, ok := row[column].(time.Time); ok {
				line[key] = at.UTC()
			}
		}
		lines = append(lines, line)
	}
	s.seal = ""
	for _, line := range lines {
		data, err := json.Marshal(line)
		if err != nil {
			panic(err)
		}
		s.seal += string(data) + "\n"
	}
	run.RootSHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte(s.seal)))
	return run, s
}

func (s fakeSource) yield(view string, columns []string) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		out := make([]any, len(columns)) // one for all rows, as a Source may
		for _, row := range s.rows[view] {
			for i, c := range columns {
				out[i] = row[c]
			}
			if !yield(out, nil) {
				return
			}
			if s.cancel != nil {
				s.cancel()
				return
			}
		}
		if s.fail == view {
			yield(nil, errFake)
		}
	}
}

var (
	night1 = time.Date(2026, 3, 1, 2, 15, 0, 0, time.UTC)
	night2 = time.Date(2026, 3, 2, 2, 15, 0, 0, time.UTC)
)

func testRun(status string) Run {
	baseline := int64(1)
	return Run{
		ID: 2, BaselineID: &baseline, Tenant: "acme", Status: status,
		StartedAt: night2, FinishedAt: night2.Add(17*time.Minute + 4*time.Second), BaselineStartedAt: night1, BaselineStatus: StatusSealed,
		APIVersion: "v1", APIHost: "acme.api.identitynow.com", ToolVersion: "1.0.0",
		ConfigSHA256: strings.Repeat("c0", 32), ScopeSHA256: strings.Repeat("5c", 32),
		RootSHA256: strings.Repeat("ab", 32), PreviousRootSHA256: strings.Repeat("9e", 32),
		Scope: Scope{CampaignIDs: []string{"campaign-q1"}, Filter: `phase eq "ACTIVE"`, Permissions: "flagged"},
		Provenance: []Fact{
			{"Exporter version", "1.0.0"}, {"Configuration SHA-256", strings.Repeat("c0", 32)}, {"Client id", "0503E000"}, {"Page size", "250"},
			{"Clock offset to the tenant", "+0.4 s, the tenant is ahead"}, {"unknown field: review items accessSummary.foo", "12 times"},
		},
		Totals:   Totals{Certifications: 8, CertificationsComplete: 8, Reviewers: 8, ReviewItems: 304, Permissions: 120, Tasks: 3, Requests: 1480, Retries: 2, Throttled: 1},
		Baseline: Totals{Certifications: 8, CertificationsComplete: 8, Reviewers: 7, ReviewItems: 310, Permissions: 120, Tasks: 2, Requests: 1472},
		Decisions: []Standing{
			{RunID: 1, StartedAt: night1, Status: StatusSealed, OtherScope: true, Approved: 40, Revoked: 6, Undecided: 264},
			{RunID: 2, StartedAt: night2, Status: status, Approved: 152, Revoked: 33, Undecided: 119},
		},
	}
}

func hexID(kind string, n int) string { return fmt.Sprintf("%s%030x", kind, 0xabcdef12345678+n*7919) }

// base gives a row the columns every view has.
func base(row map[string]any) map[string]any {
	row["tenant"], row["run_id"] = "acme", int64(2)
	if _, ok := row["captured_run_id"]; !ok {
		row["captured_run_id"] = int64(2)
	}
	return row
}

// plausibleSource is a quarterly manager campaign: certs certifications of items items each. In a partial night the
// last certification was refused.
func plausibleSource(certs, items int, partial bool) fakeSource {
	people := []string{"Amara Okafor", "Benoît Lefèvre", "Chen Wei", "Dana Petrović", "Elif Yılmaz", "Farid Haddad", "Greta Lindqvist", "Hiro Tanaka"}
	access := []string{"SAP_FI_POSTING", "Domain Admins", "VPN-Users", "Payroll – read", "GitHub maintainers", "CN=Finance,OU=Groups,DC=acme,DC=example"}
	rows := map[string][]map[string]any{}
	add := func(view string, row map[string]any) { rows[view] = append(rows[view], base(row)) }
	for c := range certs {
		cert := hexID("c1", c)
		reviewer := people[c%len(people)]
		outcome, captured := "COMPLETE", int64(2)
		if partial && c == certs-1 {
			outcome, captured = "FAILED", 1
		}
		for _, collection := range []string{"certification", "permissions", "review_items", "reviewers"} {
			row := map[string]any{
				"certification_id": cert, "collection": collection, "outcome": "COMPLETE", "expected": int64(items), "read": int64(items),
				"distinct_read": int64(items), "attempts": int64(1), "params_sha256": strings.Repeat("7d", 32),
				"read_at": night2.Add(time.Duration(c) * time.Minute),
			}
			if outcome != "COMPLETE" && (collection == "review_items" || collection == "permissions") {
				row["outcome"], row["captured_run_id"], row["attempts"] = outcome, captured, int64(3)
				row["http_status"], row["detail_code"], row["tracking_id"] = int64(500), "500.0 Internal error", "d1b2c3"+cert[6:]
				row["expected"], row["read"], row["distinct_read"] = nil, nil, nil
				row["error"] = "list review items of certification " + cert + ": status 500 after 5 tries: an internal fault occurred"
			}
			add(viewCoverage, row)
		}
		add("reviewer_totals", map[string]any{
			"reviewer_id": hexID("1d", c), "reviewer_name": reviewer, "certifications": int64(1), "items": int64(items), "decided": int64(items / 2),
			"approved": int64(items/2 - 1), "revoked": int64(1), "approved_percent": int64(80), "revoked_percent": int64(20),
			"privileged_approved": int64(2), "own_items": int64(0), "late_certifications": int64(0),
		})
		if c == 1 {
			add("reassignments", map[string]any{
				"certification_id": cert, "name": "Manager Certification – " + reviewer, "reassigned_from_id": hexID("c1", 99), "from_reviewer_id": hexID("1d", 99),
				"from_reviewer_name": "Ines Duarte", "to_reviewer_id": hexID("1d", c), "to_reviewer_name": reviewer, "reassignment_comment": "on leave",
				"reassignments": int64(1), "original_certification_id": hexID("c1", 99), "original_reviewer_id": hexID("1d", 99),
				"original_reviewer_name": "Ines Duarte", "last_seen_without_at": night1, "first_seen_at": night2, "due": night2.AddDate(0, 0, 20),
				"days_before_due": int64(20), "lands_on_subject": false,
			})
		}
		add("revocations", map[string]any{
			"certification_id": cert, "item_id": hexID("17", c*items), "identity_id": hexID("1d", c+40), "identity_name": people[(c+3)%len(people)],
			"access_type": "ENTITLEMENT", "access_id": hexID("ac", c), "access_name": access[c%len(access)], "source_name": "Active Directory",
			"account_native_identity": "CN=" + people[(c+3)%len(people)], "reviewer_id": hexID("1d", c), "reviewer_name": reviewer, "signed": night1,
			"state": "STILL PRESENT", "seen_in_certification_id": hexID("c1", 98), "seen_at": night2, "days": int64(1),
		})
		add(viewCertifications, map[string]any{
			"certification_id": cert, "name": "Manager Certification – " + reviewer, "campaign_id": "campaign-q1", "campaign_name": "Q1 2026 Manager Campaign",
			"campaign_type": "MANAGER", "phase": "ACTIVE", "reviewer_id": hexID("1d", c), "reviewer_name": reviewer,
			"reviewer_email": strings.ToLower(strings.Fields(reviewer)[1]) + "@acme.example", "reviewer_type": "IDENTITY",
			"created": night1.AddDate(0, -1, 0), "modified": night2.Add(-5 * time.Hour), "due": night2.AddDate(0, 0, 20),
			"completed": false, "decisions_made": int64(items / 2), "decisions_total": int64(items),
			"identities_completed": int64(3), "identities_total": int64(8), "has_errors": false,
		})
		add("reviewers", map[string]any{"certification_id": cert, "reviewer_id": hexID("1d", c), "name": reviewer, "email": nil, "type": "IDENTITY"})
		for i := range items {
			item := hexID("17", c*items+i)
			row := map[string]any{
				"captured_run_id": captured, "certification_id": cert, "item_id": item, "identity_id": hexID("2e", i), "identity_name": people[(i+3)%len(people)],
				"access_type": "ENTITLEMENT", "access_id": hexID("ac", i%6), "access_name": access[i%6], "source_id": hexID("50", i%2),
				"source_name": []string{"Active Directory", "SAP ERP"}[i%2], "attribute": "memberOf", "value": access[i%6],
				"account_native_identity": fmt.Sprintf("%06d", 417+i), "privileged": i%6 == 1, "has_permissions": i%5 == 0, "new_access": i%7 == 0,
				"completed": i%2 == 0, "last_seen_undecided_at": night1,
			}
			if i%2 == 0 {
				row["decision"], row["first_seen_decided_at"] = "APPROVE", night2
			}
			if i%9 == 4 {
				row["decision"], row["first_seen_decided_at"] = "REVOKE", night2
				row["comments"] = "No longer needed since the move to the shared service centre; confirmed with the line manager by mail."
			}
			add("review_items", row)
			if i%5 == 0 {
				add("permissions", map[string]any{
					"captured_run_id": captured, "certification_id": cert, "item_id": item, "position": int64(0), "target": "SYSIBM.ACCOUNTS_" + fmt.Sprint(i), "rights": []string{"SELECT", "INSERT", "UPDATE"},
				})
			}
			if i%9 == 4 {
				add(viewChanges, map[string]any{
					"baseline_run_id": int64(1), "object": "review_item", "class": "DECIDED", "certification_id": cert, "object_id": item,
					"field": "decision", "after": "REVOKE", "decision_after": "REVOKE", "certification_name": "Manager Certification – " + reviewer,
					"identity_name": people[(i+3)%len(people)], "access_name": access[i%6], "last_seen_before_at": night1, "first_seen_after_at": night2,
				})
			}
		}
		if c == 0 {
			add("tasks", map[string]any{
				"task_id": "0503E000", "certification_id": cert, "target_type": "CERTIFICATION", "target_id": cert, "type": "REASSIGN", "status": "ERROR",
				"errors": []string{"The reviewer is not active.", "Nothing was reassigned."}, "created": night1, "first_seen_at": night1, "last_seen_at": night2,
			})
			add(viewChanges, map[string]any{
				"baseline_run_id": int64(1), "object": "task", "class": "TASK_FAILED", "certification_id": cert, "object_id": "0503E000",
				"field": "status", "before": "IN_PROGRESS", "after": "ERROR",
			})
		}
	}
	for _, collection := range []string{"campaigns", "certifications", "tasks"} {
		add(viewCoverage, map[string]any{"collection": collection, "outcome": "COMPLETE", "expected": int64(certs), "read": int64(certs), "distinct_read": int64(certs), "attempts": int64(1), "read_at": night2})
	}
	s := fakeSource{rows: rows}
	s.stand()
	return s
}

// stand tells, of what the rows show, how much was stored of each collection, and how everything stood at the
// baseline: the same objects, those undecided that were decided since.
func (s fakeSource) stand() {
	decided := map[any]bool{}
	for _, row := range s.rows[viewChanges] {
		if row["class"] == "DECIDED" {
			decided[row["object_id"]] = true
		}
	}
	shown, states := map[[2]any]int64{}, map[any]map[string]int64{}
	for view, collection := range map[string]string{
		viewCertifications: headerCollection, viewReviewers: viewReviewers, viewReviewItems: viewReviewItems, viewPermissions: viewPermissions, viewTasks: viewTasks,
	} {
		for _, row := range s.rows[view] {
			id := row["certification_id"]
			shown[[2]any{id, collection}]++
			shown[[2]any{nil, collection}]++
			if view != viewReviewItems {
				continue
			}
			if states[id] == nil {
				states[id] = map[string]int64{}
			}
			switch decision := row["decision"]; {
			case decision == nil || decided[row["item_id"]]:
				states[id]["undecided"]++
			case decision == "APPROVE":
				states[id]["approved"]++
			default:
				states[id]["revoked"]++
			}
		}
	}
	campaigns := map[any]map[string]any{}
	for _, row := range s.rows[viewCertifications] {
		campaigns[row["certification_id"]] = row
	}
	for _, row := range s.rows[viewCoverage] {
		id, collection := row["certification_id"], row["collection"]
		if row["stored"] == nil {
			row["stored"] = shown[[2]any{id, collection}]
		}
		balance := map[string]any{"certification_id": id, "collection": collection, "outcome": "COMPLETE", "stored": row["stored"]}
		if c := campaigns[id]; c != nil {
			balance["campaign_id"], balance["campaign_name"] = c["campaign_id"], c["campaign_name"]
		}
		if collection == viewReviewItems {
			for state, n := range states[id] {
				balance[state] = n
			}
		}
		s.rows["baseline "+viewBalances] = append(s.rows["baseline "+viewBalances], balance)
	}
	s.rows["baseline "+viewTasks] = s.rows[viewTasks]
}

// hostileTexts are texts that break files which are written carelessly.
func hostileTexts() []string {
	return []string{
		`=HYPERLINK("http://example.invalid","x")`, "+1+1", "-2", "@SUM(1)", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠x",
		" =1", "＃not a formula", "—dash", "",
		`comma, "quote", 'apostrophe'`, "line one\r\nline two\nline three\rend", " padded ", "  \n",
		"0503E000", "007", "1e5", "TRUE", "2026-03-01", "1/2",
		"a\x01b\x0bc\x1f", "nul-free \x7f", "\uFFFE\uFFFF", "came as \uFFFD", "bad utf-8 \xff\xc3",
		"_x000D_", "_x0041_x0042_", "_x005F_x000D_", "_xZZZZ_", "a_x0020_b",
		"<b>&amp;</b>]]>", "日本語 \U0001F600 العربية", strings.Repeat("\U0001F600", 3),
	}
}

// fullCells are texts that only just fit a cell.
func fullCells() []string {
	return []string{strings.Repeat("x", maxCellUnits), strings.Repeat("line\n", maxCellLines) + "end", strings.Repeat("\U0001F600", maxCellUnits/2)}
}

// tooLong are texts that do not fit a cell.
func tooLong() []string {
	return []string{strings.Repeat("é", maxCellUnits) + "!", strings.Repeat("line\n", 2*maxCellLines) + "end", strings.Repeat("\U0001F600", maxCellUnits/2+1)}
}

// hostileSource puts each text into every column of text of a row of each view.
func hostileSource(texts []string) fakeSource {
	rows := map[string][]map[string]any{}
	times := []time.Time{
		night2.Add(123456789), time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2026, 3, 29, 2, 30, 0, 0, time.FixedZone("east", 3*3600)),
	}
	for _, t := range tables() {
		for n, s := range texts {
			row := map[string]any{}
			for _, c := range t.Columns {
				if c.Name == "is_below" { // which would be on no sheet
					continue
				}
				switch c.Kind {
				case textKind, idKind:
					row[c.Name] = s
				case integerKind:
					row[c.Name] = []int64{0, -1, 1 << 53, 42}[n%4]
				case booleanKind:
					row[c.Name] = n%2 == 0
				case instantKind:
					row[c.Name] = times[n%len(times)]
				case listKind:
					row[c.Name] = [][]string{{s}, {}, {"a; b", "c"}}[n%3]
				}
				if n%11 == 10 {
					row[c.Name] = nil
				}
			}
			rows[t.View] = append(rows[t.View], row)
		}
	}
	return fakeSource{rows: rows}
}

func both() Settings {
	return Settings{Formats: []string{FormatXLSX, FormatCSV}, FormulaGuard: true, Findings: findings.Defaults()}
}

// noFindings are settings by which no rule finds anything.
func noFindings(s Settings) Settings {
	for _, rule := range findings.Rules() {
		s.Findings.Disabled = append(s.Findings.Disabled, rule.ID)
	}
	return s
}

// write seals a run over the rows of the source and renders it.
func write(ctx context.Context, dir string, run Run, src fakeSource, s Settings) (Result, error) {
	run, src = src.sealed(run)
	return Write(ctx, dir, run, src, s)
}

func mustWrite(t *testing.T, dir string, run Run, src fakeSource, s Settings) Result {
	t.Helper()
	res, err := write(t.Context(), dir, run, src, s)
	if err != nil {
		t.Fatal(err)
	}
	return res
}
