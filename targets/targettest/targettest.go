// Package targettest is what every target has to pass in every environment that it supports: each operation,
// errors, restarts, and each capability that the environment claims, tried for real: a fault is installed,
// its effect is observed, it is removed, and the effect is gone. (Of links that lose, duplicate, reorder or
// throttle only that writes go through them: what they do to packets is tested where packets can be counted.)
//
// The checks do not depend on package testing, so that `rashomon doctor` can try a machine with them.
package targettest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

// Check is one thing that is tried on a cluster. It leaves the cluster as it found it: whole, with other
// values in it.
type Check struct {
	Name  string // "partition: both ways"
	About string // what is observed, for people
	// Try reports what is wrong. *targets.Unsupported, also inside of other errors, says that the
	// environment does not claim this.
	Try func(r *Rig) error
}

// Options say what a target offers beyond writes, reads and peeks, which all do.
type Options struct {
	Without []string // functions that it does not offer: history.FAppend
	// Leaderless says that no node leads: all are replicas alike.
	Leaderless bool
	// Promotes says that the configuration lets an operator choose the leader; elections do not.
	Promotes bool
	// Settle bounds how long the nodes take to talk to each other again after a fault.
	Settle time.Duration
}

// Rig is a cluster under test, in virtual or real time.
type Rig struct {
	targets.Cluster
	opts  Options
	began time.Time
	keys  int // used so far: each check has its own
	users int // sessions used so far
}

// New returns the rig of a cluster.
func New(c targets.Cluster, o Options) *Rig {
	if o.Settle == 0 {
		o.Settle = 15 * time.Second
	}
	return &Rig{Cluster: c, opts: o, began: time.Now()}
}

// Run deploys a target once and tries everything on it, each check as a test of its own.
func Run(t *testing.T, target targets.Target, spec *targets.Spec, o Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c, err := target.Deploy(ctx, spec)
	if err != nil {
		t.Fatalf("%s in %s: %v", target.Name(), target.Env(), err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	}()
	r := New(c, o)
	if err := r.Settle(); err != nil {
		t.Fatal(err)
	}
	for _, check := range Checks() {
		t.Run(check.Name, func(t *testing.T) {
			declined, err := r.Try(&check)
			if err != nil {
				t.Errorf("%v\n%s", err, r.logs())
			}
			if declined != "" {
				t.Logf("not claimed: %s", declined)
			}
		})
	}
}

// Try tries one thing and waits until the cluster is whole again. declined says why the environment does not
// claim it, "" when it does.
func (r *Rig) Try(check *Check) (declined string, err error) {
	err = check.Try(r)
	if reason, not := Declined(err); not {
		return reason, r.Settle()
	}
	return "", errors.Join(err, r.Settle())
}

// Declined reports whether an error says that the environment does not claim what was tried, and its reason.
func Declined(err error) (reason string, ok bool) {
	u, ok := errors.AsType[*targets.Unsupported](err)
	if !ok {
		return "", false
	}
	return u.Reason, true
}

// lacks is the error of a capability that the environment has not.
func lacks(capability string) error {
	return &targets.Unsupported{Reason: "the environment has no " + capability}
}

// Now returns the time since the start, in the cluster's time.
func (r *Rig) Now() time.Duration {
	if s, ok := r.Cluster.(targets.Stepper); ok {
		return time.Duration(s.Now())
	}
	return time.Since(r.began)
}

// Pass lets time pass.
func (r *Rig) Pass(d time.Duration) {
	s, ok := r.Cluster.(targets.Stepper)
	if !ok {
		time.Sleep(d)
		return
	}
	for end := s.Now() + int64(d); s.Now() < end; {
		s.RunUntil(end)
	}
}

// patience bounds how long an operation takes, far beyond the deadlines of targets.
const patience = 20 * time.Second

// Do carries out an operation of a session and returns how it ended.
func (r *Rig) Do(session string, ev history.Event) (targets.Completion, error) {
	ev.Type, ev.Session = history.Invoke, session
	done := make(chan targets.Completion, 2)
	r.Client(session, "").Submit(&ev, func(c targets.Completion) { done <- c })
	s, virtual := r.Cluster.(targets.Stepper)
	if !virtual {
		select {
		case c := <-done:
			return c, nil
		case <-time.After(patience):
			return targets.Completion{}, fmt.Errorf("%s %s has no answer after %v", ev.F, ev.Key, patience)
		}
	}
	for end := s.Now() + int64(patience); len(done) == 0; s.RunUntil(end) {
		if s.Now() >= end {
			return targets.Completion{}, fmt.Errorf("%s %s has no answer after %v", ev.F, ev.Key, patience)
		}
	}
	return <-done, nil
}

// Want carries out an operation that has to go well, and compares its value.
func (r *Rig) Want(session string, ev history.Event, want history.Value) error {
	c, err := r.Do(session, ev)
	switch {
	case err != nil:
		return err
	case c.Err.Code != history.NoError:
		return fmt.Errorf("%s %s by %s failed: %v %s", ev.F, ev.Key, session, c.Err.Code, c.Err.Text)
	case !c.Value.Equal(want):
		return fmt.Errorf("%s %s by %s gave %v, want %v", ev.F, ev.Key, session, c.Value, want)
	}
	return nil
}

// Until tries again until do goes well, or limit is over: then the last error is returned.
func (r *Rig) Until(limit time.Duration, do func() error) error {
	for end := r.Now() + limit; ; r.Pass(20 * time.Millisecond) {
		err := do()
		if err == nil || r.Now() >= end {
			return err
		}
		if _, not := Declined(err); not {
			return err
		}
	}
}

// Settle waits until the nodes are up and talk to each other, and a write goes through.
func (r *Rig) Settle() error {
	err := r.Until(r.opts.Settle, func() error {
		if ok, missing := r.Settled(); !ok {
			return fmt.Errorf("after %v the cluster is not whole: %s", r.opts.Settle, missing)
		}
		return nil
	})
	if err != nil {
		return err
	}
	key := r.Key()
	return r.Until(r.opts.Settle, func() error {
		return r.Want(r.User(), Write(key, 1),
			history.IntValue(1))
	})
}

// Key returns a key that nobody has used.
func (r *Rig) Key() string {
	r.keys++
	return fmt.Sprint("c", r.keys)
}

// User returns a session that nobody has used.
func (r *Rig) User() string {
	r.users++
	return fmt.Sprint("u", r.users)
}

// Offers reports whether the target offers a function.
func (r *Rig) Offers(f string) bool { return !slices.Contains(r.opts.Without, f) }

// Write is the write of a number.
func Write(key string, n int64) history.Event {
	return history.Event{F: history.FWrite, Key: key, Value: history.IntValue(n)}
}

// Read is a read.
func Read(key string) history.Event { return history.Event{F: history.FRead, Key: key} }

// Peek is a look at what a node holds.
func Peek(key, node string) history.Event {
	return history.Event{F: history.FPeek, Key: key, Node: node}
}

// logs returns the ends of the nodes' logs, where there are any.
func (r *Rig) logs() string {
	reader, ok := r.Cluster.(targets.LogReader)
	if !ok {
		return ""
	}
	var b strings.Builder
	for _, node := range r.Nodes() {
		log, err := reader.Logs(node)
		fmt.Fprintf(&b, "--- log of %s %v\n%s\n", node, err, log[max(len(log)-3000, 0):])
	}
	return b.String()
}

// Leaderless returns a configuration of the reference store without leaders, and what to try on it. Nodes
// coordinate: where clients do, a cut between nodes keeps no write from any of them.
func Leaderless() (config map[string]any, o Options) {
	return map[string]any{"mode": "leaderless", "coordinator": "node", "read_repair": "blocking",
			"anti_entropy": "200ms"},
		Options{Leaderless: true, Without: []string{history.FCAS, history.FAppend, history.FTxn}}
}
