package db

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// version is one version of an object, as far as its collection is concerned.
type version struct {
	id              string
	certificationID string // of a task
	digest          []byte
	from, to        int64 // runs; to is math.MaxInt64 for one that holds still
	rows            int64 // it shows as; -1: its permission set is missing
}

// holds says whether the version is valid at a run.
func (x version) holds(run int64) bool { return x.from <= run && run < x.to }

// proof is how a run settled a collection.
type proof struct {
	run     int64
	outcome snapshot.Outcome
	digest  []byte
	stored  int64
}

// collection names what is compared: the versions of a table, of one
// certification or of the tenant.
type collection struct{ table, certificationID string }

func (c collection) differs(id string, run int64, format string, args ...any) *Difference {
	return &Difference{Table: c.table, CertificationID: c.certificationID, ID: id, Run: run, What: fmt.Sprintf(format, args...)}
}

// certifications compares the versions of each certification, one collection at
// a time, with the coverage of all runs.
func (v *verifier) certifications(ctx context.Context) (*Difference, error) {
	rows, err := v.tx.Query(ctx, `
		SELECT certification_no, certification_id
		FROM history.known_certification
		WHERE tenant_id = $1
		ORDER BY certification_id`, v.tenant.ID)
	if err != nil {
		return nil, fmt.Errorf("certifications: %w", err)
	}
	type certification struct {
		No int64
		ID string
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[certification])
	if err != nil {
		return nil, fmt.Errorf("certifications: %w", err)
	}
	for _, c := range all {
		d, err := v.certification(ctx, c.No, c.ID)
		if d != nil || err != nil {
			return d, err
		}
	}
	return nil, nil
}

func (v *verifier) certification(ctx context.Context, no int64, id string) (*Difference, error) {
	settled, err := v.proofs(ctx, `c.certification_no = $3`, no)
	if err != nil {
		return nil, err
	}
	gone := runsWith(settled[unitOf{id, snapshot.CertificationHeader}], snapshot.NotFound)
	for _, part := range []struct {
		name       snapshot.Collection
		table, key string
	}{
		{snapshot.CertificationHeader, "certification", "certification_id"},
		{snapshot.Reviewers, "reviewer", "reviewer_id"},
		{snapshot.ReviewItems, "review_item", "item_id"},
		{snapshot.Permissions, "item_permissions", "item_id"},
	} {
		size, join := "1::bigint", ""
		if part.name == snapshot.Permissions {
			size, join = "coalesce(p.size::bigint, -1)", "LEFT JOIN history.permission_set p USING (tenant_id, digest)"
		}
		versions, err := v.versions(ctx, fmt.Sprintf(`
			SELECT v.%[1]s, '', v.digest, v.valid_from_run, v.valid_to_run, %[2]s
			FROM history.%[3]s v
			%[4]s
			WHERE v.tenant_id = $1 AND v.valid_from_run <= $2 AND v.certification_no = $3
			ORDER BY v.%[1]s, v.valid_from_run`, part.key, size, part.table, join), no)
		if err != nil {
			return nil, err
		}
		c, proofs := collection{part.table, id}, settled[unitOf{id, part.name}]
		if d := v.periods(c, versions, runsWith(proofs, snapshot.Complete), gone); d != nil {
			return d, nil
		}
		if d := v.compare(c, versions, proofs); d != nil {
			return d, nil
		}
	}
	return nil, nil
}

// campaigns compares the versions of the campaigns with the coverage.
func (v *verifier) campaigns(ctx context.Context) (*Difference, error) {
	settled, err := v.proofs(ctx, `c.certification_no = 0 AND c.collection = 'campaigns'`)
	if err != nil {
		return nil, err
	}
	versions, err := v.versions(ctx, `
		SELECT v.campaign_id, '', v.digest, v.valid_from_run, v.valid_to_run, 1::bigint
		FROM history.campaign v
		WHERE v.tenant_id = $1 AND v.valid_from_run <= $2
		ORDER BY v.campaign_id, v.valid_from_run`)
	if err != nil {
		return nil, err
	}
	c, proofs := collection{table: "campaign"}, settled[unitOf{"", snapshot.Campaigns}]
	if d := v.periods(c, versions, runsWith(proofs, snapshot.Complete), nil); d != nil {
		return d, nil
	}
	return v.compare(c, versions, proofs), nil
}

// tasks compares the versions of the tasks with the coverage: that of the whole
// run or, where the API version tells of them by certification, of each.
func (v *verifier) tasks(ctx context.Context) (*Difference, error) {
	settled, err := v.proofs(ctx, `c.collection = 'tasks'`)
	if err != nil {
		return nil, err
	}
	versions, err := v.versions(ctx, `
		SELECT v.task_id, coalesce(v.certification_id, ''), v.digest, v.valid_from_run, v.valid_to_run, 1::bigint
		FROM history.task v
		WHERE v.tenant_id = $1 AND v.valid_from_run <= $2
		ORDER BY v.task_id, v.valid_from_run`)
	if err != nil {
		return nil, err
	}
	complete := map[int64]bool{}
	of := map[string][]version{"": versions}
	for u, proofs := range settled {
		maps.Copy(complete, runsWith(proofs, snapshot.Complete))
		if u.certificationID != "" {
			of[u.certificationID] = nil
		}
	}
	if d := v.periods(collection{table: "task"}, versions, complete, nil); d != nil {
		return d, nil
	}
	for _, x := range versions {
		if _, ok := of[x.certificationID]; ok && x.certificationID != "" {
			of[x.certificationID] = append(of[x.certificationID], x)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(of)) {
		if d := v.compare(collection{"task", id}, of[id], settled[unitOf{id, snapshot.Tasks}]); d != nil {
			return d, nil
		}
	}
	return nil, nil
}

// periods checks that each version began with a run that proved its collection,
// and ended with such a one or with the run that found its certification gone;
// and that no two versions of an object hold at once.
func (v *verifier) periods(c collection, versions []version, complete, gone map[int64]bool) *Difference {
	why := func(run int64) string {
		if !v.known[run] {
			return "is missing"
		}
		return "did not prove the list it is in"
	}
	for i, x := range versions {
		switch {
		case i > 0 && versions[i-1].id == x.id && versions[i-1].to > x.from:
			return c.differs(x.id, x.from, "a version begins with run %d, and the one before holds still", x.from)
		case !complete[x.from]:
			return c.differs(x.id, x.from, "a version begins with run %d, which %s", x.from, why(x.from))
		case x.to != math.MaxInt64 && !complete[x.to] && !gone[x.to]:
			return c.differs(x.id, x.to, "a version ends with run %d, which %s", x.to, why(x.to))
		case x.rows < 0:
			return c.differs(x.id, x.from, "its permission set %x is missing", x.digest)
		}
	}
	return nil
}

// compare compares the versions valid at each run that proved the collection
// with the count and the digest in the coverage. What did not change between
// two runs is computed once.
func (v *verifier) compare(c collection, versions []version, proofs []proof) *Difference {
	var bounds []int64
	for _, x := range versions {
		bounds = append(bounds, x.from, x.to)
	}
	slices.Sort(bounds)
	var last proof
	for _, p := range proofs {
		if p.outcome != snapshot.Complete || v.pruned[p.run] {
			continue
		}
		v.found.Collections++
		if next, _ := slices.BinarySearch(bounds, last.run+1); last.run == 0 || next < len(bounds) && bounds[next] <= p.run {
			last = shownAt(p.run, versions)
		}
		if last.stored != p.stored {
			return c.differs("", p.run, "run %d proved %d rows, and %d are valid at it", p.run, p.stored, last.stored)
		}
		if string(last.digest) != string(p.digest) {
			return c.differs("", p.run, "the rows valid at run %d are not those it proved: one was exchanged, or is given another period", p.run)
		}
	}
	return nil
}

// shownAt is the proof that would hold for the versions valid at a run.
func shownAt(run int64, versions []version) proof {
	var entries []snapshot.Entry
	var stored int64
	for _, x := range versions {
		if x.holds(run) {
			e := snapshot.Entry{ID: x.id}
			copy(e.Digest[:], x.digest)
			entries = append(entries, e)
			stored += x.rows
		}
	}
	digest := snapshot.CollectionDigest(entries)
	return proof{run: run, digest: digest[:], stored: stored}
}

// unitOf is a collection as coverage names it.
type unitOf struct {
	certificationID string // empty: of the whole run
	name            snapshot.Collection
}

// proofs reads the coverage rows that a condition singles out, by collection,
// each in the order of runs.
func (v *verifier) proofs(ctx context.Context, where string, args ...any) (map[unitOf][]proof, error) {
	rows, err := v.tx.Query(ctx, `
		SELECT coalesce(k.certification_id, ''), c.collection, c.run_id, c.outcome, c.digest, c.stored
		FROM history.coverage c
		LEFT JOIN history.known_certification k USING (tenant_id, certification_no)
		WHERE c.tenant_id = $1 AND c.run_id <= $2 AND `+where+`
		ORDER BY c.run_id`, append([]any{v.tenant.ID, v.upTo}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("coverage: %w", err)
	}
	settled := map[unitOf][]proof{}
	var u unitOf
	var p proof
	_, err = pgx.ForEachRow(rows, []any{&u.certificationID, &u.name, &p.run, &p.outcome, &p.digest, &p.stored}, func() error {
		settled[u] = append(settled[u], p)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("coverage: %w", err)
	}
	return settled, nil
}

// runsWith are the runs that settled a collection with an outcome.
func runsWith(proofs []proof, outcome snapshot.Outcome) map[int64]bool {
	runs := map[int64]bool{}
	for _, p := range proofs {
		if p.outcome == outcome {
			runs[p.run] = true
		}
	}
	return runs
}

// versions reads versions as they were at the last run that counts: what ended
// later holds still.
func (v *verifier) versions(ctx context.Context, query string, args ...any) ([]version, error) {
	rows, err := v.tx.Query(ctx, query, append([]any{v.tenant.ID, v.upTo}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("versions: %w", err)
	}
	versions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (version, error) {
		var x version
		var to *int64
		err := row.Scan(&x.id, &x.certificationID, &x.digest, &x.from, &to, &x.rows)
		if x.to = math.MaxInt64; to != nil && *to <= v.upTo {
			x.to = *to
		}
		return x, err
	})
	if err != nil {
		return nil, fmt.Errorf("versions: %w", err)
	}
	return versions, nil
}
