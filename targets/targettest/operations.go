package targettest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/targets"
)

// Checks returns all checks, in the order in which they are tried.
func Checks() []Check {
	return slices.Concat(operationChecks, lifeChecks, networkChecks, clockChecks, diskChecks)
}

var operationChecks = []Check{
	{"operations", "each gives the value that the history's functions promise", operations},
	{"compare-and-set", "true, or false and the value that was there", compareAndSet},
	{"sets and counters", "add, remove, incr and read", setsAndCounters},
	{"lists", "append and read", lists},
	{"transactions", "reads, writes and appends, all at once", transactions},
	{"several keys", "one read of several keys", severalKeys},
	{"peek", "every node comes to hold what was written", peek},
	{"errors", "what makes no sense is refused, definitely", refusals},
	{"status", "one node leads, or none where none is to, and all say so", status},
	{"logs", "every node has written one", logsThere},
	{"promote", "an operator's order makes a node the leader", promote},
}

var (
	null = history.Value{}
	yes  = history.BoolValue(true)
	no   = history.BoolValue(false)
	num  = history.IntValue
	str  = history.StringValue
	list = history.ListValue
)

func operations(r *Rig) error {
	k, u, v := r.Key(), r.User(), r.User()
	return r.wantAll([]wanted{
		{u, Read(k), null},
		{u, Write(k, 7), num(7)},
		{v, Read(k), num(7)},
		{u, history.Event{F: history.FWrite, Key: k, Value: str("x\"\n∅")}, str("x\"\n∅")},
		{v, Read(k), str("x\"\n∅")},
		{u, history.Event{F: history.FDelete, Key: k}, null},
		{v, Read(k), null},
	})
}

func compareAndSet(r *Rig) error {
	if !r.Offers(history.FCAS) {
		return lacks("cas")
	}
	k, u, v := r.Key(), r.User(), r.User()
	cas := func(old, new history.Value) history.Event {
		return history.Event{F: history.FCAS, Key: k, Value: list(old, new)}
	}
	return r.wantAll([]wanted{
		{u, Write(k, 7), num(7)},
		{u, cas(num(7), num(8)), yes},
		{v, cas(num(7), num(9)), list(no, num(8))},
		{v, Read(k), num(8)},
	})
}

// wanted is an operation of a session, and what it shall complete with.
type wanted struct {
	session string
	ev      history.Event
	want    history.Value
}

// wantAll carries out one operation after the other, but those that the target does not offer.
func (r *Rig) wantAll(list []wanted) error {
	for _, s := range list {
		if !r.Offers(s.ev.F) {
			continue
		}
		if err := r.Want(s.session, s.ev, s.want); err != nil {
			return err
		}
	}
	return nil
}

func lists(r *Rig) error {
	if !r.Offers(history.FAppend) {
		return lacks("append")
	}
	k, u := r.Key(), r.User()
	push := func(n int64) history.Event { return history.Event{F: history.FAppend, Key: k, Value: num(n)} }
	return errors.Join(r.Want(u, push(1), num(1)), r.Want(r.User(), push(2), num(2)),
		r.Want(u, Read(k), history.IntsValue(1, 2)))
}

func setsAndCounters(r *Rig) error {
	if !r.Offers(history.FAdd) || !r.Offers(history.FIncr) {
		return lacks("add and incr")
	}
	k, c, u := r.Key(), r.Key(), r.User()
	change := func(f, key string, n int64) error {
		return r.Want(u, history.Event{F: f, Key: key, Value: num(n)}, num(n))
	}
	return errors.Join(change(history.FAdd, k, 1), change(history.FAdd, k, 2), change(history.FAdd, k, 1),
		change(history.FRemove, k, 2), r.Want(r.User(), Read(k), list(num(1))),
		change(history.FIncr, c, 4), change(history.FIncr, c, -1), r.Want(r.User(), Read(c), num(3)))
}

func transactions(r *Rig) error {
	if !r.Offers(history.FTxn) {
		return lacks("txn")
	}
	k, u := r.Key(), r.User()
	micro := func(f string, v history.Value) history.Value { return list(str(f), str(k), v) }
	txn := history.Event{F: history.FTxn, Value: list(micro("r", null), micro("w", num(5)), micro("r", null))}
	return r.Want(u, txn, list(micro("r", null), micro("w", num(5)), micro("r", num(5))))
}

func severalKeys(r *Rig) error {
	k, none, u := r.Key(), r.Key(), r.User()
	if err := r.Want(u, Write(k, 3), num(3)); err != nil {
		return err
	}
	c, err := r.Do(u, history.Event{F: history.FRead, Keys: []string{k, none}})
	switch {
	case err != nil:
		return err
	case c.Err.Code == history.CrossShard || c.Err.Code == history.Unsupported:
		return lacks("read of several keys: " + c.Err.Code.String())
	case !c.Value.Equal(list(num(3), null)):
		return fmt.Errorf("read of %s and %s gave %v %v", k, none, c.Value, c.Err)
	}
	return nil
}

func peek(r *Rig) error {
	k := r.Key()
	if err := r.Want(r.User(), Write(k, 4), num(4)); err != nil {
		return err
	}
	for _, node := range r.Nodes() {
		if err := r.holds(node, k, 4); err != nil {
			return err
		}
		c, err := r.Do(r.User(), Peek(k, node))
		if err != nil || c.Node != node {
			return fmt.Errorf("a peek at %s was answered by %q %v", node, c.Node, err)
		}
	}
	return nil
}

func refusals(r *Rig) error {
	for _, c := range []struct {
		ev   history.Event
		want history.Code
	}{
		{history.Event{F: "swap", Key: "k"}, history.Unsupported},
		{history.Event{F: history.FRead}, history.BadRequest},
		{history.Event{F: history.FPeek, Key: "k"}, history.BadRequest},
		{history.Event{F: history.FCAS, Key: "k", Value: num(1)}, history.BadRequest},
	} {
		got, err := r.Do(r.User(), c.ev)
		if err != nil {
			return err
		}
		if got.Err.Code != c.want || got.Err.Text == "" {
			return fmt.Errorf("%s %q %v ended with %v %q, want %v and a reason", c.ev.F, c.ev.Key, c.ev.Value,
				got.Err.Code, got.Err.Text, c.want)
		}
	}
	return nil
}

// leader returns who leads, by the word of the nodes with the highest epoch; without leaders, the last node.
func (r *Rig) leader() (string, error) {
	if r.opts.Leaderless {
		return r.Nodes()[len(r.Nodes())-1], nil
	}
	reader, ok := r.Cluster.(targets.StatusReader)
	if !ok {
		return "", lacks("StatusReader")
	}
	best := targets.NodeStatus{}
	for _, s := range reader.Status() {
		if s.Up && s.Role == "leader" && s.Epoch >= best.Epoch {
			best = s
		}
	}
	if best.Node == "" {
		return "", errors.New("no node says that it leads")
	}
	return best.Node, nil
}

func status(r *Rig) error {
	reader, ok := r.Cluster.(targets.StatusReader)
	if !ok {
		return lacks("StatusReader")
	}
	return r.Until(r.opts.Settle, func() error {
		leaders := 0
		all := reader.Status()
		for i, s := range all {
			if s.Node != r.Nodes()[i] || !s.Up || s.Role == "" || s.Epoch == 0 {
				return fmt.Errorf("the status of %s is %+v", r.Nodes()[i], s)
			}
			if s.Role == "leader" {
				leaders++
			}
		}
		if r.opts.Leaderless {
			leaders = 1 - leaders // none
		}
		if len(all) != len(r.Nodes()) || leaders != 1 {
			return fmt.Errorf("%d leaders among %+v", leaders, all)
		}
		return nil
	})
}

func logsThere(r *Rig) error {
	reader, ok := r.Cluster.(targets.LogReader)
	if !ok {
		return lacks("LogReader")
	}
	for _, node := range r.Nodes() {
		log, err := reader.Logs(node)
		if err != nil {
			return err
		}
		if len(log) == 0 {
			return fmt.Errorf("the log of %s is empty", node)
		}
	}
	return nil
}

func promote(r *Rig) error {
	operator, ok := r.Cluster.(targets.Operator)
	if !ok || !r.opts.Promotes {
		return lacks("Operator, in this configuration")
	}
	leader, err := r.leader()
	if err != nil {
		return err
	}
	other := r.others(leader)[0]
	return r.Until(r.opts.Settle, func() error {
		if err := operator.Promote(other); err != nil {
			return err
		}
		r.Pass(r.opts.Settle / 30)
		now, err := r.leader()
		if err == nil && now != other {
			err = fmt.Errorf("%s was promoted, and %s leads", other, now)
		}
		return err
	})
}

// others returns the nodes but one.
func (r *Rig) others(node string) []string {
	return slices.DeleteFunc(r.Nodes(), func(n string) bool { return n == node })
}

// holds waits until a node holds a number.
func (r *Rig) holds(node, key string, n int64) error {
	return r.Until(r.opts.Settle, func() error { return r.Want(r.User(), Peek(key, node), num(n)) })
}
