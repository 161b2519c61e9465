package failing

import "testing"

func TestFails(t *testing.T) {
	if less(1, 2) {
		t.Error("it is less")
	}
}
