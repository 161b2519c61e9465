package etcd

import (
	"fmt"
	"slices"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rashomon-harness/rashomon/history"
)

// source is the source of versions: etcd counts one revision for the whole store.
const source = "etcd"

// call is an operation of the history as etcd's client carries it out, in one request.
type call struct {
	op     clientv3.Op
	writes bool   // it has effects
	home   bool   // it asks the session's own node; others ask any
	node   string // the node that it addresses or is near to, "" for the session's own
	// answer returns the value that the operation completes with, and the revision that it read or wrote; 0
	// for none.
	answer func(r clientv3.OpResponse) (history.Value, int64)
}

// compile makes the call of an operation, or returns why etcd cannot make sense of it. serializable is how
// reads that are no peeks are served: by the node alone.
func compile(inv *history.Event, nodes []string, serializable bool) (call, history.Error) {
	if inv.Node != "" && !slices.Contains(nodes, inv.Node) {
		return call{}, bad("there is no node named %q: the nodes are %v", inv.Node, nodes)
	}
	c, err := compileOf(inv, readOptions(serializable || inv.F == history.FPeek))
	c.node = inv.Node
	return c, err
}

// readOptions returns the options of a get.
func readOptions(serializable bool) []clientv3.OpOption {
	if serializable {
		return []clientv3.OpOption{clientv3.WithSerializable()}
	}
	return nil
}

func compileOf(inv *history.Event, read []clientv3.OpOption) (call, history.Error) {
	switch inv.F {
	case history.FTxn:
		return compileTxn(inv, read)
	case history.FRead, history.FPeek, history.FWrite, history.FDelete, history.FCAS:
	default:
		return call{}, history.Error{Code: history.Unsupported, Text: "etcd has no operation " + inv.F}
	}
	if inv.F == history.FPeek && inv.Node == "" {
		return call{}, bad("a peek addresses a node")
	}
	if inv.F == history.FRead && len(inv.Keys) > 0 {
		return compileReads(inv.Keys, read)
	}
	if inv.Key == "" {
		return call{}, bad("%s needs a key", inv.F)
	}
	switch inv.F {
	case history.FWrite:
		return compileWrite(inv.Key, inv.Value)
	case history.FDelete:
		return compileWrite(inv.Key, history.Value{})
	case history.FCAS:
		return compileCAS(inv.Key, inv.Value)
	}
	return call{op: clientv3.OpGet(inv.Key, read...), home: true,
		answer: func(r clientv3.OpResponse) (history.Value, int64) {
			return held((*clientv3.GetResponse)(r.Get()))
		}}, history.Error{}
}

func bad(format string, args ...any) history.Error {
	return history.Error{Code: history.BadRequest, Text: fmt.Sprintf(format, args...)}
}

// compileReads reads several keys at one revision.
func compileReads(keys []string, read []clientv3.OpOption) (call, history.Error) {
	gets := make([]clientv3.Op, len(keys))
	for i, key := range keys {
		if key == "" {
			return call{}, bad("a key is empty")
		}
		gets[i] = clientv3.OpGet(key, read...)
	}
	return call{op: clientv3.OpTxn(nil, gets, nil), home: true,
		answer: func(r clientv3.OpResponse) (history.Value, int64) {
			values := make([]history.Value, len(keys))
			for i := range keys {
				values[i], _ = part(r.Txn(), i)
			}
			return history.ListValue(values...), r.Txn().Header.GetRevision()
		}}, history.Error{}
}

// compileWrite sets a key. "No value" is no key.
func compileWrite(key string, v history.Value) (call, history.Error) {
	op, problem := set(key, v)
	return call{op: op, writes: true, answer: func(r clientv3.OpResponse) (history.Value, int64) {
		if put := r.Put(); put != nil {
			return v, put.Header.GetRevision()
		}
		if del := r.Del(); del.Deleted > 0 {
			return v, del.Header.GetRevision()
		}
		return v, 0
	}}, problem
}

// set returns the request that makes a key hold a value.
func set(key string, v history.Value) (clientv3.Op, history.Error) {
	if v.IsNull() {
		return clientv3.OpDelete(key), history.Error{}
	}
	text, err := encode(v)
	if err != nil {
		return clientv3.Op{}, bad("%v", err)
	}
	return clientv3.OpPut(key, text), history.Error{}
}

// compileCAS compares and sets: by the value, or by the key's version where no value is expected.
func compileCAS(key string, arg history.Value) (call, history.Error) {
	pair, _ := arg.AsList()
	if len(pair) != 2 {
		return call{}, bad("cas takes the list [old new], not %v", arg)
	}
	is := clientv3.Compare(clientv3.Version(key), "=", 0)
	if old := pair[0]; !old.IsNull() {
		text, err := encode(old)
		if err != nil {
			return call{}, bad("%v", err)
		}
		is = clientv3.Compare(clientv3.Value(key), "=", text)
	}
	then, problem := set(key, pair[1])
	if problem.Code != history.NoError {
		return call{}, problem
	}
	op := clientv3.OpTxn([]clientv3.Cmp{is}, []clientv3.Op{then}, []clientv3.Op{clientv3.OpGet(key)})
	return call{op: op, writes: true, answer: func(r clientv3.OpResponse) (history.Value, int64) {
		if r.Txn().Succeeded {
			return history.BoolValue(true), r.Txn().Header.GetRevision()
		}
		current, revision := part(r.Txn(), 0)
		return history.ListValue(history.BoolValue(false), current), revision
	}}, history.Error{}
}

// compileTxn makes one transaction of a list of [f key value]. Its reads see its own writes.
func compileTxn(inv *history.Event, read []clientv3.OpOption) (call, history.Error) {
	list, ok := inv.Value.AsList()
	if !ok || len(list) == 0 {
		return call{}, bad("txn takes a list of [f key value], not %v", inv.Value)
	}
	c := call{home: true}
	ops := make([]clientv3.Op, len(list))
	for i, m := range list {
		op, writes, problem := compileMicro(m, read)
		if problem.Code != history.NoError {
			return call{}, problem
		}
		ops[i] = op
		c.writes = c.writes || writes
	}
	c.op, c.home = clientv3.OpTxn(nil, ops, nil), !c.writes
	c.answer = func(r clientv3.OpResponse) (history.Value, int64) {
		out := slices.Clone(list)
		for i, m := range out {
			parts, _ := m.AsList()
			if f, _ := parts[0].AsString(); f == "r" {
				value, _ := part(r.Txn(), i)
				out[i] = history.ListValue(parts[0], parts[1], value)
			}
		}
		return history.ListValue(out...), r.Txn().Header.GetRevision()
	}
	return c, history.Error{}
}

func compileMicro(m history.Value, read []clientv3.OpOption) (op clientv3.Op, writes bool, _ history.Error) {
	parts, _ := m.AsList()
	if len(parts) != 3 {
		return op, false, bad("a micro-operation is a list [f key value], not %v", m)
	}
	f, _ := parts[0].AsString()
	key, _ := parts[1].AsString()
	switch {
	case f == "append":
		return op, false, history.Error{Code: history.Unsupported, Text: "etcd cannot append"}
	case f != "r" && f != "w" || key == "":
		return op, false, bad("a micro-operation is [r key null] or [w key value], not %v", m)
	case f == "r":
		return clientv3.OpGet(key, read...), false, history.Error{}
	}
	op, problem := set(key, parts[2])
	return op, true, problem
}

// part returns what the i-th request of a transaction, a get, found.
func part(r *clientv3.TxnResponse, i int) (history.Value, int64) {
	if i >= len(r.Responses) || r.Responses[i].GetResponseRange() == nil {
		return history.Value{}, 0
	}
	return held((*clientv3.GetResponse)(r.Responses[i].GetResponseRange()))
}

// held returns the value of the key that a get asked for, and the revision that wrote it.
func held(r *clientv3.GetResponse) (history.Value, int64) {
	if len(r.Kvs) == 0 {
		return history.Value{}, 0
	}
	return decode(r.Kvs[0].Value), r.Kvs[0].ModRevision
}
