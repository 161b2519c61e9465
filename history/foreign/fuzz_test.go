package foreign

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/rashomon-harness/rashomon/history"
)

// fuzz holds that reading a format never panics, gives the same whatever the pieces it comes in, and that
// what was read is written so that it reads back. The corpus is what TestWild has of the format, and what
// was found under testdata/fuzz.
func fuzz(f *testing.F, format Format) {
	files, err := filepath.Glob("testdata/wild/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		head, _, _ := strings.Cut(string(data), "----\n")
		options, text, _ := strings.Cut(head, "\n")
		if name, _, _ := strings.Cut(options, " "); Format(name) == format {
			f.Add([]byte(text), strings.Contains(options, "keyed"), strings.Contains(options, "refusals"))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, keyed, refusals bool) {
		hold(t, data, format, Options{Keyed: keyed, Refusals: refusals})
	})
}

// hold checks what holds of every text, and reports whether it was read.
func hold(t *testing.T, data []byte, format Format, options Options) bool {
	h, err := Read(bytes.NewReader(data), format, options)
	slow, slowErr := Read(iotest.OneByteReader(bytes.NewReader(data)), format, options)
	if (err == nil) != (slowErr == nil) || err != nil && err.Error() != slowErr.Error() {
		t.Fatalf("%q read at once: %v; byte by byte: %v", data, err, slowErr)
	}
	if err != nil {
		if !strings.Contains(err.Error(), "line ") || !strings.Contains(err.Error(), "column ") {
			t.Fatalf("%q: an error without a place: %v", data, err)
		}
		return false
	}
	if !slices.Equal(rows(h), rows(slow)) {
		t.Fatalf("%q read at once and byte by byte differs", data)
	}
	checkOps(t, h)
	again, text, err := back(h)
	if err != nil {
		t.Fatalf("%q was written as %s, which does not read: %v", data, text, err)
	}
	if want, got := rows(h), rows(again); !slices.Equal(want, got) {
		t.Fatalf("%q was read as\n%q\nand written as\n%sand read back as\n%q", data, want, text, got)
	}
	return true
}

// TestDamaged holds the same of texts that were read well and then damaged: lines lost, doubled, swapped,
// mixed with those of other texts, bytes lost.
func TestDamaged(t *testing.T) {
	files, err := filepath.Glob("testdata/wild/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for seed := range int64(3000) {
		m := &maker{Rand: rand.New(rand.NewSource(seed))}
		one, err := os.ReadFile(pick(m, files...))
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(pick(m, files...))
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(one), "----\n")
		first, text, _ := strings.Cut(head, "\n")
		format, options, _ := strings.Cut(first, " ")
		if Format(format) == JSONL {
			continue
		}
		data := m.damage(text, string(other))
		if hold(t, []byte(data), Format(format), Options{Keyed: options == "keyed"}) {
			read++
		}
	}
	if read < 500 {
		t.Errorf("only %d were read", read)
	}
}

// damage changes a text in a few places, with lines of another one.
func (m *maker) damage(text, other string) string {
	lines, strange := strings.SplitAfter(text, "\n"), strings.SplitAfter(other, "\n")
	for range 1 + m.Intn(3) {
		i, j := m.Intn(len(lines)), m.Intn(len(lines))
		switch m.Intn(6) {
		case 0:
			lines = slices.Delete(lines, i, i+1)
		case 1:
			lines = slices.Insert(lines, i, lines[j])
		case 2:
			lines[i], lines[j] = lines[j], lines[i]
		case 3:
			lines = slices.Insert(lines, i, pick(m, strange...))
		case 4:
			at := m.Intn(len(lines[i]) + 1)
			lines[i] = lines[i][:at] + lines[i][min(at+m.Intn(4), len(lines[i])):]
		case 5:
			from, to := pick(m, "0", "1", ":ok", ":f", "{"), pick(m, "", "2", ":info", "nil")
			lines[i] = strings.Replace(lines[i], from, to, 1)
		}
		if len(lines) == 0 {
			break
		}
	}
	return strings.Join(lines, "")
}

// checkOps checks what holds of every history.
func checkOps(t *testing.T, h *history.History) {
	for _, op := range h.Ops() {
		if op.Return < op.Call || (op.Return == history.Never) != (op.Type == history.Info) ||
			op.Process < 0 {
			t.Fatalf("an impossible operation: %+v", op)
		}
	}
}

func FuzzJepsenEDN(f *testing.F)    { fuzz(f, JepsenEDN) }
func FuzzJepsenText(f *testing.F)   { fuzz(f, JepsenText) }
func FuzzPorcupineLog(f *testing.F) { fuzz(f, PorcupineLog) }
func FuzzKVLog(f *testing.F)        { fuzz(f, KVLog) }
func FuzzJSON(f *testing.F)         { fuzz(f, JSON) }

// endless is a text that begins and then repeats itself for ever.
type endless struct {
	begin, again string
	at           int // in again
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.begin)
	e.begin = e.begin[n:]
	for n < len(p) && e.begin == "" {
		m := copy(p[n:], e.again[e.at:])
		n, e.at = n+m, (e.at+m)%len(e.again)
	}
	return n, nil
}

// TestEndless holds that what has no end is refused, in memory that has one.
func TestEndless(t *testing.T) {
	const operation = "{:process 0 :type :invoke :f :write :value "
	for _, tc := range []struct {
		format       Format
		begin, again string
		want         string
	}{
		{JepsenEDN, operation + `"`, "a", "a string has more than"},
		{JepsenEDN, operation + ":", "a", "a number or name has more than"},
		{JepsenEDN, operation, "9", "a number or name has more than"},
		{JepsenEDN, operation, "[", "nested more than"},
		{JepsenEDN, operation, "#_", "nested more than"},
		{JepsenEDN, operation, "#a ", "nested more than"},
		{JepsenEDN, operation, "{[", "nested more than"},
		{JepsenEDN, "", "[", "nested more than"},
		{JepsenEDN, "", `\`, "no such character"},
		{JepsenEDN, operation, "#_x ", "consists of more than"},
		{KVLog, "", "x", "a number or name has more than"},
		{JepsenText, "", "0\t", "the line is longer than"},
		{JepsenText, "0\t:invoke\t:read\t", "x", "the line is longer than"},
		{PorcupineLog, "INFO ", "x", "the line is longer than"},
		{JSON, `{"a":"`, "a", "has more than"},
		{JSON, `{"a":`, "9", "has more than"},
		{JSON, `{"a":`, "[", "nested more than"},
		{JSON, "", `{"a":`, "nested more than"},
		{JSON, "", "[", "nested more than"},
	} {
		_, err := Read(&endless{tc.begin, tc.again, 0}, tc.format, Options{})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s, %s%s..: error %.200v, want %s", tc.format, tc.begin, tc.again, err, tc.want)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapSys > 1<<30 {
		t.Errorf("it took %d MiB", m.HeapSys>>20)
	}
}

// TestBroken holds that the error of a source is told as what it is.
func TestBroken(t *testing.T) {
	for format, text := range map[Format]string{
		JepsenEDN: "[{:process 0 :type :invoke :f :read}\n", KVLog: "{:process 0 :type :invoke :f :read}\n",
		JepsenText: "0\t:invoke\t:read\tnil\n", PorcupineLog: "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n",
		JSON: `[{"process":0,"type":"invoke","f":"read"},`,
	} {
		src := io.MultiReader(strings.NewReader(text), iotest.ErrReader(errFull))
		_, err := Read(src, format, Options{})
		if !errors.Is(err, errFull) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: error %v", format, err)
		}
	}
}
