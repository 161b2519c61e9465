package tidy

import (
	"fmt"
	"strconv"
	"strings"
)

// importProblems holds imports to the table and dependencies to their homes. Test files may import any
// package of the module: they hold packages against each other, and against twins, that stay apart otherwise.
func importProblems(src *source, rules *Rules) []Problem {
	var problems []Problem
	for _, f := range src.files {
		allowed, known := rules.allowed(f.dir)
		if !known {
			problems = append(problems, src.problem(f.ast.Name.Pos(), fmt.Sprintf(
				"package %s is not in the import table; add a row to internal/tidy/rules.go", f.dir)))
			continue
		}
		for _, spec := range f.ast.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if message := rules.refuse(f, name, allowed); message != "" {
				problems = append(problems, src.problem(spec.Pos(), message))
			}
		}
	}
	return problems
}

// refuse returns why f may not import name, "" when it may.
func (rules *Rules) refuse(f *file, name string, allowed []string) string {
	if dir, inside := rules.inside(name); inside {
		if f.test || covers(allowed, dir) {
			return ""
		}
		return fmt.Sprintf("package %s may not import %s; allowed of this module: %s",
			f.dir, dir, orNone(strings.Join(allowed, ", ")))
	}
	if standard(name) {
		return ""
	}
	dependency, home := rules.home(name)
	switch {
	case dependency == "":
		return fmt.Sprintf("%s has no home: a dependency is imported by the one package that "+
			"internal/tidy/rules.go names for it", name)
	case home != f.dir:
		return fmt.Sprintf("package %s may not import %s; allowed in package %s alone", f.dir, name, home)
	}
	return ""
}

// allowed returns the row of the import table for a package: an exact one, else that of the longest pattern.
func (rules *Rules) allowed(dir string) (row []string, known bool) {
	if row, known = rules.Imports[dir]; known {
		return row, true
	}
	longest := ""
	for pattern, r := range rules.Imports {
		if matches(pattern, dir) && len(pattern) > len(longest) {
			longest, row, known = pattern, r, true
		}
	}
	return row, known
}

// home returns the dependency that the import path belongs to, and its home.
func (rules *Rules) home(name string) (dependency, home string) {
	for d, h := range rules.Homes {
		if matches(d+"/...", name) && len(d) > len(dependency) {
			dependency, home = d, h
		}
	}
	return dependency, home
}

// inside reports whether the import path is in the module, and where.
func (rules *Rules) inside(name string) (dir string, ok bool) {
	if name == rules.Module {
		return ".", true
	}
	return strings.CutPrefix(name, rules.Module+"/")
}

// standard reports whether the import path is the standard library's: its first element has no dot. The
// interfaces of operating systems in golang.org/x/sys are its other half.
func standard(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".") || strings.HasPrefix(name, "golang.org/x/sys/")
}

func orNone(list string) string {
	if list == "" {
		return "none"
	}
	return list
}
