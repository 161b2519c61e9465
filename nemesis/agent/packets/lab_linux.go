//go:build linux

package packets

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// end is one end of a lab: where it is, and its address there.
type end struct {
	space *space // nil for the caller's
	addr  netip.Addr
}

// lab is two ends between which packets travel, for trying things out.
type lab struct{ near, far end }

// device is the name of the lab's device in either namespace.
const device = "lab0"

// The numbers of the devices. The kernel announces at once that a pair is connected if they differ, else
// within a second, and loses what is sent before.
const (
	nearIndex = 82
	farIndex  = 83
)

// operUp is the state of a device that works (IF_OPER_UP).
const operUp = 6

// newLab joins two fresh network namespaces by a pair of virtual Ethernet devices. Each end has one address,
// and those of the further ones given.
func newLab(near, far netip.Prefix, nearToo, farToo []netip.Prefix) (*lab, error) {
	l := &lab{near: end{addr: near.Addr()}, far: end{addr: far.Addr()}}
	err := l.build(append([]netip.Prefix{near}, nearToo...), append([]netip.Prefix{far}, farToo...))
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// usualLab is newLab with the addresses of probes.
func usualLab() (*lab, error) {
	return newLab(netip.MustParsePrefix("10.82.83.1/24"), netip.MustParsePrefix("10.82.83.2/24"), nil, nil)
}

// loopbackLab has both ends in the caller's namespace, on addresses that nobody else uses.
func loopbackLab() *lab {
	return &lab{
		near: end{addr: netip.AddrFrom4([4]byte{127, 82, 83, 1})},
		far:  end{addr: netip.AddrFrom4([4]byte{127, 82, 83, 2})},
	}
}

func (l *lab) close() error { return errors.Join(l.near.space.close(), l.far.space.close()) }

func (l *lab) build(near, far []netip.Prefix) (err error) {
	if l.near.space, err = newSpace(); err != nil {
		return err
	}
	if l.far.space, err = newSpace(); err != nil {
		return err
	}
	if err := l.near.space.do(func() error { return addPair(l.far.space) }); err != nil {
		return fmt.Errorf("pair of devices: %w", err)
	}
	if err := l.near.space.do(func() error { return setUp(near) }); err != nil {
		return err
	}
	if err := l.far.space.do(func() error { return setUp(far) }); err != nil {
		return err
	}
	return errors.Join(l.near.space.do(running), l.far.space.do(running))
}

// running waits until the device here says that it works. Its flag says so too early.
func running() error {
	const interval = time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	return once(func(r *rtnetlink) error {
		d, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		for range patience / interval {
			answer, err := r.ask(unix.RTM_GETLINK, 0, linkHeader(d.Index, 0), nil)
			if err != nil {
				return err
			}
			for _, m := range answer {
				state := attributeOf(m.Data, unix.SizeofIfInfomsg, unix.IFLA_OPERSTATE)
				if len(state) == 1 && state[0] == operUp {
					return nil
				}
			}
			<-tick.C
		}
		return fmt.Errorf("device %s does not work after %s", device, patience)
	})
}

// addPair makes a pair of devices, one here and one in the other namespace.
func addPair(other *space) error {
	const peer = 1 // VETH_INFO_PEER
	name := func(e *netlink.AttributeEncoder) { e.String(unix.IFLA_IFNAME, device) }
	attributes, err := encode(func(e *netlink.AttributeEncoder) {
		name(e)
		e.Nested(unix.IFLA_LINKINFO, func(e *netlink.AttributeEncoder) error {
			e.String(unix.IFLA_INFO_KIND, "veth")
			e.Nested(unix.IFLA_INFO_DATA, func(e *netlink.AttributeEncoder) error {
				inner, err := encode(func(e *netlink.AttributeEncoder) {
					name(e)
					e.Uint32(unix.IFLA_NET_NS_FD, uint32(other.file.Fd()))
				})
				e.Bytes(peer, append(linkHeader(farIndex, 0), inner...))
				return err
			})
			return nil
		})
	})
	if err != nil {
		return err
	}
	return once(func(r *rtnetlink) error {
		return r.change(unix.RTM_NEWLINK, netlink.Create|netlink.Excl, linkHeader(nearIndex, 0), attributes)
	})
}

// setUp gives the device here its addresses and switches it on, and the loopback device.
func setUp(addresses []netip.Prefix) error {
	return once(func(r *rtnetlink) error {
		for _, name := range []string{"lo", device} {
			d, err := net.InterfaceByName(name)
			if err != nil {
				return err
			}
			if err := r.change(unix.RTM_NEWLINK, 0, linkHeader(d.Index, unix.IFF_UP), nil); err != nil {
				return fmt.Errorf("device %s cannot be switched on: %w", name, err)
			}
			if name != device {
				continue
			}
			for _, a := range addresses {
				if err := r.addAddress(d.Index, a); err != nil {
					return fmt.Errorf("address %s: %w", a, err)
				}
			}
		}
		return nil
	})
}

func (r *rtnetlink) addAddress(index int, a netip.Prefix) error {
	attributes, err := encode(func(e *netlink.AttributeEncoder) {
		e.Bytes(unix.IFA_LOCAL, a.Addr().AsSlice())
		e.Bytes(unix.IFA_ADDRESS, a.Addr().AsSlice())
	})
	if err != nil {
		return err
	}
	family := byte(unix.AF_INET6)
	if a.Addr().Is4() {
		family = unix.AF_INET
	}
	// usable at once: nobody else can have it
	header := []byte{family, byte(a.Bits()), unix.IFA_F_NODAD, unix.RT_SCOPE_UNIVERSE}
	header = binary.NativeEndian.AppendUint32(header, uint32(index))
	return r.change(unix.RTM_NEWADDR, netlink.Create|netlink.Excl, header, attributes)
}

// linkHeader is struct ifinfomsg with these flags to be set.
func linkHeader(index int, flags uint32) []byte {
	return numbers(unix.AF_UNSPEC, uint32(index), flags, flags)
}

// once does something with a connection of its own, in the namespace of the calling thread.
func once(f func(*rtnetlink) error) error {
	r, err := dialRoute(nil)
	if err != nil {
		return err
	}
	return errors.Join(f(r), r.close())
}

// open opens a Network at this end, with these means and without probing.
func (e end) open(log *slog.Logger, m means) (n *Network, err error) {
	err = e.space.do(func() error {
		n, err = open(log)
		return err
	})
	if err != nil {
		return nil, err
	}
	n.means = m
	return n, nil
}

// packets listens for datagrams at this end.
func (e end) packets() (conn *net.UDPConn, err error) {
	err = e.space.do(func() error {
		conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(e.addr, 0)))
		return err
	})
	return conn, err
}

// listen listens for connections at this end.
func (e end) listen() (l *net.TCPListener, err error) {
	err = e.space.do(func() error {
		l, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(e.addr, 0)))
		return err
	})
	return l, err
}

// dial connects from this end.
func (e end) dial(ctx context.Context, to net.Addr) (conn net.Conn, err error) {
	local := net.TCPAddrFromAddrPort(netip.AddrPortFrom(e.addr, 0))
	err = e.space.do(func() error {
		conn, err = (&net.Dialer{LocalAddr: local}).DialContext(ctx, "tcp", to.String())
		return err
	})
	return conn, err
}
