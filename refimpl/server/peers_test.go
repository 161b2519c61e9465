package server

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// got is a message that a network delivered.
type got struct {
	at, from int
	msg      refimpl.Message
}

// meet starts the networks of two nodes and returns them with what they deliver.
func meet(t *testing.T, clusters [2]uint64) ([2]*network, chan got) {
	t.Helper()
	var listeners [2]net.Listener
	var addresses []string
	for i := range listeners {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i] = l
		addresses = append(addresses, l.Addr().String())
	}
	var nets [2]*network
	delivered := make(chan got, 1000)
	for i := range nets {
		cfg := &Config{ID: i, Peers: addresses, Log: quiet}
		nets[i] = newNetwork(cfg, clusters[i], func(from int, m refimpl.Message) {
			delivered <- got{i, from,
				m}
		})
		nets[i].start(listeners[i])
		t.Cleanup(nets[i].close)
	}
	return nets, delivered
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	limit := time.After(10 * time.Second)
	for !so() {
		select {
		case <-ticker.C:
		case <-limit:
			t.Fatalf("not so after 10 s: %s", what)
		}
	}
}

func TestStreams(t *testing.T) {
	nets, delivered := meet(t, [2]uint64{7, 7})
	eventually(t, "both are connected", func() bool {
		return nets[0].peers[1].connected() &&
			nets[1].peers[0].connected()
	})
	for i := range 100 {
		nets[i%2].send(1-i%2, &refimpl.Message{Kind: refimpl.MsgMode, Index: int64(i)})
	}
	next := [2]int64{1, 0} // what each receives next: odd ones come from node 1
	for range 100 {
		g := <-delivered
		if g.from != 1-g.at || g.msg.Index != next[g.at] {
			t.Fatalf("%d got %d from %d, want %d", g.at, g.msg.Index, g.from, next[g.at])
		}
		next[g.at] += 2
	}
	nets[0].peers[1].mu.Lock()
	_ = nets[0].peers[1].stream.Close()
	nets[0].peers[1].mu.Unlock()
	eventually(t, "a message comes through again", func() bool {
		nets[0].send(1, &refimpl.Message{Kind: refimpl.MsgMode, Index: 777})
		select {
		case g := <-delivered:
			return g.at == 1 && g.msg.Index == 777
		default:
			return false
		}
	})
	eventually(t, "each knows that it is heard", func() bool {
		return nets[0].peers[1].reached.Load() > 0 && nets[1].peers[0].reached.Load() > 0
	})
}

func TestOtherClustersAreRefused(t *testing.T) {
	nets, _ := meet(t, [2]uint64{7, 8})
	c, err := net.Dial("tcp", nets[1].peers[0].address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(nets[1].shake(0)); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a node of another cluster is answered")
	}
	if nets[0].peers[1].connected() {
		t.Error("a node of another cluster is a peer")
	}
}

// What a handshake can say, and the answer to it.
func TestHandshakes(t *testing.T) {
	n := newNetwork(&Config{ID: 1, Peers: make([]string, 3), Log: quiet}, 7, nil)
	other := newNetwork(&Config{ID: 2, Peers: make([]string, 3), Log: quiet}, 7, nil)
	good := other.shake(1)
	for name, tc := range map[string]struct {
		change func(b []byte) []byte
		want   string
	}{
		"good":        {func(b []byte) []byte { return b }, ""},
		"other magic": {func(b []byte) []byte { b[0] = 'X'; return b }, "no node of this store"},
		"version": {func(b []byte) []byte { b[4] = 9; return b },
			"speaks version 9, this one version 2"},
		"cluster":      {func(b []byte) []byte { b[8] ^= 1; return b }, "another configuration"},
		"wrong number": {func(b []byte) []byte { b[20] = 0; return b }, "looks for node 1, this is node 2"},
		"short":        {func(b []byte) []byte { return b[:9] }, "no handshake"},
	} {
		near, far := net.Pipe()
		go func() {
			_, _ = far.Write(tc.change(append([]byte(nil), good...)))
			_ = far.Close()
		}()
		from, err := n.readShake(near)
		_ = near.Close()
		if tc.want == "" && (err != nil || from != 2) || tc.want != "" && (err == nil ||
			!strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: from %d, error %v", name, from, err)
		}
	}
}

// FuzzFrames: whatever a peer sends in a frame, it is taken or the stream ends.
func FuzzFrames(f *testing.F) {
	n := newNetwork(&Config{ID: 0, Peers: make([]string, 2), Log: quiet}, 7, func(int, refimpl.Message) {})
	f.Add([]byte{framePing, 2})
	f.Add([]byte{frameMessage, 17, 0})
	f.Add([]byte{9})
	f.Fuzz(func(_ *testing.T, b []byte) {
		if len(b) > 0 {
			_ = n.take(n.peers[1], b)
		}
	})
}
