package workloads

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

const (
	ms     = int64(1_000_000)
	second = 1000 * ms
)

// world is a store for tests: one map that every operation reads or changes at one point of time. Some
// operations fail, of some nobody learns the outcome; those take effect late, or never.
type world struct {
	t       *testing.T
	key     keyed.Key
	fail    int64 // parts in a million of the operations that fail
	info    int64 // parts in a million of the writing operations that end in info
	lose    int64 // parts in a million of the writing operations that are acknowledged and do nothing
	timeout int64 // how much longer info takes than an answer
	extra   int   // how many times more it asks where the source says Wait or Pending
	now     int64
	free    *plan.Threads
	under   []flight // by thread
	late    []flight // whose completion was info and that take effect yet
	data    map[string]history.Value
	// lag: a read sees each key as it was some time ago, up to lag, drawn for every key by itself.
	lag    int64
	past   map[string][]write // by key
	events []history.Event
	lines  []string // what was dispatched
}

// write is a value that a key got.
type write struct {
	at    int64
	value history.Value
}

// flight is an operation under way.
type flight struct {
	op     plan.Op
	busy   bool
	effect int64 // when it takes effect, 0 for not (or not any more)
	done   int64
	code   history.Code
	result history.Value
}

func newWorld(t *testing.T, threads int, key keyed.Key) *world {
	return &world{
		t: t, key: key, free: plan.NewThreads(threads), under: make([]flight, threads),
		data: make(map[string]history.Value), past: make(map[string][]write),
	}
}

// run lets the source go on until time end, or until it is Done and nothing is under way. It reports
// whether the source was Done.
func (w *world) run(src plan.Source, end int64) bool {
	w.t.Helper()
	ctx := &plan.Context{Free: w.free}
	var step, again plan.Step
	for w.now < end {
		ctx.Now = w.now
		src.Next(ctx, &step)
		if step.Kind == plan.DoOp {
			w.dispatch(ctx, src, &step.Op)
			continue
		}
		for range w.extra {
			src.Next(ctx, &again)
			if again.Kind != step.Kind || step.Kind == plan.Wait && again.Until != step.Until {
				w.t.Fatalf("at %d: asked again, kind %d became %d", w.now, step.Kind, again.Kind)
			}
		}
		at, who := w.soonest()
		switch {
		case step.Kind == plan.Done && who == nil:
			return true
		case step.Kind == plan.Wait && step.Until <= w.now:
			w.t.Fatalf("at %d: wait until %d", w.now, step.Until)
		case step.Kind == plan.Wait && (who == nil || step.Until < at):
			w.now = step.Until
		case who == nil:
			w.t.Fatalf("at %d: pending, and nothing is under way", w.now)
		default:
			w.now = at
			ctx.Now = at
			w.advance(ctx, src, who)
		}
	}
	return false
}

func (w *world) dispatch(ctx *plan.Context, src plan.Source, op *plan.Op) {
	thread := int(op.ID.Thread)
	if !w.free.Has(thread) {
		w.t.Fatalf("%v is dispatched on a busy thread", op.ID)
	}
	w.lines = append(w.lines, describe(w.now, op))
	k := w.key.With2(uint64(thread), uint64(op.ID.N))
	done := w.now + k.Named("latency").Between(1*ms, 20*ms)
	if k.Named("slow").PPM(20_000) {
		done += second
	}
	f := flight{op: *op, busy: true, done: done, effect: k.Named("effect").Between(w.now+1, done)}
	writes := op.F != history.FRead && op.F != history.FPeek
	switch {
	case k.Named("fail").PPM(w.fail):
		f.code, f.effect = history.NoLeader, 0
	case writes && k.Named("info").PPM(w.info):
		f.code = history.Timeout
		f.done += w.timeout
		f.effect += k.Named("late").Between(0, 3*second)
		if k.Named("lost").PPM(500_000) {
			f.effect = 0
		}
	}
	w.under[thread] = f
	w.free.Set(thread, false)
	w.tell(ctx, src, &f, history.Invoke)
}

// soonest returns what happens next: the flight that takes effect, or is done.
func (w *world) soonest() (at int64, who *flight) {
	look := func(f *flight) {
		for _, when := range []int64{f.effect, f.done} {
			if when > 0 && (who == nil || when < at) {
				at, who = when, f
			}
		}
	}
	for i := range w.under {
		look(&w.under[i])
	}
	for i := range w.late {
		look(&w.late[i])
	}
	return at, who
}

func (w *world) advance(ctx *plan.Context, src plan.Source, f *flight) {
	if f.effect == w.now {
		f.effect = 0
		f.result = w.apply(&f.op)
		w.past[f.op.Key] = append(w.past[f.op.Key], write{w.now, w.data[f.op.Key]})
		return
	}
	thread := int(f.op.ID.Thread)
	ended := *f
	ended.done = 0
	w.under[thread] = flight{}
	if ended.effect > 0 {
		w.late = append(w.late, ended)
	}
	w.late = slices.DeleteFunc(w.late, func(f flight) bool { return f.effect == 0 })
	w.free.Set(thread, true)
	w.tell(ctx, src, &ended, history.CompletionType(ended.op.F, ended.code))
}

func (w *world) apply(op *plan.Op) history.Value {
	old := w.data[op.Key]
	draw := w.key.With2(uint64(op.ID.Thread), uint64(op.ID.N)).Named("lose")
	if op.F != history.FRead && op.F != history.FPeek && draw.PPM(w.lose) {
		return op.Value
	}
	switch op.F {
	case history.FWrite:
		w.data[op.Key] = op.Value
		return op.Value
	case history.FAppend:
		list, _ := old.AsList()
		w.data[op.Key] = history.ListValue(append(slices.Clone(list), op.Value)...)
		return op.Value
	case history.FCAS:
		args, _ := op.Value.AsList()
		if !old.Equal(args[0]) {
			return history.ListValue(history.BoolValue(false), old)
		}
		w.data[op.Key] = args[1]
		return history.BoolValue(true)
	case history.FDelete:
		w.data[op.Key] = history.Value{}
		return history.Value{}
	case history.FAdd, history.FRemove:
		list, _ := old.AsList()
		list = slices.DeleteFunc(slices.Clone(list), op.Value.Equal)
		if op.F == history.FAdd {
			list = append(list, op.Value)
		}
		w.data[op.Key] = history.ListValue(list...)
		return op.Value
	case history.FIncr:
		n, _ := old.AsInt()
		by, _ := op.Value.AsInt()
		w.data[op.Key] = history.IntValue(n + by)
		return op.Value
	case history.FPeek:
		return old
	case history.FRead:
		if len(op.Keys) == 0 {
			return w.read(op, op.Key)
		}
		var all []history.Value
		for _, key := range op.Keys {
			all = append(all, w.read(op, key))
		}
		return history.ListValue(all...)
	}
	w.t.Fatalf("function %q is none of the workloads'", op.F)
	return history.Value{}
}

// read returns what a read sees of a key.
func (w *world) read(op *plan.Op, key string) history.Value {
	draw := w.key.With2(uint64(op.ID.Thread), uint64(op.ID.N)).Named("lag").Named(key)
	then := w.now - draw.Between(0, w.lag)
	past := w.past[key]
	for i := len(past) - 1; i >= 0; i-- {
		if past[i].at <= then {
			return past[i].value
		}
	}
	return history.Value{}
}

func (w *world) tell(ctx *plan.Context, src plan.Source, f *flight, typ history.Type) {
	ev := history.Event{
		Index: len(w.events), Time: w.now, Type: typ, Process: f.op.ID.Thread, Session: f.op.Session,
		Device: f.op.Device, F: f.op.F,
		Key: f.op.Key, Keys: f.op.Keys, Value: f.op.Value, Node: f.op.Node, Op: f.op.ID,
	}
	if typ == history.Ok {
		ev.Value = f.result
	} else if typ != history.Invoke {
		ev.Err = history.Error{Code: f.code}
	}
	w.events = append(w.events, ev)
	src.Update(ctx, &ev)
}

// describe draws an operation as a line of a schedule.
func describe(now int64, op *plan.Op) string {
	line := fmt.Sprintf("%10.3fms %-5s %s", float64(now)/1e6, op.ID, op.Session)
	if op.Device != "" {
		line += "." + op.Device
	}
	if op.Node != "" {
		line += " @" + op.Node
	}
	line += " " + op.F + " " + op.Key + strings.Join(op.Keys, "+")
	if !op.Value.IsNull() {
		line += " " + op.Value.String()
	}
	return line
}

// params are parameters for tests.
func params() *Params {
	return &Params{
		Keys: 10, Rate: 200, Concurrency: 10, Prefix: "w", FirstThread: 2, Nodes: []string{"n1", "n2", "n3"},
		Seed: keyed.New(42),
	}
}

// build makes the workload or ends the test.
func build(t testing.TB, info Info, p *Params) Workload {
	t.Helper()
	w, err := info.New(p)
	if err != nil {
		t.Fatalf("%s: %v", info.Name, err)
	}
	return w
}

// begin returns a workload and a world whose threads are the workload's and three more.
func begin(t *testing.T, info Info, p *Params, seed uint64) (Workload, *world) {
	t.Helper()
	return build(t, info, p), newWorld(t, p.FirstThread+p.Concurrency+1, keyed.New(seed).Named("world"))
}
