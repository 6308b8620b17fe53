package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"

	"exporter/internal/config"
	"exporter/internal/report"
)

const (
	signingKeySetting  = "report.signing_key_file"
	signingKeyPassword = "EXPORTER_SIGNING_KEY_PASSWORD"

	maxKeyFile = 1 << 16 // one of minisign has some 300 bytes
)

// signingKey reads the key that signs manifests, before anything is begun that
// would end without a signature; nil where none is configured.
func (a *app) signingKey(c config.Config) (*report.SigningKey, error) {
	key, warning, err := readSigningKey(c.Report.SigningKeyFile, config.Secret(a.getenv(signingKeyPassword)))
	if warning != "" {
		a.log.Warn("configuration", slog.String("warning", warning))
	}
	return key, err
}

// readSigningKey reads a key file, and warns where others may read it too. An
// error is one of the configuration; it does not repeat the path, which may be
// the key itself, put in its place.
func readSigningKey(path string, password config.Secret) (key *report.SigningKey, warning string, err error) {
	if path == "" {
		return nil, "", nil
	}
	text, mode, err := readStart(path, maxKeyFile)
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err
		}
		return nil, "", usagef("%s: must name a file that can be read: %w", signingKeySetting, err)
	}
	if mode.Perm()&0o044 != 0 {
		warning = signingKeySetting + " is readable by others than its owner: chmod 600"
	}
	key, err = report.ParseSigningKey(text, password.Reveal())
	debug.FreeOSMemory() // a password is made hard to guess by a gibibyte, which a night should not keep
	switch {
	case errors.Is(err, report.ErrKeyEncrypted):
		err = fmt.Errorf("%w: set %s, or make a key without one by `minisign -G -W`", err, signingKeyPassword)
	case errors.Is(err, report.ErrKeyPassword):
		err = fmt.Errorf("%w; the password is that of %s", err, signingKeyPassword)
	}
	if err != nil {
		return nil, warning, usagef("%s: %w", signingKeySetting, err)
	}
	return key, warning, nil
}

// readStart reads a file as far as the limit.
func readStart(path string, limit int64) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(io.LimitReader(f, limit))
	return text, info.Mode(), err
}
