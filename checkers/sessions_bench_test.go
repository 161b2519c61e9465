package checkers

import (
	"context"
	"strconv"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// laggingStore returns the history of n operations of ten sessions on a store whose replicas lag: reads
// show one of the last states of the key. perKey operations go to each key.
func laggingStore(n, perKey int, f string) *history.History {
	ops := make([]history.Op, n)
	d := seeded(1)
	states := map[string][]int64{}
	last := [10]int64{}
	for i := range ops {
		session := d.n(10)
		op := &ops[i]
		*op = history.Op{Session: "s" + strconv.Itoa(session), F: history.FRead, Type: history.Ok,
			Key: "k" + strconv.Itoa(i/perKey/10*10+d.n(10)), Call: max(int64(i)*10, last[session]+1)}
		op.Return = op.Call + int64(d.n(100))
		last[session] = op.Return
		seen := states[op.Key]
		if d.bool(2) {
			op.F, op.Arg = f, history.IntValue(int64(len(seen)+1))
			states[op.Key] = append(seen, int64(len(seen)+1))
			continue
		}
		shown := seen[:max(0, len(seen)-d.n(4))]
		switch {
		case len(shown) == 0:
		case f == history.FAppend:
			op.Result = history.IntsValue(shown...)
		default:
			op.Result = history.IntValue(shown[len(shown)-1])
		}
	}
	final, isList := int64(n)*10, f == history.FAppend
	for key, seen := range states {
		for _, f := range []string{history.FRead, history.FPeek, history.FPeek} {
			op := history.Op{Session: "s0", F: f, Type: history.Ok, Key: key, Call: final, Return: final + 1}
			if op.Result = history.IntValue(int64(len(seen))); isList {
				op.Result = history.IntsValue(seen...)
			}
			op.Node = "n" + strconv.Itoa(len(ops)%2)
			ops = append(ops, op)
		}
	}
	return historyOf(ops, final)
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

func BenchmarkCheckers(b *testing.B) {
	const n = 200_000
	registers := laggingStore(n, 2000, history.FWrite)
	lists := laggingStore(n, 80, history.FAppend)
	counting := laggingStore(n, 2000, history.FWrite)
	counted := counting.Ops()
	for i := range counted {
		if op := &counted[i]; op.F == history.FWrite {
			op.Session = "writer of " + op.Key
			op.Return = op.Call
		}
	}
	counting = history.FromOps(counted)
	for _, c := range []struct {
		name    string
		checker Checker
		history *history.History
	}{
		{"orders", Sessions(AnyOrder), registers},
		{"versions", Sessions(WriterOrder), counting},
		{"lists", Sessions(ListOrder), lists},
		{"prefix", PrefixConsistent(), dialogueStore(n)},
		{"durability", Durable(), registers},
		{"convergence", Convergent(), registers},
		{"availability", Available(), registers},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.checker.Check(context.Background(), c.history)
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}
