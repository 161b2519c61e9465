package server

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/wire"
)

// The files of a node's data directory. A log has a generation; a snapshot of generation g holds what the
// logs up to g amount to.
//
//	log-<g>       a header, then records, each with its length and checksum
//	snapshot-<g>  the same, complete and synced before it got its name
//	synced        up to where which log was synced: what a power loss would leave
//	incarnation   how often the node has started
//	crash         what the next start shall make of unsynced writes (see CrashFile)
//	existing      the node's disk was wiped: an empty one is a loss, not a new cluster
const (
	logName         = "log-%08d"
	snapshotName    = "snapshot-%08d"
	syncedName      = "synced"
	incarnationName = "incarnation"
	existingName    = "existing"
)

const (
	headerSize  = 24 // magic, version, generation, number of records (snapshots only)
	frameHeader = 8  // length, checksum
	recordMax   = 64 << 20
)

var (
	logMagic      = [4]byte{'R', 'L', 'O', 'G'}
	snapshotMagic = [4]byte{'R', 'S', 'N', 'P'}
	checksums     = crc32.MakeTable(crc32.Castagnoli)
)

// header returns the first bytes of a log or snapshot.
func header(magic [4]byte, generation, count uint64) []byte {
	b := append(make([]byte, 0, headerSize), magic[:]...)
	b = binary.LittleEndian.AppendUint32(b, wire.Version)
	b = binary.LittleEndian.AppendUint64(b, generation)
	return binary.LittleEndian.AppendUint64(b, count)
}

// readHeader checks the first bytes of a log or snapshot and returns its number of records.
func readHeader(r io.Reader, magic [4]byte, generation uint64) (count uint64, err error) {
	b := make([]byte, headerSize)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, errShortHeader
	}
	version := binary.LittleEndian.Uint32(b[4:])
	switch {
	case [4]byte(b[:4]) != magic:
		return 0, errors.New("it is not a file of this store")
	case version != wire.Version:
		return 0, fmt.Errorf("it has format version %d; this build reads version %d", version, wire.Version)
	case binary.LittleEndian.Uint64(b[8:]) != generation:
		return 0, fmt.Errorf("it says that it is of generation %d", binary.LittleEndian.Uint64(b[8:]))
	}
	return binary.LittleEndian.Uint64(b[16:]), nil
}

var errShortHeader = errors.New("its header is incomplete")

// appendFrame appends a record with its length and checksum.
func appendFrame(b []byte, r *refimpl.Record) []byte {
	begin := len(b)
	b = append(b, make([]byte, frameHeader)...)
	b = wire.AppendRecord(b, r)
	payload := b[begin+frameHeader:]
	binary.LittleEndian.PutUint32(b[begin:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[begin+4:], crc32.Checksum(payload, checksums))
	return b
}

// readFrames calls take for each record and returns where in the file the first bad one begins: the file's
// end when none is. A record that has its checksum and makes no sense is an error.
func readFrames(r io.Reader, take func(*refimpl.Record)) (end int64, err error) {
	in := bufio.NewReaderSize(r, 1<<20)
	end = headerSize
	var head [frameHeader]byte
	var payload []byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return end, nil
		}
		n := binary.LittleEndian.Uint32(head[:])
		if n > recordMax {
			return end, nil
		}
		if uint32(cap(payload)) < n {
			payload = make([]byte, n)
		}
		payload = payload[:n]
		if _, err := io.ReadFull(in, payload); err != nil {
			return end, nil
		}
		if crc32.Checksum(payload, checksums) != binary.LittleEndian.Uint32(head[4:]) {
			return end, nil
		}
		rec, err := wire.DecodeRecord(payload)
		if err != nil {
			return end, fmt.Errorf("at byte %d: %w", end, err)
		}
		take(&rec)
		end += frameHeader + int64(n)
	}
}

// mark is a place in the logs: everything before it.
type mark struct {
	generation uint64
	offset     int64
}

const markSize = 20

// bytes returns the mark as it stands in the file synced.
func (m mark) bytes() []byte {
	b := binary.LittleEndian.AppendUint64(nil, m.generation)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.offset))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, checksums))
}

// readMark reads the file synced. Without one nothing was synced.
func readMark(dir string) (m mark, ok bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, syncedName))
	if errors.Is(err, os.ErrNotExist) {
		return mark{}, false, nil
	}
	if err != nil || len(b) == 0 { // empty: a first start ended before it wrote anything
		return mark{}, false, err
	}
	if len(b) != markSize || crc32.Checksum(b[:16], checksums) != binary.LittleEndian.Uint32(b[16:]) {
		return mark{}, false, fmt.Errorf("%s is damaged", filepath.Join(dir, syncedName))
	}
	return mark{binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:]))}, true, nil
}

// syncDir makes the names of files in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeFile writes a small file so that a crash leaves the old or the new one.
func writeFile(dir, name string, data []byte) error {
	path := filepath.Join(dir, name)
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(dir)
}
