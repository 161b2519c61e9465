package workloads

import (
	"strconv"

	"github.com/rashomon-harness/rashomon/history"
)

// pool is a workload's keys: a fixed number of places, each with the key in use there. A key retires
// after its life, counted in operations, and a fresh one takes its place, so that no key's history
// grows beyond what a checker can decide.
type pool struct {
	prefix string
	life   int // operations a key, 0 for no end
	places []place
	names  []string // every key so far
	last   int64    // the last value that unique returned
}

// place is a key in use.
type place struct {
	key  string
	ops  int   // planned on the key so far
	last int64 // the last value written to the key; values count from 1 a key
}

func newPool(prefix string, places, life int) *pool {
	p := &pool{prefix: prefix, life: life, places: make([]place, places)}
	for i := range p.places {
		p.renew(i)
	}
	return p
}

// use counts an operation on the key at place i and returns the place.
func (p *pool) use(i int) *place {
	if p.life > 0 && p.places[i].ops >= p.life {
		p.renew(i)
	}
	at := &p.places[i]
	at.ops++
	return at
}

// renew puts a fresh key in place i.
func (p *pool) renew(i int) {
	name := p.prefix + strconv.Itoa(len(p.names)+1)
	p.names = append(p.names, name)
	p.places[i] = place{key: name}
}

// fresh returns the next value for the key, one that was never used on it.
func (at *place) fresh() history.Value {
	at.last++
	return history.IntValue(at.last)
}

// unique returns the next of the values that count from 1 over all keys.
func (p *pool) unique() history.Value {
	p.last++
	return history.IntValue(p.last)
}

// keys returns every key used so far.
func (p *pool) keys() []string { return p.names }
