package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
)

// Load reads the file at path, or none if path is empty, lets the environment win over it, fills in what follows from
// other settings, and checks the whole. env is os.Getenv or its stand-in; a variable that is empty counts as not set.
// Credentials may be missing, see Config.RequireTenant.
//
// A file that cannot be opened is an error that wraps the one of package os. Any other error lists all that is wrong, a
// line each, by file:line or environment variable and key; it repeats no text of the file but the names of keys.
func Load(path string, env func(string) string) (Config, error) {
	l := newLoader(path)
	if path != "" {
		data, mode, err := readFile(path)
		if err != nil {
			return Config{}, fmt.Errorf("read configuration: %w", err)
		}
		l.file(data, mode)
	}
	l.environment(env)
	l.secretFile()
	return l.finish()
}

// loader gathers one configuration and everything that is wrong with it.
type loader struct {
	path     string
	config   Config
	schema   []setting // bound to config
	at       map[string]origin
	problems []*problem
}

func newLoader(path string) *loader {
	l := &loader{path: path, at: map[string]origin{}}
	l.schema = settings(&l.config)
	for _, s := range l.schema {
		s.reset()
	}
	return l
}

func (l *loader) file(data []byte, mode fs.FileMode) {
	d := read(l.path, data, l.schema)
	l.at, l.problems = d.at, d.problems
	for _, s := range l.schema {
		v, ok := d.values[s.key]
		if !ok {
			continue
		}
		l.fail(s.key, s.decode(v))
		if secret, ok := s.value().(Secret); ok && secret != "" && readableByOthers(mode) {
			l.warn("%s holds %s and is readable by others than its owner: chmod 600", l.path, s.key)
		}
	}
}

func (l *loader) environment(env func(string) string) {
	for _, s := range l.schema {
		for _, name := range s.env {
			if v := env(name); v != "" {
				l.at[s.key] = origin{name: name}
				l.fail(s.key, s.decode(v))
				break
			}
		}
	}
}

// secretFile reads the client secret from its file, unless the environment has given it.
func (l *loader) secretFile() {
	const key = "tenant.client_secret_file"
	t := &l.config.Tenant
	fromFile := l.at["tenant.client_secret"].line > 0
	switch {
	case t.ClientSecretFile == "" || (t.ClientSecret != "" && !fromFile):
		return
	case t.ClientSecret != "":
		l.fail(key, errors.New("must not be given beside tenant.client_secret; leave one of them out"))
		return
	}
	data, mode, err := readFile(t.ClientSecretFile)
	if err != nil {
		// The path is not told: it may be the secret itself, put under the wrong key.
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err
		}
		l.fail(key, fmt.Errorf("must name a file that can be read: %w", err))
		return
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if secret == "" {
		l.fail(key, errors.New("must name a file with the client secret; this one is empty"))
		return
	}
	if readableByOthers(mode) {
		l.warn("tenant.client_secret_file %s is readable by others than its owner: chmod 600", t.ClientSecretFile)
	}
	l.at["tenant.client_secret"] = l.at[key]
	t.ClientSecret = Secret(secret)
}

// finish derives what was left out, checks and returns the configuration.
func (l *loader) finish() (Config, error) {
	l.derive()
	for _, s := range l.schema {
		l.fail(s.key, s.check())
	}
	if err := join(l.problems); err != nil {
		return Config{}, err
	}
	return l.config, nil
}

// derive fills the tenant's name and token address from its base address.
func (l *loader) derive() {
	t := &l.config.Tenant
	t.BaseURL = strings.TrimSuffix(t.BaseURL, "/")
	if t.BaseURL == "" || siteURL(t.BaseURL) != nil {
		return
	}
	u, _ := endpoint(t.BaseURL)
	u.Host = strings.ToLower(u.Host)
	t.BaseURL = u.String()
	if t.TokenURL == "" {
		t.TokenURL = t.BaseURL + "/oauth/token"
	}
	if t.Name == "" {
		t.Name = nameOf(u)
		if err := label(t.Name); err != nil {
			l.at["tenant.name"] = l.at["tenant.base_url"]
			l.fail("tenant.name", fmt.Errorf("must be given, as the host of base_url makes none: %w", err))
			t.Name = ""
		}
	}
}

// nameOf is the first label of a host's name; an address in numbers has none.
func nameOf(u *url.URL) string {
	if isAddress(u.Hostname()) {
		return "local"
	}
	name, _, _ := strings.Cut(u.Hostname(), ".")
	return name
}

// fail records what is wrong with the value of a key, at the place it came from.
func (l *loader) fail(key string, err error) {
	for _, p := range locate(key, err) {
		p.origin = l.at[p.key]
		if p.name == "" {
			p.origin = l.at[key]
		}
		l.problems = append(l.problems, p)
	}
}

func (l *loader) warn(format string, args ...any) {
	l.config.warnings = append(l.config.warnings, fmt.Sprintf(format, args...))
}

func readFile(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	data, err := os.ReadFile(path)
	return data, info.Mode(), err
}

func readableByOthers(mode fs.FileMode) bool { return mode.Perm()&0o044 != 0 }
