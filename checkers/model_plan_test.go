package checkers

import (
	"context"
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

// planCases are drawn histories with what pruning makes of them: what is impossible by itself, or the
// ambiguous acts, by call: left out, closed by another, or open.
var planCases = []struct{ model, title, drawing, want string }{
	{"register", "nobody saw it", `
		s1 |--w k=1--…
		s2              |--r k=∅--|`, "0 out"},
	{"list", "nobody saw it", `
		s1 |--append k+=1--…
		s2                    |--r k=[]--|`, "0 out"},
	{"queue", "nobody saw it", `
		s1 |--enqueue k (1)--…
		s2                    |--dequeue k--|`, "0 out"},
	{"set", "nobody saw it", `
		s1 |--add k (1)--…
		s2                    |--r k=[]--|`, "0 out"},
	{"register", "it was seen", `
		s1 |--w k=1--…
		s2              |--r k=1--|`, "0 closed by 1"},
	{"register", "it was seen at the moment of its call", `
		s1           |--w k=1--…
		s2 |--r k=1--|`, "1 closed by 0"},
	{"register", "it was seen twice", `
		s1    |--w k=1--…
		s2  |--r k=1--|
		s3                 |--r k=1--|`, "1 closed by 0"},
	{"register", "what was called later saw it first", `
		s1    |--w k=1--…
		s2  |--------r k=1-------|
		s3           |--r k=1--|`, "1 closed by 2"},
	{"register", "two returned at once that saw it", `
		s1 |--w k=1--…
		s2              |--r k=1--|
		s3               |-r k=1--|`, "0 closed by 1"},
	{"register", "another may have made it", `
		s1 |--w k=1--…
		s3  |--w k=1--…
		s2              |--r k=1--|`, "0 open, 1 open"},
	{"register", "what was there at first needs nobody", `
		s1 |--w k=∅--…
		s2               |--r k=∅--|`, "0 open"},
	{"register", "nobody saw nothing", `
		s1 |--w k=∅--…   |--w k=1--…
		s2                             |--w k=2--|`, "0 out, 1 out"},
	{"cas-register", "a cas made what another found", `
		s1 |--w k=1--|
		s2              |--cas k 1→2--…
		s3                 |--cas k 2→3--…
		s4                                   |--r k=3--|`, "1 closed by 2, 2 closed by 3"},
	{"cas-register", "a cas made what one found that was called before", `
		s1 |--w k=1--|
		s2              |--cas k 2→3--…
		s3                 |--cas k 1→2--…
		s4                                   |--r k=3--|`, "1 closed by 3, 2 closed by 1"},
	{"cas-register", "a cas may need what nobody saw, and is not needed itself", `
		s1 |--w k=5--…
		s2              |--cas k 5→6--…
		s4                                   |--r k=∅--|`, "0 out, 1 out"},
	{"cas-register", "an acknowledged cas needs nothing but what it found", `
		s1 |--w k=5--…
		s2  |--w k=∅--…
		s3                 |--cas k ∅→6--|`, "0 out, 1 open"},
	{"cas-register", "who was refused blindly may have found anything", `
		s1 |--w k=5--…
		s2                 |--cas k 1→2 refused--|`, "0 open"},
	{"cas-register", "an ambiguous one is seen before what it needs was called", `
		s1 |--cas k 7→8--…
		s2               |--r k=8--|
		s3                             |--w k=7--…`, "0 closed by 1, 2 open"},
	{"register", "nobody made it", `
		s1 |--w k=1--|
		s2              |--r k=7--|`, "wrong [1]"},
	{"register", "it was made later", `
		s1              |--w k=1--|
		s2 |--r k=1--|`, "wrong [0 1]"},
	{"register", "the first that is wrong", `
		s1 |--r k=7--|
		s2              |--r k=8--|  |--w k=1--|`, "wrong [0]"},
	{"register", "nothing was there at first", `
		s1 |--r k=∅--|
		s2              |--w k=∅--|`, ""},
	{"queue", "it was taken twice", `
		s1 |--enqueue k (1)--|
		s2                    |--dequeue k=1--|  |--dequeue k=1--|`, "wrong [0 1 2]"},
	{"list", "it is there twice", `
		s1 |--append k+=1--|
		s2                    |--r k=[1 1]--|`, "wrong [1 0]"},
	{"counter", "nothing is known of what made a sum", `
		s1 |--incr k--…
		s2               |--r k=0--|`, "0 open"},
}

// TestPlans checks what pruning makes of a history, so that the search is no larger than it need be.
func TestPlans(t *testing.T) {
	for _, c := range planCases {
		p, why := compile(modelJob(t, c.model, c.drawing))
		if why != "" {
			t.Errorf("%s, %s: %s", c.model, c.title, why)
			continue
		}
		if got := describePlan(p); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.model, c.title, got, c.want)
		}
	}
}

func describePlan(p *plan) string {
	if p.wrong != nil {
		return fmt.Sprint("wrong ", p.wrong)
	}
	var acts []string
	for i := range p.acts {
		a := &p.acts[i]
		switch {
		case p.job.Ops[a.op].Type == history.Ok:
		case a.kind == noAct:
			acts = append(acts, fmt.Sprintf("%d out", i))
		case !a.sure:
			acts = append(acts, fmt.Sprintf("%d open", i))
		case a.ret != p.acts[a.closer].ret:
			acts = append(acts, fmt.Sprintf("%d closed too late", i))
		default:
			acts = append(acts, fmt.Sprintf("%d closed by %d", i, a.closer))
		}
	}
	return strings.Join(acts, ", ")
}

// TestPart checks that what an act is told to leave is kept as long as the act that told it is in the part.
func TestPart(t *testing.T) {
	p, why := compile(modelJob(t, "kv", `
		s1 |--append k+=a--|  |--append k+=b--|
		s2                                       |--r k=ab--|`))
	if why != "" {
		t.Fatal(why)
	}
	for _, c := range []struct {
		acts []int32
		want any
	}{{[]int32{0, 1, 2}, "ab"}, {[]int32{0, 1}, nil}} {
		if got := p.part(c.acts)[1].after; got != c.want {
			t.Errorf("in %v: after the second append it is %v, want %v", c.acts, got, c.want)
		}
	}
}

// countingRunner counts the searches that it is asked for.
type countingRunner struct{ jobs *int }

func (r countingRunner) Run(context.Context, *Job) Answer {
	*r.jobs++
	return Answer{Result: Valid}
}

// TestSearchedBy checks whose searches go to another runner.
func TestSearchedBy(t *testing.T) {
	h := drawn(t, "s1 |--w k=1--|  |--w k=1--|  |--r k=1--|")
	spec, err := Specified(ModelRegister, Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Checker{spec, Linearizable(Register, LinOptions{})} {
		jobs := 0
		if SearchedBy(c, countingRunner{&jobs}).Check(t.Context(), h); jobs != 1 {
			t.Errorf("%T: %d searches", c, jobs)
		}
		if SearchedBy(c, nil) != c || jobs != 1 {
			t.Errorf("%T: changed by no runner", c)
		}
	}
	if c := Available(); SearchedBy(c, countingRunner{}) != c {
		t.Error("a checker that never searches was changed")
	}
}

// TestStates checks what states are equal, however they came about, and what they are said to take.
func TestStates(t *testing.T) {
	m := machine{}.sequences()
	one, two := newSequence([]int32{1}), newSequence([]int32{1, 2})
	if !m.equal(one.with(2), two) || m.equal(one, two) || m.equal(two, newSequence([]int32{2, 1})) {
		t.Error("sequences are equal that are not, or the other way round")
	}
	if m.equal(one, &sequence{[]int32{2}, one.hash}) || m.equal(one, &sequence{one.elements, 0}) {
		t.Error("sequences are equal by their elements or their hashes alone")
	}
	if got := m.size(two); got != 4*2+32 {
		t.Errorf("a sequence of 2 elements takes %d bytes", got)
	}
	p := &plan{}
	p.values.names = make([]history.Value, 80)
	set, _ := readySet(p)
	if got := set.size(nil); got != 80/8+40 {
		t.Errorf("a set of 80 values takes %d bytes", got)
	}
}

// TestSetsOfOneHash checks that a set is not taken for another of the same hash.
func TestSetsOfOneHash(t *testing.T) {
	elements := sumlessElements()
	job := &Job{Model: ModelSet}
	add := func(f string, arg, result history.Value) {
		n := int64(len(job.Ops))
		job.Ops = append(job.Ops, history.Op{F: f, Arg: arg, Result: result, Call: 2 * n, Return: 2*n + 1,
			Type: history.Ok})
	}
	for e := range int64(100) { // so that they have their numbers
		add(history.FAdd, history.IntValue(e+1), history.Value{})
		if !elements[e+1] {
			add(history.FRemove, history.IntValue(e+1), history.Value{})
		}
	}
	add(history.FRead, history.Value{}, history.ListValue())
	p, why := compile(job)
	if why != "" {
		t.Fatal(why)
	}
	s := p.machine.init.(*elementSet)
	for e := range elements {
		s = s.with(int32(e), true)
	}
	if s.hash != 0 || len(elements) == 0 {
		t.Fatalf("%d elements have the hash %x, the empty set 0", len(elements), s.hash)
	}
	if answer := (InProcess{}).Run(t.Context(), job); answer.Result != Invalid {
		t.Errorf("%v, a set of %d elements was read as empty", answer.Result, len(elements))
	}
}

// sumlessElements returns numbers of elements, from 1, whose set has the hash of the empty one: hashes of 64
// bits of more than 64 elements depend on each other.
func sumlessElements() map[int64]bool {
	type row struct {
		hash uint64
		of   map[int64]bool
	}
	basis := map[int]row{} // by highest bit
	for e := int64(1); ; e++ {
		r := row{mix(uint64(e) + 1), map[int64]bool{e: true}}
		for r.hash != 0 {
			by, known := basis[bits.Len64(r.hash)]
			if !known {
				basis[bits.Len64(r.hash)] = r
				break
			}
			r.hash ^= by.hash
			for x := range by.of {
				if r.of[x] {
					delete(r.of, x)
				} else {
					r.of[x] = true
				}
			}
		}
		if r.hash == 0 {
			return r.of
		}
	}
}

// TestSearchStops checks that a search ends at its last step, and looks at the clock before its first.
func TestSearchStops(t *testing.T) {
	p, why := compile(subsets(4))
	if why != "" {
		t.Fatal(why)
	}
	run := func(ctx context.Context, p *plan, most int64) Answer {
		s := seeker{ctx: ctx, plan: p, limits: Limits{}.OrDefault(), most: most,
			deadline: time.Now().Add(time.Hour)}
		return s.run(p.all())
	}
	steps := run(t.Context(), p, 0).Steps
	for less := range int64(2) {
		if got := run(t.Context(), p, steps-less).Result; (got == Unknown) != (less == 1) {
			t.Errorf("%d of %d steps: %v", steps-less, steps, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	one, _ := compile(modelJob(t, "register", "s1 |--w k=1--|"))
	if got := run(ctx, one, 0).Result; got != Unknown {
		t.Errorf("stopped before its first step: %v", got)
	}
}
