package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestHelpOfEveryCommandShowsAnExample(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		args := append(strings.Fields(c.CommandPath())[1:], "-h")
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), args, nothing, nil, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
				t.Fatalf("exit status %d, standard error %q", code, &stderr)
			}
			_, example, ok := strings.Cut(stdout.String(), "Examples:\n")
			if !ok || !strings.HasPrefix(example, "  exporter ") {
				t.Errorf("shows no example:\n%s", &stdout)
			}
		})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(new(app).command())
}

// nothing is an environment without variables.
func nothing(string) string { return "" }
