package simulator

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// stopTimeout bounds how long stop waits for answers under way.
const stopTimeout = 2 * time.Second

// Serve listens on a loopback address, such as 127.0.0.1:0, and serves h on it.
// It listens when it returns. The server lives until stop is called or ctx ends;
// requests it then holds back are let go. stop waits until all is closed.
func Serve(ctx context.Context, addr string, h http.Handler) (baseURL string, stop func(), err error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, fmt.Errorf("serve simulator: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", nil, fmt.Errorf("serve simulator: %s is not a loopback address", addr)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return "", nil, fmt.Errorf("serve simulator: %w", err)
	}
	base, release := context.WithCancel(ctx)
	server := &http.Server{
		Handler:           h,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: 10 * time.Second,
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // returns once stop closes the server
	}()
	shutdown := sync.OnceFunc(func() {
		release()
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if server.Shutdown(patience) != nil {
			_ = server.Close()
		}
		<-served
	})
	unwatch := context.AfterFunc(ctx, shutdown)
	return "http://" + listener.Addr().String(), func() { unwatch(); shutdown() }, nil
}
