package checkers

import (
	"fmt"

	"github.com/rashomon-harness/rashomon/history"
)

// causalKey is what is known of a key when all writes were seen.
type causalKey struct {
	dense  []int32          // by integer, where they are dense: who produced it, see producer
	sparse map[scalar]int32 // of everything else
	count  int64            // of values
	odd    string           // why the key cannot be judged at all, "" if it can
	doubt  string           // why some operation on it decides nothing, "" for none
	slots  []causalSlot     // the writes, by chain, in the order of the chain's first write
	chains []int32          // by slot: its chain
}

// What a producer is: 0 for nobody, n+1 for operation n, -n-1 for operation n that failed.
const severalProducers = -1 << 31

// cell returns where the producer of a value stands, nil when the value was never seen.
func (k *causalKey) cell(v scalar) *int32 {
	if v.kind == history.Int && uint64(v.num) < uint64(len(k.dense)) {
		return &k.dense[v.num]
	}
	return nil
}

// producer returns who may have produced a value.
func (k *causalKey) producer(v scalar) int32 {
	if at := k.cell(v); at != nil && *at != 0 {
		return *at
	}
	return k.sparse[v]
}

// produce notes that operation op may have written v, or (failed) that it certainly has not.
func (k *causalKey) produce(v scalar, op int32, failed bool) {
	now := k.producer(v)
	switch {
	case failed && now != 0:
		return
	case failed:
		now = -op - 1
	case now > 0 || now == severalProducers:
		now = severalProducers
	default:
		now = op + 1
	}
	k.count++
	if v.kind == history.Int && v.num >= int64(len(k.dense)) && v.num < 64+4*k.count {
		k.dense = append(k.dense, make([]int32, v.num+1-int64(len(k.dense)))...)
	}
	if at := k.cell(v); at != nil {
		*at = now
		return
	}
	if k.sparse == nil {
		k.sparse = map[scalar]int32{}
	}
	k.sparse[v] = now
}

const (
	nobody    int32 = -1     // stands for no operation, or no chain
	initially       = nobody // stands for the operation that wrote the initial value
)

// causalDeeds are the reads and writes of a history that count. The lists of all operations lie one behind
// the other: operation i has those from head[i] to head[i+1].
type causalDeeds struct {
	*accesses
	keys      []causalKey // by number
	findings  *causalFindings
	broken    string // why nothing can be judged
	happened  []bool // by operation: it has reads or writes that count
	ambiguous []bool // by operation: it happened, but nobody knows when
	readHead  []int32
	readKey   []int32
	readFrom  []int32 // the operation that wrote the value, or initially
	writeHead []int32
	writeKey  []int32
	list      []causalAccess // of the operation that was taken apart last
}

// causalAccess is a read or a write of one key by the operation at hand.
type causalAccess struct {
	key   int32
	write bool
	value scalar
}

// readCausalDeeds takes a history apart: first all that was written, then who read from whom.
func readCausalDeeds(h *history.History, f *causalFindings) *causalDeeds {
	n := h.Len()
	d := &causalDeeds{accesses: &accesses{h: h}, findings: f, keys: make([]causalKey, h.KeyCount()),
		happened: make([]bool, n), ambiguous: make([]bool, n)}
	d.sessions, d.count = sessionNumbers(h)
	d.writeHead, d.readHead = make([]int32, n+1), make([]int32, n+1)
	d.writeKey, d.readKey, d.readFrom = make([]int32, 0, n/2), make([]int32, 0, n/2), make([]int32, 0, n/2)
	for i := range n {
		d.enterWrites(i)
		d.writeHead[i+1] = int32(len(d.writeKey))
	}
	for i := range n {
		if d.broken == "" && h.Type(i) == history.Ok {
			d.enterReads(i)
		}
		d.readHead[i+1] = int32(len(d.readKey))
	}
	for k := range d.keys {
		d.keys[k].dense, d.keys[k].sparse = nil, nil
	}
	return d
}

// key returns the key with that number.
func (d *causalDeeds) key(number int32) *causalKey {
	for int(number) >= len(d.keys) {
		d.keys = append(d.keys, causalKey{})
	}
	return &d.keys[number]
}

// enterWrites enters what operation i wrote, may have written or failed to write.
func (d *causalDeeds) enterWrites(i int) {
	ended := d.h.Type(i)
	for _, a := range d.takeApart(i) {
		k := d.key(a.key)
		if !a.write {
			continue
		}
		k.produce(a.value, int32(i), ended == history.Fail)
		if ended != history.Fail {
			d.writeKey = append(d.writeKey, a.key)
			d.happened[i] = ended == history.Ok
		}
	}
}

// enterReads enters whom operation i read from.
func (d *causalDeeds) enterReads(i int) {
	for _, a := range d.takeApart(i) {
		if k := d.key(a.key); !a.write && k.odd == "" {
			d.enterRead(int32(i), a.key, k, &a.value)
		}
	}
}

func (d *causalDeeds) enterRead(i, key int32, k *causalKey, v *scalar) {
	from := k.producer(*v)
	switch {
	case v.kind == history.Null && from > 0 || from == severalProducers:
		if k.doubt == "" {
			d.doubt(key, "several operations may have written "+d.nameOf(i, key, v))
		}
		return
	case v.kind == history.Null:
		from = initially
	case from > 0:
		from--
		if !d.happened[from] {
			d.happened[from], d.ambiguous[from] = true, true
		}
	case from < 0:
		d.aborted(i, -from-1, key)
		return
	case v.kind == history.List:
		d.doubt(key, "was read as a list that nobody wrote; it may be several versions")
		return
	default:
		d.thinAir(i, key)
		return
	}
	d.happened[i] = true
	d.readKey, d.readFrom = append(d.readKey, key), append(d.readFrom, from)
}

// thinAir adds the anomaly that operation i read from key what nobody wrote.
func (d *causalDeeds) thinAir(i, key int32) {
	say := func(w *witness) string {
		return causalDid(w, w.at(i)) + ", a value of " + d.name(key) + " that nobody ever wrote"
	}
	for _, t := range []*tally{d.findings.cc, d.findings.ccv} {
		t.addAt(d.h, KindThinAirRead, d.name(key), say, i)
	}
}

// aborted adds the anomaly that operation i read from key what had failed to be written.
func (d *causalDeeds) aborted(i, failed, key int32) {
	say := func(w *witness) string {
		reason := ""
		if code := w.at(failed).Err.Code; code != history.NoError {
			reason = fmt.Sprintf(" (%s)", code)
		}
		return causalDid(w, w.at(i)) + " although " + w.whose(w.at(failed)) + " had failed" + reason
	}
	for _, t := range []*tally{d.findings.cc, d.findings.ccv} {
		t.addAt(d.h, KindAbortedRead, d.name(key), say, i, failed)
	}
}

// takeApart returns the reads and writes of operation i, and notes what does not fit. What it reads of its
// own writes is left out; so are reads of operations that are not Ok. It is good until the next call.
func (d *causalDeeds) takeApart(i int) []causalAccess {
	d.list = d.list[:0]
	switch f := d.h.F(i); f {
	case history.FPeek:
		return nil
	case history.FTxn:
		d.examineTxn(i)
	case history.FCAS:
		if !d.examineCAS(i) {
			return nil
		}
	case history.FRead, history.FWrite, history.FDelete, history.FAppend:
		if !d.examine(i) {
			return nil
		}
	default:
		d.oddities(i, "is used by "+f+", which is no operation of a register")
	}
	d.each(i, func(key int32, a access) {
		switch {
		case a.kind == appends:
			d.oddity(i, key, "is appended to")
		case a.kind != reads:
			d.take(i, causalAccess{key, true, d.scalar(&a)})
		case a.certain():
			d.take(i, causalAccess{key, false, d.scalar(&a)})
		}
	})
	d.others = d.others[:0]
	return d.list
}

// scalar returns the value of an access.
func (d *causalDeeds) scalar(a *access) scalar {
	if a.form == formInt {
		return scalar{kind: history.Int, num: a.value}
	}
	return scalarOrNull(d.value(a))
}

// scalarOrNull is scalarOf where null is the zero scalar.
func scalarOrNull(v history.Value) scalar {
	if v.IsNull() {
		return scalar{}
	}
	return scalarOf(&v)
}

// take adds an access of operation i, by what the operation did to the key before.
func (d *causalDeeds) take(i int, a causalAccess) {
	for _, before := range d.list {
		switch {
		case before.key != a.key || !before.write || d.h.Type(i) == history.Fail:
		case a.write:
			d.oddity(i, a.key, "is written twice by one transaction")
			return
		case before.value != a.value:
			d.oddity(i, a.key, "is read by a transaction that had written another value to it")
			return
		default:
			return
		}
	}
	d.list = append(d.list, a)
}

// examine notes what is odd about a read, or a change of a single key, and reports whether it has a meaning.
func (d *causalDeeds) examine(i int) bool {
	if d.h.Key(i) >= 0 {
		return true
	}
	if d.h.F(i) != history.FRead {
		d.oddities(i, "is changed by "+d.h.F(i)+" of several keys")
		return false
	}
	values, _ := d.h.Result(i).AsList()
	for _, key := range d.h.Keys(i) {
		if d.h.Type(i) == history.Ok && len(values) != len(d.h.Keys(i)) {
			d.doubt(key, "a read of several keys returned another number of values")
		}
	}
	return true
}

// examineCAS takes the old value of a compare-and-set that succeeded, and reports whether it has a meaning.
func (d *causalDeeds) examineCAS(i int) bool {
	args, _ := d.h.Arg(i).AsList()
	if d.h.Key(i) < 0 || len(args) != 2 {
		d.oddities(i, "is used by a cas "+d.h.Arg(i).String()+", which is not [old new] of one key")
		return false
	}
	if d.h.Type(i) != history.Ok {
		return true
	}
	op := d.h.Op(i)
	swapped, found, ok := op.CASResult()
	switch {
	case !ok:
		d.oddity(i, d.h.Key(i), "is used by a cas that completed with "+op.Result.String())
	case swapped:
		d.take(i, causalAccess{d.h.Key(i), false, scalarOrNull(args[0])})
	case len(found) == 0:
		d.doubt(d.h.Key(i), "a cas was refused without being told the value")
	case found[0].Equal(args[0]):
		d.doubt(d.h.Key(i), "a cas was refused because of the value that it expected")
		return false
	}
	return ok
}

// examineTxn notes what is odd about a transaction.
func (d *causalDeeds) examineTxn(i int) {
	if d.h.Type(i) == history.Fail {
		return
	}
	done := d.h.Arg(i)
	if d.h.Type(i) == history.Ok {
		done = d.h.Result(i)
	}
	micros, ok := done.AsList()
	for at := range micros {
		fields, _ := micros[at].AsList()
		ok = ok && len(fields) == 3 && fields[1].Kind() == history.String
		if !ok {
			break
		}
		if f, _ := fields[0].AsString(); f != "r" && f != "w" && f != "append" {
			key, _ := fields[1].AsString()
			d.oddity(i, d.number(key), "is used by a transaction that does "+fields[0].String())
		}
	}
	if !ok && d.broken == "" {
		d.broken = "a transaction is no list of [function key value]: " + done.String()
	}
}

// oddities notes that the keys of operation i cannot be judged.
func (d *causalDeeds) oddities(i int, why string) {
	if d.h.Key(i) >= 0 {
		d.oddity(i, d.h.Key(i), why)
	}
	for _, key := range d.h.Keys(i) {
		d.oddity(i, key, why)
	}
}

// oddity notes that a key cannot be judged, unless operation i certainly did nothing. The first reason stays.
func (d *causalDeeds) oddity(i int, key int32, why string) {
	if k := d.key(key); k.odd == "" && d.h.Type(i) != history.Fail {
		k.odd = "key " + d.name(key) + " " + why
	}
}

// doubt notes that an operation on a key decides nothing. The first reason stays.
func (d *causalDeeds) doubt(key int32, why string) {
	if k := d.key(key); k.doubt == "" {
		k.doubt = "key " + d.name(key) + ": " + why
	}
}

// nameOf returns the value v of a key as operation i has it.
func (d *causalDeeds) nameOf(i, key int32, v *scalar) string {
	if v.kind == history.Int {
		return history.IntValue(v.num).String()
	}
	name := history.Value{}.String()
	d.each(int(i), func(k int32, a access) {
		if k == key && d.scalar(&a) == *v {
			name = brief(d.value(&a))
		}
	})
	return name
}

// undecided says why a history without anomalies is not valid, "" if it is.
func (d *causalDeeds) undecided() string {
	why, more := d.broken, 0
	for i := range d.keys {
		reason := d.keys[i].odd
		if reason == "" {
			reason = d.keys[i].doubt
		}
		switch {
		case reason == "":
		case why == "":
			why = reason
		default:
			more++
		}
	}
	if more > 0 && d.broken == "" {
		why += fmt.Sprintf("; and %d more keys", more)
	}
	return why
}
