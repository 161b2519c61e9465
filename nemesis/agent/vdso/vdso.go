// Package vdso bends the wall clock of other processes, while they run, and only theirs: the kernel's
// clock stays as it is. It is for Linux on amd64.
//
// Programs read the time by functions that the kernel maps into each process, the vDSO. That is the one
// place that all of them share: a static Go program loads no library that could be preloaded, and the
// kernel has no namespace for the real time. The pages are private to a process as soon as they are
// written to. So this package writes there:
//
//	[vdso] of the process            the last 384 bytes, unused by the kernel (see layout.go)
//	+-----------------------+        +------------------------------------------+
//	| ELF file              |        | magic | generation | slot 0 | slot 1     |
//	|   clock_gettime: jmp ----------->  stub of clock_gettime                  |
//	|   gettimeofday:  jmp ----------->  stub of gettimeofday                   |
//	|   time:          jmp ----------->  stub of time                           |
//	+-----------------------+        +------------------------------------------+
//
// A stub does the real system call and adds the offset of the slot in force. Its readings of
// CLOCK_REALTIME and CLOCK_REALTIME_COARSE, of gettimeofday and of time agree with each other to the
// nanosecond; those of all other clocks are the kernel's.
//
// The jumps are written while all threads stand still (see stop.go). A later change of the offset is a
// write of data that stops nobody (see slots.go). To undo it, the entries are written back, as this
// process's own vDSO has them, so that any process can undo what any other one did. The stubs stay: a
// thread may be inside.
//
// What it does not reach: programs that do the system call by themselves, and timers, which run on clocks
// that are left alone. What it costs the process: its readings of all clocks become system calls. A fork
// inherits the offset, an exec begins without.
package vdso

// Unsupported is the error of a machine on which no clock can be bent. Nothing was done.
type Unsupported struct{ Reason string }

// Error returns the reason.
func (u *Unsupported) Error() string { return u.Reason }
