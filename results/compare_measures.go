package results

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/harness"
)

// The ways to make one figure of those of several seeds.
const (
	pooledSum      = "sum"
	pooledWeighted = "weighted" // the mean, in which each seed weighs as much as it has opportunities
	pooledMean     = "mean"     // of the seeds that have it
)

// weightOpportunities names a verdict's opportunities among the weights.
const weightOpportunities = "opportunities"

// summed are the measures that are counts of a run, by property: they are added up over the seeds.
var summed = map[string][]string{
	checkers.Availability:      {"ops_ok"},
	checkers.Durability:        {"keys_unknown", "hidden_writes"},
	checkers.Linearizability:   {checkers.MeasureVersioned, checkers.MeasureDisagreements},
	checkers.PropertyQuorum:    {"reads_decided", "reads_undecided"},
	checkers.PropertyStaleness: {"reads_measured"},
	checkers.PropertySet: {"elements_stable", "elements_stale", "elements_lost",
		"elements_never_read"},
}

// weighted are the shares whose whole is known, by property and name: the measure that counts the whole. The
// mean with these weights is the share over all seeds taken together.
var weighted = map[string]map[string]string{
	checkers.Availability: {MeasureOkShare: weightOpportunities},
	checkers.Convergence:  {"keys_diverged_share": weightOpportunities},
	checkers.PropertyQuorum: {"stale_share": "reads_decided", "inversion_share": "reads_decided",
		"predicted_stale_share": "reads_decided"},
	checkers.PropertyStaleness: {measureStaleShare: "reads_measured", measureExactShare: "reads_measured"},
}

// pooled is one measure over all seeds of a row.
type pooled struct {
	Property string  `json:"property"`
	Measure  string  `json:"measure"`
	Value    float64 `json:"value"` // in the unit that the name ends with
	How      string  `json:"how"`   // sum, weighted, mean
	By       string  `json:"by,omitempty"`
	Weight   float64 `json:"weight,omitempty"` // the sum of the weights
	Seeds    int     `json:"seeds"`            // that have the measure
}

// pool makes one figure of what the seeds of a row measured. ok is false when none did, or all that did had
// no opportunities.
func pool(row *harness.Row, property, name string) (p pooled, ok bool) {
	p = pooled{Property: property, Measure: name, How: pooledMean, By: weighted[property][name]}
	switch {
	case property == harness.MarksProperty || slices.Contains(summed[property], name):
		p.How = pooledSum
	case p.By != "":
		p.How = pooledWeighted
	}
	total := 0.0
	for i := range row.Seeds {
		x, weight, has := seedMeasure(&row.Seeds[i], property, name, p.By)
		if !has {
			continue
		}
		p.Seeds++
		p.Weight += weight
		total += weight * x
	}
	if p.Weight == 0 {
		return pooled{}, false
	}
	if p.Value = total; p.How != pooledSum {
		p.Value /= p.Weight
	}
	if p.How != pooledWeighted {
		p.Weight = 0
	}
	return p, true
}

// seedMeasure returns a measure of one seed and what it weighs; 1 where by is "".
func seedMeasure(s *harness.SeedOutcome, property, name, by string) (x, weight float64, ok bool) {
	if property == harness.MarksProperty {
		return float64(s.Marks[name]), 1, s.Marks != nil
	}
	i := slices.IndexFunc(s.Verdicts, func(v checkers.Verdict) bool { return v.Property == property })
	if i < 0 {
		return 0, 0, false
	}
	v := &s.Verdicts[i]
	x, ok = v.Measures[name]
	switch by {
	case "":
		return x, 1, ok
	case weightOpportunities:
		return x, float64(v.Opportunities), ok
	}
	return x, v.Measures[by], ok
}

// MeasureRef names a measure.
type MeasureRef struct {
	Property string // "marks" for a mark that nodes report; "" for every property that has such a measure
	Name     string
}

// measureColumn is a measure in the table.
type measureColumn struct {
	MeasureRef
	title string
}

// measureColumns returns the measures to be shown, of a name that several properties have one each. One that
// no row has is shown nevertheless, so that its absence is seen.
func (c *Comparison) measureColumns() []measureColumn {
	var shown []measureColumn
	add := func(ref MeasureRef) {
		if !slices.ContainsFunc(shown, func(m measureColumn) bool { return m.MeasureRef == ref }) {
			shown = append(shown, measureColumn{MeasureRef: ref})
		}
	}
	all := c.measured()
	for _, ref := range c.Measures {
		found := false
		for _, have := range all {
			if have.Name == ref.Name && (ref.Property == "" || ref.Property == have.Property) {
				add(have)
				found = true
			}
		}
		if !found {
			add(ref)
		}
	}
	for i := range shown {
		shown[i].title = shown[i].Name
		for j := range shown {
			if i != j && shown[i].Name == shown[j].Name {
				shown[i].title = shown[i].Property + " " + shown[i].Name
			}
		}
	}
	return shown
}

// measured returns all measures that at least one row has: of the properties as they come, marks last.
func (c *Comparison) measured() []MeasureRef {
	var all []MeasureRef
	have := map[MeasureRef]bool{}
	add := func(property string, names []string) {
		for _, name := range names {
			if ref := (MeasureRef{property, name}); !have[ref] {
				have[ref] = true
				all = append(all, ref)
			}
		}
	}
	for i := range c.Outcome.Rows {
		for _, cell := range c.Outcome.Rows[i].Cells {
			add(cell.Property, slices.Sorted(maps.Keys(cell.Measures)))
		}
	}
	for i := range c.Outcome.Rows {
		for _, seed := range c.Outcome.Rows[i].Seeds {
			add(harness.MarksProperty, slices.Sorted(maps.Keys(seed.Marks)))
		}
	}
	return all
}

// poolings says, in one sentence, how the measures shown come from those of the seeds; "" for no measures.
func (c *Comparison) poolings(shown []measureColumn) string {
	var kinds []string // in the order in which they come
	names := map[string][]string{}
	for _, m := range shown {
		kind := c.pooling(m.MeasureRef)
		if kind == "" {
			continue
		}
		if names[kind] == nil {
			kinds = append(kinds, kind)
		}
		names[kind] = append(names[kind], m.title)
	}
	for i, kind := range kinds {
		kinds[i] = strings.Join(names[kind], ", ") + ": " + kind
	}
	return strings.Join(kinds, "; ")
}

// pooling says how a measure comes from those of the seeds, "" when no row has it.
func (c *Comparison) pooling(ref MeasureRef) string {
	for i := range c.Outcome.Rows {
		p, ok := pool(&c.Outcome.Rows[i], ref.Property, ref.Name)
		switch {
		case !ok:
			continue
		case p.How == pooledSum:
			return "sum over the seeds"
		case p.How == pooledWeighted:
			return "over all seeds together, weighted by " + p.By
		}
		return "mean over the seeds"
	}
	return ""
}

// measureText writes the value of a measure for people; the measure's name ends with its unit.
func measureText(name string, x float64) string {
	unit := name[strings.LastIndexByte(name, '_')+1:]
	switch {
	case unit == "ns":
		return time.Duration(x).Round(durationDigits(x)).String()
	case strings.Contains(name, "_share"):
		return shareText(x)
	case x == float64(int64(x)):
		return strconv.FormatInt(int64(x), 10)
	}
	return figure(x)
}

// durationDigits returns what a duration of x nanoseconds is rounded to: about three digits stay.
func durationDigits(x float64) time.Duration {
	unit := time.Duration(1)
	for float64(unit)*1000 <= x {
		unit *= 10
	}
	return unit
}

// shareText writes a share with at least two digits that say something, so that small ones can be compared.
func shareText(x float64) string {
	if x > 0 && x < 0.1 {
		return figure(100*x) + "%"
	}
	return percent(x)
}
