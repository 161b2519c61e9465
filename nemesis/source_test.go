package nemesis

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/internal/keyed"
	"github.com/rashomon-harness/rashomon/plan"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files again")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s differs; got\n%s", path, got)
	}
}

const (
	ms  = int64(time.Millisecond)
	sec = int64(time.Second)
)

// everything is an experiment's list of faults with an entry of every family.
func everything() []Params {
	seed := keyed.New(7)
	all := []Params{
		{Family: "partition", Shapes: []string{IsolateLeader, Halves, Ring}, Every: Range{5 * sec, 8 * sec},
			For: Range{1 * sec, 3 * sec}},
		{Family: "crash", Targets: []string{"leader", "minority"}, Every: Range{2 * sec, 2 * sec},
			For: Range{1 * sec, 4 * sec}, After: 3 * sec},
		{Family: "pause", Every: Range{9 * sec, 9 * sec}, For: Range{500 * ms, 500 * ms}},
		{Family: "clock", Shapes: []string{ClockStep, ClockDrift, ClockFreeze}, Every: Range{4 * sec,
			6 * sec},
			For: Range{2 * sec, 3 * sec}},
		{Family: "clock", Shapes: []string{ClockBack}, Every: Range{6 * sec, 6 * sec}, For: Range{1 * sec,
			1 * sec},
			Amount: Range{2 * sec, 2 * sec}, Targets: []string{"n2"}},
		{Family: "link", Shapes: []string{LinkSlow, LinkLossy}, Every: Range{7 * sec, 7 * sec},
			For: Range{1 * sec, 1 * sec}, Clients: clientsNone},
		{Family: "disk", Shapes: []string{DiskSlow, DiskStall, DiskEIO, DiskFull}, Every: Range{8 * sec,
			8 * sec},
			For: Range{1 * sec, 1 * sec}},
		{Family: "operator", Every: Range{10 * sec, 20 * sec}},
	}
	for i := range all {
		all[i].Seed = seed
	}
	return all
}

// take returns the faults that src gives out up to a time, asking at every time it wants to be asked at.
func take(t *testing.T, src plan.Source, until int64) []plan.Fault {
	t.Helper()
	var faults []plan.Fault
	var step, again plan.Step
	for ctx := (plan.Context{}); ctx.Now <= until; {
		src.Next(&ctx, &step)
		switch step.Kind {
		case plan.DoFault:
			if step.Fault.At > ctx.Now {
				t.Fatalf("fault %s of %d given out at %d", step.Fault.ID, step.Fault.At, ctx.Now)
			}
			faults = append(faults, step.Fault)
		case plan.Wait:
			if src.Next(&ctx, &again); fmt.Sprint(again) != fmt.Sprint(step) {
				t.Fatalf("asked twice at %d: %v, then %v", ctx.Now, step, again)
			}
			if step.Until <= ctx.Now {
				t.Fatalf("at %d it wants to wait until %d", ctx.Now, step.Until)
			}
			ctx.Now = step.Until
		default:
			return faults
		}
	}
	return faults
}

func TestScheduleGolden(t *testing.T) {
	var b strings.Builder
	for _, f := range take(t, Source(everything(), 1*sec), 31*sec) {
		fmt.Fprintf(&b, "%-5s at %-14v for %-13v %-9s %-14s targets=%-15s clients=%-5s amount=%d\n", f.ID,
			time.Duration(f.At), time.Duration(f.For), f.Family, f.Shape, f.Targets, f.Clients, f.Amount)
	}
	golden(t, "schedule.golden", b.String())
}

func TestFaultsOfAnEntryDoNotOverlap(t *testing.T) {
	end, ids := map[string]int64{}, map[string]bool{}
	faults := take(t, Source(everything(), 0), 500*sec)
	for _, f := range faults {
		entry, _, _ := strings.Cut(f.ID, ".")
		if f.At < end[entry] {
			t.Errorf("%s begins at %d, its predecessor ends at %d", f.ID, f.At, end[entry])
		}
		if ids[f.ID] {
			t.Errorf("%s twice", f.ID)
		}
		end[entry], ids[f.ID] = f.At+f.For, true
	}
	if len(faults) < 400 {
		t.Errorf("only %d faults in 500 s", len(faults))
	}
}

// The faults of an entry must not depend on those of others.
func TestEntriesAreIndependent(t *testing.T) {
	all := everything()
	of := func(params []Params) string {
		var b strings.Builder
		for _, f := range take(t, Source(params, 0), 60*sec) {
			if strings.HasPrefix(f.ID, "f1.") {
				fmt.Fprintln(&b, f)
			}
		}
		return b.String()
	}
	with, alone := of(all), of(all[:1])
	if with != alone || with == "" {
		t.Errorf("with others:\n%salone:\n%s", with, alone)
	}
}

func TestAmountsAndSigns(t *testing.T) {
	p := Params{Family: "clock", Every: Range{1, 1}, For: Range{1, 1}, Amount: Range{10, 20},
		Seed: keyed.New(1)}
	for shape, want := range map[string][2]bool{ // whether positive, negative amounts are drawn
		ClockStep: {true, true}, ClockForward: {true, false}, ClockBack: {false, true},
		ClockDrift: {true, true}, ClockFast: {true, false}, ClockSlow: {false, true}, ClockFreeze: {false,
			false},
	} {
		p.Shapes = []string{shape}
		var saw [2]bool
		for _, f := range take(t, Source([]Params{p}, 0), 200) {
			saw[0], saw[1] = saw[0] || f.Amount > 0, saw[1] || f.Amount < 0
			if size := max(f.Amount, -f.Amount); shape != ClockFreeze && (size < 10 || size > 20) {
				t.Errorf("%s: amount %d", shape, f.Amount)
			}
		}
		if saw != want {
			t.Errorf("%s: positive, negative amounts drawn: %v, want %v", shape, saw, want)
		}
	}
}

func TestFirstFault(t *testing.T) {
	p := Params{Family: "pause", Every: Range{10, 10}, For: Range{1, 1}, After: 4}
	if first := take(t, Source([]Params{p}, 100), 200)[0]; first.At != 104 {
		t.Errorf("first at %d, want begin + after = 104", first.At)
	}
	p.After = 0
	seen := map[int64]bool{}
	for seed := range uint64(500) {
		p.Seed = keyed.New(seed)
		at := take(t, Source([]Params{p}, 100), 200)[0].At
		if at < 100 || at > 110 {
			t.Fatalf("first at %d, want one of 100..110", at)
		}
		seen[at] = true
	}
	if len(seen) != 11 {
		t.Errorf("%d different starts drawn of 11", len(seen))
	}
}

func TestNoEntriesIsDone(t *testing.T) {
	var step plan.Step
	if Source(nil, 0).Next(&plan.Context{}, &step); step.Kind != plan.Done {
		t.Errorf("got %v", step)
	}
}
