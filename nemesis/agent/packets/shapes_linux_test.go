//go:build linux

package packets

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// queue returns this kernel's way to a queue.
func (f *field) queue() queueing {
	f.t.Helper()
	for _, q := range []queueing{queueNative, queueXT} {
		if f.delays(means{queue: q}) == nil {
			return q
		}
	}
	f.t.Fatal("packets cannot be queued here")
	return queueNone
}

// eachMeans runs a test with all means by which this kernel does what is observed.
func eachMeans(t *testing.T, observe func(*field, means) error, test func(*field, means)) {
	t.Helper()
	probe, ok := newField(t)
	if !ok {
		return
	}
	count := 0
	for _, m := range []means{
		{queue: queueNative}, {queue: queueNative, dup: true}, {queue: queueXT}, {queue: queueXT, dup: true},
		{htb: true}, {htb: true, netem: true}, {queue: queueXT, dup: true, htb: true},
	} {
		if err := observe(probe, m); err != nil {
			t.Logf("%+v: %v", m, err)
			continue
		}
		count++
		t.Run(fmt.Sprintf("%+v", m), func(t *testing.T) {
			if f, ok := newField(t); ok {
				test(f, m)
			}
		})
	}
	if count == 0 {
		t.Error("this kernel has no means at all")
	}
}

func eachDelay(t *testing.T, test func(*field, means)) {
	t.Helper()
	eachMeans(t, func(f *field, m means) error {
		if m.queue == queueNone && !m.netem {
			return errors.New("it has nothing to do with delays")
		}
		return f.delays(m)
	}, test)
}

func delayed(e end, delay, jitter time.Duration) Rules {
	return Rules{Shapes: []Shape{{Peer: e.addr, DelayNanos: int64(delay), JitterNanos: int64(jitter)}}}
}

func TestDelay(t *testing.T) {
	eachDelay(t, func(f *field, m means) {
		const least, most = 45 * time.Millisecond, 150 * time.Millisecond
		n := f.network(f.near, m)
		victim, bystander, six := f.echo(f.near, f.far), f.echo(f.far, f.other), f.echo(f.near6, f.far6)
		r := delayed(f.far, 50*time.Millisecond, 0)
		r.Shapes = append(r.Shapes, delayed(f.far6, 50*time.Millisecond, 0).Shapes...)
		f.apply(n, r)
		for _, e := range []echo{victim, six, bystander} {
			fastest := time.Hour
			for range 5 {
				took, ok := e.ask(waitingFor)
				if !ok || took < least {
					f.t.Fatalf("%s answered %s in %s, %v", e.RemoteAddr(), e.LocalAddr(), took, ok)
				}
				fastest = min(fastest, took)
			}
			if fastest > most {
				f.t.Errorf("%s answered %s in %s at best", e.RemoteAddr(), e.LocalAddr(), fastest)
			}
			f.t.Logf("%s at best", fastest)
		}
		counters, err := n.Counters()
		f.must(err)
		if counters[0].Packets < 5 || counters[1].Packets < 5 {
			f.t.Errorf("counters %+v", counters)
		}
		f.must(n.Heal())
		if took, ok := victim.ask(waitingFor); !ok || took >= least {
			f.t.Errorf("after the heal: %s, %v", took, ok)
		}
	})
}

// TestOnlyThePeerIsDelayed asks a peer that is not shaped while another one is.
func TestOnlyThePeerIsDelayed(t *testing.T) {
	eachDelay(t, func(f *field, m means) {
		n := f.network(f.far, m)
		f.apply(n, delayed(f.near, 5*time.Second, 0))
		bystander := f.echo(f.other, f.far)
		if took, ok := bystander.ask(waitingFor); !ok || took > 2*time.Second {
			f.t.Errorf("another peer was answered in %s, %v", took, ok)
		}
	})
}

// TestDelayKeepsOrder sends faster than the delay, also while the delay gets shorter.
func TestDelayKeepsOrder(t *testing.T) {
	eachDelay(t, func(f *field, m means) {
		f.oneProcessor()
		n := f.network(f.near, m)
		near, far := f.mail(f.near), f.mail(f.far)
		for range 10 {
			f.apply(n, delayed(f.far, 20*time.Millisecond, 0))
			near.send(far, upTo(100)...)
			far.expect(upTo(100)...)
		}
		if m.queue == queueNone {
			return // netem reorders when the delay changes
		}
		near.send(far, upTo(100)...)
		f.apply(n, delayed(f.far, time.Millisecond, 0))
		near.send(far, 100, 101)
		far.expect(upTo(102)...)
	})
}

func TestJitterReorders(t *testing.T) {
	eachDelay(t, func(f *field, m means) {
		n := f.network(f.near, m)
		near, far := f.mail(f.near), f.mail(f.far)
		f.apply(n, delayed(f.far, 10*time.Millisecond, 40*time.Millisecond))
		near.send(far, upTo(100)...)
		var got []int
		for range 100 {
			got = append(got, far.receive())
		}
		if slices.IsSorted(got) {
			f.t.Error("no packet overtook another")
		}
		slices.Sort(got)
		if !slices.Equal(got, upTo(100)) {
			f.t.Errorf("arrived: %v", got)
		}
	})
}

// TestHealReleases heals long before the packets are due.
func TestHealReleases(t *testing.T) {
	eachDelay(t, func(f *field, m means) {
		f.oneProcessor()
		n := f.network(f.near, m)
		near, far := f.mail(f.near), f.mail(f.far)
		near.send(far, 0) // the kernel may reorder what waits for the first answer about an address
		far.expect(0)
		delay := time.Minute
		if m.netem {
			delay = 500 * time.Millisecond // they leave in their own time
		}
		for _, end := range []func() error{n.Heal, n.Close} {
			f.apply(n, delayed(f.far, delay, 0))
			near.send(far, upTo(100)...)
			f.counted(n, 0, 100)
			f.must(end())
			near.send(far, 100)
			if m.netem {
				far.expect(100)
				far.expect(upTo(100)...)
			} else {
				far.expect(upTo(101)...)
			}
		}
	})
}

// TestSenderIsNotHeldBack sends more at once than a socket may have unsent.
func TestSenderIsNotHeldBack(t *testing.T) {
	eachDelay(t, func(f *field, m means) {
		if m.queue != queueNone && !m.dup {
			return
		}
		const many, delay = 2000, 3 * time.Second
		n := f.network(f.near, m)
		near, far := f.mail(f.near), f.mail(f.far)
		f.apply(n, delayed(f.far, delay, 0))
		start := time.Now()
		near.send(far, upTo(many)...)
		if took := time.Since(start); took > delay*2/3 {
			f.t.Errorf("%d packets took %s to send", many, took)
		}
		f.must(n.Heal())
	})
}

func TestBandwidth(t *testing.T) {
	eachMeans(t, func(f *field, m means) error { return f.narrows(m) }, func(f *field, m means) {
		const rate, size = 400_000, 200_000
		n := f.network(f.near, m)
		victim, bystander := f.echo(f.near, f.far), f.echo(f.other, f.near)
		f.apply(n, Rules{Shapes: []Shape{{Peer: f.far.addr, BytesPerSec: rate}}})
		var writing sync.WaitGroup
		writing.Go(func() {
			_, err := victim.Write(make([]byte, size))
			f.must(err)
		})
		start := time.Now()
		f.must(victim.SetReadDeadline(start.Add(waitingFor)))
		_, err := io.ReadFull(victim, make([]byte, size))
		f.must(err)
		took := time.Since(start)
		writing.Wait()
		// 500 ms, less what passes at once: 4000 bytes and a train of segments
		if took < 300*time.Millisecond || took > 3*time.Second {
			f.t.Errorf("%d bytes took %s", size, took)
		}
		f.t.Logf("%d bytes took %s", size, took)
		bystander.answers()
		f.must(n.Heal())
		if took, ok := victim.ask(waitingFor); !ok || took > time.Second {
			f.t.Errorf("after the heal: %s, %v", took, ok)
		}
	})
}

func TestDuplicates(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	for _, m := range []means{{dup: true}, {dup: true, queue: f.queue()}} {
		n := f.network(f.near, m)
		for _, ends := range [][2]end{{f.near, f.far}, {f.near6, f.far6}} {
			from, to := f.mail(ends[0]), f.mail(ends[1])
			s := Shape{Peer: ends[1].addr, DuplicatePPM: 250_000}
			if m.queue != queueNone {
				s.DelayNanos = int64(5 * time.Millisecond)
			}
			f.apply(n, Rules{Shapes: []Shape{s}})
			count := make([]int, 1000)
			for i := range count {
				from.send(to, i)
				if i%50 == 49 { // let the receiver keep up
					for count[i] == 0 {
						count[to.receive()]++
					}
				}
			}
			const late = 100 * time.Millisecond
			for n, some := to.within(late); some; n, some = to.within(late) {
				count[n]++
			}
			times := map[int]int{}
			for _, n := range count {
				times[n]++
			}
			// 1000 draws: 250 and, within seven standard deviations, 154 to 346
			if times[1]+times[2] != 1000 || times[2] < 154 || times[2] > 346 {
				t.Errorf("%s: packets by how often they arrived: %v", ends[1].addr, times)
			}
		}
		f.must(n.Close())
	}
}

func TestEverythingAtOnce(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	n := f.network(f.near, means{queue: f.queue(), dup: true, htb: f.narrows(means{htb: true}) == nil})
	victim := f.echo(f.near, f.far)
	for _, rate := range []int64{1_000_000, 2_000_000} {
		f.apply(n, Rules{
			Cuts: []Cut{{Peer: f.far.addr, LossPPM: 20_000}},
			Shapes: []Shape{{Peer: f.far.addr, DelayNanos: int64(10 * time.Millisecond),
				JitterNanos: int64(5 * time.Millisecond), DuplicatePPM: 100_000, BytesPerSec: rate}},
		})
		for range 10 {
			if took, ok := victim.ask(waitingFor); !ok || took < 10*time.Millisecond {
				t.Errorf("answered in %s, %v", took, ok)
			}
		}
	}
}

// TestQueueGivenUp takes the queue away as a crash would: packets pass, and the next Apply holds them again.
func TestQueueGivenUp(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	for _, dup := range []bool{false, true} {
		n := f.network(f.near, means{queue: f.queue(), dup: dup})
		near, far := f.mail(f.near), f.mail(f.far)
		r := delayed(f.far, time.Minute, 0)
		f.apply(n, r)
		f.must(n.delayer.conn.Close())
		<-n.delayer.done
		near.send(far, upTo(10)...)
		far.expect(upTo(10)...)
		if _, err := n.Counters(); err == nil || !strings.Contains(err.Error(), "no longer held back") {
			t.Errorf("counters without the queue: %v", err)
		}
		f.apply(n, r)
		near.send(far, 10)
		f.counted(n, 0, 1)
		f.must(n.Heal())
		far.expect(10)
		f.must(n.Close())
	}
}

func TestUnsupportedChangesNothing(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	n := f.network(f.near, means{})
	n.abilities = []Ability{{Name: AbleDrop, OK: true}, {Name: AbleLoss, OK: true},
		{Name: AbleDuplicate, Reason: "no dup"}, {Name: AbleReject, Reason: "no reject"}}
	f.apply(n, cut(f.far))
	near, far := f.mail(f.near), f.mail(f.far)
	for _, tc := range []struct {
		rules Rules
		want  string
	}{
		{Rules{Shapes: []Shape{{Peer: four}, {Peer: six, DuplicatePPM: 1}}},
			"shapes[1]: duplicate is not possible here: no dup"},
		{Rules{Cuts: []Cut{{Peer: four, Reject: true}}}, "cuts[0]: reject is not possible here: no reject"},
	} {
		var u *Unsupported
		if err := n.Apply(tc.rules); !errors.As(err, &u) || u.Reason != tc.want {
			t.Errorf("%+v: %v", tc.rules, err)
		}
	}
	if err := n.Apply(Rules{Cuts: []Cut{{}}}); err == nil {
		t.Error("rules without peer were taken")
	}
	far.send(near, 1)
	f.counted(n, 0, 1)
	if _, some := near.within(50 * time.Millisecond); some {
		t.Error("the cut is gone")
	}
}
