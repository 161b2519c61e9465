package checkers

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// witness is a small set of operations that show an anomaly by themselves. They are numbered from 1 by
// call time, as sentences and drawings name them.
type witness struct {
	ops      []history.Op
	versions bool // the drawing shows versions; the sentence may ask for it
}

// newWitness returns the witness of the given operations; nil and repeated ones are left out.
func newWitness(ops ...*history.Op) *witness {
	w := &witness{ops: make([]history.Op, 0, len(ops))}
	for _, op := range ops {
		if op != nil && w.number(op) == 0 {
			w.ops = append(w.ops, *op)
		}
	}
	slices.SortFunc(w.ops, func(a, b history.Op) int {
		return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Index, b.Index))
	})
	return w
}

// number returns the number of op in the witness, from 1; 0 when it is not part of it.
func (w *witness) number(op *history.Op) int {
	return 1 + slices.IndexFunc(w.ops, func(o history.Op) bool { return o.Index == op.Index })
}

// did says what op did, as a clause in the past tense: "s4 read k7=3 at n2 (op 3)".
func (w *witness) did(op *history.Op) string {
	return op.Session + " " + deed(op, op.Key) + place(op) + " (op " + strconv.Itoa(w.number(op)) + ")"
}

// whose names op as a thing that belongs to its session: "s1's write of 5 (op 2)"; where the witness has
// several keys "s1's write of k7=5 (op 2)".
func (w *witness) whose(op *history.Op) string {
	return op.Session + "'s " + thing(op, w.severalKeys()) + " (op " + strconv.Itoa(w.number(op)) + ")"
}

// severalKeys reports whether the witness's operations are not all on one key.
func (w *witness) severalKeys() bool {
	return slices.ContainsFunc(w.ops, func(op history.Op) bool {
		return len(op.Keys) > 0 || op.Key != w.ops[0].Key
	})
}

// anomaly returns the anomaly that the witness shows, drawn with its operations' numbers.
func (w *witness) anomaly(kind, key, sentence string) Anomaly {
	a := Anomaly{Kind: kind, Key: key, Sentence: sentence, Ops: w.ops}
	notes := make([]string, len(w.ops))
	for i := range w.ops {
		a.Indices = append(a.Indices, w.ops[i].Invoked)
		notes[i] = "(op " + strconv.Itoa(i+1) + ")"
	}
	a.Drawing = history.Draw(w.ops, history.DrawOptions{Notes: notes, Versions: w.versions})
	return a
}

// deed says what op did to key, in the past tense: "wrote k7=5", "read k7=∅", "changed k7 from 1 to 2".
func deed(op *history.Op, key string) string {
	switch op.F {
	case history.FRead, history.FPeek:
		verb := "read "
		if op.F == history.FPeek {
			verb = "peeked "
		}
		return verb + opKeys(op) + "=" + brief(op.Result)
	case history.FWrite:
		return "wrote " + key + "=" + op.Arg.String()
	case history.FAppend:
		return "appended " + op.Arg.String() + " to " + key
	case history.FAdd:
		return "added " + op.Arg.String() + " to " + key
	case history.FRemove:
		return "removed " + op.Arg.String() + " from " + key
	case fContains:
		if has, _ := op.Result.AsBool(); has {
			return "found " + op.Arg.String() + " in " + key
		}
		return "did not find " + op.Arg.String() + " in " + key
	case history.FDelete:
		return "deleted " + key
	case history.FCAS:
		old, new := casArgs(op)
		switch refused, found := casRefused(op); {
		case found != nil:
			return "found " + key + "=" + found.String() + " with a refused cas from " + old.String() +
				" to " + new.String()
		case refused:
			return "was refused a cas of " + key + " from " + old.String() + " to " + new.String()
		}
		return "changed " + key + " from " + old.String() + " to " + new.String()
	case history.FTxn:
		if op.Type == history.Ok {
			return "did txn " + op.Result.String()
		}
	}
	return "did " + op.F + " " + op.Arg.String()
}

// thing names op as a noun: "write of 5", "read of 3", "cas from 1 to 2"; with its key "write of k7=5".
func thing(op *history.Op, withKey bool) string {
	key := ""
	if withKey {
		key = opKeys(op) + "="
	}
	switch op.F {
	case history.FRead, history.FPeek:
		return op.F + " of " + key + brief(op.Result)
	case history.FWrite, history.FAppend, history.FAdd:
		return op.F + " of " + key + op.Arg.String()
	case history.FCAS:
		name := "cas"
		if refused, _ := casRefused(op); refused {
			name = "refused cas"
		}
		if withKey {
			name += " of " + op.Key
		}
		old, new := casArgs(op)
		return name + " from " + old.String() + " to " + new.String()
	}
	return strings.TrimSpace(op.F + " " + opKeys(op))
}

// place says where op was served, " at n2", or nothing when that is not known.
func place(op *history.Op) string {
	if op.Node == "" {
		return ""
	}
	return " at " + op.Node
}

// opKeys returns the key of op, or its keys in brackets.
func opKeys(op *history.Op) string {
	if len(op.Keys) > 0 {
		return "[" + strings.Join(op.Keys, " ") + "]"
	}
	return op.Key
}

// casArgs returns the old and the new value that a cas asks for.
func casArgs(op *history.Op) (old, new history.Value) {
	if args, ok := op.Arg.AsList(); ok && len(args) == 2 {
		return args[0], args[1]
	}
	return history.Value{}, history.Value{}
}

// casRefused reports whether op is a cas that was refused, and the value that stood in its way, nil when
// the store did not tell.
func casRefused(op *history.Op) (refused bool, current *history.Value) {
	if op.Type != history.Ok {
		return false, nil
	}
	swapped, found, ok := op.CASResult()
	if len(found) > 0 {
		current = &found[0]
	}
	return ok && !swapped, current
}

// brief writes v for sentences: of a list that takes much room only the first and the last elements.
func brief(v history.Value) string {
	list, _ := v.AsList()
	if whole := v.String(); len(list) <= 8 || len(whole) <= 40 {
		return whole
	}
	head := strings.TrimSuffix(history.ListValue(list[:2]...).String(), "]")
	tail := strings.TrimPrefix(history.ListValue(list[len(list)-4:]...).String(), "[")
	return head + " .. " + tail
}

// span writes a duration in nanoseconds for people, with at most three digits: "120 ms", "1.25 s".
func span(ns int64) string {
	units := []struct {
		name string
		ns   float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}}
	for _, u := range units {
		if v := float64(ns) / u.ns; v >= 1 {
			if v >= 100 {
				return fmt.Sprintf("%.0f %s", v, u.name)
			}
			return strconv.FormatFloat(v, 'g', 3, 64) + " " + u.name
		}
	}
	return strconv.FormatInt(ns, 10) + " ns"
}

// earlier says by how much from lies before to: "120 ms earlier".
func earlier(from, to int64) string { return span(to-from) + " earlier" }

// tally gathers what one checker finds about one property and becomes its verdict: anomalies counted by
// kind, the smallest ones explained, opportunities.
type tally struct {
	property      string
	opportunities int64
	total         int64 // anomalies of all kinds
	counts        map[string]int64
	kept          []finding // at most MaxExplained, best first
}

// finding is an anomaly that is worth explaining, before its sentence is made.
type finding struct {
	kind, key string
	size      witnessSize
	w         *witness
	say       func(w *witness) string
	told      bool // say was called; it returns what it said
}

// newTally returns an empty tally for property.
func newTally(property string) *tally {
	return &tally{property: property, counts: map[string]int64{}}
}

// chances adds n opportunities.
func (t *tally) chances(n int64) { t.opportunities += n }

// count adds n anomalies of a kind without explaining any.
func (t *tally) count(kind string, n int64) {
	if n > 0 {
		t.counts[kind] += n
		t.total += n
	}
}

// explain keeps an anomaly that is counted already for explanation when it is among the smallest. say makes
// its sentence; it is called only if it is kept to the end. ops may hold nil and repeated operations.
func (t *tally) explain(kind, key string, say func(w *witness) string, ops ...*history.Op) {
	size := sizeOf(ops)
	if len(t.kept) == MaxExplained && size.compare(t.kept[MaxExplained-1].size) > 0 {
		return // the usual case once a few are kept: nothing is allocated
	}
	t.keep(finding{kind: kind, key: key, size: size, w: newWitness(ops...), say: say})
}

// keep keeps a finding when it is among the smallest.
func (t *tally) keep(f finding) {
	at, _ := slices.BinarySearchFunc(t.kept, f, func(a, b finding) int {
		return cmp.Or(a.size.compare(b.size), cmp.Compare(a.kind, b.kind), cmp.Compare(a.key, b.key))
	})
	t.kept = slices.Insert(t.kept, at, f)
	t.kept = t.kept[:min(len(t.kept), MaxExplained)]
}

// merge adds what another tally of the same property found.
func (t *tally) merge(o *tally) {
	t.chances(o.opportunities)
	for kind, n := range o.counts {
		t.count(kind, n)
	}
	for _, f := range o.kept {
		t.keep(f)
	}
}

// tell makes the sentences of what is kept, which then needs nothing but its witnesses any more.
func (t *tally) tell() {
	for i := range t.kept {
		if f := &t.kept[i]; !f.told {
			sentence := f.say(f.w)
			f.say, f.told = func(*witness) string { return sentence }, true
		}
	}
}

// wants reports whether an anomaly of so many operations, the last of them invoked at that index, might be
// kept for explanation. It saves the search for the operations of one that will not.
func (t *tally) wants(ops, last int) bool {
	size := witnessSize{ops: ops, last: last}
	return len(t.kept) < MaxExplained || size.compare(t.kept[MaxExplained-1].size) <= 0
}

// witnessSize is how much there is to read in a witness, and how late it is complete.
type witnessSize struct {
	ops      int // distinct operations
	elements int // of the lists that they read
	last     int // the index of the operation invoked last
}

func sizeOf(ops []*history.Op) witnessSize {
	size := witnessSize{last: -1}
	for i, op := range ops {
		if op != nil && !slices.Contains(ops[:i], op) {
			list, _ := op.Result.AsList()
			size.ops, size.elements, size.last = size.ops+1, size.elements+len(list), max(size.last, op.Index)
		}
	}
	return size
}

// compare orders sizes: fewer operations first, then fewer elements, then the one that was complete first.
func (s witnessSize) compare(o witnessSize) int {
	return cmp.Or(cmp.Compare(s.ops, o.ops), cmp.Compare(s.elements, o.elements), cmp.Compare(s.last, o.last))
}

// verdict returns the verdict: Invalid when there is an anomaly, else Unknown with the reason given, else
// Unknown when there was no opportunity, else Valid.
func (t *tally) verdict(engine, unknown string) Verdict {
	v := Verdict{Property: t.property, Engine: engine, Opportunities: t.opportunities}
	for _, f := range t.kept {
		v.Anomalies = append(v.Anomalies, f.w.anomaly(f.kind, f.key, f.say(f.w)))
	}
	switch {
	case len(t.counts) > 0:
		v.Result, v.Counts = Invalid, t.counts
	case unknown != "":
		v.Result, v.Reason = Unknown, unknown
	case t.opportunities == 0:
		v.Result, v.Reason = Unknown, NotExercised
	default:
		v.Result = Valid
	}
	return v
}
