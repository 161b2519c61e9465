package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// Request is a client's request as JSON: the body of POST /v1/request.
type Request struct {
	Shard int32 `json:"shard"`
	// of writes: in which the client takes the node for the leader
	Epoch   uint64     `json:"epoch,omitempty"`
	Attempt uint64     `json:"attempt,omitempty"` // echoed in the answer
	Client  uint64     `json:"client"`            // with seq it names the request, also over several attempts
	Seq     uint64     `json:"seq"`
	Op      string     `json:"op"` // read, write, cas, append, delete, txn, peek, ..
	Local   bool       `json:"local,omitempty"`
	Key     string     `json:"key,omitempty"`
	Keys    []string   `json:"keys,omitempty"`
	Old     Value      `json:"old,omitzero"`
	Value   Value      `json:"value,omitzero"`
	Txn     []Micro    `json:"txn,omitempty"`
	Token   []Position `json:"token,omitempty"`
	Object  string     `json:"object,omitempty"` // base64 of the binary form
	Hint    int32      `json:"hint,omitempty"`
}

// Micro is one operation of a transaction as JSON.
type Micro struct {
	Op    string `json:"op"`
	Key   string `json:"key"`
	Value Value  `json:"value,omitzero"`
}

// Reply is the answer to a Request as JSON. Error is the name of an error code, "" when all went well.
type Reply struct {
	Shard   int32      `json:"shard"`
	Attempt uint64     `json:"attempt,omitempty"`
	Seq     uint64     `json:"seq"`
	Error   string     `json:"error,omitempty"`
	Value   Value      `json:"value,omitzero"`
	Values  []Value    `json:"values,omitempty"`
	At      Position   `json:"at,omitzero"`
	Token   []Position `json:"token,omitempty"`
	Causes  []Position `json:"causes,omitempty"`
	Leader  *int32     `json:"leader,omitempty"` // where to go instead, if the node knows
	By      int32      `json:"by"`
	Of      int32      `json:"of"` // shard of the version read or written
	Epoch   uint64     `json:"epoch,omitempty"`
	Index   int64      `json:"index,omitempty"`
	Acks    uint64     `json:"acks,omitempty"`
	Quorum  string     `json:"quorum,omitempty"` // base64 of what a coordinator says, in its binary form
}

// Leader is who leads a shard as JSON: the answer to GET /v1/leader?shard=N. Leader is missing when the node
// knows of none.
type Leader struct {
	Shard  int32  `json:"shard"`
	Leader *int32 `json:"leader,omitempty"`
	Epoch  uint64 `json:"epoch"`
}

// Position is a position of a log as JSON: [shard, epoch, index].
type Position refimpl.Position

// MarshalJSON implements json.Marshaler.
func (p Position) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "[%d,%d,%d]", p.Shard, p.Epoch, p.Index), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *Position) UnmarshalJSON(b []byte) error {
	var parts []json.Number
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) != 3 {
		return fmt.Errorf("a position is [shard, epoch, index], not %s", b)
	}
	shard, err1 := strconv.ParseInt(parts[0].String(), 10, 32)
	epoch, err2 := strconv.ParseUint(parts[1].String(), 10, 64)
	index, err3 := strconv.ParseInt(parts[2].String(), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return fmt.Errorf("a position is [shard, epoch, index], not %s", b)
	}
	*p = Position{Shard: int32(shard), Epoch: epoch, Index: index}
	return nil
}

// Value is a value of the store as JSON: null, a whole number, true or false, a text, a list.
type Value refimpl.Value

// IsZero reports whether there is no value, for omitzero.
func (v Value) IsZero() bool { return v.Kind == refimpl.Nil }

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return appendJSON(nil, (*refimpl.Value)(&v)) }

func appendJSON(b []byte, v *refimpl.Value) ([]byte, error) {
	switch v.Kind {
	case refimpl.Int:
		return strconv.AppendInt(b, v.Num, 10), nil
	case refimpl.Bool:
		return strconv.AppendBool(b, v.Num != 0), nil
	case refimpl.Str:
		text, err := json.Marshal(v.Text)
		return append(b, text...), err
	case refimpl.List:
		b = append(b, '[')
		var err error
		for i := range v.List {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendJSON(b, &v.List[i]); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	}
	return append(b, "null"...), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *Value) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return err
	}
	out, err := fromTree(tree, 0)
	*v = Value(out)
	return err
}

// answerDepth is how much deeper than what was asked with an answer can be: [false [current]].
const answerDepth = 2

var errTooDeep = fmt.Errorf("lists are nested more than %d deep", maxDepth)

// tooDeep reports whether lists in v are nested more than most deep.
func tooDeep(v *refimpl.Value, most int) bool {
	if v.Kind != refimpl.List {
		return false
	}
	if most == 0 {
		return true
	}
	for i := range v.List {
		if tooDeep(&v.List[i], most-1) {
			return true
		}
	}
	return false
}

func fromTree(tree any, depth int) (refimpl.Value, error) {
	switch t := tree.(type) {
	case nil:
		return refimpl.Value{}, nil
	case bool:
		v := refimpl.Value{Kind: refimpl.Bool}
		if t {
			v.Num = 1
		}
		return v, nil
	case string:
		return refimpl.Value{Kind: refimpl.Str, Text: t}, nil
	case json.Number:
		n, err := strconv.ParseInt(t.String(), 10, 64)
		if err != nil {
			return refimpl.Value{}, fmt.Errorf("%s is no whole number of 64 bits", t)
		}
		return refimpl.Value{Kind: refimpl.Int, Num: n}, nil
	case []any:
		if depth == maxDepth+answerDepth {
			return refimpl.Value{}, errTooDeep
		}
		v := refimpl.Value{Kind: refimpl.List, List: make([]refimpl.Value, len(t))}
		var err error
		for i := range t {
			if v.List[i], err = fromTree(t[i], depth+1); err != nil {
				return refimpl.Value{}, err
			}
		}
		return v, nil
	}
	return refimpl.Value{}, fmt.Errorf("the store has no values such as objects")
}
