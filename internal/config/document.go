package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

var (
	// quoted finds what a message of the parser repeats of the document, which may be a secret.
	quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

	// keyForm is what a key looks like. Another is not repeated in an error: where a colon is forgotten it holds a value.
	keyForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,39}$`)
)

// document is a configuration file taken apart: the values found by key, and where each stood.
type document struct {
	name     string
	known    map[string]bool     // keys of settings
	sections map[string][]string // names of the keys under each prefix of a setting's key, in order; "" is the root
	values   map[string]any
	at       map[string]origin
	problems []*problem
}

// read takes the file's text apart. The values are not yet decoded, all else that can be wrong with it is in problems.
func read(name string, data []byte, schema []setting) *document {
	d := &document{
		name:     name,
		known:    map[string]bool{},
		sections: map[string][]string{},
		values:   map[string]any{},
		at:       map[string]origin{},
	}
	for _, s := range schema {
		d.known[s.key] = true
		d.declare(s.key)
	}

	if !utf8.Valid(data) {
		d.fail(origin{name: name}, "", errors.New("must be text in UTF-8"))
		return d
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	// Duplicate keys are told here, each of them; the parser would stop at the first.
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return d
	}
	for i, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case i > 0:
			d.fail(d.origin(doc.Body), "", errors.New("must be one document; remove the separator ---"))
		default:
			d.section("", d.origin(doc.Body), doc.Body)
		}
	}
	return d
}

func (d *document) declare(key string) {
	section, name := "", key
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		section, name = key[:i], key[i+1:]
		if _, ok := d.sections[section]; !ok {
			d.declare(section)
		}
	}
	d.sections[section] = append(d.sections[section], name)
}

// section reads a mapping whose keys the schema knows. A section of which every key is left out is as good as none.
func (d *document) section(key string, at origin, n ast.Node) {
	if _, empty := n.(*ast.NullNode); empty {
		return
	}
	if _, ok := pairsOf(n); !ok {
		d.fail(at, key, errors.New("must be a mapping of these keys: "+strings.Join(d.sections[key], ", ")))
		return
	}
	for _, e := range d.entries(key, n) {
		if _, ok := d.sections[e.key]; ok {
			d.section(e.key, d.at[e.key], e.node)
		} else if d.known[e.key] {
			d.setting(e)
		} else {
			d.fail(d.at[e.key], e.key, errors.New("unknown key; the keys here are "+strings.Join(d.sections[key], ", ")))
		}
	}
}

func (d *document) setting(e entry) {
	problems := len(d.problems)
	if v := d.value(e.key, e.node); len(d.problems) == problems {
		d.values[e.key] = v
	}
}

// value makes plain Go of a node: nil, bool, string, int64, uint64, float64, []any or map[string]any.
func (d *document) value(key string, n ast.Node) any {
	switch n := n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.fail(d.at[key], key, errors.New("must not be an anchor, an alias or tagged; write the value itself"))
		return nil
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, item := range n.Values {
			d.at[key+index(i)] = d.origin(item)
			list[i] = d.value(key+index(i), item)
		}
		return list
	case ast.ScalarNode:
		return n.GetValue()
	}
	m := map[string]any{}
	for _, e := range d.entries(key, n) {
		m[e.name] = d.value(e.key, e.node)
	}
	return m
}

type entry struct {
	name string // within its mapping
	key  string // within the document
	node ast.Node
}

// entries lists a mapping and notes where each key stood. Of a key given twice the first counts.
func (d *document) entries(key string, n ast.Node) []entry {
	var list []entry
	seen := map[string]bool{}
	pairs, _ := pairsOf(n)
	for _, pair := range pairs {
		at := d.origin(pair.Key)
		e := entry{name: pair.Key.GetToken().Value, node: pair.Value}
		if !keyForm.MatchString(e.name) {
			d.fail(at, key, errors.New("must have keys of at most 40 letters, digits, - and _"))
			continue
		}
		e.key = strings.TrimPrefix(key+"."+e.name, ".")
		if seen[e.name] {
			d.fail(at, e.key, fmt.Errorf("given again, first on line %d; leave one of them out", d.at[e.key].line))
			continue
		}
		seen[e.name] = true
		d.at[e.key] = at
		list = append(list, e)
	}
	return list
}

func pairsOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func (d *document) origin(n ast.Node) origin {
	return d.line(n.GetToken().Position.Line)
}

func (d *document) line(line int) origin {
	return origin{name: fmt.Sprintf("%s:%d", d.name, line), line: line}
}

func (d *document) fail(at origin, key string, err error) {
	d.problems = append(d.problems, &problem{origin: at, key: key, err: err})
}

// syntax tells of text that is not YAML, in the parser's words less what they repeat of the text.
func (d *document) syntax(err error) {
	at, message := origin{name: d.name}, "must be YAML"
	if e, ok := errors.AsType[yaml.Error](err); ok {
		message = "must be YAML: " + quoted.ReplaceAllString(e.GetMessage(), "...")
		if t := e.GetToken(); t != nil {
			at = d.line(t.Position.Line)
		}
	}
	d.fail(at, "", errors.New(message))
}
