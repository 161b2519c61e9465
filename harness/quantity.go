package harness

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis"
)

// mostSeeds is the most seeds that an experiment may have.
const mostSeeds = 1_000_000

// longest is the longest time that an experiment may name: all sums of a few stay far from overflow.
const longest = 1000 * time.Hour

// ParseSeeds reads a list of seeds and ranges of seeds, "1..20" or "1,5,9..12", without repetitions and
// in the order given. The error says what is allowed.
func ParseSeeds(text string) ([]uint64, error) {
	var seeds []uint64
	seen := make(map[uint64]bool)
	for part := range strings.SplitSeq(text, ",") {
		lo, hi, err := parseSeedRange(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if hi-lo >= uint64(mostSeeds-len(seeds)) {
			return nil, fmt.Errorf("%q are too many seeds; at most %d are allowed", shorten(text), mostSeeds)
		}
		for seed := lo; ; seed++ {
			if !seen[seed] {
				seen[seed] = true
				seeds = append(seeds, seed)
			}
			if seed == hi {
				break
			}
		}
	}
	return seeds, nil
}

// parseSeedRange reads "7" or "1..20".
func parseSeedRange(text string) (lo, hi uint64, err error) {
	first, last, isRange := strings.Cut(text, "..")
	if !isRange {
		last = first
	}
	lo, err1 := strconv.ParseUint(first, 10, 64)
	hi, err2 := strconv.ParseUint(last, 10, 64)
	if err1 != nil || err2 != nil || lo > hi {
		return 0, 0, fmt.Errorf("%q are no seeds; allowed: a whole number from 0 (7), a range (1..20), "+
			"several with commas between (1,5,9..12)", shorten(text))
	}
	return lo, hi, nil
}

// seeds reads f as seeds: a number, a range, or a list of these, without repetitions.
func (f field) seeds() []uint64 {
	var out []uint64
	seen := make(map[uint64]bool)
	for _, e := range f.elements() {
		seeds, err := ParseSeeds(e.text())
		if err != nil {
			e.wrong("%v", err)
		}
		for _, s := range seeds {
			if len(out) >= mostSeeds {
				e.wrong("too many seeds; at most %d are allowed", mostSeeds)
				return out
			}
			if !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	return out
}

// duration reads f as a time from lo on, in nanoseconds.
func (f field) duration(lo time.Duration) int64 {
	d, err := parseDuration(f.text())
	if err != nil || d < int64(lo) {
		f.wrong("%s; a time from %v to %v is wanted, such as 500ms, 30s, 2m", f.what(), lo, longest)
		return int64(lo)
	}
	return d
}

// parseDuration reads a time of at most longest, in nanoseconds.
func parseDuration(text string) (int64, error) {
	d, err := time.ParseDuration(text)
	if err == nil && (d > longest || d < -longest) {
		err = errors.New("too long")
	}
	return int64(d), err
}

// durations reads f as a time or a range of times (1s..3s) from lo on.
func (f field) durations(lo time.Duration) nemesis.Range {
	r, err := parseRange(f.text(), parseDuration)
	if err != nil || r.Min < int64(lo) {
		f.wrong("%s; a time or a range of times from %v on is wanted, such as 5s or 1s..3s", f.what(), lo)
		return nemesis.Range{Min: int64(lo), Max: int64(lo)}
	}
	return r
}

// unitReader is how an amount of a unit is written.
type unitReader struct {
	parse func(string) (int64, error)
	wants string // for people
}

// unitReaders has the units in which faults are measured.
var unitReaders = map[string]unitReader{
	nemesis.UnitTime:   {parseDuration, "a time or a range of times such as 500ms..5s"},
	nemesis.UnitPPM:    {parsePPM, "a share or a range of shares, in percent (1%..5%) or ppm (20000)"},
	nemesis.UnitFactor: {parseWhole, "a whole number or a range such as 10..100"},
}

// quantity reads f as an amount above 0 of a unit. On problems it returns the zero Range.
func (f field) quantity(unit string) nemesis.Range {
	reader := unitReaders[unit]
	r, err := parseRange(f.text(), reader.parse)
	if err != nil || r.Min <= 0 {
		f.wrong("%s; wanted: %s, above 0", f.what(), reader.wants)
		return nemesis.Range{}
	}
	return r
}

// parseWhole reads a whole number.
func parseWhole(text string) (int64, error) {
	return strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
}

// parsePPM reads a share, in parts per million, with or without "ppm", or in percent.
func parsePPM(text string) (int64, error) {
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		x, err := strconv.ParseFloat(percent, 64)
		if err == nil && !(math.Abs(x) <= 100) {
			err = errors.New("out of range")
		}
		return int64(math.Round(x * 10_000)), err
	}
	return parseWhole(strings.TrimSpace(strings.TrimSuffix(text, "ppm")))
}

// parseRange reads "x" or "x..y" with x <= y.
func parseRange(text string, parse func(string) (int64, error)) (nemesis.Range, error) {
	first, last, isRange := strings.Cut(text, "..")
	if !isRange {
		last = first
	}
	lo, err1 := parse(strings.TrimSpace(first))
	hi, err2 := parse(strings.TrimSpace(last))
	if err := errors.Join(err1, err2); err != nil {
		return nemesis.Range{}, err
	}
	if lo > hi {
		return nemesis.Range{}, errors.New("the range is empty")
	}
	return nemesis.Range{Min: lo, Max: hi}, nil
}

// bound reads f as a bound of a measure: a number, a percentage, or (of measures in nanoseconds) a time.
func (f field) bound(measure string) float64 {
	text := f.text()
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		if x, err := strconv.ParseFloat(percent, 64); err == nil && !math.IsNaN(x) {
			return x / 100
		}
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(x) {
		return x
	}
	inTime := strings.HasSuffix(measure, "_ns")
	if d, err := parseDuration(text); err == nil && inTime {
		return float64(d)
	}
	kinds := []string{"a number (12)", "a percentage (60%)"}
	if inTime {
		kinds = append(kinds, "a time (2s)")
	}
	f.wrong("%s; allowed: %s", f.what(), strings.Join(slices.Clip(kinds), ", "))
	return 0
}
