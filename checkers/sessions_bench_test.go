package checkers

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// benchStore is the shape of a history to measure with: sessions that read and write keys of a store whose
// replicas lag by at most lag versions, or lists of which a fresh one takes a full one's place.
type benchStore struct {
	ops, keys, sessions, lag int
	list                     bool
	single                   bool // each key has one writer
	told                     bool // answers tell versions
}

// history draws the history, one operation of a session at a time. The sessions go round.
func (s *benchStore) history() *history.History {
	d := seeded(1)
	b := history.NewBuilder(nil)
	b.Grow(2 * s.ops)
	states := make([][]int64, s.keys)
	generation := make([]int, s.keys)
	for i := range s.ops {
		session, key := i%s.sessions, d.n(s.keys)
		ev := history.Event{Process: int32(session), Session: "s" + strconv.Itoa(session), F: history.FRead,
			Time: int64(i) * 10, Type: history.Invoke}
		write := d.bool(2)
		if write && s.single {
			key = key/s.sessions*s.sessions + session
			key %= s.keys
			write = key%s.sessions == session
		}
		if s.list && len(states[key]) == 40 {
			states[key], generation[key] = nil, generation[key]+1
		}
		ev.Key = "k" + strconv.Itoa(key) + "." + strconv.Itoa(generation[key])
		seen := states[key]
		result := history.Value{}
		switch {
		case write:
			ev.F, ev.Value = history.FWrite, history.IntValue(int64(len(seen)+1))
			if s.list {
				ev.F = history.FAppend
			}
			states[key] = append(seen, int64(len(seen)+1))
		case len(seen) > 0:
			shown := seen[:max(0, len(seen)-d.n(s.lag+1))]
			if s.list {
				result = history.IntsValue(shown...)
			} else if len(shown) > 0 {
				result = history.IntValue(shown[len(shown)-1])
			}
		}
		b.Add(&ev)
		ev.Type, ev.Time = history.Ok, ev.Time+int64(10*s.sessions)/2
		told := result
		if write {
			told = ev.Value
		}
		if n, ok := told.AsInt(); ok && s.told {
			ev.Ev = &history.Evidence{Ver: []history.Version{{Source: "s0e1", N: n}}}
		}
		ev.Value = result
		b.Add(&ev)
	}
	return b.History()
}

// wideStore returns a history of n operations on 500 keys: a write, with its place in the log if logged, and
// three reads of three keys that show it.
func wideStore(n int, logged bool) *history.History {
	d := seeded(1)
	b := history.NewBuilder(nil)
	state := make([]int64, 500)
	now := int64(0)
	add := func(process int, ev history.Event, result history.Value) {
		ev.Process, ev.Session = int32(process), "s"+strconv.Itoa(process)
		ev.Time, ev.Type = now, history.Invoke
		b.Add(&ev)
		if ev.Type, ev.Time = history.Ok, now+5; ev.F == history.FWrite && logged {
			ev.Ev = &history.Evidence{Ver: []history.Version{{Source: "s0e1", N: now}}}
		}
		ev.Value = result
		b.Add(&ev)
		now += 10
	}
	for range n / 4 {
		key := d.n(len(state))
		state[key]++
		add(50, history.Event{F: history.FWrite, Key: "k" + strconv.Itoa(key),
			Value: history.IntValue(state[key])}, history.Value{})
		for range 3 {
			ev := history.Event{F: history.FRead}
			values := make([]history.Value, 3)
			for i := range values {
				at := (key + i) % len(state)
				ev.Keys = append(ev.Keys, "k"+strconv.Itoa(at))
				if state[at] > 0 {
					values[i] = history.IntValue(state[at])
				}
			}
			add(d.n(50), ev, history.ListValue(values...))
		}
	}
	return b.History()
}

// dialogueStore returns a history of n reads of pairs of questions and answers, with their writes.
func dialogueStore(n int) *history.History {
	var ops []history.Op
	for i := range n / 4 {
		now, v := int64(i)*100, history.IntValue(int64(i/20+1))
		pair := strconv.Itoa(i % 20)
		q, r := "q"+pair, "r"+pair
		ops = append(ops,
			history.Op{Session: "asker" + pair, F: history.FWrite, Key: q, Arg: v, Call: now},
			history.Op{Session: "answerer" + pair, F: history.FRead, Key: q, Result: v, Call: now + 10},
			history.Op{Session: "answerer" + pair, F: history.FWrite, Key: r, Arg: v, Call: now + 20},
			history.Op{Session: "observer", F: history.FRead, Keys: []string{q, r}, Call: now + 30,
				Result: history.ListValue(v, v)})
	}
	for i := range ops {
		ops[i].Type, ops[i].Return = history.Ok, ops[i].Call+5
	}
	return historyOf(ops, history.Never)
}

// BenchmarkSessions measures the session guarantees on a million operations of 50 sessions.
func BenchmarkSessions(b *testing.B) {
	for _, keys := range []int{100, 2000} {
		for _, lag := range []int{0, 3} {
			s := benchStore{ops: 1_000_000, keys: keys, sessions: 50, lag: lag}
			what := fmt.Sprintf("%d-keys-lag-%d", keys, lag)
			single, lists, told := s, s, s
			single.single, lists.list, told.told = true, true, true
			measure(b, "versions/"+what, Sessions(WriterOrder), single.history)
			all := Sessions(WriterOrder, guaranteeNames[:]...)
			measure(b, "versions+causality/"+what, all, single.history)
			measure(b, "orders/"+what, Sessions(AnyOrder), s.history)
			measure(b, "evidence/"+what, Sessions(AnyOrder, guaranteeNames[:]...), told.history)
			measure(b, "lists/"+what, Sessions(ListOrder), lists.history)
		}
	}
}

// BenchmarkCheckers measures the checkers of what reads of two keys show, and of the end of a run.
func BenchmarkCheckers(b *testing.B) {
	ended := func() *history.History {
		s := benchStore{ops: 1_000_000, keys: 1000, sessions: 50, lag: 3}
		h := s.history()
		h.Phases = []history.Phase{{Name: history.PhaseFinal, From: 9_000_000, To: history.Never}}
		return h
	}
	measure(b, "prefix", PrefixConsistent(), func() *history.History { return dialogueStore(1_000_000) })
	measure(b, "prefix, wide reads", PrefixConsistent(), func() *history.History {
		return wideStore(1_000_000, false)
	})
	measure(b, "prefix, a log", PrefixConsistent(MonotonicReads), func() *history.History {
		return wideStore(1_000_000, true)
	})
	measure(b, "durability", Durable(), ended)
	measure(b, "convergence", Convergent(), ended)
	measure(b, "availability", Available(), ended)
}

// measure measures a checker on a history, in millions of operations a second.
func measure(b *testing.B, name string, c Checker, of func() *history.History) {
	b.Run(name, func(b *testing.B) {
		h := of()
		b.ReportAllocs()
		for b.Loop() {
			c.Check(context.Background(), h)
		}
		b.ReportMetric(float64(h.Len()*b.N)/b.Elapsed().Seconds()/1e6, "Mops/s")
	})
}
