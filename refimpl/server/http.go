package server

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/refimpl"
	"github.com/rashomon-harness/rashomon/refimpl/wire"
)

// Bounds of requests.
const (
	bodyMax      = 4 << 20
	answerLimit  = 30 * time.Second // after which a request without an answer is given up
	headersLimit = 5 * time.Second
	idleLimit    = 2 * time.Minute
)

// Status is what a node says about itself: the answer to GET /v1/status.
type Status struct {
	Node        int              `json:"node"` // from 1
	Role        string           `json:"role"` // of the first shard: leader, follower, candidate, replica
	Epoch       uint64           `json:"epoch"`
	Position    int64            `json:"position"`
	Commit      int64            `json:"commit"`
	Leader      int32            `json:"leader"` // from 1, 0 for none
	Incarnation uint32           `json:"incarnation"`
	Wall        int64            `json:"wall_ns"` // what its clocks show
	Mono        int64            `json:"mono_ns"`
	Marks       map[string]int64 `json:"marks,omitempty"`
	Peers       []PeerStatus     `json:"peers,omitempty"`
}

// PeerStatus is what a node knows of its stream to another.
type PeerStatus struct {
	Node      int   `json:"node"` // from 1
	Connected bool  `json:"connected"`
	Heard     int64 `json:"heard_ms"`   // how long ago it was heard, -1 for never
	Reached   int64 `json:"reached_ms"` // how long ago it heard this node, -1 for never
	Dropped   int64 `json:"dropped"`    // messages to it that were lost here
}

// web returns the server of clients and operators.
func (s *Server) web() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/request", s.onRequest)
	mux.HandleFunc("GET /v1/leader", s.onLeader)
	mux.HandleFunc("GET /v1/status", s.onStatus)
	mux.HandleFunc("POST /v1/promote", s.admin(s.onPromote))
	mux.HandleFunc("PUT /v1/clock/{id}", s.admin(s.onSkew))
	mux.HandleFunc("DELETE /v1/clock/{id}", s.admin(s.onUnskew))
	mux.HandleFunc("PUT /v1/disk/{id}", s.admin(s.onDiskFault))
	mux.HandleFunc("DELETE /v1/disk/{id}", s.admin(s.onDiskHealed))
	return &http.Server{Handler: mux, ReadHeaderTimeout: headersLimit, IdleTimeout: idleLimit,
		ReadTimeout: answerLimit, WriteTimeout: 2 * answerLimit, MaxHeaderBytes: 16 << 10}
}

// onRequest carries out a client's request.
func (s *Server) onRequest(w http.ResponseWriter, r *http.Request) {
	var req wire.Request
	if err := readJSON(w, r, &req); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if req.Client == 0 && req.Seq == 0 { // a request that will not be repeated needs no name
		req.Client, req.Seq = rand.Uint64()|1<<63, 1
	}
	m, err := req.Message()
	if err == nil {
		err = s.checkHint(m.Req)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	answer, err := s.exchange(r.Context(), m)
	if errors.Is(err, errOverloaded) {
		answer, err = refimpl.Message{Seq: m.Seq, Shard: m.Shard, Reply: &refimpl.Reply{Seq: m.Req.Seq,
			Err: refimpl.ErrOverloaded, Leader: refimpl.Nobody, By: refimpl.Addr(s.cfg.ID)}}, nil
	}
	if err != nil {
		refuse(w, http.StatusGatewayTimeout, err)
		return
	}
	if answer.Reply == nil {
		s.log.Error("the node answers a request with no answer", "kind", answer.Kind, "request", m.Req)
		refuse(w, http.StatusInternalServerError,
			errors.New("the node sent something else than an answer; the request may have taken effect"))
		return
	}
	writeJSON(w, statusOf(answer.Reply.Err), wire.ToReply(&answer))
}

// checkHint returns an error when a request is meant for a replica that is no node.
func (s *Server) checkHint(r *refimpl.Request) error {
	if r.Hint < 0 || int(r.Hint) > s.cfg.Store.Nodes {
		return fmt.Errorf("hint %d names no node; allowed: 1 to %d, or 0 for none", r.Hint, s.cfg.Store.Nodes)
	}
	return nil
}

// statusOf returns the HTTP status that goes with an error. Clients of the store read the body.
func statusOf(e refimpl.ErrCode) int {
	switch e {
	case refimpl.ErrNone:
		return http.StatusOK
	case refimpl.ErrBadRequest, refimpl.ErrCrossShard:
		return http.StatusBadRequest
	case refimpl.ErrNotLeader:
		return http.StatusMisdirectedRequest
	case refimpl.ErrOverloaded:
		return http.StatusTooManyRequests
	}
	return http.StatusServiceUnavailable
}

var (
	errOverloaded = errors.New(refimpl.ErrOverloaded.String())
	errNoAnswer   = errors.New("no answer in time; the request may still take effect")
)

// exchange gives the node a client's message and waits for the answer.
func (s *Server) exchange(ctx context.Context, m refimpl.Message) (refimpl.Message, error) {
	answer := make(chan refimpl.Message, 1)
	select {
	case s.in <- input{Input: refimpl.Input{Kind: refimpl.InMessage}, msg: m, answer: answer}:
	default:
		return refimpl.Message{}, errOverloaded
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	select {
	case out := <-answer:
		return out, nil
	case <-ctx.Done():
		s.forget(answer)
	case <-s.stopped:
	}
	return refimpl.Message{}, errNoAnswer
}

// forget drops a client that does not wait any more.
func (s *Server) forget(answer chan refimpl.Message) {
	select {
	case s.in <- input{ask: func() {
		for a, c := range s.clients {
			if c == answer {
				delete(s.clients, a)
				return
			}
		}
	}}:
	case <-s.stopped:
	}
}

func (s *Server) onLeader(w http.ResponseWriter, r *http.Request) {
	shard, err := strconv.ParseInt(r.URL.Query().Get("shard"), 10, 32)
	if err != nil || shard < 0 || int(shard) >= s.cfg.Store.Shards {
		refuse(w, http.StatusBadRequest, fmt.Errorf("shard %q is not allowed; allowed: 0 to %d",
			r.URL.Query().Get("shard"), s.cfg.Store.Shards-1))
		return
	}
	answer, err := s.exchange(r.Context(), refimpl.Message{Kind: refimpl.MsgAsk, Shard: int32(shard)})
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	writeJSON(w, http.StatusOK, wire.ToLeader(&answer))
}

func (s *Server) onStatus(w http.ResponseWriter, r *http.Request) {
	out := Status{Node: s.cfg.ID + 1, Incarnation: s.began, Marks: map[string]int64{}}
	err := s.inLoop(r.Context(), func() {
		st := s.node.Status()
		out.Role, out.Epoch, out.Position, out.Commit = st.Role.String(), st.Epoch, st.Position, st.Commit
		out.Leader = int32(st.Leader) + 1
		for m, n := range s.marks {
			if n > 0 {
				out.Marks[refimpl.Mark(m).String()] = n
			}
		}
	})
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	out.Mono, out.Wall = s.clock.now()
	out.Peers = s.network.status()
	writeJSON(w, http.StatusOK, out)
}

// status returns what is known of the streams.
func (n *network) status() []PeerStatus {
	var out []PeerStatus
	ago := func(at int64) int64 {
		if at == 0 {
			return -1
		}
		return (n.up() - at) / 1e6
	}
	for _, p := range n.peers {
		if p != nil {
			out = append(out, PeerStatus{Node: p.id + 1, Connected: p.connected(), Heard: ago(p.heard.Load()),
				Reached: ago(p.reached.Load()), Dropped: p.dropped.Load()})
		}
	}
	return out
}

// admin lets operators pass, who know the cluster's token.
func (s *Server) admin(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if s.cfg.Token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(s.cfg.Token)) != 1 {
			refuse(w, http.StatusForbidden,
				errors.New("operators show the cluster's token, as in Authorization: Bearer <token>"))
			return
		}
		do(w, r)
	}
}

func (s *Server) onPromote(w http.ResponseWriter, r *http.Request) {
	s.operate(w, r, refimpl.InPromote)
}

// operate steps the node for an operator, and says whether it could.
func (s *Server) operate(w http.ResponseWriter, r *http.Request, kind refimpl.InputKind) {
	if err := s.inLoop(r.Context(), func() { s.step(refimpl.Input{Kind: kind}) }); err != nil {
		refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) onSkew(w http.ResponseWriter, r *http.Request) {
	var skew Skew
	err := readJSON(w, r, &skew)
	if err == nil {
		err = skew.check()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	s.clock.skew(r.PathValue("id"), skew)
	s.log.Info("clock bent", "id", r.PathValue("id"), "skew", skew)
	s.operate(w, r, refimpl.InTimer) // a timer may be due earlier or later than it was
}

func (s *Server) onUnskew(w http.ResponseWriter, r *http.Request) {
	s.clock.unskew(r.PathValue("id"))
	s.log.Info("clock set right", "id", r.PathValue("id"))
	s.operate(w, r, refimpl.InTimer) // a timer may be due earlier or later than it was
}

func (s *Server) onDiskFault(w http.ResponseWriter, r *http.Request) {
	var f DiskFault
	err := readJSON(w, r, &f)
	if err == nil {
		err = f.check()
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	s.disk.setFault(r.PathValue("id"), f)
	s.log.Info("disk misbehaves", "id", r.PathValue("id"), "fault", f)
	writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) onDiskHealed(w http.ResponseWriter, r *http.Request) {
	s.disk.clearFault(r.PathValue("id"))
	s.log.Info("disk behaves", "id", r.PathValue("id"))
	writeJSON(w, http.StatusOK, struct{}{})
}

// readJSON reads the one JSON value of a bounded body.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the body cannot be read: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body has more than one JSON value")
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

// refuse answers with an error: a reply whose error is a sentence or a code.
func refuse(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
}
