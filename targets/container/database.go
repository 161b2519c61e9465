package container

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
)

// makeDatabase makes the container of a node's database, which does not run yet. Its holder must be there.
func (d *Deployment) makeDatabase(ctx context.Context, n *node) error {
	err := d.create(ctx, &n.data, testcontainers.ContainerRequest{
		Image:      n.pod.Image,
		Name:       d.name(n.name),
		Entrypoint: n.pod.Entrypoint,
		Cmd:        n.pod.Command,
		Env:        n.pod.Env,
		ConfigModifier: func(c *container.Config) {
			c.Labels = d.labelsOf(roleDatabase, n.name)
		},
		HostConfigModifier: func(h *container.HostConfig) {
			h.NetworkMode = container.NetworkMode("container:" + n.holder)
			h.PidMode = container.PidMode("container:" + n.holder)
			h.LogConfig = logConfig
			h.CapDrop, h.CapAdd = []string{"ALL"}, databaseCaps
			h.SecurityOpt = []string{"no-new-privileges"}
			switch {
			case n.pod.PowerLoss:
				h.Mounts = append(h.Mounts, mount.Mount{
					Type: mount.TypeBind, Source: d.sharedDir(n) + "/" + mountName, Target: n.pod.DataDir,
					BindOptions: &mount.BindOptions{Propagation: mount.PropagationRSlave},
				})
			case n.pod.DataDir != "":
				h.Mounts = append(h.Mounts, d.volume(n, n.pod.DataDir))
			}
		},
	})
	if err != nil {
		return fmt.Errorf("node %s: making the container of %s: %w", n.name, n.pod.Image, err)
	}
	for _, path := range slices.Sorted(maps.Keys(n.pod.Files)) {
		if err := d.engine.copyTo(ctx, n.data, path, n.pod.Files[path]); err != nil {
			return fmt.Errorf("node %s: putting %s into its container: %w", n.name, path, err)
		}
	}
	return nil
}

// volume returns the mount of the node's volume, which comes into being with the container.
func (d *Deployment) volume(n *node, at string) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: d.volumeName(n), Target: at,
		VolumeOptions: &mount.VolumeOptions{Labels: d.labelsOf(roleVolume, n.name)},
	}
}

func (d *Deployment) volumeName(n *node) string { return d.name(n.name, "data") }

// create makes a container, which does not run yet, and notes its id as soon as there is one.
func (d *Deployment) create(ctx context.Context, id *string, r testcontainers.ContainerRequest) error {
	c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: r, Logger: tclog.Logger(quiet{}),
	})
	if made, ok := c.(*testcontainers.DockerContainer); ok && made != nil {
		*id = made.ID
	}
	return err
}

// start starts a container. One that runs already goes on.
func (e *Engine) start(ctx context.Context, id string) error {
	_, err := e.api.ContainerStart(ctx, id, client.ContainerStartOptions{})
	return plain(err)
}
