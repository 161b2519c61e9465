package reference

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/targets"
)

// Base is what links are like without faults.
type Base struct {
	Links []targets.Link
	Shape targets.Shape
}

// worldLimit is the longest delay that a setting may ask for.
const worldLimit = 10 * time.Minute

// DecodeWorld reads the settings of a real environment: what is added to the delays that it has by itself.
// latency holds for every link, lag for those between nodes.
func DecodeWorld(values map[string]any, nodes []string) ([]Base, []targets.FieldError) {
	var out []Base
	var errs []targets.FieldError
	wrong := func(path string, v any, allowed string) {
		errs = append(errs, targets.FieldError{Path: "world." + path, Value: fmt.Sprint(v), Allowed: allowed})
	}
	for name, v := range values {
		switch name {
		case "latency":
			shape, ok := latency(v)
			if !ok {
				wrong(name, v, "a duration such as 5ms, or a range such as 1ms..5ms")
				continue
			}
			out = append(out, Base{allLinks, shape})
		case "lag":
			entries, _ := v.(map[string]any)
			for where, v := range entries {
				b, ok := lag(where, v, nodes)
				if !ok {
					wrong("lag."+where, v, "n3 or n1>n3 with a duration of at most 10m")
					continue
				}
				out = append(out, b)
			}
		default:
			wrong(name, v, "in a real environment, latency and lag")
		}
	}
	slices.SortFunc(errs, func(a, b targets.FieldError) int { return cmp.Compare(a.Path, b.Path) })
	return out, errs
}

var allLinks = []targets.Link{{From: targets.AllNodes, To: targets.AllNodes},
	{From: targets.AllClients, To: targets.AllNodes}, {From: targets.AllNodes, To: targets.AllClients}}

// latency reads a delay, or a range of delays.
func latency(v any) (targets.Shape, bool) {
	text, _ := v.(string)
	first, last, isRange := strings.Cut(text, "..")
	if !isRange {
		last = first
	}
	lo, ok1 := delay(strings.TrimSpace(first))
	hi, ok2 := delay(strings.TrimSpace(last))
	return targets.Shape{DelayNanos: lo, JitterNanos: hi - lo}, ok1 && ok2 && lo <= hi
}

func delay(v any) (int64, bool) {
	text, _ := v.(string)
	d, err := time.ParseDuration(text)
	return int64(d), err == nil && d >= 0 && d <= worldLimit
}

// lag reads what stands for links, n3 or n1>n3, and the delay of each.
func lag(where string, v any, nodes []string) (Base, bool) {
	nanos, ok := delay(v)
	from, to, isLink := strings.Cut(where, ">")
	if !isLink {
		from, to = targets.AllNodes, where
	}
	ok = ok && slices.Contains(nodes, to) && (!isLink || slices.Contains(nodes, from) && from != to)
	return Base{[]targets.Link{{From: from, To: to}}, targets.Shape{DelayNanos: nanos}}, ok
}
