package etcd

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

// arm is the client of one session on one device, as an application would have it: etcd's own client. Reads
// go to the node that the session is near to, writes to any that can be reached.
type arm struct {
	session string
	nodes   []string
	home    string // the session's own node
	reads   string // the configuration's
	limit   time.Duration
	dial    dialer
	ctx     context.Context // ends with the cluster

	mu      sync.Mutex
	clients map[string]*clientv3.Client // by node; "" for all nodes
}

// Submit sends an operation on its way. It ends within the configured time, on a goroutine of its own.
func (a *arm) Submit(inv *history.Event, done func(targets.Completion)) {
	c, problem := compile(inv, a.nodes, a.reads == serializableReads)
	go func() {
		if problem.Code != history.NoError {
			done(targets.Completion{Err: problem})
			return
		}
		done(a.perform(&c))
	}()
}

// perform carries out a call.
func (a *arm) perform(c *call) targets.Completion {
	node := ""
	switch {
	case c.home && c.node != "":
		node = c.node
	case c.home:
		node = a.home
	}
	client, err := a.client(node)
	if err != nil {
		return targets.Completion{Err: failure(err, c.writes, false)}
	}
	ctx, cancel := context.WithTimeout(a.ctx, a.limit)
	defer cancel()
	ctx, t := withTicket(ctx)
	r, err := client.Do(ctx, c.op)
	by, sent := t.sentTo()
	if err != nil {
		return refused(by, failure(err, c.writes, sent), err)
	}
	out := targets.Completion{Node: by, Ev: &history.Evidence{By: by}}
	var revision int64
	if out.Value, revision = c.answer(r); revision > 0 {
		out.Ev.Ver = []history.Version{{Source: source, N: revision}}
	}
	return out
}

// refused is the completion of a call that was sent to the node by, "" for none, and went wrong. The node has
// answered only where the error is one of etcd's own, not where none came in time.
func refused(by string, why history.Error, err error) targets.Completion {
	if by == "" {
		return targets.Completion{Err: why}
	}
	text, _ := explain(err)
	if _, ofEtcd := etcdErrors[text]; ofEtcd {
		return targets.Completion{Err: why, Node: by}
	}
	why.Text = by + ": " + why.Text
	return targets.Completion{Err: why}
}

// client returns etcd's client for one node, or for all of them.
func (a *arm) client(node string) (*clientv3.Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.clients[node]; c != nil {
		return c, nil
	}
	if a.ctx.Err() != nil {
		return nil, errors.New("the cluster was closed")
	}
	nodes := a.nodes
	if node != "" {
		nodes = []string{node}
	}
	c, err := open(a.session, a.dial, nodes...)
	if err != nil {
		return nil, err
	}
	a.clients[node] = c
	return c, nil
}

// close ends all connections. The cluster's context must have ended before.
func (a *arm) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, c := range a.clients {
		if err := c.Close(); err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, err)
		}
	}
	clear(a.clients)
	return errors.Join(errs...)
}

// homeOf returns a session's own node: sessions are dealt out to the nodes by their numbers. A user's later
// session, rs3.1 after rs3, stays where it was.
func homeOf(session string, nodes []string) string {
	name, _, _ := strings.Cut(session, ".")
	digits := name[len(strings.TrimRight(name, "0123456789")):]
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 {
		return nodes[0]
	}
	return nodes[(n-1)%len(nodes)]
}
