package results

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/harness"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// experiments returns experiments of one file: rows by name, seeds 1..seeds.
func experiments(name string, seeds int, rows ...string) []*harness.Experiment {
	var exps []*harness.Experiment
	for _, row := range rows {
		e := &harness.Experiment{Name: name, Row: row, Env: "sim", Source: []byte("name: " + name + "\n")}
		for seed := range seeds {
			e.Seeds = append(e.Seeds, uint64(seed+1))
		}
		exps = append(exps, e)
	}
	return exps
}

// create makes a run directory that must come about.
func create(t *testing.T, root string, exps []*harness.Experiment, keepAll bool) *Dir {
	t.Helper()
	d, err := Create(root, exps, DirOptions{Began: began, KeepAll: keepAll})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// record writes a history and returns the path that it was kept under.
func record(t *testing.T, d *Dir, exp *harness.Experiment, seed uint64, keep bool) string {
	t.Helper()
	h, err := d.History(exp, seed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(h, "header\n%d\n", seed); err != nil {
		t.Fatal(err)
	}
	path, err := h.Close(keep)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCreateTwiceInASecond(t *testing.T) {
	root := t.TempDir()
	exps := experiments("tour", 2, "a")
	var paths []string
	for range 3 {
		d := create(t, root, exps, false)
		rel, _ := filepath.Rel(root, d.Path)
		paths = append(paths, filepath.ToSlash(rel))
	}
	want := "tour/20260102T030405Z-1 tour/20260102T030405Z-1-2 tour/20260102T030405Z-1-3"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("got %s", got)
	}
	run, err := Load(root, LatestName)
	if err != nil {
		t.Fatal(err)
	}
	if run.ID != "20260102T030405Z-1-3" || run.Name != "tour" || string(run.Source) != "name: tour\n" {
		t.Errorf("latest: %+v", run)
	}
	if run.Outcome != nil {
		t.Error("an outcome, and none was saved")
	}
}

// A root that cannot be written is found by Create. A file stands in the way, since permissions bind
// only some users.
func TestCreateWhereNothingCanBeWritten(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{file, filepath.Join(file, "below")} {
		_, err := Create(root, experiments("x", 1, ""), DirOptions{Began: began})
		if err == nil || !strings.Contains(err.Error(), root) ||
			!strings.Contains(err.Error(), "not a directory") {
			t.Errorf("%s: %v", root, err)
		}
	}
	if _, err := Create(dir, nil, DirOptions{}); err == nil {
		t.Error("a directory without experiments")
	}
}

func TestHistories(t *testing.T) {
	root := t.TempDir()
	single := create(t, root, experiments("one", 1, ""), false)
	if got := record(t, single, experiments("one", 1, "")[0], 1, false); got != HistoryName {
		t.Errorf("the only history is kept as %q", got)
	}

	exps := experiments("many", 5, "async, reads any", "async reads any!")
	d := create(t, root, exps, false)
	a, b := exps[0], exps[1]
	steps := []struct {
		exp  *harness.Experiment
		seed uint64
		keep bool
		want string
	}{
		{a, 1, false, ""}, {a, 2, true, "async-reads-any/2.jsonl"}, {a, 3, true, "async-reads-any/3.jsonl"},
		{b, 4, true, "async-reads-any-2/4.jsonl"}, {b, 5, false, ""},
	}
	for _, s := range steps {
		if got := record(t, d, s.exp, s.seed, s.keep); got != s.want {
			t.Errorf("%s/%d: kept as %q, want %q", s.exp.Row, s.seed, got, s.want)
		}
		if s.want == "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(d.Path, s.want))
		if want := fmt.Sprintf("header\n%d\n", s.seed); err != nil || string(data) != want {
			t.Errorf("%s holds %q, %v", s.want, data, err)
		}
	}

	all := create(t, root, exps, true)
	if got := record(t, all, a, 1, false); got != "async-reads-any/1.jsonl" {
		t.Errorf("where all are kept: %q", got)
	}
}

// Runs side by side make and remove files in the same directory.
func TestHistoriesOfMoreThanOneRowAtOnce(t *testing.T) {
	exps := experiments("many", 8, "a", "b")
	d := create(t, t.TempDir(), exps, false)
	var wg sync.WaitGroup
	for _, e := range exps {
		for _, seed := range e.Seeds {
			wg.Go(func() { record(t, d, e, seed, seed%2 == 0) })
		}
	}
	wg.Wait()
	for _, row := range []string{"a", "b"} {
		kept, _ := filepath.Glob(filepath.Join(d.Path, row, "*.jsonl"))
		if len(kept) != 4 {
			t.Errorf("row %s kept %d histories, want 4", row, len(kept))
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	root := t.TempDir()
	d := create(t, root, experiments("sample", 20, "a", "b"), false)
	want := sampleOutcome()
	if err := d.Save(&harness.Outcome{Schema: harness.OutcomeSchema}); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(want); err != nil {
		t.Fatal(err)
	}
	run, err := Load(root, "sample")
	if err != nil {
		t.Fatal(err)
	}
	var before, after strings.Builder
	view := View{Witnesses: true, Long: true}
	if err := errors.Join(Text(&before, want, view), Text(&after, run.Outcome, view)); err != nil {
		t.Fatal(err)
	}
	if before.String() != after.String() {
		t.Errorf("an outcome that was saved and loaded shows differently:\n%s\n%s", before.String(),
			after.String())
	}
	leftovers, _ := filepath.Glob(filepath.Join(d.Path, ".*"))
	if len(leftovers) > 0 {
		t.Errorf("temporary files were left: %v", leftovers)
	}
}

func TestLoadByName(t *testing.T) {
	root := t.TempDir()
	var made []string
	for i, name := range []string{"tour", "claims", "tour", "latest"} {
		d, err := Create(root, experiments(name, 1, ""), DirOptions{Began: began.AddDate(0, 0, i)})
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, d.Path)
	}
	tests := []struct{ ref, want, wrong string }{
		{ref: "latest", want: made[3]},
		{ref: "tour", want: made[2]},
		{ref: "latest-run", want: made[3]},
		{ref: "20260102", want: made[0]},
		{ref: "tour/20260104", want: made[2]},
		{ref: "tour/20260104T030405Z-1", want: made[2]},
		{ref: made[1], want: made[1]},
		{ref: filepath.Join(made[1], SourceName), want: made[1]},
		{ref: "tour/2026",
			wrong: `"tour/2026" is the beginning of 2 runs: tour/20260104T030405Z-1, tour/20260102T03`},
		{ref: "nothing", wrong: `no such run as "nothing": there are latest-run/20260105T030405Z-1`},
	}
	for _, tt := range tests {
		run, err := Load(root, tt.ref)
		if tt.wrong != "" {
			if !errors.Is(err, ErrNoRun) || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("Load(%q): %v, want %s", tt.ref, err, tt.wrong)
			}
			continue
		}
		if err != nil || !sameFile(run.Path, tt.want) {
			t.Errorf("Load(%q) = %+v, %v, want %s", tt.ref, run, err, tt.want)
		}
	}
	runs, err := List(root)
	if err != nil || len(runs) != 4 || runs[0].Path != made[0] || runs[3].Path != made[3] {
		t.Errorf("List: %v, %v", runs, err)
	}
}

// sameFile reports whether two paths lead to the same file.
func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

func TestLoadWhatIsBroken(t *testing.T) {
	root := t.TempDir()
	if runs, err := List(filepath.Join(root, "nothing")); runs != nil || err != nil {
		t.Errorf("a root that is not there: %v, %v", runs, err)
	}
	if _, err := Load(root, LatestName); !errors.Is(err, ErrNoRun) {
		t.Errorf("latest of nothing: %v", err)
	}
	good := create(t, root, experiments("good", 1, ""), false)
	if err := good.Save(sampleOutcome()); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"cut": `{"schema": 1, "na`, "later": `{"schema": 99}`} {
		d := create(t, root, experiments(name, 1, ""), false)
		if err := os.WriteFile(filepath.Join(d.Path, OutcomeName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(root, name); err == nil || !strings.Contains(err.Error(), d.Path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	runs, err := List(root)
	if len(runs) != 1 || err == nil {
		t.Errorf("List must give the good run and the errors of the others: %v, %v", runs, err)
	}
}

// Where links cannot be made, latest is a file with the path in it.
func TestLatestAsFile(t *testing.T) {
	root := t.TempDir()
	d := create(t, root, experiments("x", 1, ""), false)
	link := filepath.Join(root, LatestName)
	rel, _ := filepath.Rel(root, d.Path)
	if err := errors.Join(os.Remove(link), os.WriteFile(link, []byte(rel+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if run, err := Load(root, LatestName); err != nil || run.Path != d.Path {
		t.Errorf("%+v, %v", run, err)
	}
}

func TestSlug(t *testing.T) {
	for in, want := range map[string]string{
		"async, reads any": "async-reads-any", "../../etc": "etc", "": "unnamed",
		"Ünïcode": "n-code", "a--b_c": "a-b_c",
	} {
		if got := slug(in); got != want {
			t.Errorf("slug(%q) = %q, want %q", in, got, want)
		}
	}
	if got := slug(strings.Repeat("ab ", 100)); len(got) > 80 {
		t.Errorf("a slug of %d letters", len(got))
	}
}
