package reference

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/wire"
	"github.com/rashomon-harness/rashomon/targets"
)

// Dial connects a session's client to a node, over the link between them.
type Dial func(ctx context.Context, session, node string) (net.Conn, error)

// Live is the clients of a cluster in real time. They are the same state machines that the simulated arm
// runs; here each has its own connections, and a goroutine while it has something to do.
type Live struct {
	cfg    *refimpl.Config
	mapper *Mapper
	seed   keyed.Key
	dial   Dial
	began  time.Time
	ctx    context.Context
	stop   context.CancelFunc

	mu       sync.Mutex
	clients  map[[2]string]*liveClient
	sessions map[string]*liveSession
}

// liveSession is what the devices of a session share. Their machines are stepped one at a time.
type liveSession struct {
	mu     sync.Mutex
	memory *client.Session
}

// NewLive returns the clients of a cluster that is reached by dial.
func NewLive(cfg *refimpl.Config, mapper *Mapper, seed uint64, dial Dial) *Live {
	l := &Live{cfg: cfg, mapper: mapper, seed: keyed.New(seed).Named("clients"), dial: dial,
		began:   time.Now(),
		clients: map[[2]string]*liveClient{}, sessions: map[string]*liveSession{}}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// Client returns the client of a session on a device, the same one for the same names.
func (l *Live) Client(session, device string) targets.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := [2]string{session, device}
	if c := l.clients[name]; c != nil {
		return c
	}
	shared := l.sessions[session]
	if shared == nil {
		shared = &liveSession{memory: client.NewSession()}
		l.sessions[session] = shared
	}
	id := l.seed.Named(session).Named(device).Uint64()
	c := &liveClient{live: l, session: shared, wake: make(chan struct{}, 1),
		machine: client.New(l.cfg, id, shared.memory, l.seed),
		http:    &http.Client{Transport: l.transport(session)}}
	l.clients[name] = c
	return c
}

// Close ends all clients: what is under way fails or never ends.
func (l *Live) Close() {
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		c.http.CloseIdleConnections()
	}
}

// transport returns the connections of a session, on which a node's name stands for its address.
func (l *Live) transport(session string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			node, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return l.dial(ctx, session, node)
		},
		MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, DisableCompression: true,
	}
}

// liveClient is the client of one session on one device. It carries out one operation at a time; others wait.
type liveClient struct {
	live    *Live
	session *liveSession
	machine *client.Client
	http    *http.Client
	wake    chan struct{} // there are arrivals

	mu       sync.Mutex
	waiting  []submitted
	busy     bool
	arrivals []arrival
}

// submitted is an operation that was submitted.
type submitted struct {
	op   Operation
	call client.Call
	done func(targets.Completion)
}

// arrival is a node's answer.
type arrival struct {
	from refimpl.Addr
	msg  refimpl.Message
}

// Submit sends an operation on its way. What the store cannot make sense of is answered at once.
func (c *liveClient) Submit(inv *history.Event, done func(targets.Completion)) {
	s := submitted{op: OperationOf(inv), done: done}
	if problem := c.live.mapper.Call(inv, &s.call); problem.Code != history.NoError {
		done(targets.Completion{Err: problem})
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, s)
	if !c.busy {
		c.busy = true
		go c.work()
	}
}

// work carries out operations until none waits.
func (c *liveClient) work() {
	for {
		c.mu.Lock()
		if len(c.waiting) == 0 {
			c.busy = false
			c.mu.Unlock()
			return
		}
		s := c.waiting[0]
		c.waiting = c.waiting[1:]
		c.arrivals = nil // to an earlier operation
		c.mu.Unlock()
		c.carryOut(&s)
	}
}

// carryOut runs the machine until the operation is over.
func (c *liveClient) carryOut(s *submitted) {
	ctx, cancel := context.WithCancel(c.live.ctx)
	defer cancel() // of requests that nobody waits for any more
	timer := time.NewTimer(0)
	defer timer.Stop()
	in := client.Input{Kind: client.InCall, Call: &s.call}
	for {
		if result, ended := c.step(ctx, &in, timer); ended {
			s.done(c.live.mapper.Completion(&s.op, result))
			return
		}
		for {
			var got bool
			if in, got = c.arrived(); got {
				break
			}
			select {
			case <-c.wake:
				continue
			case <-timer.C:
				in = client.Input{Kind: client.InTimer}
			case <-ctx.Done(): // the clients are closed
				s.done(targets.Completion{Err: history.Error{Code: history.Timeout,
					Text: "the client was closed"}})
				return
			}
			break
		}
	}
}

// step steps the machine and sends what it wants to send.
func (c *liveClient) step(ctx context.Context, in *client.Input, timer *time.Timer) (*client.Result, bool) {
	var fx client.Effects
	in.Mono = int64(time.Since(c.live.began))
	c.session.mu.Lock()
	c.machine.Step(in, &fx)
	c.session.mu.Unlock()
	for i := range fx.Sends {
		send := fx.Sends[i]
		go c.send(ctx, &send)
	}
	if len(fx.Done) > 0 {
		return &fx.Done[0], true
	}
	if fx.Wake != 0 {
		timer.Reset(time.Duration(fx.Wake) - time.Since(c.live.began))
	}
	return nil, false
}

// arrived returns the next answer, if there is one.
func (c *liveClient) arrived() (client.Input, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.arrivals) == 0 {
		return client.Input{}, false
	}
	a := c.arrivals[0]
	c.arrivals = c.arrivals[1:]
	return client.Input{Kind: client.InMessage, From: a.from, Msg: &a.msg}, true
}

// send sends a message and takes in the answer. No answer is like a lost packet: the machine's deadlines see
// to it.
func (c *liveClient) send(ctx context.Context, s *refimpl.Send) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(c.live.cfg.RequestTimeout))
	defer cancel()
	msg, err := c.exchange(ctx, s)
	if err != nil {
		return
	}
	c.mu.Lock()
	c.arrivals = append(c.arrivals, arrival{s.To, msg})
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// answerMax is the most bytes of an answer.
const answerMax = 64 << 20

func (c *liveClient) exchange(ctx context.Context, s *refimpl.Send) (refimpl.Message, error) {
	req, err := c.request(ctx, s)
	if err != nil {
		return refimpl.Message{}, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return refimpl.Message{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	if err != nil {
		return refimpl.Message{}, err
	}
	if s.Msg.Kind == refimpl.MsgAsk {
		var leader wire.Leader
		if err := json.Unmarshal(body, &leader); err != nil || resp.StatusCode != http.StatusOK {
			return refimpl.Message{}, fmt.Errorf("status %d: %s", resp.StatusCode, body)
		}
		return leader.Message(), nil
	}
	var reply wire.Reply
	if err := json.Unmarshal(body, &reply); err != nil {
		return refimpl.Message{}, err
	}
	if resp.StatusCode == http.StatusBadRequest && reply.Seq == 0 { // the server made nothing of it
		return refimpl.Message{Kind: refimpl.MsgReply, Shard: s.Msg.Shard, Seq: s.Msg.Seq,
			Reply: &refimpl.Reply{
				Seq: s.Msg.Req.Seq, Err: refimpl.ErrBadRequest, Leader: refimpl.Nobody, By: s.To}}, nil
	}
	return reply.Message()
}

// request makes the request of a message.
func (c *liveClient) request(ctx context.Context, s *refimpl.Send) (*http.Request, error) {
	base := "http://" + net.JoinHostPort(c.live.mapper.Name(s.To), "80")
	if s.Msg.Kind == refimpl.MsgAsk {
		url := fmt.Sprintf("%s/v1/leader?shard=%d", base, s.Msg.Shard)
		return http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	}
	body, err := json.Marshal(wire.ToRequest(&s.Msg))
	if err != nil {
		return nil, err
	}
	// Without GetBody the transport cannot send a request a second time by itself: the machine decides that.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/request",
		io.NopCloser(bytes.NewReader(body)))
	if err == nil {
		req.ContentLength = int64(len(body))
	}
	return req, err
}
