package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

// setRules makes the network do exactly what the rules say. No rules are a healing.
func (k *keeper) setRules(ctx context.Context, rules packets.Rules) error {
	if len(rules.Cuts)+len(rules.Shapes) == 0 {
		return k.repair(ctx, func() error { return k.mendOnly(packetRules) })
	}
	return k.fault(ctx, "", func() error {
		if err := k.parts.network.Apply(rules); err != nil {
			return err // the rules from before are in force
		}
		k.rules = rules
		k.log.Info("rules of the network", "rules", rules)
		return nil
	})
}

// setClocks makes all wall clocks be off by offset, and returns the processes whose clocks it changed.
func (k *keeper) setClocks(ctx context.Context, offset time.Duration) (changed pids, err error) {
	if offset == 0 {
		err = k.repair(ctx, func() error {
			changed = listed(k.skew.patchedPIDs())
			return k.mendOnly(wallClocks)
		})
		return changed, err
	}
	err = k.fault(ctx, clockAbility, func() error {
		done, err := k.skewAll(offset)
		changed = listed(done)
		return err
	})
	return changed, err
}

// stop stops all processes. They are all thawed again when one refuses.
func (k *keeper) stop(ctx context.Context) (stopped pids, err error) {
	err = k.fault(ctx, stopAbility, func() error {
		k.stopped = true // some are, whatever happens from here on
		done, err := sweep(k.parts.clocks.Processes, k.parts.signals.Stop)
		if err != nil {
			return undone("not all processes could be stopped", err, k.mendOnly(thawing))
		}
		k.log.Info("stopped", "pids", done)
		stopped = listed(done)
		return nil
	})
	return stopped, err
}

// thaw lets all processes go on, whoever stopped them.
func (k *keeper) thaw(ctx context.Context) (empty, error) {
	return empty{}, k.repair(ctx, func() error { return k.mendOnly(thawing) })
}

// healAll undoes all faults.
func (k *keeper) healAll(ctx context.Context) (empty, error) { return empty{}, k.repair(ctx, k.heal) }

// kill kills all processes and returns which.
func (k *keeper) kill(ctx context.Context) (killed pids, err error) {
	err = k.fault(ctx, killAbility, func() error {
		dead := map[int]bool{} // also those that have left the list by their death
		_, err := sweep(k.parts.clocks.Processes, func(pid int) error {
			if err := k.parts.signals.Kill(pid); err != nil {
				return err
			}
			dead[pid] = true
			return nil
		})
		killed = listed(sortedKeys(dead))
		k.log.Info("killed", "pids", killed.PIDs, "error", err)
		k.stopped = k.stopped && err != nil
		return err
	})
	return killed, err
}

// listed makes an answer of processes.
func listed(list []int) pids {
	if list == nil {
		list = []int{} // [] in JSON, not null
	}
	return pids{PIDs: list}
}

// losePower makes the data directory forget what was not synced.
func (k *keeper) losePower(ctx context.Context) (lost Lost, err error) {
	err = k.fault(ctx, powerLossAbility, func() error {
		lost, err = k.parts.disk.PowerLoss()
		k.log.Info("power loss", "files", lost.Files, "bytes", lost.Bytes, "error", err)
		return err
	})
	return lost, err
}

// undone is the error of a fault that was taken back halfway. It is an Unsupported error only when nothing is
// left of the fault.
func undone(what string, err, healing error) error {
	if healing != nil {
		return fmt.Errorf("%s: %v; and they could not be set right again, which is tried on: %v", what, err,
			healing)
	}
	return fmt.Errorf("%s, so none is any more: %w", what, err)
}
