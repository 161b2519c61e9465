package checkers

import (
	"slices"
	"testing"
)

// TestSortZones checks the order of zones that come sorted, nearly sorted, and in any order at all, with many
// equal ones: they stay in the order of their numbers.
func TestSortZones(t *testing.T) {
	many(t, 300, func(t testing.TB, d *dice) {
		order := make([]zone, d.n(200))
		for i := range order {
			order[i] = zone{first: int64(i / 3), of: int32(i)}
		}
		for range d.n(3) * d.n(200) {
			i := d.n(max(len(order), 1))
			j := min(i+1+d.n(1+d.n(200)), len(order)-1)
			if i < len(order) {
				order[i].first, order[j].first = order[j].first, order[i].first
			}
		}
		want := slices.Clone(order)
		slices.SortStableFunc(want, func(a, b zone) int { return int(a.first - b.first) })
		if sortZones(order); !slices.Equal(order, want) {
			t.Errorf("got %v, want %v", order, want)
		}
	})
	backwards := make([]zone, 100)
	for i := range backwards {
		backwards[i] = zone{first: int64(-i), of: int32(i)}
	}
	sortZones(backwards)
	for i, z := range backwards {
		if z.first != int64(i-99) {
			t.Fatalf("place %d: %v", i, z)
		}
	}
}
