package foreign

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/edn"
)

// nemesis pairs the events of a nemesis to faults. One that begins is told twice, when it is asked for and
// when it is done, and so is its end.
type nemesis struct {
	faults int
	open   []*foreignFault
}

// foreignFault is a fault that has begun.
type foreignFault struct {
	id, family, ends string
	begin            string // the function that began it
	told             bool   // its beginning was told twice
	ended            bool
}

// ends has what ends what, beside start-x and stop-x.
var ends = map[string]string{"start": "stop", "kill": "start", "pause": "resume"}

// endOf returns the family of the fault that the function f begins and the function that ends it, or ""
// when f is not known to begin one.
func endOf(f string) (family, end string) {
	if rest, ok := strings.CutPrefix(f, "start-"); ok {
		return rest, "stop-" + rest
	}
	if f == "start" {
		return "nemesis", ends[f]
	}
	return f, ends[f]
}

// aside takes an event of the nemesis or the harness.
func (l *loader) aside(rec *record, ev *history.Event) error {
	f, _, err := functionOf(rec)
	if err != nil {
		return err
	}
	ev.F, ev.Type = strings.TrimPrefix(f, ours), history.Info
	if v := rec.some(valueField); v != nil {
		if ev.Value, err = valueOf(v); err != nil {
			return err
		}
	}
	if v := rec.some(nodeField); v != nil {
		if ev.Node, err = nameOf(v, "node"); err != nil {
			return err
		}
	}
	if v := rec.some(faultField); v != nil || ev.Process == history.Harness {
		if v != nil {
			if ev.Fault, err = nameOf(v, "fault"); err != nil {
				return err
			}
		}
		l.builder.Add(ev)
		return nil
	}
	l.strike(rec, ev, f)
	return nil
}

// strike takes an event of a foreign nemesis.
func (l *loader) strike(rec *record, ev *history.Event, f string) {
	n := &l.nemesis
	for i, fault := range n.open {
		switch {
		case fault.begin == f && !fault.told && !fault.ended:
			fault.told = true
			ev.F, ev.Fault, ev.Value = fault.family, fault.id, history.StringValue("installed")
		case fault.ends == f:
			if fault.ended {
				n.open = slices.Delete(n.open, i, i+1)
			}
			fault.ended = true
			ev.F, ev.Fault, ev.Value = fault.family, fault.id, history.StringValue("healed")
		default:
			continue
		}
		l.builder.Add(ev)
		return
	}
	family, end := endOf(f)
	if end == "" || len(n.open) == maxFaults {
		if !n.isEnd(f) {
			l.warns.count(fmt.Sprintf("the nemesis's %s is not understood as a fault", shownName(f)), rec)
		}
		return
	}
	n.open = slices.DeleteFunc(n.open, func(old *foreignFault) bool { return old.ended && old.begin == f })
	n.faults++
	fault := &foreignFault{id: fmt.Sprintf("j%d", n.faults), family: family, ends: end, begin: f}
	n.open = append(n.open, fault)
	ev.F, ev.Fault = family, fault.id
	l.builder.Add(ev)
}

// maxFaults bounds the faults that are open at a time.
const maxFaults = 100

// isEnd reports whether f ends some fault: its end was told before.
func (n *nemesis) isEnd(f string) bool {
	return f == "stop" || f == "resume" || strings.HasPrefix(f, "stop-")
}

func shownName(f string) string { return shown(&edn.Value{Kind: edn.Keyword, Text: f}) }
