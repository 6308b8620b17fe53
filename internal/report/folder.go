package report

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const partialSuffix = "-PARTIAL"

// Reports name people and their access: nobody but the owner and the group reads them.
const (
	folderMode = 0o750
	fileMode   = 0o640
)

// folder is a report's folder in the making. It is filled beside its final place, as .<name>.new; a folder it
// replaces steps aside as .<name>.old until the new one stands. What a crash leaves of these is put right by the next
// newFolder for the run.
type folder struct {
	parent string // <dir>/<tenant>
	name   string // run-000002 or run-000002-PARTIAL
	plain  string // name without the suffix
	files  []File
	open   []io.Closer // every file created, for discard
}

func runName(run Run) string { return fmt.Sprintf("run-%06d", run.ID) }

func suffix(run Run) string {
	if run.Status == StatusPartial {
		return partialSuffix
	}
	return ""
}

// Folders finds the report folders of a tenant's run that lie in dir, whatever the run's status was when each was
// written.
func Folders(dir, tenant string, run int64) ([]string, error) {
	f := &folder{parent: filepath.Join(dir, tenant), plain: runName(Run{ID: run})}
	var found []string
	for _, name := range f.names() {
		path := filepath.Join(f.parent, name)
		st, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("find the report of run %d: %w", run, err)
		case st.IsDir():
			found = append(found, path)
		}
	}
	return found, nil
}

func newFolder(dir string, run Run) (*folder, error) {
	f := &folder{parent: filepath.Join(dir, run.Tenant), plain: runName(run)}
	f.name = f.plain + suffix(run)
	if err := os.MkdirAll(f.parent, folderMode); err != nil {
		return nil, err
	}
	if err := f.repair(); err != nil {
		return nil, fmt.Errorf("clean up after an earlier report: %w", err)
	}
	return f, os.Mkdir(f.making(), folderMode)
}

// path is where the report will be found, or a file of it.
func (f *folder) path(file ...string) string {
	return filepath.Join(append([]string{f.parent, f.name}, file...)...)
}

func (f *folder) making() string { return filepath.Join(f.parent, "."+f.plain+".new") }

// names are those the run's folder may have, by the status the run had when it was written.
func (f *folder) names() []string { return []string{f.plain, f.plain + partialSuffix} }

func (f *folder) aside(name string) string { return filepath.Join(f.parent, "."+name+".old") }

// repair puts back a folder that a crash caught stepping aside, and removes what else is left.
func (f *folder) repair() error {
	if err := os.RemoveAll(f.making()); err != nil {
		return err
	}
	standing := slices.ContainsFunc(f.names(), func(name string) bool {
		_, err := os.Lstat(filepath.Join(f.parent, name))
		return err == nil
	})
	for _, name := range f.names() {
		if !standing {
			err := os.Rename(f.aside(name), filepath.Join(f.parent, name))
			if err == nil {
				standing = true
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.RemoveAll(f.aside(name)); err != nil {
			return err
		}
	}
	return nil
}

// discard removes a folder that is not to be committed.
func (f *folder) discard() error {
	for _, o := range f.open {
		_ = o.Close() // most are closed already, and none is wanted any more
	}
	return os.RemoveAll(f.making())
}

// commit puts the folder in its place. Whatever fails before the new folder stands brings the old one back.
func (f *folder) commit() error {
	if err := syncDir(f.making()); err != nil {
		return err
	}
	var moved []string
	for _, name := range f.names() {
		err := os.Rename(filepath.Join(f.parent, name), f.aside(name))
		if err == nil {
			moved = append(moved, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, f.restore(moved))
		}
	}
	if err := os.Rename(f.making(), f.path()); err != nil {
		return errors.Join(err, f.restore(moved))
	}
	if err := syncDir(f.parent); err != nil {
		return err
	}
	for _, name := range moved {
		if err := os.RemoveAll(f.aside(name)); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) restore(moved []string) error {
	var errs []error
	for _, name := range moved {
		errs = append(errs, os.Rename(f.aside(name), filepath.Join(f.parent, name)))
	}
	return errors.Join(errs...)
}

// syncDir makes the entries of a directory survive a power cut.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// file is one file of the folder, hashed while it is written.
type file struct {
	f    *os.File
	w    *bufio.Writer
	sum  hash.Hash
	size int64
}

func (f *folder) create(name string) (*file, error) {
	o, err := f.openNew(name)
	if err != nil {
		return nil, err
	}
	return &file{f: o, w: bufio.NewWriterSize(o, 1<<18), sum: sha256.New()}, nil
}

func (f *folder) openNew(name string) (*os.File, error) {
	o, err := os.OpenFile(filepath.Join(f.making(), name), os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	f.open = append(f.open, o)
	return o, nil
}

func (o *file) Write(p []byte) (int, error) {
	o.sum.Write(p)
	o.size += int64(len(p))
	return o.w.Write(p)
}

// close ends a file, safely on disk, and describes it.
func (f *folder) close(o *file, rows int64) (File, error) {
	if err := errors.Join(o.w.Flush(), o.f.Sync(), o.f.Close()); err != nil {
		return File{}, err
	}
	return File{
		Name:   filepath.Base(o.f.Name()),
		Bytes:  o.size,
		Rows:   rows,
		SHA256: hex.EncodeToString(o.sum.Sum(nil)),
	}, nil
}

// add closes a file and enters it among the folder's files, by name.
func (f *folder) add(o *file, rows int64) error {
	d, err := f.close(o, rows)
	if err != nil {
		return err
	}
	f.files = append(f.files, d)
	slices.SortFunc(f.files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return nil
}
