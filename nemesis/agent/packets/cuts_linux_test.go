//go:build linux

package packets

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// cut is the rules that cut all these peers.
func cut(peers ...end) Rules {
	var r Rules
	for _, p := range peers {
		r.Cuts = append(r.Cuts, Cut{Peer: p.addr})
	}
	return r
}

func TestCutBothWays(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	here, there := f.network(f.near, means{}), f.network(f.far, means{})
	near, far, other := f.mail(f.near), f.mail(f.far), f.mail(f.other)
	f.apply(here, cut(f.far))
	f.apply(there, cut(f.near))
	near.send(far, upTo(50)...)
	far.send(near, upTo(70)...)
	f.counted(there, 0, 50)
	f.counted(here, 0, 70)
	f.must(here.Heal())
	other.send(far, 1000)
	far.expect(1000) // and nothing of what was sent before
	near.send(far, 1001)
	far.send(near, 1002)
	near.expect(1002)
	f.must(there.Heal())
	near.send(far, 1003)
	far.expect(1003)
	if counters, err := there.Counters(); err != nil || len(counters) != 0 {
		t.Errorf("counters after the heal: %v, %v", counters, err)
	}
}

func TestCutOneWay(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	there := f.network(f.far, means{})
	near, far, other := f.mail(f.near), f.mail(f.far), f.mail(f.other)
	f.apply(there, cut(f.near))
	near.send(far, upTo(50)...)
	far.send(near, upTo(50)...)
	near.expect(upTo(50)...)
	f.counted(there, 0, 50)
	other.send(far, upTo(10)...)
	far.expect(upTo(10)...)
	counters, err := there.Counters()
	f.must(err)
	const headers, number = 28, 8
	want := Counter{Kind: KindCut, Peer: f.near.addr, Packets: 50, Bytes: 50 * (headers + number)}
	if len(counters) != 1 || counters[0] != want {
		t.Errorf("counters %+v, want %+v", counters, want)
	}
}

// TestCutOneWayIPv6 begins before the ends know each other: what they need to find each other must pass.
func TestCutOneWayIPv6(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	there := f.network(f.far, means{})
	near, far := f.mail(f.near6), f.mail(f.far6)
	f.apply(there, cut(f.near6))
	near.send(far, upTo(50)...)
	f.counted(there, 0, 50)
	far.send(near, upTo(50)...)
	near.expect(upTo(50)...)
	near4, far4 := f.mail(f.near), f.mail(f.far)
	near4.send(far4, 1)
	far4.expect(1)
	f.must(there.Heal())
	near.send(far, 2)
	far.expect(2)
}

func TestConnectionsStallAndContinue(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	there := f.network(f.far, means{})
	victim, bystander := f.echo(f.near, f.far), f.echo(f.other, f.far)
	victim.answers()
	bystander.answers()
	f.apply(there, cut(f.near))
	start := time.Now()
	if _, ok := victim.ask(150 * time.Millisecond); ok {
		t.Error("a connection went on through a cut")
	}
	for range 20 {
		bystander.answers()
	}
	f.await("retransmissions at the cut", func() bool {
		counters, err := there.Counters()
		f.must(err)
		return counters[0].Packets >= 2
	})
	f.must(there.Heal())
	if _, ok := victim.answer(start, waitingFor); !ok {
		t.Error("the connection did not go on after the heal")
	}
	victim.answers()
}

// TestLoss compares what arrives with the counter, packet by packet, and the share with what was asked for.
func TestLoss(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	const rounds, flight = 50, 40
	there := f.network(f.far, means{})
	near, far, other := f.mail(f.near), f.mail(f.far), f.mail(f.other)
	f.apply(there, Rules{Cuts: []Cut{{Peer: f.near.addr, LossPPM: 300_000}}})
	arrived := 0
	for range rounds {
		near.send(far, upTo(flight)...)
		other.send(far, flight)
		for far.receive() != flight {
			arrived++
		}
	}
	counters, err := there.Counters()
	f.must(err)
	if arrived+int(counters[0].Packets) != rounds*flight {
		t.Errorf("%d arrived, %d were lost, %d were sent", arrived, counters[0].Packets, rounds*flight)
	}
	// 2000 draws: 600 and, within seven standard deviations, 457 to 743
	if lost := counters[0].Packets; lost < 457 || lost > 743 {
		t.Errorf("%d of %d packets were lost", lost, rounds*flight)
	}
}

func TestReject(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	reject := func(e end) Rules { return Rules{Cuts: []Cut{{Peer: e.addr, Reject: true}}} }
	there, here := f.network(f.far, means{}), f.network(f.near, means{})
	listener, err := f.far.listen()
	f.must(err)
	defer func() { f.must(listener.Close()) }()
	victim, bystander := f.echo(f.near, f.far), f.echo(f.other, f.far)
	f.apply(there, reject(f.near))
	f.apply(here, reject(f.far)) // it takes away no reset
	_, err = victim.Write([]byte{1})
	f.must(err)
	f.must(victim.SetReadDeadline(time.Now().Add(waitingFor)))
	if _, err := io.ReadFull(victim, make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection ended with %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitingFor)
	defer cancel()
	if _, err := f.near.dial(ctx, listener.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection ended with %v", err)
	}
	counters, err := there.Counters()
	f.must(err)
	if len(counters) != 1 || counters[0].Packets < 2 {
		t.Errorf("counters %+v", counters)
	}
	f.must(here.Heal())
	bystander.answers()
	near, far, other := f.mail(f.near), f.mail(f.far), f.mail(f.other)
	near.send(far, 1) // not TCP: dropped
	other.send(far, 2)
	far.expect(2)
}

// TestReapplyIsAtomic replaces the rules again and again while the peer that is always cut does not stop to
// send.
func TestReapplyIsAtomic(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	const times = 50
	there := f.network(f.far, means{})
	near, far, other := f.mail(f.near), f.mail(f.far), f.mail(f.other)
	f.apply(there, cut(f.near))
	var sent atomic.Int64
	var sending sync.WaitGroup
	stop := make(chan struct{})
	sending.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				near.send(far, 1)
				sent.Add(1)
			}
		}
	})
	for i := range times {
		before := sent.Load()
		if i%2 == 0 {
			f.apply(there, cut(f.other, f.near))
		} else {
			f.apply(there, cut(f.near))
		}
		f.await("traffic", func() bool { return sent.Load() > before })
	}
	close(stop)
	sending.Wait()
	other.send(far, 2)
	far.expect(2)
	if sent.Load() < 10*times {
		t.Errorf("only %d packets were sent", sent.Load())
	}
	t.Logf("%d packets during %d changes", sent.Load(), times)
}

func TestManyPeers(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	const many = 300
	n := f.network(f.far, means{queue: f.queue(), dup: true})
	var r Rules
	four, six := f.near.addr.Next().Next().Next(), f.near6.addr.Next().Next()
	for range many {
		four, six = four.Next(), six.Next()
		r.Cuts = append(r.Cuts, Cut{Peer: four, LossPPM: 10}, Cut{Peer: six, Reject: true})
		r.Shapes = append(r.Shapes, Shape{Peer: four, DelayNanos: 1, DuplicatePPM: 5},
			Shape{Peer: six, JitterNanos: 1})
	}
	r.Cuts = append(r.Cuts, Cut{Peer: f.near.addr})
	for range 2 {
		f.apply(n, r)
		near, far, other := f.mail(f.near), f.mail(f.far), f.mail(f.other)
		near.send(far, 1)
		other.send(far, 2)
		far.expect(2)
		counters, err := n.Counters()
		f.must(err)
		if len(counters) != 4*many+1 || counters[2*many] != (Counter{KindCut, f.near.addr, 1, 36}) {
			t.Errorf("%d counters, the one with a packet is %+v", len(counters), counters[2*many])
		}
	}
}
