// Package migrations embeds the SQL files that make the database. The files
// are goose's: 000001_name.sql, with an Up and a Down part, without gaps. What
// they come to is in schema.sql, for people to read; no program runs it.
package migrations

import "embed"

// Files holds the migrations.
//
//go:embed 0*.sql
var Files embed.FS
