package agent

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rashomon-harness/rashomon/nemesis/agent/packets"
)

var rewrite = flag.Bool("rewrite", false, "write the golden transcripts anew")

// TestScripts plays the scripts in testdata against the API of an agent in a fake pod, with fake time. Lines
// of a script:
//
//	> METHOD PATH TOKEN BODY   a request; TOKEN is good, wrong or none
//	! fail WHAT: WHY           what is done to the pod fails from now on; "unsupported" in WHY makes it so
//	! well WHAT                .. and succeeds again
//	! born PID, dies PID, exec PID
//	! wait DURATION
//
// Below each stands what came of it: the answer (<), what was done to the pod (-), and what is wrong with the
// pod after a request that changed something (=).
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("scripts: %v, %v", scripts, err)
	}
	for _, path := range scripts {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) { got = play(t, string(text)) })
			if *rewrite {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("%s differs (go test -rewrite, and read the difference):\n%s", path, got)
			}
		})
	}
}

// play plays a script and returns its transcript.
func play(t *testing.T, script string) string {
	pod := newFakePod()
	p := pod.parts()
	if strings.Contains(script, "# this machine can do nothing\n") {
		const why = "no such thing here"
		p = parts{network: noNetwork{why}, clocks: noClocks{why}, disk: noDisk{why}, signals: noSignals{why}}
		for _, name := range []string{clockAbility, powerLossAbility, killAbility, stopAbility} {
			p.abilities = append(p.abilities, packets.Ability{Name: name, Reason: why})
		}
	}
	k := newKeeper(testConfig(t), p)
	api := k.handler(token)
	go k.run(t.Context())
	var out strings.Builder
	for line := range strings.Lines(script) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch kind {
		case "<", "-", "=":
			continue // these are made anew
		}
		out.WriteString(line)
		switch kind {
		case ">":
			fmt.Fprintln(&out, "<", request(t, api, rest))
		case "!":
			happen(t, pod, rest)
		default:
			continue
		}
		synctest.Wait()
		done := pod.take()
		for _, what := range done {
			fmt.Fprintln(&out, "-", what)
		}
		if len(done) > 0 {
			fmt.Fprintln(&out, "=", pod.faults())
		}
	}
	return strings.ReplaceAll(out.String(), "= \n", "= well\n")
}

// request sends a request and returns status and body of the answer.
func request(t *testing.T, api http.Handler, line string) string {
	t.Helper()
	fields := strings.SplitN(line, " ", 4)
	if len(fields) < 3 {
		t.Errorf("a request has method, path, token and a body: %q", line)
		return ""
	}
	body := ""
	if len(fields) == 4 {
		body = fields[3]
	}
	r := httptest.NewRequestWithContext(t.Context(), fields[0], fields[1], strings.NewReader(body))
	if with, ok := map[string]string{"good": "Bearer " + token, "wrong": "Bearer open"}[fields[2]]; ok {
		r.Header.Set("Authorization", with)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Body.String()))
}

// happen lets something happen to the pod.
func happen(t *testing.T, pod *fakePod, line string) {
	t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	var pid int
	switch verb {
	case "fail":
		what, why, _ := strings.Cut(rest, ": ")
		err := errors.New(why)
		if strings.Contains(why, "unsupported") {
			err = &packets.Unsupported{Reason: why}
		}
		pod.fail(what, err)
		return
	case "well":
		pod.fail(rest, nil)
		return
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(d)
		return
	}
	if _, err := fmt.Sscan(rest, &pid); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	pod.change(func(processes map[int]*fakeProcess) {
		switch verb {
		case "born", "exec":
			processes[pid] = &fakeProcess{}
		case "dies":
			delete(processes, pid)
		default:
			t.Fatalf("unknown: %q", line)
		}
	})
}
