// Package server drives a node of the reference store for real: sockets for its messages, a disk for its log,
// the machine's clocks for its time. The node is the same state machine that the simulator drives.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"time"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/modes"
)

// Config is what a node is run from.
type Config struct {
	ID          int             // from 0
	Store       *refimpl.Config // of the cluster, the same at every node
	Listen      string          // address for clients and operators
	ListenPeers string          // address for other nodes
	Peers       []string        // where this node reaches the others, by id; its own is not used
	Data        string          // directory of the log
	Bootstrap   bool            // the cluster is being set up: an empty disk is normal
	Token       string          // of operators; "" refuses them all
	Seed        uint64          // of the node's luck: the jitter of its timeouts
	LogLimit    int64           // bytes of a log before a snapshot is made; 0 for 64 MiB
	// Ready is told the address that clients reach once the node serves; nil for nobody.
	Ready func(client, peers net.Addr)
	Log   *slog.Logger
}

// Check returns what is wrong with the configuration, nil for nothing.
func (c *Config) Check() error {
	switch {
	case c.ID < 0 || c.ID >= c.Store.Nodes:
		return fmt.Errorf("node %d is none of the %d nodes", c.ID+1, c.Store.Nodes)
	case len(c.Peers) != c.Store.Nodes:
		return fmt.Errorf("%d addresses of peers for %d nodes", len(c.Peers), c.Store.Nodes)
	case c.Data == "":
		return errors.New("a node needs a data directory")
	}
	return nil
}

// Bounds of a node.
const (
	inputsMax  = 8192 // inputs that wait for the node; clients beyond are refused
	logLimit   = 64 << 20
	drainLimit = time.Second // for answers under way when the node stops
)

// Server is a node that runs.
type Server struct {
	cfg     *Config
	node    refimpl.Node
	clock   *clock
	disk    *disk
	network *network
	in      chan input
	stopped chan struct{} // closed when the loop has ended
	log     *slog.Logger
	began   uint32 // the incarnation

	// what follows belongs to the loop
	now     refimpl.Input
	fx      refimpl.Effects
	timer   *time.Timer
	next    refimpl.Addr                          // of the next client
	clients map[refimpl.Addr]chan refimpl.Message // that wait for an answer
	marks   [refimpl.NumMarks]int64
	halted  string
}

// input is one thing that happens to a node, or a question to its loop.
type input struct {
	refimpl.Input
	msg    refimpl.Message
	answer chan refimpl.Message // of a client, takes one message
	ask    func()               // runs in the loop, and the node is not stepped
}

// Run runs a node until ctx ends, or the node stops itself because its disk failed, which is an error.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.Check(); err != nil {
		return err
	}
	found, err := recoverDir(cfg.Data)
	if err != nil {
		return err
	}
	if err := checkRecords(found.records, cfg.Store); err != nil {
		return fmt.Errorf("data directory %s: %w", cfg.Data, err)
	}
	s := &Server{cfg: &cfg, log: cfg.Log, clock: newClock(time.Now), in: make(chan input, inputsMax),
		stopped: make(chan struct{}), next: refimpl.Addr(cfg.Store.Nodes),
		clients: map[refimpl.Addr]chan refimpl.Message{},
		began:   found.incarnation, timer: time.NewTimer(0)}
	s.disk, err = openDisk(cfg.Data, found, cmp.Or(cfg.LogLimit, logLimit), cfg.Log, s.input)
	if err != nil {
		return err
	}
	mono, wall := s.clock.now()
	s.log.Info("node starts", "node", cfg.ID+1, "records", len(found.records), "incarnation",
		found.incarnation,
		"bootstrap", cfg.Bootstrap && found.fresh)
	s.node = modes.NewNode(cfg.Store, refimpl.Addr(cfg.ID), &refimpl.Boot{Records: found.records,
		Fresh: cfg.Bootstrap && found.fresh, Incarnation: found.incarnation, Mono: mono, Wall: wall,
		Key: keyed.New(cfg.Seed).Named("node").With2(uint64(cfg.ID), uint64(found.incarnation))})
	return errors.Join(s.serve(ctx), s.disk.close())
}

// serve opens the sockets and runs the loop.
func (s *Server) serve(ctx context.Context) error {
	clients, err := listen(s.cfg.Listen)
	if err != nil {
		return err
	}
	defer clients.Close()
	peers, err := listen(s.cfg.ListenPeers)
	if err != nil {
		return err
	}
	s.network = newNetwork(s.cfg, clusterName(s.cfg.Store), s.message)
	s.network.start(peers)
	defer s.network.close()
	web := s.web()
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(clients) }()
	if s.cfg.Ready != nil {
		s.cfg.Ready(clients.Addr(), peers.Addr())
	}
	err = s.loop(ctx, failed)
	close(s.stopped)
	ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if web.Shutdown(ended) != nil {
		_ = web.Close()
	}
	s.log.Info("node stops", "node", s.cfg.ID+1, "error", err)
	return err
}

// listen opens a socket; a port that is taken is named.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %s: %w; choose another address, or end what uses it",
			address, err)
	}
	return l, nil
}

// clusterName is a number that nodes of one cluster have in common: that of its configuration.
func clusterName(c *refimpl.Config) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v", *c)
	return h.Sum64()
}

// loop is the one place where the node is stepped.
func (s *Server) loop(ctx context.Context, failed <-chan error) error {
	for s.halted == "" {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return fmt.Errorf("clients are not served any more: %w", err)
		case in := <-s.in:
			s.take(&in)
		case <-s.timer.C:
			s.step(refimpl.Input{Kind: refimpl.InTimer})
		}
	}
	return fmt.Errorf("the node stopped itself: %s", s.halted)
}

// take handles an input.
func (s *Server) take(in *input) {
	switch {
	case in.ask != nil:
		in.ask()
		return
	case in.answer != nil:
		in.From = s.next
		s.clients[s.next] = in.answer
		if s.next++; s.next < 0 {
			s.next = refimpl.Addr(s.cfg.Store.Nodes)
		}
	}
	if in.Kind == refimpl.InMessage {
		in.Msg = &in.msg
	}
	s.step(in.Input)
}

// step steps the node and performs what follows: first writes, then messages.
func (s *Server) step(in refimpl.Input) {
	s.now = in
	s.now.Mono, s.now.Wall = s.clock.now()
	s.fx.Reset()
	s.node.Step(&s.now, &s.fx)
	for i := range s.fx.Writes {
		s.disk.write(&s.fx.Writes[i])
	}
	for i := range s.fx.Sends {
		s.send(&s.fx.Sends[i])
	}
	for _, m := range s.fx.Marks {
		s.marks[m]++
		s.log.Debug("mark", "mark", m.String())
	}
	s.halted = s.fx.Halt
	if s.fx.Wake != 0 {
		s.timer.Reset(s.clock.until(s.fx.Wake))
	} else {
		s.timer.Stop()
	}
}

// send puts a message on its way. Answers to clients that do not wait any more are dropped.
func (s *Server) send(send *refimpl.Send) {
	if int(send.To) < s.cfg.Store.Nodes {
		s.network.send(int(send.To), &send.Msg)
		return
	}
	if answer := s.clients[send.To]; answer != nil {
		delete(s.clients, send.To)
		answer <- send.Msg // it has room for one
	}
}

// input gives the node an input of the disk.
func (s *Server) input(in refimpl.Input) {
	select {
	case s.in <- input{Input: in}:
	case <-s.stopped:
	}
}

// message gives the node a message of another node.
func (s *Server) message(from int, m refimpl.Message) {
	select {
	case s.in <- input{Input: refimpl.Input{Kind: refimpl.InMessage, From: refimpl.Addr(from)}, msg: m}:
	case <-s.stopped:
	}
}

// inLoop runs do in the loop and waits for it.
func (s *Server) inLoop(ctx context.Context, do func()) error {
	done := make(chan struct{})
	select {
	case s.in <- input{ask: func() { do(); close(done) }}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopped:
		return errStopped
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stopped:
		return errStopped
	}
}

var errStopped = errors.New("the node stops")
