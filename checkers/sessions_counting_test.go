package checkers

import (
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// versionTwin decides the session guarantees by definition, over all pairs and triples of operations, of
// keys that one session each writes, counting up.
type versionTwin struct {
	ops     []history.Op
	counts  [guarantees]int64
	chances [guarantees]int64
}

// version returns the version of a value of a key: how many acknowledged writes of it have no greater
// value; -1 when it is not the value of one.
func (tw *versionTwin) version(key string, v history.Value) int {
	n, isInt := v.AsInt()
	count, found := 0, v.IsNull()
	for i := range tw.ops {
		if op := &tw.ops[i]; op.F == history.FWrite && op.Key == key && op.Type == history.Ok && isInt {
			w, _ := op.Arg.AsInt()
			if w <= n {
				count++
			}
			found = found || w == n
		}
	}
	if !found {
		return -1
	}
	return count
}

// shows returns the version of key that a read shows, -1 for none.
func (tw *versionTwin) shows(op *history.Op, key string) int {
	if op.F != history.FRead || op.Type != history.Ok {
		return -1
	}
	if op.Key == key {
		return tw.version(key, op.Result)
	}
	values, _ := op.Result.AsList()
	for i := range op.Keys {
		if op.Keys[i] == key {
			return tw.version(key, values[i])
		}
	}
	return -1
}

func (tw *versionTwin) wrote(op *history.Op, key string) int {
	if op.F != history.FWrite || op.Type != history.Ok || op.Key != key {
		return 0
	}
	return tw.version(key, op.Arg)
}

// needs returns the latest version of key that the session of op wrote, and read, before it.
func (tw *versionTwin) needs(op *history.Op, key string) (own, seen int) {
	for i := range tw.ops {
		if x := &tw.ops[i]; x.Session == op.Session && x.Precedes(op) {
			own, seen = max(own, tw.wrote(x, key)), max(seen, tw.shows(x, key))
		}
	}
	return own, seen
}

func (tw *versionTwin) judge(g guarantee, need, have int) {
	if need > 0 {
		tw.chances[g]++
		if have < need {
			tw.counts[g]++
		}
	}
}

func (tw *versionTwin) run() {
	keys := []string{"a", "b"}
	for i := range tw.ops {
		op := &tw.ops[i]
		for _, key := range keys {
			if v := tw.shows(op, key); v >= 0 {
				own, seen := tw.needs(op, key)
				tw.judge(ryw, own, v)
				tw.judge(mr, seen, v)
			}
		}
		if len(op.Keys) != 2 {
			continue
		}
		for i, key := range keys {
			// What any write in the state of the other key asks of this one, not just the last.
			other, v := keys[1-i], tw.shows(op, key)
			needOwn, needSeen := 0, 0
			for j := range tw.ops {
				if n := tw.wrote(&tw.ops[j], other); n > 0 && n <= tw.shows(op, other) {
					own, seen := tw.needs(&tw.ops[j], key)
					needOwn, needSeen = max(needOwn, own), max(needSeen, seen)
				}
			}
			if v >= 0 {
				tw.judge(mw, needOwn, v)
				tw.judge(wfr, needSeen, v)
			}
		}
	}
}

// writerHistory draws a small history of two keys, each written by one session, counting up.
func writerHistory(d *dice) *history.History {
	sessions := []string{"s1", "s2", "s3"}
	writer := map[string]string{"a": sessions[d.n(3)], "b": sessions[d.n(3)]}
	values := map[string]int{}
	ops := make([]history.Op, 3+d.n(8))
	keys := []string{"a", "b"}
	for i := range ops {
		key := keys[d.n(2)]
		op := &ops[i]
		*op = history.Op{Session: sessions[d.n(3)], Key: key, F: history.FRead, Type: history.Ok}
		op.Call, op.Return = d.span(8)
		switch d.n(5) {
		case 0, 1:
			values[key]++
			op.Session, op.F, op.Arg = writer[key], history.FWrite, history.IntValue(int64(values[key]))
			d.outcome(op)
		case 2, 3:
			op.Key, op.Keys = "", keys
		}
	}
	read := func(key string) history.Value {
		if v := d.n(values[key] + 2); v > 0 {
			return history.IntValue(int64(v))
		}
		return history.Value{}
	}
	for i := range ops {
		switch op := &ops[i]; {
		case op.F != history.FRead:
		case d.bool(12):
			op.Type = history.Fail
		case len(op.Keys) > 0:
			op.Result = history.ListValue(read("a"), read("b"))
		default:
			op.Result = read(op.Key)
		}
	}
	d.sequence(ops)
	return historyOf(ops, history.Never)
}

// versionsAgree compares the checker of known orders with its twin, where all keys have such an order.
func versionsAgree(t testing.TB, d *dice) {
	h := writerHistory(d)
	for _, k := range accessesByKey(h).keys {
		if newCounting(h, k.list) == nil {
			return // the writes overlapped
		}
	}
	c := Sessions(WriterOrder, guaranteeNames[:]...)
	got, twin := checked(c, h), versionTwin{ops: h.Ops()}
	twin.run()
	sum, chances := int64(0), int64(0)
	for g := ryw; g < guarantees; g++ {
		v := got[guaranteeNames[g]]
		if v.Counts[guaranteeKinds[g]] != twin.counts[g] || v.Opportunities != twin.chances[g] {
			sayHistory(t, h, "%s: %d of %d, want %d of %d", v.Property,
				v.Counts[guaranteeKinds[g]], v.Opportunities, twin.counts[g], twin.chances[g])
		}
		sum, chances = sum+twin.counts[g], chances+twin.chances[g]
		provesItself(t, c, v, history.Never)
	}
	for _, key := range []string{"a", "b"} {
		n, of := twin.chained(key)
		sum, chances = sum+n, chances+of
	}
	v, total := got[SessionCausality], int64(0)
	for _, n := range v.Counts {
		total += n
	}
	if total != sum || v.Opportunities != chances {
		sayHistory(t, h, "%s: %d of %d, want %d of %d", v.Property, total, v.Opportunities, sum, chances)
	}
	provesItself(t, c, v, history.Never)
	if t.Failed() {
		sayHistory(t, h, "witness")
	}
}

// chained counts the reads of a key that lack what an earlier read of the session depends on, and do not
// lack what the session itself wrote or read; and the reads that could.
func (tw *versionTwin) chained(key string) (count, chances int64) {
	other := map[string]string{"a": "b", "b": "a"}[key]
	for i := range tw.ops {
		read := &tw.ops[i]
		if tw.shows(read, key) < 0 {
			continue
		}
		need := 0
		for j := range tw.ops {
			for _, k := range []string{key, other} {
				earlier := &tw.ops[j]
				if earlier.Session != read.Session || !earlier.Precedes(read) || tw.shows(earlier, k) <= 0 {
					continue
				}
				// Whatever the writer of the version wrote or read before it, and not the reader itself.
				for m := range tw.ops {
					w := &tw.ops[m]
					if tw.wrote(w, k) == tw.shows(earlier, k) && w.Session != read.Session {
						own, seen := tw.needs(w, key)
						need = max(need, own, seen)
					}
				}
			}
		}
		own, seen := tw.needs(read, key)
		if need == 0 {
			continue
		}
		chances++
		if v := tw.shows(read, key); v < need && v >= max(own, seen) {
			count++
		}
	}
	return count, chances
}

func TestVersionsAgreeWithTwin(t *testing.T) { many(t, 5_000, versionsAgree) }

func FuzzVersions(f *testing.F) { fuzz(f, versionsAgree) }
