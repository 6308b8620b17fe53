package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"exporter/internal/simulator"
)

// taskStep is how often the simulated tenant brings its tasks one state on.
const taskStep = 3 * time.Second

// keepWorking lets the tenant work on its tasks until ctx ends, whose cause it
// returns.
func keepWorking(ctx context.Context, tenant *simulator.Tenant) error {
	tick := time.NewTicker(taskStep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			tenant.Edit(func(w *simulator.World) { w.Advance() })
			tenant.ResetRequests() // nobody reads its log here
		}
	}
}

// Credentials of the simulated tenant. They open nothing else.
const (
	demoClient = "demo-client"
	demoSecret = "demo-secret"
)

func (a *app) simulateCommand() *cobra.Command {
	var listen string
	var night, requests int
	var per time.Duration
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "The simulated tenant alone, for trying a configuration",
		Long: `Serves the simulated tenant of the demo on a loopback address until it is
interrupted, and prints the environment that points exporter at it. Its tasks
advance every few seconds.`,
		Example: "  exporter simulate --listen 127.0.0.1:8080\n  exporter simulate --night 2",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if night < 1 || night > 3 {
				return usagef("--night %d: use 1, 2 or 3", night)
			}
			if requests < 0 || per <= 0 {
				return usagef("--rate-requests and --rate-per must be positive (0 requests: no limit)")
			}
			tenant := simulator.NewDemo(simulator.Options{
				ClientID: demoClient, ClientSecret: demoSecret, RateLimit: simulator.RateLimit{Requests: requests, Per: per},
			})
			for n := 2; n <= night; n++ {
				tenant.DemoNight(n)
			}
			url, stop, err := simulator.Serve(cmd.Context(), listen, tenant)
			if err != nil {
				return usageError{err}
			}
			defer stop()
			fmt.Fprintf(a.stdout, "export SAIL_BASE_URL=%s\nexport SAIL_CLIENT_ID=%s\nexport SAIL_CLIENT_SECRET=%s\n", url, demoClient, demoSecret)
			return keepWorking(cmd.Context(), tenant)
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:8080", "loopback address and port to listen on")
	f.IntVar(&night, "night", 1, "which of the demo's three nights to serve")
	f.IntVar(&requests, "rate-requests", 100, "requests allowed in a window, as the real tenant's; 0: no limit")
	f.DurationVar(&per, "rate-per", 10*time.Second, "length of the window")
	return cmd
}
