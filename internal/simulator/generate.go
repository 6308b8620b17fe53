package simulator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Size is how large a generated world is. Equal sizes give equal worlds.
type Size struct {
	Campaigns                 int
	CertificationsPerCampaign int
	ItemsPerCertification     int
	ReviewersPerCertification int // default 1

	Entitlements                int     // distinct ones the items share; default 500
	EntitlementsWithPermissions float64 // share of them, 0 to 1, that is flagged
	PermissionsPerEntitlement   int     // of a flagged one; default 3

	Seed uint64
}

// itemsPerIdentity is how many items of a generated certification belong to one
// reviewed identity.
const itemsPerIdentity = 8

// generator holds what items of a generated world share, so that a million items
// cost little more than what is their own.
type generator struct {
	size         Size
	random       *rand.Rand
	entitlements []*Entitlement
	permissions  map[string][]*Permission // by entitlement id
}

// Generate returns a tenant with a large world: every item an entitlement, about
// two of three decided, all permissions those of the entitlement.
func Generate(o Options, size Size) *Tenant {
	size.ReviewersPerCertification = cmp.Or(size.ReviewersPerCertification, 1)
	size.Entitlements = cmp.Or(size.Entitlements, 500)
	size.PermissionsPerEntitlement = cmp.Or(size.PermissionsPerEntitlement, 3)
	g := &generator{
		size:        size,
		random:      rand.New(rand.NewPCG(size.Seed, 0)),
		permissions: map[string][]*Permission{},
	}
	g.catalogue()
	t := New(o)
	t.Edit(g.fill)
	return t
}

func (g *generator) catalogue() {
	flagged := int(float64(g.size.Entitlements)*g.size.EntitlementsWithPermissions + 0.5)
	for n := range g.size.Entitlements {
		source := sources()[n%len(sources())]
		e := &Entitlement{
			ID:                     ID("generated entitlement", strconv.Itoa(n)),
			Name:                   fmt.Sprintf("GRP-%05d", n),
			Description:            new(fmt.Sprintf("Access package %d on %s", n, source.name)),
			Privileged:             n%20 == 0,
			AttributeName:          source.attribute,
			AttributeValue:         fmt.Sprintf("GRP-%05d", n),
			SourceSchemaObjectType: "group",
			SourceName:             source.name,
			SourceType:             source.kind,
			SourceID:               source.id(),
			HasPermissions:         n < flagged,
			Revocable:              true,
		}
		g.entitlements = append(g.entitlements, e)
		if !e.HasPermissions {
			continue
		}
		for p := range g.size.PermissionsPerEntitlement {
			g.permissions[e.ID] = append(g.permissions[e.ID], &Permission{
				Rights: []string{"READ", "UPDATE", "DELETE"}[:1+g.random.IntN(3)],
				Target: fmt.Sprintf("APP.TABLE_%05d_%02d", n, p),
			})
		}
	}
}

func (g *generator) fill(w *World) {
	created := time.Date(2026, 1, 12, 6, 0, 0, 0, time.UTC)
	due := created.AddDate(0, 0, 28)
	for n := range g.size.Campaigns {
		campaign := &Campaign{
			ID:                          ID("generated campaign", strconv.Itoa(n)),
			Name:                        fmt.Sprintf("Access Review %03d", n),
			Description:                 new("Generated campaign"),
			Deadline:                    &due,
			Type:                        "MANAGER",
			Status:                      Active,
			CorrelatedStatus:            "CORRELATED",
			Created:                     &created,
			MandatoryCommentRequirement: "NO_DECISIONS",
		}
		w.Campaigns = append(w.Campaigns, campaign)
		for range g.size.CertificationsPerCampaign {
			number := len(w.Certifications)
			c := &Certification{
				ID:       ID("generated certification", strconv.Itoa(number)),
				Name:     fmt.Sprintf("Access Review %03d, certification %05d", n, number),
				Campaign: campaign.Reference(),
				Created:  created,
				Modified: created,
				Due:      &due,
				Phase:    Active,
			}
			for r := range g.size.ReviewersPerCertification {
				reviewer := generatedPerson(number*g.size.ReviewersPerCertification + r)
				w.Identities = append(w.Identities, reviewer)
				c.Reviewers = append(c.Reviewers, reviewer.ReviewerRow())
				if r == 0 {
					c.Reviewer = reviewer.Reviewer()
				}
			}
			g.items(c, number)
			w.Certifications = append(w.Certifications, c)
		}
	}
}

func generatedPerson(n int) Identity {
	name := fmt.Sprintf("Reviewer %06d", n)
	return Identity{ID: ID(name), Name: name, Email: fmt.Sprintf("reviewer.%06d@acme.example", n)}
}

func (g *generator) items(c *Certification, number int) {
	var person IdentitySummary
	var accounts map[string]*Account
	for n := range g.size.ItemsPerCertification {
		if n%itemsPerIdentity == 0 {
			key := fmt.Sprintf("%06d-%04d", number, n/itemsPerIdentity)
			person = IdentitySummary{ID: ID("summary", key), Name: "Employee " + key, IdentityID: ID("employee", key)}
			accounts = map[string]*Account{}
		}
		shared := g.entitlements[g.random.IntN(len(g.entitlements))]
		own := *shared
		if accounts[own.SourceID] == nil {
			id := ID("account", person.IdentityID, own.SourceID)
			accounts[own.SourceID] = &Account{
				NativeIdentity:   person.Name,
				Type:             IdentityType,
				ID:               &id,
				Name:             &person.Name,
				Created:          &c.Created,
				ActivityInsights: ActivityInsights{AccountID: id, UsageDays: n % 91, UsageDaysState: "COMPLETE"},
			}
		}
		own.Account = accounts[own.SourceID]
		item := &ReviewItem{
			ID:              ID("item", c.ID, strconv.Itoa(n)),
			AccessSummary:   AccessSummary{Access: &Access{Type: "ENTITLEMENT", ID: own.ID, Name: own.Name}, Entitlement: &own},
			IdentitySummary: person,
			Permissions:     g.permissions[own.ID],
		}
		switch g.random.IntN(6) {
		case 0, 1, 2:
			item.Decision = new(Approve)
		case 3:
			item.Decision = new(Revoke)
			item.Comments = new("No longer needed")
		}
		c.Items = append(c.Items, item)
	}
}
