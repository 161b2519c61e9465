package leaderless

import "github.com/rashomon-harness/rashomon/refimpl"

// choose picks the node that the call goes to: the one that was asked for, or a replica of the key, the near
// one first, but none that did not answer lately.
func (c *Client) choose() {
	t := &c.try
	if c.call.Op == refimpl.OpPeek {
		t.node = max(c.call.Near, 0)
		return
	}
	pref := c.co.ring.of(c.call.Key)
	if near := c.call.Near; near >= 0 && t.attempts == 0 && pref.mask>>near&1 != 0 &&
		c.avoid[near] <= c.co.now {
		t.node = near
		return
	}
	first := c.key.With2(c.seq, t.attempts).N(len(pref.home))
	t.node = pref.home[first]
	for i := range pref.home {
		node := pref.home[(first+i)%len(pref.home)]
		if c.avoid[node] <= c.co.now {
			t.node = node
			return
		}
	}
}

// send1 sends an attempt to the chosen node.
func (c *Client) send1() {
	t := &c.try
	t.attempts++
	t.retryAt = c.co.now + c.cfg.RetryAfter
	req := &refimpl.Request{Client: c.co.id, Seq: c.seq, Op: c.call.Op, Key: c.call.Key, Value: c.call.Value}
	m := refimpl.Message{Kind: refimpl.MsgRequest, Seq: t.attempts, Req: req}
	if !c.call.Op.ReadsOnly() {
		req.Object = &refimpl.Object{Seen: c.session.Seen(c.call.Key)}
		t.life = c.lives[t.node]
		m.Epoch = t.life
		t.doubt = t.doubt || t.life != 0 // life 0 takes nothing
	}
	c.send(t.node, m)
}

// onReply takes in the answer of the node that the call went to.
func (c *Client) onReply(from refimpl.Addr, m *refimpl.Message) {
	r, t := m.Reply, &c.try
	if from >= 0 && int(from) < len(c.lives) {
		c.lives[from] = max(c.lives[from], r.Epoch)
		c.avoid[from] = 0
	}
	switch {
	case r.Err == refimpl.ErrRestarted && !t.doubt:
		c.send1() // now the life is known
	case r.Err == refimpl.ErrRestarted && m.Seq > 0 && c.lives[t.node] == t.life:
		// an answer to an earlier attempt, when the life was not known
	default:
		c.end(r.Err, r)
	}
}

// avoidFor is how long, in times of retry_after, a node that did not answer is not chosen.
const avoidFor = 5

// tryTimer does what is due for a call that went to one node. A write stays with its node: another one would
// make it a second write.
func (c *Client) tryTimer() {
	t := &c.try
	switch now := c.co.now; {
	case !c.active || c.job != nil:
	case now >= t.deadline:
		c.avoid[t.node] = now + avoidFor*c.cfg.RetryAfter
		c.end(refimpl.ErrTimeout, nil)
	case now >= t.retryAt:
		if c.call.Op == refimpl.OpRead {
			c.avoid[t.node] = now + avoidFor*c.cfg.RetryAfter
			c.choose()
		}
		c.send1()
	}
}
