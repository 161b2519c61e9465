package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
)

// transcript executes command lines and returns what a terminal would show of them: the line, what it wrote
// to standard output, what to standard error behind "! ", and the exit code.
func transcript(c *console, lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		var args []string
		for _, word := range strings.Fields(line) {
			args = append(args, strings.ReplaceAll(word, "DIR", "testdata/check"))
		}
		code, out := c.do(args...)
		fmt.Fprintf(&b, "$ rashomon %s\n%s", line, out)
		for told := range strings.Lines(c.err.String()) {
			fmt.Fprintf(&b, "! %s", strings.ReplaceAll(told, "testdata/check", "DIR"))
		}
		fmt.Fprintf(&b, "(exit %d)\n\n", code)
	}
	return b.String()
}

func TestCheck(t *testing.T) {
	golden(t, "check.golden", transcript(newConsole(t.TempDir()), []string{
		"check DIR/valid.edn",
		"check DIR/invalid.edn",
		"check DIR/once.edn",
		"check DIR/invalid.edn --property read-your-writes,linearizability --no-witness",
		"check DIR/invalid.edn --property all --no-witness",
		"check DIR/invalid.edn --property staleness --long",
		"check DIR/invalid.edn --engine porcupine",
		"check DIR/queue.edn",
		"check DIR/queue.edn --model queue --no-witness",
		"check DIR/invalid.edn --output json",
		"check DIR/invalid.edn --output markdown",
	}))
}

// What is wrong with the command line or the file is said with what would be right, or with where it is.
func TestCheckRefuses(t *testing.T) {
	golden(t, "check-refuses.golden", transcript(newConsole(t.TempDir()), []string{
		"check DIR/bad.edn",
		"check DIR/bad.jsonl",
		"check DIR/nowhere.edn",
		"check DIR/valid.edn --format jsonl",
		"check DIR/valid.edn --format fax",
		"check DIR/valid.edn --model fax",
		"check DIR/valid.edn --property fax",
		"check DIR/valid.edn --property set",
		"check DIR/valid.edn --engine fax",
		"check DIR/queue.edn --engine fast",
		"check DIR/valid.edn --output fax",
		"check",
		"export DIR/valid.edn --to fax",
		"export DIR/bad.edn",
		"export DIR/valid.edn --out DIR/none/x.edn",
		"export DIR/valid.edn --to parquet --out DIR/none/x.parquet",
	}))
}

// A dash is standard input, whose format has to be said unless it is our own.
func TestCheckStandardInput(t *testing.T) {
	text, err := os.ReadFile("testdata/check/invalid.edn")
	if err != nil {
		t.Fatal(err)
	}
	c := newConsole(t.TempDir())
	_, want := c.do("check", "testdata/check/invalid.edn")
	c.in.Reset(string(text))
	if code, out := c.do("check", "-", "--format", "jepsen-edn"); code != 1 || out != want {
		t.Errorf("exit %d\n%s%s", code, out, c.err.String())
	}
	c.in.Reset(record(t, "s1 |--w k=1--|"))
	if code, out := c.do("export", "-"); code != 0 || !strings.Contains(out, ":f :write") {
		t.Errorf("exit %d\n%s%s", code, out, c.err.String())
	}
	c.in.Reset(string(text))
	const place = "-: not a recorded history: line 1, column 2"
	if code, _ := c.do("check", "-"); code != 3 || !strings.Contains(c.err.String(), place) {
		t.Errorf("EDN as JSONL: exit %d, %s", code, c.err.String())
	}
}

// record returns a drawn history as our own record of it.
func record(t *testing.T, drawing string) string {
	t.Helper()
	h, err := history.ParseDrawing(drawing)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	r, err := history.NewRecorder(&text, &h.Header)
	if err != nil {
		t.Fatal(err)
	}
	for i := range h.EventCount() {
		if _, err := r.Record(h.Event(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// modelHistories has a history of each model that is linearizable, and one that is not.
var modelHistories = map[string][2]string{
	checkers.ModelRegister: {`
		s1 |--w k=1--|  |--w k=2--|
		s2                |--r k=1--|`, `
		s1 |--w k=1--|  |--w k=2--|
		s2                             |--r k=1--|`},
	checkers.ModelCASRegister: {`
		s1 |--w k=1--|  |--cas k 1→2--|
		s2                                |--cas k 1→3 refused (is 2)--|  |--r k=2--|`, `
		s1 |--w k=1--|  |--cas k 1→2--|
		s2                                |--cas k 1→3--|`},
	checkers.ModelKV: {`
		s1 |--put a ("x")--|  |--append a+="y"--|
		s2                                          |--get a="xy"--|`, `
		s1 |--put a ("x")--|  |--append a+="y"--|
		s2                                          |--get a="x"--|`},
	checkers.ModelSet: {`
		s1 |--add k (1)--|  |--add k (2)--|
		s2                     |--r k=[1]--|  |--r k=[2 1]--|`, `
		s1 |--add k (1)--|  |--add k (2)--|
		s2                                    |--r k=[1]--|`},
	checkers.ModelList: {`
		s1 |--append k+=1--|  |--append k+=2--|
		s2                                        |--r k=[1 2]--|`, `
		s1 |--append k+=1--|  |--append k+=2--|
		s2                                        |--r k=[2 1]--|`},
	checkers.ModelCounter: {`
		s1 |--incr k (2)--|  |--decr k (1)--|
		s2                                      |--r k=1--|`, `
		s1 |--incr k (2)--|  |--decr k (1)--|
		s2                                      |--r k=2--|`},
	checkers.ModelQueue: {`
		s1 |--enqueue k (1)--|  |--enqueue k (2)--|
		s2                                            |--dequeue k=1--|`, `
		s1 |--enqueue k (1)--|  |--enqueue k (2)--|
		s2                                            |--dequeue k=2--|`},
	checkers.ModelMutex: {`
		s1 |--acquire k--|  |--release k--|
		s2     |--acquire k-----------------|`, `
		s1 |--acquire k--|                    |--release k--|
		s2                  |--acquire k--|`},
}

// The verdicts about a history are the same when it was exported to EDN and read back, for every model.
func TestExportReadsBack(t *testing.T) {
	for _, m := range checkers.Models() {
		for i, want := range []string{checkers.Valid.String(), checkers.Invalid.String()} {
			t.Run(m.Name+" "+want, func(t *testing.T) {
				c := newConsole(t.TempDir())
				recorded := filepath.Join(t.TempDir(), "history.jsonl")
				edn := strings.TrimSuffix(recorded, ".jsonl") + ".edn"
				text := record(t, modelHistories[m.Name][i])
				if err := os.WriteFile(recorded, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				if code, out := c.do("export", recorded, "--out", edn); code != 0 || out != "" {
					t.Fatalf("export: exit %d\n%s%s", code, out, c.err.String())
				}
				check := func(path string, args ...string) (int, string) {
					args = append([]string{"check", path, "--model", m.Name, "--no-witness"}, args...)
					return c.do(args...)
				}
				if code, out := check(recorded); code != i || !strings.Contains(out, " "+want+" ") {
					t.Errorf("exit %d\n%s%s", code, out, c.err.String())
				}
				code, out := check(recorded, "--property", "all", "--long")
				again, back := check(edn, "--property", "all", "--long")
				if code != again || out != back {
					t.Errorf("exit %d, and read back %d\n%s%s%s", code, again, out, back, c.err.String())
				}
			})
		}
	}
}

func TestExportParquet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.parquet")
	c := newConsole(t.TempDir())
	code, out := c.do("export", "testdata/check/valid.edn", "--to", "parquet", "--out", path)
	if code != 0 || out != "" {
		t.Fatalf("exit %d\n%s%s", code, out, c.err.String())
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) < 100 || string(data[:4])+string(data[len(data)-4:]) != "PAR1PAR1" {
		t.Errorf("%d bytes, %v: no Parquet file", len(data), err)
	}
	code, out = c.do("export", "testdata/check/valid.edn", "--to", "parquet")
	if code != 0 || out != string(data) {
		t.Errorf("to standard output: exit %d, %d bytes, to the file %d", code, len(out), len(data))
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// What cannot be written is a failure of the harness, and leaves no half of a file.
func TestExportCannotWrite(t *testing.T) {
	for _, args := range []string{"export DIR/valid.edn", "export DIR/valid.edn --to parquet",
		"check DIR/valid.edn", "check DIR/valid.edn --output json", "check DIR/valid.edn --output markdown"} {
		c := newConsole(t.TempDir())
		c.stdout = full{}
		words := strings.Fields(strings.ReplaceAll(args, "DIR", "testdata/check"))
		if code, _ := c.do(words...); code != 4 || !strings.Contains(c.err.String(), "no space left") {
			t.Errorf("%s: exit %d, %s", args, code, c.err.String())
		}
	}
	path := filepath.Join(t.TempDir(), "half")
	err := writeTo(path, func(w io.Writer) error {
		_, err := w.Write([]byte("half"))
		return errors.Join(err, errors.New("and no more"))
	})
	if _, gone := os.Stat(path); err == nil || !os.IsNotExist(gone) {
		t.Errorf("%v; the file: %v", err, gone)
	}
}
