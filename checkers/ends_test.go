package checkers

import (
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// TestWhatOnlyAReplicaShows checks the boundary of writes that a replica shows and ordinary reads do not.
func TestWhatOnlyAReplicaShows(t *testing.T) {
	for _, c := range []struct {
		second string
		hidden float64
	}{{"   |--w k=2--|", 1}, {" |--w k=2--|", 1}, {"|--w k=2--|", 0}} {
		h := drawn(t, `
s1     |--w k=1--|
s2               `+c.second+`
phase                                    ^final-reads
s1                                         |--r k=1--|
op @n1                                     |--peek k=2--|
`)
		v := Durable().Check(t.Context(), h)[0]
		if got := v.Measures["hidden_writes"]; got != c.hidden || v.Result != Valid {
			t.Errorf("%q: %v, hidden %v, want %v", c.second, v.Result, got, c.hidden)
		}
	}
}

// TestClearedAtTheStart checks that a list that was written whole at time 0 counts as written whole.
func TestClearedAtTheStart(t *testing.T) {
	h := historyOf([]history.Op{
		{Session: "s", F: history.FDelete, Key: "k", Type: history.Ok},
		{Session: "s", F: history.FAppend, Key: "k", Arg: history.IntValue(1), Type: history.Ok, Call: 1,
			Return: 2},
		{Session: "s", F: history.FRead, Key: "k", Result: history.IntsValue(7, 1), Type: history.Ok, Call: 9,
			Return: 10},
	}, 5)
	if v := Durable().Check(t.Context(), h)[0]; v.Result != Valid || v.Opportunities != 1 {
		t.Errorf("%v, %d opportunities, %v", v.Result, v.Opportunities, v.Counts)
	}
}

// TestShareOfDivergedKeys checks the measure of convergence, which is none where there was no opportunity.
func TestShareOfDivergedKeys(t *testing.T) {
	for _, c := range []struct{ first, second, want string }{
		{"|--peek j=1--|  |--peek k=2--|", "|--peek j=1--|  |--peek k=1--|", "map[keys_diverged_share:0.5]"},
		{"|--peek j=1--|  |--peek k=2--|", "|--peek j=1--|  |--peek k=2--|", "map[keys_diverged_share:0]"},
		{"|--peek j=1--|", "|--peek k=1--|", "map[]"},
	} {
		h := drawn(t, `
s1      |--w j=1--|  |--w k=1--|  |--w k=2--|
phase                                         ^final-reads
op @n1                                          `+c.first+`
op @n2                                          `+c.second)
		if v := Convergent().Check(t.Context(), h)[0]; fmt.Sprint(v.Measures) != c.want {
			t.Errorf("%s, %s: got %v, want %s", c.first, c.second, v.Measures, c.want)
		}
	}
}
