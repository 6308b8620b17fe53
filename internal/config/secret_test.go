package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	hex := fmt.Sprintf("%x", value)
	secret := Secret(value)
	config := Config{Tenant: Tenant{ClientSecret: secret}, Database: Database{URL: secret}, Notify: Notify{WebhookURL: secret}}

	shown := map[string]string{
		"String":   secret.String(),
		"GoString": secret.GoString(),
		"LogValue": secret.LogValue().String(),
	}
	for _, holder := range []any{secret, &secret, []Secret{secret}, config, &config} {
		for verb := 'A'; verb <= 'z'; verb++ {
			if verb == 'p' || verb == 'w' {
				continue // fmt asks no method for these, and vet refuses them on a string.
			}
			for _, flags := range []string{"", "+", "#", "- 09.3"} {
				format := "%" + flags + string(verb)
				shown[fmt.Sprintf("%s of %T", format, holder)] = fmt.Sprintf(format, holder)
			}
		}
		for name, marshal := range map[string]func(any) ([]byte, error){"JSON": json.Marshal, "YAML": yaml.Marshal} {
			b, err := marshal(holder)
			if err != nil {
				t.Errorf("%s of %T: %v", name, holder, err)
			}
			shown[fmt.Sprintf("%s of %T", name, holder)] = string(b)
		}
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("m", "holder", holder)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "holder", holder)
		shown[fmt.Sprintf("log of %T", holder)] = b.String()
	}
	for how, text := range shown {
		if strings.Contains(text, value) || strings.Contains(strings.ToLower(text), hex) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
	}

	if got := secret.Reveal(); got != value {
		t.Errorf("Reveal: got %q", got)
	}
	if got := fmt.Sprintf("%v|%v", secret, Secret("")); got != "[set]|" {
		t.Errorf("set and unset: got %q, want [set]|", got)
	}
}

func TestSecretsAreInNoError(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	for _, key := range []string{"tenant.client_secret", "database.url", "notify.webhook_url", "tenant.base_url", "certifications.ids", "workers.requests"} {
		section, name, _ := strings.Cut(key, ".")
		for _, form := range []string{
			"%s: {%s: \"%s\\n\"}", "%s: {%s: [%s]}", "%s: {%s: {%s: 1}}", "%s: {%s: &%s 1}", "%s: {%s: *%s}", "%s: {%s: !%s a}",
			"%s:\n  %s: |%s\n", "%s:\n  %s: \"%s\n", "%s:\n  %s: '%s\n", "%s:\n  %s: %s: b\n", "%s:\n  %s %s\n", "%s:\n\t%s: %s\n",
			"%s:\n  %s: @%s\n", "%s:\n  %s: {%s\n", "%s:\n  %s: \"\\%s\"\n", "%s:\n  %s:\n   a\n  %s\n", "%%YAML %[3]s\n---\n%[1]s: {%[2]s: 1}",
			"%s:\n  %s: https://user:%s@host:x\n", "%s:\n  %s: postgres://user:%s@[host/x?a=%%zz\n",
			"%s:\n  %s: 'host=a password=%s port=x'\n",
		} {
			content := fmt.Sprintf(form, section, name, value)
			if _, err := load(content, nil); err != nil && strings.Contains(err.Error(), value) {
				t.Errorf("%q: the error tells the secret: %v", content, err)
			}
		}
	}
	for _, variable := range []string{"SAIL_BASE_URL", "SAIL_CLIENT_ID", "SAIL_CLIENT_SECRET", "DATABASE_URL"} {
		_, err := load("", map[string]string{variable: "x://user:" + value + "@[\n"})
		if err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("%s: got %v, want an error without the value", variable, err)
		}
	}
}
