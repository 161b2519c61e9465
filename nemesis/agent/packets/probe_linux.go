//go:build linux

package packets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// Probe finds out what can be done to packets by the kernel, and with the process's rights: it makes two
// network namespaces, does everything between them, and looks at what arrives. It needs CAP_SYS_ADMIN for the
// namespaces; Open does without, where it must.
func Probe() []Ability {
	l, err := usualLab()
	if err != nil {
		return nothing(err)
	}
	abilities, _ := l.explore()
	if err := l.close(); err != nil {
		return nothing(err)
	}
	return abilities
}

// explore is Probe for the Network's namespace.
func (n *Network) explore() ([]Ability, means) {
	l, err := usualLab()
	if errors.Is(err, os.ErrPermission) {
		n.log.Debug("no fresh network namespaces: packets are tried out on loopback addresses", "error", err)
		l, err = loopbackLab(), nil
	}
	if err != nil {
		return nothing(err), means{}
	}
	abilities, m := l.explore()
	if err := l.close(); err != nil {
		n.log.Warn("trying out packets left something behind", "error", err)
	}
	for _, a := range abilities {
		n.log.Debug("ability", "name", a.Name, "ok", a.OK, "how", a.How, "reason", a.Reason)
	}
	return abilities, m
}

// nothing is the abilities of a system where nothing can be tried out.
func nothing(err error) []Ability {
	var all []Ability
	for _, name := range []string{AbleDrop, AbleLoss, AbleReject, AbleDelay, AbleDuplicate, AbleBandwidth} {
		all = append(all, Ability{Name: name, Reason: err.Error()})
	}
	return all
}

// attempt is one way to have an ability.
type attempt struct {
	how   string
	means means
}

// explore returns the abilities, and the means that they take.
func (l *lab) explore() ([]Ability, means) {
	table := attempt{how: HowNFTables}
	drop, _ := l.ability(AbleDrop, l.drops, table)
	loss, _ := l.ability(AbleLoss, l.loses, table)
	reject, _ := l.ability(AbleReject, l.rejects, table)
	duplicate, copies := l.ability(AbleDuplicate, l.duplicates, attempt{HowNFTables, means{dup: true}})
	queues := []attempt{
		{HowNFQueue, means{queue: queueNative, dup: copies.dup}},
		{HowNFQueue, means{queue: queueXT, dup: copies.dup}},
	}
	netem := attempt{HowNetem, means{htb: true, netem: true}}
	delay, slow := l.ability(AbleDelay, l.delays, append([]attempt{netem}, queues...)...)
	if slow.queue != queueNone {
		queues = []attempt{{HowNFQueue, slow}}
	}
	htb := attempt{HowHTB, means{htb: true}}
	bandwidth, narrow := l.ability(AbleBandwidth, l.narrows, append([]attempt{htb}, queues...)...)
	return []Ability{drop, loss, reject, delay, duplicate, bandwidth}, means{
		queue: max(slow.queue, narrow.queue),
		dup:   copies.dup,
		htb:   slow.htb || narrow.htb,
		netem: slow.netem,
	}
}

// ability makes one attempt after the other, until what is observed is what was asked for.
func (l *lab) ability(name string, observe func(means) error, attempts ...attempt) (Ability, means) {
	var reasons []string
	for _, a := range attempts {
		err := observe(a.means)
		if err == nil {
			return Ability{Name: name, OK: true, How: a.how, Reason: strings.Join(reasons, "; ")}, a.means
		}
		how := a.how
		if a.means.queue != queueNone {
			how += " by " + a.means.queue.String()
		}
		reasons = append(reasons, fmt.Sprintf("%s: %s", how, strings.ReplaceAll(err.Error(), "\n", ", ")))
	}
	return Ability{Name: name, Reason: strings.Join(reasons, "; ")}, means{}
}

// patience bounds every wait for a packet.
const patience = 2 * time.Second

// trial is one thing tried out: a Network at one end, and datagrams from the near end to the far one.
type trial struct {
	network  *Network
	from, to *net.UDPConn
}

// try does something with a trial whose Network is at one end.
func (l *lab) try(at end, m means, f func(*trial) error) (err error) {
	var t trial
	defer func() { err = errors.Join(err, t.close()) }()
	if t.network, err = at.open(slog.New(slog.DiscardHandler), m); err != nil {
		return err
	}
	if t.from, err = l.near.packets(); err != nil {
		return err
	}
	if t.to, err = l.far.packets(); err != nil {
		return err
	}
	return f(&t)
}

func (t *trial) close() error {
	var failures []error
	if t.network != nil {
		failures = append(failures, t.network.Close())
	}
	for _, c := range []*net.UDPConn{t.from, t.to} {
		if c != nil {
			failures = append(failures, c.Close())
		}
	}
	return errors.Join(failures...)
}

func (t *trial) send(text string) error {
	_, err := t.from.WriteTo([]byte(text), t.to.LocalAddr())
	return err
}

// receive returns the next datagram.
func (t *trial) receive() (string, error) {
	if err := t.to.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	b := make([]byte, 2048)
	n, _, err := t.to.ReadFrom(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "", fmt.Errorf("no packet arrived in %s", patience)
	}
	return string(b[:n]), err
}

// expect returns an error unless the next datagram is this one.
func (t *trial) expect(text, otherwise string) error {
	got, err := t.receive()
	if err == nil && got != text {
		err = errors.New(otherwise)
	}
	return err
}

// drops observes that a cut lets nothing pass, and the heal everything.
func (l *lab) drops(m means) error {
	return l.try(l.far, m, func(t *trial) error {
		r := Rules{Cuts: []Cut{{Peer: l.near.addr}}}
		if err := t.network.Apply(r); err != nil {
			return err
		}
		if err := t.send("cut"); err != nil {
			return err
		}
		if err := t.counted(); err != nil {
			return err
		}
		if err := t.network.Heal(); err != nil {
			return err
		}
		if err := t.send("healed"); err != nil {
			return err
		}
		return t.expect("healed", "a packet passed the cut")
	})
}

// counted waits until the first rule has counted a packet.
func (t *trial) counted() error {
	const interval = 2 * time.Millisecond
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for range patience / interval {
		counters, err := t.network.Counters()
		if err != nil {
			return err
		}
		if counters[0].Packets > 0 {
			return nil
		}
		<-tick.C
	}
	return errors.New("the rule matched nothing")
}

// loses observes that a cut of one half loses some packets and not all.
func (l *lab) loses(m means) error {
	const many = 64
	return l.try(l.far, m, func(t *trial) error {
		r := Rules{Cuts: []Cut{{Peer: l.near.addr, LossPPM: million / 2}}}
		if err := t.network.Apply(r); err != nil {
			return err
		}
		for range many {
			if err := t.send("perhaps"); err != nil {
				return err
			}
		}
		if err := t.network.Heal(); err != nil {
			return err
		}
		if err := t.send("healed"); err != nil {
			return err
		}
		arrived := 0
		for {
			got, err := t.receive()
			if err != nil {
				return err
			}
			if got == "healed" {
				break
			}
			arrived++
		}
		if arrived == 0 || arrived >= many {
			return fmt.Errorf("%d of %d packets arrived where one half should", arrived, many)
		}
		return nil
	})
}

// rejects observes that a connection is refused though somebody listens.
func (l *lab) rejects(m means) error {
	return l.try(l.far, m, func(t *trial) (err error) {
		listener, err := l.far.listen()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, listener.Close()) }()
		r := Rules{Cuts: []Cut{{Peer: l.near.addr, Reject: true}}}
		if err := t.network.Apply(r); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		conn, err := l.near.dial(ctx, listener.Addr())
		if err == nil {
			return errors.Join(errors.New("a connection was made all the same"), conn.Close())
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Errorf("a connection was not refused: %w", err)
		}
		if err := t.network.Heal(); err != nil {
			return err
		}
		if conn, err = l.near.dial(ctx, listener.Addr()); err != nil {
			return fmt.Errorf("a connection after the heal: %w", err)
		}
		return conn.Close()
	})
}

// delays observes that a packet takes the time it is told to, and arrives once.
func (l *lab) delays(m means) error {
	const delay = 20 * time.Millisecond
	return l.try(l.near, m, func(t *trial) error {
		r := Rules{Shapes: []Shape{{Peer: l.far.addr, DelayNanos: int64(delay)}}}
		if err := t.network.Apply(r); err != nil {
			return err
		}
		sent := time.Now()
		if err := t.send("late"); err != nil {
			return err
		}
		if err := t.expect("late", "another packet arrived"); err != nil {
			return err
		}
		if took := time.Since(sent); took < delay {
			return fmt.Errorf("a packet that should take %s took %s", delay, took)
		}
		if err := t.network.Heal(); err != nil {
			return err
		}
		if err := t.send("healed"); err != nil {
			return err
		}
		return t.expect("healed", "a packet arrived twice")
	})
}

// duplicates observes that a packet arrives twice.
func (l *lab) duplicates(m means) error {
	return l.try(l.near, m, func(t *trial) error {
		r := Rules{Shapes: []Shape{{Peer: l.far.addr, DuplicatePPM: million}}}
		if err := t.network.Apply(r); err != nil {
			return err
		}
		if err := t.send("twice"); err != nil {
			return err
		}
		for range 2 {
			if err := t.expect("twice", "another packet arrived"); err != nil {
				return err
			}
		}
		return nil
	})
}

// narrows observes that packets take the time that a bandwidth leaves them.
func (l *lab) narrows(m means) error {
	const bytesPerSec, many, size = 100_000, 10, 1000
	const least = time.Second * (many*size - 3000) / bytesPerSec / 2 // what passes at once is not exact
	return l.try(l.near, m, func(t *trial) error {
		r := Rules{Shapes: []Shape{{Peer: l.far.addr, BytesPerSec: bytesPerSec}}}
		if err := t.network.Apply(r); err != nil {
			return err
		}
		sent := time.Now()
		for range many {
			if err := t.send(strings.Repeat("x", size)); err != nil {
				return err
			}
		}
		for range many {
			if _, err := t.receive(); err != nil {
				return err
			}
		}
		if took := time.Since(sent); took < least {
			return fmt.Errorf("%d bytes should take at least %s at %d bytes/s and took %s",
				many*size, least, bytesPerSec, took)
		}
		return nil
	})
}
