//go:build !linux

package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/rashomon-harness/rashomon/harness"
)

// memoryWatch is how often a process looks at what it takes, where the system does not watch it.
const memoryWatch = 20 * time.Millisecond

// capMemory lets this process take so many bytes more than it has now. The garbage collector works harder
// and harder as it comes near; beyond it the process ends itself.
func capMemory(bytes int64) error {
	most := taken() + bytes
	debug.SetMemoryLimit(most - bytes/8)
	go func() {
		for range time.Tick(memoryWatch) {
			if taken() > most {
				fmt.Fprintln(os.Stderr, "fatal error: out of memory")
				os.Exit(harness.ExitFailure)
			}
		}
	}()
	return nil
}

// taken returns the bytes that the runtime has from the system and did not give back.
func taken() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
