package db

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	sql := func(sql string) func(*office) { return func(o *office) { o.tamper(sql) } }
	forge := func(table, sql string) func(*office) { return func(o *office) { o.forge(table, sql) } }
	const dropRun = `DELETE FROM history.coverage WHERE run_id = %[1]d; DELETE FROM history.run WHERE run_id = %[1]d`
	const insertItem = `INSERT INTO history.review_item (tenant_id, certification_no, item_id, valid_from_run, digest, raw) VALUES (1, %d, 'x', %d, '', '{}')`
	tests := map[string]struct {
		tamper func(*office)
		want   Difference // What: a part of it
	}{
		"a character of a comment": {
			sql(`UPDATE history.review_item SET comments = 'fime' WHERE item_id = 'i' AND valid_from_run = 2`),
			Difference{"review_item", "a", "i", 2, "something in it was changed"},
		},
		"a comment, with its hash": {
			forge("review_item", `UPDATE history.review_item SET comments = 'fime' WHERE item_id = 'j' AND valid_from_run = 3`),
			Difference{"run", "", "", 4, "what was written since run 2"},
		},
		"a decision": {
			sql(`UPDATE history.review_item SET decision = 'REVOKE' WHERE item_id = 'i' AND valid_from_run = 2`),
			Difference{"review_item", "a", "i", 2, "something in it was changed"},
		},
		"an observed bound": {
			sql(`UPDATE history.review_item SET last_undecided_run = NULL WHERE item_id = 'i' AND valid_from_run = 2`),
			Difference{"review_item", "a", "i", 2, "something in it was changed"},
		},
		"raw": {
			sql(`UPDATE history.review_item SET raw = jsonb_set(raw, '{Fields,IdentityName}', '"Nobody"') WHERE item_id = 'j' AND valid_from_run = 1`),
			Difference{"review_item", "a", "j", 1, "something in it was changed"},
		},
		"a volatile field of raw": {
			sql(`UPDATE history.review_item SET raw = jsonb_set(raw, '{activityInsights,usageDays}', '2') WHERE item_id = 'k'`),
			Difference{"review_item", "a", "k", 1, "something in it was changed"},
		},
		"a header": {
			sql(`UPDATE history.certification SET due = now() WHERE certification_id = 'b'`),
			Difference{"certification", "b", "b", 1, "something in it was changed"},
		},
		"a reviewer": {
			sql(`UPDATE history.reviewer SET email = NULL`),
			Difference{"reviewer", "a", "r", 1, "something in it was changed"},
		},
		"a task": {
			sql(`UPDATE history.task SET status = 'ERROR' WHERE valid_from_run = 2`),
			Difference{"task", "", "t", 2, "something in it was changed"},
		},
		"a campaign": {
			sql(`UPDATE history.campaign SET created = created + interval '1 microsecond'`),
			Difference{"campaign", "", "spring", 1, "something in it was changed"},
		},
		"a row's hash": {
			sql(`UPDATE history.item_permissions SET row_sha256 = sha256('') WHERE item_id = 'j'`),
			Difference{"item_permissions", "a", "j", 1, "something in it was changed"},
		},
		"ids of two rows": {
			sql(`UPDATE history.review_item SET item_id = 'other' WHERE item_id = 'i' AND certification_no = 1;
				UPDATE history.review_item SET item_id = 'i' WHERE item_id = 'j' AND certification_no = 1;
				UPDATE history.review_item SET item_id = 'j' WHERE item_id = 'other'`),
			Difference{"review_item", "a", "i", 1, "first of 5 such rows"},
		},
		"a row deleted": {
			sql(`DELETE FROM history.review_item WHERE item_id = 'k'`),
			Difference{"review_item", "a", "", 1, "run 1 proved 3 rows, and 2 are valid at it"},
		},
		"a task deleted": {
			sql(`DELETE FROM history.task`),
			Difference{"task", "", "", 1, "run 1 proved 1 rows, and 0 are valid at it"},
		},
		"a row inserted": {
			sql(`SET LOCAL session_replication_role = origin; ` + fmt.Sprintf(insertItem, 1, 4)),
			Difference{"review_item", "a", "", 4, "run 4 proved 2 rows, and 3 are valid at it"},
		},
		"a row inserted at a run that is missing": {
			sql(`SET LOCAL session_replication_role = origin; ` + fmt.Sprintf(insertItem, 1, 0)),
			Difference{"review_item", "a", "x", 0, "begins with run 0, which is missing"},
		},
		"a row inserted where nothing was proved": {
			sql(`SET LOCAL session_replication_role = origin; INSERT INTO history.reviewer (tenant_id, certification_no, reviewer_id, valid_from_run, digest, raw) VALUES (1, 1, 'x', 4, '', '{}')`),
			Difference{"reviewer", "a", "x", 4, "begins with run 4, which did not prove the list it is in"},
		},
		"a row inserted of nobody": {
			sql(`SET LOCAL session_replication_role = origin; ` + fmt.Sprintf(insertItem, 99, 2)),
			Difference{"run", "", "", 2, "what was written since run 1"},
		},
		"a row exchanged": {
			forge("reviewer", `UPDATE history.reviewer SET reviewer_id = 's'`),
			Difference{"reviewer", "a", "", 1, "the rows valid at run 1 are not those it proved"},
		},
		"an end taken back": {
			sql(`UPDATE history.review_item SET valid_to_run = NULL WHERE item_id = 'k'`),
			Difference{"review_item", "a", "", 4, "run 4 proved 2 rows, and 3 are valid at it"},
		},
		"an end put off": {
			sql(`UPDATE history.review_item SET valid_to_run = 5 WHERE item_id = 'k'`),
			Difference{"review_item", "a", "", 4, "run 4 proved 2 rows, and 3 are valid at it"},
		},
		"an end put off beyond the next version": {
			sql(`UPDATE history.review_item SET valid_to_run = 3 WHERE item_id = 'i' AND valid_to_run = 2`),
			Difference{"review_item", "a", "i", 2, "the one before holds still"},
		},
		"an end at a run that proved nothing of it": {
			sql(`UPDATE history.reviewer SET valid_to_run = 4`),
			Difference{"reviewer", "a", "r", 4, "ends with run 4, which did not prove the list it is in"},
		},
		"the end of a deleted certification": {
			sql(`UPDATE history.certification SET valid_to_run = 6 WHERE certification_id = 'b'`),
			Difference{"certification", "b", "b", 6, "ends with run 6, which did not prove"},
		},
		"a right": {
			sql(`UPDATE history.permission SET rights = '{write}' WHERE position = 1`),
			Difference{"permission", "", " position 1", 0, "something in it was changed"},
		},
		"a right, with its hash": {
			forge("permission", `UPDATE history.permission SET rights = '{write}' WHERE position = 1`),
			Difference{"permission", "", "", 0, "the permissions of the list are not those that were stored"},
		},
		"a permission deleted": {
			sql(`DELETE FROM history.permission WHERE position = 2`),
			Difference{"permission", "", "", 0, "the list has 2 permissions, and 3 were stored"},
		},
		"permissions in another place": {
			forge("permission", `UPDATE history.permission SET position = 7 WHERE position = 2`),
			Difference{"permission", "", "", 0, "the positions of the list"},
		},
		"a permission set deleted": {
			sql(`DELETE FROM history.permission_set WHERE size = 0`),
			Difference{"item_permissions", "a", "j", 1, "is missing"},
		},
		"an outcome": {
			sql(`UPDATE history.coverage SET outcome = 'COMPLETE' WHERE outcome = 'FORBIDDEN'`),
			Difference{"coverage", "a", "reviewers", 4, "something in it was changed"},
		},
		"an outcome, with its hash": {
			forge("coverage", `UPDATE history.coverage SET outcome = 'COMPLETE' WHERE outcome = 'FORBIDDEN'`),
			Difference{"run", "", "", 4, "its facts or its coverage"},
		},
		"the outcome of an interrupted run, with its hash": {
			forge("coverage", `UPDATE history.coverage SET outcome = 'FORBIDDEN' WHERE run_id = 3 AND collection = 'reviewers'`),
			Difference{"run", "", "", 4, "what was written since run 2"},
		},
		"coverage deleted": {
			sql(`DELETE FROM history.coverage WHERE run_id = 6 AND collection = 'certification'`),
			Difference{"run", "", "", 6, "its facts or its coverage"},
		},
		"names of two certifications": {
			sql(`UPDATE history.known_certification SET certification_id = 'c' WHERE certification_id = 'a';
				UPDATE history.known_certification SET certification_id = 'a' WHERE certification_id = 'b';
				UPDATE history.known_certification SET certification_id = 'b' WHERE certification_id = 'c'`),
			Difference{"run", "", "", 1, "its facts or its coverage"},
		},
		"a counter": {
			sql(`UPDATE history.run SET review_items = 9 WHERE run_id = 2`),
			Difference{"run", "", "", 2, "its facts or its coverage"},
		},
		"the error of an interrupted run": {
			sql(`UPDATE history.run SET error = '' WHERE run_id = 3`),
			Difference{"run", "", "", 4, "what was written since run 2"},
		},
		"PARTIAL to SEALED": {
			sql(`UPDATE history.run SET status = 'SEALED' WHERE run_id = 4`),
			Difference{"run", "", "", 4, "its facts or its coverage"},
		},
		"SEALED to FAILED": {
			sql(`UPDATE history.run SET status = 'FAILED' WHERE run_id = 6`),
			Difference{"run", "", "", 6, "its status was changed"},
		},
		"SEALED to FAILED without a root": {
			sql(`UPDATE history.run SET status = 'FAILED', root_sha256 = NULL WHERE run_id = 2`),
			Difference{"run", "", "", 4, "run 1 before it"},
		},
		"INTERRUPTED to SEALED": {
			sql(`UPDATE history.run SET status = 'SEALED' WHERE run_id = 3`),
			Difference{"run", "", "", 3, "has no root"},
		},
		"a root": {
			sql(`UPDATE history.run SET root_sha256 = 'x' WHERE run_id = 6`),
			Difference{"run", "", "", 6, "its facts or its coverage"},
		},
		"the hash of what was written": {
			sql(`UPDATE history.run SET written_sha256 = NULL WHERE run_id = 6`),
			Difference{"run", "", "", 6, "its facts or its coverage"},
		},
		"a run in the middle dropped": {
			sql(fmt.Sprintf(dropRun, 5)),
			Difference{"run", "", "", 6, "a run between them is missing"},
		},
		"the first run dropped": {
			sql(fmt.Sprintf(dropRun, 1)),
			Difference{"run", "", "", 2, "there is no finished run before it"},
		},
		"the first run in its place": {
			sql(`UPDATE history.run SET previous_root_sha256 = NULL WHERE run_id = 2`),
			Difference{"run", "", "", 2, "was sealed as the first"},
		},
		"an interrupted run dropped": {
			sql(fmt.Sprintf(dropRun, 3)),
			Difference{"review_item", "a", "j", 3, "ends with run 3, which is missing"},
		},
		"the newest run dropped, but for its coverage": {
			sql(`DELETE FROM history.run WHERE run_id = 6`),
			Difference{"run", "", "", 6, "its coverage is there"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := sixNights(t)
			o.verifies(nil)
			test.tamper(o)
			got := o.verify(nil).Difference
			if got == nil {
				t.Fatal("nothing was found")
			}
			whole, part := got.What, test.want.What
			got.What, test.want.What = "", ""
			if got.Table == "permission" { // whose id is a hash
				got.ID = strings.TrimLeft(got.ID, "0123456789abcdef")
			}
			if diff := cmp.Diff(test.want, *got); diff != "" || !strings.Contains(whole, part) {
				t.Errorf("%q, want %q (-want +got):\n%s", whole, part, diff)
			}
		})
	}
}
