package results

// RuleOfThree returns the bound under which, with 95% confidence, the probability of something lies that
// did not happen in n independent trials: 3/n, since (1-3/n)^n is about e^-3, which is about 5%
// (Hanley and Lippman-Hand 1983). At most 1.
func RuleOfThree(n int64) float64 {
	if n <= 3 {
		return 1
	}
	return 3 / float64(n)
}
