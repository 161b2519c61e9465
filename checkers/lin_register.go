package checkers

import (
	"math"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// register is a key's history as that of a register, with or without compare-and-set, by value. The
// producers of a value are the writes and cas that set it; its observers are the reads that returned it and
// the cas that found it. A block is a value with its producer and its observers.
type register struct {
	*keyHistory
	blocks []block // by value
	unique bool    // no value has two producers, and null has none: it is the initial value
	plain  bool    // there are only reads and writes
	closer []int32 // of a deed made sure because it was observed: by which deed; else -1. Nil for none
}

// block is one value. Times are of the operations in it that were not dropped.
type block struct {
	first     int64 // smallest return; history.Never for none, math.MinInt64 of the initial value
	last      int64 // largest call
	producer  int32 // the deed called first that sets it, -1 for none
	producers int32 // how many there are that may have happened, the initial state included
}

// decideRegister is the engine of registers.
func decideRegister(k *keyHistory, t *tally, e Engine) decision {
	r := newRegister(k)
	found := t.total
	r.reportWrong(t)
	if e != EnginePorcupine {
		r.checkObserved(t)
	}
	switch {
	case e == EnginePorcupine && t.total > found:
		return decision{engine: enginePorcupine}
	case e == EnginePorcupine:
		return decision{engine: enginePorcupine, job: k.job()}
	case r.plain && r.unique:
		r.measure()
		r.zones(t)
		return decision{engine: engineZones}
	case r.unique:
		return r.decideChains(t, found)
	case t.total > found:
		return decision{engine: enginePorcupine} // not linearizable, and small witnesses are there
	}
	return decision{engine: enginePorcupine, job: k.job()}
}

func newRegister(k *keyHistory) *register {
	k.blocks = slices.Grow(k.blocks[:0], k.values.size())[:k.values.size()]
	r := &register{keyHistory: k, blocks: k.blocks, unique: true, plain: true}
	for v := range r.blocks {
		r.blocks[v] = block{producer: -1}
	}
	r.blocks[0].producers = 1
	for i := range k.deeds {
		d := &k.deeds[i]
		if d.kind == casDeed || d.kind == notDeed {
			r.plain = false
		}
		if !d.produces() {
			continue
		}
		b := &r.blocks[d.value]
		if b.producer < 0 {
			b.producer = int32(i)
		}
		b.producers++
		r.unique = r.unique && b.producers == 1
	}
	return r
}

// produces reports whether d sets a value, if it happened.
func (d *deedOf) produces() bool { return d.kind == writeDeed || d.kind == casDeed }

// observed returns the value that d found for certain, if it found one.
func (d *deedOf) observed() (value int32, ok bool) {
	switch {
	case d.kind == readDeed:
		return d.value, true
	case d.kind == casDeed && d.sure:
		return d.old, true
	}
	return 0, false
}

// reportWrong reports the cas that were refused because of the value that they expected.
func (r *register) reportWrong(t *tally) {
	for _, i := range r.wrong {
		t.addAt(r.h, WrongRefusal, r.key, func(w *witness) string {
			return w.did(w.at(i)) + ", which is what it expected"
		}, i)
	}
}

// checkObserved reports what was observed and cannot have been there: values that nobody wrote, that a
// failed operation wrote, that were written only later. Such an observation is dropped, which is sound: of
// a linearizable history every part without some reads is linearizable, or with a cas made a mere write.
func (r *register) checkObserved(t *tally) {
	var failed map[int32]int32
	for i := range r.deeds {
		d := &r.deeds[i]
		v, ok := d.observed()
		if !ok {
			continue
		}
		b := &r.blocks[v]
		switch {
		case b.producers == 0:
			if failed == nil {
				failed = r.failedByValue()
			}
			reportPhantom(r.keyHistory, t, d, v, failed)
		case v != 0 && d.ret < r.deeds[b.producer].call:
			reportFuture(r.keyHistory, t, d, &r.deeds[b.producer])
		default:
			continue
		}
		if d.kind == casDeed {
			d.kind = writeDeed
		} else {
			d.kind = goneDeed
		}
	}
}

func (k *keyHistory) failedByValue() map[int32]int32 {
	failed := make(map[int32]int32, len(k.failed))
	for _, f := range k.failed {
		failed[f.value] = f.op
	}
	return failed
}

// reportPhantom reports that d observed v, which nothing that may have happened produced.
func reportPhantom(k *keyHistory, t *tally, d *deedOf, v int32, failed map[int32]int32) {
	if f, ok := failed[v]; ok {
		t.addAt(k.h, FailedWriteRead, k.key, func(w *witness) string {
			write := w.at(f)
			return w.did(w.at(d.op)) + " although " + w.whose(write) + " had failed" + because(write)
		}, d.op, f)
		return
	}
	t.addAt(k.h, PhantomRead, k.key, func(w *witness) string {
		return w.did(w.at(d.op)) + " although nobody ever wrote " + k.name(v)
	}, d.op)
}

// because names the error of a failed operation.
func because(op *history.Op) string {
	if code := op.Err.Code.String(); code != "" {
		return " (" + code + ")"
	}
	return ""
}

// reportFuture reports that d observed what the later deed p produced.
func reportFuture(k *keyHistory, t *tally, d, p *deedOf) {
	t.addAt(k.h, FutureRead, k.key, func(w *witness) string {
		op, write := w.at(d.op), w.at(p.op)
		later := span(write.Call-op.Return) + " later"
		return w.did(op) + " although " + w.whose(write) + " began only " + later
	}, d.op, p.op)
}

// checkDoubleCAS reports each further cas that found a value which was produced only once and which an
// earlier cas had replaced already.
func (r *register) checkDoubleCAS(t *tally) {
	first := map[int32]int32{}
	for i := range r.deeds {
		d := &r.deeds[i]
		if d.kind != casDeed || !d.sure {
			continue
		}
		f, again := first[d.old]
		if !again {
			first[d.old] = int32(i)
			continue
		}
		t.addAt(r.h, DoubleCAS, r.key, func(w *witness) string {
			once := r.key + " was " + r.name(d.old) + " only once"
			return w.did(w.at(r.deeds[f].op)) + " and " + w.did(w.at(d.op)) + " although " + once
		}, r.grounds(r.blocks[d.old].producer, f, int32(i))...)
	}
}

// grounds returns the operations of the given deeds (-1 for none) and of those that made them sure.
func (r *register) grounds(deeds ...int32) []int32 {
	var ops []int32
	for _, i := range deeds {
		for ; i >= 0; i = r.closerOf(i) {
			if op := r.deeds[i].op; !slices.Contains(ops, op) {
				ops = append(ops, op)
			}
		}
	}
	return ops
}

// closerOf returns the deed that made deed i sure, -1 when none was needed.
func (r *register) closerOf(i int32) int32 {
	if r.closer == nil {
		return -1
	}
	return r.closer[i]
}

// measure finds the first return and the last call of every block.
func (r *register) measure() {
	for v := range r.blocks {
		r.blocks[v].first, r.blocks[v].last = history.Never, math.MinInt64
	}
	r.blocks[0].first = math.MinInt64
	for i := range r.deeds {
		d := &r.deeds[i]
		if d.kind == casDeed && d.sure {
			r.blocks[d.old].extend(d)
		}
		if d.kind != goneDeed && d.kind != notDeed {
			r.blocks[d.value].extend(d)
		}
	}
}

func (b *block) extend(d *deedOf) {
	b.first, b.last = min(b.first, d.ret), max(b.last, d.call)
}
