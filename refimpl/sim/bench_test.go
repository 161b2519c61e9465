package sim

import (
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// gossip is a node that writes a record every millisecond, syncs it, and then tells all others, who
// acknowledge.
type gossip struct {
	id, nodes refimpl.Addr
	token     uint64
	due       int64
	records   []refimpl.Record
}

func (g *gossip) Status() refimpl.Status { return refimpl.Status{} }

func (g *gossip) Step(in *refimpl.Input, fx *refimpl.Effects) {
	switch in.Kind {
	case refimpl.InTimer:
		g.token++
		g.due = in.Mono + ms
		fx.Writes = append(fx.Writes, refimpl.Write{Records: g.records, Sync: true, Token: g.token})
	case refimpl.InWriteDone:
		for to := range g.nodes {
			if to != g.id {
				msg := refimpl.Message{Kind: refimpl.MsgMode, Seq: in.Token}
				fx.Sends = append(fx.Sends, refimpl.Send{To: to, Msg: msg})
			}
		}
	case refimpl.InMessage:
		if in.Msg.Kind == refimpl.MsgMode {
			fx.Sends = append(fx.Sends, refimpl.Send{To: in.From,
				Msg: refimpl.Message{Kind: refimpl.MsgMode + 1}})
		}
	}
	fx.Wake = g.due
}

// gossipWorld is a world of n gossiping nodes, whose writes have that many records, with everything at its
// default.
func gossipWorld(n, records int, seed uint64) *World {
	return New(Config{Nodes: n, Seed: keyed.New(seed), Clock: DefaultClock(),
		NewNode: func(id refimpl.Addr, _ *refimpl.Boot) refimpl.Node {
			return &gossip{id: id, nodes: refimpl.Addr(n), records: make([]refimpl.Record, records)}
		}})
}

// BenchmarkWorld measures what the world costs an event, nodes of next to no work included: five nodes
// that write, sync, broadcast and acknowledge.
func BenchmarkWorld(b *testing.B) {
	w := gossipWorld(5, 1, 1)
	w.RunUntil(1000 * ms)
	from := w.Steps()
	b.ReportAllocs()
	b.ResetTimer()
	for w.Steps()-from < int64(b.N) {
		w.RunUntil(w.Now() + ms)
	}
	b.ReportMetric(float64(w.Steps()-from)/b.Elapsed().Seconds(), "events/s")
}
