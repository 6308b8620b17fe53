package report

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"aead.dev/minisign"
	"github.com/google/go-cmp/cmp"
)

const (
	anyRoot = "SHA256"
	forged  = "abababababababababababababababababababababababababababababababab"
)

// oneHash makes differences of hashes the same in every writing of this test.
func oneHash(found map[string][]string) map[string][]string {
	hashes := regexp.MustCompile(`[0-9a-f]{64}`)
	for _, lines := range found {
		for i := range lines {
			lines[i] = hashes.ReplaceAllString(lines[i], anyRoot)
		}
	}
	return found
}

func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	const (
		otherSig = "manifest.json.minisig: signature: one of something else, or by another key, not one of this manifest and of the trusted comment"
		first    = "c10000000000000000abcdef12345678" // certification
		last     = "c10000000000000000abcdef12347567" // certification that run 2 did not prove
	)
	tests := map[string]struct {
		run    int // 0: 2
		tamper func(*nights)
		want   map[string][]string // without the signature's check
		signed string              // what that says; empty: it is well
	}{
		"a file more": {
			tamper: func(n *nights) { n.put(2, "notes.txt", "mine") },
			want:   map[string][]string{"files": {"notes.txt: file: a file of 4 bytes, not none of this name: the manifest does not list it"}},
		},
		"a hidden file more": {
			tamper: func(n *nights) { n.put(2, ".DS_Store", "") },
			want:   map[string][]string{"files": {".DS_Store: file: a file of 0 bytes, not none of this name: the manifest does not list it"}},
		},
		"a file less": {
			tamper: func(n *nights) { n.remove(2, "tasks.csv") },
			want:   map[string][]string{"files": {"tasks.csv: file: nothing, not a file"}},
		},
		"a file less, and in the manifest": {
			tamper: func(n *nights) { n.remove(2, "tasks.csv"); n.unlist(2, "tasks.csv") },
			want:   map[string][]string{}, // a report without it might have been ordered
			signed: otherSig,
		},
		"the seal less, and in the manifest": {
			tamper: func(n *nights) { n.remove(2, sealName); n.unlist(2, sealName) },
			want: map[string][]string{
				"seal":     {"seal.jsonl: file: nothing, not a file"},
				"coverage": {"not checked: no seal.jsonl to compare with"}, "totals": {"not checked: no seal.jsonl to compare with"},
			},
			signed: otherSig,
		},
		"an outcome in coverage.csv": {
			tamper: func(n *nights) { n.replace(2, "coverage.csv", "review_items,FAILED,", "review_items,COMPLETE,") },
			want: map[string][]string{
				"files":    {"coverage.csv: bytes: 2071, not 2069"},
				"coverage": {"coverage.csv: row 7, review_items of certification " + last + ", column outcome: COMPLETE, not FAILED"},
			},
		},
		"an outcome in coverage.csv, and the manifest": {
			tamper: func(n *nights) {
				n.replace(2, "coverage.csv", "review_items,FAILED,", "review_items,COMPLETE,")
				n.list(2, "coverage.csv", 0)
			},
			want:   map[string][]string{"coverage": {"coverage.csv: row 7, review_items of certification " + last + ", column outcome: COMPLETE, not FAILED"}},
			signed: otherSig,
		},
		"an outcome in coverage.csv, the seal, and the manifest": {
			tamper: func(n *nights) {
				n.replace(2, "coverage.csv", "review_items,FAILED,", "review_items,COMPLETE,")
				n.list(2, "coverage.csv", 0)
				// The seal has the permissions before them.
				n.replace(2, sealName, `"Outcome":"FAILED"`, `"Outcome":"COMPLETE"`)
				n.list(2, sealName, 0)
			},
			want: map[string][]string{
				"seal":     {"seal.jsonl: SHA-256, which is the root: SHA256, not SHA256"},
				"coverage": {"coverage.csv: row 6, permissions of certification " + last + ", column outcome: FAILED, not COMPLETE"},
			},
			signed: otherSig,
		},
		"the tenant in coverage.csv, and the manifest": {
			tamper: func(n *nights) {
				n.replace(2, "coverage.csv", "acme,2,", "acne,2,")
				n.list(2, "coverage.csv", 0)
			},
			want:   map[string][]string{"coverage": {"coverage.csv: row 1, certification of certification " + first + ", column tenant: acne, not acme"}},
			signed: otherSig,
		},
		"a column of coverage.csv, and the manifest": {
			tamper: func(n *nights) {
				n.replace(2, "coverage.csv", ",outcome,", ",income,")
				n.list(2, "coverage.csv", 0)
			},
			want:   map[string][]string{"coverage": {"coverage.csv: header: none, not a column outcome"}},
			signed: otherSig,
		},
		"a row of coverage.csv less, and in the manifest": {
			tamper: func(n *nights) { n.cut(2, "coverage.csv", -1); n.list(2, "coverage.csv", -1) },
			want: map[string][]string{
				"coverage": {"coverage.csv: rows: none behind row 10, not one of tasks of the run"},
				"totals":   {"coverage.csv: rows of coverage: 10, not 11, as sealed"},
			},
			signed: otherSig,
		},
		"a row of coverage.csv more, and in the manifest": {
			tamper: func(n *nights) { n.cut(2, "coverage.csv", 1); n.list(2, "coverage.csv", 1) },
			want: map[string][]string{
				"coverage": {"coverage.csv: rows: more, not 11"},
				"totals":   {"coverage.csv: rows of coverage: 12, not 11, as sealed"},
			},
			signed: otherSig,
		},
		"a row of review_items.csv less": {
			tamper: func(n *nights) { n.cut(2, "review_items.csv", -1) },
			want:   map[string][]string{"files": {"review_items.csv: bytes: 6674, not 6980"}},
		},
		"a row of review_items.csv less, but not in the manifest": {
			tamper: func(n *nights) { n.cut(2, "review_items.csv", -1); n.list(2, "review_items.csv", 0) },
			want: map[string][]string{
				"rows":   {"review_items.csv: rows: 19, not 20"},
				"totals": {"review_items.csv: rows of review_items: 19, not 20, as sealed"},
			},
			signed: otherSig,
		},
		"a row of review_items.csv less, and in the manifest": {
			tamper: func(n *nights) { n.cut(2, "review_items.csv", -1); n.list(2, "review_items.csv", -1) },
			want:   map[string][]string{"totals": {"review_items.csv: rows of review_items: 19, not 20, as sealed"}},
			signed: otherSig,
		},
		"rows of the workbook, in the manifest": {
			tamper: func(n *nights) { n.manifest(2, func(m *Manifest) { m.Files[0].Rows++ }) },
			want:   map[string][]string{"rows": {"audit-acme-run-000002-PARTIAL.xlsx: rows: 60, not 61"}},
			signed: otherSig,
		},
		"no CSV any more, but so listed": {
			tamper: func(n *nights) { n.put(2, "tasks.csv", "a,b\r\n1,\"2\r\n"); n.list(2, "tasks.csv", 0) },
			want: map[string][]string{
				"rows": {`tasks.csv: content: parse error on line 2, column 6: extraneous or missing " in quoted-field, not rows that can be counted`},
			},
			signed: otherSig,
		},
		"no workbook any more, but so listed": {
			tamper: func(n *nights) { n.put(2, n.files[2][0].Name, "PK"); n.list(2, n.files[2][0].Name, 0) },
			want: map[string][]string{
				"rows": {`audit-acme-run-000002-PARTIAL.xlsx: content: zip: not a valid zip file, not rows that can be counted`},
			},
			signed: otherSig,
		},
		// What nothing but a signature can find: cells other than those of the coverage, exchanged without a trace in
		// the manifest.
		"a decision, and the manifest": {
			tamper: func(n *nights) {
				n.replace(2, "review_items.csv", ",REVOKE,", ",APPROVE,")
				n.list(2, "review_items.csv", 0)
			},
			want:   map[string][]string{},
			signed: otherSig,
		},
		// Nor is there a trace in the folder of a run that was forged as a whole; but see the next.
		"an outcome everywhere, and the root": {
			tamper: func(n *nights) { n.forge(2) },
			want:   map[string][]string{},
			signed: otherSig,
		},
		"an outcome everywhere, and the root, in the run before": {
			run:    3,
			tamper: func(n *nights) { n.forge(2) },
			want:   map[string][]string{"chain": {"manifest.json: previous_root_sha256: SHA256, not SHA256, of run 2"}},
		},
		"PARTIAL to SEALED in the manifest": {
			tamper: func(n *nights) { n.replace(2, manifestName, StatusPartial, StatusSealed) },
			want: map[string][]string{
				"folder": {"run-000002-PARTIAL: name of the folder: run-000002-PARTIAL, not run-000002"},
				"seal":   {"manifest.json: status: SEALED, not PARTIAL"},
			},
			signed: otherSig,
		},
		"the run in the manifest": {
			tamper: func(n *nights) { n.manifest(2, func(m *Manifest) { m.Run = 3 }) },
			want: map[string][]string{
				"folder":   {"run-000002-PARTIAL: name of the folder: run-000002-PARTIAL, not run-000003-PARTIAL"},
				"seal":     {"manifest.json: run_id: 3, not 2"},
				"coverage": {"coverage.csv: row 1, certification of certification " + first + ", column run_id: 2, not 3"},
			},
			signed: otherSig,
		},
		"the time in the manifest": {
			tamper: func(n *nights) { n.manifest(2, func(m *Manifest) { m.StartedAt = m.StartedAt.AddDate(0, 0, -1) }) },
			want:   map[string][]string{"seal": {"manifest.json: started_at: 2026-03-01T02:15:00Z, not 2026-03-02T02:15:00Z"}},
			signed: otherSig,
		},
		"the root in the manifest": {
			tamper: func(n *nights) { n.manifest(2, func(m *Manifest) { m.RootSHA256 = forged }) },
			want:   map[string][]string{"seal": {"seal.jsonl: SHA-256, which is the root: SHA256, not SHA256"}},
			signed: otherSig,
		},
		"the previous root in the manifest": {
			tamper: func(n *nights) { n.manifest(2, func(m *Manifest) { m.PreviousRootSHA256 = forged }) },
			want: map[string][]string{
				"seal":  {"manifest.json: previous_root_sha256: SHA256, not SHA256"},
				"chain": {"manifest.json: previous_root_sha256: SHA256, not SHA256, of run 1"},
			},
			signed: otherSig,
		},
		"the previous root in the manifest and the seal": {
			tamper: func(n *nights) {
				n.replace(2, sealName, n.root(1), forged)
				n.list(2, sealName, 0)
				n.manifest(2, func(m *Manifest) { m.PreviousRootSHA256, m.RootSHA256 = forged, n.hash(2, sealName) })
			},
			want:   map[string][]string{"chain": {"manifest.json: previous_root_sha256: SHA256, not SHA256, of run 1"}},
			signed: otherSig,
		},
		"the folder's name": {
			tamper: func(n *nights) { n.move(2, "run-000002") },
			want:   map[string][]string{"folder": {"run-000002: name of the folder: run-000002, not run-000002-PARTIAL"}},
		},
		"two folders exchanged": {
			run: 3,
			tamper: func(n *nights) {
				n.move(3, "aside")
				n.move(1, "run-000003")
				n.move(3, "run-000001")
			},
			// This is run 3 in the folder of run 1.
			want: map[string][]string{"folder": {"run-000001: name of the folder: run-000001, not run-000003"}},
		},
		"another run's manifest, with its signature": {
			tamper: func(n *nights) { n.copy(3, manifestName, 2); n.copy(3, signatureName, 2) },
			want: map[string][]string{
				"folder": {"run-000002-PARTIAL: name of the folder: run-000002-PARTIAL, not run-000003"},
				"files":  {"!"}, "seal": {"!"}, "coverage": {"!"}, "totals": {"!"}, "chain": {"!"},
			},
		},
		"another run's signature": {
			tamper: func(n *nights) { n.copy(1, signatureName, 2) },
			want:   map[string][]string{},
			signed: otherSig,
		},
		"the trusted comment": {
			tamper: func(n *nights) { n.replace(2, signatureName, "run 2", "run 3") },
			want:   map[string][]string{},
			signed: otherSig,
		},
		"no signature any more": {
			tamper: func(n *nights) { n.remove(2, signatureName) },
			want:   map[string][]string{},
			signed: "manifest.json.minisig: file: nothing, not a signature of the manifest",
		},
		"no signature, but a file": {
			tamper: func(n *nights) { n.put(2, signatureName, "signed: me") },
			want:   map[string][]string{},
			signed: "manifest.json.minisig: content: minisign: invalid signature, not a signature of minisign",
		},
		"signed by another": {
			tamper: func(n *nights) {
				_, other, err := minisign.GenerateKey(nil)
				if err != nil {
					n.Fatal(err)
				}
				n.put(2, signatureName, string(minisign.Sign(other, readFile(n.T, n.folders[2], manifestName))))
			},
			want:   map[string][]string{},
			signed: "manifest.json.minisig: key: ID, not 61A064CECE4A7A2B",
		},
		"the run before is missing": {
			run:    3,
			tamper: func(n *nights) { n.gone(2) },
			want: map[string][]string{"chain": {"not checked: no folder beside it has the previous root SHA256; the nearest before is that of run 1, " +
				"and a finished run between may have none"}},
		},
		"all runs before are missing": {
			run:    3,
			tamper: func(n *nights) { n.gone(1); n.gone(2) },
			want:   map[string][]string{"chain": {"not checked: no folder of an earlier run of acme is beside it"}},
		},
		"the run before has another report": {
			run: 3,
			tamper: func(n *nights) {
				n.manifest(2, func(m *Manifest) { m.RootSHA256 = forged })
			},
			want: map[string][]string{"chain": {"manifest.json: previous_root_sha256: SHA256, not SHA256, of run 2"}},
		},
		"the run before has no manifest": {
			run:    3,
			tamper: func(n *nights) { n.remove(2, manifestName) },
			want: map[string][]string{"chain": {"not checked: no folder beside it has the previous root SHA256; the nearest before is that of run 1, " +
				"and a finished run between may have none; 1 folder there without a manifest that fits its name"}},
		},
		"the run before is left out of the chain": {
			run:    3,
			tamper: func(n *nights) { n.manifest(3, func(m *Manifest) { m.PreviousRootSHA256 = n.root(1) }) },
			want: map[string][]string{
				"seal":  {"manifest.json: previous_root_sha256: SHA256, not SHA256"},
				"chain": {"manifest.json: previous_root_sha256: SHA256, of run 1, not SHA256, of run 2, the last one before"},
			},
			signed: otherSig,
		},
		"the chain begins anew": {
			run:    3,
			tamper: func(n *nights) { n.manifest(3, func(m *Manifest) { m.PreviousRootSHA256 = "" }) },
			want: map[string][]string{
				"seal":  {"manifest.json: previous_root_sha256: , not SHA256"},
				"chain": {"manifest.json: previous_root_sha256: none, as of the first run, not the root of a run before: run 2 of acme is beside it"},
			},
			signed: otherSig,
		},
		"a neighbour of another tenant": {
			run:    3,
			tamper: func(n *nights) { n.manifest(2, func(m *Manifest) { m.Tenant = "other" }) },
			want: map[string][]string{"chain": {"not checked: no folder beside it has the previous root SHA256; the nearest before is that of run 1, " +
				"and a finished run between may have none"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := threeNights(t)
			run := max(tt.run, 2)
			tt.tamper(n)
			for _, key := range []*PublicKey{nil, publicKey(t)} {
				v := n.verify(run, key)
				got := oneHash(results(v))
				signature := strings.Join(got["signature"], "; ")
				delete(got, "signature")
				for check, lines := range tt.want {
					if lines[0] == "!" && len(got[check]) > 0 {
						got[check] = lines // there is a difference, and how many does not matter
					}
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("with a key: %v (-want +got):\n%s", key != nil, d)
				}
				want := tt.signed
				if key == nil {
					want = "not checked: signed, not checked: give --public-key"
					if _, err := os.Stat(filepath.Join(n.folders[run], signatureName)); err != nil {
						want = "not checked: not signed: nothing here shows who wrote the manifest"
					}
				}
				signature = regexp.MustCompile(`key: [0-9A-F]+,`).ReplaceAllString(signature, "key: ID,")
				if d := cmp.Diff(want, signature); d != "" {
					t.Errorf("signature, with a key: %v (-want +got):\n%s", key != nil, d)
				}
			}
		})
	}
}
