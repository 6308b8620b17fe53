package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"exporter/internal/config"
	"exporter/internal/fetch"
	"exporter/internal/snapshot"
)

const (
	maxClockOffset = 30 * time.Second
	idsPerFilter   = 50 // a query stays well under the length that proxies cut at

	// What the tenant allows one client id in each API version.
	tenantRequests = 100
	tenantPer      = 10 * time.Second
)

// tenant looks at what the API says of the token and of itself.
func (p *preflight) tenant(ctx context.Context, c config.Config, api *fetch.Client) {
	p.rate(c.Tenant.RateLimit)
	info, err := api.TokenInfo(ctx)
	if errors.Is(err, fetch.ErrAuth) {
		p.fail("token", err, "make a personal access token of an ORG_ADMIN or CERT_ADMIN with the scope idn:campaign:read")
		return
	}
	if err != nil {
		p.fail("token", err, remedyFor(err))
		return
	}
	p.token(info)
	if err := p.visible(ctx, api, c.Certifications.CampaignIDs); err != nil {
		p.fail("tenant", err, remedyFor(err))
		return
	}
	p.ok("tenant", "%s answers", c.Tenant.BaseURL)
	p.nextGeneration(ctx, api)
	p.stats(c.Tenant.APIVersion, api.Stats())
}

func (p *preflight) rate(r config.RateLimit) {
	fact := fmt.Sprintf("%d requests in %s", r.Requests, r.Per)
	if float64(r.Requests)/r.Per.Seconds() > tenantRequests/tenantPer.Seconds() {
		p.warn("rate limit", fmt.Sprintf("%s; a tenant allows %d in %s", fact, tenantRequests, tenantPer), "lower tenant.rate_limit")
		return
	}
	p.ok("rate limit", "%s", fact)
}

func (p *preflight) token(t fetch.TokenInfo) {
	life := "an unknown time"
	if t.Lifetime > 0 {
		life = t.Lifetime.String()
	}
	if !t.Readable {
		p.ok("token", "obtained, valid for %s", life)
		p.warn("user level", "the token does not tell: it is no JWT", "see to it that its owner is "+admins)
		return
	}
	p.ok("token", "obtained for %s, valid for %s", t.User, life)
	levels := list(t.Authorities)
	if slices.Contains(t.Authorities, "ORG_ADMIN") || slices.Contains(t.Authorities, "CERT_ADMIN") {
		p.ok("user level", "%s", levels)
	} else {
		p.warn("user level", levels+": without an error the tenant lists only the certifications that the token's owner reviews",
			"use a token of "+admins)
	}
	// Some tenants put scopes into their tokens in a form of their own.
	told := slices.ContainsFunc(t.Scopes, func(s string) bool { return strings.Contains(s, ":") })
	may := slices.ContainsFunc(t.Scopes, func(s string) bool {
		return s == "idn:campaign:read" || s == "idn:certification:read" || s == "sp:scopes:all"
	})
	switch {
	case !told:
		p.ok("scopes", "the token does not tell")
	case !may:
		p.warn("scopes", list(t.Scopes)+", not idn:campaign:read", "add the scope idn:campaign:read to the token")
	default:
		p.ok("scopes", "%s", list(t.Scopes))
	}
}

const admins = "ORG_ADMIN or CERT_ADMIN"

func list(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// visible compares the certifications that the campaigns in scope count with
// those that the tenant lists. Filters and ids are left aside: campaigns do not
// count by them. The error is one of the API.
func (p *preflight) visible(ctx context.Context, api *fetch.Client, campaignIDs []string) error {
	parts := slices.Collect(slices.Chunk(campaignIDs, idsPerFilter))
	if len(parts) == 0 {
		parts = [][]string{nil}
	}
	var campaigns, counted, listed int64
	doubt := ""
	for _, ids := range parts {
		var ofCampaigns, ofCertifications string
		if len(ids) > 0 {
			ofCampaigns, ofCertifications = fetch.In("id", ids), fetch.In("campaign.id", ids)
		}
		var read snapshot.Gathered[snapshot.Campaign]
		proof, err := api.Campaigns(ctx, ofCampaigns, &read)
		if err != nil {
			return err
		}
		if !proof.Proved {
			doubt = "the list of campaigns is not proved: " + proof.Why
		}
		campaigns += int64(len(read.Rows))
		for _, c := range read.Rows {
			if c.TotalCertifications != nil {
				counted += *c.TotalCertifications
			}
		}
		_, total, err := api.ReadPage(ctx, fetch.Query{List: fetch.ListCertifications, Filters: ofCertifications}, 1, 0, true)
		if err != nil {
			return err
		}
		if total == nil {
			doubt = "the tenant does not say how many certifications it lists"
			continue
		}
		listed += *total
	}
	p.compare(campaigns, int64(len(campaignIDs)), counted, listed, doubt)
	return nil
}

func (p *preflight) compare(campaigns, configured, counted, listed int64, doubt string) {
	if campaigns < configured {
		p.warn("campaigns", fmt.Sprintf("%d of the %d configured ones are there", campaigns, configured), "correct certifications.campaign_ids")
	}
	switch {
	case doubt != "":
		p.warn("certifications", doubt+"; they were not compared with what the campaigns count", "check again later; the coverage of a run tells what it could see")
	case listed < counted:
		p.warn("certifications", fmt.Sprintf("the tenant lists %d of the %d that %d campaigns count", listed, counted, campaigns),
			"use a token of "+admins+"; certifications that a governance group reviews may be missing all the same")
	default:
		p.ok("certifications", "%d listed; %d campaigns count %d", listed, campaigns, counted)
	}
}

func (p *preflight) nextGeneration(ctx context.Context, api *fetch.Client) {
	const check = "next generation"
	switch count, known, err := api.NextGenerationCampaigns(ctx); {
	case err != nil:
		p.fail(check, err, remedyFor(err))
	case !known:
		p.ok(check, "the tenant serves no campaigns of the next generation")
	case count > 0:
		p.warn(check, fmt.Sprintf("%d campaigns of the next generation, which the lists of a run may lack", count),
			"look for them among `exporter get campaigns`, and report apart what is not there")
	default:
		p.ok(check, "no campaigns of the next generation")
	}
}

// stats tells what the headers of the answers so far told.
func (p *preflight) stats(version string, s fetch.Stats) {
	if s.ClockOffset == nil {
		p.ok("clock", "the tenant does not tell its time")
	} else {
		p.clock(time.Duration(*s.ClockOffset * float64(time.Second)))
	}
	if len(s.Deprecation) == 0 {
		p.ok("API version", "%s", version)
		return
	}
	var headers []string
	for _, name := range slices.Sorted(maps.Keys(s.Deprecation)) {
		headers = append(headers, name+": "+s.Deprecation[name])
	}
	remedy := "set tenant.api_version to v1"
	if version == "v1" {
		remedy = "look for a newer exporter"
	}
	p.warn("API version", version+" is to end: "+strings.Join(headers, ", "), remedy)
}

// clock judges by how much the tenant is ahead of us.
func (p *preflight) clock(ahead time.Duration) {
	switch {
	case ahead > maxClockOffset:
		p.warn("clock", fmt.Sprintf("this machine's is %s behind the tenant's", ahead.Round(time.Second)), "set it right")
	case ahead < -maxClockOffset:
		p.warn("clock", fmt.Sprintf("this machine's is %s ahead of the tenant's", -ahead.Round(time.Second)), "set it right")
	default:
		p.ok("clock", "within %s of the tenant's", maxClockOffset)
	}
}

// remedyFor is what helps against an error of the API.
func remedyFor(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		return "check the host of tenant.base_url and the name servers; behind a proxy set HTTPS_PROXY"
	case errors.As(err, &certificate):
		return "where a proxy of yours opens TLS, set tenant.ca_file to the certificate of its authority"
	case fetch.StatusOf(err) == http.StatusForbidden:
		return "add the scope idn:campaign:read to the token, and let its owner be " + admins
	case fetch.StatusOf(err) == http.StatusNotFound:
		return "check tenant.base_url: it is the API's host, such as https://acme.api.identitynow.com"
	case fetch.StatusOf(err) != 0:
		return "try again; where it stays so, SailPoint's support asks for the tracking id"
	}
	return "check tenant.base_url, firewalls and, where there is a proxy, HTTPS_PROXY"
}
