package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/rashomon-harness/rashomon/harness"
)

// rowName returns the name of an experiment's row, as tables show it.
func rowName(e *harness.Experiment) string { return cmp.Or(e.Row, e.Name) }

// rowsNamed returns the experiment whose row is pattern, or else those whose row matches pattern as a
// regular expression. An empty pattern names all. So names need no escaping, whatever signs they hold.
func rowsNamed(exps []*harness.Experiment, pattern string) ([]*harness.Experiment, error) {
	if pattern == "" {
		return exps, nil
	}
	var matching []*harness.Experiment
	var names []string
	re, err := regexp.Compile(pattern)
	for _, e := range exps {
		if rowName(e) == pattern {
			return []*harness.Experiment{e}, nil
		}
		if err == nil && re.MatchString(rowName(e)) {
			matching = append(matching, e)
		}
		names = append(names, strconv.Quote(rowName(e)))
	}
	if err != nil {
		return nil, fmt.Errorf("--row %q: neither a row nor a regular expression: %w", pattern, err)
	}
	if len(matching) == 0 {
		return nil, fmt.Errorf("--row %q: no such row; allowed: %s, or a regular expression for several",
			pattern, strings.Join(names, ", "))
	}
	return matching, nil
}
