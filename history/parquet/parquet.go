// Package parquet writes a history as a Parquet file, for notebooks and databases that read columns: a row
// an operation.
package parquet

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/rashomon-harness/rashomon/history"
)

// Row is one operation. Times are nanoseconds since the start of the run. Values are JSON; an integer also
// stands in a column of its own, so that it can be compared and counted without parsing.
type Row struct {
	Index     int64    `parquet:"index,delta"`
	Process   int32    `parquet:"process"`
	Session   string   `parquet:"session,dict"`
	Device    string   `parquet:"device,dict"`
	F         string   `parquet:"f,dict"`
	Key       string   `parquet:"key,dict"` // "" for an operation over several
	Keys      []string `parquet:"keys,list"`
	Arg       *string  `parquet:"arg,optional"`
	ArgInt    *int64   `parquet:"arg_int,optional"`
	Type      string   `parquet:"type,dict"` // ok, fail or info
	Result    *string  `parquet:"result,optional"`
	ResultInt *int64   `parquet:"result_int,optional"`
	Call      int64    `parquet:"call_ns,delta"`
	Return    *int64   `parquet:"return_ns,optional"` // missing unless ok or fail
	Node      string   `parquet:"node,dict"`
	ErrorCode string   `parquet:"error_code,dict"`
	ErrorText string   `parquet:"error_text,dict"`
	Op        string   `parquet:"op"`                // the operation's id in the plan, "3.17"
	Evidence  *string  `parquet:"evidence,optional"` // JSON, as in the recorded history
	Invoked   int64    `parquet:"invoke_event,delta"`
	Done      *int64   `parquet:"done_event,optional"`
}

// batch is how many rows are handed over at a time.
const batch = 4096

// Write writes the operations of h, by call. The file's metadata has the header, faults and phases of the
// run as JSON ("rashomon.header", "rashomon.faults", "rashomon.phases"). The error is that of writing.
func Write(w io.Writer, h *history.History) error {
	out := parquet.NewGenericWriter[Row](w, parquet.Compression(&parquet.Zstd),
		parquet.CreatedBy("rashomon", h.Header.Build, ""))
	out.SetKeyValueMetadata("rashomon.header", string(history.AppendHeader(nil, &h.Header)))
	for _, part := range []struct {
		name  string
		value any
	}{{"faults", faults(h)}, {"phases", phases(h)}} {
		text, err := json.Marshal(part.value)
		if err != nil {
			return fmt.Errorf("write a Parquet file: the %s: %w", part.name, err)
		}
		out.SetKeyValueMetadata("rashomon."+part.name, string(text))
	}
	rows := make([]Row, 0, batch)
	for i := range h.Len() {
		rows = append(rows, rowOf(h, i))
		if len(rows) < batch && i < h.Len()-1 {
			continue
		}
		if _, err := out.Write(rows); err != nil {
			return fmt.Errorf("write a Parquet file: %w", err)
		}
		rows = rows[:0]
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write a Parquet file: %w", err)
	}
	return nil
}

// fault is a fault as it stands in the metadata.
type fault struct {
	ID      string          `json:"id"`
	Family  string          `json:"family"`
	What    json.RawMessage `json:"what"`
	Outcome string          `json:"outcome"`
	From    int64           `json:"from_ns"`
	To      *int64          `json:"to_ns"` // null when it was not healed
}

func faults(h *history.History) []fault {
	out := make([]fault, len(h.Faults))
	for i, f := range h.Faults {
		out[i] = fault{f.ID, f.Family, history.AppendValue(nil, f.What), f.Outcome, f.From, unlessNever(f.To)}
	}
	return out
}

// phase is a phase of the run as it stands in the metadata.
type phase struct {
	Name string `json:"name"`
	From int64  `json:"from_ns"`
	To   *int64 `json:"to_ns"` // null for the last
}

func phases(h *history.History) []phase {
	out := make([]phase, len(h.Phases))
	for i, p := range h.Phases {
		out[i] = phase{p.Name, p.From, unlessNever(p.To)}
	}
	return out
}

// unlessNever returns a time, nil for Never.
func unlessNever(t int64) *int64 {
	if t == history.Never {
		return nil
	}
	return &t
}

// rowOf returns operation i as a row.
func rowOf(h *history.History, i int) Row {
	op := h.Op(i)
	row := Row{Index: int64(i), Process: op.Process, Session: op.Session, Device: op.Device, F: op.F,
		Key: op.Key, Keys: op.Keys, Type: op.Type.String(), Call: op.Call, Return: unlessNever(op.Return),
		Node: op.Node, ErrorCode: op.Err.Code.String(), ErrorText: op.Err.Text, Op: op.ID.String(),
		Invoked: int64(op.Invoked)}
	row.Arg, row.ArgInt = valueOf(op.Arg)
	row.Result, row.ResultInt = valueOf(op.Result)
	if op.Ev != nil {
		text := string(history.AppendEvidence(nil, op.Ev))
		row.Evidence = &text
	}
	if op.Done >= 0 {
		done := int64(op.Done)
		row.Done = &done
	}
	return row
}

// valueOf returns a value as JSON, and as an integer when it is one; nothing for null.
func valueOf(v history.Value) (text *string, n *int64) {
	if v.IsNull() {
		return nil, nil
	}
	if i, isInt := v.AsInt(); isInt {
		s := strconv.FormatInt(i, 10)
		return &s, &i
	}
	s := string(history.AppendValue(nil, v))
	return &s, nil
}
