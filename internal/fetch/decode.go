package fetch

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"exporter/internal/snapshot"
)

// decoder turns the tenant's JSON into values without ever failing a page: a
// field of a wrong type, an unreadable date, a null where an object belongs, a
// field or an enum value nobody told us of, each is counted by name and the
// rest is kept. SailPoint calls such additions non-breaking.
type decoder struct {
	stats *stats
	list  operation
}

func (d *decoder) odd(what, where string) { d.stats.odd(what + ": " + string(d.list) + " " + where) }

// object is a decoded JSON object with the place it stands at.
type object struct {
	d      *decoder
	path   string
	fields map[string]any
}

// parse decodes one row. clean is its JSON fit for Postgres. ok is false where
// the row is null or no object at all.
func (d *decoder) parse(raw json.RawMessage, known fields) (o object, clean json.RawMessage, digest snapshot.Digest, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		d.odd("unreadable row", "")
		return object{}, nil, snapshot.Digest{}, false
	}
	m, isObject := v.(map[string]any)
	if !isObject {
		if v == nil {
			d.odd("null object", "")
		} else {
			d.odd("not an object", "")
		}
		return object{}, nil, snapshot.Digest{}, false
	}
	clean = raw
	if unfit(raw) {
		// encoding/json has put U+FFFD for lone surrogates and invalid UTF-8
		// already; NUL is left to us. Both show in the re-encoded row.
		d.odd("replaced text", "")
		m = withoutNUL(m).(map[string]any)
		clean = marshal(m)
	}
	d.unknown(m, known, "")
	digest, err := snapshot.DigestOf(m)
	if err != nil {
		d.odd("unreadable row", "")
		return object{}, nil, snapshot.Digest{}, false
	}
	return object{d: d, fields: m}, clean, digest, true
}

// unfit says whether a JSON text holds what Postgres cannot store as it came:
// NUL, a lone surrogate, invalid UTF-8.
func unfit(raw []byte) bool {
	if !utf8.Valid(raw) {
		return true
	}
	for rest := raw; ; {
		i := bytes.Index(rest, []byte(`\u`))
		if i < 0 {
			return false
		}
		escaped := false // \\u is a backslash and a u
		for j := i - 1; j >= 0 && rest[j] == '\\'; j-- {
			escaped = !escaped
		}
		unit, err := strconv.ParseUint(string(rest[i+2:min(i+6, len(rest))]), 16, 32)
		switch {
		case escaped || err != nil:
			rest = rest[i+2:]
		case unit == 0 || unit >= 0xdc00 && unit <= 0xdfff:
			return true
		case unit >= 0xd800 && unit <= 0xdbff:
			low, err := strconv.ParseUint(string(rest[min(i+8, len(rest)):min(i+12, len(rest))]), 16, 32)
			if err != nil || !bytes.HasPrefix(rest[i+6:], []byte(`\u`)) || low < 0xdc00 || low > 0xdfff {
				return true
			}
			rest = rest[i+12:]
		default:
			rest = rest[i+6:]
		}
	}
}

func withoutNUL(value any) any {
	fix := func(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }
	switch v := value.(type) {
	case string:
		return fix(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		// In order, as two names may become one.
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out[fix(k)] = withoutNUL(v[k])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = withoutNUL(x)
		}
		return out
	default:
		return v
	}
}

// marshal encodes what encoding/json decoded, which cannot fail.
func marshal(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// value returns a field, or nil where it is null or missing.
func (o object) value(name string) any { return o.fields[name] }

// text returns a string field; nil where it is null or missing. Any other type
// is kept as its JSON text.
func (o object) text(name string) *string {
	switch v := o.value(name).(type) {
	case nil:
		return nil
	case string:
		return &v
	default:
		o.d.odd("not a string", join(o.path, name))
		s := string(marshal(v))
		return &s
	}
}

// enum is text whose values are listed in the contract; others are kept and
// counted, as the platform runs ahead of its contract.
func (o object) enum(name string, known ...string) *string {
	s := o.text(name)
	if s != nil && !slices.Contains(known, *s) {
		o.d.odd("unknown value", join(o.path, name)+" = "+plainText(*s))
	}
	return s
}

func (o object) boolean(name string) *bool {
	switch v := o.value(name).(type) {
	case nil:
		return nil
	case bool:
		return &v
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			o.d.odd("not a boolean", join(o.path, name))
			return &b
		}
	}
	o.d.odd("unreadable boolean", join(o.path, name))
	return nil
}

func (o object) integer(name string) *int64 {
	var s string
	switch v := o.value(name).(type) {
	case nil:
		return nil
	case json.Number:
		s = v.String()
	case string:
		o.d.odd("not a number", join(o.path, name))
		s = v
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return &n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == float64(int64(f)) && f < 1<<53 && f > -1<<53 {
		n := int64(f)
		return &n
	}
	o.d.odd("unreadable number", join(o.path, name))
	return nil
}

// time reads an RFC 3339 date, to the microsecond that Postgres keeps, in UTC.
// What cannot be read is nil, never the year 1.
func (o object) time(name string) *time.Time {
	switch v := o.value(name).(type) {
	case nil:
		return nil
	case string:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
			t, err := time.Parse(layout, v)
			// In UTC: a zone can take the year out of what RFC 3339 can write.
			if t = t.UTC().Truncate(time.Microsecond); err == nil && t.Year() > 1 && t.Year() <= 9999 {
				return &t
			}
		}
	}
	o.d.odd("unreadable date", join(o.path, name))
	return nil
}

// object returns an object field; where it is null, missing or something else,
// one without fields.
func (o object) object(name string) object {
	sub := object{d: o.d, path: join(o.path, name)}
	switch v := o.value(name).(type) {
	case nil:
	case map[string]any:
		sub.fields = v
	default:
		o.d.odd("not an object", sub.path)
	}
	return sub
}

// objects returns the objects of an array field. A single object where the
// contract says array (its own examples do so) is an array of one.
func (o object) objects(name string) []object {
	var out []object
	path := join(o.path, name)
	take := func(v any) {
		switch m := v.(type) {
		case map[string]any:
			out = append(out, object{d: o.d, path: path, fields: m})
		case string: // beta's tasks have plain texts for errors
			out = append(out, object{d: o.d, path: path, fields: map[string]any{"text": m}})
		default:
			o.d.odd("not an object", path)
		}
	}
	switch v := o.value(name).(type) {
	case nil:
	case []any:
		for _, x := range v {
			take(x)
		}
	default:
		o.d.odd("not an array", path)
		take(v)
	}
	return out
}

// texts returns the strings of an array field, others as their JSON text; nil
// elements are empty.
func (o object) texts(name string) []string {
	path := join(o.path, name)
	switch v := o.value(name).(type) {
	case nil:
		return nil
	case []any:
		out := make([]string, 0, len(v))
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
				continue
			}
			o.d.odd("not a string", path)
			out = append(out, string(marshal(x)))
		}
		return out
	case string:
		o.d.odd("not an array", path)
		return []string{v}
	default:
		o.d.odd("not an array", path)
		return []string{string(marshal(v))}
	}
}
