package foreign

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/history/edn"
)

// outcome fills a completion in: how the operation ended, and with what.
func (l *loader) outcome(rec *record, ev *history.Event, invoked *call) error {
	if err := l.completesKey(rec, ev); err != nil {
		return err
	}
	if v := rec.some(nodeField); v != nil {
		var err error
		if ev.Node, err = nameOf(v, "node"); err != nil {
			return err
		}
	}
	if v := rec.some(evidenceField); v != nil {
		ev.Ev = &history.Evidence{}
		if err := evidenceOf(v, ev.Ev); err != nil {
			return err
		}
	}
	if v := rec.some(errorField); v != nil {
		ev.Err = errorOf(v, ev.Type)
	}
	if ev.F == history.FCAS && ev.Type == history.Fail && l.refused(rec) {
		return refusal(rec, ev)
	}
	if ev.Type != history.Ok {
		if v := rec.some(valueField); v != nil && ev.Err == (history.Error{}) && v.Kind == edn.Keyword {
			ev.Err = errorOf(v, ev.Type) // 0 :info :write :timed-out
		}
		return nil
	}
	return l.result(rec, ev)
}

// completesKey checks that a completion is of the key that was invoked.
func (l *loader) completesKey(rec *record, ev *history.Event) error {
	at := rec.some(keyField)
	if l.options.Keyed && ev.Type == history.Ok {
		_, key, err := l.tuple(rec.where(valueField), rec.has[valueField])
		if err != nil {
			return err
		}
		at = key
	}
	if at == nil {
		return nil
	}
	if key, err := l.keyOf(at); err != nil || key != ev.Key {
		if err == nil {
			err = at.Errorf("the operation was invoked on the key %q and completes on %q", ev.Key, key)
		}
		return err
	}
	return nil
}

// result sets the answer of an operation that went well.
func (l *loader) result(rec *record, ev *history.Event) (err error) {
	if v := rec.get(resultField); v != nil {
		ev.Value, err = valueOf(v)
		return err
	}
	value, _, err := l.tuple(rec.where(valueField), rec.has[valueField])
	if err != nil {
		return err
	}
	if ev.F == history.FCAS { // it repeats its argument; a boolean is an answer
		ev.Value = history.BoolValue(value.Kind != edn.Bool || value.Int != 0)
		return nil
	}
	ev.Value, err = l.valueFor(ev.F, value)
	return err
}

// mismatches has the errors that say of a cas that the value was not the one expected.
var mismatches = []string{"did-not-match", "no-match", "mismatch", "not-equal", "cas-failed", "cas-mismatch",
	"compare-failed", "precondition-failed", "unexpected-value"}

// refused reports whether a failed cas was refused because the value was not the one expected. An error
// that says something else, a lost leader for instance, tells nothing about the value.
func (l *loader) refused(rec *record) bool {
	if v := rec.some(refusedField); v != nil {
		return v.Kind == edn.Bool && v.Int != 0
	}
	v := rec.some(errorField)
	if v == nil {
		return l.options.Refusals
	}
	if v.IsSequence() && len(v.Items) > 0 {
		v = &v.Items[0]
	}
	name, _ := v.Name()
	return slices.Contains(mismatches, name)
}

// refusal makes an event the answer of a cas that was refused.
func refusal(rec *record, ev *history.Event) error {
	ev.Type, ev.Value = history.Ok, history.BoolValue(false)
	if !rec.has[refusedField] {
		ev.Err = history.Error{}
	}
	if v := rec.get(currentField); v != nil {
		current, err := valueOf(v)
		if err != nil {
			return err
		}
		ev.Value = history.ListValue(history.BoolValue(false), current)
	}
	return nil
}

// errorOf returns the error that v says: a code, or a vector of a code and a text. What is no code of ours
// is kept as text.
func errorOf(v *edn.Value, t history.Type) history.Error {
	name, text := v, ""
	if v.IsSequence() && len(v.Items) > 0 {
		name = &v.Items[0]
		if len(v.Items) == 2 && v.Items[1].Kind == edn.String {
			text = v.Items[1].Text
		}
	}
	word, _ := name.Name()
	if name.Kind == edn.String && !v.IsSequence() {
		word = ""
	}
	if word == noError {
		return history.Error{Text: text}
	}
	if code, known := history.ParseCode(word); known && word != "" {
		if text == "" && len(v.Items) > 1 {
			text = clip(v)
		}
		return history.Error{Code: code, Text: text}
	}
	e := history.Error{Text: clip(v)}
	switch {
	case slices.Contains([]string{"timed-out", "timeout", "socket-timeout"}, word):
		e.Code = history.Timeout
	case t == history.Fail:
		e.Code = history.Aborted
	case t == history.Info:
		e.Code = history.Internal
	}
	return e
}

// noError stands for the code of no error, where there is a text.
const noError = "no-error"

// longestError bounds the text that is kept of a foreign error.
const longestError = 1 << 10

// clip draws v, or the beginning of it.
func clip(v *edn.Value) string {
	text := textOf(v)
	if len(text) > longestError {
		text = strings.ToValidUTF8(text[:longestError], "")
	}
	return text
}

// opIDOf reads "3.17".
func opIDOf(v *edn.Value, id *history.OpID) error {
	thread, n, _ := strings.Cut(v.Text, ".")
	t, errT := strconv.ParseInt(thread, 10, 32)
	i, errN := strconv.ParseInt(n, 10, 32)
	*id = history.OpID{Thread: int32(t), N: int32(i)}
	if v.Kind != edn.String || errT != nil || errN != nil || id.String() != v.Text {
		return v.Errorf("%s is no id of an operation; allowed: thread and number, \"3.17\"", shown(v))
	}
	return nil
}

// evidenceOf reads {:by "n2" :ver [["n2" 981]] :acks ["n1"] :home ["n1" "n2"]}.
func evidenceOf(v *edn.Value, e *history.Evidence) (err error) {
	if v.Kind != edn.Map {
		return v.Errorf("%s is no evidence; allowed: a map with by, ver, acks, home, quorum", shown(v))
	}
	for i := 0; i < len(v.Items) && err == nil; i += 2 {
		of := &v.Items[i+1]
		switch name, _ := v.Items[i].Name(); name {
		case "by":
			e.By, err = nameOf(of, "node")
		case "ver":
			e.Ver, err = versionsOf(of)
		case "acks":
			e.Acks, err = nodesOf(of)
		case "home":
			e.Home, err = nodesOf(of)
		case "quorum":
			e.Quorum = &history.QuorumEvidence{}
			err = quorumOf(of, e.Quorum)
		default:
			return v.Items[i].Errorf("evidence has no field %s; allowed: by, ver, acks, home, quorum",
				shown(&v.Items[i]))
		}
	}
	return err
}

// quorumOf reads {:hints ["n4"] :dots [["s1" 3]] :answers [["n1" [["s1" 3]]]] :legs [[true 400000 380000]]}.
func quorumOf(v *edn.Value, q *history.QuorumEvidence) (err error) {
	if v.Kind != edn.Map {
		return v.Errorf("%s is no evidence of a quorum; allowed: a map with hints, dots, answers, legs",
			shown(v))
	}
	for i := 0; i < len(v.Items) && err == nil; i += 2 {
		of := &v.Items[i+1]
		switch name, _ := v.Items[i].Name(); name {
		case "hints":
			q.Hints, err = nodesOf(of)
		case "dots":
			q.Dots, err = versionsOf(of)
		case "answers":
			q.Answers, err = answersOf(of)
		case "legs":
			q.Legs, err = legsOf(of)
		default:
			return v.Items[i].Errorf("evidence of a quorum has no field %s; allowed: hints, dots, "+
				"answers, legs",
				shown(&v.Items[i]))
		}
	}
	return err
}

func answersOf(v *edn.Value) (out []history.Answer, err error) {
	if !v.IsSequence() {
		return nil, v.Errorf("%s is no list of answers; allowed: [[\"n1\" [[\"source\" 1]]]]", shown(v))
	}
	for i := range v.Items {
		of := &v.Items[i]
		if !of.IsSequence() || len(of.Items) != 2 {
			return nil, of.Errorf("%s is no answer; allowed: [\"n1\" [[\"source\" 1]]]", shown(of))
		}
		var a history.Answer
		if a.Node, err = nameOf(&of.Items[0], "node"); err != nil {
			return nil, err
		}
		if a.Dots, err = versionsOf(&of.Items[1]); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func legsOf(v *edn.Value) (out []history.Leg, err error) {
	if !v.IsSequence() {
		return nil, v.Errorf("%s is no list of legs; allowed: [[true 400000 380000]]", shown(v))
	}
	for i := range v.Items {
		of := &v.Items[i]
		if !of.IsSequence() || len(of.Items) != 3 || of.Items[0].Kind != edn.Bool ||
			of.Items[1].Kind != edn.Int || of.Items[2].Kind != edn.Int {
			return nil, of.Errorf("%s is no leg; allowed: [true 400000 380000]", shown(of))
		}
		out = append(out, history.Leg{Store: of.Items[0].Int != 0, Out: of.Items[1].Int,
			Back: of.Items[2].Int})
	}
	return out, nil
}

func nodesOf(v *edn.Value) ([]string, error) {
	if !v.IsSequence() {
		return nil, v.Errorf("%s is no list of nodes; allowed: [\"n1\" \"n2\"]", shown(v))
	}
	var out []string
	for i := range v.Items {
		name, err := nameOf(&v.Items[i], "node")
		if err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, nil
}

func versionsOf(v *edn.Value) ([]history.Version, error) {
	var out []history.Version
	for i := range v.Items {
		of := &v.Items[i]
		if !of.IsSequence() || len(of.Items) != 2 || of.Items[1].Kind != edn.Int {
			return nil, of.Errorf("%s is no version; allowed: [\"source\" 1]", shown(of))
		}
		source, err := nameOf(&of.Items[0], "source")
		if err != nil {
			return nil, err
		}
		out = append(out, history.Version{Source: source, N: of.Items[1].Int})
	}
	return out, nil
}
