package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// request is one request as it is sent, however often.
type request struct {
	op     operation
	method string
	path   string
	query  url.Values
	body   []byte // JSON; nil: none
}

// get sends a GET until it is answered with 200 and a body that parse accepts,
// or will not be. parse may run several times; the last one counts.
func (c *Client) get(ctx context.Context, op operation, path string, query url.Values, parse func(http.Header, []byte) error) error {
	return c.do(ctx, request{op: op, method: http.MethodGet, path: path, query: query}, parse)
}

// do is get for any method. What is no GET is sent again only after a 401 or a
// 429, which say that nothing was done. Where it was sent and no such answer
// came, the error is an *Error, also when ctx has ended.
func (c *Client) do(ctx context.Context, r request, parse func(http.Header, []byte) error) error {
	op, repeatable := r.op, r.method == http.MethodGet
	var rejected *oauth2.Token // the token of a 401
	throttled := 0
	for try := 0; ; {
		token, err := c.enter(ctx, rejected)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		status, header, body, err := c.send(ctx, r, token)
		c.leave()
		if repeatable && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var failure *Error
		switch {
		case err != nil:
			failure = &Error{Operation: string(op), Status: status, Err: err}
			if errors.Is(err, errRedirect) || errors.Is(err, errTooLarge) {
				return failure
			}
		case status == http.StatusOK:
			if err = parse(header, body); err == nil {
				return nil
			}
			failure = &Error{Operation: string(op), Status: status, Err: err}
		default:
			failure = apiError(string(op), status, body)
		}

		switch {
		case status == http.StatusUnauthorized:
			if rejected != nil {
				return errors.Join(ErrAuth, failure)
			}
			rejected = token
			continue
		case status == http.StatusTooManyRequests:
			c.stats.throttled.Add(1)
			if throttled++; throttled > maxThrottled {
				return failure
			}
			d := retryAfter(header, time.Now(), backoff(min(throttled-1, 4)))
			c.log.LogAttrs(ctx, slog.LevelInfo, "rate limit answered; all requests wait", slog.String("operation", string(op)), slog.Duration("wait", d))
			c.pause.extend(d)
			continue
		case status == 0, status == http.StatusOK, status >= 500:
			if !repeatable || try >= c.retries || !retryable(status) {
				return failure
			}
			d := backoff(try)
			if after := retryAfter(header, time.Now(), 0); after > d {
				d = after
			}
			try++
			c.stats.retries.Add(1)
			c.log.LogAttrs(ctx, slog.LevelInfo, "request failed; trying again", slog.String("operation", string(op)), slog.Any("error", failure), slog.Duration("wait", d))
			if err := wait(ctx, d); err != nil {
				return err
			}
		default:
			return failure
		}
	}
}

// retryable says whether a status may pass. 0 is no answer at all, 200 one
// whose body was cut or malformed.
func retryable(status int) bool {
	switch status {
	case 0, http.StatusOK, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

var errTooLarge = fmt.Errorf("body larger than %d MiB", maxBody>>20)

// send makes one request, for which enter has given leave, and reads the whole
// body. A status with an error means that the answer began and was cut.
func (c *Client) send(ctx context.Context, r request, token *oauth2.Token) (status int, header http.Header, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	u := c.base.JoinPath(r.path)
	u.RawQuery = r.query.Encode()
	var content io.Reader
	if r.body != nil {
		content = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), content)
	if err != nil {
		return 0, nil, nil, err
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	if r.op == opNextGeneration {
		req.Header.Set("X-SailPoint-Experimental", "true")
	}
	c.stats.requests.Add(1)
	sent := time.Now()
	deliver := c.http.Do
	if r.method != http.MethodGet {
		deliver = c.http.Transport.RoundTrip // follows no redirect: that could repeat it, or ask for something else
	}
	resp, err := deliver(req)
	if err != nil {
		// The URL is ours and says nothing new; its query may be long.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	c.stats.answered(resp.Header, sent, time.Now())
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(resp.Body, maxBody+1))
	if err == nil && n > maxBody {
		err = errTooLarge
	}
	return resp.StatusCode, resp.Header, buf.Bytes(), err
}

// admit waits for the pause to end, for a token and for the limiter's leave. A
// 429 that arrives while we queue for the limiter holds us as well, and after a
// pause everybody queues again, so that it does not end in a burst. The token
// is asked for in between: one from before a pause could be dead by its end,
// and to wait for a renewal last would end in a burst too.
func (c *Client) admit(ctx context.Context, rejected *oauth2.Token) (*oauth2.Token, error) {
	for {
		if err := c.pause.wait(ctx); err != nil {
			return nil, err
		}
		token, err := c.token.get(ctx, rejected)
		if err != nil {
			return nil, err
		}
		turn := c.limiter.Reserve()
		if err := wait(ctx, turn.Delay()); err != nil {
			turn.Cancel()
			return nil, err
		}
		if !c.pause.on() {
			return token, nil
		}
	}
}

// backoff is the wait before retry number try (from 0): 0.5, 1, 2, 4, 8 and from
// then on 16 s, each less up to a half by chance so that workers do not come
// back in step. Five retries so wait for 8 to 15 s in all.
func backoff(try int) time.Duration {
	d := 500 * time.Millisecond << min(try, 5)
	return d/2 + rand.N(d/2)
}

// retryAfter reads a Retry-After header, seconds or an HTTP date, within
// [0, maxPause]; without a readable one it is fallback. A date counts from the
// answer's own Date, and from now only without one: our clock may be wrong.
func retryAfter(h http.Header, now time.Time, fallback time.Duration) time.Duration {
	v := h.Get("Retry-After")
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		now = theirs
	}
	var d time.Duration
	if secs, err := strconv.ParseInt(v, 10, 64); err == nil {
		d = time.Duration(min(max(secs, 0), int64(maxPause/time.Second))) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	} else {
		return fallback
	}
	return min(max(d, 0), maxPause)
}

// pause holds back every request of the client until a moment.
type pause struct {
	mu    sync.Mutex
	until time.Time
}

func (p *pause) extend(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := time.Now().Add(d); t.After(p.until) {
		p.until = t
	}
}

func (p *pause) on() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.until)
}

func (p *pause) wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		d := time.Until(p.until)
		p.mu.Unlock()
		if d <= 0 {
			return nil
		}
		if err := wait(ctx, d); err != nil {
			return err
		}
	}
}

// wait sleeps for d or until the context ends, whose cause it then returns.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
