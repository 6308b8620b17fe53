package config

import (
	"strings"
	"testing"
)

// FuzzLoad holds that no file makes Load panic, that every line of an error names the file, and that an accepted
// configuration passes its own check.
func FuzzLoad(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLoader("config.yaml")
		l.file(data, 0o600)
		c, err := l.finish()
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "config.yaml:") {
					t.Errorf("the error does not name the file: %q", line)
				}
			}
			return
		}
		if err := c.Check(); err != nil {
			t.Errorf("accepted by Load, refused by Check: %v", err)
		}
		if len(c.SHA256()) != 64 {
			t.Errorf("no hash of %s", c.Canonical())
		}
	})
}
