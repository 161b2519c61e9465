//go:build linux && amd64

package vdso

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// calls is memory for machine code, through which tests call functions as C does.
type calls struct {
	code []byte
	used int
}

func newCalls() (*calls, error) {
	code, err := syscall.Mmap(-1, 0, os.Getpagesize(),
		syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	return &calls{code: code}, err
}

// place writes machine code and returns its address.
func (c *calls) place(code []byte) uintptr {
	at := (c.used + areaAlign - 1) &^ (areaAlign - 1)
	c.used = at + copy(c.code[at:], code)
	return uintptr(unsafe.Pointer(&c.code[at]))
}

// function returns the C function at an address, with two arguments. Go hands these over in rax and rbx, and
// takes the result from rax; C wants them in rdi and rsi.
func (c *calls) function(at uintptr) func(a, b uintptr) uintptr {
	a := &assembler{}
	a.mov64(rdi, rax)
	a.mov64(rsi, rbx)
	a.bytes(wide, 0xb8) // mov rax, imm64
	a.code = le.AppendUint64(a.code, uint64(at))
	a.bytes(0xff, 0xd0) // call rax
	a.ret()
	first := (c.used + areaAlign - 1) &^ (areaAlign - 1)
	c.place(a.code)
	// A value of a function type is a pointer to a pointer to code.
	code := &c.code[first]
	value := &code
	return *(*func(a, b uintptr) uintptr)(unsafe.Pointer(&value))
}

// timeFunctions are the functions that the stubs replace, by whoever provides them.
type timeFunctions struct {
	clockGettime, gettimeofday, time func(a, b uintptr) uintptr
}

func (c *calls) timeFunctions(at [functions]uintptr) *timeFunctions {
	return &timeFunctions{c.function(at[0]), c.function(at[1]), c.function(at[2])}
}

// clock reads a clock by clock_gettime, in nanoseconds. ok is false for an error.
func (f *timeFunctions) clock(id uintptr) (nanos int64, ok bool) {
	ts := new(syscall.Timespec)
	result := int32(f.clockGettime(id, uintptr(unsafe.Pointer(ts))))
	runtime.KeepAlive(ts)
	return ts.Nano(), result == 0 && ts.Nsec >= 0 && ts.Nsec < billion
}

// day reads the time by gettimeofday, in nanoseconds.
func (f *timeFunctions) day() (nanos int64, ok bool) {
	tv := new(syscall.Timeval)
	result := int32(f.gettimeofday(uintptr(unsafe.Pointer(tv)), 0))
	runtime.KeepAlive(tv)
	return tv.Nano(), result == 0 && tv.Usec >= 0 && tv.Usec < billion/thousand
}

// seconds reads the time by time, which has two ways to return it.
func (f *timeFunctions) seconds() (sec int64, ok bool) {
	p := new(int64)
	result := int64(f.time(uintptr(unsafe.Pointer(p)), 0))
	runtime.KeepAlive(p)
	return result, result == *p
}

// kernelClock reads a clock by the real system call.
func kernelClock(id uintptr) int64 {
	var ts syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

const (
	clockMonotonic = 1
	clockBoottime  = 7
	clockTAI       = 11
	clockUnknown   = 77
)

// floor returns t rounded down to a multiple of unit.
func floor(t, unit int64) int64 { return t - ((t%unit)+unit)%unit }

// exact returns an error when the functions are not off by offset, to the nanosecond, or bend what is not a
// wall clock. The coarse clock moves on every few milliseconds: in between, its reading is known exactly.
func (f *timeFunctions) exact(offset int64) error {
	for tries := 0; ; tries++ {
		before := kernelClock(clockRealtimeCoarse)
		coarse, ok1 := f.clock(clockRealtimeCoarse)
		sec, ok2 := f.seconds()
		if kernelClock(clockRealtimeCoarse) != before {
			if tries > 100 {
				return errors.New("the coarse clock never stands still")
			}
			continue
		}
		if want := before + offset; coarse != want || !ok1 {
			return fmt.Errorf("coarse clock: wrong by %v (%v)", time.Duration(coarse-want), ok1)
		}
		if want := floor(before+offset, billion) / billion; sec != want || !ok2 {
			return fmt.Errorf("time: %d instead of %d (%v)", sec, want, ok2)
		}
		break
	}
	for _, c := range []struct {
		name       string
		read       func() (int64, bool)
		id         uintptr
		unit, bent int64
	}{
		{"real time", func() (int64, bool) { return f.clock(clockRealtime) }, clockRealtime, 1, offset},
		{"gettimeofday", f.day, clockRealtime, thousand, offset},
		{"monotonic", func() (int64, bool) { return f.clock(clockMonotonic) }, clockMonotonic, 1, 0},
		{"boot time", func() (int64, bool) { return f.clock(clockBoottime) }, clockBoottime, 1, 0},
		{"atomic time", func() (int64, bool) { return f.clock(clockTAI) }, clockTAI, 1, 0},
	} {
		from := kernelClock(c.id) + c.bent
		got, ok := c.read()
		to := kernelClock(c.id) + c.bent
		if got < floor(from, c.unit) || got > to || got%c.unit != 0 || !ok {
			return fmt.Errorf("%s: %d is not in [%d, %d] (%v)", c.name, got, from, to, ok)
		}
	}
	return nil
}

// oddities returns an error when the functions do not take what C programs hand to them.
func (f *timeFunctions) oddities() error {
	ts := new(syscall.Timespec)
	result := -int32(f.clockGettime(clockUnknown, uintptr(unsafe.Pointer(ts))))
	if result != int32(syscall.EINVAL) {
		return fmt.Errorf("an unknown clock: error %d", result)
	}
	if got := int32(f.gettimeofday(0, 0)); got != 0 {
		return fmt.Errorf("gettimeofday of nothing: error %d", got)
	}
	zone := &[2]int32{-1, -1}
	var want [2]int32
	_, _, _ = syscall.RawSyscall(syscall.SYS_GETTIMEOFDAY, 0, uintptr(unsafe.Pointer(&want)), 0)
	if f.gettimeofday(0, uintptr(unsafe.Pointer(zone))) != 0 || *zone != want {
		return fmt.Errorf("gettimeofday of the zone: %v instead of %v", *zone, want)
	}
	tv := new(syscall.Timeval)
	*zone = [2]int32{-1, -1}
	if f.gettimeofday(uintptr(unsafe.Pointer(tv)), uintptr(unsafe.Pointer(zone))) != 0 || *zone != want ||
		tv.Sec == 0 {
		return fmt.Errorf("gettimeofday of both: %v, %v", tv, *zone)
	}
	if int64(f.time(0, 0)) == 0 {
		return errors.New("time of nothing is 0")
	}
	runtime.KeepAlive(ts)
	return nil
}

// theOffsets are worth a try: every carry and borrow, and what is asked for in practice.
var theOffsets = []time.Duration{
	0, 1, -1, thousand, -thousand, 999_999_999, -999_999_999, time.Second, -time.Second, 1_000_000_001,
	30 * time.Second, -30 * time.Second, time.Hour, -7200*time.Second - 500*time.Millisecond,
	100 * 365 * 24 * time.Hour, -100 * 365 * 24 * time.Hour,
}

// TestStubs runs the stubs in this process, where nothing is patched.
func TestStubs(t *testing.T) {
	c, err := newCalls()
	must(t, err)
	area := make([]byte, areaSize)
	code, at := layout(0).assemble()
	copy(area[stubsAt:], code)
	base := c.place(area)
	area = c.code[:areaSize]
	var stubs [functions]uintptr
	for i := range at {
		stubs[i] = base + uintptr(at[i])
	}
	f := c.timeFunctions(stubs)
	for i, offset := range theOffsets {
		slot := slotOf(offset)
		generation := byte(i * 51) // both slots, and more than half of all values
		other := slotOf(12345 * time.Second)
		copy(area[layout(0).slot(int(generation%slots)):], slot[:])
		copy(area[layout(0).slot(int((generation+1)%slots)):], other[:])
		area[layout(0).generation()] = generation
		// Where in a second the clock is makes a difference: many readings.
		for range 200 {
			if err := f.exact(int64(offset)); err != nil {
				t.Errorf("off by %v, generation %d: %v", offset, generation, err)
				break
			}
		}
	}
	if err := f.oddities(); err != nil {
		t.Error(err)
	}
	if got := -int32(f.clockGettime(clockRealtime, 1)); got != int32(syscall.EFAULT) {
		t.Errorf("a bad address: error %d", got)
	}
}

// exactVictim tests the functions of its own vDSO: each line that it reads is the offset that they shall
// have, in nanoseconds; it answers ok or what is wrong.
func exactVictim() error {
	from, _, err := mapping(os.Getpid())
	if err != nil {
		return err
	}
	p, err := ownPattern()
	if err != nil {
		return err
	}
	c, err := newCalls()
	if err != nil {
		return err
	}
	var at [functions]uintptr
	for i := range at {
		at[i] = uintptr(from) + uintptr(p.entries[i])
	}
	f := c.timeFunctions(at)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		offset, err := strconv.ParseInt(strings.TrimSpace(lines.Text()), 10, 64)
		if err != nil {
			return err
		}
		if err = f.exact(offset); err == nil {
			err = f.oddities()
		}
		if err != nil {
			fmt.Println(err)
		} else {
			fmt.Println("ok")
		}
	}
	return lines.Err()
}

// churn makes threads that run work and end, without end.
func churn(work func()) {
	for {
		done := make(chan struct{})
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends
			work()
			close(done)
		}()
		<-done
	}
}
