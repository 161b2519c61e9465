package checkers

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// causalStore is a store of registers whose replicas exchange their writes late, but each after what it
// depends on: a causally consistent one.
type causalStore struct {
	random  *rand.Rand
	logs    [][]causalWrite // by replica: what was written there
	applied [][]int         // by replica, and replica: how much of its log was applied
	state   [][]causalWrite // by replica and key
	clock   []int64         // by replica (Lamport)
	arrival bool            // the write that arrives last wins, not the one with the largest time stamp
}

type causalWrite struct {
	key   int
	value int64
	stamp int64
	needs []int // by replica: how much of its log
}

func newCausalStore(replicas, keys int, seed uint64) *causalStore {
	s := &causalStore{random: rand.New(rand.NewPCG(seed, 5)), logs: make([][]causalWrite, replicas),
		clock: make([]int64, replicas)}
	for range replicas {
		s.applied = append(s.applied, make([]int, replicas))
		s.state = append(s.state, make([]causalWrite, keys))
	}
	return s
}

// write writes at a replica.
func (s *causalStore) write(replica, key int, value int64) {
	s.clock[replica]++
	w := causalWrite{key, value, s.clock[replica]*int64(len(s.logs)) + int64(replica),
		append([]int(nil), s.applied[replica]...)}
	s.logs[replica] = append(s.logs[replica], w)
	s.applied[replica][replica]++
	s.state[replica][key] = w
}

// deliver applies at one replica what it lacks of another, up to some writes.
func (s *causalStore) deliver(most int) {
	to, from := s.random.IntN(len(s.logs)), s.random.IntN(len(s.logs))
	for range most {
		at := s.applied[to][from]
		if at == len(s.logs[from]) {
			return
		}
		w := &s.logs[from][at]
		for replica, needs := range w.needs {
			if s.applied[to][replica] < needs {
				return
			}
		}
		s.applied[to][from]++
		s.clock[to] = max(s.clock[to], w.stamp/int64(len(s.logs)))
		if now := &s.state[to][w.key]; s.arrival || now.stamp < w.stamp {
			*now = *w
		}
	}
}

// causalRun says what a history of a causal store is like.
type causalRun struct {
	sessions, replicas, keys, ops int
	wrong                         float64 // share of the reads that return an old value
	arrival                       bool
	lost                          float64 // share of the writes that end as ambiguous
	burst                         int     // how many writes replicas exchange at once, before each operation
}

// history returns a history, half of it reads. Values are counters by key.
func (r *causalRun) history() *history.History {
	s := newCausalStore(r.replicas, r.keys, uint64(r.ops))
	s.arrival = r.arrival
	b := history.NewBuilder(nil)
	b.Grow(2 * r.ops)
	last := make([]int64, r.keys)
	names, keys := numbered("s", r.sessions), numbered("k", r.keys)
	process := make([]int32, r.sessions)
	for i := range process {
		process[i] = int32(i)
	}
	for i := range r.ops {
		s.deliver(r.burst)
		at, key := s.random.IntN(r.sessions), s.random.IntN(r.keys)
		ev := history.Event{Time: int64(i) * 10, Type: history.Invoke, Process: process[at],
			Session: names[at], Key: keys[key], F: history.FRead}
		ended, value := history.Ok, s.state[at%r.replicas][key].value
		if s.random.IntN(2) == 0 {
			last[key]++
			ev.F, ev.Value = history.FWrite, history.IntValue(last[key])
			s.write(at%r.replicas, key, last[key])
			value = 0
			if s.random.Float64() < r.lost {
				ended, process[at] = history.Info, process[at]+int32(r.sessions)
			}
		} else if value > 1 && s.random.Float64() < r.wrong {
			value -= 1 + s.random.Int64N(min(value-1, 20))
		}
		b.Add(&ev)
		ev.Type, ev.Value, ev.Time = ended, history.Value{}, ev.Time+5
		if value > 0 {
			ev.Value = history.IntValue(value)
		}
		b.Add(&ev)
	}
	return b.History()
}

// numbered returns s0, s1, ..
func numbered(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = prefix + strconv.Itoa(i)
	}
	return names
}

func BenchmarkCausal(b *testing.B) {
	for _, c := range []struct {
		name    string
		run     causalRun
		cc, ccv Result
	}{
		{"sessions=50", causalRun{50, 10, 100, 1_000_000, 0, false, 0, 12}, Valid, Valid},
		{"sessions=10", causalRun{10, 10, 100, 1_000_000, 0, false, 0, 12}, Valid, Valid},
		{"keys=10000", causalRun{50, 10, 10_000, 1_000_000, 0, false, 0, 12}, Valid, Valid},
		{"ambiguous", causalRun{50, 10, 100, 1_000_000, 0, false, 0.05, 12}, Valid, Valid},
		{"lagging", causalRun{50, 10, 100, 1_000_000, 0, false, 0, 4}, Valid, Valid},
		{"diverging", causalRun{50, 10, 100, 1_000_000, 0, true, 0, 12}, Valid, Invalid},
		{"stale", causalRun{50, 10, 100, 1_000_000, 0.001, false, 0, 12}, Invalid, Invalid},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := c.run.history()
			b.ReportAllocs()
			for b.Loop() {
				v := Causal().Check(context.Background(), h)
				if v[0].Result != c.cc || v[1].Result != c.ccv {
					b.Fatalf("%s\n%s", describe(v[0]), describe(v[1]))
				}
			}
			b.ReportMetric(float64(h.Len())*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}
