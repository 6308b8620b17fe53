package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sealLines are the lines that a run's root is the hash of, as they follow from
// what is stored.
func (o *office) sealLines(run int64) string {
	o.Helper()
	var b bytes.Buffer
	o.fatal(o.store.Read(o.Context(), o.tenant, run, nil, func(r *Reader) error { return r.WriteSeal(o.Context(), &b) }))
	return b.String()
}

func TestTheLinesOfASealHashToItsRoot(t *testing.T) {
	t.Parallel()
	o := sixNights(t)
	for _, run := range query[int64](t, o.store, `SELECT run_id FROM history.run WHERE root_sha256 IS NOT NULL ORDER BY run_id`) {
		stored, err := o.store.Run(t.Context(), o.tenant, run)
		o.fatal(err)
		lines := o.sealLines(run)
		if diff := cmp.Diff(*stored.RootSHA256, fmt.Sprintf("%x", sha256.Sum256([]byte(lines)))); diff != "" {
			t.Errorf("run %d: root (-stored +of the lines):\n%s", run, diff)
		}
		coverage := rowsOf(t, o.store, o.tenant, run, "coverage", "certification_id", "collection", "outcome")
		var first struct {
			Run      int64   `json:"run_id"`
			Status   string  `json:"status"`
			Root     *string `json:"root_sha256"`
			Previous *string `json:"previous_root_sha256"`
		}
		facts, rest, _ := strings.Cut(lines, "\n")
		o.fatal(json.Unmarshal([]byte(facts), &first))
		if first.Run != run || first.Status != string(stored.Status) || first.Root != nil || value(first.Previous) != value(stored.PreviousRootSHA256) {
			t.Errorf("run %d: the first line tells %+v", run, first)
		}
		var told [][]any
		for line := range strings.Lines(rest) {
			var c struct{ Certification, Collection, Outcome *string }
			o.fatal(json.Unmarshal([]byte(line), &c))
			told = append(told, []any{value(c.Certification), value(c.Collection), value(c.Outcome)})
		}
		if diff := cmp.Diff(coverage, told); diff != "" {
			t.Errorf("run %d: coverage (-view +lines):\n%s", run, diff)
		}
	}
}

func TestTheLinesOfASealFollowWhatIsStored(t *testing.T) {
	t.Parallel()
	o := sixNights(t)
	before := o.sealLines(4)
	o.forge("coverage", `UPDATE history.coverage SET outcome = 'COMPLETE' WHERE outcome = 'FORBIDDEN'`)
	if o.sealLines(4) == before {
		t.Error("an outcome was changed, and no line")
	}
}

// failing is a disk that is full.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestTheLinesOfASealTellErrors(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	run := o.night(spring())
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		w    io.Writer
		want error
	}{
		"the disk is full":  {t.Context(), failing{}, io.ErrShortWrite},
		"the context ended": {canceled, io.Discard, context.Canceled},
	} {
		err := o.store.Read(t.Context(), o.tenant, run.ID, nil, func(r *Reader) error { return r.WriteSeal(test.ctx, test.w) })
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), fmt.Sprintf("seal of run %d", run.ID)) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}
