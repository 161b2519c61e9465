package checkers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// compare checks h against its two twins: the verdict, and every witness by itself.
func (s *linScenario) compare(t *testing.T, h *history.History) Verdict {
	t.Helper()
	ops := h.Ops()
	twin := tinyOf(ops, s.model)
	legal := twin.explainable()
	if twin.porcupine() != legal {
		t.Fatalf("the twins do not agree: the definition says %v\n%s", legal, h.Draw())
	}
	v := Linearizable(s.model, LinOptions{}).Check(context.Background(), h)[0]
	want := Valid
	if !legal {
		want = Invalid
	}
	if got := v.Result; got != want && !(got == Unknown && v.Reason == NotExercised && legal) {
		t.Fatalf("%v (%s), want %v\n%+v\n%s", v.Result, v.Reason, want, v, h.Draw())
	}
	for i := range v.Anomalies {
		s.checkWitness(t, ops, &v.Anomalies[i])
	}
	if s.checked++; s.checked%16 == 0 {
		s.compareEngines(t, h, legal)
	}
	return v
}

// compareEngines checks what the two engines say, each by itself, and now and then that h is not changed by
// that.
func (s *linScenario) compareEngines(t *testing.T, h *history.History, legal bool) {
	t.Helper()
	before := ""
	if s.checked%128 == 0 {
		before = fmt.Sprint(h.Ops())
	}
	for _, engine := range []Engine{EngineFast, EnginePorcupine} {
		v := Linearizable(s.model, LinOptions{Engine: engine}).Check(context.Background(), h)[0]
		undecided := v.Result == Unknown && v.Reason != NotExercised
		if undecided && engine == EnginePorcupine || !undecided && (v.Result == Invalid) == legal {
			t.Fatalf("engine %v: %v (%s), but legal is %v\n%s", engine, v.Result, v.Reason, legal, h.Draw())
		}
		for i := range v.Anomalies {
			s.checkWitness(t, h.Ops(), &v.Anomalies[i])
		}
	}
	if before != "" && fmt.Sprint(h.Ops()) != before {
		t.Fatal("Check changed the history")
	}
}

// mayBeNext reports whether no other operation that is left returned before the i-th was called. Ambiguous
// ones never returned.
func mayBeNext(ops []history.Op, done uint32, i int) bool {
	for j := range ops {
		if done&(1<<j) == 0 && ops[j].Type == history.Ok && ops[j].Return < ops[i].Call {
			return false
		}
	}
	return true
}

// checkWitness checks that the witness's operations are not linearizable by themselves. Where the
// producers of what a cas expected are not all among them, it is taken for a mere write; of lists only the
// elements whose appends are among them are looked at. Both only allow more.
func (s *linScenario) checkWitness(t *testing.T, all []history.Op, a *Anomaly) {
	t.Helper()
	if len(a.Ops) > 6 && a.Kind != NotLinearizable && s.model != CASRegister {
		t.Fatalf("%s with %d operations\n%s", a.Kind, len(a.Ops), a.Drawing)
	}
	phantom := a.Kind == PhantomRead || a.Kind == FailedWriteRead
	ops := slices.Clone(a.Ops)
	last := lastAnswer(ops)
	for i := range ops {
		switch op := &ops[i]; {
		case phantom || op.Type != history.Ok && op.F != history.FCAS:
		case op.F == history.FCAS:
			args, _ := op.Arg.AsList()
			until := min(last, over(all, a, op, len(ops)))
			if refused, _ := casRefused(op); !refused && !producersIn(all, a, args[0], until) {
				op.F, op.Arg, op.Result = history.FWrite, args[1], history.Value{}
			}
		case op.F == history.FRead && s.model == AppendList:
			list, _ := op.Result.AsList()
			op.Result = history.ListValue(slices.DeleteFunc(slices.Clone(list), func(e history.Value) bool {
				return !producersIn(all, a, e, op.Return)
			})...)
		case op.F == history.FRead:
			if !producersIn(all, a, op.Result, op.Return) {
				t.Fatalf("%s: the witness lacks who wrote %v\n%s\n%s", a.Kind, op.Result, a.Drawing,
					history.FromOps(all).Draw())
			}
		}
	}
	if twin := tinyOf(ops, s.model); twin.explainable() || twin.porcupine() {
		t.Fatalf("%s: the witness is linearizable by itself\n%s\n%s\n%s", a.Kind, a.Sentence, a.Drawing,
			history.FromOps(all).Draw())
	}
}

// lastAnswer returns when the last of the operations that tell something returned. What happens later does
// not matter.
func lastAnswer(ops []history.Op) int64 {
	last := int64(0)
	for i := range ops {
		if op := &ops[i]; op.Type == history.Ok && (op.F == history.FRead || op.F == history.FCAS) {
			last = max(last, op.Return)
		}
	}
	return last
}

// over returns when a cas was over, as far as the witness tells: it returned, or what it alone can have made
// was found, directly or by way of so many others.
func over(all []history.Op, a *Anomaly, cas *history.Op, depth int) int64 {
	ret := cas.Return
	args, _ := cas.Arg.AsList()
	alone := Anomaly{Ops: []history.Op{*cas}}
	if depth == 0 || cas.F != history.FCAS {
		return ret
	}
	for i := range a.Ops {
		op := &a.Ops[i]
		found, isRead := op.Result, op.F == history.FRead && op.Type == history.Ok
		if theirs, _ := op.Arg.AsList(); op.F == history.FCAS {
			refused, current := casRefused(op)
			if found, isRead = theirs[0], op.Type != history.Fail && !refused; current != nil {
				found, isRead = *current, true
			}
		}
		if !isRead || !found.Equal(args[1]) {
			continue
		}
		if by := over(all, a, op, depth-1); producersIn(all, &alone, args[1], by) {
			ret = min(ret, by)
		}
	}
	return ret
}

// producersIn reports whether all operations of the history that may have produced v by that time are in the
// witness.
func producersIn(all []history.Op, a *Anomaly, v history.Value, until int64) bool {
	for i := range all {
		op := &all[i]
		made := op.Arg
		if args, _ := op.Arg.AsList(); op.F == history.FCAS {
			made = args[1]
			if refused, _ := casRefused(op); refused || args[0].Equal(args[1]) {
				continue
			}
		}
		if op.Type == history.Fail || op.F == history.FRead || op.Call > until || !made.Equal(v) {
			continue
		}
		if !slices.ContainsFunc(a.Ops, func(o history.Op) bool { return o.Index == op.Index }) {
			return false
		}
	}
	return true
}

// The kinds of anomalies that small histories of each model must bring forth, for the test to test anything.
var (
	registerKinds = []string{PhantomRead, FailedWriteRead, FutureRead, StaleRead, NewOldInversion,
		ReadsDisagree}
	casKinds    = append([]string{DoubleCAS, WrongRefusal}, registerKinds...)
	chainKinds  = append([]string{ChainsDisagree, CircularCAS}, casKinds...)
	searchKinds = []string{NotLinearizable}
	listKinds   = []string{PhantomRead, FailedWriteRead, FutureRead, StaleRead, NewOldInversion, LostAppend,
		DuplicateAppend, DivergingReads, ReorderedAppend}
)

var linScenarios = []struct {
	name string
	linScenario
	rounds int
	kinds  []string
}{
	{"unique register", linScenario{model: Register, unique: true, most: 12}, 12000, registerKinds},
	{"register", linScenario{model: Register, most: 8}, 4800, append(searchKinds, registerKinds...)},
	{"unique cas", linScenario{model: CASRegister, unique: true, most: 12}, 9600, casKinds},
	{"chains", linScenario{model: CASRegister, unique: true, most: 12, chains: true}, 9600, chainKinds},
	{"cas", linScenario{model: CASRegister, most: 8}, 4800, casKinds},
	{"blind cas", linScenario{model: CASRegister, unique: true, blind: true, most: 8}, 4800, casKinds},
	{"blind chains", linScenario{model: CASRegister, unique: true, blind: true, most: 10, chains: true}, 4800,
		append(searchKinds, chainKinds...)},
	{"blind cas, values repeated", linScenario{model: CASRegister, blind: true, most: 8}, 2400, casKinds},
	{"unique list", linScenario{model: AppendList, unique: true, most: 9}, 7200, listKinds},
	{"list", linScenario{model: AppendList, most: 8}, 4800, append(searchKinds, listKinds...)},
}

// TestLinearizableAgainstDefinition compares verdicts with the definition on small histories.
func TestLinearizableAgainstDefinition(t *testing.T) {
	for _, s := range linScenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			bytes := make([]byte, 128)
			n := rounds(s.rounds)
			legal, counts, engines := 0, map[string]int64{}, map[string]int{}
			for range n {
				for i := range bytes {
					bytes[i] = byte(random.Uint32())
				}
				d := linDice(bytes)
				v := s.compare(t, s.draw(&d))
				if v.Result != Invalid {
					legal++
				}
				engines[v.Engine]++
				for kind, n := range v.Counts {
					counts[kind] += n
				}
			}
			t.Logf("%d of %d linearizable, %v, %v", legal, n, counts, engines)
			if legal < n/10 || legal > n*9/10 {
				t.Errorf("%d of %d are linearizable: too one-sided to test anything", legal, n)
			}
			for _, kind := range s.kinds {
				if counts[kind] == 0 {
					t.Errorf("no %s in %d histories", kind, n)
				}
			}
		})
	}
}

// FuzzLinearizable is the same with histories that the fuzzer makes up.
func FuzzLinearizable(f *testing.F) {
	for i := range linScenarios {
		f.Add(uint8(i), []byte("the quick brown fox jumps over the lazy dog 0123456789"))
		f.Add(uint8(i), []byte{7, 9, 1, 3, 4, 2, 2, 1, 0, 5, 3, 1, 2, 2, 3, 1, 7, 7, 15, 14, 1, 0, 6, 3, 3})
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		d := linDice(data)
		s := &linScenarios[int(which)%len(linScenarios)]
		s.compare(t, s.draw(&d))
	})
}

// TestKeysTogether checks that a history of several keys gives what those of its keys give.
func TestKeysTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	bytes := make([]byte, 128)
	for _, s := range linScenarios {
		check := Linearizable(s.model, LinOptions{})
		for range rounds(40) {
			var all []history.Op
			var chances int64
			want := map[string]int64{}
			for key := range 5 {
				for i := range bytes {
					bytes[i] = byte(random.Uint32())
				}
				d := linDice(bytes[key*16:]) // short and long ones
				ops := s.draw(&d).Ops()
				for i := range ops {
					ops[i].Key = fmt.Sprint("k", key)
				}
				v := check.Check(context.Background(), history.FromOps(ops))[0]
				chances += v.Opportunities
				for kind, n := range v.Counts {
					want[kind] += n
				}
				all = append(all, ops...)
			}
			v := check.Check(context.Background(), history.FromOps(all))[0]
			got := fmt.Sprint(v.Counts, v.Opportunities)
			if expected := fmt.Sprint(want, chances); got != expected {
				t.Fatalf("%s: together %s, one by one %s", s.name, got, expected)
			}
		}
	}
}
