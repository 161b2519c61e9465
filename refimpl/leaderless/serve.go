package leaderless

import "github.com/rashomon-harness/rashomon/refimpl"

// call is the latest request of a client that the node coordinates, or has.
type call struct {
	seq   uint64
	job   *job
	reply *refimpl.Reply // nil while it is under way
}

// coordinate carries a client's request out. A write names the life of the node that it is meant for: a copy
// that comes late to another life is not taken.
func (n *Node) coordinate(from refimpl.Addr, m *refimpl.Message) {
	req := m.Req
	if n.cfg.Coordinator != refimpl.ByNode {
		n.refuse(from, m, refimpl.ErrUnsupported)
		return
	}
	if !req.Op.ReadsOnly() {
		if m.Epoch != n.life {
			n.mark(refimpl.MarkRestartRefused)
			n.refuse(from, m, refimpl.ErrRestarted)
			return
		}
		if n.ring.of(req.Key).mask>>n.id&1 == 0 {
			n.refuse(from, m, refimpl.ErrNotLeader)
			return
		}
	}
	if c := n.calls[req.Client]; c != nil && req.Seq <= c.seq {
		n.mark(refimpl.MarkDeduplicated)
		n.again(from, m, c)
		return
	}
	j := &job{op: req.Op, key: req.Key, arg: req.Value, dc: n.ring.dcOf(n.id),
		deadline: n.now + n.cfg.RequestTimeout*3/4,
		caller:   caller{addr: from, id: req.Client, seq: req.Seq, attempt: m.Seq}}
	if req.Object != nil {
		j.context = req.Object.Seen
	}
	n.calls[req.Client] = &call{seq: req.Seq, job: j}
	n.co.begin(j)
}

// again answers another attempt of a request that the node knows.
func (n *Node) again(from refimpl.Addr, m *refimpl.Message, c *call) {
	switch {
	case m.Req.Seq < c.seq: // nobody waits for it
	case c.reply == nil:
		c.job.caller.addr, c.job.caller.attempt = from, m.Seq
	default:
		n.send(from, refimpl.Message{Kind: refimpl.MsgReply, Seq: m.Seq, Reply: c.reply})
	}
}

// finish answers the client of a job.
func (n *Node) finish(j *job, r *refimpl.Reply) {
	r.Seq, r.Leader, r.Epoch = j.caller.seq, refimpl.Nobody, n.life
	if c := n.calls[j.caller.id]; c != nil && c.job == j {
		c.reply = r
	}
	n.send(j.caller.addr, refimpl.Message{Kind: refimpl.MsgReply, Seq: j.caller.attempt, Reply: r})
}
