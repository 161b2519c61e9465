//go:build linux && amd64

package vdso

import "syscall"

// The clocks that show wall time: clockid_t of the kernel.
const (
	clockRealtime       = 0
	clockRealtimeCoarse = 5
)

const (
	billion  = 1_000_000_000
	thousand = 1_000
)

// The stubs are C functions, called in place of the kernel's ones: arguments in rdi and rsi, the result in
// rax. They use no register that a callee must preserve. They return -errno as those do.

// clockStub is int clock_gettime(clockid_t edi, struct timespec *rsi).
func (a *assembler) clockStub(l layout) {
	a.movImm32(rax, syscall.SYS_CLOCK_GETTIME)
	a.syscall()
	a.test32(rax)
	failed := a.jumpAhead(notEqual)
	a.test32(rdi)
	wall := a.jumpAhead(equal) // CLOCK_REALTIME is 0
	a.cmpImm32(rdi, clockRealtimeCoarse)
	other := a.jumpAhead(notEqual)
	a.land(wall)

	// rdi, rdx = seconds, nanoseconds of the slot in force; again when the generation was not the same
	// before and after. The processor keeps the order of loads.
	again := a.here()
	a.loadByte(rcx, l.generation())
	a.mov32(rdx, rcx)
	a.andImm32(rdx, slots-1)
	a.shl32(rdx, slotShift)
	a.address(rdi, l.slot(0))
	a.add64(rdx, rdi)
	a.load64(rdi, rdx, 0)
	a.load64(rdx, rdx, 8)
	a.cmpByte(rcx, l.generation())
	a.jumpBack(notEqual, again)

	// Both nanoseconds are below a billion and not negative, so at most one second is carried.
	a.addTo64(rsi, 0, rdi)
	a.addFrom64(rdx, rsi, 8)
	a.cmpImm64(rdx, billion)
	fits := a.jumpAhead(less)
	a.subImm64(rdx, billion)
	a.incAt64(rsi, 0)
	a.land(fits)
	a.store64(rsi, 8, rdx)
	a.land(failed, other)
	a.ret()
}

// dayStub is int gettimeofday(struct timeval *rdi, struct timezone *rsi), either of them 0 when not wanted.
// The time is that of the stub of clock_gettime at clock, rounded down to microseconds.
func (a *assembler) dayStub(clock int) {
	a.test64(rsi)
	noZone := a.jumpAhead(equal)
	a.push(rdi)
	a.clear(rdi)
	a.movImm32(rax, syscall.SYS_GETTIMEOFDAY)
	a.syscall()
	a.pop(rdi)
	a.test32(rax)
	badZone := a.jumpAhead(notEqual)
	a.land(noZone)

	a.clear(rax)
	a.test64(rdi)
	noTime := a.jumpAhead(equal)
	a.push(rdi)
	a.mov64(rsi, rdi)
	a.clear(rdi) // CLOCK_REALTIME
	a.call(clock)
	a.pop(rdi)
	a.test32(rax)
	badTime := a.jumpAhead(notEqual)
	a.load64(rax, rdi, 8)
	a.clear(rdx)
	a.movImm32(rcx, thousand)
	a.div32(rcx)
	a.store64(rdi, 8, rax)
	a.clear(rax)
	a.land(badZone, noTime, badTime)
	a.ret()
}

// timeStub is time_t time(time_t *rdi), rdi 0 when not wanted. The time is the seconds of
// CLOCK_REALTIME_COARSE, as the kernel's is, by the stub of clock_gettime at clock.
func (a *assembler) timeStub(clock int) {
	a.push(rdi)
	a.subImm64(rsp, 16)
	a.mov64(rsi, rsp)
	a.movImm32(rdi, clockRealtimeCoarse)
	a.call(clock)
	a.load64(rax, rsp, 0)
	a.addImm64(rsp, 16)
	a.pop(rdi)
	a.test64(rdi)
	unwanted := a.jumpAhead(equal)
	a.store64(rdi, 0, rax)
	a.land(unwanted)
	a.ret()
}
