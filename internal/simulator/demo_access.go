package simulator

import (
	"fmt"
	"strings"
	"time"
)

// source is a system that grants access.
type source struct {
	name, kind, attribute, schema string
	native                        func(p person) string // the account's name there
}

func (s source) id() string { return ID("source", s.name) }

func sources() []source {
	return []source{
		{"Active Directory", "Active Directory - Direct", "memberOf", "group", func(p person) string {
			return fmt.Sprintf("CN=%s,OU=%s,OU=People,DC=acme,DC=example", p.name, p.department)
		}},
		{"SAP ERP", "SAP - Direct", "roles", "role", func(p person) string {
			first, last, _ := strings.Cut(strings.ToUpper(p.login), ".")
			return first[:1] + strings.ReplaceAll(last, "-", "")
		}},
		{"Salesforce", "Salesforce", "PermissionSet", "permissionSet", func(p person) string {
			return p.login + "@acme.example.crm"
		}},
		// Worker numbers look like numbers to a spreadsheet: 0503E004.
		{"Workday", "Workday", "securityGroup", "securityGroup", func(p person) string {
			return fmt.Sprintf("%04dE%03d", 500+p.number, p.number)
		}},
	}
}

// grant is an entitlement of the demo as one line of the catalogue below.
type grant struct {
	source      int
	name        string
	description string
	privileged  bool
	permissions []Permission
}

func allow(target string, rights ...string) Permission {
	return Permission{Target: target, Rights: rights}
}

const (
	directory = iota
	sap
	salesforce
	workday
)

// The flagged ones, those with permissions, come first of each source.
func grants() []grant {
	return []grant{
		{directory, "FS-Finance-Close-RW", "Month-end closing folders of Finance, read and write", false, []Permission{
			allow(`\\fs01\finance\close`, "Read", "Write"), allow(`\\fs01\finance\close\2026`, "Read", "Write", "Delete"), allow(`\\fs01\finance\templates`, "Read"),
		}},
		{directory, "FS-HR-Personnel-Files", "Personnel files", true, []Permission{
			allow(`\\fs02\hr\personnel`, "Read", "Write"), allow(`\\fs02\hr\payroll`, "Read"),
		}},
		{directory, "VPN-Employees", "Remote access for employees", false, nil},
		{directory, "O365-E5-Licence", "Office licence with voice", false, nil},
		{directory, "Domain Admins", "Full control of the acme.example domain", true, nil},
		{directory, "Backup Operators", "May read any file for backup", true, nil},
		{directory, "APP-Expenses-Approver", "Approves expense reports up to 5,000 EUR", false, nil},
		{directory, "DL-Works-Council", "Mail list of the works council (Betriebsrat)", false, nil},
		{directory, "APP-Jira-Developers", "Development projects", false, nil},
		{directory, "WiFi-Corporate", "Wireless network at all sites", false, nil},

		{sap, "Z_FI_AP_PAYMENT_RUN", "Starts and releases vendor payment runs", true, []Permission{
			allow("F_REGU_BUK", "02", "11", "21"), allow("F_BNKA_BUK", "01", "02"), allow("F_LFA1_BUK", "03"), allow("S_TCODE", "F110", "F111"),
		}},
		{sap, "Z_MM_VENDOR_MASTER", "Creates and changes vendors", true, []Permission{
			allow("F_LFA1_APP", "01", "02", "03"), allow("F_LFA1_BEK", "01", "02"), allow("F_LFA1_GRP", "03"), allow("M_LFM1_EKO", "01", "02"), allow("S_TCODE", "XK01", "XK02"),
		}},
		{sap, "Z_HR_PAYROLL_DISPLAY", "Shows payroll results", false, []Permission{
			allow("P_PCLX", "R"), allow("P_ORGIN", "R", "M"),
		}},
		{sap, "Z_FI_GL_ACCOUNTANT", "Posts to the general ledger", false, nil},
		{sap, "Z_FI_AR_CLERK", "Accounts receivable", false, nil},
		{sap, "Z_FI_ASSET_DISPLAY", "Shows fixed assets", false, nil},
		{sap, "Z_CO_COST_CENTER", "Cost centre reporting", false, nil},
		{sap, "Z_SD_ORDER_ENTRY", "Sales orders", false, nil},
		{sap, "Z_MM_GOODS_RECEIPT", "Goods receipt at the warehouse", false, nil},
		{sap, "Z_PM_TECHNICIAN", "Plant maintenance orders", false, nil},
		{sap, "Z_BASIS_ADMIN", "System administration, all clients", true, nil},
		{sap, "Z_ESS_EMPLOYEE", "Employee self-service", false, nil},

		{salesforce, "Deal_Desk_Manager", "Approves discounts", false, []Permission{
			allow("Opportunity", "Read", "Create", "Edit"), allow("Quote", "Read", "Create", "Edit", "Delete"), allow("Discount_Approval__c", "Read", "Edit"),
		}},
		{salesforce, "Data_Export_Weekly", "Exports all customer data once a week", true, []Permission{
			allow("Account", "Read", "View All"), allow("Contact", "Read", "View All"), allow("Lead", "Read", "View All"),
			allow("Case", "Read", "View All"), allow("Opportunity", "Read", "View All"), allow("Contract", "Read", "View All"),
		}},
		{salesforce, "Sales_User", "Accounts, contacts and opportunities of the own region", false, nil},
		{salesforce, "Service_Agent", "Cases and knowledge articles", false, nil},
		{salesforce, "Marketing_Campaigns", "Mailings and landing pages", false, nil},
		{salesforce, "Report_Builder", "Builds reports and dashboards", false, nil},
		{salesforce, "System Administrator", "Everything, including users and security", true, nil},

		{workday, "Manager_Self_Service", "Absence and appraisal of direct reports", false, nil},
		{workday, "HR_Partner", "Personnel actions of a division", true, nil},
		{workday, "Compensation_Analyst", "Salary bands and bonus plans", true, nil},
		{workday, "Recruiter", "Requisitions and candidates", false, nil},
		{workday, "Time_Entry", "Own working time", false, nil},
	}
}

// accessSince is when the demo's accounts, profiles and roles came to be.
func accessSince() time.Time { return time.Date(2023, 9, 4, 7, 30, 0, 0, time.UTC) }

// entitlement returns what a person was granted, on the person's account.
func (g grant) entitlement(p person) *Entitlement {
	s := sources()[g.source]
	value := g.name
	if g.source == directory {
		value = "CN=" + g.name + ",OU=Groups,DC=acme,DC=example"
	}
	account := ID("account", s.name, p.login)
	since := accessSince().AddDate(0, 0, 11*p.number)
	return &Entitlement{
		ID:                     ID("entitlement", s.name, g.name),
		Name:                   g.name,
		Description:            new(g.description),
		Privileged:             g.privileged,
		Owner:                  ownerOf(sourceOwner(g.source)),
		AttributeName:          s.attribute,
		AttributeValue:         value,
		SourceSchemaObjectType: s.schema,
		SourceName:             s.name,
		SourceType:             s.kind,
		SourceID:               s.id(),
		HasPermissions:         g.permissions != nil,
		Revocable:              true,
		Account: &Account{
			NativeIdentity:   s.native(p),
			Disabled:         p.number%23 == 7,
			Type:             IdentityType,
			ID:               new(account),
			Name:             new(p.name),
			Created:          new(since),
			Modified:         new(since.AddDate(1, 2, 3)),
			ActivityInsights: ActivityInsights{AccountID: account, UsageDays: (p.number * 7) % 80, UsageDaysState: "COMPLETE"},
			Owner:            &AccountOwner{ID: new(p.identity().ID), Type: IdentityType, DisplayName: new(p.name)},
		},
	}
}

// granted returns the permissions of an entitlement as fresh rows.
func (g grant) granted() []*Permission {
	var rows []*Permission
	for _, p := range g.permissions {
		rows = append(rows, &Permission{Target: p.Target, Rights: p.Rights})
	}
	return rows
}

// summary is the access of an item for a single entitlement.
func (g grant) summary(p person) AccessSummary {
	e := g.entitlement(p)
	return AccessSummary{Access: &Access{Type: "ENTITLEMENT", ID: e.ID, Name: e.Name}, Entitlement: e}
}

func ownerOf(p person) *Owner {
	i := p.identity()
	return &Owner{Type: IdentityType, ID: i.ID, Name: i.Name, Email: i.email()}
}

// grantNamed returns the catalogue's line of a name.
func grantNamed(name string) grant {
	for _, g := range grants() {
		if g.name == name {
			return g
		}
	}
	panic("simulator: no entitlement " + name)
}

// profile is an access profile of the demo.
func profile(name, description string, owner person, entitlements ...string) *AccessProfile {
	a := &AccessProfile{
		ID:          ID("access profile", name),
		Name:        name,
		Description: description,
		Owner:       ownerOf(owner),
		Created:     accessSince(),
		Modified:    accessSince().AddDate(1, 4, 0),
	}
	for _, e := range entitlements {
		g := grantNamed(e)
		inner := g.entitlement(owner)
		inner.Account = nil // an access profile names no account
		a.Privileged = a.Privileged || g.privileged
		a.Entitlements = append(a.Entitlements, inner)
	}
	return a
}

func profileSummaries() []AccessSummary {
	var all []AccessSummary
	for _, a := range []*AccessProfile{
		profile("Office Standard", "Mail, wireless and remote access for everybody", sourceOwner(directory), "VPN-Employees", "O365-E5-Licence", "WiFi-Corporate"),
		profile("Accounts Receivable", "Clerks in receivables", sourceOwner(sap), "Z_FI_AR_CLERK", "Z_FI_ASSET_DISPLAY"),
		profile("Customer Service", "Service desk of the customer centre", sourceOwner(salesforce), "Service_Agent", "Report_Builder"),
		profile("HR Business Partner", "Personnel actions and salary bands", sourceOwner(workday), "HR_Partner", "Compensation_Analyst"),
	} {
		all = append(all, AccessSummary{Access: &Access{Type: "ACCESS_PROFILE", ID: a.ID, Name: a.Name}, AccessProfile: a})
	}
	return all
}

func roleSummaries() []AccessSummary {
	profiles := profileSummaries()
	var all []AccessSummary
	for _, r := range []*Role{
		{Name: "Employee", Description: "What everybody has from the first day", AccessProfiles: []*AccessProfile{profiles[0].AccessProfile}},
		// A role without entitlements of its own and without profiles exists, too.
		{Name: "Fire Warden", Description: "Named in the evacuation plan", AccessProfiles: []*AccessProfile{}},
		{Name: "People Partner", Description: "HR for a division", Privileged: true, AccessProfiles: []*AccessProfile{profiles[0].AccessProfile, profiles[3].AccessProfile}},
	} {
		r.ID, r.Owner, r.Entitlements = ID("role", r.Name), ownerOf(sourceOwner(workday)), []*Entitlement{}
		all = append(all, AccessSummary{Access: &Access{Type: "ROLE", ID: r.ID, Name: r.Name}, Role: r})
	}
	return all
}

func accountSummary(p person, on source) AccessSummary {
	return AccessSummary{Access: &Access{Type: "ACCOUNT", ID: ID("account", on.name, p.login), Name: on.native(p)}}
}
