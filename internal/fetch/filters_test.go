package fetch

import (
	"strings"
	"testing"
)

func TestCheckQuery(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name             string
		list             List
		filters, sorters string
		want             string // in the error; empty: none
	}{
		{name: "nothing asked", list: ListTasks},
		{name: "one clause", list: ListCertifications, filters: `phase eq "ACTIVE"`},
		{name: "clauses joined by and", list: ListCertifications, filters: `campaign.id in ("a","b") and completed eq true`},
		{name: "quotes in a value", list: ListReviewers, filters: `name sw "Ann \"A\" and or"`},
		{name: "brackets of one", list: ListItems, filters: `access.id in ( "x" )`, sorters: "-access.name, identitySummary.name"},
		{name: "target and rights", list: ListPermissions, filters: `target eq "SYS.OBJAUTH2" and rights ca "READ"`},
		{name: "rights of several", list: ListPermissions, filters: `rights ca ("READ","WRITE") or target sw "SYS"`},

		{name: "unknown field", list: ListReviewers, filters: `type eq "IDENTITY"`, want: `no field "type"; it takes email eq,sw; id eq,in; name eq,sw`},
		{name: "operator of another field", list: ListReviewers, filters: `email in ("a")`, want: `email has no operator "in"`},
		{name: "in without brackets", list: ListTasks, filters: `id in "a"`, want: "brackets"},
		{name: "eq with brackets", list: ListTasks, filters: `id eq ("a","b")`, want: "one value"},
		{name: "text without quotes", list: ListCertifications, filters: `phase eq ACTIVE`, want: "double quotes"},
		{name: "boolean in quotes", list: ListCertifications, filters: `completed eq "true"`, want: "true or false"},
		{name: "or where only and is taken", list: ListCertifications, filters: `phase eq "A" or phase eq "B"`, want: "joined by or"},
		{name: "two targets", list: ListPermissions, filters: `target eq "a" or target eq "b"`, want: "two clauses on target"},
		{name: "three clauses", list: ListPermissions, filters: `target eq "a" and rights ca "b" and target eq "c"`, want: "more than one and"},
		{name: "end of text missing", list: ListReviewers, filters: `name eq "Ann`, want: "cannot read"},
		{name: "trailing and", list: ListReviewers, filters: `name eq "Ann" and `, want: "cannot read"},
		{name: "trailing words", list: ListReviewers, filters: `name eq "Ann" please`, want: "cannot read"},
		{name: "unknown order", list: ListReviewers, sorters: "id", want: `"id" is not among name, email`},
		{name: "order of a list without one", list: ListPermissions, sorters: "target", want: "cannot be sorted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := CheckQuery(tc.list, tc.filters, tc.sorters)
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func FuzzCheckQuery(f *testing.F) {
	f.Add(`target eq "a" and rights ca "b"`, "name,-email")
	f.Add(`id in ("a","b\"")`, "")
	f.Fuzz(func(t *testing.T, filters, sorters string) {
		for l := range lists {
			_ = CheckQuery(l, filters, sorters)
		}
	})
}
