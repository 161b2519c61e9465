package checkers

import (
	"context"
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// siblingStore is a register of which a quorum knows everything: what a write's author was not shown stays.
type siblingStore struct {
	versions []int64
	shown    map[string][]int64
}

func (s *siblingStore) read(session string) history.Value {
	s.shown[session] = append([]int64(nil), s.versions...)
	switch len(s.versions) {
	case 0:
		return history.Value{}
	case 1:
		return history.IntValue(s.versions[0])
	}
	return history.IntsValue(s.versions...)
}

func (s *siblingStore) write(session string, value int64) {
	kept := []int64{value}
	for _, v := range s.versions {
		known := false
		for _, w := range s.shown[session] {
			known = known || v == w
		}
		if !known {
			kept = append(kept, v)
		}
	}
	s.versions = kept
}

// siblingHistory returns n operations of ten sessions on some keys of a store that keeps siblings, and a
// final read of each key.
func siblingHistory(n, keys int) *history.History {
	d := seeded(1)
	ops := make([]history.Op, 0, n+keys)
	stores := make([]*siblingStore, keys)
	for i := range stores {
		stores[i] = &siblingStore{shown: map[string][]int64{}}
	}
	time := int64(0)
	for i := range n + keys {
		time += 5
		key := d.n(keys)
		op := history.Op{Session: fmt.Sprintf("s%d", d.n(10)), F: history.FRead, Type: history.Ok,
			Call: time, Return: time + 4, Index: i, Invoked: -1, Done: -1}
		if i >= n {
			key = i - n
		}
		op.Key = fmt.Sprintf("k%d", key)
		if i >= n || d.bool(2) {
			op.Result = stores[key].read(op.Session)
		} else {
			op.F, op.Arg = history.FWrite, history.IntValue(int64(i))
			stores[key].write(op.Session, int64(i))
		}
		ops = append(ops, op)
	}
	return historyOf(ops, int64(n+1)*5)
}

// A store that does what it says is found to, and at length.
func TestSiblingStoreIsSound(t *testing.T) {
	for _, keys := range []int{1, 30} {
		c := Conflicts(ConflictSettings{KeepsSiblings: true})
		v := c.Check(context.Background(), siblingHistory(6000, keys))[0]
		if v.Result != Valid || v.Measures["conflicts_read"] < 1000 || v.Measures["siblings_max"] < 3 {
			t.Errorf("%d keys: %+v", keys, v)
		}
	}
}

func BenchmarkConflicts(b *testing.B) {
	c := Conflicts(ConflictSettings{KeepsSiblings: true})
	for _, keys := range []int{1, 1000} {
		h := siblingHistory(200_000, keys)
		b.Run(fmt.Sprintf("200000 operations, %d keys", keys), func(b *testing.B) {
			for b.Loop() {
				v := c.Check(context.Background(), h)[0]
				if v.Result != Valid {
					b.Fatal(v)
				}
			}
		})
	}
}
