package sim

import (
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
)

// ms is a millisecond in nanoseconds.
const ms = milli

// toy is a node whose behaviour is a function of the test.
type toy struct {
	id   refimpl.Addr
	boot refimpl.Boot
	step func(n *toy, in *refimpl.Input, fx *refimpl.Effects)
}

func (n *toy) Step(in *refimpl.Input, fx *refimpl.Effects) { n.step(n, in, fx) }

func (n *toy) Status() refimpl.Status { return refimpl.Status{Position: int64(len(n.boot.Records))} }

// lab is a world with exact durations and the log of what its nodes were given.
type lab struct {
	*World
	boots []refimpl.Boot // all boots, in order
	got   []seen
	plan  map[refimpl.Addr]func(n *toy, in *refimpl.Input, fx *refimpl.Effects)
}

// seen is one input, as a node saw it.
type seen struct {
	at   int64
	node refimpl.Addr
	kind refimpl.InputKind
	from refimpl.Addr
	seq  uint64 // of the message, or the token
	mono int64
	wall int64
}

// exact is a configuration in which a packet takes 1 ms, a sync 2 ms and everything else no time.
func exact(nodes int) Config {
	return Config{Nodes: nodes, Seed: keyed.New(1), Net: NetConfig{Latency: Fixed(ms)},
		Disk: DiskConfig{Sync: Fixed(2 * ms)},
		Proc: ProcConfig{Request: Fixed(0), Message: Fixed(0), Internal: Fixed(0)}}
}

// newLab returns a lab of cfg, whose nodes record what they are given and then do what plan says. The
// starts of the nodes have happened and are forgotten.
func newLab(cfg Config) *lab {
	l := &lab{plan: map[refimpl.Addr]func(*toy, *refimpl.Input, *refimpl.Effects){}}
	cfg.NewNode = func(id refimpl.Addr, boot *refimpl.Boot) refimpl.Node {
		l.boots = append(l.boots, *boot)
		return &toy{id: id, boot: *boot, step: l.step}
	}
	l.World = New(cfg)
	l.RunUntil(0)
	l.got = nil
	return l
}

// step records an input and does what the test planned.
func (l *lab) step(n *toy, in *refimpl.Input, fx *refimpl.Effects) {
	s := seen{at: l.Now(), node: n.id, kind: in.Kind, from: in.From, seq: in.Token, mono: in.Mono,
		wall: in.Wall}
	if in.Msg != nil {
		s.seq = in.Msg.Seq
	}
	l.got = append(l.got, s)
	if f := l.plan[n.id]; f != nil {
		f(n, in, fx)
	}
}

// post is a client that can be made to send, and records what it gets.
type post struct {
	out  []refimpl.Send
	wake int64
	got  []uint64
	at   []int64
}

func (p *post) Step(in *client.Input, fx *client.Effects) {
	switch in.Kind {
	case client.InMessage:
		p.got = append(p.got, in.Msg.Seq)
		p.at = append(p.at, in.Mono)
	case client.InTimer:
		p.at = append(p.at, in.Mono)
	}
	fx.Sends = append(fx.Sends, p.out...)
	p.out = nil
	fx.Wake = p.wake
	p.wake = 0
}

// send has a client of the lab send messages to a node, numbered by seqs, now.
func (l *lab) send(c refimpl.Addr, p *post, to refimpl.Addr, seqs ...uint64) {
	for _, seq := range seqs {
		p.out = append(p.out, refimpl.Send{To: to, Msg: refimpl.Message{Kind: refimpl.MsgAsk, Seq: seq}})
	}
	l.Call(c, &client.Call{}, nil)
}

// order has node id do f once, at once, on the occasion of an operator's order.
func (l *lab) order(t *testing.T, id refimpl.Addr, f func(fx *refimpl.Effects)) {
	t.Helper()
	l.plan[id] = func(_ *toy, in *refimpl.Input, fx *refimpl.Effects) {
		if in.Kind == refimpl.InPromote {
			f(fx)
		}
	}
	must(t, l.Promote(id))
	l.RunUntil(l.Now())
}

// sends is an effect: messages to a node, numbered by seqs.
func sends(to refimpl.Addr, seqs ...uint64) func(fx *refimpl.Effects) {
	return func(fx *refimpl.Effects) {
		for _, seq := range seqs {
			fx.Sends = append(fx.Sends, refimpl.Send{To: to, Msg: refimpl.Message{Kind: refimpl.MsgMode,
				Seq: seq}})
		}
	}
}

// writes is an effect: a write of count records, whose indexes are token*100, token*100+1, ..
func writes(token uint64, count int, sync bool) func(fx *refimpl.Effects) {
	return func(fx *refimpl.Effects) {
		wr := refimpl.Write{Sync: sync, Token: token}
		for i := range count {
			wr.Records = append(wr.Records, refimpl.Record{Kind: refimpl.RecEntry, Index: int64(token)*100 +
				int64(i)})
		}
		fx.Writes = append(fx.Writes, wr)
	}
}

// take returns the inputs of a kind that a node got, and forgets all.
func (l *lab) take(node refimpl.Addr, kind refimpl.InputKind) []seen {
	var out []seen
	for _, s := range l.got {
		if s.node == node && s.kind == kind {
			out = append(out, s)
		}
	}
	l.got = nil
	return out
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
