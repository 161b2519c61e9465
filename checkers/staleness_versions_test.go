package checkers

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// drawVersions draws a small history of a register whose writes take effect one after the other, each with
// the version that it makes, and whose reads return any of the versions before their return.
func drawVersions(d *dice) (h *history.History) {
	ops := make([]history.Op, 2+d.n(8))
	moment := int64(0)
	written := []history.Op{{}}
	for i := range ops {
		op := &ops[i]
		*op = history.Op{Session: fmt.Sprintf("s%d", d.n(3)), Key: "k", F: history.FRead, Type: history.Ok}
		if d.bool(2) {
			seen := written[d.n(len(written))]
			op.Call = max(moment-3, 0) + int64(d.n(6))
			op.Return, op.Result, op.Ev = max(op.Call, moment)+int64(d.n(3)), seen.Arg, seen.Ev
			continue
		}
		moment += 1 + int64(d.n(3))
		op.Call, op.Return = max(0, moment-int64(d.n(4))), moment+int64(d.n(4))
		op.F, op.Arg = history.FWrite, history.IntValue(int64(i+1))
		if d.bool(4) {
			op.Arg = history.IntValue(100)
		}
		op.Ev = &history.Evidence{Ver: []history.Version{{Source: "s0e1", N: moment}}}
		written = append(written, *op)
		if d.bool(6) {
			op.Type, op.Return = history.Info, history.Never
			written[len(written)-1].Ev = op.Ev
			op.Ev = nil
		}
	}
	return historyOf(ops, history.Never)
}

// versionStaleness returns the k-staleness of the stale reads of a key by version.
func versionStaleness(ops []history.Op) (k []int64) {
	for _, r := range ops {
		n, newer := int64(-1), int64(0)
		if r.Ev != nil {
			n = r.Ev.Ver[0].N
		}
		for _, w := range ops {
			if w.F == history.FWrite && w.Type == history.Ok && w.Ev.Ver[0].N > n && w.Return < r.Call {
				newer++
			}
		}
		if r.F == history.FRead && newer > 0 {
			k = append(k, newer)
		}
	}
	return k
}

// TestStalenessByVersion compares figures with those by the versions of a store that keeps to them.
func TestStalenessByVersion(t *testing.T) {
	tighter := 0
	many(t, 4000, func(t testing.TB, d *dice) {
		h := severalKeys(d, drawVersions)
		f, _ := staleness{}.find(context.Background(), h)
		slices.Sort(f.figures.calm.k)
		var want []int64
		for _, ops := range opsByKey(h) {
			want = append(want, versionStaleness(ops)...)
		}
		slices.Sort(want)
		if !slices.Equal(f.figures.calm.k, want) || f.figures.exact != f.figures.calm.of {
			sayHistory(t, h, "k %v, %d of %d exact, want %v", f.figures.calm.k, f.figures.exact,
				f.figures.calm.of, want)
		}
		bare := h.Ops()
		for i := range bare {
			bare[i].Ev = nil
		}
		plain, _ := staleness{}.find(context.Background(), history.FromOps(bare))
		if slices.Sort(plain.figures.calm.k); !slices.Equal(plain.figures.calm.k, want) {
			tighter++
		}
	})
	if tighter == 0 {
		t.Error("versions never told more than values")
	}
}

// TestStalenessOddVersions takes evidence that does not fit what was read: it is not used.
func TestStalenessOddVersions(t *testing.T) {
	for name, text := range map[string]string{
		"two sources": `
s1  |--w k=1 ver a:1--|
s2  |--w k=2 ver b:2--|
s3                        |--r k=1 ver a:1--|`,
		"two sources, the other read": `
s1  |--w k=1 ver a:1--|
s2  |--w k=2 ver b:2--|
s3                        |--r k=2 ver b:2--|`,
		"a write without": `
s1  |--w k=1 ver a:1--|
s2  |--w k=2--|
s3                        |--r k=1 ver a:1--|`,
		"a read without": `
s1  |--w k=1 ver a:1--|
s2  |--w k=2 ver a:2--|
s3                        |--r k=1--|`,
		"two writes of one version": `
s1  |--w k=1 ver a:1--|
s2  |--w k=2 ver a:1--|
s3                        |--r k=1 ver a:1--|`,
		"a read of another value": `
s1  |--w k=1 ver a:1--|
s2  |--w k=2 ver a:2--|
s3                        |--r k=1 ver a:2--|`,
		"a version that nobody made": `
s1  |--w k=1 ver a:1--|
s2  |--w k=2 ver a:2--|
s3                        |--r k=1 ver a:0--|`,
		"two values of one version": `
s1  |--w k=1 ver a:1--|
s2  |--w k=2 ver a:2--|
s4  |--w k=3--…
s4  |--w k=4--…
s3                        |--r k=3 ver a:0--|  |--r k=4 ver a:0--|`,
		"two values of one version, and another version between": `
s1  |--w k=1 ver a:1--|
s2  |--w k=2 ver a:2--|
s4  |--w k=3--…
s4  |--w k=4--…
s4  |--w k=5--…
s3                        |--r k=3 ver a:0--|  |--r k=5 ver a:-1--|  |--r k=4 ver a:0--|`,
		"versions of writes against real time": `
s1  |--w k=1 ver a:2--|
s2                       |--w k=2 ver a:1--|
s2                       |--w k=3 ver a:3--|
s3                                              |--r k=3 ver a:3--|`,
		"versions against real time": `
s1  |--w k=1 ver a:2--|
s2                       |--w k=2 ver a:1--|
s2                       |--w k=3 ver a:3--|
s3                                              |--r k=2 ver a:1--|`,
		"a read that is older by version than what was called later": `
s1  |--w k=1--…
s3                |--r k=1 ver a:4--|
s2                                     |--w k=2 ver a:2--|
s2                                     |--w k=3 ver a:3--|`,
	} {
		v := Staleness(StalenessOptions{}).Check(context.Background(), drawn(t, text))[0]
		if v.Measures["reads_measured"] == 0 || v.Measures["exact_share"] != 0 {
			t.Errorf("%s: %v", name, v.Measures)
		}
	}
}
