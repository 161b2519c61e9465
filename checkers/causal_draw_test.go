package checkers

import (
	"maps"
	"strconv"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// causalScenario is what kind of small histories are drawn.
type causalScenario struct {
	name    string
	keys    int
	most    int  // operations
	unique  bool // no value is written twice, and nothing deleted
	devices bool // operations of a session overlap
	cas     bool
	many    bool // transactions and reads of several keys
	halves  bool // nothing but transactions that write two keys, and reads of both
	rounds  int
	kinds   []string // that must be seen
}

var causalKinds = []string{KindThinAirRead, KindAbortedRead, KindCyclicCO, KindWriteCORead,
	KindWriteCOInitRead, KindCyclicCF}

// togetherKind is KindCyclicCF under causal consistency.
const togetherKind = CausalConsistency + " " + KindCyclicCF

var causalScenarios = []causalScenario{
	{"registers", 2, 8, true, false, false, false, false, 6000, causalKinds},
	{"one register", 1, 8, true, false, false, false, false, 4000, causalKinds},
	{"devices", 2, 8, true, true, false, false, false, 4000, causalKinds},
	{"cas", 2, 8, true, false, true, false, false, 3000, causalKinds},
	{"many keys", 3, 7, true, false, false, true, false, 4000, causalKinds},
	{"halves", 2, 7, true, true, false, false, true, 3000, []string{togetherKind, KindCyclicCF}},
	{"everything", 2, 7, false, true, true, true, false, 3000, causalKinds},
}

// draw draws a history: a few sessions, each of which reads what others wrote, mostly the latest.
func (s *causalScenario) draw(d *dice) *history.History {
	ops := make([]history.Op, 2+d.n(s.most-1))
	sessions := 2 + d.n(2)
	g := causalDraw{s: s, d: d, latest: map[string]history.Value{},
		values: map[string][]history.Value{}, free: make([]int64, sessions)}
	for i := range ops {
		op := &ops[i]
		at := d.n(sessions)
		op.Session, op.Process = "s"+strconv.Itoa(at+1), int32(i)
		op.Call = g.free[at] + int64(d.n(3))
		if s.devices && d.bool(2) {
			op.Device = "d" + strconv.Itoa(d.n(2))
			op.Call = max(0, op.Call-int64(d.n(5)))
		}
		op.Return = op.Call + int64(d.n(3))
		g.free[at] = max(g.free[at], op.Return+1)
		op.Key = g.key()
		g.fill(op)
	}
	return historyOf(ops, history.Never)
}

// causalDraw is the state of drawing a history.
type causalDraw struct {
	s      *causalScenario
	d      *dice
	latest map[string]history.Value
	values map[string][]history.Value
	wrote  int64
	free   []int64 // by session: when its next operation may be called
}

func (g *causalDraw) key() string { return string(rune('a' + g.d.n(g.s.keys))) }

// seen returns a value to be read.
func (g *causalDraw) seen(key string) history.Value {
	switch g.d.n(16) {
	case 0, 1:
		return history.Value{}
	case 2, 3: // of the future, if of anybody, or of another key
		return history.IntValue(1 + int64(g.d.n(int(g.wrote)+2)))
	case 4, 5, 6, 7, 8, 9:
		if all := g.values[key]; len(all) > 0 {
			return all[g.d.n(len(all))]
		}
	}
	return g.latest[key]
}

// next returns a value to be written.
func (g *causalDraw) next(key string) history.Value {
	g.wrote++
	v := history.IntValue(g.wrote)
	if !g.s.unique && g.d.bool(4) {
		v = history.IntValue(1 + int64(g.d.n(int(g.wrote))))
	}
	g.latest[key] = v
	g.values[key] = append(g.values[key], v)
	return v
}

// fill makes up what an operation did.
func (g *causalDraw) fill(op *history.Op) {
	before := maps.Clone(g.latest)
	op.Type = history.Ok
	switch kind := g.d.n(8); {
	case kind < 3 && g.s.halves:
		op.F, op.Keys, op.Key = history.FTxn, []string{"a", "b"}, ""
		word, x, y := history.StringValue("w"), history.StringValue("a"), history.StringValue("b")
		op.Arg = history.ListValue(history.ListValue(word, x, g.next("a")),
			history.ListValue(word, y, g.next("b")))
		op.Result = op.Arg
	case kind == 0 && g.s.many || g.s.halves:
		op.F, op.Keys, op.Key = history.FRead, []string{"a", "b"}, ""
		op.Result = history.ListValue(g.seen("a"), g.seen("b"))
		return
	case kind == 1 && g.s.many:
		g.txn(op)
	case kind < 3 && g.s.cas:
		g.cas(op)
	case kind < 4:
		op.F, op.Arg = history.FWrite, g.next(op.Key)
		if !g.s.unique && g.d.bool(8) {
			op.F, op.Arg, g.latest[op.Key] = history.FDelete, history.Value{}, history.Value{}
		}
	default:
		op.F, op.Result = history.FRead, g.seen(op.Key)
		return
	}
	if g.d.outcome(op); op.Type != history.Ok {
		op.Result = history.Value{}
		if op.Type == history.Fail && !g.d.bool(4) {
			g.latest = before
		}
	}
}

func (g *causalDraw) cas(op *history.Op) {
	old := g.seen(op.Key)
	op.F, op.Result = history.FCAS, history.BoolValue(true)
	switch {
	case g.d.bool(4):
		if found := g.seen(op.Key); !found.Equal(old) || !g.s.unique {
			op.Arg = history.ListValue(old, history.IntValue(100+int64(op.Process)))
			op.Result = history.ListValue(history.BoolValue(false), found)
			return
		}
	case g.d.bool(4) && !g.s.unique:
		op.Result = history.BoolValue(false)
	}
	op.Arg = history.ListValue(old, g.next(op.Key))
}

func (g *causalDraw) txn(op *history.Op) {
	op.F, op.Key = history.FTxn, ""
	var asked, done []history.Value
	used := map[string]bool{}
	for range 1 + g.d.n(3) {
		key := g.key()
		f := "r"
		var v history.Value
		if g.d.bool(2) {
			if used[key] && g.s.unique {
				continue // written once, so that all can be decided
			}
			f, v = "w", g.next(key)
			used[key] = true
		} else if v = g.seen(key); used[key] && g.s.unique {
			v = g.latest[key]
		}
		name, word := history.StringValue(key), history.StringValue(f)
		done = append(done, history.ListValue(word, name, v))
		if f == "r" {
			v = history.Value{}
		}
		asked = append(asked, history.ListValue(word, name, v))
		op.Keys = append(op.Keys, key)
	}
	op.Arg, op.Result = history.ListValue(asked...), history.ListValue(done...)
}

// TestCausalAgainstDefinition compares verdicts with the definitions on small histories.
// With RASHOMON_FUZZ_SCALE=5 they are more than 100,000.
func TestCausalAgainstDefinition(t *testing.T) {
	for i := range causalScenarios {
		s := &causalScenarios[i]
		t.Run(s.name, func(t *testing.T) {
			counts, legal, all := map[string]int64{}, [2]int{}, 0
			many(t, s.rounds, func(t testing.TB, d *dice) {
				all++
				for i, v := range compareCausal(t, s.draw(d), s.unique) {
					for kind, n := range v.Counts {
						if i == 0 {
							kind = v.Property + " " + kind
						}
						counts[kind] += n
					}
					if v.Result != Invalid {
						legal[i]++
					}
				}
			})
			t.Logf("%d histories, %v legal, %v", all, legal, counts)
			for i, n := range legal {
				if n < all/10 || n > all*9/10 {
					t.Errorf("%d of %d are legal by verdict %d: too one-sided to test anything", n, all, i)
				}
			}
			for _, kind := range s.kinds {
				if counts[kind] == 0 {
					t.Errorf("no %s", kind)
				}
			}
		})
	}
}

// FuzzCausal is the same with histories that the fuzzer makes up.
func FuzzCausal(f *testing.F) {
	fuzz(f, func(t testing.TB, d *dice) {
		s := &causalScenarios[d.n(len(causalScenarios))]
		compareCausal(t, s.draw(d), s.unique)
	})
}
