package agent

import (
	"context"
	"os"
)

// orphans are the children that PID 1 inherits from processes that died before them. Someone has to wait for
// them once they are dead, or they stay in the table of processes for good.
type orphans struct {
	died <-chan os.Signal // some child has died; never when that is not our duty
	reap func()           // waits for all children that are dead
}

// bury reaps orphans until ctx ends. It holds the pod meanwhile: to set a clock means to trace the process,
// and the events of traced processes are waited for in the same way; who waits for any child steals them.
func (k *keeper) bury(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.parts.orphans.died:
		}
		if k.acquire(ctx) != nil {
			return
		}
		k.parts.orphans.reap()
		<-k.hold
	}
}
