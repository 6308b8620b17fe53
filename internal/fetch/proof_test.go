package fetch_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
	"exporter/internal/snapshot"
)

type itemRow = snapshot.ReviewItem

// wantItems fails unless rows are the world's items 0 to n-1 in order.
func wantItems(t *testing.T, rows []itemRow, n int) {
	t.Helper()
	if len(rows) != n {
		t.Fatalf("%d items, want %d", len(rows), n)
	}
	for i, row := range rows {
		if row.ID != itemID(i) {
			t.Fatalf("item %d is %s, want %s", i, row.ID, itemID(i))
		}
	}
}

// ofProof leaves out of a comparison what tables do not state.
var ofProof = cmpopts.IgnoreFields(fetch.Proof{}, "Digest", "Why")

// at matches the request for an offset.
func at(offset int) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.FormValue("offset") == strconv.Itoa(offset) }
}

// offsets are those asked for, with a + where the total was.
func offsets(requests []simulator.Request) string {
	var out []string
	for _, r := range requests {
		s := r.Query.Get("offset")
		if r.Query.Get("count") == "true" {
			s += "+"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestListIsProvedByOneReadingOrReadAgain(t *testing.T) {
	t.Parallel()
	items := func(change func(all []*simulator.ReviewItem) []*simulator.ReviewItem) func(*simulator.World) {
		return func(w *simulator.World) {
			c := w.Certification(certificationID)
			c.Items = change(c.Items)
		}
	}
	add := items(func(all []*simulator.ReviewItem) []*simulator.ReviewItem {
		return append([]*simulator.ReviewItem{item(1000 + len(all))}, all...)
	})
	remove := items(func(all []*simulator.ReviewItem) []*simulator.ReviewItem { return all[1:] })
	once := func(f simulator.Fault) []simulator.Fault { f.Times = 1; return []simulator.Fault{f} }
	everyTime := func(f simulator.Fault) []simulator.Fault { return []simulator.Fault{f} }
	whole := func(n int64, attempts int) fetch.Proof {
		return fetch.Proof{Proved: true, Expected: &n, Read: n, Distinct: &n, Attempts: attempts}
	}
	unproved := func(expected, read, distinct int64) fetch.Proof {
		return fetch.Proof{Expected: &expected, Read: read, Distinct: &distinct, Attempts: 3}
	}
	more := func(real int) int { return real + 1 }

	tests := []struct {
		name   string
		items  int
		faults []simulator.Fault
		want   fetch.Proof
		why    string // in Proof.Why
		asked  string // offsets; empty: not looked at
	}{
		{"empty list", 0, nil, whole(0, 1), "", "0+"},
		{"single page", 7, nil, whole(7, 1), "", "0+"},
		{"one full page", 10, nil, whole(10, 1), "", "0+"},
		{"exact multiple of the page size", 30, nil, whole(30, 1), "", "0+ 10 20+"},
		{"one row beyond", 31, nil, whole(31, 1), "", "0+ 10 20 30+"},
		{"total changes once", 30, once(simulator.Fault{Match: at(20), Total: more}), whole(30, 2), "", "0+ 10 20+ 0+ 10 20+"},
		{"total changes every time", 30, everyTime(simulator.Fault{Match: at(20), Total: more}), unproved(30, 30, 30), "total changed from 30 to 31", ""},
		{"total too high", 30, everyTime(simulator.Fault{Match: func(r *http.Request) bool { return r.FormValue("count") == "true" }, Total: more}), unproved(31, 30, 30), "", ""},
		{"total too low", 30, everyTime(simulator.Fault{Total: func(int) int { return 29 }}), unproved(29, 30, 30), "read 30 rows of a stated total of 29", ""},
		{"single page with a wrong total", 7, everyTime(simulator.Fault{Total: func(int) int { return 6 }}), unproved(6, 7, 7), "read 7 rows of a stated total of 6", "0+ 0+ 0+"},
		{"empty page with a total", 0, everyTime(simulator.Fault{Total: func(int) int { return 6 }}), unproved(6, 0, 0), "read 0 rows of a stated total of 6", "0+ 0+ 0+"},
		{"total on the first page only", 30, everyTime(simulator.Fault{Match: at(20), Header: http.Header{"X-Total-Count": {""}}}), unproved(30, 30, 30), "total on one page only", ""},
		{"row repeated once", 30, once(simulator.Fault{Match: at(10), RepeatRow: true}), whole(30, 2), "", ""},
		{"row repeated every time", 30, everyTime(simulator.Fault{Match: at(10), RepeatRow: true}), unproved(30, 30, 29), "read 30 rows with 29 distinct ids", ""},
		{"row dropped once", 30, once(simulator.Fault{Match: at(10), DropRow: true}), whole(30, 2), "", ""},
		{"row dropped every time", 30, everyTime(simulator.Fault{Match: at(10), DropRow: true}), unproved(30, 29, 29), "read 29 rows of a stated total of 30", ""},
		{"row of the first page dropped every time", 30, everyTime(simulator.Fault{Match: at(0), DropRow: true}), unproved(30, 32, 29), "read 32 rows with 29 distinct ids", ""},
		{"row added while reading", 30, once(simulator.Fault{Match: at(10), Before: add}), whole(31, 2), "", ""},
		{"row added in every reading", 30, everyTime(simulator.Fault{Match: at(10), Before: add}), unproved(32, 33, 32), "distinct ids", ""},
		{"row deleted while reading", 30, once(simulator.Fault{Match: at(10), Before: remove}), whole(29, 2), "", ""},
		{"last row deleted with its page", 31, once(simulator.Fault{Match: at(20), Before: remove}), whole(30, 2), "", "0+ 10 20 30+ 0+ 10 20+"},
		{"refused short of the total every time", 31, everyTime(simulator.Fault{Match: at(30), Status: 400}), unproved(31, 30, 30), "read 30 rows of a stated total of 31", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tenant := world(simulator.Options{}, tt.items, 0)
			for _, f := range tt.faults {
				f.Operation = simulator.OpItems
				tenant.Inject(f)
			}
			// One request at a time, so that a change falls between two pages.
			c := newClient(t, tenant, pages(10), inFlight(1))
			var s sink[itemRow]
			proof, err := c.ReviewItems(t.Context(), certificationID, &s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, proof, ofProof); diff != "" {
				t.Errorf("proof, %q (-want +got):\n%s", proof.Why, diff)
			}
			if (proof.Why == "") != proof.Proved || !strings.Contains(proof.Why, tt.why) {
				t.Errorf("reason %q, want %q in it", proof.Why, tt.why)
			}
			if s.restarts != proof.Attempts || int64(len(s.rows)) != *proof.Distinct {
				t.Errorf("the sink has %d rows after %d readings, want %d after %d", len(s.rows), s.restarts, *proof.Distinct, proof.Attempts)
			}
			if got := offsets(lists(tenant)); tt.asked != "" && got != tt.asked {
				t.Errorf("asked for offsets %s, want %s", got, tt.asked)
			}
		})
	}
}

func TestListWithoutATotalIsProvedByTwoEqualReadings(t *testing.T) {
	t.Parallel()
	reverse := func(w *simulator.World) { slices.Reverse(w.Certification(certificationID).Items) }
	tests := []struct {
		name   string
		items  int
		fault  simulator.Fault
		proved bool
		want   int // readings
		asked  string
	}{
		{"empty", 0, simulator.Fault{}, true, 2, "0+ 0+"},
		{"short page", 7, simulator.Fault{}, true, 2, "0+ 7 0+ 7"},
		{"short last page", 13, simulator.Fault{}, true, 2, "0+ 10 13 0+ 10 13"},
		{"full last page, then 400 at exactly the end", 20, simulator.Fault{}, true, 2, "0+ 10 20 0+ 10 20"},
		{"full last page, then an empty one", 20, simulator.Fault{Match: at(20), Status: 200, Body: "[]"}, true, 2, "0+ 10 20 0+ 10 20"},
		{"first reading lacks a row", 13, simulator.Fault{Match: at(10), DropRow: true, Times: 1}, true, 3, "0+ 10 12 13 0+ 10 13 0+ 10 13"},
		{"another order every time", 13, simulator.Fault{Match: at(0), Before: reverse}, false, 3, "0+ 10 13 0+ 10 13 0+ 10 13"},
		{"row repeated every time", 13, simulator.Fault{Match: at(10), RepeatRow: true}, false, 3, "0+ 10 13 0+ 10 13 0+ 10 13"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tenant := world(simulator.Options{OmitTotal: true}, tt.items, 0)
			tt.fault.Operation = simulator.OpItems
			tenant.Inject(tt.fault)
			c := newClient(t, tenant, pages(10))
			var s sink[itemRow]
			proof, err := c.ReviewItems(t.Context(), certificationID, &s)
			if err != nil {
				t.Fatal(err)
			}
			if proof.Proved != tt.proved || proof.Attempts != tt.want || proof.Expected != nil || (proof.Why == "") != tt.proved {
				t.Errorf("proof %+v, want proved %t after %d readings", proof, tt.proved, tt.want)
			}
			if tt.proved {
				wantItems(t, s.rows, tt.items)
			}
			if got := offsets(lists(tenant)); got != tt.asked {
				t.Errorf("asked for offsets %s, want %s", got, tt.asked)
			}
		})
	}
}

// bare serves a list of so many rows {"id": n}, as a handler of a fake.
type bare struct {
	rows   int
	total  bool // stated
	most   int  // rows a page, whatever is asked; 0: as asked
	beyond int  // first offset that is refused; 0: none
}

func (b bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil {
		reply(w, http.StatusBadRequest, "")
		return
	}
	offset, err := strconv.Atoi(r.FormValue("offset"))
	if err != nil || b.beyond > 0 && offset >= b.beyond {
		reply(w, http.StatusBadRequest, failureBody)
		return
	}
	if b.most > 0 {
		limit = min(limit, b.most)
	}
	rows := []string{}
	for n := offset; n < min(offset+limit, b.rows); n++ {
		rows = append(rows, fmt.Sprintf(`{"id":"%d"}`, n))
	}
	if b.total && r.FormValue("count") == "true" {
		w.Header().Set("X-Total-Count", strconv.Itoa(b.rows))
	}
	reply(w, http.StatusOK, "["+strings.Join(rows, ",")+"]")
}

func (b bare) tenant() *fake {
	return &fake{answer: func(_ int, w http.ResponseWriter, r *http.Request) { b.ServeHTTP(w, r) }}
}

func TestRefusedOffsetsAreACapAndNotTheEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		list   bare
		size   int
		read   int64
		capped bool
	}{
		{"with a total", bare{rows: 10_600, total: true, beyond: 10_000}, 250, 10_000, true},
		{"without a total", bare{rows: 10_600, beyond: 10_000}, 250, 10_000, true},
		{"without a total, the list ending at the cap", bare{rows: 10_000, beyond: 10_000}, 250, 10_000, true},
		{"cap on offset and limit together", bare{rows: 10_600, total: true, beyond: 9_840}, 240, 9_840, true},
		{"served beyond it with a total", bare{rows: 10_600, total: true}, 250, 10_600, false},
		{"served beyond it without a total", bare{rows: 10_600}, 250, 10_600, false},
		{"the list ending at it with a total", bare{rows: 10_000, total: true, beyond: 10_000}, 250, 10_000, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, tt.list.tenant(), pages(tt.size))
			var s sink[snapshot.Campaign]
			proof, err := c.Campaigns(t.Context(), "", &s)
			if err != nil {
				t.Fatal(err)
			}
			if proof.Cap != tt.capped || proof.Proved == tt.capped || proof.Read != tt.read || len(s.rows) != int(tt.read) {
				t.Errorf("proof %+v with %d rows, want cap %t after %d rows", proof, len(s.rows), tt.capped, tt.read)
			}
			if tt.capped && (proof.Attempts != 1 || !strings.Contains(proof.Why, "offset")) {
				t.Errorf("%d readings because of %q, want one because of the offset", proof.Attempts, proof.Why)
			}
		})
	}
}

func TestTenantWithASmallerPageSizeIsReadToTheEnd(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{100, 200, 230} {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			t.Parallel()
			c := newClient(t, bare{rows: rows, total: true, most: 100}.tenant())
			var s sink[snapshot.Campaign]
			proof, err := c.Campaigns(t.Context(), "", &s)
			if err != nil || !proof.Proved || proof.Attempts != 1 || len(s.rows) != rows {
				t.Errorf("proof %+v with %d rows, error %v", proof, len(s.rows), err)
			}
		})
	}
}

// Without a total a short page looks like the last one. Taking it for that cuts
// every list of such a tenant without a sign.
func TestTenantWithASmallerPageSizeAndNoTotalIsReadToTheEnd(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{99, 100, 230} {
		t.Run(strconv.Itoa(rows), func(t *testing.T) {
			t.Parallel()
			c := newClient(t, bare{rows: rows, most: 100}.tenant())
			var s sink[snapshot.Campaign]
			proof, err := c.Campaigns(t.Context(), "", &s)
			if err != nil || !proof.Proved || proof.Attempts != 2 || len(s.rows) != rows {
				t.Errorf("proof %+v with %d rows, error %v", proof, len(s.rows), err)
			}
		})
	}
}

func TestTenantThatIgnoresTheOffsetIsLeft(t *testing.T) {
	t.Parallel()
	same := &fake{answer: func(_ int, w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, `[{"id":"a"},{"id":"b"}]`)
	}}
	proof, err := newClient(t, same).Campaigns(t.Context(), "", &sink[snapshot.Campaign]{})
	if err != nil || proof.Proved || !strings.Contains(proof.Why, "same page") {
		t.Errorf("proof %+v, error %v; want it not proved for its pages are the same", proof, err)
	}
}

func TestRowsThatAreNoObjects(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		body     string
		total    string
		attempts int
		rows     int
		why      string // empty: proved
	}{
		{"one null", `[{"id":"a"},null]`, "2", 1, 1, ""},
		{"two nulls, twice alike", `[null,{"id":"a"},null]`, "3", 2, 1, ""},
		{"null without a total", `[{"id":"a"},null]`, "", 2, 1, ""},
		{"object without an id", `[{"id":"a"},{"name":"b"}]`, "2", 3, 1, "1 rows came without an id"},
		{"object whose id is null", `[{"id":null}]`, "1", 3, 0, "1 rows came without an id"},
		{"object whose id is empty", `[{"id":""}]`, "1", 3, 0, "1 rows came without an id"},
		{"number", `[{"id":"a"},5]`, "2", 3, 1, "1 rows are no objects"},
		{"text and array", `["a",[]]`, "", 3, 0, "2 rows are no objects"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, array(tt.body, "X-Total-Count", tt.total))
			var s sink[snapshot.Reviewer]
			proof, err := c.Reviewers(t.Context(), certificationID, "", &s)
			if err != nil {
				t.Fatal(err)
			}
			if proof.Proved != (tt.why == "") || proof.Attempts != tt.attempts || proof.Why != tt.why || len(s.rows) != tt.rows {
				t.Errorf("proof %+v with %d rows, want %d readings, %d rows, reason %q", proof, len(s.rows), tt.attempts, tt.rows, tt.why)
			}
		})
	}
}

func TestPermissionsKeepTheirOrderAndDuplicates(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 4, 10, 23} {
		for _, omit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, total omitted: %t", n, omit), func(t *testing.T) {
				t.Parallel()
				tenant := world(simulator.Options{OmitTotal: omit}, 1, n)
				want := []snapshot.Permission{}
				tenant.Edit(func(w *simulator.World) {
					for i, p := range w.Item(certificationID, itemID(0)).Permissions {
						p.Target = "T" + strconv.Itoa(i%2)
						want = append(want, snapshot.Permission{Target: &p.Target, Rights: p.Rights})
					}
				})
				got, proof, err := newClient(t, tenant, pages(10)).Permissions(t.Context(), certificationID, itemID(0), "")
				if err != nil || !proof.Proved || proof.Distinct != nil || proof.Read != int64(n) {
					t.Errorf("proof %+v, error %v", proof, err)
				}
				if diff := cmp.Diff(want, got.Permissions, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("permissions (-want +got):\n%s", diff)
				}
				digest, err := snapshot.PermissionsDigest(want)
				if err != nil || got.Digest != digest || got.ItemID != itemID(0) {
					t.Errorf("list %+v, want digest %s, error %v", got, digest, err)
				}
			})
		}
	}
}

func TestPermissionsThatWillNotHoldStillAreReadAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		rows     int
		fault    simulator.Fault
		proved   bool
		attempts int
	}{
		{"row dropped once, and its count made good by the next page", 12, simulator.Fault{Match: at(0), DropRow: true, Times: 1}, true, 2},
		{"total changes every time", 23, simulator.Fault{Match: at(20), Total: func(real int) int { return real + 1 }}, false, 3},
		{"row dropped every time", 23, simulator.Fault{Match: at(10), DropRow: true}, false, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tenant := world(simulator.Options{}, 1, tt.rows)
			tt.fault.Operation = simulator.OpPermissions
			tenant.Inject(tt.fault)
			got, proof, err := newClient(t, tenant, pages(10)).Permissions(t.Context(), certificationID, itemID(0), "")
			if err != nil || proof.Proved != tt.proved || proof.Attempts != tt.attempts {
				t.Errorf("proof %+v, error %v; want proved %t after %d readings", proof, err, tt.proved, tt.attempts)
			}
			if tt.proved && len(got.Permissions) != tt.rows {
				t.Errorf("%d permissions, want %d", len(got.Permissions), tt.rows)
			}
		})
	}
}

func TestDigestOfAListForgetsItsOrderAndNothingElse(t *testing.T) {
	t.Parallel()
	digest := func(body string) snapshot.Digest {
		proof, err := newClient(t, array(body)).Campaigns(t.Context(), "", &sink[snapshot.Campaign]{})
		if err != nil || !proof.Proved {
			t.Fatalf("proof %+v, error %v", proof, err)
		}
		return proof.Digest
	}
	first := digest(`[{"id":"a","name":"A"},{"id":"b"}]`)
	if second := digest(`[{"id":"b"},{"name":"A","id":"a"}]`); first != second {
		t.Error("another order gives another digest")
	}
	if third := digest(`[{"id":"a","name":"B"},{"id":"b"}]`); first == third {
		t.Error("another name gives the same digest")
	}
}
