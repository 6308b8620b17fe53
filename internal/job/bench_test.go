package job_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"exporter/internal/simulator"
)

var (
	storedCertifications = flag.Int("stored-certifications", 100, "certifications of BenchmarkStorage")
	storedItems          = flag.Int("stored-items", 200, "review items of each of them")
)

// BenchmarkNight is a whole night without its report, of a tenant in the same
// process and without a rate limit: what our side of a night costs. The first
// night stores everything; after that only what changed is written.
func BenchmarkNight(b *testing.B) {
	const certifications, items = 40, 500
	for _, changed := range []int{100, 0, 1, 10} { // per cent of the items decided anew
		name := fmt.Sprintf("changed=%d%%", changed)
		if changed == 100 {
			name = "first"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				tenant := simulator.Generate(simulator.Options{}, simulator.Size{
					Campaigns: 4, CertificationsPerCampaign: certifications / 4, ItemsPerCertification: items,
					Entitlements: 200, EntitlementsWithPermissions: 0.02, Seed: 1,
				})
				night := newBench(b, tenant)
				night.pageSize = 250
				if changed < 100 {
					if _, err := night.night(context.Background(), b); err != nil {
						b.Fatal(err)
					}
					tenant.Edit(func(w *simulator.World) { decide(w, changed) })
				}
				b.StartTimer()
				if _, err := night.night(context.Background(), b); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(certifications*items*b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}

// BenchmarkGrowth is how the cost of an item grows with the certification it is
// in: the time a night takes for each where they are many, by that where they
// are few. 1 is as it should be. The machine is the same in both, so that the
// ratio says more than the times.
func BenchmarkGrowth(b *testing.B) {
	const certifications = 4
	sizes := []int{1000, 2000, 4000, 8000} // items of each
	for _, name := range []string{"first", "changed=1%"} {
		b.Run(name, func(b *testing.B) {
			spent := make([]time.Duration, len(sizes))
			for b.Loop() {
				for i, items := range sizes {
					tenant := simulator.Generate(simulator.Options{}, simulator.Size{
						Campaigns: 1, CertificationsPerCampaign: certifications, ItemsPerCertification: items,
						Entitlements: 200, EntitlementsWithPermissions: 0.02, Seed: 1,
					})
					night := newBench(b, tenant)
					night.pageSize = 250
					if name != "first" {
						if _, err := night.night(b.Context(), b); err != nil {
							b.Fatal(err)
						}
						tenant.Edit(func(w *simulator.World) { decide(w, 1) })
					}
					begun := time.Now()
					if _, err := night.night(b.Context(), b); err != nil {
						b.Fatal(err)
					}
					spent[i] += time.Since(begun)
				}
			}
			b.ReportMetric(0, "ns/op") // it has what went before in it
			each := func(i int) float64 {
				return float64(spent[i].Microseconds()) / float64(b.N*certifications*sizes[i])
			}
			for i, items := range sizes {
				b.ReportMetric(each(i), fmt.Sprintf("us/item-of-%d", certifications*items))
			}
			b.ReportMetric(each(len(sizes)-1)/each(0), "growth")
		})
	}
}

// decide changes the decision of a share of the items.
func decide(w *simulator.World, percent int) {
	n := 0
	for _, c := range w.Certifications {
		for _, item := range c.Items {
			if n++; n%100 < percent {
				revoke := simulator.Revoke
				item.Decision = &revoke
				item.Comments = &revoke
			}
		}
	}
}

// BenchmarkStorage is what a night adds to the database, by how much of the
// tenant changed, spread over all certifications: rows and bytes, with indexes.
// Closing a version writes its row once more; the old place is free when the
// table has been vacuumed, and the next night's rows go there. Beside it stands
// the plainest other way, a copy of all current rows for each run. The more
// nights (-benchtime 10x), the less it matters that a table grows by whole pages.
func BenchmarkStorage(b *testing.B) {
	for _, test := range []struct {
		changed  int // per cent of the items
		vacuumed bool
	}{{0, false}, {1, false}, {1, true}, {10, false}, {10, true}} {
		name := fmt.Sprintf("changed=%d%%", test.changed)
		if test.vacuumed {
			name += "/vacuumed"
		}
		b.Run(name, func(b *testing.B) {
			tenant := simulator.Generate(simulator.Options{}, simulator.Size{
				Campaigns: 4, CertificationsPerCampaign: *storedCertifications / 4, ItemsPerCertification: *storedItems,
				Entitlements: 200, EntitlementsWithPermissions: 0.02, Seed: 1,
			})
			bench := newBench(b, tenant)
			bench.pageSize = 250
			night := func() int64 {
				r, err := bench.night(b.Context(), b)
				if err != nil {
					b.Fatal(err)
				}
				return r.Run.ID
			}
			night()
			conn, err := pgx.Connect(b.Context(), bench.url)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close(context.WithoutCancel(b.Context()))
			copies := newCopies(b, conn)
			tables := tablesOf(b, conn, "history")
			for _, table := range tables { // when it would come is chance
				exec(b, conn, `ALTER TABLE `+table+` SET (autovacuum_enabled = off)`)
			}
			oneMore := func(n int) (run int64) {
				tenant.Edit(func(w *simulator.World) { review(w, test.changed, n) })
				run = night()
				if test.vacuumed {
					exec(b, conn, `VACUUM `+strings.Join(tables, ", "))
				}
				return run
			}
			if test.vacuumed {
				oneMore(0) // makes what there is once, and the first room
			}
			history, copied := weigh(b, conn, "history"), weigh(b, conn, "copies")
			for n := 1; b.Loop(); n++ {
				copies(oneMore(n))
			}
			history, copied = weigh(b, conn, "history").less(history), weigh(b, conn, "copies").less(copied)
			nights := float64(b.N)
			b.ReportMetric(0, "ns/op") // it is not about time
			b.ReportMetric(float64(history.rows)/nights, "rows/night")
			b.ReportMetric(float64(history.ended)/nights, "ended/night")
			b.ReportMetric(float64(history.bytes)/nights, "B/night")
			b.ReportMetric(float64(copied.rows)/nights, "copied-rows/night")
			b.ReportMetric(float64(copied.bytes)/nights, "copied-B/night")
			b.ReportMetric(float64(copied.rows)/float64(history.rows), "copied-rows/row")
			b.ReportMetric(float64(copied.bytes)/float64(history.bytes), "copied-B/B")
		})
	}
}

// review decides a share of the items anew, other items each night.
func review(w *simulator.World, percent, night int) {
	decision, n := []string{simulator.Approve, simulator.Revoke}[night%2], 37*night
	for _, c := range w.Certifications {
		for _, item := range c.Items {
			if n++; n%100 < percent {
				item.Decision, item.Comments = &decision, new(fmt.Sprintf("looked at in night %d", night))
			}
		}
	}
}

// weight is what the tables of a schema hold and take.
type weight struct{ rows, ended, bytes int64 }

func (w weight) less(v weight) weight {
	return weight{w.rows - v.rows, w.ended - v.ended, w.bytes - v.bytes}
}

func weigh(b *testing.B, conn *pgx.Conn, schema string) (w weight) {
	b.Helper()
	for _, table := range tablesOf(b, conn, schema) {
		var rows, ended, bytes int64
		err := conn.QueryRow(b.Context(), `
			SELECT count(*), count(*) FILTER (WHERE to_jsonb(v) ->> 'valid_to_run' IS NOT NULL), pg_total_relation_size($1::regclass)
			FROM `+table+` v`, table).Scan(&rows, &ended, &bytes)
		if err != nil {
			b.Fatal(err)
		}
		w = weight{w.rows + rows, w.ended + ended, w.bytes + bytes}
	}
	return w
}

func tablesOf(b *testing.B, conn *pgx.Conn, schema string) []string {
	b.Helper()
	rows, err := conn.Query(b.Context(), `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = $1`, schema)
	if err != nil {
		b.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.Fatal(err)
	}
	return tables
}

func exec(b *testing.B, conn *pgx.Conn, sql string, args ...any) {
	b.Helper()
	if _, err := conn.Exec(b.Context(), sql, args...); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
}

// newCopies makes tables that hold all objects once for each run, with the
// columns that history has for them, less those that versions and seals need,
// and no index but the key. It returns what adds the copy of the run just
// stored. Coverage, which copies would need as well, is left out of them.
func newCopies(b *testing.B, conn *pgx.Conn) func(run int64) {
	b.Helper()
	exec(b, conn, `CREATE SCHEMA copies`)
	var statements []string
	for table, key := range map[string]string{
		"campaign": "campaign_id", "certification": "certification_no", "reviewer": "certification_no, reviewer_id",
		"review_item": "certification_no, item_id", "task": "task_id",
	} {
		var columns string
		err := conn.QueryRow(b.Context(), `
			SELECT string_agg('v.' || quote_ident(column_name), ', ' ORDER BY ordinal_position)
			FROM information_schema.columns
			WHERE table_schema = 'history' AND table_name = $1
			  AND column_name NOT IN ('valid_from_run', 'valid_to_run', 'digest', 'row_sha256', 'last_undecided_run', 'first_decided_run', 'first_seen_run')`,
			table).Scan(&columns)
		if err != nil {
			b.Fatal(err)
		}
		current := columns + ` FROM history.` + table + ` v WHERE v.valid_to_run IS NULL`
		exec(b, conn, `CREATE TABLE copies.`+table+` AS SELECT 0::bigint AS run_id, `+current+` WITH NO DATA`)
		exec(b, conn, `ALTER TABLE copies.`+table+` ADD PRIMARY KEY (tenant_id, run_id, `+key+`)`)
		statements = append(statements, `INSERT INTO copies.`+table+` SELECT %[1]d, `+current)
	}
	const granted = `
		v.tenant_id, v.certification_no, v.item_id, p.position, p.target, p.rights
		FROM history.item_permissions v
		JOIN history.permission p USING (tenant_id, digest)
		WHERE v.valid_to_run IS NULL`
	exec(b, conn, `CREATE TABLE copies.permission AS SELECT 0::bigint AS run_id, `+granted+` WITH NO DATA`)
	exec(b, conn, `ALTER TABLE copies.permission ADD PRIMARY KEY (tenant_id, run_id, certification_no, item_id, position)`)
	statements = append(statements, `INSERT INTO copies.permission SELECT %[1]d, `+granted)
	return func(run int64) {
		b.Helper()
		exec(b, conn, fmt.Sprintf(strings.Join(statements, "; "), run))
	}
}
