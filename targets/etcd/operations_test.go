package etcd

import (
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

func TestWhatEtcdCannotDo(t *testing.T) {
	txn := func(micro ...history.Value) history.Event {
		return history.Event{F: history.FTxn, Value: list(list(micro...))}
	}
	cas := func(v history.Value) history.Event { return history.Event{F: history.FCAS, Key: "k", Value: v} }
	for _, tc := range []struct {
		ev   history.Event
		want history.Code
		says string
	}{
		{history.Event{F: "incr", Key: "k"}, history.Unsupported, "incr"},
		{history.Event{F: history.FAppend, Key: "k", Value: num(1)}, history.Unsupported, "append"},
		{txn(str("append"), str("k"), num(1)), history.Unsupported, "append"},
		{history.Event{F: history.FRead}, history.BadRequest, "read needs a key"},
		{history.Event{F: history.FRead, Keys: []string{"a", ""}}, history.BadRequest, "a key is empty"},
		{history.Event{F: history.FRead, Key: "k", Node: "n9"}, history.BadRequest, `no node named "n9"`},
		{history.Event{F: history.FPeek, Key: "k"}, history.BadRequest, "addresses a node"},
		{history.Event{F: history.FPeek, Node: "n1"}, history.BadRequest, "needs a key"},
		{history.Event{F: history.FWrite, Value: num(1)}, history.BadRequest, "write needs a key"},
		{history.Event{F: history.FWrite, Key: "k", Value: str("\xff")}, history.BadRequest, "UTF-8"},
		{cas(num(1)), history.BadRequest, "[old new], not 1"},
		{cas(list(str("\xff"), num(1))), history.BadRequest, "UTF-8"},
		{cas(list(num(1), str("\xff"))), history.BadRequest, "UTF-8"},
		{history.Event{F: history.FTxn, Value: num(1)}, history.BadRequest, "not 1"},
		{history.Event{F: history.FTxn, Value: list()}, history.BadRequest, "txn takes"},
		{txn(str("w"), str("k")), history.BadRequest, "[w k]"},
		{txn(str("cas"), str("k"), num(1)), history.BadRequest, "[cas k 1]"},
		{txn(str("w"), str(""), num(1)), history.BadRequest, "micro-operation"},
		{txn(str("w"), str("k"), str("\xff")), history.BadRequest, "UTF-8"},
	} {
		_, problem := compile(&tc.ev, three, false)
		if problem.Code != tc.want || problem.Text == "" || !strings.Contains(problem.Text, tc.says) {
			t.Errorf("%s %v: %v %q", tc.ev.F, tc.ev.Value, problem.Code, problem.Text)
		}
	}
}

// Only reads without effects may fail without leaving a question behind.
func TestWhatHasEffects(t *testing.T) {
	r, w := list(str("r"), str("k"), null), list(str("w"), str("k"), num(1))
	for _, tc := range []struct {
		ev     history.Event
		writes bool
	}{
		{history.Event{F: history.FRead, Key: "k"}, false},
		{history.Event{F: history.FRead, Keys: []string{"a", "b"}}, false},
		{history.Event{F: history.FPeek, Key: "k", Node: "n2"}, false},
		{history.Event{F: history.FWrite, Key: "k", Value: num(1)}, true},
		{history.Event{F: history.FDelete, Key: "k"}, true},
		{history.Event{F: history.FCAS, Key: "k", Value: list(null, num(1))}, true},
		{history.Event{F: history.FTxn, Value: list(r, r)}, false},
		{history.Event{F: history.FTxn, Value: list(r, w, r)}, true},
	} {
		c, problem := compile(&tc.ev, three, false)
		if problem.Code != history.NoError || c.writes != tc.writes || c.home == tc.writes ||
			c.node != tc.ev.Node {
			t.Errorf("%s: %+v, %v", tc.ev.F, c, problem)
		}
	}
}
