package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/need"
)

// BenchmarkFileToVerdict is what `rashomon check` costs on a large recorded history: 10 million operations
// of 20 clients on 100 registers. Run it with -benchtime 1x; it writes 1.6 GB into the temporary directory.
func BenchmarkFileToVerdict(b *testing.B) {
	const keys, ops = 100, 10_000_000
	path := filepath.Join(b.TempDir(), "history.jsonl")
	if err := writeRegisters(path, keys, 20, ops); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	binary := need.Binary(b)
	rss := int64(0)
	for b.Loop() {
		cmd := exec.Command(binary, "check", path, "--model", "register")
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			rss = max(rss, usage.Maxrss)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
	b.ReportMetric(float64(rss)/(1<<20), "GiB-peak")
	b.ReportMetric(float64(2*ops*b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(info.Size())/1e9, "GB-file")
}

// writeRegisters records a linearizable history of clients that each write and read registers in turn.
func writeRegisters(path string, keys, clients, ops int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, `{"version":1,"experiment":"registers"}`)
	random := rand.New(rand.NewPCG(1, 2))
	now := make([]int64, keys)
	next := make([]int64, keys)
	var line []byte
	index := 0
	put := func(ev *history.Event) {
		ev.Index = index
		index++
		line = append(history.AppendEvent(line[:0], ev), '\n')
		_, _ = w.Write(line)
	}
	open := make([]history.Event, clients)
	for i := range ops {
		at := time.Duration(i) * 10 * time.Microsecond
		client := i % clients
		if ev := &open[client]; ev.F != "" { // it acts now, just before it returns
			var key int
			fmt.Sscanf(ev.Key, "r%d", &key)
			ev.Type, ev.Time = history.Ok, int64(at)-1
			if ev.F == history.FWrite {
				v, _ := ev.Value.AsInt()
				now[key], ev.Value = v, history.Value{}
			} else if now[key] > 0 {
				ev.Value = history.IntValue(now[key])
			}
			put(ev)
		}
		key := random.IntN(keys)
		ev := history.Event{Time: int64(at), Process: int32(client), Session: fmt.Sprintf("s%d", client),
			F: history.FRead, Key: fmt.Sprintf("r%d", key), Op: history.OpID{Thread: int32(client),
				N: int32(i/clients + 1)}}
		if random.IntN(2) == 0 {
			next[key]++
			ev.F, ev.Value = history.FWrite, history.IntValue(next[key])
		}
		put(&ev)
		open[client] = ev
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
