package report

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEveryColumnIsDescribed(t *testing.T) {
	t.Parallel()
	for _, tab := range documented() {
		seen := map[string]bool{}
		for _, c := range tab.Columns {
			where := tab.View + "." + c.Name
			if c.Name == "" || c.Header == "" || c.Meaning == "" || c.Source == "" || c.Blank == "" {
				t.Errorf("%s lacks its name, header, meaning, source or what blank means", where)
			}
			if seen[c.Name] || seen[c.Header] {
				t.Errorf("%s: name or header is there twice", where)
			}
			seen[c.Name], seen[c.Header] = true, true
			if (c.Kind == instantKind) != strings.HasSuffix(c.Header, "(UTC)") {
				t.Errorf("%s: header %q: times and only times end in (UTC)", where, c.Header)
			}
			if l := lines(c.Header, int(c.Width)-filterButton); c.Place != csvOnly && (len(l) > 2 || strings.Join(l, " ") != c.Header) {
				t.Errorf("%s: width %v cuts the header beside its filter button: %q", where, c.Width, l)
			}
			if c.Kind == instantKind && c.Width < 20 {
				t.Errorf("%s: width %v shows a time as ####", where, c.Width)
			}
		}
	}
}

func TestChangesShowWhatHappenedAndToWhomFirst(t *testing.T) {
	t.Parallel()
	tab := changesTable()
	var got []string
	for _, i := range tab.onSheet() {
		got = append(got, tab.Columns[i].Name)
	}
	want := []string{
		"object", "class", "certification_name", "identity_name", "access_name", "field", "before", "after", "rows_below", "last_seen_before_at",
		"first_seen_after_at", "certification_id", "object_id",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("columns of the sheet (-want +got):\n%s", d)
	}
}

func TestSheetsHaveNamesThatFitWhenContinued(t *testing.T) {
	t.Parallel()
	for _, tab := range documented() {
		if n := len(tab.Sheet + " (9999)"); n > maxSheetName {
			t.Errorf("%s: continued name of %d characters", tab.Sheet, n)
		}
	}
}

// The names are a contract with whoever reads the files by program; a change here is a change of that contract.
func TestFilesHaveTheColumnsOfTheViews(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"coverage":        "tenant run_id certification_id collection outcome expected read distinct_read attempts captured_run_id params_sha256 http_status detail_code tracking_id error read_at note stored",
		"certifications":  "tenant run_id captured_run_id certification_id name campaign_id campaign_name campaign_type phase reviewer_id reviewer_name reviewer_email reviewer_type created modified due signed completed decisions_made decisions_total identities_completed identities_total reassigned_from_id reassigned_from_reviewer reassignment_comment has_errors error_message",
		"reviewers":       "tenant run_id captured_run_id certification_id reviewer_id name email type",
		"review_items":    "tenant run_id captured_run_id certification_id item_id identity_id identity_name access_type access_id access_name source_id source_name attribute value account_native_identity privileged has_permissions new_access completed decision comments last_seen_undecided_at first_seen_decided_at",
		"permissions":     "tenant run_id captured_run_id certification_id item_id position target rights",
		"tasks":           "tenant run_id captured_run_id task_id certification_id target_type target_id type status errors created first_seen_at last_seen_at",
		"reviewer_totals": "tenant run_id reviewer_id reviewer_name certifications items decided approved revoked privileged_approved own_items late_certifications",
		"reassignments":   "tenant run_id captured_run_id certification_id name reassigned_from_id from_reviewer_id from_reviewer_name to_reviewer_id to_reviewer_name reassignment_comment reassignments original_certification_id original_reviewer_id original_reviewer_name last_seen_without_at first_seen_at due lands_on_subject",
		"revocations":     "tenant run_id captured_run_id certification_id item_id identity_id identity_name access_type access_id access_name source_name account_native_identity reviewer_id reviewer_name signed state seen_in_certification_id seen_at days",
		"dictionary":      "sheet column name meaning type source blank",
		"changes":         "tenant baseline_run_id run_id object class certification_id object_id field before after",
		"roll_forward":    "tenant run_id baseline_run_id campaign_id campaign_name object state opening added removed closing difference statement by_class",
		"findings":        "tenant run_id rule severity object certification_id object_id detail threshold where_to_look version limits",
		"provenance":      "parameter value",
		"long_text":       "entry part parts sheet column record text",
	}
	got := map[string]string{}
	for _, tab := range documented() {
		got[tab.View] = strings.Join(tab.fileNames(), " ")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("columns (-want +got):\n%s", d)
	}
}

// The Dictionary tells of each column that the workbook and the files have, and of no other.
func TestDictionaryTellsOfEveryColumn(t *testing.T) {
	t.Parallel()
	src := plausibleSource(2, 10, false)
	src.rows[viewReviewItems][3]["comments"] = tooLong()[0] // for the sheet Long Text
	res := mustWrite(t, t.TempDir(), testRun(StatusSealed), src, both())
	xl := openBook(t, res.Workbook)
	rows, err := xl.GetRows("Dictionary")
	if err != nil {
		t.Fatal(err)
	}
	sheets, files := map[string][]string{}, map[string][]string{}
	for _, row := range rows[1:] {
		if row[1] != "" {
			sheets[row[0]] = append(sheets[row[0]], row[1])
		}
		if row[2] != "" {
			files[row[0]] = append(files[row[0]], row[2])
		}
		for i, cell := range row[3:] {
			if cell == "" {
				t.Errorf("%s %s: column %d is blank", row[0], row[1], i+3)
			}
		}
	}
	for _, sheet := range xl.GetSheetList()[1:] {
		header, err := xl.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(header[0], sheets[sheet]); d != "" {
			t.Errorf("sheet %s (-sheet +Dictionary):\n%s", sheet, d)
		}
	}
	for _, tab := range filed() {
		header := readCSV(t, filepath.Join(res.Folder, tab.View+".csv"))[0]
		slices.Sort(header)
		told := files[tab.Sheet]
		slices.Sort(told)
		if d := cmp.Diff(header, told); d != "" {
			t.Errorf("%s.csv (-file +Dictionary):\n%s", tab.View, d)
		}
	}
}
