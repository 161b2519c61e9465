package plan

import (
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
)

// burst is the number of arrivals that share one window of a Stagger.
const burst = 8

// Stagger returns the source that gives out what src has at planned times, rate of them a second from
// time start on (nanoseconds since the start of the run). Times are drawn by key: each window of time has
// the same number of arrivals, spread over it independently of each other. So the rate is exact in the
// long run, while arrivals crowd and thin out in the short run as those of independent clients do.
//
// An arrival for which src has nothing (all its threads are busy) stays due until src has something.
// Windows that are by then long over are skipped: after an outage the backlog is at most three windows,
// not the whole outage.
func Stagger(src Source, start int64, rate float64, key keyed.Key) Source {
	s := &stagger{src: src, start: start, span: max(burst, int64(burst*1e9/rate)), key: key}
	s.draw(0)
	return s
}

type stagger struct {
	src    Source
	key    keyed.Key
	start  int64
	span   int64        // length of a window, nanoseconds
	window int64        // number of the window that at belongs to
	at     [burst]int64 // its arrivals, in order of time
	next   int          // the arrival to come
}

func (s *stagger) Next(ctx *Context, step *Step) {
	if due := s.at[s.next]; ctx.Now < due {
		step.Kind, step.Until = Wait, due
		return
	}
	s.src.Next(ctx, step)
	if step.Kind == DoOp || step.Kind == DoFault {
		s.advance(ctx.Now - s.span)
	}
}

func (s *stagger) Update(ctx *Context, ev *history.Event) { s.src.Update(ctx, ev) }

// advance goes to the next arrival. Windows that ended before the given time are skipped.
func (s *stagger) advance(earliest int64) {
	s.next++
	if s.next == burst {
		s.draw(max(s.window+1, (earliest-s.start)/s.span))
	}
}

// draw fills at with the arrivals of a window.
func (s *stagger) draw(window int64) {
	s.window, s.next = window, 0
	from := s.start + window*s.span
	for i := range s.at {
		t := from + s.key.With(uint64(window)*burst+uint64(i)).Between(0, s.span-1)
		j := i
		for ; j > 0 && s.at[j-1] > t; j-- {
			s.at[j] = s.at[j-1]
		}
		s.at[j] = t
	}
}
