//go:build linux

package powerloss

import (
	"os"
	"strings"
	"testing"
)

const pageSize = 4096

// A mapping sees what others write, and forgets with all others.
func TestMappingReads(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	b.create("db", strings.Repeat("a", 8*pageSize), true)
	m := startChild(t, childMaps, b.path("db"))
	m.ask(`"aaa"`, "read 0 3")
	m.ask(`"aaa"`, "read %d 3", 4*pageSize)
	file := b.open("db", os.O_RDWR)
	b.writeAt(file, "bbb", 0)
	m.ask(`"bbba"`, "read 0 4")
	b.must(file.Sync())
	b.writeAt(file, "ccc", 4*pageSize)
	m.ask(`"ccca"`, "read %d 4", 4*pageSize)
	b.lose(Lost{Files: 1, Bytes: 3})
	m.ask(`"aaaa"`, "read %d 4", 4*pageSize)
	m.ask(`"bbba"`, "read 0 4")
}

// What is written through a mapping is durable after msync, and else lost, whether the kernel still has it or
// not.
func TestMappingWrites(t *testing.T) {
	b := newBench(t, MaxPending)
	if b == nil {
		return
	}
	page := strings.Repeat("a", pageSize)
	b.create("db", page+page, true)
	m := startChild(t, childMaps, b.path("db"))
	m.ask("ok", "write 0 synced")
	b.has("db", "synced"+page[6:]+page) // a read sees it at once
	m.ask("ok", "msync 0")
	b.stored("db", "synced"+page[6:]+page)
	m.ask("ok", "write %d inkernel", pageSize)
	m.ask(`"inkernela"`, "read %d 9", pageSize)
	_, err := b.fs.PowerLoss() // while the kernel alone knows
	b.must(err)
	m.ask(`"aaaaaaaaa"`, "read %d 9", pageSize)
	b.lose(Lost{})
	b.has("db", "synced"+page[6:]+page)
	m.ask("ok", "write %d atexit", pageSize)
	m.kill() // the kernel hands over what is dirty
	eventually(t, "the page is pending", func() bool { return b.fs.Pending().Bytes == pageSize })
	b.has("db", "synced"+page[6:]+"atexit"+page[6:])
	b.lose(Lost{Files: 1, Bytes: pageSize})
	b.has("db", "synced"+page[6:]+page)
}
