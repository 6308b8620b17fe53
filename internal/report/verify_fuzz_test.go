package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func FuzzParseManifest(f *testing.F) {
	for _, text := range []string{
		"", "{}", `{"run": 1, "run": 2}`, `{"RUN": 1}`, `{"files": [{"name": "../x"}]}`, `{"baseline": [[{"a": {}}]]}`,
		fmt.Sprintf(`{"tenant": "a", "run": 1, "status": "SEALED", "root_sha256": %q, "files": [{"name": "x.csv", "sha256": %[1]q}]}`, forged),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if filepath.Base(file.Name) != file.Name || !filepath.IsLocal(file.Name) || file.Bytes < 0 || file.Rows < 0 {
				t.Errorf("taken for a file of the folder: %+v", file)
			}
		}
		// What one reader takes it for, another one has to: a plain one, and the same one of what was written again.
		var plain map[string]any
		if err := json.Unmarshal(text, &plain); err != nil || plain["root_sha256"] != m.RootSHA256 || plain["tenant"] != m.Tenant {
			t.Errorf("%v, and read otherwise %v: %v", m, plain, err)
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseManifest(again); err != nil {
			t.Errorf("written again: %v", err)
		}
	})
}

// FuzzVerify puts data into a file of a signed report, and, where relist says so, that file into the manifest.
func FuzzVerify(f *testing.F) {
	files := map[string][]byte{}
	run, src := plausibleSource(1, 3, true).sealed(firstRun())
	key, err := ParseSigningKey([]byte(testSecretKey), "")
	if err != nil {
		f.Fatal(err)
	}
	s := both()
	s.Key = key
	res, err := Write(f.Context(), f.TempDir(), run, src, s)
	if err != nil {
		f.Fatal(err)
	}
	names := []string{manifestName, signatureName, sealName, "coverage.csv", "tasks.csv", filepath.Base(res.Workbook)}
	entries, err := os.ReadDir(res.Folder)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(res.Folder, e.Name())); err != nil {
			f.Fatal(err)
		}
	}
	var manifest Manifest
	if err := json.Unmarshal(files[manifestName], &manifest); err != nil {
		f.Fatal(err)
	}
	for i, name := range names {
		for _, relist := range []bool{false, true} {
			f.Add(uint8(i), files[name], relist)
			f.Add(uint8(i), files[name][:len(files[name])/2], relist)
			f.Add(uint8(i), []byte{}, relist)
		}
	}
	public := publicKey(f)
	f.Fuzz(func(t *testing.T, which uint8, data []byte, relist bool) {
		dir := filepath.Join(t.TempDir(), filepath.Base(res.Folder))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		name := names[int(which)%len(names)]
		for n, content := range files {
			if n == name {
				content = data
			}
			if n == manifestName && relist && name != manifestName {
				content = listedAs(t, manifest, name, data)
			}
			if err := os.WriteFile(filepath.Join(dir, n), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		changed := !bytes.Equal(data, files[name])
		for _, key := range []*PublicKey{nil, public} {
			v := mustVerify(t, dir, key)
			switch {
			case !changed && !relist && v.Differs():
				t.Errorf("nothing was changed: %v", results(v))
			case changed && key != nil && name != signatureName && !v.Differs():
				t.Errorf("%s was changed: nothing was found", name)
			case changed && name == sealName && !v.Differs():
				t.Errorf("the seal was changed: nothing was found")
			}
		}
	})
}

func firstRun() Run {
	run := testRun(StatusPartial)
	run.ID, run.BaselineID, run.PreviousRootSHA256 = 1, nil, ""
	return run
}

// listedAs is the manifest with a file as it is now.
func listedAs(t *testing.T, m Manifest, name string, data []byte) []byte {
	t.Helper()
	m.Files = append([]File(nil), m.Files...)
	for i := range m.Files {
		if f := &m.Files[i]; f.Name == name {
			f.Bytes, f.SHA256 = int64(len(data)), fmt.Sprintf("%x", sha256.Sum256(data))
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}
