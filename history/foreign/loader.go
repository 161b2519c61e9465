package foreign

import (
	"fmt"
	"math"
	"strconv"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/edn"
)

// loader understands records one by one and gives their events to a builder.
type loader struct {
	options  Options
	json     bool // functions of micro-operations are strings, not keywords
	builder  *history.Builder
	clock    clock
	index    int64               // of the latest record that has one
	sessions map[int32]string    // by process
	keys     map[string]edn.Kind // names of the keys, and what they were in the file
	open     map[int32]*process
	free     []*process // open operations without a process
	unnamed  bool       // there are operations without a process
	highest  int32      // of the processes that are named
	nemesis  nemesis
	warns    warnings
}

// process is what the loader remembers of a process.
type process struct {
	number  int32
	last    int64 // time of its latest event
	open    bool
	retired bool            // its latest operation ended with info
	lost    map[string]bool // functions of the operations that it left open
	call    call            // the open operation
}

// call is an invocation, as it was read and as the history has it.
type call struct {
	f     string     // as the file names it
	value *edn.Value // without the key of a tuple; kept for operations without a process only
	event history.Event
}

// Processes of operations that do not name one are numbered from here on.
const firstUnnamed = 1 << 30

// maxUnnamed bounds the operations without a process that are open at a time.
const maxUnnamed = 1000

func newLoader(options Options) *loader {
	return &loader{options: options, builder: history.NewBuilder(nil), index: -1,
		sessions: map[int32]string{}, keys: map[string]edn.Kind{}, open: map[int32]*process{}}
}

func (l *loader) history() *history.History {
	h := l.builder.History()
	h.Warns = append(l.warns.texts(), h.Warns...)
	return h
}

// add takes the next record.
func (l *loader) add(rec *record) error {
	if l.builder.Len() >= math.MaxInt32/2 {
		return rec.at.Errorf("a history has at most %d events", math.MaxInt32/2)
	}
	ev := history.Event{Index: l.builder.Len()}
	if err := l.order(rec); err != nil {
		return err
	}
	var err error
	if ev.Type, err = typeOf(rec); err != nil {
		return err
	}
	named, err := processOf(rec, &ev)
	if err != nil {
		return err
	}
	if ev.Time, err = l.clock.read(rec); err != nil {
		return err
	}
	switch {
	case named && ev.Process < 0:
		return l.aside(rec, &ev)
	case ev.Type == history.Invoke:
		return l.invoke(rec, &ev, named)
	}
	p, err := l.opened(rec, &ev, named)
	if err != nil {
		return err
	}
	return l.complete(rec, &ev, p)
}

// order checks that the indices rise.
func (l *loader) order(rec *record) error {
	v := rec.some(indexField)
	if v == nil {
		return nil
	}
	if v.Kind != edn.Int {
		return v.Errorf("%s is no index; allowed: integers", shown(v))
	}
	if v.Int <= l.index {
		return v.Errorf("the index %d follows the index %d; allowed: indices that rise", v.Int, l.index)
	}
	l.index = v.Int
	return nil
}

func typeOf(rec *record) (history.Type, error) {
	const allowed = "allowed: invoke, ok, fail, info"
	v := rec.some(typeField)
	if v == nil {
		return 0, rec.where(typeField).Errorf("an operation lacks its type; %s", allowed)
	}
	name, _ := v.Name()
	for _, t := range [...]history.Type{history.Invoke, history.Ok, history.Fail, history.Info} {
		if t.String() == name {
			return t, nil
		}
	}
	return 0, v.Errorf("%s is no type of an operation; %s", shown(v), allowed)
}

// processOf sets the event's process, and reports whether the record names one.
func processOf(rec *record, ev *history.Event) (named bool, err error) {
	v := rec.some(processField)
	if v == nil {
		return false, nil
	}
	name, isName := v.Name()
	n := v.Int
	if isName {
		switch name {
		case "nemesis":
			ev.Process = history.Nemesis
			return true, nil
		case "harness":
			ev.Process = history.Harness
			return true, nil
		}
		if n, err = strconv.ParseInt(name, 10, 32); err != nil {
			n = -1
		}
	}
	if !isName && v.Kind != edn.Int || n < 0 || n > math.MaxInt32 {
		const allowed = "allowed: integers from 0 to 2147483647, nemesis"
		return false, v.Errorf("%s is no process; %s", shown(v), allowed)
	}
	ev.Process = int32(n)
	return true, nil
}

// process returns what is remembered of a process.
func (l *loader) process(n int32) *process {
	l.highest = max(l.highest, n)
	p := l.open[n]
	if p == nil {
		p = &process{number: n, last: math.MinInt64}
		l.open[n] = p
	}
	return p
}

// invoke opens an operation.
func (l *loader) invoke(rec *record, ev *history.Event, named bool) error {
	var p *process
	if named {
		p = l.process(ev.Process)
	} else if p = l.nobody(ev); p == nil {
		return rec.at.Errorf("more than %d operations without a process are open", maxUnnamed)
	}
	if l.unnamed && l.highest >= firstUnnamed {
		return rec.at.Errorf("the process %d, where there are operations without one; allowed: up to %d",
			l.highest, firstUnnamed-1)
	}
	if err := l.follows(rec, ev, p); err != nil {
		return err
	}
	switch {
	case p.open:
		if p.lost == nil {
			p.lost = map[string]bool{}
		}
		p.lost[p.call.event.F] = true // the builder warns of it
	case p.retired:
		l.warns.count("a process went on after an operation that ended with info", rec)
	}
	if err := l.understand(rec, ev, p, named); err != nil {
		return err
	}
	p.open, p.last, p.call.event = true, ev.Time, *ev
	l.builder.Add(ev)
	return nil
}

// nobody returns the process of an operation that names none; nil when too many are open.
func (l *loader) nobody(ev *history.Event) *process {
	if len(l.free) == maxUnnamed {
		return nil
	}
	p := &process{number: int32(firstUnnamed + l.builder.Len()), last: ev.Time}
	ev.Process = p.number
	l.free, l.unnamed = append(l.free, p), true
	return p
}

// follows checks that time does not run backwards within a process.
func (l *loader) follows(rec *record, ev *history.Event, p *process) error {
	if ev.Time < p.last {
		return rec.where(timeField).Errorf("the time %d of process %d is before its previous event's, %d",
			ev.Time, p.number, p.last)
	}
	return nil
}

// opened returns the process whose operation the record completes.
func (l *loader) opened(rec *record, ev *history.Event, named bool) (*process, error) {
	if !named {
		return l.unclaimed(rec, ev)
	}
	p := l.process(ev.Process)
	if !p.open {
		return nil, rec.at.Errorf("process %d completes an operation that it has not invoked", ev.Process)
	}
	if f, has, err := functionOf(rec); err != nil || has && f != p.call.f {
		if err == nil {
			err = rec.where(fField).Errorf("process %d invoked %s and completes %s", ev.Process, p.call.f, f)
		}
		return nil, err
	}
	if p.lost[p.call.event.F] {
		return nil, rec.at.Errorf("process %d invoked %s twice and completes it once: which is not clear",
			ev.Process, p.call.f)
	}
	return p, l.follows(rec, ev, p)
}

// complete closes the open operation of p.
func (l *loader) complete(rec *record, ev *history.Event, p *process) error {
	invoked := &p.call.event
	ev.Process, ev.F, ev.Key, ev.Keys = invoked.Process, invoked.F, invoked.Key, invoked.Keys
	ev.Session, ev.Device, ev.Op = invoked.Session, invoked.Device, invoked.Op
	if err := l.outcome(rec, ev, &p.call); err != nil {
		return err
	}
	p.open, p.last, p.retired = false, ev.Time, ev.Type == history.Info
	p.call = call{}
	l.builder.Add(ev)
	return nil
}

// unclaimed finds the open operation without a process that the record completes.
func (l *loader) unclaimed(rec *record, ev *history.Event) (*process, error) {
	f, has, err := functionOf(rec)
	if err != nil {
		return nil, err
	}
	var value *edn.Value
	if v := rec.get(valueField); v != nil {
		if value, _, err = l.tuple(v, true); err != nil {
			value = nil // of one that went wrong
		}
	}
	var same, exact []int
	for i, p := range l.free {
		if has && p.call.f != f {
			continue
		}
		same = append(same, i)
		if value != nil && p.call.value != nil && equal(value, p.call.value) {
			exact = append(exact, i)
		}
	}
	if len(same) > 1 && len(exact) > 0 {
		same = exact
	}
	switch len(same) {
	case 0:
		return nil, rec.at.Errorf("it completes an operation that was not invoked")
	case 1:
		p := l.free[same[0]]
		l.free = append(l.free[:same[0]], l.free[same[0]+1:]...)
		return p, l.follows(rec, ev, p)
	}
	return nil, rec.at.Errorf("it names no process, and %d operations are open that it could complete",
		len(same))
}

func equal(v, w *edn.Value) bool {
	return string(edn.Append(nil, v)) == string(edn.Append(nil, w))
}

// shown draws v for an error message.
func shown(v *edn.Value) string {
	const longest = 60
	if len(v.Items) > longest || len(v.Text) > longest {
		return "this " + v.Kind.String()
	}
	if text := string(edn.Append(nil, v)); len(text) <= longest {
		return text
	}
	return "this " + v.Kind.String()
}

// clock gives events their time.
type clock struct {
	begun bool
	timed bool // clients' events have a time
	last  int64
}

// read returns the time of a record: its own, or a nanosecond after the previous one's when events have
// none. Events of the nemesis may lack it.
func (c *clock) read(rec *record) (int64, error) {
	v := rec.some(timeField)
	name, _ := rec.where(processField).Name()
	aside := rec.has[processField] && (name == "nemesis" || name == "harness")
	switch {
	case v == nil && aside:
		return c.last, nil
	case v == nil && c.begun && c.timed:
		return 0, rec.at.Errorf("an operation lacks its time, while others have one; allowed: all or none")
	case v == nil:
		c.begun = true
		c.last++
		return c.last - 1, nil
	case aside && c.begun && !c.timed:
		return c.last, nil
	case !aside && c.begun && !c.timed:
		return 0, v.Errorf("an operation has a time, while others have none; allowed: all or none")
	case v.Kind != edn.Int || v.Int == history.Never:
		return 0, v.Errorf("%s is no time; allowed: integers, in nanoseconds", shown(v))
	}
	if !aside {
		c.begun, c.timed = true, true
	}
	if c.timed {
		c.last = v.Int
	}
	return v.Int, nil
}

// warnings counts what was overlooked, by what it was.
type warnings struct {
	list []warning
}

type warning struct {
	what  string
	first edn.Value
	times int
}

func (w *warnings) count(what string, rec *record) {
	for i := range w.list {
		if w.list[i].what == what {
			w.list[i].times++
			return
		}
	}
	w.list = append(w.list, warning{what, rec.at, 1})
}

func (w *warnings) texts() []string {
	var out []string
	for _, row := range w.list {
		out = append(out, fmt.Sprintf("line %d, column %d: %s (%d in all)", row.first.Line, row.first.Column,
			row.what, row.times))
	}
	return out
}
