package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// ErrAuth is in every error that says the tenant does not accept our
// credentials. It ends a run: no other request could do better.
var ErrAuth = errors.New("authentication failed")

// tokenSource holds one access token for all workers. It is renewed early, and
// once for everybody: who asks while a renewal is under way waits for it.
type tokenSource struct {
	config  clientcredentials.Config
	client  *http.Client
	timeout time.Duration
	turn    chan struct{} // holds one value; who takes it may look and renew

	current *oauth2.Token
	renewAt time.Time
}

func newTokenSource(client *http.Client, url, id, secret string, timeout time.Duration) *tokenSource {
	s := &tokenSource{
		config: clientcredentials.Config{
			ClientID: id, ClientSecret: secret, TokenURL: url,
			AuthStyle: oauth2.AuthStyleInParams, // what ISC documents
		},
		client: client, timeout: timeout, turn: make(chan struct{}, 1),
	}
	s.turn <- struct{}{}
	return s
}

// get returns a token that is good for a while. rejected is a token the tenant
// has just answered 401 to, or nil; where another worker has renewed it since,
// the new one is returned without asking again.
func (s *tokenSource) get(ctx context.Context, rejected *oauth2.Token) (*oauth2.Token, error) {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { s.turn <- struct{}{} }()
	if s.current != nil && s.current != rejected && time.Now().Before(s.renewAt) {
		return s.current, nil
	}
	t, err := s.fetch(ctx)
	if err != nil {
		return nil, err
	}
	s.current = t
	// Lifetimes run from 15 seconds to 12 hours: a fifth of it early, and
	// never more than a minute.
	s.renewAt = time.Now().Add(24 * time.Hour)
	if !t.Expiry.IsZero() {
		life := time.Until(t.Expiry)
		s.renewAt = t.Expiry.Add(-min(life/5, time.Minute))
	}
	return t, nil
}

const tokenTries = 4

// fetch asks for a token. Unlike other POSTs it may be repeated: a token more
// does no harm.
func (s *tokenSource) fetch(ctx context.Context) (*oauth2.Token, error) {
	var err error
	for try := range tokenTries {
		if try > 0 {
			if werr := wait(ctx, backoff(try-1)); werr != nil {
				return nil, werr
			}
		}
		var t *oauth2.Token
		if t, err = s.ask(ctx, s.config.AuthStyle); err == nil {
			return t, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var refused *oauth2.RetrieveError
		if !errors.As(err, &refused) {
			if errors.Is(err, errRedirect) {
				break
			}
			continue // no answer, or not an OAuth one
		}
		switch code := refused.Response.StatusCode; {
		case code == http.StatusBadRequest || code == http.StatusUnauthorized:
			// Some tenants take the credentials as Basic only.
			if s.config.AuthStyle == oauth2.AuthStyleInParams {
				if t, berr := s.ask(ctx, oauth2.AuthStyleInHeader); berr == nil {
					s.config.AuthStyle = oauth2.AuthStyleInHeader
					return t, nil
				}
			}
			return nil, fmt.Errorf("token request: %w: %s: check tenant.client_id and the client secret", ErrAuth, refusal(refused))
		case code == http.StatusTooManyRequests || code >= 500:
		default:
			return nil, fmt.Errorf("token request: %w: %s", ErrAuth, refusal(refused))
		}
	}
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return nil, fmt.Errorf("token request to %s: %s", s.config.TokenURL, refusal(refused))
	}
	return nil, fmt.Errorf("token request to %s: %w", s.config.TokenURL, err)
}

func (s *tokenSource) ask(ctx context.Context, style oauth2.AuthStyle) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, s.client), s.timeout)
	defer cancel()
	config := s.config
	config.AuthStyle = style
	return config.Token(ctx)
}

// refusal says what the token endpoint said. Of its body only the codes of RFC
// 6749 are quoted: any other text may repeat the request, with the secret in it.
func refusal(e *oauth2.RetrieveError) string {
	s := fmt.Sprintf("HTTP %d", e.Response.StatusCode)
	switch e.ErrorCode {
	case "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		s += " (" + e.ErrorCode + ")"
	}
	return s
}
