package client

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
)

const ms = int64(1_000_000)

// bench drives one client by hand and writes down what it does.
type bench struct {
	t   *testing.T
	c   *Client
	now int64
	fx  Effects
	out []string
}

func newBench(t *testing.T, config map[string]any) *bench {
	cfg, errs := refimpl.DecodeConfig(3, config)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return &bench{t: t, c: New(cfg, 1, NewSession(), 7)}
}

func (b *bench) step(in Input) {
	in.Mono = b.now
	b.fx.Reset()
	b.c.Step(&in, &b.fx)
	for _, s := range b.fx.Sends {
		what := "ask"
		if s.Msg.Kind == refimpl.MsgRequest {
			what = fmt.Sprintf("attempt %d of %d, epoch %d", s.Msg.Seq, s.Msg.Req.Seq, s.Msg.Epoch)
		}
		b.out = append(b.out, fmt.Sprintf("%d ms: n%d %s", b.now/ms, s.To+1, what))
	}
	for _, d := range b.fx.Done {
		b.out = append(b.out, fmt.Sprintf("%d ms: call %d ends: %v", b.now/ms, d.Handle, d.Err))
	}
}

// until wakes the client whenever it wants to be woken, up to t.
func (b *bench) until(t int64) {
	for b.fx.Wake != 0 && b.fx.Wake <= t {
		b.now = b.fx.Wake
		b.step(Input{Kind: InTimer})
	}
	b.now = t
}

func (b *bench) write(handle uint64) {
	b.step(Input{Kind: InCall, Call: &Call{Handle: handle, Op: refimpl.OpWrite, Key: "k",
		Near: refimpl.Nobody}})
}

func (b *bench) reply(attempt uint64, r refimpl.Reply) {
	b.step(Input{Kind: InMessage, From: r.By,
		Msg: &refimpl.Message{Kind: refimpl.MsgReply, Seq: attempt, Reply: &r}})
}

func (b *bench) want(lines ...string) {
	b.t.Helper()
	if got, want := strings.Join(b.out, "\n"), strings.Join(lines, "\n"); got != want {
		b.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRetriesUnderOneNameUntilTheDeadline(t *testing.T) {
	b := newBench(t, map[string]any{"request_timeout": "800ms"})
	b.write(9)
	b.until(1000 * ms)
	b.want("0 ms: n1 attempt 1 of 1, epoch 1", "300 ms: n2 attempt 2 of 1, epoch 1",
		"600 ms: n3 attempt 3 of 1, epoch 1", "800 ms: call 9 ends: timeout")
}

func TestFollowsAHintAtOnce(t *testing.T) {
	b := newBench(t, nil)
	b.write(1)
	b.now = ms
	b.reply(1, refimpl.Reply{Seq: 1, Err: refimpl.ErrNotLeader, Leader: 2, Epoch: 4})
	b.now = 2 * ms
	b.reply(0, refimpl.Reply{Seq: 1, By: 2})
	b.write(2)
	b.want("0 ms: n1 attempt 1 of 1, epoch 1", "1 ms: n3 attempt 2 of 1, epoch 4", "2 ms: call 1 ends: none",
		"2 ms: n3 attempt 1 of 2, epoch 4")
}

func TestRefusedEverywhereIsDefinite(t *testing.T) {
	b := newBench(t, map[string]any{"request_timeout": "100ms", "retry_after": "100ms"})
	b.write(1)
	for b.now < 90*ms {
		b.reply(b.c.try.attempts, refimpl.Reply{Seq: 1, Err: refimpl.ErrNotLeader, Leader: refimpl.Nobody})
		b.until(b.now + 30*ms)
	}
	b.reply(b.c.try.attempts, refimpl.Reply{Seq: 1, Err: refimpl.ErrNotLeader, Leader: refimpl.Nobody})
	b.until(200 * ms)
	if last := b.out[len(b.out)-1]; last != "100 ms: call 1 ends: not-leader" {
		t.Errorf("got %q", last)
	}
}

// TestARefusalCoversItsOwnAttemptOnly: the first attempt was never answered, so nobody knows.
func TestARefusalCoversItsOwnAttemptOnly(t *testing.T) {
	for _, c := range []struct {
		err  refimpl.ErrCode
		want string
	}{{refimpl.ErrNotLeader, "timeout"}, {refimpl.ErrTokenLost, "timeout"}} {
		b := newBench(t, map[string]any{"request_timeout": "400ms"})
		b.write(1)
		b.until(310 * ms)
		b.reply(2, refimpl.Reply{Seq: 1, Err: c.err, Leader: refimpl.Nobody})
		b.until(500 * ms)
		if last := b.out[len(b.out)-1]; last != "400 ms: call 1 ends: "+c.want {
			t.Errorf("%v: got %q", c.err, last)
		}
	}
}

func TestAnswersToEarlierCallsAreDropped(t *testing.T) {
	b := newBench(t, nil)
	b.write(1)
	b.write(2)
	b.reply(0, refimpl.Reply{Seq: 1})
	b.reply(0, refimpl.Reply{Seq: 2})
	b.want("0 ms: n1 attempt 1 of 1, epoch 1", "0 ms: n1 attempt 1 of 2, epoch 1", "0 ms: call 2 ends: none")
}

func TestStaticClientsStay(t *testing.T) {
	b := newBench(t, map[string]any{"clients": "static"})
	b.write(1)
	b.reply(1, refimpl.Reply{Seq: 1, Err: refimpl.ErrNotLeader, Leader: 2, Epoch: 4})
	b.reply(2, refimpl.Reply{Seq: 1, Err: refimpl.ErrNotLeader, Leader: 2, Epoch: 4})
	b.want("0 ms: n1 attempt 1 of 1, epoch 1", "0 ms: n1 attempt 2 of 1, epoch 4",
		"0 ms: call 1 ends: not-leader")
}

func TestAskingClients(t *testing.T) {
	b := newBench(t, map[string]any{"clients": "ask"})
	b.write(1)
	b.until(300 * ms)
	b.step(Input{Kind: InMessage, From: 1, Msg: &refimpl.Message{Kind: refimpl.MsgTell, Leader: 1, Epoch: 2}})
	b.want("0 ms: n1 attempt 1 of 1, epoch 1", "300 ms: n1 ask", "300 ms: n2 ask", "300 ms: n3 ask",
		"300 ms: n1 attempt 2 of 1, epoch 1", "300 ms: n2 attempt 3 of 1, epoch 2")
}

func TestStickyMovesOnlyWhenNoAnswerComes(t *testing.T) {
	b := newBench(t, map[string]any{"reads": "sticky", "replication": "async"})
	read := func() refimpl.Addr {
		b.step(Input{Kind: InCall, Call: &Call{Op: refimpl.OpRead, Key: "k", Near: refimpl.Nobody}})
		return b.fx.Sends[0].To
	}
	first := read()
	b.reply(0, refimpl.Reply{Seq: 1})
	if again := read(); again != first {
		t.Errorf("moved from n%d to n%d", first+1, again+1)
	}
	b.until(b.now + 300*ms)
	if moved := read(); moved != (first+1)%3 {
		t.Errorf("stayed at n%d though n%d did not answer", moved+1, first+1)
	}
}

// TestTokens: what a node answered from includes the token of its shard; what lies behind an answer may be
// of another branch.
func TestTokens(t *testing.T) {
	s := NewSession()
	s.takeIn(&refimpl.Reply{At: refimpl.Position{Shard: 1, Epoch: 4, Index: 299}}, nil)
	s.takeIn(&refimpl.Reply{At: refimpl.Position{Shard: 0, Epoch: 1, Index: 1}, Causes: []refimpl.Position{
		{Shard: 1, Epoch: 5, Index: 290}, {Shard: 1, Epoch: 5, Index: 288}}}, nil)
	if got := fmt.Sprint(s.token()); got != "[{1 4 299} {0 1 1} {1 5 290}]" {
		t.Errorf("got %s", got)
	}
	s.takeIn(&refimpl.Reply{Token: []refimpl.Position{{Shard: 0, Epoch: 1, Index: 2}, {Shard: 1, Epoch: 5,
		Index: 301}}}, s.token())
	if got := fmt.Sprint(s.token()); got != "[{0 1 2} {1 5 301}]" {
		t.Errorf("got %s", got)
	}
}

// TestTokensOfTwoDevices: an answer that was long under way does not take back what another device of the
// session has seen meanwhile.
func TestTokensOfTwoDevices(t *testing.T) {
	s := NewSession()
	s.takeIn(&refimpl.Reply{At: refimpl.Position{Epoch: 1, Index: 5}}, nil)
	sent := s.token()
	s.takeIn(&refimpl.Reply{At: refimpl.Position{Epoch: 2, Index: 20}}, sent)
	s.takeIn(&refimpl.Reply{At: refimpl.Position{Epoch: 1, Index: 7}}, sent)
	if got := fmt.Sprint(s.token()); got != "[{0 2 20} {0 1 7}]" {
		t.Errorf("got %s", got)
	}
}

// TestAPeekIsNotSeen: what an operator looks at on a replica is no part of the session.
func TestAPeekIsNotSeen(t *testing.T) {
	b := newBench(t, map[string]any{"reads": "token"})
	b.write(1)
	b.reply(0, refimpl.Reply{Seq: 1, At: refimpl.Position{Epoch: 1, Index: 5}})
	b.step(Input{Kind: InCall, Call: &Call{Op: refimpl.OpPeek, Key: "k", Near: 2}})
	b.reply(0, refimpl.Reply{Seq: 2, By: 2, At: refimpl.Position{Epoch: 2, Index: 3}})
	if got := fmt.Sprint(b.c.session.token()); got != "[{0 1 5}]" {
		t.Errorf("got %s", got)
	}
}
