package workloads

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

// ParamError is a parameter of a workload that is not allowed.
type ParamError struct {
	Path    string // the parameter: "keys", "mix.read", or the name of an option
	Value   string // what stands there
	Allowed string // what may stand there, for people
}

// Error returns the sentence for people, without file and line.
func (e *ParamError) Error() string {
	return fmt.Sprintf("%s: %s is not allowed; allowed: %s", e.Path, e.Value, e.Allowed)
}

// The most keys and threads that a workload may have.
const (
	maxKeys    = 1_000_000
	maxThreads = 10_000
)

// settings reads a workload's parameters. It keeps the first error and goes on with defaults, so that a
// workload reads all it wants and asks for the error once, at the end.
type settings struct {
	*Params
	err error
}

// newSettings checks the parameters that all workloads have, and that the options are among info's.
func newSettings(p *Params, info Info) *settings {
	s := &settings{Params: p}
	s.within("keys", p.Keys, 1, maxKeys)
	s.within("concurrency", p.Concurrency, 1, maxThreads)
	if !(p.Rate > 0 && p.Rate <= 1_000_000) {
		s.fail("rate", p.Rate, "a number of operations a second above 0, up to 1000000")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Options)) {
		if _, known := info.Options[name]; !known {
			s.fail(name, "this option", oneOf(slices.Sorted(maps.Keys(info.Options))))
		}
	}
	return s
}

// fail notes that a value is not allowed.
func (s *settings) fail(path string, value any, allowed string) {
	if s.err == nil {
		s.err = &ParamError{Path: path, Value: fmt.Sprint(value), Allowed: allowed}
	}
}

// within fails unless lo <= n <= hi.
func (s *settings) within(path string, n, lo, hi int) {
	if n < lo || n > hi {
		s.fail(path, n, fmt.Sprintf("an integer from %d to %d", lo, hi))
	}
}

// integer returns the option's value, or its default when it is not given.
func (s *settings) integer(name string, otherwise, lo, hi int) int {
	value, given := s.Options[name]
	if !given {
		return otherwise
	}
	n := lo - 1
	switch v := value.(type) {
	case int:
		n = v
	case int64:
		n = int(v)
	case uint64:
		n = int(min(v, 1<<62))
	}
	if n < lo || n > hi {
		s.fail(name, value, fmt.Sprintf("an integer from %d to %d", lo, hi))
		return otherwise
	}
	return n
}

// boolean returns the option's value, or its default when it is not given.
func (s *settings) boolean(name string, otherwise bool) bool {
	value, given := s.Options[name]
	if !given {
		return otherwise
	}
	b, ok := value.(bool)
	if !ok {
		s.fail(name, value, "true, false")
		return otherwise
	}
	return b
}

// places returns the number of keys in use, within bounds even when it is not allowed.
func (s *settings) places() int { return min(max(1, s.Keys), maxKeys) }

// threads returns the number of threads, within bounds even when it is not allowed.
func (s *settings) threads() int { return min(max(1, s.Concurrency), maxThreads) }

// opsPerKey returns the option ops_per_key.
func (s *settings) opsPerKey(otherwise int) int {
	return s.integer("ops_per_key", otherwise, 0, 1_000_000_000)
}

// mix returns the choice among the given operations by the weights of the parameters, or by the default
// weights when there are none.
func (s *settings) mix(weights map[string]int, names ...string) mix {
	given := s.Mix
	if len(given) == 0 {
		given = weights
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch {
		case !slices.Contains(names, name):
			s.fail("mix."+name, "this operation", oneOf(names))
		case given[name] < 0 || given[name] > 1_000_000:
			s.fail("mix."+name, given[name], "an integer from 0 to 1000000")
		}
	}
	m := mix{names: names, below: make([]int, len(names))}
	sum := 0
	for i, name := range names {
		sum += given[name]
		m.below[i] = sum
	}
	if sum <= 0 {
		s.fail("mix", "a sum of 0", "weights of which at least one is above 0")
		return mix{names: names, below: slices.Repeat([]int{1}, len(names))}
	}
	return m
}

// workload returns the workload that lets the player play, or the first error.
func (s *settings) workload(who player, checks ...[]checkers.Checker) (Workload, error) {
	if s.err != nil {
		return nil, s.err
	}
	c := newCrew(s.Params, who)
	if moved, ok := who.(seated); ok {
		moved.sit(c.seats)
	}
	paced := plan.Stagger(c, 0, s.Rate, s.Seed.Named("arrivals"))
	return &workload{Source: paced, crew: c, nodes: s.Nodes, checkers: slices.Concat(checks...)}, nil
}

// seated is a player that cares where its users sit at the beginning.
type seated interface{ sit(seats []seat) }

// mix is a weighted choice among operations.
type mix struct {
	names []string
	below []int // below[i]: the sum of the weights of names[:i+1]
}

// pick returns the operation that is drawn at k.
func (m mix) pick(k keyed.Key) string {
	n := k.N(m.below[len(m.below)-1])
	for i, bound := range m.below {
		if n < bound {
			return m.names[i]
		}
	}
	return m.names[len(m.names)-1]
}

// oneOf lists words for people.
func oneOf(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
