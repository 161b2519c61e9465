// Package forms has one expression a function. For each mutant the instrumented function must give what the
// mutated expression, evaluated as a constant, gives.
package forms

// All has the functions by name; each takes two numbers and two booleans.
var All = map[string]func(a, b int, p, q bool) any{
	"less":         func(a, b int, p, q bool) any { return a < b },
	"lessEqual":    func(a, b int, p, q bool) any { return a <= b },
	"greater":      func(a, b int, p, q bool) any { return a > b },
	"greaterEqual": func(a, b int, p, q bool) any { return a >= b },
	"constant":     func(a, b int, p, q bool) any { return 1 < a },
	"equal":        func(a, b int, p, q bool) any { return a == b },
	"different":    func(a, b int, p, q bool) any { return p != q },
	"and":          func(a, b int, p, q bool) any { return p && q },
	"or":           func(a, b int, p, q bool) any { return p || q },
	"not":          func(a, b int, p, q bool) any { return !p },
	"yes":          func(a, b int, p, q bool) any { return true },
	"no":           func(a, b int, p, q bool) any { return false },
	"least":        func(a, b int, p, q bool) any { return min(a, b) },
	"least3":       func(a, b int, p, q bool) any { return min(a, b, 1) },
	"most3":        func(a, b int, p, q bool) any { return max(1, b, a) },
	"sum":          func(a, b int, p, q bool) any { return a + 1 },
	"sumBefore":    func(a, b int, p, q bool) any { return 3 + a },
	"difference":   func(a, b int, p, q bool) any { return a - 2 },
	"nested":       func(a, b int, p, q bool) any { return !(a < b+1 && p) || q && a != max(a-1, b) },
	"grouped":      func(a, b int, p, q bool) any { return (p || q) && (a <= b) == (p && !q) },
	"chain":        func(a, b int, p, q bool) any { return p && q && a > b || !p && !q && a < b },
}
