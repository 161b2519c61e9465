package simulated

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

func list(values ...history.Value) history.Value { return history.ListValue(values...) }

var (
	null = history.Value{}
	yes  = history.BoolValue(true)
	no   = history.BoolValue(false)
	str  = history.StringValue
	num  = history.IntValue
)

// Every operation of the store, through Submit, with the values that the history's functions promise.
func TestOperations(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	r.want("r1", read("r1"), null)
	r.want("r1", write("r1", 7), num(7))
	r.want("r2", read("r1"), num(7))
	cas := func(old, new history.Value) history.Event {
		return history.Event{F: history.FCAS, Key: "r1", Value: list(old, new)}
	}
	r.want("r1", cas(num(7), num(8)), yes)
	r.want("r2", cas(num(7), num(9)), list(no, num(8)))
	r.want("r2", read("r1"), num(8))
	r.want("r1", history.Event{F: history.FWrite, Key: "r1", Value: str("x")}, str("x"))
	r.want("r1", history.Event{F: history.FDelete, Key: "r1"}, null)
	r.want("r1", read("r1"), null)

	push := func(n int64) history.Event { return history.Event{F: history.FAppend, Key: "a1", Value: num(n)} }
	r.want("r1", push(1), num(1))
	r.want("r2", push(2), num(2))
	r.want("r1", read("a1"), history.IntsValue(1, 2))

	txn := func(kv ...history.Value) history.Event {
		return history.Event{F: history.FTxn,
			Value: list(kv...)}
	}
	r.want("r1", txn(list(str("r"), str("t1"), null), list(str("w"), str("t1"), num(5)),
		list(str("append"), str("a1"), num(3)), list(str("r"), str("t1"), null)),
		list(list(str("r"), str("t1"), null), list(str("w"), str("t1"), num(5)),
			list(str("append"), str("a1"), num(3)), list(str("r"), str("t1"), num(5))))
	r.want("r2", history.Event{F: history.FRead, Keys: []string{"t1", "none", "a1"}},
		list(num(5), null, history.IntsValue(1, 2, 3)))
	r.pass(sec)
	for _, node := range r.Nodes() {
		c := r.want("r3", history.Event{F: history.FPeek, Key: "t1", Node: node}, num(5))
		if c.Node != node || c.Ev.By != node {
			t.Errorf("peek at %s answered by %s, evidence by %s", node, c.Node, c.Ev.By)
		}
	}
}

func TestEvidence(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	w := r.want("r1", write("r1", 7), num(7))
	ev := w.Ev
	leader := r.leader()
	if w.Node != leader || ev.By != leader || !slices.Contains(ev.Acks, leader) || len(ev.Acks) < 2 {
		t.Errorf("written by %s, evidence %+v; the leader is %s, two of three acknowledge", w.Node, ev,
			leader)
	}
	again := r.want("r1", read("r1"), num(7))
	if len(ev.Ver) != 1 || len(again.Ev.Ver) != 1 || again.Ev.Ver[0] != ev.Ver[0] {
		t.Errorf("written version %v, read version %v", ev.Ver, again.Ev.Ver)
	}
	epoch := r.Status()[slices.Index(r.Nodes(), leader)].Epoch
	if name := fmt.Sprintf("s0e%d", epoch); ev.Ver[0].Source != name {
		t.Errorf("version %v, want the source %s", ev.Ver, name)
	}
}

func TestWhatTheStoreCannotDo(t *testing.T) {
	r := deploy(t, 3, map[string]any{"shards": 4}, nil)
	for _, tc := range []struct {
		ev   history.Event
		want history.Code
	}{
		{history.Event{F: "swap", Key: "k"}, history.Unsupported},
		{history.Event{F: history.FRead}, history.BadRequest},
		{history.Event{F: history.FRead, Key: "k", Node: "n9"}, history.BadRequest},
		{history.Event{F: history.FPeek, Key: "k"}, history.BadRequest},
		{history.Event{F: history.FCAS, Key: "k", Value: num(1)}, history.BadRequest},
		{history.Event{F: history.FTxn, Key: "k", Value: num(1)}, history.BadRequest},
		{history.Event{F: history.FTxn, Value: list(list(str("w"), str("k")))}, history.BadRequest},
		{history.Event{F: history.FTxn, Value: list(list(str("cas"), str("k"), num(1)))}, history.BadRequest},
		{history.Event{F: history.FWrite, Key: "k", Value: list(history.MapValue(nil))}, history.BadRequest},
		{history.Event{F: history.FTxn, Value: list(list(str("w"), str("a"), num(1)),
			list(str("w"), str("b"), num(1)), list(str("w"), str("c"), num(1)),
			list(str("w"), str("d"), num(1)))}, history.CrossShard},
	} {
		before := r.Now()
		c := r.do("r1", tc.ev)
		if c.Err.Code != tc.want || (tc.want != history.CrossShard && (c.Err.Text == "" ||
			r.Now() != before)) {
			t.Errorf("%s %v: %v %q at %d", tc.ev.F, tc.ev.Value, c.Err.Code, c.Err.Text, r.Now()-before)
		}
	}
	r.want("r1", write("k", 1), num(1)) // the refusals leave nothing behind
}

// Operations that come while one is under way on the same client wait, and each completes once.
func TestOperationsOfOneClientWait(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	var order []string
	note := func(name string) func(targets.Completion) {
		return func(c targets.Completion) {
			order = append(order, fmt.Sprintf("%s%v%v", name, c.Value, c.Err.Code))
		}
	}
	c := r.Client("r1", "phone")
	for i := range int64(3) {
		ev := write("k", i)
		c.Submit(&ev, note("write"))
	}
	ev, bad := read("k"), history.Event{F: "swap"}
	c.Submit(&ev, note("read"))
	c.Submit(&bad, note("swap"))
	r.pass(sec)
	want := []string{"swap∅unsupported", "write0", "write1", "write2", "read2"}
	if !slices.Equal(order, want) {
		t.Errorf("completed %v, want %v", order, want)
	}
}

// A caller may submit the next operation from done.
func TestSubmitFromDone(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	c, count := r.Client("r1", ""), 0
	var next func(targets.Completion)
	next = func(done targets.Completion) {
		if count++; count <= 100 && done.Err.Code == history.NoError {
			ev := write("k", int64(count))
			c.Submit(&ev, next)
		}
	}
	next(targets.Completion{})
	r.pass(5 * sec)
	if count != 101 {
		t.Errorf("%d operations, want 100", count-1)
	}
	r.want("r2", read("k"), num(100))
}

func TestRunUntilStopsAtCompletions(t *testing.T) {
	r := deploy(t, 3, nil, nil)
	var at int64
	ev := write("k", 1)
	r.Client("r1", "").Submit(&ev, func(targets.Completion) { at = r.Now() })
	end := r.Now() + sec
	if r.RunUntil(end); at == 0 || r.Now() != at {
		t.Errorf("completed at %d, time stopped at %d", at, r.Now())
	}
	if r.RunUntil(end); r.Now() != end {
		t.Errorf("time stopped at %d, want %d", r.Now(), end)
	}
}

// The same seed gives the same run, another another.
func TestDeterminism(t *testing.T) {
	run := func(seed uint64) string {
		c, err := New().Deploy(t.Context(), &targets.Spec{Nodes: []string{"n1", "n2", "n3"}, Seed: seed,
			World: map[string]any{"loss": "1%"}})
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{c.(*cluster), t}
		out := ""
		for i := range int64(50) {
			c := r.do(fmt.Sprint("r", i%3), write(fmt.Sprint("k", i%5), i))
			out += fmt.Sprint(r.Now(), c.Node, c.Value, c.Err, " ")
		}
		return fmt.Sprint(out, r.world.Hash(), r.Steps())
	}
	if a, b := run(3), run(3); a != b {
		t.Errorf("seed 3 twice:\n%s\n%s", a, b)
	}
	if run(3) == run(4) {
		t.Error("seeds 3 and 4 give the same run")
	}
}
