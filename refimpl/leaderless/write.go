package leaderless

import (
	"slices"

	"github.com/rashomon-harness/rashomon/refimpl"
)

// readsFirst reports whether a job has to know what the replicas hold before it does anything else.
func (c *coordinator) readsFirst(op refimpl.OpKind) bool {
	if op == refimpl.OpWrite || op == refimpl.OpDelete {
		return c.cfg.WriteReadsFirst
	}
	return true
}

// makeWrite makes j.object what the replicas shall hold after the job's write. It returns an error when the
// operation does not fit what is there.
func (c *coordinator) makeWrite(j *job) refimpl.ErrCode {
	base := c.merge(j.object, c.own(j.key))
	value, deleted := j.arg, j.op == refimpl.OpDelete
	blind := j.op == refimpl.OpWrite || deleted
	switch {
	case c.cfg.Siblings == refimpl.CRDT && blind:
		return refimpl.ErrUnsupported
	case c.cfg.Siblings == refimpl.CRDT:
		j.object = c.changeSet(j, base)
		return c.made(j)
	case !blind:
		var ok bool
		if value, ok = change(j.op, &base, j.arg); !ok {
			return refimpl.ErrBadRequest
		}
		j.context = knows(&base)
	case c.cfg.WriteReadsFirst:
		j.context = knows(&base)
	}
	if deleted {
		value = refimpl.Value{}
	}
	j.object = c.overwrite(j, base, value, deleted)
	return c.made(j)
}

// made keeps what the job writes where the coordinator finds it again.
func (c *coordinator) made(j *job) refimpl.ErrCode {
	j.wrote = true
	c.last = max(c.last, j.dot.N)
	c.keep(j.key, j.object)
	return refimpl.ErrNone
}

// knows returns the writes that a reader of o has been shown.
func knows(o *refimpl.Object) refimpl.Vector {
	v := o.Seen
	for i := range o.Siblings {
		v = v.Join(o.Siblings[i].Past)
	}
	return v
}

// overwrite returns the object with a new version in place of those that the job's author knew.
func (c *coordinator) overwrite(j *job, base refimpl.Object, value refimpl.Value,
	deleted bool) refimpl.Object {
	if c.cfg.Versioning == refimpl.LWW {
		j.dot = refimpl.Dot{Writer: c.writer, N: c.number(&base)}
		return refimpl.Register(j.dot, value, deleted)
	}
	context := j.context
	if c.self == refimpl.Nobody { // a client knows what it wrote itself; a node's writes are not its clients'
		own := c.own(j.key)
		context = context.Join(knows(&own))
	}
	if c.cfg.Versioning == refimpl.VersionVector {
		known := knows(&base)
		j.dot = refimpl.Dot{Writer: c.writer, N: max(c.last, known.Of(c.writer)) + 1}
		return c.merge(base, refimpl.Object{Kind: refimpl.Vectored, Siblings: []refimpl.Sibling{
			{Dot: j.dot, Value: value, Deleted: deleted, Past: context.With(j.dot)}}})
	}
	var o refimpl.Object
	o, j.dot = c.counting(base).Write(c.writer, context, value, deleted)
	return o
}

// number returns the number of a new version of a register: greater than all that were read, or the time.
// No two versions of a writer have the same.
func (c *coordinator) number(base *refimpl.Object) int64 {
	n := c.wall
	if c.cfg.WriteReadsFirst {
		n = base.Greatest().N + 1
	}
	if c.cfg.Bugs.Has(refimpl.BugVersionReused) {
		return n
	}
	return max(n, c.last+1)
}

// counting returns o as it must be before the writer's next write, so that its number is new. A replica may
// have forgotten the key, and with it the writer's earlier writes.
func (c *coordinator) counting(o refimpl.Object) refimpl.Object {
	if c.last > 0 && !c.cfg.Bugs.Has(refimpl.BugVersionReused) {
		o.Seen = o.Seen.With(refimpl.Dot{Writer: c.writer, N: c.last})
	}
	return o
}

// changeSet returns the observed-remove set after an add or a remove: every element is a sibling, an add
// replaces the element's own siblings by a new one, a remove takes away those that were seen.
func (c *coordinator) changeSet(j *job, base refimpl.Object) refimpl.Object {
	o := base
	if j.op == refimpl.OpAdd {
		o, j.dot = c.counting(base).Write(c.writer, nil, j.arg, false)
	}
	o.Siblings = slices.DeleteFunc(slices.Clone(o.Siblings), func(s refimpl.Sibling) bool {
		return s.Value.Equal(j.arg) && s.Dot != j.dot
	})
	return o
}
