//go:build linux && amd64

package vdso

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// puppet is a thread that stands still, of a process all of whose threads do. Tests lead it step by step.
type puppet struct {
	*view
	poker
	threads *tracees
	regs    syscall.PtraceRegs // as they were, and will be when it goes on
}

// play hands a thread of a victim to the test. What do does must be done on the calling thread.
func play(t *testing.T, v *victim, do func(*puppet) error) {
	t.Helper()
	must(t, v.shows(0)) // it is up, and reads its input again soon
	halfway(t, v, func(v *view, to poker, threads *tracees) (err error) {
		p := &puppet{view: v, poker: to, threads: threads}
		if err := syscall.PtraceGetRegs(p.tid, &p.regs); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, syscall.PtraceSetRegs(p.tid, &p.regs)) }()
		return do(p)
	})
}

// step executes one instruction and returns the registers after it.
func (p *puppet) step() (regs syscall.PtraceRegs, err error) {
	if err := syscall.PtraceSingleStep(p.tid); err != nil {
		return regs, err
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		if _, err := stopOf(p.tid); err == nil {
			return regs, syscall.PtraceGetRegs(p.tid, &regs)
		}
		if !time.Now().Before(deadline) {
			return regs, errors.New("a step without end")
		}
	}
}

// readsClock lets the puppet call the stub of clock_gettime for the real time, and calls between before each
// of its instructions. It returns the reading and how many instructions there were.
func (p *puppet) readsClock(between func(instruction int) error) (nanos int64, steps int, err error) {
	const below, room = 512, 64 // below what the thread has on its stack
	regs := p.regs
	regs.Orig_rax = ^uint64(0) // not in a system call that would have to be made again
	regs.Rip, regs.Rdi = uint64(p.at(p.stubs[0])), clockRealtime
	regs.Rsp = p.regs.Rsp&^15 - below
	regs.Rsi = regs.Rsp + room
	undo, err := p.borrow(int64(regs.Rsp-room), 3*room)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, undo()) }()
	// It returns to where it is, and has arrived when its stack is as before the call.
	if _, err := p.WriteAt(le.AppendUint64(nil, regs.Rip), int64(regs.Rsp)); err != nil {
		return 0, 0, err
	}
	if err := syscall.PtraceSetRegs(p.tid, &regs); err != nil {
		return 0, 0, err
	}
	for from := regs.Rsp; regs.Rsp <= from; steps++ {
		if err := between(steps); err != nil {
			return 0, 0, err
		}
		if regs, err = p.step(); err != nil {
			return 0, 0, err
		}
	}
	var ts [16]byte
	_, err = p.mem.ReadAt(ts[:], int64(regs.Rsi))
	nsec := int64(le.Uint64(ts[8:]))
	if nsec < 0 || nsec >= billion || regs.Rax != 0 {
		return 0, 0, fmt.Errorf("a reading of %d ns, result %d", nsec, regs.Rax)
	}
	return int64(le.Uint64(ts[:]))*billion + nsec, steps, err
}

// borrow returns what gives n bytes at an address the contents back that they have now.
func (p *puppet) borrow(at int64, n int) (undo func() error, err error) {
	contents := make([]byte, n)
	_, err = p.mem.ReadAt(contents, at)
	return func() error {
		_, err := p.WriteAt(contents, at)
		return err
	}, err
}

// TestEveryInterleaving changes the offset, once or several times, before each instruction of a reading. The
// reading is off by one of the offsets that were in force in the meantime.
func TestEveryInterleaving(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	must(t, v.shows(0))
	offsets := []time.Duration{999_999_999, -7200500 * time.Millisecond, time.Hour + 1, -5*time.Second - 7}
	for changes := range offsets {
		play(t, v, func(p *puppet) error {
			if err := p.writeArea(p); err != nil {
				return err
			}
			for at, steps := 0, 1; at < steps; at++ {
				if err := p.publish(p, offsets[0]); err != nil {
					return err
				}
				from := kernelClock(clockRealtime)
				got, n, err := p.readsClock(func(instruction int) error {
					for i := 0; instruction == at && i < changes; i++ {
						if err := p.publish(p, offsets[i+1]); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					return fmt.Errorf("%d changes before instruction %d: %w", changes, at, err)
				}
				to := kernelClock(clockRealtime)
				h := &hammer{offsets: []int{int(offsets[0]), int(offsets[changes])}}
				if h.which(from, got, to) < 0 {
					t.Errorf("%d changes before instruction %d: off by %v", changes, at,
						time.Duration(got-from))
				}
				steps = max(steps, n)
			}
			return nil
		})
	}
	must(t, v.shows(0))
}

// bytewise writes one byte at a time, and calls between after each.
type bytewise struct {
	to      poker
	between func() error
}

func (w bytewise) WriteAt(b []byte, at int64) (int, error) {
	for i := range b {
		if _, err := w.to.WriteAt(b[i:i+1], at+int64(i)); err != nil {
			return i, err
		}
		if err := w.between(); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// TestEveryByte changes the offset as slowly as can be, and reads it in the meantime: it is the old one, up
// to the last byte.
func TestEveryByte(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	offsets := []time.Duration{time.Hour + 1, -7200500 * time.Millisecond, 999_999_999, time.Hour + 1}
	play(t, v, func(p *puppet) error {
		if err := errors.Join(p.writeArea(p), p.publish(p, offsets[0])); err != nil {
			return err
		}
		for i, offset := range offsets[1:] {
			var seen []time.Duration
			writer := bytewise{p.poker, func() error {
				slot, _, err := p.readSlot(p.mem)
				seen = append(seen, offsetOf(slot))
				return err
			}}
			if err := p.publish(writer, offset); err != nil {
				return err
			}
			if len(seen) != slotSize+1 {
				t.Errorf("to %v: %d bytes were written", offset, len(seen))
			}
			for n, got := range seen {
				if want := []time.Duration{offsets[i], offset}[(n+1)/len(seen)]; got != want {
					t.Errorf("to %v: %v after byte %d; want %v", offset, got, n, want)
				}
			}
		}
		return nil
	})
}

// TestWaitsForThreadsInEntries has a thread in the midst of an entry, and one that handles a signal which
// arrived there.
func TestWaitsForThreadsInEntries(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "victim")
	must(t, v.shows(0))
	play(t, v, func(p *puppet) error {
		if err := p.threads.outside(p.insideEntry, p.mem); err != nil {
			return fmt.Errorf("an idle process: %w", err)
		}
		inside := uint64(p.at(p.entries[0] + 1))
		regs := p.regs
		regs.Rip = inside
		if err := syscall.PtraceSetRegs(p.tid, &regs); err != nil {
			return err
		}
		p.wantBusy(t, "is always reading a clock")
		const frame = 256
		regs = p.regs
		regs.Rsp = regs.Rsp&^7 - 2*frame
		undo, err := p.borrow(int64(regs.Rsp+frame), 8)
		if err != nil {
			return err
		}
		_, err = p.WriteAt(le.AppendUint64(nil, inside), int64(regs.Rsp+frame))
		if err = errors.Join(err, syscall.PtraceSetRegs(p.tid, &regs)); err == nil {
			p.wantBusy(t, "handles a signal in the midst")
		}
		return errors.Join(err, undo())
	})
	must(t, v.shows(0))
	must(t, Set(v.pid(), time.Hour))
	must(t, v.shows(time.Hour))
}

// wantBusy fails the test unless the clock cannot be bent now, for that reason, but may be later.
func (p *puppet) wantBusy(t *testing.T, reason string) {
	t.Helper()
	err := bend(p.threads, p.pattern, time.Hour)
	var busy *busyError
	if !errors.As(err, &busy) || !strings.Contains(busy.reason, reason) {
		t.Errorf("%v; want: %s", err, reason)
	}
}

// TestAllStandStill looks at all threads of a process that makes new ones without end.
func TestAllStandStill(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "exit")
	if line, err := v.answers.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for range 200 {
		must(t, stopped(v.pid(), usualLimits, func(threads *tracees) error {
			tasks, err := os.ReadDir(procFile(v.pid(), "task"))
			if err != nil {
				return err
			}
			for _, task := range tasks {
				tid, err := strconv.Atoi(task.Name())
				if err != nil {
					return err
				}
				text, err := os.ReadFile(procFile(v.pid(), "task/"+task.Name()+"/stat"))
				_, rest, _ := strings.Cut(string(text), ") ")
				if err == nil && !strings.HasPrefix(rest, "t") && !threadEnded(v.pid(), tid) {
					t.Errorf("thread %d of %d: %q", tid, len(tasks), rest)
				}
			}
			return nil
		}))
	}
	untraced(t, v.pid())
}

// TestSignalIsHandedBack stops a thread that is about to receive a signal. A thread may have been made just
// then, which is not traced and receives it: then again.
func TestSignalIsHandedBack(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "signals")
	if line, err := v.answers.ReadString('\n'); line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for attempt, handedBack := 0, false; !handedBack; attempt++ {
		must(t, onOwnThread(func() (err error) {
			handedBack, err = v.catches(syscall.SIGUSR1)
			return err
		}))
		if line, err := v.answers.ReadString('\n'); line != "signal\n" {
			t.Fatalf("handed back: %v: %q, %v", handedBack, line, err)
		}
		if attempt == 20 {
			t.Fatal("no thread ever stopped for the signal")
		}
	}
}

// catches sends a signal to the process, whose threads are traced and run, and hands it back when one of them
// stops for it.
func (v *victim) catches(signal syscall.Signal) (handedBack bool, err error) {
	tasks, err := os.ReadDir(procFile(v.pid(), "task"))
	if err != nil {
		return false, err
	}
	threads := &tracees{pid: v.pid(), known: map[int]*tracee{}}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return false, err
		}
		if ptrace(ptraceSeize, tid, 0) == nil { // without an interrupt
			threads.known[tid] = &tracee{tid: tid}
		}
	}
	if err := v.cmd.Process.Signal(signal); err != nil {
		return false, err
	}
	defer threads.release()
	// The others do not stop: this ends by its deadline.
	_ = threads.await(time.Now().Add(200 * time.Millisecond))
	th := threads.any()
	return th != nil && th.signal == signal, nil
}

// TestBesideReaper bends a clock while another goroutine waits for any child, as process 1 does, and hears of
// stops first.
func TestBesideReaper(t *testing.T) {
	if !root(t) {
		return
	}
	v := start(t, "hammer", 0, int(time.Hour))
	v.counts(t, 2)
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		stops := 0
		for {
			select {
			case <-stop:
				done <- stops
				return
			default:
			}
			var status syscall.WaitStatus
			if pid, _ := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); pid > 0 && status.Stopped() {
				stops++
			}
		}
	}()
	for range 30 {
		must(t, errors.Join(Set(v.pid(), time.Hour), Restore(v.pid())))
	}
	close(stop)
	if stops := <-done; stops == 0 {
		t.Error("the reaper heard of no stop")
	}
	v.counts(t, 2)
	untraced(t, v.pid())
}
