package leaderless

import (
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// coordinator carries out operations on keys by asking their replicas. It is a part of a client or of a node.
type coordinator struct {
	cfg    *refimpl.Config
	ring   *ring
	self   refimpl.Addr // the node that it is part of, Nobody for a client
	id     uint64       // names its messages to replicas
	writer uint64       // names its writes
	last   int64        // the greatest number that it gave to a write
	seq    uint64
	jobs   []*job // under way, by seq
	legs   []refimpl.Leg
	silent []int64 // by node: until when it is taken for dead

	wakeAt int64 // when timer has something to do next, 0 for never

	now, wall int64
	outer
}

// outer is what a coordinator is part of.
type outer interface {
	send(to refimpl.Addr, m refimpl.Message)
	// own returns what is known of a key without asking: what the client wrote last, what the node holds.
	own(key string) refimpl.Object
	// keep takes in what has been written to a key.
	keep(key string, o refimpl.Object)
	// done takes in the answer to a job.
	done(j *job, r *refimpl.Reply)
}

func newCoordinator(cfg *refimpl.Config, r *ring, self refimpl.Addr, id, writer uint64, o outer) coordinator {
	return coordinator{cfg: cfg, ring: r, self: self, id: id, writer: writer, outer: o,
		silent: make([]int64, cfg.Nodes)}
}

func (c *coordinator) merge(a, b refimpl.Object) refimpl.Object { return merge(c.cfg, a, b) }

// begin takes up a job, of which the operation, the key, the argument, the context, the datacenter and the
// deadline are set.
func (c *coordinator) begin(j *job) {
	c.seq++
	j.seq, j.pref = c.seq, c.ring.of(j.key)
	c.jobs = append(c.jobs, j)
	if c.readsFirst(j.op) {
		j.enter(fetching, c.now, c.cfg)
		c.wakeFor(j)
		c.askAll(j)
		return
	}
	c.write(j)
}

// write makes the job's write and sends it.
func (c *coordinator) write(j *job) {
	if err := c.makeWrite(j); err != refimpl.ErrNone {
		c.answer(j, err)
		return
	}
	c.store(j)
	if c.cfg.Bugs.Has(refimpl.BugEarlyAck) {
		c.answer(j, refimpl.ErrNone)
	}
}

// store has all replicas merge j.object. Those that hold it already count.
func (c *coordinator) store(j *job) {
	var holders []answer
	for _, a := range j.answers {
		if !j.wrote && a.object.Same(j.object) {
			holders = append(holders, a)
		}
	}
	j.enter(storing, c.now, c.cfg)
	c.wakeFor(j)
	for _, a := range holders {
		j.count(a.place, a.from, 0)
	}
	c.askAll(j)
	c.check(j)
}

// askAll asks every replica whose place has not answered, and others in place of those that are silent.
func (c *coordinator) askAll(j *job) {
	for place, node := range j.pref.home {
		if j.slots>>place&1 != 0 || c.later(j, node) {
			continue
		}
		c.ask(j, place, node)
		if c.cfg.Sloppy && c.silent[node] > c.now {
			c.askOther(j, place)
		}
	}
}

// later reports whether a replica is told only when the client has been answered.
func (c *coordinator) later(j *job, node refimpl.Addr) bool {
	return c.cfg.CrossDC == refimpl.Async && j.phase == storing && j.dc>>node&1 == 0
}

// ask sends the job's request for a place to a node.
func (c *coordinator) ask(j *job, place int, node refimpl.Addr) {
	req := &refimpl.Request{Client: c.id, Seq: j.seq, Op: refimpl.OpFetch, Key: j.key}
	store := j.phase != fetching
	if store {
		o := j.object
		if c.cfg.Bugs.Has(refimpl.BugRepairOlder) && !j.wrote {
			o, req.Local = oldest(j), true
		}
		req.Op, req.Object = refimpl.OpStore, &o
	}
	if home := j.pref.home[place]; home != node {
		req.Hint = home + 1
	}
	j.sent = append(j.sent, sent{to: node, place: place, store: store, wall: c.wall})
	c.send(node, refimpl.Message{Kind: refimpl.MsgRequest, Seq: uint64(len(j.sent)), Req: req})
}

// askOther asks the next node that can stand in for the home node of a place.
func (c *coordinator) askOther(j *job, place int) {
	for j.standIns < len(j.pref.others) {
		node := j.pref.others[j.standIns]
		j.standIns++
		if c.silent[node] <= c.now {
			c.ask(j, place, node)
			return
		}
	}
}

// receive takes in a replica's answer.
func (c *coordinator) receive(from refimpl.Addr, m *refimpl.Message) {
	r := m.Reply
	at, found := slices.BinarySearchFunc(c.jobs, r.Seq, func(j *job, seq uint64) int {
		return int(int64(j.seq) - int64(seq))
	})
	if !found || r.Err != refimpl.ErrNone {
		return
	}
	j := c.jobs[at]
	if m.Seq == 0 || m.Seq > uint64(len(j.sent)) || j.sent[m.Seq-1].to != from {
		return
	}
	s := &j.sent[m.Seq-1]
	c.silent[from] = 0
	if !s.heard && r.Wall != 0 && from != c.self {
		c.legs = append(c.legs, refimpl.Leg{Store: s.store, Out: r.Wall - s.wall, Back: c.wall - r.Wall})
	}
	s.heard = true
	switch {
	case j.phase == over:
		c.late(j, s, r)
	case s.store == (j.phase == storing):
		if j.count(s.place, from, c.cfg.Bugs) && !s.store {
			c.take(j, s, r)
		}
		c.check(j)
	}
	if finished(j) {
		c.jobs = slices.Delete(c.jobs, at, at+1)
	}
}

// take adds what a replica holds.
func (c *coordinator) take(j *job, s *sent, r *refimpl.Reply) {
	a := answer{from: s.to, place: s.place}
	if r.Object != nil {
		a.object = *r.Object
	}
	j.answers = append(j.answers, a)
	j.object = c.merge(j.object, a.object)
}

// check goes on with a job when enough replicas have answered.
func (c *coordinator) check(j *job) {
	switch j.phase {
	case fetching:
		if !j.enough(c.cfg, c.ring, c.cfg.R) {
			return
		}
		switch {
		case j.op != refimpl.OpRead:
			c.write(j)
		case c.cfg.ReadRepair == refimpl.Blocking && !j.object.Empty():
			c.store(j)
		default:
			c.answer(j, refimpl.ErrNone)
		}
	case storing:
		need := c.cfg.W
		if c.cfg.Bugs.Has(refimpl.BugQuorumOffByOne) {
			need = max(need-1, 1)
		}
		if j.enough(c.cfg, c.ring, need) {
			c.answer(j, refimpl.ErrNone)
		}
	}
}

// oldest returns the answer with the least greatest dot: a defect.
func oldest(j *job) refimpl.Object {
	o := j.object
	for _, a := range j.answers {
		if a.object.Greatest().Compare(o.Greatest()) < 0 {
			o = a.object
		}
	}
	return o
}

// late takes in an answer that came when the caller had been answered: what it lacks is repaired.
func (c *coordinator) late(j *job, s *sent, r *refimpl.Reply) {
	news := j.count(s.place, s.to, 0)
	if !news || s.store || j.op != refimpl.OpRead || c.cfg.ReadRepair != refimpl.Async {
		return
	}
	c.take(j, s, r)
	c.repair(j)
}

// abandon is told that nobody waits for a job any more.
func (c *coordinator) abandon(j *job) {
	if j != nil && j.phase != over {
		j.phase = over
	}
}

// repair writes what is known to the replicas that have answered and lack it.
func (c *coordinator) repair(j *job) {
	for i := range j.answers {
		a := &j.answers[i]
		if a.object.Same(j.object) || j.pref.home[a.place] != a.from {
			continue
		}
		a.object = j.object
		c.ask(j, a.place, a.from)
	}
}

// answer ends the caller's waiting.
func (c *coordinator) answer(j *job, err refimpl.ErrCode) {
	if j.phase == over {
		return
	}
	wasStoring := j.phase == storing
	j.phase = over
	if err == refimpl.ErrQuorum && j.wrote && c.cfg.FailedWrite == refimpl.Rollback {
		c.undo(j)
	}
	c.done(j, c.reply(j, err))
	switch {
	case err != refimpl.ErrNone:
	case j.op == refimpl.OpRead && c.cfg.ReadRepair == refimpl.Async:
		c.repair(j)
	case wasStoring && c.cfg.CrossDC == refimpl.Async:
		for place, node := range j.pref.home {
			if j.dc>>node&1 == 0 {
				c.ask(j, place, node)
			}
		}
	}
}

// reply returns the answer to a job, with what it is based on.
func (c *coordinator) reply(j *job, err refimpl.ErrCode) *refimpl.Reply {
	r := &refimpl.Reply{Err: err, By: c.self, Home: j.pref.mask, Legs: c.legs}
	c.legs = nil
	switch {
	case err != refimpl.ErrNone:
	case j.op == refimpl.OpRead:
		r.Value, r.Dots = valueOf(c.cfg, &j.object), j.object.Dots()
		r.Object = &refimpl.Object{Seen: knows(&j.object)}
		for _, a := range j.answers {
			r.Acks |= 1 << a.from
			if j.pref.home[a.place] != a.from {
				r.Hints |= 1 << a.from
			}
			r.Answers = append(r.Answers, refimpl.Answer{By: a.from, Dots: a.object.Dots()})
		}
	default:
		r.Acks, r.Hints = j.acks, j.hints
		if j.dot.N > 0 {
			r.Dots = []refimpl.Dot{j.dot}
		}
	}
	return r
}

// undo asks all replicas to take the job's write back.
func (c *coordinator) undo(j *job) {
	for _, node := range j.pref.home {
		o := refimpl.Object{Kind: j.object.Kind, Siblings: []refimpl.Sibling{{Dot: j.dot}}}
		c.send(node, refimpl.Message{Kind: refimpl.MsgRequest,
			Req: &refimpl.Request{Client: c.id, Seq: j.seq, Op: refimpl.OpUndo, Key: j.key, Object: &o}})
	}
}

// finished reports whether nothing is to be expected of a job any more.
func finished(j *job) bool {
	return j.phase == over && !slices.ContainsFunc(j.sent, func(s sent) bool { return !s.heard })
}

// timer does what is due.
func (c *coordinator) timer() {
	if c.wakeAt == 0 || c.now < c.wakeAt {
		return
	}
	for i := 0; i < len(c.jobs); i++ {
		c.due(c.jobs[i])
	}
	c.jobs = slices.DeleteFunc(c.jobs, func(j *job) bool { return c.now >= j.deadline || finished(j) })
	c.wakeAt = 0
	for _, j := range c.jobs {
		c.wakeFor(j)
	}
}

// due does what is due for a job.
func (c *coordinator) due(j *job) {
	switch {
	case c.now >= j.deadline:
		c.answer(j, refimpl.ErrQuorum)
	case j.hinting() && c.now >= j.hintAt:
		j.hintAt = c.now + c.cfg.HintAfter
		if j.complete() {
			j.hintAt = 0
		}
		c.standIn(j)
	case j.phase == over:
	case c.now >= j.resendAt:
		j.resendAt = c.now + c.cfg.RetryAfter
		c.askAll(j)
	}
}

// wakeFor sees to it that timer is called in time for a job.
func (c *coordinator) wakeFor(j *job) {
	next := j.deadline
	if j.phase != over {
		next = min(next, j.resendAt)
	}
	if j.hinting() {
		next = min(next, j.hintAt)
	}
	if c.wakeAt == 0 || next < c.wakeAt {
		c.wakeAt = next
	}
}

// silence is how long, in times of hint_after, a node that did not answer is taken for dead.
const silence = 20

// standIn asks others in place of the home nodes that have not answered. When the caller has been answered,
// and nobody sends the request again, the home nodes themselves are asked too.
func (c *coordinator) standIn(j *job) {
	if j.standIns == len(j.pref.others) {
		j.standIns = 0
	}
	for place, node := range j.pref.home {
		if j.slots>>place&1 != 0 || c.silent[node] > c.now && j.phase != over {
			continue
		}
		c.silent[node] = c.now + silence*c.cfg.HintAfter
		if j.phase == over {
			c.ask(j, place, node)
		}
		c.askOther(j, place)
	}
}
