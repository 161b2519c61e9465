package agent

import (
	"context"
	"net/http"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// Bounds of what a request may carry.
const (
	bodyBytesMax  = 64 << 10
	rulesBytesMax = 1 << 20
	offsetMax     = 50 * 365 * 24 * time.Hour // the times that a clock can show stay after 1970
)

// patience is how long a request waits for its turn.
const patience = 20 * time.Second

// route is one thing that can be asked of the agent. It returns what to answer.
type route struct {
	pattern string
	serve   func(k *keeper, w http.ResponseWriter, r *http.Request) (any, error)
}

// routes is the whole API; see the methods of Client.
var routes = [...]route{
	{"GET /v1/health", health},
	{"GET /v1/state", order((*keeper).state)},
	{"PUT /v1/lease", putLease},
	{"PUT /v1/network", putNetwork},
	{"PUT /v1/clock", putClock},
	{"POST /v1/power-loss", order((*keeper).losePower)},
	{"POST /v1/stop", order((*keeper).stop)},
	{"POST /v1/continue", order((*keeper).thaw)},
	{"POST /v1/kill", order((*keeper).kill)},
	{"POST /v1/heal", order((*keeper).healAll)},
}

// empty is the body of requests and answers that have nothing to say.
type empty struct{}

// handler returns the API of a keeper for those who know the token.
func (k *keeper) handler(token string) http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route.pattern, func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), patience)
			defer cancel()
			body, err := route.serve(k, w, r.WithContext(ctx))
			if err != nil {
				k.refuse(w, r, err)
				return
			}
			answer(w, http.StatusOK, body)
		})
	}
	return guard(token, mux)
}

// order makes a route of something that needs no more than being asked for.
func order[T any](do func(k *keeper, ctx context.Context) (T, error)) func(*keeper, http.ResponseWriter,
	*http.Request) (any, error) {
	return func(k *keeper, w http.ResponseWriter, r *http.Request) (any, error) {
		if err := decode(w, r, bodyBytesMax, &empty{}); err != nil {
			return nil, err
		}
		return do(k, r.Context())
	}
}

func health(k *keeper, _ http.ResponseWriter, r *http.Request) (any, error) {
	if r.Header.Get("Authorization") == "" { // see guard
		return empty{}, nil
	}
	return Health{Version: k.version, Abilities: k.parts.abilities}, nil
}

func putLease(k *keeper, w http.ResponseWriter, r *http.Request) (any, error) {
	var wish leaseWish
	if err := decode(w, r, bodyBytesMax, &wish); err != nil {
		return nil, err
	}
	ttl := k.ttl
	switch {
	case wish.TTLMillis < 0 || wish.TTLMillis > MaxTTL.Milliseconds():
		return nil, badRequest("ttl_ms: %d is not allowed; allowed: 1 to %d, 0 for %d", wish.TTLMillis,
			MaxTTL.Milliseconds(), k.ttl.Milliseconds())
	case wish.TTLMillis > 0:
		ttl = time.Duration(wish.TTLMillis) * time.Millisecond
	}
	lapses, ok := k.lease.renew(time.Now(), ttl)
	if !ok {
		return nil, errClosing
	}
	k.wake()
	return Lease{TTLMillis: ttl.Milliseconds(), Lapses: lapses}, nil
}

func putNetwork(k *keeper, w http.ResponseWriter, r *http.Request) (any, error) {
	var rules packets.Rules
	if err := decode(w, r, rulesBytesMax, &rules); err != nil {
		return nil, err
	}
	if err := rules.Validate(); err != nil {
		return nil, badRequest("%w", err)
	}
	return empty{}, k.setRules(r.Context(), rules)
}

func putClock(k *keeper, w http.ResponseWriter, r *http.Request) (any, error) {
	var wish clockWish
	if err := decode(w, r, bodyBytesMax, &wish); err != nil {
		return nil, err
	}
	if wish.OffsetNanos == nil {
		return nil, badRequest("offset_ns is missing; 0 restores the clocks")
	}
	offset := time.Duration(*wish.OffsetNanos)
	if offset < -offsetMax || offset > offsetMax {
		return nil, badRequest("offset_ns: %d is not allowed; allowed: -%d to %d", offset, offsetMax,
			offsetMax)
	}
	return k.setClocks(r.Context(), offset)
}
