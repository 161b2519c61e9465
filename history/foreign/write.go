package foreign

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/edn"
)

// WriteEDN writes h as Jepsen's history.edn: one map a line, in the order of events. Read with the format
// JepsenEDN and no options gives back the same operations, faults and phases. The fields are
//
//	:index              from 0
//	:time               nanoseconds
//	:type               :invoke, :ok, :fail or :info
//	:process            a number; :nemesis; :harness for the phases of the run
//	:f                  the function, as history.Event names it; a fault's family
//	:value              argument or result. A transaction's is [[:r "k" nil] [:append "k" 1]]
//	:key                the key, when the operation has one
//	:session, :device   who the process acts for, unless that is "p" and its number, or nobody
//	:node               asked, or that answered
//	:error              [:code "text"], or :code
//	:rashomon/keys      the keys, of an operation over several; its value is the list of their values
//	:rashomon/op        id in the plan, "3.17"
//	:rashomon/fault     id of the fault
//	:rashomon/evidence  {:by "n2", :ver [["s0e1" 981]], :acks ["n1"], :home ["n1" "n2"]},
//	                    in leaderless mode also :quorum
//	:rashomon/refused   of a cas of type :fail: true when it was refused (here, that is ok), false when it
//	                    failed for another reason
//	:rashomon/current   of a refused cas that says so: the value that was there
//	:rashomon/result    of a cas of type :ok with another answer than true
//
// so that a cas is for Jepsen's tools what it is in Jepsen: invoked with [old new], it completes with ok
// or fail and [old new]. Other operations that fail, or end with info, repeat their argument too. A function
// whose name has another meaning in Jepsen has the namespace rashomon (:rashomon/peek). Completions that pair
// to no invocation are left out.
func WriteEDN(w io.Writer, h *history.History) error {
	out := &writer{args: map[int32]history.Value{}, w: bufio.NewWriterSize(w, 64<<10)}
	if h.EventCount() == 0 {
		out.operations(h)
	} else {
		out.events(h)
	}
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if out.err != nil {
		return fmt.Errorf("write a history as EDN: %w", out.err)
	}
	return nil
}

type writer struct {
	args  map[int32]history.Value // by process: of its open operation
	w     *bufio.Writer
	buf   []byte
	index int
	err   error
}

// events writes the events of h's operations, and those of faults and phases.
func (out *writer) events(h *history.History) {
	used := make([]bool, h.EventCount())
	for i := range h.Len() {
		op := h.Op(i)
		used[op.Invoked] = true
		if op.Done >= 0 {
			used[op.Done] = true
		}
	}
	for i := range used {
		if ev := h.Event(i); used[i] || ev.Process < 0 {
			out.event(&ev)
		}
	}
}

// operations writes operations that have no events. Those of one process keep their order.
func (out *writer) operations(h *history.History) {
	var events []history.Event
	for i := range h.Len() {
		op := h.Op(i)
		ev := history.Event{Time: op.Call, Process: op.Process, Session: op.Session, Device: op.Device,
			F: op.F, Key: op.Key, Keys: op.Keys, Value: op.Arg, Node: op.Node, Op: op.ID}
		events = append(events, ev)
		ev.Type, ev.Time, ev.Value, ev.Err, ev.Ev = op.Type, op.Return, op.Result, op.Err, op.Ev
		if op.Type == history.Info {
			ev.Time = op.Call
		}
		events = append(events, ev)
	}
	slices.SortStableFunc(events, func(a, b history.Event) int {
		switch {
		case a.Time < b.Time:
			return -1
		case a.Time > b.Time:
			return 1
		}
		return 0
	})
	for i := range events {
		out.event(&events[i])
	}
}

// event writes a line.
func (out *writer) event(ev *history.Event) {
	if out.err != nil {
		return
	}
	b := append(out.buf[:0], "{:index "...)
	b = strconv.AppendInt(b, int64(out.index), 10)
	b = append(b, ", :time "...)
	b = strconv.AppendInt(b, ev.Time, 10)
	b = append(b, ", :type :"...)
	b = append(b, jepsenType(ev).String()...)
	b = append(b, ", :process "...)
	b = appendProcess(b, ev.Process)
	b = edn.AppendName(append(b, ", :f "...), jepsenFunction(ev))
	b = appendAnswer(b, ev, out.said(ev))
	b = appendWhere(b, ev)
	if ev.Err != (history.Error{}) {
		b = appendError(append(b, ", :error "...), &ev.Err)
	}
	if ev.Ev != nil {
		b = appendEvidence(append(b, ", :rashomon/evidence "...), ev.Ev)
	}
	b = append(b, "}\n"...)
	out.index++
	out.buf = b
	_, out.err = out.w.Write(b)
}

// said returns the value that ev's line shows. In Jepsen a completion without an answer repeats its argument,
// and that of a cas always does.
func (out *writer) said(ev *history.Event) *history.Value {
	if ev.Process < 0 {
		return &ev.Value
	}
	arg := out.args[ev.Process]
	switch {
	case ev.Type == history.Invoke:
		out.args[ev.Process] = ev.Value
		return &ev.Value
	case ev.F == history.FCAS || ev.Type != history.Ok:
		return &arg
	}
	return &ev.Value
}

// jepsenType returns the type of ev in Jepsen, where a cas that was refused failed.
func jepsenType(ev *history.Event) history.Type {
	if refused, _, _ := refusedCAS(ev); refused {
		return history.Fail
	}
	return ev.Type
}

// refusedCAS reports whether ev is the answer of a cas that was refused, and says what was there.
func refusedCAS(ev *history.Event) (refused bool, current history.Value, says bool) {
	if ev.F != history.FCAS || ev.Type != history.Ok || ev.Process < 0 {
		return false, current, false
	}
	answer := ev.Value
	if list, isList := answer.AsList(); isList && len(list) == 2 {
		answer, current, says = list[0], list[1], true
	}
	done, isBool := answer.AsBool()
	return isBool && !done, current, says
}

// jepsenFunction returns the name of ev's function in Jepsen.
func jepsenFunction(ev *history.Event) string {
	if _, taken := renamed[ev.F]; (taken || strings.HasPrefix(ev.F, ours)) && ev.Process >= 0 {
		return ours + ev.F
	}
	return ev.F
}

func appendProcess(b []byte, p int32) []byte {
	switch p {
	case history.Nemesis:
		return append(b, ":nemesis"...)
	case history.Harness:
		return append(b, ":harness"...)
	}
	return strconv.AppendInt(b, int64(p), 10)
}

// appendAnswer appends the value, and of a cas what its answer says beyond ok and fail.
func appendAnswer(b []byte, ev *history.Event, said *history.Value) []byte {
	b = appendValue(append(b, ", :value "...), said, ev.F == history.FTxn && ev.Process >= 0)
	if ev.F != history.FCAS || ev.Type == history.Invoke || ev.Process < 0 {
		return b
	}
	refused, current, says := refusedCAS(ev)
	switch done, isBool := ev.Value.AsBool(); {
	case refused && says:
		return appendValue(append(b, ", :rashomon/refused true, :rashomon/current "...), &current, false)
	case refused:
		return append(b, ", :rashomon/refused true"...)
	case ev.Type == history.Fail:
		return append(b, ", :rashomon/refused false"...)
	case ev.Type == history.Ok && !(isBool && done):
		return appendValue(append(b, ", :rashomon/result "...), &ev.Value, false)
	}
	return b
}

// appendWhere appends keys, who asked, and whom.
func appendWhere(b []byte, ev *history.Event) []byte {
	switch {
	case len(ev.Keys) > 0:
		b = appendStrings(append(b, ", :rashomon/keys "...), ev.Keys)
	case ev.Key != "":
		b = edn.AppendString(append(b, ", :key "...), ev.Key)
	}
	if ev.Process >= 0 && ev.Session != defaultSession(ev.Process) {
		b = edn.AppendString(append(b, ", :session "...), ev.Session)
	}
	for _, f := range [...]struct{ name, text string }{
		{", :device ", ev.Device}, {", :node ", ev.Node},
		{", :rashomon/op ", ev.Op.String()}, {", :rashomon/fault ", ev.Fault},
	} {
		if f.text != "" {
			b = edn.AppendString(append(b, f.name...), f.text)
		}
	}
	return b
}

func defaultSession(process int32) string { return "p" + strconv.Itoa(int(process)) }

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = edn.AppendString(b, s)
	}
	return append(b, ']')
}

func appendError(b []byte, e *history.Error) []byte {
	name := e.Code.String()
	if e.Code == history.NoError {
		name = noError
	}
	if e.Text == "" {
		return edn.AppendName(b, name)
	}
	b = append(edn.AppendName(append(b, '['), name), ' ')
	return append(edn.AppendString(b, e.Text), ']')
}

func appendEvidence(b []byte, e *history.Evidence) []byte {
	b = append(b, '{')
	b = edn.AppendString(append(b, ":by "...), e.By)
	b = appendVersions(append(b, ", :ver "...), e.Ver)
	b = appendStrings(append(b, ", :acks "...), e.Acks)
	b = appendStrings(append(b, ", :home "...), e.Home)
	if e.Quorum != nil {
		b = appendQuorum(append(b, ", :quorum "...), e.Quorum)
	}
	return append(b, '}')
}

func appendVersions(b []byte, list []history.Version) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(edn.AppendString(append(b, '['), list[i].Source), ' ')
		b = append(strconv.AppendInt(b, list[i].N, 10), ']')
	}
	return append(b, ']')
}

func appendQuorum(b []byte, q *history.QuorumEvidence) []byte {
	b = appendStrings(append(b, "{:hints "...), q.Hints)
	b = appendVersions(append(b, ", :dots "...), q.Dots)
	b = append(b, ", :answers ["...)
	for i := range q.Answers {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(edn.AppendString(append(b, '['), q.Answers[i].Node), ' ')
		b = append(appendVersions(b, q.Answers[i].Dots), ']')
	}
	b = append(b, "], :legs ["...)
	for i, l := range q.Legs {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(strconv.AppendBool(append(b, '['), l.Store), ' ')
		b = append(strconv.AppendInt(b, l.Out, 10), ' ')
		b = append(strconv.AppendInt(b, l.Back, 10), ']')
	}
	return append(b, "]}"...)
}

// appendValue appends v; of a transaction's list, the functions of micro-operations as keywords.
func appendValue(b []byte, v *history.Value, isTxn bool) []byte {
	switch v.Kind() {
	case history.Int:
		n, _ := v.AsInt()
		return strconv.AppendInt(b, n, 10)
	case history.Bool:
		value, _ := v.AsBool()
		return strconv.AppendBool(b, value)
	case history.String:
		text, _ := v.AsString()
		return edn.AppendString(b, text)
	case history.List:
		return appendList(b, v, isTxn && isMicroOps(v))
	case history.Map:
		b = append(b, '{')
		first := true
		v.Entries(func(key string, of history.Value) bool {
			if !first {
				b = append(b, ", "...)
			}
			first = false
			b = append(edn.AppendString(b, key), ' ')
			b = appendValue(b, &of, false)
			return true
		})
		return append(b, '}')
	}
	return append(b, "nil"...)
}

func appendList(b []byte, v *history.Value, areMicroOps bool) []byte {
	list, _ := v.AsList()
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ' ')
		}
		if !areMicroOps {
			b = appendValue(b, &list[i], false)
			continue
		}
		op, _ := list[i].AsList()
		f, _ := op[0].AsString()
		b = append(edn.AppendName(append(b, '['), f), ' ')
		b = append(appendValue(b, &op[1], false), ' ')
		b = append(appendValue(b, &op[2], false), ']')
	}
	return append(b, ']')
}

// isMicroOps reports whether v is a list of micro-operations as history.FTxn has it.
func isMicroOps(v *history.Value) bool {
	list, _ := v.AsList()
	return !slices.ContainsFunc(list, func(of history.Value) bool {
		op, _ := of.AsList()
		if len(op) != 3 {
			return true
		}
		f, _ := op[0].AsString()
		_, hasKey := op[1].AsString()
		return !hasKey || microFunction(f) != f || f == ""
	})
}
