package checkers

import (
	"math"
	"slices"
	"time"
)

// staleFigures are the figures of the reads that were measured.
type staleFigures struct {
	calm, faults staleSample
	exact        int64
	fresh        [len(freshAges)]share // of the reads of an age, see freshAges
}

// staleSample has the staleness of some reads: of those that are stale k and t, and how many there are.
type staleSample struct {
	k, t []int64
	of   int64
}

// freshAges has from what time on after the latest write which share of fresh reads is counted.
var freshAges = [...]struct {
	name string
	from time.Duration
}{
	{"0ms", 0}, {"1ms", time.Millisecond}, {"10ms", 10 * time.Millisecond}, {"100ms", 100 * time.Millisecond},
	{"1s", time.Second},
}

// meet takes in a read.
func (f *staleFigures) meet(inFault, exact bool, s staleBy) {
	sample := &f.calm
	if inFault {
		sample = &f.faults
	}
	sample.of++
	if s.k > 0 {
		sample.k, sample.t = append(sample.k, s.k), append(sample.t, s.t)
	}
	if exact {
		f.exact++
	}
}

// meetFresh takes in a read that was called some time after the latest write had returned.
func (f *staleFigures) meetFresh(age int64, fresh bool) {
	at := len(freshAges) - 1
	for age < int64(freshAges[at].from) {
		at--
	}
	f.fresh[at].add(fresh)
}

// measures returns the measures, nil when nothing was measured.
func (f *staleFigures) measures() map[string]float64 {
	all := f.calm.of + f.faults.of
	if all == 0 {
		return nil
	}
	m := map[string]float64{"reads_measured": float64(all), "exact_share": float64(f.exact) / float64(all)}
	ck, ct := f.calm.measure(m, "_calm")
	fk, ft := f.faults.measure(m, "_faults")
	both := staleSample{merged(ck, fk), merged(ct, ft), all}
	both.measure(m, "")
	for i, s := range f.fresh {
		if s.of > 0 {
			name := "fresh_share_" + freshAges[i].name
			m[name] = float64(s.ok) / float64(s.of)
			m[name+"_low"], m[name+"_high"] = Wilson(s.ok, s.of)
		}
	}
	return m
}

// measure adds the measures of the sample, and returns its k and t, rising.
func (s *staleSample) measure(m map[string]float64, which string) (k, t []int64) {
	if s.of == 0 {
		return nil, nil
	}
	m["stale_share"+which] = float64(len(s.k)) / float64(s.of)
	byK, byT := newSortedSample(s.k, s.of), newSortedSample(s.t, s.of)
	m["k_max"+which], m["t_max"+which+"_ns"] = byK.quantile(1), byT.quantile(1)
	m["k_p50"+which], m["t_p50"+which+"_ns"] = byK.quantile(0.5), byT.quantile(0.5)
	m["k_p99"+which], m["t_p99"+which+"_ns"] = byK.quantile(0.99), byT.quantile(0.99)
	return byK.list, byT.list
}

// sortedSample is a sample of numbers that are not negative, rising; those that are not in the list are 0.
type sortedSample struct {
	list []int64
	of   int64
}

// newSortedSample sorts the list in place.
func newSortedSample(list []int64, of int64) sortedSample {
	if !slices.IsSorted(list) {
		slices.Sort(list)
	}
	return sortedSample{list, of}
}

// quantile returns the smallest number that at least that share of the sample does not exceed.
func (s sortedSample) quantile(share float64) float64 {
	at := int64(math.Ceil(share*float64(s.of))) - 1 - (s.of - int64(len(s.list)))
	if at < 0 {
		return 0
	}
	return float64(s.list[at])
}
