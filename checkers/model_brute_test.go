package checkers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

// modelExplains reports whether some order of the operations, with some of the ambiguous ones left out, is
// what the model allows: the definition of linearizability, tried out. It shares no code with the engine.
func modelExplains(model string, ops []history.Op) bool {
	ops = slices.DeleteFunc(slices.Clone(ops), func(o history.Op) bool { return o.Type == history.Fail })
	initial := history.Value{}
	switch model {
	case "counter":
		initial = history.IntValue(0)
	case "set", "list", "queue":
		initial = history.ListValue()
	}
	return explainsFrom(model, ops, 0, initial, map[string]bool{})
}

func explainsFrom(
	model string, ops []history.Op, done uint32, state history.Value, tried map[string]bool,
) bool {
	name := fmt.Sprint(done, state)
	if tried[name] {
		return false
	}
	tried[name] = true
	sure := false
	for i := range ops {
		sure = sure || ops[i].Type == history.Ok && done&(1<<i) == 0
	}
	if !sure {
		return true
	}
	for i := range ops {
		if done&(1<<i) != 0 || !mayBeNext(ops, done, i) {
			continue
		}
		next, ok := modelNext(model, &ops[i], state)
		if ok && explainsFrom(model, ops, done|1<<i, next, tried) {
			return true
		}
	}
	return false
}

// modelNext returns the state that op leaves when it happens in state, and whether it may, with its answer.
func modelNext(model string, op *history.Op, state history.Value) (next history.Value, ok bool) {
	list, _ := state.AsList()
	ambiguous := op.Type != history.Ok
	answers := func(v history.Value) bool { return ambiguous || op.Result.Equal(v) }
	at := slices.IndexFunc(list, op.Arg.Equal)
	switch model + " " + op.F {
	case "set add":
		if at < 0 {
			list = append(slices.Clip(list), op.Arg)
			slices.SortFunc(list, func(a, b history.Value) int { return number(a) - number(b) })
		}
		return history.ListValue(list...), true
	case "set remove":
		return history.ListValue(slices.DeleteFunc(slices.Clone(list), op.Arg.Equal)...), true
	case "set contains":
		return state, answers(history.BoolValue(at >= 0))
	case "set read":
		found, _ := op.Result.AsList()
		found = slices.Clone(found)
		slices.SortFunc(found, func(a, b history.Value) int { return number(a) - number(b) })
		found = slices.CompactFunc(found, history.Value.Equal)
		return state, ambiguous || state.Equal(history.ListValue(found...))
	case "list append", "queue enqueue":
		return history.ListValue(append(slices.Clip(list), op.Arg)...), true
	case "list read":
		return state, answers(state)
	case "queue dequeue":
		if len(list) == 0 {
			return state, answers(history.Value{})
		}
		return history.ListValue(list[1:]...), answers(list[0])
	case "counter add", "counter incr", "counter decr":
		by, sum := number(op.Arg), number(state)
		if op.F == "decr" {
			by = -by
		}
		return history.IntValue(int64(sum + by)), true
	case "counter read":
		return state, answers(state)
	case "mutex acquire":
		return history.StringValue(op.Session), state.IsNull()
	case "mutex release":
		return history.Value{}, state.Equal(history.StringValue(op.Session))
	}
	return valueNext(op, state)
}

func number(v history.Value) int {
	n, _ := v.AsInt()
	return int(n)
}

// valueNext is modelNext of registers and of the keys of a map. Absent and empty are the same.
func valueNext(op *history.Op, state history.Value) (next history.Value, ok bool) {
	same := func(a, b history.Value) bool { return bare(a).Equal(bare(b)) }
	switch op.F {
	case "read", "get":
		return state, op.Type != history.Ok || same(state, op.Result)
	case "write", "put":
		return op.Arg, true
	case "delete":
		return history.Value{}, true
	case "append":
		text, _ := state.AsString()
		more, _ := op.Arg.AsString()
		return history.StringValue(text + more), true
	}
	args, _ := op.Arg.AsList()
	fits := same(state, args[0])
	swapped, found, _ := op.CASResult()
	switch {
	case op.Type != history.Ok || swapped:
		return args[1], fits
	case len(found) > 0:
		return state, !fits && same(state, found[0])
	}
	return state, !fits
}

// bare takes the empty string for null.
func bare(v history.Value) history.Value {
	if text, is := v.AsString(); is && text == "" {
		return history.Value{}
	}
	return v
}

// modelScenario is what kind of small histories of a model are drawn.
type modelScenario struct {
	model  string
	unique bool // what is written
	blind  bool // some refused cas do not tell what they found
	fs     []string
}

var modelScenarios = []modelScenario{
	{"register", false, false, []string{"write", "read", "read", "delete"}},
	{"cas-register", false, false, []string{"write", "read", "cas", "cas"}},
	{"cas-register", true, false, []string{"write", "read", "cas", "cas"}},
	{"cas-register", false, true, []string{"write", "read", "cas", "cas", "delete"}},
	{"kv", false, false, []string{"put", "get", "append", "append", "get", "delete", "cas"}},
	{"kv", false, true, []string{"put", "get", "append", "cas", "get"}},
	{"kv", true, false, []string{"write", "get", "get", "put", "delete", "cas"}},
	{"set", false, false, []string{"add", "remove", "contains", "read", "read"}},
	{"set", true, false, []string{"add", "contains", "read", "remove", "contains"}},
	{"list", false, false, []string{"append", "read"}},
	{"list", true, false, []string{"append", "read"}},
	{"counter", false, false, []string{"incr", "decr", "add", "read", "read"}},
	{"queue", false, false, []string{"enqueue", "dequeue", "enqueue"}},
	{"queue", true, false, []string{"enqueue", "dequeue", "enqueue"}},
	{"mutex", false, false, []string{"acquire", "release"}},
}

// modelDraw is a history being drawn.
type modelDraw struct {
	*modelScenario
	*linDice
	past []history.Value // the states so far
}

// draw draws the operations of one object: mostly such as ran in some order, some of whose answers are then
// changed, with few different times.
func (s *modelScenario) draw(d *linDice) []history.Op {
	n := 2 + d.roll(8)
	ops := make([]history.Op, n)
	type moment struct{ op, at int }
	order := make([]moment, n)
	span := 2 + d.roll(2*n)
	for i := range ops {
		call := d.roll(span)
		ret := call + d.roll(4)
		ops[i] = history.Op{Index: i, Invoked: i, Session: fmt.Sprintf("s%d", i), Key: "k",
			Process: int32(i), Call: int64(call), Return: int64(ret), Type: history.Ok}
		order[i] = moment{i, call + d.roll(ret-call+1)}
	}
	slices.SortStableFunc(order, func(a, b moment) int { return a.at - b.at })
	state := history.Value{}
	switch s.model {
	case "counter":
		state = history.IntValue(0)
	case "set", "list", "queue":
		state = history.ListValue()
	}
	if s.model == "mutex" {
		for i := range ops {
			ops[i].Session = fmt.Sprintf("s%d", d.roll(3))
		}
	}
	draw := modelDraw{s, d, nil}
	for _, m := range order {
		draw.past = append(draw.past, state)
		state = draw.fill(&ops[m.op], state)
	}
	return ops
}

// fill makes up what an operation did in state, and returns the state after it.
func (d *modelDraw) fill(op *history.Op, state history.Value) history.Value {
	op.F = d.fs[d.roll(len(d.fs))]
	op.Arg = d.argument(op, state)
	next, may := d.answer(op, state)
	ambiguous := d.roll(16)
	switch {
	case ambiguous == 0 || !may && d.roll(4) > 0:
		op.Type, op.Result = history.Fail, history.Value{}
		return state
	case ambiguous < 4:
		op.Type, op.Result, op.Return = history.Info, history.Value{}, history.Never
		if !may || d.oneIn(2) {
			return state
		}
	case !may:
		return state
	}
	return next
}

// argument makes up the argument of an operation.
func (d *modelDraw) argument(op *history.Op, state history.Value) history.Value {
	v := history.IntValue(int64(1 + d.roll(3)))
	if d.unique {
		v = history.IntValue(int64(10 + op.Index))
	}
	if d.model == "kv" && !d.unique {
		v = history.StringValue([]string{"a", "b", "", "ab"}[d.roll(4)])
	}
	switch op.F {
	case "cas":
		old := state
		if d.oneIn(3) {
			old = d.past[d.roll(len(d.past))]
		}
		return history.ListValue(old, v)
	case "contains":
		if d.unique {
			return history.IntValue(int64(10 + d.roll(10)))
		}
	case "remove":
		if list, _ := state.AsList(); len(list) > 0 && d.unique {
			return list[d.roll(len(list))]
		}
	case "read", "get", "delete", "dequeue", "acquire", "release":
		return history.Value{}
	}
	return v
}

// answer gives op its answer in state, now and then a wrong one, and returns the state after it and whether
// it may happen at all.
func (d *modelDraw) answer(op *history.Op, state history.Value) (next history.Value, may bool) {
	wrong := d.oneIn(3)
	list, _ := state.AsList()
	switch op.F {
	case "read", "get":
		if op.Result = state; wrong {
			op.Result = d.wrong(state)
		}
	case "contains":
		past, _ := d.past[d.roll(len(d.past))].AsList()
		if wrong {
			list = past
		}
		op.Result = history.BoolValue(slices.ContainsFunc(list, op.Arg.Equal))
	case "dequeue":
		if len(list) > 0 {
			op.Result = list[0]
		}
		if wrong {
			op.Result = history.Value{}
			if past, _ := d.past[d.roll(len(d.past))].AsList(); len(past) > 0 {
				op.Result = past[len(past)-1]
			}
		}
	case "cas":
		args, _ := op.Arg.AsList()
		fits := bare(args[0]).Equal(bare(state)) != (wrong && d.oneIn(2))
		op.Result = history.BoolValue(fits)
		if !fits && !(d.blind && d.oneIn(2)) {
			op.Result = history.ListValue(history.BoolValue(false), state)
		}
	}
	probe := *op
	probe.Type, probe.Result = history.Info, history.Value{}
	next, may = modelNext(d.model, &probe, state)
	if swapped, _, ok := op.CASResult(); op.F == "cas" && ok && !swapped {
		return state, true
	}
	return next, may || wrong
}

// wrong returns another value than state: mostly one of the past or a part of it, so that it takes several
// operations to see that it is wrong.
func (d *modelDraw) wrong(state history.Value) history.Value {
	list, isList := state.AsList()
	list = slices.Clone(list)
	switch {
	case d.roll(4) > 0:
		return d.past[d.roll(len(d.past))]
	case d.model == "counter":
		return history.IntValue(int64(number(state) + 1 + d.roll(2)))
	case !isList && d.model == "kv" && !d.unique:
		return history.StringValue([]string{"a", "b", "aa", "ba"}[d.roll(4)])
	case !isList:
		return history.IntValue(int64(d.roll(4)))
	case len(list) > 1 && d.oneIn(2):
		return history.ListValue(list[1:]...)
	case len(list) > 1:
		list[0], list[1] = list[1], list[0]
	default:
		list = append(list, history.IntValue(int64(1+d.roll(3))))
	}
	return history.ListValue(list...)
}

// compare holds the engine's answer against the definition, and the witness too.
func (s *modelScenario) compare(t *testing.T, ops []history.Op) Answer {
	t.Helper()
	legal := modelExplains(s.model, ops)
	answer := InProcess{}.Run(context.Background(), &Job{Model: s.model, Ops: ops, Witness: true})
	if want := map[bool]Result{true: Valid, false: Invalid}[legal]; answer.Result != want {
		t.Fatalf("%s: %v %s, want %v\n%s", s.model, answer.Result, answer.Reason, want, drawOps(ops))
	}
	if legal {
		s.compareParts(t, ops)
		return answer
	}
	part := s.part(ops, answer.Witness)
	if len(part) == 0 || modelExplains(s.model, part) {
		t.Fatalf("%s: the witness is legal by itself\n%s\nof\n%s", s.model, drawOps(part), drawOps(ops))
	}
	return answer
}

// compareParts checks that a legal history stays so when it is cut down to a part, whatever it is cut to:
// then a witness accuses nobody who is not guilty.
func (s *modelScenario) compareParts(t *testing.T, ops []history.Op) {
	t.Helper()
	p, why := compile(&Job{Model: s.model, Ops: ops})
	if why != "" {
		t.Fatal(why)
	}
	seek := seeker{ctx: context.Background(), plan: p, limits: Limits{}.OrDefault(),
		deadline: time.Now().Add(time.Hour)}
	all := p.all()
	for i := range all {
		for size := 1; size <= min(3, len(all)-i); size++ {
			core := all[i : i+size]
			if answer := seek.run(p.closed(core)); answer.Result != Valid {
				t.Fatalf("%s: the part that %v need is %v\n%s", s.model, core, answer, drawOps(ops))
			}
		}
	}
}

// part returns the operations of a witness. A cas that may have found what is not in it counts as a write.
func (s *modelScenario) part(ops []history.Op, witness []int) []history.Op {
	var part []history.Op
	for _, i := range witness {
		op := ops[i]
		swapped, _, _ := op.CASResult()
		if op.F == "cas" && (swapped || op.Type == history.Info) && s.lacksMaker(ops, witness, &op) {
			args, _ := op.Arg.AsList()
			op.F, op.Arg = "write", args[1]
		}
		part = append(part, op)
	}
	return part
}

// lacksMaker reports whether something that is not in a witness may have made what a cas of it found.
func (s *modelScenario) lacksMaker(ops []history.Op, witness []int, cas *history.Op) bool {
	args, _ := cas.Arg.AsList()
	until := cas.Return
	for _, i := range witness { // what happens after all answers shows in none
		if cas.Type == history.Info && ops[i].Type == history.Ok {
			until = max(until%history.Never, ops[i].Return)
		}
	}
	makers := 0
	for i := range ops {
		if makes(&ops[i], args[1]) {
			makers++
		}
	}
	for _, i := range witness { // nor does what happens after its value was seen, if it alone made that
		if makers == 1 && finds(&ops[i], args[1]) {
			until = min(until, ops[i].Return)
		}
	}
	for i := range ops {
		if op := &ops[i]; !slices.Contains(witness, i) && op.Call <= until && makes(op, args[0]) {
			return true
		}
	}
	return false
}

// makes reports whether an operation may have left a value.
func makes(op *history.Op, v history.Value) bool {
	made, isChange := history.Value{}, op.F == "delete"
	switch op.F {
	case "write", "put":
		made, isChange = op.Arg, true
	case "cas":
		swapped, _, _ := op.CASResult()
		pair, _ := op.Arg.AsList()
		made, isChange = pair[1], swapped || op.Type == history.Info
		isChange = isChange && !bare(pair[0]).Equal(bare(pair[1]))
	}
	return op.Type != history.Fail && isChange && bare(made).Equal(bare(v))
}

// finds reports whether an operation certainly found a value.
func finds(op *history.Op, v history.Value) bool {
	found := op.Result
	switch swapped, _, _ := op.CASResult(); {
	case op.Type != history.Ok:
		return false
	case op.F == "cas" && swapped:
		pair, _ := op.Arg.AsList()
		found = pair[0]
	case op.F != "read" && op.F != "get":
		return false
	}
	return bare(found).Equal(bare(v))
}

// drawOps draws operations in the order of their calls.
func drawOps(ops []history.Op) string {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b history.Op) int { return int(a.Call - b.Call) })
	text := history.Draw(ops, history.DrawOptions{})
	for i := range ops {
		text += fmt.Sprintf("%s p%d [%d %d] %v %s\n", ops[i].Session, ops[i].Process, ops[i].Call,
			ops[i].Return, ops[i].Type, ops[i].Short())
	}
	return text
}

// TestModelsAgainstDefinition compares the engine with the definition on small histories of every model.
func TestModelsAgainstDefinition(t *testing.T) {
	for i := range modelScenarios {
		s := &modelScenarios[i]
		t.Run(fmt.Sprintf("%s %v %v", s.model, s.unique, s.blind), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, uint64(i)))
			bytes := make([]byte, 160)
			legal, n, operations, large := 0, rounds(1500), 0, 0
			for range n {
				for i := range bytes {
					bytes[i] = byte(random.Uint32())
				}
				d := linDice(bytes)
				answer := s.compare(t, s.draw(&d))
				operations += len(answer.Witness)
				if answer.Result == Valid {
					legal++
				}
				if len(answer.Witness) > 2 {
					large++
				}
			}
			t.Logf("%d of %d legal; %.1f operations a witness, %d have more than two", legal, n,
				float64(operations)/float64(max(n-legal, 1)), large)
			if legal < n/10 || legal > n*19/20 || large < n/150 {
				t.Errorf("%d of %d are legal, %d take three operations to see that they are not: too "+
					"one-sided to test anything", legal, n, large)
			}
		})
	}
}

// FuzzModels is the same with histories that the fuzzer makes up.
func FuzzModels(f *testing.F) {
	for i := range modelScenarios {
		f.Add(uint8(i), []byte("the quick brown fox jumps over the lazy dog 0123456789"))
		f.Add(uint8(i), []byte{7, 9, 1, 3, 4, 2, 2, 1, 0, 5, 3, 1, 2, 2, 3, 1, 7, 7, 15, 14, 1, 0, 6, 3, 3})
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		d := linDice(data)
		s := &modelScenarios[int(which)%len(modelScenarios)]
		s.compare(t, s.draw(&d))
	})
}
