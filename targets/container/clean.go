package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/rashomon-harness/rashomon/nemesis/agent"
)

// CleanOptions say which runs Clean removes. The zero value is for those whose harness has ended for certain:
// it ran on this machine and does not any more.
type CleanOptions struct {
	Run       string        // only this one; "" for every one
	OlderThan time.Duration // only runs that began longer ago than this
	All       bool          // those too whose harness lives, or ran on another machine
	// Images removes the images of this command as well that no container uses. They come back when they are
	// needed.
	Images bool
}

// Cleaned is what Clean has removed.
type Cleaned struct {
	Runs       []string `json:"runs"` // in alphabetical order
	Containers int      `json:"containers"`
	Networks   int      `json:"networks"`
	Volumes    int      `json:"volumes"`
	Mounts     int      `json:"mounts"` // directories for lost writes
	Images     int      `json:"images"`
	// Spared has the runs that were asked for but may still be used, with their owner for people.
	Spared map[string]string `json:"spared,omitempty"`
}

// healLimit bounds how long an agent of a run that is removed may take to heal.
const healLimit = time.Second

// Clean removes what runs have left behind: it thaws what is paused, lets the agents heal that answer, and
// removes containers, networks, volumes and mounts, which it knows by their labels. Errors are joined, and
// do not keep it from going on.
func (e *Engine) Clean(ctx context.Context, o CleanOptions) (Cleaned, error) {
	left, err := e.leftovers(ctx, o.Run)
	if err != nil {
		return Cleaned{}, fmt.Errorf("looking for what runs have left: %w", err)
	}
	gone, done := o.choose(left)
	err = each(gone, func(l *leftover) error {
		e.heal(ctx, l)
		if err := e.removeRun(ctx, l.run); err != nil {
			return fmt.Errorf("run %s: %w", l.run, err)
		}
		return nil
	})
	for _, l := range gone {
		done.Containers += len(l.containers)
		done.Networks += len(l.networks)
		done.Volumes += len(l.volumes)
		done.Mounts += len(l.dirs)
	}
	if o.Images {
		var failed error
		done.Images, failed = e.removeImages(ctx)
		err = errors.Join(err, failed)
	}
	return done, err
}

// choose returns which leftovers are to be removed, and the report with these and those that are spared.
func (o CleanOptions) choose(left map[string]*leftover) (gone []*leftover, done Cleaned) {
	done.Spared = map[string]string{}
	for _, run := range slices.Sorted(maps.Keys(left)) {
		l := left[run]
		switch {
		case o.OlderThan > 0 && time.Since(l.made) < o.OlderThan:
		case !o.All && !l.owner.gone():
			done.Spared[run] = l.owner.String()
		default:
			gone = append(gone, l)
			done.Runs = append(done.Runs, run)
		}
	}
	return gone, done
}

// removeImages removes the images of this command that no container uses.
func (e *Engine) removeImages(ctx context.Context) (removed int, err error) {
	images, err := e.api.ImageList(ctx, client.ImageListOptions{
		Filters: make(client.Filters).Add("label", labelPrefix+"image="+selfName),
	})
	if err != nil {
		return 0, err
	}
	for _, image := range images.Items {
		_, failed := e.api.ImageRemove(ctx, image.ID, client.ImageRemoveOptions{})
		switch {
		case failed == nil:
			removed++
		case !inUse(failed):
			err = errors.Join(err, ignoreMissing(failed))
		}
	}
	return removed, err
}

// leftover is everything that there is of one run.
type leftover struct {
	run        string
	owner      owner
	made       time.Time
	containers []container.Summary
	networks   []string // ids
	volumes    []string // names
	dirs       []string // for lost writes
}

// leftovers finds everything of all runs, or of one.
func (e *Engine) leftovers(ctx context.Context, run string) (map[string]*leftover, error) {
	found := map[string]*leftover{}
	ours := make(client.Filters).Add("label", labelRun)
	if run != "" {
		ours = make(client.Filters).Add("label", labelRun+"="+run)
	}
	of := func(labels map[string]string) *leftover {
		run := labels[labelRun]
		if found[run] == nil {
			seconds, _ := strconv.ParseInt(labels[labelMade], 10, 64)
			found[run] = &leftover{run: run, owner: ownerOf(labels), made: time.Unix(seconds, 0)}
		}
		return found[run]
	}
	containers, err := e.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	if err != nil {
		return nil, err
	}
	for _, c := range containers.Items {
		l := of(c.Labels)
		l.containers = append(l.containers, c)
	}
	networks, err := e.api.NetworkList(ctx, client.NetworkListOptions{Filters: ours})
	if err != nil {
		return nil, err
	}
	for _, n := range networks.Items {
		l := of(n.Labels)
		l.networks = append(l.networks, n.ID)
	}
	volumes, err := e.api.VolumeList(ctx, client.VolumeListOptions{Filters: ours})
	if err != nil {
		return nil, err
	}
	for _, v := range volumes.Items {
		l := of(v.Labels)
		l.volumes = append(l.volumes, v.Name)
	}
	for dir, labels := range sharedDirs() {
		if run == "" || labels[labelRun] == run {
			l := of(labels)
			l.dirs = append(l.dirs, dir)
		}
	}
	return found, nil
}

// pod is what there is of one node.
type pod struct {
	name         string
	data, holder container.Summary
}

// pods pairs the containers of a run.
func (l *leftover) pods() []pod {
	byName := map[string]pod{}
	for _, c := range l.containers {
		p := byName[c.Labels[labelNode]]
		p.name = c.Labels[labelNode]
		if c.Labels[labelRole] == roleHolder {
			p.holder = c
		} else {
			p.data = c
		}
		byName[p.name] = p
	}
	return slices.Collect(maps.Values(byName))
}

// heal thaws what is paused and lets the agents undo what outlives their pods. What cannot be healed is
// removed as it is.
func (e *Engine) heal(ctx context.Context, l *leftover) {
	_ = each(l.pods(), func(p pod) error {
		if p.data.State == container.StatePaused {
			_ = e.thaw(ctx, p.data.ID)
		}
		if p.holder.State == container.StateRunning {
			e.healPod(ctx, p.holder.ID)
		}
		return nil
	})
}

// healPod asks the agent in a holder to heal, if it answers soon.
func (e *Engine) healPod(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, healLimit)
	defer cancel()
	found, err := e.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil || found.Container.Config == nil || found.Container.NetworkSettings == nil {
		return
	}
	var token string
	for _, env := range found.Container.Config.Env {
		if value, is := strings.CutPrefix(env, tokenVar+"="); is {
			token = value
		}
	}
	where, err := e.published(ctx, id, agentPort)
	for _, network := range found.Container.NetworkSettings.Networks {
		if err != nil { // it is published only where it cannot be dialed
			where = netip.AddrPortFrom(network.IPAddress, agentPort).String()
		}
	}
	client := agent.NewClient("http://"+where, token)
	defer client.Close()
	_ = client.Heal(ctx)
}
