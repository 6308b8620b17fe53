package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"exporter/internal/snapshot"
)

// hashed is a table whose rows carry a hash of themselves, and SQL that names a
// row v of it: by an id and by the run that wrote it, 0 where none is noted.
type hashed struct {
	table, id, run  string
	ofCertification bool
}

func hashedTables() []hashed {
	const began, noRun = "v.valid_from_run", "0::bigint"
	return []hashed{
		{"coverage", "v.collection", "v.run_id", true},
		{"campaign", "v.campaign_id", began, false},
		{"certification", "v.certification_id", began, true},
		{"reviewer", "v.reviewer_id", began, true},
		{"review_item", "v.item_id", began, true},
		{"item_permissions", "v.item_id", began, true},
		{"task", "v.task_id", began, false},
		{"permission_set", "encode(v.digest, 'hex')", noRun, false},
		{"permission", "(encode(v.digest, 'hex') || ' position ' || v.position)", noRun, false},
	}
}

// rows hashes every row again. The server does it, as only there a row has its
// binary form; each table is one pass.
func (v *verifier) rows(ctx context.Context) (*Difference, error) {
	for _, h := range hashedTables() {
		altered, err := v.alteredIn(ctx, h.table)
		if err != nil {
			return nil, err
		}
		var count, wrong int64
		err = v.tx.QueryRow(ctx, fmt.Sprintf(`
			SELECT count(*), count(*) FILTER (WHERE %s)
			FROM history.%s v
			WHERE v.tenant_id = $1 AND %s <= $2`, altered, h.table, h.run), v.tenant.ID, v.upTo).Scan(&count, &wrong)
		if err != nil {
			return nil, fmt.Errorf("rows of %s: %w", h.table, err)
		}
		v.found.Rows += count
		if wrong > 0 {
			return v.firstAltered(ctx, h, altered, wrong)
		}
	}
	return nil, nil
}

// alteredIn is the condition that a row v of a table is not the one that was
// hashed.
func (v *verifier) alteredIn(ctx context.Context, table string) (string, error) {
	hash, err := hashOfRow(ctx, v.tx, table)
	return `v.row_sha256 IS DISTINCT FROM ` + hash, err
}

// hashOfRow is SQL for the hash of a row v of a table. The recipe is that of
// history.hash_row, in our own words: all columns in their order, without the
// two that come later.
func hashOfRow(ctx context.Context, tx pgx.Tx, table string) (string, error) {
	var columns string
	err := tx.QueryRow(ctx, `
		SELECT string_agg(
		           CASE WHEN attname IN ('valid_to_run', 'row_sha256') THEN 'NULL::' || format_type(atttypid, atttypmod)
		                ELSE format('v.%I', attname) END,
		           ', ' ORDER BY attnum)
		FROM pg_attribute
		WHERE attrelid = ('history.' || $1::text)::regclass AND attnum > 0 AND NOT attisdropped`, table).Scan(&columns)
	if err != nil {
		return "", fmt.Errorf("columns of %s: %w", table, err)
	}
	return `sha256(record_send(ROW(` + columns + `)))`, nil
}

func (v *verifier) firstAltered(ctx context.Context, h hashed, altered string, wrong int64) (*Difference, error) {
	certification, join := `''`, ""
	if h.ofCertification {
		certification = `coalesce(k.certification_id, '')`
		join = `LEFT JOIN history.known_certification k USING (tenant_id, certification_no)`
	}
	d := Difference{Table: h.table, What: "the row is not the one that was written: something in it was changed"}
	if wrong > 1 {
		d.What += fmt.Sprintf(" (it is the first of %d such rows)", wrong)
	}
	err := v.tx.QueryRow(ctx, fmt.Sprintf(`
		SELECT %[1]s, %[2]s, %[3]s
		FROM history.%[4]s v
		%[5]s
		WHERE v.tenant_id = $1 AND %[3]s <= $2 AND %[6]s
		ORDER BY %[3]s, %[1]s COLLATE "C", %[2]s COLLATE "C"
		LIMIT 1`, certification, h.id, h.run, h.table, join, altered), v.tenant.ID, v.upTo).Scan(&d.CertificationID, &d.ID, &d.Run)
	if err != nil {
		return nil, fmt.Errorf("rows of %s: %w", h.table, err)
	}
	return &d, nil
}

// permissionSet is one permission list as its rows tell it.
type permissionSet struct {
	digest  []byte // its address
	size    int
	list    []snapshot.Permission
	inOrder bool // positions are 0, 1, 2, ...
}

// permissionSets computes the content address of every permission list again.
func (v *verifier) permissionSets(ctx context.Context) (*Difference, error) {
	rows, err := v.tx.Query(ctx, `
		SELECT s.digest, s.size, p.position, p.target, p.rights
		FROM history.permission_set s
		LEFT JOIN history.permission p USING (tenant_id, digest)
		WHERE s.tenant_id = $1
		ORDER BY s.digest, p.position`, v.tenant.ID)
	if err != nil {
		return nil, fmt.Errorf("permission sets: %w", err)
	}
	defer rows.Close()
	var set *permissionSet
	for rows.Next() {
		var digest []byte
		var size int
		var position *int
		var p snapshot.Permission
		if err := rows.Scan(&digest, &size, &position, &p.Target, &p.Rights); err != nil {
			return nil, fmt.Errorf("permission sets: %w", err)
		}
		if set == nil || string(digest) != string(set.digest) {
			if d, err := v.checkSet(set); d != nil || err != nil {
				return d, err
			}
			set = &permissionSet{digest: digest, size: size, inOrder: true}
		}
		if position != nil {
			set.inOrder = set.inOrder && *position == len(set.list)
			set.list = append(set.list, p)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("permission sets: %w", err)
	}
	return v.checkSet(set)
}

// checkSet checks a list that was read to its end; nil stands for none.
func (v *verifier) checkSet(set *permissionSet) (*Difference, error) {
	if set == nil {
		return nil, nil
	}
	v.found.PermissionSets++
	d := Difference{Table: "permission", ID: fmt.Sprintf("%x", set.digest)}
	address, err := snapshot.PermissionsDigest(set.list)
	switch {
	case err != nil:
		return nil, err
	case len(set.list) != set.size:
		d.What = fmt.Sprintf("the list has %d permissions, and %d were stored", len(set.list), set.size)
	case !set.inOrder:
		d.What = "the positions of the list are not those that were stored"
	case string(address[:]) != string(set.digest):
		d.What = "the permissions of the list are not those that were stored: its id is their hash"
	default:
		return nil, nil
	}
	return &d, nil
}
