package server

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

var quiet = slog.New(slog.DiscardHandler)

// entry is the record of an entry of a shard.
func entry(shard int32, index int64, key string) refimpl.Record {
	return refimpl.Record{Kind: refimpl.RecEntry, Shard: shard, Index: index,
		Entry: refimpl.Entry{Epoch: 1, Req: &refimpl.Request{Client: 1, Seq: uint64(index),
			Op:  refimpl.OpWrite,
			Key: key}}}
}

// log is an open disk, and what it told.
type testDisk struct {
	*disk
	t    *testing.T
	told chan refimpl.Input
	next uint64
}

func open(t *testing.T, dir string, limit int64) (*testDisk, *recovered) {
	t.Helper()
	r, err := recoverDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan refimpl.Input, 1000)
	d, err := openDisk(dir, r, limit, quiet, func(in refimpl.Input) { told <- in })
	if err != nil {
		t.Fatal(err)
	}
	return &testDisk{disk: d, t: t, told: told, next: 1}, r
}

// sync writes records and waits until they are durable.
func (d *testDisk) sync(records ...refimpl.Record) {
	d.t.Helper()
	d.write(&refimpl.Write{Records: records, Sync: true, Token: d.next})
	if in := <-d.told; in.Kind != refimpl.InWriteDone || in.Token != d.next {
		d.t.Fatalf("told %+v, want that write %d is done", in, d.next)
	}
	d.next++
}

func (d *testDisk) lazily(records ...refimpl.Record) { d.write(&refimpl.Write{Records: records}) }

// abandon leaves a disk as a killed process does.
func (d *testDisk) abandon() {
	d.mu.Lock()
	d.wanted, d.closing = nil, true
	d.mu.Unlock()
	d.wake.Broadcast()
	d.done.Wait()
	_ = d.file.Close()
	_ = d.disk.mark.Close()
}

func sprint(records []refimpl.Record) string {
	var out []string
	for _, r := range records {
		switch r.Kind {
		case refimpl.RecEntry:
			out = append(out, fmt.Sprintf("%d:%d%s", r.Shard, r.Index, r.Entry.Req.Key))
		default:
			out = append(out, fmt.Sprintf("%d:%d/%d", r.Shard, r.Kind, r.Epoch))
		}
	}
	return strings.Join(out, " ")
}

func crash(t *testing.T, dir, how string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, CrashFile), []byte(how), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What a restart finds, by what became of unsynced writes.
func TestWhatSurvives(t *testing.T) {
	for how, want := range map[string]string{"": "0:0/7 0:1a 0:2b 0:3c", "lose": "0:0/7 0:1a", "wipe": ""} {
		dir := t.TempDir()
		d, first := open(t, dir, 1<<20)
		d.sync(refimpl.Record{Epoch: 7}, entry(0, 1, "a"))
		d.lazily(entry(0, 2, "b"))
		d.lazily(entry(0, 3, "c"))
		d.abandon()
		if how != "" {
			crash(t, dir, how)
		}
		d, r := open(t, dir, 1<<20)
		if got := sprint(r.records); got != want {
			t.Errorf("%q: found %s, want %s", how, got, want)
		}
		if !first.fresh || r.fresh {
			t.Errorf("%q: fresh at first %v, then %v", how, first.fresh, r.fresh)
		}
		if how != "wipe" && r.incarnation != 1 {
			t.Errorf("%q: incarnation %d", how, r.incarnation)
		}
		d.sync(entry(0, int64(len(r.records))+1, "z"))
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}
}

// Whatever a torn tail leaves, it is a prefix of what was written that has all that was synced.
func TestTornTails(t *testing.T) {
	seen := map[int]bool{}
	for luck := range 60 {
		dir := t.TempDir()
		d, _ := open(t, dir, 1<<20)
		d.sync(entry(0, 1, "a"))
		for i := range int64(5) {
			d.lazily(entry(0, 2+i, "b"))
		}
		d.abandon()
		crash(t, dir, fmt.Sprint("tear ", luck))
		d, r := open(t, dir, 1<<20)
		d.abandon()
		if !strings.HasPrefix("0:1a 0:2b 0:3b 0:4b 0:5b 0:6b", sprint(r.records)) || len(r.records) < 1 {
			t.Fatalf("luck %d left %s", luck, sprint(r.records))
		}
		seen[len(r.records)] = true
	}
	if len(seen) < 4 {
		t.Errorf("the tears all are alike: %v", seen)
	}
}

// Damage in what was synced is no torn tail.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	d, _ := open(t, dir, 1<<20)
	d.sync(entry(0, 1, "a"), entry(0, 2, "b"))
	d.abandon()
	path := filepath.Join(dir, fmt.Sprintf(logName, 1))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := recoverDir(dir); err == nil || !strings.Contains(err.Error(),
		"damaged, though it was synced") {
		t.Errorf("got %v", err)
	}
	crash(t, dir, "explode")
	if _, err := recoverDir(dir); err == nil || !strings.Contains(err.Error(),
		"allowed: lose, tear <number>, wipe") {
		t.Errorf("got %v", err)
	}
	b[4]++ // another version
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, CrashFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := recoverDir(dir); err == nil || !strings.Contains(err.Error(), "format version 3") {
		t.Errorf("got %v", err)
	}
}

// With a tiny limit there are many logs and snapshots; what is found amounts to the same, however often the
// node starts, and what was synced is always there.
func TestSnapshots(t *testing.T) {
	dir := t.TempDir()
	var all []refimpl.Record
	last := [2]int64{}
	key := keyed.New(5)
	for range 12 {
		d, r := open(t, dir, 600)
		if got, want := compact(r.records), compact(all); !reflect.DeepEqual(got, want) {
			t.Fatalf("found\n%s\nwant\n%s", sprint(got), sprint(want))
		}
		if err := checkRecords(r.records, follower); err != nil {
			t.Fatal(err)
		}
		for range 40 {
			key = key.With(1)
			shard := int32(key.N(2))
			rec := entry(shard, last[shard]+1, "k")
			switch key.With(2).N(8) {
			case 0:
				rec = refimpl.Record{Kind: refimpl.RecMeta, Shard: shard, Epoch: uint64(key.N(9))}
			case 1:
				cut := int64(key.N(int(last[shard]) + 1))
				rec = refimpl.Record{Kind: refimpl.RecTruncate, Shard: shard, Index: cut + 1}
				last[shard] = cut
			default:
				last[shard]++
			}
			all = append(all, rec)
			d.sync(rec)
		}
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
	}
	logs, _ := generations(dir, logName)
	snapshots, _ := generations(dir, snapshotName)
	if len(snapshots) == 0 || snapshots[len(snapshots)-1] < 5 || len(logs) > 6 {
		t.Errorf("logs %v, snapshots %v", logs, snapshots)
	}
}

func TestDiskFaults(t *testing.T) {
	dir := t.TempDir()
	d, _ := open(t, dir, 1<<20)
	defer d.abandon()
	d.setFault("f1", DiskFault{Fail: "stall"})
	d.write(&refimpl.Write{Records: []refimpl.Record{entry(0, 1, "a")}, Sync: true, Token: 1})
	if len(d.told) > 0 {
		t.Error("a stalled disk answers")
	}
	d.clearFault("f1")
	if in := <-d.told; in.Kind != refimpl.InWriteDone || in.Token != 1 {
		t.Errorf("told %+v", in)
	}
	for i, fail := range []string{"eio", "full"} {
		d.setFault("f2", DiskFault{Fail: fail})
		token := uint64(2 + i)
		d.write(&refimpl.Write{Records: []refimpl.Record{entry(0, 2, "a")}, Sync: true, Token: token})
		if in := <-d.told; in.Kind != refimpl.InWriteFailed || in.Token != token {
			t.Errorf("%s: told %+v", fail, in)
		}
		d.clearFault("f2")
	}
	for _, f := range []DiskFault{{}, {Fail: "melt"}, {Slow: 2, Fail: "eio"}, {Slow: -1}} {
		if f.check() == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}

func BenchmarkSyncedWrites(b *testing.B) {
	dir := b.TempDir()
	r, err := recoverDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	told := make(chan refimpl.Input, 1)
	d, err := openDisk(dir, r, 64<<20, quiet, func(in refimpl.Input) { told <- in })
	if err != nil {
		b.Fatal(err)
	}
	records := []refimpl.Record{entry(0, 1, "a")}
	for b.Loop() {
		d.write(&refimpl.Write{Records: records, Sync: true, Token: 1})
		<-told
	}
	if err := d.close(); err != nil {
		b.Fatal(err)
	}
}
