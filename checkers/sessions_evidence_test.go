package checkers

import (
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// versionedHistory draws a small history of one register whose answers tell versions of two sources: mostly
// the version of the value that was written or read, and mostly a greater one for a later value.
func versionedHistory(d *dice) *history.History {
	ops := registerHistory(d).Ops()
	versions := map[int64]history.Version{}
	for v := range int64(8) {
		versions[v] = history.Version{Source: []string{"e1", "e2"}[min(1, d.n(5)/3)], N: v}
		if d.bool(6) {
			versions[v] = history.Version{Source: "e1", N: int64(d.n(8))}
		}
	}
	for i := range ops {
		op := &ops[i]
		v, ok := valueOf(op)
		if !ok || op.Type != history.Ok || d.bool(16) {
			continue
		}
		op.Ev = &history.Evidence{Ver: []history.Version{versions[v]}}
		if d.bool(40) {
			op.Ev.Ver[0].N++
		}
		if d.bool(40) {
			op.Ev.Ver = append(op.Ev.Ver, history.Version{Source: "e3", N: 1})
		}
	}
	return historyOf(ops, history.Never)
}

// valueOf returns the integer that an operation wrote or read.
func valueOf(op *history.Op) (v int64, ok bool) {
	if v, ok = written(op); ok {
		return v, true
	}
	if refused, current := casRefused(op); refused && current != nil {
		return current.AsInt()
	}
	return op.Result.AsInt()
}

// evidenceTwin counts by definition what the versions that are told show. fits is false when they
// contradict the values.
func evidenceTwin(h *history.History) (counts [guarantees]int64, fits bool) {
	tw := newOrderTwin(h)
	var told []*history.Op
	for i := range tw.ops {
		op := &tw.ops[i]
		if _, _, ok := tw.value(op); ok && op.Ev != nil && len(op.Ev.Ver) == 1 {
			told = append(told, op)
		}
	}
	for _, x := range told {
		for _, y := range told {
			v, _ := valueOf(x)
			w, _ := valueOf(y)
			if (v == w) != (x.Ev.Ver[0] == y.Ev.Ver[0]) {
				return counts, false
			}
		}
	}
	for _, op := range told {
		_, isRead, _ := tw.value(op)
		for _, pastRead := range []bool{false, true} {
			if slices.ContainsFunc(told, func(x *history.Op) bool {
				_, reads, _ := tw.value(x)
				a, b := x.Ev.Ver[0], op.Ev.Ver[0]
				return x.Session == op.Session && x.Precedes(op) && reads == pastRead &&
					a.Source == b.Source && a.N > b.N
			}) {
				counts[binding[[2]bool{pastRead, isRead}]]++
			}
		}
	}
	return counts, true
}

// evidenceAgrees compares the checker of told versions with its twin, and with that of unknown orders
// where they show nothing.
func evidenceAgrees(t testing.TB, d *dice) {
	h := versionedHistory(d)
	c := Sessions(AnyOrder, guaranteeNames[:]...)
	got := checked(c, h)
	want, fits := evidenceTwin(h)
	shows := fits && want != [guarantees]int64{}
	for g := ryw; g < guarantees; g++ {
		v := got[guaranteeNames[g]]
		if n := v.Counts[guaranteeKinds[g]]; shows && n != want[g] {
			sayHistory(t, h, "%s: %d, want %d by the versions", v.Property, n, want[g])
		}
		if !shows && newOrderTwin(h).satisfiable(1<<g) == (v.Result == Invalid) {
			sayHistory(t, h, "%s: %v, not so by the values", v.Property, v.Result)
		}
	}
	for _, v := range got {
		for i := range v.Anomalies {
			for j := range v.Anomalies[i].Ops {
				if op := &v.Anomalies[i].Ops[j]; !shows {
					op.Ev = nil // contradicted elsewhere, so not what the anomaly rests on
				}
			}
		}
		provesItself(t, c, v, history.Never)
	}
	if t.Failed() {
		sayHistory(t, h, "witness")
	}
}

func TestEvidenceAgreesWithTwin(t *testing.T) { many(t, 5_000, evidenceAgrees) }

func FuzzEvidence(f *testing.F) { fuzz(f, evidenceAgrees) }
