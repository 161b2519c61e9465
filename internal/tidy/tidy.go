// Package tidy holds the module's house rules as code: who may import whom, what deterministic packages
// may not do, how long things may grow, what must be documented. Its test applies them to the module;
// a rule that nobody runs is a wish.
//
// Every rule is a function from parsed source to problems, so that the tests can also show, on trees made
// up in memory, that each rule does fail.
package tidy

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
)

// Problem is one place that breaks a rule.
type Problem struct {
	File    string // path in the tree, with slashes
	Line    int    // from 1
	Message string // what is wrong, and what is allowed
}

// String returns the problem in the form that editors jump to: "plan/mix.go:12: message".
func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message) }

// Rules is everything that a tree is held to.
type Rules struct {
	Module string // the module's path
	// Imports is the import table: which packages of the module the non-test files of a package may
	// import. Packages are directories; "refimpl/..." stands for refimpl and all below, "..." for all.
	// An exact name goes before a pattern. A package that is not in the table is a problem.
	Imports map[string][]string
	// Homes names the one package that may import a dependency, test files included: the dependency's
	// path, which covers all paths below, to the package. What has no home may not be imported.
	Homes map[string]string
	// Deterministic has the packages whose results depend on their inputs alone; Driven has those
	// among them that are excepted.
	Deterministic, Driven []string
	// FunctionLines, FileLines and Columns are the largest sizes; a tab counts as four columns.
	FunctionLines, FileLines, Columns int
	// Ratchet is the path of the file in the tree with the exceptions to these sizes; "" for none.
	Ratchet string
}

// Check applies the rules to all Go files of the tree, and to its go.mod. It returns the problems by file
// and line, or an error when the tree cannot be read or parsed.
func Check(tree fs.FS, rules *Rules) ([]Problem, error) {
	src, err := parse(tree)
	if err != nil {
		return nil, err
	}
	exceptions, problems, err := readRatchet(tree, rules.Ratchet)
	if err != nil {
		return nil, err
	}
	for _, check := range []func(*source, *Rules) []Problem{
		importProblems, determinismProblems, docProblems, formatProblems, testProblems,
	} {
		problems = append(problems, check(src, rules)...)
	}
	problems = append(problems, exceptions.apply(rules.Ratchet, sizes(src, rules))...)
	mod, err := modProblems(tree)
	problems = append(problems, mod...)
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(problems), err
}
