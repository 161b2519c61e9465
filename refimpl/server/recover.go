package server

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
)

// CrashFile is the name of a file that, put into a node's data directory while the node is down, tells its
// next start what to make of writes that were not synced:
//
//	lose        all are gone, as after a power loss
//	tear <n>    they are cut at a place drawn by the number n, within a record or between two
//	wipe        the disk comes back empty
const CrashFile = "crash"

// recovered is what a data directory holds.
type recovered struct {
	records     []refimpl.Record
	generation  uint64 // of the last log, 0 when there is none
	size        int64  // of the last log, up to its last good record
	fresh       bool   // nothing was ever written, and nothing was wiped
	incarnation uint32
}

// recoverDir applies what CrashFile says and reads what there is. What it returns is durable.
func recoverDir(dir string) (*recovered, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := crashed(dir); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	out := &recovered{}
	if err := out.read(dir); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	_, err := os.Stat(filepath.Join(dir, existingName))
	out.fresh = len(out.records) == 0 && errors.Is(err, os.ErrNotExist)
	if out.incarnation, err = nextIncarnation(dir); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	return out, writeFile(dir, incarnationName, fmt.Appendln(nil, out.incarnation))
}

// nextIncarnation returns how often the node has started before.
func nextIncarnation(dir string) (uint32, error) {
	text, err := os.ReadFile(filepath.Join(dir, incarnationName))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s holds %q, which is no number", incarnationName, text)
	}
	return uint32(n) + 1, nil
}

// read reads the last snapshot and the logs after it.
func (out *recovered) read(dir string) error {
	snapshots, err := generations(dir, snapshotName)
	if err != nil {
		return err
	}
	base := uint64(0)
	if len(snapshots) > 0 {
		base = snapshots[len(snapshots)-1]
		if out.records, err = readSnapshot(dir, base); err != nil {
			return err
		}
	}
	logs, err := generations(dir, logName)
	if err != nil {
		return err
	}
	logs = slices.DeleteFunc(logs, func(g uint64) bool { return g <= base })
	for i, g := range logs {
		if want := base + 1 + uint64(i); g != want {
			return fmt.Errorf("log %d is missing", want)
		}
		if err := out.readLog(dir, g, i == len(logs)-1); err != nil {
			return fmt.Errorf(logName+": %w", g, err)
		}
	}
	out.generation = max(out.generation, base)
	return nil
}

// readLog reads a log, cuts a torn tail off, and syncs it. Only the last log can have a torn tail.
func (out *recovered) readLog(dir string, g uint64, last bool) error {
	path := filepath.Join(dir, fmt.Sprintf(logName, g))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var records []refimpl.Record
	end := int64(0)
	_, err = readHeader(f, logMagic, g)
	if err == nil {
		end, err = readFrames(f, func(r *refimpl.Record) { records = append(records, *r) })
	}
	switch {
	case errors.Is(err, errShortHeader) && last: // a crash came between its creation and its header
	case err != nil:
		return err
	}
	if end < info.Size() || end == 0 {
		if err := mayCut(dir, mark{g, end}, last); err != nil {
			return err
		}
		if err := f.Truncate(end); err != nil {
			return err
		}
	}
	out.records = append(out.records, records...)
	out.generation, out.size = g, end
	return f.Sync()
}

// mayCut returns an error when what begins at m is bad and was synced: that is no torn tail but damage.
func mayCut(dir string, m mark, last bool) error {
	synced, ok, err := readMark(dir)
	if err != nil {
		return err
	}
	if !last || ok && (synced.generation > m.generation ||
		synced.generation == m.generation && synced.offset > m.offset) {
		return fmt.Errorf("the record at byte %d is damaged, though it was synced", m.offset)
	}
	return nil
}

// generations returns the generations of which files with that pattern are there, rising.
func generations(dir, pattern string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []uint64
	for _, e := range entries {
		var g uint64
		if n, _ := fmt.Sscanf(e.Name(), pattern, &g); n == 1 && fmt.Sprintf(pattern, g) == e.Name() {
			out = append(out, g)
		}
	}
	slices.Sort(out)
	return out, nil
}

// crashed does to the data directory what CrashFile says, and removes it.
func crashed(dir string) error {
	path := filepath.Join(dir, CrashFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	how, arg, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	luck, parseErr := strconv.ParseUint(cmp.Or(arg, "0"), 10, 64)
	switch {
	case parseErr == nil && how == "lose":
		err = loseUnsynced(dir, nil)
	case parseErr == nil && how == "tear":
		err = loseUnsynced(dir, func(unsynced int64) int64 {
			return int64(keyed.New(luck).N(int(min(unsynced, 1<<30)) + 1))
		})
	case how == "wipe":
		return wipe(dir)
	default:
		return fmt.Errorf("%s holds %q; allowed: lose, tear <number>, wipe", CrashFile, text)
	}
	if err != nil {
		return err
	}
	return errors.Join(os.Remove(path), syncDir(dir))
}

// loseUnsynced cuts the logs where they were synced last. keep says how many of the unsynced bytes of that
// log survive, nil for none.
func loseUnsynced(dir string, keep func(unsynced int64) int64) error {
	synced, ok, err := readMark(dir)
	if err != nil {
		return err
	}
	logs, err := generations(dir, logName)
	if err != nil {
		return err
	}
	if !ok && len(logs) > 0 {
		synced = mark{logs[0], 0}
	}
	for _, g := range logs {
		path := filepath.Join(dir, fmt.Sprintf(logName, g))
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return err
		case g < synced.generation:
			continue
		case g > synced.generation:
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		cut := min(synced.offset, info.Size())
		if keep != nil {
			cut += keep(info.Size() - cut)
		}
		if err := os.Truncate(path, cut); err != nil {
			return err
		}
	}
	return nil
}

// wipe empties the directory, and leaves a note that there was something.
func wipe(dir string) error {
	if err := writeFile(dir, existingName, nil); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case existingName, incarnationName, CrashFile:
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	// The note goes last: a wipe that was interrupted is done again.
	return errors.Join(os.Remove(filepath.Join(dir, CrashFile)), syncDir(dir))
}
