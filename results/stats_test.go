package results

import (
	"math"
	"testing"
)

// Below the bound the chance to see nothing in n trials is above 5%; the rule of three is an
// approximation that errs on the safe side.
func TestRuleOfThree(t *testing.T) {
	for n := int64(4); n < 2000; n++ {
		if seen := math.Pow(1-RuleOfThree(n), float64(n)); seen > 0.05 {
			t.Fatalf("RuleOfThree(%d) = %v: nothing is seen with probability %v", n, RuleOfThree(n), seen)
		}
	}
	for n, want := range map[int64]float64{0: 1, 1: 1, 3: 1, 20: 0.15, 300: 0.01} {
		if got := RuleOfThree(n); math.Abs(got-want) > 1e-12 {
			t.Errorf("RuleOfThree(%d) = %v, want %v", n, got, want)
		}
	}
}

func TestFigures(t *testing.T) {
	for in, want := range map[float64]string{0: "0", 0.0123: "0.012", 0.42: "0.42", 8.44: "8.4",
		31.24: "31.2", 412.4: "412"} {
		if got := figure(in); got != want {
			t.Errorf("figure(%v) = %s, want %s", in, got, want)
		}
	}
	for in, want := range map[float64]string{1: "100.0%", 0.99999: "99.9%", 0: "0.0%", 0.00001: "<0.1%",
		0.9912: "99.1%"} {
		if got := percent(in); got != want {
			t.Errorf("percent(%v) = %s, want %s", in, got, want)
		}
	}
}
