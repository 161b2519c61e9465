package leaderless

import (
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
)

// BenchmarkQuorum runs the safe configuration of registers on five nodes without harness and history: 20
// clients that each send 50 operations a second, half of them writes, as the benchmark of the same name of
// the single-leader mode does. One iteration is a virtual second.
func BenchmarkQuorum(b *testing.B) {
	r := newRig(b, 5, map[string]any{"write_reads_first": true, "read_repair": "blocking"})
	for i := range uint64(16) {
		r.clients = append(r.clients, r.world.AddClient(NewClient(r.cfg, 1<<51+i, client.NewSession(), 7)))
	}
	var keys [100]string
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	busy := make([]bool, 20)
	calls := make([]client.Call, 20)
	ended := make([]func(*client.Result), 20)
	for i := range busy {
		ended[i] = func(*client.Result) { busy[i] = false }
	}
	b.ReportAllocs()
	ops := uint64(0)
	began := r.world.Steps()
	for b.Loop() {
		for range 1000 {
			r.pass(second / 1000)
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
			r.world.Call(r.clients[c], &calls[c], ended[c])
		}
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(r.world.Steps()-began)/seconds, "events/s")
	b.ReportMetric(float64(b.N)/seconds, "virtual-s/s")
}
