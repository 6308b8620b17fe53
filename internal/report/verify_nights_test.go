package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// nights are the folders of three runs of a tenant, signed and chained: 1 SEALED, 2 PARTIAL, 3 SEALED.
type nights struct {
	*testing.T
	dir     string
	folders [4]string // by run
	files   [4][]File
}

// nightFiles are the files of three nights, by their path.
var nightFiles = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "nights-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s := both()
	if s.Key, err = ParseSigningKey([]byte(testSecretKey), ""); err != nil {
		return nil, err
	}
	previous := ""
	for id := int64(1); id <= 3; id++ {
		run := testRun(StatusSealed)
		if id == 2 {
			run = testRun(StatusPartial)
		}
		run.ID, run.PreviousRootSHA256 = id, previous
		if id == 1 {
			run.BaselineID = nil
		}
		run, src := plausibleSource(2, 10, id == 2).sealed(run)
		if _, err := Write(context.Background(), dir, run, src, s); err != nil {
			return nil, err
		}
		previous = run.RootSHA256
	}
	files := map[string][]byte{}
	return files, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[path], err = os.ReadFile(filepath.Join(dir, path))
		}
		return err
	})
})

func threeNights(t *testing.T) *nights {
	t.Helper()
	files, err := nightFiles()
	if err != nil {
		t.Fatal(err)
	}
	n := &nights{T: t, dir: t.TempDir()}
	for path, data := range files {
		path = filepath.Join(n.dir, path)
		n.must(os.MkdirAll(filepath.Dir(path), 0o700))
		n.must(os.WriteFile(path, data, 0o600))
	}
	for run, name := range []string{1: "run-000001", 2: "run-000002-PARTIAL", 3: "run-000003"} {
		n.folders[run] = filepath.Join(n.dir, "acme", name)
	}
	for run := 1; run <= 3; run++ {
		var m Manifest
		n.must(json.Unmarshal(readFile(t, n.folders[run], manifestName), &m))
		n.files[run] = m.Files
	}
	return n
}

func (n *nights) verify(run int, key *PublicKey) Verification {
	n.Helper()
	return mustVerify(n.T, n.folders[run], key)
}

func mustVerify(t testing.TB, dir string, key *PublicKey) Verification {
	t.Helper()
	v, err := Verify(t.Context(), dir, key)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func publicKey(t testing.TB) *PublicKey {
	t.Helper()
	k, err := ParsePublicKey(testPublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

// edit changes a file of a run.
func (n *nights) edit(run int, name string, f func([]byte) []byte) {
	n.Helper()
	path := filepath.Join(n.folders[run], name)
	if err := os.WriteFile(path, f(readFile(n.T, path)), 0o600); err != nil {
		n.Fatal(err)
	}
}

func (n *nights) replace(run int, name, old, now string) {
	n.Helper()
	n.edit(run, name, func(data []byte) []byte {
		if !bytes.Contains(data, []byte(old)) {
			n.Fatalf("%s has no %q", name, old)
		}
		return bytes.Replace(data, []byte(old), []byte(now), 1)
	})
}

// manifest writes the manifest of a run anew, as whoever tampers with it would; nothing signs it.
func (n *nights) manifest(run int, f func(*Manifest)) {
	n.Helper()
	n.edit(run, manifestName, func(data []byte) []byte {
		var m Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			n.Fatal(err)
		}
		f(&m)
		data, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			n.Fatal(err)
		}
		return append(data, '\n')
	})
}

// list enters a file as it now is into the manifest.
func (n *nights) list(run int, name string, rows int64) {
	n.Helper()
	data := readFile(n.T, n.folders[run], name)
	n.manifest(run, func(m *Manifest) {
		for i := range m.Files {
			if f := &m.Files[i]; f.Name == name {
				f.Bytes, f.SHA256 = int64(len(data)), fmt.Sprintf("%x", sha256.Sum256(data))
				f.Rows += rows
			}
		}
	})
}

func (n *nights) put(run int, name, text string) {
	n.Helper()
	if err := os.WriteFile(filepath.Join(n.folders[run], name), []byte(text), 0o600); err != nil {
		n.Fatal(err)
	}
}

func (n *nights) copy(from int, name string, to int) {
	n.Helper()
	n.put(to, name, string(readFile(n.T, n.folders[from], name)))
}

func (n *nights) remove(run int, name string) {
	n.Helper()
	if err := os.Remove(filepath.Join(n.folders[run], name)); err != nil {
		n.Fatal(err)
	}
}

func (n *nights) unlist(run int, name string) {
	n.Helper()
	n.manifest(run, func(m *Manifest) {
		m.Files = slices.DeleteFunc(m.Files, func(f File) bool { return f.Name == name })
	})
}

// cut takes the last row of a CSV file away, or repeats it.
func (n *nights) cut(run int, name string, by int) {
	n.Helper()
	n.edit(run, name, func(data []byte) []byte {
		lines := bytes.SplitAfter(data, []byte("\r\n"))
		lines = lines[:len(lines)-1] // behind the last CRLF
		last := lines[len(lines)-1]
		if by < 0 {
			lines = lines[:len(lines)-1]
		} else {
			lines = append(lines, last)
		}
		return bytes.Join(lines, nil)
	})
}

// move gives the folder of a run another name. Names follow the folder.
func (n *nights) move(run int, name string) {
	n.Helper()
	to := filepath.Join(n.dir, "acme", name)
	if err := os.Rename(n.folders[run], to); err != nil {
		n.Fatal(err)
	}
	n.folders[run] = to
}

func (n *nights) gone(run int) {
	n.Helper()
	if err := os.RemoveAll(n.folders[run]); err != nil {
		n.Fatal(err)
	}
}

// forge makes of the permissions that were not read ones that were, and all that tells of them fit.
func (n *nights) forge(run int) {
	n.Helper()
	n.replace(run, "coverage.csv", "permissions,FAILED,", "permissions,COMPLETE,")
	n.list(run, "coverage.csv", 0)
	n.replace(run, sealName, `"Outcome":"FAILED"`, `"Outcome":"COMPLETE"`)
	n.list(run, sealName, 0)
	n.manifest(run, func(m *Manifest) { m.RootSHA256 = n.root(run) })
}

func (n *nights) hash(run int, name string) string {
	n.Helper()
	return tree(n.T, n.folders[run])[name]
}

// root is that of a run, of which the seal is as it was.
func (n *nights) root(run int) string { return n.hash(run, sealName) }
