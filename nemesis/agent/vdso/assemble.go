//go:build linux && amd64

package vdso

import "encoding/binary"

// register is one of the first eight general registers; its value is its number in instructions. As cl is
// the low byte of rcx, the byte instructions below take rax to rbx alone.
type register byte

const (
	rax register = iota
	rcx
	rdx
	rbx
	rsp
	rbp
	rsi
	rdi
)

// condition is the opcode of a short conditional jump.
type condition byte

const (
	equal    condition = 0x74
	notEqual condition = 0x75
	less     condition = 0x7c // of signed numbers
)

// wide is the prefix of an instruction on 64 bits; without, it is on 32 and clears the upper half of the
// register that it writes.
const wide = 0x48

// assembler writes the machine code for one place in the vDSO: just the instructions that the stubs have.
// Operands are in the order of Intel's manual, the destination first; [base+d] is memory at a register plus
// a displacement, [at] is memory at an offset from the beginning of the vDSO, addressed relative to the
// instruction, so that the code is the same wherever the kernel mapped it.
type assembler struct {
	code []byte
	at   int // offset of code[0] from the beginning of the vDSO
}

// here returns the offset of the next instruction.
func (a *assembler) here() int { return a.at + len(a.code) }

func (a *assembler) bytes(b ...byte) { a.code = append(a.code, b...) }

func (a *assembler) imm32(v int32) { a.code = binary.LittleEndian.AppendUint32(a.code, uint32(v)) }

// relative appends the distance from the end of the instruction, which it ends, to the offset.
func (a *assembler) relative(at int) { a.imm32(int32(at - (a.here() + 4))) }

// direct appends a ModRM byte for two registers, or for one and a digit of the opcode.
func (a *assembler) direct(reg, rm register) { a.bytes(0xc0 | byte(reg)<<3 | byte(rm)) }

// indirect appends the ModRM byte, and what follows it, for a register and [base+d].
func (a *assembler) indirect(reg, base register, d int8) {
	a.bytes(0x40 | byte(reg)<<3 | byte(base))
	if base == rsp {
		a.bytes(0x24) // a SIB byte: no index
	}
	a.bytes(byte(d))
}

// absolute appends the ModRM byte, and what follows it, for a register and [at].
func (a *assembler) absolute(reg register, at int) {
	a.bytes(0x05 | byte(reg)<<3)
	a.relative(at)
}

// movImm32: mov r32, v.
func (a *assembler) movImm32(r register, v int32) { a.bytes(0xb8 + byte(r)); a.imm32(v) }

// mov32: mov dst32, src32.
func (a *assembler) mov32(dst, src register) { a.bytes(0x89); a.direct(src, dst) }

// mov64: mov dst, src.
func (a *assembler) mov64(dst, src register) { a.bytes(wide, 0x89); a.direct(src, dst) }

// load64: mov dst, [base+d].
func (a *assembler) load64(dst, base register, d int8) { a.bytes(wide, 0x8b); a.indirect(dst, base, d) }

// store64: mov [base+d], src.
func (a *assembler) store64(base register, d int8, src register) {
	a.bytes(wide, 0x89)
	a.indirect(src, base, d)
}

// loadByte: movzx dst32, byte [at].
func (a *assembler) loadByte(dst register, at int) { a.bytes(0x0f, 0xb6); a.absolute(dst, at) }

// cmpByte: cmp r8, [at].
func (a *assembler) cmpByte(r register, at int) { a.bytes(0x3a); a.absolute(r, at) }

// address: lea dst, [at].
func (a *assembler) address(dst register, at int) { a.bytes(wide, 0x8d); a.absolute(dst, at) }

// clear: xor r32, r32.
func (a *assembler) clear(r register) { a.bytes(0x31); a.direct(r, r) }

// test32: test r32, r32.
func (a *assembler) test32(r register) { a.bytes(0x85); a.direct(r, r) }

// test64: test r, r.
func (a *assembler) test64(r register) { a.bytes(wide, 0x85); a.direct(r, r) }

// cmpImm32: cmp r32, v.
func (a *assembler) cmpImm32(r register, v int8) { a.bytes(0x83); a.direct(7, r); a.bytes(byte(v)) }

// andImm32: and r32, v.
func (a *assembler) andImm32(r register, v int8) { a.bytes(0x83); a.direct(4, r); a.bytes(byte(v)) }

// shl32: shl r32, by.
func (a *assembler) shl32(r register, by byte) { a.bytes(0xc1); a.direct(4, r); a.bytes(by) }

// addImm64: add r, v.
func (a *assembler) addImm64(r register, v int32) { a.bytes(wide, 0x81); a.direct(0, r); a.imm32(v) }

// subImm64: sub r, v.
func (a *assembler) subImm64(r register, v int32) { a.bytes(wide, 0x81); a.direct(5, r); a.imm32(v) }

// cmpImm64: cmp r, v.
func (a *assembler) cmpImm64(r register, v int32) { a.bytes(wide, 0x81); a.direct(7, r); a.imm32(v) }

// add64: add dst, src.
func (a *assembler) add64(dst, src register) { a.bytes(wide, 0x01); a.direct(src, dst) }

// addFrom64: add dst, [base+d].
func (a *assembler) addFrom64(dst, base register, d int8) {
	a.bytes(wide, 0x03)
	a.indirect(dst, base, d)
}

// addTo64: add [base+d], src.
func (a *assembler) addTo64(base register, d int8, src register) {
	a.bytes(wide, 0x01)
	a.indirect(src, base, d)
}

// incAt64: inc qword [base+d].
func (a *assembler) incAt64(base register, d int8) { a.bytes(wide, 0xff); a.indirect(0, base, d) }

// div32: eax, edx = edx:eax / r32, edx:eax % r32.
func (a *assembler) div32(r register) { a.bytes(0xf7); a.direct(6, r) }

// push: push r.
func (a *assembler) push(r register) { a.bytes(0x50 + byte(r)) }

// pop: pop r.
func (a *assembler) pop(r register) { a.bytes(0x58 + byte(r)) }

// syscall: eax is the number and, afterwards, the result; rcx and r11 are lost.
func (a *assembler) syscall() { a.bytes(0x0f, 0x05) }

// ret: ret.
func (a *assembler) ret() { a.bytes(0xc3) }

// call: call at.
func (a *assembler) call(at int) { a.bytes(0xe8); a.relative(at) }

// jump: jmp at, in the form that has entrySize bytes.
func (a *assembler) jump(at int) { a.bytes(jumpOpcode); a.relative(at) }

// jumpBack: jump if c to an offset at most 126 bytes back.
func (a *assembler) jumpBack(c condition, at int) { a.bytes(byte(c), byte(at-(a.here()+2))) }

// landing is a jump whose goal is not written yet.
type landing int

// jumpAhead: jump if c to where land is called, at most 127 bytes ahead.
func (a *assembler) jumpAhead(c condition) landing {
	a.bytes(byte(c), 0)
	return landing(len(a.code))
}

// land makes the next instruction the goal of the jumps.
func (a *assembler) land(jumps ...landing) {
	for _, j := range jumps {
		a.code[j-1] = byte(len(a.code) - int(j))
	}
}

// align fills up with int3, which no one shall reach, to the next multiple of n.
func (a *assembler) align(n int) {
	for a.here()%n != 0 {
		a.bytes(0xcc)
	}
}
