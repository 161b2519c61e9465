package tidy

import (
	"os"
	"testing"
)

// TestModule holds the module to its rules.
func TestModule(t *testing.T) {
	problems, err := Check(os.DirFS("../.."), House())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}
