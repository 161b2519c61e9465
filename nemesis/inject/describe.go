package inject

import (
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/nemesis"
)

// describe returns the value of a fault's first event: what was asked and whom it hits. Entries that do
// not apply are left out.
//
//	shape     the family's variant
//	targets   what the plan asked for: "leader", "any", ..
//	nodes     the nodes hit (all but partitions with sides)
//	against   clock: the nodes whose clocks are bent the other way
//	cut       partition: the two sides, clients included; the packets cut are those between them,
//	          or, with one-way-in and one-way-out, those from "from" to the other side
//	from      partition: the index of the side in cut whose packets are lost
//	links     partition without sides: the directed pairs of nodes whose packets are lost
//	for       nanoseconds
//	amount    the quantity, in the shape's unit
func describe(act *nemesis.Action) history.Value {
	f := &act.Fault
	m := map[string]history.Value{"shape": history.StringValue(f.Shape)}
	if f.Targets != "" {
		m["targets"] = history.StringValue(f.Targets)
	}
	if f.For != 0 {
		m["for"] = history.IntValue(f.For)
	}
	if f.Amount != 0 {
		m["amount"] = history.IntValue(f.Amount)
	}
	if f.Clients != "" {
		m["clients"] = history.StringValue(f.Clients)
	}
	if len(act.Nodes) > 0 {
		m["nodes"] = listed(act.Nodes)
	}
	if len(act.Against) > 0 {
		m["against"] = listed(act.Against)
	}
	if f.Family == "partition" {
		describeCut(act, m)
	}
	return history.MapValue(m)
}

func describeCut(act *nemesis.Action, m map[string]history.Value) {
	switch {
	case len(act.Groups) > 0:
		sides := make([]history.Value, len(act.Groups))
		for i, side := range act.Groups {
			sides[i] = listed(side)
		}
		m["cut"] = history.ListValue(sides...)
	case len(act.Cut) > 0:
		pairs := make([]history.Value, len(act.Cut))
		for i, pair := range act.Cut {
			pairs[i] = listed(pair[:])
		}
		m["links"] = history.ListValue(pairs...)
	}
	switch {
	case act.Skip != "":
	case act.Fault.Shape == nemesis.OneWayIn:
		m["from"] = history.IntValue(1)
	case act.Fault.Shape == nemesis.OneWayOut:
		m["from"] = history.IntValue(0)
	}
}

func listed(names []string) history.Value {
	list := make([]history.Value, len(names))
	for i, name := range names {
		list[i] = history.StringValue(name)
	}
	return history.ListValue(list...)
}
