package harness

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/nemesis"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// TestWrongFiles loads every file below testdata/wrong and compares what is said of it.
func TestWrongFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/wrong/*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Load(filepath.Base(file), data, memCatalogue(&memTarget{env: "sim"}), LoadOptions{})
		if err == nil {
			t.Errorf("%s is taken", file)
			continue
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".txt"
		got := err.Error() + "\n"
		if *rewrite {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%swant\n%s", file, got, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	m := &memTarget{env: "sim"}
	e := loaded(t, m, "version: 1\nname: x\ntarget: memory\nworkload: {name: register}\n", LoadOptions{})[0]
	if len(e.Nodes) != 5 || e.Time != int64(30*time.Second) || e.WarmUp != int64(2*time.Second) ||
		!slices.Equal(e.Seeds, []uint64{1}) || e.Expect != nil || e.Checkers != nil || e.Env != "sim" {
		t.Errorf("got %+v", e)
	}
}

func TestSeeds(t *testing.T) {
	m := &memTarget{env: "sim"}
	for text, want := range map[string][]uint64{
		"seed: 7": {7}, "seeds: 3..5": {3, 4, 5}, "seeds: [1, 5, 9..11]": {1, 5, 9, 10, 11},
	} {
		exp := "version: 1\nname: x\ntarget: memory\nworkload: {name: register}\n" + text + "\n"
		if e := loaded(t, m, exp, LoadOptions{})[0]; !slices.Equal(e.Seeds, want) {
			t.Errorf("%s: %v", text, e.Seeds)
		}
		if e := loaded(t, m, exp, LoadOptions{Seeds: "2,4..5"})[0]; !slices.Equal(e.Seeds, []uint64{2, 4,
			5}) {
			t.Errorf("%s with other seeds: %v", text, e.Seeds)
		}
	}
}

func TestVariantsOverride(t *testing.T) {
	m := &memTarget{env: "sim"}
	exps := loaded(t, m, `version: 1
name: x
target: memory
config: {colour: red, size: {a: 1, b: 2}}
workload: {name: register, keys: 3}
faults: [pause: {for: 1s}]
expect: {durability: must-hold}
variants:
  - name: first
  - name: second
    config: {size: {b: 3}}
    faults: []
    expect: {availability: {measure: write_p50_ns, at-most: 20ms}}
`, LoadOptions{})
	first, second := exps[0], exps[1]
	sizes := second.Config["size"].(map[string]any)
	if len(exps) != 2 || first.Row != "first" || second.Row != "second" || len(first.Faults) != 1 ||
		len(second.Faults) != 0 || second.Config["colour"] != "red" || sizes["a"] != 1 || sizes["b"] != 3 {
		t.Errorf("got %+v and %+v", first, second)
	}
	i := slices.IndexFunc(second.Expect, func(e Expectation) bool { return e.Kind == Bound })
	if i < 0 || second.Expect[i].AtMost != 20e6 || !math.IsInf(second.Expect[i].AtLeast, -1) ||
		second.Expect[i].Property != checkers.Availability {
		t.Errorf("expected are %+v", second.Expect)
	}
}

// TestAskedFor: staleness and causal consistency are judged only where they are asked for, by checkers or by
// an expectation.
func TestAskedFor(t *testing.T) {
	m := &memTarget{env: "sim"}
	const (
		before  = "linearizability read-your-writes monotonic-reads session-causality "
		after   = "durability convergence availability"
		unasked = before + after
	)
	for _, c := range []struct{ text, want string }{
		{"", unasked},
		{"expect: {linearizability: must-hold}", unasked},
		{"checkers: [staleness, causal-convergence]", "causal-convergence staleness"},
		{"checkers: [staleness]\nexpect: {staleness: {measure: k_max, at-most: 3}}", "staleness"},
		{"expect: {staleness: {measure: t_max_ns, at-most: 2s}, causal-consistency: must-hold}",
			before + "causal-consistency staleness " + after},
	} {
		e := loaded(t, m, "version: 1\nname: x\ntarget: memory\nworkload: {name: register}\n"+c.text+"\n",
			LoadOptions{})[0]
		if got := strings.Join(e.Properties(memCatalogue(m)), " "); got != c.want {
			t.Errorf("%s: judged are %s, want %s", c.text, got, c.want)
		}
	}
	_, err := Load("x.yaml", []byte("version: 1\nname: x\ntarget: memory\nworkload: {name: register}\n"+
		"checkers: [linearizability]\nexpect: {staleness: must-hold}\n"), memCatalogue(m), LoadOptions{})
	if err == nil || !strings.Contains(err.Error(), "staleness is not among the checkers") {
		t.Errorf("got %v", err)
	}
}

func TestSet(t *testing.T) {
	m := &memTarget{env: "sim"}
	e := loaded(t, m, memExperiment, LoadOptions{Set: []string{"workload.rate=7", "faults.0.partition.for=3s",
		"config.colour=red"}})[0]
	if e.Workloads[0].Rate != 7 || e.Faults[0].For.Min != int64(3*time.Second) ||
		e.Config["colour"] != "red" {
		t.Errorf("got %+v", e)
	}
}

// TestWrongFlags: what a flag brought in is said of the flag, not of the file.
func TestWrongFlags(t *testing.T) {
	m := &memTarget{env: "sim"}
	for _, c := range []struct {
		opts LoadOptions
		want string
	}{
		{LoadOptions{Set: []string{"workload.rat=7"}}, "--set workload.rat=7: workload.rat: unknown field; " +
			"did you mean rate? allowed: concurrency, hot, hot_share, keys, mix, name, ops_per_key, rate, " +
			"writers"},
		{LoadOptions{Set: []string{"rate"}},
			"--set rate: wanted: a field's path, =, and its value, such as config.replication=async"},
		{LoadOptions{Set: []string{"config.colour=blue"}},
			"--set config.colour=blue: config.colour: blue is not allowed; allowed: red"},
		{LoadOptions{Set: []string{"faults.9.partition=1"}}, "--set faults.9.partition=1: " +
			"faults.9.partition: a list stands before \"9\"; allowed there: the number of an element, " +
			"from 0 to 0"},
		{LoadOptions{Set: []string{"time.x=1"}},
			"--set time.x=1: time.x: what stands there is \"10s\" and has no field x"},
		{LoadOptions{Set: []string{"config=[1"}},
			"--set config=[1: config: no valid YAML: did not find expected ',' or ']'"},
		{LoadOptions{Set: []string{"nodes=0", "nodes=-1"}},
			"--set nodes=-1: nodes: \"-1\"; a whole number from 1 to 100 is wanted"},
		{LoadOptions{Set: []string{"variants.0.time=1s"}}, "--set variants.0.time=1s: variants: " +
			"a flag cannot change it: what a flag says holds for all variants"},
		{LoadOptions{Seeds: "1.."}, "--seeds 1..: \"1..\" are no seeds; allowed: " +
			"a whole number from 0 (7), a range (1..20), several with commas between (1,5,9..12)"},
		{LoadOptions{Seeds: "0..1000000"},
			"--seeds 0..1000000: \"0..1000000\" are too many seeds; at most 1000000 are allowed"},
		{LoadOptions{Env: "dokcer"}, "--env dokcer: env: \"dokcer\" is not allowed; allowed: sim"},
	} {
		_, err := Load("x.yaml", []byte(memExperiment), memCatalogue(m), c.opts)
		if err == nil || err.Error() != c.want {
			t.Errorf("%+v: got\n%v\nwant\n%s", c.opts, err, c.want)
		}
	}
}

// FuzzLoad: whatever the file, there is an experiment or an error, and nothing falls over.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/wrong/*.yaml")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	f.Add([]byte(memExperiment))
	cat := memCatalogue(&memTarget{env: "sim"})
	f.Fuzz(func(t *testing.T, data []byte) {
		exps, err := Load("fuzz.yaml", data, cat, LoadOptions{})
		if (len(exps) == 0) != (err != nil) {
			t.Errorf("%d experiments, error %v", len(exps), err)
		}
	})
}

// TestFaultsAsTheyAreWritten reads one entry in each of the forms there are.
func TestFaultsAsTheyAreWritten(t *testing.T) {
	m := &memTarget{env: "sim"}
	const ms, s = int64(time.Millisecond), int64(time.Second)
	for text, want := range map[string]nemesis.Params{
		"crash":                              {},
		"crash: {}":                          {},
		"crash: {for: 2s, every: 500ms..3s}": {For: both(2 * s), Every: span(500*ms, 3*s)},
		"crash: {unsynced: [lose, tear]}":    {Shapes: []string{"lose-unsynced", "tear-unsynced"}},
		"pause: {targets: n2, after: 3s}":    {Targets: []string{"n2"}, After: 3 * s},
		"clock: {freeze: true}":              {Shapes: []string{"freeze"}},
		"clock: {freeze: leader}":            {Shapes: []string{"freeze"}, Targets: []string{"leader"}},
		"clock: {step: 500ms..5s}":           {Shapes: []string{"step"}, Amount: span(500*ms, 5*s)},
		"clock: {amount: 1s, shape: step}":   {Shapes: []string{"step"}, Amount: both(s)},
		"link: {lossy: 1%..2.5%}":            {Shapes: []string{"lossy"}, Amount: span(10_000, 25_000)},
		"link: {lossy: 20_000}":              {Shapes: []string{"lossy"}, Amount: both(20_000)},
		"link: {lossy: 300 ppm}":             {Shapes: []string{"lossy"}, Amount: both(300)},
		"operator":                           {},
		"partition: {clients: minority}":     {Clients: "minority"},
		"partition: {shape: [halves, ring]}": {Shapes: []string{"halves", "ring"}},
	} {
		exp := strings.Replace(memExperiment, "partition: {shape: halves, every: 2s..3s, for: 1s}", text, 1)
		got := loaded(t, m, exp, LoadOptions{})[0].Faults
		want.Family, _, _ = strings.Cut(text, ":")
		if want.Every == (nemesis.Range{}) {
			want.Every = defaultEvery
		}
		if want.For == (nemesis.Range{}) && want.Family != "operator" {
			want.For = defaultFor
		}
		if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

func span(lo, hi int64) nemesis.Range { return nemesis.Range{Min: lo, Max: hi} }
func both(x int64) nemesis.Range      { return span(x, x) }

// TestNames: an experiment is named by itself, else after its file, and the file's name may be anything.
func TestNames(t *testing.T) {
	m := &memTarget{env: "sim"}
	for _, c := range []struct{ file, text, want string }{
		{"ci/lease.yaml", "", "lease"}, {"ci/lease.yaml", "name: x\n", "x"}, {"-", "", "experiment"},
	} {
		text := "target: memory\nworkload: {name: register}\nvariants: [{name: a b}]\n" + c.text
		exps, err := Load(c.file, []byte(text), memCatalogue(m), LoadOptions{})
		if err != nil || exps[0].Name != c.want || exps[0].Title() != c.want+" / a b" {
			t.Errorf("%+v: %v, %+v", c, err, exps)
		}
	}
}
