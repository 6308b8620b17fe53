package reassign_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"exporter/internal/fetch"
	"exporter/internal/reassign"
)

func TestReadTargets(t *testing.T) {
	t.Parallel()
	two := []fetch.ReassignTarget{{Type: "ITEM", ID: "a"}, {Type: "TARGET_SUMMARY", ID: "b"}}
	tests := map[string]struct {
		file   string
		want   []fetch.ReassignTarget
		faults string
	}{
		"plain":               {"type,id\nITEM,a\nTARGET_SUMMARY,b\n", two, ""},
		"of a spreadsheet":    {"\uFEFFtype,id\r\nITEM,a\r\nTARGET_SUMMARY,b\r\n", two, ""},
		"mark before a quote": {"\uFEFF\"type\",\"id\"\r\n\"ITEM\",\"a\"\r\nTARGET_SUMMARY,b", two, ""},
		"empty lines, spaces": {"type, id\n\nITEM , a\n\n\nTARGET_SUMMARY,\tb\n", two, ""},
		"same id, other type": {"type,id\nITEM,a\nIDENTITY_SUMMARY,a\n", []fetch.ReassignTarget{{Type: "ITEM", ID: "a"}, {Type: "IDENTITY_SUMMARY", ID: "a"}}, ""},
		"empty":               {"", nil, "f.csv:1: nothing to reassign: want a header type,id and a line for each target"},
		"header alone":        {"type,id\n", nil, "f.csv:1: nothing to reassign: want a header type,id and a line for each target"},
		"no header":           {"ITEM,a\nITEM,b\n", []fetch.ReassignTarget{{Type: "ITEM", ID: "b"}}, `f.csv:1: the header is "ITEM,a", not type,id`},
		"semicolons":          {"type;id\nITEM;a\n", nil, "f.csv:1: the header is \"type;id\", not type,id\nf.csv:2: 1 fields: want type,id"},
		"every fault at once": {
			"type,id\nITEM,a\nitem,b\nITEM,\nITEM\nITEM,c,d\nITEM,a b\nITEM,a\nITEM,e\"\nITEM,a\n",
			[]fetch.ReassignTarget{{Type: "ITEM", ID: "a"}},
			`f.csv:3: type "item": use ITEM, IDENTITY_SUMMARY or TARGET_SUMMARY
f.csv:4: id is missing
f.csv:5: 1 fields: want type,id
f.csv:6: 3 fields: want type,id
f.csv:7: "a b" is no id
f.csv:8: ITEM a is on line 2 already
f.csv:9: bare " in non-quoted-field
f.csv:10: ITEM a is on line 2 already`,
		},
		"quote without an end": {"type,id\nITEM,a\nITEM,\"b\nITEM,c\n", []fetch.ReassignTarget{{Type: "ITEM", ID: "a"}}, "f.csv:4: extraneous or missing \" in quoted-field"},
		"no text":              {"type,id\nITEM,a\xff\nITEM,b\x00\nITEM,c\u200b\n", nil, "f.csv:2: \"a\\xff\" is no id\nf.csv:3: \"b\\x00\" is no id\nf.csv:4: \"c\\u200b\" is no id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := reassign.ReadTargets("f.csv", strings.NewReader(tt.file))
			faults := ""
			if err != nil {
				faults = err.Error()
			}
			if diff := cmp.Diff(tt.faults, faults); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("targets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadTargetsStopsWhereTheFileCannotBeRead(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := reassign.ReadTargets("f.csv", io.MultiReader(strings.NewReader("type,id\nITEM,a\n"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want the reader's", err)
	}
}

func TestOrderReportsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	target := func(kind, id string) fetch.ReassignTarget { return fetch.ReassignTarget{Type: kind, ID: id} }
	tests := map[string]struct {
		order reassign.Order
		want  string
	}{
		"nothing wrong": {reassign.Order{CertificationID: "c", To: "bob", Reason: "on\nleave", Targets: []fetch.ReassignTarget{target("ITEM", "a"), target("TARGET_SUMMARY", "a")}}, ""},
		"nothing given": {reassign.Order{}, "certification: id is missing\nidentity to reassign to: id is missing\nreason: is missing\nnothing to reassign"},
		"slips": {
			reassign.Order{CertificationID: "c d", To: "bob\n", Reason: "\x00", Targets: []fetch.ReassignTarget{target("ITEM", ""), target("THING", "a"), target("ITEM", "b"), target("ITEM", "b")}},
			"certification: \"c d\" is no id\nidentity to reassign to: \"bob\\n\" is no id\nreason: is no text\ntarget: id is missing\n" +
				"target: type \"THING\": use ITEM, IDENTITY_SUMMARY or TARGET_SUMMARY\ntarget: ITEM b is named twice",
		},
		"reason of spaces": {reassign.Order{CertificationID: "c", To: "bob", Reason: " \t", Targets: []fetch.ReassignTarget{target("ITEM", "a")}}, "reason: is missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := tt.order.Check(); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}
