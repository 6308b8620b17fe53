package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Caller is the person behind the credential. What a token may see follows from
// it: without ORG_ADMIN or CERT_ADMIN the list of certifications silently holds
// only those the caller reviews.
type Caller struct {
	ID, Name    string
	Authorities []string // user levels
	Scopes      []string // sp:scopes:all grants everything
}

func defaultCaller() Caller {
	return Caller{
		ID:          ID("identity", "audit.service"),
		Name:        "audit.service",
		Authorities: []string{"ORG_ADMIN"},
		Scopes:      []string{"idn:campaign:read", "idn:campaign:manage"},
	}
}

func (c Caller) admin() bool {
	return slices.Contains(c.Authorities, "ORG_ADMIN") || slices.Contains(c.Authorities, "CERT_ADMIN")
}

func (c Caller) may(scope string) bool {
	return slices.Contains(c.Scopes, scope) || slices.Contains(c.Scopes, "sp:scopes:all")
}

// token answers POST /oauth/token.
func (t *Tenant) token(c call) answer {
	fail := func(status int, code, description string) answer {
		return answer{status: status, body: map[string]string{"error": code, "error_description": description}}
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return fail(http.StatusBadRequest, "invalid_request", "the body is not a form")
	}
	if grant := form.Get("grant_type"); grant != "client_credentials" {
		return fail(http.StatusBadRequest, "unsupported_grant_type", fmt.Sprintf("grant type %q is not supported", grant))
	}
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, ok := c.http.BasicAuth(); ok {
		// RFC 6749, 2.3.1: both are form-encoded before they become Basic.
		id, secret = unescape(user), unescape(password)
	}
	if id != t.options.ClientID || secret != t.options.ClientSecret {
		return fail(http.StatusUnauthorized, "invalid_client", "Bad client credentials")
	}
	return answer{status: http.StatusOK, header: http.Header{"Cache-Control": {"no-store"}}, body: t.issue(c)}
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// issue makes an access token that has the shape of a JWT. Nobody checks a
// signature: the tenant knows its tokens by heart.
func (t *Tenant) issue(c call) map[string]any {
	caller, org, end := t.world.Caller, t.world.Org, c.now.Add(t.options.TokenLifetime)
	jti := ID("token", strconv.Itoa(c.number))
	claims := map[string]any{
		"tenant_id":   ID("tenant", org),
		"org":         org,
		"pod":         "simulator",
		"identity_id": caller.ID,
		"user_name":   caller.Name,
		"client_id":   t.options.ClientID,
		"authorities": caller.Authorities,
		"scope":       caller.Scopes,
		"iat":         c.now.Unix(),
		"exp":         end.Unix(),
		"jti":         jti,
	}
	token := segment(map[string]string{"alg": "none", "typ": "JWT"}) + "." + segment(claims) + "." + segment(jti)

	t.mu.Lock()
	t.tokens[token] = end
	t.mu.Unlock()
	return map[string]any{
		"access_token": token,
		"token_type":   "bearer",
		"expires_in":   int(t.options.TokenLifetime / time.Second),
		"scope":        strings.Join(caller.Scopes, " "),
		"tenant_id":    claims["tenant_id"],
		"org":          org,
		"pod":          claims["pod"],
		"identity_id":  caller.ID,
		"user_name":    caller.Name,
		"jti":          jti,
	}
}

func segment(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulator: encode token: %v", err)) // only strings and numbers come here
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// authorize checks the token and its scope. The caller's scopes are those of
// now, so that a test can take one away from a living token.
func (t *Tenant) authorize(c call) (answer, bool) {
	scheme, token, _ := strings.Cut(c.http.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return unauthorized("JWT is required"), false
	}
	t.mu.Lock()
	end, known := t.tokens[token]
	t.mu.Unlock()
	switch {
	case !known:
		return unauthorized("JWT validation failed: JWT is not valid"), false
	case !c.now.Before(end):
		return unauthorized("JWT validation failed: JWT is expired"), false
	}
	scope := "idn:campaign:read"
	if c.path.writes {
		scope = "idn:campaign:manage"
	}
	t.worldMu.RLock()
	defer t.worldMu.RUnlock()
	if !t.world.Caller.may(scope) {
		return forbidden(), false
	}
	return answer{}, true
}

// oauthInfo answers GET /oauth/info.
func (t *Tenant) oauthInfo(c call) answer {
	base := "http://" + c.http.Host
	return answer{status: http.StatusOK, body: map[string]string{
		"authorizeEndpoint": base + "/oauth/authorize",
		"tokenEndpoint":     base + "/oauth/token",
	}}
}
