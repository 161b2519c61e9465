package results

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rashomon-harness/rashomon/harness"
)

// failedOutcome is the outcome of a row of which one seed could not be deployed and another one's cluster
// was kept.
func failedOutcome() *harness.Outcome {
	seeds := sampleSeeds(2)
	seeds[0].Failure = "deploying etcd: n2 did not come up within 30s; its log ends with\n" +
		"  {\"level\":\"fatal\"}\n\tpanic: ```no```\n"
	seeds[1].Kept = "docker exec -it rashomon-n1 sh\nremove it with: rashomon clean"
	return &harness.Outcome{Schema: harness.OutcomeSchema, Rows: []harness.Row{
		{Experiment: "x", Row: "sync", Target: "etcd", Env: "docker", Seeds: seeds},
	}}
}

// What an engine wrote is shown line by line, and nothing of it is lost or taken for markup.
func TestFailuresOfManyLines(t *testing.T) {
	var text, markdown bytes.Buffer
	if err := Text(&text, failedOutcome(), View{}); err != nil {
		t.Fatal(err)
	}
	const note = "[1] harness failure in 1 seed of \"sync\": the run could not do what was asked. seed 1: " +
		"deploying etcd: n2 did not come up within 30s; its log ends with\n"
	want := note + "      {\"level\":\"fatal\"}\n    \tpanic: ```no```\n"
	if !strings.Contains(text.String(), want) {
		t.Errorf("got\n%s\nwant in it\n%s", &text, want)
	}
	if err := Markdown(&markdown, failedOutcome(), View{}); err != nil {
		t.Fatal(err)
	}
	want = note + "\n````\n  {\"level\":\"fatal\"}\n\tpanic: ```no```\n````\n"
	if !strings.Contains(markdown.String(), want) {
		t.Errorf("got\n%s\nwant in it\n%s", &markdown, want)
	}
}

// The hint to a cluster that was kept stands below the table, with the seed it belongs to.
func TestKeptClusters(t *testing.T) {
	var text, markdown bytes.Buffer
	if err := Text(&text, failedOutcome(), View{}); err != nil {
		t.Fatal(err)
	}
	want := "\nThe cluster of seed 2 of \"sync\", which was to be kept:\n" +
		"  docker exec -it rashomon-n1 sh\n  remove it with: rashomon clean\n"
	if table, below, found := strings.Cut(text.String(), want); !found || !strings.Contains(table, "[1]") {
		t.Errorf("before it\n%s\nbelow it\n%s", table, below)
	}
	if err := Markdown(&markdown, failedOutcome(), View{}); err != nil {
		t.Fatal(err)
	}
	if want := "\n```\ndocker exec -it rashomon-n1 sh\n"; !strings.Contains(markdown.String(), want) {
		t.Errorf("got\n%s", &markdown)
	}
	text.Reset()
	if err := Text(&text, sampleOutcome(), View{}); err != nil || strings.Contains(text.String(), "be kept") {
		t.Errorf("%v, nothing was kept:\n%s", err, &text)
	}
}

// Logs are beside the histories: of a run of one row and one seed by node, of others by row, seed and node.
func TestLogs(t *testing.T) {
	one, many := experiments("one", 1, ""), experiments("many", 2, "a, b", "c")
	for _, tc := range []struct {
		exps []*harness.Experiment
		exp  *harness.Experiment
		seed uint64
		want string
	}{
		{one, one[0], 1, "n2.log"}, {many, many[0], 2, "a-b-2-n2.log"}, {many, many[1], 1, "c-1-n2.log"},
	} {
		d := create(t, t.TempDir(), tc.exps, false)
		var sink harness.Sink = d
		log := fmt.Appendf(nil, "started\n%s\n", tc.want)
		if err := sink.(harness.LogSink).Log(tc.exp, tc.seed, "n2", log); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(d.Path, LogsName, tc.want))
		if err != nil || string(data) != string(log) {
			t.Errorf("%s holds %q, %v", tc.want, data, err)
		}
		if run, err := Load("", filepath.Join(d.Path, LogsName, tc.want)); err != nil || run.Path != d.Path {
			t.Errorf("the log does not lead to its run: %v, %v", run, err)
		}
	}
}

func TestLogsThatCannotBeWritten(t *testing.T) {
	exps := experiments("one", 1, "")
	d := create(t, t.TempDir(), exps, false)
	if err := os.WriteFile(filepath.Join(d.Path, LogsName), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.Log(exps[0], 1, "n1", nil); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("error %v", err)
	}
}
