package reassign

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"exporter/internal/fetch"
)

// Order is what somebody wants reassigned.
type Order struct {
	CertificationID string
	To              string                 // the id of an identity
	Reason          string                 // shown to the reviewers
	Targets         []fetch.ReassignTarget // any number, each once
	// Again sends targets that an unsettled request names, too.
	Again bool
}

// Check reports, joined, all that is wrong with an order.
func (o Order) Check() error {
	var faults []error
	note := func(what string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", what, err))
		}
	}
	note("certification", checkID(o.CertificationID))
	note("identity to reassign to", checkID(o.To))
	note("reason", checkReason(o.Reason))
	if len(o.Targets) == 0 {
		faults = append(faults, errors.New("nothing to reassign"))
	}
	seen := make(map[fetch.ReassignTarget]bool, len(o.Targets))
	for _, t := range o.Targets {
		note("target", checkTarget(t))
		if seen[t] {
			faults = append(faults, fmt.Errorf("target: %s %s is named twice", t.Type, t.ID))
		}
		seen[t] = true
	}
	return errors.Join(faults...)
}

func checkReason(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("is missing")
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return errors.New("is no text")
	}
	return nil
}

func checkTarget(t fetch.ReassignTarget) error {
	switch t.Type {
	case fetch.TargetItem, fetch.TargetIdentity, fetch.TargetAccess:
		return checkID(t.ID)
	}
	return fmt.Errorf("type %q: use %s, %s or %s", t.Type, fetch.TargetItem, fetch.TargetIdentity, fetch.TargetAccess)
}

// checkID refuses what can only be a slip: no id of the tenant has spaces or
// unprintable characters.
func checkID(id string) error {
	slip := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == utf8.RuneError }
	switch {
	case id == "":
		return errors.New("id is missing")
	case strings.ContainsFunc(id, slip):
		return fmt.Errorf("%q is no id", id)
	}
	return nil
}

// ReadTargets reads targets from a CSV file with the header type,id, as a
// spreadsheet may have written it: with a byte order mark and CRLF. The error
// lists all that is wrong, a line each, as name:line.
func ReadTargets(name string, r io.Reader) ([]fetch.ReassignTarget, error) {
	var targets []fetch.ReassignTarget
	var faults []error
	fault := func(line int, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%s:%d: %w", name, line, fmt.Errorf(format, args...)))
	}
	text := bufio.NewReader(r)
	if mark, _ := text.Peek(3); string(mark) == "\uFEFF" {
		_, _ = text.Discard(3)
	}
	rows := csv.NewReader(text)
	rows.FieldsPerRecord = -1
	first := map[fetch.ReassignTarget]int{} // line
	for header := true; ; header = false {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var slip *csv.ParseError
		if errors.As(err, &slip) {
			fault(slip.Line, "%w", slip.Err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		line, _ := rows.FieldPos(0)
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		if header {
			if got := strings.Join(row, ","); got != "type,id" {
				fault(line, "the header is %q, not type,id", got)
			}
			continue
		}
		if len(row) != 2 {
			fault(line, "%d fields: want type,id", len(row))
			continue
		}
		t := fetch.ReassignTarget{Type: row[0], ID: row[1]}
		if err := checkTarget(t); err != nil {
			fault(line, "%w", err)
			continue
		}
		if at := first[t]; at != 0 {
			fault(line, "%s %s is on line %d already", t.Type, t.ID, at)
			continue
		}
		first[t] = line
		targets = append(targets, t)
	}
	if len(targets) == 0 && len(faults) == 0 {
		fault(1, "nothing to reassign: want a header type,id and a line for each target")
	}
	return targets, errors.Join(faults...)
}
