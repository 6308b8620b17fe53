package report

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
)

// Verification is what of a report's folder was checked, and what was found.
type Verification struct {
	Folder             string  `json:"folder"`
	Tenant             string  `json:"tenant"` // this and what follows: as the manifest states it
	Run                int64   `json:"run_id"`
	Status             string  `json:"status"`
	RootSHA256         string  `json:"root_sha256"`
	PreviousRootSHA256 string  `json:"previous_root_sha256"`
	Checks             []Check `json:"checks"`
}

// Check is one thing that was checked.
type Check struct {
	Name        string     `json:"check"`
	Result      string     `json:"result"`      // CheckOK, CheckDiffers or CheckNone
	Covered     string     `json:"covered"`     // what was compared; where nothing was, why
	Differences []Mismatch `json:"differences"` // the first one of each file
}

// Results of a check.
const (
	CheckOK      = "ok"
	CheckDiffers = "differs"
	CheckNone    = "not checked"
)

// Mismatch is something in a file that is not as it has to be.
type Mismatch struct {
	File     string `json:"file"`
	What     string `json:"what"`
	Expected string `json:"expected"`
	Found    string `json:"found"`
}

// ErrNoReport says that a folder is not one of a report.
var ErrNoReport = errors.New("no folder of a report")

// Differs tells whether any check found a difference.
func (v Verification) Differs() bool {
	for _, c := range v.Checks {
		if c.Result == CheckDiffers {
			return true
		}
	}
	return false
}

// NewCheck begins a check that is well as long as it finds no difference.
func NewCheck(name string) *Check {
	return &Check{Name: name, Result: CheckOK, Differences: []Mismatch{}}
}

// Differ notes a difference, unless there is one of the file already.
func (c *Check) Differ(file, what, expected, found string) {
	c.Result = CheckDiffers
	for _, d := range c.Differences {
		if d.File == file {
			return
		}
	}
	expected, found = apart(expected, found)
	c.Differences = append(c.Differences, Mismatch{clip(file), clip(what), clip(expected), clip(found)})
}

// Skip says why nothing was checked.
func (c *Check) Skip(format string, args ...any) {
	c.Result, c.Covered = CheckNone, fmt.Sprintf(format, args...)
}

// mostShown is how much of a text a Mismatch repeats, in characters: what a hostile file says must not fill a screen.
const mostShown = 300

func clip(s string) string {
	if short := head(s, mostShown, mostShown); len(short) < len(s) {
		return short + "…"
	}
	return s
}

// apart cuts what two long texts begin with alike, so that clipping leaves where they differ.
func apart(a, b string) (string, string) {
	const before = 20
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	if same < mostShown/2 {
		return a, b
	}
	for same -= before; !utf8.RuneStart(a[same]); {
		same--
	}
	return "…" + a[same:], "…" + b[same:]
}

// Verify checks a report's folder against its manifest, and the manifest against the seal, the folders beside it and,
// where a key is given, its signature. It needs nothing but the files, and changes none. What it reads is not trusted:
// memory does not grow with the files, and nothing outside the folder is opened but manifests of folders beside it.
//
// What differs is in the Verification. An error says that the checks could not be made: ErrNoReport, a file that cannot
// be read, or the context's end.
func Verify(ctx context.Context, dir string, key *PublicKey) (Verification, error) {
	v, err := openVerifier(dir)
	if err != nil {
		return Verification{}, err
	}
	defer v.root.Close()
	v.key = key
	if err := v.verify(ctx); err != nil {
		return v.found, fmt.Errorf("verify %s: %w", dir, err)
	}
	return v.found, nil
}

// verifier is one verification of a folder.
type verifier struct {
	root   *os.Root
	parent string // path of the folder that this one is in
	name   string // of the folder
	key    *PublicKey

	text     []byte // of manifest.json
	manifest Manifest
	found    Verification

	counted map[string]rowCount // rows of the files that are as the manifest lists them
}

// rowCount is how many rows were counted in a file: of a workbook by view, else under the empty name.
type rowCount map[string]int64

func openVerifier(dir string) (*verifier, error) {
	// A link to a folder stands for it, so that its name and its neighbours are those of the folder.
	path, err := filepath.Abs(dir)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return nil, noReport(dir, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, noReport(dir, err)
	}
	v := &verifier{root: root, parent: filepath.Dir(path), name: filepath.Base(path), counted: map[string]rowCount{}}
	v.found = Verification{Folder: dir, Checks: []Check{}}
	if _, err := root.Lstat(manifestName); err != nil {
		_ = root.Close()
		return nil, noReport(dir, err)
	}
	return v, nil
}

// noReport tells a path that is no report's folder from one that cannot be looked into.
func noReport(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("verify %s: %w", dir, err)
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", filepath.Base(e.Path), e.Err)
	}
	return fmt.Errorf("%s: %w: %w", dir, ErrNoReport, err)
}

// verify makes the checks in the order in which each rests on those before it.
func (v *verifier) verify(ctx context.Context) error {
	known, err := v.checkManifest()
	if err != nil {
		return err
	}
	if !known {
		for _, name := range []string{"folder", "files", "rows", "seal", "coverage", "totals", "chain"} {
			c := NewCheck(name)
			c.Skip("the manifest cannot be relied on")
			v.add(c)
		}
		return v.checkSignature()
	}
	v.checkFolder()
	for _, check := range []func(context.Context) error{v.checkFiles, v.checkRows, v.checkSeal, v.checkChain} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return v.checkSignature()
}

func (v *verifier) add(c *Check) { v.found.Checks = append(v.found.Checks, *c) }

// open opens a file of the folder, which reads until ctx ends.
func (v *verifier) open(ctx context.Context, name string) (*openFile, error) {
	f, err := v.root.Open(name)
	if err != nil {
		return nil, err
	}
	return &openFile{ctx: ctx, f: f}, nil
}

type openFile struct {
	ctx context.Context // of the reading, which is over before the call that got it
	f   *os.File
}

func (f *openFile) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.f.Read(p)
}

func (f *openFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.f.ReadAt(p, at)
}

func (f *openFile) Close() error { return f.f.Close() }

// describe says what stands where a file should; empty for a file.
func describe(info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return ""
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode.IsDir():
		return "a folder"
	}
	return "neither a file nor a folder"
}

// insteadOfFile says what stands in the folder where a file should; empty for a file.
func (v *verifier) insteadOfFile(name string) (string, error) {
	info, err := v.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "nothing", nil
	}
	if err != nil {
		return "", err
	}
	return describe(info), nil
}

// unreadable is the error where a file could not be read, or not to its end, and nil where it was what it holds that
// made no sense.
func unreadable(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e
	}
	return nil
}
