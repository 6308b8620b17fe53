// Package fetch is the tenant's Certifications API: token, rate limit, retries,
// paths of each API version, tolerant decoding, and lists read to their proved
// end. It turns HTTP into snapshot values and knows nothing of runs, databases
// or files. Package walk decides what is asked; get and reassign of the command
// use it directly.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
)

// Limits of the API and of our patience with it.
const (
	maxPageSize  = 250      // larger is an error of the API
	maxBody      = 64 << 20 // bytes of one answer; 250 rows are well under 1 MiB
	maxReadings  = 3        // readings of a list that will not be proved
	offsetCap    = 10_000   // offsets some lists refuse; never the end of a list
	maxRedirects = 3        // on the same host
	maxThrottled = 60       // answers 429 to one request before it counts as failed
	maxPause     = 5 * time.Minute
)

// Options are what a Client needs. All fields but CAFile, Transport, Logger and
// UserAgent are required.
type Options struct {
	BaseURL      string // https://{tenant}.api.identitynow.com, without a slash at the end
	TokenURL     string // empty: BaseURL + /oauth/token
	ClientID     string
	ClientSecret string
	APIVersion   string // v1, v2026, v2025, v2024, v3 or beta
	RateRequests int    // at most this many requests ...
	RatePer      time.Duration
	Timeout      time.Duration // one request, its body included
	Retries      int           // of a GET that failed for a passing reason
	PageSize     int           // rows a page, at most 250
	InFlight     int           // requests under way at once, over everything
	CAFile       string        // PEM; added to the system's roots
	UserAgent    string
	Transport    http.RoundTripper // nil: verified TLS, proxy from the environment
	Logger       *slog.Logger
}

// Client talks to one tenant. It is safe for concurrent use; all its users
// share one token, one rate limit and one bound on requests in flight.
type Client struct {
	base      *url.URL
	paths     pathTable
	http      *http.Client
	token     *tokenSource
	limiter   *rate.Limiter
	pause     pause
	slots     chan struct{}
	timeout   time.Duration
	retries   int
	pageSize  int
	offsetCap int // the constant of that name, but in tests
	userAgent string
	log       *slog.Logger
	stats     stats
}

// New checks the options and makes a client. It sends nothing.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("tenant base URL %q is not an absolute URL", o.BaseURL)
	}
	table, ok := versions[o.APIVersion]
	if !ok {
		return nil, fmt.Errorf("API version %q is not supported: use v1, v2026, v2025, v2024, v3 or beta", o.APIVersion)
	}
	for _, c := range []struct {
		ok   bool
		what string
	}{
		{o.ClientID != "", "client id"}, {o.ClientSecret != "", "client secret"},
		{o.RateRequests > 0 && o.RatePer > 0, "rate limit"}, {o.Timeout > 0, "timeout"},
		{o.Retries >= 0, "retries"}, {o.PageSize > 0 && o.PageSize <= maxPageSize, "page size"}, {o.InFlight > 0, "requests in flight"},
	} {
		if !c.ok {
			return nil, fmt.Errorf("API client: %s missing or out of range", c.what)
		}
	}
	transport := o.Transport
	if transport == nil {
		if transport, err = newTransport(o.CAFile, o.InFlight); err != nil {
			return nil, err
		}
	}
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	tokenURL := o.TokenURL
	if tokenURL == "" {
		tokenURL = strings.TrimSuffix(o.BaseURL, "/") + "/oauth/token"
	}
	httpClient := &http.Client{Transport: transport, CheckRedirect: sameHostOnly}
	c := &Client{
		base:  base,
		paths: table,
		http:  httpClient,
		// A burst of one spaces requests evenly, so that no window of RatePer,
		// wherever it begins, holds more than RateRequests. The microsecond makes
		// up for what the division and the limiter round off.
		limiter:   rate.NewLimiter(rate.Every(o.RatePer/time.Duration(o.RateRequests)+time.Microsecond), 1),
		slots:     make(chan struct{}, o.InFlight),
		timeout:   o.Timeout,
		retries:   o.Retries,
		pageSize:  o.PageSize,
		offsetCap: offsetCap,
		userAgent: o.UserAgent,
		log:       log,
		stats:     newStats(),
	}
	c.token = newTokenSource(httpClient, tokenURL, o.ClientID, o.ClientSecret, o.Timeout)
	return c, nil
}

// errRedirect is a redirect to another host: following it would carry the
// token, or trust, to where the operator did not send us.
var errRedirect = errors.New("refused")

func sameHostOnly(req *http.Request, via []*http.Request) error {
	if from := via[0].URL; req.URL.Host != from.Host || req.URL.Scheme != from.Scheme {
		return fmt.Errorf("redirect to %s %w: set tenant.base_url to the host that answers", req.URL.Host, errRedirect)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects %w", maxRedirects, errRedirect)
	}
	return nil
}

func newTransport(caFile string, inFlight int) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = inFlight
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s holds no PEM certificate", caFile)
	}
	t.TLSClientConfig.RootCAs = roots
	return t, nil
}

// Host is the API host that the client talks to.
func (c *Client) Host() string { return c.base.Host }

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// enter takes a slot among the requests in flight and waits for leave to send.
// Without an error the caller leaves. rejected is as for tokenSource.get.
func (c *Client) enter(ctx context.Context, rejected *oauth2.Token) (*oauth2.Token, error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	token, err := c.admit(ctx, rejected)
	if err != nil {
		c.leave()
	}
	return token, err
}

func (c *Client) leave() { <-c.slots }
