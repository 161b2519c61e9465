//go:build !linux

package powerloss

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
)

// FS is a mounted file system. There is none on this platform.
type FS struct{}

func unsupported() error {
	return fmt.Errorf("a file system that forgets needs Linux with FUSE, this is %s: %w",
		runtime.GOOS, errors.ErrUnsupported)
}

// Mount returns an error that wraps errors.ErrUnsupported.
func Mount(_, _ string, _ *slog.Logger) (*FS, error) { return nil, unsupported() }

// Unmount returns an error that wraps errors.ErrUnsupported.
func Unmount(_ string) error { return unsupported() }

// Probe returns an error that wraps errors.ErrUnsupported.
func Probe(_ string) error { return unsupported() }

// PowerLoss returns an error that wraps errors.ErrUnsupported.
func (f *FS) PowerLoss() (Lost, error) { return Lost{}, unsupported() }

// Pending returns nothing.
func (f *FS) Pending() Lost { return Lost{} }

// Close returns an error that wraps errors.ErrUnsupported.
func (f *FS) Close() error { return unsupported() }
