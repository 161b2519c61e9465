package sim

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// indexes returns the record indexes that the last boot of the lab found on the disk.
func (l *lab) indexes() []int64 {
	var out []int64
	for _, r := range l.boots[len(l.boots)-1].Records {
		out = append(out, r.Index)
	}
	return out
}

// restart kills n1 and starts it again.
func (l *lab) restart(t *testing.T, unsynced Unsynced) {
	t.Helper()
	must(t, l.Kill(0, unsynced))
	must(t, l.Start(0))
	l.RunUntil(l.Now())
}

func TestSyncTakesItsTimeAndCompletesInOrder(t *testing.T) {
	cfg := exact(1)
	cfg.Disk.Sync = Between(0, 5*ms)
	l := newLab(cfg)
	l.order(t, 0, func(fx *refimpl.Effects) {
		for token := range uint64(100) {
			writes(token, 1, true)(fx)
		}
	})
	l.RunUntil(20 * ms)
	got := l.take(0, refimpl.InWriteDone)
	for i, s := range got {
		if s.seq != uint64(i) || s.at > 6*ms || i > 0 && s.at <= got[i-1].at {
			t.Fatalf("completion %d: %+v after %+v", i, s, got[max(i, 1)-1])
		}
	}
	if len(got) != 100 || got[99].at < 4*ms {
		t.Errorf("%d completions, the last at %d", len(got), got[len(got)-1].at)
	}
}

func TestWriteWithoutSyncIsNotAnswered(t *testing.T) {
	l := newLab(exact(1))
	l.order(t, 0, writes(1, 2, false))
	l.RunUntil(10 * ms)
	l.order(t, 0, writes(2, 0, true))
	l.RunUntil(20 * ms)
	got := l.take(0, refimpl.InWriteDone)
	if len(got) != 1 || got[0].seq != 2 || got[0].at != 12*ms {
		t.Errorf("got %+v, want token 2 at 12 ms", got)
	}
	l.restart(t, LoseUnsynced)
	if got := l.indexes(); !slices.Equal(got, []int64{100, 101}) {
		t.Errorf("the disk holds %v: a sync makes all before it durable", got)
	}
}

// TestCrash writes three records durably and a write of two records without, then crashes.
func TestCrash(t *testing.T) {
	for _, c := range []struct {
		unsynced Unsynced
		want     []int64
		fresh    bool
	}{
		{KeepUnsynced, []int64{100, 101, 102, 200, 201}, false},
		{LoseUnsynced, []int64{100, 101, 102}, false},
		{WipeDisk, nil, false},
	} {
		l := newLab(exact(1))
		l.order(t, 0, writes(1, 3, true))
		l.RunUntil(5 * ms)
		l.order(t, 0, writes(2, 2, true))
		l.restart(t, c.unsynced)
		l.RunUntil(20 * ms)
		b := l.boots[len(l.boots)-1]
		if got := l.indexes(); !slices.Equal(got, c.want) || b.Fresh != c.fresh || b.Incarnation != 1 {
			t.Errorf("%v: the disk holds %v, boot %+v", c.unsynced, got, b)
		}
		if got := l.take(0, refimpl.InWriteDone); len(got) != 1 {
			t.Errorf("%v: got %v, want only the completion before the crash", c.unsynced, got)
		}
		l.restart(t, LoseUnsynced)
		if got := l.indexes(); !slices.Equal(got, c.want) {
			t.Errorf("%v: what a start found is not durable: %v", c.unsynced, got)
		}
	}
}

// TestTear crashes with four unsynced writes of four records: a prefix must survive, and over the seeds
// every kind of it: all lost, all kept, cut between two writes, cut inside one.
func TestTear(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(300) {
		cfg := exact(1)
		cfg.Seed = keyed.New(seed)
		l := newLab(cfg)
		l.order(t, 0, writes(1, 4, true))
		l.RunUntil(5 * ms)
		for token := range uint64(4) {
			l.order(t, 0, writes(token+2, 4, token%2 == 0))
		}
		var all []int64
		for i := range int64(20) {
			all = append(all, (i/4+1)*100+i%4)
		}
		l.restart(t, TearUnsynced)
		got := l.indexes()
		if len(got) < 4 || !slices.Equal(got, all[:len(got)]) {
			t.Fatalf("seed %d: the disk holds %v", seed, got)
		}
		switch {
		case len(got) == 4:
			kinds["lost"]++
		case len(got) == 20:
			kinds["kept"]++
		case len(got)%4 == 0:
			kinds["between"]++
		default:
			kinds["inside"]++
		}
	}
	if kinds["lost"] < 100 || kinds["kept"] < 1 || kinds["between"] < 30 || kinds["inside"] < 30 {
		t.Errorf("survivors over the seeds: %v", kinds)
	}
}

func TestPageCacheOutlivesTheProcessButNotThePower(t *testing.T) {
	l := newLab(exact(1))
	l.order(t, 0, writes(1, 1, true))
	l.RunUntil(5 * ms)
	l.order(t, 0, writes(2, 1, false))
	must(t, l.Kill(0, KeepUnsynced))
	must(t, l.Kill(0, LoseUnsynced))
	must(t, l.Start(0))
	if got := l.indexes(); !slices.Equal(got, []int64{100}) {
		t.Errorf("the disk holds %v", got)
	}
}

func TestFresh(t *testing.T) {
	for _, c := range []struct {
		name     string
		do       func(fx *refimpl.Effects)
		after    int64
		unsynced Unsynced
		fresh    bool
	}{
		{"nothing written", func(*refimpl.Effects) {}, 0, LoseUnsynced, true},
		{"nothing acknowledged", writes(1, 1, true), ms, LoseUnsynced, true},
		{"written without sync", writes(1, 1, false), ms, LoseUnsynced, false},
		{"acknowledged, then wiped", writes(1, 1, true), 5 * ms, WipeDisk, false},
		{"wiped at once", func(*refimpl.Effects) {}, 0, WipeDisk, false},
		{"kept by the page cache", writes(1, 1, true), ms, KeepUnsynced, false},
	} {
		l := newLab(exact(1))
		if !l.boots[0].Fresh {
			t.Fatal("the first boot is not fresh")
		}
		l.order(t, 0, c.do)
		l.RunUntil(c.after)
		l.restart(t, c.unsynced)
		if got := l.boots[1].Fresh; got != c.fresh {
			t.Errorf("%s: fresh %v", c.name, got)
		}
	}
}

func TestBootRecordsAreTheNodesOwn(t *testing.T) {
	l := newLab(exact(1))
	l.order(t, 0, writes(1, 2, true))
	l.RunUntil(5 * ms)
	l.restart(t, KeepUnsynced)
	clear(l.boots[1].Records)
	l.restart(t, KeepUnsynced)
	if got := l.indexes(); !slices.Equal(got, []int64{100, 101}) {
		t.Errorf("the disk holds %v", got)
	}
}

// TestLongLog writes, cuts and reads back logs around the sizes of their pieces.
func TestLongLog(t *testing.T) {
	for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3*chunk - 1, 3 * chunk} {
		for _, keep := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk} {
			var l recordLog
			for i := range n {
				l.append(&refimpl.Record{Index: int64(i)})
			}
			l.truncate(min(keep, n))
			l.append(&refimpl.Record{Index: int64(min(keep, n))})
			got := l.all()
			for i, r := range got {
				if r.Index != int64(i) {
					t.Fatalf("record %d of %d cut to %d is %+v", i, n, keep, r)
				}
			}
			if len(got) != min(keep, n)+1 {
				t.Errorf("%d records cut to %d, and one more: %d", n, keep, len(got))
			}
		}
	}
}

func TestSyncRecordsAreNotStored(t *testing.T) {
	l := newLab(exact(1))
	l.order(t, 0, func(fx *refimpl.Effects) {
		wr := refimpl.Write{Records: []refimpl.Record{{Kind: refimpl.RecSync}}, Sync: true, Token: 4}
		fx.Writes = append(fx.Writes, wr)
	})
	l.RunUntil(5 * ms)
	if got := l.take(0, refimpl.InWriteDone); len(got) != 1 || got[0].seq != 4 {
		t.Errorf("got %v", got)
	}
	l.restart(t, KeepUnsynced)
	if got := l.indexes(); got != nil {
		t.Errorf("the disk holds %v", got)
	}
}

func TestSlowAndStalledDisk(t *testing.T) {
	l := newLab(exact(1))
	must(t, l.SlowDisk("f1", 0, 3))
	must(t, l.SlowDisk("f2", 0, 5))
	l.order(t, 0, writes(1, 1, true))
	must(t, l.HealDisk("f1", 0))
	l.RunUntil(31 * ms)
	l.order(t, 0, writes(2, 1, true))
	l.RunUntil(50 * ms)
	got := l.take(0, refimpl.InWriteDone)
	if len(got) != 2 || got[0].at != 30*ms || got[1].at != 41*ms {
		t.Errorf("slow: got %+v, want 30 ms (3*5*2 ms) and 41 ms (5*2 ms later)", got)
	}
	must(t, l.HealDisk("f2", 0))

	l.order(t, 0, writes(3, 1, true))
	must(t, l.SlowDisk("f3", 0, 0))
	must(t, l.SlowDisk("f4", 0, 0))
	l.order(t, 0, writes(4, 1, true))
	l.RunUntil(90 * ms)
	must(t, l.HealDisk("f3", 0))
	l.RunUntil(99 * ms)
	l.order(t, 0, writes(5, 1, true))
	must(t, l.HealDisk("f4", 0))
	l.RunUntil(110 * ms)
	want := []seen{{at: 99 * ms, seq: 3}, {at: 99 * ms, seq: 4}, {at: 101 * ms, seq: 5}}
	got = l.take(0, refimpl.InWriteDone)
	for i := range got {
		got[i] = seen{at: got[i].at, seq: got[i].seq}
	}
	if !slices.Equal(got, want) {
		t.Errorf("stalled: got %+v, want %+v", got, want)
	}
}

func TestCrashOfANodeWithAStalledDisk(t *testing.T) {
	l := newLab(exact(1))
	must(t, l.SlowDisk("f1", 0, 0))
	l.order(t, 0, writes(1, 1, true))
	l.RunUntil(10 * ms)
	l.restart(t, LoseUnsynced)
	l.order(t, 0, writes(2, 1, true))
	must(t, l.HealDisk("f1", 0))
	l.RunUntil(20 * ms)
	if got := l.take(0, refimpl.InWriteDone); len(got) != 1 || got[0].seq != 2 || got[0].at != 12*ms {
		t.Errorf("got %+v", got)
	}
}

// TestCrashEndsSyncsUnderWay crashes with a sync under way that would take long: a sync of the next
// incarnation does not wait for it.
func TestCrashEndsSyncsUnderWay(t *testing.T) {
	l := newLab(exact(1))
	must(t, l.SlowDisk("f1", 0, 50))
	l.order(t, 0, writes(1, 1, true))
	must(t, l.HealDisk("f1", 0))
	l.restart(t, KeepUnsynced)
	l.order(t, 0, writes(2, 1, true))
	l.RunUntil(200 * ms)
	if got := l.take(0, refimpl.InWriteDone); len(got) != 1 || got[0].seq != 2 || got[0].at != 2*ms {
		t.Errorf("got %+v", got)
	}
}

func TestFullDiskWritesNothing(t *testing.T) {
	l := newLab(exact(1))
	l.order(t, 0, writes(1, 1, true))
	must(t, l.FailDisk("f1", 0, FailFull))
	l.order(t, 0, writes(2, 1, true))
	must(t, l.HealDisk("f1", 0))
	l.order(t, 0, writes(3, 1, true))
	l.RunUntil(10 * ms)
	var got []string
	for _, s := range l.got[3:] {
		got = append(got, fmt.Sprint(s.at, s.kind == refimpl.InWriteFailed, s.seq))
	}
	if want := []string{"2000000 false 1", "2000001 true 2", "2000002 false 3"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	l.restart(t, LoseUnsynced)
	if got := l.indexes(); !slices.Equal(got, []int64{100, 300}) {
		t.Errorf("the disk holds %v", got)
	}
}

// TestFailedSync fails one sync of four records and then syncs more successfully. What the failed sync
// dropped must not come back, and nothing after it, whatever the crash; over the seeds, some survive.
func TestFailedSync(t *testing.T) {
	lengths := map[int]int{}
	for seed := range uint64(200) {
		cfg := exact(1)
		cfg.Seed = keyed.New(seed)
		l := newLab(cfg)
		l.order(t, 0, writes(1, 1, true))
		l.RunUntil(5 * ms)
		must(t, l.FailDisk("f1", 0, FailEIO))
		l.order(t, 0, writes(2, 4, true))
		l.RunUntil(10 * ms)
		if got := l.take(0, refimpl.InWriteFailed); len(got) != 1 || got[0].seq != 2 || got[0].at != 7*ms {
			t.Fatalf("got %+v", got)
		}
		must(t, l.HealDisk("f1", 0))
		l.order(t, 0, writes(3, 1, true))
		l.RunUntil(20 * ms)
		if got := l.take(0, refimpl.InWriteDone); len(got) != 1 || got[0].seq != 3 {
			t.Fatalf("got %+v", got)
		}
		l.restart(t, KeepUnsynced)
		all := []int64{100, 200, 201, 202, 203, 300}
		got := l.indexes()
		if len(got) == 0 || !slices.Equal(got, all[:len(got)]) {
			t.Fatalf("seed %d: the disk holds %v", seed, got)
		}
		lengths[len(got)]++
	}
	for _, n := range []int{1, 2, 3, 4, 6} {
		if lengths[n] < 20 {
			t.Errorf("survivors over the seeds: %v; want 1, 2, 3, 4 and all 6 about alike", lengths)
		}
	}
	if lengths[5] > 0 {
		t.Errorf("survivors over the seeds: %v: the whole failed write without the next", lengths)
	}
}

// TestTwoFailedSyncs checks that what a first failed sync dropped stays dropped after a second.
func TestTwoFailedSyncs(t *testing.T) {
	survivors := func(seed uint64, failures int) int {
		cfg := exact(1)
		cfg.Seed = keyed.New(seed)
		l := newLab(cfg)
		must(t, l.FailDisk("f1", 0, FailEIO))
		for token := range failures {
			l.order(t, 0, writes(uint64(token)+1, 4, true))
			l.RunUntil(l.Now() + 5*ms)
		}
		l.restart(t, KeepUnsynced)
		return len(l.indexes())
	}
	fewer := 0
	for seed := range uint64(50) {
		one, two := survivors(seed, 1), survivors(seed, 2)
		if one < 4 && two > one {
			t.Errorf("seed %d: %d records survive one failed sync, %d two", seed, one, two)
		}
		if two < one {
			fewer++
		}
	}
	if fewer == 0 {
		t.Error("a second failed sync never drops what the first had left")
	}
}

func TestLyingFsync(t *testing.T) {
	l := newLab(exact(2))
	if l.Labels() != nil {
		t.Errorf("labels %v", l.Labels())
	}
	must(t, l.FailDisk("f1", 0, FailLying))
	l.order(t, 0, writes(1, 1, true))
	l.RunUntil(10 * ms)
	if got := l.take(0, refimpl.InWriteDone); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	l.restart(t, LoseUnsynced)
	if got := l.indexes(); got != nil || l.boots[2].Fresh {
		t.Errorf("a lying disk kept %v, fresh %v", got, l.boots[2].Fresh)
	}
	must(t, l.HealDisk("f1", 0))
	l.order(t, 0, writes(2, 1, true))
	l.RunUntil(20 * ms)
	l.restart(t, LoseUnsynced)
	if got := l.indexes(); !slices.Equal(got, []int64{200}) {
		t.Errorf("an honest disk kept %v", got)
	}
	if got := l.Labels(); !slices.Equal(got, []string{"lying-fsync"}) {
		t.Errorf("labels %v", got)
	}
}
