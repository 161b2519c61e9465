//go:build linux

package packets

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// datagram is what the interpreter below looks at in a packet.
type datagram struct {
	from, to  netip.Addr
	protocol  byte
	transport []byte // the header above IP
	socket    bool   // it has a sending socket
	draw      uint32 // what every random draw about it yields
}

// run interprets one rule as the kernel would: the names of what it does, and whether its end was reached.
func (d datagram) run(exprs []expr.Any) (done []string, end bool) {
	var register []byte
	for _, e := range exprs {
		switch e := e.(type) {
		case *expr.Meta:
			if e.SourceRegister {
				done = append(done, fmt.Sprintf("class %x", binary.NativeEndian.Uint32(register)))
			} else if register = d.meta(e.Key); register == nil {
				return done, false
			}
		case *expr.Payload:
			header := d.network()
			if e.Base == expr.PayloadBaseTransportHeader {
				header = d.transport
			}
			if int(e.Offset+e.Len) > len(header) {
				return done, false
			}
			register = header[e.Offset : e.Offset+e.Len]
		case *expr.Bitwise:
			register = []byte{register[0]&e.Mask[0] ^ e.Xor[0]}
		case *expr.Numgen:
			register = binary.NativeEndian.AppendUint32(nil, d.draw%e.Modulus)
		case *expr.Byteorder:
			register = binary.BigEndian.AppendUint32(nil, binary.NativeEndian.Uint32(register))
		case *expr.Immediate:
			register = e.Data
		case *expr.Cmp:
			c := bytes.Compare(register, e.Data)
			if !map[expr.CmpOp]bool{expr.CmpOpEq: c == 0, expr.CmpOpNeq: c != 0, expr.CmpOpLt: c < 0,
				expr.CmpOpLte: c <= 0, expr.CmpOpGte: c >= 0}[e.Op] {
				return done, false
			}
		case *expr.Dup:
			done = append(done, fmt.Sprintf("copy to %v", netip.AddrFrom16([16]byte(append(
				make([]byte, 16-len(register)), register...)))))
		default:
			name, last := effect(e)
			if done = append(done, name); last {
				return done, true
			}
		}
	}
	return done, false
}

// effect names what an expression does, and whether nothing comes after it.
func effect(e expr.Any) (name string, last bool) {
	switch e := e.(type) {
	case *expr.Counter:
		return "count", false
	case *expr.Verdict:
		if e.Kind == expr.VerdictDrop {
			return "drop", true
		}
		return "accept", true
	case *expr.Reject:
		return "reject", true
	case *expr.Queue:
		return fmt.Sprintf("queue %x bypass %v", e.Num, e.Flag == expr.QueueFlagBypass), true
	}
	return fmt.Sprintf("unknown %T", e), true
}

func (d datagram) meta(key expr.MetaKey) []byte {
	switch key {
	case expr.MetaKeyNFPROTO:
		if d.from.Is4() {
			return []byte{unix.NFPROTO_IPV4}
		}
		return []byte{unix.NFPROTO_IPV6}
	case expr.MetaKeyL4PROTO:
		return []byte{d.protocol}
	case expr.MetaKeySKUID:
		if d.socket {
			return make([]byte, 4)
		}
	}
	return nil
}

func (d datagram) network() []byte {
	if d.from.Is4() {
		h := header4(d.to)
		copy(h[12:], d.from.AsSlice())
		return h
	}
	h := header6(d.to)
	copy(h[8:], d.from.AsSlice())
	return h
}

// pass runs a packet through the chains with that name: what is done to it, copies aside.
func (d datagram) pass(chains []chain, names ...string) string {
	var all []string
	for _, name := range names {
		for _, c := range chains {
			if c.name != name || c.family == nftables.TableFamilyIPv4 && !d.from.Is4() ||
				c.family == nftables.TableFamilyIPv6 && d.from.Is4() {
				continue
			}
			for _, l := range c.lines {
				done, end := d.run(l.exprs)
				all = append(all, done...)
				if end {
					return strings.Join(all, ", ")
				}
			}
		}
	}
	return strings.Join(all, ", ")
}

// arrives and leaves are what the rules should do to a packet, in the dullest words.
func (d datagram) arrives(r Rules) string {
	neighbour := d.protocol == unix.IPPROTO_ICMPV6 && d.from.Is6() &&
		(d.transport[0] == 135 || d.transport[0] == 136)
	for _, reject := range []bool{false, true} {
		for _, c := range r.Cuts {
			if c.Reject != reject || c.Peer != d.from || neighbour {
				continue
			}
			if reject && d.protocol == unix.IPPROTO_TCP && d.transport[13]&4 != 0 {
				return "accept"
			}
			if c.LossPPM == 0 || int64(d.draw%1_000_000) < c.LossPPM {
				return map[bool]string{false: "count, drop", true: "count, reject"}[reject]
			}
		}
	}
	return ""
}

// TestCutsAreCompiled compares many random rules and packets with what the rules should do.
func TestCutsAreCompiled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	peers := []netip.Addr{four, six, netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fd82::2")}
	seen := map[string]int{}
	for range 3000 {
		var rules Rules
		for range r.IntN(5) {
			c := Cut{Peer: peers[r.IntN(4)], Reject: r.IntN(3) == 0}
			if r.IntN(2) == 0 {
				c.LossPPM = r.Int64N(million + 1)
			}
			rules.Cuts = append(rules.Cuts, c)
		}
		d := datagram{from: peers[r.IntN(4)], transport: make([]byte, 20), draw: r.Uint32(),
			protocol: []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMPV6}[r.IntN(3)]}
		d.to = four
		if d.from.Is6() {
			d.to = six
		}
		d.transport[0], d.transport[13] = byte(133+r.IntN(6)), byte(r.IntN(8))
		got, want := d.pass(compile(rules, means{}, nil), chainArrive, chainRefuse), d.arrives(rules)
		if got == "accept" && want == "" { // neighbours
			got = ""
		}
		if got != want {
			t.Fatalf("%+v\n%+v\ngot  %q\nwant %q", rules, d, got, want)
		}
		seen[want]++
	}
	for _, what := range []string{"", "accept", "count, drop", "count, reject"} {
		if seen[what] == 0 {
			t.Errorf("never seen: %q", what)
		}
	}
}

func TestShapesAreCompiled(t *testing.T) {
	const all = queueNative
	slow := Shape{Peer: four, DelayNanos: int64(time.Millisecond)}
	narrow := Shape{Peer: four, BytesPerSec: 10_000}
	twice := Shape{Peer: four, DuplicatePPM: 500_000}
	both := Shape{Peer: six, DelayNanos: 1, BytesPerSec: 10_000, DuplicatePPM: 1}
	for _, tc := range []struct {
		name   string
		shape  Shape
		means  means
		packet datagram
		want   string
	}{
		{"held", slow, means{queue: all}, datagram{socket: true}, "count, queue 5253 bypass true"},
		{"held as a copy", slow, means{queue: all, dup: true}, datagram{socket: true},
			"copy to ::a00:1, queue 5254 bypass false"},
		{"the copy", slow, means{queue: all, dup: true}, datagram{}, "count, queue 5253 bypass true"},
		{"held by netem", slow, means{queue: all, dup: true, htb: true, netem: true}, datagram{socket: true},
			"count, class 52530001"},
		{"narrow", narrow, means{queue: all, dup: true, htb: true}, datagram{socket: true},
			"count, class 52530001"},
		{"narrow by the queue", narrow, means{queue: all}, datagram{socket: true},
			"count, queue 5253 bypass true"},
		{"twice", twice, means{dup: true}, datagram{socket: true, draw: 499_999}, "copy to ::a00:1, count"},
		{"once", twice, means{dup: true}, datagram{socket: true, draw: 500_000}, "count"},
		{"nothing asked", Shape{Peer: four}, means{}, datagram{}, "count"},
		{"everything", both, means{queue: all, dup: true, htb: true}, datagram{socket: true, draw: 0},
			"copy to fd82::1, copy to fd82::1, queue 5254 bypass false"},
		{"everything, the copy", both, means{queue: all, dup: true, htb: true}, datagram{draw: 1},
			"count, class 52530001, queue 5253 bypass true"},
		{"to another", both, means{queue: all, dup: true, htb: true},
			datagram{to: netip.MustParseAddr("fd82::2")}, ""},
		{"neighbours", both, means{queue: all, dup: true}, datagram{to: six, socket: true,
			protocol: unix.IPPROTO_ICMPV6, transport: []byte{136}}, "accept"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := tc.packet
			if !d.to.IsValid() {
				d.to = tc.shape.Peer
			}
			d.from = d.to.Next()
			chains := compile(Rules{Shapes: []Shape{tc.shape}}, tc.means,
				func(i int) uint32 { return rootHandle + uint32(i) + 1 })
			if got := d.pass(chains, chainCopy, chainLeave); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

func TestTags(t *testing.T) {
	for _, tag := range []string{"", tag(KindCut, 0), tag(KindShape, 999)} {
		if got := commented(comment(tag)); got != tag {
			t.Errorf("%q comes back as %q", tag, got)
		}
	}
	if got := commented([]byte{0}); got != "" {
		t.Errorf("a comment cut off reads %q", got)
	}
}
