package plan

import (
	"math"

	"github.com/rashomon-harness/rashomon/history"
)

// Merge returns the source that lets all the given ones go on side by side: whatever is due first comes
// first, and of two that are due at once the one that stands first in the list. It is Done when all are.
// The sources must use threads of their own.
func Merge(sources ...Source) Source {
	m := &merge{live: make([]Source, len(sources))}
	copy(m.live, sources)
	return m
}

type merge struct{ live []Source } // nil for a source that has ended

func (m *merge) Next(ctx *Context, step *Step) {
	kind, until := Done, int64(math.MaxInt64)
	for i, src := range m.live {
		if src == nil {
			continue
		}
		src.Next(ctx, step)
		switch step.Kind {
		case DoOp, DoFault:
			return
		case Wait:
			kind, until = Wait, min(until, step.Until)
		case Pending:
			if kind == Done {
				kind = Pending
			}
		case Done:
			// Forgetting an ended source changes no answer: nothing more will ever come from it.
			m.live[i] = nil
		}
	}
	step.Kind, step.Until = kind, until
}

func (m *merge) Update(ctx *Context, ev *history.Event) {
	for _, src := range m.live {
		if src != nil {
			src.Update(ctx, ev)
		}
	}
}

// Sequence returns the source that runs the given ones one after the other: the next begins when the one
// before is Done. A source that must see its operations completed before the next begins is not Done
// before that. All that have not ended are told of all events.
func Sequence(sources ...Source) Source { return &sequence{left: sources} }

type sequence struct{ left []Source }

func (s *sequence) Next(ctx *Context, step *Step) {
	for len(s.left) > 0 {
		s.left[0].Next(ctx, step)
		if step.Kind != Done {
			return
		}
		s.left = s.left[1:]
	}
	step.Kind = Done
}

func (s *sequence) Update(ctx *Context, ev *history.Event) {
	for _, src := range s.left {
		src.Update(ctx, ev)
	}
}

// Until returns the source that ends src at time end, nanoseconds since the start of the run: nothing
// comes from it at end or later.
func Until(end int64, src Source) Source { return &until{end: end, src: src} }

type until struct {
	end int64
	src Source
}

func (u *until) Next(ctx *Context, step *Step) {
	if ctx.Now >= u.end {
		step.Kind = Done
		return
	}
	u.src.Next(ctx, step)
	// A source that waits for a completion only would not be asked again at the end; this one must be.
	if step.Kind == Pending || step.Kind == Wait && step.Until > u.end {
		step.Kind, step.Until = Wait, u.end
	}
}

func (u *until) Update(ctx *Context, ev *history.Event) { u.src.Update(ctx, ev) }

// Limit returns the source that ends src after n operations. Faults do not count.
func Limit(n int, src Source) Source { return &limit{left: n, src: src} }

type limit struct {
	left int
	src  Source
}

func (l *limit) Next(ctx *Context, step *Step) {
	if l.left <= 0 {
		step.Kind = Done
		return
	}
	l.src.Next(ctx, step)
	if step.Kind == DoOp {
		l.left--
	}
}

func (l *limit) Update(ctx *Context, ev *history.Event) { l.src.Update(ctx, ev) }
