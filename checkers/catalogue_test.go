package checkers

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var rewriteCatalogue = flag.Bool("rewrite-catalogue", false, "rewrite docs/14-anomalies.md")

// TestEndDrawings judges what is left at the end.
func TestEndDrawings(t *testing.T) {
	goldens(t, "ends", judgeBy(map[string]Checker{"durability": Durable(), "convergence": Convergent()}))
}

// chapters has the directories of testdata with drawn histories, and what they are about.
var chapters = []struct{ dir, title string }{
	{"linearizable", "Linearizability"},
	{"sessions", "Session guarantees"},
	{"prefix", "Consistent prefix"},
	{"causal", "Causal consistency and convergence"},
	{"ends", "Durability and convergence"},
	{"set", "Sets"},
	{"counter", "Counters"},
	{"staleness", "Staleness"},
	{"quorum", "Quorums"},
	{"siblings", "Conflicts and siblings"},
}

// specimen is an anomaly as a golden file shows it.
type specimen struct{ sentence, drawing string }

var (
	countsOf = regexp.MustCompile(`^[a-z-]+: invalid.*\[(.+)\]`)
	countOf  = regexp.MustCompile(`([a-z][a-z +-]*):\d+`)
)

// specimens returns the smallest drawing of each kind of anomaly in the golden files of a directory.
func specimens(t *testing.T, dir string) map[string]specimen {
	t.Helper()
	files, err := filepath.Glob("testdata/" + dir + "/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no drawings in %s: %v", dir, err)
	}
	found := map[string]specimen{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range strings.Split(string(text), "\n## ")[1:] {
			_, verdict, _ := strings.Cut(c, "\n--\n")
			collect(found, strings.Split(verdict, "\n"))
		}
	}
	return found
}

// collect adds the anomalies of one verdict.
func collect(found map[string]specimen, lines []string) {
	kinds := map[string]bool{}
	for i, line := range lines {
		if strings.HasPrefix(line, "invalid") {
			line = "it: " + line
		}
		if m := countsOf.FindStringSubmatch(line); m != nil {
			for _, k := range countOf.FindAllStringSubmatch(m[1], -1) {
				kinds[strings.TrimSpace(k[1])] = true
			}
			continue
		}
		kind, sentence, ok := strings.Cut(line, ": ")
		if !ok || !kinds[kind] {
			continue
		}
		end := i + 1
		for end < len(lines) && strings.Contains(lines[end], "(op ") && !strings.Contains(lines[end], ": ") {
			end++
		}
		s := specimen{sentence, strings.Join(lines[i+1:end], "\n")}
		old, known := found[kind]
		if !known || strings.Count(s.drawing, "\n") < strings.Count(old.drawing, "\n") {
			found[kind] = s
		}
	}
}

// TestCatalogue holds docs/14-anomalies.md against the golden files, and the golden files against the kinds
// that there are: every kind has a drawn history.
func TestCatalogue(t *testing.T) {
	out := "# 14. Anomalies, drawn\n\nEvery kind of anomaly that a checker can report, with its smallest " +
		"drawn history among the tests and the sentence that\nexplains it. Written by `go test ./checkers " +
		"-run Catalogue -rewrite-catalogue`.\n"
	shown := map[string]bool{}
	for _, c := range chapters {
		found := specimens(t, c.dir)
		out += "\n## " + c.title + "\n"
		for _, kind := range slices.Sorted(maps.Keys(found)) {
			shown[kind] = true
			s := found[kind]
			out += fmt.Sprintf("\n### %s\n\n%s\n\n```\n%s\n```\n", kind, s.sentence, s.drawing)
		}
	}
	for _, kind := range declaredKinds(t) {
		if !shown[kind] {
			t.Errorf("no drawn history shows %s", kind)
		}
	}
	const path = "../docs/14-anomalies.md"
	if *rewriteCatalogue {
		if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != out {
		t.Errorf("%s is not what the golden files say (%v); run go test ./checkers -run Catalogue "+
			"-rewrite-catalogue", path, err)
	}
}

var kindConstant = regexp.MustCompile(`(?m)^\t(Kind\w+|[A-Z]\w+)\s+= "([a-z]+(?:-[a-z]+)+)"`)

// declaredKinds returns the kinds of anomalies that the package declares: constants whose names begin with
// Kind, and those of linearizability.
func declaredKinds(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range kindConstant.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "Kind") || file == "lin.go" {
				kinds = append(kinds, m[2])
			}
		}
	}
	if len(kinds) < 30 {
		t.Fatalf("only %d kinds are declared: %v", len(kinds), kinds)
	}
	return append(kinds, ReorderedAdd)
}
