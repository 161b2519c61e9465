package history

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// sampleEvents returns the events of n operations as a single-leader run records them: eight clients in
// step write and read twenty keys, and each completion has evidence.
func sampleEvents(n int) []Event {
	const clients = 8
	var names [20]string
	for i := range names {
		names[i] = fmt.Sprintf("r%d", i)
	}
	events := make([]Event, 0, 2*n)
	for done := 0; done < n; done += clients {
		busy := min(clients, n-done)
		for c := range busy {
			i := done + c
			ev := Event{Time: int64(i) * 1_000_000, Process: int32(c), Session: names[c], F: FRead,
				Node: "n2", Key: names[(i+i/clients)%len(names)],
				Op: OpID{Thread: int32(c), N: int32(i/clients + 1)}}
			if i%2 == 0 {
				ev.F, ev.Value = FWrite, IntValue(int64(i))
			}
			events = append(events, ev)
		}
		for _, ev := range events[len(events)-busy:] {
			ev.Time += clients * 1_000_000
			ev.Type, ev.Value = Ok, IntValue(int64(done))
			ev.Ev = &Evidence{By: "n2", Ver: []Version{{"s0e2", int64(done)}}, Acks: []string{"n1", "n2"}}
			events = append(events, ev)
		}
	}
	for i := range events {
		events[i].Index = i
	}
	return events
}

func BenchmarkAppendEvent(b *testing.B) {
	events := sampleEvents(1 << 10)
	buf := make([]byte, 0, 1<<10)
	b.ReportAllocs()
	bytes := 0
	for i := 0; b.Loop(); i++ {
		buf = AppendEvent(buf[:0], &events[i%len(events)])
		bytes += len(buf)
	}
	b.SetBytes(int64(bytes / b.N))
}

// BenchmarkRecord records in the steady state, in which the memory for the events is there.
func BenchmarkRecord(b *testing.B) {
	events := sampleEvents(1 << 16)
	var rec *Recorder
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(events) == 0 {
			rec, _ = NewRecorder(io.Discard, nil)
			rec.Grow(len(events))
		}
		if _, err := rec.Record(events[i%len(events)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBuild pairs a million events.
func BenchmarkBuild(b *testing.B) {
	events := sampleEvents(500_000)
	b.ReportAllocs()
	for b.Loop() {
		if h := Build(nil, events); h.Len() != 500_000 {
			b.Fatal(h.Len())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

func BenchmarkRead(b *testing.B) {
	events := sampleEvents(50_000)
	file := []byte(`{"version":1}` + "\n")
	for i := range events {
		file = append(AppendEvent(file, &events[i]), '\n')
	}
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

// BenchmarkDraw draws a witness of six operations.
func BenchmarkDraw(b *testing.B) {
	h := Build(nil, sampleEvents(6))
	for b.Loop() {
		if Draw(h.Ops(), DrawOptions{}) == "" {
			b.Fatal("nothing drawn")
		}
	}
}
