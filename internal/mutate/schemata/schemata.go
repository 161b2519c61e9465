// Package schemata is the part of internal/mutate that instrumented code calls. All mutants of a package are
// compiled into one binary; an environment variable, read once, says which of them is in force. A function
// here is the original expression and its mutants. The numbers are those that the tool gave the mutants.
// Without the variable every function does what the original did, and nothing else.
package schemata

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
)

// What the tool tells an instrumented binary by its environment.
const (
	// Mutant has the number of the mutant in force, from 1. Empty: none, the original.
	Mutant = "SCHEMATA_MUTANT"
	// Hits names a file to which the number of every point that is reached is appended, one a line, once.
	Hits = "SCHEMATA_HITS"
	// Memory limits the bytes of data that the process, and each of its children, may have.
	Memory = "SCHEMATA_MEMORY"
)

// True is true where that name means something else.
const True = true

// Most is the largest number that a mutant can have.
const Most = 1<<16 - 1

// recording is the choice with which points record that they were reached, and the original is in force.
const recording = -1

var (
	reached [Most + 1]atomic.Bool // by number
	file    *os.File              // where they are recorded
	chosen  = choose()
)

// choose reads the environment. What it cannot read ends the process: a run that silently tests the original
// would look like a mutant that survives.
func choose() int32 {
	if text := os.Getenv(Memory); text != "" {
		bytes, err := strconv.ParseUint(text, 10, 64)
		if err == nil {
			err = limitMemory(bytes)
		}
		if err != nil {
			refuse(Memory, text, err)
		}
	}
	if name := os.Getenv(Hits); name != "" {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			refuse(Hits, name, err)
		}
		file = f
		return recording
	}
	text := os.Getenv(Mutant)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		refuse(Mutant, text, fmt.Errorf("a number from 1 to %d is wanted", Most))
	}
	return int32(n)
}

func refuse(name, text string, err error) {
	fmt.Fprintf(os.Stderr, "%s=%s: %v\n", name, text, err)
	os.Exit(2)
}

// On reports whether mutant n is in force.
func On(n int32) bool {
	if chosen < 0 {
		record(n)
	}
	return chosen == n
}

// record takes down that the point whose first mutant is n was reached.
func record(n int32) {
	if reached[n].Load() || reached[n].Swap(true) {
		return
	}
	if _, err := fmt.Fprintln(file, n); err != nil {
		refuse(Hits, file.Name(), err)
	}
}

// other reports whether neither mutant n nor n+1 is in force, and records that n was reached.
func other(n int32) bool {
	if chosen < 0 {
		record(n)
	}
	return chosen != n && chosen != n+1
}

// Less is a < b; mutant n is a <= b, n+1 is a >= b.
func Less[T cmp.Ordered](n int32, a, b T) bool {
	if other(n) {
		return a < b
	}
	return chosen == n && a <= b || chosen != n && a >= b
}

// LessEqual is a <= b; mutant n is a < b, n+1 is a > b.
func LessEqual[T cmp.Ordered](n int32, a, b T) bool {
	if other(n) {
		return a <= b
	}
	return chosen == n && a < b || chosen != n && a > b
}

// Greater is a > b; mutant n is a >= b, n+1 is a <= b.
func Greater[T cmp.Ordered](n int32, a, b T) bool {
	if other(n) {
		return a > b
	}
	return chosen == n && a >= b || chosen != n && a <= b
}

// GreaterEqual is a >= b; mutant n is a > b, n+1 is a < b.
func GreaterEqual[T cmp.Ordered](n int32, a, b T) bool {
	if other(n) {
		return a >= b
	}
	return chosen == n && a > b || chosen != n && a < b
}

// Min is the built-in min of a and more; mutant n is max.
func Min[T cmp.Ordered](n int32, a T, more ...T) T { return extreme(On(n), a, more) }

// Max is the built-in max of a and more; mutant n is min.
func Max[T cmp.Ordered](n int32, a T, more ...T) T { return extreme(!On(n), a, more) }

func extreme[T cmp.Ordered](largest bool, a T, more []T) T {
	for _, b := range more {
		if largest {
			a = max(a, b)
		} else {
			a = min(a, b)
		}
	}
	return a
}

// Integer is what offsets are of.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

// Sum is the sum x + k that it is given, k a literal; mutant n is x + (k-1).
func Sum[T Integer](n int32, sum T) T {
	if On(n) {
		return sum - 1
	}
	return sum
}

// Difference is the difference x - k that it is given, k a literal; mutant n is x - (k-1).
func Difference[T Integer](n int32, difference T) T {
	if On(n) {
		return difference + 1
	}
	return difference
}
