package leaderless

import (
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
)

// Client is the client of one session on one device. It carries out one call at a time, as the coordinator or
// through one.
type Client struct {
	cfg     *refimpl.Config
	key     keyed.Key
	session *client.Session
	co      coordinator
	written map[string]refimpl.Object // by key: what it wrote last, as coordinator
	lives   []uint64                  // by node: its life, 0 when unknown
	avoid   []int64                   // by node: until when it is not chosen
	call    client.Call
	active  bool
	job     *job // of the call, when the client coordinates
	try     try
	seq     uint64
	fx      *client.Effects
}

// try is the state of a call that goes to one node.
type try struct {
	node     refimpl.Addr
	attempts uint64
	deadline int64
	retryAt  int64
	life     uint64 // of a write: the life of the node that it is meant for
	doubt    bool   // of a write: an attempt may have been taken
}

// NewClient returns the client with that id, which must be its alone in the cluster's life. shared is what
// all devices of the session have in common; it is used with session_scope: user.
func NewClient(cfg *refimpl.Config, id uint64, shared *client.Session, seed keyed.Key) *Client {
	c := &Client{cfg: cfg, key: seed.With(id), session: shared, written: map[string]refimpl.Object{},
		lives: make([]uint64, cfg.Nodes), avoid: make([]int64, cfg.Nodes)}
	if cfg.SessionScope == refimpl.Device {
		c.session = client.NewSession()
	}
	c.co = newCoordinator(cfg, newRing(cfg), refimpl.Nobody, id, id, c)
	return c
}

// Step implements client.Machine.
func (c *Client) Step(in *client.Input, fx *client.Effects) {
	c.fx = fx
	c.co.now, c.co.wall = in.Mono, in.Wall
	switch {
	case in.Kind == client.InCall:
		c.begin(in.Call)
	case in.Kind == client.InMessage:
		c.receive(in.From, in.Msg)
	}
	c.co.timer()
	c.tryTimer()
	fx.Wake = c.co.wakeAt
	if c.active && c.job == nil {
		next := min(c.try.deadline, c.try.retryAt)
		if fx.Wake == 0 || next < fx.Wake {
			fx.Wake = next
		}
	}
	c.fx = nil
}

// begin takes up a call.
func (c *Client) begin(call *client.Call) {
	c.co.abandon(c.job)
	c.call, c.active, c.job = *call, true, nil
	c.seq++
	switch {
	case !offered(call.Op) || len(call.Keys) > 0:
		c.end(refimpl.ErrUnsupported, nil)
	case c.cfg.Coordinator == refimpl.ByClient && call.Op != refimpl.OpPeek:
		c.job = &job{op: call.Op, key: call.Key, arg: call.Value, context: c.session.Seen(call.Key),
			dc: c.co.ring.dcOf(call.Near), deadline: c.co.now + c.cfg.RequestTimeout}
		c.co.begin(c.job)
	default:
		c.try = try{deadline: c.co.now + c.cfg.RequestTimeout}
		c.choose()
		c.send1()
	}
}

// send implements outer.
func (c *Client) send(to refimpl.Addr, m refimpl.Message) {
	c.fx.Sends = append(c.fx.Sends, refimpl.Send{To: to, Msg: m})
}

// own implements outer.
func (c *Client) own(key string) refimpl.Object { return c.written[key] }

// keep implements outer.
func (c *Client) keep(key string, o refimpl.Object) { c.written[key] = o }

// done implements outer.
func (c *Client) done(_ *job, r *refimpl.Reply) { c.end(r.Err, r) }

// end ends the call.
func (c *Client) end(err refimpl.ErrCode, r *refimpl.Reply) {
	if r != nil && err == refimpl.ErrNone && r.Object != nil && c.call.Op == refimpl.OpRead {
		c.session.See(c.call.Key, r.Object.Seen)
	}
	c.active, c.job = false, nil
	c.fx.Done = append(c.fx.Done, client.Result{Handle: c.call.Handle, Err: err, Reply: r})
	c.call = client.Call{}
}

// receive takes in an answer. Answers to earlier calls are dropped, by a coordinator only when it has no use
// for them.
func (c *Client) receive(from refimpl.Addr, m *refimpl.Message) {
	switch {
	case m.Kind != refimpl.MsgReply || m.Reply == nil:
	case c.active && c.job == nil && m.Reply.Seq == c.seq:
		c.onReply(from, m)
	case c.cfg.Coordinator == refimpl.ByClient:
		c.co.receive(from, m)
	}
}
