//go:build linux

package packets

import ("testing";"time";"encoding/binary";"io";"log/slog";"context";"net")

func TestTmp(t *testing.T) {
	for _, m := range []means{{queue: queueXT}, {queue: queueXT, dup: true}} {
	l, err := usualLab()
	if err != nil { t.Fatal(err) }
	n, err := l.near.open(slog.Default(), m)
	if err != nil { t.Fatal(err) }
	ln, _ := l.far.listen()
	c, err := l.near.dial(context.Background(), ln.Addr())
	if err != nil { t.Fatal(err) }
	s, _ := ln.Accept()
	if err := n.Apply(Rules{Shapes: []Shape{{Peer: l.far.addr, DelayNanos: 50e6}}}); err != nil { t.Fatal(err) }
	start := time.Now()
	go func() {
		tick := time.NewTicker(time.Millisecond)
		for i := 0; i < 400; i++ {
			b := make([]byte, 100)
			binary.BigEndian.PutUint64(b, uint64(time.Since(start)))
			c.Write(b)
			<-tick.C
		}
	}()
	var sum, most time.Duration
	for i := 0; i < 400; i++ {
		b := make([]byte, 100)
		if _, err := io.ReadFull(s, b); err != nil { t.Fatal(err) }
		d := time.Since(start) - time.Duration(binary.BigEndian.Uint64(b))
		sum += d; most = max(most, d)
	}
	cs, _ := n.Counters()
	t.Logf("%+v: mean %v most %v %+v", m, sum/400, most, cs)
	// bulk
	start = time.Now()
	go io.CopyN(c, zero{}, 50<<20)
	io.CopyN(io.Discard, s, 50<<20)
	t.Log("50 MB in", time.Since(start))
	// udp from one socket
	tx, _ := l.near.packets(); rx, _ := l.far.packets()
	rx.SetReadBuffer(64<<20)
	start = time.Now()
	const N = 100000
	go func() { b := make([]byte, 100); for i := 0; i < N; i++ { tx.WriteTo(b, rx.LocalAddr()) } ; t.Log("sent in", time.Since(start))}()
	got := 0
	b := make([]byte, 200)
	for got < N { rx.SetReadDeadline(time.Now().Add(500*time.Millisecond)); if _, err := rx.Read(b); err != nil { t.Log(err); break }; got++ }
	t.Log(got, "of", N, "in", time.Since(start), float64(got)/time.Since(start).Seconds())
	start = time.Now()
	if err := n.Close(); err != nil { t.Fatal(err) }
	t.Log("close", time.Since(start))
	l.close()
	}
	_ = net.IPv4len
}
type zero struct{}
func (zero) Read(b []byte) (int, error) { return len(b), nil }
