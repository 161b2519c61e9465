// Command mutate tells how much the tests of a package notice: it changes the package's code mechanically,
// one expression at a time, and runs the tests against each change. A mutant that no test kills is a place
// that could be wrong without anybody noticing, or one where the change changes nothing.
//
//	go run ./internal/mutate checkers/zones.go checkers/prune.go   # some files
//	go run ./internal/mutate -list checkers                        # a package's mutants, nothing is run
//	go run ./internal/mutate -workers 4 -short 'checkers/lin_*.go'
//	go run ./internal/mutate -only 1f2e3d4c -v checkers/zones.go   # one mutant
//
// All files must be of one package, whose own tests are run.
//
// # Mutants
//
//   - comparisons of order: the boundary (< and <=, > and >=) and the negation (< and >=, > and <=);
//   - == and !=; && and ||;
//   - !x becomes x; x becomes !x where it is an operand of && or ||, or the condition of an if, for or case;
//   - true and false; the built-in min and max;
//   - of x + k and x - k, k an integer literal, the literal becomes one less.
//
// Constants, and so sizes of arrays and declarations of constants, stay as they are; so do, where a constant
// is shifted by a variable, offsets and the boundary of comparisons.
//
// # How it works
//
// The package is compiled once, with all mutants in (mutant schemata; Untch, Offutt and Harrold 1993), by way
// of the go command's -overlay: nothing in the tree is written. An environment variable, which package
// schemata reads once, chooses the mutant of a run. Each test is run alone first, with none, and what it
// reaches is recorded. Then each mutant is run against the tests that reach it, the quick ones first. Tests
// should do the same at every run: what they draw at random may let a mutant live that was killed before.
//
// A mutant is killed when a test fails, when it takes several times as long as the original (-factor and
// -least), or when it needs more memory than is allowed (-memory).
//
// # Result
//
// The mutants that are alive, and totals. The exit code is 1 if one that is alive is not listed in
// internal/mutate/equivalent.txt, be it that it survived or that no test reaches it; 2 if something is wrong
// with the call, the code or its tests. A line of that file is a mutant's file, function, texts and number,
// as the table has them, and why the change changes nothing. What is listed and was killed, or is no mutant
// (any more), is told.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitAlive = 1 // a mutant is alive and not listed
	exitWrong = 2 // the call, the code or its tests are wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the command's flags.
type options struct {
	list, short, json, verbose, skip bool
	only, run, equivalent            string
	workers                          int
	memory                           int64 // MiB
	limits                           limits
	files                            []string
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	fs := flag.NewFlagSet("mutate", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.BoolVar(&o.list, "list", false, "list the mutants and run nothing")
	fs.StringVar(&o.only, "only", "", "run only these mutants: their ids, separated by commas")
	fs.StringVar(&o.run, "run", ".", "run only the tests whose names match this `pattern`")
	fs.BoolVar(&o.short, "short", false, "run the tests with -test.short")
	fs.IntVar(&o.workers, "workers", runtime.NumCPU(), "how many mutants run at once")
	fs.Int64Var(&o.memory, "memory", 2048, "`MiB` that the run of a mutant may have")
	fs.Float64Var(&o.limits.factor, "factor", 5,
		"a mutant is killed that takes so many times as long as the original")
	fs.DurationVar(&o.limits.least, "least", 10*time.Second, "but not before this time")
	fs.StringVar(&o.equivalent, "equivalent", "", "`file` with the mutants that are justified as equivalent"+
		" (default internal/mutate/equivalent.txt of the module)")
	fs.BoolVar(&o.skip, "skip-equivalent", false, "take for granted that those survive")
	fs.BoolVar(&o.json, "json", false, "write all mutants as JSON")
	fs.BoolVar(&o.verbose, "v", false, "tell of each test and mutant as it ends, on standard error")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	o.files = fs.Args()
	switch {
	case len(o.files) == 0:
		return nil, errors.New("no files; allowed: files, patterns, or a directory, all of one package")
	case o.workers < 1 || o.memory < 1 || !(o.limits.factor >= 1):
		return nil, errors.New("-workers, -memory and -factor are at least 1")
	}
	return o, nil
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	code := 0
	if err == nil {
		code, err = mutate(ctx, o, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return exitWrong
	}
	return code
}

func mutate(ctx context.Context, o *options, stdout, stderr io.Writer) (int, error) {
	in, err := find(ctx, o.files)
	if err != nil {
		return 0, err
	}
	mutants, err := chosen(in.mutants, o.only)
	if err != nil {
		return 0, err
	}
	if o.list && !o.json {
		return 0, printList(stdout, mutants)
	}
	r := &report{}
	name := cmp.Or(o.equivalent, filepath.Join(in.pkg.root, "internal", "mutate", "equivalent.txt"))
	if r.listed, err = readJustifiedFile(name); err != nil {
		return 0, err
	}
	r.unknown = r.listed.unknown(in.files, in.mutants)
	if o.list {
		for _, m := range mutants {
			r.verdicts = append(r.verdicts, verdict{mutant: m})
		}
		return 0, r.printJSON(stdout)
	}
	r.verdicts, err = execute(ctx, o, in, mutants, r.listed, stderr)
	if r.verdicts == nil {
		return 0, err
	}
	write := r.print // of a run that was interrupted, what there is
	if o.json {
		write = r.printJSON
	}
	if err := errors.Join(err, write(stdout)); err != nil {
		return 0, err
	}
	if r.unjustified() > 0 {
		return exitAlive, nil
	}
	return 0, nil
}

// find loads the package of the files and finds their mutants.
func find(ctx context.Context, args []string) (*instrumented, error) {
	var dirs, patterns []string
	for _, arg := range args {
		if info, err := os.Stat(arg); err == nil && info.IsDir() {
			arg = filepath.Join(arg, "*.go")
		}
		patterns = append(patterns, arg)
		dirs = append(dirs, filepath.Dir(arg))
	}
	slices.Sort(dirs)
	if dirs = slices.Compact(dirs); len(dirs) > 1 {
		return nil, fmt.Errorf("files of several packages: %s; allowed: one at a time",
			strings.Join(dirs, ", "))
	}
	pkg, err := load(ctx, dirs[0])
	if err != nil {
		return nil, err
	}
	files, err := pkg.named(patterns)
	if err != nil {
		return nil, err
	}
	return instrument(pkg, files)
}

// chosen returns the mutants with the ids, all for "".
func chosen(mutants []*mutant, only string) ([]*mutant, error) {
	if only == "" {
		return mutants, nil
	}
	var some []*mutant
	for _, id := range strings.Split(only, ",") {
		at := slices.IndexFunc(mutants, func(m *mutant) bool { return m.id() == id })
		if at < 0 {
			return nil, fmt.Errorf("no mutant has the id %s; -list shows them", id)
		}
		some = append(some, mutants[at])
	}
	return some, nil
}

// execute compiles the mutants and runs them.
func execute(ctx context.Context, o *options, in *instrumented, mutants []*mutant, listed justified,
	stderr io.Writer) ([]verdict, error) {
	work, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(work) }()
	binary, err := in.build(ctx, work)
	if err != nil {
		return nil, err
	}
	s := &suite{binary: binary, dir: in.pkg.dir, short: o.short, memory: o.memory << 20,
		procs: max(1, runtime.NumCPU()/o.workers)}
	names, err := s.list(ctx, o.run)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no test of %s matches %s", in.pkg.dir, o.run)
	}
	say := func(string, ...any) {}
	if o.verbose {
		say = func(format string, args ...any) { fmt.Fprintf(stderr, format+"\n", args...) }
	}
	tests, err := baseline(ctx, s, work, names)
	if err != nil {
		return nil, err
	}
	for i := range tests {
		t := &tests[i]
		say("%8.3fs  %s reaches %d points", t.took.Seconds(), t.name, len(t.reaches))
	}
	run, trusted := mutants, []verdict(nil)
	if o.skip {
		run, trusted = split(mutants, listed)
	}
	verdicts, err := judge(ctx, s, tests, run, o.workers, o.limits, func(v *verdict) {
		say("%8.3fs  %s %s: %s %s", v.took.Seconds(), v.id(), v.key(), v.status, v.by)
	})
	return sorted(append(verdicts, trusted...)), err
}

// split takes the listed mutants out of those that are to be run.
func split(mutants []*mutant, listed justified) (run []*mutant, trusted []verdict) {
	for _, m := range mutants {
		if listed[m.key()] != "" {
			trusted = append(trusted, verdict{mutant: m, status: equivalent})
			continue
		}
		run = append(run, m)
	}
	return run, trusted
}

// sorted orders verdicts by place.
func sorted(verdicts []verdict) []verdict {
	slices.SortStableFunc(verdicts, func(a, b verdict) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col),
			cmp.Compare(a.number, b.number))
	})
	return verdicts
}
