package reference

import (
	"fmt"
	"unicode/utf8"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
)

// ops maps the functions of the history that the store offers.
var ops = map[string]refimpl.OpKind{
	history.FRead:   refimpl.OpRead,
	history.FWrite:  refimpl.OpWrite,
	history.FCAS:    refimpl.OpCAS,
	history.FAppend: refimpl.OpAppend,
	history.FDelete: refimpl.OpDelete,
	history.FTxn:    refimpl.OpTxn,
	history.FAdd:    refimpl.OpAdd,
	history.FRemove: refimpl.OpRemove,
	history.FIncr:   refimpl.OpIncr,
	history.FPeek:   refimpl.OpPeek,
}

// Call makes the store's call of an operation, or returns why the store cannot make sense of it.
func (m *Mapper) Call(inv *history.Event, call *client.Call) history.Error {
	kind, ok := ops[inv.F]
	if !ok {
		return history.Error{Code: history.Unsupported, Text: "the store has no operation " + inv.F}
	}
	*call = client.Call{Op: kind, Key: inv.Key, Keys: inv.Keys, Near: refimpl.Nobody}
	if inv.Node != "" {
		near, err := m.Node(inv.Node)
		if err != nil {
			return bad("%v", err)
		}
		call.Near = near
	}
	if kind == refimpl.OpPeek && call.Near == refimpl.Nobody {
		return bad("a peek addresses a node")
	}
	if inv.Key == "" && len(inv.Keys) == 0 && kind != refimpl.OpTxn {
		return bad("%s needs a key", inv.F)
	}
	if inv.Key == "" && kind != refimpl.OpRead && kind != refimpl.OpPeek && kind != refimpl.OpTxn {
		return bad("%s takes one key, not the list %q; only read and peek take several", inv.F, inv.Keys)
	}
	switch kind {
	case refimpl.OpWrite, refimpl.OpAppend, refimpl.OpAdd, refimpl.OpRemove:
		return toStore(inv.Value, &call.Value)
	case refimpl.OpIncr:
		return convertIncr(inv.Value, call)
	case refimpl.OpCAS:
		return convertCAS(inv.Value, call)
	case refimpl.OpTxn:
		return convertTxn(inv.Value, call)
	}
	return history.Error{}
}

func bad(format string, args ...any) history.Error {
	return history.Error{Code: history.BadRequest, Text: fmt.Sprintf(format, args...)}
}

func convertCAS(arg history.Value, call *client.Call) history.Error {
	pair, ok := arg.AsList()
	if !ok || len(pair) != 2 {
		return bad("cas takes the list [old new], not %v", arg)
	}
	if problem := toStore(pair[0], &call.Old); problem.Code != history.NoError {
		return problem
	}
	return toStore(pair[1], &call.Value)
}

// convertIncr reads an integer, 1 when there is none.
func convertIncr(arg history.Value, call *client.Call) history.Error {
	if arg.Kind() == history.Null {
		call.Value = refimpl.Value{Kind: refimpl.Int, Num: 1}
		return history.Error{}
	}
	if arg.Kind() != history.Int {
		return bad("incr takes an integer, not %v", arg)
	}
	return toStore(arg, &call.Value)
}

// convertTxn makes the micro-operations of a list of [f key value].
func convertTxn(arg history.Value, call *client.Call) history.Error {
	list, ok := arg.AsList()
	if !ok || len(list) == 0 {
		return bad("txn takes a list of [f key value], not %v", arg)
	}
	call.Txn = make([]refimpl.Micro, len(list))
	for i, m := range list {
		parts, _ := m.AsList()
		if len(parts) != 3 {
			return bad("a micro-operation is a list [f key value], not %v", m)
		}
		f, _ := parts[0].AsString()
		key, isText := parts[1].AsString()
		kind, known := microOps[f]
		if !known || !isText {
			return bad(`a micro-operation is [r key null], [w key value] or [append key value], not %v`, m)
		}
		call.Txn[i] = refimpl.Micro{Op: kind, Key: key}
		if kind == refimpl.OpRead {
			continue
		}
		if problem := toStore(parts[2], &call.Txn[i].Value); problem.Code != history.NoError {
			return problem
		}
	}
	return history.Error{}
}

var microOps = map[string]refimpl.OpKind{
	"r": refimpl.OpRead, "w": refimpl.OpWrite, "append": refimpl.OpAppend,
}

// result returns the value that an operation that went well completes with.
func result(op *Operation, r *refimpl.Reply) history.Value {
	switch op.f {
	case history.FWrite, history.FAppend, history.FAdd, history.FRemove, history.FIncr:
		return op.arg
	case history.FTxn:
		return txnResult(op.arg, r)
	case history.FDelete:
		return history.Value{}
	}
	if op.keys {
		return fromStoreList(r.Values)
	}
	return fromStore(r.Value)
}

// txnResult returns the transaction's list with the values of its reads filled in.
func txnResult(arg history.Value, r *refimpl.Reply) history.Value {
	list, _ := arg.AsList()
	out := make([]history.Value, len(list))
	for i, m := range list {
		out[i] = m
		parts, _ := m.AsList()
		if f, _ := parts[0].AsString(); f == "r" && i < len(r.Values) {
			out[i] = history.ListValue(parts[0], parts[1], fromStore(r.Values[i]))
		}
	}
	return history.ListValue(out...)
}

// toStore converts a value of the history. The store has no maps.
func toStore(v history.Value, out *refimpl.Value) history.Error {
	switch v.Kind() {
	case history.Null:
		*out = refimpl.Value{}
	case history.Int:
		n, _ := v.AsInt()
		*out = refimpl.Value{Kind: refimpl.Int, Num: n}
	case history.Bool:
		*out = refimpl.Value{Kind: refimpl.Bool}
		if b, _ := v.AsBool(); b {
			out.Num = 1
		}
	case history.String:
		s, _ := v.AsString()
		if !utf8.ValidString(s) {
			return bad("the store takes texts in UTF-8 only, not %q", s)
		}
		*out = refimpl.Value{Kind: refimpl.Str, Text: s}
	case history.List:
		list, _ := v.AsList()
		*out = refimpl.Value{Kind: refimpl.List, List: make([]refimpl.Value, len(list))}
		for i, e := range list {
			if problem := toStore(e, &out.List[i]); problem.Code != history.NoError {
				return problem
			}
		}
	default:
		return bad("the store has no values such as %v", v)
	}
	return history.Error{}
}

// fromStore converts a value of the store.
func fromStore(v refimpl.Value) history.Value {
	switch v.Kind {
	case refimpl.Int:
		return history.IntValue(v.Num)
	case refimpl.Bool:
		return history.BoolValue(v.Num != 0)
	case refimpl.Str:
		return history.StringValue(v.Text)
	case refimpl.List:
		return fromStoreList(v.List)
	}
	return history.Value{}
}

func fromStoreList(values []refimpl.Value) history.Value {
	list := make([]history.Value, len(values))
	for i, v := range values {
		list[i] = fromStore(v)
	}
	return history.ListValue(list...)
}
