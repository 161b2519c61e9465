package links

import (
	"net"
	"testing"
)

// proxied returns the ends of a connection from n1 to n2 through a proxy.
func proxied(t testing.TB, n *Network) (near, far net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	p, err := n.Proxy("n1", "n2", dialer(l.Addr().String()))
	must(t, err)
	near, err = net.Dial("tcp4", p.Addr())
	must(t, err)
	far, err = l.Accept()
	must(t, err)
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	return near, far
}
