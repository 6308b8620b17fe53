package job_test

import (
	"context"
	"fmt"
	"testing"

	"exporter/internal/simulator"
)

// BenchmarkNight is a whole night without its report, of a tenant in the same
// process and without a rate limit: what our side of a night costs. The first
// night stores everything; after that only what changed is written.
func BenchmarkNight(b *testing.B) {
	const certifications, items = 40, 500
	for _, changed := range []int{100, 0, 1, 10} { // per cent of the items decided anew
		name := fmt.Sprintf("changed=%d%%", changed)
		if changed == 100 {
			name = "first"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				tenant := simulator.Generate(simulator.Options{}, simulator.Size{
					Campaigns: 4, CertificationsPerCampaign: certifications / 4, ItemsPerCertification: items,
					Entitlements: 200, EntitlementsWithPermissions: 0.02, Seed: 1,
				})
				night := newBench(b, tenant)
				night.pageSize = 250
				if changed < 100 {
					if _, err := night.night(context.Background(), b); err != nil {
						b.Fatal(err)
					}
					tenant.Edit(func(w *simulator.World) { decide(w, changed) })
				}
				b.StartTimer()
				if _, err := night.night(context.Background(), b); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(certifications*items*b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}

// decide changes the decision of a share of the items.
func decide(w *simulator.World, percent int) {
	n := 0
	for _, c := range w.Certifications {
		for _, item := range c.Items {
			if n++; n%100 < percent {
				revoke := simulator.Revoke
				item.Decision = &revoke
				item.Comments = &revoke
			}
		}
	}
}
