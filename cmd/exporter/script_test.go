package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"exporter/internal/db"
	"exporter/internal/db/dbtest"
	"exporter/internal/report"
	"exporter/internal/simulator"
	"exporter/migrations"
)

// patience bounds every wait for another process, so that a hanging one fails
// its script by name.
const patience = time.Minute

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"exporter": main})
}

// TestScripts runs the program as its users do. Each script has a tenant of its
// own, that of the demo, to which the environment leads.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "ci":
				return os.Getenv("CI") != "", nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status":   exitStatus,
			"database": onScript((*script).database),
			"query":    onScript((*script).query),
			"lock":     onScript((*script).lock),
			"tenant":   onScript((*script).tenant),
			"manifest": onScript((*script).manifest),
			"await":    onScript((*script).await),
			"source":   onScript((*script).source),
			"signal":   onScript((*script).signal),
			"ended":    onScript((*script).ended),

			"reassignment": onScript((*script).reassignment),
			"reseal":       onScript((*script).reseal),
		},
	})
}

type scriptKey struct{}

// script is what a script's commands share.
type script struct {
	t        testing.TB
	sim      *simulator.Tenant
	base     string // of its API
	heal     []func()
	reached  chan struct{}
	signaled *exec.Cmd
	owner    string // connection string, while the script is another role
}

func setUp(env *testscript.Env) error {
	t := env.T().(testing.TB)
	s := &script{t: t}
	env.Values[scriptKey{}] = s
	var err error
	if s.base, err = s.serve(simulator.NewDemo(simulator.Options{})); err != nil {
		return err
	}
	example, err := filepath.Abs(filepath.Join("..", "..", "config.example.yaml"))
	if err != nil {
		return err
	}
	env.Setenv("SAIL_BASE_URL", s.base)
	env.Setenv("SAIL_CLIENT_ID", demoClient)
	env.Setenv("SAIL_CLIENT_SECRET", demoSecret)
	env.Setenv("XDG_STATE_HOME", env.WorkDir)
	env.Setenv("EXAMPLE", example)
	if os.Geteuid() != 0 {
		return nil
	}
	// The user that root's PostgreSQL runs as has to pass.
	for _, dir := range []string{filepath.Dir(env.WorkDir), env.WorkDir} {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// serve puts a tenant on the network until the script ends.
func (s *script) serve(tenant *simulator.Tenant) (string, error) {
	base, stop, err := simulator.Serve(context.WithoutCancel(s.t.Context()), "127.0.0.1:0", tenant)
	if err != nil {
		return "", err
	}
	s.t.Cleanup(stop)
	s.sim = tenant
	return base, nil
}

// onScript makes a command of a method.
func onScript(f func(*script, *testscript.TestScript, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		ts.Check(f(ts.Value(scriptKey{}).(*script), ts, args))
	}
}

// exitStatus is `status N program...`: it runs a program that has to exit with N.
func exitStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program...")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

// database is `database migrated|empty`, which gives the script a database of
// its own, or `database server`, which gives it the server's own. `database app`
// makes it known by a role that may add to it and no more, `database owner` by
// the one that made it again.
func (s *script) database(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: database migrated|empty|server")
	}
	var conn string
	switch args[0] {
	case "migrated":
		conn = dbtest.New(s.t, migrations.Files, func(ctx context.Context, url string) error {
			_, err := db.Migrate(ctx, url)
			return err
		})
	case "empty":
		conn = dbtest.NewEmpty(s.t)
	case "server":
		var err error
		if conn, err = s.server(); err != nil {
			return err
		}
	case "app":
		s.owner = ts.Getenv("EXPORTER_DATABASE_URL")
		var err error
		if conn, err = s.app(s.owner); err != nil {
			return err
		}
	case "owner":
		conn = s.owner
	default:
		return fmt.Errorf("no database %q", args[0])
	}
	ts.Setenv("EXPORTER_DATABASE_URL", conn)
	return nil
}

// app is a database by a role of its own, which is a member of audit_writer and
// nothing else.
func (s *script) app(conn string) (string, error) {
	role := "exporter_app_" + strings.ToLower(rand.Text()[:10])
	exec := func(ctx context.Context, sql string) error {
		c, err := pgx.Connect(ctx, conn)
		if err != nil {
			return err
		}
		defer c.Close(context.WithoutCancel(ctx))
		_, err = c.Exec(ctx, sql)
		return err
	}
	if err := exec(s.t.Context(), fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'app'; GRANT audit_writer TO %[1]s`, role)); err != nil {
		return "", err
	}
	s.t.Cleanup(func() {
		if err := exec(context.WithoutCancel(s.t.Context()), `DROP ROLE `+role); err != nil {
			s.t.Error(err)
		}
	})
	u, err := url.Parse(conn)
	if err != nil {
		return "", err
	}
	u.User = url.UserPassword(role, "app")
	return u.String(), nil
}

// server reserves the demo's database on the server of the tests, which other
// processes use too, until the script ends.
func (s *script) server() (string, error) {
	url := os.Getenv("EXPORTER_TEST_DATABASE_URL")
	if url == "" {
		url = dbtest.Server(s.t).URL("postgres")
	}
	conn, err := pgx.Connect(s.t.Context(), url)
	if err != nil {
		return "", err
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		defer conn.Close(ctx) // also unlocks
		if _, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+demoDatabase+` WITH (FORCE)`); err != nil {
			s.t.Error(err)
		}
	})
	_, err = conn.Exec(s.t.Context(), `SELECT pg_advisory_lock(hashtext($1))`, demoDatabase)
	return url, err
}

// query is `query SQL`: it prints the rows on the script's standard output, the
// columns apart by a bar.
func (s *script) query(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: query SQL")
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, ts.Getenv("EXPORTER_DATABASE_URL"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	results, err := conn.PgConn().Exec(ctx, args[0]).ReadAll()
	if err != nil {
		return err
	}
	for _, row := range results[0].Rows {
		fmt.Fprintf(ts.Stdout(), "%s\n", bytes.Join(row, []byte("|")))
	}
	return nil
}

// lock is `lock NAME`: until the script ends another run of the tenant of that
// name seems to be under way.
func (s *script) lock(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: lock NAME")
	}
	ctx := context.WithoutCancel(s.t.Context())
	store, err := db.Open(ctx, ts.Getenv("EXPORTER_DATABASE_URL"), 1)
	if err != nil {
		return err
	}
	s.t.Cleanup(store.Close)
	tenant, err := store.BindTenant(ctx, args[0], strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		return err
	}
	unlock, err := store.Lock(ctx, tenant)
	if err != nil {
		return err
	}
	s.t.Cleanup(unlock)
	return nil
}

// tenant steers the simulated tenant:
//
//	tenant small                        another tenant, of so few requests that the rate limit is not felt
//	tenant night 2|3                    the demo's next nights
//	tenant fault OPERATION STATUS       requests of the operation are answered with the status
//	tenant hang OPERATION N             so are its requests after the first N, by nothing
//	tenant reached                      waits until one of these came in
//	tenant heal                         ends all faults
//	tenant untouched                    fails where anything was asked of the tenant so far
func (s *script) tenant(ts *testscript.TestScript, args []string) error {
	switch verb, rest := args[0], args[1:]; {
	case verb == "small" && len(rest) == 0:
		base, err := s.serve(simulator.Generate(simulator.Options{}, simulator.Size{Campaigns: 1, CertificationsPerCampaign: 2, ItemsPerCertification: 5}))
		if err != nil {
			return err
		}
		ts.Setenv("SAIL_BASE_URL", base)
		return nil
	case verb == "night" && len(rest) == 1:
		n, err := strconv.Atoi(rest[0])
		s.sim.DemoNight(n)
		return err
	case verb == "fault" && len(rest) == 2:
		code, err := strconv.Atoi(rest[1])
		s.heal = append(s.heal, s.sim.Inject(simulator.Fault{Operation: rest[0], Status: code}))
		return err
	case verb == "hang" && len(rest) == 2:
		after, err := strconv.Atoi(rest[1])
		s.hang(rest[0], after)
		return err
	case verb == "reached" && len(rest) == 0:
		select {
		case <-s.reached:
			return nil
		case <-time.After(patience):
			return errors.New("no request came that hangs")
		}
	case verb == "heal" && len(rest) == 0:
		for _, remove := range s.heal {
			remove()
		}
		s.heal = nil
		return nil
	case verb == "untouched" && len(rest) == 0:
		if asked := s.sim.Requests(); len(asked) > 0 {
			return fmt.Errorf("asked of the tenant: %v", asked)
		}
		return nil
	default:
		return fmt.Errorf("no such thing as tenant %v", args)
	}
}

// hang makes a fault that tells when its first request is there.
func (s *script) hang(operation string, after int) {
	reached := make(chan struct{})
	var mu sync.Mutex
	met := 0
	s.reached = reached
	s.heal = append(s.heal, s.sim.Inject(simulator.Fault{
		Operation: operation, After: after, Hang: true,
		Match: func(*http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			if met++; met == after+1 {
				close(reached)
			}
			return true
		},
	}))
}

// manifest is `manifest DIR`: what manifest.json says of the files is so, and
// there are no others.
func (s *script) manifest(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: manifest DIR")
	}
	const name = "manifest.json"
	dir := ts.MkAbs(args[0])
	var m report.Manifest
	if err := json.Unmarshal([]byte(ts.ReadFile(filepath.Join(dir, name))), &m); err != nil {
		return err
	}
	type file struct {
		Name   string
		Bytes  int64
		SHA256 string
	}
	var said, found []file
	for _, f := range m.Files {
		said = append(said, file{f.Name, f.Bytes, f.SHA256})
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == name || e.Name() == name+".minisig" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found = append(found, file{e.Name(), int64(len(data)), fmt.Sprintf("%x", sha256.Sum256(data))})
	}
	if d := cmp.Diff(found, said); d != "" {
		return fmt.Errorf("files of %s (-there +in the manifest):\n%s", args[0], d)
	}
	return nil
}

// await is `await FILE TEXT`: it waits until another process has written the
// text to the file.
func (s *script) await(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: await FILE TEXT")
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		// It may not be there yet.
		if data, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && bytes.Contains(data, []byte(args[1])) {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("%s does not hold %q", args[0], args[1])
		}
	}
}

// source is `source FILE`: it takes over the file's lines `export NAME=VALUE`.
func (s *script) source(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: source FILE")
	}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "export ")), "=")
		if !ok {
			return fmt.Errorf("%s: %q is not NAME=VALUE", args[0], line)
		}
		ts.Setenv(name, value)
	}
	return nil
}

// signal is `signal TERM|INT`: it sends the signal to the program in the
// background.
func (s *script) signal(ts *testscript.TestScript, args []string) error {
	running := ts.BackgroundCmds()
	if len(args) != 1 || len(running) != 1 {
		return errors.New("usage: signal TERM|INT, with one program in the background")
	}
	number, ok := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT}[args[0]]
	if !ok {
		return fmt.Errorf("no signal %q", args[0])
	}
	s.signaled = running[0]
	return s.signaled.Process.Signal(number)
}

// ended is `ended N`: the program that was sent a signal, and waited for,
// exited with N.
func (s *script) ended(_ *testscript.TestScript, args []string) error {
	if len(args) != 1 || s.signaled == nil {
		return errors.New("usage: signal TERM, wait, ended N")
	}
	if got := strconv.Itoa(s.signaled.ProcessState.ExitCode()); !slices.Equal(args, []string{got}) {
		return fmt.Errorf("exit status %s, want %s", got, args[0])
	}
	return nil
}
