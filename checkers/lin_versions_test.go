package checkers

import (
	"context"
	"fmt"
	"testing"

	"github.com/rashomon-harness/rashomon/history"
)

// TestVersionsOfAnswers checks which versions are said to contradict what clients saw.
func TestVersionsOfAnswers(t *testing.T) {
	type answer struct {
		f         string
		value     int64
		source    string
		version   int64
		call, ret int64
	}
	const w, r = history.FWrite, history.FRead
	for _, c := range []struct {
		name    string
		answers []answer
		want    string
	}{
		{"none", []answer{{w, 1, "", 0, 0, 1}, {r, 1, "", 0, 2, 3}}, "map[]"},
		{"the least and the greatest", []answer{{r, 1, "s0e1", 0, 0, 1}, {r, 1, "s0e1", 1<<62 - 1, 2, 3}},
			"map[evidence_disagreements:1 evidence_operations:2]"},
		{"too small and too great", []answer{{r, 1, "s0e1", -1, 0, 1}, {r, 1, "s0e1", 1 << 62, 2, 3}},
			"map[]"},
		{"as seen", []answer{{w, 1, "s0e1", 4, 0, 1}, {w, 2, "s0e1", 9, 2, 3}, {r, 2, "s0e1", 9, 4, 5},
			{r, 1, "s0e1", 4, 2, 9}}, "map[evidence_disagreements:0 evidence_operations:4]"},
		{"a value with two versions", []answer{{w, 1, "s0e1", 4, 0, 9}, {r, 1, "s0e1", 5, 0, 9}},
			"map[evidence_disagreements:1 evidence_operations:2]"},
		{"a version with two writes", []answer{{w, 1, "s0e1", 4, 0, 9}, {w, 2, "s0e1", 4, 0, 9}},
			"map[evidence_disagreements:1 evidence_operations:2]"},
		{"against time", []answer{{w, 1, "s0e1", 4, 0, 1}, {w, 2, "s0e1", 3, 2, 3}},
			"map[evidence_disagreements:1 evidence_operations:2]"},
		{"equal times", []answer{{w, 1, "s0e1", 4, 0, 2}, {w, 2, "s0e1", 3, 2, 3}},
			"map[evidence_disagreements:0 evidence_operations:2]"},
		{"of two epochs", []answer{{w, 1, "s0e1", 4, 0, 1}, {w, 2, "s0e2", 3, 2, 3}},
			"map[evidence_disagreements:0 evidence_operations:2]"},
	} {
		var ops []history.Op
		for i, a := range c.answers {
			op := history.Op{F: a.f, Key: "k", Call: a.call, Return: a.ret, Process: int32(i),
				Type: history.Ok}
			if op.Arg = history.IntValue(a.value); a.f == r {
				op.Arg, op.Result = history.Value{}, op.Arg
			}
			if a.source != "" {
				op.Ev = &history.Evidence{Ver: []history.Version{{Source: a.source, N: a.version}}}
			}
			ops = append(ops, op)
		}
		v := Linearizable(Register, LinOptions{}).Check(context.Background(), history.FromOps(ops))[0]
		if got := fmt.Sprint(v.Measures); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestVersionsOfNoValue checks that versions count only in answers that tell the value they are of.
func TestVersionsOfNoValue(t *testing.T) {
	for _, drawing := range []string{
		"s1 @n1 |--w k=1 ver s0e1:3--| fail no-leader",
		"s1 @n1 |--w k=1 ver s0e1:3--… info timeout",
		"s1 @n1 |--cas k 1→2 refused ver s0e1:3--|",
	} {
		h, err := history.ParseDrawing(drawing)
		if err != nil {
			t.Fatal(err)
		}
		v := Linearizable(CASRegister, LinOptions{}).Check(context.Background(), h)[0]
		if len(v.Measures) > 0 {
			t.Errorf("%s: %v", drawing, v.Measures)
		}
	}
}
