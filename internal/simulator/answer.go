package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// answer is what an operation says before it is encoded: one of body, page and
// fail.
type answer struct {
	status int
	header http.Header
	body   any // marshalled; []byte goes out as it is
	page   *page
	fail   *failure
}

// page is a cut of a list. Rows are pointers; a nil one is a null row.
type page struct {
	rows  []json.Marshaler
	total int
	count bool // the total was asked for and may be told
}

// marshal renders the body; number is that of the request.
func (a answer) marshal(number int) ([]byte, error) {
	switch {
	case a.page != nil:
		return marshalRows(a.page.rows)
	case a.fail != nil:
		return json.Marshal(a.fail.body(number))
	}
	if raw, ok := a.body.([]byte); ok {
		return raw, nil
	}
	return json.Marshal(a.body)
}

// failure is the error body of the API but for its tracking id.
type failure struct{ detailCode, text, cause string }

type errorBody struct {
	DetailCode string         `json:"detailCode"`
	TrackingID string         `json:"trackingId"`
	Messages   []ErrorMessage `json:"messages"`
	Causes     []ErrorMessage `json:"causes"`
}

// ErrorMessage is a text of an error body or of a failed task.
type ErrorMessage struct {
	Locale       *string `json:"locale"`
	LocaleOrigin *string `json:"localeOrigin"`
	Text         string  `json:"text"`
}

func messageOf(text string) ErrorMessage {
	return ErrorMessage{Locale: new("en-US"), LocaleOrigin: new("DEFAULT"), Text: text}
}

func (f *failure) body(number int) errorBody {
	body := errorBody{
		DetailCode: f.detailCode,
		TrackingID: ID("request", strconv.Itoa(number)),
		Messages:   []ErrorMessage{messageOf(f.text)},
		Causes:     []ErrorMessage{},
	}
	if f.cause != "" {
		body.Causes = append(body.Causes, messageOf(f.cause))
	}
	return body
}

// ID derives an id of 32 hexadecimal digits from parts: the same parts, the
// same id.
func ID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

const semanticallyInvalid = "The request was syntactically correct but its content is semantically invalid."

func badRequest(cause string) answer {
	return answer{status: http.StatusBadRequest, fail: &failure{"400.1 Bad Request Content", semanticallyInvalid, cause}}
}

func forbidden() answer {
	return answer{status: http.StatusForbidden, fail: &failure{
		detailCode: "403 Forbidden",
		text:       "The server understood the request but refuses to authorize it.",
	}}
}

func notFound(cause string) answer {
	return answer{status: http.StatusNotFound, fail: &failure{
		detailCode: "404 Not found",
		text:       "The server did not find a current representation for the target resource.",
		cause:      cause,
	}}
}

func unauthorized(text string) answer {
	return answer{status: http.StatusUnauthorized, body: map[string]string{"error": text}}
}

func tooMany() answer {
	return answer{status: http.StatusTooManyRequests, body: map[string]string{"message": " Rate Limit Exceeded "}}
}

// errorOf is the answer a tenant gives with a status, where only the status is
// known.
func errorOf(status int) answer {
	switch status {
	case http.StatusBadRequest:
		return badRequest("")
	case http.StatusUnauthorized:
		return unauthorized("JWT validation failed: JWT is expired")
	case http.StatusForbidden:
		return forbidden()
	case http.StatusNotFound:
		return notFound("")
	case http.StatusTooManyRequests:
		return tooMany()
	}
	text := http.StatusText(status)
	return answer{status: status, fail: &failure{detailCode: strconv.Itoa(status) + ".0 " + text, text: text}}
}

func nowhere(_ *Tenant, c call) answer {
	return notFound("no operation at " + c.http.Method + " " + c.http.URL.Path)
}
