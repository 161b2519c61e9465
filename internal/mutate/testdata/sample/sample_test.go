package sample

import (
	"os"
	"testing"
)

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestInside(t *testing.T) {
	for x, want := range map[int]bool{-1: false, 0: true, 10: true, 11: false} {
		equal(t, Inside(x), want)
	}
}

func TestSign(t *testing.T) {
	equal(t, Sign(-1), -1)
	equal(t, Sign(1), 1)
}

func TestSame(t *testing.T) {
	equal(t, Same("a", "a"), true)
	equal(t, Same("a", "b"), false)
}

func TestBooleans(t *testing.T) {
	equal(t, Either(true, true), true)
	equal(t, Not(true), false)
	equal(t, No(), false)
	Yes()
}

func TestNumbers(t *testing.T) {
	equal(t, Spread(1, 3), 2)
	equal(t, Next(1), 2)
	equal(t, Before(1), -1)
}

func TestCount(t *testing.T) { equal(t, Count(3), 3) }

func TestGrow(t *testing.T) { equal(t, Grow(3), 4) }

func TestFirst(t *testing.T) {
	equal(t, First(map[string]int{"a": 1}, "a"), 1)
	equal(t, First(nil, "a"), -1)
}

func FuzzLargest(f *testing.F) {
	f.Add(3, 3)
	f.Fuzz(func(t *testing.T, a, b int) { equal(t, Largest([]int{a, b, 1}), max(a, b, 1)) })
}

func ExampleSame() {
	os.Stdout.WriteString("it is\n")
	// Output: it is
}
