//go:build linux

package powerloss

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// Probe finds out whether the file system works here: in a new directory below dir (the one for temporary
// files when it is empty) it mounts, writes, has a power loss, looks, and unmounts. The error says what did
// not work.
func Probe(dir string) error {
	work, err := os.MkdirTemp(dir, "powerloss-probe-")
	if err != nil {
		return fmt.Errorf("probe of the file system that forgets: %w", err)
	}
	if err = probe(work); err != nil {
		err = fmt.Errorf("probe of the file system that forgets: %w", err)
	}
	return errors.Join(err, os.RemoveAll(work))
}

func probe(work string) error {
	backing, at := filepath.Join(work, "backing"), filepath.Join(work, "at")
	if err := errors.Join(os.Mkdir(backing, 0o700), os.Mkdir(at, 0o700)); err != nil {
		return err
	}
	f, err := Mount(backing, at, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(f.tryOut(filepath.Join(at, "file")), f.Close())
}

// tryOut writes to a file what is synced and then what is not, has a power loss, and looks at what is left.
func (f *FS) tryOut(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if _, err = file.WriteString("kept"); err == nil {
		err = file.Sync()
	}
	if err == nil {
		_, err = file.WriteString(", lost")
	}
	if err != nil {
		return err
	}
	if err := expect(path, "kept, lost"); err != nil {
		return err
	}
	lost, err := f.PowerLoss()
	if err != nil {
		return err
	}
	if lost != (Lost{Files: 1, Bytes: 6}) {
		return fmt.Errorf("lost %d bytes of %d files, expected 6 of 1", lost.Bytes, lost.Files)
	}
	return expect(path, "kept")
}

func expect(path, want string) error {
	got, err := os.ReadFile(path)
	if err == nil && string(got) != want {
		err = fmt.Errorf("%s has %q, expected %q", path, got, want)
	}
	return err
}
