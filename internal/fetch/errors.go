package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Error is an answer of the API that is not what was asked for, or the lack of
// one after all retries.
type Error struct {
	Operation  string
	Status     int    // 0: no HTTP answer
	DetailCode string // SailPoint's support asks for these two
	TrackingID string
	Message    string
	Cause      string // the texts of the causes that the tenant names, joined
	Err        error  // the cause where there was no answer, or a body that cannot be read
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Operation)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.DetailCode != "" {
		fmt.Fprintf(&b, " (%s)", e.DetailCode)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Cause != "" {
		fmt.Fprintf(&b, ": %s", e.Cause)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.TrackingID != "" {
		fmt.Fprintf(&b, " [trackingId %s]", e.TrackingID)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// StatusOf is the HTTP status in an error, or 0.
func StatusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

const maxMessage = 500 // characters of a tenant's words kept in an error

// apiError reads the error bodies of the API: the ErrorResponseDto, {"error":}
// of a 401 and {"message":} of a 429. Anything else is left unquoted.
func apiError(op string, status int, body []byte) *Error {
	e := &Error{Operation: op, Status: status}
	var dto struct {
		DetailCode string    `json:"detailCode"`
		TrackingID string    `json:"trackingId"`
		Messages   []message `json:"messages"`
		Causes     []message `json:"causes"`
		Error      any       `json:"error"`
		Message    any       `json:"message"`
	}
	// A field of an unexpected type still leaves the others readable.
	_ = json.Unmarshal(body, &dto)
	e.DetailCode, e.TrackingID = plainText(dto.DetailCode), plainText(dto.TrackingID)
	switch {
	case len(dto.Messages) > 0:
		e.Message = dto.Messages[0].Text
		for _, m := range dto.Messages {
			if strings.HasPrefix(m.Locale, "en") {
				e.Message = m.Text
				break
			}
		}
	case dto.Error != nil:
		e.Message = fmt.Sprint(dto.Error)
	case dto.Message != nil:
		e.Message = fmt.Sprint(dto.Message)
	default:
		e.Message = strings.ToLower(http.StatusText(status))
	}
	e.Message = plainText(e.Message)
	causes := make([]string, len(dto.Causes))
	for i, c := range dto.Causes {
		causes[i] = c.Text
	}
	e.Cause = plainText(strings.Join(causes, "; "))
	return e
}

// message is a text of an error body.
type message struct {
	Locale string `json:"locale"`
	Text   string `json:"text"`
}

// plainText makes a tenant's words fit for one line of a log or a cell.
func plainText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if r := []rune(s); len(r) > maxMessage {
		s = string(r[:maxMessage]) + "…"
	}
	return s
}
