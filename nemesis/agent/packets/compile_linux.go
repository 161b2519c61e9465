//go:build linux

package packets

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// tableName is the name of our tables: one of the family inet, and one each of ip and ip6 where packets are
// copied, which the kernel does not offer in inet.
const tableName = "rashomon"

// Our chains and where they stand.
const (
	chainArrive = "arrive" // prerouting: cuts that drop
	chainRefuse = "refuse" // input: cuts that reject
	chainLeave  = "leave"  // output: shapes
	chainCopy   = "copy"   // output, before leave: copies of packets
)

// The numbers of our queues.
const (
	// Packets that this process holds back. When nobody listens, they pass.
	queueHeld = 0x5253
	// Nobody ever listens here: the kernel drops what is sent to it, without telling the sending process.
	queueVoid = 0x5254
)

// The kernel's ways to send a packet to a queue.
type queueing int

const (
	queueNone   queueing = iota
	queueNative          // nftables' own statement
	queueXT              // xtables' target through nftables' compatibility layer
)

// String names the way, for people.
func (q queueing) String() string {
	return [...]string{"no queue", "nftables' queue", "xtables' NFQUEUE"}[q]
}

// means is what the kernel can do for shapes.
type means struct {
	queue queueing
	// Copies of packets. They are what duplicates packets, and what lets a queue hold packets without the
	// sending socket knowing: a held packet otherwise counts as unsent, and the socket sends no more than
	// two or three until one is released, so that a pipeline sees twice the delay and more.
	dup   bool
	htb   bool // traffic classes with a bandwidth
	netem bool // delay in a traffic class; implies htb
}

// route is by what means a shape is done.
type route struct {
	classed bool // by a traffic class
	queued  bool // by a queue of this process
	held    pace // what the queue does
}

// route returns by what means a shape is done.
func (m means) route(s Shape) route {
	var r route
	if s.DelayNanos > 0 || s.JitterNanos > 0 {
		if m.netem {
			r.classed = true
		} else {
			r.queued = true
			r.held.delay, r.held.jitter = time.Duration(s.DelayNanos), time.Duration(s.JitterNanos)
		}
	}
	if s.BytesPerSec > 0 {
		if m.htb {
			r.classed = true
		} else {
			r.queued = true
			r.held.bytesPerSec = s.BytesPerSec
		}
	}
	return r
}

// chain is what one of our chains shall contain.
type chain struct {
	family   nftables.TableFamily
	name     string
	hook     *nftables.ChainHook
	priority nftables.ChainPriority
	lines    []line
}

// line is a rule of nftables. Its tag names the rule of ours whose counter it has, "" without one.
type line struct {
	tag   string
	exprs []expr.Any
}

// tag returns the name of the i-th rule of a kind.
func tag(kind string, i int) string { return fmt.Sprintf("%s %d", kind, i) }

// compile translates rules that are valid and within the means into our chains, all of them, also those that
// stay empty. class returns the traffic class of the i-th shape; it is only asked for those routed to one.
func compile(r Rules, m means, class func(i int) uint32) []chain {
	const first = -300 // "raw": before connection tracking
	inet := nftables.TableFamilyINet
	arrive := chain{inet, chainArrive, nftables.ChainHookPrerouting, first, nil}
	refuse := chain{inet, chainRefuse, nftables.ChainHookInput, first, nil}
	leave := chain{inet, chainLeave, nftables.ChainHookOutput, first, nil}
	copy4 := chain{nftables.TableFamilyIPv4, chainCopy, nftables.ChainHookOutput, first - 1, nil}
	copy6 := chain{nftables.TableFamilyIPv6, chainCopy, nftables.ChainHookOutput, first - 1, nil}
	for i, c := range r.Cuts {
		if c.Reject {
			refuse.lines = append(refuse.lines, passResets(c), cutLine(c, i, &expr.Reject{
				Type: unix.NFT_REJECT_TCP_RST}))
		} else {
			arrive.lines = append(arrive.lines, cutLine(c, i, &expr.Verdict{Kind: expr.VerdictDrop}))
		}
	}
	for i, s := range r.Shapes {
		way := m.route(s)
		copies := &copy6
		if s.Peer.Unmap().Is4() {
			copies = &copy4
		}
		copies.lines = append(copies.lines, copyLines(s, way, m)...)
		exprs := append(match(inet, s.Peer, destination), &expr.Counter{})
		if way.classed {
			exprs = append(exprs, classify(class(i))...)
		}
		if way.queued {
			exprs = append(exprs, m.queue.statement(queueHeld, true))
		}
		leave.lines = append(leave.lines, line{tag(KindShape, i), exprs})
	}
	chains := []chain{arrive, refuse, leave, copy4, copy6}
	for i := range chains {
		if c := &chains[i]; len(c.lines) > 0 && c.family != nftables.TableFamilyIPv4 {
			c.lines = append([]line{passNeighbours()}, c.lines...)
		}
	}
	return chains
}

// cutLine is the rule of a cut: count, then do away with the packet.
func cutLine(c Cut, i int, end expr.Any) line {
	exprs := append(match(nftables.TableFamilyINet, c.Peer, source), share(c.LossPPM)...)
	return line{tag(KindCut, i), append(exprs, &expr.Counter{}, end)}
}

// passResets lets resets of a peer pass that is rejected.
func passResets(c Cut) line {
	const flags, reset = 13, 0x04 // of the TCP header
	exprs := append(match(nftables.TableFamilyINet, c.Peer, source), protocol(unix.IPPROTO_TCP)...)
	return line{exprs: append(exprs,
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: flags, Len: 1},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 1, Mask: []byte{reset}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: []byte{0}},
		&expr.Verdict{Kind: expr.VerdictAccept},
	)}
}

// passNeighbours lets neighbour discovery pass: solicitations and advertisements.
func passNeighbours() line {
	const solicitation, advertisement = 135, 136
	return line{exprs: append(append(version(unix.NFPROTO_IPV6), protocol(unix.IPPROTO_ICMPV6)...),
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Cmp{Op: expr.CmpOpGte, Register: 1, Data: []byte{solicitation}},
		&expr.Cmp{Op: expr.CmpOpLte, Register: 1, Data: []byte{advertisement}},
		&expr.Verdict{Kind: expr.VerdictAccept},
	)}
}

// copyLines are the rules that send copies of a shape's packets. A copy passes the hook from the start, but
// is not copied again: the kernel sees to that.
func copyLines(s Shape, way route, m means) []line {
	family, peer := nftables.TableFamilyIPv6, s.Peer.Unmap()
	if peer.Is4() {
		family = nftables.TableFamilyIPv4
	}
	send := []expr.Any{
		&expr.Immediate{Register: 1, Data: peer.AsSlice()},
		&expr.Dup{RegAddr: 1},
	}
	var lines []line
	if s.DuplicatePPM > 0 {
		exprs := append(match(family, peer, destination), share(s.DuplicatePPM)...)
		lines = append(lines, line{exprs: append(exprs, send...)})
	}
	if way.queued && m.dup {
		// The copy has no socket; what has one is replaced by its copy.
		exprs := append(match(family, peer, destination), &expr.Meta{Key: expr.MetaKeySKUID, Register: 1})
		exprs = append(exprs, send...)
		lines = append(lines, line{exprs: append(exprs, m.queue.statement(queueVoid, false))})
	}
	return lines
}

// The addresses of a packet.
const (
	source = iota
	destination
)

// match is true for packets with the peer as their source or destination.
func match(family nftables.TableFamily, peer netip.Addr, which int) []expr.Any {
	peer = peer.Unmap()
	ip, offset, size := byte(unix.NFPROTO_IPV6), uint32(8), uint32(16)
	if peer.Is4() {
		ip, offset, size = unix.NFPROTO_IPV4, 12, 4
	}
	if which == destination {
		offset += size
	}
	var exprs []expr.Any
	if family == nftables.TableFamilyINet {
		exprs = version(ip)
	}
	return append(exprs,
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: peer.AsSlice()})
}

// version is true for packets of a version of IP.
func version(number byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{number}},
	}
}

// protocol is true for packets of a protocol above IP.
func protocol(number byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{number}},
	}
}

// share is true for that share of all packets, at random; 0 stands for all.
func share(ppm int64) []expr.Any {
	if ppm == 0 || ppm >= million {
		return nil
	}
	return []expr.Any{
		&expr.Numgen{Register: 1, Modulus: uint32(million), Type: unix.NFT_NG_RANDOM},
		// The number is in the machine's order of bytes, and "less" compares bytes from the first.
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: binaryutil.BigEndian.PutUint32(uint32(ppm))},
	}
}

// classify sends packets to a traffic class: HTB looks for the class that a packet's priority names.
func classify(class uint32) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: 1, Data: binary.NativeEndian.AppendUint32(nil, class)},
		&expr.Meta{Key: expr.MetaKeyPRIORITY, SourceRegister: true, Register: 1},
	}
}

// statement sends packets to a queue; with bypass, they pass when nobody listens.
func (q queueing) statement(number uint16, bypass bool) expr.Any {
	if q == queueNative {
		s := &expr.Queue{Num: number, Total: 1}
		if bypass {
			s.Flag = expr.QueueFlagBypass
		}
		return s
	}
	// struct xt_NFQ_info_v3: number, total, flags, and two bytes to fill up
	info := make(xt.Unknown, 8)
	binary.NativeEndian.PutUint16(info[0:], number)
	binary.NativeEndian.PutUint16(info[2:], 1)
	if bypass {
		binary.NativeEndian.PutUint16(info[4:], 1)
	}
	return &expr.Target{Name: "NFQUEUE", Rev: 3, Info: &info}
}
