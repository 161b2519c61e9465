//go:build !linux

package schemata

// limitMemory does nothing where there is no such limit; the garbage collector's own is what remains.
func limitMemory(uint64) error { return nil }
