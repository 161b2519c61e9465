//go:build linux

package packets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Our traffic classes on one device:
//
//	root HTB, handle 5253: ── unclassified packets pass directly
//	├── class 5253:1 ── netem or a queue of bytes
//	└── class 5253:2 ── ..
//
// A packet enters the class that its priority names, which an nftables rule sets: so that what a rule does
// and which packets it is done to change in one transaction. A class is made before the rules name it, and
// deleted when they do not any more and it is empty.

// rootHandle is the handle of our root queueing discipline; its upper half is that of all classes below it.
const rootHandle = 0x5253 << 16

// tcRoot is the parent of a device's root (TC_H_ROOT).
const tcRoot = 0xffffffff

// lastClass is the highest number of a class.
const lastClass = 0xfffe

// tickNanos is the unit of times in what the kernel is told.
const tickNanos = 64

// class is a traffic class of a shape.
type class struct {
	device uint32
	shape  Shape // what it does
}

// classes is our traffic classes in one network namespace.
type classes struct {
	log   *slog.Logger
	route *rtnetlink
	roots map[uint32]bool  // the devices that have our root
	all   map[uint32]class // by handle
	last  uint32           // the number of the class made last
}

func newClasses(namespace *os.File, log *slog.Logger) (*classes, error) {
	r, err := dialRoute(namespace)
	if err != nil {
		return nil, err
	}
	return &classes{log: log, route: r, roots: map[uint32]bool{}, all: map[uint32]class{}}, nil
}

// ensure returns the class that does what the shape asks for, and makes it if there is none.
func (c *classes) ensure(s Shape, netem bool) (uint32, error) {
	device, err := c.route.deviceTo(s.Peer)
	if err != nil {
		return 0, err
	}
	for handle, k := range c.all {
		if k.device == device && k.shape == s {
			return handle, nil
		}
	}
	if err := c.ensureRoot(device); err != nil {
		return 0, err
	}
	handle, err := c.free()
	if err != nil {
		return 0, err
	}
	if err := c.add(device, handle, s); err != nil {
		return 0, fmt.Errorf("class of %s: %w", s.Peer, err)
	}
	if err := c.addLeaf(device, handle, s, netem); err != nil {
		return 0, fmt.Errorf("class of %s: %w", s.Peer, errors.Join(err, c.delete(device, handle)))
	}
	c.all[handle] = class{device: device, shape: s}
	return handle, nil
}

// free returns a handle that is not in use.
func (c *classes) free() (uint32, error) {
	for range lastClass {
		c.last = c.last%lastClass + 1
		handle := rootHandle | c.last
		if _, used := c.all[handle]; !used {
			return handle, nil
		}
	}
	return 0, fmt.Errorf("there are %d traffic classes in use, and no more", len(c.all))
}

// settle deletes the classes that the rules in force do not name, as far as they are empty: what waits in
// them leaves at the pace it came for. named has the handles of the others, by shape.
func (c *classes) settle(named map[int]uint32) {
	stay := map[uint32]bool{}
	for _, handle := range named {
		stay[handle] = true
	}
	waiting := map[uint32]map[uint32]uint32{}
	for handle, k := range c.all {
		if stay[handle] {
			continue
		}
		if waiting[k.device] == nil {
			waiting[k.device] = c.waiting(k.device)
		}
		if waiting[k.device][handle] > 0 {
			continue
		}
		if err := c.delete(k.device, handle); err != nil {
			c.log.Warn("traffic class cannot be deleted; it has no effect", "error", err)
			continue
		}
		delete(c.all, handle)
	}
}

func (c *classes) delete(device, handle uint32) error {
	return c.route.change(unix.RTM_DELTCLASS, 0, tcHeader(device, handle, rootHandle), nil)
}

// waiting returns how many packets wait in each class of a device.
func (c *classes) waiting(device uint32) map[uint32]uint32 {
	const statistics, queueStatistics = 7, 3 // TCA_STATS2, TCA_STATS_QUEUE
	count := map[uint32]uint32{}
	answer, err := c.route.ask(unix.RTM_GETTCLASS, netlink.Dump, tcHeader(device, 0, 0), nil)
	if err != nil {
		c.log.Warn("traffic classes cannot be listed", "error", err)
	}
	for _, m := range answer {
		if len(m.Data) < tcHeaderSize {
			continue
		}
		stats := attributeOf(m.Data, tcHeaderSize, statistics)
		n, _ := uint32Of(stats, 0, queueStatistics)
		count[binary.NativeEndian.Uint32(m.Data[8:])] = n
	}
	return count
}

// close waits a little for what is still in the classes, and deletes them with our roots.
func (c *classes) close() error {
	const patience, interval = 2 * time.Second, 10 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for range patience / interval {
		c.settle(nil)
		if len(c.all) == 0 {
			break
		}
		<-tick.C
	}
	var failures []error
	for device := range c.roots {
		failures = append(failures, c.deleteRoot(device))
	}
	return errors.Join(append(failures, c.route.close())...)
}

// clean deletes our roots from all devices, whoever made them.
func (c *classes) clean() error {
	answer, err := c.route.ask(unix.RTM_GETQDISC, netlink.Dump, tcHeader(0, 0, 0), nil)
	if err != nil {
		return fmt.Errorf("queueing disciplines: %w", err)
	}
	var failures []error
	for _, m := range answer {
		kind := strings.TrimSuffix(string(attributeOf(m.Data, tcHeaderSize, unix.TCA_KIND)), "\x00")
		if kind == "htb" && binary.NativeEndian.Uint32(m.Data[8:]) == rootHandle {
			failures = append(failures, c.deleteRoot(binary.NativeEndian.Uint32(m.Data[4:])))
		}
	}
	return errors.Join(failures...)
}

func (c *classes) deleteRoot(device uint32) error {
	err := c.route.change(unix.RTM_DELQDISC, 0, tcHeader(device, rootHandle, tcRoot), nil)
	if err != nil {
		return fmt.Errorf("queueing discipline of device %d cannot be deleted: %w", device, err)
	}
	delete(c.roots, device)
	return nil
}

// ensureRoot makes our root the device's queueing discipline. One that somebody else has put there stays,
// and is an error.
func (c *classes) ensureRoot(device uint32) error {
	const init, version, rateToQuantum = 2, 3, 10 // TCA_HTB_INIT
	if c.roots[device] {
		return nil
	}
	attributes, err := encode(func(e *netlink.AttributeEncoder) {
		e.String(unix.TCA_KIND, "htb")
		e.Nested(unix.TCA_OPTIONS, func(e *netlink.AttributeEncoder) error {
			e.Bytes(init, numbers(version, rateToQuantum, 0, 0, 0))
			return nil
		})
	})
	if err != nil {
		return err
	}
	header := tcHeader(device, rootHandle, tcRoot)
	err = c.route.change(unix.RTM_NEWQDISC, netlink.Create|netlink.Excl, header, attributes)
	if err != nil {
		return fmt.Errorf("htb on device %d: %w", device, err)
	}
	c.roots[device] = true
	return nil
}

// add makes an HTB class with the shape's bandwidth.
func (c *classes) add(device, handle uint32, s Shape) error {
	const params, ethernet, quantum = 1, 1, 60_000 // TCA_HTB_PARMS
	rate := s.BytesPerSec
	if rate == 0 {
		rate = MaxBytesPerSec
	}
	bucket := uint32(burst(rate) * int64(time.Second) / rate / tickNanos)
	spec := append([]byte{0, ethernet, 0, 0, 0, 0, 0, 0}, numbers(uint32(rate))...)
	attributes, err := encode(func(e *netlink.AttributeEncoder) {
		e.String(unix.TCA_KIND, "htb")
		e.Nested(unix.TCA_OPTIONS, func(e *netlink.AttributeEncoder) error {
			// rate, ceiling, and their buckets; quantum, level, priority
			both := append(append([]byte{}, spec...), spec...)
			e.Bytes(params, append(both, numbers(bucket, bucket, quantum, 0, 0)...))
			return nil
		})
	})
	if err != nil {
		return err
	}
	return c.route.change(unix.RTM_NEWTCLASS, netlink.Create|netlink.Excl,
		tcHeader(device, handle, rootHandle), attributes)
}

// addLeaf puts below a class what its packets wait in: netem for a delay, else a queue of bytes.
func (c *classes) addLeaf(device, handle uint32, s Shape, netem bool) error {
	kind, options := "bfifo", numbers(uint32(backlogBytes(s)))
	if netem && (s.DelayNanos > 0 || s.JitterNanos > 0) {
		kind, options = "netem", netemOptions(s)
	}
	attributes, err := encode(func(e *netlink.AttributeEncoder) {
		e.String(unix.TCA_KIND, kind)
		e.Bytes(unix.TCA_OPTIONS, options)
	})
	if err != nil {
		return err
	}
	err = c.route.change(unix.RTM_NEWQDISC, netlink.Create|netlink.Excl,
		tcHeader(device, 0, handle), attributes)
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// backlogBytes is how much may wait for a bandwidth: what passes in the time of a backlog, but at least one
// train of TCP segments.
func backlogBytes(s Shape) int64 {
	const train = 68_000
	return max(s.BytesPerSec*int64(backlogMax/time.Second), train)
}

// netemOptions is struct tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter. netem draws uniformly
// around the latency, we above the delay.
func netemOptions(s Shape) []byte {
	const packetsMost, packetBytes = 100_000, 1000
	limit := int64(packetsMost)
	if s.BytesPerSec > 0 {
		held := time.Duration(s.DelayNanos+s.JitterNanos) + backlogMax
		limit = min(limit, max(100, int64(held.Seconds()*float64(s.BytesPerSec))/packetBytes))
	}
	half := s.JitterNanos / 2
	return numbers(uint32((s.DelayNanos+half)/tickNanos), uint32(limit), 0, 0, 0, uint32(half/tickNanos))
}

// tcHeaderSize is the size of struct tcmsg.
const tcHeaderSize = 20

// tcHeader is struct tcmsg: family, device, handle, parent, info.
func tcHeader(device, handle, parent uint32) []byte {
	return numbers(unix.AF_UNSPEC, device, handle, parent, 0)
}

// numbers puts numbers in the machine's order of bytes.
func numbers(list ...uint32) []byte {
	b := make([]byte, 0, 4*len(list))
	for _, n := range list {
		b = binary.NativeEndian.AppendUint32(b, n)
	}
	return b
}
