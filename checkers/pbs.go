package checkers

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// quorumLegs is how long messages took in a run: of stores W (there) and A (back), of fetches R and S, as
// Bailis, Venkataraman, Franklin, Hellerstein, Stoica 2012, "Probabilistically Bounded Staleness for
// Practical Partial Quorums", section 5.1, name them.
type quorumLegs struct{ store, fetch []history.Leg }

// add takes in the legs that an operation's evidence has. By clocks that differ, one way may seem to take
// less than nothing, and the other more than both: only the sum is certain.
func (l *quorumLegs) add(op *history.Op) {
	if op.Ev == nil || op.Ev.Quorum == nil {
		return
	}
	for _, leg := range op.Ev.Quorum.Legs {
		both := leg.Out + leg.Back
		if both < 0 {
			continue
		}
		leg.Out = min(max(leg.Out, 0), both)
		leg.Back = both - leg.Out
		if leg.Store {
			l.store = append(l.store, leg)
		} else {
			l.fetch = append(l.fetch, leg)
		}
	}
}

// mostFreshening is how many writes are simulated for a read.
const mostFreshening = 6

// readGap is the time before a read: of the latest write that was acknowledged before it, and of others
// whose values are as fresh, because they had not returned when that was called.
type readGap struct {
	n     int
	since [mostFreshening]int64 // from the return of the write to the call of the read, nanoseconds
}

func (g *readGap) add(since int64) {
	if g.n < len(g.since) {
		g.since[g.n] = since
		g.n++
	}
}

// nearby is how many operations of the key, called before and after a read, are searched for writes.
const nearby = 32

// gapOf returns the gap of a read after the latest acknowledged write. Of the others those count that are
// acknowledged at some time: a read that returns an ambiguous write is not decided.
func gapOf(ops []history.Op, r, latest *history.Op) readGap {
	var g readGap
	g.add(r.Call - latest.Return)
	at, _ := slices.BinarySearchFunc(ops, r.Call, func(op history.Op, t int64) int {
		return cmp.Compare(op.Call, t)
	})
	for i := max(0, at-nearby); i < min(len(ops), at+nearby); i++ {
		op := &ops[i]
		if op.F == history.FWrite && op.Type == history.Ok && op.Index != latest.Index &&
			op.Return >= latest.Call && op.Call <= r.Return {
			g.add(r.Call - op.Return)
		}
	}
	return g
}

// drawsPerRead is how many times each read is simulated.
const drawsPerRead = 4

// predict returns the share of stale reads that the run's own latencies lead one to expect: each read is
// simulated after a write whose w-th acknowledgement came as long before as it did in the run, and beside
// the writes that were under way then, with legs drawn from those of the run (Bailis et al. 2012, sections 4
// and 5: t-visibility by Monte Carlo). It knows of no repair, fault, clock or node that holds a replica and
// coordinates. Keys that are deleted are not simulated. ok is false when something is not known that it
// takes, or makes no sense.
func predict(s QuorumSettings, l *quorumLegs, gaps []readGap) (share float64, ok bool) {
	if s.R <= 0 || s.W <= 0 || s.R > s.N || s.W > s.N || s.Local || len(l.store) == 0 || len(l.fetch) == 0 ||
		len(gaps) == 0 {
		return 0, false
	}
	sim := &pbs{QuorumSettings: s, quorumLegs: l, arrives: make([]int64, s.N), fresh: make([]int64, s.N),
		times: make([]int64, s.N), answers: make([]pbsAnswer, s.N)}
	stale := 0
	for i := range gaps {
		for range drawsPerRead {
			if sim.stale(&gaps[i]) {
				stale++
			}
		}
	}
	return float64(stale) / float64(drawsPerRead*len(gaps)), true
}

// pbs simulates reads.
type pbs struct {
	QuorumSettings
	*quorumLegs
	luck    uint64
	arrives []int64 // by replica: when a write arrives there, from its call on
	fresh   []int64 // .. when the first fresh value does, from the read's call on
	times   []int64
	answers []pbsAnswer
}

// pbsAnswer is a replica's answer to a read.
type pbsAnswer struct {
	replica   int
	out, back int64
}

// draw returns a leg (splitmix64: Steele, Lea, Flood 2014).
func (p *pbs) draw(from []history.Leg) history.Leg {
	p.luck += 0x9e3779b97f4a7c15
	z := p.luck
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return from[(z^z>>31)%uint64(len(from))]
}

// write draws a write: when it arrives at each replica after its call. It returns when the w-th
// acknowledgement comes.
func (p *pbs) write() int64 {
	for i := range p.arrives {
		leg := p.draw(p.store)
		p.arrives[i], p.times[i] = leg.Out, leg.Out+leg.Back
	}
	slices.Sort(p.times)
	return p.times[p.W-1]
}

// stale simulates one read.
func (p *pbs) stale(g *readGap) bool {
	for n, since := range g.since[:g.n] {
		acked := p.write()
		for i, arrives := range p.arrives {
			if arrives -= acked + since; n == 0 || arrives < p.fresh[i] {
				p.fresh[i] = arrives
			}
		}
	}
	for i := range p.answers {
		leg := p.draw(p.fetch)
		p.answers[i] = pbsAnswer{i, leg.Out, leg.Out + leg.Back}
	}
	slices.SortFunc(p.answers, func(a, b pbsAnswer) int { return cmp.Compare(a.back, b.back) })
	for _, a := range p.answers[:p.R] {
		if p.fresh[a.replica] <= a.out {
			return false
		}
	}
	return true
}
