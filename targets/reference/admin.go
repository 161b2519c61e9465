package reference

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/refimpl/server"
)

// Admin is the operators' way to the nodes of a cluster, which no fault of the network is in.
type Admin struct {
	token string
	http  *http.Client
}

// adminLimit bounds every call. A node that is stopped does not answer.
const adminLimit = 2 * time.Second

// NewAdmin returns the way to nodes that dial connects to, by their names.
func NewAdmin(token string, dial func(ctx context.Context, node string) (net.Conn, error)) *Admin {
	transport := &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: 10 * time.Second,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			node, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return dial(ctx, node)
		}}
	return &Admin{token: token, http: &http.Client{Transport: transport, Timeout: adminLimit}}
}

// Close drops idle connections.
func (a *Admin) Close() { a.http.CloseIdleConnections() }

// Status returns what a node says about itself.
func (a *Admin) Status(ctx context.Context, node string) (server.Status, error) {
	var out server.Status
	err := a.call(ctx, http.MethodGet, node, "/v1/status", nil, &out)
	return out, err
}

// Promote orders a node to become leader of every shard.
func (a *Admin) Promote(ctx context.Context, node string) error {
	return a.call(ctx, http.MethodPost, node, "/v1/promote", struct{}{}, nil)
}

// Skew bends a node's clocks.
func (a *Admin) Skew(ctx context.Context, node, id string, s server.Skew) error {
	return a.call(ctx, http.MethodPut, node, "/v1/clock/"+id, s, nil)
}

// Unskew takes a skew away.
func (a *Admin) Unskew(ctx context.Context, node, id string) error {
	return a.call(ctx, http.MethodDelete, node, "/v1/clock/"+id, nil, nil)
}

// BreakDisk makes a node's disk misbehave.
func (a *Admin) BreakDisk(ctx context.Context, node, id string, f server.DiskFault) error {
	return a.call(ctx, http.MethodPut, node, "/v1/disk/"+id, f, nil)
}

// HealDisk ends that.
func (a *Admin) HealDisk(ctx context.Context, node, id string) error {
	return a.call(ctx, http.MethodDelete, node, "/v1/disk/"+id, nil, nil)
}

func (a *Admin) call(ctx context.Context, method, node, path string, body, into any) error {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+net.JoinHostPort(node, "80")+path, r)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := a.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", node, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", node, err)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s refuses %s %s: %s", node, method, path, strings.TrimSpace(string(answer)))
	case into != nil:
		return json.Unmarshal(answer, into)
	}
	return nil
}
