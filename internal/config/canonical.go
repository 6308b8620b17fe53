package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// Canonical returns the effective settings as one line of JSON with sorted keys: equal settings give equal bytes.
// Durations are text such as "10s". The client secret and the database are left out, the webhook is "[set]" or "".
func (c Config) Canonical() []byte {
	root := map[string]any{}
	for _, s := range settings(&c) {
		if s.unhashed {
			continue
		}
		path := strings.Split(s.key, ".")
		section := root
		for _, name := range path[:len(path)-1] {
			inner, ok := section[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				section[name] = inner
			}
			section = inner
		}
		section[path[len(path)-1]] = canonical(s.value())
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(root); err != nil {
		panic("config: canonical form: " + err.Error()) // Only a number that no check lets pass, NaN, has no JSON.
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// SHA256 returns the hash of Canonical in lower-case hexadecimal.
func (c Config) SHA256() string {
	sum := sha256.Sum256(c.Canonical())
	return hex.EncodeToString(sum[:])
}

// canonical makes a list that was not given equal to an empty one.
func canonical(v any) any {
	switch v := v.(type) {
	case time.Duration:
		return v.String()
	case []string:
		return append([]string{}, v...)
	}
	return v
}
