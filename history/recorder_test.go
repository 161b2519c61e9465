package history

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// record takes the events down into a recorder that writes to w.
func record(t *testing.T, w io.Writer, header *Header, events []Event) *Recorder {
	t.Helper()
	rec, err := NewRecorder(w, header)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if n, err := rec.Record(events[i]); err != nil || n != i {
			t.Fatalf("event %d: index %d, error %v", i, n, err)
		}
	}
	return rec
}

func TestRecorderWritesTheRecord(t *testing.T) {
	header, events := sample()
	var file bytes.Buffer
	rec := record(t, &file, header, events)
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.jsonl", file.String())
	_, body, _ := strings.Cut(file.String(), "\n")
	sum := sha256.Sum256([]byte(body))
	if want := hex.EncodeToString(sum[:]); rec.Hash() != want {
		t.Errorf("hash %s, that of the lines from 2 on is %s", rec.Hash(), want)
	}
	if silent := record(t, nil, nil, events); silent.Hash() != rec.Hash() {
		t.Error("without a file and with another header the hash is another")
	}
	if rec.Len() != len(events) || !reflect.DeepEqual(recorded(rec.History()), events) {
		t.Error("the memory does not hold the events")
	}
	for _, line := range strings.Split(strings.TrimSpace(file.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("this line is not JSON: %s", line)
		}
	}
	if h := rec.History(); h.Header.Experiment != header.Experiment || h.Len() != 6 {
		t.Errorf("history of %q with %d operations", h.Header.Experiment, h.Len())
	}
}

func TestRecorderRefuses(t *testing.T) {
	write := func(p int32, at int64, typ Type) Event {
		return Event{Time: at, Type: typ, Process: p, F: FWrite, Key: "k"}
	}
	tests := []struct {
		name   string
		before []Event
		event  Event
		want   string // in the error, "" for none
	}{
		{"completion first", nil, write(1, 0, Ok),
			"ok write of process 1 at 0 ns: the process has no operation open"},
		{"completion of another process", []Event{write(1, 0, Invoke)}, write(2, 5, Ok), "no operation open"},
		{"second completion", []Event{write(1, 0, Invoke), write(1, 1, Fail)}, write(1, 2, Ok),
			"no operation open"},
		{"second invoke", []Event{write(1, 0, Invoke)}, write(1, 1, Invoke),
			"the process has an operation open"},
		{"after info", []Event{write(1, 0, Invoke), write(1, 1, Info)}, write(1, 2, Invoke), "retired"},
		{"time back", []Event{write(1, 7, Invoke)}, write(1, 6, Ok),
			"its time 6 is before its previous event's, 7"},
		{"time back of nemesis", []Event{{Time: 3, Type: Info, Process: Nemesis}},
			Event{Time: 2, Type: Info, Process: Nemesis}, "of process nemesis at 2 ns: its time 2 is before"},
		{"nemesis invokes", nil, Event{Process: Nemesis}, "are of type info"},
		{"no such process", nil, Event{Process: -3}, "process -3: allowed"},
		{"key and keys", nil, Event{Key: "a", Keys: []string{"b"}}, `the key "a" and a list of keys`},
		{"time equal", []Event{write(1, 7, Invoke)}, write(1, 7, Ok), ""},
		{"time back of another", []Event{write(1, 7, Invoke)}, write(2, 6, Invoke), ""},
		{"after fail", []Event{write(1, 0, Invoke), write(1, 1, Fail)}, write(1, 2, Invoke), ""},
	}
	for _, test := range tests {
		rec := record(t, nil, nil, test.before)
		hash := rec.Hash()
		_, err := rec.Record(test.event)
		refused := errors.Is(err, ErrOrder)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: refused: %v", test.name, err)
		case test.want != "" && (!refused || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		case test.want != "" && (rec.Len() != len(test.before) || rec.Hash() != hash):
			t.Errorf("%s: refused, and recorded all the same", test.name)
		}
	}
}

// fullDisk takes some bytes and then fails.
type fullDisk struct {
	room   int
	closed bool
}

var errDisk = errors.New("no space left")

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > d.room {
		return 0, errDisk
	}
	d.room -= len(b)
	return len(b), nil
}

func (d *fullDisk) Close() error {
	d.closed = true
	return nil
}

func TestRecorderOutlivesTheDisk(t *testing.T) {
	disk := &fullDisk{room: 100_000}
	events := sampleEvents(2000)
	rec := record(t, disk, nil, events)
	if err := rec.Flush(); !errors.Is(err, errDisk) {
		t.Errorf("flush: %v", err)
	}
	disk.room = 1 << 30 // even if there is room again, a record with a hole would be worse than none
	if _, err := rec.Record(Event{Time: 1 << 50, Process: 99, F: FRead}); err != nil {
		t.Error(err)
	}
	if err := rec.Close(); !errors.Is(err, errDisk) || !disk.closed {
		t.Errorf("close: %v, closed %v", err, disk.closed)
	}
	if disk.room != 1<<30 {
		t.Error("something was written after the error")
	}
	if rec.Len() != len(events)+1 {
		t.Errorf("%d events in memory of %d", rec.Len(), len(events)+1)
	}
	if _, err := NewRecorder(&fullDisk{}, nil); !errors.Is(err, errDisk) {
		t.Errorf("header: %v", err)
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	events := sampleEvents(5000)
	rec := record(t, io.Discard, nil, events[:16])
	rec.Grow(len(events))
	next := 16
	per := testing.AllocsPerRun(5000, func() {
		if _, err := rec.Record(events[next]); err != nil {
			t.Fatal(err)
		}
		next++
	})
	if per != 0 {
		t.Errorf("%v allocations an event", per)
	}
}
