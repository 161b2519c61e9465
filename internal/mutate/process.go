package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/internal/mutate/schemata"
)

// suite is a compiled test binary and how it is run.
type suite struct {
	binary string
	dir    string // where it runs
	short  bool
	memory int64 // bytes that a run may have
	procs  int   // threads that a run may use at once
}

// outcome is how one run ended.
type outcome struct {
	passed   bool
	timedOut bool
	by       string // what failed first: a test, a subtest, a panic; "" if that is not known
	took     time.Duration
	output   string // its end
}

// run runs the named tests, with the environment added. It is an error if the run could not be made; a
// failing test is none.
func (s *suite) run(ctx context.Context, tests []string, limit time.Duration,
	env ...string) (outcome, error) {
	args := []string{"-test.run=" + pattern(tests), "-test.failfast", "-test.timeout=0", "-test.v"}
	if s.short {
		args = append(args, "-test.short")
	}
	return s.execute(ctx, limit, args, env)
}

func (s *suite) execute(ctx context.Context, limit time.Duration, args, env []string) (outcome, error) {
	limited, cancel := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer cancel()
	watched, fail := context.WithCancelCause(limited)
	defer fail(nil)
	cmd := exec.CommandContext(watched, s.binary, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), append(env,
		fmt.Sprintf("%s=%d", schemata.Memory, s.memory),
		fmt.Sprintf("GOMEMLIMIT=%d", s.memory/4*3),
		fmt.Sprintf("GOMAXPROCS=%d", s.procs))...)
	w := &watch{failed: func() { fail(errFailed) }}
	cmd.Stdout, cmd.Stderr = w, w
	group(cmd)
	cmd.WaitDelay = time.Second // for what children still hold the output open
	start := time.Now()
	err := cmd.Run()
	why := context.Cause(watched)
	o := outcome{passed: err == nil && why != errFailed, timedOut: why == errTooLong, by: w.by,
		took: time.Since(start), output: w.output()}
	if exit := (*exec.ExitError)(nil); err != nil && why == nil && !errors.As(err, &exit) {
		return o, fmt.Errorf("%s: %w", s.binary, err)
	}
	return o, ctx.Err()
}

// Why a run was ended.
var (
	errTooLong = errors.New("took too long")
	errFailed  = errors.New("a test failed")
)

// pattern matches exactly the named tests.
func pattern(tests []string) string {
	quoted := make([]string, len(tests))
	for i, name := range tests {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return "^(" + strings.Join(quoted, "|") + ")$"
}

// list returns the names of the tests, examples and fuzz targets that match a pattern, in their order.
func (s *suite) list(ctx context.Context, pattern string) ([]string, error) {
	o, err := s.execute(ctx, listMost, []string{"-test.list=" + pattern}, nil)
	if err == nil && !o.passed {
		err = fmt.Errorf("%s -test.list=%s failed:\n%s", s.binary, pattern, o.output)
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, line := range strings.Fields(o.output) {
		for _, kind := range []string{"Test", "Fuzz", "Example"} {
			if strings.HasPrefix(line, kind) {
				names = append(names, line)
			}
		}
	}
	return names, nil
}

// listMost is how long a binary may take to say what tests it has.
const listMost = time.Minute
