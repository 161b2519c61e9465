package main

import (
	"bytes"
	"strings"
)

// outputMost is how much of a run's output is kept, in bytes: its end.
const outputMost = 64 << 10

// watch reads the output of a verbose test run: it keeps the end of it and finds what failed first.
// Subtests that run in parallel all go on when one of them has failed; who only asks whether one has need not
// wait for them.
type watch struct {
	failed func() // called when a test or subtest has failed, maybe several times
	by     string // which it was, or the panic
	kept   []byte
	line   []byte // the beginning of the line that is being written
}

// lineMost is how much of a line is looked at.
const lineMost = 200

// Write takes the next part of the output. It never fails.
func (w *watch) Write(p []byte) (int, error) {
	w.kept = append(w.kept, p...)
	if over := len(w.kept) - outputMost; over > outputMost {
		w.kept = append(w.kept[:0], w.kept[over:]...)
	}
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		w.line = append(w.line, part[:min(len(part), lineMost-len(w.line))]...)
		if ended {
			w.look(string(bytes.TrimSpace(w.line)))
			w.line = w.line[:0]
		}
		rest = after
	}
	return len(p), nil
}

// look looks at a whole line. A panic and a fatal error end the process by themselves.
func (w *watch) look(line string) {
	for _, dies := range []string{"panic: ", "fatal error: "} {
		if w.by == "" && strings.HasPrefix(line, dies) {
			w.by = line
		}
	}
	name, fails := strings.CutPrefix(line, "--- FAIL: ")
	if !fails {
		return
	}
	if w.by == "" {
		w.by, _, _ = strings.Cut(name, " ")
	}
	w.failed()
}

// output is the end of what was written.
func (w *watch) output() string { return string(w.kept[max(0, len(w.kept)-outputMost):]) }
