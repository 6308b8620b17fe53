package job_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"exporter/internal/db"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

var update = flag.Bool("update", false, "write the answers to the questions of docs/sql.md anew")

const docs = "../../docs"

// question is one section of docs/sql.md.
type question struct {
	title  string
	sql    string
	answer string // the file that holds it, from docs
}

// TestQuestionsOfTheManualAreAnswered asks every query of docs/sql.md of the
// demo's three nights, as somebody who may read the views and nothing else.
func TestQuestionsOfTheManualAreAnswered(t *testing.T) {
	t.Parallel()
	questions := parseQuestions(t)
	if len(questions) != 20 {
		t.Errorf("%d questions, want 20", len(questions))
	}
	checkAnswerFiles(t, questions)

	begin := time.Now().Truncate(time.Microsecond)
	conn := openReader(t, demoNights(t))
	for n, q := range questions {
		t.Run(strings.TrimSuffix(filepath.Base(q.answer), ".csv"), func(t *testing.T) {
			if want := fmt.Sprintf("%d. ", n+1); !strings.HasPrefix(q.title, want) {
				t.Errorf("%q: its number is %d", q.title, n+1)
			}
			got := ask(t, conn, q.sql, begin)
			file := filepath.Join(docs, q.answer)
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test ./internal/job -run Manual -update writes it)", err)
			}
			// The order of names is the server's.
			if diff := cmp.Diff(records(t, want), records(t, got), cmpopts.SortSlices(slices.Compare[[]string])); diff != "" {
				t.Errorf("%s (-want +got):\n%s", q.title, diff)
			}
		})
	}
}

// parseQuestions reads the manual, and holds each section to its form: a
// query, a link to its answer, and what that does not prove.
func parseQuestions(t *testing.T) []question {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docs, "sql.md"))
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile("(?s)^([^\n]+)\n.*\n```sql\n(.+?;)\n```\n\n\\[Answer\\]\\((testdata/[a-z-]+\\.csv)\\)\n\n\\*\\*Does not prove\\*\\* .+\n$")
	var all []question
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		m := form.FindStringSubmatch(strings.TrimRight(section, "\n") + "\n")
		if m == nil || strings.Count(section, "```sql") != 1 {
			t.Fatalf("a section of docs/sql.md has not the form of a question:\n%s", section)
		}
		all = append(all, question{title: m[1], sql: m[2], answer: m[3]})
	}
	return all
}

// checkAnswerFiles reports answers that two questions share or none links to.
func checkAnswerFiles(t *testing.T, questions []question) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(docs, "testdata", "*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var linked []string
	for _, q := range questions {
		linked = append(linked, filepath.Join(docs, q.answer))
	}
	slices.Sort(linked)
	if diff := cmp.Diff(linked, files); diff != "" && !*update {
		t.Errorf("answers (-linked +there):\n%s", diff)
	}
}

// demoNights runs the demo's nights and returns the URL of their database.
// Beside them it records three reassignments, as `exporter reassign` would have:
// for the demo's two tasks, and one that was never answered.
func demoNights(t *testing.T) string {
	t.Helper()
	b := newBench(t, simulator.NewDemo(simulator.Options{}))
	for n, want := range []snapshot.Status{snapshot.Sealed, snapshot.Partial, snapshot.Sealed} {
		b.tenant.DemoNight(n + 1)
		b.mustNight(t, want)
	}
	tenant, err := b.store.FindTenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		certification, reason string
		answer                db.ReassignAnswer
	}{
		{"4859efed1d64032eb38e9833870a36ad", "On parental leave", db.ReassignAnswer{State: db.ReassignAccepted, TaskID: "660cc8a5ab6d125515be873d205742dc"}},
		{"5cf9bcdb6bca0b3f34021f2bd96b2f6e", "Asked for help", db.ReassignAnswer{State: db.ReassignAccepted, TaskID: "fbf8d074cf946142ea29a36436b12a47"}},
		{"ec87bc5ea07aea8c20a9ebf1ad1bf55f", "Asked for help", db.ReassignAnswer{State: db.ReassignUnknown, Error: "connection reset"}},
	} {
		id, err := b.store.RecordReassign(t.Context(), tenant, db.ReassignRequest{
			CertificationID: k.certification, To: simulator.ID("identity", "ioana.stefanescu"), Reason: k.reason,
			Targets: []db.ReassignTarget{{Type: "ITEM", ID: "an item"}}, RequestedAt: time.Now(),
		})
		if err != nil {
			t.Fatal(err)
		}
		k.answer.At = time.Now()
		if err := b.store.AnswerReassign(t.Context(), tenant, id, k.answer); err != nil {
			t.Fatal(err)
		}
	}
	return b.url
}

// openReader connects as a reader of the views.
func openReader(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["role"] = "audit_reader"
	config.RuntimeParams["timezone"] = "UTC"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// ask returns a query's answer as CSV, as psql would print the values. Times
// since begin are those of the test's own nights, which no file can hold.
func ask(t *testing.T, conn *pgx.Conn, sql string, begin time.Time) []byte {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), sql).ReadAll()
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	if len(results) != 1 {
		t.Fatalf("%d statements, want one:\n%s", len(results), sql)
	}
	r := results[0]
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	record := make([]string, len(r.FieldDescriptions))
	for i, f := range r.FieldDescriptions {
		record[i] = f.Name
	}
	w.Write(record)
	for _, row := range r.Rows {
		for i, v := range row {
			record[i] = string(v)
			if v != nil && r.FieldDescriptions[i].DataTypeOID == pgtype.TimestamptzOID {
				at, err := time.Parse("2006-01-02 15:04:05.999999-07", record[i])
				if err != nil {
					t.Fatal(err)
				}
				if !at.Before(begin) {
					record[i] = "(time)"
				}
			}
		}
		w.Write(record)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// records are the rows of an answer, its header among them. An answer without
// rows shows a reader nothing.
func records(t *testing.T, answer []byte) [][]string {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(answer)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 {
		t.Error("the demo has no answer")
	}
	return all
}
