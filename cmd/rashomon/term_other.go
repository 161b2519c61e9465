//go:build !unix

package main

import "os"

// columns returns how wide the terminal f is, 0 when f is no terminal. Where the system has no portable
// way to ask, no file counts as a terminal: output is as if it were piped.
func columns(*os.File) int { return 0 }
