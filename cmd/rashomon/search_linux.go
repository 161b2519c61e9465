package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// capMemory lets this process take so many bytes more than it has now. The garbage collector works harder
// and harder as it comes near; what the system refuses ends the process.
func capMemory(bytes int64) error {
	data, err := dataSize()
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(data + bytes/8*7)
	hard := uint64(data + bytes)
	return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: hard, Max: hard})
}

// dataSize returns what RLIMIT_DATA limits: the bytes of private writable memory that the process has.
func dataSize() (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "VmData: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no VmData")
}
