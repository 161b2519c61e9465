package foreign

import (
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/edn"
)

// renamed has the functions that have another name here. All others keep theirs.
var renamed = map[string]string{
	"get": history.FRead, "put": history.FWrite, "compare-and-set": history.FCAS,
	"inc": "incr", "increment": "incr", "dec": "decr", "decrement": "decr",
	// A peek is here what one replica holds, without any guarantee; elsewhere it is a queue's.
	history.FPeek: "jepsen/peek",
}

// functionOf returns the function that a record names, and whether it names one.
func functionOf(rec *record) (name string, has bool, err error) {
	v := rec.some(fField)
	if v == nil {
		return "", false, nil
	}
	name, ok := v.Name()
	if !ok {
		return "", false, v.Errorf("%s is no function; allowed: a keyword, such as :read, or a string",
			shown(v))
	}
	return name, true, nil
}

// understand fills an invocation in: who, what, of which key.
func (l *loader) understand(rec *record, ev *history.Event, p *process, named bool) error {
	f, has, err := functionOf(rec)
	if err != nil {
		return err
	}
	value, key, err := l.tuple(rec.where(valueField), rec.has[valueField])
	if err != nil {
		return err
	}
	if err := l.keysOf(rec, ev, key); err != nil {
		return err
	}
	isTxn := l.microOps(value, f) && (!has || f == history.FRead || f == history.FTxn)
	switch {
	case !has && !isTxn:
		return rec.where(fField).Errorf("an operation lacks its function, f, and its value is no list of " +
			"micro-operations, such as [[:r 1 nil] [:append 1 2]]")
	case isTxn:
		ev.F = history.FTxn
	case strings.HasPrefix(f, ours):
		ev.F = strings.TrimPrefix(f, ours)
	default:
		ev.F = f
		if to, known := renamed[f]; known {
			ev.F = to
		}
	}
	p.call = call{f: f}
	if !named {
		kept := *value // the record is used again
		p.call.value = &kept
	}
	if ev.Value, err = l.valueFor(ev.F, value); err != nil {
		return err
	}
	return l.who(rec, ev)
}

// tuple takes a value apart into key and value, when values are tuples. A value that is not there has no
// key.
func (l *loader) tuple(v *edn.Value, has bool) (value, key *edn.Value, err error) {
	if !has {
		v = &edn.Value{Line: v.Line, Column: v.Column}
	}
	if !l.options.Keyed {
		return v, nil, nil
	}
	pair := v
	for pair.Kind == edn.Tagged {
		pair = &pair.Items[0]
	}
	if !pair.IsSequence() || len(pair.Items) != 2 {
		return v, nil, v.Errorf("%s is no tuple; allowed where values are keyed: [key value]", shown(v))
	}
	return &pair.Items[1], &pair.Items[0], nil
}

// keysOf sets the key, or the keys, of an invocation. key is that of a tuple, nil for none.
func (l *loader) keysOf(rec *record, ev *history.Event, key *edn.Value) (err error) {
	if v := rec.some(keyField); v != nil {
		if key != nil {
			return v.Errorf("the operation has a key, and its value is a tuple with a key")
		}
		key = v
	}
	if key != nil {
		if ev.Key, err = l.keyOf(key); err != nil {
			return err
		}
	}
	v := rec.some(keysField)
	if v == nil {
		return nil
	}
	if ev.Key != "" || !v.IsSequence() || len(v.Items) == 0 {
		return v.Errorf("%s are no keys; allowed: a vector of keys, where there is no single one", shown(v))
	}
	for i := range v.Items {
		name, err := l.keyOf(&v.Items[i])
		if err != nil {
			return err
		}
		ev.Keys = append(ev.Keys, name)
	}
	return nil
}

// who sets what an invocation says of the client.
func (l *loader) who(rec *record, ev *history.Event) (err error) {
	ev.Session = l.sessionOf(ev.Process)
	for _, to := range []struct {
		field field
		what  string
		name  *string
	}{
		{sessionField, "session", &ev.Session}, {deviceField, "device", &ev.Device},
		{nodeField, "node", &ev.Node},
	} {
		if v := rec.some(to.field); v != nil {
			if *to.name, err = nameOf(v, to.what); err != nil {
				return err
			}
		}
	}
	if v := rec.some(opField); v != nil {
		return opIDOf(v, &ev.Op)
	}
	return nil
}

// microOps reports whether v, the value of an operation of the function f, is the list of a transaction's
// micro-operations. Their functions are keywords, or strings where no keywords are or f leaves no doubt.
func (l *loader) microOps(v *edn.Value, f string) bool {
	mayBeStrings := l.json || f == history.FTxn
	if !v.IsSequence() || len(v.Items) == 0 {
		return false
	}
	return !slices.ContainsFunc(v.Items, func(op edn.Value) bool {
		if !op.IsSequence() || len(op.Items) != 3 {
			return true
		}
		f := &op.Items[0]
		return f.Kind != edn.Keyword && (!mayBeStrings || f.Kind != edn.String) || microFunction(f.Text) == ""
	})
}

// microFunction returns the function of a micro-operation as history.FTxn has it, "" for no such one.
func microFunction(name string) string {
	switch name {
	case "r", "read":
		return "r"
	case "w", "write":
		return "w"
	case "append":
		return "append"
	}
	return ""
}

// valueFor returns the value of an operation of that function.
func (l *loader) valueFor(f string, v *edn.Value) (history.Value, error) {
	if f != history.FTxn || !l.microOps(v, f) {
		return valueOf(v)
	}
	ops := make([]history.Value, len(v.Items))
	for i := range v.Items {
		items := v.Items[i].Items
		key, err := l.keyOf(&items[1])
		if err != nil {
			return history.Value{}, err
		}
		of, err := valueOf(&items[2])
		if err != nil {
			return history.Value{}, err
		}
		ops[i] = history.ListValue(history.StringValue(microFunction(items[0].Text)),
			history.StringValue(key), of)
	}
	return history.ListValue(ops...), nil
}
