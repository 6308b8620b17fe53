package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Verdicts on a report: may it be relied on?
const (
	verdictPass = "PASS"
	verdictGaps = "PASS WITH ACCEPTED GAPS"
	verdictFail = "FAIL"
)

// Outcomes of a collection that the verdict tells apart; any other, known or not, is not proved.
const (
	outcomeComplete      = "COMPLETE"
	outcomeSealedEarlier = "SEALED_EARLIER"
	outcomeNotFound      = "NOT_FOUND"
	outcomeOutOfScope    = "OUT_OF_SCOPE"
	outcomeUnsupported   = "UNSUPPORTED"
)

// headerCollection is the collection that stands for a certification as a whole.
const headerCollection = "certification"

// maxGaps is how many certifications the Summary names; sheet Coverage has them all.
const maxGaps = 15

// completeness judges the rows of coverage as they pass, in the order of the view: the rows of a certification
// together, its header before its other collections.
type completeness struct {
	known  []string // certifications accepted as unreadable
	column struct{ certification, collection, outcome, status int }

	proved     int64
	outOfScope int64
	unproved   gaps
	accepted   gaps

	gone string // the last certification that the tenant no longer has
}

// gaps are collections that were not proved, by certification.
type gaps struct {
	collections    int64
	certifications int64
	last           string
	first          []gap // at most maxGaps
}

type gap struct {
	certification string // empty: lists of the whole run
	name          string // empty: not known
	outcomes      []outcome
}

type outcome struct {
	what        string // e.g. "FAILED (status 500)"
	collections []string
}

func newCompleteness(known []string) *completeness {
	t := coverageTable()
	c := &completeness{known: slices.Sorted(slices.Values(known))}
	c.column.certification = t.index("certification_id")
	c.column.collection = t.index("collection")
	c.column.outcome = t.index("outcome")
	c.column.status = t.index("http_status")
	return c
}

// see takes in a row of coverage and tells whether it is proved or needs no proof.
func (c *completeness) see(row []any) bool {
	certification, _ := row[c.column.certification].(string)
	collection, _ := row[c.column.collection].(string)
	outcome, _ := row[c.column.outcome].(string)
	switch outcome {
	case outcomeComplete, outcomeSealedEarlier:
		c.proved++
		return true
	case outcomeOutOfScope:
		c.outOfScope++
		return true
	case outcomeNotFound:
		// A certification that is gone is a proved fact; a collection missing from one that is there is not.
		if collection == headerCollection {
			c.gone = certification
		}
		if certification != "" && certification == c.gone {
			c.proved++
			return true
		}
	}
	what := outcome
	if status, ok := row[c.column.status].(int64); ok {
		what += fmt.Sprintf(" (status %d)", status)
	}
	if _, ok := slices.BinarySearch(c.known, certification); ok && certification != "" {
		c.accepted.add(certification, collection, what)
	} else {
		c.unproved.add(certification, collection, what)
	}
	return false
}

func (g *gaps) add(certification, collection, what string) {
	first := g.collections == 0
	g.collections++
	if first || certification != g.last {
		g.last = certification
		g.certifications++
		if len(g.first) < maxGaps {
			g.first = append(g.first, gap{certification: certification})
		}
	}
	if last := &g.first[len(g.first)-1]; last.certification == certification {
		last.add(collection, what)
	}
}

func (g *gap) add(collection, what string) {
	for i := range g.outcomes {
		if g.outcomes[i].what == what {
			g.outcomes[i].collections = append(g.outcomes[i].collections, collection)
			return
		}
	}
	g.outcomes = append(g.outcomes, outcome{what: what, collections: []string{collection}})
}

// name gives the certifications among the gaps their names.
func (g *gaps) name(certification, name string) {
	for i := range g.first {
		if g.first[i].certification == certification {
			g.first[i].name = name
		}
	}
}

// verdict judges the whole run, and says why in sentences.
func (c *completeness) verdict(status string) (verdict string, why []string) {
	total := c.proved + c.unproved.collections + c.accepted.collections
	switch {
	case total == 0:
		return verdictFail, []string{"The run recorded no coverage: nothing shows what was read."}
	case c.unproved.collections > 0:
		why = []string{fmt.Sprintf("%s of %s in scope not proved; named below and first on sheet Coverage.",
			count(c.unproved.collections), plural(total, "collection"))}
		verdict = verdictFail
	case c.accepted.collections > 0:
		why = []string{fmt.Sprintf("%s of %s in scope proved; the rest is accepted as unreadable.",
			count(c.proved), plural(total, "collection"))}
		verdict = verdictGaps
	default:
		why = []string{fmt.Sprintf("Every collection in scope is proved: %s. This is about reading, not about findings.", count(total))}
		verdict = verdictPass
	}
	if (status == StatusSealed) != (verdict != verdictFail) {
		why = append(why, fmt.Sprintf("The status stored with the run, %s, does not agree with its coverage.", status))
		verdict = verdictFail
	}
	if c.outOfScope > 0 {
		why = append(why, fmt.Sprintf("%s known from earlier runs not in the scope of this one.", plural(c.outOfScope, "collection")))
	}
	return verdict, why
}

// label names a gap for people.
func (g gap) label() string {
	if g.certification == "" {
		return "Lists of the whole run"
	}
	return cmp.Or(g.name, "Name not known")
}

// detail says which certification it is and what became of its collections.
func (g gap) detail() string {
	var all []string
	for _, o := range g.outcomes {
		all = append(all, o.what+": "+strings.Join(o.collections, ", "))
	}
	s := strings.Join(all, "; ")
	if g.certification != "" {
		s = g.certification + " – " + s
	}
	return s
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// count writes a number as the sheets do, with commas.
func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
