package singleleader

import "github.com/rashomon-harness/rashomon/refimpl"

// state is what a shard's log amounts to: the values, and for each client the last request applied, so
// that a request that stands in the log twice takes effect once.
type state struct {
	items   map[string]*item
	clients map[uint64]*clientRecord
	applied int64 // index of the last entry applied
	undo    []undo
	undoing bool // entries may be cut after they were applied: remember how to take them back
	repeats bool // requests take effect as often as they stand in the log, as some bugs have it
}

// item is the value of a key and the log position of its last change.
type item struct {
	value  refimpl.Value
	epoch  uint64
	index  int64
	causes []refimpl.Position // the token of the session that wrote it
}

// clientRecord is a client's last request and its answer.
type clientRecord struct {
	seq    uint64
	err    refimpl.ErrCode
	value  refimpl.Value
	values []refimpl.Value
	epoch  uint64
	index  int64
	causes []refimpl.Position // the session's token when it sent the request
}

// undo takes one change back: of an item, or of a client's record.
type undo struct {
	index  int64
	item   *item
	before item
	client *clientRecord
	record clientRecord
}

func newState(undoing bool, bugs refimpl.Bugs) state {
	return state{items: map[string]*item{}, clients: map[uint64]*clientRecord{}, undoing: undoing,
		repeats: bugs.Has(refimpl.BugNoDeduplication) || bugs.Has(refimpl.BugRetryApplied)}
}

// read returns the value of a key and the position of its last change.
func (s *state) read(key string) item {
	if it := s.items[key]; it != nil {
		return *it
	}
	return item{}
}

// apply applies the next entry and returns the record of its client, nil for a no-op. A request that
// was applied before changes nothing; the record then is that of the first time.
func (s *state) apply(index int64, e *refimpl.Entry) (rec *clientRecord, again bool) {
	s.applied = index
	req := e.Req
	if req == nil {
		return nil, false
	}
	rec = s.clients[req.Client]
	if rec == nil {
		rec = &clientRecord{}
		s.clients[req.Client] = rec
	}
	if req.Seq <= rec.seq && !s.repeats {
		return rec, true
	}
	if s.undoing {
		s.undo = append(s.undo, undo{index: index, client: rec, record: *rec})
	}
	*rec = clientRecord{seq: req.Seq, epoch: e.Epoch, index: index, causes: req.Token}
	s.perform(req, rec)
	return rec, false
}

// repeat carries out a request that was applied before, unless its client has gone on. What the client is
// told stays.
func (s *state) repeat(e *refimpl.Entry) {
	if e.Req == nil || s.clients[e.Req.Client] == nil || s.clients[e.Req.Client].seq != e.Req.Seq {
		return
	}
	rec := *s.clients[e.Req.Client]
	s.perform(e.Req, &rec)
}

// perform carries a request out and puts its answer into rec.
func (s *state) perform(req *refimpl.Request, rec *clientRecord) {
	switch req.Op {
	case refimpl.OpWrite:
		s.set(req.Key, req.Value, rec)
	case refimpl.OpDelete:
		s.set(req.Key, refimpl.Value{}, rec)
	case refimpl.OpAppend:
		rec.err = s.append(req.Key, req.Value, rec)
	case refimpl.OpCAS:
		rec.value = s.compareAndSet(req, rec)
	case refimpl.OpTxn:
		s.transact(req, rec)
	case refimpl.OpAdd, refimpl.OpRemove, refimpl.OpIncr:
		rec.err = s.change(req, rec)
	default:
		rec.err = refimpl.ErrBadRequest
	}
}

// set gives a key a value, remembering what was there.
func (s *state) set(key string, v refimpl.Value, rec *clientRecord) {
	it := s.items[key]
	if it == nil {
		it = &item{}
		s.items[key] = it
	}
	if s.undoing {
		s.undo = append(s.undo, undo{index: rec.index, item: it, before: *it})
	}
	*it = item{value: v, epoch: rec.epoch, index: rec.index, causes: rec.causes}
}

// append puts an element at the end of a key's list. Readers share the list's memory: elements are only
// ever added behind what they see, and undo makes the next append copy.
func (s *state) append(key string, e refimpl.Value, rec *clientRecord) refimpl.ErrCode {
	v := s.read(key).value
	if v.Kind != refimpl.Nil && v.Kind != refimpl.List {
		return refimpl.ErrBadRequest
	}
	s.set(key, refimpl.Value{Kind: refimpl.List, List: append(v.List, e)}, rec)
	return refimpl.ErrNone
}

// change carries out an operation on a set or a counter.
func (s *state) change(req *refimpl.Request, rec *clientRecord) refimpl.ErrCode {
	v, ok := s.read(req.Key).value.Changed(req.Op, req.Value)
	if !ok {
		return refimpl.ErrBadRequest
	}
	s.set(req.Key, v, rec)
	return refimpl.ErrNone
}

// compareAndSet answers true, or the list of false and the value that was there instead.
func (s *state) compareAndSet(req *refimpl.Request, rec *clientRecord) refimpl.Value {
	now := s.read(req.Key).value
	if !now.Equal(req.Old) {
		return refimpl.Value{Kind: refimpl.List, List: []refimpl.Value{{Kind: refimpl.Bool}, now}}
	}
	s.set(req.Key, req.Value, rec)
	return refimpl.Value{Kind: refimpl.Bool, Num: 1}
}

// transact carries out all micro-operations, or none when an append meets a value that is no list. Later
// ones see what earlier ones did.
func (s *state) transact(req *refimpl.Request, rec *clientRecord) {
	mark := len(s.undo)
	undoing := s.undoing
	s.undoing = true
	rec.values = make([]refimpl.Value, len(req.Txn))
	for i, m := range req.Txn {
		rec.values[i] = m.Value
		switch m.Op {
		case refimpl.OpRead:
			rec.values[i] = s.read(m.Key).value
		case refimpl.OpWrite:
			s.set(m.Key, m.Value, rec)
		case refimpl.OpAppend:
			rec.err = s.append(m.Key, m.Value, rec)
		default:
			rec.err = refimpl.ErrBadRequest
		}
		if rec.err != refimpl.ErrNone {
			s.rollBack(mark)
			rec.values = nil
			break
		}
	}
	s.undoing = undoing
	if !undoing {
		s.undo = s.undo[:mark]
	}
}

// rollBack takes back the changes remembered from mark on.
func (s *state) rollBack(mark int) {
	for i := len(s.undo) - 1; i >= mark; i-- {
		u := &s.undo[i]
		if u.client != nil {
			*u.client = u.record
			continue
		}
		*u.item = u.before
		list := u.item.value.List
		u.item.value.List = list[:len(list):len(list)]
	}
	clear(s.undo[mark:])
	s.undo = s.undo[:mark]
}

// cut takes back everything that entries after index did.
func (s *state) cut(index int64) {
	if s.applied <= index {
		return
	}
	mark := len(s.undo)
	for mark > 0 && s.undo[mark-1].index > index {
		mark--
	}
	s.rollBack(mark)
	s.applied = index
}
