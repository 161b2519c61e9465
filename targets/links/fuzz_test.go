package links

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// FuzzConn writes, cuts, shapes, lets time pass and closes in any order, in virtual time. Model: a cut link
// delivers nothing; the bytes arrive complete and in order, then the end.
func FuzzConn(f *testing.F) {
	f.Add([]byte{0, 50, 1, 0, 0, 50, 5, 20, 1, 1, 2, 0, 0, 3, 2, 1, 6, 0})
	f.Add([]byte{4, 30, 0, 200, 0, 200, 5, 10, 1, 0, 4, 0, 5, 255, 1, 1, 0, 9})
	f.Add([]byte{3, 8, 0, 255, 1, 2, 0, 255, 1, 0, 3, 0, 5, 3, 6, 0, 5, 1})
	f.Add([]byte{8, 0, 0, 255, 0, 255, 0, 255, 8, 0, 0, 255, 8, 1, 4, 9, 8, 0, 0, 77, 8, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		for _, outwards := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) { play(t, script[:min(len(script), 200)], outwards) })
		}
	})
}

// game is a connection on which a script is played, and what the model knows.
type game struct {
	t        *testing.T
	net      *Network
	from, to net.Conn
	ends     []targets.Link // the link that the bytes take
	cuts     map[string]bool
	shaped   bool
	words    chan []byte
	sent     int // bytes that were given to the writer
	heard    int
	ended    bool
	stalled  bool // nobody reads
	broken   error
}

// play plays a script of pairs: what to do, and how much.
func play(t *testing.T, script []byte, outwards bool) {
	g := &game{t: t, net: New([]string{"n1"}), cuts: map[string]bool{}, words: make(chan []byte, 1000)}
	defer g.net.Close()
	a, b := net.Pipe()
	g.from, g.to, g.ends = g.net.Conn(a, "s", "n1"), b, one("s", "n1")
	if !outwards {
		g.from, g.to, g.ends = b, g.from, one("n1", "s")
	}
	go g.write()
	for ; len(script) >= 2; script = script[2:] {
		g.step(script[0]%9, int(script[1]))
		g.listen(time.Nanosecond)
	}
	for id := range g.cuts {
		must(t, g.net.Uncut(id))
	}
	close(g.words)
	g.stalled = false
	clear(g.cuts)
	g.listen(24 * time.Hour)
	if g.broken != nil || g.heard != g.sent || !g.ended {
		t.Fatalf("outwards %v: heard %d of %d bytes, ended %v, writing failed with %v", outwards, g.heard,
			g.sent, g.ended, g.broken)
	}
}

// write writes what it is given, and closes.
func (g *game) write() {
	for p := range g.words {
		if _, err := g.from.Write(p); err != nil {
			g.broken = err
		}
	}
	_ = g.from.Close() // seen by the reader
}

func (g *game) step(op byte, arg int) {
	switch op {
	case 0:
		p := make([]byte, arg*arg+1)
		for i := range p {
			p[i] = byte(g.sent)
			g.sent++
		}
		g.words <- p
	case 1, 2:
		g.cut([]string{"", "one", "two"}[op], arg%2 == 0)
	case 3:
		g.shape(targets.Shape{BytesPerSec: int64(arg+1) * 1000, JitterNanos: int64(arg) * int64(ms)})
	case 4:
		g.shape(delay(time.Duration(arg) * ms))
	case 5, 6:
		pass(time.Duration(arg) * ms)
	case 7:
		must(g.t, g.net.Cut("elsewhere", one("other", "n1")))
		must(g.t, g.net.Uncut("elsewhere"))
	case 8:
		g.stalled = arg%2 == 0
	}
}

func (g *game) cut(id string, on bool) {
	switch {
	case on && !g.cuts[id]:
		g.cuts[id] = true
		must(g.t, g.net.Cut(id, g.ends))
	case !on && g.cuts[id]:
		delete(g.cuts, id)
		must(g.t, g.net.Uncut(id))
	}
}

func (g *game) shape(s targets.Shape) {
	if g.shaped {
		must(g.t, g.net.Unshape("shape"))
	}
	g.shaped = s != (targets.Shape{})
	if g.shaped {
		must(g.t, g.net.Shape("shape", g.ends, s))
	}
}

// listen reads everything that arrives, until nothing has for some time.
func (g *game) listen(patience time.Duration) {
	synctest.Wait()
	p := make([]byte, 1000)
	for !g.stalled && !g.ended {
		_ = g.to.SetReadDeadline(time.Now().Add(patience)) // a pipe that has ended takes none
		n, err := g.to.Read(p)
		if len(g.cuts) > 0 && (n > 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			g.t.Fatalf("heard %d bytes, %v over a cut link", n, err)
		}
		for i := range n {
			if p[i] != byte(g.heard) {
				g.t.Fatalf("byte %d is %d", g.heard, p[i])
			}
			g.heard++
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err == io.EOF:
			g.ended = true
		case err != nil:
			g.t.Fatal(err)
		}
	}
}
