package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
)

// ExplicitVersion is the version of the explicit plan's written form.
const ExplicitVersion = 1

// planForm is a plan as it is written.
type planForm struct {
	Version int         `json:"version"`
	Ops     []opForm    `json:"ops"`
	Faults  []faultForm `json:"faults"`
}

// opForm is an operation as it is written. The names are those of the history's record.
type opForm struct {
	At      int64           `json:"at"`
	ID      string          `json:"op"` // "3.17"
	Session string          `json:"s,omitempty"`
	Device  string          `json:"d,omitempty"`
	F       string          `json:"f"`
	Key     string          `json:"k,omitempty"`
	Keys    []string        `json:"ks,omitempty"`
	Value   json.RawMessage `json:"v,omitempty"`
	Node    string          `json:"node,omitempty"`
}

// faultForm is a fault as it is written.
type faultForm struct {
	At      int64  `json:"at"`
	For     int64  `json:"for"`
	ID      string `json:"id"`
	Family  string `json:"family"`
	Shape   string `json:"shape,omitempty"`
	Targets string `json:"targets,omitempty"`
	Clients string `json:"clients,omitempty"`
	Amount  int64  `json:"amount,omitempty"`
	Pick    uint64 `json:"pick,omitempty"`
}

// WriteExplicit writes the plan as one JSON object that ReadExplicit reads back:
//
//	{"version": 1,
//	"ops": [
//	{"at":1203000,"op":"3.17","s":"s3","d":"d1","f":"write","k":"k7","v":42,"node":"n2"},
//	{"at":1204000,"op":"4.2","s":"s4","f":"read","ks":["q7","r7"]}
//	],
//	"faults": [
//	{"at":5000000,"for":3000000000,"id":"f1.1","family":"partition","shape":"halves","pick":7}
//	]}
//
// Every operation and every fault has a line of its own, so that two plans can be compared line by line.
// Empty fields are left out. Times are nanoseconds.
func WriteExplicit(w io.Writer, e *Explicit) error {
	lines := []string{fmt.Sprintf("{\"version\": %d,\n\"ops\": [", ExplicitVersion)}
	for i := range e.Ops {
		line, err := json.Marshal(formOfOp(&e.Ops[i]))
		if err != nil {
			return fmt.Errorf("operation %s of the plan: %w", e.Ops[i].Op.ID, err)
		}
		lines = append(lines, string(line)+comma(i, len(e.Ops)))
	}
	lines = append(lines, "],\n\"faults\": [")
	for i := range e.Faults {
		line, err := json.Marshal(formOfFault(&e.Faults[i]))
		if err != nil {
			return fmt.Errorf("fault %s of the plan: %w", e.Faults[i].ID, err)
		}
		lines = append(lines, string(line)+comma(i, len(e.Faults)))
	}
	_, err := io.WriteString(w, strings.Join(append(lines, "]}\n"), "\n"))
	return err
}

func formOfOp(t *TimedOp) *opForm {
	op := &t.Op
	form := &opForm{
		At: t.At, ID: op.ID.String(), Session: op.Session, Device: op.Device, F: op.F,
		Key: op.Key, Keys: op.Keys, Node: op.Node,
	}
	if !op.Value.IsNull() {
		form.Value = appendValue(nil, op.Value)
	}
	return form
}

func formOfFault(f *Fault) *faultForm {
	return &faultForm{
		At: f.At, For: f.For, ID: f.ID, Family: f.Family, Shape: f.Shape, Targets: f.Targets,
		Clients: f.Clients, Amount: f.Amount, Pick: f.Pick,
	}
}

func comma(i, n int) string {
	if i+1 < n {
		return ","
	}
	return ""
}

// ReadExplicit reads a plan that WriteExplicit wrote, or that somebody wrote by hand. Errors say which
// operation or fault is wrong, by its number from 1, and what is allowed.
func ReadExplicit(r io.Reader) (*Explicit, error) {
	var form planForm
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&form); err != nil {
		return nil, fmt.Errorf("not the form of an explicit plan (near byte %d): %w", dec.InputOffset(), err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("the explicit plan goes on after its end, at byte %d", dec.InputOffset())
	}
	return form.plan()
}

// plan returns the plan that form stands for.
func (form *planForm) plan() (*Explicit, error) {
	if form.Version != ExplicitVersion {
		return nil, fmt.Errorf("version: %d is not allowed; allowed: %d", form.Version, ExplicitVersion)
	}
	e := &Explicit{}
	ids := make(map[history.OpID]bool, len(form.Ops))
	for i := range form.Ops {
		op, err := form.Ops[i].op()
		if err == nil && ids[op.Op.ID] {
			err = fmt.Errorf("op: %s stands twice in the plan", op.Op.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("operation %d of the plan: %w", i+1, err)
		}
		ids[op.Op.ID] = true
		e.Ops = append(e.Ops, op)
	}
	for i := range form.Faults {
		fault, err := form.Faults[i].fault()
		if err != nil {
			return nil, fmt.Errorf("fault %d of the plan: %w", i+1, err)
		}
		e.Faults = append(e.Faults, fault)
	}
	return e, nil
}

// fault returns the fault that form stands for.
func (form *faultForm) fault() (Fault, error) {
	switch {
	case form.ID == "":
		return Fault{}, fmt.Errorf("id: the fault's id is missing")
	case form.Family == "":
		return Fault{}, fmt.Errorf("family: the fault's family is missing")
	case form.At < 0 || form.For < 0:
		return Fault{}, fmt.Errorf("at %d, for %d: allowed: nanoseconds, not negative", form.At, form.For)
	}
	return Fault{
		ID: form.ID, Family: form.Family, Shape: form.Shape, Targets: form.Targets, Clients: form.Clients,
		At: form.At, For: form.For, Amount: form.Amount, Pick: form.Pick,
	}, nil
}

// op returns the operation that form stands for.
func (form *opForm) op() (TimedOp, error) {
	thread, n, found := strings.Cut(form.ID, ".")
	t, errT := strconv.ParseInt(thread, 10, 32)
	k, errN := strconv.ParseInt(n, 10, 32)
	switch {
	case !found || errT != nil || errN != nil || t < 0 || k < 1:
		return TimedOp{}, fmt.Errorf("op: %q is not allowed; allowed: thread.number, such as 3.17", form.ID)
	case form.At < 0:
		return TimedOp{}, fmt.Errorf("at: %d is not allowed; allowed: nanoseconds, not negative", form.At)
	case form.F == "":
		return TimedOp{}, fmt.Errorf("f: the function is missing")
	}
	value, err := parseValue(form.Value)
	if err != nil {
		return TimedOp{}, fmt.Errorf("v: %w", err)
	}
	return TimedOp{At: form.At, Op: Op{
		ID: history.OpID{Thread: int32(t), N: int32(k)}, Session: form.Session, Device: form.Device,
		F: form.F, Key: form.Key, Keys: form.Keys, Value: value, Node: form.Node,
	}}, nil
}

// appendValue appends v as JSON.
func appendValue(b []byte, v history.Value) []byte {
	if n, ok := v.AsInt(); ok {
		return strconv.AppendInt(b, n, 10)
	}
	if t, ok := v.AsBool(); ok {
		return strconv.AppendBool(b, t)
	}
	if s, ok := v.AsString(); ok {
		return appendQuoted(b, s)
	}
	if list, ok := v.AsList(); ok {
		b = append(b, '[')
		for i, e := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, e)
		}
		return append(b, ']')
	}
	if v.Kind() != history.Map {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for key, e := range v.Entries {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = appendValue(append(appendQuoted(b, key), ':'), e)
	}
	return append(b, '}')
}

func appendQuoted(b []byte, s string) []byte {
	quoted, _ := json.Marshal(s) // a string always has a JSON form
	return append(b, quoted...)
}

// parseValue returns the value that raw stands for, null when raw is empty.
func parseValue(raw json.RawMessage) (history.Value, error) {
	if len(raw) == 0 {
		return history.Value{}, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return history.Value{}, err
	}
	return valueOf(v)
}

func valueOf(v any) (history.Value, error) {
	switch v := v.(type) {
	case nil:
		return history.Value{}, nil
	case bool:
		return history.BoolValue(v), nil
	case string:
		return history.StringValue(v), nil
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return history.Value{}, fmt.Errorf("%s is not allowed; allowed: integers of 64 bits", v)
		}
		return history.IntValue(n), nil
	case []any:
		list := make([]history.Value, len(v))
		for i := range v {
			e, err := valueOf(v[i])
			if err != nil {
				return history.Value{}, err
			}
			list[i] = e
		}
		return history.ListValue(list...), nil
	case map[string]any:
		entries := make(map[string]history.Value, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			e, err := valueOf(v[key])
			if err != nil {
				return history.Value{}, err
			}
			entries[key] = e
		}
		return history.MapValue(entries), nil
	}
	return history.Value{}, fmt.Errorf("%T is no value", v)
}
