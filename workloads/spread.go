package workloads

import (
	"strconv"
	"strings"

	"github.com/rashomon-harness/rashomon/internal/keyed"
)

// spread draws places: all alike, or the hot ones more often than the others.
type spread struct {
	places int
	hot    int   // the first so many places are hot; 0 when all are alike
	share  int64 // of the draws that go to hot places, parts in a million
}

// pick returns the place that is drawn.
func (s spread) pick(draw keyed.Key) int {
	switch {
	case s.hot == 0:
		return draw.N(s.places)
	case draw.Named("hot").PPM(s.share):
		return draw.N(s.hot)
	}
	return s.hot + draw.N(s.places-s.hot)
}

// The options of workloads whose keys may be hot and cold.
const (
	optionHot      = "hot"
	optionHotShare = "hot_share"
)

// withSpread adds the options of hot and cold keys to a workload's own.
func withSpread(options map[string]string) map[string]string {
	options[optionHot] = "share of the keys that are used more than the others, such as 20%; 0% (default) " +
		"for none"
	options[optionHotShare] = "share of the operations that go to those keys; 80% (default)"
	return options
}

// spread reads how operations are spread over the keys.
func (s *settings) spread() spread {
	out := spread{places: s.places(), share: s.share(optionHotShare, 800_000)}
	hot := s.share(optionHot, 0)
	if given, stands := s.Options[optionHotShare]; stands && hot == 0 {
		s.fail(optionHotShare, given, "only together with "+optionHot+" above 0%")
	}
	if hot > 0 {
		out.hot = max(1, int((int64(out.places)*hot+500_000)/1_000_000))
	}
	if out.hot >= out.places {
		out.hot = 0 // all are as hot as each other
	}
	return out
}

// share returns the option's value, a percentage, in parts per million; or its default when it is not given.
func (s *settings) share(name string, otherwise int64) int64 {
	value, given := s.Options[name]
	if !given {
		return otherwise
	}
	text, _ := value.(string)
	percent, marked := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(percent, 64)
	if !marked || err != nil || !(x >= 0 && x <= 100) {
		s.fail(name, value, "a percentage from 0% to 100%")
		return otherwise
	}
	return int64(x*10_000 + 0.5)
}

// word returns the option's value, one of the words; the first when it is not given.
func (s *settings) word(name string, words ...string) string {
	value, given := s.Options[name]
	if !given {
		return words[0]
	}
	for _, w := range words {
		if value == w {
			return w
		}
	}
	s.fail(name, value, oneOf(words))
	return words[0]
}
