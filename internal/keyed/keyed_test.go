package keyed

import "testing"

func TestDrawsAreUniform(t *testing.T) {
	root := New(1)
	var counts [10]int
	ppm := 0
	for i := range uint64(100_000) {
		k := root.With(i)
		counts[k.N(10)]++
		if k.Named("loss").PPM(250_000) {
			ppm++
		}
		if v := k.Between(-3, 3); v < -3 || v > 3 {
			t.Fatalf("%d is not in [-3, 3]", v)
		}
	}
	for d, n := range counts {
		if n < 9_500 || n > 10_500 {
			t.Errorf("%d came %d times in 100000", d, n)
		}
	}
	if ppm < 24_000 || ppm > 26_000 {
		t.Errorf("a quarter of 100000 is not %d", ppm)
	}
}

func TestNamesMatter(t *testing.T) {
	root := New(1)
	seen := map[Key]string{root: "root"}
	for name, k := range map[string]Key{"seed": New(2), "a": root.Named("a"), "b": root.Named("b"),
		"1":   root.With(1),
		"1,2": root.With2(1, 2), "2,1": root.With2(2, 1), "0": root.With(0)} {
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s are the same key", name, other)
		}
		seen[k] = name
	}
	if root.Between(5, 5) != 5 || root.Between(5, 1) != 5 {
		t.Error("an empty range is not its lower end")
	}
}
