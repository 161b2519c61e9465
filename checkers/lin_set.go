package checkers

// decideSet is the engine of sets. One that was only added to and read as a whole is decided by decideAddSet,
// anything else is searched.
func decideSet(k *keyHistory, t *tally, e Engine) decision {
	if k.beyond || e == EnginePorcupine {
		return decision{engine: enginePorcupine, job: k.whole()}
	}
	s := &addSet{elements: int32(k.values.size())}
	for i := range k.deeds {
		d := &k.deeds[i]
		if d.kind == writeDeed {
			s.adds = append(s.adds, setAdd{call: d.call, ret: d.ret, op: d.op, element: d.value,
				sure: d.sure})
		} else {
			s.reads = append(s.reads, setRead{call: d.call, ret: d.ret, op: d.op, elements: k.list(d)})
		}
	}
	failed := k.failedByValue()
	for _, flaw := range decideAddSet(s) {
		if f, known := failed[flaw.elements[0]]; known && flaw.kind == PhantomRead {
			flaw.kind, flaw.ops = FailedWriteRead, append(flaw.ops, f)
		}
		t.addAt(k.h, flaw.kind, k.key, func(w *witness) string { return k.sayFlaw(w, &flaw) }, flaw.ops...)
	}
	return decision{engine: engineSweep}
}

// sayFlaw tells what is wrong with a set.
func (k *keyHistory) sayFlaw(w *witness, f *setFlaw) string {
	op, element := w.at(f.ops[0]), k.name(f.elements[0])
	if f.kind == PhantomRead {
		return w.did(op) + " with " + element + " although nobody ever added it"
	}
	other := w.at(f.ops[1])
	switch f.kind {
	case FailedWriteRead:
		return w.did(op) + " with " + element + " although " + w.whose(other) + " had failed" + because(other)
	case FutureRead:
		return w.did(op) + " with " + element + " although " + w.whose(other) + " began only " +
			span(other.Call-op.Return) + " later"
	case ReadsDisagree:
		return w.did(op) + " without " + k.name(f.elements[1]) + " and " + w.did(other) + " without " +
			element + ": neither can come before the other"
	case NewOldInversion:
		return w.did(op) + " without " + element + " although " + w.whose(other) +
			", which has it, had returned " + earlier(other.Return, op.Call)
	case ReorderedAdd:
		late := w.at(f.ops[2])
		return w.did(op) + " with " + element + " and without " + k.name(f.elements[1]) + " although " +
			w.whose(late) + " had returned " + earlier(late.Return, other.Call) + " than " + w.whose(other) +
			" began"
	}
	return w.did(op) + " without " + element + " although " + w.whose(other) + " had returned " +
		earlier(other.Return, op.Call)
}

// whole returns the search of all the operations on the key as they are.
func (k *keyHistory) whole() *keyJob {
	j := &keyJob{Job: Job{Model: linModelNames[k.model]}}
	for _, i := range k.places {
		op := k.h.Op(int(i))
		list, _ := op.Result.AsList()
		for at := range list {
			if at < len(op.Keys) && op.Keys[at] == k.key {
				op.Result = list[at]
			}
		}
		op.Key, op.Keys = k.key, nil
		j.Ops, j.places = append(j.Ops, op), append(j.places, i)
	}
	return j
}
