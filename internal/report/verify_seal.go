package report

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxLine is how long a line of the seal may be: the facts of a run name all that its scope does.
const maxLine = 64 << 20

// checkSeal hashes the lines of the seal, and compares what they say with the manifest, with the coverage and with the
// rows that were counted.
func (v *verifier) checkSeal(ctx context.Context) error {
	seal, coverage, totals := NewCheck("seal"), NewCheck("coverage"), NewCheck("totals")
	err := v.readSeal(ctx, seal, coverage, totals)
	v.add(seal)
	v.add(coverage)
	v.add(totals)
	return err
}

func (v *verifier) readSeal(ctx context.Context, seal, coverage, totals *Check) error {
	seal.Covered = "SHA-256 of " + sealName + " against the root; the run's facts in it against the manifest"
	what, err := v.insteadOfFile(sealName)
	if err != nil {
		return err
	}
	if what != "" {
		seal.Differ(sealName, "file", "a file", what)
		coverage.Skip("no %s to compare with", sealName)
		totals.Skip("no %s to compare with", sealName)
		return nil
	}
	// One of another size is not read, however large it is; one of other content is, and tells what differs.
	listed, found, err := v.sizes(sealName)
	if err != nil {
		return err
	}
	if listed != found {
		seal.Differ(sealName, "bytes", listed, found)
		coverage.Skip("%s is not the one that is listed", sealName)
		totals.Skip("%s is not the one that is listed", sealName)
		return nil
	}
	o, err := v.open(ctx, sealName)
	if err != nil {
		return err
	}
	defer o.Close()
	s := newSealReader(o)
	facts, wrong := s.next()
	if errors.Is(wrong, io.EOF) {
		wrong = errors.New("no line")
	}
	if wrong == nil {
		v.compareFacts(seal, facts)
		wrong = v.compareCoverage(ctx, coverage, s)
	}
	if err := unreadable(ctx, wrong); err != nil {
		return err
	}
	root, err := s.root()
	if err != nil {
		return err
	}
	if root != v.manifest.RootSHA256 {
		seal.Differ(sealName, "SHA-256, which is the root", v.manifest.RootSHA256, root)
	}
	if wrong != nil {
		seal.Differ(sealName, "content", "the lines of a seal", wrong.Error())
		coverage.Skip("%s cannot be read", sealName)
		totals.Skip("%s cannot be read", sealName)
		return nil
	}
	v.compareTotals(totals, facts, s.lines-1)
	return nil
}

// sizes gives the bytes of a file as the manifest lists them and as they are.
func (v *verifier) sizes(name string) (listed, found string, err error) {
	info, err := v.root.Lstat(name)
	if err != nil {
		return "", "", err
	}
	listed = "a file that is listed"
	for _, f := range v.manifest.Files {
		if f.Name == name {
			listed = strconv.FormatInt(f.Bytes, 10)
		}
	}
	return listed, strconv.FormatInt(info.Size(), 10), nil
}

// compareFacts compares the run's facts as they were sealed with what the manifest says of the run.
func (v *verifier) compareFacts(c *Check, facts sealLine) {
	m := v.manifest
	for _, f := range []struct{ key, found string }{
		{"run_id", strconv.FormatInt(m.Run, 10)},
		{"tenant", m.Tenant},
		{"status", m.Status},
		{"previous_root_sha256", m.PreviousRootSHA256},
		{"started_at", m.StartedAt.UTC().Format(time.RFC3339Nano)},
		{"finished_at", m.FinishedAt.UTC().Format(time.RFC3339Nano)},
		{"scope_sha256", m.ScopeSHA256},
		{"config_sha256", m.ConfigSHA256},
		{"tool_version", m.ToolVersion},
	} {
		if sealed := facts.text(f.key); sealed != f.found {
			c.Differ(manifestName, f.key, sealed, f.found)
		}
	}
}

// compareTotals compares the rows that were counted with the totals that were sealed.
func (v *verifier) compareTotals(c *Check, facts sealLine, coverage int64) {
	sealed := []struct{ view, total string }{{viewCoverage, strconv.FormatInt(coverage, 10)}}
	for _, view := range []string{viewCertifications, "reviewers", "review_items", "permissions", "tasks"} {
		sealed = append(sealed, struct{ view, total string }{view, facts.text(view)})
	}
	var compared []string
	for _, f := range v.manifest.Files {
		counted, ok := v.counted[f.Name]
		if !ok {
			continue
		}
		workbook := strings.HasSuffix(f.Name, ".xlsx")
		for _, s := range sealed {
			found := counted[s.view]
			if !workbook {
				if f.Name != s.view+".csv" {
					continue
				}
				found = counted[""]
			}
			if s.total == "" { // nothing of it was sealed
				continue
			}
			if total := strconv.FormatInt(found, 10); total != s.total {
				c.Differ(f.Name, "rows of "+s.view, s.total+", as sealed", total)
			}
			if len(compared) == 0 || compared[len(compared)-1] != f.Name {
				compared = append(compared, f.Name)
			}
		}
	}
	if len(compared) == 0 {
		c.Skip("no file to count that is as listed")
		return
	}
	c.Covered = fmt.Sprintf("rows of %s against the totals that were sealed", plural(int64(len(compared)), "file"))
}

// sealReader reads the lines of a seal and hashes them.
type sealReader struct {
	all   io.Reader // what is read of it is hashed
	sum   hash.Hash
	scan  *bufio.Scanner
	lines int64
}

func newSealReader(r io.Reader) *sealReader {
	s := &sealReader{sum: sha256.New()}
	s.all = io.TeeReader(r, s.sum)
	s.scan = bufio.NewScanner(s.all)
	s.scan.Buffer(make([]byte, 0, 1<<16), maxLine)
	return s
}

// next gives the next line; io.EOF ends the file.
func (s *sealReader) next() (sealLine, error) {
	if !s.scan.Scan() {
		if err := s.scan.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	s.lines++
	var line sealLine
	err := plainKeys(s.scan.Bytes(), nil)
	if err == nil {
		err = json.Unmarshal(s.scan.Bytes(), &line)
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", s.lines, err)
	}
	return line, nil
}

// root is the hash of the whole file, read to its end.
func (s *sealReader) root() (string, error) {
	if _, err := io.Copy(io.Discard, s.all); err != nil {
		return "", err
	}
	return hex.EncodeToString(s.sum.Sum(nil)), nil
}

// sealLine is a line of the seal: a value a key.
type sealLine map[string]json.RawMessage

// text gives a value as CSV has it: nothing for null, a text without its quotes.
func (l sealLine) text(key string) string {
	raw := string(l[key])
	if raw == "null" {
		return ""
	}
	var s string
	if json.Unmarshal(l[key], &s) == nil {
		return s
	}
	return raw
}

// subject names the collection that a line of coverage is about.
func (l sealLine) subject() string {
	if id := l.text("Certification"); id != "" {
		return l.text("Collection") + " of certification " + id
	}
	return l.text("Collection") + " of the run"
}
