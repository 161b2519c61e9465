package vdso

import (
	"bufio"
	"fmt"
	"io"
	"time"
)

// Victim answers each line that it reads with what its clocks show: "1704067200000000000 1500\n" is the
// wall time in nanoseconds since 1970, and the monotonic time in nanoseconds since the call. It returns at
// the end of r. A process that does nothing else is what Probe wants.
func Victim(r io.Reader, w io.Writer) error {
	began := time.Now()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		now := time.Now()
		if _, err := fmt.Fprintf(w, "%d %d\n", now.UnixNano(), now.Sub(began).Nanoseconds()); err != nil {
			return fmt.Errorf("cannot answer with the time: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("cannot read what to answer: %w", err)
	}
	return nil
}
