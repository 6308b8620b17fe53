package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"

	"exporter/internal/simulator"
)

// disturber strikes the processes of a site at random moments.
type disturber struct {
	*site
	random *rand.Rand
	left   int  // kills to be made; those of the command report are extra
	last   bool // night: it does not end before they are
	drawn  int
	steps  map[kind]int // in which step kills came
	told   []string
}

// perNight is how often a night is struck at most.
const perNight = 6

// night has one night made by as many processes as it takes. Each is struck
// while there are kills left, unless it ends before its moment comes. met are
// the events of the night where nobody disturbs it.
func (d *disturber) night(n int, met map[kind]int) {
	d.t.Helper()
	evening := d.stored()
	for struck, reports := 0, 0; ; struck++ {
		before := d.stored()
		args := goingOn(evening, before)
		var m moment
		switch reporting := args[0] == "report"; {
		case reporting && reports == 0:
			reports++
			m = d.draw(statement, met[rendering]/2)
		case !reporting && d.left > 0 && d.last: // every process says as much before it has begun
			m = d.draw(statement, 60)
		case !reporting && d.left > 0 && struck < perNight:
			m = d.next(met)
		}
		d.tenant.ResetRequests()
		end := d.exec(m, args...)
		after := d.stored()
		d.told = append(d.told, fmt.Sprintf("night %d: exporter %s: %v: exit status %d, %s", n, strings.Join(args, " "), m, end.status, after.status))
		if again := d.askedAgain(before); len(again) > 0 {
			d.t.Fatalf("asked again, though it was stored before:\n%s\n%s", strings.Join(again, "\n"), end.output)
		}
		switch {
		case end.status == 0:
			d.checkEnd(after)
			return
		case end.status == -1 && end.struck && m.signal == syscall.SIGKILL:
			d.steps[end.step]++
			if args[0] != "report" {
				d.left--
			}
		case end.status != -1 && end.struck:
			d.checkInterrupted(m, before, after, end)
		default:
			d.t.Fatalf("exit status %d:\n%s", end.status, end.output)
		}
		if after.run != evening.run && after.status == "SEALED" {
			if _, stderr := d.call(exitUsage, "run", "--resume"); !strings.Contains(stderr, "there is no interrupted run to resume") {
				d.t.Errorf("going on with a sealed run: %s", stderr)
			}
		}
	}
}

// goingOn is what somebody would call next who looks at the newest run.
func goingOn(evening, now stored) []string {
	switch {
	case now.run == evening.run:
		return []string{"run"} // none was begun tonight
	case now.status == "SEALED":
		return []string{"report", "--run", "latest"}
	default:
		return []string{"run", "--resume"}
	}
}

// askedAgain lists the requests of a process for what an earlier one of the same
// night had stored.
func (d *disturber) askedAgain(before stored) []string {
	if before.status == "SEALED" { // of the night before
		return nil
	}
	if strings.Contains(d.config, "by_entitlement") {
		before.staged = nil // few lists stand for many items, and are read anew
	}
	return d.requestsFor(before)
}

// next chooses the next moment. Kinds take turns, so that the night comes to its
// end in the meantime.
func (d *disturber) next(met map[kind]int) moment {
	kinds := []kind{request, statement, answer, result, sealing, rendering}
	k := kinds[d.drawn%len(kinds)]
	d.drawn++
	if k != sealing && k != rendering {
		return d.draw(k, met[k]/3)
	}
	m := d.draw(k, met[k])
	if d.steps[k] == 0 {
		m.signal = syscall.SIGKILL // there has to be one
	}
	return m
}

// draw chooses a moment among the first events of a kind. One signal in five is
// one that the program can handle.
func (d *disturber) draw(k kind, most int) moment {
	d.t.Helper()
	if most == 0 {
		d.t.Fatalf("an undisturbed night has no %s", k)
	}
	m := moment{kind: k, number: 1 + d.random.IntN(most), lost: d.random.IntN(2) == 0, signal: syscall.SIGKILL}
	if d.random.IntN(5) == 0 {
		m.lost, m.signal = false, []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[d.random.IntN(2)]
	}
	return m
}

// checkInterrupted checks what a process left that was asked to end.
func (d *disturber) checkInterrupted(m moment, before, after stored, end ending) {
	d.t.Helper()
	begun := strings.Contains(end.output, `msg="run begun"`)
	switch {
	case end.status == exitReport && begun && after.status == "SEALED":
	case end.status == 128+int(m.signal) && begun && after.status == "INTERRUPTED":
	case end.status == 128+int(m.signal) && !begun && after.run == before.run && after.status == before.status:
	default:
		d.t.Fatalf("%v: exit status %d, run %d is %s, was %d %s:\n%s", m, end.status, after.run, after.status, before.run, before.status, end.output)
	}
}

// checkEnd checks what a night has left.
func (d *disturber) checkEnd(now stored) {
	d.t.Helper()
	if now.status != "SEALED" || len(now.staged) > 0 {
		d.t.Fatalf("the night is %s, with %d lists staged", now.status, len(now.staged))
	}
	entries, err := os.ReadDir(d.reports)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			d.t.Errorf("left beside the report: %s", e.Name())
		}
	}
}

// nightly is a tenant whose night takes a few dozen requests: several pages a
// list, and items with permissions in every certification.
func nightly() *simulator.Tenant {
	return simulator.Generate(simulator.Options{}, simulator.Size{
		Campaigns: 2, CertificationsPerCampaign: 3, ItemsPerCertification: 12, ReviewersPerCertification: 2,
		Entitlements: 10, EntitlementsWithPermissions: 0.5, PermissionsPerEntitlement: 3, Seed: 5,
	})
}

// overnight is what happens in the tenant before a night.
func overnight(w *simulator.World, night int) {
	random := rand.New(rand.NewPCG(uint64(night), 0))
	switch night {
	case 1:
		w.Tasks = append(w.Tasks, &simulator.Task{ID: "task-a", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: w.Certifications[1].ID, Status: simulator.Queued})
		return
	case 2:
		sign(w.Certifications[0]) // read once more, then never again
		w.Tasks = append(w.Tasks, &simulator.Task{ID: "task-b", Type: "REASSIGN", TargetType: "CERTIFICATION", TargetID: w.Certifications[2].ID, Status: simulator.Queued})
	case 3:
		w.Task("task-a").Status = simulator.Success
		w.DeleteCertification(w.Certifications[5].ID)
	case 4:
		w.Task("task-b").Status = simulator.Failed
		w.Certifications[2].Items = w.Certifications[2].Items[1:]
	}
	granted := w.Certifications[1].Items[random.IntN(8)].AccessSummary.Entitlement.ID
	for _, c := range w.Certifications[1:] {
		for _, item := range c.Items {
			switch random.IntN(6) {
			case 0:
				item.Decision, item.Comments = new(simulator.Revoke), new(fmt.Sprintf("seen in night %d", night))
			case 1:
				item.Decision, item.Comments = nil, nil
			}
			// One list for all items of an entitlement: who reads by entitlement
			// takes that on trust.
			if item.AccessSummary.Entitlement.ID == granted {
				item.Permissions = append(slices.Clone(item.Permissions), &simulator.Permission{Target: fmt.Sprint("NIGHT.", night), Rights: []string{"READ"}})
			}
		}
	}
}
