package container

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// logBytes bounds what is read of a log.
const logBytes = 16 << 20

// Logs returns what the database of a node has written to its standard output and standard error since it
// was launched, in the order in which the engine read it, which is not for certain the order of writing where
// both are used; of long logs the last 16 MiB.
func (d *Deployment) Logs(ctx context.Context, name string) ([]byte, error) {
	n, err := d.node(name)
	if err != nil {
		return nil, err
	}
	return d.engine.log(ctx, n.data, "all")
}

// AgentLogs returns the log of a node's agent, as Logs does.
func (d *Deployment) AgentLogs(ctx context.Context, name string) ([]byte, error) {
	n := d.nodes[name]
	if n == nil || n.holder == "" {
		return nil, fmt.Errorf("node %q was not launched", name)
	}
	return d.engine.log(ctx, n.holder, "all")
}

// log reads the last lines of a container's log, or all.
func (e *Engine) log(ctx context.Context, id, lines string) ([]byte, error) {
	found, err := e.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return nil, err
	}
	stream, err := e.api.ContainerLogs(ctx, id, client.ContainerLogsOptions{
		ShowStdout: true, ShowStderr: true, Tail: lines,
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }()
	out := &ending{limit: logBytes}
	if found.Container.Config != nil && found.Container.Config.Tty { // one stream, without headers
		_, err = io.Copy(out, stream)
	} else {
		_, err = stdcopy.StdCopy(out, out, stream)
	}
	return out.bytes(), err
}

// tail returns the end of a container's log as it stands in an error.
func (e *Engine) tail(id string) string {
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	text, err := e.log(ctx, id, strconv.Itoa(tailLines))
	switch {
	case err != nil:
		return fmt.Sprintf("; its log cannot be read: %v", err)
	case len(text) == 0:
		return "; it has logged nothing"
	}
	return "; the end of its log:" + indented(text)
}

// ending is a writer that keeps the last bytes.
type ending struct {
	limit int
	kept  []byte
}

// Write takes all of p.
func (e *ending) Write(p []byte) (int, error) {
	e.kept = append(e.kept, p...)
	if len(e.kept) > 2*e.limit {
		e.kept = append(e.kept[:0], e.kept[len(e.kept)-e.limit:]...)
	}
	return len(p), nil
}

// bytes returns the last bytes, at most limit.
func (e *ending) bytes() []byte { return e.kept[max(0, len(e.kept)-e.limit):] }
