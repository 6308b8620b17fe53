package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"exporter/internal/db"
	"exporter/internal/report"
)

// verifyFolder checks a report's folder, and prints every check with what it
// covered.
func (a *app) verifyFolder(ctx context.Context, dir, publicKey string, database bool, format string) error {
	key, err := readPublicKey(publicKey)
	if err != nil {
		return err
	}
	var store *db.Store
	if database {
		c, err := a.loadConfig()
		if err != nil {
			return err
		}
		opened, closeStore, err := a.openStore(ctx, c)
		if err != nil {
			return err
		}
		defer closeStore()
		store = opened
	}
	v, err := report.Verify(ctx, dir, key)
	if errors.Is(err, report.ErrNoReport) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if store != nil {
		c, err := compareStored(ctx, store, v)
		if err != nil {
			return err
		}
		v.Checks = append(v.Checks, *c)
	}
	if format == "json" {
		err = printJSON(a.stdout, v)
	} else {
		err = printFolder(a.stdout, v)
	}
	if err == nil && v.Differs() {
		err = fmt.Errorf("%w: %s", errDifference, firstDifference(v))
	}
	return err
}

// readPublicKey takes a key, or the file that holds it; nil where none is given.
func readPublicKey(given string) (*report.PublicKey, error) {
	if given == "" {
		return nil, nil
	}
	if key, err := report.ParsePublicKey(given); err == nil {
		return &key, nil
	}
	text, _, err := readStart(given, maxKeyFile)
	if err != nil {
		return nil, usagef("--public-key: neither a public key of minisign nor a file: %w", err)
	}
	key, err := report.ParsePublicKey(string(text))
	if err != nil {
		return nil, usagef("--public-key %s: %w", given, err)
	}
	return &key, nil
}

// compareStored compares the run that a report shows with the one that is
// stored: what a chain in a database cannot tell of itself.
func compareStored(ctx context.Context, store *db.Store, v report.Verification) (*report.Check, error) {
	c := report.NewCheck("database")
	if v.Run == 0 {
		c.Skip("the manifest cannot be relied on")
		return c, nil
	}
	subject := fmt.Sprintf("run %d", v.Run)
	c.Covered = subject + " as it is stored: status, root, previous root, and whether its facts and coverage have that root"
	tenant, err := store.FindTenant(ctx, v.Tenant)
	if errors.Is(err, db.ErrNoTenant) {
		c.Differ(subject, "stored run", "one of "+v.Tenant, "no run of this tenant: all were dropped, or this is another database")
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	run, err := store.Run(ctx, tenant, v.Run)
	if errors.Is(err, db.ErrNoRun) {
		newest, err := newestRun(ctx, store, tenant)
		if err != nil {
			return nil, err
		}
		c.Differ(subject, "stored run", "one of this number", "none: it was dropped, or this is another database; "+newest)
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	computed, err := computedRoot(ctx, store, tenant, v.Run)
	if err != nil {
		return nil, err
	}
	root, previous := orNone(run.RootSHA256), orNone(run.PreviousRootSHA256)
	why := "; the stored run was changed: what is stored of it has the root " + computed
	if computed == root {
		why = "; what is stored of the run fits it: the chain was computed anew, or this is another database"
	}
	switch wantPrevious := orNone(&v.PreviousRootSHA256); {
	case !run.Finished():
		c.Differ(subject, "status", v.Status, string(run.Status)+", which has no report: the stored run was changed")
	case root != v.RootSHA256:
		c.Differ(subject, "root_sha256", v.RootSHA256, root+why)
	case previous != wantPrevious:
		c.Differ(subject, "previous_root_sha256", wantPrevious, previous+why)
	case string(run.Status) != v.Status:
		c.Differ(subject, "status", v.Status, string(run.Status)+why)
	case computed != root:
		c.Differ(subject, "root of its facts and coverage", root, computed+"; the stored run was changed")
	}
	return c, nil
}

// newestRun says which finished run of a tenant is the newest there.
func newestRun(ctx context.Context, store *db.Store, t db.Tenant) (string, error) {
	last, err := store.LatestFinished(ctx, t)
	if errors.Is(err, db.ErrNoRun) {
		return "no finished run is there", nil
	}
	return fmt.Sprintf("the newest finished run there is %d", last.ID), err
}

// computedRoot is the root of a run as it follows from what is stored now.
func computedRoot(ctx context.Context, store *db.Store, t db.Tenant, run int64) (string, error) {
	h := sha256.New()
	err := store.Read(ctx, t, run, nil, func(r *db.Reader) error { return r.WriteSeal(ctx, h) })
	return hex.EncodeToString(h.Sum(nil)), err
}

func orNone(s *string) string {
	if s == nil || *s == "" {
		return "none"
	}
	return *s
}

func printFolder(w io.Writer, v report.Verification) error {
	var differ, skipped []string
	rows := [][]string{{"CHECK", "RESULT", "COVERED"}}
	for _, c := range v.Checks {
		switch c.Result {
		case report.CheckDiffers:
			differ = append(differ, c.Name)
		case report.CheckNone:
			skipped = append(skipped, c.Name)
		}
		rows = append(rows, []string{c.Name, c.Result, oneLine(c.Covered)})
	}
	verdict := "no difference"
	if len(differ) > 0 {
		verdict = "differs: " + strings.Join(differ, ", ")
	}
	if len(skipped) > 0 {
		verdict += "; not checked: " + strings.Join(skipped, ", ")
	}
	fmt.Fprintf(w, "%s: %s\n", oneLine(v.Folder), verdict)
	if v.RootSHA256 != "" {
		fmt.Fprintf(w, "  root     %s\n", v.RootSHA256) // for whoever keeps the roots that run prints
	}
	fmt.Fprintln(w)
	if err := table(w, rows); err != nil {
		return err
	}
	for _, c := range v.Checks {
		for _, d := range c.Differences {
			fmt.Fprintf(w, "\n%s: %s\n", c.Name, oneLine(d.File))
			if err := table(w, [][]string{
				{"  what", oneLine(d.What)}, {"  expected", oneLine(d.Expected)}, {"  found", oneLine(d.Found)},
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstDifference is the first one that was found, and how many there are.
func firstDifference(v report.Verification) string {
	var first string
	n := 0
	for _, c := range v.Checks {
		for _, d := range c.Differences {
			if n++; n == 1 {
				first = oneLine(fmt.Sprintf("%s: %s: %s: expected %s, found %s", c.Name, d.File, d.What, d.Expected, d.Found))
			}
		}
	}
	if n > 1 {
		first += fmt.Sprintf(" (first of %d)", n)
	}
	return first
}
