// Package migrations embeds the SQL files that make the database. The files
// are goose's: 000001_name.sql, with an Up and a Down part, without gaps.
package migrations

import "embed"

// Files holds the migrations.
//
//go:embed *.sql
var Files embed.FS
