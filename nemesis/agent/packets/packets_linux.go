//go:build linux

package packets

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync"
)

// Network is what is done to the packets of one network namespace. Its methods may be called from any
// goroutine. There must be one for a namespace at most: a second one takes away what the first has done.
type Network struct {
	log       *slog.Logger
	namespace *os.File // nil for the process's own
	means     means
	abilities []Ability

	mu      sync.Mutex
	closed  bool
	rules   Rules
	tables  tables
	classes *classes // nil before a shape needs one
	delayer *delayer // nil before a shape needs it
}

// Open finds out what can be done to packets in the network namespace of the calling thread, by doing it in
// a fresh namespace, or on loopback addresses that nobody else uses where that is not allowed; it takes about
// half a second. It removes what an earlier process of ours has left. *Unsupported when nothing can be done
// to packets here. The log may be nil.
func Open(log *slog.Logger) (*Network, error) {
	n, err := open(log)
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("it needs CAP_NET_ADMIN in the network namespace: %w", err)
	}
	if err != nil {
		return nil, &Unsupported{Reason: "nothing can be done to packets here: " + err.Error()}
	}
	n.abilities, n.means = n.explore()
	// The first ability is the one without which there are no others.
	if drop := n.abilities[0]; !drop.OK {
		reason := "packets cannot be dropped here: " + drop.Reason
		return nil, errors.Join(&Unsupported{Reason: reason}, n.Close())
	}
	return n, nil
}

// open is Open with no means for shapes.
func open(log *slog.Logger) (*Network, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	namespace, err := ownNamespace()
	if err != nil {
		return nil, err
	}
	n := &Network{log: log, namespace: namespace, tables: newTables(namespace)}
	if err := n.clean(); err != nil {
		if namespace != nil {
			err = errors.Join(err, namespace.Close())
		}
		return nil, err
	}
	return n, nil
}

// clean removes what is ours in the namespace.
func (n *Network) clean() error {
	c, err := newClasses(n.namespace, n.log)
	if err != nil {
		return err
	}
	if err := n.tables.remove(); err != nil {
		return errors.Join(err, c.close())
	}
	return errors.Join(c.clean(), c.close())
}

// Abilities returns what can be done to packets, as Open found it.
func (n *Network) Abilities() []Ability { return slices.Clone(n.abilities) }

// Apply replaces all rules. What nftables does changes in one transaction; traffic classes are made before
// it and deleted after it. *Unsupported when a wish is beyond the means, and an error of Validate when it is
// beyond the bounds; after any error, the rules from before are in force, but when the queue was given up,
// packets are not held back any more. When a peer has no shape any more, packets that are held back for it
// have passed when Apply returns, in the order they came in; those in a traffic class leave at the class's
// pace. (Who deletes another nftables chain in the namespace makes the kernel drop all that is held back.)
func (n *Network) Apply(r Rules) error {
	if err := r.Validate(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errors.New("the network's faults are closed")
	}
	r = unmapped(r)
	if reason := n.missing(r); reason != "" {
		return &Unsupported{Reason: reason}
	}
	return n.apply(r)
}

func (n *Network) apply(r Rules) error {
	class, err := n.prepare(r)
	if err == nil {
		err = n.tables.install(compile(r, n.means, func(i int) uint32 { return class[i] }))
	}
	if err != nil {
		return errors.Join(err, n.back())
	}
	n.rules = r
	if n.classes != nil {
		n.classes.settle(class)
	}
	if n.held() {
		// What is sent from now on shall not overtake what was on its way to the queue.
		if err := n.delayer.drain(); err != nil && n.givenUp() {
			return err
		}
	}
	n.log.Debug("rules for packets", "cuts", len(r.Cuts), "shapes", len(r.Shapes))
	return nil
}

// prepare makes ready what the rules send packets to: the queue, and the traffic classes by shape.
func (n *Network) prepare(r Rules) (map[int]uint32, error) {
	paces, class := map[netip.Addr]pace{}, map[int]uint32{}
	for i, s := range r.Shapes {
		way := n.means.route(s)
		if way.queued {
			paces[s.Peer] = way.held
		}
		if !way.classed {
			continue
		}
		if n.classes == nil {
			c, err := newClasses(n.namespace, n.log)
			if err != nil {
				return nil, err
			}
			n.classes = c
		}
		handle, err := n.classes.ensure(s, n.means.netem)
		if err != nil {
			return nil, err
		}
		class[i] = handle
	}
	if len(paces) > 0 && !n.held() {
		d, err := newDelayer(n.namespace, n.log)
		if err != nil {
			return nil, err
		}
		n.delayer = d
	}
	if !n.held() {
		return class, nil
	}
	if err := n.delayer.set(paces); err != nil {
		return nil, err
	}
	return class, n.delayer.drain()
}

// held reports whether there is a queue that holds packets.
func (n *Network) held() bool { return n.delayer != nil && !n.delayer.failed() }

// givenUp reports whether the rules hold packets in a queue that failed.
func (n *Network) givenUp() bool {
	queued := func(s Shape) bool { return n.means.route(s).queued }
	return !n.held() && slices.ContainsFunc(n.rules.Shapes, queued)
}

// back makes the queue and the traffic classes serve the rules that are still in force.
func (n *Network) back() error {
	class, err := n.prepare(n.rules)
	if err != nil {
		return fmt.Errorf("rules from before: %w", err)
	}
	if n.classes != nil {
		n.classes.settle(class)
	}
	return nil
}

// Heal takes all rules away.
func (n *Network) Heal() error { return n.Apply(Rules{}) }

// Counters returns what matched each rule since the last Apply: the cuts in their order, then the shapes. It
// is an error when packets should be held back and the queue was given up.
func (n *Network) Counters() ([]Counter, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.rules.Cuts)+len(n.rules.Shapes) == 0 || n.closed {
		return nil, nil
	}
	if n.givenUp() {
		return nil, fmt.Errorf("packets are no longer held back: %w", n.delayer.failure)
	}
	found, err := n.tables.counters()
	if err != nil {
		return nil, err
	}
	var all []Counter
	add := func(kind string, i int, peer netip.Addr) {
		c := found[tag(kind, i)]
		all = append(all, Counter{Kind: kind, Peer: peer, Packets: c.Packets, Bytes: c.Bytes})
	}
	for i, c := range n.rules.Cuts {
		add(KindCut, i, c.Peer)
	}
	for i, s := range n.rules.Shapes {
		add(KindShape, i, s.Peer)
	}
	return all, nil
}

// Close heals, and removes our tables, traffic classes and queue. What is in a traffic class has two seconds
// to leave. Close may be called again.
func (n *Network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	var failures []error
	if n.held() {
		// The kernel drops what is queued when it deletes a chain: first let everything pass.
		failures = append(failures, n.apply(Rules{}), n.delayer.close())
	}
	failures = append(failures, n.tables.remove())
	if n.classes != nil {
		failures = append(failures, n.classes.close())
	}
	if n.namespace != nil {
		failures = append(failures, n.namespace.Close())
	}
	return errors.Join(failures...)
}

// missing says what the rules ask for beyond the means, "" for nothing.
func (n *Network) missing(r Rules) string {
	for i, c := range r.Cuts {
		if reason := n.unable(c.needs()); reason != "" {
			return fmt.Sprintf("cuts[%d]: %s", i, reason)
		}
	}
	for i, s := range r.Shapes {
		if reason := n.unable(s.needs()); reason != "" {
			return fmt.Sprintf("shapes[%d]: %s", i, reason)
		}
	}
	return ""
}

// unable names the first ability that is wanting.
func (n *Network) unable(needs []string) string {
	for _, a := range n.abilities {
		if !a.OK && slices.Contains(needs, a.Name) {
			return fmt.Sprintf("%s is not possible here: %s", a.Name, a.Reason)
		}
	}
	return ""
}

// unmapped returns a copy of the rules where IPv4 addresses are not written as IPv6 ones.
func unmapped(r Rules) Rules {
	r = Rules{Cuts: slices.Clone(r.Cuts), Shapes: slices.Clone(r.Shapes)}
	for i := range r.Cuts {
		r.Cuts[i].Peer = r.Cuts[i].Peer.Unmap()
	}
	for i := range r.Shapes {
		r.Shapes[i].Peer = r.Shapes[i].Peer.Unmap()
	}
	return r
}
