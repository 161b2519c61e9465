package sim

import (
	"flag"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden transcripts")

// storm runs a gossiping cluster through every kind of fault and returns the digest and the transcript.
func storm(t *testing.T, seed uint64, traced bool) (uint64, string) {
	t.Helper()
	w := gossipWorld(5, 1, seed)
	var b strings.Builder
	if traced {
		w.SetTrace(func(line string) { b.WriteString(line + "\n") })
	}
	all := [][2]refimpl.Addr{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 0}}
	for i := range int64(20) {
		w.RunUntil(i * 20 * ms)
		id, node := "f"+string(rune('a'+i)), refimpl.Addr(i%5)
		must(t, w.Cut(id, all[:i%5]))
		must(t, w.Shape(id, all[i%5:], LinkShape{Jitter: ms, LossPPM: 100_000, DuplicatePPM: 50_000}))
		must(t, w.Kill(node, Unsynced(i%4)))
		must(t, w.DriftClock(id, node, 1000*i))
		must(t, w.SlowDisk(id, (node+1)%5, 2))
		must(t, w.SlowNode(id, (node+2)%5, 3))
		if w.Pause((node+3)%5) == nil {
			w.RunUntil(w.Now() + 10*ms)
		}
		must(t, w.Uncut(id))
		must(t, w.Unshape(id))
		must(t, w.Start(node))
		must(t, w.Unskew(id, node))
		must(t, w.Resume((node+3)%5))
		must(t, w.HealDisk(id, (node+1)%5))
		must(t, w.UnslowNode(id, (node+2)%5))
	}
	w.RunUntil(w.Now() + 20*ms)
	if ok, missing := w.Settled(); !ok {
		t.Errorf("seed %d: after the storm %s", seed, missing)
	}
	return w.Hash(), b.String()
}

func TestSameSeedSameRun(t *testing.T) {
	digests := map[uint64]uint64{}
	for seed := range uint64(5) {
		h1, text := storm(t, seed, true)
		before := debug.SetGCPercent(5)
		h2, again := storm(t, seed, true)
		debug.SetGCPercent(before)
		h3, _ := storm(t, seed, false)
		if h1 != h2 || text != again || h1 != h3 {
			t.Errorf("seed %d: digests %x, %x, untraced %x", seed, h1, h2, h3)
		}
		if other, ok := digests[h1]; ok {
			t.Errorf("seeds %d and %d have the same digest", seed, other)
		}
		digests[h1] = seed
		if n := strings.Count(text, "\n"); n < 10_000 {
			t.Errorf("seed %d: only %d lines", seed, n)
		}
	}
}

// TestTranscript compares a tiny run with its golden transcript.
func TestTranscript(t *testing.T) {
	cfg := Config{Nodes: 2, Seed: keyed.New(7), Clock: DefaultClock()}
	l := newLab(cfg)
	var b strings.Builder
	say := func(text string) { b.WriteString("\n# " + text + "\n") }
	l.SetTrace(func(line string) { b.WriteString(line + "\n") })
	p := &post{}
	c := l.AddClient(p)
	echo := func(n *toy, in *refimpl.Input, fx *refimpl.Effects) {
		switch {
		case in.Kind == refimpl.InMessage && in.From == c:
			writes(in.Msg.Seq, 1, true)(fx)
		case in.Kind == refimpl.InWriteDone:
			sends(1-n.id, in.Token)(fx)
			sends(c, in.Token)(fx)
			fx.Wake = in.Mono + 5*ms
		}
	}
	l.plan[0], l.plan[1] = echo, echo
	say("A request is written, synced, answered and told to the other node; then a timer fires.")
	l.send(c, p, 0, 1)
	l.RunUntil(20 * ms)
	say("A one-way cut: n2 does not hear of the second request, which the client sees answered.")
	must(t, l.Cut("f1", pair))
	l.send(c, p, 0, 2)
	l.RunUntil(40 * ms)
	must(t, l.Uncut("f1"))
	say("n1 loses its power with the third request not yet synced; a packet finds it down.")
	l.send(c, p, 0, 3)
	for !strings.Contains(b.String(), "n1 write 3") {
		l.RunUntil(l.Now() + 10*micro)
	}
	must(t, l.Kill(0, LoseUnsynced))
	l.send(c, p, 0, 4)
	l.RunUntil(60 * ms)
	must(t, l.Start(0))
	say("n1's disk fails.")
	must(t, l.FailDisk("f2", 0, FailEIO))
	l.send(c, p, 0, 5)
	l.RunUntil(80 * ms)
	golden(t, "testdata/tiny.txt", b.String())
}

// golden compares text with a file, or rewrites the file.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if *rewrite {
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if string(want) != text {
		t.Errorf("the transcript differs from %s (-rewrite to accept it):\n%s", path, text)
	}
}

// TestNoAllocation checks that a world in its steady state does not allocate, the growth of the logs aside.
func TestNoAllocation(t *testing.T) {
	w := gossipWorld(5, 0, 1)
	w.RunUntil(1000 * ms)
	steps := w.Steps()
	if n := testing.AllocsPerRun(20, func() { w.RunUntil(w.Now() + 100*ms) }); n != 0 {
		t.Errorf("%v allocations in 100 ms", n)
	}
	if n := w.Steps() - steps; n < 50_000 {
		t.Errorf("only %d events in 2.1 s", n)
	}
}
