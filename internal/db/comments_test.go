package db

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/db/dbtest"
)

// described lists what people see of schema audit, with the comment that
// explains it.
const described = `
	SELECT 'view ' || c.relname AS object, obj_description(c.oid, 'pg_class') AS comment
	FROM pg_class c
	WHERE c.relnamespace = 'audit'::regnamespace
	UNION ALL
	SELECT 'column ' || c.relname || '.' || a.attname, col_description(c.oid, a.attnum)
	FROM pg_class c
	JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relnamespace = 'audit'::regnamespace
	UNION ALL
	SELECT 'function ' || p.oid::regprocedure, obj_description(p.oid, 'pg_proc')
	FROM pg_proc p
	WHERE p.pronamespace = 'audit'::regnamespace`

func TestAllThatPeopleSeeIsExplained(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, object := range query[string](t, s, `SELECT d.object FROM (`+described+`) d WHERE d.comment IS NULL ORDER BY 1`) {
		t.Errorf("%s of schema audit has no comment", object)
	}
}

func TestCommentsGoDownAsTheyCame(t *testing.T) {
	t.Parallel()
	for _, before := range []int64{5, 8} { // the migrations before 000006_comments.sql, and before a view is made anew
		t.Run(fmt.Sprintf("to %d", before), func(t *testing.T) {
			t.Parallel()
			url := dbtest.NewEmpty(t)
			s := openURL(t, url)
			comments := func() []string {
				t.Helper()
				return query[string](t, s, `SELECT concat(d.object, ': ', d.comment) FROM (`+described+`) d ORDER BY 1`)
			}
			p := newProvider(t, url)
			if _, err := p.UpTo(t.Context(), before); err != nil {
				t.Fatal(err)
			}
			want := comments()
			if _, err := p.UpTo(t.Context(), before+1); err != nil {
				t.Fatal(err)
			}
			if _, err := p.DownTo(t.Context(), before); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, comments()); diff != "" {
				t.Errorf("after going down (-want +got):\n%s", diff)
			}
		})
	}
}
