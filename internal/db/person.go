package db

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// erased stands where a person's name, e-mail or words were.
const erased = "[erased]"

// person is whom to erase: an identity, and what the tenant has called it.
type person struct {
	id    string
	names []string // and e-mails
	words *regexp.Regexp
}

// The fields by which the tenant's JSON names people, and those that hold what
// people wrote.
var (
	nameFields    = []string{"name", "displayName", "email", "firstName", "lastName"}
	commentFields = []string{"comment", "comments"}
	// kept identify what the person has, or when: a name in them is a key.
	keptFields = []string{"nativeIdentity", "attributeName", "attributeValue", "id", "identityId", "type", "created", "modified"}
)

// learn takes the person's names from an object of the tenant.
func (p *person) learn(raw []byte) error {
	v, err := decodeAny(raw)
	if err != nil {
		return err
	}
	p.learnFrom(v)
	return nil
}

func (p *person) learnFrom(value any) {
	switch v := value.(type) {
	case map[string]any:
		if p.is(v) {
			for _, field := range nameFields {
				if name, _ := v[field].(string); name != erased && len(name) > 2 && !slices.Contains(p.names, name) {
					p.names, p.words = append(p.names, name), nil
				}
			}
		}
		for _, x := range v {
			p.learnFrom(x)
		}
	case []any:
		for _, x := range v {
			p.learnFrom(x)
		}
	}
}

// is says whether an object of the tenant is the person.
func (p *person) is(v map[string]any) bool { return v["id"] == p.id || v["identityId"] == p.id }

// blot gives the tenant's JSON without the person, and says whether that makes
// a difference. comments says whether words in it go too.
func (p *person) blot(raw []byte, comments bool) ([]byte, bool, error) {
	v, err := decodeAny(raw)
	if err != nil {
		return nil, false, err
	}
	out := p.without(v, comments)
	if reflect.DeepEqual(v, out) {
		return raw, false, nil
	}
	b, err := json.Marshal(out)
	return b, true, err
}

func (p *person) without(value any, comments bool) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for field, x := range v {
			text, isText := x.(string)
			switch {
			case slices.Contains(keptFields, field):
				out[field] = x
			case isText && (p.is(v) && slices.Contains(nameFields, field) || comments && slices.Contains(commentFields, field)):
				out[field] = blotted(text)
			default:
				out[field] = p.without(x, comments)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = p.without(x, comments)
		}
		return out
	case string:
		return p.scrub(v)
	default:
		return v
	}
}

// blotColumns does the same for the columns of a row that hold text.
func (p *person) blotColumns(table string, row written) ([]byte, bool, error) {
	cells, err := decodeAny(row.Row)
	if err != nil {
		return nil, false, err
	}
	raw, err := decodeAny(row.Raw)
	if err != nil {
		return nil, false, err
	}
	out := map[string]any{}
	for column, x := range cells.(map[string]any) {
		text, isText := x.(string)
		if isText && (p.named(table, column, raw) || row.Comments && (column == "comments" || column == "reassignment_comment")) {
			out[column] = blotted(text)
		} else {
			out[column] = p.without(x, false)
		}
	}
	b, err := json.Marshal(out)
	return b, !reflect.DeepEqual(cells, out), err
}

// named says whether a column of a row is filled from a field of the person.
func (p *person) named(table, column string, raw any) bool {
	var path []string
	switch table + "." + column {
	case "certification.reviewer_name", "certification.reviewer_email":
		path = []string{"reviewer"}
	case "certification.reassigned_from_reviewer":
		path = []string{"reassignment", "from", "reviewer"}
	case "review_item.identity_name":
		path = []string{"identitySummary"}
	case "reviewer.name", "reviewer.email":
	default:
		return false
	}
	for _, field := range path {
		object, _ := raw.(map[string]any)
		raw = object[field]
	}
	object, ok := raw.(map[string]any)
	return ok && p.is(object)
}

// blotted is the marker; what was empty tells nothing of anybody.
func blotted(text string) string {
	if text == "" {
		return ""
	}
	return erased
}

// scrub replaces the person's names where they stand as whole words.
func (p *person) scrub(text string) string {
	if len(p.names) == 0 {
		return text
	}
	if p.words == nil {
		// The longest first: an e-mail may begin with a name.
		names := slices.Clone(p.names)
		slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
		for i, name := range names {
			names[i] = regexp.QuoteMeta(name)
		}
		p.words = regexp.MustCompile(`(?i)(^|[^\pL\pN])(?:` + strings.Join(names, "|") + `)($|[^\pL\pN])`)
	}
	for range 2 { // names in a row share what is between them
		text = p.words.ReplaceAllString(text, "${1}"+erased+"${2}")
	}
	return text
}
