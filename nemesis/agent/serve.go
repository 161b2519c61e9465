package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of the server. A harness needs two connections.
const (
	connectionsMax = 64
	headerBytesMax = 16 << 10
	readTimeout    = 10 * time.Second
	writeTimeout   = 60 * time.Second // from the end of the header: patience and the longest fault are in it
	idleTimeout    = 2 * time.Minute
	shutdownGrace  = 2 * time.Second
)

// serve answers requests until ctx ends or the listener fails, then heals, then closes everything. cfg is
// complete.
func serve(ctx context.Context, cfg Config, p parts, l net.Listener) error {
	k := newKeeper(cfg, p)
	_ = k.repair(ctx, k.heal) // what an agent before us may have left; a failure is logged, and tried again
	inner, stop := context.WithCancel(context.Background())
	var helpers sync.WaitGroup
	helpers.Go(func() { k.run(inner) })
	helpers.Go(func() { k.bury(inner) })
	srv := &http.Server{Handler: k.handler(cfg.Token), MaxHeaderBytes: headerBytesMax,
		ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn)}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(newLimited(l, connectionsMax)) }()
	cfg.Log.Info("the agent serves", "address", l.Addr().String(), "version", cfg.Version)
	var failed error
	select {
	case <-ctx.Done():
	case err := <-ended:
		failed = fmt.Errorf("the agent can serve no more: %w", err)
	}
	healed := k.close()
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		_ = srv.Close()
	}
	stop()
	helpers.Wait() // nobody may wait for children any more when parts are closed
	err := errors.Join(failed, healed, p.close())
	cfg.Log.Info("the agent has ended", "error", err)
	return err
}

// limited is a listener with a bounded number of open connections; those above wait to be accepted.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newLimited(l net.Listener, most int) *limited {
	return &limited{Listener: l, slots: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept returns the next connection, when there is room for it.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close ends the listener.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// limitedConn is a connection that makes room when it is closed.
type limitedConn struct {
	net.Conn
	leave func()
}

// Close ends the connection.
func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
