package checkers

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// TestQuorumDrawings judges drawn histories with evidence: under a line "## n r w word..: title", the words
// being lww, sloppy and local, a drawing and a line for each operation with evidence (see evidenceOf).
func TestQuorumDrawings(t *testing.T) {
	goldenTexts(t, "quorum", func(t *testing.T, settings, drawing string) string {
		return judgeQuorum(t, quorumSettings(t, settings), drawnQuorum(t, drawing))
	})
}

func judgeQuorum(t *testing.T, settings QuorumSettings, h *history.History) string {
	t.Helper()
	c := Quorum(settings)
	v := c.Check(t.Context(), h)[0]
	quorumProvesItself(t, c, v, h.Faults)
	return strings.TrimRight(describeProperty(v), "\n")
}

// quorumProvesItself is provesItself with the faults of the run, which are part of the reason.
func quorumProvesItself(t testing.TB, c Checker, v Verdict, faults []history.Fault) {
	t.Helper()
	for _, a := range v.Anomalies {
		h := historyOf(a.Ops, history.Never)
		h.Faults = faults
		if alone := checked(c, h)[v.Property]; alone.Counts[a.Kind] == 0 {
			t.Errorf("%s: the witness does not show it by itself: %+v\n%s\n%s", a.Kind, alone, a.Sentence,
				history.Draw(a.Ops, history.DrawOptions{}))
		}
		if a.Sentence == "" || strings.Contains(a.Sentence, "op 0") {
			t.Errorf("%s: sentence %q", a.Kind, a.Sentence)
		}
	}
}

// quorumSettings reads "3 1 1 lww".
func quorumSettings(t testing.TB, text string) (s QuorumSettings) {
	t.Helper()
	words := strings.Fields(text)
	for i, to := range []*int{&s.N, &s.R, &s.W} {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			t.Fatal(err)
		}
		*to = n
	}
	for _, word := range words[3:] {
		to, known := map[string]*bool{"lww": &s.LWW, "sloppy": &s.Sloppy, "local": &s.Local}[word]
		if !known {
			t.Fatalf("%s: allowed: lww, sloppy, local", word)
		}
		*to = true
	}
	return s
}

// drawnQuorum returns a drawn history with evidence: lines "ev 2: .." have that of the second operation by
// call; "shape f1 .." is the shape of a fault.
func drawnQuorum(t testing.TB, text string) *history.History {
	t.Helper()
	var drawing strings.Builder
	evidence, shapes := map[int]*history.Evidence{}, map[string]string{}
	for line := range strings.Lines(text) {
		var n int
		var id, shape string
		if _, err := fmt.Sscanf(line, "ev %d:", &n); err == nil {
			_, said, _ := strings.Cut(line, ":")
			evidence[n] = evidenceOf(t, strings.Fields(said))
		} else if _, err := fmt.Sscanf(line, "shape %s %s", &id, &shape); err == nil {
			shapes[id] = shape
		} else {
			drawing.WriteString(line)
		}
	}
	plain := drawn(t, drawing.String())
	ops := plain.Ops()
	for n, ev := range evidence {
		ops[n-1].Ev = ev
	}
	h := historyOf(ops, history.Never)
	for _, fault := range plain.Faults {
		if shape, told := shapes[fault.ID]; told {
			fault.What = history.MapValue(map[string]history.Value{"nodes": fault.What.Get("nodes"),
				"shape": history.StringValue(shape)})
		}
		h.Faults = append(h.Faults, fault)
	}
	return h
}

// evidenceOf reads "acks n1,n2 home n1,n2,n3 hints n4 dots s1:3,s2:1 answers n1=s1:3,s2:1 n2=": what is
// named is there, everything else is not.
func evidenceOf(t testing.TB, words []string) *history.Evidence {
	t.Helper()
	ev := &history.Evidence{Quorum: &history.QuorumEvidence{}}
	q, what := ev.Quorum, ""
	for _, word := range words {
		list := strings.Split(word, ",")
		node, names, answer := strings.Cut(word, "=")
		switch {
		case answer:
			q.Answers = append(q.Answers, history.Answer{Node: node, Dots: drawnNames(t, names)})
		case what == "acks":
			ev.Acks, what = list, ""
		case what == "home":
			ev.Home, what = list, ""
		case what == "hints":
			q.Hints, what = list, ""
		case what == "dots":
			q.Dots, what = drawnNames(t, word), ""
		default:
			what = word
		}
	}
	return ev
}

func drawnNames(t testing.TB, text string) (dots []history.Version) {
	t.Helper()
	for name := range strings.SplitSeq(text, ",") {
		source, n, ok := strings.Cut(name, ":")
		if !ok {
			continue
		}
		number, err := strconv.ParseInt(n, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		dots = append(dots, history.Version{Source: source, N: number})
	}
	return dots
}
