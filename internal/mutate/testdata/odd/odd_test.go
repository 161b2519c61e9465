package odd

import (
	"errors"
	"fmt"
	"testing"
)

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func answers(all ...any) string { return fmt.Sprint(all...) }

func TestAsBefore(t *testing.T) {
	a, b := named(1, 2, true)
	want(t, answers(a, " ", b, " ", atStart), "false yesyes true")
	want(t, answers(foreign(true), foreign(false)), "true true")
	want(t, answers(nothing(nil, nil, nil, &pair{1, 2}, nil, nil)), "11")
	want(t, answers(nothing(list{}, nil, func() {}, nil, errors.New("e"), nil)), "0")
	want(t, answers(dynamic(1, 1, nil), dynamic("1", 1, errors.New("e"))),
		"[true false true true] [false true false true]")
	x, y, z := generic("a", "b", 1, 2, boolean(true), false)
	want(t, answers(x, y, z), "btrue true")
	u, v, w := generic(2.5, 1, 1, 1, true, true)
	want(t, answers(u, v, w), "1 true true")
	want(t, answers(integers(uint8(255)), integers(3)), "0 4")
	want(t, answers(unnamed(1), unnamed(2)), "false true")
	i, j, k := shifts(4, 17)
	want(t, answers(i, j, k), "16 true 34")
	want(t, answers(unsigned(100), unsigned(8)), "true false")
	f, s, n, d := several(3, "a", 9, 0)
	want(t, answers(f, s, n, d), "1.5b8 255")
	want(t, answers(shadowed(func(a, b int) int { return a - b }, 8)), "6")
	want(t, answers(lines(1, 2, true), lines(2, 1, true), lines(3, 1, true), lines(9, 5, true)),
		"true true false true")
	want(t, switches(3, true, nil)+switches(4, true, nil)+switches(-1, false, 2)+switches(7, true, 2),
		"small or threeblargeb")
	want(t, answers(loops(3), loops(9)), "9 21")
	want(t, answers(closures([]int{1, 3, 4}), closures(nil)), "2 -1")
}

// TestOnce holds for the original and for every mutant: an operand is evaluated at most once, and the first
// always.
func TestOnce(t *testing.T) {
	for name, f := range map[string]func(counter){
		"order": func(c counter) { c.order() },
		"equal": func(c counter) { c.equal() },
		"least": func(c counter) { c.least() },
		"sum":   func(c counter) { c.sum() },
		"and":   func(c counter) { c.and() },
		"or":    func(c counter) { c.or() },
	} {
		c := counter{}
		f(c)
		if c["a"] != 1 || c["b"] > 1 || c["c"] > 1 {
			t.Errorf("%s: evaluated %v", name, c)
		}
	}
}

// TestShortCircuit fails for the mutants that evaluate the second operand: p != nil || p.a > 0.
func TestShortCircuit(t *testing.T) {
	want(t, answers(counter{}.guarded(nil), counter{}.guarded(&pair{1, 0})), "false true")
	c := counter{}
	c.or()
	want(t, answers(c["b"]), "0")
}
