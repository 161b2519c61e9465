package checkers

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// The measures that tell how the versions that answers carried agree with what clients saw. They are there
// when any answer carried one, and are no verdict: values decide, and a store may number its versions as it
// likes, with gaps and across its failovers.
const (
	// MeasureVersioned is how many answers carried a version.
	MeasureVersioned = "evidence_operations"
	// MeasureDisagreements is how many of them contradict others of the same key and source of versions:
	// another version for the same value, the same version for another write, or a version order that
	// real time forbids.
	MeasureDisagreements = "evidence_disagreements"
)

// versioned is an answer with a version, at its place in the order that the versions give: twice the version
// for a write, one more for its reads.
type versioned struct {
	call, ret int64
	place     int64
	value     int32
	source    int32
	wrote     bool
}

// versionTally is how many answers carried a version, and how many of them disagree.
type versionTally struct{ all, disagree int64 }

func (c *versionTally) add(o versionTally) {
	c.all, c.disagree = c.all+o.all, c.disagree+o.disagree
}

// measures returns the counts as measures, nil when no answer carried a version.
func (c *versionTally) measures() map[string]float64 {
	if c.all == 0 {
		return nil
	}
	return map[string]float64{MeasureVersioned: float64(c.all), MeasureDisagreements: float64(c.disagree)}
}

// compareVersions counts the key's answers with versions, and those of them that disagree.
func (k *keyHistory) compareVersions() (count versionTally) {
	var list []versioned
	for i := range k.deeds {
		d := &k.deeds[i]
		if k.h.Type(int(d.op)) != history.Ok || d.kind == notDeed {
			continue
		}
		if source, n, ok := k.h.Version(int(d.op)); ok && n >= 0 && n < 1<<62 {
			v := versioned{d.call, d.ret, 2 * n, d.value, source, d.produces()}
			if !v.wrote {
				v.place++
			}
			list = append(list, v)
		}
	}
	if len(list) == 0 {
		return count
	}
	slices.SortStableFunc(list, func(a, b versioned) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.place, b.place))
	})
	for from, to := 0, 0; from < len(list); from = to {
		for to = from; to < len(list) && list[to].source == list[from].source; to++ {
		}
		count.disagree += k.disagreements(list[from:to])
	}
	count.all = int64(len(list))
	return count
}

// disagreements counts those of one source's answers, by place, that disagree with others.
func (k *keyHistory) disagreements(list []versioned) (n int64) {
	version := make(map[int32]int64, len(list)) // by value, as its write or the first answer says
	soonest := history.Never                    // return at a higher place
	for to := len(list); to > 0; {
		from := to
		for from > 0 && list[from-1].place == list[to-1].place {
			from--
		}
		ret := soonest
		for i := from; i < to; i++ {
			v := &list[i]
			ret = min(ret, v.ret)
			switch known, again := version[v.value]; {
			case v.call > soonest, v.wrote && i > from:
				n++
			case k.collects():
			case !again:
				version[v.value] = v.place / 2
			case known != v.place/2:
				n++
			}
		}
		soonest, to = ret, from
	}
	return n
}
