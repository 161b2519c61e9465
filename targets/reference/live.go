package reference

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/client"
	"github.com/rashomon-harness/rashomon/refimpl/modes"
	"github.com/rashomon-harness/rashomon/targets"
)

// Dial connects a session's client to a node, over the link between them.
type Dial func(ctx context.Context, session, node string) (net.Conn, error)

// Live is the clients of a cluster in real time. They are the same state machines that the simulated arm
// runs; here each has its own connections, and a goroutine while it has something to do.
type Live struct {
	cfg    *refimpl.Config
	mapper *Mapper
	seed   keyed.Key
	dial   Dial
	began  time.Time
	ctx    context.Context
	stop   context.CancelFunc

	mu       sync.Mutex
	clients  map[[2]string]*liveClient
	sessions map[string]*liveSession
}

// liveSession is what the devices of a session share. Their machines are stepped one at a time.
type liveSession struct {
	mu     sync.Mutex
	memory *client.Session
}

// NewLive returns the clients of a cluster that is reached by dial.
func NewLive(cfg *refimpl.Config, mapper *Mapper, seed uint64, dial Dial) *Live {
	l := &Live{cfg: cfg, mapper: mapper, seed: keyed.New(seed).Named("clients"), dial: dial,
		began:   time.Now(),
		clients: map[[2]string]*liveClient{}, sessions: map[string]*liveSession{}}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// Client returns the client of a session on a device, the same one for the same names.
func (l *Live) Client(session, device string) targets.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := [2]string{session, device}
	if c := l.clients[name]; c != nil {
		return c
	}
	shared := l.sessions[session]
	if shared == nil {
		shared = &liveSession{memory: client.NewSession()}
		l.sessions[session] = shared
	}
	id := l.seed.Named(session).Named(device).Uint64()
	l.mapper.NameClient(id, session, device)
	c := &liveClient{live: l, session: shared, wake: make(chan struct{}, 1),
		machine: modes.NewClient(l.cfg, id, shared.memory, l.seed),
		http:    &http.Client{Transport: l.transport(session)}}
	l.clients[name] = c
	return c
}

// Close ends all clients: what is under way fails or never ends.
func (l *Live) Close() {
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		c.http.CloseIdleConnections()
	}
}

// transport returns the connections of a session, on which a node's name stands for its address.
func (l *Live) transport(session string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			node, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return l.dial(ctx, session, node)
		},
		MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, DisableCompression: true,
	}
}
