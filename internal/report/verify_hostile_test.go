package report

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What stands where a file should is told, and not followed, opened or waited for.
func TestVerifyOfHostileFolders(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	instead := func(name string, make func(path string) error) func(*nights) {
		return func(n *nights) {
			n.Helper()
			if err := os.RemoveAll(filepath.Join(n.folders[2], name)); err != nil {
				n.Fatal(err)
			}
			if err := make(filepath.Join(n.folders[2], name)); err != nil {
				n.Fatal(err)
			}
		}
	}
	link := func(path string) error { return os.Symlink(outside, path) }
	folder := func(path string) error { return os.MkdirAll(filepath.Join(path, "below"), 0o700) }
	pipe := func(path string) error { return syscall.Mkfifo(path, 0o600) }
	huge := func(path string) error {
		return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40)) // it takes no room
	}
	itself := func(n *nights) { // a link to a file that is right is no file all the same
		moved := filepath.Join(n.dir, "moved")
		path := filepath.Join(n.folders[2], "tasks.csv")
		if err := errors.Join(os.Rename(path, moved), os.Symlink(moved, path)); err != nil {
			n.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		tamper func(*nights)
		check  string
		want   string
	}{
		"a link to another file":            {instead("tasks.csv", link), "files", "tasks.csv: file: a symbolic link, not a file"},
		"a link to the file":                {itself, "files", "tasks.csv: file: a symbolic link, not a file"},
		"a link more":                       {instead("link", link), "files", "link: file: a symbolic link, not none of this name: the manifest does not list it"},
		"a folder more":                     {instead("x", folder), "files", "x: file: a folder, not none of this name: the manifest does not list it"},
		"a folder for a file":               {instead("tasks.csv", folder), "files", "tasks.csv: file: a folder, not a file"},
		"a pipe for a file":                 {instead("tasks.csv", pipe), "files", "tasks.csv: file: neither a file nor a folder, not a file"},
		"a file of a terabyte":              {instead("tasks.csv", huge), "files", "tasks.csv: bytes: 1099511627776, not 367"},
		"a file more of a terabyte":         {instead("x", huge), "files", "x: file: a file of 1,099,511,627,776 bytes, not none of this name: the manifest does not list it"},
		"a link for the seal":               {instead(sealName, link), "seal", "seal.jsonl: file: a symbolic link, not a file"},
		"a pipe for the seal":               {instead(sealName, pipe), "seal", "seal.jsonl: file: neither a file nor a folder, not a file"},
		"a pipe for coverage.csv":           {instead("coverage.csv", pipe), "coverage", "not checked: no coverage.csv to compare with the seal"},
		"a link for the manifest":           {instead(manifestName, link), "manifest", "manifest.json: file: a symbolic link, not a manifest as exporter writes it"},
		"a folder for the manifest":         {instead(manifestName, folder), "manifest", "manifest.json: file: a folder, not a manifest as exporter writes it"},
		"a pipe for the manifest":           {instead(manifestName, pipe), "manifest", "manifest.json: file: neither a file nor a folder, not a manifest as exporter writes it"},
		"a manifest of a terabyte":          {instead(manifestName, huge), "manifest", "manifest.json: file: 1,099,511,627,776 bytes, not a manifest as exporter writes it"},
		"a link for the signature":          {instead(signatureName, link), "signature", "manifest.json.minisig: file: a symbolic link, not a signature of the manifest"},
		"a pipe for the signature":          {instead(signatureName, pipe), "signature", "manifest.json.minisig: file: neither a file nor a folder, not a signature of the manifest"},
		"a signature of a terabyte":         {instead(signatureName, huge), "signature", "manifest.json.minisig: file: 1,099,511,627,776 bytes, not a signature of the manifest"},
		"a name in other letters":           {func(n *nights) { n.replace(2, manifestName, `"tasks.csv"`, `"TASKS.csv"`) }, "files", "TASKS.csv: file: nothing, not a file; tasks.csv: file: a file of 367 bytes, not none of this name: the manifest does not list it"},
		"a name that leads out":             {func(n *nights) { n.replace(2, manifestName, `"tasks.csv"`, `"../../outside"`) }, "manifest", `manifest.json: content: "../../outside" does not name a file of the folder, not a manifest as exporter writes it`},
		"a folder beside it that is a pipe": {func(n *nights) { n.gone(1); n.must(syscall.Mkfifo(n.folders[1], 0o600)) }, "chain", "not checked: no folder of an earlier run of acme is beside it"},
		"a pipe for a neighbour's manifest": {
			func(n *nights) {
				n.remove(1, manifestName)
				n.must(syscall.Mkfifo(filepath.Join(n.folders[1], manifestName), 0o600))
			},
			"chain", "not checked: no folder of an earlier run of acme is beside it; 1 folder there without a manifest that fits its name",
		},
		"a seal of a terabyte":         {instead(sealName, huge), "seal", "seal.jsonl: bytes: 1099511627776, not 4942"},
		"a coverage.csv of a terabyte": {instead("coverage.csv", huge), "coverage", "coverage.csv: content: a record is longer than 67,108,864 bytes, not a header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := threeNights(t)
			tt.tamper(n)
			for _, key := range []*PublicKey{nil, publicKey(t)} {
				if d := cmp.Diff(tt.want, strings.Join(results(n.verify(2, key))[tt.check], "; ")); d != "" {
					t.Errorf("with a key: %v (-want +got):\n%s", key != nil, d)
				}
			}
		})
	}
}

func (n *nights) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

func TestManifestsThatAreRefused(t *testing.T) {
	t.Parallel()
	n := threeNights(t)
	whole := string(readFile(t, n.folders[2], manifestName))
	if _, err := parseManifest([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ old, now, want string }{
		"empty":                         {whole, "", "EOF"},
		"cut":                           {"\n}\n", "\n", "EOF"},
		"a list":                        {whole, "[]", "cannot unmarshal array"},
		"null":                          {whole, "null", "run 0"},
		"nothing in it":                 {whole, "{}", "run 0"},
		"text behind it":                {"\n}\n", "\n}\n{}", "text behind its end"},
		"an unknown key":                {`"run":`, `"walk": 1, "run":`, `unknown field "walk"`},
		"a key twice":                   {`"run":`, `"run": 3, "run":`, `key "run" is given twice`},
		"a key of a file twice":         {`"rows":`, `"rows": 3, "rows":`, `key "rows" is given twice`},
		"a key in other letters":        {`"run":`, `"RUN":`, `unknown key "RUN"`},
		"a key in letters that look so": {`"status":`, "\"\u017ftatus\":", "unknown key \"\u017ftatus\""},
		"run 0":                         {`"run": 2`, `"run": 0`, "run 0"},
		"a run beyond numbers":          {`"run": 2`, `"run": 1e400`, "cannot unmarshal number"},
		"a run in words":                {`"run": 2`, `"run": "2"`, "cannot unmarshal string"},
		"no tenant":                     {`"tenant": "acme"`, `"tenant": ""`, "no tenant"},
		"a status of no report":         {`"PARTIAL"`, `"RUNNING"`, `status "RUNNING"`},
		"a root that is none":           {n.root(2), "abc", "root_sha256 \"abc\" is no SHA-256"},
		"a root in other letters":       {n.root(2), strings.ToUpper(n.root(2)), "is no SHA-256"},
		"a previous root that is none":  {n.root(1), n.root(1)[1:], "previous_root_sha256"},
		"a file twice":                  {`"tasks.csv"`, `"coverage.csv"`, `"coverage.csv" is listed twice`},
		"a file twice on some systems":  {`"tasks.csv"`, `"Coverage.csv"`, `"Coverage.csv" is listed twice`},
		"a file above":                  {`"tasks.csv"`, `"../tasks.csv"`, "does not name a file"},
		"a file below":                  {`"tasks.csv"`, `"x/tasks.csv"`, "does not name a file"},
		"a file anywhere":               {`"tasks.csv"`, `"/etc/passwd"`, "does not name a file"},
		"a file below on Windows":       {`"tasks.csv"`, `"x\\tasks.csv"`, "does not name a file"},
		"a stream on Windows":           {`"tasks.csv"`, `"tasks.csv:x"`, "does not name a file"},
		"the folder":                    {`"tasks.csv"`, `"."`, "does not name a file"},
		"the folder above":              {`"tasks.csv"`, `".."`, "does not name a file"},
		"a hidden file":                 {`"tasks.csv"`, `".tasks.csv"`, "does not name a file"},
		"no name":                       {`"tasks.csv"`, `""`, "does not name a file"},
		"a name of two lines":           {`"tasks.csv"`, `"tasks\n.csv"`, "does not name a file"},
		"a name with NUL":               {`"tasks.csv"`, `"tasks\u0000.csv"`, "does not name a file"},
		"a long name":                   {`"tasks.csv"`, `"` + strings.Repeat("x", 256) + `"`, "does not name a file"},
		"the manifest":                  {`"tasks.csv"`, `"Manifest.json"`, "does not name a file"},
		"its signature":                 {`"tasks.csv"`, `"manifest.json.minisig"`, "does not name a file"},
		"bytes below 0":                 {`"bytes": 367`, `"bytes": -1`, "cannot be"},
		"bytes beyond numbers":          {`"bytes": 367`, `"bytes": 9223372036854775808`, "cannot unmarshal number"},
		"a time that is none":           {`"started_at": "2026`, `"started_at": "26`, "parsing time"},
		"a deep one":                    {`"baseline": 1`, `"baseline": ` + strings.Repeat("[", 20000), "invalid character"},
	} {
		if !strings.Contains(whole, tt.old) {
			t.Errorf("%s: the manifest has no %q", name, tt.old)
		}
		m, err := parseManifest([]byte(strings.Replace(whole, tt.old, tt.now, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %+v, error %v; want one that says %q", name, m, err, tt.want)
		}
	}
}

// Earlier versions may have written less.
func TestManifestsMayLackWhatLaterOnesHave(t *testing.T) {
	t.Parallel()
	text := fmt.Sprintf(`{"tenant": "acme", "run": 1, "status": "SEALED", "root_sha256": %q, "files": []}`, forged)
	if m, err := parseManifest([]byte(text)); err != nil || m.Run != 1 {
		t.Errorf("%+v, error %v", m, err)
	}
}

// workbook is a zip of a workbook with one sheet of that XML.
func workbook(t *testing.T, sheet string, more ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	parts := append([]string{
		"xl/workbook.xml", `<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Tasks" r:id="a"/><sheet name="Other" r:id="b"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="a" Target="worksheets/sheet1.xml"/><Relationship Id="b" Target="/xl/worksheets/none.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml", sheet,
	}, more...)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err == nil {
			_, err = io.WriteString(w, parts[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRowsOfWorkbooksAreCounted(t *testing.T) {
	t.Parallel()
	const sheet = "xl/worksheets/sheet1.xml"
	// A row's beginning falls on every place of the reader's buffer.
	var long strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&long, `<row r="%d"><c t="inlineStr"><is><t>%s</t></is></c></row>`, i+1, strings.Repeat("&lt;row ", i%17))
	}
	for name, tt := range map[string]struct {
		book []byte
		rows int64
		want string // part of an error
	}{
		"rows":               {workbook(t, `<sheetData><row r="1"/><row r="2"><c/></row><row></row></sheetData>`), 2, ""},
		"many rows":          {workbook(t, `<sheetData>`+long.String()+`</sheetData>`), 4999, ""},
		"other elements":     {workbook(t, `<rowBreaks/><sheetData><row r="1"/><rows/></sheetData><row`), 0, ""},
		"no header":          {workbook(t, `<sheetData/>`), 0, ""},
		"a comment":          {workbook(t, `<sheetData><!-- <row/> --></sheetData>`), 0, "a comment or a section"},
		"a part twice":       {workbook(t, `<row/>`, sheet, `<row/><row/>`), 0, "two parts are named"},
		"no such part":       {bytes.ReplaceAll(workbook(t, `<row/>`), []byte(sheet), []byte("xl/worksheets/sheet2.xml")), 0, `no part "xl/worksheets/sheet1.xml"`},
		"no list of sheets":  {bytes.ReplaceAll(workbook(t, `<row/>`), []byte("xl/workbook.xml"), []byte("xl/workbook.xm_")), 0, `xl/workbook.xml: the workbook has no part`},
		"no workbook at all": {[]byte("PK\x03\x04"), 0, "not a valid zip file"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.xlsx"), tt.book, 0o600); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		counted := rowCount{}
		err = (&verifier{root: root}).countWorkbook(t.Context(), File{Name: "x.xlsx", Bytes: int64(len(tt.book))}, counted)
		if tt.want == "" && (err != nil || counted["tasks"] != tt.rows) {
			t.Errorf("%s: %v, error %v; want %d rows", name, counted, err, tt.rows)
		}
		if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tt.want)
		}
	}
}

// endless is CSV in a quote that is never closed.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	if e.read == 0 {
		copy(p, "a,b\r\n1,\"")
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestARecordThatNeverEndsIsGivenUp(t *testing.T) {
	t.Parallel()
	e := &endless{}
	const most = 1 << 20
	r := newRecords(e, most)
	_, err := r.next()
	if err == nil {
		_, err = r.next()
	}
	if err == nil || !strings.Contains(err.Error(), "a record is longer than") || e.read > 2*most {
		t.Errorf("error %v after %d bytes", err, e.read)
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	n := threeNights(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v, err := Verify(ctx, n.folders[2], nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, error %v; want %v", results(v), err, context.Canceled)
	}
}

// What cannot be read is neither well nor different.
func TestVerifyOfFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	for _, name := range []string{"tasks.csv", sealName, manifestName, signatureName} {
		n := threeNights(t)
		n.must(os.Chmod(filepath.Join(n.folders[2], name), 0))
		if v, err := Verify(t.Context(), n.folders[2], publicKey(t)); !errors.Is(err, os.ErrPermission) || errors.Is(err, ErrNoReport) {
			t.Errorf("%s: %v, error %v; want %v", name, results(v), err, os.ErrPermission)
		}
	}
}
