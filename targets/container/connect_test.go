package container

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNoEngine(t *testing.T) {
	dir := t.TempDir()
	deaf := filepath.Join(dir, "deaf.sock")
	l, err := net.Listen("unix", deaf)
	must(t, err)
	defer func() { _ = l.Close() }()
	stale := filepath.Join(dir, "stale.sock")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	must(t, err)
	old.SetUnlinkOnClose(false)
	must(t, old.Close())
	for _, tc := range []struct{ host, want string }{
		{"unix:///nonexistent", "no such file"},
		{"unix://" + stale, "connection refused"},
		{"tcp://127.0.0.1:1", "connection refused"},
		{"unix://" + deaf, "no answer in time"},
	} {
		t.Setenv("DOCKER_HOST", tc.host)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		e, err := Connect(ctx)
		cancel()
		if err == nil {
			t.Errorf("%s: connected to %s", tc.host, e.host)
			continue
		}
		for _, want := range []string{"DOCKER_HOST " + tc.host, tc.want, "Start Docker", "--env sim"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is missing in: %v", tc.host, want, err)
			}
		}
	}
}

func TestReasonPermission(t *testing.T) {
	err := &net.OpError{Op: "dial", Err: os.ErrPermission}
	if got := reason(err); !strings.Contains(got, "permission denied") || !strings.Contains(got, "group") {
		t.Errorf("got %q", got)
	}
}

func TestAddresses(t *testing.T) {
	home, run := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_RUNTIME_DIR", run)
	t.Setenv("DOCKER_HOST", "")
	urls := func() string {
		var out []string
		for _, a := range addresses(readSettings()) {
			out = append(out, a.url)
		}
		return strings.Join(out, " ")
	}
	const first = "unix:///var/run/docker.sock"
	if got := urls(); got != first {
		t.Errorf("got %s", got)
	}
	must(t, os.WriteFile(filepath.Join(run, "docker.sock"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(home, ".testcontainers.properties"),
		[]byte("# a comment = x\ndocker.host = tcp://a:1\nryuk.disabled=true\n"), 0o600))
	if got, want := urls(), first+" tcp://a:1 unix://"+filepath.Join(run, "docker.sock"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := readSettings()["ryuk.disabled"]; got != "true" {
		t.Errorf("the settings have %q", got)
	}
	t.Setenv("DOCKER_HOST", "tcp://b:2")
	if got := urls(); got != "tcp://b:2" {
		t.Errorf("got %s", got)
	}
}

// Without the image of Ryuk testcontainers is told to go without; whoever has decided already is left alone.
func TestChooseReaper(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	e := &Engine{api: lab.engine.api, prefix: "127.0.0.1:1"}
	for before, after := range map[string]string{"": "true", "false": "false", "true": "true"} {
		t.Setenv(withoutReaper, before)
		if err := e.chooseReaper(ctx, nil); err != nil || os.Getenv(withoutReaper) != after {
			t.Errorf("%q became %q, %v; want %q", before, os.Getenv(withoutReaper), err, after)
		}
	}
}

func TestOptions(t *testing.T) {
	o, err := Options{}.complete()
	if err != nil || len(o.Run) != 10 || o.TTL != defaultTTL || o.Log == nil {
		t.Errorf("got %+v, %v", o, err)
	}
	for _, o := range []Options{{Run: "Up"}, {Run: "a/b"}, {TTL: time.Millisecond}, {TTL: -1}} {
		if _, err := o.complete(); err == nil || !strings.Contains(err.Error(), "allowed") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, nodes := range [][]string{nil, {"n1", "n1"}, {"N1"}, {"-"}, {""}, make([]string, maxNodes+1)} {
		if err := checkNodes(nodes); err == nil {
			t.Errorf("nodes %q are taken", nodes)
		}
	}
	for _, p := range []Pod{
		{}, {Image: "i", Ports: []int{agentPort}}, {Image: "i", Ports: []int{0}},
		{Image: "i", DataDir: "data"},
		{Image: "i", PowerLoss: true}, {Image: "i", Files: map[string][]byte{"a": nil}},
		{Image: "i", Files: map[string][]byte{"/a/": nil}},
	} {
		if err := p.validate(); err == nil {
			t.Errorf("pod %+v is taken", p)
		}
	}
}

func TestHealsQuickly(t *testing.T) {
	for release, want := range map[string]bool{
		"6.15.0": true, "6.18.44-fc": true, "7.0": true, "6.14.9": false, "5.15.0-1-amd64": false, "": false,
		"linuxkit": false,
	} {
		if got := healsQuickly(release); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}

func TestOwner(t *testing.T) {
	me := self()
	if me.gone() || ownerOf(me.labels("x", time.Now())) != me {
		t.Errorf("this process is gone: %v, its labels say %v", me, ownerOf(me.labels("x", time.Now())))
	}
	for what, o := range map[string]owner{
		"an earlier process with the same number": {me.Host, me.PID, "another boot"},
		"a process that is not there":             {me.Host, 1 << 30, ""},
		"nobody":                                  {},
	} {
		if !o.gone() {
			t.Errorf("%s is there: %v", what, o)
		}
	}
	if far := (owner{"elsewhere", 1 << 30, ""}); far.gone() {
		t.Error("a process of another machine is gone for certain")
	}
}
