//go:build linux

package packets

import (
	"os/exec"
	"sync"
	"testing"
	"time"
)

func TestTmp(t *testing.T) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for k := 0; k < 1; k++ {
		wg.Go(func() {
			for i := 0; i < 60; i++ {
				s := time.Now()
				f, _ := newField(t)
				took := time.Since(s)
				near, far := f.mail(f.near), f.mail(f.far)
				dump := func() {
					for _, e := range []end{f.near, f.far} {
						e.space.do(func() error {
							o, _ := exec.Command("sh", "-c", "ip -s -d link show lab0; ip neigh; tc -s qdisc; nstat -az | grep -v ' 0  '").CombinedOutput()
							t.Log(string(o))
							return nil
						})
					}
				}
				s = time.Now()
				near.send(far, 1)
				_, ok := far.within(100 * time.Millisecond)
				if !ok {
					mu.Lock()
					t.Log(i, "lab", took, "late")
					dump()
					far.receive()
					t.Log("arrived after", time.Since(s))
					dump()
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
}
