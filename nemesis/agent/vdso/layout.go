//go:build linux && amd64

package vdso

// The area: what this package puts into the unused end of the vDSO.
//
//	 0  magic, 8 bytes: this package, and the version of the layout and of the stubs
//	 8  generation, 1 byte: its lowest bit says which slot is in force
//	16  slot 0: seconds, nanoseconds in [0, 1e9), 8 bytes each, to be added
//	32  slot 1: likewise
//	64  stubs of clock_gettime, gettimeofday and time, each at a multiple of 16
const (
	areaSize  = 384
	areaAlign = 64
	magic     = "RASHOMN1"

	generationAt = 8
	slotsAt      = 16
	slots        = 2
	slotShift    = 4
	slotSize     = 1 << slotShift
	stubsAt      = 64
)

// The functions that are replaced, in the order of all arrays [functions].
const functions = 3

// names are the symbols of the functions in the vDSO.
var names = [functions]string{"__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time"}

const (
	entrySize  = 5 // bytes at a function's beginning that the jump to its stub takes
	jumpOpcode = 0xe9
)

// layout is where the area is: its offset from the beginning of the vDSO. So are all results.
type layout int

func (l layout) generation() int { return int(l) + generationAt }

func (l layout) slot(i int) int { return int(l) + slotsAt + i*slotSize }

func (l layout) stubs() int { return int(l) + stubsAt }

// assemble returns the stubs, to be written to l.stubs(), and where each begins.
func (l layout) assemble() (code []byte, at [functions]int) {
	a := &assembler{at: l.stubs()}
	clock := a.here()
	a.clockStub(l)
	a.align(16)
	day := a.here()
	a.dayStub(clock)
	a.align(16)
	time := a.here()
	a.timeStub(clock)
	return a.code, [functions]int{clock, day, time}
}

// jumpTo returns the entry that leads from the function at an offset to the stub at another.
func jumpTo(function, stub int) [entrySize]byte {
	a := &assembler{at: function}
	a.jump(stub)
	return [entrySize]byte(a.code)
}
