package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The functions of this file make a typed value of what the document holds: nil, bool, string, int64, uint64, float64,
// []any or map[string]any. A value of the environment comes as a string.

func text[S ~string](v any) (S, error) {
	s, ok := v.(string)
	if !ok {
		return "", mismatch(v, "must be text; put it in quotes if it looks like a number, a date or true")
	}
	return S(s), nil
}

// textOrNumber leaves a whole number in its decimal form, so that a run's number needs no quotes.
func textOrNumber(v any) (string, error) {
	if n, err := whole(v); err == nil {
		return strconv.Itoa(n), nil
	}
	return text[string](v)
}

func boolean(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, mismatch(v, "must be true or false")
	}
	return b, nil
}

func whole(v any) (int, error) {
	switch n := v.(type) {
	case uint64:
		if n <= math.MaxInt {
			return int(n), nil
		}
	case int64:
		if n >= math.MinInt {
			return int(n), nil
		}
	}
	return 0, mismatch(v, "must be a whole number without quotes")
}

func number(v any) (float64, error) {
	switch n := v.(type) {
	case uint64:
		return float64(n), nil
	case int64:
		return float64(n), nil
	case float64:
		if !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n, nil
		}
	}
	return 0, mismatch(v, "must be a number")
}

// share takes 0.01 and 1% for the same.
func share(v any) (float64, error) {
	if n, err := number(v); err == nil {
		return n, nil
	}
	if s, ok := v.(string); ok {
		if digits, ok := strings.CutSuffix(s, "%"); ok {
			if n, err := strconv.ParseFloat(digits, 64); err == nil {
				return n / 100, nil
			}
		}
	}
	return 0, mismatch(v, "must be a percentage such as 1%, or a number from 0 to 1")
}

func duration(v any) (time.Duration, error) {
	if s, ok := v.(string); ok {
		if d, err := time.ParseDuration(s); err == nil {
			return d, nil
		}
	}
	return 0, mismatch(v, "must be a duration with its unit, for example 500ms, 30s, 10m or 1h30m")
}

func texts(v any) ([]string, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, mismatch(v, "must be a list, for example [a, b]")
	}
	var found []error
	var list []string
	for i, item := range items {
		s, err := text[string](item)
		if err != nil {
			found = append(found, &within{index(i), err})
		}
		list = append(list, s)
	}
	return list, errors.Join(found...)
}

func index(i int) string { return fmt.Sprintf("[%d]", i) }

func mismatch(v any, want string) error {
	if v == nil {
		return errors.New("has no value: leave it out, or it " + want)
	}
	return errors.New(want)
}
