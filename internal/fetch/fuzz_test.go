package fetch

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"exporter/internal/snapshot"
)

// fuzzModel decodes any row of a list. object is nil for a model without one.
func fuzzModel[T any](f *testing.F, example string, decode func(*decoder, json.RawMessage) row[T], object func(T) snapshot.Object) {
	seed, err := os.ReadFile(filepath.Join("testdata", example+".json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // no page holds it
		}
		stats := newStats()
		r := decode(&decoder{stats: &stats, list: "rows"}, raw)
		if r.null {
			return
		}
		wantFit(t, reflect.ValueOf(r.value))
		if object == nil {
			return
		}
		o := object(r.value)
		wantStorable(t, o.Raw)
		if digest, err := snapshot.DigestOfJSON(o.Raw); err != nil || digest != o.Digest || digest != r.digest {
			t.Errorf("digest %s of %s, want %s, error %v", o.Digest, o.Raw, digest, err)
		}
		if bytes.Equal(o.Raw, raw) != (stats.oddities["replaced text: rows "] == 0) {
			t.Errorf("raw %q of %q, but oddities %v", o.Raw, raw, stats.oddities)
		}
	})
}

// wantFit fails where a text holds what Postgres cannot, or a time what JSON
// cannot, anywhere in a value but its Object.
func wantFit(t *testing.T, v reflect.Value) {
	t.Helper()
	switch x := v.Interface().(type) {
	case snapshot.Object:
		return
	case time.Time:
		if _, err := x.MarshalJSON(); err != nil || x.Year() <= 1 || x.Location() != time.UTC {
			t.Errorf("time %s, error %v", x, err)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			t.Errorf("text %q", s)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			wantFit(t, v.Elem())
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			wantFit(t, field)
		}
	case reflect.Slice:
		for i := range v.Len() {
			wantFit(t, v.Index(i))
		}
	}
}

var (
	escapedBackslash = regexp.MustCompile(`\\\\`)
	surrogatePair    = regexp.MustCompile(`(?i)\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}`)
	unstorable       = regexp.MustCompile(`(?i)\\u0000|\\ud[89a-f][0-9a-f]{2}`)
)

// wantStorable fails where Postgres would refuse a text as jsonb.
func wantStorable(t *testing.T, raw []byte) {
	t.Helper()
	rest := surrogatePair.ReplaceAll(escapedBackslash.ReplaceAll(raw, []byte("-")), []byte("-"))
	if !json.Valid(raw) || !utf8.Valid(raw) || unstorable.Match(rest) {
		t.Errorf("raw %q", raw)
	}
}

func FuzzCampaign(f *testing.F) {
	fuzzModel(f, "campaign", campaign, func(v snapshot.Campaign) snapshot.Object { return v.Object })
}

func FuzzCertification(f *testing.F) {
	fuzzModel(f, "certification", certification, func(v snapshot.Certification) snapshot.Object { return v.Object })
}

func FuzzReviewer(f *testing.F) {
	fuzzModel(f, "reviewer", reviewer, func(v snapshot.Reviewer) snapshot.Object { return v.Object })
}

func FuzzReviewItem(f *testing.F) {
	fuzzModel(f, "review_item", reviewItem, func(v snapshot.ReviewItem) snapshot.Object { return v.Object })
}

func FuzzTask(f *testing.F) {
	fuzzModel(f, "task", task, func(v snapshot.Task) snapshot.Object { return v.Object })
}

func FuzzPermission(f *testing.F) {
	fuzzModel(f, "permission", permission, nil)
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Add("7", "", int64(time.Second))
	f.Add("Sun, 01 Mar 2026 12:00:07 GMT", "Sun, 01 Mar 2026 12:00:00 GMT", int64(0))
	f.Fuzz(func(t *testing.T, after, date string, fallback int64) {
		patience := time.Duration(fallback & int64(maxPause-1))
		h := http.Header{"Retry-After": {after}, "Date": {date}}
		if d := retryAfter(h, now, patience); d < 0 || d > maxPause {
			t.Errorf("%s for Retry-After %q and Date %q", d, after, date)
		}
	})
}

func TestProxyComesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	transport, err := newTransport("", 16)
	if err != nil {
		t.Fatal(err)
	}
	if transport.Proxy == nil || transport.TLSClientConfig.InsecureSkipVerify || transport.MaxIdleConnsPerHost != 16 {
		t.Errorf("transport %+v", transport)
	}
}
