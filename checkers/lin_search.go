package checkers

import (
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// keyJob is a search of one key.
type keyJob struct {
	Job
	places []int32 // by place in the job: the operation's in the history
}

// linModelNames has the models by their names in Models.
var linModelNames = [...]string{Register: ModelRegister, CASRegister: ModelCASRegister,
	AppendList: ModelList, Set: ModelSet}

// job returns the search of the key: of its deeds, as far as they were not dropped.
func (k *keyHistory) job() *keyJob {
	j := &keyJob{Job: Job{Model: linModelNames[k.model]}}
	for i := range k.deeds {
		if d := &k.deeds[i]; d.kind != goneDeed {
			j.Ops = append(j.Ops, k.opOf(d))
			j.places = append(j.places, d.op)
		}
	}
	return j
}

// opOf returns a deed as an operation on this key alone. One that was made sure by what was observed is
// ambiguous again: the search finds that out by itself, and its witness then shows why.
func (k *keyHistory) opOf(d *deedOf) history.Op {
	op := k.h.Op(int(d.op))
	op.Key, op.Keys, op.Call, op.Return, op.Type = k.key, nil, d.call, d.ret, history.Ok
	if !d.sure || k.h.Type(int(d.op)) != history.Ok {
		op.Type, op.Return = history.Info, history.Never
	}
	op.Arg, op.Result = history.Value{}, history.Value{}
	switch {
	case d.kind == readDeed:
		op.F, op.Result = history.FRead, k.seen(d)
	case d.kind == writeDeed && k.model == AppendList:
		op.F, op.Arg = history.FAppend, k.values.name(d.value)
	case d.kind == writeDeed && d.value == 0:
		op.F = history.FDelete
	case d.kind == writeDeed:
		op.F, op.Arg = history.FWrite, k.values.name(d.value)
	default:
		op.F = history.FCAS
		op.Arg = history.ListValue(k.values.name(d.old), k.values.name(d.value))
		if op.Type == history.Ok {
			op.Result = history.BoolValue(d.kind == casDeed)
		}
	}
	return op
}

// seen returns what a read returned.
func (k *keyHistory) seen(d *deedOf) history.Value {
	if k.model != AppendList {
		return k.values.name(d.value)
	}
	if k.lists[d.value].noList {
		return k.h.Result(int(d.op))
	}
	list := make([]history.Value, len(k.list(d)))
	for at, id := range k.list(d) {
		list[at] = k.values.name(id)
	}
	return history.ListValue(list...)
}

// witness returns the places in the history of a search's witness.
func (j *keyJob) witness(answer *Answer) []int32 {
	var places []int32
	for _, at := range answer.Witness {
		if place := j.places[at]; !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places
}
