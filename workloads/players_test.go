package workloads

import (
	"errors"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
)

// Every key is written by one session; what a session writes after a write whose outcome is unknown goes
// to another key.
func TestSingleWriters(t *testing.T) {
	names := []string{"session", "session-devices", "question-answer", "question-answer-colocated",
		"register-single", "immutable"}
	for i, name := range append(names, names...) {
		info, p := variants()[name]()
		p.Concurrency = 30
		workload, w := begin(t, info, p, 11)
		w.fail, w.info = 100_000, 300_000
		if i >= len(names) {
			w.timeout = 3 * second // longer than askers wait for an answer
		}
		w.run(plan.Until(60*second, workload), 100*second)
		writer, unknown, given := make(map[string]string), make(map[string]bool), 0
		for i := range w.events {
			ev := &w.events[i]
			if ev.F != history.FWrite {
				continue
			}
			if s, known := writer[ev.Key]; known && s != ev.Session {
				t.Fatalf("%s: %s is written by %s and %s", name, ev.Key, s, ev.Session)
			}
			writer[ev.Key] = ev.Session
			if ev.Type == history.Invoke && unknown[ev.Key] {
				t.Fatalf("%s: %v writes %s after a write with unknown outcome", name, ev.Op, ev.Key)
			}
			if ev.Type == history.Info {
				unknown[ev.Key] = true
				given++
			}
		}
		if given < 50 {
			t.Errorf("%s: only %d keys were given up", name, given)
		}
	}
}

func TestEveryUserWritesAndReads(t *testing.T) {
	p := params()
	p.Keys, p.Concurrency = 3, 5
	_, w := ran(t, SessionInfo(), p, 0, 0, 20*second)
	writer, own, others := make(map[string]string), make(map[string]int), make(map[string]int)
	for i := range w.events {
		if ev := &w.events[i]; ev.F == history.FWrite {
			writer[ev.Key] = ev.Session
		}
	}
	for i := range w.events {
		ev := &w.events[i]
		switch {
		case ev.Type != history.Ok || ev.F != history.FRead:
		case writer[ev.Key] == ev.Session:
			own[ev.Session]++
		default:
			others[ev.Session+" "+ev.Key]++
		}
	}
	if len(writer) != 5 || len(own) != 5 || len(others) != 20 {
		t.Errorf("%d keys; %d users read their own; %d pairs of a user and another's key",
			len(writer), len(own), len(others))
	}
}

func TestReadsOfTwoKeys(t *testing.T) {
	info, p := variants()["session-devices"]()
	_, w := ran(t, info, p, 0, 0, 20*second)
	writer, same, different := make(map[string]string), 0, 0
	for i := range w.events {
		if ev := &w.events[i]; ev.F == history.FWrite {
			writer[ev.Key] = ev.Session
		}
	}
	for i := range w.events {
		ev := &w.events[i]
		if ev.Type != history.Invoke || len(ev.Keys) == 0 {
			continue
		}
		if len(ev.Keys) != 2 || ev.Keys[0] == ev.Keys[1] || ev.Key != "" {
			t.Fatalf("%v reads %v and %q", ev.Op, ev.Keys, ev.Key)
		}
		if writer[ev.Keys[0]] == writer[ev.Keys[1]] {
			same++
		} else {
			different++
		}
	}
	if same < 300 || different < 300 {
		t.Errorf("%d reads of one user's two keys, %d of two users' keys", same, different)
	}
}

// moves counts how often a user's place changes from one operation to the next.
func moves(w *world, place func(ev *history.Event) string) (changes, ops int) {
	last := make(map[string]string)
	for i := range w.events {
		ev := &w.events[i]
		if ev.Type != history.Invoke {
			continue
		}
		at := place(ev)
		if before, known := last[ev.Session]; known && before != at {
			changes++
		}
		last[ev.Session] = at
		ops++
	}
	return changes, ops
}

func TestUsersMove(t *testing.T) {
	node := func(ev *history.Event) string { return ev.Node }
	device := func(ev *history.Event) string { return ev.Device }
	tests := []struct {
		options      map[string]any
		roam, device int // mean operations between two changes, 0 for never
	}{
		{nil, 10, 0},
		{map[string]any{"roam": 0}, 0, 0},
		{map[string]any{"roam": 3, "devices": 2}, 3, 5},
		{map[string]any{"devices": 2, "device_every": 20}, 10, 20},
	}
	for _, tt := range tests {
		p := params()
		p.Options = tt.options
		_, w := ran(t, SessionInfo(), p, 0, 0, 50*second)
		for _, what := range []struct {
			place func(ev *history.Event) string
			every int
		}{{node, tt.roam}, {device, tt.device}} {
			changes, ops := moves(w, what.place)
			if what.every == 0 && changes != 0 {
				t.Errorf("%v: %d changes", tt.options, changes)
			}
			if n := what.every; n > 0 && (changes < ops/n*8/10 || changes > ops/n*12/10) {
				t.Errorf("%v: %d changes in %d operations, every %d wanted", tt.options, changes, ops, n)
			}
		}
		if p.Options["devices"] == nil && w.events[0].Device != "" || w.events[0].Node == "" {
			t.Errorf("%v: device %q at node %q", tt.options, w.events[0].Device, w.events[0].Node)
		}
	}
}

func TestCASMostlySucceeds(t *testing.T) {
	_, w := ran(t, CASInfo(), params(), 0, 100_000, 30*second)
	succeeded, refused := 0, 0
	newest := make(map[string]int64) // by key
	for i := range w.events {
		ev := &w.events[i]
		if args, ok := ev.Value.AsList(); ok && ev.Type == history.Invoke {
			if old, _ := args[0].AsInt(); old > newest[ev.Key] {
				t.Fatalf("%v expects %d, which nobody has written to %s", ev.Op, old, ev.Key)
			}
			newest[ev.Key], _ = args[1].AsInt()
		} else if n, ok := ev.Value.AsInt(); ok && ev.F == history.FWrite {
			newest[ev.Key] = max(newest[ev.Key], n)
		}
		if ev.F == history.FCAS && ev.Type == history.Ok {
			if done, _ := ev.Value.AsBool(); done {
				succeeded++
			} else {
				refused++
			}
		}
	}
	if succeeded < 500 || refused < succeeded/10 || refused > succeeded {
		t.Errorf("%d succeeded, %d were refused", succeeded, refused)
	}
}

func TestKeysRetire(t *testing.T) {
	for _, name := range []string{"cas", "append", "register-short"} {
		info, p := variants()[name]()
		most := map[string]int{"cas": 100, "append": 80, "register-short": 20}[name]
		_, w := ran(t, info, p, 0, 0, 30*second)
		ops := make(map[string]int)
		for i := range w.events {
			if ev := &w.events[i]; ev.Type == history.Invoke {
				ops[ev.Key]++
			}
		}
		full := 0
		for key, n := range ops {
			if n > most {
				t.Errorf("%s: %d operations on %s", name, n, key)
			}
			if n == most {
				full++
			}
		}
		if full != len(ops)-p.Keys && full < len(ops)-2*p.Keys {
			t.Errorf("%s: %d of %d keys lived their whole life", name, full, len(ops))
		}
	}
}

// An answer v is written only by a session that has read question v before, and rounds go on whatever
// fails.
func TestAnswersFollowQuestions(t *testing.T) {
	tests := []struct{ fail, unknown int64 }{{0, 0}, {300_000, 0}, {0, 300_000}, {200_000, 300_000}}
	for _, name := range []string{"question-answer", "question-answer-colocated"} {
		for _, tt := range tests {
			info, p := variants()[name]()
			_, w := ran(t, info, p, tt.fail, tt.unknown, 60*second)
			type hearing struct {
				session, key string
				round        int64
			}
			heard, answers, late, questions, both := make(map[hearing]bool), 0, 0, 0, 0
			for i := range w.events {
				ev := &w.events[i]
				round, _ := ev.Value.AsInt()
				stem := strings.TrimRight(ev.Key, "qr")
				switch {
				case len(ev.Keys) == 2 && ev.Type == history.Ok:
					both++
				case ev.F == history.FRead && ev.Type == history.Ok:
					heard[hearing{ev.Session, stem, round}] = true
				case ev.F != history.FWrite || ev.Type != history.Invoke:
				case strings.HasSuffix(ev.Key, "q"):
					questions++
				case !heard[hearing{ev.Session, stem, round}]:
					t.Fatalf("%v answers question %d of %s that %s has not read", ev.Op, round, stem,
						ev.Session)
				default:
					answers++
					if ev.Time > 50*second {
						late++
					}
				}
			}
			if answers < 150 || late < 15 || questions < answers || both < 3000 {
				t.Errorf("%s %+v: %d questions, %d answers, %d of them in the last 10 s, %d observations",
					name, tt,
					questions, answers, late, both)
			}
		}
	}
}

// The keys of a pair agree up to the slash where they are colocated; else they have none, and differ in the
// lowest bit of a byte, which the simplest hashes keep apart.
func TestNamesOfPairs(t *testing.T) {
	for _, colocate := range []bool{true, false} {
		p := params()
		p.Options = map[string]any{"colocate": colocate}
		_, w := ran(t, QuestionAnswerInfo(), p, 0, 0, 5*second)
		for i := range w.events {
			keys := w.events[i].Keys
			if len(keys) == 0 {
				continue
			}
			q, qSlash := cutShard(keys[0])
			r, rSlash := cutShard(keys[1])
			differ := (keys[0][len(keys[0])-1] ^ keys[1][len(keys[1])-1]) & 1
			if (q == r) != colocate || qSlash != colocate || rSlash != colocate || differ != 1 {
				t.Fatalf("colocate %v: keys %v", colocate, keys)
			}
		}
	}
}

func cutShard(key string) (part string, slash bool) {
	part, _, slash = strings.Cut(key, "/")
	return part, slash
}

func TestParametersAreRefused(t *testing.T) {
	option := func(name string, value any) func(p *Params) {
		return func(p *Params) { p.Options = map[string]any{name: value} }
	}
	mix := func(name string, weight int) func(p *Params) {
		return func(p *Params) { p.Mix = map[string]int{name: weight} }
	}
	tests := []struct {
		info                 Info
		change               func(p *Params)
		path, value, allowed string
	}{
		{RegisterInfo(), func(p *Params) { p.Keys = 0 }, "keys", "0", "an integer from 1 to 1000000"},
		{RegisterInfo(), func(p *Params) { p.Concurrency = -1 }, "concurrency", "-1",
			"an integer from 1 to 10000"},
		{RegisterInfo(), func(p *Params) { p.Rate = 0 }, "rate", "0",
			"a number of operations a second above 0, up to 1000000"},
		{RegisterInfo(), mix("reed", 1), "mix.reed", "this operation", "read, write"},
		{RegisterInfo(), mix("read", -1), "mix.read", "-1", "an integer from 0 to 1000000"},
		{RegisterInfo(), mix("read", 0), "mix", "a sum of 0", "weights of which at least one is above 0"},
		{RegisterInfo(), option("roam", 1), "roam", "this option", "hot, hot_share, ops_per_key, writers"},
		{RegisterInfo(), option("writers", "two"), "writers", "two", "all, one"},
		{RegisterInfo(), option("hot", 20), "hot", "20", "a percentage from 0% to 100%"},
		{RegisterInfo(), option("hot", "NaN%"), "hot", "NaN%", "a percentage from 0% to 100%"},
		{ImmutableInfo(), option("hot_share", "90%"), "hot_share", "90%", "only together with hot above 0%"},
		{SetInfo(), option("removes", "101%"), "removes", "101%", "a percentage from 0% to 100%"},
		{CartInfo(), option("sharers", 0), "sharers", "0", "an integer from 1 to 10000"},
		{CounterInfo(), option("most", 0), "most", "0", "an integer from 1 to 1000000"},
		{CASInfo(), option("ops_per_key", "many"), "ops_per_key", "many", "an integer from 0 to 1000000000"},
		{AppendInfo(), option("ops_per_key", 1.5), "ops_per_key", "1.5", "an integer from 0 to 1000000000"},
		{SessionInfo(), option("devices", 3), "devices", "3", "an integer from 1 to 2"},
		{SessionInfo(), option("device_every", 0), "device_every", "0", "an integer from 1 to 1000000"},
		{QuestionAnswerInfo(), option("colocate", "yes"), "colocate", "yes", "true, false"},
		{QuestionAnswerInfo(), func(p *Params) { p.Concurrency = 2 }, "concurrency", "2",
			"an integer from 3 to 10000"},
		{QuestionAnswerInfo(), mix("read", 1), "mix", "a mix",
			"none: what a thread does follows from what it has read"},
	}
	for _, tt := range tests {
		p := params()
		tt.change(p)
		_, err := tt.info.New(p)
		want := ParamError{Path: tt.path, Value: tt.value, Allowed: tt.allowed}
		var wrong *ParamError
		if !errors.As(err, &wrong) || *wrong != want {
			t.Errorf("%s:\ngot  %v\nwant %v", tt.info.Name, err, &want)
		}
	}
}

// The integers of every type that a YAML decoder gives are taken.
func TestOptionsOfEveryType(t *testing.T) {
	for _, value := range []any{7, int64(7), uint64(7)} {
		p := params()
		p.Options = map[string]any{"ops_per_key": value}
		_, w := ran(t, RegisterInfo(), p, 0, 0, 5*second)
		if n := len(w.lines); n < 900 || !strings.Contains(w.lines[n-1], "w1") {
			t.Errorf("%T: last of %d: %s", value, n, w.lines[n-1])
		}
	}
}
