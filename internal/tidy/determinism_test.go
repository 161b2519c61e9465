package tidy

import (
	"strings"
	"testing"
)

func TestDeterminismFails(t *testing.T) {
	for _, tc := range []struct {
		name, imports, body, begin, end string
	}{
		{"clock read", "time", "\t_ = time.Now()",
			"plan/new.go:6: time.Now in deterministic package plan", "time that comes in with the input"},
		{"clock as a value", "time", "\tnow := time.Since\n\t_ = now",
			"plan/new.go:6: time.Since", "time that comes in with the input"},
		{"timer", "time", "\ttime.AfterFunc(1, nil)",
			"plan/new.go:6: time.AfterFunc", "time that comes in with the input"},
		{"global random draw", "math/rand", "\t_ = rand.Int()",
			"plan/new.go:3: import of math/rand", "keyed randomness of internal/keyed"},
		{"global random draw, second edition", "math/rand/v2", "\t_ = rand.Int()",
			"plan/new.go:3: import of math/rand/v2", "keyed randomness of internal/keyed"},
		{"entropy", "crypto/rand", "\t_ = rand.Text()",
			"plan/new.go:3: import of crypto/rand", "keyed randomness of internal/keyed"},
		{"environment", "os", "\t_ = os.Args",
			"plan/new.go:3: import of os", "inputs as arguments, outputs as results"},
		{"lock", "sync", "\tvar mu sync.Mutex\n\tmu.Lock()",
			"plan/new.go:3: import of sync", "one thread, without locks"},
		{"goroutine", "", "\tgo f(nil)",
			"plan/new.go:6: goroutine in deterministic package plan", oneThread},
		{"select", "", "\tselect {}",
			"plan/new.go:6: select", oneThread},
		{"channel", "", "\tvar c chan int\n\t_ = c",
			"plan/new.go:6: channel", oneThread},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body := inPackage(tc.imports, tc.body)
			want(t, problemsOf(t, map[string]string{"plan/new.go": body}), tc.begin, tc.end)
			// The same is nobody's business in a test, or in a package that is not deterministic.
			elsewhere := strings.Replace(body, "package plan", "package checkers", 1)
			got := problemsOf(t, map[string]string{"plan/new_test.go": body, "checkers/new.go": elsewhere})
			if got != "" {
				t.Errorf("elsewhere:\n%s", got)
			}
		})
	}
}

func TestEveryDeterministicPackage(t *testing.T) {
	for _, dir := range []string{
		"plan", "workloads", "nemesis", "harness/schedule", "refimpl", "refimpl/sim", "refimpl/client",
		"refimpl/singleleader", "internal/keyed",
	} {
		text := strings.Replace(inPackage("time", "\t_ = time.Now()"), "package plan", "package p", 1)
		text = "// Package p is made up.\n" + text
		got := problemsOf(t, map[string]string{"plan/plan.go": "package plan\n", dir + "/new.go": text})
		if !strings.Contains(got, dir+"/new.go:7: time.Now in deterministic package "+dir) {
			t.Errorf("%s: got:\n%s", dir, got)
		}
	}
	text := "// Package p is made up.\n" + inPackage("time", "\t_ = time.Now()")
	for _, dir := range []string{"refimpl/server", "nemesis/inject", "harness", "targets/simulated"} {
		if got := problemsOf(t, map[string]string{dir + "/new.go": text}); got != "" {
			t.Errorf("%s: got:\n%s", dir, got)
		}
	}
}

func TestBannedUnderAnotherName(t *testing.T) {
	got := problemsOf(t, map[string]string{"plan/new.go": `package plan

import clock "time"

var x = clock.Now
`})
	want(t, got, "plan/new.go:5: time.Now", "time that comes in with the input")
	got = problemsOf(t, map[string]string{"plan/new.go": `package plan

import . "time"

var x = Now()
`})
	want(t, got, "plan/new.go:5: time.Now", "time that comes in with the input")
}

func TestDurationsAreNoClock(t *testing.T) {
	got := problemsOf(t, map[string]string{"plan/new.go": `package plan

import "time"

var second = int64(time.Second)

type clock struct{}

func (clock) Now() int64 { return time.Unix(0, second).UnixNano() + clock{}.Now() }
`})
	if got != "" {
		t.Errorf("got:\n%s", got)
	}
}

func TestBuildConstraint(t *testing.T) {
	got := problemsOf(t, map[string]string{"plan/new.go": "//go:build linux\n\npackage plan\n"})
	want(t, got, "plan/new.go:1: build constraint", "the same source on every platform")
}
