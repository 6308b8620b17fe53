package fetch_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
)

func TestTokenInfoOfATenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testTokenInfoOfATenant)
}

func testTokenInfoOfATenant(t *testing.T) {
	tenant := simulator.New(simulator.Options{TokenLifetime: 15 * time.Minute})
	tenant.Edit(func(w *simulator.World) {
		w.Caller = simulator.Caller{ID: "i", Name: "bob", Authorities: []string{"CERT_ADMIN"}, Scopes: []string{"idn:campaign:read"}}
	})
	got, err := newClient(t, tenant).TokenInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := fetch.TokenInfo{
		Lifetime: 15 * time.Minute, Readable: true, User: "bob", Authorities: []string{"CERT_ADMIN"}, Scopes: []string{"idn:campaign:read"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("info (-want +got):\n%s", d)
	}
}

func TestTokenInfoTakesWhateverATokenIs(t *testing.T) {
	t.Parallel()
	jwt := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	for _, tc := range []struct {
		name, token, expires string
		want                 fetch.TokenInfo
	}{
		{"opaque", "abc", "60", fetch.TokenInfo{Lifetime: time.Minute}},
		{"three parts that are no JWT", "a.!.c", "60", fetch.TokenInfo{Lifetime: time.Minute}},
		{"a payload that is no object", jwt(`["ORG_ADMIN"]`), "60", fetch.TokenInfo{Lifetime: time.Minute}},
		{"a payload that is null", jwt(`null`), "60", fetch.TokenInfo{Lifetime: time.Minute}},
		{"no lifetime", jwt(`{}`), "0", fetch.TokenInfo{Readable: true}},
		{"scopes in one text", jwt(`{"scope":"a:b c:d","identity_id":"i"}`), "60",
			fetch.TokenInfo{Lifetime: time.Minute, Readable: true, User: "i", Scopes: []string{"a:b", "c:d"}}},
		{"claims of other types", jwt(`{"scope":[1,"a:b",null],"authorities":{"x":1},"user_name":7}`), "60",
			fetch.TokenInfo{Lifetime: time.Minute, Readable: true, Scopes: []string{"a:b"}}},
		{"words that would spoil a terminal", jwt(`{"user_name":"a\u001b[2J\nb"}`), "60",
			fetch.TokenInfo{Lifetime: time.Minute, Readable: true, User: "a [2J b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					reply(w, http.StatusOK, `{"access_token":"`+tc.token+`","token_type":"bearer","expires_in":`+tc.expires+`}`, "Content-Type", "application/json")
				}))
				got, err := c.TokenInfo(t.Context())
				if d := cmp.Diff(tc.want, got); err != nil || d != "" {
					t.Errorf("error %v, info (-want +got):\n%s", err, d)
				}
			})
		})
	}
}

func TestTokenInfoOfARefusedSecret(t *testing.T) {
	t.Parallel()
	c := newClient(t, simulator.New(simulator.Options{}), func(o *fetch.Options) { o.ClientSecret = "tell-nobody" })
	_, err := c.TokenInfo(t.Context())
	if !errors.Is(err, fetch.ErrAuth) || strings.Contains(err.Error(), "tell-nobody") {
		t.Errorf("error %v", err)
	}
}
