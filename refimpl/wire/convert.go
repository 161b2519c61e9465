package wire

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// opNames has the names of the operations in JSON.
var opNames = [...]string{refimpl.OpRead: "read", refimpl.OpWrite: "write", refimpl.OpCAS: "cas",
	refimpl.OpAppend: "append", refimpl.OpDelete: "delete", refimpl.OpTxn: "txn", refimpl.OpPeek: "peek",
	refimpl.OpAdd: "add", refimpl.OpRemove: "remove", refimpl.OpIncr: "incr", refimpl.OpFetch: "fetch",
	refimpl.OpStore: "store", refimpl.OpUndo: "undo"}

// ToRequest returns the JSON form of a message of kind refimpl.MsgRequest.
func ToRequest(m *refimpl.Message) *Request {
	r := m.Req
	out := &Request{Shard: m.Shard, Epoch: m.Epoch, Attempt: m.Seq, Client: r.Client, Seq: r.Seq,
		Op: opNames[r.Op], Local: r.Local, Key: r.Key, Keys: r.Keys, Old: Value(r.Old), Value: Value(r.Value),
		Token: toPositions(r.Token), Object: toObject(r.Object), Hint: int32(r.Hint)}
	for i := range r.Txn {
		t := &r.Txn[i]
		out.Txn = append(out.Txn, Micro{Op: opNames[t.Op], Key: t.Key, Value: Value(t.Value)})
	}
	return out
}

// Message returns the request as the message that a node takes. The error says what is wrong with it.
func (r *Request) Message() (refimpl.Message, error) {
	op, err := opNamed(r.Op)
	if err != nil {
		return refimpl.Message{}, err
	}
	req := &refimpl.Request{Client: r.Client, Seq: r.Seq, Op: op, Local: r.Local, Key: r.Key, Keys: r.Keys,
		Old: refimpl.Value(r.Old), Value: refimpl.Value(r.Value), Token: fromPositions(r.Token),
		Hint: refimpl.Addr(r.Hint)}
	if req.Object, err = fromObject(r.Object, op); err != nil {
		return refimpl.Message{}, fmt.Errorf("object: %w", err)
	}
	if tooDeep(&req.Old, maxDepth) || tooDeep(&req.Value, maxDepth) {
		return refimpl.Message{}, errTooDeep
	}
	for i := range r.Txn {
		t := &r.Txn[i]
		if tooDeep((*refimpl.Value)(&t.Value), maxDepth) {
			return refimpl.Message{}, errTooDeep
		}
		micro, err := opNamed(t.Op)
		if err != nil {
			return refimpl.Message{}, err
		}
		if micro != refimpl.OpRead && micro != refimpl.OpWrite && micro != refimpl.OpAppend {
			return refimpl.Message{},
				fmt.Errorf("op %q is not allowed in a txn; allowed: read, write, append", t.Op)
		}
		req.Txn = append(req.Txn, refimpl.Micro{Op: micro, Key: t.Key, Value: refimpl.Value(t.Value)})
	}
	if err := complete(req, r.Op); err != nil {
		return refimpl.Message{}, err
	}
	return refimpl.Message{Kind: refimpl.MsgRequest, Shard: r.Shard, Epoch: r.Epoch, Seq: r.Attempt,
		Req: req}, nil
}

// complete returns an error when a request lacks what its operation works on.
func complete(r *refimpl.Request, name string) error {
	lists := r.Op == refimpl.OpRead || r.Op == refimpl.OpPeek
	switch {
	case r.Op == refimpl.OpTxn && len(r.Txn) == 0:
		return fmt.Errorf("a txn needs at least one operation in the list txn")
	case r.Op == refimpl.OpTxn:
		return nil
	case r.Key == "" && len(r.Keys) == 0:
		return fmt.Errorf("%s needs a key", name)
	case r.Key == "" && !lists:
		return fmt.Errorf("%s needs one key, in the field key; only read and peek take the list keys", name)
	case (r.Op == refimpl.OpStore || r.Op == refimpl.OpUndo) && r.Object == nil:
		return fmt.Errorf("%s needs an object", name)
	case r.Op == refimpl.OpIncr && r.Value.Kind != refimpl.Int:
		return fmt.Errorf("incr needs a whole number as its value")
	}
	return nil
}

func opNamed(name string) (refimpl.OpKind, error) {
	op := slices.Index(opNames[:], name)
	if op < 0 {
		return 0, fmt.Errorf("op %q is unknown; allowed: %s", name, strings.Join(opNames[:], ", "))
	}
	return refimpl.OpKind(op), nil
}

// ToReply returns the JSON form of a message of kind refimpl.MsgReply.
func ToReply(m *refimpl.Message) *Reply {
	r := m.Reply
	out := &Reply{Shard: m.Shard, Attempt: m.Seq, Seq: r.Seq, Value: Value(r.Value), At: Position(r.At),
		Token: toPositions(r.Token), Causes: toPositions(r.Causes), Leader: toLeader(r.Leader),
		By: int32(r.By), Of: r.Shard, Epoch: r.Epoch, Index: r.Index, Acks: r.Acks, Quorum: toQuorum(r)}
	if r.Err != refimpl.ErrNone {
		out.Error = r.Err.String()
	}
	for _, v := range r.Values {
		out.Values = append(out.Values, Value(v))
	}
	return out
}

// Message returns the answer as the message that a client takes.
func (r *Reply) Message() (refimpl.Message, error) {
	code, err := codeNamed(r.Error)
	if err != nil {
		return refimpl.Message{}, err
	}
	reply := &refimpl.Reply{Seq: r.Seq, Err: code, Value: refimpl.Value(r.Value), At: refimpl.Position(r.At),
		Token: fromPositions(r.Token), Causes: fromPositions(r.Causes), Leader: fromLeader(r.Leader),
		By: refimpl.Addr(r.By), Shard: r.Of, Epoch: r.Epoch, Index: r.Index, Acks: r.Acks}
	if err := fromQuorum(r.Quorum, reply); err != nil {
		return refimpl.Message{}, err
	}
	for _, v := range r.Values {
		reply.Values = append(reply.Values, refimpl.Value(v))
	}
	return refimpl.Message{Kind: refimpl.MsgReply, Shard: r.Shard, Seq: r.Attempt, Reply: reply}, nil
}

func codeNamed(name string) (refimpl.ErrCode, error) {
	if name == "" {
		return refimpl.ErrNone, nil
	}
	for c := refimpl.ErrNone + 1; c < refimpl.NumErrCodes; c++ {
		if c.String() == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("the node answered with an error unknown here: %q", name)
}

// ToLeader returns the JSON form of a message of kind refimpl.MsgTell.
func ToLeader(m *refimpl.Message) *Leader {
	return &Leader{Shard: m.Shard, Leader: toLeader(m.Leader), Epoch: m.Epoch}
}

// Message returns the answer as the message that a client takes.
func (l *Leader) Message() refimpl.Message {
	return refimpl.Message{Kind: refimpl.MsgTell, Shard: l.Shard, Leader: fromLeader(l.Leader),
		Epoch: l.Epoch}
}

func toLeader(a refimpl.Addr) *int32 {
	if a == refimpl.Nobody {
		return nil
	}
	n := int32(a)
	return &n
}

func fromLeader(n *int32) refimpl.Addr {
	if n == nil {
		return refimpl.Nobody
	}
	return refimpl.Addr(*n)
}

func toPositions(list []refimpl.Position) []Position {
	var out []Position
	for _, p := range list {
		out = append(out, Position(p))
	}
	return out
}

func fromPositions(list []Position) []refimpl.Position {
	var out []refimpl.Position
	for _, p := range list {
		out = append(out, refimpl.Position(p))
	}
	return out
}
