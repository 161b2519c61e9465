package tidy

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"io/fs"
	"strconv"
	"strings"
)

// size is something that is larger than the rules allow.
type size struct {
	name string // as the ratchet has it: "function plan/mix.go Mix.Next", "file ..", "columns .."
	size int
	most int
	file string
	at   []int // lines: where it begins; of columns every line that is too wide
}

// sizes returns what is too large: functions and files in lines, files by their widest line in columns.
func sizes(src *source, rules *Rules) []size {
	var all []size
	note := func(file, name string, n, most int, at ...int) {
		if n > most {
			all = append(all, size{name: name, size: n, most: most, file: file, at: at})
		}
	}
	for _, f := range src.files {
		lines := strings.Split(strings.TrimSuffix(string(f.text), "\n"), "\n")
		note(f.path, "file "+f.path, len(lines), rules.FileLines, len(lines))
		widest, wide := 0, []int(nil)
		for i, line := range lines {
			w := columns(line)
			widest = max(widest, w)
			if w > rules.Columns {
				wide = append(wide, i+1)
			}
		}
		note(f.path, "columns "+f.path, widest, rules.Columns, wide...)
		for _, fn := range functions(f) {
			first, last := src.fset.Position(fn.node.Pos()).Line, src.fset.Position(fn.node.End()).Line
			note(f.path, "function "+f.path+" "+fn.name, last-first+1, rules.FunctionLines, first)
		}
	}
	return all
}

// report adds a problem for each of the lines.
func (s *size) report(problems []Problem, message string) []Problem {
	for _, line := range s.at {
		problems = append(problems, Problem{s.file, line, message})
	}
	return problems
}

// columns returns the width of a line: a tab counts as four columns, any other rune as one.
func columns(line string) int {
	n := 0
	for _, r := range line {
		n++
		if r == '\t' {
			n += 3
		}
	}
	return n
}

// function is a declared function, or a literal that stands outside of all of them.
type function struct {
	name string
	node ast.Node
}

func functions(f *file) []function {
	var all []function
	for _, decl := range f.ast.Decls {
		if d, ok := decl.(*ast.FuncDecl); ok {
			all = append(all, function{functionName(d), d})
			continue
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			if lit, ok := n.(*ast.FuncLit); ok {
				all = append(all, function{"func", lit})
				return false
			}
			return true
		})
	}
	return all
}

// exceptions are the rows of the ratchet file: a name, and the size that it has and may not exceed.
type exceptions map[string]exception

type exception struct{ size, line int }

// readRatchet reads the ratchet file. A line is a name and a size; # begins a comment.
func readRatchet(tree fs.FS, path string) (exceptions, []Problem, error) {
	rows := exceptions{}
	if path == "" {
		return rows, nil, nil
	}
	f, err := tree.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return rows, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	var problems []Problem
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		cut := max(strings.LastIndexByte(line, ' '), 0)
		number, err := strconv.Atoi(strings.TrimSpace(line[cut:]))
		if err != nil {
			problems = append(problems, Problem{path, n,
				"no size at the end of the line; allowed: function FILE NAME SIZE, " +
					"file FILE SIZE, columns FILE SIZE"})
			continue
		}
		rows[line[:cut]] = exception{number, n}
	}
	return rows, problems, lines.Err()
}

// apply returns what is too large and no exception, and every exception that is not exactly as large as
// it says: exceptions may only shrink.
func (rows exceptions) apply(path string, all []size) []Problem {
	var problems []Problem
	seen := map[string]bool{}
	for _, s := range all {
		seen[s.name] = true
		row, excepted := rows[s.name]
		switch {
		case !excepted:
			problems = s.report(problems, fmt.Sprintf("%s: %d, allowed: %d", s.name, s.size, s.most))
		case s.size > row.size:
			problems = s.report(problems, fmt.Sprintf(
				"%s: has grown to %d, allowed by the ratchet: %d", s.name, s.size, row.size))
		case s.size < row.size:
			problems = append(problems, Problem{path, row.line,
				fmt.Sprintf("%s: has shrunk to %d: lower its row, %d", s.name, s.size, row.size)})
		}
	}
	for name, row := range rows {
		if !seen[name] {
			problems = append(problems, Problem{path, row.line,
				name + ": is within the rules or gone: remove its row"})
		}
	}
	return problems
}
