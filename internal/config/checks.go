package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/robfig/cron/v3"
)

var (
	labelForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	periodForm = regexp.MustCompile(`^[1-9][0-9]{0,4}[ymd]$`)
)

// optional lets the zero value pass: the setting is not given.
func optional[T comparable](check func(T) error) func(T) error {
	return func(v T) error {
		var unset T
		if v == unset {
			return nil
		}
		return check(v)
	}
}

func between[T cmp.Ordered](low, high T) func(T) error {
	return func(v T) error {
		if v < low || v > high {
			return fmt.Errorf("must be between %v and %v, is %v", low, high, v)
		}
		return nil
	}
}

func atLeast[T cmp.Ordered](low T) func(T) error {
	return func(v T) error {
		if v < low {
			return fmt.Errorf("must be at least %v, is %v", low, v)
		}
		return nil
	}
}

func positive(d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("must be more than 0s, is %v", d)
	}
	return nil
}

// fraction is written so that NaN, which compares with nothing, is refused.
func fraction(f float64) error {
	if !(f >= 0 && f <= 1) {
		return errors.New("must be between 0% and 100%, or 0 and 1")
	}
	return nil
}

func notZero(f float64) error {
	if f == 0 {
		return errors.New("must be more than 0%")
	}
	return nil
}

func oneOf(allowed ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(allowed, s) {
			return errors.New("must be one of " + strings.Join(allowed, ", "))
		}
		return nil
	}
}

func each(check func(string) error) func([]string) error {
	return func(list []string) error {
		var found []error
		for i, s := range list {
			if err := check(s); err != nil {
				found = append(found, &within{index(i), err})
			}
		}
		return errors.Join(found...)
	}
}

func distinct(list []string) error {
	var found []error
	for i, s := range list {
		if first := slices.Index(list, s); first < i {
			found = append(found, &within{index(i), fmt.Errorf("repeats item %s; leave one of them out", index(first))})
		}
	}
	return errors.Join(found...)
}

func some(list []string) error {
	if len(list) == 0 {
		return errors.New("must name at least one")
	}
	return nil
}

func notEmpty(s string) error {
	if s == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func oneLine[S ~string](s S) error {
	if strings.ContainsFunc(string(s), unicode.IsControl) {
		return errors.New("must be one line without control characters")
	}
	return nil
}

// id refuses what could end the quoted text of a filter in which ids are sent.
func id(s string) error {
	if s == "" || strings.ContainsAny(s, "\"'`\\") || strings.ContainsFunc(s, unicode.IsControl) {
		return errors.New("must be an id: not empty, without quotes, backslashes and control characters")
	}
	return nil
}

// label is a name that is safe as a part of file names on every system.
func label(s string) error {
	if !labelForm.MatchString(s) {
		return errors.New("must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit")
	}
	return nil
}

func period(s string) error {
	if !periodForm.MatchString(s) {
		return errors.New("must be a number of years, months or days, for example 7y, 18m or 90d; empty keeps everything")
	}
	return nil
}

func baseline(s string) error {
	if s == "previous" || s == "none" {
		return nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
		return nil
	}
	return errors.New("must be previous, none or the number of a run")
}

func absolute(path string) error {
	if !filepath.IsAbs(path) {
		return errors.New("must be an absolute path, for example /var/lib/exporter")
	}
	return nil
}

func hostPort(s string) error {
	if _, port, err := net.SplitHostPort(s); err == nil && isPort(port) {
		return nil
	}
	return errors.New("must be host:port, for example 127.0.0.1:9090 or :9090")
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

func timezone(name string) error {
	if _, err := time.LoadLocation(name); err != nil || name == "" {
		return errors.New("must be the name of a time zone known to this system, for example UTC or Europe/Berlin")
	}
	return nil
}

func cronExpression(s string) error {
	// The parser takes a time zone in front, and panics on one with nothing behind it.
	if strings.HasPrefix(s, "TZ=") || strings.HasPrefix(s, "CRON_TZ=") {
		return errors.New("must not hold a time zone; set schedule.timezone")
	}
	schedule, err := cron.ParseStandard(s)
	if err != nil {
		return errors.New(`must be a cron expression (minute, hour, day, month, weekday), for example "15 2 * * *", or one such as @daily`)
	}
	if schedule.Next(time.Unix(0, 0)).IsZero() {
		return errors.New("must name a time that exists; this one never comes")
	}
	return nil
}

func postgres(s Secret) error {
	// The parser's own error may repeat the password.
	if _, err := pgxpool.ParseConfig(s.Reveal()); err != nil {
		return errors.New("must be a connection string of PostgreSQL, for example postgres://user@host:5432/exporter")
	}
	return nil
}

// siteURL is the root of a host: an address without a path.
func siteURL(s string) error {
	if u, ok := endpoint(s); ok && u.Path == "" && !strings.ContainsAny(s, "?#") {
		return nil
	}
	return errors.New("must be an https URL (http for loopback hosts only) without path, query and user, " +
		"for example https://acme.api.identitynow.com")
}

func pageURL(s string) error {
	if _, ok := endpoint(s); ok && !strings.ContainsAny(s, "?#") {
		return nil
	}
	return errors.New("must be an https URL (http for loopback hosts only) without query and user, " +
		"for example https://acme.api.identitynow.com/oauth/token")
}

func hookURL(s Secret) error {
	if _, ok := endpoint(s.Reveal()); ok && !strings.Contains(s.Reveal(), "#") {
		return nil
	}
	return errors.New("must be an https URL (http for loopback hosts only) without user and fragment")
}

// endpoint parses an address that may be called: what is sent there is encrypted or does not leave the machine.
func endpoint(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.HasSuffix(u.Host, ":") {
		return nil, false
	}
	if port := u.Port(); port != "" && !isPort(port) {
		return nil, false
	}
	return u, u.Scheme == "https" || (u.Scheme == "http" && isLoopback(u.Hostname()))
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
