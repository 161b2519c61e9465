package links

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// inBubble runs a test in virtual time, with a pipe between the session s and n1.
func inBubble(t *testing.T, run func(t *testing.T, n *Network, near, far net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := New([]string{"n1", "n2", "n3"})
		defer n.Close()
		a, far := net.Pipe()
		defer far.Close()
		run(t, n, n.Conn(a, "s", "n1"), far)
	})
}

// pass lets virtual time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// takes fails unless the text comes next, exactly so long after the time.
func takes(t *testing.T, since time.Time, want time.Duration, c net.Conn, text string) {
	t.Helper()
	hear(t, c, text)
	if took := time.Since(since); took != want {
		t.Errorf("%q took %v; want %v", text, took, want)
	}
}

func TestDelay(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Base(both(targets.AllClients, targets.AllNodes), delay(2*ms)))
		must(t, n.Shape("f", one("s", "n1"), delay(50*ms)))
		must(t, n.Shape("g", both("s", targets.AllNodes), delay(20*ms)))
		start := time.Now()
		say(t, near, "ask")
		takes(t, start, 72*ms, far, "ask")
		start = time.Now()
		say(t, far, "answer")
		takes(t, start, 22*ms, near, "answer")
		must(t, n.Unshape("g"))
		start = time.Now()
		say(t, near, "ask")
		takes(t, start, 52*ms, far, "ask")
		must(t, n.Unshape("f"))
		must(t, n.Base(one("s", "n1"), targets.Shape{}))
		start = time.Now()
		tell(t, near, "ask")
		takes(t, start, 0, far, "ask")
		synctest.Wait()
	})
}

// TestDelayOverlaps has several words on their way at the same time, to a reader that comes late.
func TestDelayOverlaps(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("f", both("s", "n1"), delay(100*ms)))
		start := time.Now()
		for range 3 {
			say(t, near, "out")
			say(t, far, "in")
			pass(10 * ms)
		}
		for i := range 3 {
			sent := time.Duration(i) * 10 * ms
			takes(t, start, 100*ms+sent, far, "out")
			takes(t, start, 100*ms+sent, near, "in")
		}
		start = time.Now()
		say(t, far, "late")
		pass(150 * ms)
		takes(t, start, 150*ms, near, "late")
	})
}

// TestDelayBegins has a shape begin while a read waits in the inner connection, and end while bytes are on
// their way.
func TestDelayBegins(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		heard := make(chan time.Time)
		go func() {
			hear(t, near, "word")
			heard <- time.Now()
		}()
		synctest.Wait()
		must(t, n.Shape("f", both("s", "n1"), delay(time.Hour)))
		start := time.Now()
		say(t, far, "word")
		say(t, near, "word")
		pass(30 * ms)
		must(t, n.Shape("g", one("n1", "s"), delay(time.Second)))
		must(t, n.Unshape("f"))
		takes(t, start, 30*ms, far, "word")
		if took := (<-heard).Sub(start); took != time.Second {
			t.Errorf("the word took %v", took)
		}
		start = time.Now()
		say(t, far, "another")
		takes(t, start, time.Second, near, "another")
		must(t, n.Unshape("g"))
		start = time.Now()
		say(t, far, "the pump takes this one")
		takes(t, start, 0, near, "the pump takes this one")
		tell(t, far, "and this goes through")
		takes(t, start, 0, near, "and this goes through")
		if c := near.(*conn); !c.in.direct() {
			t.Error("reads do not go through again")
		}
		synctest.Wait()
	})
}

// TestDelayBeginsUnderRead has a shape begin while a read waits: the bytes after those that it gets are
// delayed, too.
func TestDelayBeginsUnderRead(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		heard := make(chan struct{})
		go func() {
			hear(t, near, "word")
			close(heard)
		}()
		synctest.Wait()
		must(t, n.Shape("f", both("s", "n1"), delay(50*ms)))
		say(t, far, "word")
		<-heard
		start := time.Now()
		tell(t, far, "another")
		takes(t, start, 50*ms, near, "another")
	})
}

func TestCutAndDelay(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("f", both("s", "n1"), delay(50*ms)))
		start := time.Now()
		say(t, near, "out") // the cut comes when it is on its way
		say(t, far, "in")
		pass(30 * ms)
		must(t, n.Cut("g", both("s", "n1")))
		pass(170 * ms)
		say(t, near, "last")
		must(t, near.SetReadDeadline(time.Now().Add(ms)))
		_, err := near.Read(make([]byte, 1))
		timeout(t, err)
		pass(9 * ms)
		must(t, n.Uncut("g"))
		takes(t, start, 210*ms, far, "out")
		takes(t, start, 210*ms, near, "in")
		takes(t, start, 250*ms, far, "last")
	})
}

// TestJitter has words with a jitter keep their order, and take times between both bounds.
func TestJitter(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("f", one("s", "n1"), targets.Shape{
			DelayNanos: int64(10 * ms), JitterNanos: int64(100 * ms)}))
		var quickest, slowest time.Duration = time.Hour, 0
		for range 100 {
			start := time.Now()
			say(t, near, "word")
			hear(t, far, "word")
			quickest, slowest = min(quickest, time.Since(start)), max(slowest, time.Since(start))
		}
		if quickest < 10*ms || quickest > 30*ms || slowest > 110*ms || slowest < 90*ms {
			t.Errorf("words took from %v to %v; asked for 10 to 110 ms", quickest, slowest)
		}
		start := time.Now()
		for _, word := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			say(t, near, word)
			pass(ms)
		}
		hear(t, far, "abcdefgh")
		if took := time.Since(start); took > 118*ms {
			t.Errorf("jitter added up to %v", took)
		}
	})
}

func TestBandwidth(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("f", one("s", "n1"), targets.Shape{BytesPerSec: 1 << 20}))
		slow := targets.Shape{BytesPerSec: 1 << 10, DelayNanos: int64(100 * ms)}
		must(t, n.Shape("g", both("s", "n1"), slow))
		text := strings.Repeat("x", 1<<10)
		start := time.Now()
		say(t, near, text)
		say(t, far, text)
		hear(t, far, text[:1]) // it trickles
		if took := time.Since(start); took < 100*ms || took > 120*ms {
			t.Errorf("the first byte took %v", took)
		}
		hear(t, far, text[1:])
		lasted(t, start, 1100*ms)
		start = time.Now()
		hear(t, near, text) // read late; a link's time passes as it is read
		lasted(t, start, time.Second)
		must(t, n.Unshape("g"))
		start = time.Now()
		say(t, near, text)
		hear(t, far, text)
		lasted(t, start, time.Second/1024)
	})
}

// lasted fails unless so much time has passed, up to the rounding of bytes.
func lasted(t *testing.T, start time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(start); (took - want).Abs() > ms/100 {
		t.Errorf("it took %v; want %v", took, want)
	}
}

// TestBandwidthIsShared has two connections on one link, and a third on another.
func TestBandwidthIsShared(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("f", one(targets.AllClients, "n1"), targets.Shape{BytesPerSec: 100 << 10}))
		text := strings.Repeat("x", 100<<10)
		start := time.Now()
		took := make(chan time.Duration, 3)
		send := func(near, far net.Conn) {
			say(t, near, text)
			hear(t, far, text)
			took <- time.Since(start)
		}
		a, far2 := net.Pipe()
		b, far3 := net.Pipe()
		go send(near, far)
		go send(n.Conn(a, "s", "n1"), far2)
		go send(n.Conn(b, "other", "n1"), far3)
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 2 * time.Second} {
			if d := <-took; (d - want).Abs() > 20*ms {
				t.Errorf("transfer %d took %v; want about %v", i, d, want)
			}
		}
	})
}

// TestUnshapeFreesAtOnce has bytes wait for hours for a bandwidth that is lifted.
func TestUnshapeFreesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("f", one("s", "n1"), targets.Shape{BytesPerSec: 1}))
		start := time.Now()
		text := strings.Repeat("x", 10_000)
		say(t, near, text)
		must(t, near.Close())
		hear(t, far, text[:2])
		must(t, n.Unshape("f"))
		takes(t, start, 2*time.Second, far, text[2:])
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the close was seen as %v", err)
		}
	})
}

// TestBandwidthChanges has bytes wait for a low bandwidth that becomes a higher one.
func TestBandwidthChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("slow", one("s", "n1"), targets.Shape{BytesPerSec: 1}))
		must(t, n.Shape("quick", one("s", "n1"), targets.Shape{BytesPerSec: 1000}))
		start := time.Now()
		say(t, near, "12345")
		pass(100 * ms)
		must(t, n.Unshape("slow"))
		hear(t, far, "12345")
		lasted(t, start, 105*ms)
	})
}

// TestDeadlineOfWaiters sets deadlines while calls wait for the links.
func TestDeadlineOfWaiters(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Cut("f", both("s", "n1")))
		start := time.Now()
		failed := make(chan error)
		go func() {
			_, err := near.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		must(t, near.SetReadDeadline(start.Add(time.Second)))
		timeout(t, <-failed)
		lasted(t, start, time.Second)
		go func() {
			_, err := near.Write(make([]byte, 2*buffer))
			failed <- err
		}()
		synctest.Wait()
		must(t, near.SetWriteDeadline(start.Add(time.Minute)))
		must(t, near.SetWriteDeadline(start.Add(3*time.Second)))
		timeout(t, <-failed)
		lasted(t, start, 3*time.Second)
	})
}

func TestEndsAreDelayed(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("f", both("s", "n1"), delay(50*ms)))
		start := time.Now()
		must(t, far.Close())
		ends(t, near, io.EOF)
		lasted(t, start, 50*ms)
		a, far := net.Pipe()
		near = n.Conn(a, "s", "n1")
		start = time.Now()
		must(t, near.Close())
		ends(t, far, io.EOF)
		lasted(t, start, 50*ms)
	})
}

// TestDeathIsDelayed has the failure of a write arrive as late as a packet from the far end would.
func TestDeathIsDelayed(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("f", one("n1", "s"), delay(50*ms)))
		must(t, far.Close())
		start := time.Now()
		say(t, near, "into the void")
		if _, err := near.Write(make([]byte, 2*buffer)); err == nil {
			t.Error("the dead took more than the buffer holds")
		}
		lasted(t, start, 50*ms)
	})
}

// TestBackPressure has a reader that stops: what is on its way is bounded, and complete in the end.
func TestBackPressure(t *testing.T) {
	inBubble(t, func(t *testing.T, n *Network, near, far net.Conn) {
		must(t, n.Shape("f", both("s", "n1"), delay(10*ms)))
		text := strings.Repeat("0123456789abcdef", 4*buffer/16)
		for _, ways := range [][2]net.Conn{{near, far}, {far, near}} {
			wrote := make(chan error, 1)
			go func() {
				_, err := io.WriteString(ways[0], text)
				wrote <- err
			}()
			pass(time.Minute)
			select {
			case err := <-wrote:
				t.Fatalf("1 MiB went to a reader that stopped: %v", err)
			default:
			}
			must(t, ways[1].SetReadDeadline(time.Now().Add(patience)))
			synctest.Wait() // whoever woke up waits again
			got := make([]byte, len(text))
			if n, err := io.ReadFull(ways[1], got); err != nil || string(got) != text {
				t.Fatalf("heard %d bytes, %v", n, err)
			}
			must(t, <-wrote)
		}
	})
}
