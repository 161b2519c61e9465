package checkers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// explainable reports whether some order of the operations of one key agrees with their times and answers:
// the definition of linearizability, tried out. It shares no code with the checker.
func explainable(ops []history.Op, model Model) bool {
	ops = slices.DeleteFunc(slices.Clone(ops), func(o history.Op) bool {
		return o.Type == history.Fail || o.F == history.FRead && o.Type != history.Ok
	})
	return explainableFrom(ops, 0, history.Value{}, map[string]bool{})
}

func explainableFrom(ops []history.Op, done uint32, state history.Value, tried map[string]bool) bool {
	name := fmt.Sprint(done, state)
	if tried[name] {
		return false
	}
	tried[name] = true
	sure := false
	for i := range ops {
		sure = sure || done&(1<<i) == 0 && ops[i].Type == history.Ok
	}
	if !sure {
		return true
	}
	for i := range ops {
		if done&(1<<i) != 0 || !mayBeNext(ops, done, i) {
			continue
		}
		for _, next := range bruteStep(&ops[i], state) {
			if explainableFrom(ops, done|1<<i, next, tried) {
				return true
			}
		}
	}
	return false
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

// bruteStep returns the states that op may leave: none when its answer is impossible in this state.
func bruteStep(op *history.Op, state history.Value) []history.Value {
	same := []history.Value{state}
	switch op.F {
	case history.FRead:
		if state.Equal(op.Result) || state.IsNull() && op.Result.Equal(history.ListValue()) {
			return same
		}
		return nil
	case history.FWrite:
		return []history.Value{op.Arg}
	case history.FDelete:
		return []history.Value{{}}
	case history.FAppend:
		list, _ := state.AsList()
		return []history.Value{history.ListValue(append(slices.Clip(list), op.Arg)...)}
	}
	args, _ := op.Arg.AsList()
	fits := state.Equal(args[0])
	refused, current := casRefused(op)
	switch {
	case op.Type != history.Ok && !fits:
		return same
	case refused && (fits || current != nil && !current.Equal(state)):
		return nil
	case refused:
		return same
	case !fits:
		return nil
	}
	return []history.Value{args[1]}
}

// compare checks h against the definition: the verdict, and every witness by itself.
func (s *linScenario) compare(t *testing.T, h *history.History) Verdict {
	t.Helper()
	before := slices.Clone(h.Ops())
	legal := explainable(h.Ops(), s.model)
	v := Linearizable(s.model, LinOptions{}).Check(context.Background(), h)[0]
	want := Valid
	if !legal {
		want = Invalid
	}
	if got := v.Result; got != want && !(got == Unknown && v.Reason == NotExercised && legal) {
		t.Fatalf("%v (%s), want %v\n%+v\n%s", v.Result, v.Reason, want, v, h.Draw())
	}
	for _, a := range v.Anomalies {
		s.checkWitness(t, h, &a)
	}
	if fmt.Sprint(before) != fmt.Sprint(h.Ops()) {
		t.Fatal("Check changed the history")
	}
	searched := Linearizable(s.model, LinOptions{Engine: EnginePorcupine}).Check(context.Background(), h)[0]
	if (searched.Result == Invalid) == legal || searched.Reason != "" && searched.Reason != NotExercised {
		t.Fatalf("searched: %v (%s), but legal is %v\n%s", searched.Result, searched.Reason, legal, h.Draw())
	}
	return v
}

// checkWitness checks that the witness's operations are not linearizable by themselves. Where the
// producers of what a cas expected are not all among them, it is taken for a mere write; of lists only the
// elements whose appends are among them are looked at. Both only allow more.
func (s *linScenario) checkWitness(t *testing.T, h *history.History, a *Anomaly) {
	t.Helper()
	if len(a.Ops) > 6 && a.Kind != NotLinearizable {
		t.Fatalf("%s with %d operations\n%s", a.Kind, len(a.Ops), a.Drawing)
	}
	phantom := a.Kind == PhantomRead || a.Kind == FailedWriteRead
	ops := slices.Clone(a.Ops)
	for i := range ops {
		switch op := &ops[i]; {
		case op.F == history.FCAS:
			args, _ := op.Arg.AsList()
			all, some := producersIn(h, a, op, args[0])
			if all = all || some && a.Kind == FutureRead; op.Type != history.Fail && !phantom && !all {
				if refused, _ := casRefused(op); refused {
					break
				}
				op.F, op.Arg, op.Result = history.FWrite, args[1], history.Value{}
			}
		case op.F == history.FRead && s.model == AppendList && !phantom:
			list, _ := op.Result.AsList()
			op.Result = history.ListValue(slices.DeleteFunc(slices.Clone(list), func(e history.Value) bool {
				all, some := producersIn(h, a, op, e)
				return !some || !all && a.Kind != FutureRead
			})...)
		case op.F == history.FRead && !phantom:
			if all, some := producersIn(h, a, op, op.Result); !some || !all && a.Kind != FutureRead {
				t.Fatalf("%s: the witness lacks who wrote %v\n%s\n%s", a.Kind, op.Result, a.Drawing, h.Draw())
			}
		}
	}
	job := &Job{Model: linModelNames[s.model], Ops: ops}
	if explainable(ops, s.model) || (InProcess{}).Run(context.Background(), job).Result != Invalid {
		t.Fatalf("%s: the witness is linearizable by itself\n%s\n%s\n%s", a.Kind, a.Sentence, a.Drawing,
			h.Draw())
	}
}

// overIn returns when an operation was over, as far as the witness tells: it returned, or what it made was
// found.
func overIn(a *Anomaly, by *history.Op) int64 {
	over := by.Return
	args, _ := by.Arg.AsList()
	for i := range a.Ops {
		op := &a.Ops[i]
		found := op.Result
		if theirs, _ := op.Arg.AsList(); op.F == history.FCAS && op.Type == history.Ok && len(theirs) == 2 {
			found = theirs[0]
		}
		if by.F == history.FCAS && len(args) == 2 && found.Equal(args[1]) {
			over = min(over, op.Return)
		}
	}
	return over
}

// producersIn reports whether all, and whether some, of the operations of the history that may have
// produced v are in the witness: those that by, which observed it, does not precede. The initial state
// produces null.
func producersIn(h *history.History, a *Anomaly, by *history.Op, v history.Value) (all, some bool) {
	all, some = true, v.IsNull()
	for i := range h.Len() {
		op := &h.Ops()[i]
		made := op.Arg
		if args, _ := op.Arg.AsList(); op.F == history.FCAS {
			made = args[1]
			if refused, _ := casRefused(op); refused || args[0].Equal(args[1]) {
				continue
			}
		}
		if op.Type == history.Fail || op.F == history.FRead || !made.Equal(v) ||
			a.Kind == NotLinearizable && overIn(a, by) < op.Call {
			continue
		}
		in := slices.ContainsFunc(a.Ops, func(o history.Op) bool { return o.Index == op.Index })
		all, some = all && in, some || in
	}
	return all, some
}

// The kinds of anomalies that small histories of each model must bring forth, for the test to test anything.
var (
	registerKinds = []string{PhantomRead, FailedWriteRead, FutureRead, StaleRead, NewOldInversion,
		ReadsDisagree}
	casKinds    = append([]string{DoubleCAS, WrongRefusal}, registerKinds...)
	chainKinds  = append([]string{ChainsDisagree}, casKinds...)
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
	{"unique register", linScenario{Register, true, false, 10}, 12000, registerKinds},
	{"register", linScenario{Register, false, false, 8}, 4800, append(searchKinds, registerKinds...)},
	{"unique cas", linScenario{CASRegister, true, false, 9}, 9600, chainKinds},
	{"cas", linScenario{CASRegister, false, false, 8}, 4800, casKinds},
	{"blind cas", linScenario{CASRegister, true, true, 8}, 4800, chainKinds},
	{"blind cas, values repeated", linScenario{CASRegister, false, true, 8}, 2400, casKinds},
	{"unique list", linScenario{AppendList, true, false, 9}, 7200, listKinds},
	{"list", linScenario{AppendList, false, false, 8}, 4800, append(searchKinds, listKinds...)},
}

// TestLinearizableAgainstDefinition compares verdicts with the definition on small histories.
func TestLinearizableAgainstDefinition(t *testing.T) {
	for _, s := range linScenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			bytes := make([]byte, 128)
			legal, counts := 0, map[string]int64{}
			for range rounds(s.rounds) {
				for i := range bytes {
					bytes[i] = byte(random.Uint32())
				}
				d := linDice(bytes)
				v := s.compare(t, s.draw(&d))
				if v.Result != Invalid {
					legal++
				}
				for kind, n := range v.Counts {
					counts[kind] += n
				}
			}
			t.Logf("%d of %d linearizable, %v", legal, s.rounds, counts)
			if n := rounds(s.rounds); legal < n/10 || legal > n*9/10 {
				t.Errorf("%d of %d are linearizable: too one-sided to test anything", legal, s.rounds)
			}
			for _, kind := range s.kinds {
				if counts[kind] == 0 {
					t.Errorf("no %s in %d histories", kind, s.rounds)
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
