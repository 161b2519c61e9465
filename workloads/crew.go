package workloads

import (
	"slices"
	"strconv"

	"github.com/rashomon-harness/rashomon/checkers"
	"github.com/rashomon-harness/rashomon/history"
	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

// player decides what the operations of a workload are. It has something to do for every free thread at
// every time, so that no workload can come to a stop.
type player interface {
	// play fills in what the operation of a turn is: its function, key or keys, and value.
	play(t turn, op *plan.Op)
	// ended is told how the operation ended that the thread played last.
	ended(t turn, ev *history.Event)
	// keys returns every key used so far, in the order of their first use.
	keys() []string
}

// turn is one thread's turn to play.
type turn struct {
	now    int64     // nanoseconds since the start of the run
	thread int       // counted from 0 inside the workload
	seat   *seat     // the thread's
	draw   keyed.Key // of this turn: a pure function of the thread and its count of operations
}

// seat is where a thread's user sits. A player may move the user.
type seat struct {
	session string
	name    string // the session's name without its number
	logins  int    // how many sessions the user has had after the first
	device  string // "" when the user has only one
	node    string // the node the user is near to, "" for no matter
	planned int32  // the number of operations planned so far; the N of the last one
	playing int32  // the N of the operation under way, 0 for none
}

// crew gives the turns of a player to the workload's threads: it is the workload without its timing.
type crew struct {
	player player
	seed   keyed.Key
	first  int // the number of the first thread in the run
	seats  []seat
	turns  uint64 // how many were given so far
}

func newCrew(p *Params, who player) *crew {
	c := &crew{player: who, seed: p.Seed, first: p.FirstThread, seats: make([]seat, p.Concurrency)}
	for i := range c.seats {
		c.seats[i].name = p.Prefix + "s" + strconv.Itoa(i+1)
		c.seats[i].session = c.seats[i].name
	}
	return c
}

// Next gives a free thread its turn; which one is drawn.
func (c *crew) Next(ctx *plan.Context, step *plan.Step) {
	thread := c.free(ctx, c.seed.Named("thread").With(c.turns).N(len(c.seats)))
	if thread < 0 {
		step.Kind = plan.Pending
		return
	}
	c.turns++
	op := c.begin(thread, step)
	s := &c.seats[thread]
	s.playing = s.planned
	c.player.play(c.turn(ctx.Now, thread), op)
	op.Device, op.Node = s.device, s.node // where the user sits now that the player may have moved it
}

// Update tells the player how the operation of a turn ended.
func (c *crew) Update(ctx *plan.Context, ev *history.Event) {
	thread := int(ev.Op.Thread) - c.first
	if ev.Process < 0 || ev.Type == history.Invoke || thread < 0 || thread >= len(c.seats) {
		return
	}
	if s := &c.seats[thread]; s.playing == ev.Op.N && s.playing > 0 {
		s.playing = 0
		c.player.ended(c.turn(ctx.Now, thread), ev)
		if ev.Err.Code == history.TokenLost {
			s.logIn()
		}
	}
}

// logIn begins another session of the user: the store has said that the old one cannot go on.
func (s *seat) logIn() {
	s.logins++
	s.session = s.name + "." + strconv.Itoa(s.logins)
}

// turn returns the turn of the operation that the thread planned last.
func (c *crew) turn(now int64, thread int) turn {
	s := &c.seats[thread]
	return turn{now: now, thread: thread, seat: s, draw: c.seed.With2(uint64(thread), uint64(s.planned))}
}

// free returns the first free thread at or after start, -1 when none is free.
func (c *crew) free(ctx *plan.Context, start int) int {
	n := ctx.Free.FirstFrom(c.first, c.first+len(c.seats), c.first+start)
	if n < 0 {
		return -1
	}
	return n - c.first
}

// begin makes step the thread's next operation, by its seat, and returns it to be filled in.
func (c *crew) begin(thread int, step *plan.Step) *plan.Op {
	s := &c.seats[thread]
	s.planned++
	step.Kind = plan.DoOp
	step.Op = plan.Op{
		ID:      history.OpID{Thread: int32(c.first + thread), N: s.planned},
		Session: s.session, Device: s.device, Node: s.node,
	}
	return &step.Op
}

// workload is a crew at its pace, with the checkers of what it does.
type workload struct {
	plan.Source
	crew     *crew
	nodes    []string
	checkers []checkers.Checker
}

// Final implements Workload.
func (w *workload) Final() plan.Source { return w.crew.final(w.nodes) }

// Checkers implements Workload.
func (w *workload) Checkers() []checkers.Checker { return w.checkers }

// stateCheckers returns the checkers that every workload makes possible: of the state at the end, and of
// how often the store answered.
func stateCheckers() []checkers.Checker {
	return []checkers.Checker{checkers.Durable(), checkers.Convergent(), checkers.Available()}
}

// registerOffers returns the checkers that experiments with registers have to ask for.
func registerOffers() []checkers.Checker {
	return append([]checkers.Checker{checkers.Causal()}, staleness()...)
}

// staleness returns the checker of how stale reads are. It sets no bounds: an experiment may expect them of
// its measures.
func staleness() []checkers.Checker {
	return []checkers.Checker{checkers.Staleness(checkers.StalenessOptions{})}
}

// properties lists what the checkers decide, each property once.
func properties(all []checkers.Checker) []string {
	var names []string
	for _, c := range all {
		for _, name := range c.Properties() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
