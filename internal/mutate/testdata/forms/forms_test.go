package forms

import (
	"fmt"
	"testing"
)

// TestForms never fails: it tells what every function answers.
func TestForms(t *testing.T) {
	for name, f := range All {
		for a := range 3 {
			for b := range 3 {
				for bools := range 4 {
					p, q := bools&1 == 1, bools&2 == 2
					fmt.Println("answer", name, a, b, p, q, f(a, b, p, q))
				}
			}
		}
	}
}
