package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// results are the checks that did not just pass, with the differences or the reason.
func results(v Verification) map[string][]string {
	found := map[string][]string{}
	for _, c := range v.Checks {
		for _, d := range c.Differences {
			found[c.Name] = append(found[c.Name], fmt.Sprintf("%s: %s: %s, not %s", d.File, d.What, d.Found, d.Expected))
		}
		if c.Result == CheckNone {
			found[c.Name] = []string{"not checked: " + c.Covered}
		}
	}
	return found
}

func TestReportsVerify(t *testing.T) {
	t.Parallel()
	n := threeNights(t)
	for run := 1; run <= 3; run++ {
		v := n.verify(run, publicKey(t))
		if d := cmp.Diff(map[string][]string{}, results(v)); d != "" || v.Differs() {
			t.Errorf("run %d (-want +got):\n%s", run, d)
		}
		want := map[string][]string{"signature": {"not checked: signed, not checked: give --public-key"}}
		if d := cmp.Diff(want, results(n.verify(run, nil))); d != "" {
			t.Errorf("run %d without a key (-want +got):\n%s", run, d)
		}
	}
	text, err := json.MarshalIndent(n.verify(2, publicKey(t)), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "verify/partial.json", strings.ReplaceAll(string(text), n.dir, "DIR")+"\n")
}

func TestReportsOfEveryKindVerify(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, s := range hostileTexts() {
		if utf8.ValidString(s) { // what the database gives is
			texts = append(texts, s)
		}
	}
	hostile := hostileSource(append(texts, tooLong()...))
	wide := both()
	wide.limits.rows = 7
	plain := both()
	plain.FormulaGuard = false
	for name, tt := range map[string]struct {
		src fakeSource
		s   Settings
	}{
		"hostile texts":            {hostile, both()},
		"hostile texts, unguarded": {hostile, plain},
		"sheets that go on":        {plausibleSource(3, 10, false), wide},
		"xlsx":                     {plausibleSource(3, 10, false), Settings{Formats: []string{FormatXLSX}}},
		"csv":                      {plausibleSource(3, 10, false), Settings{Formats: []string{FormatCSV}}},
		"no rows":                  {fakeSource{}, both()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := testRun(StatusSealed)
			run.ID, run.PreviousRootSHA256 = 1, ""
			run.FinishedAt = run.FinishedAt.Add(123456 * time.Microsecond)
			got := results(mustVerify(t, mustWrite(t, t.TempDir(), run, tt.src, tt.s).Folder, nil))
			want := map[string][]string{"signature": {"not checked: not signed: nothing here shows who wrote the manifest"}}
			if name == "xlsx" {
				want["coverage"] = []string{"not checked: no coverage.csv to compare with the seal"}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Every file of a report, in every part of it, is bound by the manifest, and that by its signature.
func TestVerifyFindsAByteChangedInAnyFile(t *testing.T) {
	t.Parallel()
	n := threeNights(t)
	r := rand.New(rand.NewPCG(1, 2))
	files := append(slices.Clone(n.files[2]), File{Name: manifestName}, File{Name: signatureName})
	for _, f := range files {
		whole := readFile(t, n.folders[2], f.Name)
		check := "files"
		if f.Name == manifestName || f.Name == signatureName {
			check = "signature"
		}
		for name, changed := range map[string][]byte{
			"first byte":  flip(whole, 0),
			"some byte":   flip(whole, r.IntN(len(whole))),
			"last byte":   flip(whole, len(whole)-2), // behind which is a line feed, or the end of the zip's comment
			"a byte more": append(slices.Clone(whole), '\n'),
			"a byte less": whole[:len(whole)-2],
			"half of it":  whole[:len(whole)/2],
			"nothing":     {},
		} {
			if f.Name == signatureName && slices.Contains([]string{"first byte", "some byte", "a byte more"}, name) {
				continue // the untrusted comment is not signed, nor are line feeds at the end
			}
			n.edit(2, f.Name, func([]byte) []byte { return changed })
			if got := results(n.verify(2, publicKey(t))); len(got[check]) != 1 {
				t.Errorf("%s of %s: %v", name, f.Name, got)
			}
		}
		n.edit(2, f.Name, func([]byte) []byte { return whole })
	}
	if v := n.verify(2, publicKey(t)); v.Differs() {
		t.Errorf("put right again: %v", results(v))
	}
}

func flip(data []byte, i int) []byte {
	data = slices.Clone(data)
	data[i] ^= 1
	return data
}

// A folder may be named by any path that leads to it.
func TestVerifyFindsTheFolderByAnyPath(t *testing.T) {
	t.Parallel()
	n := threeNights(t)
	link := filepath.Join(t.TempDir(), "latest")
	if err := os.Symlink(n.folders[3], link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{link, n.folders[3] + "/", n.folders[3] + "/../run-000003/."} {
		if v := mustVerify(t, dir, publicKey(t)); len(results(v)) > 0 {
			t.Errorf("%s: %v", dir, results(v))
		}
	}
}

func TestVerifyRefusesWhatIsNoReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, file, filepath.Join(dir, "none"), filepath.Join(file, "below"), ""} {
		if v, err := Verify(t.Context(), path, nil); !errors.Is(err, ErrNoReport) {
			t.Errorf("%q: %v, error %v; want %v", path, v, err, ErrNoReport)
		}
	}
}

func TestVerifyFindsFaultsOnce(t *testing.T) {
	t.Parallel()
	c := NewCheck("files")
	long := strings.Repeat("é", 1000)
	c.Differ("a", "bytes", "1", "2")
	c.Differ("a", "sha256", "1", "2")
	c.Differ("b", "cell", long+"1", long+"2")
	c.Differ("c", "cell", long, "short")
	head := "…" + strings.Repeat("é", 10)
	want := []Mismatch{{"a", "bytes", "1", "2"}, {"b", "cell", head + "1", head + "2"}, {"c", "cell", strings.Repeat("é", mostShown) + "…", "short"}}
	if d := cmp.Diff(want, c.Differences); d != "" || c.Result != CheckDiffers {
		t.Errorf("%s (-want +got):\n%s", c.Result, d)
	}
}
