package history

import (
	"fmt"
	"io"
	"testing"
)

// sampleEvents returns the events of n operations as a single-leader run records them: eight processes
// that take turns in writing and reading twenty keys, with evidence.
func sampleEvents(n int) []Event {
	const clients = 8
	events := make([]Event, 0, 2*n)
	var names, keys [20]string
	for i := range names {
		names[i], keys[i] = fmt.Sprintf("rs%d", i), fmt.Sprintf("r%d", i)
	}
	now := int64(0)
	for i := 0; len(events) < 2*n; i++ {
		for c := range min(clients, n-len(events)/2-0) {
			ev := Event{Time: now + int64(c), Process: int32(c), Session: names[c], F: FRead, Node: "n2",
				Key: keys[(i+c)%len(keys)], Op: OpID{Thread: int32(c), N: int32(i + 1)}}
			if (i+c)%2 == 0 {
				ev.F, ev.Value = FWrite, IntValue(int64(i))
			}
			events = append(events, ev)
		}
		opened := len(events) - min(clients, len(events))
		for _, ev := range events[opened:] {
			ev.Time += 1_000_000
			ev.Type, ev.Value = Ok, IntValue(int64(i))
			ev.Ev = &Evidence{By: "n2", Ver: []Version{{"s0e2", int64(i)}}, Acks: []string{"n1", "n2"}}
			if len(events) < 2*n {
				events = append(events, ev)
			}
		}
		now += 2_000_000
	}
	return events
}

func BenchmarkRecord(b *testing.B) {
	events := sampleEvents(1 << 16)
	rec, _ := NewRecorder(io.Discard, nil)
	b.ReportAllocs()
	round, shift := 0, events[len(events)-1].Time
	for i := 0; b.Loop(); i++ {
		if i == len(events) {
			i, round = 0, round+1
			rec.events = rec.events[:0] // keep the memory: the figure is that of steady state
		}
		ev := events[i]
		ev.Time += int64(round) * 2 * shift
		if _, err := rec.Record(ev); err != nil {
			b.Fatal(err)
		}
	}
}
