//go:build linux

package powerloss

import (
	"errors"
	"fmt"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// errClosed is the answer of a file system that was closed.
var errClosed = errors.New("the file system that forgets is not mounted any more")

// PowerLoss forgets all that was not synced, of all files at one instant, and returns when nobody can see it
// any more. It returns what was lost; what the kernel had not handed over yet of shared mappings is lost
// too, and not counted. An error means that nothing is mounted, or that the kernel may still show something
// of it.
//
// Those who write should be dead by then. A process that writes to a page at that very instant may go on
// seeing in that page what was there before its write; the backing has it right.
func (f *FS) PowerLoss() (Lost, error) {
	f.losing <- struct{}{}
	defer func() { <-f.losing }()
	if f.layer.shut.Load() {
		return Lost{}, errClosed
	}
	lost, cached := f.layer.lose()
	err := f.layer.emptyCache(cached)
	f.layer.light()
	f.layer.log.Info("power loss", "files", lost.Files, "bytes", lost.Bytes)
	return lost, err
}

// Pending returns what a power loss would take away now.
func (f *FS) Pending() Lost {
	var lost Lost
	f.layer.nodes.each(func(n *node) {
		bytes, some := n.waits()
		if some && !n.nameless() {
			lost.Files++
			lost.Bytes += bytes
		}
	})
	return lost
}

// lose forgets what is pending, and has it dark until light. It returns the kernel's names of the files that
// it may have in its page cache and that have changed, or may be written to through a mapping.
func (l *layer) lose() (lost Lost, cached []uint64) {
	l.loss.Lock()
	defer l.loss.Unlock()
	l.dark = true
	var unheld []*node
	l.nodes.each(func(n *node) {
		bytes, some := n.forget(&l.budget)
		if some && !n.nameless() {
			lost.Files++
			lost.Bytes += bytes
		}
		if some || n.isOpen() {
			cached = append(cached, n.id)
		}
		if some && n.lookups == 0 {
			unheld = append(unheld, n)
		}
	})
	for _, n := range unheld {
		l.nodes.release(n, 0, &l.budget)
	}
	l.full.Store(false)
	return lost, cached
}

// light ends what lose began.
func (l *layer) light() {
	l.loss.Lock()
	defer l.loss.Unlock()
	l.dark = false
}

func (n *node) isOpen() bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.opens > 0
}

// emptyCache has the kernel drop the pages and attributes of files.
func (l *layer) emptyCache(ids []uint64) error {
	var failed error
	for _, id := range ids {
		if err := l.dropCached(id); err != nil && failed == nil {
			failed = fmt.Errorf("the kernel's page cache may still have what was lost: %w", err)
		}
	}
	return failed
}

// dropCached has the kernel drop the pages and attributes of a file. It writes dirty pages back before, and
// waits for requests that hold locks on pages: no lock that these need may be held.
func (l *layer) dropCached(id uint64) error {
	status := l.server.InodeNotify(id, 0, 0)
	if status == fuse.OK || status == fuse.ENOENT { // the kernel does not know it any more
		return nil
	}
	return unix.Errno(status)
}
