package plan

import (
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
)

const ms = int64(1_000_000)

// script is a source for tests: an operation every gap nanoseconds on one of its threads, n in all, and
// a fault instead of every faultEvery-th.
type script struct {
	name       string
	lo, hi     int
	gap        int64
	left       int
	faultEvery int
	sent       int
	at         int64
	byThread   map[int]int32
	updates    int
	waitAll    bool // not Done before all completions are known
	open       int
}

func (s *script) Next(ctx *Context, step *Step) {
	switch {
	case s.left == 0 && s.waitAll && s.open > 0:
		step.Kind = Pending
		return
	case s.left == 0:
		step.Kind = Done
		return
	case ctx.Now < s.at:
		step.Kind, step.Until = Wait, s.at
		return
	}
	if s.faultEvery > 0 && s.sent%s.faultEvery == s.faultEvery-1 {
		step.Kind = DoFault
		step.Fault = Fault{ID: fmt.Sprintf("%s%d", s.name, s.sent), Family: "pause", At: s.at}
	} else {
		t := ctx.Free.FirstFrom(s.lo, s.hi, s.lo+s.sent%(s.hi-s.lo))
		if t < 0 {
			step.Kind = Pending
			return
		}
		if s.byThread == nil {
			s.byThread = make(map[int]int32)
		}
		s.byThread[t]++
		step.Kind = DoOp
		step.Op = Op{ID: history.OpID{Thread: int32(t), N: s.byThread[t]}, F: "read", Key: s.name}
		s.open++
	}
	s.sent++
	s.left--
	s.at += s.gap
}

func (s *script) Update(_ *Context, ev *history.Event) {
	s.updates++
	if t := int(ev.Op.Thread); ev.Type != history.Invoke && t >= s.lo && t < s.hi && ev.Process >= 0 {
		s.open--
	}
}

// drive runs a source in a world of threads whose latencies are drawn by key, asking again extra times
// wherever the source says Wait or Pending, and returns what was dispatched, a line each. It fails the
// test when an answer changes on being asked again, or breaks the contract in another way.
func drive(t *testing.T, src Source, threads int, end int64, key keyed.Key, extra int) []string {
	t.Helper()
	var lines []string
	ctx := &Context{Free: NewThreads(threads)}
	back := make([]int64, threads) // when the thread's operation completes, 0 for free
	ids := make([]history.OpID, threads)
	var step, again Step
	for steps := 0; ctx.Now < end; steps++ {
		if steps > 1_000_000 {
			t.Fatal("the source gives out operations without end at one time")
		}
		src.Next(ctx, &step)
		switch step.Kind {
		case DoOp:
			th := int(step.Op.ID.Thread)
			if !ctx.Free.Has(th) {
				t.Fatalf("%v dispatched on busy thread %d", step.Op.ID, th)
			}
			lines = append(lines, fmt.Sprintf("%d %v %s", ctx.Now, step.Op.ID, step.Op.Key))
			ctx.Free.Set(th, false)
			ids[th] = step.Op.ID
			back[th] = ctx.Now + key.With2(uint64(th), uint64(step.Op.ID.N)).Between(1, 40*ms)
			src.Update(ctx, &history.Event{Type: history.Invoke, Process: int32(th), Op: step.Op.ID})
			continue
		case DoFault:
			lines = append(lines, fmt.Sprintf("%d %s", ctx.Now, step.Fault.ID))
			continue
		}
		for range extra {
			src.Next(ctx, &again)
			if again.Kind != step.Kind || again.Kind == Wait && again.Until != step.Until {
				t.Fatalf("at %d: asked again, %v until %d became %v until %d", ctx.Now, step.Kind, step.Until,
					again.Kind, again.Until)
			}
		}
		next, who := nextBack(back)
		switch {
		case step.Kind == Done && who < 0:
			return append(lines, fmt.Sprintf("%d done", ctx.Now))
		case step.Kind == Wait && step.Until <= ctx.Now:
			t.Fatalf("at %d: wait until %d", ctx.Now, step.Until)
		case step.Kind == Wait && (who < 0 || step.Until < next):
			ctx.Now = step.Until
			continue
		case who < 0:
			t.Fatalf("at %d: pending, and nothing is under way", ctx.Now)
		}
		ctx.Now, back[who] = next, 0
		ctx.Free.Set(who, true)
		src.Update(ctx, &history.Event{Type: history.Ok, Process: int32(who), Op: ids[who]})
	}
	return lines
}

func nextBack(back []int64) (at int64, who int) {
	who = -1
	for i, b := range back {
		if b > 0 && (who < 0 || b < at) {
			at, who = b, i
		}
	}
	return at, who
}
