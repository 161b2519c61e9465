//go:build linux

package packets

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rashomon-harness/rashomon/internal/need"
)

// field is a lab for tests: the near namespace holds two peers of the far one, with IPv4 and IPv6.
type field struct {
	*lab
	t           *testing.T
	other       end // at the near side
	near6, far6 end
}

// newField returns false where the tests are to go without root.
func newField(t *testing.T) (*field, bool) {
	t.Helper()
	if !need.Root(t) {
		return nil, false
	}
	prefix := netip.MustParsePrefix
	l, err := newLab(prefix("10.82.83.1/24"), prefix("10.82.83.2/24"),
		[]netip.Prefix{prefix("10.82.83.3/24"), prefix("fd82::1/64")}, []netip.Prefix{prefix("fd82::2/64")})
	if err != nil {
		t.Fatal(err)
	}
	f := &field{lab: l, t: t,
		other: end{l.near.space, netip.MustParseAddr("10.82.83.3")},
		near6: end{l.near.space, netip.MustParseAddr("fd82::1")},
		far6:  end{l.far.space, netip.MustParseAddr("fd82::2")},
	}
	t.Cleanup(func() { f.must(l.close()) })
	return f, true
}

func (f *field) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// network opens a Network at an end.
func (f *field) network(at end, m means) *Network {
	f.t.Helper()
	n, err := at.open(slog.New(slog.NewTextHandler(f.t.Output(), nil)), m)
	f.must(err)
	f.t.Cleanup(func() { f.must(n.Close()) })
	return n
}

func (f *field) apply(n *Network, r Rules) {
	f.t.Helper()
	f.must(n.Apply(r))
}

// counted waits until the i-th rule has counted exactly so many packets.
func (f *field) counted(n *Network, i int, packets uint64) {
	f.t.Helper()
	var got []Counter
	f.await("a counter", func() bool {
		var err error
		got, err = n.Counters()
		f.must(err)
		return got[i].Packets >= packets
	})
	if got[i].Packets != packets {
		f.t.Errorf("the rule counted %+v, want %d packets", got[i], packets)
	}
}

// await waits until something is so.
func (f *field) await(what string, is func() bool) {
	f.t.Helper()
	const interval = 2 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for range 10 * time.Second / interval {
		if is() {
			return
		}
		<-tick.C
	}
	f.t.Fatalf("waited in vain for %s", what)
}

// waiting is how long tests wait for what should come.
const waitingFor = 10 * time.Second

// oneProcessor keeps all threads on one processor until the test ends. Between a pair of devices, packets
// keep their order only for each processor that sends them.
func (f *field) oneProcessor() {
	f.t.Helper()
	var before unix.CPUSet
	f.must(unix.SchedGetaffinity(0, &before))
	var one unix.CPUSet
	for cpu := 0; one.Count() == 0; cpu++ {
		if before.IsSet(cpu) {
			one.Set(cpu)
		}
	}
	f.eachThread(&one)
	f.t.Cleanup(func() { f.eachThread(&before) })
}

func (f *field) eachThread(set *unix.CPUSet) {
	f.t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	f.must(err)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		f.must(err)
		if err := unix.SchedSetaffinity(id, set); err != unix.ESRCH {
			f.must(err)
		}
	}
}

// mail is a socket for datagrams that carry a number.
type mail struct {
	*net.UDPConn
	f *field
}

func (f *field) mail(at end) mail {
	f.t.Helper()
	c, err := at.packets()
	f.must(err)
	f.must(c.SetReadBuffer(4 << 20))
	f.t.Cleanup(func() { f.must(c.Close()) })
	return mail{c, f}
}

// send sends the numbers to another socket.
func (m mail) send(to mail, numbers ...int) {
	m.f.t.Helper()
	for _, n := range numbers {
		_, err := m.WriteTo(binary.BigEndian.AppendUint64(nil, uint64(n)), to.LocalAddr())
		m.f.must(err)
	}
}

// receive returns the next number.
func (m mail) receive() int {
	m.f.t.Helper()
	n, some := m.within(waitingFor)
	if !some {
		m.f.t.Fatalf("nothing arrived at %s", m.LocalAddr())
	}
	return n
}

// within returns the next number if it comes in that time.
func (m mail) within(d time.Duration) (n int, some bool) {
	m.f.t.Helper()
	m.f.must(m.SetReadDeadline(time.Now().Add(d)))
	b := make([]byte, 8)
	_, _, err := m.ReadFrom(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, false
	}
	m.f.must(err)
	return int(binary.BigEndian.Uint64(b)), true
}

// expect fails unless exactly these numbers arrive next.
func (m mail) expect(numbers ...int) {
	m.f.t.Helper()
	for i, want := range numbers {
		if got := m.receive(); got != want {
			m.f.t.Fatalf("number %d arrived as the %dth, want %d", got, i, want)
		}
	}
}

// upTo returns the numbers below n.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// echo is a connection to a server that sends back what it gets.
type echo struct {
	net.Conn
	f      *field
	server net.Conn // the server's end
}

// echo connects from one end to a server at another.
func (f *field) echo(from, to end) echo {
	f.t.Helper()
	l, err := to.listen()
	f.must(err)
	ctx, cancel := context.WithTimeout(context.Background(), waitingFor)
	defer cancel()
	conn, err := from.dial(ctx, l.Addr())
	f.must(err)
	f.must(l.SetDeadline(time.Now().Add(waitingFor)))
	server, err := l.Accept()
	f.must(err)
	f.must(l.Close())
	served := make(chan struct{})
	go func() {
		defer close(served)
		_, _ = io.Copy(server, server)
	}()
	f.t.Cleanup(func() {
		_, _ = conn.Close(), server.Close()
		<-served
	})
	return echo{conn, f, server}
}

// ask sends a number and returns how long it took to come back; false when it does not come in that time.
func (e echo) ask(within time.Duration) (took time.Duration, ok bool) {
	e.f.t.Helper()
	start := time.Now()
	_, err := e.Write([]byte{1, 2, 3, 4, 5, 6, 7, 8})
	e.f.must(err)
	return e.answer(start, within)
}

// answer waits for what was sent to come back.
func (e echo) answer(start time.Time, within time.Duration) (took time.Duration, ok bool) {
	e.f.t.Helper()
	e.f.must(e.SetReadDeadline(time.Now().Add(within)))
	_, err := io.ReadFull(e, make([]byte, 8))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, false
	}
	e.f.must(err)
	return time.Since(start), true
}

// answers fails unless the server answers.
func (e echo) answers() {
	e.f.t.Helper()
	if _, ok := e.ask(waitingFor); !ok {
		e.f.t.Fatalf("%s does not answer %s", e.RemoteAddr(), e.LocalAddr())
	}
}
