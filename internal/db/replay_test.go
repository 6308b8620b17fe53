package db

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// change is a row of audit.changes_between.
type change struct {
	From, To      int64
	Object, Class string
	Certification *string
	ID            *string
	Field         *string
	Before, After *string
}

func (c change) String() string {
	return fmt.Sprintf("%s %s %v/%v %v: %v -> %v", c.Object, c.Class, value(c.Certification), value(c.ID), value(c.Field), value(c.Before), value(c.After))
}

const changeColumns = `c.baseline_run_id, c.run_id, c.object, c.class, c.certification_id, c.object_id, c.field, c.before, c.after`

// changes are those from one run to another.
func changes(t *testing.T, s *Store, from, to int64) []change {
	t.Helper()
	rows, err := s.pool.Query(t.Context(), `
		SELECT `+changeColumns+`
		FROM audit.changes_between($1, $2) c
		ORDER BY object, class, certification_id, object_id, field, before, after`, from, to)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[change])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// changesOfAll are the changes between any two runs of a tenant.
func changesOfAll(t *testing.T, s *Store, tenant Tenant) map[[2]int64][]change {
	t.Helper()
	rows, err := s.pool.Query(t.Context(), `
		SELECT `+changeColumns+`
		FROM history.run a
		JOIN history.run b USING (tenant_id)
		CROSS JOIN LATERAL audit.changes_between(a.run_id, b.run_id) c
		WHERE tenant_id = $1 AND NOT EXISTS (
		    SELECT FROM history.pruned_run p
		    WHERE p.tenant_id = $1 AND p.run_id IN (a.run_id, b.run_id))`, tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	all := map[[2]int64][]change{}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[change])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range got {
		all[[2]int64{c.From, c.To}] = append(all[[2]int64{c.From, c.To}], c)
	}
	return all
}

// fields are an object's columns as text; nil is NULL.
type fields map[string]any

// picture is what the views show at a run, as far as changes tell of it.
type picture struct {
	Objects     map[string]fields         // by object, certification and id
	Permissions map[string]map[string]int // how often, by item and permission
}

func keyOf(parts ...string) string { return strings.Join(parts, " / ") }

// derived are the columns that no change tells of.
var derived = []string{"captured_run_id", "last_seen_undecided_at", "first_seen_decided_at", "first_seen_at", "last_seen_at"}

// pictureOf reads the views at a run.
func pictureOf(t *testing.T, s *Store, tenant Tenant, run int64) picture {
	t.Helper()
	p := picture{Objects: map[string]fields{}, Permissions: map[string]map[string]int{}}
	for c, object := range map[snapshot.Collection]string{
		snapshot.CertificationHeader: "certification", snapshot.Reviewers: "reviewer", snapshot.ReviewItems: "review_item", snapshot.Tasks: "task",
	} {
		columns := columnsOf(c)
		for _, row := range rowsOf(t, s, tenant, run, views[c].name, columns...) {
			f, key := fields{}, []string{object}
			for i, name := range columns {
				switch {
				case slices.Contains(derived, name):
				case slices.Contains(orders[views[c].name], name):
					key = append(key, row[i].(string))
				default:
					f[name] = text(row[i])
				}
			}
			p.Objects[keyOf(key...)] = f
		}
	}
	for _, row := range rowsOf(t, s, tenant, run, "permissions", "certification_id", "item_id", "target", "rights") {
		granted, err := json.Marshal(map[string]any{"target": row[2], "rights": row[3]})
		if err != nil {
			t.Fatal(err)
		}
		p.count(keyOf(row[0].(string), row[1].(string)), string(granted), 1)
	}
	return p
}

func (p picture) count(item, granted string, n int) {
	m := maps.Clone(p.Permissions[item])
	if m == nil {
		m = map[string]int{}
	}
	if m[granted] += n; m[granted] == 0 {
		delete(m, granted)
	}
	if p.Permissions[item] = m; len(m) == 0 {
		delete(p.Permissions, item)
	}
}

// text is a column's value as changes write it.
func text(v any) any {
	switch v := v.(type) {
	case nil:
		return nil
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []string, []any:
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return string(b)
	default:
		return fmt.Sprint(v)
	}
}

// decode reads the JSON of an object in a change.
func decode(t *testing.T, s string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return m
}

func decodeFields(t *testing.T, s string) fields {
	t.Helper()
	f := fields{}
	for k, v := range decode(t, s) {
		f[k] = text(v)
	}
	return f
}

// apply changes a picture as the rows say, and complains where it does not
// fit what they say was there.
func (p picture) apply(t *testing.T, rows []change) {
	t.Helper()
	key := func(c change) string {
		if c.Object == "task" {
			return keyOf("task", *c.ID)
		}
		if c.Object == "certification" {
			return keyOf("certification", *c.ID)
		}
		return keyOf(c.Object, *c.Certification, *c.ID)
	}
	// Moved items first: the other rows name them where they are now.
	oldIDs := map[string]string{}
	for _, c := range rows {
		if c.Object == "review_item" && c.Field != nil && *c.Field == "item_id" {
			oldIDs[key(c)] = *c.Before
		}
	}
	for _, c := range rows {
		if c.Object != "review_item" || c.Class != "REASSIGNED" {
			continue
		}
		id, ok := oldIDs[key(c)]
		if !ok {
			id = *c.ID
		}
		from := keyOf("review_item", *c.Before, id)
		if p.Objects[from] == nil || p.Objects[key(c)] != nil || *c.After != *c.Certification {
			t.Errorf("cannot be moved: %s", c)
		}
		p.Objects[key(c)] = maps.Clone(p.Objects[from])
		delete(p.Objects, from)
	}
	for _, c := range rows {
		switch {
		case c.Class == "NOT_COMPARABLE":
		case c.Object == "permission":
			p.applyPermission(t, c)
		case c.Field == nil && c.After != nil:
			if p.Objects[key(c)] != nil {
				t.Errorf("was there already: %s", c)
			}
			p.Objects[key(c)] = decodeFields(t, *c.After)
		case c.Field == nil:
			if diff := cmp.Diff(p.Objects[key(c)], decodeFields(t, *c.Before)); diff != "" {
				t.Errorf("was not like that: %s\n%s", c, diff)
			}
			delete(p.Objects, key(c))
		case *c.Field == "raw" || *c.Field == "item_id" || c.Object == "review_item" && c.Class == "REASSIGNED":
		default:
			f := p.Objects[key(c)]
			if f == nil || f[*c.Field] != normal(c.Before, f[*c.Field]) {
				t.Errorf("was not like that: %s: %v", c, f)
				continue
			}
			f[*c.Field] = normal(c.After, f[*c.Field])
		}
	}
}

// normal is a field's text; arrays lose the spaces that Postgres puts in them.
func normal(s *string, like any) any {
	if s == nil {
		return nil
	}
	var b bytes.Buffer
	if was, _ := like.(string); strings.HasPrefix(was+*s, "[") && json.Compact(&b, []byte(*s)) == nil {
		return b.String()
	}
	return *s
}

func (p picture) applyPermission(t *testing.T, c change) {
	t.Helper()
	item := keyOf(*c.Certification, *c.ID)
	side := func(s *string, n int) {
		if s == nil {
			return
		}
		m, at := decode(t, *s), item
		if c.Class == "REASSIGNED" {
			at = keyOf(m["certification_id"].(string), m["item_id"].(string))
		}
		granted, err := json.Marshal(map[string]any{"target": m["target"], "rights": m["rights"]})
		if err != nil {
			t.Fatal(err)
		}
		p.count(at, string(granted), n)
	}
	side(c.Before, -1)
	side(c.After, +1)
}
