package vdso

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestVictimAnswers(t *testing.T) {
	var out strings.Builder
	from := time.Now()
	if err := Victim(strings.NewReader("one\ntwo"), &out); err != nil {
		t.Fatal(err)
	}
	to := time.Now()
	var wall, mono [2]int64
	_, err := fmt.Sscanf(out.String(), "%d %d\n%d %d\n", &wall[0], &mono[0], &wall[1], &mono[1])
	if err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	for i := range wall {
		if wall[i] < from.UnixNano() || wall[i] > to.UnixNano() {
			t.Errorf("the wall time %d is not in [%d, %d]", wall[i], from.UnixNano(), to.UnixNano())
		}
	}
	if mono[0] < 0 || mono[1] < mono[0] || mono[1] > int64(to.Sub(from)) {
		t.Errorf("the monotonic times are %v", mono)
	}
}

// noWriter is full.
type noWriter struct{ err error }

func (w noWriter) Write([]byte) (int, error) { return 0, w.err }

func TestVictimFails(t *testing.T) {
	bad := errors.New("bad")
	if err := Victim(iotest.ErrReader(bad), io.Discard); !errors.Is(err, bad) {
		t.Errorf("a bad reader: %v", err)
	}
	if err := Victim(strings.NewReader("?\n"), noWriter{bad}); !errors.Is(err, bad) {
		t.Errorf("a bad writer: %v", err)
	}
}
