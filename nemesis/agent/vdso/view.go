//go:build linux && amd64

package vdso

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// view is one look at the vDSO of a process.
type view struct {
	*pattern
	mem  *os.File // its memory, as it was when the view began: of no use after an exec
	base int64    // where its vDSO is
	seen []byte   // its vDSO
}

// at returns the address of an offset.
func (v *view) at(offset int) int64 { return v.base + int64(offset) }

// look reads the vDSO of a process. Errors speak of "it", the process.
func look(pid int, p *pattern, writable bool) (v *view, err error) {
	const attempts, pause = 5, 2 * time.Millisecond
	for range attempts {
		v, err = glance(pid, p, writable)
		if !errors.Is(err, errNoVDSO) && !errors.Is(err, syscall.EIO) && !errors.Is(err, io.EOF) {
			break
		}
		time.Sleep(pause) // it may be in the midst of an exec
	}
	return v, err
}

func glance(pid int, p *pattern, writable bool) (*view, error) {
	from, to, err := mapping(pid)
	if err != nil {
		return nil, err
	}
	flags := os.O_RDONLY
	if writable {
		flags = os.O_RDWR
	}
	mem, err := os.OpenFile(procFile(pid, "mem"), flags, 0)
	if err != nil {
		return nil, err
	}
	v := &view{pattern: p, mem: mem, base: from, seen: make([]byte, to-from)}
	if _, err := mem.ReadAt(v.seen, from); err != nil {
		return nil, errors.Join(fmt.Errorf("its vDSO cannot be read: %w", err), mem.Close())
	}
	if err := v.understand(); err != nil {
		return nil, errors.Join(err, mem.Close())
	}
	return v, nil
}

// understand returns an error when the process has anything but the kernel's code with or without jumps
// that this package writes.
func (v *view) understand() error {
	if err := v.sameKernelCode(v.seen); err != nil {
		return err
	}
	for i, at := range v.entries {
		if !v.pristine(i) && !v.leavesFile(at, v.seen) {
			return fmt.Errorf("its vDSO is unknown: something else has changed %s", names[i])
		}
	}
	return nil
}

func (v *view) entry(i int) []byte { return v.seen[v.entries[i] : v.entries[i]+entrySize] }

func (v *view) pristineEntry(i int) []byte { return v.image[v.entries[i] : v.entries[i]+entrySize] }

// pristine reports whether the process has the kernel's function i.
func (v *view) pristine(i int) bool { return bytes.Equal(v.entry(i), v.pristineEntry(i)) }

// jumps reports whether the process has the jump to the stub in place of function i.
func (v *view) jumps(i int) bool {
	jump := jumpTo(v.entries[i], v.stubs[i])
	return bytes.Equal(v.entry(i), jump[:])
}

// count returns for how many functions it holds.
func count(holds func(i int) bool) (n int) {
	for i := range functions {
		if holds(i) {
			n++
		}
	}
	return n
}

// hasStubs reports whether the area is there, with these very stubs.
func (v *view) hasStubs() bool {
	return v.hasMagic() && bytes.Equal(v.seen[v.area.stubs():][:len(v.code)], v.code)
}

func (v *view) hasMagic() bool { return string(v.seen[v.area:][:len(magic)]) == magic }

// bent reports whether all of the functions are replaced by these stubs.
func (v *view) bent() bool { return v.hasStubs() && count(v.jumps) == functions }

// offset returns the offset in force in a process that is bent.
func (v *view) offset() (time.Duration, error) {
	slot, _, err := v.readSlot(v.mem)
	return offsetOf(slot), err
}

// claim returns an error when the area cannot be had: it is taken by something else. What a writer
// that died halfway has left, no function leads to: it may be overwritten.
func (v *view) claim() error {
	if v.hasStubs() {
		return nil
	}
	if count(v.pristine) < functions {
		return errors.New("its clock is bent by another version of this program: that one must restore it, " +
			"or a restart of the process")
	}
	tail := v.seen[v.fileEnd:]
	if v.hasMagic() || len(bytes.Trim(tail, "\x00")) == 0 {
		return nil
	}
	return errors.New("the unused end of its vDSO is used by something else")
}

// writeArea writes the stubs, which no function leads to yet, when they are not there.
func (v *view) writeArea(to io.WriterAt) error {
	if v.hasStubs() {
		return nil
	}
	if _, err := to.WriteAt([]byte(magic), v.at(int(v.area))); err != nil {
		return err
	}
	_, err := to.WriteAt(v.code, v.at(v.area.stubs()))
	return err
}

// writeJumps leads all functions to their stubs. All threads must stand still outside of the entries.
func (v *view) writeJumps(to io.WriterAt) error {
	for i := range functions {
		if v.jumps(i) {
			continue
		}
		jump := jumpTo(v.entries[i], v.stubs[i])
		if _, err := to.WriteAt(jump[:], v.at(v.entries[i])); err != nil {
			return err
		}
	}
	return nil
}

// writePristine gives all functions their entries back. All threads must stand still.
func (v *view) writePristine(to io.WriterAt) error {
	for i := range functions {
		if v.pristine(i) {
			continue
		}
		if _, err := to.WriteAt(v.pristineEntry(i), v.at(v.entries[i])); err != nil {
			return err
		}
	}
	return nil
}

// insideEntry reports whether an address is within an entry that will be overwritten by a jump, and not at
// its beginning: a thread that goes on there would run half a jump.
func (v *view) insideEntry(address uint64) bool {
	for i, at := range v.entries {
		if !v.jumps(i) && address > uint64(v.at(at)) && address < uint64(v.at(at+entrySize)) {
			return true
		}
	}
	return false
}
