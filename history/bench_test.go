package history

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
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

// quorumEvents returns the same events as a leaderless run records them: every completion says which replicas
// answered, what they held, and how long the messages took.
func quorumEvents(n int) []Event {
	events := sampleEvents(n)
	nodes := []string{"n1", "n2", "n3"}
	for i := range events {
		ev := &events[i]
		if ev.Type == Invoke {
			continue
		}
		dot := []Version{{ev.Session, 1_700_000_000_000_000_000 + int64(i)*1000}}
		q := &QuorumEvidence{Dots: dot}
		for k, node := range nodes {
			q.Legs = append(q.Legs, Leg{Store: i%2 == 0, Out: 400_000 + int64(k), Back: 380_000})
			if ev.F == FRead {
				q.Answers = append(q.Answers, Answer{node, dot})
			}
		}
		ev.Ev = &Evidence{By: "n2", Acks: nodes[:2], Home: nodes, Quorum: q}
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
func BenchmarkBuild(b *testing.B) { benchmarkBuild(b, sampleEvents(500_000)) }

func BenchmarkBuildQuorum(b *testing.B) { benchmarkBuild(b, quorumEvents(500_000)) }

func benchmarkBuild(b *testing.B, events []Event) {
	b.ReportAllocs()
	for b.Loop() {
		if h := Build(nil, events); h.Len() != 500_000 {
			b.Fatal(h.Len())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
	b.ReportMetric(float64(held(events))/500_000, "held-B/op")
}

// held returns how many bytes a history of the events holds.
func held(events []Event) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	h := Build(nil, events)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(h)
	runtime.KeepAlive(events)
	return after.HeapAlloc - before.HeapAlloc
}

func BenchmarkRead(b *testing.B) { benchmarkRead(b, sampleEvents(50_000)) }

func BenchmarkReadQuorum(b *testing.B) { benchmarkRead(b, quorumEvents(50_000)) }

func benchmarkRead(b *testing.B, events []Event) {
	file := fileOf(events)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

// fileOf returns the record of the events.
func fileOf(events []Event) []byte {
	file := []byte(`{"version":1}` + "\n")
	for i := range events {
		file = append(AppendEvent(file, &events[i]), '\n')
	}
	return file
}

// BenchmarkEv asks for the evidence of operations one by one.
func BenchmarkEv(b *testing.B) {
	h := Build(nil, quorumEvents(1<<12))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if h.Ev(i%h.Len()).Quorum == nil {
			b.Fatal("none")
		}
	}
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
