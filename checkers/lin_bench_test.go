package checkers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/rashomon-harness/rashomon/history"
)

// crew makes a linearizable history: so many clients take turns on a store that acts in the middle of each
// operation. act decides what an operation is and does.
func crew(clients, n int, act func(random *rand.Rand, op *history.Op)) *history.History {
	random := rand.New(rand.NewPCG(3, uint64(n)))
	ops := make([]history.Op, n)
	free := make([]int64, clients)
	order := make([]int, n)
	at := make([]int64, n)
	for i := range ops {
		client := i % clients
		call := free[client] + random.Int64N(1000)
		ret := call + 100 + random.Int64N(4000)
		free[client] = ret + 1
		at[i], order[i] = call+random.Int64N(ret-call), i
		ops[i] = history.Op{Session: fmt.Sprintf("s%d", client), Process: int32(client), Call: call,
			Return: ret}
	}
	slices.SortFunc(order, func(a, b int) int { return int(at[a] - at[b]) })
	for _, i := range order {
		act(random, &ops[i])
	}
	slices.SortFunc(ops, func(a, b history.Op) int { return int(a.Call - b.Call) })
	for i := range ops {
		ops[i].Index, ops[i].Invoked, ops[i].Type = i, 2*i, history.Ok
	}
	return history.FromOps(ops)
}

// uniqueRegister makes a linearizable history of one key with unique values, half of it reads.
func uniqueRegister(clients, ops int) *history.History {
	last := int64(0)
	return crew(clients, ops, func(random *rand.Rand, op *history.Op) {
		op.Key = "k"
		if random.IntN(2) == 0 {
			last++
			op.F, op.Arg = history.FWrite, history.IntValue(last)
		} else if op.F = history.FRead; last > 0 {
			op.Result = history.IntValue(last)
		}
	})
}

// manyKeys makes a history of several registers of which that share of the reads is stale.
func manyKeys(keys, ops int, stale float64) *history.History {
	last := make([]int64, keys)
	return crew(20, ops, func(random *rand.Rand, op *history.Op) {
		k := random.IntN(keys)
		op.Key = fmt.Sprintf("k%d", k)
		if random.IntN(2) == 0 {
			last[k]++
			op.F, op.Arg = history.FWrite, history.IntValue(last[k])
			return
		}
		v := last[k]
		if random.Float64() < stale {
			v -= random.Int64N(3)
		}
		if op.F = history.FRead; v > 0 {
			op.Result = history.IntValue(v)
		}
	})
}

// casChain makes a linearizable history of one key with compare-and-set.
func casChain(clients, ops int) *history.History {
	var now history.Value
	last := int64(0)
	return crew(clients, ops, func(random *rand.Rand, op *history.Op) {
		op.Key = "k"
		switch random.IntN(3) {
		case 0:
			op.F, op.Result = history.FRead, now
		case 1:
			last++
			now = history.IntValue(last)
			op.F, op.Arg = history.FWrite, now
		default:
			last++
			op.F = history.FCAS
			op.Arg = history.ListValue(history.IntValue(last-1-random.Int64N(2)), history.IntValue(last))
			if args, _ := op.Arg.AsList(); args[0].Equal(now) {
				now, op.Result = args[1], history.BoolValue(true)
			} else {
				op.Result = history.ListValue(history.BoolValue(false), now)
			}
		}
	})
}

// lists makes a linearizable history of so many lists.
func lists(keys, clients, ops int) *history.History {
	state := make([][]history.Value, keys)
	return crew(clients, ops, func(random *rand.Rand, op *history.Op) {
		k := random.IntN(keys)
		op.Key = fmt.Sprintf("k%d", k)
		if random.IntN(2) == 0 {
			op.F, op.Arg = history.FAppend, history.IntValue(int64(len(state[k])+1))
			state[k] = append(state[k], op.Arg)
		} else if op.F = history.FRead; len(state[k]) > 0 {
			op.Result = history.ListValue(state[k][:len(state[k]):len(state[k])]...)
		}
	})
}

func BenchmarkLinearizable(b *testing.B) {
	for _, c := range []struct {
		name  string
		model Model
		want  Result
		h     func() *history.History
	}{
		{"register/keys=1/clients=5/ops=100000", Register, Valid, func() *history.History {
			return uniqueRegister(5, 100_000)
		}},
		{"register/keys=1/clients=20/ops=1000", Register, Valid, func() *history.History {
			return uniqueRegister(20, 1000)
		}},
		{"register/keys=1/clients=20/ops=1000000", Register, Valid, func() *history.History {
			return uniqueRegister(20, 1_000_000)
		}},
		{"register/keys=1000/clients=20/ops=1000000", Register, Valid, func() *history.History {
			return manyKeys(1000, 1_000_000, 0)
		}},
		{"register/keys=1000/clients=20/ops=1000000/stale", Register, Invalid, func() *history.History {
			return manyKeys(1000, 1_000_000, 0.05)
		}},
		{"cas/keys=1/clients=5/ops=1000", CASRegister, Valid, func() *history.History {
			return casChain(5, 1000)
		}},
		{"cas/keys=1/clients=20/ops=1000000", CASRegister, Valid, func() *history.History {
			return casChain(20, 1_000_000)
		}},
		{"list/keys=1000/clients=20/ops=200000", AppendList, Valid, func() *history.History {
			return lists(1000, 20, 200_000)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := c.h()
			check := Linearizable(c.model, LinOptions{})
			b.ReportAllocs()
			for b.Loop() {
				if v := check.Check(context.Background(), h)[0]; v.Result != c.want {
					b.Fatalf("got %s", describe(v))
				}
			}
			b.ReportMetric(float64(h.Len())*float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

// BenchmarkAgainstPorcupine is porcupine, with the plainest model of a register, on what zones decide in no
// time; the ratio is of the two in one process on the same history.
func BenchmarkAgainstPorcupine(b *testing.B) {
	for _, clients := range []int{5, 8, 10} {
		b.Run(fmt.Sprintf("register/keys=1/clients=%d/ops=1000", clients), func(b *testing.B) {
			h := uniqueRegister(clients, 1000)
			var theirs, ours time.Duration
			for b.Loop() {
				began := time.Now()
				if !porcupine.CheckOperations(plainRegister(), plainOperations(h)) {
					b.Fatal("not linearizable")
				}
				theirs += time.Since(began)
				began = time.Now()
				v := Linearizable(Register, LinOptions{}).Check(context.Background(), h)[0]
				if v.Result != Valid {
					b.Fatal(describe(v))
				}
				ours += time.Since(began)
			}
			b.ReportMetric(theirs.Seconds()*1e3/float64(b.N), "ms-porcupine")
			b.ReportMetric(ours.Seconds()*1e3/float64(b.N), "ms-zones")
			b.ReportMetric(theirs.Seconds()/ours.Seconds(), "times-faster")
		})
	}
}

// plainInput is what porcupine's model of a register takes: a write of value, or a read that found it.
type plainInput struct {
	write bool
	value int64
}

func plainRegister() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return int64(0) },
		Step: func(state, input, _ any) (bool, any) {
			if in := input.(plainInput); in.write {
				return true, in.value
			} else {
				return state.(int64) == in.value, state
			}
		},
	}
}

func plainOperations(h *history.History) []porcupine.Operation {
	ops := make([]porcupine.Operation, h.Len())
	for i := range ops {
		in := plainInput{write: h.F(i) == history.FWrite}
		if in.value, _ = h.ResultInt(i); in.write {
			in.value, _ = h.ArgInt(i)
		}
		ops[i] = porcupine.Operation{ClientId: int(h.Process(i)), Input: in, Call: h.Call(i),
			Return: h.Return(i)}
	}
	return ops
}
