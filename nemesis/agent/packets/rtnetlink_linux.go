//go:build linux

package packets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// rtnetlink asks the kernel about links, addresses, routes and traffic classes of one network namespace.
type rtnetlink struct{ conn *netlink.Conn }

func dialRoute(namespace *os.File) (*rtnetlink, error) {
	config := &netlink.Config{}
	if namespace != nil {
		config.NetNS = int(namespace.Fd())
	}
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, config)
	if err != nil {
		return nil, fmt.Errorf("rtnetlink: %w", err)
	}
	// The kernel's own words for what went wrong; older ones have none.
	_ = conn.SetOption(netlink.ExtendedAcknowledge, true)
	return &rtnetlink{conn: conn}, nil
}

func (r *rtnetlink) close() error { return r.conn.Close() }

// change sends a request that changes something: a fixed header and attributes.
func (r *rtnetlink) change(kind uint16, flags netlink.HeaderFlags, header, attributes []byte) error {
	_, err := r.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind),
			Flags: flags | netlink.Request | netlink.Acknowledge},
		Data: append(header, attributes...),
	})
	return inWords(err)
}

// ask sends a request that is answered.
func (r *rtnetlink) ask(kind uint16, flags netlink.HeaderFlags, header, attributes []byte,
) ([]netlink.Message, error) {
	answer, err := r.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: flags | netlink.Request},
		Data:   append(header, attributes...),
	})
	return answer, inWords(err)
}

// inWords leaves of an error the number of the kernel and its words.
func inWords(err error) error {
	var op *netlink.OpError
	if !errors.As(err, &op) {
		return err
	}
	if op.Message == "" {
		return op.Err
	}
	return fmt.Errorf("%w (%s)", op.Err, op.Message)
}

// encode returns the attributes that add adds.
func encode(add func(e *netlink.AttributeEncoder)) ([]byte, error) {
	e := netlink.NewAttributeEncoder()
	add(e)
	return e.Encode()
}

// deviceTo returns the index of the device through which packets for the peer leave.
func (r *rtnetlink) deviceTo(peer netip.Addr) (uint32, error) {
	header := make([]byte, unix.SizeofRtMsg)
	header[0], header[1] = unix.AF_INET6, 128
	if peer.Is4() {
		header[0], header[1] = unix.AF_INET, 32
	}
	attributes, err := encode(func(e *netlink.AttributeEncoder) { e.Bytes(unix.RTA_DST, peer.AsSlice()) })
	if err != nil {
		return 0, err
	}
	answer, err := r.ask(unix.RTM_GETROUTE, 0, header, attributes)
	if err != nil {
		return 0, fmt.Errorf("route to %s: %w", peer, err)
	}
	for _, m := range answer {
		if device, ok := uint32Of(m.Data, unix.SizeofRtMsg, unix.RTA_OIF); ok {
			return device, nil
		}
	}
	return 0, fmt.Errorf("route to %s: there is none through a device", peer)
}

// uint32Of returns the attribute of a message as a number.
func uint32Of(data []byte, header int, kind uint16) (uint32, bool) {
	value := attributeOf(data, header, kind)
	if len(value) < 4 {
		return 0, false
	}
	return binary.NativeEndian.Uint32(value), true
}

// attributeOf returns the attribute of a message after a fixed header, nil without it.
func attributeOf(data []byte, header int, kind uint16) []byte {
	if len(data) < header {
		return nil
	}
	d, err := netlink.NewAttributeDecoder(data[header:])
	if err != nil {
		return nil
	}
	for d.Next() {
		if d.Type() == kind {
			return d.Bytes()
		}
	}
	return nil
}
