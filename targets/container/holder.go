package container

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
)

// Paths in the holder of a pod with PowerLoss.
const (
	backingPath = "/pod/backing" // the volume: what was synced
	sharedPath  = "/pod/shared"  // a directory of the host; the file system is mounted in it
	mountName   = "data"
)

// Privileges. Those of the holder are for its rules of the network, other processes' clocks, the files of
// databases that are not root, and their end. Those of databases are what their start scripts use to
// hand their data directory to a user of their own.
var (
	holderCaps   = []string{"NET_ADMIN", "SYS_PTRACE", "DAC_OVERRIDE", "KILL"}
	databaseCaps = []string{"CHOWN", "SETUID", "SETGID", "DAC_OVERRIDE", "FOWNER"}
)

// tokenVar is where the agent finds its secret.
const tokenVar = "RASHOMON_TOKEN"

// logConfig bounds what containers may write, and makes it readable whatever the engine's default is.
var logConfig = container.LogConfig{
	Type: "json-file", Config: map[string]string{"max-size": "32m", "max-file": "2"},
}

// quickHealing are settings of TCP with which connections come back within a second after a cut, instead of
// as late again as the cut was long. Kernels have them from 6.15 on.
var quickHealing = map[string]string{
	"net.ipv4.tcp_rto_max_ms": "1000",
	"net.ipv4.tcp_retries2":   "100",
}

// healsQuickly reports whether a kernel has those settings.
func healsQuickly(release string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 6 || major == 6 && minor >= 15
}

// startHolder makes and starts the holder of a node. An engine that refuses the settings of TCP gets a
// holder without them.
func (d *Deployment) startHolder(ctx context.Context, n *node) error {
	sysctls := quickHealing
	if !healsQuickly(d.engine.kernel) {
		sysctls = nil
	}
	err := d.tryHolder(ctx, n, sysctls)
	if err != nil && sysctls != nil && strings.Contains(err.Error(), "sysctl") {
		d.opts.Log.Warn("connections will be slow to come back after cuts: "+
			"the engine refuses settings of TCP", "node", n.name, "reason", err)
		if err = d.engine.remove(ctx, n.holder); err == nil {
			err = d.tryHolder(ctx, n, nil)
		}
	}
	if err != nil {
		return fmt.Errorf("node %s: starting the holder of the pod: %w", n.name, err)
	}
	return nil
}

func (d *Deployment) tryHolder(ctx context.Context, n *node, sysctls map[string]string) error {
	if err := d.makeHolder(ctx, n, sysctls); err != nil {
		return err
	}
	if n.pod.PowerLoss { // the database may be of another user
		if err := d.engine.open(ctx, n.holder, backingPath); err != nil {
			return err
		}
	}
	return d.engine.start(ctx, n.holder)
}

func (d *Deployment) makeHolder(ctx context.Context, n *node, sysctls map[string]string) error {
	return d.create(ctx, &n.holder, testcontainers.ContainerRequest{
		Image:          d.opts.AgentImage,
		Name:           d.name(n.name, roleHolder),
		Cmd:            d.agentArgs(n),
		Env:            map[string]string{tokenVar: d.token}, // arguments are there for everybody to see
		Networks:       []string{d.name("network")},
		NetworkAliases: map[string][]string{d.name("network"): {n.name}},
		ExposedPorts:   d.publishedPorts(n),
		ConfigModifier: func(c *container.Config) {
			c.Hostname = n.name
			c.Labels = d.labelsOf(roleHolder, n.name)
		},
		HostConfigModifier: func(h *container.HostConfig) {
			h.NetworkMode = container.NetworkMode(d.name("network"))
			h.Sysctls = maps.Clone(sysctls)
			h.ExtraHosts = d.hosts()
			h.PortBindings = d.bindings(n)
			h.LogConfig = logConfig
			h.CapDrop, h.CapAdd = []string{"ALL"}, holderCaps
			h.SecurityOpt = []string{"no-new-privileges"}
			if n.pod.PowerLoss {
				d.addPowerLoss(h, n)
			}
		},
		EndpointSettingsModifier: func(of map[string]*network.EndpointSettings) {
			for _, s := range of {
				s.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: n.addr}
			}
		},
	})
}

// agentArgs returns the command line of a node's agent.
func (d *Deployment) agentArgs(n *node) []string {
	args := []string{"agent", "--listen", ":" + strconv.Itoa(agentPort), "--ttl", d.opts.TTL.String()}
	if n.pod.PowerLoss {
		args = append(args, "--backing", backingPath, "--data", sharedPath+"/"+mountName)
	}
	return args
}

// addPowerLoss gives a holder what it needs to mount a file system that others see.
func (d *Deployment) addPowerLoss(h *container.HostConfig, n *node) {
	h.CapAdd = append([]string{"SYS_ADMIN"}, h.CapAdd...)
	h.SecurityOpt = append(h.SecurityOpt, "apparmor=unconfined")
	h.Devices = append(h.Devices, container.DeviceMapping{
		PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm",
	})
	h.Mounts = append(h.Mounts, d.volume(n, backingPath), mount.Mount{
		Type: mount.TypeBind, Source: d.sharedDir(n), Target: sharedPath,
		BindOptions: &mount.BindOptions{Propagation: mount.PropagationRShared},
	})
}

// hosts returns the names of all nodes with their addresses, for /etc/hosts.
func (d *Deployment) hosts() []string {
	out := make([]string, len(d.order))
	for i, name := range d.order {
		out[i] = name + ":" + d.nodes[name].addr.String()
	}
	return out
}

// publishedPorts returns which ports of a pod must be reached through the engine's host: none where its
// address can be dialed.
func (d *Deployment) publishedPorts(n *node) []string {
	if d.direct {
		return nil
	}
	out := []string{strconv.Itoa(agentPort) + "/tcp"}
	for _, port := range n.pod.Ports {
		out = append(out, strconv.Itoa(port)+"/tcp")
	}
	return out
}

// bindings returns where those ports are published: for this machine alone if it is the engine's host.
func (d *Deployment) bindings(n *node) network.PortMap {
	if !isLoopback(d.engine.publishedHost()) {
		return nil
	}
	out := network.PortMap{}
	for _, spec := range d.publishedPorts(n) {
		if port, err := network.ParsePort(spec); err == nil {
			out[port] = []network.PortBinding{{HostIP: netip.MustParseAddr("127.0.0.1")}}
		}
	}
	return out
}
