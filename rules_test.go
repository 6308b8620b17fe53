package exporter_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// The rules of the repository, held by tests. Each names file and line.

const module = "exporter/"

// layers are the packages from top to bottom. A package imports those of lower
// layers only.
func layers() [][]string {
	return [][]string{
		{"cmd/exporter"},
		{"internal/schedule"},
		{"internal/job", "internal/reassign"},
		{"internal/walk", "internal/report", "internal/db"},
		{"internal/fetch", "internal/delta"},
		{"internal/snapshot"},
	}
}

// importers are the packages beside the layers, with all that import them. They
// import no layer.
func importers() map[string][]string {
	return map[string][]string{
		"internal/config":          {"cmd/exporter"},
		"internal/simulator":       {"cmd/exporter"},
		"internal/report/findings": {"internal/report", "internal/job", "cmd/exporter"},
		"internal/db/embedded":     {"cmd/exporter", testDatabases},
		testDatabases:              {}, // tests may import everything
		"migrations":               {"internal/db", "internal/job"},
	}
}

const testDatabases = "internal/db/dbtest" // help for tests: the only code beside them that imports testing

func TestImportsRunDownwards(t *testing.T) {
	t.Parallel()
	eachFile(t, func(f sourceFile) {
		if f.test {
			return
		}
		if !known(f.dir) {
			t.Errorf("%s: package %s has no place among the layers", f.name, f.dir)
			return
		}
		for _, spec := range f.syntax.Imports {
			if target, ours := strings.CutPrefix(importPath(spec), module); ours && !mayImport(f.dir, target) {
				t.Errorf("%s: %s may not import %s", f.at(spec), f.dir, target)
			}
		}
	})
}

func known(dir string) bool {
	_, beside := importers()[dir]
	return beside || layer(dir) >= 0
}

func mayImport(dir, target string) bool {
	if by, beside := importers()[target]; beside {
		return slices.Contains(by, dir)
	}
	return layer(dir) >= 0 && layer(dir) < layer(target)
}

// layer is a package's place from the top, -1 for one that is beside them.
func layer(dir string) int {
	return slices.IndexFunc(layers(), func(packages []string) bool { return slices.Contains(packages, dir) })
}

func TestOnlyTestsImportTesting(t *testing.T) {
	t.Parallel()
	eachFile(t, func(f sourceFile) {
		for _, spec := range f.syntax.Imports {
			p := importPath(spec)
			if (p == "testing" || strings.HasPrefix(p, "testing/")) && !f.test && f.dir != testDatabases {
				t.Errorf("%s: imports %s, and is no test", f.at(spec), p)
			}
		}
	})
}

func TestNothingSleeps(t *testing.T) {
	t.Parallel()
	eachFile(t, func(f sourceFile) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Sleep" {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: time.Sleep: wait for what is to happen, or for the end of a context", f.at(s))
				}
			}
			return true
		})
	})
}

func TestPackagesHaveOneComment(t *testing.T) {
	t.Parallel()
	first, told := map[string]string{}, map[string]string{} // places, by package
	eachFile(t, func(f sourceFile) {
		if f.test {
			return
		}
		if first[f.dir] == "" {
			first[f.dir] = f.at(f.syntax)
		}
		if f.syntax.Doc == nil {
			return
		}
		if told[f.dir] != "" {
			t.Errorf("%s: package %s has a comment already, at %s", f.at(f.syntax.Doc), f.dir, told[f.dir])
		}
		told[f.dir] = f.at(f.syntax.Doc)
	})
	for dir, at := range first {
		if told[dir] == "" {
			t.Errorf("%s: package %s has no comment", at, dir)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	t.Parallel()
	eachFile(t, func(f sourceFile) {
		if f.test {
			return
		}
		for _, decl := range f.syntax.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: %s has no comment", f.at(name), name.Name)
			}
		}
	})
}

// undocumented gives the exported names of a declaration that no comment tells
// of: neither one of their own nor one of the group they are in.
func undocumented(decl ast.Decl) []*ast.Ident {
	var names []*ast.Ident
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && receiverExported(d) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return nil
		}
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Doc == nil && s.Comment == nil {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				if s.Doc == nil && s.Comment == nil {
					names = append(names, s.Names...)
				}
			}
		}
	}
	return slices.DeleteFunc(names, func(name *ast.Ident) bool { return !name.IsExported() })
}

// receiverExported tells whether a function can be seen from other packages. The
// methods by which a type is an error, printed or unmarshalled say nothing of
// their own.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	if slices.Contains([]string{"Error", "Unwrap", "Is", "String", "MarshalJSON", "UnmarshalJSON"}, d.Name.Name) {
		return false
	}
	receiver := d.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported()
}

func TestNothingIsLeftForLater(t *testing.T) {
	t.Parallel()
	later := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b`)
	eachPath(t, func(name string) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(data) {
			return
		}
		n := 0
		for line := range strings.Lines(string(data)) {
			n++
			if word := later.FindString(line); word != "" {
				t.Errorf("%s:%d: %s", name, n, word)
			}
		}
	})
}

// sourceFile is a Go file of the module.
type sourceFile struct {
	name, dir string // from the module's root
	test      bool
	syntax    *ast.File
	files     *token.FileSet
}

// at is a place in the file, as file:line.
func (f sourceFile) at(n ast.Node) string {
	return f.name + ":" + strconv.Itoa(f.files.Position(n.Pos()).Line)
}

func importPath(spec *ast.ImportSpec) string {
	return strings.Trim(spec.Path.Value, "`\"")
}

// eachFile parses every Go file of the module, those of other systems included.
func eachFile(t *testing.T, f func(sourceFile)) {
	t.Helper()
	eachPath(t, func(name string) {
		if path.Ext(name) != ".go" {
			return
		}
		files := token.NewFileSet()
		syntax, err := parser.ParseFile(files, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		f(sourceFile{name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), syntax: syntax, files: files})
	})
}

// eachPath calls f with every file of the module, by its path from the root.
// Reports and binaries that lie about are none.
func eachPath(t *testing.T, f func(name string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "reports"):
			return filepath.SkipDir
		case d.Type().IsRegular() && name != "exporter":
			f(filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
