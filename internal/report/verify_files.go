package report

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
)

// checkFiles compares what is in the folder with what the manifest lists: every file, its bytes and its hash, and no
// other file. Those that are as listed go on to the count of their rows.
func (v *verifier) checkFiles(ctx context.Context) error {
	c := NewCheck("files")
	listed := map[string]bool{manifestName: true, signatureName: true}
	var bytes int64
	for _, f := range v.manifest.Files {
		listed[f.Name] = true
		found, err := v.compareFile(ctx, f)
		if err != nil {
			return err
		}
		if found != nil {
			c.Differ(f.Name, found.What, found.Expected, found.Found)
			continue
		}
		bytes += f.Bytes
		v.counted[f.Name] = rowCount{}
	}
	entries, err := fs.ReadDir(v.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !listed[e.Name()] {
			c.Differ(e.Name(), "file", "none of this name: the manifest does not list it", kindOf(e))
		}
	}
	c.Covered = fmt.Sprintf("%d of %s as listed, %s bytes by size and SHA-256",
		len(v.counted), plural(int64(len(v.manifest.Files)), "file"), count(bytes))
	if c.Result == CheckOK {
		c.Covered += "; no other file"
	}
	v.add(c)
	return nil
}

func kindOf(e fs.DirEntry) string {
	info, err := e.Info()
	if err != nil {
		return "one that cannot be looked at"
	}
	if what := describe(info); what != "" {
		return what
	}
	return "a file of " + plural(info.Size(), "byte")
}

// compareFile tells how a file differs from what the manifest lists; nil: it does not. A file of another size is not
// read, however large it is.
func (v *verifier) compareFile(ctx context.Context, f File) (*Mismatch, error) {
	info, err := v.root.Lstat(f.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Mismatch{What: "file", Expected: "a file", Found: "nothing"}, nil
	case err != nil:
		return nil, err
	case describe(info) != "":
		return &Mismatch{What: "file", Expected: "a file", Found: describe(info)}, nil
	case info.Size() != f.Bytes:
		return &Mismatch{What: "bytes", Expected: strconv.FormatInt(f.Bytes, 10), Found: strconv.FormatInt(info.Size(), 10)}, nil
	}
	o, err := v.open(ctx, f.Name)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	h := sha256.New()
	if _, err := io.Copy(h, o); err != nil {
		return nil, err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != f.SHA256 {
		return &Mismatch{What: "sha256", Expected: f.SHA256, Found: sum}, nil
	}
	return nil, nil
}

// checkRows counts the rows of the files that are as listed. A file that is another one is not counted: its rows would
// say nothing of the one that was listed.
func (v *verifier) checkRows(ctx context.Context) error {
	c := NewCheck("rows")
	var rows, files int64
	for _, f := range v.manifest.Files {
		counted, ok := v.counted[f.Name]
		if !ok {
			continue
		}
		var counter func(context.Context, File, rowCount) error
		switch path.Ext(f.Name) {
		case ".csv":
			counter = v.countCSV
		case ".jsonl":
			counter = v.countLines
		case ".xlsx":
			counter = v.countWorkbook
		default:
			continue
		}
		err := counter(ctx, f, counted)
		if err := unreadable(ctx, err); err != nil {
			return err
		}
		var sum int64
		for _, n := range counted {
			sum += n
		}
		switch {
		case err != nil:
			c.Differ(f.Name, "content", "rows that can be counted", err.Error())
			delete(v.counted, f.Name)
		case sum != f.Rows:
			c.Differ(f.Name, "rows", strconv.FormatInt(f.Rows, 10), strconv.FormatInt(sum, 10))
		default:
			files, rows = files+1, rows+sum
		}
	}
	c.Covered = fmt.Sprintf("%s counted in %d of %s", plural(rows, "row"), files, plural(int64(len(v.manifest.Files)), "file"))
	if len(v.counted) < len(v.manifest.Files) {
		c.Covered += "; not in those that are not as listed"
	}
	v.add(c)
	return nil
}

// countLines counts line feeds.
func (v *verifier) countLines(ctx context.Context, f File, counted rowCount) error {
	o, err := v.open(ctx, f.Name)
	if err != nil {
		return err
	}
	defer o.Close()
	lines := &lineCounter{w: io.Discard}
	_, err = io.Copy(lines, o)
	counted[""] = lines.n
	return err
}

// countCSV counts the records behind the header.
func (v *verifier) countCSV(ctx context.Context, f File, counted rowCount) error {
	o, err := v.open(ctx, f.Name)
	if err != nil {
		return err
	}
	defer o.Close()
	r := newRecords(o, maxRecord)
	if _, err := r.next(); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("there is no header")
		}
		return err
	}
	for {
		if _, err := r.next(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
		counted[""]++
	}
}

// maxRecord is how much text a record may have, by which a quote that is never closed is found.
const maxRecord = 64 << 20

// records reads CSV, with or without a byte order mark, a record at a time.
type records struct {
	csv   *csv.Reader
	limit *allowance
}

func newRecords(r io.Reader, most int) *records {
	limit := &allowance{r: r, most: most, left: most}
	b := bufio.NewReader(limit)
	if mark, _ := b.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = b.Discard(len(byteOrderMark)) // they are there
	}
	c := csv.NewReader(b)
	c.ReuseRecord = true
	return &records{c, limit}
}

// next gives the next record; it is good until the next call. io.EOF ends the file.
func (r *records) next() ([]string, error) {
	r.limit.left = r.limit.most
	return r.csv.Read()
}

// allowance is a reader that gives no more than is left of the most that a record may have.
type allowance struct {
	r          io.Reader
	most, left int
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.left == 0 {
		return 0, fmt.Errorf("a record is longer than %s bytes", count(int64(a.most)))
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}
