package checkers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/history"
)

// figureCheckers has the checkers of the drawn histories, by what stands between "## " and ":".
var figureCheckers = map[string]Checker{
	"staleness":           Staleness(StalenessOptions{}),
	"staleness 1 version": Staleness(StalenessOptions{MaxVersions: 1}),
	"staleness 20 µs":     Staleness(StalenessOptions{MaxTime: 20 * time.Microsecond}),
	"set":                 SetFull(SetOptions{}),
	"set linearizable":    SetFull(SetOptions{Linearizable: true}),
	"counter":             Counter(CounterOptions{}),
	"counter by \"add\"":  Counter(CounterOptions{Function: "add"}),
}

// TestFigureDrawings judges what is measured.
func TestFigureDrawings(t *testing.T) {
	for _, dir := range []string{"staleness", "set", "counter"} {
		goldens(t, dir, func(t *testing.T, name string, h *history.History) string {
			checker, known := figureCheckers[name]
			if !known {
				t.Fatalf("%s: no such checker", name)
			}
			return describeFigures(checker.Check(context.Background(), h)[0])
		})
	}
}

func describeFigures(v Verdict) string {
	var b strings.Builder
	b.WriteString(v.Result.String() + opportunities(v))
	for _, name := range slices.Sorted(maps.Keys(v.Measures)) {
		detail := []string{"_low", "_high", "_p99"}
		if _, faults := v.Measures["stale_share_faults"]; !faults {
			detail = append(detail, "_calm")
		}
		if slices.ContainsFunc(detail, func(part string) bool { return strings.Contains(name, part) }) {
			continue
		}
		fmt.Fprintf(&b, "\n  %s %s", name, strconv.FormatFloat(v.Measures[name], 'g', 4, 64))
	}
	return b.String() + explanations(v)
}
