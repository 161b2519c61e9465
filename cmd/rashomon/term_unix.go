//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// columns returns how wide the terminal f is, 80 when it does not say, 0 when f is no terminal.
func columns(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	switch {
	case err != nil:
		return 0
	case size.Col == 0:
		return 80
	}
	return int(size.Col)
}
