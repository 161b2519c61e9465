package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	cryptorand "crypto/rand"

	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Bounds of a network.
const (
	maxNodes     = 200 // addresses .2 to .201 of a /24
	subnetTries  = 32
	networkLimit = 15 * time.Second
)

// Network makes the network of a run and gives every node a fixed address in it. The subnet is one that
// neither the engine nor this machine uses. Nothing else is started: Launch does that. The deployment must be
// closed.
func (e *Engine) Network(ctx context.Context, nodes []string, o Options) (*Deployment, error) {
	drawn := o.Run == ""
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if err := checkNodes(nodes); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, networkLimit)
	defer cancel()
	if !drawn { // engines let two networks have the same name
		if left, err := e.leftovers(ctx, o.Run); err != nil || left[o.Run] != nil {
			return nil, errors.Join(fmt.Errorf("there is a run %s already; allowed: another name, or "+
				"rashomon clean --run %[1]s before", o.Run), err)
		}
	}
	d := &Deployment{
		engine: e, opts: o, token: cryptorand.Text(), order: slices.Clone(nodes), nodes: map[string]*node{},
		labels: self().labels(o.Run, time.Now()),
	}
	subnet, err := d.makeNetwork(ctx)
	if err != nil {
		return nil, fmt.Errorf("making the network of run %s: %w", o.Run, err)
	}
	gateway := subnet.Addr().Next()
	at := gateway
	for _, name := range nodes {
		at = at.Next()
		d.nodes[name] = &node{name: name, addr: at}
	}
	d.direct = !o.published && slices.ContainsFunc(ownPrefixes(), func(p netip.Prefix) bool {
		return p.Addr() == gateway
	})
	d.life, d.end = context.WithCancel(context.Background())
	return d, nil
}

func checkNodes(nodes []string) error {
	if len(nodes) == 0 || len(nodes) > maxNodes {
		return fmt.Errorf("%d nodes; allowed: 1 to %d", len(nodes), maxNodes)
	}
	for i, name := range nodes {
		if !names.MatchString(name) {
			return fmt.Errorf("node %q; allowed: up to 63 lower-case letters, digits, dots and dashes", name)
		}
		if slices.Contains(nodes[:i], name) {
			return fmt.Errorf("node %q is there twice", name)
		}
	}
	return nil
}

// makeNetwork makes the network with a subnet that was free. Others may take it between the look and the
// deed; then the next is tried.
func (d *Deployment) makeNetwork(ctx context.Context) (netip.Prefix, error) {
	taken := ownPrefixes()
	var last error
	for range subnetTries {
		subnet := drawSubnet(taken)
		made, err := d.engine.api.NetworkCreate(ctx, d.name("network"), client.NetworkCreateOptions{
			Driver: "bridge",
			Labels: d.labelsOf(roleNetwork, ""),
			IPAM: &network.IPAM{Driver: "default", Config: []network.IPAMConfig{
				{Subnet: subnet, Gateway: subnet.Addr().Next()},
			}},
		})
		if err == nil {
			d.network = made.ID
			return subnet, nil
		}
		if !overlaps(err) {
			return netip.Prefix{}, err
		}
		taken, last = append(taken, subnet), err
	}
	return netip.Prefix{}, fmt.Errorf("no free subnet found in %d tries: %w", subnetTries, last)
}

// overlaps reports whether the engine refused a subnet because something else has it. Engines have no code
// for that.
func overlaps(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "overlap") || strings.Contains(text, "conflicts with network")
}

// drawSubnet draws a /24 within 10.64.0.0/10 that overlaps none of those.
func drawSubnet(taken []netip.Prefix) netip.Prefix {
	var subnet netip.Prefix
	for range subnetTries {
		first := [4]byte{10, byte(64 + rand.N(64)), byte(rand.N(256)), 0}
		subnet = netip.PrefixFrom(netip.AddrFrom4(first), 24)
		if !slices.ContainsFunc(taken, subnet.Overlaps) {
			break
		}
	}
	return subnet
}

// ownPrefixes returns the addresses of this machine, each with the length of its network.
func ownPrefixes() []netip.Prefix {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Prefix
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// name returns the name of a thing of the run.
func (d *Deployment) name(parts ...string) string {
	return strings.Join(append([]string{"rashomon", d.opts.Run}, parts...), "-")
}

// labelsOf returns the labels of a thing of the run. Those of testcontainers, by which Ryuk knows what it
// shall remove, are among them unless the deployment may be kept.
func (d *Deployment) labelsOf(role, node string) map[string]string {
	labels := map[string]string{}
	if !d.opts.Keepable {
		testcontainers.AddGenericLabels(labels)
	}
	maps.Copy(labels, d.labels)
	labels[labelRole] = role
	if node != "" {
		labels[labelNode] = node
	}
	return labels
}

// removeNetwork removes the network. Engines need a moment to notice that its containers are gone.
func (e *Engine) removeNetwork(ctx context.Context, id string) error {
	return until(ctx, func() error {
		_, err := e.api.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
		if err != nil && !strings.Contains(err.Error(), "active endpoints") {
			return ignoreMissing(err)
		}
		return again(err)
	})
}

// errAgain marks an error of something that may go well a moment later.
var errAgain = errors.New("not yet")

func again(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errAgain, err)
}

// until does something over and over while it says again.
func until(ctx context.Context, do func() error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := do()
		if !errors.Is(err, errAgain) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}
