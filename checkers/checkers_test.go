package checkers

import (
	"strings"
	"testing"
)

// TestResultText checks that results are read as they are written.
func TestResultText(t *testing.T) {
	for _, r := range []Result{Unknown, Valid, Invalid} {
		text, _ := r.MarshalText()
		again := Result(7)
		if err := again.UnmarshalText(text); err != nil || again != r {
			t.Errorf("%s was read as %d, %v", text, again, err)
		}
	}
	var r Result
	if err := r.UnmarshalText([]byte("fine")); err == nil || !strings.Contains(err.Error(), `"fine"`) {
		t.Errorf("fine: %v, %v", r, err)
	}
}
