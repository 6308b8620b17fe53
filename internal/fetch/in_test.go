package fetch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
)

func TestFilterMatchesExactlyItsValues(t *testing.T) {
	t.Parallel()
	for _, value := range oddValues() {
		t.Run(strconv.Quote(value), func(t *testing.T) {
			t.Parallel()
			if err := matchesExactly(t.Context(), value); err != nil {
				t.Error(err)
			}
		})
	}
}

func oddValues() []string {
	return []string{
		"", "plain", `"`, `\`, `\"`, `a","b`, `a") or id eq ("b`, "tab\tand\nline", "\x00", "\u00a0\u200b", "é", "日本",
		"\U0001F600", "a b", "a+b&c=d%20", `\\\\""`, "\xff", "((", ",",
	}
}

// matchesExactly asks a tenant, which holds a campaign of this id and others
// like it, for this one.
func matchesExactly(ctx context.Context, value string) error {
	tenant := simulator.New(simulator.Options{})
	tenant.Edit(func(w *simulator.World) {
		for _, id := range []string{value, value + "x", "x" + value, strconv.Quote(value), "b"} {
			if w.Campaign(id) == nil {
				w.Campaigns = append(w.Campaigns, &simulator.Campaign{ID: id, Name: "n"})
			}
		}
	})
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"demo-client"}, "client_secret": {secret}}
	transport := memory{tenant}
	grant, err := roundTrip(ctx, transport, http.MethodPost, host+"/oauth/token", form.Encode(), "")
	if err != nil {
		return err
	}
	var token struct {
		Value string `json:"access_token"`
	}
	if err := json.Unmarshal(grant, &token); err != nil {
		return err
	}
	query := url.Values{"filters": {fetch.In("id", []string{value, "none"})}, "count": {"true"}}
	body, err := roundTrip(ctx, transport, http.MethodGet, host+"/campaigns/v1?"+query.Encode(), "", token.Value)
	if err != nil {
		return err
	}
	var rows []struct{ ID string }
	if err := json.Unmarshal(body, &rows); err != nil {
		return err
	}
	if len(rows) != 1 || rows[0].ID != string([]rune(value)) {
		return fmt.Errorf("filter %s matched %q, want %q alone", query.Get("filters"), rows, value)
	}
	return nil
}

func FuzzFilterMatchesExactlyItsValues(f *testing.F) {
	for _, value := range oddValues() {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if err := matchesExactly(t.Context(), value); err != nil {
			t.Error(err)
		}
	})
}
