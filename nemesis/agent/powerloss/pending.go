package powerloss

import "time"

// store is the durable content of a file.
type store interface {
	size() (int64, error)
	// readAt fills p from off on, and returns how much there was: less only at the end.
	readAt(p []byte, off int64) (int, error)
	// writeAt writes all of p, or fails. It may go beyond the end.
	writeAt(p []byte, off int64) error
	// zero makes the bytes from from up to to, which lie within the size, read zero.
	zero(from, to int64) error
	truncate(size int64) error
}

// pending is the difference between what a file looks like and what its store has. The zero value is no
// difference. A byte of the file is what was written there, else the store's if it still shows, else zero:
//
//	store     aaaaaaaaaaaaaa
//	hidden          ........................     by truncate(6)
//	written             bbb                      by write(10, "bbb")
//	file      aaaaaa0000bbb000                   size 16, by truncate(16)
//
// Of the store, nothing beyond the file's size shows.
type pending struct {
	active  bool      // there may be a difference; all else is void otherwise
	size    int64     // of the file
	hidden  spans     // the bytes of the store that do not show
	written extents   // all within size
	changed time.Time // the modification time
}

// cost is the memory taken, about.
func (d *pending) cost() int64 { return d.written.cost() + int64(len(d.hidden))*spanCost }

// begin is to be called before each change, with the size of the store and the time of the change.
func (d *pending) begin(size int64, now time.Time) {
	if !d.active {
		d.active, d.size = true, size
	}
	d.changed = now
}

// write writes p at off.
func (d *pending) write(off int64, p []byte) {
	if len(p) == 0 {
		return
	}
	d.written.put(off, p)
	d.extend(off + int64(len(p)))
}

// extend makes the file at least size long. What is added reads zero.
func (d *pending) extend(size int64) { d.size = max(d.size, size) }

// truncate makes the file size long. What is added reads zero.
func (d *pending) truncate(size int64) {
	if size < d.size {
		d.written.cut(size, endless)
		d.hidden.add(size, endless)
	}
	d.size = size
}

// zero makes the bytes from from up to to read zero. The size stays.
func (d *pending) zero(from, to int64) {
	d.written.cut(from, to)
	d.hidden.add(from, to)
}

// read fills p from off on, and returns how much there was.
func (d *pending) read(p []byte, off int64, s store) (int, error) {
	if !d.active {
		return s.readAt(p, off)
	}
	p = p[:min(int64(len(p)), max(0, d.size-off))]
	if len(p) == 0 {
		return 0, nil
	}
	if !d.written.covers(off, int64(len(p))) {
		n, err := s.readAt(p, off)
		if err != nil {
			return 0, err
		}
		clear(p[n:])
		d.hidden.clear(p, off)
	}
	d.written.overlay(p, off)
	return len(p), nil
}

// flush puts the file into the store; after that there is no difference. When it fails, the file looks as it
// did, and flush can be tried again.
func (d *pending) flush(s store) error {
	if !d.active {
		return nil
	}
	size, err := s.size()
	if err != nil {
		return err
	}
	if size, err = d.flushHidden(s, size); err != nil {
		return err
	}
	for _, e := range d.written.all() {
		if err := s.writeAt(e.data, e.off); err != nil {
			return err
		}
		size = max(size, e.end())
	}
	if size != d.size {
		if err := s.truncate(d.size); err != nil {
			return err
		}
	}
	*d = pending{}
	return nil
}

// flushHidden makes zero in the store, which is size long, what does not show. It returns the store's new
// size.
func (d *pending) flushHidden(s store, size int64) (int64, error) {
	for _, h := range d.hidden {
		if h.from >= size {
			break
		}
		if h.to < size {
			if err := s.zero(h.from, h.to); err != nil {
				return 0, err
			}
			continue
		}
		if err := s.truncate(h.from); err != nil {
			return 0, err
		}
		size = h.from
	}
	return size, nil
}
