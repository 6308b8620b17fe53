package fetch

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// List names a list of the API in what it takes.
type List string

// The lists.
const (
	ListCampaigns      List = "campaigns"
	ListCertifications List = "certifications"
	ListReviewers      List = "reviewers"
	ListItems          List = "items"
	ListPermissions    List = "permissions"
	ListTasks          List = "tasks"
)

// takes says what a list can be filtered and sorted by. It is the same in
// every API version that has the list.
type takes struct {
	filters map[string]string // field to its operators
	sorters []string
	// pair: at most two clauses, with and or or between one of each field.
	// Elsewhere any number of clauses, with and.
	pair bool
}

var lists = map[List]takes{
	ListCampaigns: {
		filters: map[string]string{"id": "eq in", "name": "eq sw", "status": "eq in"},
		sorters: []string{"name", "created"},
	},
	ListCertifications: {
		filters: map[string]string{"id": "eq in", "campaign.id": "eq in", "phase": "eq", "completed": "eq"},
		sorters: []string{"name", "due", "signed"},
	},
	ListItems: {
		filters: map[string]string{
			"id": "eq in", "type": "eq", "access.type": "eq", "completed": "eq ne", "identitySummary.id": "eq in",
			"identitySummary.name": "eq sw", "access.id": "eq in", "access.name": "eq sw",
			"entitlement.sourceName": "eq sw", "accessProfile.sourceName": "eq sw",
		},
		sorters: []string{"identitySummary.name", "access.name", "access.type", "entitlement.sourceName", "accessProfile.sourceName"},
	},
	ListReviewers: {
		filters: map[string]string{"id": "eq in", "name": "eq sw", "email": "eq sw"},
		sorters: []string{"name", "email"},
	},
	ListPermissions: {
		filters: map[string]string{"target": "eq sw", "rights": "ca"},
		pair:    true,
	},
	ListTasks: {
		filters: map[string]string{"id": "eq in", "targetId": "eq in", "type": "eq in"},
	},
}

// CheckQuery says why a list cannot take a filter or an order, and what it can
// take. Empty ones are always fine. It knows the contract, not the tenant: what
// passes may still be refused there.
func CheckQuery(l List, filters, sorters string) error {
	t := lists[l]
	if err := t.checkFilters(filters); err != nil {
		return fmt.Errorf("filter of %s: %w; it takes %s", l, err, t.describe())
	}
	if sorters == "" {
		return nil
	}
	if len(t.sorters) == 0 {
		return fmt.Errorf("%s cannot be sorted", l)
	}
	for s := range strings.SplitSeq(sorters, ",") {
		if field := strings.TrimPrefix(strings.TrimSpace(s), "-"); !slices.Contains(t.sorters, field) {
			return fmt.Errorf("order of %s: %q is not among %s (a minus before the name: descending)", l, field, strings.Join(t.sorters, ", "))
		}
	}
	return nil
}

// describe lists what can be filtered by, as field operator,operator.
func (t takes) describe() string {
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(t.filters)) {
		parts = append(parts, field+" "+strings.ReplaceAll(t.filters[field], " ", ","))
	}
	how := "; clauses joined by and"
	if t.pair {
		how = "; one and or or between a target and a rights clause"
	}
	return strings.Join(parts, "; ") + how
}

var (
	quoted = `"(?:[^"\\]|\\.)*"`
	clause = regexp.MustCompile(`^\s*([A-Za-z.]+)\s+([a-z]+)\s+(` + quoted + `|\(\s*` + quoted + `(?:\s*,\s*` + quoted + `)*\s*\)|[A-Za-z0-9_.:+-]+)\s*`)
	joiner = regexp.MustCompile(`^(and|or)\s+`)
)

func (t takes) checkFilters(filters string) error {
	if strings.TrimSpace(filters) == "" {
		return nil
	}
	var fields []string
	for rest := filters; ; {
		m := clause.FindStringSubmatch(rest)
		if m == nil {
			return fmt.Errorf("cannot read %q: a clause is a field, an operator and a value, text in double quotes", rest)
		}
		if err := t.checkClause(m[1], m[2], m[3]); err != nil {
			return err
		}
		fields = append(fields, m[1])
		if rest = rest[len(m[0]):]; rest == "" {
			return nil
		}
		word := joiner.FindString(rest)
		rest = rest[len(word):]
		switch word = strings.TrimSpace(word); {
		case word == "":
			return fmt.Errorf("cannot read %q after a clause", rest)
		case t.pair && len(fields) > 1:
			return fmt.Errorf("more than one %s", word)
		case t.pair && strings.HasPrefix(rest, fields[0]+" "):
			return fmt.Errorf("%s between two clauses on %s", word, fields[0])
		case word == "or" && !t.pair:
			return fmt.Errorf("clauses cannot be joined by or")
		}
	}
}

func (t takes) checkClause(field, operator, value string) error {
	operators, ok := t.filters[field]
	if !ok {
		return fmt.Errorf("no field %q", field)
	}
	if !slices.Contains(strings.Fields(operators), operator) {
		return fmt.Errorf("%s has no operator %q", field, operator)
	}
	bracketed := strings.HasPrefix(value, "(")
	switch operator {
	case "in":
		if !bracketed {
			return fmt.Errorf("%s in takes values in brackets: (%q, %q)", field, "a", "b")
		}
	case "ca":
	default:
		if bracketed {
			return fmt.Errorf("%s %s takes one value", field, operator)
		}
	}
	isText := strings.HasPrefix(value, `"`) || bracketed
	if field == "completed" {
		if value != "true" && value != "false" {
			return fmt.Errorf("completed is true or false, without quotes")
		}
	} else if !isText {
		return fmt.Errorf("the value of %s goes in double quotes", field)
	}
	return nil
}
