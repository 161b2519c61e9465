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
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/wire"
	"github.com/rashomon-harness/rashomon/targets"
)

// liveClient is the client of one session on one device. It carries out one operation at a time; others wait.
type liveClient struct {
	live    *Live
	session *liveSession
	machine client.Machine
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
		return
	}
	c.rouse()
}

// rouse has the client look at what there is to do.
func (c *liveClient) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// requests is what ends requests that are under way.
type requests struct {
	ctx    context.Context
	cancel context.CancelFunc
}

func newRequests(parent context.Context) requests {
	ctx, cancel := context.WithCancel(parent)
	return requests{ctx, cancel}
}

// work steps the machine as long as an operation is under way or waits, or the machine has something left
// to do.
func (c *liveClient) work() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var op *submitted // under way
	requests := newRequests(c.live.ctx)
	defer func() { requests.cancel() }()
	lingers := false
	for {
		var in client.Input
		var got bool
		if op == nil {
			var idle bool
			if op, idle = c.next(lingers); idle {
				return
			}
			if op != nil {
				in, got = client.Input{Kind: client.InCall, Call: &op.call}, true
			}
		}
		if !got {
			var open bool
			if in, got, open = c.await(timer); !open {
				c.closed(op)
				return
			}
		}
		if !got {
			continue
		}
		fx := c.step(requests.ctx, &in, timer)
		lingers = fx.Wake != 0
		if op == nil || len(fx.Done) == 0 {
			continue
		}
		if c.live.cfg.Mode != refimpl.Leaderless { // nobody waits for other answers
			requests.cancel()
			requests = newRequests(c.live.ctx)
		}
		done := op
		op = nil
		done.done(c.live.mapper.Completion(&done.op, &fx.Done[0]))
	}
}

// next returns the operation that waits longest, nil for none. When there is nothing to do the client is
// idle.
func (c *liveClient) next(lingers bool) (op *submitted, idle bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) > 0 {
		s := c.waiting[0]
		c.waiting = c.waiting[1:]
		return &s, false
	}
	if lingers {
		return nil, false
	}
	c.busy, c.arrivals = false, nil
	return nil, true
}

// await waits for an answer or the timer. Without an input something has been submitted, or the clients are
// closed.
func (c *liveClient) await(timer *time.Timer) (in client.Input, got, open bool) {
	if in, got = c.arrived(); got {
		return in, true, true
	}
	select {
	case <-c.wake:
		in, got = c.arrived()
		return in, got, true
	case <-timer.C:
		return client.Input{Kind: client.InTimer}, true, true
	case <-c.live.ctx.Done():
		return in, false, false
	}
}

// closed tells the operations under way that the clients are closed.
func (c *liveClient) closed(op *submitted) {
	c.mu.Lock()
	waiting := c.waiting
	c.waiting, c.busy = nil, false
	c.mu.Unlock()
	if op != nil {
		waiting = append([]submitted{*op}, waiting...)
	}
	for i := range waiting {
		waiting[i].done(targets.Completion{Err: history.Error{Code: history.Timeout,
			Text: "the client was closed"}})
	}
}

// step steps the machine and sends what it wants to send.
func (c *liveClient) step(ctx context.Context, in *client.Input, timer *time.Timer) *client.Effects {
	fx := &client.Effects{}
	now := time.Now()
	in.Mono, in.Wall = int64(now.Sub(c.live.began)), now.UnixNano()
	c.session.mu.Lock()
	c.machine.Step(in, fx)
	c.session.mu.Unlock()
	for i := range fx.Sends {
		send := fx.Sends[i]
		go c.send(ctx, &send)
	}
	if fx.Wake != 0 {
		timer.Reset(time.Duration(fx.Wake) - time.Since(c.live.began))
	} else {
		timer.Stop()
	}
	return fx
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
	c.rouse()
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
