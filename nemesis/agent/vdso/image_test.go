//go:build linux && amd64

package vdso

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// own returns the pattern of this process.
func own(t *testing.T) *pattern {
	t.Helper()
	p, err := ownPattern()
	must(t, err)
	return p
}

func TestUnknownKernels(t *testing.T) {
	p := own(t)
	for _, c := range []struct {
		name   string
		change func(image []byte) []byte
		want   string
	}{
		{"no ELF file", func(b []byte) []byte { b[0] = 0; return b }, "no ELF file"},
		{"nothing", func([]byte) []byte { return nil }, "no ELF file"},
		{"another machine", func(b []byte) []byte { b[18] = 183; return b }, "EM_AARCH64"},
		{"no place", func(b []byte) []byte { return b[:p.fileEnd+100] },
			"has 100 unused bytes at its end; needed: 384"},
		{"a full end", func(b []byte) []byte { b[len(b)-1] = 1; return b }, "not unused"},
		{"no time", func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("__vdso_time\x00"), []byte("__vdso_tame\x00"))
		}, "no function __vdso_time"},
		{"bent", func(b []byte) []byte {
			jump := jumpTo(p.entries[1], p.stubs[1])
			copy(b[p.entries[1]:], jump[:])
			return b
		}, "is itself bent (__vdso_gettimeofday"},
	} {
		_, err := newPattern(c.change(bytes.Clone(p.image)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		var no *Unsupported
		if errors.As(err, &no) == (c.name == "bent") {
			t.Errorf("%s: the error is a %T", c.name, err)
		}
	}
	if _, err := newPattern(p.image); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

// TestUnknownProcesses has images that a process may have, by what is different in them.
func TestUnknownProcesses(t *testing.T) {
	p := own(t)
	bend := func(b []byte, which ...int) {
		for _, i := range which {
			jump := jumpTo(p.entries[i], p.stubs[i])
			copy(b[p.entries[i]:], jump[:])
		}
	}
	area := func(b []byte) {
		copy(b[p.area:], magic)
		copy(b[p.area.stubs():], p.code)
	}
	for _, c := range []struct {
		name       string
		change     func(image []byte) []byte
		understand string // the errors, "" for none
		claim      string
		bent       bool
	}{
		{"untouched", func(b []byte) []byte { return b }, "", "", false},
		{"bent", func(b []byte) []byte { area(b); bend(b, 0, 1, 2); return b }, "", "", true},
		{"half bent", func(b []byte) []byte { area(b); bend(b, 1); return b }, "", "", false},
		{"restored", func(b []byte) []byte { area(b); return b }, "", "", false},
		{"half written", func(b []byte) []byte { area(b); b[len(b)-200] ^= 1; return b }, "", "", false},
		{"32 bits", func(b []byte) []byte { b[4] = 1; return b[:4096] }, "32-bit process", "", false},
		{"another size", func(b []byte) []byte { return b[:4096] }, "has 4096 bytes", "", false},
		{"another kernel", func(b []byte) []byte { b[p.fileEnd-1] ^= 1; return b },
			fmt.Sprintf("differs from this process's at offset %#x", p.fileEnd-1), "", false},
		{"another patch", func(b []byte) []byte { b[p.entries[2]+1] ^= 1; return b },
			"something else has changed __vdso_time", "", false},
		{"another jump", func(b []byte) []byte {
			jump := jumpTo(p.entries[2], p.entries[0])
			copy(b[p.entries[2]:], jump[:])
			return b
		}, "something else has changed __vdso_time", "", false},
		{"another version", func(b []byte) []byte { area(b); bend(b, 0); b[p.area]++; return b },
			"", "another version", false},
		{"another area", func(b []byte) []byte { b[len(b)-1] = 1; return b },
			"", "used by something else", false},
	} {
		v := &view{pattern: p, seen: c.change(bytes.Clone(p.image))}
		err := v.understand()
		if got := fmt.Sprint(err); c.understand == "" && err != nil || !strings.Contains(got, c.understand) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.understand != "" {
			continue
		}
		err = v.claim()
		if got := fmt.Sprint(err); c.claim == "" && err != nil || !strings.Contains(got, c.claim) {
			t.Errorf("%s: to have the area: %v", c.name, err)
		}
		if v.bent() != c.bent {
			t.Errorf("%s: bent %v", c.name, v.bent())
		}
	}
}

func TestInsideEntry(t *testing.T) {
	p := own(t)
	v := &view{pattern: p, base: 0x7fff_0000_0000, seen: bytes.Clone(p.image)}
	jump := jumpTo(p.entries[2], p.stubs[2])
	copy(v.seen[p.entries[2]:], jump[:])
	for at := range entrySize + 1 {
		want := at > 0 && at < entrySize
		for i, entry := range p.entries {
			// Where there is a jump already, nothing will be overwritten.
			if got := v.insideEntry(uint64(v.at(entry + at))); got != (want && i != 2) {
				t.Errorf("%s+%d: %v", names[i], at, got)
			}
		}
	}
}

func TestFindMapping(t *testing.T) {
	for _, c := range []struct {
		maps     string
		from, to int64
		err      string
	}{
		{"", 0, 0, "no [vdso]"},
		{"\n00400000-00401000 r-xp 00000000 00:00 0 [vvar]\n", 0, 0, "no [vdso]"},
		{"00400000-00401000 r-xp 00000000 00:00 0 /a [vdso]x\n" +
			"7ffc1000-7ffc3000 r-xp 00000000 00:00 0                          [vdso]\nx\n",
			0x7ffc1000, 0x7ffc3000, ""},
		{"7ffc3000-7ffc1000 r-xp 00000000 00:00 0 [vdso]\n", 0, 0, "makes no sense"},
		{"7ffc3000 r-xp 00000000 00:00 0 [vdso]\n", 0, 0, "makes no sense"},
		{"0-7fffffffffffffff r-xp 00000000 00:00 0 [vdso]\n", 0, 0, "makes no sense"},
	} {
		from, to, err := findMapping(c.maps)
		if from != c.from || to != c.to || (err == nil) != (c.err == "") ||
			!strings.Contains(fmt.Sprint(err), c.err) {
			t.Errorf("%q: %#x, %#x, %v", c.maps, from, to, err)
		}
	}
}

func TestSlots(t *testing.T) {
	for _, offset := range append(theOffsets, math.MinInt64, math.MinInt64+1, math.MaxInt64) {
		slot := slotOf(offset)
		if nsec := le.Uint64(slot[8:]); nsec >= billion {
			t.Errorf("%v: %d nanoseconds", offset, nsec)
		}
		if got := offsetOf(slot); got != offset {
			t.Errorf("%v comes back as %v", offset, got)
		}
	}
	slot := slotOf(-7200*time.Second - 500*time.Millisecond)
	if sec, nsec := int64(le.Uint64(slot[:])), le.Uint64(slot[8:]); sec != -7201 || nsec != 500_000_000 {
		t.Errorf("-7200.5 s is %d s and %d ns", sec, nsec)
	}
}

func TestLayout(t *testing.T) {
	p := own(t)
	if got := stubsAt + len(p.code); got > areaSize {
		t.Errorf("the area has %d bytes; needed: %d", areaSize, got)
	}
	if int(p.area)%areaAlign != 0 || int(p.area)+areaSize > len(p.image) ||
		p.area.slot(slots) > p.area.stubs() {
		t.Errorf("the area is at %d of %d", p.area, len(p.image))
	}
	t.Logf("stubs: %d bytes at %v; area at %d, unused from %d", len(p.code), p.stubs, p.area, p.fileEnd)
	if got, want := jumpTo(0x1000, 0x2000), [entrySize]byte{0xe9, 0xfb, 0x0f, 0, 0}; got != want {
		t.Errorf("a jump: % x", got)
	}
	if got, want := jumpTo(0x2000, 0x1000), [entrySize]byte{0xe9, 0xfb, 0xef, 0xff, 0xff}; got != want {
		t.Errorf("a jump back: % x", got)
	}
}

// halfway does something to a process that stands still, as a writer does that dies in the midst of it.
func halfway(t *testing.T, v *victim, do func(*view, poker, *tracees) error) {
	t.Helper()
	p := own(t)
	must(t, stopped(v.pid(), usualLimits, func(threads *tracees) error {
		look, err := look(v.pid(), p, false)
		if err != nil {
			return err
		}
		defer look.mem.Close()
		return do(look, poker{threads.any().tid}, threads)
	}))
}

// TestWriterDied goes on where another one has stopped.
func TestWriterDied(t *testing.T) {
	if !root(t) {
		return
	}
	jump := func(i int) func(*view, poker, *tracees) error {
		return func(v *view, to poker, _ *tracees) error {
			jump := jumpTo(v.entries[i], v.stubs[i])
			_, err := to.WriteAt(jump[:], v.at(v.entries[i]))
			return errors.Join(v.writeArea(to), err)
		}
	}
	for name, do := range map[string]func(*view, poker, *tracees) error{
		"half an area": func(v *view, to poker, _ *tracees) error {
			_, err := to.WriteAt([]byte(magic), v.at(int(v.area)))
			_, err2 := to.WriteAt(v.code[:100], v.at(v.area.stubs()))
			return errors.Join(err, err2)
		},
		"no jumps": func(v *view, to poker, _ *tracees) error { return v.writeArea(to) },
		"a jump":   jump(0),
		"another":  jump(2),
	} {
		v := start(t, "exact")
		exact := func(offset time.Duration) {
			t.Helper()
			if got := v.says(t, fmt.Sprint(int64(offset))); got != "ok" {
				t.Errorf("%s, off by %v: %s", name, offset, got)
			}
		}
		exact(0)
		halfway(t, v, do)
		exact(0)
		must(t, Restore(v.pid()))
		exact(0)
		halfway(t, v, do)
		must(t, Set(v.pid(), time.Hour+1))
		exact(time.Hour + 1)
		must(t, Restore(v.pid()))
		exact(0)
	}
}

// TestOnlyTracersWrite changes an offset as on a kernel that lets none but a tracer write.
func TestOnlyTracersWrite(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "exact")
	v.says(t, "0")
	for _, offset := range theOffsets {
		must(t, stopped(v.pid(), usualLimits, func(threads *tracees) error {
			return bend(threads, own(t), offset)
		}))
		if got := v.says(t, fmt.Sprint(int64(offset))); got != "ok" {
			t.Errorf("off by %v: %s", offset, got)
		}
	}
}

// TestOtherVersion has a process whose clock was bent by another version of this package.
func TestOtherVersion(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	must(t, Set(v.pid(), time.Hour))
	halfway(t, v, func(v *view, to poker, _ *tracees) error {
		_, err := to.WriteAt([]byte("RASHOMN?"), v.at(int(v.area)))
		return err
	})
	_, _, err := Offset(v.pid())
	for _, err := range []error{Set(v.pid(), 2*time.Hour), err} {
		if err == nil || !strings.Contains(err.Error(), "bent by another version") {
			t.Errorf("another version: %v", err)
		}
	}
	must(t, v.shows(time.Hour))
	must(t, Restore(v.pid()))
	v.isOff(t, 0, false)
}

func TestOwnThreadEnds(t *testing.T) {
	for range 20 {
		want := errors.New("the result")
		var tid string
		err := onOwnThread(func() (err error) {
			tid, err = os.Readlink("/proc/thread-self")
			return errors.Join(err, want)
		})
		if !errors.Is(err, want) {
			t.Fatal(err)
		}
		if _, err := os.Stat("/proc/" + tid); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("thread %s goes on: %v", tid, err)
		}
	}
}
