package nemesis

import (
	"fmt"
	"strings"
	"testing"
)

func TestValidateAcceptsWhatIsDocumented(t *testing.T) {
	for _, info := range All() {
		for shape := range info.Shapes {
			for _, word := range append([]string{""}, info.Targets...) {
				p := Params{Family: info.Family, Shapes: []string{shape}, Every: Range{1, 2}, For: Range{1,
					2}}
				s := find(info.Family).shape(shape)
				if word != "" && !s.own && (word != opposedNodes || s.opposable) {
					p.Targets = []string{word}
				}
				if find(info.Family).instant {
					p.For = Range{}
				}
				if len(info.Clients) > 0 && shape != Ring {
					p.Clients = info.Clients[len(info.Clients)-1]
				}
				if problems := Validate(&p, []string{"n1"}); len(problems) > 0 {
					t.Errorf("%s %s %s: %v", info.Family, shape, word, problems)
				}
			}
		}
	}
	for _, p := range everything() {
		if problems := Validate(&p, []string{"n1", "n2"}); len(problems) > 0 {
			t.Errorf("%+v: %v", p, problems)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	good := Params{Family: "clock", Shapes: []string{ClockStep}, Every: Range{1, 2}, For: Range{1, 2}}
	for _, tc := range []struct {
		name   string
		change func(p *Params)
		want   string
	}{
		{"family", func(p *Params) { p.Family = "flood" },
			`family: "flood" is not allowed; allowed: partition, crash, pause, clock, link, disk, operator`},
		{"shape", func(p *Params) { p.Shapes = []string{"jump"} },
			`shape: "jump" is not allowed; allowed: step, step-forward, step-back, ` +
				`drift, drift-fast, drift-slow, freeze`},
		{"target", func(p *Params) { p.Targets = []string{"n9"} },
			`targets: "n9" is not allowed; allowed: any, leader, follower, followers, ` +
				`minority, majority, all, opposed, n1, n2`},
		{"opposed steps", func(p *Params) { p.Targets = []string{"opposed"} },
			`targets: "opposed" is not allowed; allowed: with step any of any, leader, ` +
				`follower, followers, ` +
				`minority, majority, all`},
		{"target of its own", func(p *Params) {
			*p = Params{Family: "partition", Shapes: []string{IsolateLeader},
				Targets: []string{"follower"}, Every: p.Every, For: p.For}
		},
			`targets: "follower" is not allowed; allowed: nothing: isolate-leader says itself whom it hits`},
		{"clients", func(p *Params) { p.Clients = "both" },
			`clients: "both" is not allowed; allowed: nothing: clients do not matter to clock`},
		{"clients of a ring", func(p *Params) {
			*p = Params{Family: "partition", Shapes: []string{Ring},
				Clients: "split", Every: p.Every, For: p.For}
		},
			`clients: "split" is not allowed; allowed: both: a ring has no sides`},
		{"no every", func(p *Params) { p.Every = Range{} },
			`every: a duration above 0, or a range of them such as 5s..8s`},
		{"for", func(p *Params) { p.For = Range{5e9, 1e9} },
			`for: 5s..1s is not allowed; allowed: a duration above 0, or a range of them such as 1s..3s`},
		{"after", func(p *Params) { p.After = -1e9 },
			`after: -1s is not allowed; allowed: a duration of 0 or more`},
		{"for of a deed", func(p *Params) {
			*p = Params{Family: "operator", Every: p.Every, For: Range{1e9,
				1e9}}
		},
			`for: 1s is not allowed; allowed: nothing: operator is over at once`},
		{"negative amount", func(p *Params) { p.Amount = Range{-1e9, 1e9} },
			`amount: -1s..1s is not allowed; allowed: for step a duration above 0, or a range`},
		{"too much drift", func(p *Params) { p.Shapes, p.Amount = []string{ClockDrift}, Range{60000, 60000} },
			`amount: 60000ppm is not allowed; allowed: for drift parts per million above 0, or a range, ` +
				`up to 50000ppm`},
		{"amount of a freeze", func(p *Params) { p.Shapes, p.Amount = []string{ClockFreeze}, Range{5, 5} },
			`amount: 5 is not allowed; allowed: nothing: freeze has no amount`},
		{"mixed amounts", func(p *Params) {
			p.Shapes, p.Amount = []string{ClockStep, ClockDrift}, Range{5,
				6}
		},
			`amount: 5..6 is not allowed; allowed: one for shapes that count the same; ` +
				`make the others entries of their own`},
	} {
		p := good
		tc.change(&p)
		var got []string
		for _, problem := range Validate(&p, []string{"n1", "n2"}) {
			got = append(got, problem.Error())
		}
		if strings.Join(got, "\n") != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.name, strings.Join(got, "\n"), tc.want)
		}
	}
}

func TestCatalogueGolden(t *testing.T) {
	var b strings.Builder
	for _, info := range All() {
		fmt.Fprintf(&b, "%s: %s (needs %s)\n  targets: %s\n", info.Family, info.Summary, info.Needs,
			strings.Join(info.Targets, ", "))
		if len(info.Clients) > 0 {
			fmt.Fprintf(&b, "  clients: %s\n", strings.Join(info.Clients, ", "))
		}
		for _, name := range find(info.Family).shapeNames() {
			mark := ""
			if name == info.Shape {
				mark = " [default]"
			}
			fmt.Fprintf(&b, "  %s%s: %s\n", name, mark, info.Shapes[name])
		}
	}
	golden(t, "catalogue.golden", b.String())
}
