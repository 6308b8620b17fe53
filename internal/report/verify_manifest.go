package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"
)

// Limits of files that are read as a whole. Those of a report are far smaller.
const (
	maxManifest  = 1 << 20
	maxSignature = 1 << 14
)

// checkManifest reads the manifest. known is false where it cannot be relied on for the other checks.
func (v *verifier) checkManifest() (known bool, err error) {
	c := NewCheck("manifest")
	c.Covered = "its form"
	defer func() { v.add(c) }()
	const form = "a manifest as exporter writes it"
	text, what, err := readSmall(v.root, manifestName, maxManifest)
	if err != nil {
		return false, err
	}
	if what != "" {
		c.Differ(manifestName, "file", form, what)
		return false, nil
	}
	v.text = text
	m, wrong := parseManifest(text)
	if wrong != nil {
		c.Differ(manifestName, "content", form, wrong.Error())
		return false, nil
	}
	v.manifest = m
	v.found.Tenant, v.found.Run, v.found.Status = m.Tenant, m.Run, m.Status
	v.found.RootSHA256, v.found.PreviousRootSHA256 = m.RootSHA256, m.PreviousRootSHA256
	c.Covered = fmt.Sprintf("run %d of %s, %s; lists %s", m.Run, m.Tenant, m.Status, plural(int64(len(m.Files)), "file"))
	return true, nil
}

// readSmall reads a whole file of a folder. what says that there is something else: nothing, no file, or too much.
func readSmall(root *os.Root, name string, limit int64) (text []byte, what string, err error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "nothing", nil
	}
	if err != nil {
		return nil, "", err
	}
	if what := describe(info); what != "" {
		return nil, what, nil
	}
	if info.Size() > limit {
		return nil, plural(info.Size(), "byte"), nil
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	text, err = io.ReadAll(io.LimitReader(f, limit))
	return text, "", err
}

// parseManifest reads a manifest and refuses what another reader could take for something else: names it does not know,
// names given twice or in other letters, text behind the end, files that are not simply in the folder. What later
// versions have added may be missing.
func parseManifest(text []byte) (Manifest, error) {
	var m Manifest
	if err := plainKeys(text, isManifestKey); err != nil {
		return m, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return m, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return m, errors.New("text behind its end")
	}
	switch {
	case m.Run < 1:
		return m, fmt.Errorf("run %d: runs are counted from 1", m.Run)
	case m.Tenant == "":
		return m, errors.New("no tenant")
	case m.Status != StatusSealed && m.Status != StatusPartial:
		return m, fmt.Errorf("status %q: reports are of runs that are %s or %s", m.Status, StatusSealed, StatusPartial)
	case !isSHA256(m.RootSHA256):
		return m, fmt.Errorf("root_sha256 %q is no SHA-256", m.RootSHA256)
	case m.PreviousRootSHA256 != "" && !isSHA256(m.PreviousRootSHA256):
		return m, fmt.Errorf("previous_root_sha256 %q is no SHA-256", m.PreviousRootSHA256)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		switch fold := strings.ToLower(f.Name); {
		case !isFileName(f.Name):
			return m, fmt.Errorf("%q does not name a file of the folder", f.Name)
		case seen[fold]:
			return m, fmt.Errorf("%q is listed twice", f.Name)
		case f.Bytes < 0 || f.Rows < 0 || !isSHA256(f.SHA256):
			return m, fmt.Errorf("%q: bytes, rows or sha256 cannot be", f.Name)
		default:
			seen[fold] = true
		}
	}
	return m, nil
}

// isManifestKey tells whether a key is written as those of the manifest are: encoding/json would take ROOT_SHA256 for
// root_sha256, where other readers do not.
func isManifestKey(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

// plainKeys refuses JSON that has a key twice in an object, of which readers take one or the other, or a key that is not
// allowed; allowed nil: any is.
func plainKeys(text []byte, allowed func(string) bool) error {
	type scope struct {
		keys map[string]bool // nil: of an array
		key  bool            // a key is next
	}
	var open []scope
	dec := json.NewDecoder(bytes.NewReader(text))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var in *scope
		if len(open) > 0 {
			in = &open[len(open)-1]
		}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, scope{keys: map[string]bool{}, key: true})
				continue
			case '[':
				open = append(open, scope{})
				continue
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				continue
			}
			in = &open[len(open)-1]
		case string:
			if in != nil && in.key {
				if in.keys[t] {
					return fmt.Errorf("key %q is given twice", clip(t))
				}
				if allowed != nil && !allowed(t) {
					return fmt.Errorf("unknown key %q", clip(t))
				}
				in.keys[t], in.key = true, false
				continue
			}
		}
		if in != nil && in.keys != nil {
			in.key = true
		}
	}
}

func isSHA256(s string) bool {
	return len(s) == 64 && !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

// isFileName tells whether a name can only mean a file in the folder itself, on any system, and is neither the
// manifest's nor its signature's.
func isFileName(name string) bool {
	if name == "" || len(name) > 255 || name[0] == '.' || strings.ContainsAny(name, `/\:`) || strings.ContainsFunc(name, unicode.IsControl) {
		return false
	}
	return !strings.EqualFold(name, manifestName) && !strings.EqualFold(name, signatureName)
}

// checkFolder compares the folder's name with what the manifest makes it.
func (v *verifier) checkFolder() {
	c := NewCheck("folder")
	run := Run{ID: v.manifest.Run, Status: v.manifest.Status}
	want := runName(run) + suffix(run)
	c.Covered = "its name, by run and status: " + want
	if v.name != want {
		c.Differ(v.name, "name of the folder", want, v.name)
	}
	v.add(c)
}
