package fetch

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// TokenInfo is what an access token tells of itself.
type TokenInfo struct {
	Lifetime time.Duration // left, in whole seconds; 0: the tenant did not say
	// Readable says that the token is a JWT. Without it the rest is empty. The
	// claims are the tenant's word to itself: nobody here verifies them.
	Readable    bool
	User        string   // its name, else its identity's id
	Authorities []string // user levels, such as ORG_ADMIN
	Scopes      []string
}

// TokenInfo obtains an access token, or takes the one at hand, and reads it.
// The error is one of the token request.
func (c *Client) TokenInfo(ctx context.Context) (TokenInfo, error) {
	t, err := c.token.get(ctx, nil)
	if err != nil {
		return TokenInfo{}, err
	}
	info := claimsOf(t.AccessToken)
	if !t.Expiry.IsZero() {
		info.Lifetime = time.Until(t.Expiry).Round(time.Second)
	}
	return info, nil
}

// claimsOf reads the payload of a JWT. What is none, or has claims of other
// types than expected, leaves the fields empty.
func claimsOf(token string) TokenInfo {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return TokenInfo{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return TokenInfo{}
	}
	var claims map[string]any
	if json.Unmarshal(payload, &claims) != nil || claims == nil {
		return TokenInfo{}
	}
	info := TokenInfo{Readable: true, Authorities: words(claims["authorities"]), Scopes: words(claims["scope"])}
	for _, name := range []string{"user_name", "identity_id"} {
		if user, ok := claims[name].(string); ok && info.User == "" {
			info.User = plainText(user)
		}
	}
	return info
}

// words reads a claim that is an array of texts, or one text with spaces
// between them, as RFC 8693 has it.
func words(claim any) []string {
	var found []string
	switch v := claim.(type) {
	case string:
		found = strings.Fields(v)
	case []any:
		for _, x := range v {
			if s, ok := x.(string); ok {
				found = append(found, plainText(s))
			}
		}
	}
	return found
}
