package db

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"

	"exporter/internal/db/dbtest"
	"exporter/internal/snapshot"
)

// storedFile is what a program stored that knew the migrations up to the
// fourth: nights of three tenants, with each status of a run, each outcome of a
// list and each state of a request, versions open and closed, a run under way
// with rows that wait, and a tenant of which a run was pruned. The roots are those it sealed with. Columns that are
// NULL are left out.
//
// The file is not written anew when the program changes: databases out there
// are not either. Where a migration makes a table or a column, some rows get
// values for it; earlier versions are not told of them.
const storedFile = "testdata/stored.json"

// storedTable is a table with its rows, as in the file: those that others refer
// to come first, and runs by their number.
type storedTable struct {
	Table string
	Rows  []storedRow
}

type storedRow map[string]json.RawMessage

func readStored(t *testing.T) []storedTable {
	t.Helper()
	b, err := os.ReadFile(storedFile)
	if err != nil {
		t.Fatal(err)
	}
	var tables []storedTable
	if err := json.Unmarshal(b, &tables); err != nil {
		t.Fatalf("%s: %v", storedFile, err)
	}
	return tables
}

func storedRows(tables []storedTable, table string) []storedRow {
	i := slices.IndexFunc(tables, func(t storedTable) bool { return t.Table == table })
	return tables[i].Rows
}

// number reads a column that is one.
func (r storedRow) number(t *testing.T, column string) (n int64) {
	t.Helper()
	r.scan(t, column, &n)
	return n
}

// scan reads a column of the row; one that is NULL leaves v as it is.
func (r storedRow) scan(t *testing.T, column string, v any) {
	t.Helper()
	if raw, ok := r[column]; ok {
		if err := json.Unmarshal(raw, v); err != nil {
			t.Fatalf("%s %s: %v", column, raw, err)
		}
	}
}

// earlier is a database that migrations brought up to some version, with all
// that was stored in it.
type earlier struct {
	*testing.T
	store  *Store
	goose  *goose.Provider
	stored []storedTable
}

func newEarlier(t *testing.T, version int64) *earlier {
	t.Helper()
	url := dbtest.NewEmpty(t)
	e := &earlier{T: t, store: openURL(t, url), goose: newProvider(t, url), stored: readStored(t)}
	e.up(version)
	if err := e.store.inTx(t.Context(), e.load); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *earlier) up(version int64) {
	e.Helper()
	if _, err := e.goose.UpTo(e.Context(), version); err != nil {
		e.Fatal(err)
	}
	e.store.pool.Reset() // whose connections remember the columns there were
}

func (e *earlier) down(version int64) {
	e.Helper()
	if _, err := e.goose.DownTo(e.Context(), version); err != nil {
		e.Fatal(err)
	}
	e.store.pool.Reset()
}

// columns are those of every table of history and staging, in order, and of
// every view of audit but that of changes, which may come to know more classes.
func (e *earlier) columns() map[string][]string {
	e.Helper()
	rows, err := e.store.pool.Query(e.Context(), `
		SELECT n.nspname || '.' || c.relname, array_agg(a.attname::text ORDER BY a.attnum)
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE (n.nspname IN ('history', 'staging') AND c.relkind = 'r' OR n.nspname = 'audit' AND c.relkind = 'v' AND c.relname <> 'changes')
		  AND a.attnum > 0 AND NOT a.attisdropped
		GROUP BY 1`)
	if err != nil {
		e.Fatal(err)
	}
	columns := map[string][]string{}
	var table string
	var names []string
	if _, err := pgx.ForEachRow(rows, []any{&table, &names}, func() error {
		columns[table] = slices.Clone(names)
		return nil
	}); err != nil {
		e.Fatal(err)
	}
	return columns
}

// load stores everything, as far as this version has a place for it, by the
// steps that a program takes: versions are closed after they began, and runs
// after all that belongs to them.
func (e *earlier) load(tx pgx.Tx) error {
	columns := e.columns()
	tables := fitting(e.stored, columns)
	for _, table := range tables {
		for _, row := range table.Rows {
			if err := e.insert(tx, table.Table, maps.Clone(row)); err != nil {
				return fmt.Errorf("%s: %s: %w", table.Table, row, err)
			}
		}
	}
	hashed := slices.Contains(columns["history.run"], "written_sha256")
	if err := e.finish(tx, hashed); err != nil {
		return err
	}
	for _, table := range tables {
		for _, row := range table.Rows {
			if hashed && table.Table == "history.run" { // sealed otherwise
				delete(row, "root_sha256")
				delete(row, "previous_root_sha256")
			}
			if err := e.isThere(tx, table.Table, row); err != nil {
				return fmt.Errorf("%s: %s: %w", table.Table, row, err)
			}
		}
	}
	return e.count(tx)
}

// fitting are the tables that there are, the rows with the columns that there
// are.
func fitting(stored []storedTable, columns map[string][]string) []storedTable {
	var tables []storedTable
	for _, table := range stored {
		have, ok := columns[table.Table]
		if !ok {
			continue // it came later
		}
		fits := storedTable{Table: table.Table}
		for _, row := range table.Rows {
			row = maps.Clone(row)
			maps.DeleteFunc(row, func(name string, _ json.RawMessage) bool { return !slices.Contains(have, name) })
			fits.Rows = append(fits.Rows, row)
		}
		tables = append(tables, fits)
	}
	return tables
}

// insert stores one row, naming only the columns it has.
func (e *earlier) insert(tx pgx.Tx, table string, row storedRow) error {
	var end json.RawMessage
	if table != "history.pruned_version" { // what is left of a version has its end from the start
		end = row["valid_to_run"]
		delete(row, "valid_to_run")
	}
	if table == "history.run" {
		row["status"] = json.RawMessage(`"RUNNING"`)
		delete(row, "root_sha256")
		delete(row, "previous_root_sha256")
	}
	names := slices.Sorted(maps.Keys(row))
	for i, name := range names {
		names[i] = pgx.Identifier{name}.Sanitize()
	}
	b, err := json.Marshal(row)
	if err != nil {
		return err
	}
	list := strings.Join(names, ", ")
	var place string
	err = tx.QueryRow(e.Context(), `
		INSERT INTO `+table+` (`+list+`)
		OVERRIDING SYSTEM VALUE
		SELECT `+list+`
		FROM jsonb_populate_record(NULL::`+table+`, $1)
		RETURNING ctid::text`, string(b)).Scan(&place)
	if err == nil && end != nil {
		_, err = tx.Exec(e.Context(), `UPDATE `+table+` SET valid_to_run = $1::text::bigint WHERE ctid = $2::text::tid`, string(end), place)
	}
	return err
}

// isThere wants a row of the file to be in its table.
func (e *earlier) isThere(tx pgx.Tx, table string, row storedRow) error {
	b, err := json.Marshal(row)
	if err != nil {
		return err
	}
	var n int
	err = tx.QueryRow(e.Context(), `SELECT count(*) FROM `+table+` v WHERE to_jsonb(v) @> $1`, string(b)).Scan(&n)
	if err == nil && n != 1 {
		err = fmt.Errorf("is there %d times", n)
	}
	return err
}

// count lets the numbers that the database gives go on after those stored.
func (e *earlier) count(tx pgx.Tx) error {
	all, err := collect[string](e, tx, `
		SELECT format('SELECT setval(pg_get_serial_sequence(%L, %L), max(%I)) FROM %I.%I',
		              table_schema || '.' || table_name, column_name, column_name, table_schema, table_name)
		FROM information_schema.columns
		WHERE table_schema = 'history' AND is_identity = 'YES'`)
	for _, sql := range all {
		if _, err := tx.Exec(e.Context(), sql); err != nil {
			return err
		}
	}
	return err
}

// finish closes the runs, one after the other, with the roots they were sealed
// with. Where this version has a hash of what was written, all but the first
// are sealed with it, as a program of this version would have done.
func (e *earlier) finish(tx pgx.Tx, hashed bool) error {
	last := map[int64]*string{} // root by tenant
	after := map[int64]int64{}  // the last run sealed with a hash of what was written, by tenant
	for i, r := range storedRows(e.stored, "history.run") {
		run, tenant := r.number(e.T, "run_id"), r.number(e.T, "tenant_id")
		var status string
		var root, previous *string
		r.scan(e.T, "status", &status)
		r.scan(e.T, "root_sha256", &root)
		if root != nil {
			previous = last[tenant]
			if hashed && i > 0 {
				sum, err := e.seal(tx, tenant, run, after[tenant], status, previous)
				if err != nil {
					return err
				}
				root, after[tenant] = &sum, run
			}
			last[tenant] = root
		}
		if _, err := tx.Exec(e.Context(), `
			UPDATE history.run
			SET status = $2, previous_root_sha256 = $3, root_sha256 = $4
			WHERE run_id = $1`, run, status, previous, root); err != nil {
			return err
		}
	}
	return nil
}

// seal gives a run the hash of what was written and returns its root. It says
// in its own words what Seal does, which need not fit this version: a program
// that seals otherwise must know the seals of those before it.
func (e *earlier) seal(tx pgx.Tx, tenant, run, after int64, status string, previous *string) (string, error) {
	between, err := collect[int64](e, tx, `SELECT run_id FROM history.run WHERE tenant_id = $1 AND run_id > $2 AND run_id < $3 ORDER BY 1`, tenant, after, run)
	if err != nil {
		return "", err
	}
	written := sha256.New()
	for _, r := range between {
		if err := e.tell(tx, r, nil, written); err != nil {
			return "", err
		}
	}
	pruned, err := collect[bool](e, tx, `SELECT to_regclass('history.pruned_version') IS NOT NULL`)
	if err != nil {
		return "", err
	}
	for _, table := range versionTables {
		from := `SELECT valid_from_run, valid_to_run, row_sha256 FROM history.` + table + ` WHERE tenant_id = $1`
		if pruned[0] {
			from += ` UNION ALL SELECT valid_from_run, valid_to_run, row_sha256 FROM history.pruned_version WHERE tenant_id = $1 AND table_name = '` + table + `'`
		}
		for _, bound := range []string{"valid_from_run", "valid_to_run"} {
			lines, err := collect[string](e, tx, fmt.Sprintf(`
				SELECT format('%[1]s %[2]s %%s %%s', %[2]s, encode(row_sha256, 'hex'))
				FROM (%[3]s) v
				WHERE %[2]s > $2 AND %[2]s <= $3
				ORDER BY %[2]s, row_sha256`, table, bound, from), tenant, after, run)
			if err != nil {
				return "", err
			}
			for _, line := range lines {
				fmt.Fprintln(written, line)
			}
		}
	}
	if _, err := tx.Exec(e.Context(), `
		UPDATE history.run
		SET previous_root_sha256 = $2, written_sha256 = $3
		WHERE run_id = $1`, run, previous, fmt.Sprintf("%x", written.Sum(nil))); err != nil {
		return "", err
	}
	root := sha256.New()
	err = e.tell(tx, run, &status, root)
	return fmt.Sprintf("%x", root.Sum(nil)), err
}

// tell adds the facts of a run and its coverage to a hash; a status stands for
// the one it has.
func (e *earlier) tell(tx pgx.Tx, run int64, status *string, h hash.Hash) error {
	// What later versions added is told where it is stored.
	facts, err := collect[string](e, tx, `
		SELECT jsonb_build_object(
			'run_id', r.run_id, 'tenant', t.name, 'status', coalesce($2, r.status), 'trigger', r.trigger,
			'started_at', history.utc(r.started_at), 'finished_at', history.utc(r.finished_at), 'api_version', r.api_version,
			'scope', r.scope, 'scope_sha256', r.scope_sha256, 'config_sha256', r.config_sha256, 'tool_version', r.tool_version,
			'certifications', r.certifications, 'certifications_complete', r.certifications_complete, 'reviewers', r.reviewers,
			'review_items', r.review_items, 'permissions', r.permissions, 'tasks', r.tasks,
			'requests', r.requests, 'retries', r.retries, 'throttled', r.throttled,
			'root_sha256', NULL, 'previous_root_sha256', r.previous_root_sha256, 'error', r.error,
			'provenance', r.provenance, 'report_settings', r.report_settings
		) || coalesce((
			SELECT jsonb_object_agg(f.key, f.value)
			FROM jsonb_each(to_jsonb(r)) f
			WHERE f.key IN ('written_sha256', 'approved', 'revoked', 'undecided') AND f.value <> 'null'), '{}')
		FROM history.run r
		JOIN history.tenant t USING (tenant_id)
		WHERE r.run_id = $1`, run, status)
	if err != nil {
		return err
	}
	coverage, err := collect[string](e, tx, `
		SELECT jsonb_build_object(
			'Certification', k.certification_id, 'Collection', c.collection, 'Outcome', c.outcome, 'Expected', c.expected,
			'Read', c.read, 'DistinctRead', c.distinct_read, 'Attempts', c.attempts, 'Stored', c.stored, 'Captured', c.captured_run_id,
			'Signed', c.signed, 'Params', c.params_sha256, 'Digest', encode(c.digest, 'hex'), 'HTTPStatus', c.http_status,
			'DetailCode', c.detail_code, 'TrackingID', c.tracking_id, 'Error', c.error, 'Note', c.note, 'ReadAt', history.utc(c.read_at))
		FROM history.coverage c
		LEFT JOIN history.known_certification k USING (tenant_id, certification_no)
		WHERE c.run_id = $1
		ORDER BY k.certification_id NULLS FIRST, c.collection`, run)
	if err != nil {
		return err
	}
	for _, line := range append(facts, coverage...) {
		c, err := snapshot.Canonical(json.RawMessage(line))
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s\n", c)
	}
	return nil
}

// collect reads the only column of a query.
func collect[T any](e *earlier, tx pgx.Tx, sql string, args ...any) ([]T, error) {
	rows, err := tx.Query(e.Context(), sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

// contents are the rows of tables and views on some of their columns, as JSON
// and in order.
func (e *earlier) contents(columns map[string][]string) map[string][]string {
	e.Helper()
	all := map[string][]string{}
	for table, names := range columns {
		quoted := make([]string, len(names))
		for i, name := range names {
			quoted[i] = pgx.Identifier{name}.Sanitize()
		}
		all[table] = query[string](e.T, e.store, `
			SELECT row_to_json(v)::text COLLATE "C"
			FROM (SELECT `+strings.Join(quoted, ", ")+` FROM `+table+`) v
			ORDER BY 1`)
	}
	return all
}
