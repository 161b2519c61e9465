package checkers

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

// modelCases are histories of every model, drawn, with what becomes of them: "legal", the numbers of the
// operations (from 0, by call) that show that it is not, or why it is unknown.
var modelCases = []struct{ model, title, drawing, want string }{
	{"register", "fresh", `
		s1 |--w k=1--|
		s2               |--r k=1--|`, "legal"},
	{"register", "stale", `
		s1 |--w k=1--|  |--w k=1--|
		s2               |--w k=2--|
		s3                             |--r k=2--|  |--r k=1--|  |--r k=2--|`, "illegal [0 1 2 3 4]"},
	{"register", "deleted", `
		s1 |--w k=1--|  |--delete k--|
		s2                              |--r k=∅--|`, "legal"},
	{"register", "of nobody", `
		s1 |--w k=1--|
		s2              |--r k=7--|`, "illegal [1]"},
	{"register", "a failed write did nothing", `
		s1 |--w k=1--|  fail
		s2              |--r k=1--|`, "illegal [1]"},
	{"register", "no such function", `
		s1 |--w k=1--|
		s2              |--cas k 1→2--|`, "the model has no cas [1 2] (event 2)"},
	{"register", "no such function, but it failed", `
		s1 |--w k=1--|
		s2              |--cas k 1→2--|  fail`, "legal"},
	{"cas-register", "an ambiguous one may have been refused", `
		s1 |--w k=1--|
		s2              |--cas k 3→2--…
		s3                  |--r k=1--|  |--w k=3--|  |--r k=2--|`, "legal"},
	{"cas-register", "only one can have found it", `
		s1 |--w k=1--|
		s2              |--cas k 1→2--|
		s3              |--cas k 1→3--|`, "illegal [0 1 2]"},
	{"cas-register", "refused because of what it expected", `
		s1 |--w k=1--|
		s2              |--cas k 1→2 refused (is 1)--|`, "illegal [1]"},
	{"cas-register", "refused blindly", `
		s1 |--w k=1--|
		s2              |--cas k 1→2 refused--|`, "illegal [0 1]"},
	{"cas-register", "a cas to nothing may be what is read", `
		s1 |--w k=1--|  |--cas k 1→∅--|  |--w k=2--|
		s2                                             |--r k=∅--|`, "illegal [1 2 3]"},
	{"cas-register", "what a cas would have needed is shown, though it was called too late", `
		s3 !r k=∅!
		s2         |--cas k ∅→3 refused--|
		s0                               |--cas k 1→3--…
		s1                                  |--cas k ∅→1--…`, "illegal [1 2 3]"},
	{"register", "what was called after all was seen is not shown", `
		s1 |--w k=1--|  |--w k=2--|
		s2                            |--r k=1--|
		s3                                          |--w k=1--…
		s4                                          |--delete k--…`, "illegal [0 1 2]"},
	{"register", "what was deleted before is not shown", `
		s1 |--w k=1--|  |--delete k--|  |--w k=2--|  |--w k=3--|
		s2                                                         |--r k=2--|`, "illegal [2 3 4]"},
	{"register", "what was deleted after all was seen is not shown", `
		s1 |--w k=1--|
		s2              |--r k=∅--|
		s3                             |--delete k--…`, "illegal [0 1]"},
	{"counter", "what was added after all was read is not shown", `
		s1 |--incr k--|                |--incr k--|
		s2                |--r k=0--|`, "illegal [0 1]"},
	{"counter", "an answer that is no number", `
		s1 |--incr k--|
		s2                |--r k=x--|`, "read completed with x (event 2)"},
	{"queue", "nothing cannot be enqueued", `
		s1 |--enqueue k--|`, "the model has no enqueue (event 0)"},
	{"queue", "an argument of a dequeue is no element", `
		s1 |--dequeue k (5)--|  |--dequeue k (6)--|`, "legal"},
	{"queue", "other queues that were empty are not shown", `
		s1 |--dequeue k--|  |--enqueue k (1)--|
		s2                                       |--dequeue k--|`, "illegal [1 2]"},
	{"kv", "strings are put together", `
		s1 |--put k (a)--|  |--append k+=b--|
		s2                                     |--get k=ab--|`, "legal"},
	{"kv", "appends to nothing, and the empty string is nothing", `
		s1 |--get k=""--|  |--append k+=b--|
		s2                                    |--get k=b--|`, "legal"},
	{"kv", "an append is lost", `
		s1 |--append k+=a--|  |--append k+=b--|
		s2                                       |--get k=b--|`, "illegal [0 1 2]"},
	{"kv", "appends in two orders", `
		s1 |--append k+=a--|
		s2 |--append k+=b--|
		s3                     |--get k=ab--|  |--get k=ba--|`, "illegal [1 2 3]"},
	{"kv", "an append to a number", `
		s1 |--put k (1)--|  |--append k+=b--|`, "append to what is no string (event 0)"},
	{"set", "removed", `
		s1 |--add k (1)--|  |--remove k (1)--|
		s2                                      |--contains k (1)=false--|  |--r k=[]--|`, "legal"},
	{"set", "two reads that each element allows", `
		s1 |--add k (1)----|
		s2 |--add k (2)----|
		s3   |--r k=[1]--|
		s4   |--r k=[2]--|`, "illegal [0 1 2 3]"},
	{"set", "of another element nothing is needed", `
		s1 |--add k (1)--|  |--add k (2)--|
		s2                                   |--contains k (1)=false--|`, "illegal [0 2]"},
	{"set", "an odd answer", `s1 |--contains k (1)=2--|`, "contains completed with 2 (event 0)"},
	{"list", "reads that disagree", `
		s1 |--append k+=1--|
		s2 |--append k+=2--|
		s3                     |--r k=[1 2]--|  |--r k=[2 1]--|`, "illegal [0 1 2 3]"},
	{"list", "read twice what was appended once", `
		s1 |--append k+=1--|
		s3                     |--r k=[1 1]--|`, "illegal [0 1]"},
	{"list", "an odd answer", `s1 |--r k=2--|`, "read completed with 2 (event 0)"},
	{"counter", "down and up", `
		s1 |--incr k (5)--|  |--decr k--|
		s2   |--add k (-7)--|
		s3                               |--r k=-3--|`, "legal"},
	{"counter", "an increment is lost", `
		s1 |--incr k--|  |--incr k--|
		s3                              |--r k=1--|`, "illegal [0 1 2]"},
	{"counter", "an ambiguous one may count at any time", `
		s1 |--incr k--…
		s3               |--r k=0--|  |--r k=1--|`, "legal"},
	{"counter", "by what is no number", `s1 |--add k (a)--|`, "the model has no add a (event 0)"},
	{"queue", "in turn", `
		s1 |--enqueue k (1)--|  |--enqueue k (2)--|
		s2                                           |--dequeue k=1--|  |--dequeue k=2--|  |--dequeue k--|`,
		"legal"},
	{"queue", "out of turn", `
		s1 |--enqueue k (1)--|  |--enqueue k (2)--|
		s2                                           |--dequeue k=2--|`, "illegal [0 1 2]"},
	{"queue", "twice", `
		s1 |--enqueue k (1)--|
		s2                      |--dequeue k=1--|  |--dequeue k=1--|`, "illegal [0 1 2]"},
	{"queue", "an ambiguous dequeue took it", `
		s1 |--enqueue k (1)--|
		s2     |--dequeue k--…
		s3                      |--dequeue k--|`, "legal"},
	{"queue", "lost", `
		s1 |--enqueue k (1)--|
		s3                      |--dequeue k--|`, "illegal [0 1]"},
	{"mutex", "one after the other", `
		s1 |--acquire k--|  |--release k--|
		s2   |--acquire k--------------------|`, "legal"},
	{"mutex", "two holders", `
		s1 |--acquire k--|                 |--release k--|
		s2                  |--acquire k--|`, "illegal [0 1 2]"},
	{"mutex", "of another holder", `
		s1 |--acquire k--|
		s2                  |--release k--|`, "illegal [1]"},
	{"mutex", "an ambiguous release let it go", `
		s1 |--acquire k--|  |--release k--…
		s2                                   |--acquire k--|`, "legal"},
	{"mutex", "refused", `
		s1 |--acquire k--|
		s2                  |--acquire k=false--|`, "legal"},
	{"semaphore", "no such model", `s1 |--acquire k--|`,
		`there is no model "semaphore"; allowed: register, ` +
			`cas-register, kv, set, list, counter, queue, mutex`},
}

// modelJob returns the job of a drawn history of one key.
func modelJob(t *testing.T, model, drawing string) *Job {
	t.Helper()
	h, err := history.ParseDrawing(drawing)
	if err != nil {
		t.Fatal(err)
	}
	return &Job{Model: model, Ops: h.Ops(), Witness: true}
}

func outcome(a Answer) string {
	switch a.Result {
	case Valid:
		return "legal"
	case Invalid:
		return fmt.Sprint("illegal ", a.Witness)
	}
	return a.Reason
}

// TestModels checks what is legal in each model, and the witness of what is not. The same must come out of
// the job when it went to another process and back.
func TestModels(t *testing.T) {
	for _, c := range modelCases {
		job := modelJob(t, c.model, c.drawing)
		if got := outcome(InProcess{}.Run(context.Background(), job)); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.model, c.title, got, c.want)
		}
		var wire bytes.Buffer
		if err := job.Encode(&wire); err != nil {
			t.Fatal(err)
		}
		again, err := DecodeJob(&wire)
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(InProcess{}.Run(context.Background(), again)); got != c.want {
			t.Errorf("%s, %s: %s in another process, want %s", c.model, c.title, got, c.want)
		}
	}
}

// TestModelsTable checks that every model has a legal and an illegal case, and that its row is filled in.
func TestModelsTable(t *testing.T) {
	for _, m := range Models() {
		seen := map[string]bool{}
		for _, c := range modelCases {
			if c.model == m.Name {
				word, _, _ := strings.Cut(c.want, " ")
				seen[word] = true
			}
		}
		if !seen["legal"] && m.Name != "list" || !seen["illegal"] {
			t.Errorf("%s has no legal or no illegal case", m.Name)
		}
		if m.Keyed != (m.Name == ModelKV) {
			t.Errorf("%s: keyed %v", m.Name, m.Keyed)
		}
		if len(m.Functions) == 0 || !strings.HasSuffix(m.Meaning, ".") || strings.Contains(m.Meaning, "\t") {
			t.Errorf("%s: %+v", m.Name, m)
		}
		for _, f := range m.Functions {
			op := history.Op{F: f, Type: history.Info, Arg: history.IntsValue(1, 2)}
			for _, arg := range []history.Value{op.Arg, history.IntValue(1), history.StringValue("a"), {}} {
				op.Arg = arg
				if _, why := compile(&Job{Model: m.Name, Ops: []history.Op{op}}); why == "" {
					seen[f] = true
				}
			}
			if !seen[f] {
				t.Errorf("%s does not know %s", m.Name, f)
			}
		}
	}
}

// TestJobOverWire checks that what the engine looks at arrives as it was, strings that are no text too.
func TestJobOverWire(t *testing.T) {
	odd := history.StringValue("\xff\xfe\x00")
	values := []history.Value{{}, history.IntValue(-1 << 63), history.BoolValue(true),
		history.BoolValue(false), odd, history.ListValue(), history.ListValue(odd, history.IntsValue(1)),
		history.MapValue(map[string]history.Value{"a": odd, "b": {}})}
	job := &Job{Model: "kv", Limits: Limits{1, 2, 3}, Witness: true}
	for i, v := range values {
		job.Ops = append(job.Ops, history.Op{Index: i, Invoked: 7 * i, Done: -1, Process: int32(i),
			Session: fmt.Sprint("s", i), F: "put", Arg: v, Result: values[len(values)-1-i],
			Call: int64(i), Return: history.Never, Type: history.Info, Keys: make([]string, i%2*2)})
	}
	var wire bytes.Buffer
	if err := job.Encode(&wire); err != nil {
		t.Fatal(err)
	}
	whole := slices.Clone(wire.Bytes())
	again, err := DecodeJob(&wire)
	if err != nil {
		t.Fatal(err)
	}
	for i := range job.Ops {
		a, b := &job.Ops[i], &again.Ops[i]
		if !a.Arg.Equal(b.Arg) || !a.Result.Equal(b.Result) || len(a.Keys) != len(b.Keys) {
			t.Errorf("%+v became %+v", a, b)
		}
		b.Arg, b.Result, b.Keys = a.Arg, a.Result, a.Keys
	}
	if !reflect.DeepEqual(job, again) {
		t.Errorf("%+v\nbecame\n%+v", job, again)
	}
	for n := range len(whole) {
		if _, err := DecodeJob(bytes.NewReader(whole[:n])); err == nil {
			t.Errorf("read from %d of %d bytes", n, len(whole))
		}
	}
}

// subsets returns a job whose illegality takes a configuration for each subset of so many operations.
func subsets(n int) *Job {
	job := &Job{Model: "counter"}
	for i := range n {
		job.Ops = append(job.Ops, history.Op{F: history.FAdd, Arg: history.IntValue(1 << i), Return: 1,
			Type: history.Ok})
	}
	job.Ops = append(job.Ops, history.Op{F: history.FRead, Result: history.IntValue(-1), Call: 2, Return: 3,
		Type: history.Ok})
	return job
}

// TestInProcessBounds checks that a search beyond its bounds is unknown and says why, and that one that
// just keeps to them is not.
func TestInProcessBounds(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	const ops = 12
	each := int64((ops+1)/8 + perConfiguration + 8)
	need := each * (1<<ops - 1)
	for _, c := range []struct {
		name   string
		ctx    context.Context
		limits Limits
		want   string
	}{
		{"none", context.Background(), Limits{}, "illegal []"},
		{"operations", context.Background(), Limits{OpsPerKey: ops},
			"13 operations, at most 12 are searched"},
		{"just enough operations", context.Background(), Limits{OpsPerKey: ops + 1}, "illegal []"},
		{"just enough memory", context.Background(), Limits{Memory: need}, "illegal []"},
		{"too little memory", context.Background(), Limits{Memory: need - 1},
			fmt.Sprintf("the search needed more than %d KiB", (need-1)>>10)},
		{"time", context.Background(), Limits{Deadline: 1}, "the search took longer than 1 ns"},
		{"stopped", cancelled, Limits{}, "stopped before it was decided"},
	} {
		job := subsets(ops)
		job.Limits = c.limits
		answer := InProcess{}.Run(c.ctx, job)
		if got := outcome(answer); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if answer.Result == Invalid && answer.Steps <= 1<<ops {
			t.Errorf("%s: %d steps for %d configurations", c.name, answer.Steps, 1<<ops)
		}
	}
}

// TestSearchEndsAtItsBound checks that a search that would take for ever ends once its memory is used up.
func TestSearchEndsAtItsBound(t *testing.T) {
	job := subsets(62)
	job.Limits = Limits{Memory: 1 << 12, Deadline: time.Hour}
	if got := outcome(InProcess{}.Run(t.Context(), job)); got != "the search needed more than 4 KiB" {
		t.Error(got)
	}
}

// TestOddOperations checks operations that no reader should make.
func TestOddOperations(t *testing.T) {
	for _, c := range []struct {
		op   history.Op
		want string
	}{
		{history.Op{F: "read", Call: 5, Return: 4, Type: history.Ok, Invoked: 3},
			"read returned before it was called (event 3)"},
		{history.Op{F: "write", Keys: []string{"a", "b"}},
			"the model has no write of several keys (event 0)"},
		{history.Op{F: "peek", Result: history.IntValue(7), Type: history.Ok}, "legal"},
		{history.Op{F: "cas", Arg: history.IntValue(7)}, "the model has no cas 7 (event 0)"},
		{history.Op{F: "cas", Arg: history.IntsValue(7, 8), Result: history.IntValue(1), Type: history.Ok},
			"cas completed with 1 (event 0)"},
	} {
		job := &Job{Model: "cas-register", Ops: []history.Op{c.op}}
		if got := outcome(InProcess{}.Run(context.Background(), job)); got != c.want {
			t.Errorf("%+v: %s, want %s", c.op, got, c.want)
		}
	}
}

// TestSpecified checks the verdict about several keys.
func TestSpecified(t *testing.T) {
	for _, c := range []struct{ model, drawing, want string }{
		{"counter", `
			s1 |--incr a--|  |--incr b--|
			s2                              |--r a=1--|  |--r b=1--|`, "valid by porcupine, 2 opportunities"},
		{"counter", `
			s1 |--incr a--|
			s2 |--r a=1---|`, "unknown by porcupine, 0 opportunities: not exercised"},
		{"counter", `
			s1 |--incr a--|  |--swap b--|
			s2                              |--r a=1--|  |--r b=1--|`,
			"unknown by porcupine, 1 opportunities: key b: the model has no swap (event 2)"},
		{"counter", `
			s1 |--incr a--|  |--swap b--|
			s2                              |--r a=2--|  |--r [a c]=[1 1]--|`,
			"invalid by porcupine, 2 opportunities, [not-linearizable:2]"},
		{"counter", `
			s1 |--incr a--|  |--r a=1--|
			s2               |--r [a c]--…`, "valid by porcupine, 1 opportunities"},
		{"counter", `
			s1 |--incr a--|  |--r a=1--|
			s2               |--r [a c]=[1]--|`, "unknown by porcupine, 0 opportunities: " +
			"key a: the model has no read of several keys (event 3); and 1 more keys"},
		{"counter", `
			s1 |--r a=0--|  |--r a=0--|`, "unknown by porcupine, 0 opportunities: not exercised"},
		{"counter", `
			s1 |--incr a--|
			s2            |--r a=1--|  |--r a=1--|`, "valid by porcupine, 1 opportunities"},
		{"counter", `
			s1 |--incr a (9223372036854775807)--|  |--incr a (1)--|
			s2                                                       |--r a=-9223372036854775808--|`,
			"unknown by porcupine, 0 opportunities: key a: it counts further than 64 bits"},
		{"counter", `
			s1 |--decr a (-9223372036854775808)--|
			s2                                      |--r a=-9223372036854775808--|`,
			"unknown by porcupine, 0 opportunities: key a: the model has no decr -9223372036854775808 " +
				"(event 0)"},
		{"kv", `
			s1 |--put a (1)--|
			s2                  |--txn [w a=2]--|
			s3                                     |--get a=2--|`,
			"unknown by porcupine, 0 opportunities: the model has no txn (event 2)"},
	} {
		h, err := history.ParseDrawing(c.drawing)
		if err != nil {
			t.Fatal(err)
		}
		checker, err := Specified(c.model, Limits{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		v := checker.Check(context.Background(), h)[0]
		if got, _, _ := strings.Cut(describe(v), "\n"); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.drawing, got, c.want)
		}
		if v.Result == Invalid && len(v.Anomalies) != int(v.Counts[NotLinearizable]) {
			t.Errorf("%d anomalies, %v", len(v.Anomalies), v.Counts)
		}
	}
	if _, err := Specified("bag", Limits{}, nil); err == nil {
		t.Error("there is a model bag")
	}
}

// TestSetOfManyElements checks sets whose states take several words.
func TestSetOfManyElements(t *testing.T) {
	for _, missing := range []int64{-1, 0, 63, 64, 127} {
		job := &Job{Model: ModelSet}
		add := func(f string, arg, result history.Value) {
			at := int64(10 * len(job.Ops))
			job.Ops = append(job.Ops, history.Op{F: f, Arg: arg, Result: result, Type: history.Ok, Call: at,
				Return: at + 1})
		}
		for e := range int64(128) {
			add(history.FAdd, history.IntValue(e), history.Value{})
		}
		for e := range int64(128) {
			add(fContains, history.IntValue(e), history.BoolValue(e != missing))
		}
		want := Invalid
		if missing < 0 {
			want = Valid
		}
		if got := (InProcess{}).Run(t.Context(), job).Result; got != want {
			t.Errorf("without %d: %v", missing, got)
		}
	}
}
