//go:build linux && amd64

package vdso

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// pattern is the vDSO as the kernel hands it out to every process, and what is to be known to patch it.
type pattern struct {
	image   []byte         // the whole mapping, the unused end included
	entries [functions]int // offsets of the functions
	fileEnd int            // offset of the unused end
	area    layout
	code    []byte         // the stubs as they will stand at area.stubs()
	stubs   [functions]int // offsets of the stubs
}

// ownPattern reads the vDSO of this process.
func ownPattern() (*pattern, error) {
	pid := os.Getpid()
	from, to, err := mapping(pid)
	if errors.Is(err, errNoVDSO) {
		return nil, &Unsupported{"this kernel gives processes no vDSO"}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot find this process's own vDSO: %w", err)
	}
	mem, err := os.Open(procFile(pid, "mem"))
	if err != nil {
		return nil, fmt.Errorf("cannot read this process's own vDSO: %w", err)
	}
	defer mem.Close()
	image := make([]byte, to-from)
	if _, err := mem.ReadAt(image, from); err != nil {
		return nil, fmt.Errorf("cannot read this process's own vDSO: %w", err)
	}
	return newPattern(image)
}

// newPattern understands a vDSO. It returns *Unsupported for one that has no place for the area, lacks
// a function, or is no vDSO of this kind.
func newPattern(image []byte) (*pattern, error) {
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, &Unsupported{fmt.Sprintf("the vDSO of this kernel is no ELF file: %v", err)}
	}
	if file.Class != elf.ELFCLASS64 || file.Machine != elf.EM_X86_64 {
		return nil, &Unsupported{fmt.Sprintf("the vDSO is of %v, %v; known is that of 64-bit x86-64",
			file.Class, file.Machine)}
	}
	p := &pattern{image: image, fileEnd: fileEnd(file, image)}
	if p.entries, err = entries(file, p.fileEnd); err != nil {
		return nil, err
	}
	p.area = layout((len(image) - areaSize) &^ (areaAlign - 1))
	if int(p.area) < p.fileEnd {
		return nil, &Unsupported{fmt.Sprintf("the vDSO of this kernel has %d unused bytes at its end; "+
			"needed: %d", len(image)-p.fileEnd, areaSize)}
	}
	p.code, p.stubs = p.area.assemble()
	for i, at := range p.entries {
		if p.leavesFile(at, image) {
			return nil, fmt.Errorf("the clock of this process is itself bent (%s leads out of the "+
				"kernel's code): it does not know what to restore", names[i])
		}
	}
	if tail := image[p.fileEnd:]; len(bytes.Trim(tail, "\x00")) != 0 {
		return nil, &Unsupported{"the end of this kernel's vDSO is not unused"}
	}
	return p, nil
}

// fileEnd returns where the ELF file ends in the image: behind its segments, sections and the headers of
// these.
func fileEnd(file *elf.File, image []byte) int {
	end := uint64(0)
	for _, s := range file.Progs {
		end = max(end, s.Off+s.Filesz, s.Vaddr+s.Memsz)
	}
	for _, s := range file.Sections {
		if s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL {
			end = max(end, s.Offset+s.FileSize)
		}
	}
	// debug/elf keeps the place of the section headers to itself: e_shoff, e_shentsize, e_shnum.
	headers := file.ByteOrder.Uint64(image[40:])
	each, count := file.ByteOrder.Uint16(image[58:]), file.ByteOrder.Uint16(image[60:])
	if count > 0 {
		end = max(end, headers+uint64(each)*uint64(count))
	}
	return int(min(end, uint64(len(image))))
}

// entries returns the offsets of the functions, in the order of names, in a file that ends at an offset.
func entries(file *elf.File, end int) (at [functions]int, err error) {
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return at, &Unsupported{fmt.Sprintf("the vDSO of this kernel has no readable symbols: %v", err)}
	}
	for i, name := range names {
		for _, s := range symbols {
			if s.Name == name && s.Size >= entrySize && s.Value < uint64(end-entrySize) {
				at[i] = int(s.Value)
			}
		}
		if at[i] == 0 {
			return at, &Unsupported{"the vDSO of this kernel has no function " + name}
		}
	}
	return at, nil
}

// leavesFile reports whether the image has, at a function's offset, a jump into the unused end.
func (p *pattern) leavesFile(function int, image []byte) bool {
	if image[function] != jumpOpcode {
		return false
	}
	distance := int32(le.Uint32(image[function+1:]))
	goal := function + entrySize + int(distance)
	return goal >= p.fileEnd && goal < len(image)
}

// sameKernelCode returns why the image, which is a process's, is not the pattern: it may differ in the
// entries and in the unused end.
func (p *pattern) sameKernelCode(image []byte) error {
	if len(image) > elf.EI_CLASS && elf.Class(image[elf.EI_CLASS]) == elf.ELFCLASS32 {
		return errors.New("it is a 32-bit process; known are 64-bit ones")
	}
	if len(image) != len(p.image) {
		return fmt.Errorf("its vDSO is unknown: it has %d bytes, this process's %d", len(image), len(p.image))
	}
	masked := bytes.Clone(image[:p.fileEnd])
	for _, at := range p.entries {
		copy(masked[at:at+entrySize], p.image[at:])
	}
	for i, b := range masked {
		if b != p.image[i] {
			return fmt.Errorf("its vDSO is unknown: it differs from this process's at offset %#x", i)
		}
	}
	return nil
}

// errNoVDSO is the error of a process that has no [vdso].
var errNoVDSO = errors.New("it has no [vdso]")

// mapping returns where the vDSO of a process is mapped.
func mapping(pid int) (from, to int64, err error) {
	maps, err := os.ReadFile(procFile(pid, "maps"))
	if err != nil {
		return 0, 0, err
	}
	return findMapping(string(maps))
}

// findMapping finds the vDSO in the text of a maps file.
func findMapping(maps string) (from, to int64, err error) {
	for line := range strings.Lines(maps) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[len(fields)-1] != "[vdso]" {
			continue
		}
		lo, hi, _ := strings.Cut(fields[0], "-")
		from, err1 := strconv.ParseInt(lo, 16, 64)
		to, err2 := strconv.ParseInt(hi, 16, 64)
		if err1 != nil || err2 != nil || to <= from || to-from > vdsoSizeMax {
			return 0, 0, fmt.Errorf("the place of its [vdso] makes no sense: %q", strings.TrimSpace(line))
		}
		return from, to, nil
	}
	return 0, 0, errNoVDSO
}

// vdsoSizeMax bounds what is read as a vDSO; real ones have two pages.
const vdsoSizeMax = 1 << 20

// procFile returns the path of a process's file.
func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }
