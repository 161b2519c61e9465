//go:build !never

// Package odd has code that is awkward to instrument: it must compile and do what it did.
package odd

import (
	"cmp"

	other "github.com/rashomon-harness/rashomon/internal/mutate/testdata/odd/flag"
	"github.com/rashomon-harness/rashomon/internal/mutate/testdata/odd/middle"
)

type (
	boolean bool
	number  int32
	pair    struct{ a, b int }
	list    []int
)

func (b boolean) name() string {
	if b {
		return "yes"
	}
	return "no"
}

const (
	wide  = 3 > 2
	size  = 2 + 1
	large = 1<<63 + 5
)

var array = [size + 1]int{size - 1: 7}

var atStart = len(array) > 3 && wide

func named(x, y int, b boolean) (boolean, string) {
	var c boolean = x < y
	d := c && b
	e := !d
	f := c && (x == y) || e
	return f, (d || x < y).name() + (!e).name()
}

func foreign(x other.Flag) other.Flag {
	y := x && true
	z := !y
	return z || middle.Raised() && middle.Raised()
}

func nothing(l list, m map[string]int, f func(), p *pair, e error, c chan int) int {
	n := 0
	if l == nil && m == nil || f == nil {
		n++
	}
	if p != nil && *p == (pair{1, 2}) && e == nil && nil == c {
		n += 10
	}
	return n
}

func dynamic(a any, b int, e error) []bool {
	return []bool{a == b, b != a, e == nil, any(b < 3) == any(true)}
}

func generic[T cmp.Ordered, E comparable, B ~bool](x, y T, d, e E, b, c B) (T, bool, B) {
	if x < y && d != e || !(x >= y) {
		return max(x, y), x <= y, b && !c
	}
	return min(x, y, x), d == e, b || c
}

func integers[I ~int | ~uint8](i I) I { return i + 1 }

func shifts(n uint, x int64) (int64, bool, int64) {
	y := 1<<n + 1 + x
	return min(1<<n, x), 1<<n < x, y
}

func unsigned(x uint64) bool { return x < large && x > 1<<3 && 'a' < rune(x) }

func several(f float64, s string, n number, d uint8) (float64, string, number, uint8) {
	return min(f, 2, 1.5), max(s, "b"), max(2, n-1, min(n+1, 4)), d - 1
}

func shadowed(min func(int, int) int, len int) int {
	true := false
	if true {
		return 0
	}
	return min(len, 3) + 1
}

func lines(a, b int,
	p bool) bool {
	return a < // smaller
		b && // both
		p || a ==
		/* the same */ b+
			1 || min(
		a,
		b, // the last
	) >
		4
}

func switches(x int, b bool, v any) string {
	switch b {
	case true:
	case x > 3 && wide:
		return "large"
	}
	switch {
	case x < 0, x == size:
		return "small or three"
	case b:
		return "b"
	}
	switch x {
	case 1 + 1, size + 2:
		return "two or five"
	}
	switch y := v.(type) {
	case int:
		if y > 1 {
			return "many"
		}
	}
	return "else"
}

func loops(n int) (count int) {
outer:
	for i := range n + 1 {
		for j := 0; ; j++ {
			if j >= i {
				continue outer
			}
			if count > 20 {
				goto end
			}
			count += map[bool]int{true: 1, false: 2}[j+1 < i]
		}
	}
end:
	return count
}

func closures(xs []int) int {
	if index := func(want func(int) bool) int {
		for i, x := range xs {
			if want(x) {
				return i
			}
		}
		return -1
	}(func(x int) bool { return x > 1 && func() bool { return x != 3 }() }); index >= 0 && xs[index] > 0 {
		return index
	}
	return -1
}

// counter counts how often each of its operands was evaluated.
type counter map[string]int

func (c counter) number(name string, x int) int {
	c[name]++
	return x
}

func (c counter) yes(name string) bool {
	c[name]++
	return c[name] < 100
}

func (c counter) order() bool { return c.number("a", 1) < c.number("b", 2) }
func (c counter) equal() bool { return c.number("a", 1) == c.number("b", 2) }
func (c counter) least() int  { return min(c.number("a", 1), c.number("b", 2), c.number("c", 3)) }
func (c counter) sum() int    { return c.number("a", 1) + 1 }
func (c counter) and() bool   { return c.yes("a") && c.yes("b") }
func (c counter) or() bool    { return c.yes("a") || c.yes("b") }
func (c counter) guarded(p *pair) bool {
	return p != nil && p.a > 0
}
