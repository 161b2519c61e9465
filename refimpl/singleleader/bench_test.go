package singleleader

import (
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
)

// BenchmarkQuorum runs the safe configuration on five nodes without harness and history: 20 clients that
// each send 50 operations a second, half of them writes. One iteration is a virtual second.
func BenchmarkQuorum(b *testing.B) {
	a := newArena(b, 1, 5, nil)
	var keys [100]string
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	busy := make([]bool, 20)
	calls := make([]client.Call, 20)
	ended := make([]func(*client.Result), 20)
	for i := range busy {
		a.client()
		ended[i] = func(*client.Result) { busy[i] = false }
	}
	b.ReportAllocs()
	ops := uint64(0)
	for b.Loop() {
		for range 1000 {
			at := a.world.Now() + second/1000
			for a.world.Now() < at {
				a.world.RunUntil(at)
			}
			ops++
			k := keyed.New(ops)
			c := int(ops % 20)
			if busy[c] {
				continue
			}
			busy[c] = true
			calls[c] = client.Call{Op: refimpl.OpKind(k.N(2)), Key: keys[k.With(1).N(100)],
				Near:  refimpl.Nobody,
				Value: refimpl.Value{Kind: refimpl.Int, Num: int64(ops)}}
			a.world.Call(a.clients[c], &calls[c], ended[c])
		}
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(a.world.Steps())/seconds, "events/s")
	b.ReportMetric(float64(b.N)/seconds, "virtual-s/s")
}
