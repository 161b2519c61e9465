// Package middle gives flags to who does not import their package.
package middle

import "github.com/rashomon-harness/rashomon/internal/mutate/testdata/odd/flag"

func Raised() flag.Flag { return true }
