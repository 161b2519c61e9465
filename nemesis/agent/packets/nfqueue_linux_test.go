//go:build linux

package packets

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"
)

// attribute is a netlink attribute, filled up.
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, aligned(len(b))-len(b))...)
}

// header4 and header6 are the IP headers of packets to a peer.
func header4(to netip.Addr) []byte {
	h := make([]byte, 20)
	h[0] = 0x45
	copy(h[16:], to.AsSlice())
	return h
}

func header6(to netip.Addr) []byte {
	h := make([]byte, 40)
	h[0] = 0x60
	copy(h[24:], to.AsSlice())
	return h
}

func TestParsePacket(t *testing.T) {
	id := attribute(attrPacketHeader, []byte{0, 0, 1, 2, 8, 0, 3})
	for _, tc := range []struct {
		name string
		attributes,
		more []byte
		want packet
		ok   bool
	}{
		{"IPv4", id, attribute(attrPayload, header4(four)), packet{0x102, four, 20}, true},
		{"IPv6", id, attribute(attrPayload, header6(six)), packet{0x102, six, 40}, true},
		{"only the beginning is shown", append(attribute(attrWholeLength, []byte{0, 1, 0, 0}), id...),
			attribute(attrPayload, header4(four)), packet{0x102, four, 1 << 16}, true},
		{"neither", id, attribute(attrPayload, make([]byte, 40)), packet{0x102, netip.Addr{}, 40}, true},
		{"cut off", id, attribute(attrPayload, header6(six)[:39]), packet{0x102, netip.Addr{}, 39}, true},
		{"no payload", id, nil, packet{id: 0x102}, true},
		{"no name", attribute(attrPayload, header4(four)), nil, packet{0, four, 20}, false},
		{"a length beyond the end", id, []byte{200, 0, 10, 0}, packet{}, false},
		{"a length of nothing", id, []byte{0, 0, 10, 0}, packet{}, false},
		{"nothing", nil, nil, packet{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := parsePacket(append(tc.attributes[:len(tc.attributes):len(tc.attributes)], tc.more...))
			if got != tc.want || ok != tc.ok {
				t.Errorf("got %+v, %v; want %+v, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}

func FuzzParsePacket(f *testing.F) {
	f.Add(attribute(attrPacketHeader, []byte{0, 0, 1, 2, 8, 0, 3}))
	f.Add(append(attribute(attrPacketHeader, []byte{0, 0, 1, 2}), attribute(attrPayload, header6(six))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := parsePacket(b); !ok && p.id != 0 {
			t.Errorf("a name without the attribute: %+v", p)
		}
	})
}

func TestVerdicts(t *testing.T) {
	b := appendVerdict(appendVerdict(nil, 0x5253, 7, true), 0x5253, 8, false)
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return // the text below is that of little endian machines
	}
	const head = "20000000" + "0103" + "0100" + "00000000" + "00000000" + "00005253" + "0c000200"
	const want = head + "00000001" + "00000007" + head + "00000000" + "00000008"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
