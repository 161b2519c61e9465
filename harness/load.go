package harness

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/rashomon-harness/rashomon/targets"
)

// LoadOptions is what flags say over an experiment file. The zero value changes nothing.
type LoadOptions struct {
	Set   []string // "config.replication=async": a field's path and its value in YAML; lists by number from 0
	Seeds string   // over seeds: "1..20" or "1,5,9..12"
	Env   string   // over env: sim, process, docker
}

// What an experiment that does not say otherwise is like.
const (
	defaultTarget  = "reference"
	defaultEnv     = "sim"
	defaultNodes   = 5
	defaultTime    = 30 * time.Second
	defaultWarmUp  = 2 * time.Second
	defaultQuiesce = 3 * time.Second
)

// The most that an experiment may ask for: beyond lies a slip of the finger.
const (
	mostNodes       = 100
	mostKeys        = 1_000_000
	mostRate        = 1_000_000
	mostConcurrency = 10_000
)

var topFields = []string{"version", "name", "about", "target", "env", "nodes", "config", "world", "workload",
	"faults", "warm-up", "time", "quiesce", "seed", "seeds", "checkers", "expect", "variants"}

// Load reads an experiment file: one Experiment for each of its variants, or one in all. name is the
// file's name, for messages and as the default name of the experiment. The error is of type Problems and
// has everything that is wrong.
func Load(name string, data []byte, cat *Catalogue, opts LoadOptions) ([]*Experiment, error) {
	d := &document{file: name, flags: make(map[*yaml.Node]string)}
	root := d.parse(data)
	if root == nil {
		return nil, d.problems.tidied()
	}
	trees := d.variants(root)
	for i := range trees {
		trees[i].root = d.overridden(trees[i].root, opts)
	}
	var exps []*Experiment
	for _, t := range trees {
		l := &loader{doc: d, cat: cat, root: t.root}
		l.exp = &Experiment{Row: t.name, File: name, Source: data}
		l.load()
		exps = append(exps, l.exp)
	}
	if len(d.problems) > 0 {
		return nil, d.problems.tidied()
	}
	if len(opts.Set) > 0 || opts.Seeds != "" || opts.Env != "" {
		source := effective(trees)
		for _, e := range exps {
			e.Source = source
		}
	}
	return exps, nil
}

// variant is the tree of one configuration of a file: what all share with its own fields over it.
type variant struct {
	name string
	root *yaml.Node
}

// variants returns the file's configurations, or the one without a name when it does not list any.
func (d *document) variants(root *yaml.Node) []variant {
	key, list := lookup(root, "variants")
	base := without(root, "variants")
	if list == nil || isNull(list) {
		return []variant{{root: base}}
	}
	at := field{doc: d, path: "variants", key: key, node: list}
	if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		at.wrong("%s; a list of mappings is wanted, each with a name and the fields that differ", at.what())
		return nil
	}
	var trees []variant
	seen := make(map[string]bool)
	for _, f := range at.elements() {
		name := d.variantName(f)
		if name == "" {
			continue
		}
		if seen[name] {
			f.wrong("the name %q is taken by an earlier variant", name)
		}
		seen[name] = true
		trees = append(trees, variant{name, merged(base, without(f.node, "name"))})
	}
	return trees
}

// variantName returns the name of the variant f, "" (and a problem) when it has none.
func (d *document) variantName(f field) string {
	if f.node.Kind != yaml.MappingNode {
		f.wrong("%s; a mapping is wanted, with a name and the fields that differ", f.what())
		return ""
	}
	for _, own := range []string{"variants", "version"} {
		if place, ok := f.step(own); ok {
			place.wrong("a variant cannot have it")
		}
	}
	place, ok := f.step("name")
	if !ok || isNull(place.node) {
		f.wrong("the variant has no name")
		return ""
	}
	name := strings.TrimSpace(place.text())
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		place.wrong("%s; a text of one line is wanted", place.what())
		return ""
	}
	return name
}

// overridden returns the tree with the flags' values in it.
func (d *document) overridden(root *yaml.Node, opts LoadOptions) *yaml.Node {
	for _, setting := range opts.Set {
		root = d.override(root, "--set "+setting, setting)
	}
	if opts.Seeds != "" {
		if _, err := ParseSeeds(opts.Seeds); err != nil {
			d.problems = append(d.problems, Problem{Flag: "--seeds " + opts.Seeds, Text: err.Error()})
			return root
		}
		list := "[" + opts.Seeds + "]"
		root = d.override(without(root, "seed"), "--seeds "+opts.Seeds, "seeds="+list)
	}
	if opts.Env != "" {
		root = d.override(root, "--env "+opts.Env, "env="+quoted(opts.Env))
	}
	return root
}

// quoted writes a text as a YAML scalar that reads as that text.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// effective writes the file with the overrides in it: what its variants share is repeated in each.
func effective(trees []variant) []byte {
	if len(trees) == 1 && trees[0].name == "" {
		data, _ := yaml.Marshal(trees[0].root)
		return data
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	word := func(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, shared := range []string{"version", "name"} {
		if key, value := lookup(trees[0].root, shared); value != nil {
			out = with(out, key, value)
		}
	}
	for _, t := range trees {
		named := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{word("name"),
			word(t.name)}}
		list.Content = append(list.Content, merged(named, without(without(t.root, "version"), "name")))
	}
	data, _ := yaml.Marshal(with(out, word("variants"), list))
	return data
}

// loader reads one experiment from its tree.
type loader struct {
	doc  *document
	cat  *Catalogue
	root *yaml.Node
	exp  *Experiment
}

// load reads the experiment and notes whatever is wrong with it.
func (l *loader) load() {
	before := len(l.doc.problems)
	top := l.fields(field{doc: l.doc, node: l.root}, topFields)
	if f, ok := top["variants"]; ok {
		f.wrong("a flag cannot change it: what a flag says holds for all variants")
	}
	l.loadNames(top)
	l.loadTimes(top)
	l.loadSeeds(top)
	l.loadSystem(top)
	l.loadWorkloads(top)
	l.loadFaults(top)
	read := len(l.doc.problems)
	if read == before { // else the system may well be right, and only misread
		l.checkSystem()
	}
	if len(l.doc.problems) == read { // else it is not known which properties the system makes possible
		l.loadJudgement(top)
	}
}

// fields returns the fields of a mapping by name, and notes those that are not allowed there.
func (l *loader) fields(f field, names []string) map[string]field {
	list, _ := f.entries()
	out := make(map[string]field, len(list))
	for _, e := range list {
		if !slices.Contains(names, e.key.Value) {
			e.wrong("unknown field; %s", allowed(e.key.Value, names))
			continue
		}
		out[e.key.Value] = e
	}
	return out
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

func (l *loader) loadNames(top map[string]field) {
	if f, ok := top["version"]; ok && f.text() != "1" {
		f.wrong("%s is not allowed; allowed: 1", f.what())
	}
	base := filepath.Base(l.doc.file)
	l.exp.Name = strings.TrimSuffix(base, filepath.Ext(base))
	if f, ok := top["name"]; ok {
		l.exp.Name = f.text()
		if !namePattern.MatchString(l.exp.Name) {
			f.wrong("%s is no name; allowed: letters, digits, -, _ and . (a directory is named after it)",
				f.what())
		}
	} else if !namePattern.MatchString(l.exp.Name) {
		l.exp.Name = "experiment"
	}
	if f, ok := top["about"]; ok {
		l.exp.About = strings.TrimSpace(f.text())
	}
}

func (l *loader) loadTimes(top map[string]field) {
	e := l.exp
	e.WarmUp, e.Time, e.Quiesce = int64(defaultWarmUp), int64(defaultTime), int64(defaultQuiesce)
	if f, ok := top["quiesce"]; ok {
		e.Quiesce = f.duration(0)
	}
	if f, ok := top["time"]; ok {
		e.Time = f.duration(time.Millisecond)
		e.WarmUp = min(e.WarmUp, e.Time/4)
	}
	if f, ok := top["warm-up"]; ok {
		e.WarmUp = f.duration(0)
		if e.WarmUp >= e.Time {
			f.wrong("%v is not shorter than time, %v, of which it is the beginning",
				time.Duration(e.WarmUp), time.Duration(e.Time))
		}
	}
}

func (l *loader) loadSeeds(top map[string]field) {
	one, hasOne := top["seed"]
	many, hasMany := top["seeds"]
	switch {
	case hasOne && hasMany:
		one.wrong("seed and seeds cannot stand together; seeds is in line %d", many.at().Line)
	case hasOne:
		l.exp.Seeds = one.seeds()
		if len(l.exp.Seeds) > 1 {
			one.wrong("%s are several; seeds takes several", one.what())
		}
	case hasMany:
		l.exp.Seeds = many.seeds()
		if many.node.Kind == yaml.SequenceNode && len(many.node.Content) == 0 {
			many.wrong("an empty list; at least one seed is wanted")
		}
	default:
		l.exp.Seeds = []uint64{1}
	}
}

// loadSystem reads what is tested: target, environment, nodes, configuration.
func (l *loader) loadSystem(top map[string]field) {
	e := l.exp
	e.Target, e.Env = defaultTarget, defaultEnv
	var names, envs []string
	for _, t := range l.cat.Targets {
		names = append(names, t.Name())
	}
	if f, ok := top["target"]; ok {
		e.Target = f.oneOf(names)
	}
	for _, t := range l.cat.Targets {
		if t.Name() == e.Target {
			envs = append(envs, t.Env())
		}
	}
	if f, ok := top["env"]; ok && e.Target != "" {
		e.Env = f.oneOf(envs)
	}
	nodes := defaultNodes
	if f, ok := top["nodes"]; ok {
		nodes = f.integer(1, mostNodes)
	}
	for i := range nodes {
		e.Nodes = append(e.Nodes, fmt.Sprintf("n%d", i+1))
	}
	e.Config, e.World = l.settings(top, "config"), l.settings(top, "world")
}

// settings reads a mapping that target or environment will make sense of.
func (l *loader) settings(top map[string]field, name string) map[string]any {
	f, ok := top[name]
	if !ok {
		return map[string]any{}
	}
	if f.node.Kind != yaml.MappingNode {
		f.wrong("%s; a mapping is wanted", f.what())
		return map[string]any{}
	}
	return f.value().(map[string]any)
}

// checkSystem lets the target say what is wrong with its configuration.
func (l *loader) checkSystem() {
	target := l.cat.target(l.exp)
	if target == nil {
		l.doc.note(nil, "target", fmt.Sprintf("%s cannot be deployed in env %s", l.exp.Target, l.exp.Env))
		return
	}
	for _, e := range target.Validate(l.exp.spec(l.exp.Seeds[0])) {
		place := l.doc.find(l.root, e.Path)
		place.wrong("%s", strings.TrimPrefix(e.Error(), e.Path+": "))
	}
}

// target returns the arm that an experiment runs on, nil when there is none.
func (c *Catalogue) target(e *Experiment) targets.Target {
	for _, t := range c.Targets {
		if t.Name() == e.Target && t.Env() == e.Env {
			return t
		}
	}
	return nil
}

// spec returns what the cluster of a run is deployed from.
func (e *Experiment) spec(seed uint64) *targets.Spec {
	return &targets.Spec{Nodes: e.Nodes, Config: e.Config, World: e.World, Seed: seed}
}

// Title names the experiment's row for people: "async-loses-writes / semi-sync".
func (e *Experiment) Title() string {
	if e.Row == "" {
		return e.Name
	}
	return cmp.Or(e.Name, "experiment") + " / " + e.Row
}
