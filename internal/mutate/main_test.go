package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// call runs the command and returns its exit code and what it wrote.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// verdictsOf runs the command on a directory below testdata and returns what became of each mutant, by key.
func verdictsOf(t *testing.T, dir string, args ...string) map[string]string {
	t.Helper()
	args = append([]string{"-json", "-memory", "128", "-least", "5s"}, args...)
	code, stdout, stderr := call(t, append(args, filepath.Join("testdata", dir))...)
	if code == exitWrong {
		t.Fatal(stderr)
	}
	var r struct {
		Mutants []struct{ Key, Status, By string }
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]string{}
	for _, m := range r.Mutants {
		key := strings.TrimPrefix(m.Key, "internal/mutate/testdata/"+dir+"/")
		if verdicts[key] != "" {
			t.Errorf("two mutants have the key %s", key)
		}
		verdicts[key] = m.Status
	}
	return verdicts
}

// TestSample compares what became of the mutants of the sample with what is known of them. Its golden file
// is written by hand.
func TestSample(t *testing.T) {
	golden, err := os.ReadFile("testdata/sample.golden")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for key, status := range verdictsOf(t, "sample") {
		got = append(got, fmt.Sprintf("%-12s%s", status, key))
	}
	want := slices.DeleteFunc(strings.Split(string(golden), "\n"), func(line string) bool {
		return line == "" || line[0] == '#'
	})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestOddCode holds instrumented code that has no mutant chosen against the original: the package's tests
// pass, or there would be no verdicts. And no mutant evaluates an operand twice.
func TestOddCode(t *testing.T) {
	all := verdictsOf(t, "odd", "-run", "TestAsBefore|TestShortCircuit")
	for key, status := range map[string]string{
		"odd.go counter.guarded p != nil && p.a > 0 -> p != nil || p.a > 0 #1":              "killed",
		"odd.go counter.or c.yes(\"a\") || c.yes(\"b\") -> c.yes(\"a\") && c.yes(\"b\") #1": "killed",
		"odd.go package len(array) > 3 -> len(array) >= 3 #1":                               "",
		"odd.go shadowed true -> !true #1":                                                  "killed",
		"odd.go shadowed min(len, 3) + 1 -> min(len, 3) #1":                                 "killed",
		"odd.go shadowed min(len, 3) -> max(len, 3) #1":                                     "",
		"odd.go shifts 1<<n < x -> 1<<n <= x #1":                                            "",
		"odd.go shifts 1<<n < x -> 1<<n >= x #1":                                            "killed",
		"unnamed.go unnamed x > 1 -> x >= 1 #1":                                             "",
	} {
		if all[key] != status {
			t.Errorf("%s: %q, want %q", key, all[key], status)
		}
	}
	reached := 0
	for key, status := range verdictsOf(t, "odd", "-run", "TestOnce") {
		if status == "killed" || status == "timeout" {
			t.Errorf("%s: %s", key, status)
		}
		if status == "survived" {
			reached++
		}
	}
	if reached < 10 {
		t.Errorf("only %d mutants were reached by the test that counts evaluations", reached)
	}
}

// TestJustified runs one mutant that survives, with lists that do and do not have it.
func TestJustified(t *testing.T) {
	list := filepath.Join(t.TempDir(), "list")
	const file = "internal/mutate/testdata/sample/sample.go"
	const equal = file + " Largest x > most -> x >= most #1"
	const dies = file + " Largest x > most -> x <= most #1"
	boundary := &mutant{file: file, function: "Largest", original: "x > most", mutated: "x >= most", nth: 1}
	negation := *boundary
	negation.mutated = "x <= most"
	ids := boundary.id() + "," + negation.id()
	for _, tc := range []struct {
		name, list, args string
		code             int
		want             []string
	}{
		{"not listed", "", "", exitAlive, []string{"survived", "of the last two 0 are listed"}},
		{"listed", equal + " : the same number", "", 0, []string{"listed: the same number", "1 are listed"}},
		{"listed and trusted", equal + " : the same number", "-skip-equivalent", 0,
			[]string{"equivalent  " + file, "listed: the same number"}},
		{"others listed", dies + " : not so\n" + file + " Gone a -> b #1 : gone\n" +
			"other.go F a -> b #1 : elsewhere", "", exitAlive, []string{
			"listed as equivalent, but killed: " + dies + "\n",
			"listed as equivalent, but no mutant: " + file + " Gone a -> b #1\n"}},
		{"malformed", "what", "", exitWrong, []string{"list:1: want: FILE"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := os.WriteFile(list, []byte(tc.list), 0o600); err != nil {
				t.Fatal(err)
			}
			args := append(strings.Fields(tc.args), "-equivalent", list, "-only", ids)
			code, stdout, stderr := call(t, append(args, "testdata/sample/sample.go")...)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, want := range tc.want {
				if !strings.Contains(stdout+stderr, want) {
					t.Errorf("lacks %q:\n%s%s", want, stdout, stderr)
				}
			}
			if strings.Contains(stdout, "other.go") {
				t.Errorf("tells of a file that was not asked for:\n%s", stdout)
			}
		})
	}
}

func TestWrongCalls(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"", "no files"},
		{"-workers 0 testdata/sample", "at least 1"},
		{"-factor NaN testdata/sample", "at least 1"},
		{"testdata/sample testdata/odd", "files of several packages"},
		{"testdata/sample/gone.go", "gone.go: no such file in the package"},
		{"testdata/gone/x.go", "go list"},
		{"-only 12345678 testdata/sample", "no mutant has the id 12345678"},
		{"-run NoSuchTest testdata/sample", "no test"},
		{"-wrong", "flag provided but not defined"},
		{"testdata/taken", "is used by the package"},
		{"testdata/failing", "TestFails fails without any mutant"},
		{"testdata/odd/flag", "no tests"},
	} {
		code, _, stderr := call(t, strings.Fields(tc.args)...)
		if code != exitWrong || !strings.Contains(stderr, tc.want) {
			t.Errorf("%s: exit code %d, want %q, got:\n%s", tc.args, code, tc.want, stderr)
		}
	}
}

func TestList(t *testing.T) {
	code, stdout, stderr := call(t, "-list", "testdata/sample/sample.go", "testdata/sample/sample_test.go")
	if code != 0 || strings.Count(stdout, "\n") != 28 || !strings.Contains(stdout,
		"Largest    x > most -> x >= most #1") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
}

// TestInterrupted ends a run when its first mutant is decided: what there is is told, the rest is not run.
func TestInterrupted(t *testing.T) {
	in, err := find(t.Context(), []string{"testdata/forms"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tests := []timed{{name: "TestForms"}} // reaches nothing
	verdicts, err := judge(ctx, &suite{}, tests, in.mutants, 1, limits{}, func(*verdict) {
		tests[0].reaches = map[int32]bool{in.mutants[1].point: true}
		cancel()
	})
	if !errors.Is(err, context.Canceled) || verdicts[0].status != notReached || verdicts[1].status != notRun {
		t.Errorf("%v: %s, %s", err, verdicts[0].status, verdicts[1].status)
	}
	if total := (&report{verdicts: verdicts}).totals(); total.NotRun == 0 || total.Killed > 0 {
		t.Errorf("%+v", total)
	}
}
