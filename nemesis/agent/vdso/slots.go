//go:build linux && amd64

package vdso

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

var le = binary.LittleEndian

// How an offset is changed while threads read it.
//
// Seconds and nanoseconds are two words, and even one word may be written in pieces: the kernel copies
// into /proc/<pid>/mem with whatever the processor has for that, byte by byte if need be. A byte, however,
// is written at once. So there are two slots and a generation, one byte, whose lowest bit names the slot in
// force. A writer fills the other slot and then writes the next generation. A reader takes the generation,
// the words of its slot, and the generation again; when it is another one, it begins anew. No reader waits
// for a writer, and a writer that dies halfway leaves the old offset in force. (A reader could be wrong only
// after exactly 256 changes between its two looks at the generation, of which one hit its load of a word.)
//
// There is one writer at a time: it holds a lock on /proc/<pid>/mem, see lock.go.

// slotOf returns an offset as seconds and nanoseconds in [0, 1e9), as a slot has it.
func slotOf(offset time.Duration) (slot [slotSize]byte) {
	sec, nsec := int64(offset/time.Second), int64(offset%time.Second)
	if nsec < 0 {
		sec, nsec = sec-1, nsec+billion
	}
	le.PutUint64(slot[:], uint64(sec))
	le.PutUint64(slot[8:], uint64(nsec))
	return slot
}

// offsetOf returns the offset that a slot has.
func offsetOf(slot [slotSize]byte) time.Duration {
	return time.Duration(le.Uint64(slot[:]))*time.Second + time.Duration(le.Uint64(slot[8:]))
}

// readSlot returns the slot in force, as memory has it.
func (v *view) readSlot(memory io.ReaderAt) (slot [slotSize]byte, generation byte, err error) {
	const attempts = 1000
	for range attempts {
		var before, after [1]byte
		if _, err = memory.ReadAt(before[:], v.at(v.area.generation())); err != nil {
			return slot, 0, err
		}
		if _, err = memory.ReadAt(slot[:], v.at(v.area.slot(int(before[0]%slots)))); err != nil {
			return slot, 0, err
		}
		if _, err = memory.ReadAt(after[:], v.at(v.area.generation())); err != nil {
			return slot, 0, err
		}
		if before == after {
			return slot, before[0], nil
		}
	}
	return slot, 0, fmt.Errorf("its offset changed at each of %d readings", attempts)
}

// publish puts the offset in force, for readers that run meanwhile. The lock must be held.
func (v *view) publish(to io.WriterAt, offset time.Duration) error {
	old, generation, err := v.readSlot(v.mem)
	if err != nil {
		return err
	}
	slot := slotOf(offset)
	if slot == old {
		return nil
	}
	generation++
	if _, err := to.WriteAt(slot[:], v.at(v.area.slot(int(generation%slots)))); err != nil {
		return err
	}
	_, err = to.WriteAt([]byte{generation}, v.at(v.area.generation()))
	return err
}
