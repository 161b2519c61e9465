package checkers

import (
	"cmp"
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// quorumLegs is how long messages took in a run: of stores W (there) and A (back), of fetches R and S, as
// Bailis, Venkataraman, Franklin, Hellerstein, Stoica 2012, "Probabilistically Bounded Staleness for
// Practical Partial Quorums", section 5.1, name them.
type quorumLegs struct{ store, fetch []history.Leg }

func (l *quorumLegs) add(op *history.Op) {
	if op.Ev == nil || op.Ev.Quorum == nil {
		return
	}
	for _, leg := range op.Ev.Quorum.Legs {
		if leg.Store {
			l.store = append(l.store, leg)
		} else {
			l.fetch = append(l.fetch, leg)
		}
	}
}

// readGap is the time before a read, nanoseconds.
type readGap struct {
	since int64 // from the return of the latest acknowledged write to the read's call
	under int64 // from the call of the write that was under way to the read's call, -1 when there was none
}

// gapOf returns the gap of a read after an acknowledged write.
func gapOf(ops []history.Op, r, write *history.Op) readGap {
	g := readGap{since: r.Call - write.Return, under: -1}
	at, _ := slices.BinarySearchFunc(ops, r.Call, func(op history.Op,
		t int64) int {
		return cmp.Compare(op.Call, t)
	})
	const near = 32 // operations called before it among which one under way is looked for
	for i := at - 1; i >= max(0, at-near); i-- {
		op := &ops[i]
		if op.F == history.FWrite && op.Type != history.Fail && op.Return >= r.Call && op.Call > write.Call {
			g.under = r.Call - op.Call
			break
		}
	}
	return g
}

// drawsPerRead is how many times each read is simulated.
const drawsPerRead = 4

// predict returns the share of stale reads that the run's own latencies lead one to expect: each read is
// simulated after a write whose w-th acknowledgement came as long before as it did in the run, with legs
// drawn from those of the run (Bailis et al. 2012, sections 4 and 5: t-visibility by Monte Carlo). It knows
// of no repair, fault or clock. ok is false when something is not known that it takes.
func predict(s QuorumSettings, l *quorumLegs, gaps []readGap) (share float64, ok bool) {
	if s.N == 0 || s.R == 0 || s.W == 0 || s.Local || len(l.store) == 0 || len(l.fetch) == 0 ||
		len(gaps) == 0 {
		return 0, false
	}
	sim := &pbs{QuorumSettings: s, quorumLegs: l, arrives: make([]int64, s.N), under: make([]int64, s.N),
		times: make([]int64, s.N), answers: make([]pbsAnswer, s.N)}
	stale := 0
	for _, g := range gaps {
		for range drawsPerRead {
			if sim.stale(g) {
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
	arrives []int64 // by replica: when the write arrives there, from its return on
	under   []int64 // .. the write under way, from the read's call on
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
func (p *pbs) write(arrives []int64) int64 {
	for i := range arrives {
		leg := p.draw(p.store)
		arrives[i], p.times[i] = leg.Out, leg.Out+leg.Back
	}
	slices.Sort(p.times)
	return p.times[p.W-1]
}

// underTries bounds how often a write under way is drawn until one is not acknowledged before the read.
const underTries = 16

// stale simulates one read.
func (p *pbs) stale(g readGap) bool {
	acked := p.write(p.arrives)
	for i := range p.arrives {
		p.arrives[i] -= acked + g.since // from the read's call on
		p.under[i] = math.MaxInt64
	}
	if g.under >= 0 {
		for range underTries {
			if p.write(p.under) >= g.under {
				break
			}
		}
		for i := range p.under {
			p.under[i] -= g.under
		}
	}
	for i := range p.answers {
		leg := p.draw(p.fetch)
		p.answers[i] = pbsAnswer{i, leg.Out, leg.Out + leg.Back}
	}
	slices.SortFunc(p.answers, func(a, b pbsAnswer) int { return cmp.Compare(a.back, b.back) })
	for _, a := range p.answers[:p.R] {
		if p.arrives[a.replica] <= a.out || p.under[a.replica] <= a.out {
			return false
		}
	}
	return true
}
