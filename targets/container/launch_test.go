package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestExitAtOnce(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	d := lab.network(t, ctx, Options{}, "n1")
	pods := lab.pods("n1")
	pods[0].Command = []string{"-lines", "30", "-exit", "7"}
	err := d.Launch(ctx, pods, answers(d))
	if err == nil {
		t.Fatal("it counts as ready")
	}
	for _, want := range []string{"node n1", "exited with code 7", "\tline 11\n", "\tline 30"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "line 10\n") {
		t.Errorf("more than the last lines: %v", err)
	}
}

func TestNeverReady(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	d := lab.network(t, ctx, Options{}, "n1")
	pods := lab.pods("n1")
	pods[0].Command = append(pods[0].Command, "-lines", "1")
	ctx, cancel := context.WithCancelCause(ctx)
	asked, enough := 0, errors.New("this was asked often enough")
	err := d.Launch(ctx, pods, func(ctx context.Context, name string) error {
		if asked++; asked > 2 && answers(d)(ctx, name) == nil { // there is a log by now
			cancel(enough)
		}
		return errors.New("no leader yet")
	})
	if !errors.Is(err, enough) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"node n1", "no leader yet", "\n\tline 1", "\n\tlistening"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestMissingImage(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	d := lab.network(t, ctx, Options{}, "n1")
	err := d.Launch(ctx, []Pod{{Name: "n1", Image: "127.0.0.1:1/etcd:none", Recipe: "Bake it."}}, nil)
	missing := new(ImageError)
	if !errors.As(err, &missing) || missing.Image != "127.0.0.1:1/etcd:none" {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"127.0.0.1:1/etcd:none", "refused", "Bake it."} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestTwoDeployments(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	made := make(chan *Deployment, 2)
	t.Run("both", func(t *testing.T) {
		for range 2 {
			t.Run("one", func(t *testing.T) {
				t.Parallel()
				d, err := lab.engine.Network(ctx, []string{"n1", "n2"}, Options{AgentImage: lab.agent})
				must(t, err)
				made <- d
				must(t, d.Launch(ctx, lab.pods("n1", "n2"), answers(d)))
			})
		}
	})
	a, b := <-made, <-made
	defer func() { must(t, errors.Join(a.Close(), b.Close())) }()
	if t.Failed() {
		return
	}
	if a.Run() == b.Run() || a.IP("n1") == b.IP("n1") {
		t.Fatalf("runs %s and %s, addresses %v and %v", a.Run(), b.Run(), a.IP("n1"), b.IP("n1"))
	}
	must(t, a.Kill("n1", "keep"))
	must(t, a.Pause("n2"))
	reach(t, ctx, b, "n1", "n2")
	must(t, a.Close())
	lab.nothingLeft(t, a.Run())
	reach(t, ctx, b, "n2", "n1")
	must(t, b.Close())
	must(t, b.Close())
	lab.nothingLeft(t, b.Run())
}

// Where addresses of containers cannot be dialed, published ports serve, the same ones after a crash.
func TestPublished(t *testing.T) {
	ctx, lab, ok := docker(t)
	if !ok {
		return
	}
	d := lab.deploy(t, ctx, Options{published: true}, "n1")
	endpoint, err := d.Endpoint(ctx, "n1", dbPort)
	if err != nil || strings.HasPrefix(endpoint, d.IP("n1").String()) {
		t.Fatalf("the endpoint is %s, %v", endpoint, err)
	}
	must(t, d.Kill("n1", "keep"))
	must(t, d.Start("n1"))
	eventually(t, patience, "n1 after its start", func() error { return answers(d)(ctx, "n1") })
	if again, err := d.Endpoint(ctx, "n1", dbPort); err != nil || again != endpoint {
		t.Errorf("the endpoint was %s and is %s, %v", endpoint, again, err)
	}
	if _, err := d.Endpoint(ctx, "n1", 1); err == nil {
		t.Error("a port that is not published has an endpoint")
	}
}

func TestEnding(t *testing.T) {
	e := &ending{limit: 10}
	for i := range 100 {
		if _, err := fmt.Fprintf(e, "%02d", i); err != nil {
			t.Fatal(err)
		}
		if len(e.kept) > 22 {
			t.Fatalf("%d bytes are kept", len(e.kept))
		}
	}
	if got := e.bytes(); !bytes.Equal(got, []byte("9596979899")) {
		t.Errorf("got %q", got)
	}
}
