package agent

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestSweep(t *testing.T) {
	refuse := errors.New("I refuse")
	for _, c := range []struct {
		name  string
		lists [][]int // one after the other, the last again and again
		errs  map[int]error
		met   []int // those that it was done to, in order
		done  []int
		want  string // in the error
	}{
		{name: "none", lists: [][]int{{}}},
		{name: "all", lists: [][]int{{3, 5}}, met: []int{3, 5}, done: []int{3, 5}},
		{name: "born meanwhile", lists: [][]int{{3}, {3, 5}, {3, 5, 7}}, met: []int{3, 5, 7},
			done: []int{3, 5, 7}},
		{name: "gone meanwhile", lists: [][]int{{3, 5}, {5}}, met: []int{3, 5}, done: []int{5}},
		{name: "refuses", lists: [][]int{{3, 5}}, errs: map[int]error{3: refuse}, met: []int{3, 5},
			done: []int{5}, want: "process 3: I refuse"},
		{name: "refuses and goes", lists: [][]int{{3, 5}, {5}}, errs: map[int]error{3: refuse},
			met: []int{3, 5}, done: []int{5}},
		{name: "ends and is still listed", lists: [][]int{{3, 5}}, errs: map[int]error{3: os.ErrProcessDone},
			met: []int{3, 5}, done: []int{5}},
		{name: "its pid is another's", lists: [][]int{{3}, {5}, {3, 5}}, met: []int{3, 5, 3},
			done: []int{3, 5}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var met []int
			round := -1
			list := func() ([]int, error) {
				round++
				return c.lists[min(round, len(c.lists)-1)], nil
			}
			done, err := sweep(list, func(pid int) error {
				met = append(met, pid)
				return c.errs[pid]
			})
			if !slices.Equal(met, c.met) || !slices.Equal(done, c.done) {
				t.Errorf("met %v, done %v; want %v, %v", met, done, c.met, c.done)
			}
			if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestSweepEnds meets processes that are born faster than it walks.
func TestSweepEnds(t *testing.T) {
	born := 1
	list := func() ([]int, error) {
		born++
		return []int{born}, nil
	}
	done, err := sweep(list, func(int) error { return nil })
	if err != nil || len(done) != 1 || born != 1+sweepRounds {
		t.Errorf("done %v, %v, after %d rounds", done, err, born-1)
	}
	_, err = sweep(func() ([]int, error) { return nil, errTest }, func(int) error { return nil })
	if !errors.Is(err, errTest) || !strings.Contains(err.Error(), "listed") {
		t.Errorf("without a list: %v", err)
	}
}
