package packets

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// pace is how packets to one peer are held back; the zero value holds nothing back.
type pace struct {
	delay, jitter time.Duration
	bytesPerSec   int64 // 0 for unlimited
}

// backlogMax is how far a bandwidth may lag behind before packets are lost, in time and in the bytes that
// pass in it.
const backlogMax = time.Second

// burst returns how many bytes pass at once after a pause: 10 ms' worth, two packets at least.
func burst(bytesPerSec int64) int64 { return max(bytesPerSec/100, 3000) }

// lane is the way to one peer: its pace, and where the packets on it have got to. Times are nanoseconds on
// a monotonic clock.
type lane struct {
	pace
	idle int64 // when the last byte so far has passed the bottleneck
	last int64 // the latest due time given so far
}

// enter returns when a packet that comes now may go on, or that it is lost since too many wait before it.
// Without jitter, packets keep their order, also over a change of pace. draw returns a number below its
// argument.
func (l *lane) enter(now int64, size int, draw func(below int64) int64) (due int64, ok bool) {
	due = now
	if l.bytesPerSec > 0 {
		if l.idle-now > int64(backlogMax) {
			return 0, false
		}
		credit := burst(l.bytesPerSec) * int64(time.Second) / l.bytesPerSec
		l.idle = max(l.idle, now-credit) + int64(size)*int64(time.Second)/l.bytesPerSec
		due = max(now, l.idle)
	}
	due += int64(l.delay)
	if l.jitter > 0 {
		due += draw(int64(l.jitter) + 1)
	} else {
		due = max(due, l.last)
	}
	l.last = max(l.last, due)
	return due, true
}

// waiting is a packet that is held back.
type waiting struct {
	due    int64
	number uint64 // in the order of arrival
	id     uint32 // the kernel's name of it
	lane   *lane
}

// hold is the packets that are held back, the one first due at the front; those due at the same time in the
// order of arrival.
type hold struct {
	order waitingHeap
	count uint64 // packets that were put so far
}

func (h *hold) put(due int64, id uint32, l *lane) {
	heap.Push(&h.order, waiting{due: due, number: h.count, id: id, lane: l})
	h.count++
}

// next returns when the first packet is due.
func (h *hold) next() (due int64, some bool) {
	if len(h.order) == 0 {
		return 0, false
	}
	return h.order[0].due, true
}

// pop takes the first packet if it is due.
func (h *hold) pop(now int64) (id uint32, ok bool) {
	if due, some := h.next(); !some || due > now {
		return 0, false
	}
	return heap.Pop(&h.order).(waiting).id, true
}

// release takes all packets of the lanes that are gone, in the order of their arrival.
func (h *hold) release(gone func(*lane) bool) []uint32 {
	var freed []waiting
	kept := h.order[:0]
	for _, w := range h.order {
		if gone(w.lane) {
			freed = append(freed, w)
		} else {
			kept = append(kept, w)
		}
	}
	h.order = kept
	heap.Init(&h.order)
	slices.SortFunc(freed, func(a, b waiting) int { return cmp.Compare(a.number, b.number) })
	ids := make([]uint32, len(freed))
	for i, w := range freed {
		ids[i] = w.id
	}
	return ids
}

// waitingHeap has the form that container/heap wants.
type waitingHeap []waiting

func (w waitingHeap) Len() int      { return len(w) }
func (w waitingHeap) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *waitingHeap) Push(x any)   { *w = append(*w, x.(waiting)) }

func (w waitingHeap) Less(i, j int) bool {
	if w[i].due != w[j].due {
		return w[i].due < w[j].due
	}
	return w[i].number < w[j].number
}

func (w *waitingHeap) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	*w = (*w)[:last]
	return x
}
