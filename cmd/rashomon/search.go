package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rashomon-harness/rashomon/checkers"
)

// searchCommand is the name of the child command that searches one key.
const searchCommand = "search-key"

// searchKeyCommand is the child of childRunner: it reads a job from standard input, searches it, and writes
// the answer as JSON to standard output.
func (a *app) searchKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use: searchCommand, Short: "Search the job on standard input for an order that explains it",
		Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return failure(searchKey(cmd.Context(), os.Stdin, a.stdout))
		},
	}
}

// searchKey is the whole work of the child.
func searchKey(ctx context.Context, in io.Reader, out io.Writer) error {
	job, err := checkers.DecodeJob(in)
	if err != nil {
		return err
	}
	job.Limits = job.Limits.OrDefault()
	if err := capMemory(job.Limits.Memory); err != nil {
		return fmt.Errorf("cap the memory of the search: %w", err)
	}
	return json.NewEncoder(out).Encode(checkers.InProcess{}.Run(ctx, job))
}

// childRunner is the checkers.Runner that searches each job in a process of its own, whose memory is capped
// and which is killed at the deadline with all its work in it. What is small is searched here, which saves
// the start of a process.
type childRunner struct {
	command []string      // the child: a program and its arguments
	env     []string      // of the child, nil for that of this process
	small   int64         // bytes that a search may remember in this process; 0 for none
	slots   chan struct{} // one for each child at a time
}

// smallSearch is what a search may remember without a process of its own, in bytes.
const smallSearch = 8 << 20

// newChildRunner returns the runner as it is in life: the child is this program, found at the path.
func newChildRunner(program string) *childRunner {
	return &childRunner{command: []string{program, searchCommand}, small: smallSearch,
		slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
}

// Run implements checkers.Runner.
func (r *childRunner) Run(ctx context.Context, job *checkers.Job) checkers.Answer {
	full := *job
	full.Limits = job.Limits.OrDefault()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return unknownAnswer(checkers.Stopped)
	}
	began := time.Now()
	if r.small > 0 {
		part := full
		part.Limits.Memory = min(r.small, full.Limits.Memory)
		answer := checkers.InProcess{}.Run(ctx, &part)
		if answer.Result != checkers.Unknown || answer.Reason != part.Limits.NeedsMemory().Reason {
			return answer
		}
		if part.Limits.Memory == full.Limits.Memory {
			return answer
		}
	}
	return r.runChild(ctx, &full, full.Limits.Deadline-time.Since(began))
}

// runChild searches in a child that is killed after so long.
func (r *childRunner) runChild(ctx context.Context, job *checkers.Job, left time.Duration) checkers.Answer {
	until, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	var in bytes.Buffer
	if err := job.Encode(&in); err != nil {
		return unknownAnswer(err.Error())
	}
	out, words := &bounded{head: 64 << 20}, &bounded{head: 4 << 10, tail: 1 << 10}
	cmd := exec.CommandContext(until, r.command[0], r.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = &in, out, words, r.env
	cmd.WaitDelay = time.Second // for what inherited its pipes
	err := cmd.Run()
	if err == nil {
		answer, err := readAnswer(out.first, len(job.Ops))
		if err == nil {
			return answer
		}
		return unknownAnswer("the search process died: " + err.Error())
	}
	switch {
	case ctx.Err() != nil:
		return unknownAnswer(checkers.Stopped)
	case until.Err() != nil:
		return job.Limits.NeedsTime()
	case words.outOfMemory():
		return job.Limits.NeedsMemory()
	}
	return unknownAnswer(strings.TrimSuffix("the search process died: "+err.Error()+": "+words.last(), ": "))
}

func unknownAnswer(reason string) checkers.Answer {
	return checkers.Answer{Result: checkers.Unknown, Reason: reason}
}

var errNonsense = errors.New("it answered nonsense")

// readAnswer reads the answer of a child about a job of so many operations, and believes nothing that no
// search can have found.
func readAnswer(text []byte, ops int) (answer checkers.Answer, err error) {
	lines := json.NewDecoder(bytes.NewReader(text))
	lines.DisallowUnknownFields()
	if err := lines.Decode(&answer); err != nil {
		return answer, fmt.Errorf("%w: %.100q: %w", errNonsense, text, err)
	}
	outside := func(i int) bool { return i < 0 || i >= ops }
	switch w := answer.Witness; {
	case slices.ContainsFunc(w, outside), !slices.IsSorted(w),
		len(w) > 0 && answer.Result != checkers.Invalid,
		(answer.Reason == "") != (answer.Result != checkers.Unknown):
		return answer, fmt.Errorf("%w: %.100q", errNonsense, text)
	}
	return answer, nil
}

// bounded keeps the first and the last bytes of what is written to it.
type bounded struct {
	head, tail  int // the most that is kept
	first, rest []byte
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.head-len(b.first))
	b.first = append(b.first, p[:n]...)
	b.rest = append(b.rest, p[n:]...)
	if over := len(b.rest) - b.tail; over > 0 {
		b.rest = append(b.rest[:0], b.rest[over:]...)
	}
	return len(p), nil
}

// outOfMemory reports whether the child's last words are that it got no more memory.
func (b *bounded) outOfMemory() bool {
	text := string(b.first)
	for _, words := range []string{"out of memory", "cannot allocate memory", "failed to allocate",
		"pthread_create failed"} { // a thread wants memory for its stack
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// last returns the child's last words in one line: what the runtime of Go says when it ends a program,
// otherwise the end.
func (b *bounded) last() string {
	for line := range strings.Lines(string(b.first)) {
		if strings.HasPrefix(line, "fatal error:") || strings.HasPrefix(line, "panic:") {
			return strings.TrimSpace(line)
		}
	}
	text := strings.TrimSpace(string(b.first) + string(b.rest))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
