package results

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rashomon-harness/rashomon/harness"
)

// Run is a run as it was recorded.
type Run struct {
	Path    string           // of its directory
	Name    string           // of its experiment, as in the directory's name
	ID      string           // `<time>-<seed>`
	Outcome *harness.Outcome // nil when the run died before the first outcome was saved
	Source  []byte           // the experiment file it was made from
}

// ErrNoRun is wrapped by the errors of Load about a run that is not there.
var ErrNoRun = errors.New("no such run")

// List returns the runs below root, the oldest first, and what could not be read. A root that does not
// exist has no runs.
func List(root string) ([]*Run, error) {
	paths, err := runPaths(root)
	if err != nil {
		return nil, err
	}
	var runs []*Run
	var failed error
	for _, path := range paths {
		run, err := read(path)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		runs = append(runs, run)
	}
	return runs, failed
}

// Load returns the run that ref names: the path of a run's directory or of a file in it, "latest", the
// name of an experiment (its newest run), or the beginning of a run's id or of `<name>/<id>` that only
// one run has. The error of an unknown name says what there is.
func Load(root, ref string) (*Run, error) {
	if path, ok := directory(ref); ok {
		return read(path)
	}
	if ref == LatestName {
		path, err := latest(root)
		if err != nil {
			return nil, err
		}
		return read(path)
	}
	paths, err := runPaths(root)
	if err != nil {
		return nil, err
	}
	path, err := pick(paths, ref)
	if err != nil {
		return nil, fmt.Errorf("%w below %s", err, root)
	}
	return read(path)
}

// directory returns the run's directory when ref is the path of one, or of a file in one.
func directory(ref string) (string, bool) {
	if isRun(ref) {
		return ref, true
	}
	if _, err := os.Stat(ref); err != nil {
		return "", false
	}
	for _, dir := range []string{filepath.Dir(ref), filepath.Dir(filepath.Dir(ref))} {
		if isRun(dir) {
			return dir, true
		}
	}
	return "", false
}

// isRun reports whether path is a run's directory: it has the source that is written first of all.
func isRun(path string) bool {
	info, err := os.Stat(filepath.Join(path, SourceName))
	return err == nil && info.Mode().IsRegular()
}

// latest follows the link to the run that was started last.
func latest(root string) (string, error) {
	link := filepath.Join(root, LatestName)
	target, err := os.Readlink(link)
	if err != nil {
		text, readErr := os.ReadFile(link)
		if readErr != nil {
			return "", fmt.Errorf("%w: %s has no runs yet", ErrNoRun, root)
		}
		target = strings.TrimSpace(string(text))
	}
	return filepath.Join(root, target), nil
}

// pick finds the one path that ref names among the paths of all runs, the oldest first.
func pick(paths []string, ref string) (string, error) {
	ref = filepath.ToSlash(ref)
	var named, begun []string
	for _, path := range paths {
		name, id := identity(path)
		switch {
		case name+"/"+id == ref || id == ref:
			return path, nil
		case name == ref:
			named = append(named, path)
		case strings.HasPrefix(id, ref) || strings.HasPrefix(name+"/"+id, ref):
			begun = append(begun, path)
		}
	}
	switch {
	case len(named) > 0:
		return named[len(named)-1], nil
	case len(begun) == 1:
		return begun[0], nil
	case len(begun) > 1:
		return "", fmt.Errorf("%w: %q is the beginning of %d runs: %s",
			ErrNoRun, ref, len(begun), few(begun))
	case len(paths) == 0:
		return "", fmt.Errorf("%w as %q: there are no runs", ErrNoRun, ref)
	}
	return "", fmt.Errorf("%w as %q: there are %s", ErrNoRun, ref, few(paths))
}

// few names some runs for people.
func few(paths []string) string {
	const most = 4
	var names []string
	for _, path := range paths[max(0, len(paths)-most):] {
		name, id := identity(path)
		names = append(names, name+"/"+id)
	}
	slices.Reverse(names)
	if len(paths) > most {
		names = append(names, "..")
	}
	return strings.Join(names, ", ")
}

// identity returns name and id of a run by its path.
func identity(path string) (name, id string) {
	return filepath.Base(filepath.Dir(path)), filepath.Base(path)
}

// runPaths returns the directories of all runs below root, the oldest first.
func runPaths(root string) ([]string, error) {
	names, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("runs cannot be listed: %w", err)
	}
	var paths []string
	for _, name := range names {
		if !name.IsDir() {
			continue
		}
		ids, err := os.ReadDir(filepath.Join(root, name.Name()))
		if err != nil {
			return nil, fmt.Errorf("runs cannot be listed: %w", err)
		}
		for _, id := range ids {
			if path := filepath.Join(root, name.Name(), id.Name()); isRun(path) {
				paths = append(paths, path)
			}
		}
	}
	slices.SortStableFunc(paths, func(a, b string) int {
		_, x := identity(a)
		_, y := identity(b)
		return cmp.Or(strings.Compare(x[:min(16, len(x))], y[:min(16, len(y))]), strings.Compare(a, b))
	})
	return paths, nil
}

// read reads the run in the directory path.
func read(path string) (*Run, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	run := &Run{Path: path}
	run.Name, run.ID = identity(absolute)
	if run.Source, err = os.ReadFile(filepath.Join(path, SourceName)); err != nil {
		return nil, fmt.Errorf("run %s cannot be read: %w", path, err)
	}
	file := filepath.Join(path, OutcomeName)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return run, nil
	}
	if err != nil {
		return nil, fmt.Errorf("run %s cannot be read: %w", path, err)
	}
	out := &harness.Outcome{}
	if err := json.Unmarshal(data, out); err != nil {
		return nil, fmt.Errorf("%s: not an outcome: %w", file, err)
	}
	if out.Schema != harness.OutcomeSchema {
		return nil, fmt.Errorf("%s: schema: %d is not allowed; allowed: %d", file, out.Schema,
			harness.OutcomeSchema)
	}
	run.Outcome = out
	return run, nil
}
