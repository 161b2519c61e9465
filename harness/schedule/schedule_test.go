package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

// rig drives a scheduler by hand: an operation takes as long as took says, and ends as ends says.
type rig struct {
	s     *Scheduler
	now   int64
	under []int64 // by thread: when its operation ends, 0 for none
	ends  func(op *plan.Op) history.Type
	took  func(op *plan.Op) int64
	ops   []plan.Op
	out   []string
}

func newRig(threads int, sources ...plan.Source) *rig {
	r := &rig{s: New(threads), under: make([]int64, threads), ops: make([]plan.Op, threads),
		ends: func(*plan.Op) history.Type { return history.Ok }, took: func(*plan.Op) int64 { return 10 }}
	r.s.Use(sources...)
	return r
}

// run drives until the plan is done, and returns what happened.
func (r *rig) run(t *testing.T) string {
	t.Helper()
	var act, again Action
	for range 10_000 {
		if err := r.s.Next(r.now, &act); err != nil {
			t.Fatal(err)
		}
		switch act.Kind {
		case Dispatch:
			thread := act.Op.ID.Thread
			r.say("p%d %v %s", act.Process, act.Op.ID, act.Op.F)
			r.ops[thread], r.under[thread] = act.Op, r.now+r.took(&act.Op)
		case Inject:
			r.say("fault %s", act.Fault.ID)
		case Done:
			return strings.Join(r.out, "\n")
		default:
			if err := r.s.Next(r.now, &again); err != nil || again.Kind != act.Kind ||
				again.Until != act.Until {
				t.Fatalf("asked twice at %d: %+v, then %+v, %v", r.now, act, again, err)
			}
			r.pass(&act)
		}
	}
	t.Fatal("the plan does not end")
	return ""
}

// pass lets time pass until the action's time or the next end of an operation.
func (r *rig) pass(act *Action) {
	next, thread := int64(1)<<62, -1
	if act.Kind == Wait {
		next = act.Until
	}
	for i, end := range r.under {
		if end > 0 && end <= next && (thread < 0 || end < r.under[thread]) {
			next, thread = end, i
		}
	}
	r.now = next
	if thread < 0 {
		return
	}
	r.under[thread] = 0
	op := &r.ops[thread]
	typ := r.ends(op)
	r.say("%v %v", op.ID, typ)
	r.s.Complete(thread, &history.Event{Time: r.now, Type: typ, Op: op.ID, F: op.F})
}

func (r *rig) say(format string, args ...any) {
	r.out = append(r.out, fmt.Sprintf("%d ", r.now)+fmt.Sprintf(format, args...))
}

// planned is an explicit plan of writes: at, thread and number of each.
func planned(ops ...[3]int) plan.Source {
	e := plan.Explicit{}
	for _, o := range ops {
		id := history.OpID{Thread: int32(o[1]), N: int32(o[2])}
		e.Ops = append(e.Ops, plan.TimedOp{At: int64(o[0]), Op: plan.Op{ID: id, F: history.FWrite, Key: "k"}})
	}
	return e.Source()
}

func want(t *testing.T, got string, lines ...string) {
	t.Helper()
	if want := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOperationsWaitForTimeAndThread(t *testing.T) {
	r := newRig(2, planned([3]int{5, 0, 1}, [3]int{8, 0, 2}, [3]int{9, 1, 1}))
	want(t, r.run(t), "5 p0 0.1 write", "9 p1 1.1 write", "15 0.1 ok", "15 p0 0.2 write", "19 1.1 ok",
		"25 0.2 ok")
}

// TestProcessesRetire: after an unknown outcome the thread goes on under a new process; after a failure it
// stays the same.
func TestProcessesRetire(t *testing.T) {
	r := newRig(2, planned([3]int{0, 0, 1}, [3]int{0, 1, 1}, [3]int{20, 0, 2}, [3]int{20, 1, 2},
		[3]int{40, 0, 3}))
	r.ends = func(op *plan.Op) history.Type {
		if op.ID.Thread == 0 {
			return history.Info
		}
		return history.Fail
	}
	want(t, r.run(t), "0 p0 0.1 write", "0 p1 1.1 write", "10 0.1 info", "10 1.1 fail", "20 p2 0.2 write",
		"20 p1 1.2 write", "30 0.2 info", "30 1.2 fail", "40 p4 0.3 write", "50 0.3 info")
}

func TestFaultsComeBetween(t *testing.T) {
	faults := plan.Explicit{Faults: []plan.Fault{{ID: "f1", At: 3}, {ID: "f2", At: 12}}}
	r := newRig(1, faults.Source(), planned([3]int{0, 0, 1}, [3]int{3, 0, 2}))
	want(t, r.run(t), "0 p0 0.1 write", "3 fault f1", "10 0.1 ok", "10 p0 0.2 write", "12 fault f2",
		"20 0.2 ok")
}

// TestSourcesCanBeReplaced: the final phase's sources begin while an operation of the earlier ones is
// under way; what those had planned yet never comes.
func TestSourcesCanBeReplaced(t *testing.T) {
	r := newRig(1, planned([3]int{0, 0, 1}, [3]int{5, 0, 2}))
	var act Action
	if err := r.s.Next(0, &act); err != nil || act.Kind != Dispatch || r.s.Busy() != 1 {
		t.Fatalf("%+v, %v", act, err)
	}
	r.ops[0], r.under[0] = act.Op, 10
	r.s.Use(planned([3]int{0, 0, 9}))
	want(t, r.run(t), "10 0.1 ok", "10 p0 0.9 write", "20 0.9 ok")
}

// stuck waits for a completion that cannot come.
type stuck struct{ op plan.Op }

func (s stuck) Next(_ *plan.Context, step *plan.Step) {
	step.Kind, step.Op = plan.Pending, s.op
	if s.op.ID.N > 0 {
		step.Kind = plan.DoOp
	}
}

func (stuck) Update(*plan.Context, *history.Event) {}

func TestContradictionsAreErrors(t *testing.T) {
	for want, op := range map[string]plan.Op{
		"waits for a completion":  {},
		"busy or does not exist":  {ID: history.OpID{Thread: 7, N: 1}},
		"operation -1.1 to threa": {ID: history.OpID{Thread: -1, N: 1}},
	} {
		s := New(2)
		s.Use(stuck{op})
		err := s.Next(0, new(Action))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// endless always has a write for a free thread.
type endless struct{ given []int32 }

func (e *endless) Next(ctx *plan.Context, step *plan.Step) {
	thread := ctx.Free.FirstFrom(0, ctx.Free.Size(), 0)
	if thread < 0 {
		step.Kind = plan.Pending
		return
	}
	e.given[thread]++
	step.Kind = plan.DoOp
	step.Op = plan.Op{ID: history.OpID{Thread: int32(thread), N: e.given[thread]}, F: history.FWrite}
}

func (*endless) Update(*plan.Context, *history.Event) {}

// TestRateIsKept: at 1,000 operations a second each window of 8 ms has 8, whatever their times in it; and
// while each operation takes longer than that, no more than there are threads.
func TestRateIsKept(t *testing.T) {
	const ms, end = 1_000_000, 80_000_000
	for _, c := range []struct {
		took int64
		most int // operations in a window
		all  int
	}{{10, 8, 80}, {20 * ms, 2, 8}} {
		r := newRig(2, plan.Until(end, plan.Stagger(&endless{make([]int32, 2)}, 0, 1000, keyed.New(7))))
		r.took = func(*plan.Op) int64 { return c.took }
		perWindow, all := map[int64]int{}, 0
		for line := range strings.Lines(r.run(t)) {
			if at, _, dispatched := strings.Cut(line, " p"); dispatched {
				ns, err := strconv.ParseInt(at, 10, 64)
				if err != nil || ns >= end {
					t.Fatalf("dispatched at %s: %v", at, err)
				}
				perWindow[ns/(8*ms)]++
				all++
			}
		}
		for window, n := range perWindow {
			if n > c.most {
				t.Errorf("operations of %d ns: %d of them in window %d", c.took, n, window)
			}
		}
		if all != c.all {
			t.Errorf("operations of %d ns: %d in all, want %d", c.took, all, c.all)
		}
	}
}

// listener plans nothing, and counts how often it is asked and what it is told.
type listener struct{ asked, told int }

func (l *listener) Next(_ *plan.Context, step *plan.Step) {
	l.asked++
	step.Kind = plan.Done
}

func (l *listener) Update(*plan.Context, *history.Event) { l.told++ }

// TestEndedSourcesAreToldStill: how a source's last operations end is known only after it has ended.
func TestEndedSourcesAreToldStill(t *testing.T) {
	l := &listener{}
	r := newRig(1, l, planned([3]int{0, 0, 1}, [3]int{5, 0, 2}))
	r.run(t)
	if l.asked != 1 || l.told != 2 {
		t.Errorf("asked %d times, told of %d completions; want 1 and 2", l.asked, l.told)
	}
}

// TestAddedSourcesComeFirst: at one time the source that was added later is asked first.
func TestAddedSourcesComeFirst(t *testing.T) {
	r := newRig(1, planned([3]int{0, 0, 1}))
	r.s.Add((&plan.Explicit{Faults: []plan.Fault{{ID: "f1", At: 0}}}).Source())
	want(t, r.run(t), "0 fault f1", "0 p0 0.1 write", "10 0.1 ok")
}
