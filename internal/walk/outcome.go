package walk

import (
	"context"
	"errors"
	"net/http"
	"time"

	"exporter/internal/fetch"
	"exporter/internal/snapshot"
)

// carry begins a coverage row with what history shows of the collection: what
// holds until tonight's reading is proved.
func (w *walker) carry(before snapshot.Shown, id string, c snapshot.Collection, params string) snapshot.Coverage {
	return snapshot.Coverage{
		CertificationID: id, Collection: c, ParamsSHA256: params,
		Stored: before.Stored, CapturedRun: before.CapturedRun, Digest: before.Digest, Signed: before.Signed,
	}
}

// failed turns the error of a reading into its outcome. The error is returned
// where it ends the night instead: credentials, the context, the store.
func failed(c *snapshot.Coverage, err error, governanceGroup bool) error {
	if fatal(err) {
		return err
	}
	var e *fetch.Error
	errors.As(err, &e)
	switch {
	case governanceGroup && e.Status >= 400 && e.Status < 500:
		c.Outcome = snapshot.Unsupported
	case e.Status == http.StatusForbidden:
		c.Outcome = snapshot.Forbidden
	case e.Status == http.StatusNotFound:
		c.Outcome = snapshot.NotFound
	default:
		c.Outcome = snapshot.Failed
	}
	c.HTTPStatus = nonZero(e.Status)
	c.DetailCode, c.TrackingID = nonEmpty(e.DetailCode), nonEmpty(e.TrackingID)
	c.Error = nonEmpty(err.Error())
	c.ReadAt = now()
	return nil
}

// fatal says whether an error ends the night rather than one list.
func fatal(err error) bool {
	var e *fetch.Error
	return err != nil && (errors.Is(err, fetch.ErrAuth) || errors.Is(err, context.Canceled) || !errors.As(err, &e))
}

// settle sets a coverage row from a proof.
func settle(c *snapshot.Coverage, p fetch.Proof, signed bool) {
	c.Expected, c.Read, c.DistinctRead, c.Attempts, c.ReadAt = p.Expected, &p.Read, p.Distinct, p.Attempts, now()
	if !p.Proved {
		c.Outcome, c.Error = snapshot.Incomplete, &p.Why
		return
	}
	stored := p.Read
	if p.Distinct != nil {
		stored = *p.Distinct
	}
	complete(c, p.Digest, stored, signed)
}

// complete says that the rows read tonight are proved.
func complete(c *snapshot.Coverage, digest snapshot.Digest, stored int64, signed bool) {
	c.Unchanged = c.CapturedRun != nil && c.Digest != nil && *c.Digest == digest
	c.Outcome, c.Digest, c.Stored, c.Signed = snapshot.Complete, &digest, stored, signed
}

func now() *time.Time {
	t := time.Now().UTC().Truncate(time.Microsecond)
	return &t
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func nonZero(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
