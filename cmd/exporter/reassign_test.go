package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"exporter/internal/simulator"
)

// reassignment makes a tenant to reassign in, and steers it:
//
//	reassignment items N              another tenant, with a certification $CERT of N items; bob is there to take them;
//	                                  $ITEM1 to $ITEM3 are the first, items.csv is a file of all
//	reassignment tasks succeed|fail   a task ends so as soon as it is asked for
//	reassignment sign                 the certification is signed
//	reassignment sent N               fails where another number of reassignments was sent
func (s *script) reassignment(ts *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		return errors.New("usage: reassignment items|tasks|sign|sent")
	}
	switch verb, rest := args[0], args[1:]; {
	case verb == "items" && len(rest) == 1:
		n, err := strconv.Atoi(rest[0])
		if err != nil {
			return err
		}
		return s.reassignable(ts, n)
	case verb == "tasks" && len(rest) == 1:
		s.sim.Inject(simulator.Fault{Operation: simulator.OpTask, Before: func(w *simulator.World) {
			if rest[0] == "fail" {
				sign(w.Certifications[0])
			}
			w.Advance()
			w.Advance()
		}})
		return nil
	case verb == "sign" && len(rest) == 0:
		s.sim.Edit(func(w *simulator.World) { sign(w.Certifications[0]) })
		return nil
	case verb == "sent" && len(rest) == 1:
		n := 0
		for _, r := range s.sim.Requests() {
			if r.Operation == simulator.OpReassign {
				n++
			}
		}
		if strconv.Itoa(n) != rest[0] {
			return fmt.Errorf("%d reassignments sent, want %s", n, rest[0])
		}
		return nil
	default:
		return fmt.Errorf("no such thing as reassignment %v", args)
	}
}

func sign(c *simulator.Certification) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c.Phase, c.Signed = simulator.Signed, &at
}

func (s *script) reassignable(ts *testscript.TestScript, n int) error {
	tenant := simulator.Generate(simulator.Options{}, simulator.Size{Campaigns: 1, CertificationsPerCampaign: 1, ItemsPerCertification: n})
	base, err := s.serve(tenant)
	if err != nil {
		return err
	}
	ts.Setenv("SAIL_BASE_URL", base)
	var file strings.Builder
	file.WriteString("type,id\n")
	tenant.Edit(func(w *simulator.World) {
		w.Identities = append(w.Identities, simulator.Identity{ID: "bob", Name: "Bob"})
		c := w.Certifications[0]
		c.Name, c.Reviewer.ID, c.Reviewer.Name = "Q1\x1b[31m Review", "ann", "Ann"
		ts.Setenv("CERT", c.ID)
		for i, item := range c.Items {
			if i < 3 {
				ts.Setenv(fmt.Sprintf("ITEM%d", i+1), item.ID)
			}
			file.WriteString("ITEM," + item.ID + "\n")
		}
	})
	return os.WriteFile(ts.MkAbs("items.csv"), []byte(file.String()), 0o644)
}
