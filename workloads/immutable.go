package workloads

import (
	"strconv"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// ImmutableInfo describes the workload of values that never change.
func ImmutableInfo() Info {
	return Info{
		Name: "immutable",
		Summary: "every key is written once, with a value of its own, and from then on read by everybody, " +
			"until so many newer keys are there as keys says",
		Mix:     map[string]int{history.FRead: 9, history.FWrite: 1},
		Options: withSpread(map[string]string{}),
		Makes:   properties(registerCheckers(true)),
		Offers:  properties(registerOffers()),
		New:     newImmutable,
	}
}

func newImmutable(p *Params) (Workload, error) {
	info := ImmutableInfo()
	s := newSettings(p, info)
	l := &library{
		prefix: p.Prefix,
		mix:    s.mix(info.Mix, history.FRead, history.FWrite),
		spread: s.spread(),
	}
	return s.workload(l, registerCheckers(true), registerOffers())
}

// library is the player of the workload immutable. Key n holds n; its place is n-1 modulo the number of
// places.
type library struct {
	prefix string
	mix    mix
	spread spread
	names  []string // of the keys, by n-1
}

// keys returns every key so far.
func (l *library) keys() []string { return l.names }

func (l *library) play(t turn, op *plan.Op) {
	op.F = l.mix.pick(t.draw.Named("f"))
	if op.F == history.FWrite || len(l.names) == 0 {
		n := len(l.names) + 1
		l.names = append(l.names, l.prefix+strconv.Itoa(n))
		op.F, op.Key, op.Value = history.FWrite, l.names[n-1], history.IntValue(int64(n))
		return
	}
	op.Key = l.names[l.newest(l.spread.pick(t.draw.Named("key"))%len(l.names))]
}

// newest returns the newest key at a place, by its place in names.
func (l *library) newest(place int) int {
	rounds := (len(l.names) - 1 - place) / l.spread.places
	return place + rounds*l.spread.places
}

func (l *library) ended(turn, *history.Event) {}
