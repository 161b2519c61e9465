package server

import (
	"reflect"
	"testing"

	"github.com/rashomon-harness/rashomon/refimpl"
)

func object(writer uint64, n, value int64) *refimpl.Object {
	o := refimpl.Register(refimpl.Dot{Writer: writer, N: n}, refimpl.Value{Kind: refimpl.Int, Num: value},
		false)
	return &o
}

// TestCompactObjects: what a replica holds of a key, and for whom, is one record; what was forgotten is none.
func TestCompactObjects(t *testing.T) {
	hold := func(key string, o *refimpl.Object) refimpl.Record {
		return refimpl.Record{Kind: refimpl.RecObject, Key: key, Object: o}
	}
	hint := func(home refimpl.Addr, key string, o *refimpl.Object) refimpl.Record {
		return refimpl.Record{Kind: refimpl.RecHint, Vote: home, Key: key, Object: o}
	}
	forget := func(home refimpl.Addr, key string) refimpl.Record {
		return refimpl.Record{Kind: refimpl.RecForget, Vote: home, Key: key}
	}
	records := []refimpl.Record{
		hold("b", object(1, 5, 50)), hold("a", object(1, 1, 10)), hold("b", object(1, 4, 40)),
		hold("c", object(1, 1, 1)), hint(0, "a", object(2, 2, 20)), hint(2, "a", object(2, 2, 20)),
		hint(0, "a", object(2, 3, 30)), forget(refimpl.Nobody, "c"), forget(2, "a"), {Kind: refimpl.RecSync},
	}
	want := []refimpl.Record{hold("a", object(1, 1, 10)), hold("b", object(1, 5, 50)), hint(0, "a",
		object(2, 3, 30))}
	if got := compact(records); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := checkRecords(records, 1); err != nil {
		t.Error(err)
	}
	for _, bad := range []refimpl.Record{hold("a", nil), hint(1, "a", nil)} {
		if err := checkRecords([]refimpl.Record{bad}, 1); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
