package findings

import "testing"

func TestPopulationDrop(t *testing.T) {
	t.Parallel()
	population := Population{Object: "review_item", Name: "review items", Now: 200, Before: 300, RunID: 2, BaselineID: 1}
	numbers := func(before, now int64) func(*Population) {
		return func(p *Population) { p.Before, p.Now = before, now }
	}
	check(t, PopulationDrop, population, map[string]test[Population]{
		"fires":            {want: "The number of review items fell from 300 in run 1 to 200 in run 2, by 33.3%."},
		"at the share":     {change: numbers(100, 80)},
		"just above":       {change: numbers(1000, 799), want: "by 20.1%."},
		"to nothing":       {change: numbers(1, 0), want: "from 1 in run 1 to 0 in run 2, by 100.0%."},
		"other scopes":     {change: func(p *Population) { p.ScopeChanged = true }, want: "The two runs have different scopes."},
		"as many":          {change: numbers(300, 300)},
		"more":             {change: numbers(300, 301)},
		"nothing before":   {change: numbers(0, 0)},
		"no baseline":      {change: func(p *Population) { p.BaselineID = 0 }},
		"impossible count": {change: numbers(300, -1)},
		"to nothing where all may be gone": {
			change: numbers(5, 0), thresholds: func(t *Thresholds) { t.PopulationDrop.Share = 1 }, want: "to 0 in run 2",
		},
		"a share that is no binary fraction": {
			change: numbers(100, 93), thresholds: func(t *Thresholds) { t.PopulationDrop.Share = 0.07 },
		},
	})
}

func TestNextGenerationNotExported(t *testing.T) {
	t.Parallel()
	check(t, NextGenerationNotExported, Run{ID: 2, NextGeneration: 3}, map[string]test[Run]{
		"fires":     {want: "3 next-generation campaigns in the tenant at run 2; not in this report."},
		"one":       {change: func(r *Run) { r.NextGeneration = 1 }, want: "1 next-generation campaign in"},
		"none":      {change: func(r *Run) { r.NextGeneration = 0 }},
		"not known": {change: func(r *Run) { *r = Run{} }},
	})
}

func TestOfRunComparesEveryTotal(t *testing.T) {
	t.Parallel()
	run := Run{ID: 2, BaselineID: 1, Baseline: Totals{1, 2, 3, 4, 5}}
	var got []string
	for _, f := range OfRun(run, Defaults()) {
		got = append(got, f.Rule+" "+f.Object)
	}
	equal(t, got, []string{
		"POPULATION_DROP certification", "POPULATION_DROP reviewer", "POPULATION_DROP review_item", "POPULATION_DROP permission", "POPULATION_DROP task",
	})
	run.BaselineID = 0
	if found := OfRun(run, Defaults()); found != nil {
		t.Errorf("without a baseline: %+v", found)
	}
}
