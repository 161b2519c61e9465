package tidy

import (
	"strings"
	"testing"
)

func TestMapRange(t *testing.T) {
	const collect = "var all, other []string\n\t" +
		"for k := range m {\n\t\tall = append(all, k)\n\t}\n\t_ = other"
	loop := func(before, head, body string) string {
		if before != "" {
			before += "\n\t"
		}
		return before + "for " + head + " {\n\t\t" + body + "\n\t}"
	}
	for _, tc := range []struct {
		name, imports, body string
		leaks               bool
	}{
		{"calls", "", loop("", "k := range m", "println(k)"), true},
		{"collects", "", collect, true},
		{"sorts", "slices", collect + "\n\tslices.Sort(all)", false},
		{"sorts by", "sort", collect + "\n\tsort.Strings(all)", false},
		{"sorts before", "slices", "var b []string\n\tslices.Sort(b)\n\t" + collect, true},
		{"sorts something else", "slices", collect + "\n\tslices.Sort(other)", true},
		{"returns the first", "", loop("", "_, v := range m", "println(v)\n\t\treturn"), true},
		{"copies", "", loop("n := map[string]int{}", "k, v := range m", "n[k] = v"), false},
		{"inverts", "", loop("n := map[int]string{}", "k, v := range m", "n[v] = k"), true},
		{"deletes", "", loop("", "k, v := range m", "if v > 3 {\n\t\t\tdelete(m, k)\n\t\t}"), false},
		{"counts", "", loop("n := 0", "range m", "n++"), false},
		{"adds up integers", "", loop("n := 0", "_, v := range m", "n += v"), false},
		{"adds up floats", "", loop("n := 0.0", "_, v := range m", "n += float64(v)"), true},
		{"adds up strings", "", loop(`n := ""`, "k := range m", "n += k"), true},
		{"keeps the last", "", loop("n := 0", "_, v := range m", "n = v"), true},
		{"says why", "", loop("//tidy:order it is for people", "k := range m", "println(k)"), false},
		{"says nothing", "", loop("//tidy:order", "k := range m", "println(k)"), true},
		{"named type", "", loop("type mm map[string]int", "k := range mm(m)", "println(k)"), true},
		{"iterator", "maps", loop("", "k := range maps.Keys(m)", "println(k)"), true},
		{"slice", "", loop("", "_, k := range []int{1}", "println(k)"), false},
		{"in a literal", "", "_ = func() {\n\t\tfor k := range m {\n\t\t\tprintln(k)\n\t\t}\n\t}", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := problemsOf(t, map[string]string{"plan/new.go": inPackage(tc.imports, "\t"+tc.body)})
			if !tc.leaks {
				if got != "" {
					t.Errorf("harmless, and reported:\n%s", got)
				}
				return
			}
			want(t, got, "plan/new.go:", "unsorted range over a map in deterministic package plan; allowed: "+
				sortFirst)
		})
	}
}

func TestMapIterators(t *testing.T) {
	text := `package plan

import (
	"maps"
	"slices"
)

var m map[string]int

func keys() []string     { return slices.Sorted(maps.Keys(m)) }
func copied() any        { return maps.Collect(maps.All(m)) }
func unsorted() []string { return slices.Collect(maps.Keys(m)) }
`
	got := problemsOf(t, map[string]string{"plan/new.go": text})
	if strings.Count(got, "unsorted") != 1 ||
		!strings.Contains(got, "plan/new.go:12: unsorted walk over a map") {
		t.Errorf("got:\n%s", got)
	}
}

// The map's type may come from another package of the module.
func TestMapOfAnotherPackage(t *testing.T) {
	got := problemsOf(t, map[string]string{
		"history/new.go": "package history\n\n// Marks count.\nfunc Marks() map[string]int { return nil }\n",
		"plan/new.go": `package plan

import "github.com/rashomon-harness/rashomon/history"

func f() {
	for k := range history.Marks() {
		println(k)
	}
}
`})
	want(t, got, "plan/new.go:6: unsorted range over a map", sortFirst)
}
