//go:build linux

package powerloss

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a small append with an fsync costs, and how much of it is the disk's.
func BenchmarkAppendAndSync(b *testing.B) {
	w := newBench(b, MaxPending)
	if w == nil {
		return
	}
	for name, dir := range map[string]string{"pending": w.at, "backing": w.backing} {
		b.Run(name, func(b *testing.B) {
			appendTo(b, filepath.Join(dir, name), true)
		})
	}
}

// What a small append alone costs.
func BenchmarkAppend(b *testing.B) {
	w := newBench(b, MaxPending)
	if w == nil {
		return
	}
	appendTo(b, w.path("f"), false)
}

func appendTo(b *testing.B, path string, durable bool) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	record := make([]byte, 128)
	for b.Loop() {
		if _, err := file.Write(record); err != nil {
			b.Fatal(err)
		}
		if durable {
			if err := file.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// What a read costs that many scattered writes have to be looked through for.
func BenchmarkReadAfterManyWrites(b *testing.B) {
	var d pending
	d.begin(0, time.Unix(1, 0))
	record := make([]byte, 100)
	for i := range int64(1 << 17) {
		d.write(i*37%(1<<17)*200, record)
	}
	store, p := &memory{}, make([]byte, 8192)
	off := int64(0)
	for b.Loop() {
		if _, err := d.read(p, off, store); err != nil {
			b.Fatal(err)
		}
		off = (off + 8192) % (1 << 24)
	}
}
