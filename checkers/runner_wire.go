package checkers

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"

	"github.com/rashomon-harness/rashomon/history"
)

// wireJob is a Job between two processes of one build, in the encoding of package gob: it keeps every string
// and every integer as it is.
type wireJob struct {
	Model   string
	Limits  Limits
	Witness bool
	Refuted int64
	Ops     []wireOp
}

// wireOp has the fields of an operation that the engine looks at.
type wireOp struct {
	Call, Return int64
	Arg, Result  wireValue
	F, Session   string
	Process      int32
	Invoked      int
	Type         history.Type
	Keys         int // how many
}

// wireValue is a history.Value. A map's list has key, value, key, value, ..
type wireValue struct {
	Kind history.Kind
	Int  int64
	Text string
	List []wireValue
}

// Encode writes the job for DecodeJob in another process of the same build.
func (j *Job) Encode(w io.Writer) error {
	wire := wireJob{Model: j.Model, Limits: j.Limits, Witness: j.Witness, Refuted: j.Refuted,
		Ops: make([]wireOp, len(j.Ops))}
	for i := range j.Ops {
		op := &j.Ops[i]
		wire.Ops[i] = wireOp{Call: op.Call, Return: op.Return, Arg: toWire(op.Arg), Result: toWire(op.Result),
			F: op.F, Session: op.Session, Process: op.Process, Invoked: op.Invoked, Type: op.Type,
			Keys: len(op.Keys)}
	}
	if err := gob.NewEncoder(w).Encode(&wire); err != nil {
		return fmt.Errorf("write a search job: %w", err)
	}
	return nil
}

// What DecodeJob reads at most: bytes, and keys of one operation.
const (
	maxJob  = 1 << 30
	maxKeys = 1 << 20
)

// DecodeJob reads a job that Encode wrote. Of keys it knows how many there were, not their names.
func DecodeJob(r io.Reader) (*Job, error) {
	var wire wireJob
	limited := &io.LimitedReader{R: r, N: maxJob}
	if err := gob.NewDecoder(limited).Decode(&wire); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read a search job: %w", err)
	}
	job := &Job{Model: wire.Model, Limits: wire.Limits, Witness: wire.Witness, Refuted: wire.Refuted,
		Ops: make([]history.Op, len(wire.Ops))}
	for i := range wire.Ops {
		op := &wire.Ops[i]
		arg, errArg := fromWire(&op.Arg)
		result, errResult := fromWire(&op.Result)
		if errArg != nil || errResult != nil || op.Keys < 0 || op.Keys > maxKeys {
			return nil, fmt.Errorf("read a search job: operation %d: %w", i, errWire)
		}
		job.Ops[i] = history.Op{Index: i, Invoked: op.Invoked, Done: -1, Process: op.Process,
			Session: op.Session, F: op.F, Arg: arg, Result: result, Call: op.Call, Return: op.Return,
			Type: op.Type}
		if op.Keys > 0 {
			job.Ops[i].Keys = make([]string, op.Keys)
		}
	}
	return job, nil
}

var errWire = errors.New("no operation that this build writes")

func toWire(v history.Value) wireValue {
	w := wireValue{Kind: v.Kind()}
	switch w.Kind {
	case history.Int:
		w.Int, _ = v.AsInt()
	case history.Bool:
		if yes, _ := v.AsBool(); yes {
			w.Int = 1
		}
	case history.String:
		w.Text, _ = v.AsString()
	case history.List:
		list, _ := v.AsList()
		for _, e := range list {
			w.List = append(w.List, toWire(e))
		}
	case history.Map:
		for key, e := range v.Entries {
			w.List = append(w.List, toWire(history.StringValue(key)), toWire(e))
		}
	}
	return w
}

func fromWire(w *wireValue) (v history.Value, err error) {
	switch w.Kind {
	case history.Null:
		return v, nil
	case history.Int:
		return history.IntValue(w.Int), nil
	case history.Bool:
		return history.BoolValue(w.Int != 0), nil
	case history.String:
		return history.StringValue(w.Text), nil
	}
	list := make([]history.Value, len(w.List))
	for i := range w.List {
		if list[i], err = fromWire(&w.List[i]); err != nil {
			return v, err
		}
	}
	switch {
	case w.Kind == history.List:
		return history.ListValue(list...), nil
	case w.Kind != history.Map || len(list)%2 != 0:
		return v, errWire
	}
	entries := make(map[string]history.Value, len(list)/2)
	for i := 0; i < len(list); i += 2 {
		key, _ := list[i].AsString()
		entries[key] = list[i+1]
	}
	return history.MapValue(entries), nil
}
