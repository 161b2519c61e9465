package checkers

import (
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// bruteOp is an operation as the definitions of causal consistency see it: what it reads and writes, one
// after the other, at one point.
type bruteOp struct {
	*history.Op
	micros []bruteMicro
}

// bruteMicro is a read that returned value, a write of value or, told apart by unlike, the knowledge that the
// key had another value.
type bruteMicro struct {
	write, unlike bool
	key           string
	value         string
}

// bruteOps returns the operations that happened, or may have, as the definitions see them.
func bruteOps(ops []history.Op) []bruteOp {
	var all []bruteOp
	for i := range ops {
		op := &ops[i]
		if micros := bruteMicros(op); op.Type != history.Fail && len(micros) > 0 {
			all = append(all, bruteOp{op, micros})
		}
	}
	return all
}

// bruteMicros takes an operation apart. Nobody was told what an ambiguous one read.
func bruteMicros(op *history.Op) []bruteMicro {
	read := func(key string, v history.Value) bruteMicro { return bruteMicro{key: key, value: v.String()} }
	write := func(key string, v history.Value) bruteMicro { return bruteMicro{true, false, key, v.String()} }
	list, _ := op.Arg.AsList()
	found, _ := op.Result.AsList()
	sure := op.Type == history.Ok
	switch op.F {
	case history.FRead:
		if !sure || len(op.Keys) == 0 {
			return slices.Repeat([]bruteMicro{read(op.Key, op.Result)}, map[bool]int{sure: 1}[true])
		}
		var micros []bruteMicro
		for i, key := range op.Keys {
			micros = append(micros, read(key, found[i]))
		}
		return micros
	case history.FWrite, history.FDelete:
		return []bruteMicro{write(op.Key, op.Arg)}
	case history.FCAS:
		unlike := read(op.Key, list[0])
		unlike.unlike = true
		switch {
		case !sure:
			return []bruteMicro{write(op.Key, list[1])}
		case op.Result.Equal(history.BoolValue(true)):
			return []bruteMicro{read(op.Key, list[0]), write(op.Key, list[1])}
		case len(found) > 1:
			return []bruteMicro{unlike, read(op.Key, found[1])}
		}
		return []bruteMicro{unlike}
	case history.FTxn:
		var micros []bruteMicro
		for i := range list {
			from := list[i]
			if sure {
				from = found[i]
			}
			fields, _ := from.AsList()
			f, _ := fields[0].AsString()
			key, _ := fields[1].AsString()
			if f == "w" {
				micros = append(micros, write(key, fields[2]))
			} else if sure {
				micros = append(micros, read(key, fields[2]))
			}
		}
		return micros
	}
	return nil
}

// bruteState is what a key's value is; a key that is not there has the initial value.
type bruteState map[string]string

const bruteNull = "∅"

// does changes the state by an operation, and reports whether its answer is right.
func (s bruteState) does(op *bruteOp) (right bool) {
	right = true
	for _, m := range op.micros {
		now, written := s[m.key]
		if !written {
			now = bruteNull
		}
		if m.write {
			s[m.key] = m.value
		} else {
			right = right && (now == m.value) != m.unlike
		}
	}
	return right
}

// brute tries out the definitions CC and CCv of Bouajjani et al. 2017. It shares nothing with the checker.
type brute struct {
	ops        []bruteOp
	past       []uint32 // by operation: those causally before it
	convergent bool
}

// bruteCausal reports whether there is a causal order, among the operations and some of the ambiguous ones,
// that explains all answers.
func bruteCausal(ops []bruteOp, convergent bool) bool {
	for happened := range uint32(1) << len(ops) {
		var some []bruteOp
		possible := true
		for i := range ops {
			if happened&(1<<i) != 0 {
				some = append(some, ops[i])
			} else if ops[i].Type == history.Ok {
				possible = false
			}
		}
		if !possible {
			continue
		}
		b := &brute{ops: some, convergent: convergent, past: make([]uint32, len(some))}
		for i := range some {
			for j := range some {
				x, y := some[i], some[j]
				if x.Session == y.Session && x.Type == history.Ok && x.Return < y.Call {
					b.past[j] |= 1 << i
				}
			}
		}
		if b.chooses(0, 0) {
			return true
		}
	}
	return false
}

// chooses tries all ways in which each read, from the m-th of operation i on, may have got its value. It is
// enough to try the smallest causal orders that have them: in a larger one each operation knows more, and
// more is ordered.
func (b *brute) chooses(i, m int) bool {
	if i == len(b.ops) {
		return b.explains()
	}
	if m == len(b.ops[i].micros) {
		return b.chooses(i+1, 0)
	}
	r := b.ops[i].micros[m]
	own := slices.ContainsFunc(b.ops[i].micros[:m], func(w bruteMicro) bool {
		return w.write && w.key == r.key
	})
	if r.write || own || (r.value == bruteNull) != r.unlike {
		if b.chooses(i, m+1) { // nobody wrote it
			return true
		}
	}
	if r.write || own {
		return false
	}
	for j := range b.ops {
		last := bruteNull
		wrote := false
		for _, w := range b.ops[j].micros {
			if w.write && w.key == r.key {
				last, wrote = w.value, true
			}
		}
		if !wrote || (last == r.value) == r.unlike {
			continue
		}
		before := b.past[i]
		b.past[i] |= 1 << j
		if b.chooses(i, m+1) {
			return true
		}
		b.past[i] = before
	}
	return false
}

// explains reports whether the answers are right in the causal order chosen.
func (b *brute) explains() bool {
	direct := slices.Clone(b.past)
	defer func() { b.past = direct }()
	b.past = slices.Clone(direct)
	for range b.ops {
		for i := range b.ops {
			for j := range b.ops {
				if b.past[i]&(1<<j) != 0 {
					b.past[i] |= b.past[j]
				}
			}
		}
	}
	for i := range b.ops {
		if b.past[i]&(1<<i) != 0 {
			return false
		}
	}
	if b.convergent {
		return b.converges(nil, 0)
	}
	for i := range b.ops {
		if !b.explained(i, bruteState{}, 0) {
			return false
		}
	}
	return true
}

// explained reports whether some sequence of what operation i knew, after what was done already, makes its
// answer right.
func (b *brute) explained(i int, state bruteState, done uint32) bool {
	if done == b.past[i] {
		return state.does(&b.ops[i])
	}
	for j := range b.ops {
		if b.past[i]&^done&(1<<j) == 0 || b.past[j]&^done != 0 {
			continue
		}
		next := bruteState{}
		for key, value := range state {
			next[key] = value
		}
		next.does(&b.ops[j])
		if b.explained(i, next, done|1<<j) {
			return true
		}
	}
	return false
}

// converges reports whether some order of all operations, that goes on after the given one, explains each
// answer by what the operation knew.
func (b *brute) converges(order []int, done uint32) bool {
	if len(order) == len(b.ops) {
		return true
	}
	for i := range b.ops {
		if done&(1<<i) != 0 || b.past[i]&^done != 0 {
			continue
		}
		state := bruteState{}
		for _, j := range order {
			if b.past[i]&(1<<j) != 0 {
				state.does(&b.ops[j])
			}
		}
		if state.does(&b.ops[i]) && b.converges(append(slices.Clip(order), i), done|1<<i) {
			return true
		}
	}
	return false
}

// alone returns the operations of a witness as the definitions see them, without the reads that the
// witness does not explain: of values that others of the history may have written. That only allows more.
func alone(h *history.History, a *Anomaly) []bruteOp {
	ops := bruteOps(a.Ops)
	whole := bruteOps(h.Ops())
	for i := range ops {
		ops[i].micros = slices.DeleteFunc(ops[i].micros, func(r bruteMicro) bool {
			return r.unlike || !r.write && slices.ContainsFunc(whole, func(o bruteOp) bool {
				inside := slices.ContainsFunc(ops, func(x bruteOp) bool { return x.Index == o.Index })
				return !inside && slices.Contains(o.micros, bruteMicro{true, false, r.key, r.value})
			})
		})
	}
	return ops
}

// compareCausal holds the checker against the definitions on h, and every witness by itself. Exact is
// whether the history gives no reason to be undecided.
func compareCausal(t testing.TB, h *history.History, exact bool) []Verdict {
	t.Helper()
	verdicts := Causal().Check(t.Context(), h)
	ops := bruteOps(h.Ops())
	for i, v := range verdicts {
		legal := bruteCausal(ops, i == 1)
		undecided := v.Result == Unknown && v.Reason != NotExercised
		if undecided && exact {
			sayHistory(t, h, "%s: undecided: %s", v.Property, v.Reason)
		}
		if !undecided && legal != (v.Result != Invalid) {
			sayHistory(t, h, "%s: %s, legal is %v", v.Property, describe(v), legal)
		}
		if v.Result == Invalid && len(v.Anomalies) == 0 {
			sayHistory(t, h, "%s: invalid and not explained: %v", v.Property, v.Counts)
		}
		for _, a := range v.Anomalies {
			if bruteCausal(alone(h, &a), i == 1) {
				sayHistory(t, h, "%s: the witness is legal by itself: %s\n%s", v.Property, a.Sentence,
					a.Drawing)
			}
		}
	}
	return verdicts
}
