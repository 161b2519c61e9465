package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

// justified has the mutants that are listed as equivalent: by key the reason.
type justified map[string]string

// row is a line of the file: a mutant's key, and why it changes nothing that a test could see.
var row = regexp.MustCompile(`^(\S+ \S+ .+? -> .+? #\d+) : (.*\S)$`)

// readJustified reads a list of equivalent mutants. A line is "KEY : reason"; # begins a comment.
func readJustified(r io.Reader, name string) (justified, error) {
	list := justified{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		found := row.FindStringSubmatch(line)
		if found == nil {
			return nil, fmt.Errorf("%s:%d: want: FILE FUNCTION ORIGINAL -> MUTATED #N : REASON", name, n)
		}
		if list[found[1]] != "" {
			return nil, fmt.Errorf("%s:%d: listed twice: %s", name, n, found[1])
		}
		list[found[1]] = found[2]
	}
	return list, lines.Err()
}

// readJustifiedFile reads the list of that name; there need be none.
func readJustifiedFile(name string) (justified, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return justified{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readJustified(f, name)
}

// unknown returns the keys of the list that stand for no mutant although their file was mutated.
func (j justified) unknown(files []*sourceFile, mutants []*mutant) []string {
	known := map[string]bool{}
	for _, m := range mutants {
		known[m.key()] = true
	}
	var keys []string
	for key := range j {
		name, _, _ := strings.Cut(key, " ")
		mutated := slices.ContainsFunc(files, func(f *sourceFile) bool { return f.name == name })
		if mutated && !known[key] {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
