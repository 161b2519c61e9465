package container

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// Dial connects to a TCP port of a node: at the node's address where this machine can reach it, otherwise at
// the port that the engine publishes it on.
func (d *Deployment) Dial(ctx context.Context, name string, port int) (net.Conn, error) {
	at, err := d.Endpoint(ctx, name, port)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, "tcp", at)
}

// Endpoint returns where a TCP port of a node can be reached from here, as host:port. Where ports are
// published it must be one of the pod's Ports, and the engine is asked each time.
func (d *Deployment) Endpoint(ctx context.Context, name string, port int) (hostport string, err error) {
	n := d.nodes[name]
	switch {
	case n == nil:
		return "", fmt.Errorf("there is no node %q", name)
	case port < 1 || port > 65535:
		return "", fmt.Errorf("port %d; allowed: 1 to 65535", port)
	case d.direct:
		return netip.AddrPortFrom(n.addr, uint16(port)).String(), nil
	case n.holder == "":
		return "", fmt.Errorf("node %s was not launched", name)
	}
	return d.engine.published(ctx, n.holder, port)
}

// published returns where a port of a container is published.
func (e *Engine) published(ctx context.Context, id string, port int) (string, error) {
	found, err := e.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return "", err
	}
	if want, ok := network.PortFrom(uint16(port), network.TCP); ok && found.Container.NetworkSettings != nil {
		for _, binding := range found.Container.NetworkSettings.Ports[want] {
			return net.JoinHostPort(e.publishedHost(), binding.HostPort), nil
		}
	}
	return "", fmt.Errorf("port %d is not published", port)
}

// publishedHost returns the host on which the engine publishes ports, seen from here. A harness in a
// container that has the engine's socket cannot know it; the variable of testcontainers tells.
func (e *Engine) publishedHost() string {
	if host := os.Getenv("TESTCONTAINERS_HOST_OVERRIDE"); host != "" {
		return host
	}
	u, err := url.Parse(e.host)
	if err == nil && u.Scheme != "unix" && u.Scheme != "npipe" && u.Hostname() != "" {
		return u.Hostname()
	}
	return "127.0.0.1"
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// url returns the address of a node's agent.
func (d *Deployment) url(ctx context.Context, n *node) (string, error) {
	at, err := d.Endpoint(ctx, n.name, agentPort)
	return "http://" + at, err
}
