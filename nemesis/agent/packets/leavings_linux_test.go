//go:build linux

package packets

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/rashomon-harness/rashomon/internal/need"
)

// leavings lists what is in the namespace of an end: tables, queueing disciplines, queues.
func (f *field) leavings(at end) (all []string) {
	f.t.Helper()
	f.must(at.space.do(func() error {
		c, err := nftables.New()
		if err != nil {
			return err
		}
		list, err := c.ListTables()
		if err != nil {
			return err
		}
		for _, table := range list {
			all = append(all, fmt.Sprintf("table %s of family %d", table.Name, table.Family))
		}
		thread := fmt.Sprintf("/proc/self/task/%d", unix.Gettid())
		queues, err := os.ReadFile(thread + "/net/netfilter/nfnetlink_queue")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(queues)) {
			all = append(all, "queue "+strings.Fields(line)[0])
		}
		return once(func(r *rtnetlink) error {
			answer, err := r.ask(unix.RTM_GETQDISC, netlink.Dump, tcHeader(0, 0, 0), nil)
			for _, m := range answer {
				kind := string(attributeOf(m.Data, tcHeaderSize, unix.TCA_KIND))
				if kind != "noqueue\x00" {
					all = append(all, "qdisc "+strings.TrimSuffix(kind, "\x00"))
				}
			}
			return err
		})
	}))
	return all
}

// everything is rules that use all means.
func everything(f *field) Rules {
	r := cut(f.far)
	r.Shapes = []Shape{
		{Peer: f.far.addr, DelayNanos: 1, DuplicatePPM: 1, BytesPerSec: 10_000},
		{Peer: f.far6.addr, DelayNanos: 1, DuplicatePPM: 1, BytesPerSec: 20_000},
	}
	return r
}

func TestCloseLeavesNothing(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	m := means{queue: f.queue(), dup: true, htb: f.narrows(means{htb: true}) == nil}
	before := f.leavings(f.near)
	n := f.network(f.near, m)
	f.apply(n, everything(f))
	used := f.leavings(f.near)
	for _, want := range []string{"table rashomon of family 1", "table rashomon of family 2",
		"table rashomon of family 10", "queue 21075"} {
		if !slices.Contains(used, want) {
			t.Errorf("%s is missing in %v", want, used)
		}
	}
	f.must(n.Close())
	if after := f.leavings(f.near); !slices.Equal(after, before) {
		t.Errorf("left: %v; before: %v", after, before)
	}
	f.must(n.Close())
	if err := n.Apply(Rules{}); err == nil {
		t.Error("rules were taken after Close")
	}
}

// TestHealLeavesOthersAlone has a table of somebody else beside ours.
func TestHealLeavesOthersAlone(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	c, err := nftables.New(nftables.WithNetNSFd(int(f.far.space.file.Fd())))
	f.must(err)
	table := c.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "somebody"})
	chain := c.AddChain(&nftables.Chain{Table: table, Name: "theirs", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: nftables.ChainPriorityFilter})
	c.AddRule(&nftables.Rule{Table: table, Chain: chain,
		Exprs: match(nftables.TableFamilyINet, f.other.addr, source)})
	f.must(c.Flush())
	intact := func(when string) {
		t.Helper()
		rules, err := c.GetRules(table, chain)
		if err != nil || len(rules) != 1 {
			t.Errorf("%s: %d rules, %v", when, len(rules), err)
		}
	}
	n := f.network(f.far, means{})
	f.apply(n, cut(f.near))
	intact("cut")
	f.must(n.Heal())
	intact("healed")
	f.must(n.Close())
	intact("closed")
}

// TestOpenRemovesLeavings opens where a predecessor was killed.
func TestOpenRemovesLeavings(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	dead := f.network(f.near, means{dup: true, htb: f.narrows(means{htb: true}) == nil})
	r := everything(f)
	for i := range r.Shapes {
		r.Shapes[i].DelayNanos = 0
	}
	f.apply(dead, r)
	dead.classes = nil // its Close will not find what is removed below
	n := f.network(f.near, means{})
	if got := f.leavings(f.near); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	near, far := f.mail(f.near), f.mail(f.far)
	far.send(near, 1)
	near.expect(1)
	f.must(n.Close())
}

// TestForeignDisciplineStays finds a device whose root is not ours.
func TestForeignDisciplineStays(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	f.must(f.near.space.do(func() error {
		d, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		attributes, err := encode(func(e *netlink.AttributeEncoder) { e.String(unix.TCA_KIND, "pfifo") })
		if err != nil {
			return err
		}
		return once(func(r *rtnetlink) error {
			return r.change(unix.RTM_NEWQDISC, netlink.Create|netlink.Excl,
				tcHeader(uint32(d.Index), 0x77<<16, tcRoot), attributes)
		})
	}))
	n := f.network(f.near, means{htb: true})
	f.apply(n, cut(f.far))
	err := n.Apply(Rules{Shapes: []Shape{{Peer: f.far.addr, BytesPerSec: 5000}}})
	if err == nil || !strings.Contains(err.Error(), "htb on device") {
		t.Errorf("error %v", err)
	}
	if got := f.leavings(f.near); !slices.Contains(got, "qdisc pfifo") || slices.Contains(got, "qdisc htb") {
		t.Errorf("disciplines %v", got)
	}
	near, far := f.mail(f.near), f.mail(f.far)
	far.send(near, 1)
	f.counted(n, 0, 1) // the cut from before is in force
}

// TestClassesAreReaped changes a bandwidth many times: only what is in force stays.
func TestClassesAreReaped(t *testing.T) {
	f, ok := newField(t)
	if !ok || f.narrows(means{htb: true}) != nil {
		return
	}
	n := f.network(f.near, means{htb: true})
	near, far := f.mail(f.near), f.mail(f.far)
	for i := range 20 {
		f.apply(n, Rules{Shapes: []Shape{{Peer: f.far.addr, BytesPerSec: 100_000 + int64(i)}}})
		near.send(far, i)
		far.expect(i)
		if len(n.classes.all) != 1 {
			t.Errorf("%d classes", len(n.classes.all))
		}
	}
	handle, err := n.classes.ensure(Shape{Peer: f.far.addr, BytesPerSec: 100_019}, false)
	if _, same := n.classes.all[handle]; err != nil || !same {
		t.Errorf("the same shape got another class: %x, %v", handle, err)
	}
}

func TestOpen(t *testing.T) {
	f, ok := newField(t)
	if !ok {
		return
	}
	var n *Network
	start := time.Now()
	f.must(f.far.space.do(func() (err error) {
		n, err = Open(nil)
		return err
	}))
	t.Logf("opened in %s", time.Since(start))
	defer func() { f.must(n.Close()) }()
	checkAbilities(t, n.Abilities())
	checkAbilities(t, Probe())
	f.apply(n, cut(f.near))
	near, far, other := f.mail(f.near), f.mail(f.far), f.mail(f.other)
	near.send(far, 1)
	other.send(far, 2)
	far.expect(2)
}

// checkAbilities fails unless the abilities explain themselves, and the ones that any kernel should have are
// there.
func checkAbilities(t *testing.T, all []Ability) {
	t.Helper()
	var names []string
	for _, a := range all {
		names = append(names, a.Name)
		if a.OK == (a.How == "") || !a.OK && a.Reason == "" {
			t.Errorf("unexplained: %+v", a)
		}
		if !a.OK && (a.Name == AbleDrop || a.Name == AbleLoss || a.Name == AbleReject) {
			t.Errorf("missing: %+v", a)
		}
		t.Logf("%+v", a)
	}
	want := []string{AbleDrop, AbleLoss, AbleReject, AbleDelay, AbleDuplicate, AbleBandwidth}
	if !slices.Equal(names, want) {
		t.Errorf("abilities %v, want %v", names, want)
	}
}

const inChild = "RASHOMON_TEST_CHILD"

// child runs a test again, alone in a network namespace of its own and with these rights only.
func child(t *testing.T, rights ...uintptr) {
	t.Helper()
	again := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), inChild+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWNET,
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534},
		AmbientCaps: rights,
	}
	out, err := again.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// TestOpenInAPod opens with CAP_NET_ADMIN and no other right: there are no fresh namespaces then.
func TestOpenInAPod(t *testing.T) {
	if os.Getenv(inChild) != "" {
		openInAPod(t)
	} else if need.Root(t) {
		child(t, unix.CAP_NET_ADMIN)
	}
}

func TestOpenWithoutRights(t *testing.T) {
	if os.Getenv(inChild) == "" {
		if need.Root(t) {
			child(t)
		}
		return
	}
	n, err := Open(nil)
	var u *Unsupported
	if n != nil || !errors.As(err, &u) || !strings.Contains(u.Reason, "it needs CAP_NET_ADMIN") {
		t.Errorf("%v, %v", n, err)
	}
	t.Log(err)
}

func openInAPod(t *testing.T) {
	t.Helper()
	if err := once(func(r *rtnetlink) error {
		return r.change(unix.RTM_NEWLINK, 0, linkHeader(1, unix.IFF_UP), nil)
	}); err != nil {
		t.Fatal(err)
	}
	for _, a := range Probe() {
		if a.OK || !strings.Contains(a.Reason, "fresh network namespace: operation not permitted") {
			t.Errorf("%+v", a)
		}
	}
	t.Log(Probe()[0].Reason)
	n, err := Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	checkAbilities(t, n.Abilities())
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
