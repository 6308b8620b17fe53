package simulator_test

import (
	"context"
	"net/http"
	"testing"

	"exporter/internal/simulator"
)

func TestServeKeepsToLoopback(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":0", "0.0.0.0:0", "192.0.2.1:0", "example.com:0", "[::]:0", "127.0.0.1"} {
		if _, _, err := simulator.Serve(t.Context(), addr, simulator.New(simulator.Options{})); err == nil {
			t.Errorf("%s was accepted", addr)
		}
	}
}

func TestServeEndsWithStopOrItsContext(t *testing.T) {
	t.Parallel()
	for _, byContext := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tenant := simulator.New(simulator.Options{})
		base, stop, err := simulator.Serve(ctx, "127.0.0.1:0", tenant)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.Get(base + "/oauth/info")
		if err != nil {
			t.Fatalf("ready when it returns: %v", err)
		}
		r.Body.Close()

		arrived := make(chan struct{})
		tenant.Inject(simulator.Fault{Operation: simulator.OpToken, Hang: true, Before: func(*simulator.World) { close(arrived) }})
		answered := make(chan error)
		go func() {
			r, err := http.Post(base+"/oauth/token", "application/x-www-form-urlencoded", nil)
			if err == nil {
				r.Body.Close()
			}
			answered <- err
		}()
		<-arrived
		if byContext {
			cancel()
		} else {
			stop()
		}
		if err := <-answered; err == nil {
			t.Error("a request held back was answered by the end of the server")
		}
		stop() // twice does no harm, and waits
		if r, err := http.Get(base + "/oauth/info"); err == nil {
			r.Body.Close()
			t.Error("served after the end")
		}
	}
}
