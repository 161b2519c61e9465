package targettest

import (
	"errors"
	"fmt"
	"time"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

var lifeChecks = []Check{
	{"crash: restart", "a killed node catches up after its start", restart},
	{"crash: power loss everywhere", "what was acknowledged survives it",
		func(r *Rig) error { return crashAll(r, targets.LoseUnsynced) }},
	{"crash: torn writes everywhere", "what was acknowledged survives them",
		func(r *Rig) error { return crashAll(r, targets.TearUnsynced) }},
	{"pause", "a paused node does not answer, and goes on where it was", pause},
}

// follower returns a node that does not lead, and the leader.
func (r *Rig) follower() (follower, leader string, err error) {
	err = r.Until(r.opts.Settle, func() error {
		leader, err = r.leader()
		return err
	})
	if err != nil {
		return "", "", err
	}
	return r.others(leader)[0], leader, nil
}

// onFollower returns a capability of the environment, and a node that does not lead to try it on.
func onFollower[C any](r *Rig, capability string) (c C, node string, err error) {
	c, ok := r.Cluster.(C)
	if !ok {
		return c, "", lacks(capability)
	}
	node, _, err = r.follower()
	return c, node, err
}

// write writes a number, and tries again until it is there.
func (r *Rig) write(key string, n int64) error {
	write := Write(key, n)
	if r.opts.Leaderless { // faults are tried on the first node; another one shall coordinate
		write.Node = r.Nodes()[len(r.Nodes())-1]
	}
	return r.Until(r.opts.Settle, func() error { return r.Want(r.User(), write, num(n)) })
}

func restart(r *Rig) error {
	killer, node, err := onFollower[targets.Killer](r, "Killer")
	if err != nil {
		return err
	}
	k := r.Key()
	if err := r.write(k, 1); err != nil {
		return err
	}
	if err := killer.Kill(node, targets.KeepUnsynced); err != nil {
		return err
	}
	c, doErr := r.Do(r.User(), Peek(k, node))
	silent := c.Err.Code != history.NoError
	// the second changes nothing
	err = errors.Join(doErr, r.write(k, 2), killer.Start(node), killer.Start(node))
	if err == nil && !silent {
		err = fmt.Errorf("%s was killed and answers %v", node, c.Value)
	}
	if err != nil {
		return err
	}
	return r.holds(node, k, 2)
}

func crashAll(r *Rig, unsynced targets.Unsynced) error {
	killer, ok := r.Cluster.(targets.Killer)
	if !ok {
		return lacks("Killer")
	}
	k := r.Key()
	if err := r.write(k, 1); err != nil {
		return err
	}
	var errs []error
	for _, node := range r.Nodes() {
		errs = append(errs, killer.Kill(node, unsynced))
	}
	for _, node := range r.Nodes() {
		errs = append(errs, killer.Start(node))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := r.Settle(); err != nil {
		return err
	}
	return r.Until(r.opts.Settle, func() error { return r.Want(r.User(), Read(k), num(1)) })
}

func pause(r *Rig) error {
	pauser, node, err := onFollower[targets.Pauser](r, "Pauser")
	if err != nil {
		return err
	}
	k := r.Key()
	if err := errors.Join(r.write(k, 1), r.holds(node, k, 1)); err != nil {
		return err
	}
	if err := pauser.Pause(node); err != nil {
		return err
	}
	c, doErr := r.Do(r.User(), Peek(k, node))
	err = errors.Join(doErr, r.write(k, 2), pauser.Resume(node))
	if err == nil && c.Err.Code == history.NoError {
		err = fmt.Errorf("%s is paused and answers %v", node, c.Value)
	}
	if err != nil {
		return err
	}
	return r.holds(node, k, 2)
}

var networkChecks = []Check{
	{"partition: both ways",
		"a node that is cut off misses a write and gets it after healing, by connections" +
			" that were there before", func(r *Rig) error { return cutOff(r, true) }},
	{"partition: one way", "so does one that only does not hear the others",
		func(r *Rig) error { return cutOff(r, false) }},
	{"partition: clients", "a session that is cut off gets no answer, another one does", cutClients},
	{"link: slow", "what is written arrives late", slow},
	{"link: lossy", "writes go through it", func(r *Rig) error {
		return shaped(r, targets.Shape{LossPPM: 100_000})
	}},
	{"link: duplicating", "writes go through it", func(r *Rig) error {
		return shaped(r, targets.Shape{DuplicatePPM: 100_000})
	}},
	{"link: reordering", "writes go through it", func(r *Rig) error {
		return shaped(r, targets.Shape{JitterNanos: 5e6})
	}},
	{"link: narrow", "writes go through it", func(r *Rig) error {
		return shaped(r, targets.Shape{BytesPerSec: 1 << 20})
	}},
}

// between returns the links from the others to a node, and back when both is set.
func (r *Rig) between(node string, both bool) []targets.Link {
	var out []targets.Link
	for _, other := range r.others(node) {
		out = append(out, targets.Link{From: other, To: node})
		if both {
			out = append(out, targets.Link{From: node, To: other})
		}
	}
	return out
}

// TalkAgain bounds how long peers take to talk to each other again after a partition.
const TalkAgain = 3 * time.Second

func cutOff(r *Rig, both bool) error {
	p, node, err := onFollower[targets.Partitioner](r, "Partitioner")
	if err != nil {
		return err
	}
	k := r.Key()
	if err := errors.Join(r.write(k, 1), r.holds(node, k, 1), p.Cut("cut", r.between(node,
		both))); err != nil {
		return err
	}
	err = r.write(k, 2)
	r.Pass(300 * time.Millisecond)
	c, doErr := r.Do(r.User(), Peek(k, node)) // the way of the clients is open
	err = errors.Join(err, doErr, p.Uncut("cut"))
	if err == nil && (c.Err.Code != history.NoError || !c.Value.Equal(num(1))) {
		err = fmt.Errorf("%s is cut off from the others and answers a peek with %v %v %s, want 1", node,
			c.Value,
			c.Err.Code, c.Err.Text)
	}
	if err != nil {
		return err
	}
	return r.Until(TalkAgain, func() error {
		if err := r.Want(r.User(), Peek(k, node), num(2)); err != nil {
			return fmt.Errorf("%v after healing: %w", TalkAgain, err)
		}
		return nil
	})
}

func cutClients(r *Rig) error {
	p, ok := r.Cluster.(targets.Partitioner)
	if !ok {
		return lacks("Partitioner")
	}
	k, u, v := r.Key(), r.User(), r.User()
	if err := errors.Join(r.write(k, 1), r.Want(u, Read(k), num(1))); err != nil {
		return err
	}
	err := p.Cut("cut", []targets.Link{{From: u, To: targets.AllNodes}, {From: targets.AllNodes, To: u}})
	if err != nil {
		return err
	}
	c, doErr := r.Do(u, Read(k))
	err = errors.Join(doErr, r.Want(v, Read(k), num(1)), p.Uncut("cut"))
	if err == nil && c.Err.Code == history.NoError {
		err = fmt.Errorf("session %s is cut off and reads %v", u, c.Value)
	}
	if err != nil {
		return err
	}
	return r.Until(r.opts.Settle, func() error { return r.Want(u, Read(k), num(1)) })
}

func slow(r *Rig) error {
	s, node, err := onFollower[targets.Shaper](r, "Shaper")
	if err != nil {
		return err
	}
	k := r.Key()
	const delay = 400 * time.Millisecond
	if err := errors.Join(r.write(k, 1), r.holds(node, k, 1)); err != nil {
		return err
	}
	if err := s.Shape("slow", r.between(node, false), targets.Shape{DelayNanos: int64(delay)}); err != nil {
		return err
	}
	err = r.write(k, 2)
	began := r.Now()
	c, doErr := r.Do(r.User(), Peek(k, node))
	asked := r.Now() - began
	err = errors.Join(err, doErr)
	if err == nil {
		err = r.holds(node, k, 2)
	}
	err = errors.Join(err, s.Unshape("slow"))
	if err == nil && asked < delay/2 && !c.Value.Equal(num(1)) {
		err = fmt.Errorf("packets to %s take %v, and right after a write it answers %v %v", node, delay,
			c.Value,
			c.Err.Code)
	}
	return err
}

func shaped(r *Rig, shape targets.Shape) error {
	s, node, err := onFollower[targets.Shaper](r, "Shaper")
	if err != nil {
		return err
	}
	if err := s.Shape("shape", r.between(node, true), shape); err != nil {
		return err
	}
	k := r.Key()
	return errors.Join(r.write(k, 1), r.holds(node, k, 1), s.Unshape("shape"))
}
