package parquet

import (
	"bytes"
	"errors"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/rashomon-harness/rashomon/history"
)

func drawn(t *testing.T) *history.History {
	t.Helper()
	h, err := history.ParseDrawing(`
		s1 @n1    |--w k=1--|             |--r k=∅--|
		s2/d2 @n2      |--cas k 1→2--…                    info timeout
		s3             |--r [k l]=[1 x]--|
		n1/n2              ░░ partition ░░
		phase                              ^final-reads`)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestWrite checks what a reader finds in the file.
func TestWrite(t *testing.T) {
	h := drawn(t)
	var file bytes.Buffer
	if err := Write(&file, h); err != nil {
		t.Fatal(err)
	}
	opened, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	faults, _ := opened.Lookup("rashomon.faults")
	const want = `[{"id":"f1","family":"partition","what":{"cut":[["n1"],["n2"]]},"outcome":"installed",` +
		`"from_ns":19000,"to_ns":33000}]`
	if faults != want {
		t.Errorf("faults %s, want %s", faults, want)
	}
	rows, err := parquet.Read[Row](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil || len(rows) != h.Len() {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	write, cas, both, read := rows[0], rows[1], rows[2], rows[3]
	switch {
	case write.F != "write" || write.Key != "k" || *write.ArgInt != 1 || *write.Arg != "1",
		write.Type != "ok" || write.Call != h.Call(0) || *write.Return != h.Return(0) || write.Node != "n1":
		t.Errorf("write: %+v", write)
	case cas.Return != nil || cas.Type != "info" || *cas.Arg != "[1,2]" || cas.ArgInt != nil,
		cas.ErrorCode != "timeout" || cas.Device != "d2":
		t.Errorf("cas: %+v", cas)
	case len(both.Keys) != 2 || both.Key != "" || *both.Result != `[1,"x"]`:
		t.Errorf("read of two keys: %+v", both)
	case read.Result != nil || read.F != "read" || read.Index != 3:
		t.Errorf("read of nothing: %+v", read)
	}
}

// fullDisk is a writer that fails after some bytes.
type fullDisk struct{ left int }

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.left -= len(b); d.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

var errFull = errors.New("no space left on device")

func TestWriteFails(t *testing.T) {
	if err := Write(&fullDisk{left: 100}, drawn(t)); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}
