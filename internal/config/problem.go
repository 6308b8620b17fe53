package config

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// problem is one error of the configuration. Its text repeats no value but numbers and durations: what was pasted at the
// wrong place may be a secret.
type problem struct {
	origin
	key string // empty for the document as a whole
	err error
}

func (p *problem) Error() string {
	text := p.err.Error()
	if p.key != "" {
		text = p.key + ": " + text
	}
	if p.name != "" {
		text = p.name + ": " + text
	}
	return text
}

func (p *problem) Unwrap() error { return p.err }

// origin is the place a value was given.
type origin struct {
	name string // file:line, file or environment variable; empty: not known
	line int    // orders the problems of a file; 0 outside of one
}

// within is an error about a part of a setting: item [1] of a list.
type within struct {
	part string
	err  error
}

func (w *within) Error() string { return w.part + ": " + w.err.Error() }

func (w *within) Unwrap() error { return w.err }

// locate takes an error about the setting of that key apart into one problem for each thing that is wrong.
func locate(key string, err error) []*problem {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var found []*problem
		for _, e := range joined.Unwrap() {
			found = append(found, locate(key, e)...)
		}
		return found
	}
	if w, ok := err.(*within); ok {
		return locate(key+w.part, w.err)
	}
	return []*problem{{key: key, err: err}}
}

// join orders problems by line, those of the environment last, and makes one error of them.
func join(problems []*problem) error {
	order := func(p *problem) int {
		if p.line == 0 {
			return math.MaxInt
		}
		return p.line
	}
	slices.SortStableFunc(problems, func(a, b *problem) int { return cmp.Compare(order(a), order(b)) })
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
