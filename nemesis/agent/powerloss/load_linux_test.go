//go:build linux

package powerloss

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestBigFile(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	const size, chunk = 64 << 20, 1 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	for i := 0; i < size; i += 512 { // no two sectors are the same
		binary.LittleEndian.PutUint64(content[i:], uint64(i))
	}
	file := b.open("big", os.O_RDWR|os.O_CREATE)
	fill := func() {
		for off := 0; off < size; off += chunk {
			_, err := file.WriteAt(content[off:off+chunk], int64(off))
			b.must(err)
		}
	}
	fill()
	b.lose(Lost{Files: 1, Bytes: size})
	b.has("big", "")
	fill()
	same := func(path string) {
		got, err := os.ReadFile(path)
		b.must(err)
		if !bytes.Equal(got, content) {
			t.Fatalf("%s has not what was written", path)
		}
	}
	same(b.path("big"))
	b.must(file.Sync())
	b.lose(Lost{})
	same(filepath.Join(b.backing, "big"))
}

// Writers of one file, each in places of its own, some synced.
func TestConcurrentWriters(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	const writers, rounds, record = 6, 60, 3000
	var wait sync.WaitGroup
	for w := range writers {
		file := b.open("f", os.O_RDWR|os.O_CREATE)
		wait.Go(func() {
			p := bytes.Repeat([]byte{byte('a' + w)}, record)
			got := make([]byte, record)
			for i := range rounds {
				off := int64(i*writers+w) * record
				if _, err := file.WriteAt(p, off); err != nil {
					t.Error(err)
				}
				if i%7 == w {
					if err := file.Sync(); err != nil {
						t.Error(err)
					}
				}
				if _, err := file.ReadAt(got, off); err != nil || !bytes.Equal(got, p) {
					t.Errorf("writer %d reads something else at %d, %v", w, off, err)
				}
			}
		})
	}
	wait.Wait()
	got, err := os.ReadFile(b.path("f"))
	b.must(err)
	for i := 0; i < len(got); i += record {
		if want := byte('a' + i/record%writers); got[i] != want || got[i+record-1] != want {
			t.Fatalf("record %d is of %c, want %c", i/record, got[i], want)
		}
	}
	if len(got) != writers*rounds*record {
		t.Errorf("the file has %d bytes", len(got))
	}
}

// Writers go on through power losses. Each appends numbered records and syncs after each. A loss can hit a
// record between its write and its sync: one a writer, at most. All others must be there, whole and in order.
func TestLossUnderLoad(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	const writers, losses, record = 4, 30, 256
	stop := make(chan struct{})
	wrote := make([]atomic.Uint64, writers)
	var wait sync.WaitGroup
	for w := range writers {
		file := b.open(fmt.Sprint("log", w), os.O_RDWR|os.O_CREATE|os.O_APPEND)
		wait.Go(func() {
			for n := uint64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				p := bytes.Repeat(binary.LittleEndian.AppendUint64(nil, n), record/8)
				if _, err := file.Write(p); err != nil {
					t.Error(err)
				}
				if err := file.Sync(); err != nil {
					t.Error(err)
				}
				wrote[w].Store(n)
			}
		})
	}
	for i := range uint64(losses) {
		eventually(t, "all writers get on", func() bool {
			slowest := wrote[0].Load()
			for w := range wrote {
				slowest = min(slowest, wrote[w].Load())
			}
			return slowest >= 3*i+3
		})
		if _, err := b.fs.PowerLoss(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wait.Wait()
	for w := range writers {
		checkRecords(b, fmt.Sprint("log", w), wrote[w].Load(), losses, record)
	}
	b.lose(Lost{})
}

// checkRecords fails the test when more than missing of the records 1 to last are not in the backing.
func checkRecords(b *bench, name string, last uint64, missing, record int) {
	b.Helper()
	got, err := os.ReadFile(filepath.Join(b.backing, name))
	b.must(err)
	before, count := uint64(0), 0
	for ; len(got) >= record; got = got[record:] {
		n := binary.LittleEndian.Uint64(got)
		if n <= before || !bytes.Equal(got[:record], bytes.Repeat(got[:8], record/8)) {
			b.Fatalf("%s: after record %d comes %x", name, before, got[:record])
		}
		before, count = n, count+1
	}
	if len(got) != 0 || last-uint64(count) > uint64(missing) || last == 0 {
		b.Errorf("%s: %d of %d records are there, and %d bytes", name, count, last, len(got))
	}
}
