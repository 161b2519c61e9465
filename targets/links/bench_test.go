package links

import (
	"io"
	"net"
	"testing"
)

// BenchmarkStream writes much over loopback, on connections that are bare, on links without faults, and
// behind a proxy.
func BenchmarkStream(b *testing.B) {
	for name, connect := range arms() {
		b.Run(name, func(b *testing.B) {
			near, far := connect(b)
			p := make([]byte, 1<<20)
			b.SetBytes(int64(len(p)))
			done := make(chan struct{})
			go func() {
				defer close(done)
				sink, source := struct{ io.Writer }{io.Discard}, struct{ io.Reader }{far}
				_, _ = io.CopyBuffer(sink, source, make([]byte, 1<<20))
			}()
			for b.Loop() {
				if _, err := near.Write(p); err != nil {
					b.Fatal(err)
				}
			}
			must(b, near.Close())
			<-done
		})
	}
}

// BenchmarkAsk asks and waits for the answer, of 100 bytes each.
func BenchmarkAsk(b *testing.B) {
	for name, connect := range arms() {
		b.Run(name, func(b *testing.B) {
			near, far := connect(b)
			go func() {
				p := make([]byte, 100)
				for {
					if _, err := io.ReadFull(far, p); err != nil {
						return
					}
					if _, err := far.Write(p); err != nil {
						return
					}
				}
			}()
			p := make([]byte, 100)
			for b.Loop() {
				if _, err := near.Write(p); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(near, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// arms returns what is compared, by name.
func arms() map[string]wire {
	return map[string]wire{
		"bare":  tcp,
		"links": func(t testing.TB) (near, far net.Conn) { return wire(tcp).pair(t, network(t)) },
		"proxy": func(t testing.TB) (near, far net.Conn) { return proxied(t, network(t)) },
	}
}
