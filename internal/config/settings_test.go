package config

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const examplePath = "../../config.example.yaml"

// leaves lists the exported fields of a struct and of the structs in it, as dotted lower-case names.
func leaves(prefix string, t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name := prefix + strings.ToLower(field.Name)
		switch {
		case !field.IsExported():
		case field.Type.Kind() == reflect.Struct:
			names = append(names, leaves(name+".", field.Type)...)
		default:
			names = append(names, name)
		}
	}
	return names
}

func TestEveryFieldIsASettingOfItsName(t *testing.T) {
	t.Parallel()
	var keys []string
	for _, s := range settings(new(Config)) {
		keys = append(keys, strings.ReplaceAll(s.key, "_", ""))
	}
	if diff := cmp.Diff(leaves("", reflect.TypeFor[Config]()), keys); diff != "" {
		t.Errorf("fields of Config (-) and keys of settings (+) differ:\n%s", diff)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	t.Parallel()
	if err := defaults(t).Check(); err != nil {
		t.Error(err)
	}
}

func TestExampleIsTheDefaultsExplained(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	l := newLoader(examplePath)
	l.file(data, 0o600)
	want := map[string]any{"tenant.name": "acme", "tenant.base_url": "https://acme.api.identitynow.com"}
	initial := defaults(t)
	for i, s := range settings(&initial) {
		at, ok := l.at[s.key]
		if !ok {
			t.Errorf("%s is missing", s.key)
			continue
		}
		expected := canonical(s.value())
		if example, ok := want[s.key]; ok {
			expected = example
		}
		if diff := cmp.Diff(expected, canonical(l.schema[i].value())); diff != "" {
			t.Errorf("%s: %s (-default +example):\n%s", at.name, s.key, diff)
		}
	}
	for key, at := range l.at {
		if !strings.HasPrefix(strings.TrimSpace(lines[at.line-2]), "# ") && !strings.HasSuffix(key, "]") {
			t.Errorf("%s: %s has no comment in the line above", at.name, key)
		}
	}
	if _, err := Load(examplePath, environment(nil)); err != nil {
		t.Errorf("Load without credentials: %v", err)
	}
	for i, line := range lines {
		if len(line) > 140 {
			t.Errorf("%s:%d is longer than 140 characters", examplePath, i+1)
		}
	}
}

func TestExampleNamesEveryVariableOfTheEnvironment(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range settings(new(Config)) {
		for _, name := range s.env {
			got = append(got, name)
			if !strings.Contains(string(data), name) {
				t.Errorf("%s is not told", name)
			}
		}
	}
	slices.Sort(got)
	want := []string{"DATABASE_URL", "EXPORTER_DATABASE_URL", "SAIL_BASE_URL", "SAIL_CLIENT_ID", "SAIL_CLIENT_SECRET"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func TestRetentionSince(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 2, 15, 0, 0, time.UTC)
	for keep, want := range map[string]string{"7y": "2019-03-31", "18m": "2024-10-01", "90d": "2025-12-31", "": "", "forever": ""} {
		got := ""
		if since, ok := (Retention{Keep: keep}).Since(now); ok {
			got = since.Format(time.DateOnly)
		}
		if got != want {
			t.Errorf("keep %q: since %q, want %q", keep, got, want)
		}
	}
}
