package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// Client asks one agent. It keeps its connection from request to request, and may be used from many
// goroutines.
//
// An error is a *packets.Unsupported (for errors.As) when the machine of the pod cannot do what was asked;
// nothing was done then. It is ErrNoLease (for errors.Is) when a fault was asked for without a live lease.
// Others quote the agent. After an error of the connection it is not known whether the request was carried
// out.
type Client struct {
	base, token string
	http        *http.Client
}

// Bounds of the client.
const (
	answerBytesMax = 1 << 20
	quoteBytesMax  = 1 << 10
	dialTimeout    = 5 * time.Second
	requestTimeout = patience + writeTimeout
)

// NewClient returns a client of the agent at baseURL, "http://10.1.2.3:7700". It connects at the first
// request, directly and never through a proxy.
func NewClient(baseURL, token string) *Client {
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        idleTimeout / 2, // the agent never ends one that we are about to use
		MaxResponseHeaderBytes: headerBytesMax,
		DisableCompression:     true,
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{base: strings.TrimRight(baseURL, "/"), token: token,
		http: &http.Client{Transport: transport, Timeout: requestTimeout, CheckRedirect: refuse}}
}

// Close ends the connections that wait for the next request.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Health returns what the agent says about itself.
func (c *Client) Health(ctx context.Context) (Health, error) {
	return ask[Health](ctx, c, "GET", "/v1/health", nil)
}

// Lease takes a lease, or renews it, for ttl from the time the agent is reached; 0 for the agent's default.
// Parts of a millisecond count as a whole one.
func (c *Client) Lease(ctx context.Context, ttl time.Duration) (Lease, error) {
	wish := leaseWish{TTLMillis: int64((ttl + time.Millisecond - 1) / time.Millisecond)}
	return ask[Lease](ctx, c, "PUT", "/v1/lease", wish)
}

// Network makes the pod's network do exactly what rules say. The zero Rules heal it, for which no lease is
// needed.
func (c *Client) Network(ctx context.Context, rules packets.Rules) error {
	_, err := ask[empty](ctx, c, "PUT", "/v1/network", rules)
	return err
}

// Clock makes the wall clocks of all processes in the pod, and of those that will be started, be off by
// offset from the true time, and returns the processes whose clocks were changed. 0 restores them, for which
// no lease is needed. When a process refuses, all clocks are restored.
func (c *Client) Clock(ctx context.Context, offset time.Duration) ([]int, error) {
	nanos := offset.Nanoseconds()
	p, err := ask[pids](ctx, c, "PUT", "/v1/clock", clockWish{OffsetNanos: &nanos})
	return p.PIDs, err
}

// PowerLoss makes the pod's data directory forget what was not synced, and returns how much that was. The
// database should be dead: one that lives on sees its own writes undone.
func (c *Client) PowerLoss(ctx context.Context) (Lost, error) {
	return ask[Lost](ctx, c, "POST", "/v1/power-loss", empty{})
}

// Stop stops all processes in the pod (SIGSTOP) and returns which. Those that are started later run.
func (c *Client) Stop(ctx context.Context) ([]int, error) {
	p, err := ask[pids](ctx, c, "POST", "/v1/stop", empty{})
	return p.PIDs, err
}

// Continue lets all processes in the pod go on (SIGCONT).
func (c *Client) Continue(ctx context.Context) error {
	_, err := ask[empty](ctx, c, "POST", "/v1/continue", empty{})
	return err
}

// Kill kills all processes in the pod (SIGKILL) and returns which.
func (c *Client) Kill(ctx context.Context) ([]int, error) {
	p, err := ask[pids](ctx, c, "POST", "/v1/kill", empty{})
	return p.PIDs, err
}

// Heal undoes all faults. After an error the agent goes on trying; State says how far it is.
func (c *Client) Heal(ctx context.Context) error {
	_, err := ask[empty](ctx, c, "POST", "/v1/heal", empty{})
	return err
}

// State returns what is done to the pod now.
func (c *Client) State(ctx context.Context) (State, error) {
	return ask[State](ctx, c, "GET", "/v1/state", nil)
}

// ask sends a request and returns the answer, which is zero after an error.
func ask[T any](ctx context.Context, c *Client, method, path string, body any) (T, error) {
	var into T
	text, err := c.do(ctx, method, path, body)
	if err == nil {
		if err = json.Unmarshal(text, &into); err == nil {
			return into, nil
		}
		err = fmt.Errorf("the answer is not understood: %w", err)
	}
	var none T
	return none, fmt.Errorf("agent %s: %s %s: %w", c.base, method, path, err)
}

// do sends a request and returns the body of the answer.
func (c *Client) do(ctx context.Context, method, path string, body any) ([]byte, error) {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, answerBytesMax+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, refused(resp.StatusCode, text)
	case len(text) > answerBytesMax:
		return nil, fmt.Errorf("the answer is larger than %d bytes", answerBytesMax)
	}
	return text, nil
}

// request makes a request with the token.
func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	if path != "/v1/power-loss" && path != "/v1/kill" {
		// Lets the transport try again on a fresh connection; the header is not sent.
		req.Header["Idempotency-Key"] = nil
	}
	return req, nil
}

// refused returns the error of an answer that is no success.
func refused(status int, text []byte) error {
	var f failure
	said := ""
	if json.Unmarshal(text, &f) == nil && f.Error != "" {
		said = f.Error
	} else {
		said = strings.TrimSpace(string(text[:min(len(text), quoteBytesMax)]))
	}
	switch {
	case status == http.StatusUnprocessableEntity && f.Unsupported:
		return &packets.Unsupported{Reason: said}
	case status == http.StatusConflict:
		return &quoted{said, ErrNoLease}
	}
	return fmt.Errorf("%d %s: %s", status, http.StatusText(status), said)
}

// quoted is an error of ours in the agent's words.
type quoted struct {
	said string
	err  error
}

// Error returns what the agent said.
func (q *quoted) Error() string { return q.said }

// Unwrap returns the error that is meant.
func (q *quoted) Unwrap() error { return q.err }

// cause takes the URL, which we say ourselves, out of an error of the HTTP client.
func cause(err error) error {
	if wrapped := new(url.Error); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
