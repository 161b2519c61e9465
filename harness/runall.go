package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/rashomon-harness/rashomon/checkers"
)

// RunOptions are the choices for Run. The zero value is good.
type RunOptions struct {
	// Parallel is how many runs go on at the same time, 0 for GOMAXPROCS. A run in a real environment is
	// alone whatever it says: whoever shares the machine changes what is measured.
	Parallel int
	Progress func(Progress)  // is told of what goes on, one call at a time; nil for nobody
	Search   checkers.Runner // searches what the checkers have to search; nil for their own, in this process
	// Reproduce returns the command line that runs one seed of an experiment again; nil for none.
	Reproduce func(exp *Experiment, seed uint64) string
	// KeepOnFailure leaves the cluster as it is, for people to look at, when a run in a real environment had
	// a harness failure or violated a property that must hold: that of the first such run only, since the
	// clusters of all would fill the machine. SeedOutcome.Kept says how to get at it. The checks come
	// before the end of the cluster then.
	KeepOnFailure bool
}

// Progress is what goes on at the moment.
type Progress struct {
	Experiment *Experiment
	Seed       uint64
	Phase      string // history.PhaseWarmUp, .., or "deploy", "checks", "done"
	Now        int64  // the run's time, nanoseconds
	Ops        int    // operations of the run so far
	Faults     int    // active at the moment
	Done       int    // runs that are over, of all experiments
	Total      int    // runs there will be, of all experiments
	Anomalous  int    // runs that are over and showed an anomaly
}

// job is one seed of one experiment, and where its result comes.
type job struct {
	exp    *Experiment
	seed   uint64
	result chan finished // its one result, then closed; closed empty when the job is not run any more
}

// finished is a run that is over and whose history is still open.
type finished struct {
	out    SeedOutcome
	file   HistoryFile // nil for none
	logErr error       // why a node's log could not be saved
}

// session is one call of Run.
type session struct {
	ctx   context.Context
	cat   *Catalogue
	sink  Sink
	opts  RunOptions
	total int

	mu        sync.Mutex // guards Progress
	done      int
	anomalous int
	kept      bool // a cluster was left as it is
}

// Run runs all seeds of all experiments, several at the same time, judges them, and saves what comes of
// it in the sink (nil for nowhere). The outcome has rows and seeds in the order asked for, however long
// each took. When ctx ends, runs under way are cut short and no others begin: Outcome.Stopped.
//
// The error is that of saving; the outcome is there nevertheless.
func Run(ctx context.Context, exps []*Experiment, cat *Catalogue, sink Sink, opts RunOptions) (*Outcome,
	error) {
	began := time.Now()
	s := &session{ctx: ctx, cat: cat, sink: sink, opts: opts}
	if s.opts.Reproduce == nil {
		s.opts.Reproduce = func(*Experiment, uint64) string { return "" }
	}
	out := &Outcome{Schema: OutcomeSchema, Build: BuildName(), Began: began.UTC().Format(time.RFC3339)}
	jobs := make([][]*job, len(exps))
	for i, e := range exps {
		out.Name = cmp.Or(out.Name, e.Name)
		for _, seed := range e.Seeds {
			jobs[i] = append(jobs[i], &job{exp: e, seed: seed, result: make(chan finished, 1)})
		}
		s.total += len(e.Seeds)
	}
	collected := s.start(slices.Concat(jobs...))
	var errs []error
	for i, e := range exps {
		row, err := s.collect(e, jobs[i], collected)
		errs = append(errs, err)
		out.Stopped = out.Stopped || len(row.Seeds) < len(e.Seeds) ||
			slices.ContainsFunc(row.Seeds, func(o SeedOutcome) bool { return o.Stopped })
		if len(row.Seeds) > 0 {
			row.finish(e, cat, s.opts.Reproduce)
			out.Rows = append(out.Rows, row)
		}
		out.sum(time.Since(began))
		errs = append(errs, s.save(out))
	}
	out.sum(time.Since(began))
	return out, errors.Join(errs...)
}

// sum draws the conclusion from the rows.
func (out *Outcome) sum(took time.Duration) {
	out.Took = int64(took)
	var codes []int
	for i := range out.Rows {
		codes = append(codes, out.Rows[i].Exit)
	}
	out.Exit = Worst(codes...)
	if out.Stopped {
		out.Exit = ExitFailure // what was not run may have shown anything
	}
}

func (s *session) save(out *Outcome) error {
	if s.sink == nil {
		return nil
	}
	return s.sink.Save(out)
}

// start lets workers do the jobs in their order. It returns a channel that must be received from once
// for each job whose result was taken: nobody works far ahead of the job that is waited for, so that few
// histories are open at a time. A real run begins when all before it are over, and all after it begin when it
// is.
func (s *session) start(jobs []*job) (collected chan struct{}) {
	workers := s.opts.Parallel
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	collected = make(chan struct{}, 4*workers)
	queue := make(chan *job)
	var busy sync.WaitGroup
	for range workers {
		go func() {
			for j := range queue {
				if s.ctx.Err() == nil {
					j.result <- s.run(j)
				}
				close(j.result)
				busy.Done()
			}
		}()
	}
	go func() {
		defer close(queue)
		for _, j := range jobs {
			collected <- struct{}{}
			if j.exp.Real() {
				busy.Wait()
			}
			busy.Add(1)
			queue <- j
			if j.exp.Real() {
				busy.Wait()
			}
		}
	}()
	return collected
}

// run does one job.
func (s *session) run(j *job) finished {
	var f finished
	var w io.Writer
	if s.sink != nil {
		file, err := s.sink.History(j.exp, j.seed)
		if err != nil {
			f.out = failedSeed(j.exp, j.seed, s.cat, fmt.Sprintf("the history cannot be written: %v", err))
			s.tell(Progress{Experiment: j.exp, Seed: j.seed, Phase: "done"}, &f.out)
			return f
		}
		if file != nil {
			f.file, w = file, file
		}
	}
	r, err := newRun(s.ctx, j.exp, j.seed, s.cat, w)
	if err != nil {
		f.out = failedSeed(j.exp, j.seed, s.cat, err.Error())
	} else {
		s.equip(r)
		f.out = r.whole()
		f.logErr = r.logErr
		if r.kept {
			s.kept = true
		}
	}
	s.tell(Progress{Experiment: j.exp, Seed: j.seed, Phase: "done", Ops: f.out.Ops, Now: f.out.Took}, &f.out)
	return f
}

// equip tells a run whom to tell, what searches, where the logs of its nodes go, and whether to keep its
// cluster.
func (s *session) equip(r *run) {
	r.report, r.search = func(p Progress) { s.tell(p, nil) }, s.opts.Search
	if !r.exp.Real() {
		return
	}
	r.keep = s.opts.KeepOnFailure && !s.kept // a run that may change that is alone
	if sink, ok := s.sink.(LogSink); ok {
		r.saveLog = func(node string, data []byte) error { return sink.Log(r.exp, r.seed, node, data) }
	}
}

// tell passes progress on; over is the outcome of a run that is over.
func (s *session) tell(p Progress, over *SeedOutcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if over != nil {
		s.done++
		for i := range over.Verdicts {
			if over.Verdicts[i].Result == checkers.Invalid {
				s.anomalous++
				break
			}
		}
	}
	p.Done, p.Total, p.Anomalous = s.done, s.total, s.anomalous
	if s.opts.Progress != nil {
		s.opts.Progress(p)
	}
}

// collect takes the results of an experiment's jobs, in their order.
func (s *session) collect(e *Experiment, jobs []*job, collected <-chan struct{}) (Row, error) {
	row := newRow(e)
	best := make(map[string]*Witness)
	var errs []error
	for _, j := range jobs {
		f, ran := <-j.result
		if ran {
			errs = append(errs, f.logErr, f.close(row.worthKeeping(&f.out, best)))
			row.Seeds = append(row.Seeds, f.out)
		}
		<-collected
	}
	return row, errors.Join(errs...)
}

// worthKeeping reports whether a seed's history is worth keeping: it is the row's first, or the first with
// a harness failure, or it was interrupted, or it has the smallest witness so far against some property.
// best has these.
func (row *Row) worthKeeping(out *SeedOutcome, best map[string]*Witness) bool {
	keep := len(row.Seeds) == 0 || out.Stopped || out.Failure != "" && row.failed() == nil
	for i := range out.Verdicts {
		v := &out.Verdicts[i]
		if w := smaller(best[v.Property], out.Seed, v); w != best[v.Property] {
			best[v.Property], keep = w, true
		}
	}
	return keep
}

// close ends the history's file.
func (f *finished) close(keep bool) error {
	if f.file == nil {
		return nil
	}
	path, err := f.file.Close(keep)
	f.out.History = path
	if err != nil {
		return fmt.Errorf("the history of seed %d: %w", f.out.Seed, err)
	}
	return nil
}
