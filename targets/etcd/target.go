// Package etcd is etcd in containers: an arm for the official image, through the official client library.
// Each node is a pod of package container; what separates clients from nodes is the userspace network of
// package links. See https://etcd.io/docs/v3.6/learning/api_guarantees/ for what etcd promises.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/targets/container"
	"github.com/rashomon-harness/rashomon/targets/links"
)

// Target is etcd, deployed in containers.
type Target struct {
	log *slog.Logger
	// local says that the default image is not to be had: not every deployment has to wait for that answer.
	local *atomic.Bool
}

// New returns the target. It tells log which image it takes; nil is the default log.
func New(log *slog.Logger) targets.Target {
	if log == nil {
		log = slog.Default()
	}
	return Target{log, new(atomic.Bool)}
}

// Name returns "etcd".
func (Target) Name() string { return "etcd" }

// Env returns "docker".
func (Target) Env() string { return "docker" }

// Validate checks the configuration. Nothing of it needs an engine.
func (Target) Validate(spec *targets.Spec) []targets.FieldError {
	_, errs := decodeSpec(spec)
	return errs
}

// readyLimit is how long a cluster may take from the start of its processes until each node has served a
// linearizable read.
const readyLimit = 60 * time.Second

// Deploy starts a pod for every node and returns when each has served a linearizable read. It is an error to
// deploy what Validate does not accept; the error of a missing image names what was looked for and how to get
// it.
func (t Target) Deploy(ctx context.Context, spec *targets.Spec) (_ targets.Cluster, err error) {
	cfg, wrong := decodeSpec(spec)
	if len(wrong) > 0 {
		return nil, fmt.Errorf("cannot deploy: %w", wrong[0])
	}
	engine, err := container.Connect(ctx)
	if err != nil {
		return nil, err
	}
	d, err := engine.Network(ctx, spec.Nodes, container.Options{Keepable: true, Log: t.log})
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	c := newCluster(spec.Nodes, cfg, deployment{d}, links.New(spec.Nodes))
	c.engine = engine
	start := func(image string) error { return launchPods(ctx, d, c, spec, image) }
	if err := t.launch(cfg.image, start); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// deployment is pods of containers.
type deployment struct{ *container.Deployment }

// Abilities returns by which means the agents in the pods break things.
func (d deployment) Abilities(ctx context.Context) ([]targets.Ability, error) {
	health, err := d.Health(ctx, d.Nodes()[0])
	if err != nil {
		return nil, err
	}
	var out []targets.Ability
	for _, a := range health.Abilities {
		out = append(out, targets.Ability{Name: "agent: " + a.Name, OK: a.OK, How: a.How, Reason: a.Reason})
	}
	return out, nil
}

// launch starts the pods from the image that is asked for. Where none is, and the default is not to be had,
// the local image takes its place.
func (t Target) launch(image string, start func(image string) error) error {
	if image != "" {
		return start(image)
	}
	if t.local.Load() {
		return start(LocalImage)
	}
	first := start(DefaultImage)
	if !isMissing(first) {
		return first
	}
	second := start(LocalImage)
	switch {
	case isMissing(second):
		return fmt.Errorf("there is no image of etcd. %w\nNor is there one that was made here: %w", first,
			second)
	case second == nil && !t.local.Swap(true):
		t.log.Info("etcd runs from the image that was made here", "image", LocalImage, "instead-of",
			DefaultImage, "reason", errors.Unwrap(first))
	}
	return second
}

// isMissing reports whether an image was neither there nor to be had.
func isMissing(err error) bool {
	_, missing := errors.AsType[*container.ImageError](err)
	return missing
}

// recipe says how to get an image of etcd without a registry.
const recipe = "Pull it where there is a network, or run ci/images/etcd/build.sh, which makes " + LocalImage

// launchPods starts the pods from an image. Nothing is left of a launch whose image is missing.
func launchPods(ctx context.Context, d *container.Deployment, c *cluster, spec *targets.Spec,
	image string) error {
	pods := make([]container.Pod, len(spec.Nodes))
	for i, node := range spec.Nodes {
		pods[i] = container.Pod{
			Name: node, Image: image, Recipe: recipe, Entrypoint: []string{"etcd"},
			Command: arguments(node, spec, c.cfg, func(n string) string { return d.IP(n).String() }),
			Ports:   []int{clientPort}, DataDir: dataDir, PowerLoss: c.cfg.powerLoss,
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var asked sync.Once // images may take their time to arrive, processes may not take it to start
	return d.Launch(ctx, pods, func(question context.Context, node string) error {
		asked.Do(func() {
			late := time.AfterFunc(readyLimit, func() {
				cancel(fmt.Errorf("not every node has served a read within %v", readyLimit))
			})
			context.AfterFunc(ctx, func() { late.Stop() })
		})
		return c.readThrough(question, node)
	})
}

// dataDir is where etcd keeps its data.
const dataDir = "/var/lib/etcd"

// arguments returns the command line of a node.
func arguments(node string, spec *targets.Spec, cfg *config, ip func(node string) string) []string {
	url := func(host string, port int) string {
		return "http://" + net.JoinHostPort(host, strconv.Itoa(port))
	}
	var members []string
	for _, n := range spec.Nodes {
		members = append(members, n+"="+url(ip(n), peerPort))
	}
	return []string{
		"--name=" + node,
		"--data-dir=" + dataDir,
		"--listen-client-urls=" + url("0.0.0.0", clientPort),
		"--advertise-client-urls=" + url(ip(node), clientPort),
		"--listen-peer-urls=" + url("0.0.0.0", peerPort),
		"--initial-advertise-peer-urls=" + url(ip(node), peerPort),
		"--initial-cluster=" + strings.Join(members, ","),
		"--initial-cluster-state=new",
		"--initial-cluster-token=rashomon-" + strconv.FormatUint(spec.Seed, 10),
		"--heartbeat-interval=" + strconv.FormatInt(cfg.heartbeat.Milliseconds(), 10),
		"--election-timeout=" + strconv.FormatInt(cfg.election.Milliseconds(), 10),
	}
}
