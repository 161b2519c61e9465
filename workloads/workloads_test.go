package workloads

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// variants are the workloads with options that change what they do.
func variants() map[string]func() (Info, *Params) {
	with := func(info Info, change func(p *Params)) func() (Info, *Params) {
		return func() (Info, *Params) {
			p := params()
			change(p)
			return info, p
		}
	}
	plain := func(*Params) {}
	return map[string]func() (Info, *Params){
		"register":        with(RegisterInfo(), plain),
		"cas":             with(CASInfo(), plain),
		"append":          with(AppendInfo(), plain),
		"session":         with(SessionInfo(), plain),
		"question-answer": with(QuestionAnswerInfo(), plain),
		"register-short": with(RegisterInfo(), func(p *Params) {
			p.Options = map[string]any{"ops_per_key": 20}
		}),
		"session-devices": with(SessionInfo(), func(p *Params) {
			p.Options = map[string]any{"devices": 2, "roam": 3}
			p.Mix = map[string]int{"write": 3, "read-own": 1, "read-other": 1, "read-two": 3}
		}),
		"set":       with(SetInfo(), plain),
		"cart":      with(CartInfo(), plain),
		"counter":   with(CounterInfo(), plain),
		"immutable": with(ImmutableInfo(), plain),
		"delete":    with(DeleteInfo(), plain),
		"register-single": with(RegisterInfo(), func(p *Params) {
			p.Options = map[string]any{"writers": "one", "ops_per_key": 50}
			p.Keys = 25
		}),
		"register-hot": with(RegisterInfo(), func(p *Params) {
			p.Options = map[string]any{"hot": "20%", "hot_share": "60%"}
		}),
		"set-removes": with(SetInfo(), func(p *Params) {
			p.Options = map[string]any{"removes": "30%", "hot": "10%", "ops_per_key": 40}
		}),
		"question-answer-colocated": with(QuestionAnswerInfo(), func(p *Params) {
			p.Options = map[string]any{"colocate": true}
			p.Keys, p.Concurrency = 3, 20
		}),
	}
}

// eachVariant runs the test for every variant, by name.
func eachVariant(t *testing.T, test func(t *testing.T, info Info, p *Params)) {
	all := variants()
	for _, name := range sorted(all) {
		t.Run(name, func(t *testing.T) {
			info, p := all[name]()
			test(t, info, p)
		})
	}
}

func sorted[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// The first operations of every variant, and of its final phase, line by line.
func TestGoldenSchedules(t *testing.T) {
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		workload, w := begin(t, info, p, 1)
		w.info, w.fail = 50_000, 50_000
		w.run(plan.Until(2*second, workload), 10*second)
		lines := slices.Clone(w.lines[:30])
		before := len(w.lines)
		w.run(workload.Final(), 100*second)
		lines = append(lines, "finally")
		lines = append(lines, w.lines[before:before+3]...)
		lines = append(lines, w.lines[len(w.lines)-3:]...)
		got := strings.Join(lines, "\n") + "\n"

		file := filepath.Join("testdata", filepath.Base(t.Name())+".golden")
		if *rewrite {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestAskingTwiceChangesNothing(t *testing.T) {
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		var runs [2][]string
		for i := range runs {
			workload, w := begin(t, info, p, 5)
			w.info, w.fail, w.extra = 100_000, 100_000, 3*i
			w.run(plan.Sequence(plan.Until(5*second, workload), workload.Final()), 200*second)
			runs[i] = w.lines
		}
		if len(runs[0]) < 500 || !slices.Equal(runs[0], runs[1]) {
			t.Errorf("asked once %d operations, more often %d, or other ones", len(runs[0]), len(runs[1]))
		}
	})
}

// Every value is written once in its key, and values count from 1 without gaps.
func TestValuesAreDense(t *testing.T) {
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		if slices.Contains(uniqueInTheRun, info.Name) || info.Name == "counter" {
			return
		}
		_, w := ran(t, info, p, 200_000, 200_000, 20*second)
		last := make(map[string]int64)
		for i := range w.events {
			ev := &w.events[i]
			if ev.Type != history.Invoke || ev.F == history.FRead {
				continue
			}
			value := ev.Value
			if list, ok := value.AsList(); ok {
				value = list[1]
			}
			n, _ := value.AsInt()
			leap := strings.HasPrefix(info.Name, "question") && strings.HasSuffix(ev.Key, "r")
			if n != last[ev.Key]+1 && !(leap && n > last[ev.Key]) {
				t.Fatalf("%v writes %v to %s after %d", ev.Op, ev.Value, ev.Key, last[ev.Key])
			}
			last[ev.Key] = n
		}
		if len(last) < p.Keys/2 {
			t.Errorf("only %d keys were written", len(last))
		}
	})
}

// ran runs a workload for some time, with so many operations in a million that fail, or end in info.
func ran(t *testing.T, info Info, p *Params, fail, unknown int64, time int64) (Workload, *world) {
	t.Helper()
	workload, w := begin(t, info, p, 11)
	w.fail, w.info = fail, unknown
	w.run(plan.Until(time, workload), time+60*second)
	return workload, w
}

func TestOpIDsCountPerThread(t *testing.T) {
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		workload, w := ran(t, info, p, 100_000, 100_000, 5*second)
		w.run(workload.Final(), 300*second)
		last := make([]int32, p.FirstThread+p.Concurrency)
		sessions := make(map[string]int32)
		for i := range w.events {
			ev := &w.events[i]
			if ev.Type != history.Invoke {
				continue
			}
			if ev.Op.N != last[ev.Op.Thread]+1 || int(ev.Op.Thread) < p.FirstThread {
				t.Fatalf("%v after %d operations of its thread", ev.Op, last[ev.Op.Thread])
			}
			last[ev.Op.Thread] = ev.Op.N
			if thread, seen := sessions[ev.Session]; seen && thread != ev.Op.Thread {
				t.Fatalf("session %s is on threads %d and %d", ev.Session, thread, ev.Op.Thread)
			}
			sessions[ev.Session] = ev.Op.Thread
		}
		for i := range p.Concurrency {
			if sessions[fmt.Sprintf("ws%d", i+1)] != int32(p.FirstThread+i) {
				t.Errorf("session ws%d has no thread of its own: %v", i+1, sessions)
			}
		}
	})
}

func TestRate(t *testing.T) {
	for _, rate := range []float64{10, 100, 300} {
		eachVariant(t, func(t *testing.T, info Info, p *Params) {
			p.Rate, p.Concurrency = rate, 20
			_, w := ran(t, info, p, 0, 0, 40*second)
			if n, want := float64(len(w.lines)), rate*40; n < want*0.95 || n > want*1.05 {
				t.Errorf("%v operations at %v a second in 40 s", n, rate)
			}
		})
	}
}

// Whatever fails, every thread goes on to the end.
func TestNeverComesToAStop(t *testing.T) {
	for _, share := range []int64{300_000, 1_000_000} {
		eachVariant(t, func(t *testing.T, info Info, p *Params) {
			p.Concurrency = 20
			_, w := ran(t, info, p, share/2, share, 30*second)
			late := make(map[string]int)
			for i := range w.events {
				if ev := &w.events[i]; ev.Type == history.Invoke && ev.Time > 25*second {
					late[ev.Session]++
				}
			}
			if len(late) != p.Concurrency || len(w.lines) < int(p.Rate)*30*9/10 {
				t.Errorf("%d operations; %d sessions go on at the end", len(w.lines), len(late))
			}
		})
	}
}

func TestFinalReadsEverything(t *testing.T) {
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		workload, w := ran(t, info, p, 100_000, 200_000, 10*second)
		want := make(map[string]bool) // what must be read and peeked
		for i := range w.events {
			for _, key := range append(slices.Clone(w.events[i].Keys), w.events[i].Key) {
				if key == "" {
					continue
				}
				want[history.FRead+" "+key] = true
				for _, node := range p.Nodes {
					want[history.FPeek+" "+key+" "+node] = true
				}
			}
		}
		start := len(w.events)
		w.fail = 300_000
		if !w.run(workload.Final(), w.now+500*second) {
			t.Fatal("the final phase does not end")
		}
		answered, tried, readers := make(map[string]bool), make(map[string]int), make(map[string]bool)
		peeked := false
		for i := start; i < len(w.events); i++ {
			ev := &w.events[i]
			what := ev.F + " " + ev.Key
			if ev.F == history.FPeek {
				what, peeked = what+" "+ev.Node, true
			} else if peeked {
				t.Fatal("an ordinary read after a peek")
			}
			switch {
			case ev.Type == history.Invoke:
				tried[what]++
				readers[ev.Session] = true
			case ev.Type == history.Ok:
				answered[what] = true
			}
		}
		for what := range want {
			if !answered[what] && tried[what] != finalTries {
				t.Errorf("%s was tried %d times and never answered", what, tried[what])
			}
		}
		if len(answered) < len(want)*95/100 || len(tried) < len(want) || len(readers) != p.Concurrency {
			t.Errorf("%d of %d answered, by %d sessions", len(answered), len(want), len(readers))
		}
	})
}

func TestFinalEndsWhenNothingAnswers(t *testing.T) {
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		workload, w := ran(t, info, p, 0, 0, second)
		before := len(w.lines)
		w.fail = 1_000_000
		if !w.run(workload.Final(), w.now+500*second) {
			t.Fatal("the final phase does not end")
		}
		if n := len(w.lines) - before; n%(finalTries*(1+len(p.Nodes))) != 0 || n == 0 {
			t.Errorf("%d final operations", n)
		}
	})
}

// Events of others do not disturb a workload.
func TestForeignEventsAreIgnored(t *testing.T) {
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		workload := build(t, info, p)
		ctx := &plan.Context{Free: plan.NewThreads(p.FirstThread + p.Concurrency + 1)}
		for _, ev := range []history.Event{
			{Process: history.Nemesis, F: "partition", Type: history.Info},
			{Process: history.Harness, F: history.FPhase, Type: history.Info},
			{Process: 0, Op: history.OpID{Thread: 0, N: 1}, Type: history.Info, F: history.FWrite},
			{Process: 3, Op: history.OpID{Thread: 3, N: 1}, Type: history.Info, F: history.FWrite},
			{Process: 12, Op: history.OpID{Thread: 12, N: 1}, Type: history.Info, F: history.FWrite},
			{Process: 40, Op: history.OpID{Thread: 40, N: 1}, Type: history.Ok, F: history.FWrite},
		} {
			workload.Update(ctx, &ev)
			workload.Final().Update(ctx, &ev)
		}
		w := newWorld(t, p.FirstThread+p.Concurrency+1, keyed.New(1).Named("world"))
		w.run(plan.Until(2*second, workload), 10*second)
		same, v := begin(t, info, p, 1)
		v.run(plan.Until(2*second, same), 10*second)
		if !slices.Equal(v.lines, w.lines) {
			t.Error("foreign events changed the schedule")
		}
	})
}

// undecided reports whether a verdict cannot be reached by the variant: its sets are removed from.
func undecided(p *Params, v *checkers.Verdict) bool {
	return p.Options["removes"] != nil && v.Property == checkers.PropertySet
}

// A single copy that serves one operation after the other keeps every guarantee, whatever fails between it
// and its clients; and every guarantee is exercised.
func TestCheckersAcceptASingleCopy(t *testing.T) {
	for _, share := range []int64{0, 150_000} {
		eachVariant(t, func(t *testing.T, info Info, p *Params) {
			for _, v := range verdicts(t, info, p, func(w *world) { w.fail, w.info = share, share }) {
				want := checkers.Valid
				if undecided(p, &v) {
					want = checkers.Unknown
				}
				if v.Result != want || v.Opportunities == 0 {
					t.Errorf("%s: %v %s, %d opportunities, %v",
						v.Property, v.Result, v.Reason, v.Opportunities, v.Counts)
				}
				if x := v.Measures["stale_share"]; x != 0 {
					t.Errorf("a share %v of the reads is stale", x)
				}
			}
		})
	}
}

// Reads that lag behind break all that speaks of reads, and nothing that speaks of the state at the end.
// They are as stale as they lag at the most.
func TestCheckersRefuseReadsThatLag(t *testing.T) {
	const lag = second / 2
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		for _, v := range verdicts(t, info, p, func(w *world) { w.lag = lag }) {
			want := checkers.Invalid
			switch v.Property {
			case checkers.PropertyStaleness: // nobody has set bounds
				want = checkers.Valid
				most, share := v.Measures["t_max_ns"], v.Measures["stale_share"]
				if most <= 0 || most > float64(lag) || share <= 0 {
					t.Errorf("%v, want stale reads, by %v ns at the most", v.Measures, int64(lag))
				}
			case checkers.Durability, checkers.Convergence, checkers.Availability:
				want = checkers.Valid
			case checkers.PropertySet: // elements are late, not lost
				if want = checkers.Valid; undecided(p, &v) {
					want = checkers.Unknown
				}
			case checkers.MonotonicWrites, checkers.WritesFollowReads:
				// An old list is a prefix of the new one: it shows no element without those before it.
				if info.Name == "append" {
					want = checkers.Valid
				}
			}
			if v.Result != want {
				t.Errorf("%s: %v %s, %d opportunities", v.Property, v.Result, v.Reason, v.Opportunities)
			}
		}
	})
}

// verdicts runs a workload whole, in a world that set has changed, and has it checked.
func verdicts(t *testing.T, info Info, p *Params, set func(w *world)) []checkers.Verdict {
	t.Helper()
	workload, w := begin(t, info, p, 11)
	set(w)
	w.run(plan.Until(20*second, workload), 100*second) // to its end: what is late has landed
	w.fail, w.now = 0, w.now+10*second
	w.events = append(w.events, history.Event{
		Index: len(w.events), Time: w.now, Type: history.Info, Process: history.Harness, F: history.FPhase,
		Value: history.StringValue(history.PhaseFinal),
	})
	w.run(workload.Final(), w.now+300*second)
	h := history.Build(&history.Header{Nodes: p.Nodes}, w.events)
	var all []checkers.Verdict
	for _, checker := range workload.Checkers() {
		all = append(all, checker.Check(context.Background(), h)...)
	}
	return all
}

func TestMakesNamesWhatTheCheckersDecide(t *testing.T) {
	eachVariant(t, func(t *testing.T, info Info, p *Params) {
		if len(info.Makes) < 2 || info.Summary == "" {
			t.Errorf("%s makes %v possible", info.Name, info.Makes)
		}
		for _, name := range properties(build(t, info, p).Checkers()) {
			if slices.Contains(info.Makes, name) == slices.Contains(info.Offers, name) {
				t.Errorf("%s is checked: either among %v or among %v", name, info.Makes, info.Offers)
			}
		}
	})
}

func BenchmarkWorkload(b *testing.B) {
	for _, info := range All() {
		b.Run(info.Name, func(b *testing.B) {
			p := params()
			p.Rate, p.Keys = 1000, 20
			src := plan.Until(1<<62, build(b, info, p))
			ctx := &plan.Context{Free: plan.NewThreads(p.FirstThread + p.Concurrency)}
			var step plan.Step
			ev := history.Event{Type: history.Ok}
			b.ReportAllocs()
			for b.Loop() { // an operation: a wait, its dispatch, its completion
				src.Next(ctx, &step)
				if step.Kind == plan.Wait {
					ctx.Now = step.Until
					src.Next(ctx, &step)
				}
				op := &step.Op
				ev.Op, ev.Process, ev.F, ev.Key, ev.Value = op.ID, op.ID.Thread, op.F, op.Key, op.Value
				src.Update(ctx, &ev)
			}
		})
	}
}

// TestLostSessionsAreReplaced: after token-lost the user logs in anew, and what the old session had written
// and read does not count for the new one.
func TestLostSessionsAreReplaced(t *testing.T) {
	p := &Params{Keys: 2, Rate: 10, Concurrency: 2, Nodes: []string{"n1"}, Prefix: "w"}
	w, err := newSession(p)
	if err != nil {
		t.Fatal(err)
	}
	ctx := &plan.Context{Now: 10_000_000_000, Free: plan.NewThreads(2)}
	var first, second plan.Step
	w.Next(ctx, &first)
	if first.Kind != plan.DoOp {
		t.Fatalf("got step %d, want an operation", first.Kind)
	}
	w.Update(ctx, &history.Event{Type: history.Fail, F: first.Op.F, Key: first.Op.Key, Op: first.Op.ID,
		Err: history.Error{Code: history.TokenLost}})
	for range 100 {
		ctx.Now += 1_000_000_000
		w.Next(ctx, &second)
		if second.Kind == plan.DoOp && second.Op.ID.Thread == first.Op.ID.Thread {
			break
		}
	}
	if want := first.Op.Session + ".1"; second.Op.Session != want {
		t.Errorf("the session after %s is %s, want %s", first.Op.Session, second.Op.Session, want)
	}
	own := w.(*workload).crew.player.(*users).places[first.Op.ID.Thread].key
	if own != "w3" {
		t.Errorf("the user's key is still %s", own)
	}
}
