package findings

import "fmt"

var populationDrop = rule{
	Rule: Rule{
		ID: "POPULATION_DROP", Version: 1, Severity: High,
		Tests: "The total of a kind of object is much smaller than in the baseline, or 0.",
		Limit: "Totals are compared, not objects: what came and what went is in Changes. Campaigns that end or are deleted, another scope and a token that sees " +
			"less all make a total fall, and the total does not tell which.",
	},
	threshold: func(t Thresholds) string {
		return fmt.Sprintf("fell by more than %s, or to 0", percent(t.PopulationDrop.Share))
	},
}

// PopulationDrop finds totals that fell. HIGH: a token that sees less gives no error, so a fall is what shows it, and
// everything else in the report rests on the population.
func PopulationDrop(p Population, t Thresholds) (Finding, bool) {
	if p.BaselineID == 0 || p.Now < 0 || p.Before < 1 || p.Now >= p.Before {
		return Finding{}, false
	}
	fell := float64(p.Before-p.Now) / float64(p.Before)
	if p.Now > 0 && fell <= t.PopulationDrop.Share+rounding {
		return Finding{}, false
	}
	detail := fmt.Sprintf("The number of %s fell from %d in run %d to %d in run %d, by %.1f%%.", p.Name, p.Before, p.BaselineID, p.Now, p.RunID, 100*fell)
	if p.ScopeChanged {
		detail += " The two runs have different scopes."
	}
	return populationDrop.found(t, Finding{Object: p.Object, Where: sheetSummary, Detail: detail}), true
}

var nextGenerationNotExported = rule{Rule: Rule{
	ID: "NEXT_GENERATION_NOT_EXPORTED", Version: 1, Severity: Medium,
	Tests: "The tenant states that it has next-generation campaigns, which are not in the lists that were read.",
	Limit: "Only their number is known. Whether access reviewed in them is also reviewed in a certification of this report is not, nor whether they lie in " +
		"the scope asked for.",
}}

// NextGenerationNotExported finds campaigns that this export does not reach. MEDIUM: a part of the tenant's reviews is
// not in the report, and whether it belongs in it is for the reader to say.
func NextGenerationNotExported(r Run, t Thresholds) (Finding, bool) {
	if r.NextGeneration < 1 {
		return Finding{}, false
	}
	return nextGenerationNotExported.found(t, Finding{
		Object: objectCampaign, Where: sheetSummary,
		Detail: fmt.Sprintf("%s in the tenant at run %d; not in this report.", plural(r.NextGeneration, "next-generation campaign"), r.ID),
	}), true
}
