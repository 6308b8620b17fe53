package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"exporter/internal/fetch"
	"exporter/internal/simulator"
)

func TestPagesReachTheSinkInOrder(t *testing.T) {
	t.Parallel()
	tenant := world(simulator.Options{}, 200, 0)
	// Answers are let go in an order of their own: the last of sixteen first.
	const together = 16
	arrived := make(chan chan struct{})
	go func() {
		var held []chan struct{}
		for release := range arrived {
			if held = append(held, release); len(held) == together {
				rand.Shuffle(len(held)-1, func(i, j int) { held[i], held[j] = held[j], held[i] })
				for _, h := range slices.Backward(held) {
					close(h)
				}
				held = nil
			}
		}
	}()
	t.Cleanup(func() { close(arrived) })
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if offset, _ := strconv.Atoi(r.URL.Query().Get("offset")); offset > 0 && offset <= 4*together {
			release := make(chan struct{})
			arrived <- release
			<-release
		}
		tenant.ServeHTTP(w, r)
	})
	var s sink[itemRow]
	proof, err := newClient(t, handler, pages(4), inFlight(together)).ReviewItems(t.Context(), certificationID, &s)
	if err != nil || !proof.Proved {
		t.Fatalf("proof %+v, error %v", proof, err)
	}
	wantItems(t, s.rows, 200)
	if s.pages != 50 {
		t.Errorf("%d pages, want 50", s.pages)
	}
}

func TestErrorOfTheSinkEndsTheReading(t *testing.T) {
	t.Parallel()
	for _, omit := range []bool{false, true} {
		for n := 1; n <= 6; n++ {
			t.Run(fmt.Sprintf("page %d, total omitted: %t", n, omit), func(t *testing.T) {
				t.Parallel()
				tenant := world(simulator.Options{OmitTotal: omit}, 60, 0)
				s := sink[itemRow]{page: func(page int) error {
					if page == n {
						return errTold
					}
					return nil
				}}
				proof, err := newClient(t, tenant, pages(10), inFlight(4)).ReviewItems(t.Context(), certificationID, &s)
				if !errors.Is(err, errTold) || proof.Proved {
					t.Errorf("proof %+v, error %v; want the sink's", proof, err)
				}
				if s.pages != n || s.restarts != 1 {
					t.Errorf("the sink got %d pages in %d readings, want %d in one", s.pages, s.restarts, n)
				}
			})
		}
	}
}

func TestFailedPageEndsTheReading(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 404, 500} {
		for offset := 0; offset < 60; offset += 10 {
			t.Run(fmt.Sprintf("%d at offset %d", status, offset), func(t *testing.T) {
				t.Parallel()
				tenant := world(simulator.Options{}, 60, 0)
				tenant.Inject(simulator.Fault{Operation: simulator.OpItems, Match: at(offset), Status: status})
				proof, err := newClient(t, tenant, pages(10), retries(0)).ReviewItems(t.Context(), certificationID, &sink[itemRow]{})
				if fetch.StatusOf(err) != status || proof.Proved {
					t.Errorf("proof %+v, error %v; want status %d", proof, err, status)
				}
			})
		}
	}
}

func TestCancellationAtAnyRequestProvesNothing(t *testing.T) {
	t.Parallel()
	for _, omit := range []bool{false, true} {
		requests := map[bool]int{false: 7, true: 15}[omit] // with the token's; two readings without a total
		for n := 1; n <= requests; n++ {
			for _, served := range []bool{false, true} {
				t.Run(fmt.Sprintf("request %d, total omitted: %t, served: %t", n, omit, served), func(t *testing.T) {
					t.Parallel()
					tenant := world(simulator.Options{OmitTotal: omit}, 60, 0)
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					met := make(chan struct{}, requests+1)
					handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						met <- struct{}{}
						last := len(met) >= n
						if last && !served {
							cancel(errTold)
						}
						tenant.ServeHTTP(w, r)
						if last {
							cancel(errTold)
						}
					})
					proof, err := newClient(t, handler, pages(10)).ReviewItems(ctx, certificationID, &sink[itemRow]{})
					if !errors.Is(err, errTold) || proof.Proved {
						t.Errorf("proof %+v, error %v; want the context's cause", proof, err)
					}
				})
			}
		}
	}
}
