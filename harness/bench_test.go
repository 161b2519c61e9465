package harness

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/plan"
	"github.com/rashomon-harness/rashomon/targets"
	"github.com/rashomon-harness/rashomon/workloads"
)

// quickCluster has clients that answer at once, from within Submit.
type quickCluster struct{ *memCluster }

func (quickCluster) Client(string, string) targets.Client { return quickClient{} }

type quickClient struct{}

func (quickClient) Submit(inv *history.Event, done func(targets.Completion)) {
	out := targets.Completion{Node: "n1"}
	if inv.F == history.FWrite {
		out.Value = inv.Value
	}
	done(out)
}

// hasty is a workload of no limited rate: in its time, a thousand times as fast as the run's, every arrival
// is over and due.
type hasty struct{ workloads.Workload }

const haste = 1000

func (h hasty) Next(ctx *plan.Context, step *plan.Step) {
	c := *ctx
	c.Now *= haste
	if h.Workload.Next(&c, step); step.Kind == plan.Wait {
		step.Until /= haste
	}
}

func (h hasty) Update(ctx *plan.Context, ev *history.Event) {
	c := *ctx
	c.Now *= haste
	h.Workload.Update(&c, ev)
}

// quickCatalogue is memCatalogue with clusters that answer at once, and a workload that is always due.
func quickCatalogue(m *memTarget) *Catalogue {
	cat := memCatalogue(m)
	cat.Targets = []targets.Target{badTarget{m, func(c targets.Cluster) targets.Cluster {
		return quickCluster{c.(*memCluster)}
	}}}
	register := workloads.RegisterInfo()
	build := register.New
	register.New = func(p *workloads.Params) (workloads.Workload, error) {
		w, err := build(p)
		return hasty{w}, err
	}
	cat.Workloads = []workloads.Info{register}
	return cat
}

const benchExperiment = `version: 1
name: quick
target: memory
nodes: 3
workload: {name: register, keys: 100, rate: 1000000, concurrency: 20}
time: 2s
quiesce: 100ms
seed: 1
`

// BenchmarkWallDriver records operations of 20 clients that are answered at once, in wall time, with the
// history on disk. It reports operations a second, and how long they seem to have taken: all of that is
// the harness's own.
func BenchmarkWallDriver(b *testing.B) {
	m := &memTarget{env: "wall"}
	exp, cat := loaded(b, m, benchExperiment, LoadOptions{})[0], quickCatalogue(m)
	ops, took, intervals := 0, int64(0), []int64(nil)
	b.ReportAllocs()
	for b.Loop() {
		file, err := os.Create(filepath.Join(b.TempDir(), "history.jsonl"))
		if err != nil {
			b.Fatal(err)
		}
		r, err := newRun(context.Background(), exp, 1, cat, file)
		if err != nil {
			b.Fatal(err)
		}
		r.execute()
		if err := file.Close(); err != nil || r.failure != "" {
			b.Fatal(err, r.failure)
		}
		took += exp.Time
		intervals = intervals[:0]
		h := r.rec.History()
		for i := range h.Len() {
			if h.Call(i) < r.begin+exp.Time {
				ops++
				intervals = append(intervals, h.Return(i)-h.Call(i))
			}
		}
	}
	slices.Sort(intervals)
	b.ReportMetric(float64(ops)/time.Duration(took).Seconds(), "ops/s")
	b.ReportMetric(float64(intervals[len(intervals)/2]), "p50-ns")
	b.ReportMetric(float64(intervals[len(intervals)*99/100]), "p99-ns")
	b.ReportMetric(0, "ns/op")
}
