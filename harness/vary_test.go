package harness

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// variations reads several variations.
func variations(t testing.TB, texts ...string) []Variation {
	t.Helper()
	var all []Variation
	for _, text := range texts {
		v, err := ParseVariation(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func TestParseVariation(t *testing.T) {
	for text, want := range map[string][]any{
		"config.r=1,2,3":                {1, 2, 3},
		"time=10s, 2s":                  {"10s", "2s"},
		"config.x=on,true,~":            {"on", true, nil},
		`config.x="1",1,'a, b'`:         {"1", 1, "a, b"},
		"checkers=[quorum],[]":          {[]any{"quorum"}, []any{}},
		"workload={name: x, rate: 0.5}": {map[string]any{"name": "x", "rate": 0.5}},
		"faults=[crash: {x: 1s}],[]":    {[]any{map[string]any{"crash": map[string]any{"x": "1s"}}}, []any{}},
		"world.latency=1ms..3ms":        {"1ms..3ms"},
	} {
		v, err := ParseVariation(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []any
		for _, value := range v.Values {
			got = append(got, value.Any)
			again, err := ParseVariation(v.Path + "=" + value.Text)
			if err != nil || len(again.Values) != 1 || !reflect.DeepEqual(again.Values[0], value) {
				t.Errorf("%s: %q is read as %+v, %v", text, value.Text, again, err)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, want %#v", text, got, want)
		}
	}
}

func TestWrongVariations(t *testing.T) {
	for text, want := range map[string]string{
		"config.r":              "wanted: a field's path",
		"config.r=":             "wanted: a field's path",
		"=1":                    "wanted: a field's path",
		"seeds=1,2":             "seeds cannot vary: every row has the same seeds",
		"variants.0.time=1s":    "variants cannot vary",
		"config.r=1,2,1":        "1 stands there twice",
		"config.r=1,,2":         "no valid YAML",
		"config.r=[1":           "no valid YAML",
		"config.r=1]\n---\n[":   "more than one YAML document",
		"config.r=&a 1,*a":      "are not allowed",
		"config.x={a: 1, a: 2}": "given twice",
		"config.r=.inf":         "a number from -2^63 to 2^63 is wanted",
		"config.x=\"a\\nb\"":    "",
	} {
		_, err := ParseVariation(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// TestVary: rows are variants first and the last variation changing fastest; each is what Load makes of the
// same values set by hand, and the file that they are saved as gives the same experiments.
func TestVary(t *testing.T) {
	cat := memCatalogue(&memTarget{env: "sim"})
	text := []byte(memExperiment + "variants: [{name: one}, {name: two, config: {colour: red}}]\n")
	vary := variations(t, "nodes=3,5", "workload.rate=7,8.5,9")
	opts := LoadOptions{Set: []string{"config.size=4"}, Seeds: "2..3"}
	rows, err := Vary("x.yaml", text, cat, opts, vary)
	if err != nil || len(rows) != 12 || Impossible(rows) != nil {
		t.Fatalf("%d rows, %v, %v", len(rows), err, Impossible(rows))
	}
	saved, err := Load("x.yaml", rows[0].Experiment.Source, cat, LoadOptions{})
	if err != nil || len(saved) != 12 {
		t.Fatalf("%d experiments, %v\n%s", len(saved), err, rows[0].Experiment.Source)
	}
	for i := range rows {
		row := &rows[i]
		variant := []string{"one", "two"}[i/6]
		nodes, rate := []int{3, 5}[i/3%2], []string{"7", "8.5", "9"}[i%3]
		want := fmt.Sprintf("%s, nodes=%d, workload.rate=%s", variant, nodes, rate)
		if row.Row != want || row.Variant != variant || len(row.Experiment.Nodes) != nodes {
			t.Errorf("row %d is %q, want %q", i, row.Row, want)
		}
		byHand, err := Load("x.yaml", text, cat, LoadOptions{Seeds: opts.Seeds,
			Set: append(slices.Clone(opts.Set), row.Settings...)})
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []*Experiment{byHand[i/6], saved[i]} {
			other.Row, other.Source = row.Experiment.Row, row.Experiment.Source
			for j := range other.Expect {
				other.Expect[j].Line = row.Experiment.Expect[j].Line
			}
			if !reflect.DeepEqual(other, row.Experiment) {
				t.Errorf("%s: got %+v, want %+v", row.Row, row.Experiment, other)
			}
		}
	}
	plain, err := Vary("x.yaml", []byte(memExperiment), cat, LoadOptions{}, nil)
	if err != nil || len(plain) != 1 || plain[0].Row != "" || string(plain[0].Experiment.Source) !=
		memExperiment {
		t.Errorf("without anything to vary: %+v, %v", plain, err)
	}
}

// TestImpossible: a combination that is not allowed is a row that says why, and what is wrong with several
// rows is said once.
func TestImpossible(t *testing.T) {
	cat := memCatalogue(&memTarget{env: "sim"})
	rows, err := Vary("x.yaml", []byte(memExperiment), cat, LoadOptions{},
		variations(t, "nodes=3,0", "config.colour=red,blue"))
	if err != nil {
		t.Fatal(err)
	}
	var possible []bool
	for i := range rows {
		possible = append(possible, rows[i].Experiment != nil)
	}
	if !slices.Equal(possible, []bool{true, false, false, false}) {
		t.Errorf("possible are %v", possible)
	}
	// what the target thinks of a configuration is asked only when the rest of the file is right
	want := "--vary config.colour=blue: config.colour: blue is not allowed; allowed: red (with nodes=3," +
		" config.colour=blue)\n--vary nodes=0: nodes: \"0\"; a whole number from 1 to 100 is wanted"
	if err := Impossible(rows); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	text := strings.Replace(memExperiment, "time: 10s", "time: 10s\nwarm-up: 5s", 1)
	rows, err = Vary("x.yaml", []byte(text), cat, LoadOptions{}, variations(t, "time=10s,5s,4s"))
	const wrong = "x.yaml:9: warm-up: 5s is not shorter than time, %s, of which it is the beginning" +
		" (with time=%s)"
	want = fmt.Sprintf(wrong+"\n"+wrong, "5s", "5s", "4s", "4s")
	if err != nil || Impossible(rows) == nil || Impossible(rows).Error() != want {
		t.Errorf("got\n%v, %v\nwant\n%s", Impossible(rows), err, want)
	}
}

// TestVaryRefuses: what makes all rows impossible is an error, and so is what makes no comparison.
func TestVaryRefuses(t *testing.T) {
	cat := memCatalogue(&memTarget{env: "sim"})
	many := "config.x=0"
	for i := range 39 {
		many += fmt.Sprintf(",%d", i+1)
	}
	for _, c := range []struct {
		add  string
		opts LoadOptions
		vary []string
		want string
	}{
		{"", LoadOptions{}, []string{"config.r=1", "config.r=2"}, "--vary config.r and --vary config.r"},
		{"", LoadOptions{}, []string{"config.r=1", "config={r: 2}"}, "one inside of the other"},
		{"", LoadOptions{}, []string{"config.r=1,2", "config.rr=2,3"}, ""},
		{"", LoadOptions{}, []string{many, strings.Replace(many, "x", "y", 1)}, "1600 combinations"},
		{"", LoadOptions{}, []string{"nodez=1,2"}, "--vary nodez=1: nodez: unknown field; did you"},
		{"", LoadOptions{}, []string{"time.x=1"}, "--vary time.x=1: time.x: what stands there is"},
		{"", LoadOptions{Set: []string{"nodes=0"}}, []string{"config.r=1,2"}, "--set nodes=0: nodes: \"0\""},
		{"", LoadOptions{Seeds: "x"}, []string{"config.r=1,2"}, "--seeds x"},
		{"moon: 1\n", LoadOptions{}, []string{"config.r=1,2"}, "x.yaml:11: moon: unknown field"},
		{"variants: [{}]\n", LoadOptions{}, nil, "the variant has no name"},
		{"variants: [{name: a}, {name: b, seed: 2}]\n", LoadOptions{}, nil, `"b" has other seeds than "a"`},
		{"variants: [{name: a}, {name: b, seed: 2}]\n", LoadOptions{Seeds: "1..2"}, nil, ""},
		{"a: [", LoadOptions{}, nil, "no valid YAML"},
	} {
		rows, err := Vary("x.yaml", []byte(memExperiment+c.add), cat, c.opts, variations(t, c.vary...))
		if c.want == "" {
			if err != nil || Impossible(rows) != nil {
				t.Errorf("%+v: %v, %v", c, err, Impossible(rows))
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), c.want) != 1 {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

// FuzzVariation: whatever the text, there are values that read again as the same, or an error.
func FuzzVariation(f *testing.F) {
	for _, text := range []string{"config.r=1,2", "a=[1],{b: c}", `a="x",'y'`, "a=!!str 1,*x,&y z", "a=]\n[",
		"a=? b", "a=00:"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseVariation(text)
		if err != nil {
			return
		}
		d := &document{}
		for _, value := range v.Values {
			node, err := parseYAML([]byte(value.Text))
			switch {
			case err != nil:
				t.Errorf("%q: %q: %v", text, value.Text, err)
			case node == nil && value.Any != nil:
				t.Errorf("%q: %q is nothing, want %v", text, value.Text, value.Any)
			case node != nil && !reflect.DeepEqual((field{doc: d, node: node}).value(), value.Any):
				t.Errorf("%q: %q is not read as %v", text, value.Text, value.Any)
			}
		}
	})
}
