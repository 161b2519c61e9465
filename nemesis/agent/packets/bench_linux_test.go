//go:build linux

package packets

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// benchmarkNetwork opens a Network in a lab.
func benchmarkNetwork(b *testing.B, m means) (*lab, *Network) {
	b.Helper()
	l, err := usualLab()
	if err != nil {
		b.Fatal(err)
	}
	n, err := l.near.open(slog.New(slog.DiscardHandler), m)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := n.Close(); err != nil {
			b.Error(err)
		}
		if err := l.close(); err != nil {
			b.Error(err)
		}
	})
	return l, n
}

func some(peers int) Rules {
	var r Rules
	a := netip.MustParseAddr("10.82.84.0")
	for range peers {
		a = a.Next()
		r.Cuts = append(r.Cuts, Cut{Peer: a})
	}
	return r
}

// BenchmarkCut measures how long it takes to install a cut, BenchmarkHeal to take it away.
func BenchmarkCut(b *testing.B) {
	_, n := benchmarkNetwork(b, means{})
	for b.Loop() {
		if err := n.Apply(some(1)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := n.Heal(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkHeal(b *testing.B) {
	_, n := benchmarkNetwork(b, means{})
	for b.Loop() {
		b.StopTimer()
		if err := n.Apply(some(1)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := n.Heal(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReplace measures how long it takes to replace the rules for fifty peers.
func BenchmarkReplace(b *testing.B) {
	_, n := benchmarkNetwork(b, means{})
	for b.Loop() {
		if err := n.Apply(some(50)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHeld measures how many packets a second pass a delay of 1 ms, and the processor time that one
// costs in this process and in the kernel for it, its sending and receiving included.
func BenchmarkHeld(b *testing.B) {
	const onTheWay = 128 // no more than a socket can keep
	l, n := benchmarkNetwork(b, means{queue: queueXT, dup: true})
	r := Rules{Shapes: []Shape{{Peer: l.far.addr, DelayNanos: int64(time.Millisecond)}}}
	if err := n.Apply(r); err != nil {
		b.Fatal(err)
	}
	from, err := l.near.packets()
	if err != nil {
		b.Fatal(err)
	}
	to, err := l.far.packets()
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	before := processorTime(b)
	window := make(chan struct{}, onTheWay)
	go func() {
		message := make([]byte, 100)
		for range b.N {
			window <- struct{}{}
			if _, err := from.WriteTo(message, to.LocalAddr()); err != nil {
				b.Error(err)
			}
		}
	}()
	message := make([]byte, 200)
	for range b.N {
		if err := to.SetReadDeadline(time.Now().Add(patience)); err != nil {
			b.Fatal(err)
		}
		if _, err := to.Read(message); err != nil {
			b.Fatal(err)
		}
		<-window
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func processorTime(b *testing.B) int64 {
	b.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}
