package workloads

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// uniqueInTheRun are the workloads whose values are unique over all keys.
var uniqueInTheRun = []string{"set", "cart", "immutable", "delete"}

// Every value is written once in the run, and values count from 1.
func TestValuesAreUniqueInTheRun(t *testing.T) {
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		if !slices.Contains(uniqueInTheRun, info.Name) {
			return
		}
		_, w := ran(t, info, p, 200_000, 200_000, 20*second)
		last := int64(0)
		for i := range w.events {
			ev := &w.events[i]
			if n, ok := ev.Value.AsInt(); ok && ev.Type == history.Invoke && ev.F != history.FRemove {
				if last++; n != last {
					t.Fatalf("%v has the value %d, want %d", ev.Op, n, last)
				}
			}
		}
		if last < 300 {
			t.Errorf("only %d values", last)
		}
	})
}

// An element is removed once at the most, from the set that it was added to, by a session that has seen it:
// its last read of that set had it, or it has added it since.
func TestRemovesAreOfWhatWasSeen(t *testing.T) {
	for name, least := range map[string]int{"set-removes": 200, "cart": 350} {
		info, p := variants()[name]()
		_, w := ran(t, info, p, 100_000, 100_000, 20*second)
		type view struct{ session, key string }
		seen, removed := make(map[view][]int64), make(map[int64]bool)
		for i := range w.events {
			ev := &w.events[i]
			at := view{ev.Session, ev.Key}
			n, _ := ev.Value.AsInt()
			switch {
			case ev.F == history.FRead && ev.Type == history.Ok:
				seen[at] = integers(nil, ev.Value)
			case ev.F == history.FAdd && ev.Type == history.Ok:
				seen[at] = append(seen[at], n)
			case ev.F != history.FRemove || ev.Type != history.Invoke:
			case removed[n] || !slices.Contains(seen[at], n):
				t.Fatalf("%s: %v of %s removes %d; removed before: %v; seen %v", name, ev.Op, ev.Session, n,
					removed[n], seen[at])
			default:
				removed[n] = true
			}
		}
		if len(removed) < least {
			t.Errorf("%s: only %d elements were removed", name, len(removed))
		}
	}
}

// A session changes only the cart that its operation before has read, and carts have as many sharers as they
// should, or more where there are too few of them.
func TestShoppersLookFirst(t *testing.T) {
	tests := []struct{ keys, concurrency, sharers, least, most, life int }{
		{10, 10, 3, 3, 4, 0}, {7, 10, 3, 3, 4, 0}, {10, 10, 1, 1, 1, 0}, {2, 10, 3, 5, 5, 0},
		{1, 1, 5, 1, 1, 0}, {4, 5, 9, 5, 5, 0}, {10, 10, 3, 1, 4, 7},
	}
	for _, tt := range tests {
		p := params()
		p.Keys, p.Concurrency, p.Options = tt.keys, tt.concurrency, map[string]any{"sharers": tt.sharers}
		p.Options["ops_per_key"] = tt.life
		_, w := ran(t, CartInfo(), p, 100_000, 100_000, 30*second)
		looked, sharers, changes := make(map[string]string), make(map[string]map[string]bool), 0
		for i := range w.events {
			ev := &w.events[i]
			if ev.Type != history.Invoke {
				if looked[ev.Session] = ""; ev.F == history.FRead && ev.Type == history.Ok {
					looked[ev.Session] = ev.Key
				}
				continue
			}
			if sharers[ev.Key] == nil {
				sharers[ev.Key] = make(map[string]bool)
			}
			sharers[ev.Key][ev.Session] = true
			if ev.F != history.FRead {
				changes++
				if looked[ev.Session] != ev.Key {
					t.Fatalf("%+v: %v changes %s after reading %q", tt, ev.Op, ev.Key, looked[ev.Session])
				}
			}
		}
		if changes < len(w.lines)/3 || len(sharers) != tt.keys && tt.life == 0 {
			t.Errorf("%+v: %d changes in %d operations on %d carts", tt, changes, len(w.lines), len(sharers))
		}
		for key, who := range sharers {
			if len(who) < tt.least || len(who) > tt.most {
				t.Errorf("%+v: %d sessions share %s", tt, len(who), key)
			}
		}
	}
}

func TestIncrements(t *testing.T) {
	p := params()
	p.Options = map[string]any{"most": 3}
	_, w := ran(t, CounterInfo(), p, 0, 0, 20*second)
	times := make(map[int64]int)
	for i := range w.events {
		if ev := &w.events[i]; ev.F == history.FIncr && ev.Type == history.Invoke {
			n, _ := ev.Value.AsInt()
			times[n]++
		}
	}
	if len(times) != 3 || times[1] < 500 || times[2] < 500 || times[3] < 500 {
		t.Errorf("increments %v", times)
	}
}

// Every key is written once; it is read afterwards, many times, by its writer and by others, until as many
// newer keys as there are places have been written.
func TestImmutableKeys(t *testing.T) {
	_, w := ran(t, ImmutableInfo(), params(), 100_000, 100_000, 60*second)
	written, order, own, others := make(map[string]string), []string{}, 0, make(map[string]int)
	for i := range w.events {
		ev := &w.events[i]
		_, known := written[ev.Key]
		switch {
		case ev.Type != history.Invoke:
		case known == (ev.F == history.FWrite):
			t.Fatalf("%v: %s of %s, which was written: %v", ev.Op, ev.F, ev.Key, known)
		case ev.F == history.FWrite:
			written[ev.Key] = ev.Session
			order = append(order, ev.Key)
		case !slices.Contains(order[max(0, len(order)-10):], ev.Key):
			t.Fatalf("%v reads the old key %s", ev.Op, ev.Key)
		case written[ev.Key] == ev.Session:
			own++
		default:
			others[ev.Key]++
		}
	}
	few := 0
	for _, key := range order {
		if others[key] < 3 {
			few++
		}
	}
	if len(order) < 1000 || own < 1000 || few > len(order)/10 {
		t.Errorf("%d keys, %d reads by the writer, %d keys with few reads by others", len(order), own, few)
	}
}

// A session deletes only the key whose value it has read last, and each such value only once.
func TestDeletesAreOfWhatWasRead(t *testing.T) {
	_, w := ran(t, DeleteInfo(), params(), 100_000, 100_000, 30*second)
	read, deletes := make(map[string]string), 0
	for i := range w.events {
		ev := &w.events[i]
		switch {
		case ev.F == history.FRead && ev.Type == history.Ok && !ev.Value.IsNull():
			read[ev.Session] = ev.Key
		case ev.F != history.FDelete || ev.Type != history.Invoke:
		case read[ev.Session] != ev.Key:
			t.Fatalf("%v deletes %s; read last: %q", ev.Op, ev.Key, read[ev.Session])
		default:
			deletes++
			read[ev.Session] = ""
		}
	}
	if deletes < 500 {
		t.Errorf("only %d deletes", deletes)
	}
}

// The hot keys get their share of the operations, and all others theirs.
func TestHotKeys(t *testing.T) {
	tests := []struct {
		hot, share string
		keys       int
		want       float64 // share of the operations that goes to the first fifth of the places
	}{
		{"20%", "", 10, 0.8}, {"20%", "50%", 10, 0.5}, {"1%", "90%", 5, 0.9}, {"100%", "90%", 10, 0.2},
		{"0%", "", 10, 0.2}, {"20%", "100%", 10, 1}, {"20%", "0%", 10, 0},
	}
	for _, info := range []Info{RegisterInfo(), SetInfo(), ImmutableInfo()} {
		for _, tt := range tests {
			p := params()
			p.Keys, p.Options = tt.keys, map[string]any{"hot": tt.hot}
			if tt.share != "" {
				p.Options["hot_share"] = tt.share
			}
			if info.Name == "set" {
				p.Options["ops_per_key"] = 0
				p.Mix = map[string]int{history.FAdd: 1, history.FRead: 50} // sets stay small
			}
			_, w := ran(t, info, p, 0, 0, 20*second)
			hot, all := 0, 0
			for i := range w.events {
				ev := &w.events[i]
				if ev.Type != history.Invoke || info.Name == "immutable" && (ev.F != history.FRead ||
					ev.Time < 5*second) {
					continue
				}
				var n int
				if _, err := fmt.Sscanf(ev.Key, "w%d", &n); err != nil {
					t.Fatal(err)
				}
				all++
				if (n-1)%tt.keys < tt.keys/5 {
					hot++
				}
			}
			if got := float64(hot) / float64(all); got < tt.want-0.04 || got > tt.want+0.04 {
				t.Errorf("%s %+v: a share %.3f of %d operations is on hot keys", info.Name, tt, got, all)
			}
		}
	}
}

// Who owns a key writes to it, and who owns none only reads.
func TestSingleWritersOfRegisters(t *testing.T) {
	for _, tt := range []struct{ keys, concurrency, writers int }{{25, 10, 10}, {10, 10, 10}, {3, 10, 3}} {
		p := params()
		p.Keys, p.Concurrency, p.Options = tt.keys, tt.concurrency, map[string]any{"writers": "one"}
		_, w := ran(t, RegisterInfo(), p, 0, 0, 60*second)
		writer, writers, readers := make(map[string]string), make(map[string]bool), make(map[string]bool)
		for i := range w.events {
			if ev := &w.events[i]; ev.F == history.FWrite {
				writer[ev.Key], writers[ev.Session] = ev.Session, true
			} else {
				readers[ev.Session+ev.Key] = true
			}
		}
		if len(writer) != tt.keys || len(writers) != tt.writers || len(readers) != tt.keys*tt.concurrency {
			t.Errorf("%+v: %d keys are written by %d sessions; %d pairs of reader and key", tt, len(writer),
				len(writers), len(readers))
		}
	}
}

// What a store does that acknowledges changes and forgets them is found.
func TestCheckersRefuseLostChanges(t *testing.T) {
	for name, want := range map[string][]string{
		"set":             {checkers.KindLostElement},
		"counter":         {checkers.KindCounterTooLow},
		"delete":          {checkers.KindLostWrite, checkers.KindResurrected},
		"immutable":       {checkers.KindLostWrite, checkers.StaleRead, checkers.KindOwnWriteMissing},
		"register-single": {checkers.KindLostWrite, checkers.StaleRead, checkers.KindOwnWriteMissing},
		"cart":            {checkers.NotLinearizable},
	} {
		info, p := variants()[name]()
		counts := make(map[string]int64)
		for _, v := range verdicts(t, info, p, func(w *world) { w.lose = 100_000 }) {
			for kind, n := range v.Counts {
				counts[kind] += n
			}
		}
		for _, kind := range want {
			if counts[kind] == 0 {
				t.Errorf("%s: no %s in %v", name, kind, counts)
			}
		}
	}
}

// A session that is lost has seen nothing, and its keys of a single writer are given up.
func TestLostSessionsForget(t *testing.T) {
	lost := func(op history.OpID, f string) *history.Event {
		return &history.Event{Type: history.Fail, F: f, Op: op, Err: history.Error{Code: history.TokenLost}}
	}
	p := params()
	p.Keys, p.Concurrency, p.Options = 25, 10, map[string]any{"writers": "one"}
	r := build(t, RegisterInfo(), p).(*workload)
	ctx := &plan.Context{Free: plan.NewThreads(20)}
	var step plan.Step
	r.crew.Next(ctx, &step)
	thread := int(step.Op.ID.Thread) - p.FirstThread
	r.crew.Update(ctx, lost(step.Op.ID, step.Op.F))
	for i, at := range r.crew.player.(*register).places {
		if renewed := len(at.key) > 2 && at.key > "w25"; renewed != (i%10 == thread) {
			t.Errorf("place %d of thread %d has the key %s", i, thread, at.key)
		}
	}

	seen := history.IntsValue(1, 2)
	turn := turn{thread: 0, seat: &seat{}}
	e := newElements(newPool("w", 1, 0), 1, true)
	read := &history.Event{Type: history.Ok, F: history.FRead, Key: "w1", Value: seen}
	for _, tt := range []struct {
		ev   *history.Event
		want string
	}{
		{read, history.FRemove}, {read, history.FRemove}, {read, history.FAdd},
		{lost(history.OpID{}, history.FRead), history.FAdd},
	} {
		e.ended(turn, tt.ev)
		op := plan.Op{Key: "w1"}
		if e.change(turn, 0, true, &op); op.F != tt.want {
			t.Errorf("%s, want %s", op.F, tt.want)
		}
	}
	e.gone = map[int64]bool{}
	op := plan.Op{Key: "w1"}
	if e.change(turn, 0, true, &op); op.F != history.FAdd {
		t.Errorf("%s of what the old session has seen", op.F)
	}
}

// A store may show several versions of a set as a list of lists.
func TestIntegers(t *testing.T) {
	list := history.ListValue
	for _, tt := range []struct {
		in   history.Value
		want []int64
	}{
		{history.Value{}, nil}, {history.IntsValue(3, 1), []int64{3, 1}}, {history.IntValue(7), []int64{7}},
		{list(history.IntsValue(1, 2), history.Value{}, list(), history.IntsValue(2)), []int64{1, 2, 2}},
	} {
		if got := integers(nil, tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.in, got, tt.want)
		}
	}
}
