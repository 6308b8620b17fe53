package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"

	"github.com/spf13/cobra"
)

// app is what every command shares: the streams, the environment, and the
// global flags.
type app struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer

	configFile string
	logFormat  string
	logLevel   string
	noProgress bool

	log *slog.Logger
}

// run is the program: main without the process around it. It returns the exit
// status.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr, log: slog.New(slog.DiscardHandler)}
	root := a.command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var child *exec.ExitError // psql has told its own
	if err != nil && !errors.Is(err, errPartial) && !errors.As(err, &child) {
		fmt.Fprintf(stderr, "exporter: %v\n", err)
	}
	return status(ctx, err)
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "exporter",
		Short: "Nightly, proved exports of SailPoint ISC certifications",
		Long: `exporter walks the certifications of a SailPoint Identity Security Cloud tenant,
proves that it saw all of each, keeps what changed in Postgres, and renders what
changed for people who open spreadsheets.`,
		Example:           "  exporter demo\n  exporter run --config config.yaml",
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.openLog() },
		Args:              cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_ = cmd.Help()
			return usagef("name a command")
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w\nsee `%s -h`", err, cmd.CommandPath())
	})
	f := root.PersistentFlags()
	f.StringVar(&a.configFile, "config", "", "configuration `FILE` (default $EXPORTER_CONFIG, else ./config.yaml where it exists)")
	f.StringVar(&a.logFormat, "log-format", "text", "format of the log: text or json")
	f.StringVar(&a.logLevel, "log-level", "info", "least level logged: debug, info, warn or error")
	f.BoolVar(&a.noProgress, "no-progress", false, "no progress bar, even on a terminal")
	root.AddCommand(a.runCommand(), a.reportCommand(), a.diffCommand(), a.runsCommand(), a.verifyCommand(), a.reassignCommand(), a.migrateCommand(),
		a.getCommand(), a.checkCommand(), a.psqlCommand(), a.pruneCommand(), a.holdCommand(), a.releaseCommand(), a.eraseCommand(), a.demoCommand(), a.simulateCommand(), a.versionCommand())
	usageArgs(root)
	return root
}

// usageArgs makes the complaints of a command, and of those below it, about
// their arguments usage errors.
func usageArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usagef("%w\nsee `%s -h`", err, cmd.CommandPath())
		}
		return nil
	}
	for _, sub := range c.Commands() {
		usageArgs(sub)
	}
}

func (a *app) openLog() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usagef("--log-level %q: use debug, info, warn or error", a.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(slog.NewTextHandler(a.stderr, options))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(a.stderr, options))
	default:
		return usagef("--log-format %q: use text or json", a.logFormat)
	}
	return nil
}

// oneOf checks a flag that takes one of a few words.
func oneOf(flag, value string, words ...string) error {
	for _, w := range words {
		if value == w {
			return nil
		}
	}
	return usagef("--%s %q: use one of %v", flag, value, words)
}

// terminal is the file behind a stream where that is a terminal, else nil.
func terminal(w io.Writer) *os.File {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	return f
}
