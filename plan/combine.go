package plan

import "github.com/rashomon-harness/rashomon/history"

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
