package harness

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mostCombinations is the most rows that a comparison may have: beyond lies a slip of the finger.
const mostCombinations = 1000

// varyFlag begins the name of a flag that brought a value in.
const varyFlag = "--vary "

// Variation is a field of an experiment file with the values that it takes in turn.
type Variation struct {
	Path   string // of the field, as in LoadOptions.Set: "config.r"
	Values []VariedValue
}

// VariedValue is one value of a varied field.
type VariedValue struct {
	Text string // in YAML, on one line
	Any  any    // what it stands for: nil, string, int, bool, float64, []any or map[string]any
}

// fixedFields are the fields at the top of a file that cannot vary, and why.
var fixedFields = map[string]string{
	"version":  "a file has one",
	"name":     "it names the file's results, which are one table",
	"about":    "it changes nothing",
	"variants": "each of them is compared anyway",
	"seed":     "every row has the same seeds; --seeds chooses them",
	"seeds":    "every row has the same seeds; --seeds chooses them",
}

// ParseVariation reads "config.r=1,2,3": a field's path and its values, in YAML, with commas between them.
// Values of lists and mappings are written in brackets: "checkers=[quorum],[staleness]".
func ParseVariation(text string) (Variation, error) {
	path, list, found := strings.Cut(text, "=")
	if !found || path == "" || strings.TrimSpace(list) == "" {
		return Variation{}, errors.New("wanted: a field's path, =, and its values with commas between," +
			" such as config.replication=async,quorum")
	}
	if top, _, _ := strings.Cut(path, "."); fixedFields[top] != "" {
		return Variation{}, fmt.Errorf("%s cannot vary: %s", top, fixedFields[top])
	}
	root, err := parseYAML([]byte("[" + list + "]"))
	if err != nil {
		_, what := splitYAMLError(err)
		return Variation{}, errors.New(what)
	}
	v := Variation{Path: path}
	for _, node := range root.Content {
		value, err := variedValue(path, node)
		if err != nil {
			return Variation{}, err
		}
		if slices.ContainsFunc(v.Values, func(o VariedValue) bool { return o.Text == value.Text }) {
			return Variation{}, fmt.Errorf("%s stands there twice", value.Text)
		}
		v.Values = append(v.Values, value)
	}
	return v, nil
}

// variedValue reads one value.
func variedValue(path string, node *yaml.Node) (VariedValue, error) {
	d := &document{flags: make(map[*yaml.Node]string)}
	f := field{doc: d, path: path, node: node}
	d.checkTree(f)
	if len(d.problems) > 0 {
		return VariedValue{}, errors.New(d.problems[0].Text)
	}
	spellNulls(node)
	value := VariedValue{Text: node.Value, Any: f.value()}
	if len(d.problems) > 0 {
		return VariedValue{}, errors.New(d.problems[0].Text)
	}
	if !plain(node) {
		text, err := yaml.Marshal(node)
		if err != nil {
			return VariedValue{}, err
		}
		value.Text = string(bytes.TrimSpace(text))
	}
	if strings.ContainsAny(value.Text, "\n\r") {
		return VariedValue{}, errors.New("a value of several lines; each must be written on one")
	}
	return value, nil
}

// plain reports whether a node is a scalar that reads the same by itself, without any quotes.
func plain(node *yaml.Node) bool {
	if node.Kind != yaml.ScalarNode || node.Style != 0 {
		return false
	}
	again, err := parseYAML([]byte(node.Value))
	return err == nil && again != nil && again.Kind == yaml.ScalarNode && again.Tag == node.Tag &&
		again.Value == node.Value
}

// spellNulls gives every null a text: the one that stands where nothing stands would be written as ”.
func spellNulls(node *yaml.Node) {
	if isNull(node) {
		node.Value = "null"
	}
	for _, child := range node.Content {
		spellNulls(child)
	}
}

// Varied is one row of a comparison: one of the file's configurations with one combination of values.
type Varied struct {
	Row     string        // "async, config.r=1, config.w=2": variant and values; "" for neither
	Variant string        // the file's variant, "" when it has none
	Values  []VariedValue // of the variations, in their order
	// Settings are the values as LoadOptions.Set has them: "config.r=1".
	Settings []string
	// Experiment is what is run, with Row for its Row; nil when the combination is not possible.
	Experiment *Experiment
	Problems   Problems // why it is not possible
}

// Vary reads an experiment file as Load does, once for each combination of the values, which lie over what
// opts says. The rows are in row-major order: the file's variants change slowest, the values of the last
// variation fastest. A combination that is not allowed is a row with Problems. The Source of each experiment
// is a file with all possible rows for its variants.
//
// The error says what is wrong with the variations, or with the file whatever the combination.
func Vary(name string, data []byte, cat *Catalogue, opts LoadOptions, vary []Variation) ([]Varied, error) {
	combinations, err := combine(vary)
	if err != nil {
		return nil, err
	}
	d := &document{file: name, flags: make(map[*yaml.Node]string)}
	root := d.parse(data)
	if root == nil {
		return nil, d.problems.tidied()
	}
	trees := d.variants(root)
	if len(d.problems) > 0 {
		return nil, d.problems.tidied()
	}
	var rows []Varied
	var possible []variant
	for _, t := range trees {
		for _, values := range combinations {
			row := Varied{Variant: t.name, Values: values}
			for i, value := range values {
				row.Settings = append(row.Settings, vary[i].Path+"="+value.Text)
			}
			tree := row.load(name, t.root, cat, opts)
			if row.Experiment != nil {
				row.Experiment.Source = data
				possible = append(possible, variant{row.Row, tree})
			}
			rows = append(rows, row)
		}
	}
	if len(possible) == 0 {
		return nil, allProblems(rows)
	}
	if len(vary) > 0 || len(opts.Set) > 0 || opts.Seeds != "" || opts.Env != "" {
		source := effective(possible)
		for i := range rows {
			if rows[i].Experiment != nil {
				rows[i].Experiment.Source = source
			}
		}
	}
	return rows, sameSeeds(rows)
}

// load reads the row's experiment from the tree of its variant, and returns the tree with the values in it.
func (v *Varied) load(name string, root *yaml.Node, cat *Catalogue, opts LoadOptions) *yaml.Node {
	d := &document{file: name, flags: make(map[*yaml.Node]string)}
	root = d.overridden(root, opts)
	v.Row = strings.Join(v.Settings, ", ")
	if v.Variant != "" {
		v.Row = strings.Join(append([]string{v.Variant}, v.Settings...), ", ")
	}
	for _, setting := range v.Settings {
		root = d.override(root, varyFlag+setting, setting)
	}
	l := &loader{doc: d, cat: cat, root: root}
	l.exp = &Experiment{Row: v.Row, File: name}
	l.load()
	if v.Problems = d.problems.tidied(); len(v.Problems) == 0 {
		v.Experiment = l.exp
	}
	return root
}

// combine returns the combinations of the values in row-major order: one, without values, for no variations.
func combine(vary []Variation) ([][]VariedValue, error) {
	combinations := [][]VariedValue{nil}
	for i := range vary {
		for j := range i {
			if a, b := vary[j].Path, vary[i].Path; strings.HasPrefix(a+".", b+".") ||
				strings.HasPrefix(b+".", a+".") {
				return nil, fmt.Errorf("--vary %s and --vary %s: one field, or one inside of the"+
					" other, is varied twice", a, b)
			}
		}
		var longer [][]VariedValue
		for _, c := range combinations {
			for _, value := range vary[i].Values {
				longer = append(longer, append(slices.Clone(c), value))
			}
		}
		if len(longer) > mostCombinations {
			return nil, fmt.Errorf("%d combinations up to --vary %s; at most %d are allowed", len(longer),
				vary[i].Path, mostCombinations)
		}
		combinations = longer
	}
	return combinations, nil
}

// sameSeeds returns an error when the possible rows do not all have the same seeds.
func sameSeeds(rows []Varied) error {
	var first *Varied
	for i := range rows {
		row := &rows[i]
		switch {
		case row.Experiment == nil:
		case first == nil:
			first = row
		case !slices.Equal(row.Experiment.Seeds, first.Experiment.Seeds):
			return fmt.Errorf("%s: seeds: %q has other seeds than %q, and a comparison runs the same in"+
				" every row; --seeds gives them to all", row.Experiment.File, row.Row, first.Row)
		}
	}
	return nil
}

// Impossible returns an error that says what is wrong with the rows that are not possible, nil when all are.
func Impossible(rows []Varied) error {
	if err := allProblems(rows); len(err) > 0 {
		return err
	}
	return nil
}

// allProblems returns the problems of all rows, each once. One that could be in more rows than have it, names
// the first row that has it.
func allProblems(rows []Varied) Problems {
	var all Problems
	count := make(map[Problem]int)
	first := make(map[Problem]string)
	for i := range rows {
		for _, p := range rows[i].Problems {
			if count[p] == 0 {
				all = append(all, p)
				first[p] = rows[i].Row
			}
			count[p]++
		}
	}
	for i, p := range all {
		if count[p] < rowsWith(rows, p.Flag) {
			all[i].Text += fmt.Sprintf(" (with %s%s)", first[p], others(count[p]-1))
		}
	}
	return all
}

// rowsWith returns how many rows a flag is about: those with its value if it is one of a variation, or all.
func rowsWith(rows []Varied, flag string) int {
	setting, isVary := strings.CutPrefix(flag, varyFlag)
	if !isVary {
		return len(rows)
	}
	n := 0
	for i := range rows {
		if slices.Contains(rows[i].Settings, setting) {
			n++
		}
	}
	return n
}

// others says in how many other rows something is so, "" for none.
func others(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", and in one row more"
	}
	return fmt.Sprintf(", and in %d rows more", n)
}
