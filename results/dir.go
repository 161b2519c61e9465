// Package results keeps runs on disk and shows them: the run directory, the anomaly table with its
// footnotes, the counterexamples below it, and the outcome in other forms.
package results

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/harness"
)

// The files of a run directory. A run of one row and one seed has its history in HistoryName; other runs
// have a directory a row with a file a seed for the histories that were kept. The logs of nodes, of runs in
// real environments, are files in LogsName: n1.log, or, of other runs, <row>-<seed>-n1.log.
const (
	SourceName  = "experiment.yaml"
	HistoryName = "history.jsonl"
	OutcomeName = "outcome.json"
	LogsName    = "nodes"
	// LatestName is the link, below the root of all runs, to the run that was started last. Where links
	// cannot be made it is a file that holds the path.
	LatestName = "latest"
)

// DirOptions are the choices for a new run directory.
type DirOptions struct {
	Began time.Time // becomes part of the directory's name, in UTC
	// KeepAll keeps every history. Otherwise those are kept that the harness finds worth it, and always
	// the history of a run of one row and one seed.
	KeepAll bool
}

// Dir is the directory of one run, `<root>/<name>/<time>-<seed>`. It is the harness's Sink: histories are
// streamed into it while they come, and the outcome is replaced as a whole whenever it is saved.
type Dir struct {
	Path    string // of the directory, with the root as it was given
	single  bool   // one row and one seed
	keepAll bool
	slugs   map[string]string // row -> its directory
	mu      sync.Mutex        // keeps a row's directory from being removed while a file is made in it
}

// Create makes the directory of a new run of exps, which all come from one file, and so proves, before
// anything runs, that results can be saved. The error says which directory cannot be written and why.
func Create(root string, exps []*harness.Experiment, opts DirOptions) (*Dir, error) {
	if len(exps) == 0 {
		return nil, errors.New("no experiment to make a run directory for")
	}
	seed := uint64(0)
	if len(exps[0].Seeds) > 0 {
		seed = exps[0].Seeds[0]
	}
	parent := filepath.Join(root, nameSlug(exps[0].Name))
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, fmt.Errorf("run directory %s cannot be made: %w", parent, reason(err))
	}
	base := opts.Began.UTC().Format("20060102T150405Z") + "-" + strconv.FormatUint(seed, 10)
	path, err := mkdirUnique(filepath.Join(parent, base))
	if err != nil {
		return nil, fmt.Errorf("run directory %s cannot be made: %w", path, reason(err))
	}
	d := &Dir{Path: path, keepAll: opts.KeepAll, slugs: rowSlugs(exps)}
	d.single = len(exps) == 1 && len(exps[0].Seeds) == 1
	if err := writeAtomically(filepath.Join(path, SourceName), exps[0].Source); err != nil {
		return nil, fmt.Errorf("run directory %s cannot be written: %w", path, reason(err))
	}
	if err := pointLatest(root, path); err != nil {
		return nil, fmt.Errorf("%s cannot be written: %w", filepath.Join(root, LatestName), reason(err))
	}
	return d, nil
}

// reason is what went wrong without the path, which the caller names itself.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err
	}
	return err
}

// mkdirUnique makes the directory path, or path-2, path-3, .. when it is there already: two runs may
// start within the same second.
func mkdirUnique(path string) (string, error) {
	try := path
	for n := 2; ; n++ {
		err := os.Mkdir(try, 0o777)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return try, err
		}
		try = path + "-" + strconv.Itoa(n)
	}
}

// pointLatest makes root's latest link point to path. The new link replaces the old one in one step, so
// that there is one at any time.
func pointLatest(root, path string) error {
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	link := filepath.Join(root, LatestName)
	temp := link + "." + strconv.Itoa(os.Getpid())
	if err := os.Symlink(relative, temp); err != nil {
		return writeAtomically(link, []byte(relative+"\n"))
	}
	if err := os.Rename(temp, link); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}

// writeAtomically replaces the file at path by one that holds data. After a crash there is the old one
// or the new one, never a part.
func writeAtomically(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Save implements harness.Sink: it replaces outcome.json.
func (d *Dir) Save(out *harness.Outcome) error {
	var buf bytes.Buffer
	if err := JSON(&buf, out); err != nil {
		return err
	}
	if err := writeAtomically(filepath.Join(d.Path, OutcomeName), buf.Bytes()); err != nil {
		return fmt.Errorf("outcome cannot be saved: %w", err)
	}
	return nil
}

// History implements harness.Sink.
func (d *Dir) History(exp *harness.Experiment, seed uint64) (harness.HistoryFile, error) {
	name := HistoryName
	if !d.single {
		name = filepath.Join(d.slugs[exp.Row], strconv.FormatUint(seed, 10)+".jsonl")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	path := filepath.Join(d.Path, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, fmt.Errorf("directory of the histories cannot be made: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("history cannot be written: %w", err)
	}
	h := &historyFile{dir: d, name: filepath.ToSlash(name), file: f}
	if exp.Env == "sim" {
		// A simulated run can be had again from its seed; in other environments every event goes out
		// at once, so that what was recorded survives the death of this process.
		h.buffer = bufio.NewWriterSize(f, 1<<16)
	}
	return h, nil
}

// Log implements harness.LogSink.
func (d *Dir) Log(exp *harness.Experiment, seed uint64, node string, data []byte) error {
	name := slug(node) + ".log"
	if !d.single {
		name = d.slugs[exp.Row] + "-" + strconv.FormatUint(seed, 10) + "-" + name
	}
	dir := filepath.Join(d.Path, LogsName)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("directory of the logs cannot be made: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
		return fmt.Errorf("log cannot be written: %w", err)
	}
	return nil
}

// historyFile is a history being written.
type historyFile struct {
	dir    *Dir
	name   string // below the run's directory
	file   *os.File
	buffer *bufio.Writer // nil when events go out at once
}

// Write implements io.Writer.
func (h *historyFile) Write(p []byte) (int, error) {
	if h.buffer != nil {
		return h.buffer.Write(p)
	}
	return h.file.Write(p)
}

// Close implements harness.HistoryFile.
func (h *historyFile) Close(keep bool) (string, error) {
	var err error
	if h.buffer != nil {
		err = h.buffer.Flush()
	}
	err = errors.Join(err, h.file.Close())
	if keep || h.dir.keepAll || h.dir.single {
		return h.name, err
	}
	h.dir.mu.Lock()
	defer h.dir.mu.Unlock()
	err = errors.Join(err, os.Remove(h.file.Name()))
	_ = os.Remove(filepath.Dir(h.file.Name())) // succeeds when that was the row's only history
	return "", err
}

// rowSlugs names a directory for each row, all of them different.
func rowSlugs(exps []*harness.Experiment) map[string]string {
	slugs, taken := map[string]string{}, map[string]bool{}
	for _, exp := range exps {
		base := slug(cmp.Or(exp.Row, exp.Name))
		name := base
		for n := 2; taken[name]; n++ {
			name = base + "-" + strconv.Itoa(n)
		}
		taken[name], slugs[exp.Row] = true, name
	}
	return slugs
}

// nameSlug is slug for the name of an experiment, which stands beside LatestName.
func nameSlug(name string) string {
	if s := slug(name); s != LatestName {
		return s
	}
	return LatestName + "-run"
}

// slug turns a name into one that is a good file name everywhere: "async, reads any" becomes
// "async-reads-any".
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.Trim(b.String(), "-")
	if s == "" {
		return "unnamed"
	}
	return s[:min(len(s), 80)]
}
