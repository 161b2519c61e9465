package foreign

import (
	"strings"

	"github.com/rashomon-harness/rashomon/history/edn"
)

// field is a place in a record.
type field int

const (
	typeField field = iota
	processField
	fField
	valueField
	timeField
	indexField
	errorField
	keyField
	sessionField
	deviceField
	nodeField
	keysField
	opField
	faultField
	evidenceField
	refusedField
	currentField
	resultField
	fieldCount
)

// fieldNames has the fields as files name them. Those of a namespace are ours alone; see WriteEDN.
var fieldNames = [fieldCount]string{
	typeField: "type", processField: "process", fField: "f", valueField: "value", timeField: "time",
	indexField: "index", errorField: "error", keyField: "key", sessionField: "session",
	deviceField: "device", nodeField: "node", keysField: ours + "keys", opField: ours + "op",
	faultField: ours + "fault", evidenceField: ours + "evidence", refusedField: ours + "refused",
	currentField: ours + "current", resultField: ours + "result",
}

// ours is the namespace of what Jepsen has no word for.
const ours = "rashomon/"

var fieldsByName = func() map[string]field {
	m := map[string]field{}
	for i, name := range fieldNames {
		m[name] = field(i)
	}
	return m
}()

// record is what a file says of one event, not yet understood. Fields that this package has no use for
// are left out.
type record struct {
	at     edn.Value // where it begins
	fields [fieldCount]edn.Value
	has    [fieldCount]bool
}

// get returns the field, nil when the record has none.
func (rec *record) get(f field) *edn.Value {
	if !rec.has[f] {
		return nil
	}
	return &rec.fields[f]
}

// some returns the field, nil when the record has none or it is nil.
func (rec *record) some(f field) *edn.Value {
	if !rec.has[f] || rec.fields[f].Kind == edn.Nil {
		return nil
	}
	return &rec.fields[f]
}

func (rec *record) set(f field, v edn.Value) { rec.fields[f], rec.has[f] = v, true }

// where returns the place of a field, or of the record when it has none.
func (rec *record) where(f field) *edn.Value {
	if rec.has[f] {
		return &rec.fields[f]
	}
	return &rec.at
}

// fill takes apart the map of an event. Its keys are keywords, or strings in JSON.
func (rec *record) fill(v *edn.Value) error {
	for v.Kind == edn.Tagged { // #jepsen.history.Op{..}
		v = &v.Items[0]
	}
	if v.Kind != edn.Map {
		return v.Errorf("%s is no operation; allowed: a map such as {:process 0, :type :invoke, :f :read}",
			shown(v))
	}
	rec.at, rec.has = *v, [fieldCount]bool{}
	rec.at.Items = nil
	for i := 0; i < len(v.Items); i += 2 {
		name, isName := v.Items[i].Name()
		f, known := fieldsByName[strings.TrimPrefix(name, ":")]
		if !isName || !known {
			continue
		}
		if rec.has[f] {
			return v.Items[i].Errorf("the field %s stands twice", fieldNames[f])
		}
		rec.set(f, v.Items[i+1])
	}
	return nil
}
