package leaderless

import (
	"math/bits"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// phase is how far a job is.
type phase uint8

const (
	fetching phase = iota // the replicas are asked what they hold
	storing               // .. are told what to hold
	over                  // the caller has been answered; late answers still repair
)

// job is one operation that a coordinator carries out.
type job struct {
	seq     uint64
	op      refimpl.OpKind
	key     string
	arg     refimpl.Value
	context refimpl.Vector // of a write: what its author was shown
	caller  caller         // node coordinator: who waits

	pref     *preference
	dc       uint64 // bit mask of the coordinator's datacenter
	phase    phase
	deadline int64
	resendAt int64
	hintAt   int64 // when others are asked to stand in, 0 for not at all
	standIns int   // how many of pref.others have been asked

	sent    []sent
	slots   uint64 // bit mask of the home nodes whose place has answered in this phase, by place
	counted int    // answers that count
	acks    uint64 // bit mask of the nodes that answered first in their places
	hints   uint64 // .. of those that stand in
	answers []answer

	object refimpl.Object // what has been fetched, merged; then what is stored
	dot    refimpl.Dot    // of a write: its name
	wrote  bool           // object has the job's own write
}

// caller is the client that a node coordinates for.
type caller struct {
	addr    refimpl.Addr
	id, seq uint64 // of its request
	attempt uint64
}

// sent is a message to a replica.
type sent struct {
	to    refimpl.Addr
	place int // of the home node that it is for
	store bool
	wall  int64
	heard bool
}

// answer is what a replica holds.
type answer struct {
	from   refimpl.Addr
	place  int
	object refimpl.Object
}

// enter begins a phase in which replicas are asked.
func (j *job) enter(p phase, now int64, cfg *refimpl.Config) {
	j.phase, j.resendAt, j.standIns = p, now+cfg.RetryAfter, 0
	j.slots, j.counted, j.acks, j.hints, j.hintAt = 0, 0, 0, 0, 0
	if cfg.Sloppy {
		j.hintAt = now + cfg.HintAfter
	}
}

// hinting reports whether others are to stand in for replicas that have not answered: a write goes on to
// see to it when its caller has been answered.
func (j *job) hinting() bool { return j.hintAt > 0 && (j.phase != over || j.wrote) }

// count takes in that a place has answered by node. It reports whether that is news.
func (j *job) count(place int, node refimpl.Addr, bugs refimpl.Bugs) bool {
	if j.slots>>place&1 != 0 {
		if bugs.Has(refimpl.BugCountedTwice) {
			j.counted++
		}
		return false
	}
	j.slots |= 1 << place
	j.counted++
	j.acks |= 1 << node
	if j.pref.home[place] != node {
		j.hints |= 1 << node
	}
	return true
}

// enough reports whether the answers make up a quorum of need.
func (j *job) enough(cfg *refimpl.Config, r *ring, need int) bool {
	switch {
	case cfg.Quorum == refimpl.Global:
		return j.counted >= need
	case cfg.Quorum == refimpl.Each && j.phase == storing:
		for _, dc := range r.dcs {
			if !j.enoughAt(dc, need) {
				return false
			}
		}
		return true
	}
	return j.enoughAt(j.dc, need)
}

// enoughAt reports whether the answers in a datacenter are enough.
func (j *job) enoughAt(dc uint64, need int) bool {
	got := 0
	for place, home := range j.pref.home {
		if j.slots>>place&1 != 0 && dc>>home&1 != 0 {
			got++
		}
	}
	return got >= majorityAt(j.pref.mask, dc, need)
}

// complete reports whether all places have answered.
func (j *job) complete() bool { return bits.OnesCount64(j.slots) == len(j.pref.home) }
