package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rashomon-harness/rashomon/internal/need"
	"github.com/rashomon-harness/rashomon/targets"
)

// A crash of the process keeps what was not synced, a power loss does not, and what was synced survives both.
func TestPowerLoss(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok || !need.Root(t) {
		return
	}
	d := lab.network(t, ctx, Options{}, "n1")
	pods := lab.pods("n1")
	pods[0].DataDir, pods[0].PowerLoss = "/var/data", true
	pods[0].Files = map[string][]byte{"/var/data/given": []byte("given")}
	must(t, d.Launch(ctx, pods, answers(d)))
	restart := func(how targets.Unsynced) {
		t.Helper()
		must(t, d.Kill("n1", how))
		must(t, d.Start("n1"))
		eventually(t, patience, "n1 after its start", func() error { return answers(d)(ctx, "n1") })
	}
	check := func(file, want string) {
		t.Helper()
		if got, err := tell(ctx, d, "n1", "read", "/var/data/"+file); got != want {
			t.Errorf("%s has %q, %v; want %q", file, got, err, want)
		}
	}
	say := func(words ...string) {
		t.Helper()
		if answer, err := tell(ctx, d, "n1", words...); err != nil || answer != "ok" {
			t.Errorf("%s: %q, %v", fmt.Sprint(words), answer, err)
		}
	}
	check("given", "given")
	say("sync", "/var/data/a", "synced")
	say("write", "/var/data/b", "unsynced")
	restart(targets.KeepUnsynced)
	check("a", "synced")
	check("b", "unsynced")
	restart(targets.LoseUnsynced)
	check("a", "synced")
	check("b", "")
	say("sync", "/var/data/b", "now")
	restart(targets.LoseUnsynced)
	check("b", "now")
}

// Directories for lost writes are shared mounts, and go away with what is mounted in them, whoever has died.
func TestUnshare(t *testing.T) {
	if !need.Root(t) {
		return
	}
	t.Setenv("TMPDIR", t.TempDir())
	d := paper("n1")
	d.opts.Run, d.labels, d.direct = "alone", self().labels("alone", time.Now()), true
	d.nodes["n1"].pod.PowerLoss = true
	must(t, d.share())
	t.Cleanup(func() { must(t, unshare(d.runDir())) })
	if !sharedAround(d.sharedDir(d.nodes["n1"])) {
		t.Errorf("mounts below %s are not shared", d.runDir())
	}
	inner := filepath.Join(d.sharedDir(d.nodes["n1"]), mountName)
	must(t, syscall.Mount("inner", inner, "tmpfs", 0, ""))
	if dirs := sharedDirs(); len(dirs) != 1 || ownerOf(dirs[d.runDir()]) != self() {
		t.Errorf("found %v", dirs)
	}
	must(t, unshare(d.runDir()))
	if _, err := os.Stat(d.runDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", d.runDir(), err)
	}
	points, err := mountPoints()
	must(t, err)
	for _, p := range points {
		if strings.Contains(p.path, "alone") {
			t.Errorf("%s is still mounted", p.path)
		}
	}
}
