package db

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"exporter/internal/report"
	"exporter/internal/report/findings"
	"exporter/internal/snapshot"
)

// reportOf renders the files of a run against an earlier one.
func (o *office) reportOf(from, to int64) string {
	o.Helper()
	run, err := o.store.Run(o.Context(), o.tenant, to)
	o.fatal(err)
	described := report.Run{
		ID: run.ID, BaselineID: &from, Tenant: o.tenant.Name, Status: string(run.Status), StartedAt: run.StartedAt, FinishedAt: *run.FinishedAt,
		BaselineStartedAt: o.now.started[from], RootSHA256: *run.RootSHA256,
	}
	var res report.Result
	o.fatal(o.store.Read(o.Context(), o.tenant, to, &from, func(r *Reader) error {
		res, err = report.Write(o.Context(), o.TempDir(), described, r, report.Settings{Formats: []string{report.FormatCSV}, Findings: findings.Defaults()})
		return err
	}))
	return res.Folder
}

// rowsOfCSV reads a file of a report, each row by the names of its columns.
func (o *office) rowsOfCSV(name string) []map[string]string {
	o.Helper()
	data, err := os.ReadFile(name)
	o.fatal(err)
	all, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), "\uFEFF"))).ReadAll()
	o.fatal(err)
	var rows []map[string]string
	for _, fields := range all[1:] {
		row := map[string]string{}
		for i, v := range fields {
			row[all[0][i]] = v
		}
		rows = append(rows, row)
	}
	return rows
}

// Whatever happens to a tenant, every line of the roll-forward foots or says
// why it is not stated, and it is stated wherever both sides were proved.
func TestRollForwardFootsOnRandomNights(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	for i := range max(*seeds/3, 1) {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			o := officeOf(t, store, fmt.Sprintf("rolled-%d", seed))
			g := &chance{Rand: rand.New(rand.NewPCG(seed, 0)), w: newWorld()}
			var finished []int64
			for _, run := range g.nights(o, 7) {
				if o.after[run].finished[run] {
					finished = append(finished, run)
				}
			}
			for n, from := range finished {
				for _, to := range finished[n+1:] {
					o.foots(from, to)
					if t.Failed() {
						t.Logf("nights:\n%s", strings.Join(g.diary, "\n"))
						t.FailNow()
					}
				}
			}
		})
	}
}

// foots checks the roll-forward from one run to another, by the rows of the
// report itself.
func (o *office) foots(from, to int64) {
	o.Helper()
	folder := o.reportOf(from, to)
	partial := map[bool]bool{}
	for i, run := range []int64{from, to} {
		r, err := o.store.Run(o.Context(), o.tenant, run)
		o.fatal(err)
		partial[i == 1] = r.Status == "PARTIAL"
	}
	closing, stated := map[string]int64{}, true
	for _, row := range o.rowsOfCSV(filepath.Join(folder, "roll_forward.csv")) {
		where := fmt.Sprintf("from %d to %d: %s %s", from, to, row["object"], row["state"])
		number := func(name string) int64 {
			n, err := strconv.ParseInt(row[name], 10, 64)
			o.fatal(err)
			return n
		}
		switch why, ok := strings.CutPrefix(row["statement"], "not stated: "); {
		case ok:
			stated = false
			if why == "" || row["added"] != "" || row["removed"] != "" || row["difference"] != "" {
				o.Errorf("%s: %v", where, row)
			}
			if !partial[false] && !partial[true] && !strings.Contains(why, "moved") && !strings.Contains(why, "FORBIDDEN") {
				o.Errorf("%s: both runs are SEALED, and it is %s", where, row["statement"])
			}
		case row["statement"] == "foots":
			if number("opening")+number("added")-number("removed") != number("closing") || number("difference") != 0 {
				o.Errorf("%s: %v", where, row)
			}
			if row["state"] == "all" {
				closing[row["object"]] += number("closing")
			}
		default:
			o.Errorf("%s: %s: %v", where, row["statement"], row)
		}
	}
	if !stated {
		return
	}
	// What it closes with is what the files hold.
	for object, file := range map[string]string{
		"certification": "certifications", "reviewer": "reviewers", "review_item": "review_items", "permission": "permissions", "task": "tasks",
	} {
		if n := int64(len(o.rowsOfCSV(filepath.Join(folder, file+".csv")))); n != closing[object] {
			o.Errorf("from %d to %d: %s closes with %d, and %s.csv has %d rows", from, to, object, closing[object], file, n)
		}
	}
	// And each collection has as many rows as were stored of it.
	rows := map[[2]string]int64{}
	for _, file := range []string{"certifications", "reviewers", "review_items", "permissions"} {
		for _, row := range o.rowsOfCSV(filepath.Join(folder, file+".csv")) {
			rows[[2]string{row["certification_id"], file}]++
		}
	}
	for _, row := range o.rowsOfCSV(filepath.Join(folder, "coverage.csv")) {
		file := row["collection"]
		if row["certification_id"] == "" || row["outcome"] == "OUT_OF_SCOPE" || !slices.Contains([]string{"certification", "reviewers", "review_items", "permissions"}, file) {
			continue
		}
		if file == "certification" {
			file = "certifications"
		}
		if n := rows[[2]string{row["certification_id"], file}]; strconv.FormatInt(n, 10) != row["stored"] {
			o.Errorf("run %d: %s of %s: %s stored, %d rows", to, file, row["certification_id"], row["stored"], n)
		}
	}
}

// A number that was not proved is not printed as proved.
func TestRollForwardSaysWhyItIsNotStated(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a, b := newCert("a", newItem("i"), newItem("j")), newCert("b", newItem("k"))
	other := newCert("c", newItem("l"))
	other.editHeader(func(v *snapshot.Certification) { v.CampaignID = new("other") })
	w := newWorld(a, b, other)
	o.night(w) // 1
	a.decide("i", "REVOKE")
	other.decide("l", "APPROVE")
	other.items = append(other.items, newItem("m"))
	b.outcome["review_items"] = "FORBIDDEN"
	o.night(w) // 2
	lines := map[string]string{}
	for _, row := range o.rowsOfCSV(filepath.Join(o.reportOf(1, 2), "roll_forward.csv")) {
		if row["object"] == "review_item" || row["object"] == "permission" {
			lines[row["campaign_id"]+" "+row["object"]+" "+row["state"]] = strings.Join([]string{
				row["opening"], row["added"], row["removed"], row["closing"], row["statement"], row["by_class"]}, "|")
		}
	}
	const items = "|not stated: review_items not proved in this run: 1 certification FORBIDDEN|"
	for line, want := range map[string]string{
		"campaign review_item all":       "3|||" + items,
		"campaign review_item decided":   "0|||" + items,
		"campaign review_item approved":  "0|||" + items,
		"campaign review_item revoked":   "0|||" + items,
		"campaign review_item undecided": "3|||" + items,
		"campaign permission all":        "0||||not stated: permissions not proved in this run: 1 certification FORBIDDEN|",
		"other review_item all":          "1|1|0|2|foots|ADDED +1",
		"other review_item decided":      "0|1|0|1|foots|DECIDED +1",
		"other review_item approved":     "0|1|0|1|foots|DECIDED +1",
		"other review_item revoked":      "0|0|0|0|foots|",
		"other review_item undecided":    "1|1|1|1|foots|ADDED +1, DECIDED -1",
		"other permission all":           "0|0|0|0|foots|",
	} {
		if lines[line] != want {
			o.Errorf("%s: %q, want %q", line, lines[line], want)
		}
	}
	// Without the list of certifications, no campaign is known to be whole.
	w.outcome["certifications"] = "FAILED"
	o.night(w) // 3
	for _, row := range o.rowsOfCSV(filepath.Join(o.reportOf(2, 3), "roll_forward.csv")) {
		if !strings.Contains(row["statement"], "lists of the tenant not proved in this run: certifications FAILED") || row["closing"] != "" {
			o.Errorf("without the list: %v", row)
		}
	}
}

// What was deleted before the baseline is in no campaign, and makes none.
func TestRollForwardHasNoLinesOfNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	w := newWorld(newCert("a", newItem("i")), newCert("b"))
	o.night(w) // 1
	delete(w.certs, "b")
	o.night(w) // 2
	o.night(w) // 3
	for _, row := range o.rowsOfCSV(filepath.Join(o.reportOf(2, 3), "roll_forward.csv")) {
		if row["campaign_id"] != "campaign" {
			o.Errorf("line of no campaign: %v", row)
		}
	}
}
