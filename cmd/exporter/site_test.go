package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"exporter/internal/simulator"
)

// kind is a kind of what passes between the program, its tenant and its
// database.
type kind string

const (
	request   kind = "request"   // to the tenant
	answer    kind = "answer"    // of the tenant
	statement kind = "statement" // a message to the database
	result    kind = "result"    // a message of the database

	// Statements and results of the last steps of a night are counted once more.
	sealing   kind = "sealing"
	rendering kind = "rendering"
)

// The statements with which the last steps begin.
const (
	sealingBegins   = "SET requests = requests +"
	renderingBegins = "begin isolation level repeatable read read only"
)

// event is something that passes.
type event struct {
	kind kind
	text string          // path of a request, SQL of a statement
	line int             // number of the connection of the database
	ctx  context.Context // of a request: it ends when the program lets go of it
}

// moment is where a process is struck, and how. The zero moment never comes.
type moment struct {
	kind   kind
	text   string // what the event holds; empty: anything
	number int    // of these events
	lost   bool   // the event does not arrive any more
	signal syscall.Signal
}

func (m moment) String() string {
	if m.kind == "" {
		return "undisturbed"
	}
	when := "after"
	if m.lost {
		when = "instead of"
	}
	return fmt.Sprintf("%v %s %s %s %d", m.signal, when, m.kind, m.text, m.number)
}

// meter counts the events of a process.
type meter struct {
	mu   sync.Mutex
	met  map[kind]int
	hits int  // events like that of the moment
	step kind // sealing or rendering, once the night has come so far
}

// count counts an event, and says whether the moment has come with it.
func (c *meter) count(e event, m moment) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.kind == statement {
		switch {
		case strings.Contains(e.text, sealingBegins):
			c.step = sealing
		case e.text == renderingBegins:
			c.step = rendering
		}
	}
	kinds := []kind{e.kind}
	if c.step != "" && (e.kind == statement || e.kind == result) {
		kinds = append(kinds, c.step)
	}
	for _, k := range kinds {
		c.met[k]++
	}
	if !slices.Contains(kinds, m.kind) || !strings.Contains(e.text, m.text) {
		return false
	}
	c.hits++
	return c.hits == m.number
}

// site is a tenant, a database, and the program as a process of its own between
// them. All that passes can be watched and held up.
type site struct {
	client         // the program in the test's own process, which nobody disturbs
	wire     *wire // from the process to the database
	visitors crowd // connections of the process to the tenant
	conn     *pgx.Conn
	config   string
	reports  string // folder of the reports

	mu    sync.Mutex
	watch func(e event, pass func())
}

// newSite makes a site of a tenant and a database. config is added to the
// configuration.
func newSite(t *testing.T, tenant *simulator.Tenant, config, url string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{reports: filepath.Join(dir, "acme"), config: config}
	var err error
	if s.conn, err = pgx.Connect(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close(context.WithoutCancel(t.Context())) })
	s.wire = newWire(t, url, func(m message, pass func()) {
		k := statement
		if m.answer {
			k = result
		}
		s.meet(event{kind: k, text: m.sql, line: m.line}, pass)
	})
	server := httptest.NewUnstartedServer(s)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.visitors.come()
		case http.StateClosed:
			s.visitors.leave()
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	file := filepath.Join(dir, "config.yaml")
	config = fmt.Sprintf("workers: {certifications: 2, requests: 3}\nreport: {dir: %q, formats: [csv]}\n", dir) + config
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.client = client{t, tenant, map[string]string{
		"SAIL_BASE_URL": server.URL, "SAIL_CLIENT_ID": demoClient, "SAIL_CLIENT_SECRET": demoSecret,
		"EXPORTER_CONFIG": file, "EXPORTER_DATABASE_URL": url,
	}}
	return s
}

// onEvent has all events from now on shown to watch, which passes them on or
// does not. nil passes on all.
func (s *site) onEvent(watch func(e event, pass func())) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = watch
}

func (s *site) meet(e event, pass func()) {
	s.mu.Lock()
	watch := s.watch
	s.mu.Unlock()
	if watch == nil {
		pass()
		return
	}
	watch(e, pass)
}

// ServeHTTP is the tenant, with a watch on what comes in and what goes out.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := event{kind: request, text: r.URL.Path, ctx: r.Context()}
	passed := false
	s.meet(e, func() { passed = true })
	if !passed {
		panic(http.ErrAbortHandler)
	}
	reply := httptest.NewRecorder()
	s.tenant.ServeHTTP(reply, r)
	e.kind, passed = answer, false
	s.meet(e, func() {
		passed = true
		maps.Copy(w.Header(), reply.Header())
		w.WriteHeader(reply.Code)
		_, _ = w.Write(reply.Body.Bytes())
		_ = http.NewResponseController(w).Flush()
	})
	if !passed {
		panic(http.ErrAbortHandler)
	}
}

// process is the program while it runs.
type process struct {
	cmd     *exec.Cmd
	started chan struct{}
	output  bytes.Buffer // what it says, once it has ended
	meter   meter
}

// ending is how a process ended.
type ending struct {
	struck bool // by the signal of its moment
	status int  // -1: it was killed
	step   kind // that it had come to
	met    map[kind]int
	output string
}

// prepare makes a process that is not started yet. It ends with ctx.
func (s *site) prepare(ctx context.Context, args ...string) *process {
	p := &process{cmd: exec.CommandContext(ctx, "exporter", args...), started: make(chan struct{}), meter: meter{met: map[kind]int{}}}
	p.cmd.Dir = filepath.Dir(s.reports)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	// The race detector would wait a second for each to end.
	p.cmd.Env = []string{"GORACE=atexit_sleep_ms=0"}
	for name, value := range s.env {
		if name == "EXPORTER_DATABASE_URL" {
			value = s.wire.url
		}
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	return p
}

// signal sends the process a signal, and says whether there was a process.
func (p *process) signal(number syscall.Signal) bool {
	<-p.started
	return p.cmd.Process.Signal(number) == nil
}

// run runs the process to its end.
func (p *process) run() error {
	if err := p.cmd.Start(); err != nil {
		return err
	}
	close(p.started)
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil // the status tells
	}
	return err
}

// endsWithin bounds how long the program may take to end after SIGINT or
// SIGTERM.
const endsWithin = 10 * time.Second

// exec runs the program as a process of its own, which is struck when the
// moment comes. Afterwards nothing of it is under way any more.
func (s *site) exec(m moment, args ...string) ending {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	p := s.prepare(ctx, args...)
	var struck atomic.Bool
	s.onEvent(func(e event, pass func()) {
		if !p.meter.count(e, m) {
			pass()
			return
		}
		if !m.lost {
			pass()
		}
		if p.signal(m.signal) {
			struck.Store(true)
			bound := time.AfterFunc(endsWithin, cancel)
			context.AfterFunc(ctx, func() { bound.Stop() })
		}
	})
	err := p.run()
	s.onEvent(nil)
	if ctx.Err() != nil {
		s.t.Fatalf("exporter %s, %v: did not end:\n%s", strings.Join(args, " "), m, &p.output)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.quiet(0)
	return ending{struck.Load(), p.cmd.ProcessState.ExitCode(), p.meter.step, p.meter.met, p.output.String()}
}

// quiet waits until nothing is under way any more of a process that has ended:
// tenant and database have answered what it had asked, and let go of it, but for
// the lines to the database that are held.
func (s *site) quiet(held int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	// Connections are taken in turn: with this one all earlier ones were.
	knock, err := http.NewRequestWithContext(ctx, http.MethodGet, s.env["SAIL_BASE_URL"], nil)
	if err != nil {
		s.t.Fatal(err)
	}
	knock.Close = true
	reply, err := http.DefaultClient.Do(knock)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = reply.Body.Close()
	if err := errors.Join(s.visitors.atMost(ctx, 0), s.wire.lines.atMost(ctx, held)); err != nil {
		s.t.Fatal(err)
	}
}

// stored is what the database knows of the newest run.
type stored struct {
	run     int64 // 0: there is none
	status  string
	settled map[string]bool // what need not be asked again: operation and certification
	staged  map[string]bool // items whose permissions wait to be merged
}

func (s *site) stored() stored {
	s.t.Helper()
	ctx := s.t.Context()
	now := stored{settled: map[string]bool{}, staged: map[string]bool{}}
	var schema bool
	if err := s.conn.QueryRow(ctx, `SELECT to_regclass('history.run') IS NOT NULL`).Scan(&schema); err != nil {
		s.t.Fatal(err)
	}
	if !schema {
		return now
	}
	err := s.conn.QueryRow(ctx, `SELECT run_id, status FROM history.run ORDER BY run_id DESC LIMIT 1`).Scan(&now.run, &now.status)
	if errors.Is(err, pgx.ErrNoRows) {
		return now
	}
	if err != nil {
		s.t.Fatal(err)
	}
	rows, _ := s.conn.Query(ctx, `
		SELECT c.collection, k.certification_id
		FROM history.coverage c
		JOIN history.known_certification k USING (tenant_id, certification_no)
		JOIN history.coverage h USING (tenant_id, certification_no, run_id)
		WHERE c.run_id = $1 AND h.collection = 'certification'
		  AND (c.outcome IN ('COMPLETE', 'SEALED_EARLIER') OR h.outcome = 'NOT_FOUND')`, now.run)
	operations := map[string]string{
		"certification": simulator.OpCertification, "reviewers": simulator.OpReviewers, "review_items": simulator.OpItems,
		"permissions": simulator.OpPermissions, "tasks": simulator.OpTasks,
	}
	var collection, id string
	if _, err := pgx.ForEachRow(rows, []any{&collection, &id}, func() error {
		now.settled[operations[collection]+" "+id] = true
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	rows, _ = s.conn.Query(ctx, `SELECT item_id FROM staging.item_permissions WHERE run_id = $1`, now.run)
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error {
		now.staged[id] = true
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	return now
}

// requestsFor lists the requests for what was stored before.
func (s *site) requestsFor(before stored) []string {
	var again []string
	for _, q := range s.tenant.Requests() {
		for part := range strings.SplitSeq(q.Path, "/") {
			if before.settled[q.Operation+" "+part] || q.Operation == simulator.OpPermissions && before.staged[part] {
				again = append(again, q.Path)
			}
		}
	}
	return again
}

// report is the CSV files of a run, as they would be if runs had no numbers and
// took no time. What is replaced for that is told below, with its reason;
// everything else is byte for byte as in the files.
func (s *site) report(run int64) map[string]string {
	s.t.Helper()
	rows, _ := s.conn.Query(s.t.Context(), `
		SELECT run_id, started_at, finished_at
		FROM history.run
		WHERE status IN ('SEALED', 'PARTIAL')
		ORDER BY run_id`)
	nights, err := pgx.CollectRows(rows, pgx.RowToStructByPos[night])
	if err != nil {
		s.t.Fatal(err)
	}
	replace := map[string]func(string) string{ // values, by column
		// A run whose beginning was undone has used up its number.
		"run_id": numbered(nights), "captured_run_id": numbered(nights), "baseline_run_id": numbered(nights),
		// These are the starts of runs.
		"last_seen_undecided_at": started(nights), "first_seen_decided_at": started(nights), "first_seen_at": started(nights), "last_seen_at": started(nights),
		"last_seen_without_at": started(nights), "seen_at": started(nights),
		// Whole days up to the start of a run.
		"days": func(string) string { return "" },
		// Findings tell when the runs began between which something happened.
		"detail": func(string) string { return "" },
		// When the tenant answered.
		"read_at": during(nights),
		// By entitlement, how many items were read through others of those that
		// the process still had to settle, and how many it took as a sample.
		"note": func(note string) string { return throughOthers.ReplaceAllString(note, "some${1}some") },
	}
	files, err := filepath.Glob(filepath.Join(s.folder(run), "*.csv"))
	if err != nil || len(files) == 0 {
		s.t.Fatalf("run %d has no report (%v)", run, err)
	}
	out := map[string]string{}
	for _, file := range files {
		table := readFile(s.t, file)
		raw, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		if written := writeTable(table); written != string(raw) {
			s.t.Fatalf("%s is not told byte for byte by its rows", file)
		}
		tracking := slices.Index(table[0], "tracking_id")
		for _, row := range table[1:] {
			for i, column := range table[0] {
				if f, ok := replace[column]; ok {
					row[i] = f(row[i])
				}
			}
			// The tenant's number of a request that failed, which the error quotes.
			if tracking >= 0 && row[tracking] != "" {
				id := row[tracking]
				for i := range row {
					row[i] = strings.ReplaceAll(row[i], id, "tracking id")
				}
			}
		}
		out[filepath.Base(file)] = writeTable(table)
	}
	return out
}

// folder is where the report of a run is.
func (s *site) folder(run int64) string {
	return filepath.Join(s.reports, fmt.Sprintf("run-%06d", run))
}

var throughOthers = regexp.MustCompile(`\d+( of \d+ items read through another; in the run sample )\d+`)

func writeTable(rows [][]string) string {
	var out strings.Builder
	out.WriteString("\ufeff")
	for _, row := range rows {
		for i, field := range row {
			if i > 0 {
				out.WriteByte(',')
			}
			// More than must be: some programs separate by these, too.
			if strings.ContainsAny(field, ",;\t\"\r\n") {
				field = `"` + strings.ReplaceAll(field, `"`, `""`) + `"`
			}
			out.WriteString(field)
		}
		out.WriteString("\r\n")
	}
	return out.String()
}

// night is a finished run.
type night struct {
	ID       int64
	Started  time.Time
	Finished time.Time
}

func numbered(nights []night) func(string) string {
	return func(value string) string {
		if i := slices.IndexFunc(nights, func(n night) bool { return strconv.FormatInt(n.ID, 10) == value }); i >= 0 {
			return fmt.Sprintf("run of night %d", i+1)
		}
		return value
	}
}

func started(nights []night) func(string) string {
	return func(value string) string {
		if i := slices.IndexFunc(nights, func(n night) bool { return n.Started.UTC().Format(time.RFC3339Nano) == value }); i >= 0 {
			return fmt.Sprintf("start of night %d", i+1)
		}
		return value
	}
}

func during(nights []night) func(string) string {
	return func(value string) string {
		at, err := time.Parse(time.RFC3339Nano, value)
		if i := slices.IndexFunc(nights, func(n night) bool { return !at.Before(n.Started) && !at.After(n.Finished) }); i >= 0 && err == nil {
			return fmt.Sprintf("in night %d", i+1)
		}
		return value
	}
}
