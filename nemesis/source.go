package nemesis

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// Source returns the endless schedule of the entries' faults. begin is the start of the fault phase,
// nanoseconds since the start of the run. The n-th fault of entry e (both from 1) has the id "f<e>.<n>";
// it depends on begin, the entry's parameters, e and n alone.
func Source(entries []Params, begin int64) plan.Source {
	s := &source{}
	for i := range entries {
		e := &entry{params: &entries[i], family: find(entries[i].Family), number: i + 1}
		if e.family != nil {
			e.first(begin)
			s.entries = append(s.entries, e)
		}
	}
	return s
}

// source merges the entries' faults by their start times.
type source struct{ entries []*entry }

// Next answers with the earliest fault that has not been given out, once its time has come.
func (s *source) Next(ctx *plan.Context, step *plan.Step) {
	if len(s.entries) == 0 {
		*step = plan.Step{Kind: plan.Done}
		return
	}
	e := s.entries[0]
	for _, other := range s.entries[1:] {
		if other.next.At < e.next.At {
			e = other
		}
	}
	if e.next.At > ctx.Now {
		*step = plan.Step{Kind: plan.Wait, Until: e.next.At}
		return
	}
	*step = plan.Step{Kind: plan.DoFault, Fault: e.next}
	e.advance()
}

// Update does nothing: the schedule does not depend on what happens.
func (s *source) Update(*plan.Context, *history.Event) {}

// entry is the state of one entry's schedule: the fault it gives out next.
type entry struct {
	params *Params
	family *family
	number int // from 1
	n      int // of next, from 1
	next   plan.Fault
}

func (e *entry) first(begin int64) {
	e.n = 1
	at := begin + e.params.After
	if e.params.After == 0 {
		key := e.params.Seed.With2(uint64(e.number), 0)
		at += key.Named("first").Between(0, e.gap(0))
	}
	e.next = e.draw(at)
}

// advance draws the fault after e.next. It starts when its time has come and its predecessor is over.
func (e *entry) advance() {
	at := max(e.next.At+e.gap(e.n), e.next.At+e.next.For)
	e.n++
	e.next = e.draw(at)
}

// gap returns the time between the starts of the n-th fault and its successor, at least a nanosecond.
func (e *entry) gap(n int) int64 {
	key := e.params.Seed.With2(uint64(e.number), uint64(n)).Named("every")
	return max(key.Between(e.params.Every.Min, e.params.Every.Max), 1)
}

func (e *entry) draw(at int64) plan.Fault {
	p, key := e.params, e.params.Seed.With2(uint64(e.number), uint64(e.n))
	f := plan.Fault{
		ID:      fmt.Sprintf("f%d.%d", e.number, e.n),
		Family:  p.Family,
		Shape:   e.family.shapes[0].name,
		Targets: e.family.targets[0],
		Clients: p.Clients,
		At:      at,
		Pick:    key.Named("pick").Uint64(),
	}
	if len(p.Shapes) > 0 {
		f.Shape = p.Shapes[key.Named("shape").N(len(p.Shapes))]
	}
	if len(p.Targets) > 0 {
		f.Targets = p.Targets[key.Named("targets").N(len(p.Targets))]
	}
	if !e.family.instant {
		f.For = key.Named("for").Between(p.For.Min, p.For.Max)
	}
	s := e.family.shape(f.Shape)
	if s != nil && s.own {
		f.Targets = ""
	}
	if s != nil && s.unit != noAmount {
		amounts := p.Amount
		if amounts == (Range{}) {
			amounts = s.usual
		}
		f.Amount = key.Named("amount").Between(amounts.Min, amounts.Max)
		if s.sign == minus || s.sign == either && key.Named("sign").N(2) == 0 {
			f.Amount = -f.Amount
		}
	}
	return f
}
