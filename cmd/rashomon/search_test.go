package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
)

// childMode is the environment variable that makes the test binary a child of childRunner, and says how it
// behaves.
const childMode = "RASHOMON_TEST_SEARCH_CHILD"

func init() {
	mode := os.Getenv(childMode)
	if mode == "" {
		return
	}
	if err := playChild(mode); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// playChild is what the child does.
func playChild(mode string) error {
	switch mode {
	case "honest":
		return searchKey(context.Background(), os.Stdin, os.Stdout)
	case "garbage":
		fmt.Print("oops")
	case "lies":
		fmt.Print(`{"result":"invalid","witness":[3,99]}`)
	case "silent":
	case "fails":
		fmt.Fprintln(os.Stderr, "first words")
		return fmt.Errorf("last words")
	case "panics":
		panic("a defect")
	case "hangs":
		select {}
	case "dies":
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		if err := self.Kill(); err != nil {
			return err
		}
		select {}
	case "hogs":
		return hog()
	}
	return nil
}

// hog takes more memory than it may.
func hog() error {
	if err := capMemory(64 << 20); err != nil {
		return err
	}
	var all [][]byte
	for range 1 << 10 {
		block := make([]byte, 1<<20)
		for i := 0; i < len(block); i += 4 << 10 {
			block[i] = 1
		}
		all = append(all, block)
	}
	return fmt.Errorf("got %d MiB", len(all))
}

// children returns a runner whose children behave so.
func children(t *testing.T, mode string) *childRunner {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &childRunner{command: []string{program, searchCommand}, slots: make(chan struct{}, 2),
		env: append(os.Environ(), childMode+"="+mode)}
}

// jobOf returns the job of a drawn history.
func jobOf(t *testing.T, model, drawing string) *checkers.Job {
	t.Helper()
	h, err := history.ParseDrawing(drawing)
	if err != nil {
		t.Fatal(err)
	}
	return &checkers.Job{Model: model, Ops: h.Ops(), Witness: true}
}

// hard returns a job that would need all orders of so many operations to be tried.
func hard(clients int) *checkers.Job {
	job := &checkers.Job{Model: "counter", Witness: true}
	add := func(f string, arg, result history.Value, call, ret int64) {
		job.Ops = append(job.Ops, history.Op{F: f, Arg: arg, Result: result, Call: call, Return: ret,
			Type: history.Ok})
	}
	for i := range clients {
		add("add", history.IntValue(1<<i), history.Value{}, 0, 10)
	}
	add("read", history.Value{}, history.IntValue(-1), 11, 12)
	return job
}

// TestChildRunner checks every way in which a search in a child ends.
func TestChildRunner(t *testing.T) {
	const stale = `
		s1 |--w k=1--|
		s2             |--w k=2--|
		s3                          |--r k=1--|`
	legal := checkers.Answer{Result: checkers.Valid}
	unknown := func(reason string) checkers.Answer { return unknownAnswer(reason) }
	for _, c := range []struct {
		mode string
		job  *checkers.Job
		want checkers.Answer
	}{
		{"honest", jobOf(t, "register", "s1 |--w k=1--|\ns2 |--r k=1--|"), legal},
		{"honest", jobOf(t, "register", stale),
			checkers.Answer{Result: checkers.Invalid, Witness: []int{0, 1, 2}}},
		{"honest", jobOf(t, "counter", "s1 |--swap k (1)--|"),
			unknown("the model has no swap 1 (event 0)")},
		{"honest", limited(hard(40), 16<<20, 0), unknown("the search needed more than 16 MiB")},
		{"honest", limited(hard(40), 0, 1), unknown("the search took longer than 1 ns")},
		{"hangs", limited(hard(2), 0, 50*time.Millisecond), unknown("the search took longer than 50 ms")},
		{"hogs", limited(hard(2), 64<<20, 0), unknown("the search needed more than 64 MiB")},
		{"dies", hard(2), unknown("the search process died: signal: killed")},
		{"fails", hard(2), unknown("the search process died: exit status 1: last words")},
		{"panics", hard(2), unknown("the search process died: exit status 2: panic: a defect")},
		{"garbage", hard(2), unknown(`the search process died: it answered nonsense: "oops": ` +
			"invalid character 'o' looking for beginning of value")},
		{"silent", hard(2), unknown(`the search process died: it answered nonsense: "": EOF`)},
		{"lies", hard(2), unknown(`the search process died: it answered nonsense: ` +
			`"{\"result\":\"invalid\",\"witness\":[3,99]}"`)},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			got := children(t, c.mode).Run(context.Background(), c.job)
			got.Steps = 0
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

// limited returns the job with limits.
func limited(job *checkers.Job, memory int64, deadline time.Duration) *checkers.Job {
	job.Limits = checkers.Limits{Memory: memory, Deadline: deadline}
	return job
}

// TestChildRunnerStops checks that the end of the context ends the children and those who wait for a slot.
func TestChildRunnerStops(t *testing.T) {
	r := children(t, "hangs")
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	answers := make([]checkers.Answer, 2*cap(r.slots))
	for i := range answers {
		all.Go(func() { answers[i] = r.Run(ctx, hard(2)) })
	}
	cancel()
	all.Wait()
	for _, a := range answers {
		if a.Result != checkers.Unknown || a.Reason != checkers.Stopped {
			t.Errorf("got %v", a)
		}
	}
}

// TestChildRunnerBeginsHere checks that what is small needs no child, and what is not gets one.
func TestChildRunnerBeginsHere(t *testing.T) {
	r := children(t, "fails")
	r.small = 1 << 20
	got := r.Run(context.Background(), jobOf(t, "queue", "s1 |--enqueue k (1)--|"))
	if got.Result != checkers.Valid {
		t.Errorf("a small search: %v", got)
	}
	got = r.Run(context.Background(), hard(40))
	if got.Result != checkers.Unknown || !strings.HasSuffix(got.Reason, "last words") {
		t.Errorf("a large search: %v", got)
	}
	got = r.Run(context.Background(), limited(hard(40), 1<<10, 0))
	if got.Reason != "the search needed more than 1 KiB" {
		t.Errorf("a small limit: %v", got)
	}
}

// TestSearchKeyCommand checks the command that is the child in life, and that it is hidden.
func TestSearchKeyCommand(t *testing.T) {
	app := newApp(nil, nil)
	cmd := app.searchKeyCommand()
	if !cmd.Hidden || cmd.Name() != searchCommand {
		t.Errorf("hidden %v, name %s", cmd.Hidden, cmd.Name())
	}
	r := newChildRunner("here")
	if !slices.Equal(r.command, []string{"here", searchCommand}) || cap(r.slots) < 1 {
		t.Errorf("got %+v", r)
	}
	if err := searchKey(context.Background(), strings.NewReader("nonsense"), nil); err == nil {
		t.Error("a job that is none was searched")
	}
}

// TestBounded checks that the first and the last bytes are kept.
func TestBounded(t *testing.T) {
	for size := range 8 {
		b := &bounded{head: 3, tail: 2}
		for part := range slices.Chunk([]byte("abcdefghij"), size+1) {
			if n, err := b.Write(part); n != len(part) || err != nil {
				t.Fatalf("wrote %d of %d, %v", n, len(part), err)
			}
		}
		if string(b.first) != "abc" || string(b.rest) != "ij" {
			t.Errorf("in parts of %d: kept %q and %q", size+1, b.first, b.rest)
		}
	}
}
