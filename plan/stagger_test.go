package plan

import (
	"testing"

	"github.com/rashomon-harness/rashomon/internal/keyed"
)

// arrivals returns the times at which a staggered source that always has an operation gives one out, from
// time from to time to, when it is asked exactly when it wants to be.
func arrivals(src Source, from, to int64) []int64 {
	var times []int64
	ctx := &Context{Now: from, Free: NewThreads(1)}
	var step Step
	for ctx.Now < to {
		src.Next(ctx, &step)
		if step.Kind == DoOp {
			times = append(times, ctx.Now)
			continue
		}
		ctx.Now = step.Until
	}
	return times
}

func TestStaggerRate(t *testing.T) {
	for _, rate := range []float64{0.5, 1, 3, 100, 1000, 12345, 1e6} {
		span := int64(200 * burst * 1e9 / rate)
		for seed := range uint64(5) {
			got := len(arrivals(Stagger(answer{DoOp, 0}, 0, rate, keyed.New(seed)), 0, span))
			if got < 200*burst-burst || got > 200*burst+burst {
				t.Errorf("rate %v, seed %d: %d arrivals in the time of %d", rate, seed, got, 200*burst)
			}
		}
	}
}

// The arrivals of independent clients crowd: a gap is shorter than a tenth of the mean about as often as
// with exponential gaps (9.5%), and longer than twice the mean about as often (13.5%).
func TestStaggerCrowds(t *testing.T) {
	times := arrivals(Stagger(answer{DoOp, 0}, 0, 1000, keyed.New(9)), 0, 10_000*ms)
	short, long := 0, 0
	for i := 1; i < len(times); i++ {
		gap := times[i] - times[i-1]
		if gap < 0 {
			t.Fatalf("arrival %d is before its predecessor", i)
		}
		if gap < ms/10 {
			short++
		}
		if gap > 2*ms {
			long++
		}
	}
	n := len(times)
	if short < n*6/100 || short > n*13/100 || long < n*8/100 || long > n*17/100 {
		t.Errorf("of %d gaps %d are short, %d are long", n, short, long)
	}
}

func TestStaggerDropsAnOldBacklog(t *testing.T) {
	src := Stagger(answer{DoOp, 0}, 0, 1000, keyed.New(4))
	arrivals(src, 0, 100*ms)
	// Nobody asks for two hours.
	late := 7_200_000 * ms
	atOnce := 0
	for _, at := range arrivals(src, late, late+1) {
		if at == late {
			atOnce++
		}
	}
	if atOnce < 2 || atOnce > 3*burst {
		t.Errorf("%d operations are given out at once after an outage", atOnce)
	}
	if n := len(arrivals(src, late+1, late+1000*ms)); n < 985 || n > 1015 {
		t.Errorf("%d arrivals in the second after an outage, at 1000 a second", n)
	}
}

func TestStaggerStartsAtItsStart(t *testing.T) {
	times := arrivals(Stagger(answer{DoOp, 0}, 500*ms, 1000, keyed.New(4)), 0, 600*ms)
	if times[0] < 500*ms || times[0] > 500*ms+8*ms {
		t.Errorf("the first arrival is at %d", times[0])
	}
}

func TestStaggerPassesOnWhatItsSourceSays(t *testing.T) {
	for _, inner := range []answer{{Done, 0}, {Pending, 0}, {Wait, 1 << 50}} {
		src := Stagger(inner, 0, 1000, keyed.New(4))
		var step Step
		src.Next(&Context{Now: 50 * ms}, &step)
		if step.Kind != inner.kind || step.Kind == Wait && step.Until != inner.until {
			t.Errorf("%v: got kind %d until %d", inner, step.Kind, step.Until)
		}
	}
}
