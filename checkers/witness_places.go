package checkers

import (
	"cmp"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
)

// none is the place of no operation.
const none int32 = -1

// addAt counts one anomaly and has it explained, by operations given by place; none and repeated ones are
// left out. Nothing is allocated unless the anomaly is kept. say finds the operations again by witness.at.
func (t *tally) addAt(h *history.History, kind, key string, say func(w *witness) string, places ...int32) {
	t.count(kind, 1)
	t.explainAt(h, kind, key, say, places...)
}

// explainAt is addAt for an anomaly that is counted already.
func (t *tally) explainAt(
	h *history.History, kind, key string, say func(w *witness) string, places ...int32,
) {
	size := sizeAt(h, places)
	if len(t.kept) == MaxExplained && size.compare(t.kept[MaxExplained-1].size) > 0 {
		return
	}
	ops := make([]*history.Op, len(places))
	for i, place := range places {
		if place >= 0 && !slices.Contains(places[:i], place) {
			op := h.Op(int(place))
			ops[i] = &op
		}
	}
	t.explain(kind, key, say, ops...)
}

// sizeAt is sizeOf for operations given by place.
func sizeAt(h *history.History, places []int32) witnessSize {
	size := witnessSize{last: -1}
	for i, place := range places {
		if place < 0 || slices.Contains(places[:i], place) {
			continue
		}
		size.ops, size.last = size.ops+1, max(size.last, int(place))
		if ints, ok := h.ResultInts(int(place)); ok {
			size.elements += len(ints)
		} else if h.ResultKind(int(place)) == history.List {
			list, _ := h.Result(int(place)).AsList()
			size.elements += len(list)
		}
	}
	return size
}

// at returns the witness's operation that has a place in the history.
func (w *witness) at(place int32) *history.Op {
	return &w.ops[slices.IndexFunc(w.ops, func(op history.Op) bool { return op.Index == int(place) })]
}

// compareReturns orders operations by when they returned.
func compareReturns(h *history.History, a, b int32) int {
	return cmp.Compare(h.Return(int(a)), h.Return(int(b)))
}

// precedes reports whether operation a returned before operation b was called.
func precedes(h *history.History, a, b int32) bool { return h.Return(int(a)) < h.Call(int(b)) }
