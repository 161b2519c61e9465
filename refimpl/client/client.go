package client

import (
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// Client is the client of one session on one device. It carries out one call at a time.
type Client struct {
	cfg     *refimpl.Config
	id      uint64
	key     keyed.Key
	session *Session
	leaders []belief // by shard
	seq     uint64
	call    Call
	active  bool
	try     try
	fx      *Effects
	now     int64
}

// belief is whom the client takes for the leader of a shard, and in which epoch.
type belief struct {
	node  refimpl.Addr
	epoch uint64
}

// try is the state of the call under way.
type try struct {
	deadline int64
	retryAt  int64
	attempts uint64 // sent so far
	// doubt has a bit for every attempt of a write that may have been taken: it was sent and not
	// refused. Attempts from the 64th on share the last bit, which is never cleared again.
	doubt  uint64
	hops   int // times it followed a hint without waiting
	local  bool
	node   refimpl.Addr // where the last attempt went
	shard  int32
	err    refimpl.ErrCode // why the last attempt was refused
	asking bool
	token  []refimpl.Position // what the first attempt asked for; later ones ask for no less
}

// New returns the client with that id, which must be its alone in the cluster's life. shared is what all
// devices of the session have in common; it is used with session_scope: user.
func New(cfg *refimpl.Config, id uint64, shared *Session, seed keyed.Key) *Client {
	c := &Client{cfg: cfg, id: id, key: seed.With(id), session: shared, leaders: make([]belief, cfg.Shards)}
	if cfg.SessionScope == refimpl.Device {
		c.session = NewSession()
	}
	for i := range c.leaders {
		c.leaders[i] = belief{node: 0, epoch: 1}
	}
	return c
}

// Step consumes one input and appends what must follow to fx. It is deterministic.
func (c *Client) Step(in *Input, fx *Effects) {
	c.fx, c.now = fx, in.Mono
	switch in.Kind {
	case InCall:
		c.begin(in.Call)
	case InMessage:
		c.receive(in.From, in.Msg)
	}
	if c.active && c.now >= c.try.deadline {
		c.giveUp()
	}
	if c.active && c.now >= c.try.retryAt {
		c.again()
	}
	if c.active {
		fx.Wake = min(c.try.deadline, c.try.retryAt)
	}
	c.fx = nil
}

// begin takes up a call.
func (c *Client) begin(call *Call) {
	c.seq++
	c.call, c.active = *call, true
	c.try = try{deadline: c.now + c.cfg.RequestTimeout, shard: refimpl.ShardOf(call.firstKey(), c.cfg.Shards)}
	switch {
	case call.Op == refimpl.OpTxn:
		for _, k := range call.keys() {
			c.session.noteWrite(k, c.now)
		}
	case !call.Op.ReadsOnly():
		c.session.noteWrite(call.Key, c.now)
	}
	c.try.local = c.readsLocally()
	c.try.node = c.firstNode()
	c.send()
}

// readsLocally reports whether the call is a read that any replica may answer.
func (c *Client) readsLocally() bool {
	if c.call.Op != refimpl.OpRead {
		return false
	}
	switch c.cfg.Reads {
	case refimpl.ReadLeader:
		return false
	case refimpl.ReadOwnWrites:
		for _, k := range c.call.keys() {
			if c.session.wrote[k] {
				return false
			}
		}
	case refimpl.ReadRecentWrites:
		return !c.session.hasWrote || c.now-c.session.lastWrite >= c.cfg.RecentWindow
	}
	return true
}

// firstNode returns where the first attempt goes.
func (c *Client) firstNode() refimpl.Addr {
	switch {
	case c.call.Op == refimpl.OpPeek:
		return max(c.call.Near, 0)
	case !c.try.local:
		return c.leaders[c.try.shard].node
	case c.cfg.Reads == refimpl.ReadSticky:
		if c.session.sticky == refimpl.Nobody {
			c.session.sticky = c.anyNode()
		}
		return c.session.sticky
	case c.cfg.Reads == refimpl.ReadNearest && c.call.Near != refimpl.Nobody:
		return c.call.Near
	}
	return c.anyNode()
}

// anyNode draws a node, another draw for every attempt.
func (c *Client) anyNode() refimpl.Addr {
	return refimpl.Addr(c.key.With2(c.seq, c.try.attempts).N(c.cfg.Nodes))
}

// send sends an attempt to try.node.
func (c *Client) send() {
	t := &c.try
	t.attempts++
	t.retryAt, t.asking = c.now+c.cfg.RetryAfter, false
	req := &refimpl.Request{Client: c.id, Seq: c.seq, Op: c.call.Op, Local: t.local, Key: c.call.Key,
		Keys: c.call.Keys, Old: c.call.Old, Value: c.call.Value, Txn: c.call.Txn}
	if c.cfg.Reads == refimpl.ReadToken && c.call.Op != refimpl.OpPeek {
		req.Token = c.session.token()
		if t.attempts == 1 {
			t.token = req.Token
		}
	}
	m := refimpl.Message{Kind: refimpl.MsgRequest, Shard: t.shard, Epoch: c.leaders[t.shard].epoch,
		Seq: t.attempts,
		Req: req}
	if !c.call.Op.ReadsOnly() {
		t.doubt |= attemptBit(t.attempts)
	}
	c.fx.Sends = append(c.fx.Sends, refimpl.Send{To: t.node, Msg: m})
}

func attemptBit(attempt uint64) uint64 { return 1 << min(attempt-1, 63) }

// receive takes in an answer. Answers to earlier calls are dropped.
func (c *Client) receive(from refimpl.Addr, m *refimpl.Message) {
	if m.Shard < 0 || int(m.Shard) >= len(c.leaders) {
		return
	}
	switch {
	case m.Kind == refimpl.MsgTell:
		learned := c.learn(m.Shard, m.Leader, m.Epoch)
		if c.active && learned && c.try.asking && m.Shard == c.try.shard {
			c.try.node = m.Leader
			c.send()
		}
	case m.Kind == refimpl.MsgReply && m.Reply != nil && c.active && m.Reply.Seq == c.seq:
		c.onReply(m)
	}
}

// learn takes in who leads a shard, unless something later is known; it reports whether that was news.
func (c *Client) learn(shard int32, leader refimpl.Addr, epoch uint64) bool {
	b := &c.leaders[shard]
	if leader == refimpl.Nobody || epoch <= b.epoch {
		return false
	}
	if c.cfg.Clients == refimpl.Static {
		leader = 0 // a static client writes to the first node, whoever leads
	}
	*b = belief{leader, epoch}
	return true
}

// onReply takes in the answer to the call under way.
func (c *Client) onReply(m *refimpl.Message) {
	r := m.Reply
	switch r.Err {
	case refimpl.ErrNone, refimpl.ErrBadRequest:
		if c.call.Op != refimpl.OpPeek { // which is nothing that the session has seen
			c.session.takeIn(r, c.try.token)
		}
		c.finish(r.Err, r)
		return
	case refimpl.ErrDeposed: // the attempt may have been taken
	default:
		if m.Seq > 0 && m.Seq < 64 {
			c.try.doubt &^= attemptBit(m.Seq)
		}
	}
	c.try.err = r.Err
	c.refused(c.learn(m.Shard, r.Leader, r.Epoch))
}

// refused decides what to do after a refusal.
func (c *Client) refused(news bool) {
	t := &c.try
	switch {
	case t.err == refimpl.ErrTokenLost || t.err == refimpl.ErrCrossShard:
		c.finishUnlessDoubt() // otherwise only the deadline tells
	case t.err == refimpl.ErrTokenTimeout:
		t.node = c.nextNode()
		c.send()
	case t.local || c.call.Op == refimpl.OpPeek:
		t.retryAt = min(t.retryAt, c.now+c.cfg.RetryAfter/4)
	case news && t.hops < maxHops:
		t.hops++
		t.node = c.leaders[t.shard].node
		c.send()
	case c.cfg.Clients == refimpl.Static && t.err == refimpl.ErrNotLeader:
		c.finishUnlessDoubt()
	default:
		t.retryAt = min(t.retryAt, c.now+c.cfg.RetryAfter/4)
	}
}

// maxHops is how often a call follows a hint at once; then it waits, as leaders seem to be changing.
const maxHops = 5

// again sends the next attempt.
func (c *Client) again() {
	t := &c.try
	switch {
	case c.call.Op == refimpl.OpPeek:
	case t.local:
		t.node = c.nextNode()
		if c.cfg.Reads == refimpl.ReadSticky {
			c.session.sticky = t.node
		}
	case c.cfg.Clients == refimpl.Ask:
		c.ask()
	case c.cfg.Clients == refimpl.Redirect:
		t.node = c.nextNode()
	}
	c.send()
	t.asking = c.cfg.Clients == refimpl.Ask && !t.local
}

// nextNode returns where to try after the last node: the next one in turn.
func (c *Client) nextNode() refimpl.Addr {
	return (c.try.node + 1) % refimpl.Addr(c.cfg.Nodes)
}

// ask asks all nodes who leads.
func (c *Client) ask() {
	for i := range c.cfg.Nodes {
		m := refimpl.Message{Kind: refimpl.MsgAsk, Shard: c.try.shard}
		c.fx.Sends = append(c.fx.Sends, refimpl.Send{To: refimpl.Addr(i), Msg: m})
	}
	c.try.node = c.leaders[c.try.shard].node
}

// giveUp ends the call at its deadline: with the last refusal when every attempt was refused, otherwise
// nobody knows.
func (c *Client) giveUp() {
	certain := c.try.doubt == 0 || c.cfg.Bugs.Has(refimpl.BugDoubtForgotten)
	if certain && c.try.err != refimpl.ErrNone && c.try.err != refimpl.ErrDeposed {
		c.finish(c.try.err, nil)
		return
	}
	c.finish(refimpl.ErrTimeout, nil)
}

func (c *Client) finishUnlessDoubt() {
	if c.try.doubt == 0 {
		c.finish(c.try.err, nil)
	}
}

func (c *Client) finish(err refimpl.ErrCode, r *refimpl.Reply) {
	c.active = false
	c.fx.Done = append(c.fx.Done, Result{Handle: c.call.Handle, Err: err, Reply: r})
	c.call = Call{}
}

// firstKey returns the key whose shard decides where a call goes.
func (c *Call) firstKey() string {
	switch {
	case len(c.Keys) > 0:
		return c.Keys[0]
	case len(c.Txn) > 0:
		return c.Txn[0].Key
	}
	return c.Key
}

// keys returns the keys of a call.
func (c *Call) keys() []string {
	switch {
	case len(c.Keys) > 0:
		return c.Keys
	case len(c.Txn) == 0:
		return []string{c.Key}
	}
	keys := make([]string, len(c.Txn))
	for i := range c.Txn {
		keys[i] = c.Txn[i].Key
	}
	return keys
}
