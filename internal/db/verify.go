package db

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Verification is what of a tenant's history was checked against its seals, and
// the first thing found that is not as it was sealed.
type Verification struct {
	Tenant         string      `json:"tenant"`
	Runs           int64       `json:"runs"`            // finished ones, whose roots were computed again
	Rows           int64       `json:"rows"`            // hashed again
	Collections    int64       `json:"collections"`     // proofs compared with the versions valid at their run
	PermissionSets int64       `json:"permission_sets"` // whose content address was computed again
	PrunedRuns     int64       `json:"pruned_runs"`     // of the runs: whose place in the chain is verified, and whose rows are gone
	ErasedRows     int64       `json:"erased_rows"`     // from which a person was erased, on record
	Difference     *Difference `json:"difference"`      // nil: there is none
}

// Difference is one thing that is not as it was sealed. Fields that do not
// apply are empty or 0.
type Difference struct {
	Table           string `json:"table"` // of schema history
	CertificationID string `json:"certification_id,omitempty"`
	ID              string `json:"id,omitempty"`     // of the object; for coverage, the collection
	Run             int64  `json:"run_id,omitempty"` // the run that wrote it, or at which it shows
	What            string `json:"what"`
}

func (d Difference) String() string {
	var b strings.Builder
	b.WriteString(d.Table)
	if d.CertificationID != "" {
		fmt.Fprintf(&b, " of certification %s", d.CertificationID)
	}
	if d.ID != "" {
		fmt.Fprintf(&b, ", id %s", d.ID)
	}
	if d.Run != 0 {
		fmt.Fprintf(&b, ", run %d", d.Run)
	}
	return b.String() + ": " + d.What
}

// Verify computes the hashes of a tenant's history again from its rows, up to
// a finished run and including it, or all of it where upTo is nil. A run rests
// on the runs before it, so these are verified with it. It reads one moment of
// the database, and may be called while a run is under way.
//
// What the chain in a database cannot tell is that its newest runs were dropped
// or that all of it was computed anew.
func (s *Store) Verify(ctx context.Context, t Tenant, upTo *int64) (Verification, error) {
	v := verifier{tenant: t, upTo: math.MaxInt64, found: Verification{Tenant: t.Name}, known: map[int64]bool{}, pruned: map[int64]bool{}}
	if upTo != nil {
		run, err := s.Run(ctx, t, *upTo)
		if err != nil {
			return v.found, err
		}
		// A root without the status that goes with it is for the verifier to name.
		if !run.Finished() && run.RootSHA256 == nil {
			return v.found, fmt.Errorf("verify run %d: it is %s: only finished runs are sealed", run.ID, run.Status)
		}
		v.upTo = *upTo
	}
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		v.tx = tx
		return v.verify(ctx)
	})
	if err != nil {
		return v.found, fmt.Errorf("verify the history of %s: %w", t.Name, err)
	}
	return v.found, nil
}

// verifier is one verification. Its steps end at the first difference.
type verifier struct {
	tx     pgx.Tx
	tenant Tenant
	upTo   int64
	runs   []Run          // up to upTo, by number
	known  map[int64]bool // their numbers
	pruned map[int64]bool // of these, the ones whose rows are gone
	found  Verification
}

// verify takes the steps in the order in which they say most: a row that was
// changed is named rather than the root that no longer fits.
func (v *verifier) verify(ctx context.Context) error {
	// Functions and operators of other schemas must not stand in for the server's.
	if _, err := v.tx.Exec(ctx, `SET LOCAL search_path = pg_catalog`); err != nil {
		return err
	}
	rows, err := v.tx.Query(ctx, `
		SELECT `+runColumns+`
		FROM history.run r
		JOIN history.tenant t USING (tenant_id)
		WHERE r.tenant_id = $1 AND r.run_id <= $2
		ORDER BY r.run_id`, v.tenant.ID, v.upTo)
	if err != nil {
		return err
	}
	if v.runs, err = pgx.CollectRows(rows, scanRun); err != nil {
		return err
	}
	for _, r := range v.runs {
		v.known[r.ID] = true
		if r.PrunedAt != nil {
			v.pruned[r.ID] = true
		}
	}
	steps := []func(context.Context) (*Difference, error){v.chain, v.rows, v.retention, v.certifications, v.campaigns, v.tasks, v.permissionSets, v.seals}
	for _, step := range steps {
		if v.found.Difference, err = step(ctx); err != nil || v.found.Difference != nil {
			return err
		}
	}
	return nil
}

// chain follows the roots as they are stored, each to the one before.
func (v *verifier) chain(ctx context.Context) (*Difference, error) {
	differs := func(r Run, format string, args ...any) (*Difference, error) {
		return &Difference{Table: "run", Run: r.ID, What: fmt.Sprintf(format, args...)}, nil
	}
	var last *Run
	for _, r := range v.runs {
		switch {
		case !r.Finished() && r.RootSHA256 == nil:
			continue
		case !r.Finished():
			return differs(r, "is %s and has a root, as only a sealed run does: its status was changed", r.Status)
		case r.RootSHA256 == nil:
			return differs(r, "is %s and has no root", r.Status)
		case last == nil && r.PreviousRootSHA256 != nil:
			return differs(r, "was sealed onto root %s, and there is no finished run before it: one is missing", *r.PreviousRootSHA256)
		case last != nil && r.PreviousRootSHA256 == nil:
			return differs(r, "was sealed as the first, and run %d is before it", last.ID)
		case last != nil && *r.PreviousRootSHA256 != *last.RootSHA256:
			return differs(r, "was sealed onto root %s, and run %d before it has root %s: a run between them is missing, or one of the two was changed",
				*r.PreviousRootSHA256, last.ID, *last.RootSHA256)
		}
		last = &r
	}
	var missing *int64
	err := v.tx.QueryRow(ctx, `
		SELECT min(c.run_id)
		FROM history.coverage c
		WHERE c.tenant_id = $1 AND c.run_id <= $2
		  AND NOT EXISTS (SELECT FROM history.run r WHERE r.tenant_id = c.tenant_id AND r.run_id = c.run_id)`, v.tenant.ID, v.upTo).Scan(&missing)
	if err != nil || missing == nil {
		return nil, err
	}
	return &Difference{Table: "run", Run: *missing, What: "is missing, and its coverage is there"}, nil
}

// seals computes again what each finished run was sealed with.
func (v *verifier) seals(ctx context.Context) (*Difference, error) {
	var covered int64 // the last run whose seal tells what was written
	for _, r := range v.runs {
		if !r.Finished() {
			continue
		}
		v.found.Runs++
		if r.PrunedAt != nil {
			v.found.PrunedRuns++
		}
		root, err := rootOf(ctx, v.tx, v.tenant, r.ID, r.Status)
		if err != nil {
			return nil, err
		}
		if root != *r.RootSHA256 {
			return &Difference{Table: "run", Run: r.ID, What: fmt.Sprintf(
				"its facts or its coverage are not those that were sealed: their root is %s, and %s is stored", root, *r.RootSHA256)}, nil
		}
		if r.WrittenSHA256 == nil {
			continue
		}
		written, err := writtenSince(ctx, v.tx, v.tenant, covered, r.ID)
		if err != nil {
			return nil, err
		}
		if written != *r.WrittenSHA256 {
			return &Difference{Table: "run", Run: r.ID, What: fmt.Sprintf(
				"what was written since run %d is not what was sealed: a version that began or ended then, or an unfinished run between, was changed, added or removed",
				covered)}, nil
		}
		covered = r.ID
	}
	return nil, nil
}
