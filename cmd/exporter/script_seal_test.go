package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"exporter/internal/db"
)

// reseal is `reseal NAME`: it computes the roots of the tenant's runs anew from
// what is stored, each onto the one before, as whoever owns the database can.
func (s *script) reseal(ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: reseal NAME")
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	url := ts.Getenv("EXPORTER_DATABASE_URL")
	store, err := db.Open(ctx, url, 1)
	if err != nil {
		return err
	}
	defer store.Close()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `SET session_replication_role = replica`); err != nil { // past the triggers
		return err
	}
	tenant, err := store.FindTenant(ctx, args[0])
	if err != nil {
		return err
	}
	runs, err := store.Runs(ctx, tenant)
	if err != nil {
		return err
	}
	var previous *string
	for _, run := range runs {
		if !run.Finished() {
			continue
		}
		if _, err := conn.Exec(ctx, `UPDATE history.run SET previous_root_sha256 = $2 WHERE run_id = $1`, run.ID, previous); err != nil {
			return err
		}
		h := sha256.New()
		if err := store.Read(ctx, tenant, run.ID, nil, func(r *db.Reader) error { return r.WriteSeal(ctx, h) }); err != nil {
			return err
		}
		previous = new(fmt.Sprintf("%x", h.Sum(nil)))
		if _, err := conn.Exec(ctx, `UPDATE history.run SET root_sha256 = $2 WHERE run_id = $1`, run.ID, previous); err != nil {
			return err
		}
	}
	return nil
}
