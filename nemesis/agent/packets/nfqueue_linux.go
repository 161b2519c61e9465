//go:build linux

package packets

import (
	"encoding/binary"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The messages of NFQUEUE (linux/netfilter/nfnetlink_queue.h): a netlink header of 16 bytes, a general
// header of 4 with the queue's number, attributes.
const (
	messagePacket  = unix.NFNL_SUBSYS_QUEUE << 8
	messageVerdict = unix.NFNL_SUBSYS_QUEUE<<8 | 1
	messageConfig  = unix.NFNL_SUBSYS_QUEUE<<8 | 2

	netlinkHeader = 16
	queueHeader   = netlinkHeader + 4

	// attributes of a packet
	attrPacketHeader = 1
	attrPayload      = 10
	attrWholeLength  = 13
	// attribute of a verdict
	attrVerdict = 2
	// attributes of a configuration
	attrCommand   = 1
	attrParams    = 2
	attrLengthMax = 3
	attrMask      = 4
	attrFlags     = 5
)

// headerBytes is how much of a packet the kernel shows us: enough for the addresses.
const headerBytes = 40

// packet is what the queue says about a packet.
type packet struct {
	id   uint32 // the kernel's name of it
	to   netip.Addr
	size int // bytes, from the IP header on
}

// parsePacket reads a packet message from its general header's end. The packet's destination is invalid when
// it is neither IPv4 nor IPv6.
func parsePacket(attributes []byte) (p packet, ok bool) {
	whole := 0
	for len(attributes) >= 4 {
		size := int(binary.NativeEndian.Uint16(attributes))
		kind := binary.NativeEndian.Uint16(attributes[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
		if size < 4 || size > len(attributes) {
			return packet{}, false
		}
		switch value := attributes[4:size]; {
		case kind == attrPacketHeader && len(value) >= 4:
			p.id, ok = binary.BigEndian.Uint32(value), true
		case kind == attrPayload:
			p.to, p.size = destinationOf(value), len(value)
		case kind == attrWholeLength && len(value) >= 4:
			whole = int(binary.BigEndian.Uint32(value))
		}
		attributes = attributes[min(aligned(size), len(attributes)):]
	}
	p.size = max(p.size, whole)
	return p, ok
}

// destinationOf returns the destination in an IP header.
func destinationOf(header []byte) netip.Addr {
	switch {
	case len(header) >= 20 && header[0]>>4 == 4:
		return netip.AddrFrom4([4]byte(header[16:20]))
	case len(header) >= 40 && header[0]>>4 == 6:
		return netip.AddrFrom16([16]byte(header[24:40]))
	}
	return netip.Addr{}
}

// appendVerdict appends the message that lets a packet of the queue pass, or drops it.
func appendVerdict(b []byte, queue uint16, id uint32, pass bool) []byte {
	const length = queueHeader + 4 + 8
	b = binary.NativeEndian.AppendUint32(b, length)
	b = binary.NativeEndian.AppendUint16(b, messageVerdict)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST)
	b = binary.NativeEndian.AppendUint64(b, 0) // sequence number, port
	b = append(b, general(queue)...)
	b = binary.NativeEndian.AppendUint16(b, 4+8)
	b = binary.NativeEndian.AppendUint16(b, attrVerdict)
	verdict := uint32(0) // NF_DROP
	if pass {
		verdict = 1 // NF_ACCEPT
	}
	b = binary.BigEndian.AppendUint32(b, verdict)
	return binary.BigEndian.AppendUint32(b, id)
}

// general is the general header of messages about a queue.
func general(queue uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{unix.AF_UNSPEC, 0}, queue)
}

// configs are the requests that make the socket the listener of a queue: it is shown the headers of packets
// and never more than so many at once; a train of TCP segments stays one packet.
func configs(queue uint16, lengthMax uint32) ([]netlink.Message, error) {
	const bind, copyPacket, wholeTrains = 1, 2, 4
	number := func(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
	var messages []netlink.Message
	for _, attributes := range [][]netlink.Attribute{
		{{Type: attrCommand, Data: []byte{bind, 0, 0, 0}}},
		{{Type: attrParams, Data: append(number(headerBytes), copyPacket)}},
		{{Type: attrLengthMax, Data: number(lengthMax)}},
		{{Type: attrMask, Data: number(wholeTrains)}, {Type: attrFlags, Data: number(wholeTrains)}},
	} {
		data, err := netlink.MarshalAttributes(attributes)
		if err != nil {
			return nil, err
		}
		messages = append(messages, netlink.Message{
			Header: netlink.Header{Type: messageConfig, Flags: netlink.Request | netlink.Acknowledge},
			Data:   append(general(queue), data...),
		})
	}
	return messages, nil
}

// aligned rounds up to the next multiple of four.
func aligned(n int) int { return (n + 3) &^ 3 }
