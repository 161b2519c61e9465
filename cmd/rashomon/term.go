package main

import (
	"io"
	"os"
)

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && columns(f) > 0
}

// width returns the columns of the terminal w, 0 when it is none: then there is no limit.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		return columns(f)
	}
	return 0
}
