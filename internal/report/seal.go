package report

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// sealName is the file of the lines that the run was sealed over: its SHA-256 is the run's root.
const sealName = "seal.jsonl"

// ErrNotSealed says that a run is not stored as it was sealed. No report is made of such a run.
var ErrNotSealed = errors.New("the stored run is not what was sealed")

// seal writes the lines of the seal, and compares their hash with the root that the report states. It comes before all
// else: what was tampered with is not rendered.
func (r *renderer) seal(ctx context.Context) error {
	out, err := r.folder.create(sealName)
	if err != nil {
		return err
	}
	lines := &lineCounter{w: out}
	if err := r.src.WriteSeal(ctx, lines); err != nil {
		return err
	}
	if root := hex.EncodeToString(out.sum.Sum(nil)); root != r.run.RootSHA256 {
		return fmt.Errorf("%w: its facts and its coverage have the root %s, and it was sealed with %s; `exporter verify --run %d` names what differs",
			ErrNotSealed, root, r.run.RootSHA256, r.run.ID)
	}
	return r.folder.add(out, lines.n)
}

// lineCounter counts the lines that pass.
type lineCounter struct {
	w io.Writer
	n int64
}

func (c *lineCounter) Write(p []byte) (int, error) {
	c.n += int64(bytes.Count(p, []byte("\n")))
	return c.w.Write(p)
}
