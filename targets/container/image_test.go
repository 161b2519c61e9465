package container

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"
)

func TestFits(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	arch := lab.engine.arch
	static := filepath.Join(lab.dir, "fakedb")
	if err := fits(static, arch); err != nil {
		t.Errorf("a static program: %v", err)
	}
	if err := isCommand(static, arch); err == nil || !strings.Contains(err.Error(), commandPath) {
		t.Errorf("another program counts as the command: %v", err)
	}
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[arch]
	if err := fits(static, other); err == nil || !strings.Contains(err.Error(), "allowed") {
		t.Errorf("a program of another architecture: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text")
	must(t, os.WriteFile(text, []byte("#!/bin/sh\n"), 0o755))
	if err := fits(text, arch); err == nil {
		t.Error("a text counts as a program")
	}
	exe, err := os.Executable()
	must(t, err)
	if err := isCommand(exe, arch); err == nil {
		t.Error("a test binary counts as the command")
	}
	t.Setenv(binaryVar, text)
	e := &Engine{arch: arch, api: lab.engine.api}
	if _, err := e.SelfImage(ctx); err == nil || !strings.Contains(err.Error(), binaryVar) {
		t.Errorf("%s names a text: %v", binaryVar, err)
	}
}

// The command's image was made before all tests. Outside of any module, from a program that is not the
// command, none can be made, and the error says what to do.
func TestSelfImage(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	name, tag, _ := strings.Cut(lab.agent, ":")
	if name != selfName || len(tag) != 16 {
		t.Errorf("the image is %s", lab.agent)
	}
	found, err := lab.engine.api.ImageInspect(ctx, lab.agent)
	must(t, err)
	if got := found.Config.Entrypoint; len(got) != 1 || got[0] != "/rashomon" {
		t.Errorf("its entry point is %q", got)
	}
	t.Setenv(binaryVar, "")
	t.Chdir(t.TempDir())
	lost := &Engine{arch: lab.engine.arch, api: lab.engine.api}
	_, err = lost.SelfImage(ctx)
	for _, want := range []string{"set " + binaryVar, "no Go module", "container.test"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("outside of the module: %q is missing in: %v", want, err)
		}
	}
}

// Engines that are asked for the same image at once make it once.
func TestImageRace(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	path := filepath.Join(t.TempDir(), "program")
	text, err := os.ReadFile(filepath.Join(lab.dir, "fakedb"))
	must(t, err)
	must(t, os.WriteFile(path, append(text, "unique"...), 0o755))
	t.Setenv(binaryVar, path)
	var refs [4]string
	must(t, each([]int{0, 1, 2, 3}, func(i int) (err error) {
		e := &Engine{arch: lab.engine.arch, api: lab.engine.api}
		refs[i], err = e.SelfImage(ctx)
		return err
	}))
	defer func() {
		_, err := lab.engine.api.ImageRemove(context.Background(), refs[0], client.ImageRemoveOptions{})
		must(t, err)
	}()
	images, err := lab.engine.api.ImageList(ctx, client.ImageListOptions{
		Filters: make(client.Filters).Add("dangling", "true").Add("label", labelPrefix+"image"),
	})
	if err != nil || len(images.Items) != 0 || refs[0] != refs[3] {
		t.Errorf("images %v, and dangling %+v, %v", refs, images.Items, err)
	}
}

func TestMirrored(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	e := &Engine{api: lab.engine.api, prefix: "127.0.0.1:1/hub"}
	for image, want := range map[string]string{
		"etcd:3": "127.0.0.1:1/hub/etcd:3", "a/b": "127.0.0.1:1/hub/a/b", "quay.io/a/b:1": "quay.io/a/b:1",
		"localhost/a": "localhost/a", "host:5000/a": "host:5000/a",
	} {
		if got := e.mirrored(image); got != want {
			t.Errorf("%s: %s, want %s", image, got, want)
		}
	}
	must(t, e.ensureImage(ctx, lab.db, "")) // what is here needs no mirror
	must(t, e.ensureImage(ctx, lab.db, ""))
	_, err := e.api.ImageRemove(ctx, e.mirrored(lab.db), client.ImageRemoveOptions{})
	must(t, err)
	if _, err := e.api.ImageInspect(ctx, lab.db); err != nil {
		t.Errorf("the image has lost its own name: %v", err)
	}
}
